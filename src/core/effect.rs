//! The closed list of what the core may ask of the world.

use serde::{Deserialize, Serialize};

use super::action::Intent;
use super::evidence::Question;
use super::incident::IncidentId;
use super::report::{Page, Report};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Effect {
    /// Ask these side by side, under one time budget, and write what came back.
    Query { incident: IncidentId, round: u64, questions: Vec<Question> },
    /// Begin this action, at most once.
    Do(Box<Intent>),
    /// Look whether this begun action was carried out; never do it.
    Look(Box<Intent>),
    /// Tell people the present truth, and what happened.
    Tell(Box<Report>),
    /// Call a person.
    Page(Page),
}

impl Effect {
    /// The word of the audit log and of metrics.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Query { .. } => "query",
            Self::Do(_) => "do",
            Self::Look(_) => "look",
            Self::Tell(_) => "tell",
            Self::Page(_) => "page",
        }
    }
}
