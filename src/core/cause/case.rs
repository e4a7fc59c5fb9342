//! All that is known about one opening of a breaker: what a live round found, or what a saved bundle holds.
//! Never says how it was asked: whoever fills a case in leaves out what is stale, partial or of no meaning, and says so.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

use super::whose::Whose;
use crate::core::evidence::ProbeResult;
use crate::core::time::{Duration, Timestamp};

/// What is weighed.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Case {
    /// When the breaker opened: what came later did not open it.
    pub opened_at: Timestamp,
    /// Which of several dependencies a line may speak of.
    pub whose: Whose,
    pub witnesses: Vec<Witness>,
    /// What was asked and has no answer that may be used.
    pub missing: Vec<Missing>,
    /// In how many instances of the service the breaker is open.
    pub instances: Option<Instances>,
}

/// One answer, under the name of its question.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Witness {
    pub question: String,
    pub said: Said,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Said {
    Lines(Lines),
    Counts(Counts),
    /// A call to the upstream past the breaker.
    Probe {
        probe: ProbeResult,
        at: Timestamp,
    },
    /// A measurement that names no failure, but may say which one hides behind an empty status.
    Support(Support),
}

/// Log lines, in any order.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Lines {
    pub lines: Vec<Line>,
    /// The source did not cut them.
    pub complete: bool,
    /// From when on they were asked for, where that is known: a silent hour is silence then, and no gap.
    pub from: Option<Timestamp>,
    pub read_at: Timestamp,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    pub at: Option<Timestamp>,
    pub text: String,
    /// The pod, host or container that wrote it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instance: Option<String>,
}

/// Calls to the dependency by the value of a label, such as a status.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Counts {
    pub now: BTreeMap<String, f64>,
    /// What was usual: the same calls in a span of the same length before, if somebody could say.
    #[serde(default)]
    pub usual: Option<BTreeMap<String, f64>>,
    /// The same by the minute, around the opening; labels may lack.
    #[serde(default)]
    pub minutes: BTreeMap<String, Vec<(Timestamp, f64)>>,
}

/// What may stand behind a failure that its status does not name.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Support {
    /// A gauge and what it was an hour before.
    Gauge { metric: String, now: f64, before: Option<f64>, most: Option<f64> },
    /// Seconds until something ends; negative: since then.
    Expiry { metric: String, left_s: f64 },
    /// A version that is another one since `at`.
    Version { metric: String, from: String, to: String, at: Option<Timestamp> },
    /// The 95th percentile of the calls' durations in seconds.
    Latency { metric: String, points: Vec<(Timestamp, f64)> },
    /// How much waits.
    Queue { metric: String, points: Vec<(Timestamp, f64)> },
}

/// A question without an answer that may be used.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Missing {
    pub question: String,
    /// For people; bounded, and without secrets.
    pub why: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Instances {
    pub open: u32,
    pub total: u32,
}

impl Support {
    pub fn metric(&self) -> &str {
        match self {
            Self::Gauge { metric, .. }
            | Self::Expiry { metric, .. }
            | Self::Version { metric, .. }
            | Self::Latency { metric, .. }
            | Self::Queue { metric, .. } => metric,
        }
    }
}

/// What opened a breaker stood in the minutes before; what it withstood for longer than this did not open it.
/// Room for alerts that wait before they fire.
pub(super) const OLD: Duration = Duration::from_mins(15);
