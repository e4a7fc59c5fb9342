//! The newest entries of a local log file, and of the files that it was rotated into, read from their ends. Never reads a
//! whole history, and never waits for a writer.

mod entries;
mod rotated;
mod stamp;

use jiff::tz::TimeZone;
use std::fs::File;
use std::io::{ErrorKind, Read as _, Seek as _, SeekFrom};

use super::{failed, in_the_past};
use crate::core::evidence::{Absence, Failure, FailureKind, Finding, LogLine, Reading, Value};
use crate::core::time::{Duration, Timestamp};
use rotated::{Packed, Place, Seen};
use stamp::Reader;

/// One read from the end of the file; the next is twice as large.
const CHUNK_BYTES: u64 = 64 * 1024;
/// A thousand lines of 4 KiB, of each file: whoever writes longer ones gets fewer of them.
const MAX_READ_BYTES: u64 = 4 * 1024 * 1024;
/// Of all files together.
const MAX_TOTAL_BYTES: usize = 16 * 1024 * 1024;
/// More lines do not make a cause clearer.
pub(crate) const MAX_LINES: u32 = 5_000;
/// The cause of an error stands at its beginning.
const MAX_LINE_CHARS: usize = 2000;
/// A log that is rotated more often than this while it is read is read as it is.
const TRIES: u32 = 3;

/// What is asked.
#[derive(Clone, Debug)]
pub(crate) struct Question {
    pub(crate) path: String,
    pub(crate) last_lines: u32,
    pub(crate) last: Option<Duration>,
    pub(crate) zone: Option<String>,
}

pub(crate) async fn ask(ask: Question, now: Timestamp) -> Finding {
    match tokio::task::spawn_blocking(move || newest(&ask, now)).await {
        Err(_) => Finding::failed(FailureKind::Lost, "a bug of reclose: see its log for a panic"),
        Ok(Err(failure)) => Finding::Failed(failure),
        Ok(Ok((lines, _))) if lines.is_empty() => Finding::NoData(Absence::Empty),
        Ok(Ok((lines, complete))) => {
            Finding::Value(Reading { at: now, value: Value::Lines { lines, complete } })
        }
    }
}

/// What is wanted of a log.
struct Wanted {
    entries: usize,
    /// Older entries are none.
    since: Option<Timestamp>,
    reader: Reader,
}

/// The newest entries, oldest first, and whether they are all that was asked for.
fn newest(ask: &Question, now: Timestamp) -> Result<(Vec<LogLine>, bool), Failure> {
    let zone = match &ask.zone {
        None => TimeZone::UTC,
        Some(name) => TimeZone::get(name)
            .map_err(|_| failed(FailureKind::BadQuestion, format!("no zone is called {name}")))?,
    };
    let entries = usize::try_from(ask.last_lines.clamp(1, MAX_LINES)).unwrap_or(1);
    let since = ask.last.map(|last| in_the_past(now, last));
    let wanted = Wanted { entries, since, reader: Reader { zone, now } };
    for _ in 1..TRIES {
        let before = rotated::look(&ask.path);
        let found = read_all(&ask.path, &before, &wanted);
        let after = rotated::look(&ask.path);
        if rotated::same(&before, &after) {
            return found;
        }
    }
    // What was read while the files moved may lack lines.
    let (lines, _) = read_all(&ask.path, &rotated::look(&ask.path), &wanted)?;
    Ok((lines, false))
}

/// From the newest file on into the older ones, while something is wanted that they may have.
fn read_all(path: &str, seen: &Seen, wanted: &Wanted) -> Result<(Vec<LogLine>, bool), Failure> {
    let mut read = Vec::new();
    let mut lines: Vec<LogLine> = Vec::new();
    let mut left = rotated::MAX_UNPACKED_BYTES;
    let mut held = 0;
    // Without a file of that name only what it was rotated into can tell; without that, its absence is the answer.
    let about = std::fs::metadata(path);
    let missing = matches!(&about, Err(error) if error.kind() == ErrorKind::NotFound);
    if !missing || seen.older.is_empty() {
        // Asked before opening, because opening a pipe would wait for its writer.
        if !about.map_err(|error| unreadable(path, &error))?.is_file() {
            return Err(failed(FailureKind::BadQuestion, format!("{path} is no regular file")));
        }
        let mut file = File::open(path).map_err(|error| unreadable(path, &error))?;
        read.extend(file.metadata().ok().map(|about| rotated::id(&about)));
        let (bytes, whole) = end_of(&mut file, wanted).map_err(|error| unreadable(path, &error))?;
        held += bytes.len();
        lines = entries_of(&bytes, whole, wanted);
        if !whole || wanted.has_enough(&lines) {
            return Ok(wanted.cut(lines, whole));
        }
    }
    for place in &seen.older {
        let Some((bytes, whole)) = older(place, &mut read, &mut left, wanted) else {
            return Ok(wanted.cut(lines, false));
        };
        held += bytes.len();
        let mut earlier = entries_of(&bytes, whole, wanted);
        earlier.append(&mut lines);
        lines = earlier;
        if !whole || wanted.has_enough(&lines) || held > MAX_TOTAL_BYTES {
            let all = whole && held <= MAX_TOTAL_BYTES;
            return Ok(wanted.cut(lines, all));
        }
    }
    Ok(wanted.cut(lines, !seen.more))
}

