//! Memory and `SQLite` answer the same to any sequence of verbs: what is proved over the one holds for the other.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::fmt::Write as _;

use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use reclose::core::action::{Intent, Outcome, Why};
use reclose::core::alert::AlertStatus;
use reclose::core::command::{Command, Person, Scope};
use reclose::core::effect::Effect;
use reclose::core::incident::{IncidentId, News, Phase};
use reclose::core::planted::Bugs;
use reclose::core::rule::BreakerState;
use reclose::core::time::Timestamp;
use reclose::store::{Chain, Claim, Delivered, Posted, Which};

use super::world::{
    TARGETS, World, acts, alert, at, intent, lease, notification, page, report, same,
};

/// Sequences that are the same in every run, sequences that never were before, and verbs in a sequence.
const KNOWN: u32 = 50;
const NEW: u32 = 20;
const LENGTH: usize = 60;

#[derive(Clone, Debug)]
enum Verb {
    Later(i64),
    Alerts {
        target: usize,
        resolved: bool,
        copies: u8,
        truncated: bool,
    },
    Correlate(u32),
    Claim,
    /// The whole way from a due incident to the beginning of an action.
    Act,
    /// The same, to a message on its way.
    Tell,
    /// A breaker that recovers and opens again.
    Relapse,
    Release(usize),
    Commit {
        claim: usize,
        what: usize,
    },
    Reread {
        incident: u64,
        state: bool,
    },
    Begin(usize),
    Finish {
        intent: usize,
        outcome: usize,
    },
    Command {
        which: usize,
        target: usize,
    },
    Deliveries(u32),
    Sending(usize),
    Result {
        delivery: usize,
        what: usize,
    },
    Start,
    Stop,
    Settle(Option<i64>),
    Again,
}

fn verb() -> impl Strategy<Value = Verb> {
    prop_oneof![
        4 => prop_oneof![0..5_i64, 20..70_i64, 300..2_000_i64].prop_map(Verb::Later),
        4 => (0..5_usize, any::<bool>(), 1..3_u8, prop::bool::weighted(0.1))
            .prop_map(|(target, resolved, copies, truncated)| Verb::Alerts { target, resolved, copies, truncated }),
        4 => (1..4_u32).prop_map(Verb::Correlate),
        6 => Just(Verb::Claim),
        6 => Just(Verb::Act),
        4 => Just(Verb::Tell),
        1 => Just(Verb::Relapse),
        1 => (0..4_usize).prop_map(Verb::Release),
        8 => (0..3_usize, 0..9_usize).prop_map(|(claim, what)| Verb::Commit { claim, what }),
        3 => (1..4_u64, any::<bool>()).prop_map(|(incident, state)| Verb::Reread { incident, state }),
        4 => (0..3_usize).prop_map(Verb::Begin),
        3 => (0..3_usize, 0..4_usize).prop_map(|(intent, outcome)| Verb::Finish { intent, outcome }),
        2 => (0..9_usize, 0..4_usize).prop_map(|(which, target)| Verb::Command { which, target }),
        2 => (1..9_u32).prop_map(Verb::Deliveries),
        3 => (0..4_usize).prop_map(Verb::Sending),
        3 => (0..4_usize, 0..5_usize).prop_map(|(delivery, what)| Verb::Result { delivery, what }),
        1 => Just(Verb::Start),
        1 => Just(Verb::Stop),
        1 => prop::option::of(0..90_i64).prop_map(Verb::Settle),
        1 => Just(Verb::Again),
    ]
}

/// One store, and what its user remembers: newest first, so that small numbers mean something.
struct User {
    world: World,
    now: Timestamp,
    claims: Vec<Claim>,
    intents: Vec<Intent>,
    epoch: String,
}

fn pick<T>(list: &[T], back: usize) -> Option<&T> {
    list.iter().rev().nth(back)
}

impl User {
    async fn new(world: World) -> Self {
        let epoch = world.store.start(at(0), "1", &world.rules).await.unwrap().epoch;
        world.store.settle(None).await.unwrap();
        Self { world, now: at(0), claims: vec![], intents: vec![], epoch }
    }

