//! Who is called when, as a rule says it. Never calls anybody.

use serde::{Deserialize, Serialize};

use crate::core::evidence::QuestionName;
use crate::core::time::Duration;

/// Who is told when, if nothing helps.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EscalationRule {
    pub when: EscalateWhen,
    pub to: Vec<Contact>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EscalateWhen {
    /// The breaker has been open for so long.
    OpenFor(Duration),
    /// Open for so long, and nobody has said that they have it.
    Unacknowledged(Duration),
    /// So many rounds of evidence without a cause.
    UnknownCause { rounds: u32 },
    /// Open for so long, and still without a cause.
    UnknownFor(Duration),
    /// Reopened so often within the span.
    Reopened { times: u32, within: Duration },
    /// Open for at least the span, and the named trend went up over it.
    Rising { name: QuestionName, span: Duration },
    /// So many open incidents in the target's group, this one included.
    SeveralOpen { incidents: u32 },
    /// The ladder has ended, a person is needed, or an outcome is unknown.
    Always,
    /// Any of these.
    Any(Vec<EscalateWhen>),
}

impl EscalateWhen {
    /// The conditions of which any is enough.
    pub fn each(&self) -> &[Self] {
        match self {
            Self::Any(list) => list,
            Self::OpenFor(_)
            | Self::Unacknowledged(_)
            | Self::UnknownCause { .. }
            | Self::UnknownFor(_)
            | Self::Reopened { .. }
            | Self::Rising { .. }
            | Self::SeveralOpen { .. }
            | Self::Always => std::slice::from_ref(self),
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Contact {
    /// A Slack user, user group or `@name`, mentioned in the incident's thread and channel.
    Slack(String),
}
