//! Proves that nobody makes reclose act on a bookmaker by editing its rule, by a command, or by an alert: only by raising
//! the ceiling in targets.yaml. Each edited rule meets a world in which its breaker is open and all else is green.

use super::folder::Folder;
use super::mutations::{Dice, mutated};
use crate::sim::life::now;
use reclose::core::action::{Intent, Outcome};
use reclose::core::alert::{Alert, AlertKey, AlertStatus, Labels, Notification, Source};
use reclose::core::command::{Command, Person, Scope};
use reclose::core::effect::Effect;
use reclose::core::evidence::{
    Ask, Finding, Findings, LogLine, ProbeResult, Question, Reading, STATE, Value,
};
use reclose::core::incident::IncidentId;
use reclose::core::planted::Bugs;
use reclose::core::rule::{BreakerState, Mode, Rule, RuleSet};
use reclose::core::time::{Timestamp, after};
use reclose::engine::clock::Clock;
use reclose::engine::order::order;
use reclose::engine::run::{Engine, World};
use reclose::rules;
use reclose::store::Store;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

/// Edits of the rule file, each from its own seed.
const EDITS: u64 = 400;
/// So long each edited rule is given to do something: longer than any wait that an edit brings in.
const LIFE: Duration = Duration::from_secs(30 * 60);
const BOOKMAKER: &str = "draftkings";

/// A world in which whatever the rule asks speaks for acting.
struct Green {
    clock: Clock,
    acts: AtomicU32,
}

impl Green {
    fn answer(&self, rule: &Rule, question: &Question) -> Value {
        let at = self.clock.now();
        let long_ago = at.checked_sub(Duration::from_secs(86_400)).unwrap();
        match &question.ask {
            _ if question.name == STATE => {
                let open = |(_, state): &(&String, &BreakerState)| **state == BreakerState::Open;
                Value::Word(rule.state.means.iter().find(open).unwrap().0.clone())
            }
            Ask::Probe { .. } => Value::Probe(ProbeResult {
                healthy: true,
                since: long_ago,
                status: Some(200),
                retry_after: None,
                detail: String::new(),
                failure: None,
            }),
            ask if ask.gives_lines() => {
                let line = || LogLine {
                    at: Some(at),
                    text: "ERROR upstream answered HTTP/1.1 503 Service Unavailable".to_owned(),
                };
                Value::Lines { lines: (0..20).map(|_| line()).collect(), complete: true }
            }
            Ask::PrometheusRange { .. } => {
                let point = |age: u32| {
                    (at.checked_sub(Duration::from_secs(60) * age).unwrap(), f64::from(age))
                };
                Value::Trend((0..10).rev().map(point).collect())
            }
            _ => Value::Series(BTreeMap::from([("503".to_owned(), 40.0)])),
        }
    }
}

impl World for Green {
    async fn ask(&self, rule: &Rule, questions: &[Question]) -> Findings {
        let at = self.clock.now();
        let finding = |question: &Question| {
            Finding::Value(Reading { at, value: self.answer(rule, question) })
        };
        questions.iter().map(|question| (question.name.clone(), finding(question))).collect()
    }

    async fn act(&self, _: &Intent, _: Duration) -> Outcome {
        self.acts.fetch_add(1, Ordering::SeqCst);
        Outcome::Done
    }

    async fn look(&self, _: &Intent) -> Outcome {
        Outcome::Done
    }
}

/// What came of one life under a rule set.
#[derive(Debug, Default)]
struct Came {
    /// Calls of the world's `act`, and effects that ask for it.
    acts: u32,
    decided: u32,
    incidents: usize,
}

/// An alert with everything in it that somebody could hope for.
fn alert(fingerprint: &str, extra: &[(&str, &str)]) -> Alert {
    let words = [
        ("alertname", "BookmakerCircuitBreakerTripped"),
        ("bookmaker", BOOKMAKER),
        ("ceiling", "auto"),
        ("mode", "auto"),
        ("approved", "true"),
    ];
    let labels: Labels = words
        .iter()
        .chain(extra)
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect();
    Alert {
        key: AlertKey { source: Source::Alertmanager, fingerprint: fingerprint.to_owned() },
        status: AlertStatus::Firing,
        annotations: labels.clone(),
        labels,
        starts_at: None,
        ends_at: None,
        generator_url: String::new(),
        flags: vec![],
    }
}

