//! The files that a log was rotated into: found beside it by their names, newest first. Never leaves the log's folder.

use flate2::read::MultiGzDecoder;
use regex::Regex;
use std::collections::VecDeque;
use std::fs::{File, Metadata};
use std::io::Read as _;
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

/// A week of daily files and a day of hourly ones are fewer than this.
const MAX_FILES: usize = 32;
/// A folder with more names than this is no folder of one service's logs.
const MAX_NAMES: usize = 10_000;
/// All packed files of one look together, unpacked: half a second of work. A packed file can only be read from its beginning.
pub(super) const MAX_UNPACKED_BYTES: u64 = 128 * 1024 * 1024;
const UNPACK_BYTES: usize = 64 * 1024;
/// More digits than these are a date, not a number.
const NUMBER_DIGITS: usize = 4;

/// `.1`, `.2.gz`, `-20260820`, `.2026-08-20_11.gz`, `.20260820-100000`.
static SUFFIX: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"^[.-](?P<when>\d[\dT_:-]*)(?P<packed>\.gz)?$").ok());

/// Device and number: what a file is, whatever it is called.
pub(super) type Id = (u64, u64);

pub(super) fn id(about: &Metadata) -> Id {
    (about.dev(), about.ino())
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Packed {
    Plain,
    Gzip,
}

/// An older file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) path: PathBuf,
    pub(super) packed: Packed,
    id: Id,
    size: u64,
    /// As in its name.
    when: String,
}

/// How a log's files lie at one moment.
pub(super) struct Seen {
    head: Option<(Id, u64)>,
    /// Newest first.
    pub(super) older: Vec<Place>,
    /// There are, or may be, older ones than these.
    pub(super) more: bool,
}

/// Finds what lies beside `path`; of a link, beside what it leads to.
pub(super) fn look(path: &str) -> Seen {
    let head = std::fs::metadata(path).ok().map(|about| (id(&about), about.len()));
    let real = std::fs::canonicalize(path).unwrap_or_else(|_| PathBuf::from(path));
    let (mut older, unseen) = beside(&real);
    // A file that is just being packed lies there twice.
    let plain: Vec<String> = older
        .iter()
        .filter(|place| place.packed == Packed::Plain)
        .map(|place| place.when.clone())
        .collect();
    older.retain(|place| place.packed == Packed::Plain || !plain.contains(&place.when));
    // By number the lowest is the newest, by date the highest; where both occur, the numbered ones were written last.
    older.sort_by_key(order);
    let more = unseen || older.len() > MAX_FILES;
    older.truncate(MAX_FILES);
    Seen { head, older, more }
}

fn order(place: &Place) -> (bool, u64, std::cmp::Reverse<String>) {
    let digits: String = place.when.chars().filter(char::is_ascii_digit).collect();
    if digits.len() <= NUMBER_DIGITS {
        (false, digits.parse().unwrap_or(u64::MAX), std::cmp::Reverse(String::new()))
    } else {
        (true, 0, std::cmp::Reverse(digits))
    }
}

/// The older files, and whether some could not be seen.
fn beside(real: &Path) -> (Vec<Place>, bool) {
    let (Some(folder), Some(name)) =
        (real.parent(), real.file_name().and_then(|name| name.to_str()))
    else {
        return (Vec::new(), true);
    };
    let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    let Ok(names) = std::fs::read_dir(folder) else { return (Vec::new(), true) };
    let names: Vec<_> = names.take(MAX_NAMES).collect();
    let unseen = names.len() == MAX_NAMES || names.iter().any(Result::is_err);
    let found = names
        .into_iter()
        .flatten()
        .filter_map(|entry| {
            let entry_name = entry.file_name();
            let suffix = entry_name.to_str()?.strip_prefix(name)?;
            let found = SUFFIX.as_ref()?.captures(suffix)?;
            // Of the entry itself: a link is no older file.
            let about = entry.metadata().ok().filter(Metadata::is_file)?;
            Some(Place {
                path: entry.path(),
                packed: if found.name("packed").is_some() { Packed::Gzip } else { Packed::Plain },
                id: id(&about),
                size: about.len(),
                when: found.name("when")?.as_str().to_owned(),
            })
        })
        .collect();
    (found, unseen)
}

/// Did nothing move between two looks? A file that only grew did not.
pub(super) fn same(before: &Seen, after: &Seen) -> bool {
    let head = match (before.head, after.head) {
        (Some((id, size)), Some((new_id, new_size))) => id == new_id && new_size >= size,
        (None, None) => true,
        (Some(_), None) | (None, Some(_)) => false,
    };
    head && before.older == after.older
}

/// Opens a regular file, and follows no link to it.
pub(super) fn open(path: &Path) -> std::io::Result<File> {
    let flags = rustix::fs::OFlags::NOFOLLOW | rustix::fs::OFlags::NONBLOCK;
    let flags = i32::try_from(flags.bits()).unwrap_or(0);
    let file = File::options().read(true).custom_flags(flags).open(path)?;
    if file.metadata()?.is_file() {
        Ok(file)
    } else {
        Err(std::io::Error::from(std::io::ErrorKind::InvalidInput))
    }
}

/// The last `most` bytes of what is packed, and whether that is all; `None` where it is cut, damaged, or too large.
pub(super) fn unpack_end(file: File, left: &mut u64, most: u64) -> Option<(Vec<u8>, bool)> {
    let most = usize::try_from(most).ok()?;
    let mut packed = MultiGzDecoder::new(std::io::BufReader::new(file));
    let mut chunk = vec![0; UNPACK_BYTES];
    let mut end = VecDeque::new();
    let mut whole = true;
    loop {
        let size = packed.read(&mut chunk).ok()?;
        if size == 0 {
            return Some((end.into(), whole));
        }
        *left = left.checked_sub(u64::try_from(size).ok()?)?;
        end.extend(chunk.get(..size)?);
        if end.len() > most {
            end.drain(..end.len().saturating_sub(most));
            whole = false;
        }
    }
}
