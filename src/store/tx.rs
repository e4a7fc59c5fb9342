//! One open transaction as the verbs see it: rows in, rows out. Never decides what a verb means.
//!
//! Every verb is written once, over this trait; a backend only keeps rows. That keeps the stores in step.

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::outbox::{Delivery, Slot};
use super::{ProbeRow, StoreError, Stored, TargetLock, WrongRules};
use crate::core::action::{Intent, IntentKey};
use crate::core::alert::Notification;
use crate::core::audit::AuditEntry;
use crate::core::command::Scope;
use crate::core::incident::{Breaker, Incident, IncidentId};
use crate::core::planted::Bugs;
use crate::core::rule::{Rule, TargetName};
use crate::core::time::Timestamp;

pub(super) type Answer<T> = Result<T, StoreError>;

/// What the store knows of the server that holds it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Server {
    /// The last stop was clean, or there was no start yet.
    pub clean: bool,
    /// When it was last started.
    pub started_at: Option<Timestamp>,
    /// Starts that no clean stop has followed, oldest first.
    pub starts: Vec<Timestamp>,
    /// G18: no automatic action before this moment, and none at all.
    pub settled_at: Option<Timestamp>,
    pub observe_only: bool,
    /// `pause --all`: since when.
    pub kill_switch: Option<Timestamp>,
    /// Notices so far: the number of the last.
    #[serde(default)]
    pub notices: u32,
    /// People were told that the rules on disk cannot become active, and not yet that they can again.
    #[serde(default)]
    pub rules_wrong: Option<WrongRules>,
}

/// An incident and its place in the queue.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Row {
    pub incident: Incident,
    /// `None`: not due until there is news. Without meaning once the incident is closed.
    pub due_at: Option<Timestamp>,
    /// Grows with every lease.
    pub fence: u64,
    pub lease_until: Option<Timestamp>,
}

/// What a commit must know of the row it replaces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Head {
    pub revision: u64,
    pub fence: u64,
}

/// Where an intent stands. It moves forward only.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum IntentState {
    Decided,
    /// The guards said no when it should begin: never begun.
    Refused,
    /// Perhaps attempted; what came of it is not written yet.
    Started,
    Unknown,
    Done,
    NotDone,
}

/// An intent as the store keeps it, from its decision to its outcome.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct IntentRow {
    pub intent: Intent,
    pub state: IntentState,
    pub started_at: Option<Timestamp>,
    /// Did the attempt bring the breaker back, as far as verification has said?
    pub helped: Option<bool>,
}

/// Stored bodies, now attached. `unreadable` are those that this version cannot read.
#[derive(Debug, Default)]
pub(super) struct Taken {
    pub stored: Vec<Stored>,
    pub unreadable: Vec<u64>,
}

/// An open incident as the fleet's guards count it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct OpenRow {
    pub id: IncidentId,
    pub target: TargetName,
    pub open_since: Timestamp,
}