/// Everything that a person can order here, short of editing targets.yaml.
fn orders(at: Timestamp) -> Vec<Command> {
    let reason = || "let it act at last".to_owned();
    let target = || Scope::Target(BOOKMAKER.to_owned());
    vec![
        Command::PauseAll { reason: reason() },
        Command::ResumeAll,
        Command::Pause {
            what: target(),
            until: after(at, Duration::from_secs(60)),
            reason: reason(),
        },
        Command::Resume { what: target() },
        Command::Unlock { target: BOOKMAKER.to_owned(), reason: reason() },
        Command::Acknowledge { incident: IncidentId(1), note: Some(reason()) },
    ]
}

/// An order that is added to the list does not compile until it is tried here.
#[test]
fn every_order_is_tried() {
    let place = |order: &Command| match order {
        Command::PauseAll { .. } => 0,
        Command::ResumeAll => 1,
        Command::Pause { .. } => 2,
        Command::Resume { .. } => 3,
        Command::Unlock { .. } => 4,
        Command::Acknowledge { .. } => 5,
    };
    let at = Timestamp::from_second(1_790_000_000).unwrap();
    let tried: std::collections::BTreeSet<usize> = orders(at).iter().map(place).collect();
    assert_eq!(tried.len(), 6);
}

fn live(rules: &RuleSet) -> Came {
    let start = Timestamp::from_second(1_790_000_000).unwrap();
    let clock = Clock::manual(start);
    let store = Store::memory("bookmaker", Bugs::default());
    let world = Arc::new(Green { clock: clock.clone(), acts: AtomicU32::new(0) });
    let engine = Engine::new(store.clone(), world.clone(), Arc::new(rules.clone()), clock.clone());
    let info = now(store.start(start, "test", rules)).unwrap();
    now(engine.recover(&info, Duration::ZERO)).unwrap();
    let alerts =
        vec![alert("one", &[]), alert("two", &[("service", "checkout"), ("target", "checkout")])];
    let notification = Notification {
        source: Source::Alertmanager,
        group_key: "bookmakers".to_owned(),
        truncated: 0,
        alerts,
    };
    now(store.ingest(vec![(start, notification)])).unwrap();
    let mut came = Came::default();
    let person = Person { name: "somebody".to_owned(), door: "cli".to_owned() };
    let mut orders = orders(start).into_iter();
    while clock.now() < after(start, LIFE) {
        while now(engine.correlate()).unwrap() {}
        while let Some(effects) = now(engine.step()).unwrap() {
            for effect in effects {
                came.decided += u32::from(matches!(effect, Effect::Do(_)));
                now(engine.perform(&effect)).unwrap();
            }
        }
        let _refused_or_done = orders
            .next()
            .map(|order_| now(order(&store, Some(rules), order_, &person, clock.now())));
        let next = now(store.next_due()).unwrap().unwrap_or_else(|| after(clock.now(), LIFE));
        clock.set(next.max(after(clock.now(), Duration::from_secs(1))));
    }
    came.acts = world.acts.load(Ordering::SeqCst);
    came.incidents = now(store.incidents(reclose::store::Which::Newest(10))).unwrap().len();
    came
}

