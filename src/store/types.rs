//! What the verbs take and answer. Data only.

use serde::{Deserialize, Serialize};

use crate::core::alert::Notification;
use crate::core::evidence::Reading;
use crate::core::incident::{Incident, IncidentId};
use crate::core::rule::{RuleName, TargetName};
use crate::core::time::{Duration, Timestamp};

/// A stored webhook body that has not been attached to incidents yet.
#[derive(Clone, Debug, PartialEq)]
pub struct Stored {
    pub seq: u64,
    pub received_at: Timestamp,
    pub notification: Notification,
}

/// What `correlate` did with the oldest stored notifications.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Correlated {
    pub notifications: usize,
    pub opened: Vec<IncidentId>,
    pub touched: Vec<IncidentId>,
    /// Alerts that no rule matches, by alert name: counted, logged, never acted on.
    pub unmatched: Vec<String>,
    /// Groups that `max_alerts` cut: ask the source what is true.
    pub truncated: bool,
}

/// An incident leased to this process. `fence` grows with every lease: an older holder can commit nothing.
#[derive(Clone, Debug, PartialEq)]
pub struct Claim {
    pub incident: Incident,
    pub fence: u64,
}

/// The answer to `begin`.
#[derive(Clone, Debug, PartialEq)]
pub enum Begun {
    /// `Started` is committed: the action may be attempted, once.
    Started,
    /// The guards, as they are now, say no, or it was begun before: nothing may be done.
    Refused(Vec<String>),
}

/// How the process before this one ended, and what it left.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StartInfo {
    /// Names this store for ever.
    pub epoch: String,
    /// The last stop was clean, or there was none before.
    pub clean: bool,
    /// Starts without a clean stop within the last ten minutes, this one included.
    pub unclean_starts: u32,
    pub open_incidents: u32,
    /// The latest moment the store has seen: the clock never falls behind it.
    pub latest: Option<Timestamp>,
}

/// One row for each probe of each rule.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ProbeRow {
    pub rule: RuleName,
    pub probe: String,
    pub next_due: Timestamp,
    pub last: Option<Reading>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Which {
    Open,
    /// The newest first, so many at most, open ones included.
    Newest(u32),
}

#[derive(Clone, Debug, PartialEq)]
pub struct Lease {
    pub owner: String,
    pub length: Duration,
}

/// A target locked by an unknown outcome.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TargetLock {
    pub target: TargetName,
    pub incident: IncidentId,
    pub since: Timestamp,
}
