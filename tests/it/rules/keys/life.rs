//! What becomes of incidents under a rule set: the core's own decisions in a few made-up worlds, effect by effect.

use reclose::core::action::Outcome;
use reclose::core::alert::{Alert, AlertKey, AlertStatus, Source};
use reclose::core::decide::decide;
use reclose::core::effect::Effect;
use reclose::core::evidence::{
    Absence, Ask, Finding, Findings, LogLine, ProbeResult, Question, Reading, STATE, Value,
};
use reclose::core::fleet::{Fleet, OpenIncident, Start};
use reclose::core::incident::{Incident, IncidentId, News, Placement};
use reclose::core::rule::{Rule, RuleSet};
use reclose::core::time::{Duration, Timestamp, after};
use reclose::engine::probes::plan;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

const START_SECOND: i64 = 1_767_225_600;
const DECISIONS_MOST: usize = 150;
const HOURS: u64 = 2;

/// How the outside behaves.
#[derive(Clone, Copy)]
struct World {
    name: &'static str,
    state: Option<f64>,
    healthy: bool,
    status: &'static str,
    line: &'static str,
    /// Closed once an action was done.
    helps: bool,
    reopened: usize,
    /// Other targets with an open incident, of fifteen in all.
    others: usize,
}

const CALM: World = World {
    name: "gone",
    state: Some(1.0),
    healthy: true,
    status: "503",
    line: "",
    helps: true,
    reopened: 0,
    others: 0,
};

const WORLDS: [World; 10] = [
    CALM,
    World { name: "closed, not well", state: Some(0.0), healthy: false, ..CALM },
    World { name: "lasts", healthy: false, ..CALM },
    World { name: "does not help", helps: false, ..CALM },
    World { name: "auth", status: "200", line: "token abc revoked", ..CALM },
    World { name: "rate", status: "429", ..CALM },
    World { name: "no cause", status: "200", ..CALM },
    World { name: "no state", state: None, ..CALM },
    World { name: "reopened", status: "200", reopened: 2, ..CALM },
    World { name: "many", others: 3, ..CALM },
];

pub fn of(set: &RuleSet) -> String {
    let mut seen = String::new();
    let now = Timestamp::from_second(START_SECOND).unwrap();
    for labels in [
        [("alertname", "BreakerOpen"), ("service", "api"), ("app", "other")],
        [("alertname", "BreakerOpen"), ("service", "api2"), ("app", "api")],
        [("alertname", "BreakerShut"), ("service", "api"), ("app", "api")],
    ] {
        let alert = alert(&labels, now);
        for placement in set.place(&alert) {
            writeln!(seen, "{placement:?}").unwrap();
            for world in WORLDS {
                let Some(rule) = set.rule(&placement.breaker) else { continue };
                writeln!(seen, "== {}", world.name).unwrap();
                live(&mut seen, set, (rule, &placement), world, &alert);
            }
        }
    }
    probes(&mut seen, set, now);
    writeln!(seen, "{:?}", reclose::alerts::generate(set).file).unwrap();
    seen
}

fn alert(labels: &[(&str, &str)], now: Timestamp) -> Alert {
    let labels: BTreeMap<String, String> =
        labels.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    Alert {
        key: AlertKey { source: Source::Alertmanager, fingerprint: "f".to_owned() },
        status: AlertStatus::Firing,
        labels,
        annotations: BTreeMap::new(),
        starts_at: Some(now),
        ends_at: None,
        generator_url: String::new(),
        flags: Vec::new(),
    }
}

fn live(
    seen: &mut String,
    set: &RuleSet,
    (rule, placement): (&Rule, &Placement),
    world: World,
    alert: &Alert,
) {
    let start = Timestamp::from_second(START_SECOND).unwrap();
    let mut incident = Incident::open(IncidentId(1), placement, "", start);
    incident.hear(alert, start);
    for _ in 0..world.reopened {
        incident.reopen("", start);
    }
    let (mut now, mut last, mut acted) = (start, String::new(), false);
    for _ in 0..DECISIONS_MOST {
        let fleet = fleet(set, &incident, world);
        let decision = decide(&incident, rule, &fleet, now);
        incident = decision.incident;
        let mut news = Vec::new();
        for effect in &decision.effects {
            let text = match effect {
                Effect::Query { questions, round, .. } => {
                    let findings = findings(questions, world, acted, now);
                    news.push(News::Findings { round: *round, findings });
                    format!("{questions:?}")
                }
                Effect::Do(intent) => {
                    acted = true;
                    let key = intent.key.clone();
                    news.push(News::Started { key: key.clone() });
                    news.push(News::Finished { key, outcome: Outcome::Done });
                    format!("{intent:?}")
                }
                Effect::Look(intent) => format!("look {intent:?}"),
                Effect::Tell(report) => format!("{report:?}"),
                Effect::Page(page) => format!("{page:?}"),
            };
            let asked_again = matches!(effect, Effect::Query { .. }) && text == last;
            if matches!(effect, Effect::Query { .. }) {
                last = text.clone();
            }
            let at = now.duration_since(start).as_secs();
            let text = if asked_again { "asked again" } else { &text };
            writeln!(seen, "{at} {text}").unwrap();
        }
        let answered = news.iter().filter(|news| incident.learn(news, now)).count();
        match decision.wake {
            _ if answered > 0 => {}
            Some(wake) if wake < after(start, Duration::from_secs(HOURS * 3_600)) => {
                now = wake.max(now);
            }
            Some(_) | None => return,
        }
    }
}