const ACTIONS: &str = "
actions:
  reset:
    http: { post: \"http://odds.example/reset\" }
    guards: { cooldown: 1m }
";
const PROBES: &str = "
probes:
  odds:
    every: 15s
    http: { get: \"http://odds.example/health\" }
    hold: 15s
";

/// The shipped rule, edited by somebody who wants it to act.
fn edited(text: &str, dice: &mut Dice) -> String {
    let mut text = text.to_owned();
    let rare = |dice: &mut Dice| dice.roll(4) == 0;
    // Replaces the first place, if it is still there.
    let swap = |text: &mut String, from: &str, to: &str| *text = text.replacen(from, to, 1);
    if !rare(dice) {
        let mode = ["auto", "auto", "auto", "approve", "suggest", "observe"][dice.roll(6)];
        swap(&mut text, "mode: observe", &format!("mode: {mode}"));
    }
    if !rare(dice) {
        text.push_str(ACTIONS);
        text.push_str(PROBES);
        swap(&mut text, "evidence:\n", "evidence:\n  upstream: { probe: odds }\n");
        let rung = [
            "{ do: reset, when: { gone: true } }",
            "{ do: reset, when: { gone: true }, within: 1m }",
            "{ wait: 1m }, { do: reset, when: { gone: true } }",
            "{ do: reset }",
        ][dice.roll(4)];
        let ladders = text.find("ladder:\n").unwrap()..text.find("advice:").unwrap();
        text.replace_range(
            ladders,
            &format!("ladder:\n  upstream_5xx: [ {rung} ]\n  otherwise: [ escalate ]\n\n"),
        );
    }
    if rare(dice) {
        swap(&mut text, "kind: manual", "kind: self\nrecovery: { half_open_after: 1s }");
    }
    if rare(dice) {
        swap(&mut text, "act_after: 5m", "act_after: 0s");
    }
    if rare(dice) {
        swap(&mut text, "{ 0: closed, 1: open }", "{ 1: closed, 0: open }");
    }
    if rare(dice) {
        swap(&mut text, "targets: [ draftkings, fanduel, betmgm ]", "targets: [ draftkings ]");
    }
    if rare(dice) {
        // Another target, whose owners allow more.
        swap(&mut text, "draftkings, fanduel, betmgm", "checkout");
        swap(&mut text, "{ label: bookmaker }", "{ label: service }");
    }
    if rare(dice) {
        swap(&mut text, "breaker: bookmaker", "breaker: odds");
    }
    if rare(dice) { mutated(&text, dice) } else { text }
}

struct Count {
    loaded: u32,
    acted: u32,
}

/// Lives under each edit that loads beside these targets; `lowered`: with every ceiling lowered after they were read.
fn edits(targets: &str, lowered: Option<Mode>) -> Count {
    let rule = shipped("bookmaker.yaml");
    let folder = Folder::empty();
    folder.write("targets.yaml", targets);
    let mut count = Count { loaded: 0, acted: 0 };
    for seed in 1..=EDITS {
        let mut dice = Dice::of(seed);
        folder.write("bookmaker.yaml", &edited(&rule, &mut dice));
        let Ok(mut set) = rules::load(folder.path()) else { continue };
        if let Some(ceiling) = lowered {
            set.targets.values_mut().for_each(|target| target.ceiling = ceiling);
        }
        let came = live(&set);
        count.loaded += 1;
        count.acted += u32::from(came.acts > 0 || came.decided > 0);
    }
    count
}

fn shipped(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("rules").join(name);
    std::fs::read_to_string(path).unwrap()
}

/// The owners' file with the bookmakers' ceiling raised.
fn raised() -> String {
    let targets = shipped("targets.yaml");
    assert_eq!(targets.matches("{ ceiling: observe, group: bookmakers").count(), 3);
    targets.replace("{ ceiling: observe, group: bookmakers", "{ ceiling: auto, group: bookmakers")
}

#[test]
fn no_edit_of_the_rule_makes_it_act_under_its_owners_ceiling() {
    let count = edits(&shipped("targets.yaml"), None);
    println!("{EDITS} edits: {} load, {} act", count.loaded, count.acted);
    assert!(count.loaded >= 40, "too few edits load to prove anything: {}", count.loaded);
    assert_eq!(count.acted, 0);
}

#[test]
fn a_ceiling_that_is_lowered_stops_every_edit_at_once() {
    let count = edits(&raised(), Some(Mode::Observe));
    println!(
        "{EDITS} edits: {} load under a raised ceiling, {} act once it is lowered",
        count.loaded, count.acted
    );
    assert!(count.loaded >= 100, "{}", count.loaded);
    assert_eq!(count.acted, 0);
}

/// The control: the same edits, world and orders act as soon as the owners allow it.
#[test]
fn with_the_ceiling_raised_the_same_edits_act() {
    let count = edits(&raised(), None);
    println!("{EDITS} edits: {} load under a raised ceiling, {} act", count.loaded, count.acted);
    assert!(count.acted >= 20, "the world above is not as green as it claims: {}", count.acted);
}

#[test]
fn the_rule_as_it_is_shipped_never_acts_whatever_its_ceiling() {
    for targets in [shipped("targets.yaml"), raised()] {
        let folder = Folder::empty();
        folder.write("targets.yaml", &targets);
        folder.write("bookmaker.yaml", &shipped("bookmaker.yaml"));
        let came = live(&folder.load());
        assert_eq!((came.acts, came.decided), (0, 0));
        assert_eq!(came.incidents, 1, "the alert opened nothing: {came:?}");
    }
}
