//! When a probe is due next: every so long, or by a cron expression in a time zone of its own. Never reads the time.

use croner::errors::CronError;
use croner::parser::{CronParser, Seconds};
use jiff::tz::TimeZone;

use crate::core::rule::Schedule;
use crate::core::time::{Duration, Timestamp, after};

/// The heart beats once a second: nothing can be due more often.
pub const SHORTEST: Duration = Duration::from_secs(1);

/// Why there is no next time. Rules are checked with the same function when they load.
#[derive(Debug, thiserror::Error)]
pub enum ScheduleError {
    #[error("there is no time zone `{0}`")]
    Zone(String),
    #[error("`{0}` is not a cron expression: {1}")]
    Cron(String, CronError),
}

/// The first moment after `from` at which the schedule is due. A time that a change of clocks skips is not lost.
pub fn next_due(schedule: &Schedule, from: Timestamp) -> Result<Timestamp, ScheduleError> {
    match schedule {
        Schedule::Every(span) => Ok(after(from, (*span).max(SHORTEST))),
        Schedule::Cron { expression, zone } => {
            let zone = TimeZone::get(zone).map_err(|_| ScheduleError::Zone(zone.clone()))?;
            let wrong = |error| ScheduleError::Cron(expression.clone(), error);
            let cron = CronParser::builder().seconds(Seconds::Optional).build();
            let cron = cron.parse(expression).map_err(wrong)?;
            let next = cron.find_next_occurrence(&from.to_zoned(zone), false).map_err(wrong)?;
            Ok(next.timestamp())
        }
    }
}
