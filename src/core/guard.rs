//! ⑤ Every guard's answer. Never acts, and never says no without a reason a person can act on.

use serde::{Deserialize, Serialize};

use super::time::Timestamp;

/// What one guard says of one action now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    Allow,
    NeedsApproval { whom: String },
    Refuse { why: String, until: Option<Timestamp> },
}

/// The guards by name, in the order in which people read them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Guard {
    /// G1: the kill switch, and pauses of the incident or its target.
    Pause,
    /// G2: many breakers open at once.
    Correlated,
    /// G3, G10: only targets of the inventory, never a protected one.
    Inventory,
    /// G12: the rule's mode and the owner's ceiling.
    Mode,
    /// Open long enough (`act_after`).
    ActAfter,
    /// G5: no second attempt within the cooldown, doubled after each failure.
    Cooldown,
    /// G4: attempts an incident, a target, a group and all.
    Budget,
    /// G6: another incident's open intent on the target or its group.
    Lock,
    /// G16: an unknown outcome locks the target until a person clears it.
    UnknownOutcome,
    /// G7: the evidence is young enough, and the state was read again and is still open.
    Evidence,
    /// G11: remedies by cause.
    Cause,
    /// G18: settled after the start.
    Settle,
    /// A verification is declared.
    Verify,
    /// The decision has not expired.
    Expiry,
}

/// One guard and its answer; all are evaluated and shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GuardVerdict {
    pub guard: Guard,
    pub answer: Answer,
}

/// Every guard's answer on `intent` as things stand at `now`. Called by `decide`, and again by the store inside the
/// transaction that writes `Started`, on the incident and the fleet as they are then.
pub fn evaluate(
    intent: &super::action::Intent,
    incident: &super::incident::Incident,
    rule: &super::rule::Rule,
    fleet: &super::fleet::Fleet,
    now: Timestamp,
) -> Vec<GuardVerdict> {
    todo!("{intent:?} {incident:?} {rule:?} {fleet:?} {now}")
}

impl GuardVerdict {
    pub const fn allows(&self) -> bool {
        matches!(self.answer, Answer::Allow)
    }
}
