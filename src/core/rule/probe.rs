//! Synthetic checks, as a rule says them. Never runs one.

use serde::{Deserialize, Serialize};

use crate::core::evidence::{HttpAsk, QuestionName};
use crate::core::time::Duration;

/// A port that takes no connection, or a name that has no answer within this time, is not there.
pub const REACH_WITHIN: Duration = Duration::from_secs(5);

/// A synthetic check on a schedule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProbeRule {
    pub name: QuestionName,
    pub schedule: Schedule,
    pub how: Probing,
    /// It passes the breaker: paused while the breaker needs to idle.
    pub through_breaker: bool,
    /// Green for so long before it proves anything.
    pub hold: Duration,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Schedule {
    Every(Duration),
    /// Five or six fields, and an IANA time zone.
    Cron {
        expression: String,
        zone: String,
    },
}

/// What a probe does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Probing {
    Http(Box<HttpAsk>),
    /// `host:port` takes a connection.
    Tcp(String),
    /// The name has an address.
    Dns(String),
    /// The versions of a secret of Key Vault can be listed.
    Vault {
        vault: String,
        secret: String,
    },
    /// One key of the bucket can be listed; without a region in that of the configuration.
    Bucket {
        region: Option<String>,
        bucket: String,
        prefix: Option<String>,
    },
    /// The container of this name runs, and is well by its own health check.
    Docker(String),
}

impl Probing {
    /// The request, if it is one.
    pub fn http(&self) -> Option<&HttpAsk> {
        match self {
            Self::Http(ask) => Some(&**ask),
            Self::Tcp(_)
            | Self::Dns(_)
            | Self::Bucket { .. }
            | Self::Vault { .. }
            | Self::Docker(_) => None,
        }
    }

    /// The longest that a run may take.
    pub fn within(&self) -> Duration {
        match self {
            Self::Http(ask) => ask.timeout,
            Self::Tcp(_)
            | Self::Dns(_)
            | Self::Bucket { .. }
            | Self::Vault { .. }
            | Self::Docker(_) => REACH_WITHIN,
        }
    }
}
