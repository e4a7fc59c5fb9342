//! ④ One log line, status or failed request → what it says of a cause. Never judges by one line: that is `cause`.
//!
//! Lines are text of anybody's choosing. A line has no authority; it counts as one sample of a well-known wording.

mod envelope;
mod table;
mod told;

use regex::{RegexSet, RegexSetBuilder};
use regex_automata::meta::{self, Regex};
use regex_automata::util::syntax;
use regex_automata::{MatchKind, PatternSet};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use self::envelope::Opened;
use self::table::{Says, TABLE};
use self::told::{Access, Told};
use super::cause::{Cause, Signal};
use super::evidence::FailureKind;
use super::rule::CausePattern;

/// The lazy automaton's cache, per thread that classifies: above what the built-in set needs, far below the 2 MB
/// at which a large Unicode set falls off its cliff.
const CACHE_BYTES: usize = 16 << 20;
/// What one rule's own patterns may take when compiled.
const EXTRA_BYTES: usize = 1 << 20;
/// More than this many patterns in one rule are a mistake.
const EXTRA_MOST: usize = 64;
/// So many rules' patterns stay compiled; a folder has fewer rules. Beyond, it begins anew.
const COMPILED_MOST: usize = 1_024;
/// Samples that people read are one line of this length.
const SAMPLE_CHARS: usize = 200;

/// A rule's own pattern that cannot be used.
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
}

/// The built-in patterns, and a rule's own above them.
pub struct Patterns {
    builtin: &'static Builtin,
    extra: Option<Arc<RegexSet>>,
    extra_causes: Vec<Cause>,
    statuses: Statuses,
}

/// What the statuses of one rule's upstream mean, before the built-in table.
type Statuses = BTreeMap<u16, Cause>;

struct Builtin {
    set: Option<Regex>,
    says: Vec<Says>,
    told: Told,
    /// Where a breaker's own line passes on the result that failed.
    passed_on: Option<regex::Regex>,
}

impl Patterns {
    /// Compiled once for the process; then free.
    pub fn builtin() -> Self {
        Self { builtin: shared(), extra: None, extra_causes: Vec::new(), statuses: Statuses::new() }
    }

    /// The built-in patterns below those of one rule.
    pub fn with(extra: &[CausePattern]) -> Result<Self, PatternError> {
        if extra.is_empty() {
            return Ok(Self::builtin());
        }
        if extra.len() > EXTRA_MOST {
            return Err(PatternError::TooMany { count: extra.len() });
        }
        let set = compiled(extra)?;
        let extra_causes = extra.iter().map(|pattern| pattern.cause).collect();
        Ok(Self { builtin: shared(), extra: Some(set), extra_causes, statuses: Statuses::new() })
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
        let opened = envelope::open(text);
        let mut signal = self.builtin.read(&opened, &self.statuses);
        let own = self.extra.as_ref().and_then(|extra| {
            extra.matches(&opened.text).iter().next().or_else(|| extra.matches(text).iter().next())
        });
        if let Some(cause) = own.and_then(|index| self.extra_causes.get(index)) {
            // The rule's author knows this system; the built-in patterns do not.
            let quota = signal.quota && *cause == Cause::RateLimited;
            signal = Signal { cause: Some(*cause), quota, echo: false, ..signal };
            signal.retry_after =
                signal.retry_after.or_else(|| self.builtin.wait(&opened, Some(*cause)));
        }
        signal
    }

    /// Bytes that the built-in set holds, without the caches of single threads.
    pub fn memory_bytes(&self) -> usize {
        self.builtin.set.as_ref().map_or(0, Regex::memory_usage)
    }

    /// How many built-in patterns there are; zero would mean that they do not compile.
    pub fn count(&self) -> usize {
        self.builtin.set.as_ref().map_or(0, Regex::pattern_len)
    }
}

