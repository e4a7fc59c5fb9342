//! YAML text → a tree that knows its places. Never guesses: what a reader could take in two ways is refused.
//!
//! Anchors, aliases, tags, merge keys and second documents are refused outright: a rule says everything in
//! its own place, and nothing can grow. Scalars keep their text and whether they were quoted.

use granit_parser::{Event, Options, Parser, ScalarStyle, Span};
use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use super::mistake::{Mistake, Source};

/// A rule of this project is a few kilobytes; a file beyond this is not one.
pub(crate) const FILE_MOST_BYTES: u64 = 1 << 20;
/// Deeper nesting than any key of the language has, JSON bodies included.
const DEPTH_MOST: usize = 32;
/// Values in one file; a bound on memory whatever the text looks like.
const NODES_MOST: usize = 50_000;

/// A value and its place.
#[derive(Clone, Debug)]
pub(crate) struct Node {
    /// Bytes of the value.
    pub(crate) at: Range<usize>,
    /// Bytes of the key it stands under: the better place to point at when a collection is wrong.
    pub(crate) key_at: Option<Range<usize>>,
    pub(crate) kind: Kind,
}

#[derive(Clone, Debug)]
pub(crate) enum Kind {
    Scalar(Scalar),
    List(Vec<Node>),
    Map(Vec<(Key, Node)>),
}

#[derive(Clone, Debug)]
pub(crate) struct Scalar {
    pub(crate) text: String,
    /// Neither quoted nor a block: it may stand for a number or a truth value.
    pub(crate) plain: bool,
}

#[derive(Clone, Debug)]
pub(crate) struct Key {
    pub(crate) text: String,
    pub(crate) plain: bool,
    pub(crate) at: Range<usize>,
}

impl Node {
    /// Where to point when the whole value is meant.
    pub(crate) fn place(&self) -> Range<usize> {
        match &self.kind {
            Kind::Scalar(_) if !self.at.is_empty() => self.at.clone(),
            Kind::Scalar(_) | Kind::List(_) | Kind::Map(_) => match (&self.key_at, &self.kind) {
                (Some(key), _) => key.clone(),
                // A whole file or item is best pointed at where it begins.
                (None, Kind::Map(entries)) => {
                    entries.first().map_or_else(|| self.at.clone(), |(key, _)| key.at.clone())
                }
                (None, Kind::Scalar(_) | Kind::List(_)) => self.at.clone(),
            },
        }
    }

    /// `key:` with nothing behind it, `~` and `null`.
    pub(crate) fn is_null(&self) -> bool {
        match &self.kind {
            Kind::Scalar(scalar) => {
                scalar.plain && matches!(scalar.text.as_str(), "" | "~" | "null" | "Null" | "NULL")
            }
            Kind::List(_) | Kind::Map(_) => false,
        }
    }
}

/// Reads a text into its tree. `None` if it has none; the mistakes say why.
pub(crate) fn parse(source: &Arc<Source>, mistakes: &mut Vec<Mistake>) -> Option<Node> {
    let before = mistakes.len();
    tabs(source, mistakes);
    let mut builder = Builder { source, mistakes, open: Vec::new(), root: None, nodes: 0 };
    let mut options = Options::default();
    options.emit_comments = false;
    options.flow_nesting_limit = DEPTH_MOST;
    for next in Parser::new_from_str_with_options(&source.text, options) {
        match next {
            Ok((event, span)) => {
                if !builder.take(event, span) {
                    return None;
                }
            }
            Err(error) => {
                let start = error.marker().byte_offset().unwrap_or(source.text.len());
                let at = builder.clamp(start..start + 1);
                // A tab in the indentation is told already, and better.
                if builder.mistakes.len() == before {
                    let message = format!("not readable as YAML: {}", error.info());
                    let hint = "look for a quote, a bracket or an indentation that is wrong here or just above";
                    builder.mistakes.push(Mistake::error(source, at, message).hint(hint));
                }
                return None;
            }
        }
    }
    let root = builder.root;
    if root.is_none() && mistakes.len() == before {
        let mistake = Mistake::error(source, 0..0, "the file is empty");
        mistakes.push(mistake.hint("write a rule into it, or remove it"));
    }
    root
}

/// Tabs as indentation: YAML forbids some of them and gives a puzzling message; all are refused here.
fn tabs(source: &Arc<Source>, mistakes: &mut Vec<Mistake>) {
    let mut start = 0;
    for line in source.text.split_inclusive('\n') {
        let blank = line.len() - line.trim_start_matches([' ', '\t']).len();
        let content = !line.trim().is_empty();
        if let Some(tab) = line.get(..blank).and_then(|blank| blank.find('\t')).filter(|_| content)
        {
            let at = start + tab..start + tab + 1;
            let mistake = Mistake::error(source, at, "a tab in the indentation");
            mistakes.push(mistake.hint("indent with spaces"));
        }
        start += line.len();
    }
}

struct Builder<'a> {
    source: &'a Arc<Source>,
    mistakes: &'a mut Vec<Mistake>,
    open: Vec<Open>,
    root: Option<Node>,
    nodes: usize,
}

