//! One life from one seed: alerts, decisions, effects in any order, crashes at every write, people who meddle.

use std::pin::pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use fastrand::Rng;
use reclose::core::alert::{Alert, AlertKey, AlertStatus, Labels, Notification, Source};
use reclose::core::audit::AuditEntry;
use reclose::core::command::{Command, Person, Scope};
use reclose::core::effect::Effect;
use reclose::core::incident::Incident;
use reclose::core::planted::Bugs;
use reclose::core::time::{Timestamp, after, since};
use reclose::engine::clock::Clock;
use reclose::engine::run::Engine;
use reclose::store::memory::{Memory, Point};
use reclose::store::{Store, StoreError, Which};

use super::spec::{Spec, labels};
use super::world::{Done, Eyes, Inner, Sim};

/// All that is left of a life: what the store says, what the log says, and what was really done.
pub struct Life {
    pub seed: u64,
    pub spec: Spec,
    pub audit: Vec<(Timestamp, AuditEntry)>,
    pub done: Vec<Done>,
    pub incidents: Vec<Incident>,
    pub crashes: u32,
    pub steps: u32,
}

/// So long does a life go on after its last trip, so that every incident can end or reach a person.
const AFTERLIFE: Duration = Duration::from_secs(3_000);
const START_MICROS: i64 = 1_790_000_000_000_000;
/// A life of more steps than this goes round in circles.
const STEPS_MOST: u32 = 20_000;

/// Runs what never really waits: the memory store and the simulated world.
pub fn now<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    match future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => output,
        Poll::Pending => panic!("the simulation waited for something real"),
    }
}

pub fn memory(store: &Store) -> &Memory {
    match store {
        Store::Memory(memory) => memory,
        Store::Sqlite(_) => panic!("the simulation runs on the memory store"),
    }
}

struct Run {
    seed: u64,
    rng: Rng,
    sim: Arc<Sim>,
    store: Store,
    engine: Engine<Eyes>,
    clock: Clock,
    /// Effects not performed yet, each with its moment.
    pending: Vec<(Timestamp, Effect)>,
    /// Alerts as the source last told them, by rule.
    told: Vec<(String, bool, Timestamp)>,
    /// The moments of all trips, in order.
    trips: Vec<Timestamp>,
    crashes: u32,
    steps: u32,
    bugs: Bugs,
}

pub fn live(seed: u64, bugs: Bugs) -> Life {
    let mut rng = Rng::with_seed(seed);
    let spec = Spec::draw(&mut rng);
    let start = Timestamp::from_microsecond(START_MICROS).unwrap();
    let clock = Clock::manual(start);
    let store = Store::memory("sim", bugs);
    let inner = Inner {
        rng: rng.fork(),
        spec: spec.clone(),
        start,
        done: vec![],
        last: std::collections::BTreeMap::new(),
        closed_at: std::collections::BTreeMap::new(),
    };
    let sim = Arc::new(Sim {
        clock: clock.clone(),
        store: Mutex::new(store.clone()),
        inner: Mutex::new(inner),
    });
    let engine = Engine::new(
        store.clone(),
        Arc::new(Eyes(sim.clone())),
        Arc::new(spec.rules.clone()),
        clock.clone(),
    );
    let told = spec.plants.iter().map(|plant| (plant.rule.clone(), false, start)).collect();
    let mut trips: Vec<Timestamp> = spec
        .plants
        .iter()
        .flat_map(|plant| plant.trips.iter().map(|trip| after(start, trip.at)))
        .collect();
    trips.sort_unstable();
    let mut run = Run {
        seed,
        rng,
        sim,
        store,
        engine,
        clock,
        pending: vec![],
        told,
        trips,
        crashes: 0,
        steps: 0,
        bugs,
    };
    run.begin(&spec);
    run.play(&spec, start)
}

impl Run {
    fn begin(&mut self, spec: &Spec) {
        loop {
            let at = self.clock.now();
            let started = now(self.store.start(at, "sim", &spec.rules))
                .and_then(|info| now(self.engine.recover(&info, spec.settle)));
            match started {
                Ok(()) => return,
                Err(StoreError::Crashed) => self.revive(spec),
                Err(other) => panic!("seed {}: {other}", self.seed),
            }
        }
    }

    /// The process is gone with all it had in hand; a new one finds the store as it was left.
    fn revive(&mut self, spec: &Spec) {
        self.crashes += 1;
        self.pending.clear();
        memory(&self.store).revive();
        let down = Duration::from_millis(self.rng.u64(100..20_000));
        // The wall clock may have been set back meanwhile: the new process starts at the latest moment the store saw.
        let back = if self.rng.u32(0..4) == 0 {
            Duration::from_secs(self.rng.u64(0..86_400))
        } else {
            Duration::ZERO
        };
        let latest = self.clock.now();
        let wall = after(latest, down);
        self.clock.set(if back.is_zero() { wall } else { latest });
        self.engine = Engine::new(
            self.store.clone(),
            Arc::new(Eyes(self.sim.clone())),
            Arc::new(spec.rules.clone()),
            self.clock.clone(),
        );
        self.engine.bugs = self.bugs;
    }