    /// The answer as text, with the store's own name taken out.
    async fn does(&mut self, verb: &Verb) -> String {
        let store = self.world.store.clone();
        let answer = match verb {
            Verb::Later(secs) => {
                self.now += std::time::Duration::from_secs(secs.unsigned_abs());
                String::new()
            }
            Verb::Alerts { target, resolved, copies, truncated } => {
                let status = if *resolved { AlertStatus::Resolved } else { AlertStatus::Firing };
                let target = TARGETS.get(*target).map_or("nobody", |(name, _)| name);
                let mut body = notification(vec![alert(target, status); usize::from(*copies)]);
                body.truncated = u64::from(*truncated);
                format!("{:?}", store.ingest(vec![(self.now, body); 2]).await)
            }
            Verb::Correlate(limit) => {
                let done = store.correlate(self.now, *limit, &self.world.rules).await;
                format!("{done:?}")
            }
            Verb::Claim => {
                let claim = store.claim_due(self.now, &lease()).await;
                if let Ok(Some(claim)) = &claim {
                    self.claims.push(claim.clone());
                }
                format!("{claim:?}")
            }
            Verb::Act => self.acts().await,
            Verb::Tell => self.tells().await,
            Verb::Relapse => self.relapses().await,
            Verb::Release(back) => match pick(&self.claims, *back) {
                Some(claim) => format!("{:?}", store.release(claim).await),
                None => String::new(),
            },
            Verb::Commit { claim, what } => self.commits(*claim, *what).await,
            Verb::Reread { incident, state } => {
                let state = if *state { BreakerState::Open } else { BreakerState::Closed };
                let news = News::Reread { state };
                format!("{:?}", store.note(IncidentId(*incident), &news, self.now).await)
            }
            Verb::Begin(back) => match pick(&self.intents, *back) {
                Some(intent) => {
                    let begun = store.begin(intent, &self.world.rules, self.now).await;
                    format!("{begun:?}")
                }
                None => String::new(),
            },
            Verb::Finish { intent, outcome } => match pick(&self.intents, *intent) {
                Some(intent) => {
                    let outcome = match outcome {
                        0 => Outcome::Done,
                        1 => Outcome::NotDone(Why("no".into())),
                        _ => Outcome::Unknown(Why("?".into())),
                    };
                    format!("{:?}", store.finish(&intent.key, outcome, self.now).await)
                }
                None => String::new(),
            },
            Verb::Command { which, target } => self.orders(*which, *target).await,
            Verb::Deliveries(limit) => {
                format!("{:?}", store.deliveries_due(self.now, *limit).await)
            }
            Verb::Sending(n) => {
                let due = store.deliveries_due(self.now, 9).await.unwrap();
                match due.get(*n) {
                    Some(d) => format!(
                        "{:?}",
                        store.delivery_sending(&d.id, d.body_revision, self.now).await
                    ),
                    None => String::new(),
                }
            }
            Verb::Result { delivery, what } => self.hears_back(*delivery, *what).await,
            Verb::Start => format!("{:?}", store.start(self.now, "1", &self.world.rules).await),
            Verb::Stop => format!("{:?}", store.stop(self.now).await),
            Verb::Settle(secs) => {
                let moment =
                    secs.map(|secs| self.now + std::time::Duration::from_secs(secs.unsigned_abs()));
                format!("{:?}", store.settle(moment).await)
            }
            Verb::Again => {
                self.world.restart().await;
                String::new()
            }
        };
        answer.replace(&self.epoch, "EPOCH")
    }

