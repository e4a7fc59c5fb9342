//! The time that a line of a log gives itself. Never takes a time from within the text: only from where loggers write it.

use jiff::civil::DateTime;
use jiff::tz::{Offset, TimeZone};
use regex::{Captures, Regex};
use serde_json::Value as Json;
use std::sync::LazyLock;

use crate::core::time::Timestamp;
use crate::systems::events::moment;

/// No logger writes more before the time: an address, a user, a level, a process.
const HEAD_BYTES: usize = 200;
/// Where a JSON logger writes the time, in this order.
const KEYS: [&str; 7] = ["ts", "time", "timestamp", "@timestamp", "asctime", "datetime", "t"];
/// A bare number is a time only within so many seconds before now; others are ids and counts.
const EPOCH_BACK_SECS: i64 = 5 * 366 * 86_400;
/// Clocks that run ahead, and zones that were not said.
const AHEAD_SECS: i64 = 86_400;
const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// What comes before the time: brackets, a syslog priority, a level.
const BEFORE: &str = r"^[\s\[(]*(?:<\d{1,3}>(?:\d )?)?(?:\[?(?i:trace|debug|info|information|notice|warn|warning|error|err|fatal|critical|severe|panic)\]?[\s:|-]+)?\[?";
const CLOCK: &str = r"(?P<H>\d\d):(?P<M>\d\d):(?P<S>\d\d)(?:[.,](?P<f>\d{1,9}))?";
/// `2026-08-20T10:00:00.123+02:00`, `2026-08-20 10:00:00,123`, `2026/08/20 10:00:00`, `2026-08-20 10:00:00.123 UTC`.
const DATE: &str = r"(?P<Y>\d{4})(?:-(?P<m>\d\d)-|/(?P<n>\d\d)/)(?P<d>\d\d)[T ]CLOCK(?:(?P<z>Z|[+-]\d\d(?::?\d\d)?)| (?P<y>UTC|GMT|Z|[+-]\d\d:?\d\d))?(?:[^\d]|$)";
const EPOCH: &str = r"(?P<e>\d{10}(?:\.\d{1,9})?|\d{13}|\d{16}|\d{19})(?:[\s\]:,|]|$)";

