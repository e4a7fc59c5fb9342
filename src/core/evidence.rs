//! ③ The questions, and their three-valued findings. Never asks them: that is for `systems`.
//!
//! No data is never zero: a finding is a value, the absence of data, or the failure to ask.

mod cloud;
mod workload;

pub use workload::{ContainerValue, DockerAsk};

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

pub use cloud::{AwsAsk, AzureAsk, MetricAsk, QueueCount, SecretShow, ServiceShow, Statistic};

use super::alert::Labels;
use super::time::{Duration, Timestamp, after};

/// Name of a question inside its rule: `state`, `statuses`, `errors`, or the name of a probe.
pub type QuestionName = String;

/// The name under which every rule's breaker state is asked.
pub const STATE: &str = "state";

/// What is asked of a system, with every placeholder already filled in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Question {
    pub name: QuestionName,
    pub ask: Ask,
    /// Older readings than this are no readings.
    pub max_age: Duration,
}

/// How a question is put. One variant for each system that can answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ask {
    /// Instant query. `age_query` yields the age of the oldest sample in seconds (protocols: `time() - min(timestamp(..))`).
    Prometheus { query: String, age_query: Option<String> },
    /// Range query over the last `last`, one point each `step`.
    PrometheusRange { query: String, last: Duration, step: Duration },
    /// The `/metrics` page of a service, read directly: series of `metric` whose labels contain `labels`; `by` groups.
    /// With `over` read twice, so far apart: the increase of counters is the answer.
    Scrape {
        url: String,
        metric: String,
        labels: Labels,
        by: Option<String>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        over: Option<Duration>,
    },
    /// GET of a page; `pointer` (RFC 6901) selects a value of its JSON.
    Http(HttpAsk),
    /// Log lines from Loki of the last `last`.
    Loki { query: String, last: Duration, limit: u32 },
    /// The newest entries of a local log file and of what it was rotated into, of the last `last` if that is said. `zone`
    /// is that of times that name none.
    LogFile {
        path: String,
        last_lines: u32,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        last: Option<Duration>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        zone: Option<String>,
    },
    /// The newest documents of an Elasticsearch or `OpenSearch` index, as log lines. `wanted` are exact values of fields.
    Elasticsearch {
        index: String,
        wanted: Labels,
        query: Option<String>,
        time: String,
        message: String,
        last: Duration,
        limit: u32,
    },
    /// The items of a JSON page as log lines, such as the events that a breaker recorded.
    Events(EventsAsk),
    /// A key of Redis: the value itself, or one within its JSON. Only read.
    Redis { url: Secretish, key: String, pointer: Option<String> },
    /// One value of an `SQLite` database. Only read.
    Sqlite { path: String, query: String, params: Vec<String> },
    /// One value of a `PostgreSQL` database. Only read.
    Postgres { url: Secretish, query: String, params: Vec<String> },
    /// A question to AWS; without a region to that of the configuration.
    Aws { region: Option<String>, ask: AwsAsk },
    /// A question to Azure.
    Azure(AzureAsk),
    /// One container of a Docker Engine.
    Docker(DockerAsk),
    /// The stored result of a probe: answered from the store, without touching the upstream.
    Probe { probe: String },
}

/// A page of events: where they lie in its JSON, and what of each is its time and its text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EventsAsk {
    pub page: HttpAsk,
    /// Pointer (RFC 6901) to the list; empty: the page itself is the list.
    pub items: String,
    /// Pointer within an item: its time. `None`: items carry no time.
    pub at: Option<String>,
    /// Pointers within an item; what stands there is joined by spaces.
    pub text: Vec<String>,
    /// The newest so many count.
    pub limit: u32,
}

impl Ask {
    /// If the answer is log lines: how far back they reach, where the question says it.
    pub fn looks_back(&self) -> Option<Duration> {
        match self {
            Self::Loki { last, .. }
            | Self::Elasticsearch { last, .. }
            | Self::Docker(DockerAsk::Logs { last, .. }) => Some(*last),
            Self::LogFile { last, .. } => *last,
            Self::Aws { ask, .. } => ask.lines().map(|(last, _)| last),
            Self::Azure(ask) => ask.lines().map(|(last, _)| last),
            Self::Events(_)
            | Self::Prometheus { .. }
            | Self::PrometheusRange { .. }
            | Self::Scrape { .. }
            | Self::Http(_)
            | Self::Redis { .. }
            | Self::Sqlite { .. }
            | Self::Postgres { .. }
            | Self::Docker(DockerAsk::Container { .. })
            | Self::Probe { .. } => None,
        }
    }

