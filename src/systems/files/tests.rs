//! Files of this machine: rotated, packed, cut, replaced while they are read.

use super::*;
use flate2::Compression;
use flate2::write::GzEncoder;
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::Path;

struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self, name: &str) -> String {
        self.0.path().join(name).to_str().unwrap().to_owned()
    }

    fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        std::fs::write(self.path(name), content).unwrap();
    }

    fn pack(&self, name: &str, content: &[u8]) {
        self.write(name, packed(content));
    }

    fn ask(&self, name: &str, last_lines: u32) -> Question {
        Question { path: self.path(name), last_lines, last: None, zone: None }
    }

    fn texts(&self, name: &str, last_lines: u32) -> (Vec<String>, bool) {
        texts(&self.ask(name, last_lines))
    }
}

fn packed(content: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(content).unwrap();
    encoder.finish().unwrap()
}

fn now() -> Timestamp {
    "2026-08-20T12:00:00Z".parse().unwrap()
}

fn texts(ask: &Question) -> (Vec<String>, bool) {
    let (lines, complete) = newest(ask, now()).unwrap();
    (lines.into_iter().map(|line| line.text).collect(), complete)
}

fn numbered(from: u32, to: u32) -> String {
    let mut text = String::new();
    for number in from..to {
        writeln!(text, "line {number}").unwrap();
    }
    text
}

fn expect(from: u32, to: u32, complete: bool) -> (Vec<String>, bool) {
    (numbered(from, to).lines().map(str::to_owned).collect(), complete)
}

#[test]
fn reads_the_newest_lines_of_a_file_larger_than_its_limit() {
    let folder = Folder::new();
    folder.write("a.log", numbered(0, 900_000));
    assert_eq!(folder.texts("a.log", 3), expect(899_997, 900_000, false));
    assert_eq!(folder.texts("a.log", 5000), expect(895_000, 900_000, false));
}

#[test]
fn one_endless_line_costs_no_more_than_the_limit_and_is_no_line() {
    let folder = Folder::new();
    folder.write("a.log", vec![b'x'; 6 * 1024 * 1024]);
    assert_eq!(folder.texts("a.log", 10), (Vec::new(), false));
}

#[test]
fn a_short_file_is_complete_and_a_pipe_is_refused() {
    let folder = Folder::new();
    folder.write("a.log", "one\ntwo");
    assert_eq!(folder.texts("a.log", 2), (vec!["one".to_owned(), "two".to_owned()], true));
    assert_eq!(folder.texts("a.log", 1), (vec!["two".to_owned()], false));
    let missing = |path: &str| {
        let ask = Question { path: path.to_owned(), last_lines: 1, last: None, zone: None };
        newest(&ask, now()).unwrap_err().kind
    };
    assert_eq!(missing("/dev/null"), FailureKind::BadQuestion);
    assert_eq!(missing("/no/such/file"), FailureKind::Unreachable);
    let zone = Question { zone: Some("Nowhere/Land".to_owned()), ..folder.ask("a.log", 1) };
    assert_eq!(newest(&zone, now()).unwrap_err().kind, FailureKind::BadQuestion);
}

#[test]
fn reads_on_into_the_files_that_it_was_rotated_into() {
    let folder = Folder::new();
    folder.write("a.log", numbered(30, 40));
    folder.write("a.log.1", numbered(20, 30));
    folder.pack("a.log.2.gz", numbered(10, 20).as_bytes());
    folder.pack("a.log.10.gz", numbered(0, 10).as_bytes());
    // Others that lie beside it.
    for name in
        ["a.log.bak", "a.log.1.swp", "b.log.1", "xa.log.1", "a.log.", "a.log.gz", "a.log.3.tar"]
    {
        folder.write(name, "alien\n");
    }
    std::fs::create_dir(folder.path("a.log.4")).unwrap();
    for (last_lines, from) in [(5, 35), (10, 30), (11, 29), (25, 15), (39, 1)] {
        assert_eq!(folder.texts("a.log", last_lines), expect(from, 40, false), "{last_lines}");
    }
    std::fs::remove_dir(folder.path("a.log.4")).unwrap();
    for last_lines in [40, 500] {
        assert_eq!(folder.texts("a.log", last_lines), expect(0, 40, true), "{last_lines}");
    }
    // Between the renaming and the first line of the new one there is no such file.
    std::fs::remove_file(folder.path("a.log")).unwrap();
    assert_eq!(folder.texts("a.log", 5), expect(25, 30, false));
}