/// The end of an older file; nothing of one that was read already under another name; `None` for one that cannot be read.
fn older(
    place: &Place,
    read: &mut Vec<rotated::Id>,
    left: &mut u64,
    wanted: &Wanted,
) -> Option<(Vec<u8>, bool)> {
    let mut file = rotated::open(&place.path).ok()?;
    let id = rotated::id(&file.metadata().ok()?);
    if read.contains(&id) {
        return Some((Vec::new(), true));
    }
    read.push(id);
    match place.packed {
        Packed::Plain => end_of(&mut file, wanted).ok(),
        Packed::Gzip => rotated::unpack_end(file, left, MAX_READ_BYTES),
    }
}

impl Wanted {
    /// Older lines would be thrown away.
    fn has_enough(&self, lines: &[LogLine]) -> bool {
        lines.len() > self.entries || self.reaches_back(lines)
    }

    fn reaches_back(&self, lines: &[LogLine]) -> bool {
        let oldest = lines.iter().find_map(|line| line.at);
        self.since.is_some_and(|since| oldest.is_some_and(|oldest| oldest < since))
    }

    /// The newest of them within the time. `all`: there are no older ones, or none that count.
    fn cut(&self, mut lines: Vec<LogLine>, all: bool) -> (Vec<LogLine>, bool) {
        let complete = all || self.reaches_back(&lines);
        if let Some(since) = self.since {
            // An entry without a time is as old as the one before it.
            let mut at = None;
            lines.retain(|line| {
                at = line.at.or(at);
                at.is_none_or(|at| at >= since)
            });
        }
        let skip = lines.len().saturating_sub(self.entries);
        (lines.into_iter().skip(skip).collect(), complete && skip == 0)
    }
}

fn unreadable(path: &str, error: &std::io::Error) -> Failure {
    let kind = if error.kind() == ErrorKind::PermissionDenied {
        FailureKind::Unauthorized
    } else {
        FailureKind::Unreachable
    };
    failed(kind, format!("{path}: {error}"))
}

fn entries_of(bytes: &[u8], whole: bool, wanted: &Wanted) -> Vec<LogLine> {
    let text = String::from_utf8_lossy(bytes);
    // What was cut at the front is no line.
    entries::joined(text.lines().skip(usize::from(!whole)), &wanted.reader)
}

/// The end of the file with more than the wanted entries in it, or as much as is read at most; and whether that is all.
fn end_of(file: &mut File, wanted: &Wanted) -> std::io::Result<(Vec<u8>, bool)> {
    let end = file.seek(SeekFrom::End(0))?;
    let mut size = CHUNK_BYTES;
    loop {
        let start = end.saturating_sub(size);
        file.seek(SeekFrom::Start(start))?;
        let mut bytes = Vec::new();
        file.by_ref().take(end.saturating_sub(start)).read_to_end(&mut bytes)?;
        let whole = start == 0;
        if whole || size >= MAX_READ_BYTES || is_enough(&bytes, wanted) {
            return Ok((bytes, whole));
        }
        size = size.saturating_mul(4).min(MAX_READ_BYTES);
    }
}

fn is_enough(bytes: &[u8], wanted: &Wanted) -> bool {
    let line_ends = bytes.split(|byte| *byte == b'\n').count().saturating_sub(1);
    // With `last` fewer lines can be enough; an entry is never less than a line.
    (line_ends > wanted.entries || wanted.since.is_some())
        && wanted.has_enough(&entries_of(bytes, false, wanted))
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

#[cfg(test)]
mod tests;
