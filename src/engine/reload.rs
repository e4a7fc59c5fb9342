//! Reads the rules again, on request and when the files have changed: active whole, or not at all.
//!
//! Never changes the rule of a running incident; only what the owners allow less than before holds for all, and at once. Files are compared by their content, once a second: this sees every way
//! in which files come to be (written in place, renamed, a link that Kubernetes swaps, a network disk), and misses none.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use tokio::sync::{Mutex, Notify};
use tokio_util::sync::CancellationToken;

use super::active::Active;
use super::clock::Clock;
use crate::core::rule::{RuleSet, Target, TargetName};
use crate::core::time::Duration;
use crate::rules::{self, Mistake};
use crate::store::{Store, StoreError, WrongRules};
use crate::telemetry::{Metrics, ReloadResult};

/// How often files are compared. A change is taken up when it was seen unchanged twice: nobody's half-written file.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// More mistakes than this are counted where people see them; the log has them all.
const LINES_MOST: usize = 20;

/// What came of reading the rules again.
#[derive(Clone, Debug)]
pub enum Reloaded {
    /// What was read is what is active.
    Same(Arc<RuleSet>),
    New {
        before: String,
        rules: Arc<RuleSet>,
    },
    /// The set stays as it was.
    Wrong {
        active: String,
        mistakes: Vec<Mistake>,
    },
}

/// Why the rules could not be read again; the set stays as it was.
#[derive(Debug, thiserror::Error)]
pub enum NotReloaded {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("reading the rules ended by a fault of ours: {0}")]
    Fault(String),
}

/// Reads the rules again, one time after another.
pub struct Reloader {
    pub dir: PathBuf,
    pub store: Store,
    pub active: Active,
    pub clock: Clock,
    pub metrics: Arc<Metrics>,
    /// Pokes the deliverer: people are to be told something.
    pub tell: Arc<Notify>,
    /// Pokes the engine: running incidents may be due.
    pub wake: Arc<Notify>,
    /// What a new set gives reason to warn of, such as a secret that is not there.
    pub doubts: fn(&RuleSet) -> Vec<String>,
    /// Fingerprint of the files that were read last. Held while they are read: one time after another.
    pub read: Mutex<String>,
}