    async fn orders(&self, which: usize, target: usize) -> String {
        let store = &self.world.store;
        let target = TARGETS[target].0.to_owned();
        let reason = String::new();
        let until = self.now + std::time::Duration::from_secs(100);
        let command = match which {
            0 => Command::PauseAll { reason },
            1 => Command::Pause { what: Scope::Target(target), until, reason },
            2 => Command::Pause { what: Scope::Incident(IncidentId(1)), until, reason },
            3 => Command::Resume { what: Scope::Target(target) },
            4 => Command::Unlock { target, reason },
            _ => Command::ResumeAll,
        };
        let person = Person { name: "p".into(), door: "d".into() };
        format!("{:?}", store.command(&command, &person, self.now).await)
    }

    async fn hears_back(&self, delivery: usize, what: usize) -> String {
        let store = &self.world.store;
        let slot = ["root", "thread-1", "thread-2", "page-1"][delivery];
        let id = format!("{}/INC-1/{slot}", self.epoch);
        let later = self.now + std::time::Duration::from_secs(5);
        let posted = Posted { channel: "C".into(), ts: "1".into() };
        let what = match what {
            0 => Delivered::Sent { revision: 1, posted },
            1 => Delivered::Retry { at: later },
            2 => Delivered::Ambiguous { at: later },
            3 => Delivered::LostAnchor,
            _ => Delivered::Dead { why: "w".into() },
        };
        format!("{:?}", store.delivery_result(&id, what, self.now).await)
    }

    async fn acts(&mut self) -> String {
        let store = self.world.store.clone();
        let Some(claim) = store.claim_due(self.now, &lease()).await.unwrap() else {
            return String::new();
        };
        let id = claim.incident.id;
        self.claims.push(claim);
        let done = self.commits(0, 9).await;
        let open = News::Reread { state: BreakerState::Open };
        let news = store.note(id, &open, self.now).await;
        let intent = pick(&self.intents, 0).unwrap();
        let begun = store.begin(intent, &self.world.rules, self.now).await;
        format!("{done} {news:?} {begun:?}")
    }

    async fn tells(&mut self) -> String {
        let store = self.world.store.clone();
        let Some(claim) = store.claim_due(self.now, &lease()).await.unwrap() else {
            return String::new();
        };
        self.claims.push(claim);
        let done = self.commits(0, 3).await;
        let due = store.deliveries_due(self.now, 9).await.unwrap();
        let Some(first) = due.first() else { return done };
        let sending = store.delivery_sending(&first.id, first.body_revision, self.now).await;
        format!("{done} {sending:?}")
    }

    async fn relapses(&mut self) -> String {
        let store = self.world.store.clone();
        let Some(claim) = store.claim_due(self.now, &lease()).await.unwrap() else {
            return String::new();
        };
        let again = alert(&claim.incident.breaker.target, AlertStatus::Firing);
        self.claims.push(claim);
        let done = self.commits(0, 0).await;
        store.ingest(vec![(self.now, notification(vec![again]))]).await.unwrap();
        format!("{done} {:?}", store.correlate(self.now, 99, &self.world.rules).await)
    }

    async fn commits(&mut self, back: usize, what: usize) -> String {
        let Some(claim) = pick(&self.claims, back).cloned() else { return String::new() };
        let mut decision = same(&claim.incident);
        let (id, now) = (claim.incident.id, self.now);
        let mut decided = None;
        match what {
            0 => {
                decision.incident.phase = Phase::Recovered;
                decision.incident.closed_at = Some(now);
            }
            1 => decision.wake = Some(now + std::time::Duration::from_secs(30)),
            2 => decision.effects.push(Effect::Tell(Box::new(report(id, now, &["one", "two"])))),
            3 => {
                decision.effects.push(Effect::Tell(Box::new(report(id, now, &[]))));
                decision.effects.push(Effect::Page(page(id, 1, now)));
            }
            4 => {
                if let Some(attempt) = decision.incident.attempts.last_mut() {
                    attempt.helped = Some(false);
                }
            }
            _ => {
                let target = claim.incident.breaker.target.clone();
                let number = u32::try_from(claim.incident.attempts.len()).unwrap() + 1;
                let intent = intent("x", id, &target, number, now);
                acts(&mut decision, &intent);
                decided = Some(intent);
            }
        }
        let done = self.world.store.commit(&claim, decision, now).await;
        if let (Ok(()), Some(intent)) = (&done, decided) {
            self.intents.push(intent);
        }
        format!("{done:?}")
    }

