//! `decide`: the only place where an incident moves. Total: every state, whatever is known or unknown, has an answer.

use serde::{Deserialize, Serialize};

use super::cause::Class;
use super::effect::Effect;
use super::fleet::Fleet;
use super::incident::{Incident, WaitReason};
use super::rule::{BreakerState, Rule};
use super::time::Timestamp;

/// What follows from an incident as it stands: committed whole, before any effect begins.
#[derive(Clone, Debug, PartialEq)]
pub struct Decision {
    /// The next state; `revision + 1`.
    pub incident: Incident,
    /// Performed in order, after the commit.
    pub effects: Vec<Effect>,
    /// Decide again then, even if nothing happens.
    pub wake: Option<Timestamp>,
    /// Shown in Slack, in metrics and in the audit log.
    pub because: Vec<Reason>,
    /// What the audit log gets beyond the decision itself: refusals and intents with their ground.
    pub audit: Vec<super::audit::AuditEntry>,
}

/// Why an incident moved.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    Opened,
    RoundDue,
    RoundLost,
    StateRead(BreakerState),
    CauseFound(Class),
    NoCause,
    TooEarly,
    Waiting(WaitReason),
    NextRung,
    GuardsAllow,
    GuardsRefuse,
    NeedsApproval,
    ModeForbids,
    Intended,
    NotStarted,
    Done,
    NotDone,
    OutcomeUnknown,
    ProvenDone,
    NotProven,
    Healthy,
    NotHealthy,
    Held,
    HoldDone,
    NotHelped,
    LadderEnded,
    PersonAsked,
    Escalated,
    OutOfTime,
    UnknownTarget,
    Reopened,
}

/// Moves an incident one step.
pub fn decide(incident: &Incident, rule: &Rule, fleet: &Fleet, now: Timestamp) -> Decision {
    let _ = (rule, fleet, now);
    Decision {
        incident: incident.clone(),
        effects: vec![],
        wake: None,
        because: vec![],
        audit: vec![],
    }
}
