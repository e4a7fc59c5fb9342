//! Moments and spans as the core uses them. Never asks what time it is: `now` is an argument.

pub use jiff::Timestamp;
pub use std::time::Duration;

/// The moment `span` after `moment`, at most the last moment that can be written.
pub fn after(moment: Timestamp, span: Duration) -> Timestamp {
    i64::try_from(span.as_micros())
        .ok()
        .and_then(|micros| moment.as_microsecond().checked_add(micros))
        .and_then(|micros| Timestamp::from_microsecond(micros).ok())
        .unwrap_or(Timestamp::MAX)
}

/// A moment as people read it: whole seconds, UTC.
pub fn shown(moment: Timestamp) -> String {
    Timestamp::from_second(moment.as_second()).unwrap_or(moment).to_string()
}

/// A span as people say it: two units at most.
pub fn span(span: Duration) -> String {
    let secs = span.as_secs();
    let (large, small) = match secs {
        0..60 => return format!("{secs}s"),
        60..3_600 => ((secs / 60, "m"), (secs % 60, "s")),
        3_600..86_400 => ((secs / 3_600, "h"), (secs % 3_600 / 60, "m")),
        _ => ((secs / 86_400, "d"), (secs % 86_400 / 3_600, "h")),
    };
    match small.0 {
        0 => format!("{}{}", large.0, large.1),
        rest => format!("{}{} {rest}{}", large.0, large.1, small.1),
    }
}

/// How long ago `moment` was at `now`; zero if it lies ahead.
pub fn since(now: Timestamp, moment: Timestamp) -> Duration {
    let micros = now.as_microsecond().saturating_sub(moment.as_microsecond());
    Duration::from_micros(u64::try_from(micros).unwrap_or(0))
}
