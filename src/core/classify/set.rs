//! Entries compiled to one automaton. Never knows what they mean beyond their order.

use regex_automata::meta::{self, Regex};
use regex_automata::util::syntax;
use regex_automata::{Input, MatchKind, PatternSet};
use std::sync::{Arc, OnceLock};

use super::entry::{self, Added, Entry};
use super::told::Told;
use super::{PatternError, envelope};

/// The lazy automaton's cache, per thread that classifies: above what the built-in set needs, far below the 2 MB
/// at which a large Unicode set falls off its cliff.
const CACHE_BYTES: usize = 16 << 20;
/// What all patterns of a folder may take when compiled, built-in ones included.
const SET_BYTES: usize = 64 << 20;

/// One automaton for all patterns, and what tells statuses and waits.
pub(super) struct Compiled {
    set: Option<Regex>,
    pub(super) entries: Vec<Entry>,
    /// The entry of each pattern.
    of: Vec<usize>,
    pub(super) told: &'static Told,
    /// Where a breaker's own line passes on the result that failed.
    pub(super) passed_on: Option<regex::Regex>,
}

/// Compiling is a function of constants: sharing its result keeps the core pure.
pub(super) fn shared() -> Arc<Compiled> {
    static BUILTIN: OnceLock<Arc<Compiled>> = OnceLock::new();
    // Without patterns no line says anything and every cause is unknown, which never acts; a test forbids it.
    Arc::clone(BUILTIN.get_or_init(|| {
        let entries = entry::builtin();
        Arc::new(
            Compiled::new(entries).unwrap_or_else(|_| Compiled::of(None, Vec::new(), Vec::new())),
        )
    }))
}

impl Compiled {
    /// The built-in entries and those of a folder.
    pub(super) fn over(added: &Added) -> Result<Arc<Self>, PatternError> {
        if added.files.is_empty() {
            return Ok(shared());
        }
        let kept = entry::builtin().into_iter().filter(|one| !added.files.contains(&one.file));
        // Of one rank the folder's go first: their author knows these systems.
        let all = entry::ordered(added.entries.iter().cloned().chain(kept).collect());
        Self::new(all).map(Arc::new)
    }

    /// Entries in their order.
    pub(super) fn new(entries: Vec<Entry>) -> Result<Self, PatternError> {
        let all = || {
            let numbered = entries.iter().enumerate();
            numbered.flat_map(|(at, one)| one.patterns.iter().map(move |pattern| (at, pattern)))
        };
        let patterns: Vec<&str> = all().map(|(_, pattern)| pattern.as_str()).collect();
        let of = all().map(|(at, _)| at).collect();
        let set = configured(MatchKind::All, CACHE_BYTES).build_many(&patterns);
        match set {
            Ok(set) => Ok(Self::of(Some(set), of, entries)),
            Err(_) => Err(PatternError::Table { fault: fault(&entries) }),
        }
    }

    fn of(set: Option<Regex>, of: Vec<usize>, entries: Vec<Entry>) -> Self {
        let passed_on = regex::Regex::new(
            r"(?i)(?:\bresult: |\blast (?:error|failure|exception)\b[:= ]|\bcaused by\b[:= ]|\bcause[:=]|\bcause = |\bdue to\b|\breason[:=]|\brecorded an error:|\bfailure[:=]|\berror[:=])",
        );
        Self { set, entries, of, told: Told::shared(), passed_on: passed_on.ok() }
    }

    /// The entry that decides.
    pub(super) fn strongest(&self, text: &str) -> Option<&Entry> {
        let set = self.set.as_ref()?;
        if !set.is_match(text) {
            return None;
        }
        let mut hits = PatternSet::new(set.pattern_len());
        set.which_overlapping_matches(&Input::new(text), &mut hits);
        let first = hits.iter().next()?;
        self.of.get(first.as_usize()).and_then(|at| self.entries.get(*at))
    }

    pub(super) fn memory_bytes(&self) -> usize {
        self.set.as_ref().map_or(0, Regex::memory_usage)
    }

    pub(super) fn count(&self) -> usize {
        self.set.as_ref().map_or(0, Regex::pattern_len)
    }
}

/// One entry by itself: for its examples.
pub struct Probe(Regex);

impl Probe {
    /// `Err` says which of its patterns does not compile, and why.
    pub fn new(entry: &Entry) -> Result<Self, (usize, String)> {
        for (index, pattern) in entry.patterns.iter().enumerate() {
            let one = configured(MatchKind::All, CACHE_BYTES).build(pattern);
            one.map_err(|fault| (index, why(&fault)))?;
        }
        let all = configured(MatchKind::All, CACHE_BYTES).build_many(&entry.patterns);
        all.map(Self).map_err(|fault| (0, why(&fault)))
    }

    /// Whether a line matches, as it is when its envelope is off.
    pub fn matches(&self, line: &str) -> bool {
        self.0.is_match(envelope::open(line).text.as_bytes())
    }
}

/// Without regard to case (`(?-i:…)` takes that back), and with ASCII classes, which keep the automata small.
pub(super) fn configured(kind: MatchKind, cache_bytes: usize) -> meta::Builder {
    let mut builder = Regex::builder();
    builder
        .configure(
            meta::Config::new()
                .match_kind(kind)
                .utf8_empty(false)
                .nfa_size_limit(Some(SET_BYTES))
                .hybrid_cache_capacity(cache_bytes),
        )
        .syntax(syntax::Config::new().unicode(false).utf8(false).case_insensitive(true));
    builder
}

/// Which entry is at fault, since the set only says that one is.
fn fault(entries: &[Entry]) -> String {
    let each = entries.iter().flat_map(|one| one.patterns.iter().map(move |it| (one, it)));
    for (entry, pattern) in each {
        if let Err(fault) = configured(MatchKind::All, CACHE_BYTES).build(pattern) {
            return format!("`{}` has no valid pattern: {}", entry.path(), why(&fault));
        }
    }
    format!("they take more than {SET_BYTES} bytes when compiled")
}

fn why(fault: &meta::BuildError) -> String {
    let text = fault.syntax_error().map_or_else(|| fault.to_string(), ToString::to_string);
    let last = text.lines().last().unwrap_or_default();
    last.trim_start_matches("error: ").to_owned()
}