#[test]
fn names_with_dates_are_older_files_too() {
    let folder = Folder::new();
    folder.write("a.log", numbered(30, 40));
    folder.write("a.log-20260819", numbered(20, 30));
    folder.pack("a.log-20260818.gz", numbered(10, 20).as_bytes());
    folder.pack("a.log-20260817.gz", numbered(0, 10).as_bytes());
    assert_eq!(folder.texts("a.log", 500), expect(0, 40, true));
    let other = Folder::new();
    other.write("0.log.20260820-100000", numbered(0, 5));
    other.write("0.log.2026-08-20_11", numbered(5, 7));
    other.write("0.log", numbered(7, 9));
    // A link, as of a Kubernetes node: the older files lie beside what it leads to.
    std::os::unix::fs::symlink(other.path("0.log"), folder.path("pod.log")).unwrap();
    assert_eq!(folder.texts("pod.log", 500), expect(0, 9, true));
}

#[test]
fn a_file_being_packed_is_read_once() {
    let folder = Folder::new();
    folder.write("a.log", numbered(20, 30));
    folder.write("a.log.1", numbered(10, 20));
    // Half written.
    let half = packed(numbered(10, 20).as_bytes());
    folder.write("a.log.1.gz", half.get(..half.len() / 2).unwrap());
    folder.pack("a.log.2.gz", numbered(0, 10).as_bytes());
    assert_eq!(folder.texts("a.log", 500), expect(0, 30, true));
    std::fs::hard_link(folder.path("a.log"), folder.path("a.log.0")).unwrap();
    assert_eq!(folder.texts("a.log", 500), expect(0, 30, true));
}

#[test]
fn what_cannot_be_unpacked_ends_the_history_and_is_said() {
    let half = packed(numbered(0, 10).as_bytes());
    let bomb = packed(&vec![b'x'; 200 * 1024 * 1024]);
    for (what, bytes) in [
        ("garbage", b"garbage".to_vec()),
        ("empty", Vec::new()),
        ("cut", half.get(..half.len() - 4).unwrap().to_vec()),
        ("bomb", bomb),
    ] {
        let folder = Folder::new();
        folder.write("a.log", numbered(10, 20));
        folder.write("a.log.1.gz", bytes);
        folder.write("a.log.2", numbered(0, 10));
        assert_eq!(folder.texts("a.log", 500), expect(10, 20, false), "{what}");
    }
}

#[test]
fn a_large_packed_file_gives_its_end() {
    let folder = Folder::new();
    folder.write("a.log", "");
    folder.pack("a.log.1.gz", numbered(0, 1_000_000).as_bytes());
    assert_eq!(folder.texts("a.log", 4), expect(999_996, 1_000_000, false));
}

#[test]
fn within_a_time_nothing_older_counts_and_nothing_newer_is_lacking() {
    let folder = Folder::new();
    let minute = |from: u32, to: u32| {
        let mut text = String::new();
        for number in from..to {
            writeln!(text, "2026-08-20 11:{number:02}:00,000 line {number}\n  detail").unwrap();
        }
        text
    };
    folder.write("a.log", minute(50, 60));
    folder.write("a.log.1", minute(40, 50));
    folder.pack("a.log.2.gz", minute(30, 40).as_bytes());
    let within = |mins: u64, last_lines| {
        let last = Some(Duration::from_mins(mins));
        let (lines, complete) =
            newest(&Question { last, ..folder.ask("a.log", last_lines) }, now()).unwrap();
        (lines.len(), complete)
    };
    assert_eq!(within(5, 500), (5, true));
    assert_eq!(within(15, 500), (15, true));
    assert_eq!(within(25, 500), (25, true));
    assert_eq!(within(25, 7), (7, false));
    assert_eq!(within(600, 500), (30, true));
    assert_eq!(within(1, 500), (1, true));
    // In Berlin it is two hours earlier: all of it is too old.
    let zone = Some("Europe/Berlin".to_owned());
    let last = Some(Duration::from_mins(60));
    let (lines, _) = newest(&Question { last, zone, ..folder.ask("a.log", 500) }, now()).unwrap();
    assert_eq!(lines, Vec::new());
}