static FORMATS: LazyLock<Vec<Regex>> = LazyLock::new(|| {
    let written = [
        format!("{BEFORE}{DATE}"),
        // logfmt
        format!(r#"^(?:[\w.-]+=\S{{0,40}} )??(?:time|ts|timestamp|t)="?{DATE}"#),
        format!(r#"^(?:[\w.-]+=\S{{0,40}} )??(?:time|ts|timestamp|t)="?{EPOCH}"#),
        // access logs: `127.0.0.1 - - [20/Aug/2026:10:00:00 +0000]`
        r"^[^\[]{0,120}\[(?P<d>\d\d)/(?P<b>[A-Z][a-z]{2})/(?P<Y>\d{4}):CLOCK(?: (?P<z>[+-]\d{4}))?\]".to_owned(),
        // syslog, with and without a year; Apache's `[Thu Aug 20 10:00:00.123456 2026]`
        r"^\[?(?:<\d{1,3}>)?(?:[A-Z][a-z]{2} )?(?P<b>[A-Z][a-z]{2}) {1,2}(?P<d>\d{1,2}) (?:(?P<Y>\d{4}) )?CLOCK(?: (?P<v>\d{4})\b)?".to_owned(),
        // klog: `E0820 10:00:00.123456`
        r"^[IWEF](?P<m>\d\d)(?P<d>\d\d) CLOCK\s".to_owned(),
        format!(r"^\[?{EPOCH}"),
    ];
    written.iter().filter_map(|one| Regex::new(&one.replace("CLOCK", CLOCK)).ok()).collect()
});

/// How to read times that do not say everything.
pub(super) struct Reader {
    /// Of times that name none.
    pub(super) zone: TimeZone,
    pub(super) now: Timestamp,
}

impl Reader {
    pub(super) fn stamp(&self, line: &str) -> Option<Timestamp> {
        let line = line.trim_start();
        if line.starts_with('{') {
            let json: Json = serde_json::from_str(line).ok()?;
            return KEYS.iter().filter_map(|key| json.get(key)).find_map(|value| self.said(value));
        }
        self.text(line)
    }

    /// The value of a JSON logger's key; `{"$date": …}` is `MongoDB`'s.
    fn said(&self, value: &Json) -> Option<Timestamp> {
        match value {
            Json::String(text) => moment(value).or_else(|| self.text(text)),
            Json::Number(_) => moment(value),
            Json::Object(object) => moment(object.get("$date")?),
            Json::Null | Json::Bool(_) | Json::Array(_) => None,
        }
    }

    fn text(&self, line: &str) -> Option<Timestamp> {
        let head = head(line);
        // Every format has a digit in it, and most lines of a trace have none at their beginning.
        if !head.bytes().any(|byte| byte.is_ascii_digit()) {
            return None;
        }
        let found = FORMATS.iter().find_map(|format| format.captures(head))?;
        match found.name("e") {
            Some(epoch) => self.epoch(epoch.as_str()),
            None => self.civil(&found),
        }
    }

    fn epoch(&self, text: &str) -> Option<Timestamp> {
        let number: Json = serde_json::from_str(text).ok()?;
        let at = moment(&number)?;
        let away = at.as_second().saturating_sub(self.now.as_second());
        (-EPOCH_BACK_SECS..=AHEAD_SECS).contains(&away).then_some(at)
    }

    fn civil(&self, found: &Captures<'_>) -> Option<Timestamp> {
        let number = |name: &str| found.name(name).and_then(|part| part.as_str().parse().ok());
        let month = match found.name("b") {
            Some(name) => {
                let index = MONTHS.iter().position(|known| *known == name.as_str())?;
                i8::try_from(index).ok()?.checked_add(1)?
            }
            None => i8::try_from(number("m").or_else(|| number("n"))?).ok()?,
        };
        let small = |name: &str| number(name).and_then(|part: i32| i8::try_from(part).ok());
        let (day, hour, minute) = (small("d")?, small("H")?, small("M")?);
        // A leap second counts as the last of its minute, as everywhere in Unix.
        let second = small("S")?.min(59);
        let nanos = found
            .name("f")
            .map_or(Some(0), |part| format!("{:0<9}", part.as_str()).parse::<i32>().ok())?;
        let zone = match found.name("z").or_else(|| found.name("y")) {
            Some(text) => offset(text.as_str())?,
            None => self.zone.clone(),
        };
        let at = |year: i32| {
            let year = i16::try_from(year).ok()?;
            let civil = DateTime::new(year, month, day, hour, minute, second, nanos).ok()?;
            zone.to_timestamp(civil).ok()
        };
        if let Some(year) = number("Y").or_else(|| number("v")) {
            return at(year);
        }
        // Without a year: the last time that this date was.
        let this = i32::from(self.now.to_zoned(zone.clone()).year());
        let limit = self.now.as_second().saturating_add(AHEAD_SECS);
        let years = [this.checked_add(1)?, this, this.checked_sub(1)?];
        years.into_iter().filter_map(at).find(|at| at.as_second() <= limit)
    }
}

/// As much of a line as may hold its time.
fn head(line: &str) -> &str {
    let mut end = line.len().min(HEAD_BYTES);
    while !line.is_char_boundary(end) {
        end = end.saturating_sub(1);
    }
    line.get(..end).unwrap_or(line)
}

/// `Z`, `UTC`, `+02`, `+0200`, `+02:00`.
fn offset(text: &str) -> Option<TimeZone> {
    let (sign, digits) = match text.split_at_checked(1)? {
        ("+", digits) => (1, digits),
        ("-", digits) => (-1, digits),
        _ => return Some(TimeZone::UTC),
    };
    let digits = digits.replace(':', "");
    let (hours, minutes) = digits.split_at_checked(2)?;
    let minutes: i32 = if minutes.is_empty() { 0 } else { minutes.parse().ok()? };
    let secs =
        hours.parse::<i32>().ok()?.checked_mul(3600)?.checked_add(minutes.checked_mul(60)?)?;
    Some(TimeZone::fixed(Offset::from_seconds(secs.checked_mul(sign)?).ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reader(zone: &str) -> Reader {
        let now = "2026-08-20T12:00:00Z".parse().unwrap();
        Reader { zone: TimeZone::get(zone).unwrap(), now }
    }

    #[test]
    fn lines_tell_their_time_in_the_usual_ways() {
        let reader = reader("UTC");
        for (line, at) in [
            ("2026-08-20T10:00:00.5Z boom", "2026-08-20T10:00:00.5Z"),
            ("[2026-08-20T12:00:00.5+02:00] boom", "2026-08-20T10:00:00.5Z"),
            ("2026-08-20 10:00:00.5Z boom", "2026-08-20T10:00:00.5Z"),
            ("2026-08-20 10:00:00,123 ERROR x", "2026-08-20T10:00:00.123Z"),
            ("2026-08-20 10:00:00", "2026-08-20T10:00:00Z"),
            ("2026/08/20 10:00:00 [error] 12#12: *1 upstream timed out", "2026-08-20T10:00:00Z"),
            (
                "[2026-08-20 10:00:00.123][12][info][main] [source/server.cc:1] x",
                "2026-08-20T10:00:00.123Z",
            ),
            ("2026-08-20 10:00:00.123 UTC [77] FATAL:  x", "2026-08-20T10:00:00.123Z"),
            ("2026-08-20 10:00:00.123+02 [77] FATAL:  x", "2026-08-20T08:00:00.123Z"),
            ("2026-08-20 10:00:00 +0200 app: x", "2026-08-20T08:00:00Z"),
            ("2026-08-20 10:00:00 -12 items", "2026-08-20T10:00:00Z"),
            ("2026-08-20T10:00:00.123456789Z stderr F boom", "2026-08-20T10:00:00.123456789Z"),
            ("ERROR 2026-08-20 10:00:00,123 x", "2026-08-20T10:00:00.123Z"),
            ("[WARN] [2026-08-20 10:00:00] x", "2026-08-20T10:00:00Z"),
            ("<34>1 2026-08-20T10:00:00.003Z host app - - - x", "2026-08-20T10:00:00.003Z"),
            ("time=\"2026-08-20T10:00:00Z\" level=error msg=x", "2026-08-20T10:00:00Z"),
            ("level=error ts=2026-08-20T10:00:00.1Z msg=x", "2026-08-20T10:00:00.1Z"),
            ("ts=1787220000.25 msg=x", "2026-08-20T10:00:00.25Z"),
            (
                "127.0.0.1 - bob [20/Aug/2026:10:00:00 +0000] \"GET / HTTP/1.1\" 502 0",
                "2026-08-20T10:00:00Z",
            ),
            ("127.0.0.1 - - [20/Aug/2026:10:00:00 -0130] \"GET /\" 502", "2026-08-20T11:30:00Z"),
            (
                "127.0.0.1:41 [20/Aug/2026:10:00:00.123] fe be/s 0/0/0/-1/5 504",
                "2026-08-20T10:00:00.123Z",
            ),
            (
                "Aug 20 10:00:00 host haproxy[1]: 127.0.0.1:1 [20/Aug/2026:09:59:59.1] fe",
                "2026-08-20T10:00:00Z",
            ),
            ("<29>Aug  2 10:00:00 host x: y", "2026-08-02T10:00:00Z"),
            ("Dec 31 23:59:58 host x: y", "2025-12-31T23:59:58Z"),
            ("Aug 20 2026 10:00:00 host x", "2026-08-20T10:00:00Z"),
            ("[Thu Aug 20 10:00:00.123456 2026] [proxy:error] x", "2026-08-20T10:00:00.123456Z"),
            ("E0820 10:00:00.123456       1 reflector.go:178] x", "2026-08-20T10:00:00.123456Z"),
            ("1787220000 boom", "2026-08-20T10:00:00Z"),
            ("1787220000500 boom", "2026-08-20T10:00:00.5Z"),
            ("[1787220000.5] boom", "2026-08-20T10:00:00.5Z"),
            (r#"{"ts":1787220000.5,"msg":"boom"}"#, "2026-08-20T10:00:00.5Z"),
            (r#"{"msg":"boom","time":1787220000500}"#, "2026-08-20T10:00:00.5Z"),
            (r#"{"timestamp":"2026-08-20T10:00:00.5Z"}"#, "2026-08-20T10:00:00.5Z"),
            (r#"{"@timestamp":"2026-08-20T10:00:00.500+0000"}"#, "2026-08-20T10:00:00.5Z"),
            (r#"{"time":true,"asctime":"2026-08-20 10:00:00,500"}"#, "2026-08-20T10:00:00.5Z"),
            (
                r#"{"t":{"$date":"2026-08-20T10:00:00.500+00:00"},"s":"E"}"#,
                "2026-08-20T10:00:00.5Z",
            ),
        ] {
            assert_eq!(reader.stamp(line), Some(at.parse().unwrap()), "{line}");
        }
    }

    #[test]
    fn what_only_looks_like_a_time_is_none() {
        let reader = reader("UTC");
        for line in [
            "boom",
            "",
            "{",
            r#"{"ts":true}"#,
            r#"{"ts":1e400}"#,
            "2026-08-20 boom",
            "2026-13-20 10:00:00 x",
            "2026-08-20 25:00:00 x",
            "token expired at 2026-08-20 10:00:00",
            "retry after Aug 20 10:00:00",
            "4111111111 orders",
            "17872200001 orders",
            "1000000000 bytes read",
            "12345678901234567890123 x",
            "    at java.lang.Thread.run(Thread.java:834)",
            "10:00:00 x",
            "Foo 20 10:00:00 x",
        ] {
            assert_eq!(reader.stamp(line), None, "{line}");
        }
    }

    #[test]
    fn a_zone_counts_where_the_line_names_none() {
        let reader = reader("Europe/Berlin");
        for (line, at) in [
            ("2026-08-20 10:00:00,123 x", "2026-08-20T08:00:00.123Z"),
            ("2026-01-20 10:00:00 x", "2026-01-20T09:00:00Z"),
            ("2026-08-20T10:00:00Z x", "2026-08-20T10:00:00Z"),
            ("Aug 20 10:00:00 host x", "2026-08-20T08:00:00Z"),
            // 02:30 is twice in that night: the first counts.
            ("2026-10-25 02:30:00 x", "2026-10-25T00:30:00Z"),
            ("1787220000 x", "2026-08-20T10:00:00Z"),
        ] {
            assert_eq!(reader.stamp(line), Some(at.parse().unwrap()), "{line}");
        }
    }
}
