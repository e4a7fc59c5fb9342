//! Alertmanager's time stamps. Hints that drift, so an impossible one is clamped; only what is no time at all is refused.

use crate::core::time::{Duration, Timestamp, after};

/// Go's zero time: not set.
const ZERO: &str = "0001-01-01T00:00:00Z";
/// Nothing that alerts today began before 2000-01-01: a clock that says so is wrong.
const EARLIEST_SECOND: i64 = 946_684_800;
/// A sender's clock may be ahead of ours by its error and a wrong time zone, not by more.
const AHEAD_MOST: Duration = Duration::from_secs(24 * 3_600);

/// A time stamp as read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Moment {
    NotSet,
    At(Timestamp),
    /// It said something that cannot be; this is the nearest that can.
    Clamped(Timestamp),
}

impl Moment {
    pub(super) const fn at(self) -> Option<Timestamp> {
        match self {
            Self::NotSet => None,
            Self::At(at) | Self::Clamped(at) => Some(at),
        }
    }
}

/// Reads RFC 3339. `None`: this is no time stamp.
pub(super) fn read(text: &str, now: Timestamp) -> Option<Moment> {
    if text == ZERO {
        return Some(Moment::NotSet);
    }
    let (earliest, latest) = bounds(now);
    match text.parse::<Timestamp>() {
        Ok(at) if at < earliest => Some(Moment::Clamped(earliest)),
        Ok(at) if at > latest => Some(Moment::Clamped(latest)),
        Ok(at) => Some(Moment::At(at)),
        Err(_) => beyond_our_calendar(text, earliest, latest),
    }
}

fn bounds(now: Timestamp) -> (Timestamp, Timestamp) {
    (Timestamp::from_second(EARLIEST_SECOND).unwrap_or(Timestamp::MIN), after(now, AHEAD_MOST))
}

/// A well-formed date that our calendar does not reach: the last hours of the year 9999, the first of 0001.
fn beyond_our_calendar(text: &str, earliest: Timestamp, latest: Timestamp) -> Option<Moment> {
    let (date, _) = text.split_once('T')?;
    let (year, rest) = date.split_once('-')?;
    let is_date = year.len() == 4 && rest.len() == 5 && date.parse::<jiff::civil::Date>().is_ok();
    match (is_date, year) {
        (true, "9999") => Some(Moment::Clamped(latest)),
        (true, "0000" | "0001") => Some(Moment::Clamped(earliest)),
        (true | false, _) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn impossible_times_are_clamped_and_nonsense_is_refused() {
        let now: Timestamp = "2026-08-20T10:00:00Z".parse().unwrap();
        let latest: Timestamp = "2026-08-21T10:00:00Z".parse().unwrap();
        let earliest: Timestamp = "2000-01-01T00:00:00Z".parse().unwrap();
        assert_eq!(read(ZERO, now), Some(Moment::NotSet));
        assert_eq!(
            read("2026-08-20T12:00:00.123+02:00", now),
            Some(Moment::At("2026-08-20T10:00:00.123Z".parse().unwrap()))
        );
        assert_eq!(read("9999-12-31T23:59:59Z", now), Some(Moment::Clamped(latest)));
        assert_eq!(read("9999-01-01T00:00:00Z", now), Some(Moment::Clamped(latest)));
        assert_eq!(read("0001-06-01T00:00:00Z", now), Some(Moment::Clamped(earliest)));
        assert_eq!(read("0001-01-01T00:00:00+23:59", now), Some(Moment::Clamped(earliest)));
        assert_eq!(
            read("2016-12-31T23:59:60Z", now),
            Some(Moment::At("2016-12-31T23:59:59Z".parse().unwrap()))
        );
        for bad in
            ["", "yesterday", "2026-08-20", "2026-13-01T00:00:00Z", "9999-99-99T00:00:00Z", "1e9"]
        {
            assert_eq!(read(bad, now), None, "{bad}");
        }
    }
}
