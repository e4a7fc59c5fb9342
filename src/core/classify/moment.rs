//! Moments that a line names: until when to wait, and when the line was written. Never asks what time it is: a date without a
//! moment beside it tells no wait.

use jiff::Timestamp;
use jiff::fmt::rfc2822;
use regex::Regex;
use std::sync::OnceLock;

/// A moment as headers, JSON and logs write it, with its zone.
const MOMENT: &str = r"[A-Z][a-z]{2}, \d{1,2} [A-Z][a-z]{2} \d{4} \d{2}:\d{2}:\d{2} (?:GMT|UTC|[+-]\d{4})|\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}:\d{2}(?:[.,]\d+)?(?:Z| ?UTC| ?[+-]\d{2}:?\d{2})|[A-Z][a-z]{2} [A-Z][a-z]{2} +\d{1,2} \d{2}:\d{2}:\d{2} (?:[+-]\d{4} |UTC )?\d{4}";

struct Moments {
    told: Option<Regex>,
    any: Option<Regex>,
    date: Option<Regex>,
}

fn moments() -> &'static Moments {
    static MOMENTS: OnceLock<Moments> = OnceLock::new();
    MOMENTS.get_or_init(|| Moments {
        told: Regex::new(&format!(r#"(?i:retry[-_ ]?after|try again (?:after|at)|available (?:again )?at|until)["']?\s*[:=]?\s*["'\[]?\s*({MOMENT})"#)).ok(),
        any: Regex::new(MOMENT).ok(),
        date: Regex::new(&format!(r#"(?i:\bdate)["']?\s*[:=]\s*["'\[]?\s*({MOMENT})"#)).ok(),
    })
}

/// Seconds from the line's own moment to the one that it is told to wait for.
pub(super) fn told(text: &str) -> Option<f64> {
    let told = moments().told.as_ref()?.captures(text)?.get(1)?;
    let at = seconds(told.as_str())?;
    let from = of_line(text, Some(told.start()))?;
    #[allow(clippy::cast_precision_loss, reason = "seconds since 1970 are far below 2^52")]
    Some((at - from) as f64)
}

/// When the line was written: its `Date` header, else the first moment on it, `but` for the one there.
pub(super) fn of_line(text: &str, but: Option<usize>) -> Option<i64> {
    let date = moments().date.as_ref()?.captures(text).and_then(|found| found.get(1));
    let first = || moments().any.as_ref()?.find_iter(text).find(|found| Some(found.start()) != but);
    let found = match date {
        Some(date) => date.as_str(),
        None => first()?.as_str(),
    };
    seconds(found)
}

fn seconds(text: &str) -> Option<i64> {
    if text.as_bytes().get(3) == Some(&b',') {
        let text = text.replace("UTC", "GMT");
        return rfc2822::parse(&text).ok().map(|at| at.timestamp().as_second());
    }
    if text.starts_with(|first: char| first.is_ascii_digit()) {
        let text = text.replace(" UTC", "Z").replace(',', ".");
        return text.parse::<Timestamp>().ok().map(Timestamp::as_second);
    }
    let text = text.replace("UTC", "+0000");
    let zoned = jiff::Zoned::strptime("%a %b %d %H:%M:%S %z %Y", &text).ok()?;
    Some(zoned.timestamp().as_second())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_told_from_the_lines_own() {
        let lines = [
            (
                "date: Sun, 05 Nov 2023 02:33:13 GMT\nretry-after: Sun, 05 Nov 2023 02:35:13 GMT",
                Some(120.0),
            ),
            (
                "[Sat Jan 27 01:23:04 +0330 2024] Retry after 2024-01-27T03:00:00Z: see",
                Some(18_416.0),
            ),
            ("2026-01-01T00:00:00Z 429, retry after 2026-01-01T00:01:30Z", Some(90.0)),
            ("Retry-After: Sun, 05 Nov 2023 02:35:13 GMT", None),
            ("retry-after: 120", None),
        ];
        for (line, expected) in lines {
            assert_eq!(told(line), expected, "{line}");
        }
    }
}