    /// Everything that can be asked.
    async fn sees(&self) -> String {
        let store = &self.world.store;
        let incidents = store.incidents(Which::Newest(99)).await.unwrap();
        let mut all = format!(
            "{incidents:?} {:?} {:?} {:?} {:?}",
            store.incidents(Which::Open).await.unwrap(),
            store.next_due().await.unwrap(),
            store.unfinished().await.unwrap(),
            store.switches().await.unwrap(),
        );
        for incident in &incidents {
            let fleet = store.fleet(incident, &self.world.rules, self.now).await.unwrap();
            _ = write!(all, "{fleet:?} {:?}", store.root_posted(incident.id).await.unwrap());
        }
        _ = write!(all, "{:?}", store.deliveries_due(self.now, 99).await.unwrap());
        let far = self.now + std::time::Duration::from_secs(9_999);
        _ = write!(all, "{:?}", store.deliveries_due(far, 99).await.unwrap());
        all.replace(&self.epoch, "EPOCH")
    }

    async fn log(&self) -> Vec<(Timestamp, String)> {
        let links = self.world.store.audit_links(0, u32::MAX).await.unwrap();
        assert!(matches!(self.world.store.audit_verify().await.unwrap(), Chain::Whole { .. }));
        links.into_iter().map(|link| (link.at, link.text.replace(&self.epoch, "EPOCH"))).collect()
    }
}

/// What the sequences must reach, or they prove nothing.
const MARKS: [&str; 12] = [
    "Ok(Started)",
    "Refused([",
    "Err(Conflict)",
    "Some(Claim",
    "\"kind\":\"finished\"",
    "\"kind\":\"not_started\"",
    "\"kind\":\"paged\"",
    "\"opened\":false",
    "gave up on",
    "state: Ambiguous(",
    "opened again",
    "locks: [TargetLock",
];

async fn agree(verbs: &[Verb]) -> Result<String, TestCaseError> {
    let mut memory = User::new(World::memory()).await;
    let mut sqlite = User::new(World::sqlite_with(Bugs::default()).await).await;
    let mut answers = String::new();
    for verb in verbs {
        let (left, right) = (memory.does(verb).await, sqlite.does(verb).await);
        prop_assert_eq!(&left, &right, "{:?}", verb);
        let (seen, also) = (memory.sees().await, sqlite.sees().await);
        prop_assert_eq!(&seen, &also, "after {:?}", verb);
        answers.push_str(&left);
        answers.push_str(&seen);
    }
    let (log, other) = (memory.log().await, sqlite.log().await);
    for (_, text) in &log {
        answers.push_str(text);
    }
    prop_assert_eq!(log, other);
    Ok(answers)
}

#[test]
fn memory_and_sqlite_agree_on_any_sequence() {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let config = |cases| Config {
        cases,
        max_shrink_iters: 200,
        failure_persistence: None,
        ..Config::default()
    };
    let sequences = || prop::collection::vec(verb(), LENGTH);
    let missed = RefCell::new(BTreeSet::from(MARKS));
    TestRunner::new_with_rng(config(KNOWN), TestRng::deterministic_rng(RngAlgorithm::ChaCha))
        .run(&sequences(), |verbs| {
            let answers = runtime.block_on(agree(&verbs))?;
            missed.borrow_mut().retain(|mark| !answers.contains(mark));
            Ok(())
        })
        .unwrap();
    let missed = missed.into_inner();
    assert!(missed.is_empty(), "no sequence reached {missed:?}");
    // A failure prints the shortest sequence that still fails.
    TestRunner::new(config(NEW))
        .run(&sequences(), |verbs| runtime.block_on(agree(&verbs)).map(drop))
        .unwrap();
    println!(
        "{KNOWN} known and {NEW} new sequences of {LENGTH} verbs, and everything that can be asked after each: no difference"
    );
}
