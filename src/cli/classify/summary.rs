//! Raw log files → how many lines tell of which cause. Every physical line is read alone: the lines of a stack trace count each
//! for themselves. Never holds more than one block of a file.

use serde::Serialize;
use std::collections::BTreeMap;
use std::io::{self, IsTerminal, Read, Write};

use crate::core::classify::{Patterns, Sieve};

/// Read at once: large enough that the search runs undisturbed, small enough to stay in a processor's cache.
const BLOCK_BYTES: usize = 1 << 20;
/// Longer lines are read at their ends, and counted.
const LINE_BYTES: usize = 256 << 10;
/// Progress is told so often.
const PROGRESS_BYTES: u64 = 256 << 20;

/// What the files say.
#[derive(Default, Serialize)]
pub(super) struct Summary {
    pub(super) lines: u64,
    pub(super) bytes: u64,
    /// Longer than is read.
    pub(super) cut: u64,
    pub(super) causes: BTreeMap<&'static str, u64>,
    /// Lines that told of a wait.
    pub(super) told_waits: u64,
}

pub(super) struct Counter<'p> {
    patterns: &'p Patterns,
    sieve: Option<Sieve>,
    pub(super) summary: Summary,
    told_at: u64,
}

impl<'p> Counter<'p> {
    /// `sieved`: search whole blocks first. Without, every line is read, with the same result.
    pub(super) fn new(patterns: &'p Patterns, sieved: bool) -> Self {
        let sieve = sieved.then(|| patterns.sieve());
        Self { patterns, sieve, summary: Summary::default(), told_at: PROGRESS_BYTES }
    }

    pub(super) fn read(&mut self, mut input: impl Read) -> io::Result<()> {
        let mut block = vec![0; BLOCK_BYTES];
        let mut held = 0;
        while let Some(room) = block.get_mut(held..) {
            let read = match input.read(room) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                read => read?,
            };
            held += read;
            self.summary.bytes += u64::try_from(read).unwrap_or(0);
            let filled = block.get(..held).unwrap_or_default();
            if read == 0 {
                self.lines(filled);
                break;
            }
            if held < block.len() {
                continue;
            }
            match memchr::memrchr(b'\n', filled) {
                Some(last) => {
                    self.lines(filled.get(..=last).unwrap_or_default());
                    block.copy_within(last + 1..held, 0);
                    held -= last + 1;
                }
                None => held = self.long_line(&mut input, &mut block)?,
            }
            self.progress();
        }
        Ok(())
    }

    /// A line that fills the whole block: its head, and the last of what follows. Returns how much of the block holds the next line.
    fn long_line(&mut self, input: &mut impl Read, block: &mut [u8]) -> io::Result<usize> {
        let half = LINE_BYTES / 2;
        let mut ends = block.get(..half).unwrap_or_default().to_vec();
        let mut tail = block.get(block.len() - half..).unwrap_or_default().to_vec();
        let kept = loop {
            let read = match input.read(block) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                read => read?,
            };
            self.summary.bytes += u64::try_from(read).unwrap_or(0);
            let piece = block.get(..read).unwrap_or_default();
            let end = memchr::memchr(b'\n', piece);
            tail.extend_from_slice(piece.get(..end.unwrap_or(read)).unwrap_or_default());
            tail.drain(..tail.len().saturating_sub(half));
            if let Some(end) = end {
                block.copy_within(end + 1..read, 0);
                break read - end - 1;
            }
            if read == 0 {
                break 0;
            }
        };
        ends.push(b' ');
        ends.extend(tail);
        self.summary.lines += 1;
        self.summary.cut += 1;
        self.line(&ends);
        Ok(kept)
    }

    fn lines(&mut self, block: &[u8]) {
        let mut start = 0;
        for end in memchr::memchr_iter(b'\n', block) {
            self.summary.lines += 1;
            self.summary.cut += u64::from(end - start > LINE_BYTES);
            start = end + 1;
        }
        if start < block.len() {
            self.summary.lines += 1;
            self.summary.cut += u64::from(block.len() - start > LINE_BYTES);
        }
        let Some(sieve) = self.sieve.take() else {
            return block.split(|byte| *byte == b'\n').for_each(|line| self.line(line));
        };
        let mut from = 0;
        while let Some((start, end)) = sieve.next(block, from) {
            self.line(block.get(start..end).unwrap_or_default());
            from = end + 1;
            if from > block.len() {
                break;
            }
        }
        self.sieve = Some(sieve);
    }

    fn line(&mut self, line: &[u8]) {
        let signal = self.patterns.line(&String::from_utf8_lossy(line));
        if let Some(cause) = signal.cause {
            *self.summary.causes.entry(cause.name()).or_default() += 1;
            self.summary.told_waits += u64::from(signal.retry_after.is_some());
        }
    }

    fn progress(&mut self) {
        let mut stderr = io::stderr().lock();
        if self.summary.bytes >= self.told_at && stderr.is_terminal() {
            let (megabytes, lines) = (self.summary.bytes >> 20, self.summary.lines);
            write!(stderr, "\r{megabytes} MB, {lines} lines").unwrap_or_default();
            stderr.flush().unwrap_or_default();
        }
        while self.summary.bytes >= self.told_at {
            self.told_at += PROGRESS_BYTES;
        }
    }
}

