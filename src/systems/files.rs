//! The newest lines of a local log file, read from its end. Never reads a whole file, and never waits for a writer.

use std::fs::File;
use std::io::{ErrorKind, Read as _, Seek as _, SeekFrom};

use super::failed;
use crate::core::evidence::{Absence, Failure, FailureKind, Finding, LogLine, Reading, Value};
use crate::core::time::Timestamp;

/// One read from the end of the file.
const CHUNK_BYTES: u64 = 64 * 1024;
/// A thousand lines of 4 KiB: whoever writes longer ones gets fewer of them.
const MAX_READ_BYTES: u64 = 4 * 1024 * 1024;
/// More lines do not make a cause clearer.
const MAX_LINES: u32 = 1000;
/// The cause of an error stands at its beginning.
const MAX_LINE_CHARS: usize = 2000;
/// Beyond this a number is milliseconds since 1970, not seconds (in seconds it would be the year 5138).
const MILLIS_FROM: f64 = 1e11;

pub(crate) async fn ask(path: String, last_lines: u32, now: Timestamp) -> Finding {
    let lines = usize::try_from(last_lines.clamp(1, MAX_LINES)).unwrap_or(1);
    match tokio::task::spawn_blocking(move || tail(&path, lines)).await {
        Err(_) => Finding::failed(FailureKind::Lost, "a bug of reclose: see its log for a panic"),
        Ok(Err(failure)) => Finding::Failed(failure),
        Ok(Ok((lines, _))) if lines.is_empty() => Finding::NoData(Absence::Empty),
        Ok(Ok((lines, complete))) => {
            Finding::Value(Reading { at: now, value: Value::Lines { lines, complete } })
        }
    }
}

/// The last `wanted` lines, oldest first, and whether they are all that the file has.
fn tail(path: &str, wanted: usize) -> Result<(Vec<LogLine>, bool), Failure> {
    let unreadable = |error: &std::io::Error| {
        let kind = if error.kind() == ErrorKind::PermissionDenied {
            FailureKind::Unauthorized
        } else {
            FailureKind::Unreachable
        };
        failed(kind, format!("{path}: {error}"))
    };
    // Asked before opening, because opening a pipe would wait for its writer.
    let about = std::fs::metadata(path).map_err(|error| unreadable(&error))?;
    if !about.is_file() {
        return Err(failed(FailureKind::BadQuestion, format!("{path} is no regular file")));
    }
    let mut file = File::open(path).map_err(|error| unreadable(&error))?;
    let (bytes, start) = read_end(&mut file, wanted).map_err(|error| unreadable(&error))?;
    let text = String::from_utf8_lossy(&bytes);
    let mut lines: Vec<&str> = text.lines().collect();
    // What was cut at the front is no line.
    let whole_file = start == 0;
    if !whole_file && !lines.is_empty() {
        lines.remove(0);
    }
    let complete = whole_file && lines.len() <= wanted;
    let first = lines.len().saturating_sub(wanted);
    let newest = lines.into_iter().skip(first).filter(|line| !line.trim().is_empty());
    Ok((newest.map(|line| LogLine { at: stamp(line), text: clean(line) }).collect(), complete))
}

/// The end of the file with more than `wanted` line ends in it, and where it starts.
fn read_end(file: &mut File, wanted: usize) -> std::io::Result<(Vec<u8>, u64)> {
    let mut start = file.seek(SeekFrom::End(0))?;
    let mut chunks: Vec<Vec<u8>> = Vec::new();
    let (mut read, mut line_ends) = (0, 0);
    while start > 0 && read < MAX_READ_BYTES && line_ends <= wanted {
        let size = start.min(CHUNK_BYTES);
        start -= size;
        file.seek(SeekFrom::Start(start))?;
        let mut chunk = Vec::new();
        file.by_ref().take(size).read_to_end(&mut chunk)?;
        line_ends += chunk.iter().map(|byte| usize::from(*byte == b'\n')).sum::<usize>();
        read += size;
        chunks.push(chunk);
    }
    chunks.reverse();
    Ok((chunks.concat(), start))
}

/// A line as it may be shown: without escape sequences and control characters, and not endless.
pub(crate) fn clean(line: &str) -> String {
    let visible = anstream::adapter::strip_str(line).to_string();
    visible
        .chars()
        .map(|c| if c == '\t' { ' ' } else { c })
        .filter(|c| !c.is_control())
        .take(MAX_LINE_CHARS)
        .collect()
}