fn fleet(set: &RuleSet, incident: &Incident, world: World) -> Fleet {
    let target = set.targets.get(&incident.breaker.target).cloned();
    let group = target.as_ref().map_or_else(String::new, |target| target.group.clone());
    let open = |number: usize| OpenIncident {
        id: IncidentId(100 + number as u64),
        target: format!("other-{number}"),
        group: format!("other-{number}"),
        opened_at: Timestamp::UNIX_EPOCH,
    };
    let mut others: Vec<OpenIncident> = (0..world.others).map(open).collect();
    others.push(OpenIncident {
        id: incident.id,
        target: incident.breaker.target.clone(),
        group: group.clone(),
        opened_at: incident.opened_at,
    });
    let starts = incident.attempts.iter().filter_map(|attempt| {
        Some(Start {
            incident: incident.id,
            target: incident.breaker.target.clone(),
            group: group.clone(),
            at: attempt.started_at?,
            failed: attempt.helped == Some(false),
        })
    });
    Fleet {
        epoch: "e".to_owned(),
        target,
        inventory: 15,
        brake_percent: set.brake_percent,
        open_count: u32::try_from(others.len()).unwrap(),
        open: others,
        starts: starts.collect(),
        ..Fleet::default()
    }
}

fn findings(questions: &[Question], world: World, acted: bool, now: Timestamp) -> Findings {
    let mut findings = Findings::new();
    for question in questions {
        findings.insert(question.name.clone(), finding(question, world, acted, now));
    }
    findings
}

fn finding(question: &Question, world: World, acted: bool, now: Timestamp) -> Finding {
    let reading = |value| Finding::Value(Reading { at: now, value });
    let ago = |secs: i64| Timestamp::from_second(now.as_second() - secs).unwrap();
    if question.name == STATE {
        let open = world.state.map(|state| if acted && world.helps { 0.0 } else { state });
        return open.map_or(Finding::NoData(Absence::Empty), |state| reading(Value::Number(state)));
    }
    let counts = || Value::Series(BTreeMap::from([(world.status.to_owned(), 40.0)]));
    match &question.ask {
        Ask::Prometheus { .. } | Ask::Scrape { .. } => reading(counts()),
        Ask::PrometheusRange { .. } => {
            let rising = [(120, 1.0), (60, 2.0), (0, 3.0)];
            reading(Value::Trend(rising.iter().map(|(at, value)| (ago(*at), *value)).collect()))
        }
        ask if ask.gives_lines() && world.line.is_empty() => {
            reading(Value::Lines { lines: Vec::new(), complete: true })
        }
        ask if ask.gives_lines() => {
            let line = || LogLine { at: Some(ago(1)), text: world.line.to_owned() };
            reading(Value::Lines { lines: (0..20).map(|_| line()).collect(), complete: true })
        }
        Ask::Redis { .. }
        | Ask::Sqlite { .. }
        | Ask::Postgres { .. }
        | Ask::Docker(_)
        | Ask::Azure(_)
        | Ask::Aws { .. } => reading(Value::Number(0.4)),
        Ask::Loki { .. } | Ask::LogFile { .. } | Ask::Elasticsearch { .. } | Ask::Events(_) => {
            unreachable!("these give lines")
        }
        Ask::Http(_) => reading(Value::Number(if world.healthy { 200.0 } else { 503.0 })),
        Ask::Probe { .. } => reading(Value::Probe(ProbeResult {
            healthy: world.healthy,
            // Green since shortly before the breaker opened.
            since: Timestamp::from_second(START_SECOND - 150).unwrap(),
            status: None,
            retry_after: (!world.healthy).then(|| Duration::from_secs(600)),
            detail: String::new(),
            failure: None,
        })),
    }
}

/// Which probes run, with and without an open incident, and when they run again.
fn probes(seen: &mut String, set: &RuleSet, now: Timestamp) {
    for open in [BTreeSet::new(), set.rules.keys().cloned().collect()] {
        for due in plan::due(set, Vec::new(), &open, now) {
            let result = ProbeResult {
                healthy: true,
                since: now,
                status: Some(200),
                retry_after: None,
                detail: String::new(),
                failure: None,
            };
            let row = plan::after_run(&due, result, now, now);
            writeln!(seen, "{:?} {:?} next {}", due.key, due.rule.how, row.next_due).unwrap();
        }
    }
}