macro_rules! asks {
    ($($(#[$doc:meta])* fn $name:ident($($arg:ident: $type:ty),*) -> $out:ty;)*) => {
        $($(#[$doc])* fn $name(&mut self, $($arg: $type),*) -> impl Future<Output = Answer<$out>> + Send;)*
    };
}

/// The rows of one transaction. All of it is kept, or nothing.
pub(super) trait Tx: Send {
    /// Names this store for ever.
    fn epoch(&self) -> &str;
    fn bugs(&self) -> Bugs;
    /// Appends to the audit log, in this transaction.
    fn audit(&mut self, at: Timestamp, entry: AuditEntry);

    asks! {
        fn server() -> Server;
        fn put_server(server: &Server) -> ();
        /// The latest moment written anywhere.
        fn latest() -> Option<Timestamp>;

        fn put_rule(rule: &Rule) -> ();
        fn rule(revision: &str) -> Option<Arc<Rule>>;

        /// One statement for the whole batch.
        fn add_notifications(batch: Vec<(Timestamp, Notification)>) -> ();
        /// The oldest that are not attached, so many at most, in their order; they are attached from now on.
        fn take_notifications(now: Timestamp, limit: u32) -> Taken;

        /// Never the same number twice, whatever is deleted or rolled back later.
        fn next_incident() -> IncidentId;
        fn row(id: IncidentId) -> Option<Row>;
        fn head(id: IncidentId) -> Option<Head>;
        /// The open incident of a breaker: there is at most one.
        fn open_of(breaker: &Breaker) -> Option<Row>;
        /// The incident of a breaker that was closed last, if that was not before `since`.
        fn closed_of(breaker: &Breaker, since: Timestamp) -> Option<Row>;
        fn put_row(row: Row) -> ();
        /// The open incident that has been due longest, without a live lease.
        fn due(now: Timestamp) -> Option<Row>;
        /// When `due` will have an answer next.
        fn next_due() -> Option<Timestamp>;
        /// Closes the open incidents that cannot be decoded, and says which: they must not keep others from being seen to.
        fn set_aside_unreadable(now: Timestamp) -> Vec<(IncidentId, Breaker)>;
        fn set_lease(id: IncidentId, fence: u64, until: Option<Timestamp>) -> ();
        fn clear_leases() -> ();
        fn open_count() -> u32;
        /// Open incidents, those that opened last first.
        fn open_rows(limit: usize) -> Vec<OpenRow>;
        fn all_open() -> Vec<Incident>;
        fn newest(limit: u32) -> Vec<Incident>;

        fn intent(key: &IntentKey) -> Option<IntentRow>;
        fn put_intent(row: &IntentRow) -> ();
        fn set_helped(key: &IntentKey, helped: bool) -> ();
        /// Begun and without an outcome, oldest first.
        fn unfinished() -> Vec<Intent>;
        /// Begun at `since` or later, the newest so many, oldest first.
        fn starts(since: Timestamp, limit: usize) -> Vec<IntentRow>;
        /// Decided for an incident still open, begun, or unknown and still locking its target in an open incident.
        fn in_flight() -> Vec<Intent>;

        fn put_lock(key: &IntentKey, lock: &TargetLock) -> ();
        fn remove_lock(key: &IntentKey) -> ();
        fn remove_locks_of(target: &TargetName) -> ();
        fn locks() -> Vec<TargetLock>;
        fn pauses() -> BTreeMap<Scope, Timestamp>;
        fn put_pause(scope: &Scope, until: Option<Timestamp>) -> ();

        fn delivery(incident: IncidentId, slot: Slot) -> Option<Delivery>;
        /// `now` is kept as the moment of planning when the row is new.
        fn put_delivery(delivery: &Delivery, now: Timestamp) -> ();
        /// The number of the next line of the thread, from 1.
        fn next_line(incident: IncidentId) -> u32;
        /// What may be sent now, the most urgent first: see `outbox`.
        fn due_deliveries(now: Timestamp, limit: u32) -> Vec<Delivery>;
        /// Messages of which nothing has arrived yet, and when the oldest was planned.
        fn unsaid() -> (u32, Option<Timestamp>);
        /// What was on its way when the process before this one ended may have arrived.
        fn doubt_deliveries(now: Timestamp) -> ();

        fn probes() -> Vec<ProbeRow>;
        fn put_probe(row: &ProbeRow) -> ();
    }
}

impl Row {
    /// There is news: decide as soon as possible. What has waited longer keeps its place.
    pub(super) fn due_now(&mut self, now: Timestamp) {
        self.due_at = Some(self.due_at.map_or(now, |due| due.min(now)));
    }

    /// The record changed: whoever has read it before must read it again.
    pub(super) fn changed(&mut self, now: Timestamp) {
        self.incident.revision = self.incident.revision.saturating_add(1);
        self.incident.updated_at = self.incident.updated_at.max(now);
    }
}

impl IntentRow {
    /// The attempt is known to have failed, or nobody knows.
    pub(super) fn failed(&self) -> bool {
        matches!(self.state, IntentState::NotDone | IntentState::Unknown)
            || self.helped == Some(false)
    }
}

impl IntentState {
    pub(super) const ALL: [Self; 6] =
        [Self::Decided, Self::Refused, Self::Started, Self::Unknown, Self::Done, Self::NotDone];

    /// The word in the database.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Decided => "decided",
            Self::Refused => "refused",
            Self::Started => "started",
            Self::Unknown => "unknown",
            Self::Done => "done",
            Self::NotDone => "not_done",
        }
    }
}
