//! Lines joined to the entries of a log: a stack trace belongs to what was logged with it. Never joins without end.

use regex::Regex;
use std::sync::LazyLock;

use super::clean;
use super::stamp::Reader;
use crate::core::evidence::LogLine;

/// A trace of a large framework has some 150 frames; what follows is an entry of its own.
const ENTRY_LINES: usize = 200;
/// Lines without a time that look like no trace: a statement, a body. More of them in a row are lines of another program.
const PLAIN_LINES: usize = 10;
/// Frames kept of each part of a trace: they say where, and the causes below them say why.
const FRAMES: usize = 3;
/// Between the lines of an entry, where a line feed must not stand.
const BETWEEN: &str = " | ";
/// Lines looked at to learn whether this log's entries begin with a time.
const SAMPLE_LINES: usize = 400;

/// A line that only ever goes on.
static GOES_ON: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(concat!(
        r"^(?:at \S|Caused by\b|Suppressed:|\.{3} \d+ (?:more|common frames)|Traceback \(most recent call last\)|",
        r"During handling of the above exception|The above exception was the direct cause|",
        r"goroutine \d+ \[|created by \S+|stack backtrace:|[Ss]tack ?[Tt]race:|--- End of|note: run with `RUST_BACKTRACE|",
        r"[\]})]+[,;]?$)",
    ))
    .ok()
});
/// A place in a program.
static FRAME: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r#"^(?:at \S|File "|from \S+:\d+|\d+: 0x|\d+: \S+$|\.{3} \d+ more|\S+\.go:\d+|\S+\(\S*\)$)"#).ok()
});

/// What the last lines were, as far as the next depends on it.
#[derive(Clone, Copy, PartialEq)]
enum Within {
    Text,
    /// Python's trace: the first line that is not indented ends it, and says what went wrong.
    Traceback,
    /// Go's trace: calls stand at the beginning of the line.
    Goroutine,
    /// Rust's: the message follows on the next line.
    Panicked,
}

/// An entry while its lines come.
struct Entry {
    line: LogLine,
    lines: usize,
    /// Plain lines in a row.
    plain: usize,
    frames: usize,
    within: Within,
}

/// The entries of `lines`, oldest first.
pub(super) fn joined<'a>(
    lines: impl Iterator<Item = &'a str> + Clone,
    reader: &Reader,
) -> Vec<LogLine> {
    let stamped = begins_with_times(lines.clone(), reader);
    let mut entries: Vec<LogLine> = Vec::new();
    let mut open: Option<Entry> = None;
    for line in lines {
        if line.trim().is_empty() {
            continue;
        }
        let at = reader.stamp(line);
        if at.is_none()
            && let Some(entry) = open.as_mut()
            && entry.takes(line, stamped)
        {
            continue;
        }
        let text = clean(line);
        let within = after(line, Within::Text);
        let line = LogLine { at, text };
        // What begins without a time where all others have one gathers no more such lines.
        let plain = if stamped && line.at.is_none() { PLAIN_LINES } else { 0 };
        let new = Entry { line, lines: 1, plain, frames: 0, within };
        entries.extend(open.replace(new).map(|entry| entry.line));
    }
    entries.extend(open.map(|entry| entry.line));
    entries
}

/// Does every entry of this log begin with its time?
fn begins_with_times<'a>(lines: impl Iterator<Item = &'a str>, reader: &Reader) -> bool {
    let (mut with, mut without) = (0_usize, 0_usize);
    let heads = lines.filter(|line| !line.trim().is_empty() && !line.starts_with([' ', '\t']));
    for line in heads.filter(|line| !goes_on(line)).take(SAMPLE_LINES) {
        if reader.stamp(line).is_some() {
            with = with.saturating_add(1);
        } else {
            without = without.saturating_add(1);
        }
    }
    with >= 2 && with >= without
}

impl Entry {
    /// Takes the line, if it belongs to this entry.
    fn takes(&mut self, line: &str, stamped: bool) -> bool {
        let bare = line.trim_start();
        let indented = bare.len() < line.len();
        let sure = indented || goes_on(bare);
        let ends = !sure && self.within == Within::Traceback;
        let follows = match self.within {
            Within::Text => false,
            Within::Traceback | Within::Panicked => true,
            Within::Goroutine => is(&FRAME, bare) || bare.starts_with("panic"),
        };
        let plain = !sure && !follows;
        if plain && (!stamped || self.plain >= PLAIN_LINES || bare.starts_with('{')) {
            return false;
        }
        if self.lines >= ENTRY_LINES {
            return false;
        }
        self.lines = self.lines.saturating_add(1);
        self.plain = if plain { self.plain.saturating_add(1) } else { 0 };
        self.within = if ends { Within::Text } else { after(bare, self.within) };
        self.frames = if is(&FRAME, bare) { self.frames.saturating_add(1) } else { 0 };
        if self.frames <= FRAMES {
            let text = format!("{}{BETWEEN}{}", self.line.text, clean(bare));
            // Cut once more, as a line is.
            self.line.text = clean(&text);
        }
        true
    }
}