/// The time a line gives itself: RFC 3339 at its start, or a JSON log's `ts`, `time` or `timestamp`.
fn stamp(line: &str) -> Option<Timestamp> {
    let line = line.trim_start();
    if line.starts_with('{') {
        let json: serde_json::Value = serde_json::from_str(line).ok()?;
        let found =
            ["ts", "time", "timestamp", "@timestamp"].iter().find_map(|key| json.get(key))?;
        return match found.as_str() {
            Some(text) => text.parse().ok(),
            None => epoch(found.as_f64()?),
        };
    }
    let mut words = line.split_whitespace();
    let first = words.next()?.trim_matches(['[', ']']);
    first.parse().ok().or_else(|| {
        // `2026-08-20 10:00:00.123Z`
        let second = words.next()?.trim_matches(['[', ']']);
        format!("{first}T{second}").parse().ok()
    })
}

fn epoch(number: f64) -> Option<Timestamp> {
    let secs = if number.abs() >= MILLIS_FROM { number / 1000.0 } else { number };
    Timestamp::from_duration(jiff::SignedDuration::try_from_secs_f64(secs).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(text: &[u8]) -> (tempfile::NamedTempFile, String) {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), text).unwrap();
        let path = file.path().to_str().unwrap().to_owned();
        (file, path)
    }

    #[test]
    fn reads_the_newest_lines_of_a_file_larger_than_its_limit() {
        use std::fmt::Write as _;
        let mut text = String::new();
        for number in 0..200_000 {
            writeln!(text, "2026-08-20T10:00:00Z line {number}").unwrap();
        }
        let (_file, path) = written(text.as_bytes());
        let (lines, complete) = tail(&path, 3).unwrap();
        let texts: Vec<&str> = lines.iter().map(|line| line.text.as_str()).collect();
        assert_eq!(texts.len(), 3);
        assert!(texts[0].ends_with("line 199997") && texts[2].ends_with("line 199999"));
        assert!(!complete);
    }

    #[test]
    fn one_endless_line_costs_no_more_than_the_limit_and_is_no_line() {
        let (_file, path) = written(&vec![b'x'; 6 * 1024 * 1024]);
        let (lines, complete) = tail(&path, 10).unwrap();
        assert!(lines.is_empty() && !complete);
    }

    #[test]
    fn a_short_file_is_complete_and_a_pipe_is_refused() {
        let (_file, path) = written(b"one\ntwo");
        let (lines, complete) = tail(&path, 2).unwrap();
        assert!(lines.len() == 2 && complete);
        let (lines, complete) = tail(&path, 1).unwrap();
        assert!(lines.len() == 1 && lines[0].text == "two" && !complete);
        assert_eq!(tail("/dev/null", 1).unwrap_err().kind, FailureKind::BadQuestion);
        assert_eq!(tail("/no/such/file", 1).unwrap_err().kind, FailureKind::Unreachable);
    }

    #[test]
    fn lines_tell_their_time_in_the_usual_ways() {
        let at: Timestamp = "2026-08-20T10:00:00.5Z".parse().unwrap();
        for line in [
            "2026-08-20T10:00:00.5Z boom",
            "[2026-08-20T12:00:00.5+02:00] boom",
            "2026-08-20 10:00:00.5Z boom",
            r#"{"ts":1787220000.5,"msg":"boom"}"#,
            r#"{"msg":"boom","time":1787220000500}"#,
            r#"{"timestamp":"2026-08-20T10:00:00.5Z"}"#,
        ] {
            assert_eq!(stamp(line), Some(at), "{line}");
        }
        for line in ["boom", "", "{", r#"{"ts":true}"#, r#"{"ts":1e400}"#, "2026-08-20 boom"] {
            assert_eq!(stamp(line), None, "{line}");
        }
    }

    #[test]
    fn what_a_terminal_would_obey_is_taken_out() {
        let evil = "\x1b[31mred\x1b[0m \x1b]8;;http://evil\x07link\x1b]8;;\x07\x1b[2J\r\x08end";
        assert_eq!(clean(evil), "red linkend");
        assert_eq!(clean(&"ä".repeat(5000)).chars().count(), MAX_LINE_CHARS);
    }
}
