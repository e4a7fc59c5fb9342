//! The simulated world: true states, what can be read of them, and a count of what was really done.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use fastrand::Rng;
use reclose::core::action::{Intent, Outcome, Why};
use reclose::core::cause::Class;
use reclose::core::command::Person;
use reclose::core::evidence::{
    Absence, FailureKind, Finding, Findings, ProbeResult, Question, Reading, STATE, Value,
};
use reclose::core::rule::Rule;
use reclose::core::time::{Timestamp, after, since};
use reclose::engine::clock::Clock;
use reclose::engine::run::World;
use reclose::store::Store;

use super::spec::{LOAD, LOAD_MOST, Plant, Spec, Trip};

/// Something that was really done to a target, with how long the audit log was then.
#[derive(Clone, Debug)]
pub struct Done {
    pub key: String,
    pub audit_len: usize,
}

pub struct Sim {
    pub clock: Clock,
    pub store: Mutex<Store>,
    pub inner: Mutex<Inner>,
}

pub struct Inner {
    pub rng: Rng,
    pub spec: Spec,
    pub start: Timestamp,
    pub done: Vec<Done>,
    /// The last decision each target carried out.
    pub last: BTreeMap<String, String>,
    /// When each plant was last closed by an action.
    pub closed_at: BTreeMap<String, Timestamp>,
}

impl Inner {
    fn plant(&self, rule: &str) -> &Plant {
        self.spec.plants.iter().find(|plant| plant.rule == rule).unwrap()
    }

    /// The trip that holds at `now`, if the breaker is open then.
    pub fn open(&self, rule: &str, now: Timestamp) -> Option<(Timestamp, Trip)> {
        let plant = self.plant(rule);
        let (at, trip) = plant
            .trips
            .iter()
            .map(|trip| (after(self.start, trip.at), trip))
            .rfind(|(at, _)| *at <= now)?;
        if self
            .closed_at
            .get(rule)
            .is_some_and(|closed| *closed >= at && self.over(trip, at, *closed))
        {
            return None;
        }
        let healed = match (plant.heals_after, trip.lasts) {
            (Some(own), Some(lasts)) => now >= after(after(at, lasts), own),
            _ => false,
        };
        (!healed).then(|| (at, trip.clone()))
    }

    fn over(&self, trip: &Trip, at: Timestamp, now: Timestamp) -> bool {
        trip.lasts.is_some_and(|lasts| now >= after(at, lasts))
    }

    fn last_trip(&self, rule: &str, now: Timestamp) -> Option<(Timestamp, Trip)> {
        let plant = self.plant(rule);
        plant
            .trips
            .iter()
            .map(|trip| (after(self.start, trip.at), trip.clone()))
            .rfind(|(at, _)| *at <= now)
    }

    fn chance(&mut self, of_thousand: u32) -> bool {
        of_thousand > 0 && self.rng.u32(0..1_000) < of_thousand
    }

    fn answer(&mut self, rule: &Rule, question: &Question, now: Timestamp) -> Finding {
        if self.chance(self.spec.blind) {
            return match self.rng.u32(0..5) {
                0 => Finding::NoData(Absence::Empty),
                1 => Finding::NoData(Absence::Stale),
                2 => Finding::NoData(Absence::Partial),
                3 => Finding::failed(FailureKind::Timeout, "simulated"),
                // A reading that is too old, not marked as such: the core must see it.
                _ => Finding::Value(Reading {
                    at: after(self.start, Duration::ZERO),
                    value: Value::Word("1".to_owned()),
                }),
            };
        }
        let at = now;
        match question.name.as_str() {
            STATE => {
                let word = if self.open(&rule.name, now).is_some() { "1" } else { "0" };
                Finding::Value(Reading { at, value: Value::Word(word.to_owned()) })
            }
            "statuses" => match self.last_trip(&rule.name, now) {
                Some((tripped, trip)) if since(now, tripped) < Duration::from_secs(600) => {
                    let series = BTreeMap::from([
                        (status(trip.cause).to_owned(), 40.0),
                        ("200".to_owned(), 900.0),
                    ]);
                    Finding::Value(Reading { at, value: Value::Series(series) })
                }
                _ => Finding::Value(Reading {
                    at,
                    value: Value::Series(BTreeMap::from([("200".to_owned(), 900.0)])),
                }),
            },
            "upstream" => {
                Finding::Value(Reading { at, value: Value::Probe(self.probe(&rule.name, now)) })
            }
            // Too high for a minute in three.
            LOAD => {
                let high = since(now, self.start).as_secs() / 60 % 3 == 0;
                let load = if high { LOAD_MOST + 0.1 } else { LOAD_MOST };
                Finding::Value(Reading { at, value: Value::Number(load) })
            }
            other => panic!("the simulation was asked {other}"),
        }
    }