impl Summary {
    /// Largest first; what told nothing last.
    pub(super) fn table(&self) -> String {
        use std::fmt::Write as _;
        let mut rows: Vec<(&str, u64)> = self.causes.iter().map(|(name, n)| (*name, *n)).collect();
        rows.sort_by_key(|(name, count)| (std::cmp::Reverse(*count), *name));
        rows.push(("none", self.none()));
        let mut text = String::new();
        for (name, count) in rows {
            writeln!(text, "{name:<14}{count:>12}").unwrap_or_default();
        }
        writeln!(text, "{:<14}{:>12}", "lines", self.lines).unwrap_or_default();
        if self.cut > 0 {
            let kib = LINE_BYTES >> 10;
            writeln!(
                text,
                "{:<14}{:>12}  longer than {kib} KiB, read at their ends",
                "cut", self.cut
            )
            .unwrap_or_default();
        }
        text
    }

    pub(super) fn none(&self) -> u64 {
        self.lines.saturating_sub(self.causes.values().sum())
    }
}

#[cfg(test)]
#[expect(
    clippy::print_stdout,
    clippy::string_slice,
    reason = "figures of the run; cut at boundaries"
)]
mod tests {
    use super::*;

    fn count(text: &[u8], sieved: bool) -> (u64, u64, BTreeMap<&'static str, u64>) {
        let patterns = Patterns::builtin();
        let mut counter = Counter::new(&patterns, sieved);
        counter.read(text).unwrap();
        let Summary { lines, cut, causes, .. } = counter.summary;
        (lines, cut, causes)
    }

    /// Every line of the corpora and of the examples, as it is, as JSON has it, and disguised.
    fn corpus() -> Vec<String> {
        let golden = include_str!("../../../tests/golden/lines.jsonl").lines().map(|row| {
            serde_json::from_str::<serde_json::Value>(row).unwrap()["line"]
                .as_str()
                .unwrap()
                .to_owned()
        });
        let wordings = include_str!("../../../tests/golden/wordings.tsv");
        let wordings = wordings.lines().filter_map(|row| Some(row.split_once('\t')?.1.to_owned()));
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus");
        let files = std::fs::read_dir(folder).into_iter().flatten().flatten();
        let more = files.filter_map(|file| std::fs::read_to_string(file.path()).ok());
        let more = more.flat_map(|text| {
            let row = |row: &str| {
                serde_json::from_str::<serde_json::Value>(row).ok()?["line"]
                    .as_str()
                    .map(str::to_owned)
            };
            text.lines().filter_map(row).collect::<Vec<_>>()
        });
        golden.chain(wordings).chain(more).collect()
    }

    #[test]
    fn the_sieve_keeps_nothing_back() {
        let mut random = fastrand::Rng::with_seed(4);
        let mut all: Vec<String> = Vec::new();
        // Each in nine disguises: every third is enough, and all of them would take minutes.
        for line in corpus().into_iter().step_by(3) {
            let one = line.replace('\n', " ");
            all.push(serde_json::json!({ "level": "error", "msg": line }).to_string());
            all.push(serde_json::json!({ "log": format!("{{\"error\":{one:?}}}") }).to_string());
            all.push(one.replace(' ', "\t"));
            all.push(format!("\u{1b}[31m{one}\u{1b}[0m\r"));
            let middle = one.floor_char_boundary(random.usize(..one.len().max(1)));
            all.push(format!("{}\u{200b}{}", &one[..middle], &one[middle..]));
            all.push(one[..middle].to_owned());
            all.push(one[middle..].to_owned());
            all.push(one);
        }
        // One line after the other through one sieve: compiling it is what takes long.
        let patterns = Patterns::builtin();
        let (mut with, mut without) =
            (Counter::new(&patterns, true), Counter::new(&patterns, false));
        let (mut missed, mut said) = (Vec::new(), 0);
        for line in &all {
            let before = without.summary.causes.clone();
            with.lines(line.as_bytes());
            without.lines(line.as_bytes());
            said += usize::from(without.summary.causes != before);
            if with.summary.causes != without.summary.causes {
                missed.push(line);
                with.summary.causes = without.summary.causes.clone();
            }
        }
        let n = all.len();
        println!("sieve: n={n} lines, {said} of them say something, {} missed", missed.len());
        assert!(missed.is_empty(), "{missed:#?}");
    }

    #[test]
    fn long_lines_are_read_at_their_ends_and_blocks_tear_nothing() {
        let error = "dial tcp: connection refused";
        let long = format!("{}{error}\nok\n{error}", "x".repeat(3 * BLOCK_BYTES));
        let expected = (3, 1, BTreeMap::from([("network", 2)]));
        assert_eq!(count(long.as_bytes(), true), expected);
        let many = format!("{}\n{error}\n", "y".repeat(100)).repeat(20_000);
        assert_eq!(
            count(many.as_bytes(), true),
            (40_000, 0, BTreeMap::from([("network", 20_000)]))
        );
        let middling = format!("{}\n", "z".repeat(LINE_BYTES + 1));
        assert_eq!(count(middling.as_bytes(), true).1, 1);
    }
}