    /// The answer is log lines.
    pub fn gives_lines(&self) -> bool {
        match self {
            Self::Loki { .. }
            | Self::LogFile { .. }
            | Self::Elasticsearch { .. }
            | Self::Events(_)
            | Self::Docker(DockerAsk::Logs { .. }) => true,
            Self::Aws { ask, .. } => ask.lines().is_some(),
            Self::Azure(ask) => ask.lines().is_some(),
            Self::Prometheus { .. }
            | Self::PrometheusRange { .. }
            | Self::Scrape { .. }
            | Self::Http(_)
            | Self::Redis { .. }
            | Self::Sqlite { .. }
            | Self::Postgres { .. }
            | Self::Docker(DockerAsk::Container { .. })
            | Self::Probe { .. } => false,
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HttpAsk {
    pub method: String,
    pub url: String,
    /// Header name → value; a secret stands as a reference and is resolved only by `systems`.
    #[serde(default)]
    pub headers: BTreeMap<String, Secretish>,
    #[serde(default)]
    pub json: Option<serde_json::Value>,
    /// Whole JSON values that are secrets, by pointer.
    #[serde(default)]
    pub secrets: BTreeMap<String, SecretRef>,
    /// Whole JSON values that say something of the decision, by pointer. Only an action has them.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub said: BTreeMap<String, Said>,
    /// RFC 6901 pointer of the value that is the answer; `None`: the status code is.
    pub pointer: Option<String>,
    /// What a probe expects; `None` for a plain question.
    pub expect: Option<Expect>,
    pub timeout: Duration,
}

/// A text that may stand in a rule, or the name of a secret that may not.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Secretish {
    Plain(String),
    /// `prefix` (such as `Bearer `) followed by the secret.
    Secret {
        prefix: String,
        secret: SecretRef,
    },
    /// Known when the action begins.
    Said(Said),
}

/// What an action can say of its decision.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Said {
    /// The key that names the decision for ever.
    Decision,
    /// Why, in a sentence.
    Reason,
}

/// Where a secret lies; never the secret itself.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SecretRef {
    Env(String),
    File(String),
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Expect {
    pub status: u16,
    /// Pointer → value that must stand there.
    #[serde(default)]
    pub json: BTreeMap<String, serde_json::Value>,
}

/// Why a question has no value. `NoData` means that the system answered, and had nothing.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Finding {
    Value(Reading),
    NoData(Absence),
    Failed(Failure),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Absence {
    /// The system answered with nothing: an empty vector, no such series, no lines.
    Empty,
    /// There was a value, but its sample was older than `max_age`.
    Stale,
    /// NaN or infinite.
    NotFinite,
    /// The answer carries warnings: part of it is missing.
    Partial,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    pub kind: FailureKind,
    /// For people; bounded, and without secrets.
    pub detail: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FailureKind {
    /// No answer within the time budget.
    Timeout,
    Unreachable,
    /// The system refused the question itself: the rule is wrong.
    BadQuestion,
    Unauthorized,
    ServerError,
    /// The answer was not what the protocol promises, or too large.
    Malformed,
    /// Nothing is configured to answer this kind of question.
    NotConfigured,
    /// The process stopped before the answer came.
    Lost,
}

/// A value and the moment it was true.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Reading {
    /// When the oldest sample behind the value was taken.
    pub at: Timestamp,
    pub value: Value,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Value {
    /// One finite number.
    Number(f64),
    /// A word of the system's own, such as a breaker's state.
    Word(String),
    /// One number for each value of the grouping label, such as HTTP statuses: bounded by `systems`.
    Series(BTreeMap<String, f64>),
    /// A number over time, oldest first.
    Trend(Vec<(Timestamp, f64)>),
    /// Log lines, oldest first, bounded in number and length. `complete` is false when the source cut them.
    Lines { lines: Vec<LogLine>, complete: bool },
    /// A probe's or request's answer.
    Probe(ProbeResult),
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogLine {
    pub at: Option<Timestamp>,
    pub text: String,
}

/// What one run of a probe saw.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProbeResult {
    pub healthy: bool,
    /// Since when every run in a row had this result.
    pub since: Timestamp,
    pub status: Option<u16>,
    /// Seconds that the other side told us to wait.
    pub retry_after: Option<Duration>,
    /// What went wrong, as one bounded line; empty when healthy.
    pub detail: String,
    pub failure: Option<FailureKind>,
}

impl ProbeResult {
    /// Healthy for the hold, and seen so more than once: one green run that grows old proves nothing about the time since.
    pub fn held(&self, hold: Duration, read_at: Timestamp, now: Timestamp) -> bool {
        let long_enough = after(self.since, hold) <= now;
        let seen_again = hold.is_zero() || read_at > self.since;
        self.healthy && long_enough && seen_again
    }
}

impl From<Failure> for Finding {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

impl Finding {
    pub fn failed(kind: FailureKind, detail: impl Into<String>) -> Self {
        Self::Failed(Failure { kind, detail: detail.into() })
    }

    pub fn reading(&self) -> Option<&Reading> {
        match self {
            Self::Value(reading) => Some(reading),
            Self::NoData(_) | Self::Failed(_) => None,
        }
    }
}

/// All that was found in one round, by the question's name.
pub type Findings = BTreeMap<QuestionName, Finding>;
