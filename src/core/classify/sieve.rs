//! One search over whole blocks of lines: which of them can say anything at all? Never decides what they say.
//!
//! It may let a line through that says nothing, and must never keep one back that does: it is made from the same patterns,
//! as they look before the envelope is off.

use regex_automata::meta::Regex;
use regex_automata::{Input, MatchKind};

use super::entry::{Entry, Says};
use super::set;
use super::told;

/// The lazy automaton's cache: with less, hundreds of patterns make it start anew all the time.
const CACHE_BYTES: usize = 64 << 20;

/// A status where a field of JSON or of a log's own format has it.
const FIELDS: &str = r#"(?:status|code)\\*["'\]]*\s*[:=]\s*\\*["'\[]*\s*[45][0-9][0-9]"#;
/// JSON with anything escaped must be opened before it can be searched.
const ESCAPED: &str = r"^\s*\{[^\n]*\\";
/// Colours, and characters that take no room, are taken out before a line is read.
const UNSAFE: &str = r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]|\xc2[\x80-\x9f]|\xe2\x80[\x8b-\x8f\xa8-\xae]|\xe2\x81[\xa0-\xa9]|\xef\xbb\xbf";

/// Finds the lines that are worth reading.
pub struct Sieve(Option<Regex>);

impl Sieve {
    pub(super) fn new(entries: &[Entry]) -> Self {
        let patterns = patterns(entries);
        Self(set::configured(MatchKind::LeftmostFirst, CACHE_BYTES).build_many(&patterns).ok())
    }

    /// The next line from `from` on that may say something: where it begins and ends in `block`. A sieve that does not compile
    /// lets every line through.
    pub fn next(&self, block: &[u8], from: usize) -> Option<(usize, usize)> {
        let found = match &self.0 {
            Some(regex) => {
                let input = Input::new(block).span(from..block.len()).earliest(true);
                regex.search_half(&input)?.offset()
            }
            None if from < block.len() => from,
            None => return None,
        };
        // A match that is known at a line's end may be told one byte later.
        let inside = found.saturating_sub(1).max(from);
        let before = block.get(from..inside)?;
        let start = before.iter().rposition(|byte| *byte == b'\n').map_or(from, |at| from + at + 1);
        let rest = block.get(inside..)?;
        let end = rest.iter().position(|byte| *byte == b'\n').map_or(block.len(), |at| inside + at);
        Some((start, end))
    }
}

/// What is searched for, a regular expression each.
pub(super) fn patterns(entries: &[Entry]) -> Vec<String> {
    let speaks = |entry: &&Entry| match entry.says {
        Says::Harmless | Says::Echo | Says::Overflow => false,
        Says::Gateway | Says::Is(_) | Says::Quota | Says::Likely(_) => true,
    };
    let spoken = entries.iter().filter(speaks).flat_map(|entry| &entry.patterns);
    let mut all: Vec<String> = spoken.map(|pattern| loosened(pattern)).collect();
    all.extend(told::positions().map(|pattern| loosened(&pattern)));
    all.extend([FIELDS, ESCAPED, UNSAFE].map(|pattern| format!("(?m){pattern}")));
    all
}

/// A pattern as it must look in a raw line: a tab is read as a space, and the text of a JSON field begins and ends with a quote.
fn loosened(pattern: &str) -> String {
    let mut loose = String::from("(?m)");
    let mut chars = pattern.chars().peekable();
    let mut in_class = false;
    while let Some(char) = chars.next() {
        match (char, in_class) {
            ('\\', _) => {
                loose.push('\\');
                loose.extend(chars.next());
            }
            ('[', false) => {
                in_class = true;
                loose.push('[');
                // `[^…]` and `[]…]`: what follows directly is no end of the class.
                if let Some(caret) = chars.next_if_eq(&'^') {
                    loose.push(caret);
                }
                if let Some(bracket) = chars.next_if_eq(&']') {
                    loose.push(bracket);
                }
            }
            (']', true) => {
                in_class = false;
                loose.push(']');
            }
            (' ', true) => loose.push_str(r" \t\r"),
            (' ', false) => loose.push_str(r"[ \t\r]"),
            ('^', false) => loose.push_str(r#"(?:^|["'])"#),
            ('$', false) => loose.push_str(r#"(?:$|["'\\\r\t ])"#),
            (char, _) => loose.push(char),
        }
    }
    loose
}
