//! The loop: correlate, claim a due incident, decide, commit, perform. Decides nothing itself.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{Notify, Semaphore};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::active::Active;
use super::clock::Clock;
use crate::core::action::{Intent, Outcome};
use crate::core::audit::AuditEntry;
use crate::core::decide::decide;
use crate::core::decide::{Decision, Reason};
use crate::core::effect::Effect;
use crate::core::evidence::{Findings, Question};
use crate::core::guard::Guard;
use crate::core::planted::Bugs;
use crate::core::rule::{Rule, RuleSet};
use crate::core::time::{Duration, since};
use crate::store::{Correlated, Lease, Store, StoreError};
use crate::telemetry::Metrics;

/// Everything outside: asked, and acted on. The real one is `systems`; the simulation has its own.
pub trait World: Send + Sync + 'static {
    /// Asks side by side; what has not answered within the budget has failed.
    fn ask(&self, rule: &Rule, questions: &[Question]) -> impl Future<Output = Findings> + Send;
    /// Does it, at most once, and never retries. `begun_at` is the time since boot just before `Started` was committed:
    /// an act that comes too late after it is not begun.
    fn act(&self, intent: &Intent, begun_at: Duration) -> impl Future<Output = Outcome> + Send;
    /// Looks whether it was done: `Done` only on proof, else `Unknown`.
    fn look(&self, intent: &Intent) -> impl Future<Output = Outcome> + Send;
}

/// One server's engine. Cheap to share.
pub struct Engine<W> {
    pub store: Store,
    pub world: Arc<W>,
    pub rules: Active,
    pub clock: Clock,
    /// Pokes the loop: something was stored that may be due.
    pub wake: Arc<Notify>,
    /// Pokes the deliverer: people are to be told something.
    pub tell: Arc<Notify>,
    /// Pokes reconciliation: a group came truncated.
    pub truncated: Arc<Notify>,
    pub metrics: Arc<Metrics>,
    /// Test-only; always empty in a released build.
    pub bugs: Bugs,
    lease: Lease,
    remembered: Mutex<BTreeMap<String, Arc<Rule>>>,
}

/// Notifications attached in one transaction.
const CORRELATE_MOST: u32 = 64;
/// A decision takes milliseconds; a lease this old belongs to a process that is gone.
const LEASE: Duration = Duration::from_secs(30);
/// Rounds of questions under way at once; more wait their turn.
const QUERIES_MOST: usize = 64;
/// Actions and looks have a lane of their own: slow questions must not hold up the proof of an outcome.
const ACTIONS_MOST: usize = 16;
/// Even if nothing is due and nobody pokes, look this often.
const IDLE: Duration = Duration::from_secs(1);

impl<W: World> Engine<W> {
    pub fn new(store: Store, world: Arc<W>, rules: Arc<RuleSet>, clock: Clock) -> Self {
        let owner = format!("{}", std::process::id());
        Self {
            store,
            world,
            rules: Active::new(rules),
            clock,
            wake: Arc::new(Notify::new()),
            tell: Arc::new(Notify::new()),
            truncated: Arc::new(Notify::new()),
            metrics: Arc::default(),
            bugs: Bugs::default(),
            lease: Lease { owner, length: LEASE },
            remembered: Mutex::new(BTreeMap::new()),
        }
    }

    /// Attaches what was stored to incidents. True if there may be more.
    pub async fn correlate(&self) -> Result<bool, StoreError> {
        let done: Correlated = {
            // Held: an incident that opens after a set was replaced opens by the new one.
            let rules = self.rules.held().await;
            self.store.correlate(self.clock.now(), CORRELATE_MOST, &rules).await?
        };
        for id in &done.opened {
            tracing::info!(incident.id = %id, "incident opened");
        }
        for name in &done.unmatched {
            tracing::warn!(alert.name = %name, "no rule matches this alert");
        }
        if done.truncated {
            self.truncated.notify_one();
        }
        Ok(done.notifications >= CORRELATE_MOST as usize)
    }

    /// Claims one due incident, decides, commits. `None`: nothing is due. The effects are to be performed, in order.
    pub async fn step(&self) -> Result<Option<Vec<Effect>>, StoreError> {
        let Some(claim) = self.store.claim_due(self.clock.now(), &self.lease).await? else {
            return Ok(None);
        };
        let incident = &claim.incident;
        let rules = self.rules.now().await;
        let remembered = self.rule(&incident.rule_revision).await?;
        let Some(rule) =
            remembered.or_else(|| rules.rule(&incident.breaker).cloned().map(Arc::new))
        else {
            tracing::error!(incident.id = %incident.id, "no rule speaks of this incident any more; it stands still");
            return Err(StoreError::Corrupt(format!(
                "rule revision {} is missing",
                incident.rule_revision
            )));
        };
        let fleet = self.store.fleet(incident, &rules, self.clock.now()).await?;
        let now = self.clock.now();
        let decision = decide(incident, &rule, &fleet, now);
        let effects = decision.effects.clone();
        tracing::debug!(
            incident.id = %incident.id, phase = decision.incident.phase.name(), because = ?decision.because,
            duration_ms = since(self.clock.now(), now).as_millis(), "decided"
        );
        let told = Told::of(&decision);
        match self.store.commit(&claim, decision, now).await {
            Ok(()) => {
                self.count(&told);
                Ok(Some(effects))
            }
            Err(StoreError::Conflict) => {
                // News came in between, or the lease is lost: read again and decide on what is true now.
                self.store.release(&claim).await?;
                Ok(Some(Vec::new()))
            }
            Err(
                error @ (StoreError::Unavailable(_)
                | StoreError::Corrupt(_)
                | StoreError::Held(_)
                | StoreError::Crashed),
            ) => Err(error),
        }
    }

