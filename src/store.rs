//! What is remembered: about a dozen verbs, each one transaction, the same for every backend. Decides nothing.
//!
//! `tests/it/store.rs` is the contract that every backend passes. No transaction is held across a call to the outside.

pub mod memory;
pub mod sqlite;

use serde::{Deserialize, Serialize};

use crate::core::alert::Notification;
use crate::core::incident::{Incident, IncidentId};
use crate::core::report::{Page, Report};
use crate::core::rule::{RuleName, TargetName};
use crate::core::time::{Duration, Timestamp};

/// Why a verb did not succeed. Nothing was written.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Cannot write now: disk full, locked, shutting down. Worth trying again.
    #[error("the store cannot write now: {0}")]
    Unavailable(String),
    /// Somebody else moved the incident, or the lease is lost: read again.
    #[error("the incident was moved by somebody else")]
    Conflict,
    /// The data is not what this version wrote.
    #[error("the store holds what this version cannot read: {0}")]
    Corrupt(String),
    /// Another server holds this data directory.
    #[error("another reclose server holds {0}")]
    Held(String),
    /// Test-only: the simulated process ended here.
    #[error("the process ended")]
    Crashed,
}

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

// === the outbox: what people are told, each message once ===

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Slot {
    /// The root message: posted once, then edited to the newest body.
    Root,
    /// The n-th line of the thread.
    Thread(u32),
    /// The n-th call for a person.
    Page(u32),
}

/// What a delivery says.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Body {
    Report(Box<Report>),
    Line(String),
    Page(Page),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeliveryState {
    Planned,
    /// A request may be on its way since then.
    Sending(Timestamp),
    /// A request was on its way and nobody knows whether it arrived: look it up before sending again.
    Ambiguous(Timestamp),
    Sent,
    /// Given up: the channel refuses this content for good.
    Dead,
}

/// One message to people, from the commit of its decision until it is delivered.
#[derive(Clone, Debug, PartialEq)]
pub struct Delivery {
    /// `<epoch>/INC-<n>/<slot>`: carried in the message's metadata, so that it can be found again.
    pub id: String,
    pub incident: IncidentId,
    pub slot: Slot,
    /// Where the rule wants it; `None`: the configured default.
    pub channel: Option<String>,
    pub body: Body,
    /// Grows whenever a root's body is replaced.
    pub body_revision: u64,
    /// The newest revision known to be delivered; 0: none.
    pub sent_revision: u64,
    pub state: DeliveryState,
    pub attempts: u32,
    /// Not before this moment.
    pub due_at: Timestamp,
    /// Where it was posted: the channel and its time stamp there. A thread line's root is the delivery `Slot::Root`.
    pub posted: Option<Posted>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Posted {
    pub channel: String,
    pub ts: String,
}

/// What came of one attempt to deliver.
#[derive(Clone, Debug, PartialEq)]
pub enum Delivered {
    /// The revision that was on its way has arrived there.
    Sent {
        revision: u64,
        posted: Posted,
    },
    /// It was surely not delivered: again at `at`.
    Retry {
        at: Timestamp,
    },
    /// Nobody knows: look it up at `at`.
    Ambiguous {
        at: Timestamp,
    },
    /// The edited message is gone: post anew.
    LostAnchor,
    Dead {
        why: String,
    },
}

// === probes ===

/// One row for each probe of each rule.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ProbeRow {
    pub rule: RuleName,
    pub probe: String,
    pub next_due: Timestamp,
    pub last: Option<crate::core::evidence::Reading>,
}

// === what is asked of incidents ===

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
