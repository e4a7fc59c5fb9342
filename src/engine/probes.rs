//! Synthetic probes: what is due is asked of the store, each runs once at a time, and its result is remembered.
//!
//! Never decides what a result means, and never probes through a breaker that must idle.

pub mod heart;
pub mod plan;
pub mod schedule;

use std::collections::BTreeSet;
use std::sync::Arc;

use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::active::Active;
use super::clock::{Clock, since_boot};
use crate::store::{Store, StoreError, Which};
use crate::systems::Systems;
use crate::telemetry::Metrics;
use heart::{Beat, Heart};
use plan::{Due, ProbeKey, after_run, due};

/// Probes under way at once: one that hangs must not hold up the others, and all must not be a load.
const RUNNING_MOST: usize = 32;

/// What probing needs.
#[derive(Clone)]
pub struct Prober {
    pub store: Store,
    pub systems: Arc<Systems>,
    pub rules: Active,
    pub clock: Clock,
    pub metrics: Arc<Metrics>,
}

/// Runs what is due, once a second, until `stop`.
pub async fn run(prober: Prober, stop: CancellationToken) {
    let mut heart = Heart::start().await;
    let mut running = JoinSet::new();
    let mut keys = BTreeSet::new();
    let turns = Arc::new(Semaphore::new(RUNNING_MOST));
    loop {
        tokio::select! {
            () = stop.cancelled() => break,
            Some(done) = running.join_next() => forget(done, &mut keys),
            beat = heart.beat() => {
                if beat == Beat::Regular {
                    prober.metrics.beat(since_boot());
                }
                match prober.due().await {
                    Ok(due) => {
                        for due in due {
                            if keys.insert(due.key.clone()) {
                                let turns = Arc::clone(&turns);
                                running.spawn(prober.clone().probe(due, turns));
                            }
                        }
                    }
                    Err(error) => tracing::warn!(%error, "cannot read which probes are due"),
                }
            }
        }
    }
    heart.silence().await;
    running.shutdown().await;
}

/// A probe that ended may run again. One that panicked has no name here, and never runs again: it would panic again.
fn forget(done: Result<ProbeKey, tokio::task::JoinError>, keys: &mut BTreeSet<ProbeKey>) {
    match done {
        Ok(key) => drop(keys.remove(&key)),
        Err(error) => tracing::error!(%error, "a probe ended by a fault of ours"),
    }
}

impl Prober {
    async fn due(&self) -> Result<Vec<Due>, StoreError> {
        let rows = self.store.probes().await?;
        let rules = self.rules.now().await;
        let idles = rules.rules.values().any(|rule| rule.recovery.needs_idle);
        let open = if idles || !rules.retired.is_empty() {
            self.store.incidents(Which::Open).await?
        } else {
            Vec::new()
        };
        let open = open.into_iter().map(|incident| incident.breaker.rule).collect();
        Ok(due(&rules, rows, &open, self.clock.now()))
    }

    /// Runs one probe and remembers what it saw.
    async fn probe(self, due: Due, turns: Arc<Semaphore>) -> ProbeKey {
        let _turn = turns.acquire().await;
        let began = self.clock.now();
        let result = self.systems.probe(&due.rule.how, began).await;
        self.metrics.probed(&due.key.0, &due.key.1, result.healthy);
        let row = after_run(&due, result, began, self.clock.now());
        if let Err(error) = self.store.put_probe(&row).await {
            tracing::warn!(%error, rule = row.rule, probe = row.probe, "cannot remember a probe's result");
        }
        due.key
    }
}
