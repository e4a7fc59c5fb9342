//! `patterns/*.yaml`: what log lines of known software say, with lines that show it. Never judges a breaker.
//!
//! The files of the repository are compiled in as the table that the core has; those of a rules folder come beside it.

mod examples;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::files::Parsed;
use super::grammar;
use super::mistake::{Mistake, Source};
use super::read::{Reader, Values};
use super::words;
use super::yaml::{Kind, Node};
use crate::core::classify::{Added, Entry, Lines, Says, Tier, builtin_entries, ordered};

/// One pattern is a wording, not a program.
const PATTERN_MOST_BYTES: usize = 2_000;

/// One file, as its author wrote it.
pub(crate) struct PatternFile {
    pub(crate) name: String,
    pub(crate) entries: Vec<Written>,
    source: Arc<Source>,
}

/// An entry, and the lines beside it.
pub(crate) struct Written {
    pub(crate) entry: Entry,
    name_at: std::ops::Range<usize>,
    /// Where each pattern stands.
    patterns_at: Vec<std::ops::Range<usize>>,
    examples: Vec<Line>,
    counterexamples: Vec<Line>,
}

struct Line {
    text: String,
    at: std::ops::Range<usize>,
}

/// The patterns of a rules folder, checked with their examples and compiled for all of its rules.
pub(crate) fn lines(files: &[Parsed], mistakes: &mut Vec<Mistake>) -> Lines {
    let Some(added) = added(files, mistakes) else { return Lines::default() };
    match Lines::of(added) {
        Ok(lines) => lines,
        Err(fault) => {
            let path = files.first().map_or("patterns", |file| file.source.path.as_str());
            mistakes.push(
                Mistake::without_text(path, fault.to_string()).hint("make them fewer or shorter"),
            );
            Lines::default()
        }
    }
}

/// What a folder adds to the built-in entries. `None` if a file of it cannot be read; the mistakes say why.
pub(crate) fn added(files: &[Parsed], mistakes: &mut Vec<Mistake>) -> Option<Added> {
    let builtin = builtin_entries();
    let mut seen: BTreeMap<String, String> = BTreeMap::new();
    let mut read = Vec::new();
    let mut sound = true;
    for parsed in files {
        let reader = Reader::new(&parsed.source, Values::Unfilled);
        let file = reader.pattern_file(parsed);
        mistakes.extend(reader.into_mistakes());
        let Some(file) = file else {
            sound = false;
            continue;
        };
        if let Some(first) = seen.insert(file.name.clone(), file.source.path.clone()) {
            let message = format!("another file of patterns is called `{}` too", file.name);
            let mistake = Mistake::error(&file.source, 0..0, message);
            mistakes.push(mistake.hint(format!("it is {first}")));
            sound = false;
        }
        let own = ordered(file.entries.iter().map(|one| one.entry.clone()).collect());
        let theirs: Vec<&Entry> = builtin.iter().filter(|one| one.file == file.name).collect();
        // The repository's own folder: what is compiled in already.
        if own.iter().eq(theirs.iter().copied()) {
            continue;
        }
        if !theirs.is_empty() {
            let message =
                format!("these patterns stand in for the built-in patterns `{}`", file.name);
            let mistake = Mistake::error(&file.source, 0..0, message).warning();
            mistakes.push(mistake.hint("give them another name, unless that is what you want"));
        }
        read.push(file);
    }
    if !sound {
        return None;
    }
    let added = Added {
        files: read.iter().map(|file| file.name.clone()).collect(),
        entries: ordered(
            read.iter().flat_map(|file| file.entries.iter().map(|one| one.entry.clone())).collect(),
        ),
    };
    examples::check(&read, &added, mistakes).then_some(added)
}

