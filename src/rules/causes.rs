//! What a rule's author knows of its causes: patterns, statuses, and what to do. Never judges a line.

use std::collections::BTreeMap;

use regex_automata::meta;

use super::read::Reader;
use super::yaml::{Kind, Node};
use super::{grammar, ladder};
use crate::core::cause::{Cause, Class};
use crate::core::rule::CausePattern;

/// Longer patterns are programs.
const PATTERN_MOST_BYTES: usize = 1_000;
/// Memory that one compiled pattern may take.
const PATTERN_SIZE: usize = 1 << 20;

/// Advice is read at three in the morning, in a page.
const ADVICE_MOST_CHARS: usize = 400;

pub(crate) const CAUSES: [Cause; 9] = [
    Cause::Auth,
    Cause::RateLimited,
    Cause::Upstream5xx,
    Cause::Timeout,
    Cause::Network,
    Cause::Tls,
    Cause::Database,
    Cause::Resource,
    Cause::ClientBug,
];

/// What the built-in patterns cannot know.
#[derive(Default)]
pub(crate) struct Causes {
    pub(crate) patterns: Vec<CausePattern>,
    pub(crate) statuses: BTreeMap<u16, Cause>,
}

impl Reader {
    pub(crate) fn causes(&self, node: &Node) -> Option<Causes> {
        let words: Vec<_> = CAUSES.iter().map(|cause| (cause.name(), *cause)).collect();
        let mut causes = Causes::default();
        let mut sound = true;
        for (key, value) in self.map(node)? {
            let cause = self.word_key(key, &words);
            let Some(fields) = self.fields(value, &grammar::CAUSE) else {
                sound = false;
                continue;
            };
            let (log, status) = (fields.get("log"), fields.get("status"));
            if log.is_none() && status.is_none() {
                let hint = "a pattern for its log lines, or its statuses: log: '…', status: [503]";
                sound = self.no::<()>(value, "nothing tells this cause", hint).is_some();
            }
            let logs = log.map_or(Some(Vec::new()), |node| self.logs(node));
            let codes = status.map_or(Some(Vec::new()), |node| self.statuses(node));
            let (Some(cause), Some(logs), Some(codes)) = (cause, logs, codes) else {
                sound = false;
                continue;
            };
            causes.patterns.extend(logs.into_iter().map(|log| CausePattern { cause, log }));
            for (code, place) in codes {
                if causes.statuses.insert(code, cause).is_some() {
                    let message = format!("the status {code} stands here a second time");
                    self.fault(place, message, "a status names one cause: keep one");
                    sound = false;
                }
            }
        }
        sound.then_some(causes)
    }

    /// One status, or a list of them.
    fn statuses(&self, node: &Node) -> Option<Vec<(u16, std::ops::Range<usize>)>> {
        let one = |node: &Node| {
            let code = self.integer(node, 400..=599)?;
            Some((u16::try_from(code).ok()?, node.place()))
        };
        match &node.kind {
            Kind::List(_) => {
                let all: Vec<_> = self.list(node)?.iter().map(one).collect();
                all.into_iter().collect()
            }
            Kind::Scalar(_) | Kind::Map(_) => one(node).map(|code| vec![code]),
        }
    }

    /// One sentence for each cause.
    pub(crate) fn advice(&self, node: &Node) -> Option<BTreeMap<Class, String>> {
        let words: Vec<_> = Class::ALL.into_iter().map(|class| (class.name(), class)).collect();
        let mut advice = BTreeMap::new();
        let mut sound = true;
        for (key, value) in self.map(node)? {
            match (self.word_key(key, &words), self.sentence(value)) {
                (Some(class), Some(text)) => drop(advice.insert(class, text)),
                (Some(_) | None, _) => sound = false,
            }
        }
        sound.then_some(advice)
    }

    fn sentence(&self, node: &Node) -> Option<String> {
        let text = self.text(node)?;
        // A folded block ends with a line break of its own.
        let text = text.trim();
        if text.contains('\n') {
            return self.no(node, "advice is one line", "the runbook has room for more");
        }
        if text.chars().count() > ADVICE_MOST_CHARS {
            let hint = "one sentence: the runbook has room for more";
            return self.no(
                node,
                format!("advice of more than {ADVICE_MOST_CHARS} characters"),
                hint,
            );
        }
        Some(text.to_owned())
    }

    fn logs(&self, node: &Node) -> Option<Vec<String>> {
        match &node.kind {
            Kind::List(_) => {
                let all: Vec<_> = self.list(node)?.iter().map(|node| self.pattern(node)).collect();
                all.into_iter().collect()
            }
            Kind::Scalar(_) | Kind::Map(_) => self.pattern(node).map(|pattern| vec![pattern]),
        }
    }

    fn pattern(&self, node: &Node) -> Option<String> {
        let text = self.text(node)?;
        if text.len() > PATTERN_MOST_BYTES {
            return self.no(
                node,
                "a pattern of more than 1,000 bytes",
                "several short ones are easier to trust",
            );
        }
        if let Ok(pattern) = tried(&text) {
            if !pattern.is_match("") {
                return Some(text);
            }
            let hint = "name what only this cause writes";
            return self.no(node, "this pattern matches every line", hint);
        }
        match regex::RegexBuilder::new(&text).size_limit(PATTERN_SIZE).build() {
            Ok(_) => Some(text),
            Err(error) => {
                let why = error.to_string();
                let why = why.lines().last().unwrap_or_default().trim_start_matches("error: ");
                self.no(
                    node,
                    format!("not a valid pattern: {why}"),
                    "the syntax is that of the regex crate",
                )
            }
        }
    }
}

/// The pattern, compiled as far as it takes to know that it is one: no automaton that would make it quick. That is most of the
/// time that rules with patterns take to load.
fn tried(text: &str) -> Result<meta::Regex, Box<meta::BuildError>> {
    let config = meta::Config::new().nfa_size_limit(Some(PATTERN_SIZE)).auto_prefilter(false);
    let config = config.onepass(false).backtrack(false).hybrid(false).dfa(false);
    meta::Builder::new().configure(config).build(text).map_err(Box::new)
}

/// Every class, as the keys of a ladder are spelt, without `otherwise`.
pub(crate) fn classes() -> Vec<&'static str> {
    ladder::words().into_iter().filter(|word| *word != ladder::OTHERWISE).collect()
}