/// What a line leads into.
fn after(line: &str, before: Within) -> Within {
    let bare = line.trim_start();
    if bare.contains("Traceback (most recent call last)") {
        Within::Traceback
    } else if bare.starts_with("goroutine ") || bare.starts_with("panic: ") {
        Within::Goroutine
    } else if bare.contains("panicked at ") && bare.ends_with(':') {
        Within::Panicked
    } else if before == Within::Panicked {
        Within::Text
    } else {
        before
    }
}

fn goes_on(bare: &str) -> bool {
    is(&GOES_ON, bare)
}

fn is(pattern: &LazyLock<Option<Regex>>, text: &str) -> bool {
    pattern.as_ref().is_some_and(|pattern| pattern.is_match(text))
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::tz::TimeZone;

    fn entries(text: &str) -> Vec<String> {
        let reader = Reader { zone: TimeZone::UTC, now: "2026-08-20T12:00:00Z".parse().unwrap() };
        joined(text.lines(), &reader).into_iter().map(|line| line.text).collect()
    }

    #[test]
    fn a_trace_is_one_entry_with_what_was_logged() {
        let java = "2026-08-20 10:00:00,123 ERROR call failed\norg.x.ResourceAccessException: I/O error\n\tat a.B.c(B.java:1)\n\tat a.B.d(B.java:2)\n\tat a.B.e(B.java:3)\n\tat a.B.f(B.java:4)\n\tat a.B.g(B.java:5)\nCaused by: java.net.SocketTimeoutException: Read timed out\n\tat j.S.r(S.java:9)\n\t... 57 more\n2026-08-20 10:00:01,000 INFO next\n2026-08-20 10:00:02,000 INFO next";
        let found = entries(java);
        assert_eq!(found.len(), 3, "{found:#?}");
        assert!(
            found[0].ends_with("Read timed out | at j.S.r(S.java:9) | ... 57 more"),
            "{}",
            found[0]
        );
        assert!(found[0].contains("B.e(") && !found[0].contains("B.f("), "{}", found[0]);
        // A library's own lines have no time: told by their form alone.
        let python = "ERROR:root:failed\nTraceback (most recent call last):\n  File \"a.py\", line 1, in f\n    g()\nKeyError: 'x'\n\nDuring handling of the above exception, another exception occurred:\n\nTraceback (most recent call last):\n  File \"a.py\", line 3, in f\n    h()\nrequests.exceptions.ConnectTimeout: timed out\nINFO:root:next\nINFO:root:more";
        let found = entries(python);
        assert_eq!(found.len(), 3, "{found:#?}");
        assert!(
            found[0].ends_with("requests.exceptions.ConnectTimeout: timed out"),
            "{}",
            found[0]
        );
        let node = "Error: connect ECONNREFUSED 127.0.0.1:1\n    at TCPConnectWrap.afterConnect [as oncomplete] (node:net:1555:16) {\n  errno: -111,\n  code: 'ECONNREFUSED'\n}\nnext";
        assert_eq!(entries(node).len(), 2);
        let go = "panic: dial tcp: lookup x: no such host\n\ngoroutine 1 [running]:\nmain.main()\n\t/tmp/x.go:4 +0x1d\nexit status 2";
        assert_eq!(entries(go).len(), 2, "{:#?}", entries(go));
        let rust = "thread 'main' panicked at src/main.rs:2:5:\nconnection reset by peer\nnote: run with `RUST_BACKTRACE=1`\nnext";
        assert_eq!(entries(rust).len(), 2, "{:#?}", entries(rust));
        let dotnet = "fail: App[0]\n      System.Net.Http.HttpRequestException: refused\n         at System.Net.Http.X()\n      --- End of inner\nfail: App[0]";
        assert_eq!(entries(dotnet).len(), 2, "{:#?}", entries(dotnet));
    }

    #[test]
    fn lines_that_stand_alone_stay_alone() {
        assert_eq!(entries("one\ntwo\n\nthree").len(), 3);
        let json =
            "{\"ts\":1787220000,\"msg\":\"a\"}\n{\"msg\":\"b\"}\n{\"ts\":1787220001,\"msg\":\"c\"}";
        assert_eq!(entries(json).len(), 3);
        // Two programs write into one file, and one of them no times: its lines are not swallowed.
        let plain = "dial tcp: connection refused\n".repeat(50);
        let mixed = format!("2026-08-20 10:00:00 a\n2026-08-20 10:00:01 b\n{plain}");
        assert_eq!(entries(&mixed).len(), 52);
        let (few, times) = ("x\n".repeat(25), "2026-08-20 10:00:00 a\n".repeat(30));
        assert_eq!(entries(&format!("{times}{few}")).len(), 30 + 25 - PLAIN_LINES);
    }

    #[test]
    fn nothing_is_joined_without_end() {
        let found = entries(&format!("head\n{}", "    more and more\n".repeat(100_000)));
        assert_eq!(found.len(), 100_001_usize.div_ceil(ENTRY_LINES));
        assert!(found.iter().all(|text| text.chars().count() <= 2000));
    }
}