/// Compiling is a function of constants: sharing its result keeps the core pure.
fn shared() -> &'static Builtin {
    static BUILTIN: OnceLock<Builtin> = OnceLock::new();
    BUILTIN.get_or_init(Builtin::compile)
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

impl Builtin {
    fn compile() -> Self {
        let rows = || {
            TABLE
                .iter()
                .flat_map(|(says, patterns)| patterns.iter().map(|pattern| (*says, *pattern)))
        };
        let patterns: Vec<&str> = rows().map(|(_, pattern)| pattern).collect();
        let set = Regex::builder()
            .configure(
                meta::Config::new()
                    .match_kind(MatchKind::All)
                    .utf8_empty(false)
                    .hybrid_cache_capacity(CACHE_BYTES),
            )
            .syntax(syntax::Config::new().unicode(false).utf8(false).case_insensitive(true))
            .build_many(&patterns);
        Self {
            // Without patterns no line says anything and every cause is unknown, which never acts; a test forbids it.
            set: set.ok(),
            says: rows().map(|(says, _)| says).collect(),
            told: Told::new(),
            passed_on: regex::Regex::new(
                r"(?i)(?:\bresult: |\blast (?:error|failure|exception)\b[:= ]|\bcaused by\b[:= ]|\bcause[:=]|\bcause = |\bdue to\b|\breason[:=]|\brecorded an error:|\bfailure[:=]|\berror[:=])",
            )
            .ok(),
        }
    }

    fn read(&self, opened: &Opened<'_>, own: &Statuses) -> Signal {
        if let Access::Served(status) = self.told.access(&opened.text) {
            // Our own server's log: what it answered its clients below 500 is their affair.
            let signal = if status >= 500 { self::status(status) } else { none() };
            return Signal { status: Some(status), ..signal };
        }
        let status = opened.status.or_else(|| self.told.status(&opened.text));
        if opened.ordinary {
            return Signal { status, ..none() };
        }
        let (mut signal, status) = match self.strongest(&opened.text) {
            Some(Says::Harmless) => return Signal { status, ..none() },
            Some(Says::Overflow) if status == Some(429) => (by_wording(None, status, own), status),
            Some(says @ (Says::Echo | Says::EchoOf(_) | Says::Overflow)) => {
                self.echo(says, &opened.text, own)
            }
            says => (by_wording(says, status, own), status),
        };
        signal.status = status;
        signal.retry_after = self.wait(opened, signal.cause);
        signal
    }

    /// The first row of the table that matches.
    fn strongest(&self, text: &str) -> Option<Says> {
        let set = self.set.as_ref()?;
        if !set.is_match(text) {
            return None;
        }
        let mut hits = PatternSet::new(set.pattern_len());
        set.which_overlapping_matches(&regex_automata::Input::new(text), &mut hits);
        hits.iter().next().and_then(|hit| self.says.get(hit.as_usize())).copied()
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
            let signal = match self.strongest(tail) {
                Some(Says::Harmless | Says::Echo | Says::EchoOf(_) | Says::Overflow) => none(),
                says => by_wording(says, failing, own),
            };
            if signal.cause.is_some() {
                return (signal, status);
            }
        }
        let cause = match says {
            Says::EchoOf(cause) => Some(cause),
            Says::Harmless
            | Says::Echo
            | Says::Overflow
            | Says::Is(_)
            | Says::Quota
            | Says::Likely(_) => None,
        };
        (Signal { cause, echo: true, ..none() }, None)
    }

    fn wait(&self, opened: &Opened<'_>, cause: Option<Cause>) -> Option<super::time::Duration> {
        let told = opened.wait.or_else(|| self.told.header_wait(&opened.text));
        told.or_else(|| match cause {
            Some(Cause::RateLimited | Cause::Upstream5xx) => self.told.worded_wait(&opened.text),
            Some(_) | None => None,
        })
    }
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
        Some(Says::Harmless | Says::Echo | Says::EchoOf(_) | Says::Overflow) | None => {
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
