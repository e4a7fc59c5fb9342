//! Whole lives in virtual time, from seeds: no sequence of alerts, crashes, lost outcomes and meddling people makes
//! reclose exceed a guard (P3–P5, P7–P9, P14, P15). An oracle that shares no code with the guards judges each from its
//! audit log; planted bugs show that it can.

pub mod life;
mod oracle;
mod spec;
mod world;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};

use reclose::core::audit::AuditEntry;
use reclose::core::planted::{Bug, Bugs};

/// Lives in `make test`; `RECLOSE_SIM_LIVES` asks for more.
const LIVES: u64 = 200_000;

fn lives() -> u64 {
    std::env::var("RECLOSE_SIM_LIVES").ok().and_then(|n| n.parse().ok()).unwrap_or(LIVES)
}

fn first_seed() -> u64 {
    std::env::var("RECLOSE_SIM_SEED").ok().and_then(|n| n.parse().ok()).unwrap_or(0)
}

#[derive(Default)]
struct Reach(BTreeMap<String, u64>);

impl Reach {
    fn count(&mut self, what: impl Into<String>, times: u64) {
        *self.0.entry(what.into()).or_default() += times;
    }

    fn of(&mut self, life: &life::Life) {
        self.count("crashes", u64::from(life.crashes));
        self.count("steps", u64::from(life.steps));
        self.count("incidents", life.incidents.len() as u64);
        self.count("actions done", life.done.len() as u64);
        self.count("audit entries", life.audit.len() as u64);
        for (_, entry) in &life.audit {
            match entry {
                AuditEntry::Decided { to, because, .. } => {
                    self.count(format!("phase {to}"), 1);
                    for reason in because {
                        self.count(format!("reason {reason:?}"), 1);
                    }
                }
                AuditEntry::Refused { guards, .. } | AuditEntry::Started { guards, .. } => {
                    for guard in guards.iter().filter(|guard| !guard.allows()) {
                        self.count(format!("refused by {}", guard.guard.name()), 1);
                    }
                }
                AuditEntry::NotStarted { why, .. } => {
                    for line in why {
                        self.count(
                            format!("not begun for {}", line.split(':').next().unwrap_or("")),
                            1,
                        );
                    }
                }
                AuditEntry::Finished { outcome, .. } => self.count(
                    format!(
                        "outcome {}",
                        match outcome {
                            reclose::core::action::Outcome::Done => "done",
                            reclose::core::action::Outcome::NotDone(_) => "not done",
                            reclose::core::action::Outcome::Unknown(_) => "unknown",
                        }
                    ),
                    1,
                ),
                _ => {}
            }
        }
    }
}

#[test]
fn no_life_exceeds_a_guard() {
    let (count, first) = (lives(), first_seed());
    let next = AtomicU64::new(0);
    let reach = std::sync::Mutex::new(Reach::default());
    let threads = std::thread::available_parallelism().map_or(2, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                let mut mine = Reach::default();
                loop {
                    let n = next.fetch_add(1, Ordering::Relaxed);
                    if n >= count {
                        break;
                    }
                    let life = life::live(first + n, Bugs::default());
                    let wrong = oracle::judge(&life);
                    assert!(
                        wrong.is_empty(),
                        "seed {}: {wrong:#?}\n(RECLOSE_SIM_SEED={} RECLOSE_SIM_LIVES=1)",
                        life.seed,
                        life.seed
                    );
                    mine.of(&life);
                }
                let mut all = reach.lock().unwrap();
                for (what, times) in mine.0 {
                    all.count(what, times);
                }
            });
        }
    });
    let reach = reach.into_inner().unwrap();
    println!("{count} lives from seed {first}, 0 violations");
    for (what, times) in &reach.0 {
        println!("{times:>10}  {what}");
    }
    if count >= 10_000 {
        for guard in reclose::core::guard::Guard::ALL {
            // A sound rule set always declares its verification, and what is begun at all is begun in time.
            let never = ["verify", "expiry"];
            // `decide` waits for these before it asks any guard.
            let name = match guard.name() {
                "act_after" => "Waiting(ActAfter)",
                "cause" => "Waiting(Gone)",
                "checklist" => "Waiting(Checklist)",
                name => name,
            };
            let said = reach.0.iter().any(|(what, n)| what.ends_with(name) && *n > 0);
            assert!(
                said || never.contains(&guard.name()),
                "no life was refused by {}",
                guard.name()
            );
        }
    }
}

/// So many lives may the oracle need to see a planted bug.
const SEEDS_TO_CATCH: u64 = 60_000;

#[test]
fn the_oracle_catches_every_planted_bug() {
    let mut missed = Vec::new();
    for bug in Bug::ALL {
        let caught = (0..SEEDS_TO_CATCH).find_map(|seed| {
            let life = std::panic::catch_unwind(|| life::live(seed, Bugs::only(bug)));
            match life {
                Ok(life) => oracle::judge(&life).into_iter().next().map(|wrong| (seed, wrong)),
                Err(_) => None,
            }
        });
        match caught {
            Some((seed, wrong)) => println!("{bug:?}: caught with seed {seed}: {wrong}"),
            None => missed.push(bug),
        }
    }
    assert!(missed.is_empty(), "the oracle is blind to {missed:?} in {SEEDS_TO_CATCH} lives each");
}
