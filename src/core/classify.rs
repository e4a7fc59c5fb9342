//! ④ One log line, status or failed request → what it says of a cause. Never judges by one line: that is `cause`.
//!
//! Lines are text of anybody's choosing. A line has no authority; it counts as one sample of a well-known wording.

mod entry;
mod envelope;
mod moment;
mod ready;
mod set;
mod sieve;
mod told;

pub use entry::{Added, Entry, Says, Tier, builtin as builtin_entries, ordered, tsv};
pub use ready::Lines;
pub use set::Probe;
pub use sieve::Sieve;

use regex::{RegexSet, RegexSetBuilder};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use self::envelope::Opened;
use self::set::Compiled;
use self::told::Access;
use super::cause::{Cause, Signal};
use super::evidence::FailureKind;
use super::rule::CausePattern;

/// What one rule's own patterns may take when compiled.
const EXTRA_BYTES: usize = 1 << 20;
/// More than this many patterns in one rule are a mistake.
const EXTRA_MOST: usize = 64;
/// So many rules' patterns stay compiled; a folder has fewer rules. Beyond, it begins anew.
const COMPILED_MOST: usize = 1_024;
/// Samples that people read are one line of this length.
const SAMPLE_CHARS: usize = 200;

/// Patterns that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum PatternError {
    #[error(
        "pattern {number} for cause `{cause}` is not a regular expression of the regex crate: {reason}"
    )]
    Invalid { number: usize, cause: &'static str, reason: String },
    #[error("{count} patterns in one rule; at most {EXTRA_MOST} are allowed")]
    TooMany { count: usize },
    #[error(
        "the patterns of one rule take more than {EXTRA_BYTES} bytes when compiled; make them shorter"
    )]
    TooLarge,
    #[error("the patterns of this folder cannot be used: {fault}")]
    Table { fault: String },
}

/// The built-in patterns, those of a rules folder, and one rule's own above them.
#[derive(Clone)]
pub struct Patterns {
    compiled: Arc<Compiled>,
    extra: Option<Arc<RegexSet>>,
    extra_causes: Vec<Cause>,
    statuses: Statuses,
}

/// What the statuses of one rule's upstream mean, before the built-in table.
type Statuses = BTreeMap<u16, Cause>;

/// A line's signal, and what decided.
#[derive(Clone, Debug, PartialEq)]
pub struct Reading {
    pub signal: Signal,
    pub by: By,
}

/// What decided about a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum By {
    /// An entry of a patterns file: `http-clients/refused`.
    Entry(String),
    /// A pattern of the rule itself, or the rule's reading of a status.
    Rule,
    Status,
    /// A request that our own server answered.
    Served,
    Nothing,
}

impl Patterns {
    /// Compiled once for the process; then free.
    pub fn builtin() -> Self {
        Self::of(set::shared())
    }

    fn of(compiled: Arc<Compiled>) -> Self {
        Self { compiled, extra: None, extra_causes: Vec::new(), statuses: Statuses::new() }
    }

    /// The built-in patterns and those of a rules folder.
    pub fn over(added: &Added) -> Result<Self, PatternError> {
        Compiled::over(added).map(Self::of)
    }

    /// Only these entries: for tests of what single entries are worth.
    pub fn only(entries: Vec<Entry>) -> Result<Self, PatternError> {
        Compiled::new(ordered(entries)).map(Arc::new).map(Self::of)
    }

    /// The built-in patterns below those of one rule.
    pub fn with(extra: &[CausePattern]) -> Result<Self, PatternError> {
        Self::builtin().below(extra)
    }

    /// These below the patterns of one rule.
    pub fn below(self, extra: &[CausePattern]) -> Result<Self, PatternError> {
        if extra.is_empty() {
            return Ok(self);
        }
        if extra.len() > EXTRA_MOST {
            return Err(PatternError::TooMany { count: extra.len() });
        }
        let set = compiled(extra)?;
        let extra_causes = extra.iter().map(|pattern| pattern.cause).collect();
        Ok(Self { extra: Some(set), extra_causes, ..self })
    }

    /// With a rule's own reading of statuses.
    #[must_use]
    pub fn reading(self, statuses: &Statuses) -> Self {
        Self { statuses: statuses.clone(), ..self }
    }

    /// What a status says of the side that answered it: by the rule's own reading, else by the built-in one.
    pub fn status(&self, code: u16) -> Signal {
        by_status(code, &self.statuses)
    }

    /// The rule itself says what this status means.
    pub fn reads(&self, code: u16) -> bool {
        self.statuses.contains_key(&code)
    }

    /// What one line (with the lines of its traceback, if the source keeps them together) says.
    pub fn line(&self, text: &str) -> Signal {
        self.explain(text).signal
    }

