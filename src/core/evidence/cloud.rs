//! Questions to the clouds, with every placeholder already filled in. Never a secret's value: its version and its age at most.

use serde::{Deserialize, Serialize};

use crate::core::alert::Labels;
use crate::core::time::Duration;

/// Between two samples of a queue: a rule looks four times a minute.
const QUEUE_STEP: Duration = Duration::from_secs(15);

/// What is asked of AWS.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AwsAsk {
    /// The newest lines of a log group that fit the pattern.
    Logs { group: String, pattern: String, last: Duration, limit: u32 },
    /// A metric of `CloudWatch`.
    Metric(MetricAsk),
    /// The messages of a queue: their number, or with `last` its trend.
    Queue { queue: String, count: QueueCount, last: Option<Duration> },
    /// A service of ECS.
    Service { cluster: String, service: String, show: ServiceShow },
    /// A secret's version or age, never its value.
    Secret { secret: String, show: SecretShow },
    /// Whether one key of a bucket can be listed.
    Bucket { bucket: String, prefix: Option<String> },
}

/// One number, a trend with `last`, or with `by` one number for each value of a dimension.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MetricAsk {
    pub namespace: String,
    pub metric: String,
    #[serde(default)]
    pub dimensions: Labels,
    pub statistic: Statistic,
    pub period: Duration,
    pub last: Option<Duration>,
    pub by: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Statistic {
    Sum,
    Average,
    Minimum,
    Maximum,
    /// How many samples there were.
    Count,
}

/// Which messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum QueueCount {
    Waiting,
    /// Taken by somebody and not yet deleted.
    InFlight,
    /// Those waiting in the queue that takes this one's dead letters.
    Dead,
}

/// What of a service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ServiceShow {
    /// The word of the newest deployment: `COMPLETED`, `IN_PROGRESS`, `FAILED`.
    Rollout,
    /// Tasks that are not where the newest deployment wants them; 0 only once it is completed.
    Unsettled,
    /// Seconds since the newest deployment began.
    Deployed,
}

/// What of a secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SecretShow {
    /// The name of the version in use.
    Version,
    /// Seconds since it was last changed.
    Age,
}

impl Statistic {
    pub fn name(self) -> &'static str {
        match self {
            Self::Sum => "sum",
            Self::Average => "average",
            Self::Minimum => "minimum",
            Self::Maximum => "maximum",
            Self::Count => "count",
        }
    }
}

impl AwsAsk {
    /// If it gives log lines: how far back, and how many at most.
    pub fn lines(&self) -> Option<(Duration, u32)> {
        match self {
            Self::Logs { last, limit, .. } => Some((*last, *limit)),
            Self::Metric(_)
            | Self::Queue { .. }
            | Self::Service { .. }
            | Self::Secret { .. }
            | Self::Bucket { .. } => None,
        }
    }

    /// If it gives a trend: how far back, and the time between two points.
    pub fn trend(&self) -> Option<(Duration, Duration)> {
        match self {
            Self::Metric(MetricAsk { last: Some(last), by: None, period, .. }) => {
                Some((*last, *period))
            }
            Self::Queue { last: Some(last), .. } => Some((*last, QUEUE_STEP)),
            Self::Logs { .. }
            | Self::Metric(_)
            | Self::Queue { last: None, .. }
            | Self::Service { .. }
            | Self::Secret { .. }
            | Self::Bucket { .. } => None,
        }
    }

    /// Whether it gives one number.
    pub fn number(&self) -> bool {
        match self {
            Self::Metric(metric) => metric.last.is_none() && metric.by.is_none(),
            Self::Queue { last, .. } => last.is_none(),
            Self::Service { show, .. } => *show != ServiceShow::Rollout,
            Self::Secret { show, .. } => *show == SecretShow::Age,
            Self::Logs { .. } | Self::Bucket { .. } => false,
        }
    }

    /// Whether it gives one number for each status.
    pub fn statuses(&self) -> bool {
        matches!(self, Self::Metric(MetricAsk { by: Some(_), .. }))
    }

    /// Whether it shows that another side can be reached.
    pub fn reach(&self) -> bool {
        matches!(self, Self::Bucket { .. })
    }
}

/// What is asked of Azure.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AzureAsk {
    /// A secret of Key Vault: its version or age, never its value.
    Secret { vault: String, secret: String, show: SecretShow },
    /// A query to Log Analytics: with `line` the lines of that column, else numbers.
    Logs { workspace: String, query: String, last: Duration, limit: u32, line: Option<String> },
    /// Operations of a subscription that failed, as lines.
    Activity { subscription: String, group: Option<String>, last: Duration, limit: u32 },
}

impl AzureAsk {
    /// If it gives log lines: how far back, and how many at most.
    pub fn lines(&self) -> Option<(Duration, u32)> {
        match self {
            Self::Logs { last, limit, line: Some(_), .. } | Self::Activity { last, limit, .. } => {
                Some((*last, *limit))
            }
            Self::Logs { line: None, .. } | Self::Secret { .. } => None,
        }
    }

    /// Whether it may give one number.
    pub fn number(&self) -> bool {
        match self {
            Self::Secret { show, .. } => *show == SecretShow::Age,
            Self::Logs { line, .. } => line.is_none(),
            Self::Activity { .. } => false,
        }
    }

    /// Whether it may give one number for each status.
    pub fn statuses(&self) -> bool {
        matches!(self, Self::Logs { line: None, .. })
    }
}
