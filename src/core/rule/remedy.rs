//! What a rule does about a cause, and what it counts as health. Never knows which rung is next.

use serde::{Deserialize, Serialize};

use super::BreakerState;
use crate::core::action::ActionName;
use crate::core::evidence::QuestionName;
use crate::core::time::Duration;

/// One remedy of a ladder.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rung {
    Wait(Wait),
    Do {
        action: ActionName,
        /// Only when the cause is proven gone: every `upstream` probe green for its hold. Otherwise
        /// the rule names the action as the fix of this cause, and it is never done above `approve` (G11).
        gone: bool,
        /// A checklist: all of it must hold when the action is decided, and again when it begins.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        all: Vec<VerifySignal>,
        /// How long to wait for proof and checklist before the next rung.
        within: Duration,
    },
    Ask {
        text: String,
        /// Probes that must be green for their hold before the next rung; empty: the person takes over.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        until: Vec<QuestionName>,
        /// How long to wait for that before the person takes over.
        #[serde(default)]
        within: Duration,
    },
    Escalate,
}

impl Rung {
    /// What must hold before its action, beside the proof that the cause is gone.
    pub fn checklist(&self) -> &[VerifySignal] {
        match self {
            Self::Do { all, .. } => all,
            Self::Wait(_) | Self::Ask { .. } | Self::Escalate => &[],
        }
    }

    /// What must be seen healthy before the ladder goes on after a person was asked.
    pub fn until(&self) -> &[QuestionName] {
        match self {
            Self::Ask { until, .. } => until,
            Self::Wait(_) | Self::Do { .. } | Self::Escalate => &[],
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Wait {
    /// Until the breaker tries again by itself (`recovery.half_open_after`).
    HalfOpen,
    /// Until the moment the other side named, at least and at most so long from now.
    RetryAfter {
        at_least: Duration,
        at_most: Duration,
    },
    For(Duration),
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VerifyRule {
    /// How long health must last before it counts.
    pub hold: Duration,
    /// Not healthy for so long: the next rung, or a person.
    pub within: Duration,
    /// How often to look.
    pub every: Duration,
    /// All of these, at least two, one of them not the alert.
    pub all: Vec<VerifySignal>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum VerifySignal {
    /// The breaker's state is one of these.
    State(Vec<BreakerState>),
    /// Every alert of the incident is resolved.
    AlertResolved,
    /// The named probe or HTTP question is healthy.
    Healthy(QuestionName),
    /// The named trend goes down.
    Falling(QuestionName),
    /// The named trend does not go up.
    NotRising(QuestionName),
    /// The named number is not above the limit.
    AtMost { name: QuestionName, limit: f64 },
    /// The named number is not below the limit.
    AtLeast { name: QuestionName, limit: f64 },
}
// The loader lets only finite limits in.
impl Eq for VerifySignal {}

impl VerifySignal {
    /// What it asks for, in words.
    pub fn words(&self) -> String {
        match self {
            Self::State(wanted) => {
                let names: Vec<&str> = wanted.iter().map(|state| state.name()).collect();
                format!("the breaker is {}", names.join(" or "))
            }
            Self::AlertResolved => "every alert is resolved".to_owned(),
            Self::Healthy(name) => format!("`{name}` is healthy"),
            Self::Falling(name) => format!("`{name}` falls"),
            Self::NotRising(name) => format!("`{name}` does not rise"),
            Self::AtMost { name, limit } => format!("`{name}` is at most {limit}"),
            Self::AtLeast { name, limit } => format!("`{name}` is at least {limit}"),
        }
    }
}
