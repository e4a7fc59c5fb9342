//! ④ Why a breaker opened: one verdict with its reasons. Never a bare string.

mod case;
mod judge;
mod lasting;
mod round;
mod support;
mod sureness;
mod votes;
mod whose;
pub mod words;

pub use case::{Case, Counts, Instances, Line, Lines, Missing, Said, Support, Witness};
pub use judge::weigh;
pub use round::{case_of, judge};
pub use whose::Whose;

use serde::{Deserialize, Serialize};

use super::redact::redact;
use super::time::{Duration, Timestamp};

/// The nine causes an operator can fix.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cause {
    Auth,
    RateLimited,
    #[serde(rename = "upstream_5xx")]
    Upstream5xx,
    Timeout,
    Network,
    Tls,
    Database,
    Resource,
    ClientBug,
}

/// What a verdict can say: one of the nine, several at once, or that nobody knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Class {
    Auth,
    RateLimited,
    #[serde(rename = "upstream_5xx")]
    Upstream5xx,
    Timeout,
    Network,
    Tls,
    Database,
    Resource,
    ClientBug,
    Mixed,
    Unknown,
}

/// Does the cause still hold? Only `No` (proven gone) opens the way to a reset.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Lasting {
    Yes,
    No,
    Unknown,
}

impl Lasting {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Yes => "yes",
            Self::No => "no",
            Self::Unknown => "unknown",
        }
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Verdict {
    pub class: Class,
    /// How often such an answer is right, 0.0 to 1.0, `unknown` included: there, how surely nothing names a cause.
    pub confidence: f64,
    /// What led to it, strongest first, bounded.
    pub because: Vec<Clue>,
    /// The next cause by weight; under `Unknown`, the one that came nearest.
    pub runner_up: Option<Cause>,
    pub lasting: Lasting,
    /// The other side told us to wait until then.
    pub retry_at: Option<Timestamp>,
    /// Rate limited by a quota or balance: waiting does not help.
    pub quota: bool,
    /// The longest wait that the other side told.
    #[serde(default)]
    pub told_wait: Option<Duration>,
    /// One instance, or all of them at once.
    #[serde(default)]
    pub reach: Reach,
    /// What speaks against it or was left out, in words, bounded.
    #[serde(default)]
    pub against: Vec<String>,
    /// What was asked and could not be used: the verdict is the less sure for it.
    #[serde(default)]
    pub missing: Vec<Missing>,
}

/// Whether one instance is in trouble or all of them, and what that points to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reach {
    /// Nobody said in how many instances the breaker is open.
    #[default]
    Unknown,
    /// One of several: look at that instance first. Its name, if the errors came from one alone.
    Local { open: u32, total: u32, instance: Option<String> },
    /// Some, but not all.
    Some { open: u32, total: u32 },
    /// All at once: what they share is at fault.
    Shared { total: u32, fault: Shared },
}

/// What all instances share.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Shared {
    Dependency,
    Credential,
    Deploy,
}

/// One piece of evidence for a cause, as people read it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Clue {
    pub cause: Cause,
    /// The question that found it.
    pub question: String,
    pub count: f64,
    /// One sample line or status, cut and without control characters.
    pub sample: String,
    /// The first and the last that was counted, where they have times.
    #[serde(default)]
    pub first: Option<Timestamp>,
    #[serde(default)]
    pub last: Option<Timestamp>,
}

impl Clue {
    /// The sample is anybody's text: it is kept without its secrets.
    pub fn of(cause: Cause, question: &str, count: f64, sample: &str) -> Self {
        let sample = redact(sample);
        Self {
            cause,
            question: question.to_owned(),
            count,
            sample: sample.into_owned(),
            first: None,
            last: None,
        }
    }
}

/// What a single log line or status says: a cause, or nothing.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Signal {
    pub cause: Option<Cause>,
    pub retry_after: Option<Duration>,
    pub quota: bool,
    /// A breaker's own words: it has no vote of its own.
    pub echo: bool,
    /// The status of the response that the line reports.
    pub status: Option<u16>,
}

impl From<Cause> for Class {
    fn from(cause: Cause) -> Self {
        match cause {
            Cause::Auth => Self::Auth,
            Cause::RateLimited => Self::RateLimited,
            Cause::Upstream5xx => Self::Upstream5xx,
            Cause::Timeout => Self::Timeout,
            Cause::Network => Self::Network,
            Cause::Tls => Self::Tls,
            Cause::Database => Self::Database,
            Cause::Resource => Self::Resource,
            Cause::ClientBug => Self::ClientBug,
        }
    }
}

impl Class {
    pub const ALL: [Self; 11] = [
        Self::Auth,
        Self::RateLimited,
        Self::Upstream5xx,
        Self::Timeout,
        Self::Network,
        Self::Tls,
        Self::Database,
        Self::Resource,
        Self::ClientBug,
        Self::Mixed,
        Self::Unknown,
    ];

    /// The word of rule files, reports and metrics.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Auth => "auth",
            Self::RateLimited => "rate_limited",
            Self::Upstream5xx => "upstream_5xx",
            Self::Timeout => "timeout",
            Self::Network => "network",
            Self::Tls => "tls",
            Self::Database => "database",
            Self::Resource => "resource",
            Self::ClientBug => "client_bug",
            Self::Mixed => "mixed",
            Self::Unknown => "unknown",
        }
    }
}

impl Cause {
    pub fn name(self) -> &'static str {
        Class::from(self).name()
    }
}