    fn play(mut self, spec: &Spec, start: Timestamp) -> Life {
        let last_trip = spec
            .plants
            .iter()
            .flat_map(|plant| plant.trips.iter().map(|trip| trip.at))
            .max()
            .unwrap();
        let end = after(start, last_trip + AFTERLIFE);
        while self.clock.now() < end && self.steps < STEPS_MOST {
            self.steps += 1;
            if self.rng.u32(0..1_000) < spec.crash {
                let point = if self.rng.bool() { Point::Before } else { Point::After };
                memory(&self.store).crash_after(self.rng.u32(1..6), point);
            }
            match self.turn(spec) {
                Ok(()) => {}
                Err(StoreError::Crashed) => {
                    self.revive(spec);
                    self.begin(spec);
                }
                Err(other) => panic!("seed {}: {other}", self.seed),
            }
            if self.over(last_trip, start) {
                break;
            }
        }
        assert!(self.steps < STEPS_MOST, "seed {}: the life goes round in circles", self.seed);
        memory(&self.store).crash_never();
        let incidents = now(self.store.incidents(Which::Newest(1_000))).unwrap();
        let done = self.sim.inner.lock().unwrap().done.clone();
        let audit = memory(&self.store).audit_entries();
        Life {
            seed: self.seed,
            spec: spec.clone(),
            audit,
            done,
            incidents,
            crashes: self.crashes,
            steps: self.steps,
        }
    }

    /// Nothing will happen any more that could be judged.
    fn over(&self, last_trip: Duration, start: Timestamp) -> bool {
        if self.clock.now() < after(start, last_trip + Duration::from_secs(120))
            || !self.pending.is_empty()
        {
            return false;
        }
        let idle = |incident: &Incident| {
            !incident.phase.is_open() || incident.pages > 0 && incident.phase.name() == "escalated"
        };
        memory(&self.store).all_incidents(idle)
    }

    fn turn(&mut self, spec: &Spec) -> Result<(), StoreError> {
        self.sources(spec)?;
        if self.rng.u32(0..1_000) < spec.meddle {
            let target = self.rng.choice(&spec.plants).unwrap().target.clone();
            let command = command(&mut self.rng, &target, self.clock.now());
            let person = Person { name: "simulated".to_owned(), door: "sim".to_owned() };
            now(self.store.command(&command, &person, self.clock.now()))?;
        }
        while now(self.engine.correlate())? {}
        while let Some(effects) = now(self.engine.step())? {
            for effect in effects {
                let at = after(self.clock.now(), Duration::from_millis(self.rng.u64(0..3_000)));
                match effect {
                    Effect::Tell(_) | Effect::Page(_) => {}
                    // Rarely an effect dies with its task.
                    Effect::Query { .. } if self.rng.u32(0..1_000) < spec.lose => {}
                    other @ (Effect::Query { .. } | Effect::Do(_) | Effect::Look(_)) => {
                        self.pending.push((at, other));
                    }
                }
            }
        }
        self.advance()
    }

    /// To the next moment at which anything is due, and performs what is.
    fn advance(&mut self) -> Result<(), StoreError> {
        let here = self.clock.now();
        let mut next = after(
            here,
            if self.quiet() { Duration::from_secs(300) } else { Duration::from_secs(20) },
        );
        next = self
            .trips
            .iter()
            .copied()
            .find(|trip| *trip > here)
            .map_or(next, |trip| next.min(trip));
        if let Some(due) = now(self.store.next_due())? {
            next = next.min(due.max(after(here, Duration::from_millis(1))));
        }
        if let Some(first) = self.pending.iter().map(|(at, _)| *at).min() {
            next = next.min(first.max(here));
        }
        self.clock.set(next);
        while let Some(place) = self.pending.iter().position(|(at, _)| *at <= next) {
            let (_, effect) = self.pending.swap_remove(place);
            now(self.engine.perform(&effect))?;
        }
        Ok(())
    }

    /// Nothing is open, here or in the world.
    fn quiet(&self) -> bool {
        self.told.iter().all(|(_, firing, _)| !firing)
            && memory(&self.store).all_incidents(|incident| !incident.phase.is_open())
    }

    /// What the source tells: changes and repeats; late, doubled, re-ordered or lost.
    fn sources(&mut self, spec: &Spec) -> Result<(), StoreError> {
        let at = self.clock.now();
        for place in 0..self.told.len() {
            let (rule, firing, last) = self.told[place].clone();
            let open = self.sim.inner.lock().unwrap().open(&rule, at).is_some();
            let repeat = open && since(at, last) > Duration::from_secs(300);
            if open == firing && !repeat {
                continue;
            }
            self.told[place] = (rule.clone(), open, at);
            if self.rng.u32(0..1_000) < spec.lose {
                continue;
            }
            let status = if open { AlertStatus::Firing } else { AlertStatus::Resolved };
            let mut batch = vec![(at, notification(&rule, status))];
            if self.rng.u32(0..4) == 0 {
                batch.push(batch[0].clone());
            }
            if self.rng.u32(0..1_000) < spec.lose {
                // An older word comes after the newer one.
                let other = if open { AlertStatus::Resolved } else { AlertStatus::Firing };
                batch.push((at, notification(&rule, other)));
            }
            now(self.store.ingest(batch))?;
        }
        Ok(())
    }
}

fn notification(rule: &str, status: AlertStatus) -> Notification {
    let alert = Alert {
        key: AlertKey { source: Source::Alertmanager, fingerprint: rule.to_owned() },
        status,
        labels: labels(rule),
        annotations: Labels::new(),
        starts_at: None,
        ends_at: None,
        generator_url: String::new(),
        flags: vec![],
    };
    Notification {
        source: Source::Alertmanager,
        group_key: rule.to_owned(),
        truncated: 0,
        alerts: vec![alert],
    }
}

/// Something a person might order.
pub fn command(rng: &mut Rng, target: &str, at: Timestamp) -> Command {
    let reason = "simulated".to_owned();
    let what = Scope::Target(target.to_owned());
    match rng.u32(0..5) {
        0 => Command::PauseAll { reason },
        1 | 2 => Command::ResumeAll,
        3 => {
            Command::Pause { what, until: after(at, Duration::from_secs(rng.u64(10..900))), reason }
        }
        _ => Command::Resume { what },
    }
}