impl Reader {
    pub(crate) fn pattern_file(&self, parsed: &Parsed) -> Option<PatternFile> {
        let fields = self.fields(&parsed.root, &grammar::PATTERNS)?;
        self.version(&fields);
        let name = fields
            .required(self, "patterns", "the name of these patterns: patterns: our-gateway")
            .and_then(|node| self.name(node));
        let summary = fields
            .required(self, "summary", "whose words these are, for people")
            .and_then(|node| self.text(node));
        let entries =
            fields.required(self, "entries", "a list: what is written, and what it says")?;
        let file = name.clone().unwrap_or_default();
        let all: Vec<_> =
            self.list(entries)?.iter().map(|node| self.written(node, &file)).collect();
        let entries: Vec<Written> = all.into_iter().collect::<Option<_>>()?;
        let mut seen = BTreeSet::new();
        for one in &entries {
            if !seen.insert(one.entry.name.clone()) {
                let message = format!("another entry is called `{}` too", one.entry.name);
                self.fault(one.name_at.clone(), message, "answers name entries: give it its own");
                return None;
            }
        }
        summary?;
        Some(PatternFile { name: name?, entries, source: Arc::clone(&parsed.source) })
    }

    fn written(&self, node: &Node, file: &str) -> Option<Written> {
        let fields = self.fields(node, &grammar::PATTERN_ENTRY)?;
        let must = |name, hint| fields.required(self, name, hint);
        let name_node = must("name", "what answers call it: name: refused");
        let says = must("says", "a cause, `echo`, `harmless` …")
            .and_then(|node| self.word(node, &Says::ALL));
        let tier =
            fields.get("tier").map_or(Some(None), |node| self.word(node, &Tier::SAID).map(Some));
        let libraries = fields
            .get("for")
            .map_or(Some(Vec::new()), |node| self.one_or_more(node, &|node| self.name(node)));
        let patterns_node = must("pattern", "a regular expression, or a list of them");
        let patterns =
            patterns_node.and_then(|node| self.one_or_more(node, &|node| self.wording(node)));
        let examples =
            must("examples", "at least one line that it is for").and_then(|node| self.shown(node));
        let counter =
            fields.get("counterexamples").map_or(Some(Vec::new()), |node| self.shown(node));
        drop(fields.get("why").map(|node| self.text(node)));
        let (says, tier) = (says?, tier?);
        if tier.is_some() && !matches!(says, Says::Is(_) | Says::Quota) {
            let hint = "`first` and `wide` order the proofs of a cause: leave `tier` out";
            return self.no(node, format!("`{}` has its place", says.word()), hint);
        }
        let entry = Entry {
            file: file.to_owned(),
            name: name_node.and_then(|node| self.name(node))?,
            says,
            tier: tier.unwrap_or_else(|| says.tier()),
            libraries: libraries?,
            patterns: patterns?,
        };
        let patterns_at = patterns_node.map_or_else(Vec::new, places);
        let name_at = name_node.map_or(0..0, Node::place);
        Some(Written {
            entry,
            name_at,
            patterns_at,
            examples: examples?,
            counterexamples: counter?,
        })
    }

    /// One text, or a list of them.
    fn one_or_more(
        &self,
        node: &Node,
        one: &dyn Fn(&Node) -> Option<String>,
    ) -> Option<Vec<String>> {
        match &node.kind {
            Kind::List(_) => {
                let all: Vec<_> = self.list(node)?.iter().map(one).collect();
                all.into_iter().collect()
            }
            Kind::Scalar(_) | Kind::Map(_) => one(node).map(|text| vec![text]),
        }
    }

    fn wording(&self, node: &Node) -> Option<String> {
        let text = self.text(node)?;
        if text.len() > PATTERN_MOST_BYTES {
            return self.no(
                node,
                "a pattern of more than 2,000 bytes",
                "several short ones are easier to trust",
            );
        }
        if text.contains(['\n', '\t']) {
            return self.no(
                node,
                "a line break in a pattern",
                r"write `\n`, or quote it in one line",
            );
        }
        Some(text)
    }

    fn shown(&self, node: &Node) -> Option<Vec<Line>> {
        let line = |node: &Node| self.text(node).map(|text| Line { text, at: node.place() });
        let all: Vec<_> = self.list(node)?.iter().map(line).collect();
        all.into_iter().collect()
    }
}

fn places(node: &Node) -> Vec<std::ops::Range<usize>> {
    match &node.kind {
        Kind::List(items) => items.iter().map(Node::place).collect(),
        Kind::Scalar(_) | Kind::Map(_) => vec![node.place()],
    }
}

/// An excerpt of a line that fits into a message.
fn short(text: &str) -> String {
    words::short(text)
}