    /// What one line says, and why.
    pub fn explain(&self, text: &str) -> Reading {
        let opened = envelope::open(text);
        let reading = self.compiled.read(&opened, &self.statuses);
        let own = self.extra.as_ref().and_then(|extra| {
            extra.matches(&opened.text).iter().next().or_else(|| extra.matches(text).iter().next())
        });
        let Some(cause) = own.and_then(|index| self.extra_causes.get(index)) else {
            return reading;
        };
        // The rule's author knows this system; the built-in patterns do not.
        let signal = reading.signal;
        let quota = signal.quota && *cause == Cause::RateLimited;
        let retry_after = signal.retry_after.or_else(|| self.compiled.wait(&opened, Some(*cause)));
        let signal = Signal { cause: Some(*cause), quota, echo: false, retry_after, ..signal };
        Reading { signal, by: By::Rule }
    }

    /// Bytes that the compiled set holds, without the caches of single threads.
    pub fn memory_bytes(&self) -> usize {
        self.compiled.memory_bytes()
    }

    /// How many patterns there are; zero would mean that they do not compile.
    pub fn count(&self) -> usize {
        self.compiled.count()
    }

    /// What finds lines worth reading in whole blocks of them.
    pub fn sieve(&self) -> Sieve {
        Sieve::new(&self.compiled.entries)
    }

    /// What the sieve searches for, for other programs that search: a regular expression each.
    pub fn searched(&self) -> Vec<String> {
        sieve::patterns(&self.compiled.entries)
    }

    /// Every entry, in the order in which they decide.
    pub fn entries(&self) -> &[Entry] {
        &self.compiled.entries
    }
}

/// A rule's own patterns, compiled once for all its decisions. A function of their texts, as above.
fn compiled(extra: &[CausePattern]) -> Result<Arc<RegexSet>, PatternError> {
    static COMPILED: Mutex<BTreeMap<Vec<String>, Arc<RegexSet>>> = Mutex::new(BTreeMap::new());
    let texts: Vec<String> = extra.iter().map(|pattern| pattern.log.clone()).collect();
    let mut known = COMPILED.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(set) = known.get(&texts) {
        return Ok(Arc::clone(set));
    }
    let set = RegexSetBuilder::new(&texts).size_limit(EXTRA_BYTES).build();
    let Ok(set) = set.map(Arc::new) else { return Err(first_fault(extra)) };
    if known.len() >= COMPILED_MOST {
        known.clear();
    }
    known.insert(texts, Arc::clone(&set));
    Ok(set)
}

impl Compiled {
    fn read(&self, opened: &Opened<'_>, own: &Statuses) -> Reading {
        if let Access::Served(status) = self.told.access(&opened.text) {
            // Our own server's log: what it answered its clients below 500 is their affair.
            let signal = if status >= 500 { self::status(status) } else { none() };
            return Reading { signal: Signal { status: Some(status), ..signal }, by: By::Served };
        }
        let status = opened.status.or_else(|| self.told.status(&opened.text));
        if opened.ordinary {
            return Reading { signal: Signal { status, ..none() }, by: By::Nothing };
        }
        let entry = self.strongest(&opened.text);
        let named = || entry.map_or(By::Nothing, |entry| By::Entry(entry.path()));
        let (mut signal, status, by) = match entry.map(|entry| entry.says) {
            Some(Says::Harmless) => {
                return Reading { signal: Signal { status, ..none() }, by: named() };
            }
            Some(Says::Overflow) if status == Some(429) => {
                (by_wording(None, status, own), status, By::Status)
            }
            Some(says @ (Says::Echo | Says::Gateway | Says::Overflow)) => {
                let (signal, status) = self.echo(says, &opened.text, own);
                (signal, status, named())
            }
            says => {
                let signal = by_wording(says, status, own);
                let by_word = match says {
                    Some(Says::Is(_) | Says::Quota) => true,
                    Some(Says::Likely(_)) => code_says_nothing(status, own),
                    Some(Says::Harmless | Says::Echo | Says::Gateway | Says::Overflow) | None => {
                        false
                    }
                };
                let by = match (by_word, signal.cause) {
                    (true, _) => named(),
                    (false, Some(_)) => By::Status,
                    (false, None) => By::Nothing,
                };
                (signal, status, by)
            }
        };
        signal.status = status;
        signal.retry_after = self.wait(opened, signal.cause);
        Reading { signal, by }
    }

    /// A breaker's line has no vote, unless it passes on the result that failed: then that result has.
    fn echo(&self, says: Says, text: &str, own: &Statuses) -> (Signal, Option<u16>) {
        let tail =
            self.passed_on.as_ref().and_then(|marker| marker.find(text)).and_then(|marker| {
                text.get(marker.start()..marker.end()).zip(text.get(marker.end()..))
            });
        if let Some((marker, tail)) = tail {
            let status = self.told.status(&format!("{marker}{tail}"));
            let failing = status.filter(|status| *status >= 400);
            let signal = match self.strongest(tail).map(|entry| entry.says) {
                Some(Says::Harmless | Says::Echo | Says::Gateway | Says::Overflow) => none(),
                says => by_wording(says, failing, own),
            };
            if signal.cause.is_some() {
                return (signal, status);
            }
        }
        let cause = (says == Says::Gateway).then_some(Cause::Upstream5xx);
        (Signal { cause, echo: true, ..none() }, None)
    }

