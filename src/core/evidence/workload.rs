//! ③ Questions about what runs the programs: containers of a Docker Engine. Never asks one.

use serde::{Deserialize, Serialize};

use crate::core::time::Duration;

/// A question to a Docker Engine about one container.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DockerAsk {
    /// What it wrote to its standard output and error within the last `last`: the newest `limit` lines.
    Logs { container: String, last: Duration, limit: u32 },
    /// One thing about its state.
    Container { container: String, value: ContainerValue },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ContainerValue {
    /// The engine's own word: `running`, `exited`, `restarting`, `paused`, …
    State,
    /// The word of its health check: `healthy`, `unhealthy`, `starting`. No check, no data.
    Health,
    /// How often the engine started it again by its restart policy.
    Restarts,
    /// With which code it ended. Of one that runs, no data.
    ExitCode,
    /// Whether it was last ended for want of memory: `true`, `false`.
    OomKilled,
    /// For how many seconds it has been running. Of one that does not run, no data.
    UpSeconds,
}

impl ContainerValue {
    /// A word, and no number.
    pub const fn is_word(self) -> bool {
        match self {
            Self::State | Self::Health | Self::OomKilled => true,
            Self::Restarts | Self::ExitCode | Self::UpSeconds => false,
        }
    }

    pub const fn name(self) -> &'static str {
        match self {
            Self::State => "state",
            Self::Health => "health",
            Self::Restarts => "restarts",
            Self::ExitCode => "exit_code",
            Self::OomKilled => "oom_killed",
            Self::UpSeconds => "up_seconds",
        }
    }
}
