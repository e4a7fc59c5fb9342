//! What a person may order: one list behind all doors (CLI, API, Slack, console), with the same checks.

use serde::{Deserialize, Serialize};

use super::incident::IncidentId;
use super::rule::TargetName;
use super::time::{Duration, Timestamp};

/// Pauses of an incident or a target end: after an hour unless said otherwise, at most after a day (G1).
pub const PAUSE_DEFAULT: Duration = Duration::from_secs(3_600);
pub const PAUSE_MOST: Duration = Duration::from_secs(24 * 3_600);

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Command {
    /// The kill switch: durable, without end.
    PauseAll {
        reason: String,
    },
    ResumeAll,
    Pause {
        what: Scope,
        until: Timestamp,
        reason: String,
    },
    Resume {
        what: Scope,
    },
    /// Clears the lock that an unknown outcome left on a target (G16).
    Unlock {
        target: TargetName,
        reason: String,
    },
    /// A person looks after the incident: nobody need be called because it is unacknowledged.
    Acknowledge {
        incident: IncidentId,
        note: Option<String>,
    },
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    Incident(IncidentId),
    Target(TargetName),
}

/// Who ordered it, through which door.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Person {
    pub name: String,
    pub door: String,
}
