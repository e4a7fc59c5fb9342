//! What a guard must know beyond one incident: open breakers, budgets, switches, locks. Read in one transaction.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

use super::incident::IncidentId;
use super::planted::Bugs;
use super::rule::{Mode, Target, TargetName};
use super::time::Timestamp;

/// The fleet as it is now, as far as one incident's guards need it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Fleet {
    /// Names this store for ever; part of every intent's key.
    pub epoch: String,
    /// The incident's target as the inventory has it now; `None`: not in it.
    pub target: Option<Target>,
    /// Number of targets in the inventory.
    pub inventory: u32,
    pub brake_percent: u32,
    /// All open incidents, also those beyond what `open` holds.
    pub open_count: u32,
    /// Open incidents with their group and opening time, this one included. Bounded by `OPEN_SEEN`.
    pub open: Vec<OpenIncident>,
    /// `pause --all`: since when.
    pub kill_switch: Option<Timestamp>,
    /// Pauses of this incident or its target that have not ended.
    pub paused_until: Option<Timestamp>,
    /// Intents begun in the last 31 days, on any target, newest last. Bounded by `STARTS_SEEN`.
    pub starts: Vec<Start>,
    /// Intents decided or begun and without an outcome.
    pub in_flight: Vec<InFlight>,
    /// Targets locked by an unknown outcome, and by which incident.
    pub locked: BTreeMap<TargetName, IncidentId>,
    /// G18: no automatic action before this moment.
    pub settled_at: Option<Timestamp>,
    /// G18: too many starts without a clean stop.
    pub observe_only: bool,
    /// Modes that a rule was demoted to.
    pub mode_limit: Option<Mode>,
    /// Test-only; always empty in a released build.
    pub bugs: Bugs,
}

/// More open incidents than this are not told apart: the brake is long since on.
pub const OPEN_SEEN: usize = 1_000;
/// More starts in 31 days than this cannot be: the global budget is ten an hour.
pub const STARTS_SEEN: usize = 10_000;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpenIncident {
    pub id: IncidentId,
    pub target: TargetName,
    pub group: String,
    pub opened_at: Timestamp,
}

/// An intent that was begun.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Start {
    pub incident: IncidentId,
    pub target: TargetName,
    pub group: String,
    pub at: Timestamp,
    /// The attempt did not help.
    pub failed: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InFlight {
    pub incident: IncidentId,
    pub key: String,
    pub target: TargetName,
    pub group: String,
}