    fn wait(&self, opened: &Opened<'_>, cause: Option<Cause>) -> Option<super::time::Duration> {
        let told = opened.wait.or_else(|| self.told.header_wait(&opened.text));
        told.or_else(|| match cause {
            Some(Cause::RateLimited) => {
                let worded = self.told.worded_wait(&opened.text);
                worded.or_else(|| self.told.reset_wait(&opened.text))
            }
            Some(Cause::Upstream5xx) => self.told.worded_wait(&opened.text),
            Some(_) | None => None,
        })
    }
}

fn code_says_nothing(code: Option<u16>, own: &Statuses) -> bool {
    code.is_none_or(|code| by_status(code, own).cause.is_none())
}

/// A wording that proves a cause goes before the status, and the status before a wording that only suggests one.
fn by_wording(says: Option<Says>, code: Option<u16>, own: &Statuses) -> Signal {
    let told = |code| by_status(code, own);
    // A wording that only spells a status out says no more than the status, and the rule's author knows that one.
    let spelt = |cause| {
        code.is_some_and(|code| own.contains_key(&code) && status(code).cause == Some(cause))
    };
    match says {
        Some(Says::Is(cause)) if spelt(cause) => code.map_or_else(none, told),
        Some(Says::Is(cause)) => Signal { cause: Some(cause), ..none() },
        Some(Says::Quota) => Signal { cause: Some(Cause::RateLimited), quota: true, ..none() },
        Some(Says::Likely(cause)) => {
            let by_status = code.map_or_else(none, told);
            Signal { cause: by_status.cause.or(Some(cause)), ..by_status }
        }
        Some(Says::Harmless | Says::Echo | Says::Gateway | Says::Overflow) | None => {
            code.map_or_else(none, told)
        }
    }
}

fn by_status(code: u16, own: &Statuses) -> Signal {
    match own.get(&code) {
        Some(cause) => Signal { cause: Some(*cause), status: Some(code), ..none() },
        None => status(code),
    }
}

/// What a status says of the side that answered it.
pub fn status(code: u16) -> Signal {
    let cause = match code {
        401 | 403 | 407 | 440 | 498 | 511 => Some(Cause::Auth),
        402 | 420 | 429 => Some(Cause::RateLimited),
        408 | 522 => Some(Cause::Timeout),
        495 | 496 | 525 | 526 => Some(Cause::Tls),
        523 => Some(Cause::Network),
        // 504 and 524 too: the far side answered, and it is the far side that must be fixed.
        500..=599 => Some(Cause::Upstream5xx),
        400..=498 => Some(Cause::ClientBug),
        // 499 is a client of a gateway that hung up: nothing failed.
        _ => None,
    };
    Signal { cause, quota: code == 402, status: Some(code), ..none() }
}

/// What it says when a request of ours got no answer that could be read.
pub fn failure(kind: FailureKind, detail: &str) -> Signal {
    let by_detail = Patterns::builtin().line(detail);
    if by_detail.cause.is_some() && !by_detail.echo {
        return by_detail;
    }
    let cause = match kind {
        FailureKind::Timeout => Some(Cause::Timeout),
        FailureKind::Unreachable => Some(Cause::Network),
        FailureKind::Unauthorized => Some(Cause::Auth),
        FailureKind::ServerError => Some(Cause::Upstream5xx),
        // Ours, not the other side's.
        FailureKind::BadQuestion
        | FailureKind::Malformed
        | FailureKind::NotConfigured
        | FailureKind::Lost => None,
    };
    Signal { cause, ..none() }
}

/// One line for people: no control characters or escape sequences, cut.
pub fn sample(text: &str) -> String {
    let words = envelope::plain(text);
    let mut line = String::new();
    for word in words.split_whitespace() {
        if line.chars().count() > SAMPLE_CHARS {
            break;
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.extend(word.chars().take(SAMPLE_CHARS + 1));
    }
    if line.chars().count() > SAMPLE_CHARS {
        line = line.chars().take(SAMPLE_CHARS - 1).collect();
        line.push('…');
    }
    line
}

const fn none() -> Signal {
    Signal { cause: None, retry_after: None, quota: false, echo: false, status: None }
}

/// Which pattern is at fault, since the set only says that one is.
fn first_fault(extra: &[CausePattern]) -> PatternError {
    for (index, pattern) in extra.iter().enumerate() {
        if let Err(fault) = regex::RegexBuilder::new(&pattern.log).size_limit(EXTRA_BYTES).build() {
            let reason = sample(&fault.to_string());
            return PatternError::Invalid {
                number: index + 1,
                cause: pattern.cause.name(),
                reason,
            };
        }
    }
    PatternError::TooLarge
}
