//! What a line tells in numbers: the status of a response, and the wait that the other side asked for.
//! Never takes a number for a status because it looks like one: 429 is a port, a size and a duration too.

use regex::bytes::{Captures, Regex, RegexBuilder};

use std::sync::OnceLock;

use super::moment;
use crate::core::time::Duration;

/// A longer wait than a month is a mistake or a trick, and no wait.
const WAIT_MOST_SECS: f64 = 31.0 * 24.0 * 3_600.0;

/// Where a status of three digits may stand: after `HTTP/1.1`, `status`, `code`, `returned`, or before its own phrase.
const STATUS: &str = r#"(?x)
    \bHTTP/[0-9](?:\.[0-9])?\\?"?\s+([1-5][0-9]{2})\b
  | status(?:[\ _-]?code)?\\*["'\]]?\s*(?:=>|[:=,]|\bis\b|\bwas\b|\bof\b)?\s*\\*["'(\[<]?\s*([1-5][0-9]{2})\b
  | status(?:code)?error\W{1,2}([1-5][0-9]{2})\b
  | \bresponse[\ _-]?code\\*["']?\s*[:=]?\s*\\*["']?([1-5][0-9]{2})\b
  | \bdoes\ not\ indicate\ success:\s*([45][0-9]{2})\b
  | \bresult:\s*'([1-5][0-9]{2})'
  | \bhttp(?:[\ _-]?(?:status|error))*(?:[\ _-]?code)?[\ :=]+[<\[(]?([1-5][0-9]{2})\b
  | \b(?:error[\ _-]?)?code\\*["']?\s*[:=]\s*\\*["']?([45][0-9]{2})\b
  | \b(?:return(?:ed|s)?|respond(?:ed|s)?(?:\ with)?|replied(?:\ with)?|answered(?:\ with)?|got|received|failed\ with)
      \s+(?:(?:an?|the|error|http|status|code|response|of)\s+)*[\[(]?([45][0-9]{2})\b
  | \berror\\*["']?[\ :]+[(\[<]?([45][0-9]{2})\b
  | \bresponse:?\ [(\[<]?([45][0-9]{2})\b
  | \bhttps?://\S+\ [\[(]([45][0-9]{2})[\])]
  | \|\ ([45][0-9]{2}):\ [A-Z]
  | \bduring\ \[?(?:GET|POST|PUT|DELETE|PATCH)\b[^\n]{0,20}\[([45][0-9]{2})\]
  | \[([45][0-9]{2})(?:\ [A-Za-z\ ]{2,30})?\]\ during\b
  | \b(?:unauthori[sz]ed|forbidden|not\ found|too\ many\ requests|bad\ request|server\ error|bad\ gateway|unavailable|gateway\ time-?out|payment\ required)
      \ ?\(([45][0-9]{2})\)
  | [0-9]/-?[0-9]+/-?[0-9]+/[0-9+]+\ ([1-5][0-9]{2})\ [0-9]+\ -
  | \b([45][0-9]{2})[\ :-]{1,3}["']?(?:client\ error|server\ error|unauthori[sz]ed|forbidden|not\ found|too\ many\ requests|bad\ request
      |rate\ limit|internal\ server\ error|internal\ error|bad\ gateway|service\ (?:temporarily\ )?unavailable|gateway\ time-?out|payment\ required
      |proxy\ auth|unprocessable|conflict|request\ time-?out|payload\ too\ large|request\ entity\ too\ large|method\ not\ allowed|gone\b|overloaded)
"#;

/// A line of a server's own access log in common or combined format: the date stands before the request.
const ACCESS: &str = concat!(
    r#"\[\d{1,2}/[a-z]{3}/\d{4}[: ][^\]\n]{8,16}\] "[a-z]{3,8} [^"\n]*" ([1-5][0-9]{2}) (?:[0-9]+|-)"#,
    // Uvicorn, Rails, gin, the load balancers of AWS.
    r#"|\d:\d{1,5} - "[a-z]{3,8} [^"\n]*HTTP/[\d.]+" ([1-5][0-9]{2})"#,
    r"|\bcompleted ([1-5][0-9]{2}) [a-z][a-z ]{1,30} in [0-9.]+ ?ms",
    r"|\[GIN\] [^|\n]{1,40}\| ?([1-5][0-9]{2}) ?\|",
    r#"|(?:-?[0-9]+(?:\.[0-9]+)? ){3}([1-5][0-9]{2}) (?:[1-5][0-9]{2}|-) [0-9]+ [0-9]+ ""#,
);

const UNIT: &str =
    r"(?:milliseconds?|millis|msecs?|ms|seconds?|secs?|s|minutes?|mins?|m|hours?|hrs?|h)";

/// A client's own plans: `retrying in 5 s` was not told by anybody.
const OWN: &str = r"\b(?:retrying|will (?:retry|try)|going to retry|backing off|back-?off|next attempt|scheduled|sleeping|waiting)\b";

pub(super) struct Told {
    status: Option<Regex>,
    access: Option<Regex>,
    header: Option<Regex>,
    reset: Option<Regex>,
    words: Option<Regex>,
    piece: Option<Regex>,
    own: Option<Regex>,
}

/// A served request in an access log, or any other line.
pub(super) enum Access {
    Served(u16),
    No,
}

impl Told {
    /// Compiled once for the process.
    pub(super) fn shared() -> &'static Self {
        static TOLD: OnceLock<Told> = OnceLock::new();
        TOLD.get_or_init(Self::new)
    }

    fn new() -> Self {
        let header = format!(
            r#"(?:retry[-_ ]?after|retry[-_]?delay|ratelimit[-_]reset[-_]after)([-_]?ms|[-_]?millis)?\\*["']?\s*([:=]?)\s*(?:\{{\s*seconds:)?\s*\\*["'\[]?\s*([0-9]+(?:\.[0-9]+)?)\s*({UNIT})?(?:\b|$)"#
        );
        let reset = format!(
            r#"ratelimit[-_]reset(?:[-_]requests|[-_]tokens)?\\*["']?\s*[:=]\s*\\*["'\[]?\s*(?:([0-9]{{10}})\b|((?:[0-9.]+{UNIT}){{1,3}}|[0-9.]+)\b)|\bratelimit\\*["']?:[^\n]*(?:reset=|;t=)([0-9]+)"#
        );
        let words = format!(
            r"(?:try again|retry|again|available|resets?|break|wait(?: of)?)(?: (?:your request|the request|again))?\s+(?:(?:in|after|for|at least|about|approximately|another)\s+){{0,2}}((?:[0-9]+(?:\.[0-9]+)?\s*{UNIT}\b[, ]*(?:and )?|[0-9]+h[0-9]+m(?:[0-9.]+s)?|[0-9]+m[0-9.]+s){{1,3}})|FLOOD_(?:PREMIUM_)?WAIT(?:_| for |\W{{1,4}}value\W{{1,3}}(?:Some\()?)([0-9]+)"
        );
        Self {
            status: compile(STATUS),
            access: compile(ACCESS),
            header: compile(&header),
            reset: compile(&reset),
            words: compile(&words),
            piece: compile(&format!(r"([0-9]+(?:\.[0-9]+)?)\s*({UNIT})")),
            own: compile(OWN),
        }
    }

    /// The status of the response that the line reports: the first that failed, else the first.
    pub(super) fn status(&self, text: &str) -> Option<u16> {
        let mut found = None;
        for captures in self.status.as_ref()?.captures_iter(text.as_bytes()) {
            let code = captures.iter().skip(1).flatten().find_map(|group| number(group.as_bytes()));
            match code.map(as_status) {
                Some(Some(code)) if code >= 400 => return Some(code),
                Some(code) => found = found.or(code),
                None => {}
            }
        }
        found
    }

    pub(super) fn access(&self, text: &str) -> Access {
        let captures = self.access.as_ref().and_then(|access| access.captures(text.as_bytes()));
        captures
            .and_then(|captures| number(captures.get(1)?.as_bytes()))
            .and_then(as_status)
            .map_or(Access::No, Access::Served)
    }

    /// A wait in the form of a header or field: `Retry-After: 120`, `"retry_after":1`.
    pub(super) fn header_wait(&self, text: &str) -> Option<Duration> {
        if let Some(span) = moment::told(text) {
            return bounded(span);
        }
        let captures = self.header.as_ref()?.captures(text.as_bytes())?;
        // The year of a date is no number of seconds.
        let rest = captures.get(3).and_then(|digits| text.as_bytes().get(digits.end()..))?;
        if rest.first() == Some(&b'-') && rest.get(1).is_some_and(u8::is_ascii_digit) {
            return None;
        }
        // `retry after 5s` without a colon is prose, and prose of a client may be its own plan.
        let prose = captures.get(2).is_none_or(|mark| mark.is_empty());
        if prose && self.is_own_plan(text) {
            return None;
        }
        let unit =
            if captures.get(1).is_some() { "ms" } else { group(&captures, 4).unwrap_or("s") };
        bounded(number(captures.get(3)?.as_bytes())? * factor(unit))
    }

    /// A wait in words: `Please try again in 6m0s`. Only for a line whose cause allows one.
    pub(super) fn worded_wait(&self, text: &str) -> Option<Duration> {
        let captures = self.words.as_ref()?.captures(text.as_bytes())?;
        if let Some(flood) = captures.get(2) {
            return bounded(number(flood.as_bytes())?);
        }
        if self.is_own_plan(text) {
            return None;
        }
        self.pieces(captures.get(1)?.as_bytes())
    }

    /// The moment at which the other side says that its limit begins anew.
    pub(super) fn reset_wait(&self, text: &str) -> Option<Duration> {
        let captures = self.reset.as_ref()?.captures(text.as_bytes())?;
        if let Some(epoch) = captures.get(1) {
            let at = number(epoch.as_bytes())?;
            // Without a moment of its own the line does not tell how long that is.
            let now = moment::of_line(text, None)?;
            #[allow(
                clippy::cast_precision_loss,
                reason = "seconds since 1970 are far below 2^52"
            )]
            return bounded(at - now as f64);
        }
        let span = captures.get(2).or_else(|| captures.get(3))?.as_bytes();
        number(span).map_or_else(|| self.pieces(span), bounded)
    }

    /// `1h2m3s`, `5 minutes and 3 seconds`.
    fn pieces(&self, span: &[u8]) -> Option<Duration> {
        let pieces = self.piece.as_ref()?.captures_iter(span);
        let mut total = 0.0;
        for piece in pieces {
            total += number(piece.get(1)?.as_bytes())? * factor(group(&piece, 2).unwrap_or("s"));
        }
        bounded(total)
    }

    fn is_own_plan(&self, text: &str) -> bool {
        self.own.as_ref().is_some_and(|own| own.is_match(text.as_bytes()))
    }
}

/// Where statuses may stand, as the sieve searches for them.
pub(super) fn positions() -> impl Iterator<Item = String> {
    // Written over several lines with comments of white space; the sieve needs the bare expression.
    let bare: String = STATUS.lines().map(|line| line.trim().replacen("| ", "|", 1)).collect();
    let bare = bare.trim_start_matches("(?x)").replace("\\ ", " ");
    [bare, ACCESS.to_owned()].into_iter()
}

/// A number of seconds as JSON and headers have it, when it is a wait at all.
pub(super) fn bounded(secs: f64) -> Option<Duration> {
    let plausible = secs > 0.0 && secs <= WAIT_MOST_SECS;
    if plausible { Duration::try_from_secs_f64(secs).ok() } else { None }
}

pub(super) fn as_status(code: f64) -> Option<u16> {
    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "checked to lie within 100 and 599"
    )]
    (100.0..600.0).contains(&code).then_some(code as u16)
}

/// Seconds in one `unit`.
fn factor(unit: &str) -> f64 {
    match unit.to_ascii_lowercase().as_str() {
        unit if unit.starts_with("mi") && !unit.starts_with("mil") => 60.0,
        "m" => 60.0,
        unit if unit.starts_with('m') => 0.001,
        unit if unit.starts_with('h') => 3_600.0,
        _ => 1.0,
    }
}

fn number(digits: &[u8]) -> Option<f64> {
    std::str::from_utf8(digits).ok()?.parse().ok()
}

fn group<'t>(captures: &Captures<'t>, index: usize) -> Option<&'t str> {
    captures.get(index).and_then(|group| std::str::from_utf8(group.as_bytes()).ok())
}

/// ASCII classes keep the automata small; a test asserts that every expression compiles.
fn compile(expression: &str) -> Option<Regex> {
    RegexBuilder::new(expression).case_insensitive(true).unicode(false).build().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_expression_compiles() {
        let told = Told::new();
        for part in
            [told.status, told.access, told.header, told.reset, told.words, told.piece, told.own]
        {
            assert!(part.is_some());
        }
    }
}
