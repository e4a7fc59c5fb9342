//! Every metric of the program, in one registry of its own. Counts and gauges only: nothing reads them to decide.

use prometheus_client::encoding::{EncodeLabelSet, text};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::Registry;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::core::action::Outcome;
use crate::core::decide::Reason;
use crate::core::guard::Guard;
use crate::core::time::{Duration, Timestamp};
use crate::store::Delivered;

/// The media type of `/metrics`.
pub const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// From half a millisecond, a single commit, to the 2.5 s within which every request is answered.
const ACK_BUCKETS_SECONDS: [f64; 12] =
    [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5];

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ReasonLabel {
    reason: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct GuardLabel {
    guard: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OutcomeLabel {
    outcome: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ResultLabel {
    result: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RevisionLabel {
    revision: String,
}

/// What came of reading the rules again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReloadResult {
    Activated,
    Unchanged,
    /// The rules are wrong.
    Refused,
    /// They could not be read, or the store could not be written.
    Failed,
}

impl ReloadResult {
    const ALL: [Self; 4] = [Self::Activated, Self::Unchanged, Self::Refused, Self::Failed];

    const fn name(self) -> &'static str {
        match self {
            Self::Activated => "activated",
            Self::Unchanged => "unchanged",
            Self::Refused => "refused",
            Self::Failed => "failed",
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ProbeLabels {
    rule: String,
    probe: String,
}

/// Shared by everything that counts. Cheap to write, and safe to call from anywhere.
#[derive(Default)]
pub struct Metrics {
    /// Alerts in accepted notifications.
    pub alerts: Counter,
    pub notifications: Counter,
    pub incidents_open: Gauge,
    pub pages: Counter,
    pub queue_depth: Gauge,
    pub kill_switch: Gauge,
    /// Mistakes in the rules on disk; 0: they are what is active.
    pub rules_wrong: Gauge,
    outbox_waiting: Gauge,
    outbox_oldest_seconds: Gauge<f64, AtomicU64>,
    rules_reloads: Family<ResultLabel, Counter>,
    rules_revision: Family<RevisionLabel, Gauge>,
    rules_last_success_seconds: Gauge,
    rejected: Family<ReasonLabel, Counter>,
    decisions: Family<ReasonLabel, Counter>,
    guard_refusals: Family<GuardLabel, Counter>,
    actions: Family<OutcomeLabel, Counter>,
    deliveries: Family<ResultLabel, Counter>,
    probe_healthy: Family<ProbeLabels, Gauge>,
    ack_seconds: AckSeconds,
    heartbeat_age_seconds: Gauge<f64, AtomicU64>,
    /// Time since boot of the engine's last heartbeat, in milliseconds; 0: none yet.
    heartbeat_ms: AtomicU64,
    registry: Registered,
}

const DONE: &str = "done";
const NOT_DONE: &str = "not_done";
const UNKNOWN: &str = "unknown";
const OUTCOMES: [&str; 3] = [DONE, NOT_DONE, UNKNOWN];
/// Why a notification is not stored (`Reject::reason`).
const NOT_STORED: [&str; 3] = ["busy", "store_slow", "store_unavailable"];

/// A histogram with our buckets, so that `Metrics` has a default.
struct AckSeconds(Histogram);

impl Default for AckSeconds {
    fn default() -> Self {
        Self(Histogram::new(ACK_BUCKETS_SECONDS))
    }
}

struct Registered(Registry);

impl Default for Registered {
    fn default() -> Self {
        Self(Registry::with_prefix("reclose"))
    }
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Metrics")
    }
}

impl Metrics {
    pub fn new(version: &str) -> Self {
        let mut new = Self::default();
        let mut registry = Registry::with_prefix("reclose");
        let to = &mut registry;
        to.register("alerts", "Alerts received and stored", new.alerts.clone());
        to.register(
            "notifications",
            "Webhook bodies received and stored",
            new.notifications.clone(),
        );
        to.register("rejected", "Requests turned away, by reason", new.rejected.clone());
        to.register("incidents_open", "Incidents that are not over", new.incidents_open.clone());
        to.register("decisions", "Steps of incidents, by reason", new.decisions.clone());
        to.register("guard_refusals", "Actions refused, by guard", new.guard_refusals.clone());
        to.register("actions", "Actions begun, by outcome", new.actions.clone());
        to.register("pages", "Calls for a person", new.pages.clone());
        to.register("deliveries", "Attempts to tell people, by result", new.deliveries.clone());
        to.register(
            "ack_seconds",
            "From a webhook's arrival to its acknowledgement",
            new.ack_seconds.0.clone(),
        );
        to.register("queue_depth", "Requests that wait to be stored", new.queue_depth.clone());
        to.register(
            "heartbeat_age_seconds",
            "Since the engine last went round; -1 before it has",
            new.heartbeat_age_seconds.clone(),
        );
        to.register(
            "probe_healthy",
            "1 if the probe's last result was as expected",
            new.probe_healthy.clone(),
        );
        to.register("kill_switch", "1 while `pause --all` holds", new.kill_switch.clone());
        to.register(
            "outbox_waiting",
            "Messages to people of which nothing has arrived yet",
            new.outbox_waiting.clone(),
        );
        to.register(
            "outbox_oldest_seconds",
            "Age of the oldest of them; 0: there is none",
            new.outbox_oldest_seconds.clone(),
        );
        to.register(
            "rules_reloads",
            "Readings of the rules while running, by result",
            new.rules_reloads.clone(),
        );
        to.register(
            "rules_revision_info",
            "1 for the revision of the active rules",
            new.rules_revision.clone(),
        );
        to.register(
            "rules_last_success_timestamp_seconds",
            "When rules were last read without a mistake",
            new.rules_last_success_seconds.clone(),
        );
        to.register(
            "rules_wrong",
            "Mistakes in the rules on disk; 0 while they are what is active",
            new.rules_wrong.clone(),
        );
        to.register(
            "build",
            "The program",
            Info::new([("version".to_owned(), version.to_owned())]),
        );
        new.begin_at_zero();
        new.registry = Registered(registry);
        new
    }

    /// What alerts look for is there from the first scrape on: a series that appears with its first failure is never seen to
    /// rise.
    fn begin_at_zero(&self) {
        for result in ReloadResult::ALL {
            drop(self.rules_reloads.get_or_create(&ResultLabel { result: result.name() }));
        }
        for guard in Guard::ALL {
            drop(self.guard_refusals.get_or_create(&GuardLabel { guard: guard.name() }));
        }
        for outcome in OUTCOMES {
            drop(self.actions.get_or_create(&OutcomeLabel { outcome }));
        }
        for reason in NOT_STORED {
            drop(self.rejected.get_or_create(&ReasonLabel { reason: reason.to_owned() }));
        }
    }

    pub fn outbox(&self, waiting: u32, oldest: Duration) {
        self.outbox_waiting.set(i64::from(waiting));
        self.outbox_oldest_seconds.set(oldest.as_secs_f64());
    }

    /// A request was turned away. `reason` is one of a closed list (`Reject::reason`).
    pub fn rejected(&self, reason: &'static str) {
        self.rejected.get_or_create(&ReasonLabel { reason: reason.to_owned() }).inc();
    }

    pub fn decided(&self, because: &[Reason]) {
        for reason in because {
            self.decisions.get_or_create(&ReasonLabel { reason: word(reason) }).inc();
        }
    }

    pub fn refused(&self, guard: Guard) {
        self.guard_refusals.get_or_create(&GuardLabel { guard: guard.name() }).inc();
    }

    pub fn rules_reloaded(&self, result: ReloadResult) {
        self.rules_reloads.get_or_create(&ResultLabel { result: result.name() }).inc();
    }

    /// These rules are active, and what is on disk.
    pub fn rules_active(&self, revision: &str, at: Timestamp) {
        self.rules_revision(revision);
        self.rules_last_success_seconds.set(at.as_second());
        self.rules_wrong.set(0);
    }

    pub fn rules_revision(&self, revision: &str) {
        self.rules_revision.clear();
        self.rules_revision.get_or_create(&RevisionLabel { revision: revision.to_owned() }).set(1);
    }

    pub fn acted(&self, outcome: &Outcome) {
        let outcome = match outcome {
            Outcome::Done => DONE,
            Outcome::NotDone(_) => NOT_DONE,
            Outcome::Unknown(_) => UNKNOWN,
        };
        self.actions.get_or_create(&OutcomeLabel { outcome }).inc();
    }

    pub fn delivered(&self, delivered: &Delivered) {
        let result = match delivered {
            Delivered::Sent { .. } => "sent",
            Delivered::Retry { .. } => "retry",
            Delivered::Ambiguous { .. } => "ambiguous",
            Delivered::LostAnchor => "lost_anchor",
            Delivered::Dead { .. } => "dead",
        };
        self.deliveries.get_or_create(&ResultLabel { result }).inc();
    }

    pub fn probed(&self, rule: &str, probe: &str, healthy: bool) {
        let labels = ProbeLabels { rule: rule.to_owned(), probe: probe.to_owned() };
        self.probe_healthy.get_or_create(&labels).set(i64::from(healthy));
    }

    /// A webhook was acknowledged so long after its head had arrived.
    pub fn acknowledged(&self, took: Duration) {
        self.ack_seconds.0.observe(took.as_secs_f64());
    }

    /// The engine went round at this time since boot.
    pub fn beat(&self, since_boot: Duration) {
        self.heartbeat_ms.store(millis(since_boot).max(1), Ordering::Relaxed);
    }

    /// How long ago the engine went round; `None` before it has.
    pub fn heartbeat_age(&self, since_boot: Duration) -> Option<Duration> {
        let beat = self.heartbeat_ms.load(Ordering::Relaxed);
        (beat > 0).then(|| Duration::from_millis(millis(since_boot).saturating_sub(beat)))
    }

    /// All metrics as `OpenMetrics` text, at this time since boot.
    pub fn encode(&self, since_boot: Duration) -> Result<String, fmt::Error> {
        let age = self.heartbeat_age(since_boot).map_or(-1.0, |age| age.as_secs_f64());
        self.heartbeat_age_seconds.set(age);
        let mut page = String::new();
        text::encode(&mut page, &self.registry.0)?;
        Ok(page)
    }
}

fn millis(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}

/// The serialized word of an enum's variant; what a variant holds is left out, so that the list stays closed.
fn word(variant: &impl serde::Serialize) -> String {
    match serde_json::to_value(variant) {
        Ok(serde_json::Value::String(word)) => word,
        Ok(serde_json::Value::Object(object)) => object.keys().next().cloned().unwrap_or_default(),
        Ok(_) | Err(_) => String::new(),
    }
}