#[test]
fn a_file_that_is_rotated_while_it_is_read_loses_and_doubles_nothing() {
    let folder = Folder::new();
    folder.write("a.log", "");
    let base = folder.path("a.log");
    let stop = std::sync::atomic::AtomicBool::new(false);
    let (mut whole, mut gaps, mut rounds) = (0, 0, 0);
    std::thread::scope(|scope| {
        scope.spawn(|| rotate(&base, &stop));
        let ask = folder.ask("a.log", 60);
        while whole < 200 && rounds < 20_000 {
            rounds += 1;
            let (lines, _) = newest(&ask, now()).unwrap_or_default();
            let numbers: Vec<u64> = lines
                .iter()
                .map(|line| line.text.rsplit(' ').next().unwrap().parse().unwrap())
                .collect();
            // Whatever was read is in order, and every line at most once.
            assert!(
                numbers.is_sorted() && numbers.windows(2).all(|two| two[0] != two[1]),
                "{numbers:?}"
            );
            let gapless = numbers.windows(2).all(|two| two[1] == two[0] + 1);
            whole += u32::from(numbers.len() == 60 && gapless);
            gaps += u32::from(!gapless);
        }
        stop.store(true, std::sync::atomic::Ordering::Relaxed);
    });
    assert_eq!(whole, 200);
    // Only where every try met a rotation.
    assert!(gaps * 50 <= rounds, "{gaps} gaps of {rounds}");
}

/// Writes lines, and rotates the file after every 40 of them.
fn rotate(base: &str, stop: &std::sync::atomic::AtomicBool) {
    let mut number = 0_u64;
    while !stop.load(std::sync::atomic::Ordering::Relaxed) {
        let mut file = File::options().append(true).create(true).open(base).unwrap();
        for _ in 0..40 {
            writeln!(file, "line {number}").unwrap();
            number += 1;
            std::thread::sleep(Duration::from_micros(200));
        }
        for older in (1..4).rev() {
            let from = format!("{base}.{older}");
            if Path::new(&from).exists() {
                std::fs::rename(from, format!("{base}.{}", older + 1)).unwrap();
            }
        }
        std::fs::rename(base, format!("{base}.1")).unwrap();
    }
}

#[test]
fn a_file_that_is_copied_and_truncated_is_read_again() {
    let folder = Folder::new();
    folder.write("a.log", numbered(0, 40));
    let before = rotated::look(&folder.path("a.log"));
    std::fs::copy(folder.path("a.log"), folder.path("a.log.1")).unwrap();
    folder.write("a.log", "");
    assert!(!rotated::same(&before, &rotated::look(&folder.path("a.log"))));
    assert_eq!(folder.texts("a.log", 500), expect(0, 40, true));
    // It only grew: that is no rotation.
    let before = rotated::look(&folder.path("a.log"));
    folder.write("a.log", "line 40\n");
    assert!(rotated::same(&before, &rotated::look(&folder.path("a.log"))));
}

#[test]
fn what_a_terminal_would_obey_is_taken_out() {
    let evil = "\x1b[31mred\x1b[0m \x1b]8;;http://evil\x07link\x1b]8;;\x07\x1b[2J\r\x08end";
    assert_eq!(clean(evil), "red linkend");
    assert_eq!(clean(&"ä".repeat(5000)).chars().count(), MAX_LINE_CHARS);
}