/// A collection whose end has not come yet.
enum Open {
    List(Range<usize>, Vec<Node>),
    Map(Range<usize>, Vec<(Key, Node)>, Option<Key>),
}

impl Builder<'_> {
    /// Takes one event; false when reading on makes no sense.
    fn take(&mut self, event: Event<'_>, span: Span) -> bool {
        let at = self.range(&span);
        match event {
            Event::DocumentStart(..) => {
                self.root.is_none() || self.stop(at, "a second document", "one file says one thing")
            }
            Event::Alias(_) | Event::UnresolvedAlias(_) | Event::Anchor(..) => self.stop(
                at,
                "anchors and aliases are refused",
                "write the value out where it is used",
            ),
            Event::Scalar(text, style, anchor, tag) => {
                if anchor != 0 || tag.is_some() {
                    return self.anchored(anchor, at);
                }
                let scalar =
                    Scalar { text: text.into_owned(), plain: matches!(style, ScalarStyle::Plain) };
                self.add(Node { at, key_at: None, kind: Kind::Scalar(scalar) })
            }
            Event::SequenceStart(_, anchor, tag) => {
                if anchor != 0 || tag.is_some() {
                    return self.anchored(anchor, at);
                }
                self.begin(Open::List(at, Vec::new()))
            }
            Event::MappingStart(_, anchor, tag) => {
                if anchor != 0 || tag.is_some() {
                    return self.anchored(anchor, at);
                }
                self.begin(Open::Map(at, Vec::new(), None))
            }
            Event::SequenceEnd | Event::MappingEnd => self.end(&at),
            // Beginnings and ends carry no value; nor would events that the parser has yet to learn.
            Event::StreamStart | Event::StreamEnd | Event::DocumentEnd | _ => true,
        }
    }

    fn begin(&mut self, open: Open) -> bool {
        if self.open.len() >= DEPTH_MOST {
            let (Open::List(at, _) | Open::Map(at, ..)) = open;
            return self.stop(at, format!("nested deeper than {DEPTH_MOST}"), "rules are flat");
        }
        self.open.push(open);
        true
    }

    fn end(&mut self, end: &Range<usize>) -> bool {
        let node = match self.open.pop() {
            Some(Open::List(start, items)) => {
                Node { at: start.start..end.end, key_at: None, kind: Kind::List(items) }
            }
            Some(Open::Map(start, entries, _)) => {
                self.once(&entries);
                Node { at: start.start..end.end, key_at: None, kind: Kind::Map(entries) }
            }
            None => return true,
        };
        self.add(node)
    }

    /// A key that stands twice is two answers to one question: each repetition is a mistake.
    fn once(&mut self, entries: &[(Key, Node)]) {
        let mut seen = BTreeMap::new();
        for (key, _) in entries {
            if let Some(first) = seen.insert(key.text.as_str(), key) {
                let message = format!("`{}` stands here a second time", key.text);
                let mistake = Mistake::error(self.source, key.at.clone(), message);
                let line = Mistake::error(self.source, first.at.clone(), "").line();
                self.mistakes.push(mistake.hint(format!("the first is in line {line}; keep one")));
            }
        }
    }

    fn add(&mut self, mut node: Node) -> bool {
        self.nodes += 1;
        if self.nodes > NODES_MOST {
            return self.stop(node.at, format!("more than {NODES_MOST} values"), "split the file");
        }
        match self.open.last_mut() {
            None => self.root = Some(node),
            Some(Open::List(_, items)) => items.push(node),
            Some(Open::Map(_, entries, waiting)) => match waiting.take() {
                Some(key) => {
                    node.key_at = Some(key.at.clone());
                    entries.push((key, node));
                }
                None => match node.kind {
                    Kind::Scalar(Scalar { text, plain }) => {
                        *waiting = Some(Key { text, plain, at: node.at });
                    }
                    Kind::List(_) | Kind::Map(_) => {
                        return self.stop(
                            node.at,
                            "a key must be a word",
                            "quote it if it has braces",
                        );
                    }
                },
            },
        }
        true
    }

    fn anchored(&mut self, anchor: usize, at: Range<usize>) -> bool {
        if anchor == 0 {
            self.stop(at, "tags (`!…`) are refused", "the key alone says what kind a value is")
        } else {
            self.stop(at, "anchors and aliases are refused", "write the value out where it is used")
        }
    }

    fn stop(&mut self, at: Range<usize>, message: impl Into<String>, hint: &str) -> bool {
        let at = self.clamp(at);
        self.mistakes.push(Mistake::error(self.source, at, message).hint(hint));
        false
    }

    fn range(&self, span: &Span) -> Range<usize> {
        self.clamp(span.byte_range().unwrap_or(0..0))
    }

    /// Inside the text and on the borders of characters, so that an excerpt can always be cut.
    fn clamp(&self, at: Range<usize>) -> Range<usize> {
        let text = &self.source.text;
        let border = |mut byte: usize| {
            byte = byte.min(text.len());
            while !text.is_char_boundary(byte) {
                byte -= 1;
            }
            byte
        };
        let start = border(at.start);
        start..border(at.end).max(start)
    }
}