impl Reloader {
    /// Reads again when the files change, and at each `asked`, until `stop`.
    pub async fn run(self: Arc<Self>, asked: Arc<Notify>, stop: CancellationToken) {
        let mut seen = None;
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                () = asked.notified() => {
                    if let Err(error) = self.reload("SIGHUP").await {
                        tracing::error!(%error, "the rules are not read again");
                    }
                    continue;
                }
                () = tokio::time::sleep(LOOK_EVERY) => {}
            }
            let Some(now) = self.fingerprint().await else { continue };
            if seen.as_ref() != Some(&now) {
                seen = Some(now);
                continue;
            }
            let is_read = *self.read.lock().await == now;
            if !is_read && let Err(error) = self.reload("a change on disk").await {
                tracing::error!(%error, "the rules are not read again; trying once more");
            }
        }
    }

    /// Reads the rules now. `by` is who or what asked, for the audit log.
    pub async fn reload(&self, by: &str) -> Result<Reloaded, NotReloaded> {
        let mut read = self.read.lock().await;
        let done = self.read_again(by).await;
        self.metrics.rules_reloaded(match &done {
            Ok((Reloaded::Same(_), _)) => ReloadResult::Unchanged,
            Ok((Reloaded::New { .. }, _)) => ReloadResult::Activated,
            Ok((Reloaded::Wrong { .. }, _)) => ReloadResult::Refused,
            Err(_) => ReloadResult::Failed,
        });
        let (reloaded, fingerprint) = done?;
        *read = fingerprint;
        Ok(reloaded)
    }

    async fn read_again(&self, by: &str) -> Result<(Reloaded, String), NotReloaded> {
        let dir = self.dir.clone();
        // The files first: whatever changes after this line is another change.
        let reading = tokio::task::spawn_blocking(move || {
            let fingerprint = rules::fingerprint(&dir);
            let (set, mistakes) = rules::load_with_warnings(&dir);
            let owners = if set.is_none() { rules::inventory(&dir) } else { None };
            (fingerprint, set, mistakes, owners)
        });
        let (fingerprint, set, mistakes, owners) =
            reading.await.map_err(|error| NotReloaded::Fault(error.to_string()))?;
        for mistake in &mistakes {
            if mistake.is_error() {
                tracing::error!("{mistake}");
            } else {
                tracing::warn!("{mistake}");
            }
        }
        let reloaded = if let Some(set) = set {
            self.activate(set, by).await?
        } else {
            // The owners' brake works whatever is wrong beside it.
            if let Some(owners) = owners {
                self.lower(&owners, by).await?;
            }
            self.refuse(mistakes, &fingerprint, by).await?
        };
        Ok((reloaded, fingerprint))
    }

    async fn activate(&self, set: RuleSet, by: &str) -> Result<Reloaded, StoreError> {
        let now = self.clock.now();
        let mut active = self.active.replacing().await;
        let before = active.revision.clone();
        // From the commit on it is true, and from the line after it everybody goes by it: nothing begins in between.
        let retired = self.store.activate(&active, &set, by, now).await?;
        let same = before == set.revision;
        let rules = Arc::new(RuleSet { retired, ..set });
        *active = Arc::clone(&rules);
        drop(active);
        self.active.set_wrong(None);
        self.metrics.rules_active(&rules.revision, self.clock.wall());
        self.tell.notify_one();
        self.wake.notify_one();
        if same {
            tracing::info!(rules = rules.revision, by, "the rules were read again: unchanged");
            return Ok(Reloaded::Same(rules));
        }
        for doubt in (self.doubts)(&rules) {
            tracing::warn!("{doubt}");
        }
        tracing::info!(before, rules = rules.revision, by, "another set of rules is active");
        Ok(Reloaded::New { before, rules })
    }

    /// What the owners allow no more is not done any more, from when this returns.
    async fn lower(
        &self,
        owners: &BTreeMap<TargetName, Target>,
        by: &str,
    ) -> Result<(), StoreError> {
        let now = self.clock.now();
        let mut active = self.active.replacing().await;
        let Some(lowered) = active.lowered_to(owners) else { return Ok(()) };
        self.store.lower(&active, &lowered, by, now).await?;
        tracing::warn!(
            before = active.revision,
            rules = lowered.revision,
            by,
            "the rules on disk are wrong, but their owners allow less: that holds at once"
        );
        self.metrics.rules_revision(&lowered.revision);
        *active = Arc::new(lowered);
        drop(active);
        self.wake.notify_one();
        Ok(())
    }

    async fn refuse(
        &self,
        mistakes: Vec<Mistake>,
        fingerprint: &str,
        by: &str,
    ) -> Result<Reloaded, StoreError> {
        let now = self.clock.now();
        let active = self.active.now().await.revision.clone();
        let errors = mistakes.iter().filter(|mistake| mistake.is_error());
        let known = self.active.wrong().filter(|known| known.fingerprint == fingerprint);
        let wrong = WrongRules {
            fingerprint: fingerprint.to_owned(),
            since: known.map_or(now, |known| known.since),
            errors: errors.clone().count(),
            lines: errors.take(LINES_MOST).map(ToString::to_string).collect(),
        };
        self.metrics.rules_wrong.set(i64::try_from(wrong.errors).unwrap_or(i64::MAX));
        tracing::error!(
            errors = wrong.errors,
            active,
            by,
            "the rules on disk are wrong: none of them becomes active"
        );
        let told = self.store.refuse_rules(&wrong, &active, by, now).await;
        self.active.set_wrong(Some(Arc::new(wrong)));
        if told? {
            self.tell.notify_one();
        }
        Ok(Reloaded::Wrong { active, mistakes })
    }

    async fn fingerprint(&self) -> Option<String> {
        let dir = self.dir.clone();
        tokio::task::spawn_blocking(move || rules::fingerprint(&dir)).await.ok()
    }
}