    fn count(&self, told: &Told) {
        self.metrics.decided(&told.because);
        self.metrics.pages.inc_by(told.pages);
        for guard in &told.refused {
            self.metrics.refused(*guard);
        }
    }

    /// The rule an incident started with, whatever is active now.
    pub async fn rule(&self, revision: &str) -> Result<Option<Arc<Rule>>, StoreError> {
        if let Some(rule) =
            self.remembered.lock().unwrap_or_else(PoisonError::into_inner).get(revision)
        {
            return Ok(Some(rule.clone()));
        }
        let Some(rule) = self.store.rule_by_revision(revision).await? else { return Ok(None) };
        self.remembered
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(revision.to_owned(), rule.clone());
        Ok(Some(rule))
    }

    /// Runs until told to stop; then finishes what it has begun.
    pub async fn run(self: Arc<Self>, stop: CancellationToken) {
        let under_way = TaskTracker::new();
        let lanes = Lanes::default();
        while !stop.is_cancelled() {
            match self.turn(&under_way, &lanes).await {
                Ok(true) => {}
                Ok(false) => self.rest(&stop).await,
                Err(error) => {
                    tracing::error!(%error, "the store failed; trying again");
                    self.set_aside(&error).await;
                    self.rest(&stop).await;
                }
            }
        }
        under_way.close();
        under_way.wait().await;
    }

    /// One round of the loop. True if there may be more to do at once.
    async fn turn(
        self: &Arc<Self>,
        under_way: &TaskTracker,
        lanes: &Lanes,
    ) -> Result<bool, StoreError> {
        // Alerts that cannot be attached must not keep open incidents from being seen to.
        let more = match self.correlate().await {
            Ok(more) => more,
            Err(error) => {
                tracing::error!(%error, "stored alerts cannot be attached");
                self.set_aside(&error).await;
                false
            }
        };
        let Some(effects) = self.step().await? else { return Ok(more) };
        if effects.iter().any(|effect| matches!(effect, Effect::Tell(_) | Effect::Page(_))) {
            // They stand in the outbox: people need not wait for the questions.
            self.tell.notify_one();
        }
        if !effects.is_empty() {
            let engine = self.clone();
            let lane = lanes.of(&effects);
            under_way.spawn(async move {
                let Ok(_place) = lane.acquire_owned().await else { return };
                for effect in effects {
                    if let Err(error) = engine.perform(&effect).await {
                        tracing::error!(%error, effect = effect.name(), "an effect could not be recorded");
                    }
                }
                engine.wake.notify_one();
            });
        }
        Ok(true)
    }

    /// A record that cannot be read must not keep the others from being seen to.
    async fn set_aside(&self, error: &StoreError) {
        if !matches!(error, StoreError::Corrupt(_)) {
            return;
        }
        let rules = self.rules.now().await;
        if let Err(error) = self.store.set_aside_unreadable(&rules, self.clock.now()).await {
            tracing::error!(%error, "what cannot be read cannot be set aside");
        }
    }

    async fn rest(&self, stop: &CancellationToken) {
        let due = self.store.next_due().await.ok().flatten();
        let now = self.clock.now();
        let until = due.map_or(IDLE, |due| since(due, now).min(IDLE)).max(Duration::from_millis(1));
        tokio::select! {
            () = self.wake.notified() => {}
            () = tokio::time::sleep(until) => {}
            () = stop.cancelled() => {}
        }
    }
}

/// How many effects may be under way, by kind.
struct Lanes {
    queries: Arc<Semaphore>,
    actions: Arc<Semaphore>,
}

impl Default for Lanes {
    fn default() -> Self {
        Self {
            queries: Arc::new(Semaphore::new(QUERIES_MOST)),
            actions: Arc::new(Semaphore::new(ACTIONS_MOST)),
        }
    }
}

impl Lanes {
    fn of(&self, effects: &[Effect]) -> Arc<Semaphore> {
        let acts = effects.iter().any(|effect| matches!(effect, Effect::Do(_) | Effect::Look(_)));
        if acts { self.actions.clone() } else { self.queries.clone() }
    }
}

/// What a decision adds to the metrics, once it is committed.
struct Told {
    because: Vec<Reason>,
    pages: u64,
    refused: Vec<Guard>,
}

impl Told {
    fn of(decision: &Decision) -> Self {
        let pages =
            decision.effects.iter().filter(|effect| matches!(effect, Effect::Page(_))).count();
        let mut refused = Vec::new();
        for entry in &decision.audit {
            if let AuditEntry::Refused { guards, .. } = entry {
                refused.extend(
                    guards.iter().filter(|verdict| !verdict.allows()).map(|verdict| verdict.guard),
                );
            }
        }
        Self { because: decision.because.clone(), pages: pages as u64, refused }
    }
}