    /// What a probe beside the breaker sees: the cause itself.
    pub fn probe(&self, rule: &str, now: Timestamp) -> ProbeResult {
        let healthy = |since| ProbeResult {
            healthy: true,
            since,
            status: Some(200),
            retry_after: None,
            detail: String::new(),
            failure: None,
        };
        match self.last_trip(rule, now) {
            None => healthy(self.start),
            Some((at, trip)) if self.over(&trip, at, now) => {
                healthy(after(at, trip.lasts.unwrap_or_default()))
            }
            Some((at, trip)) => ProbeResult {
                healthy: false,
                since: at,
                status: status(trip.cause).parse().ok(),
                retry_after: (trip.cause == Class::RateLimited).then(|| Duration::from_secs(20)),
                detail: format!("status {}", status(trip.cause)),
                failure: None,
            },
        }
    }

    fn carry_out(&mut self, intent: &Intent, now: Timestamp, audit_len: usize) {
        self.done.push(Done { key: intent.key.0.clone(), audit_len });
        self.last.insert(intent.target.clone(), intent.key.0.clone());
        self.closed_at.insert(intent.rule.clone(), now);
    }
}

fn status(cause: Class) -> &'static str {
    match cause {
        Class::RateLimited => "429",
        Class::Auth => "401",
        Class::Timeout => "timeout",
        _ => "503",
    }
}

impl Sim {
    fn audit_len(&self) -> usize {
        super::life::memory(&self.store.lock().unwrap()).with_audit(<[_]>::len)
    }

    /// Somebody meddles at the worst moment: between reading the state again and beginning.
    fn meddle(&self, target: &str) {
        let command = {
            let mut inner = self.inner.lock().unwrap();
            let meddle = inner.spec.meddle;
            if !inner.chance(meddle * 5) {
                return;
            }
            super::life::command(&mut inner.rng, target, self.clock.now())
        };
        let store = self.store.lock().unwrap().clone();
        let person = Person { name: "simulated".to_owned(), door: "sim".to_owned() };
        let _crash_or_done = super::life::now(store.command(&command, &person, self.clock.now()));
    }
}

/// What the engine sees of the simulated world.
pub struct Eyes(pub Arc<Sim>);

impl World for Eyes {
    async fn ask(&self, rule: &Rule, questions: &[Question]) -> Findings {
        if questions.len() == 1 {
            self.0.meddle(&rule.targets[0]);
        }
        let now = self.0.clock.now();
        let mut inner = self.0.inner.lock().unwrap();
        questions
            .iter()
            .map(|question| (question.name.clone(), inner.answer(rule, question, now)))
            .collect()
    }

    async fn act(&self, intent: &Intent, _: Duration) -> Outcome {
        let (now, audit_len) = (self.0.clock.now(), self.0.audit_len());
        let mut inner = self.0.inner.lock().unwrap();
        let lose = inner.spec.lose;
        if inner.chance(lose) {
            // The request or its answer is lost: done or not, nobody here knows.
            if inner.rng.bool() {
                inner.carry_out(intent, now, audit_len);
            }
            return Outcome::Unknown(Why("no answer".to_owned()));
        }
        if inner.chance(lose) {
            return Outcome::NotDone(Why("refused".to_owned()));
        }
        inner.carry_out(intent, now, audit_len);
        Outcome::Done
    }

    async fn look(&self, intent: &Intent) -> Outcome {
        let inner = self.0.inner.lock().unwrap();
        let observable =
            inner.spec.plants.iter().any(|plant| plant.rule == intent.rule && plant.observable);
        match inner.last.get(&intent.target) {
            Some(key) if observable && *key == intent.key.0 => Outcome::Done,
            _ => Outcome::Unknown(Why("no proof".to_owned())),
        }
    }
}
