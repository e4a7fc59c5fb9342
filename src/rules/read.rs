//! Tree → typed values, collecting every fault on the way. Never stops at the first, never takes a word it does not know.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use super::grammar::Shape;
use super::mistake::{Mistake, Source};
use super::packs::Borrowed;
use super::words;
use super::yaml::{Key, Kind, Node, Scalar};
use crate::core::time::Duration;

/// What placeholders stand for while a rule is read.
#[derive(Clone, Debug, Default)]
pub(crate) enum Values {
    /// Placeholders stay as they are: the rule of a target that is in no inventory. Such questions have no answer.
    #[default]
    Unfilled,
    /// `target` and the variables of the target.
    Of { target: String, vars: BTreeMap<String, String> },
}

/// Reads one file: where it came from, what placeholders stand for, and what was wrong so far.
pub(crate) struct Reader {
    pub(crate) source: Arc<Source>,
    pub(crate) values: Values,
    /// A placeholder was met: the rule differs from target to target.
    pub(crate) filled: Cell<bool>,
    /// The pack that the rule uses: places behind the rule's text are in the pack's.
    pub(crate) pack: Option<Borrowed>,
    mistakes: RefCell<Vec<Mistake>>,
    /// Places of what may be a secret: excerpts do not show them.
    hidden: RefCell<Vec<Range<usize>>>,
}

/// A map whose keys are all known.
pub(crate) struct Fields<'n> {
    node: &'n Node,
    entries: &'n [(Key, Node)],
    /// Of the rule language; the configuration file has none.
    shape: Option<&'static Shape>,
}

/// Text beyond this is not a name, a query or a sentence.
const TEXT_MOST_BYTES: usize = 16 * 1024;
/// Items of one list: more would be a mistake of a generator.
const ITEMS_MOST: usize = 1_000;

impl Reader {
    pub(crate) fn new(source: &Arc<Source>, values: Values) -> Self {
        Self {
            source: Arc::clone(source),
            values,
            filled: Cell::new(false),
            pack: None,
            mistakes: RefCell::default(),
            hidden: RefCell::default(),
        }
    }

    pub(crate) fn into_mistakes(self) -> Vec<Mistake> {
        let hidden = self.hidden.into_inner();
        let (theirs, ours): (Vec<_>, Vec<_>) = hidden
            .into_iter()
            .partition(|at| self.pack.as_ref().is_some_and(|pack| pack.holds(at)));
        let hiding = |source: &Arc<Source>, places: &[Range<usize>]| {
            if places.is_empty() { Arc::clone(source) } else { Arc::new(source.hiding(places)) }
        };
        let source = hiding(&self.source, &ours);
        let pack = self.pack.as_ref().map(|pack| {
            let theirs: Vec<_> = theirs.iter().map(|at| pack.own(at)).collect();
            (pack, hiding(&pack.source, &theirs))
        });
        let mut mistakes = self.mistakes.into_inner();
        for mistake in &mut mistakes {
            match &pack {
                Some((pack, text)) if pack.holds(&mistake.at) => {
                    mistake.source = Arc::clone(text);
                    mistake.at = pack.own(&mistake.at);
                }
                _ => mistake.source = Arc::clone(&source),
            }
        }
        mistakes
    }

    /// What stands at a place of the rule, or of its pack.
    fn text_at(&self, at: &Range<usize>) -> &str {
        let found = match &self.pack {
            Some(pack) if pack.holds(at) => pack.source.text.get(pack.own(at)),
            _ => self.source.text.get(at.clone()),
        };
        found.unwrap_or_default()
    }

    /// Keeps a value out of every excerpt.
    pub(crate) fn hide(&self, node: &Node) {
        self.hidden.borrow_mut().push(node.at.clone());
    }

    pub(crate) fn push(&self, mistake: Mistake) {
        self.mistakes.borrow_mut().push(mistake);
    }

    pub(crate) fn fault(
        &self,
        at: Range<usize>,
        message: impl Into<String>,
        hint: impl Into<String>,
    ) {
        self.push(Mistake::error(&self.source, at, message).hint(hint));
    }

    /// A fault where a value was expected: `None`, so that `?` and `and_then` read on.
    pub(crate) fn no<T>(&self, node: &Node, message: impl Into<String>, hint: &str) -> Option<T> {
        self.fault(node.place(), message, hint);
        None
    }

    /// A map with no other keys than the grammar gives this shape.
    pub(crate) fn fields<'n>(&self, node: &'n Node, shape: &'static Shape) -> Option<Fields<'n>> {
        let fields = self.keys(node, &shape.names())?;
        Some(Fields { shape: Some(shape), ..fields })
    }

    /// A map with no other keys than `known`. For files outside of the rule language.
    pub(crate) fn keys<'n>(&self, node: &'n Node, known: &[&str]) -> Option<Fields<'n>> {
        let entries = self.map(node)?;
        for (key, _) in entries {
            if !known.contains(&key.text.as_str()) {
                let hint = words::did_you_mean(&key.text, known)
                    .unwrap_or_else(|| format!("known here: {}", known.join(", ")));
                self.fault(key.at.clone(), format!("unknown key `{}`", key.text), hint);
            }
        }
        Some(Fields { node, entries, shape: None })
    }

    pub(crate) fn map<'n>(&self, node: &'n Node) -> Option<&'n [(Key, Node)]> {
        match &node.kind {
            Kind::Map(entries) if entries.len() <= ITEMS_MOST => Some(entries),
            Kind::Map(_) => self.no(node, format!("more than {ITEMS_MOST} entries"), "split it"),
            Kind::Scalar(_) | Kind::List(_) => {
                self.no(node, "expected keys and values here", "write `{ key: value }`")
            }
        }
    }

    pub(crate) fn list<'n>(&self, node: &'n Node) -> Option<&'n [Node]> {
        match &node.kind {
            Kind::List(items) if items.is_empty() => {
                self.no(node, "the list is empty", "empty never means all: name at least one")
            }
            Kind::List(items) if items.len() <= ITEMS_MOST => Some(items),
            Kind::List(_) => self.no(node, format!("more than {ITEMS_MOST} items"), "split it"),
            Kind::Scalar(_) | Kind::Map(_) => self.no(
                node,
                "expected a list here",
                "write `[ … ]`, or `- …` on lines of their own",
            ),
        }
    }

    fn scalar<'n>(&self, node: &'n Node) -> Option<&'n Scalar> {
        match &node.kind {
            Kind::Scalar(scalar) => Some(scalar),
            Kind::List(_) | Kind::Map(_) => {
                self.no(node, "expected a single value here", "write one value")
            }
        }
    }

    /// A text that is not empty. What YAML could take for a number or a truth value must be quoted.
    pub(crate) fn text(&self, node: &Node) -> Option<String> {
        let scalar = self.scalar(node)?;
        self.text_of(&scalar.text, scalar.plain, node.place())
    }

    /// Like `text`, for a key.
    pub(crate) fn key(&self, key: &Key) -> Option<String> {
        self.text_of(&key.text, key.plain, key.at.clone())
    }

    fn text_of(&self, text: &str, plain: bool, at: Range<usize>) -> Option<String> {
        let fault = if text.trim().is_empty() || plain && matches!(text, "~" | "null") {
            Some((
                "there is nothing here".to_owned(),
                "write a value, or leave the key out".to_owned(),
            ))
        } else if plain && let Some(other) = words::looks_like(text) {
            Some((format!("`{text}` is {other}, not a text"), format!("quote it: \"{text}\"")))
        } else if text.len() > TEXT_MOST_BYTES {
            Some((format!("a text of more than {TEXT_MOST_BYTES} bytes"), "shorten it".to_owned()))
        } else if text.chars().any(|c| c.is_control() && c != '\n') {
            Some(("a control character in a text".to_owned(), "remove it".to_owned()))
        } else {
            None
        };
        match fault {
            Some((message, hint)) => {
                self.fault(at, message, hint);
                None
            }
            None => Some(text.to_owned()),
        }
    }

    /// A name of ours: of a breaker, an action, a question.
    pub(crate) fn name(&self, node: &Node) -> Option<String> {
        let text = self.text(node)?;
        self.valid(words::name(&text), text, node.place())
    }

    pub(crate) fn name_key(&self, key: &Key) -> Option<String> {
        let text = self.key(key)?;
        self.valid(words::name(&text), text, key.at.clone())
    }

    pub(crate) fn valid<T>(
        &self,
        check: Result<(), &'static str>,
        value: T,
        at: Range<usize>,
    ) -> Option<T> {
        match check {
            Ok(()) => Some(value),
            Err(hint) => {
                let message = format!("`{}` cannot be used here", words::short(self.text_at(&at)));
                self.fault(at, message, hint);
                None
            }
        }
    }

    pub(crate) fn boolean(&self, node: &Node) -> Option<bool> {
        let scalar = self.scalar(node)?;
        match (scalar.plain, scalar.text.as_str()) {
            (true, "true") => Some(true),
            (true, "false") => Some(false),
            _ => self.no(
                node,
                format!("`{}` is neither `true` nor `false`", words::short(&scalar.text)),
                "write true or false, without quotes",
            ),
        }
    }

    pub(crate) fn integer(
        &self,
        node: &Node,
        bounds: std::ops::RangeInclusive<u32>,
    ) -> Option<u32> {
        let scalar = self.scalar(node)?;
        let number =
            scalar.text.parse().ok().filter(|number| scalar.plain && bounds.contains(number));
        number.or_else(|| {
            let message =
                format!("`{}` is not a number that fits here", words::short(&scalar.text));
            let hint = match (bounds.start(), bounds.end()) {
                (only, same) if only == same => format!("it must be {only}"),
                (least, most) => format!("a whole number from {least} to {most}"),
            };
            self.fault(node.place(), message, hint);
            None
        })
    }

    /// More than nothing, at most thirty days.
    pub(crate) fn duration(&self, node: &Node) -> Option<Duration> {
        let scalar = self.scalar(node)?;
        match words::duration(&scalar.text) {
            Ok(duration) => Some(duration),
            Err(hint) => {
                let message = format!(
                    "`{}` is not a length of time that fits here",
                    words::short(&scalar.text)
                );
                self.no(node, message, hint)
            }
        }
    }

    /// One of a closed list of words.
    pub(crate) fn word<T: Clone>(&self, node: &Node, known: &[(&str, T)]) -> Option<T> {
        let scalar = self.scalar(node)?;
        // `yes` where a word is wanted: the words are what helps, not quotes.
        if scalar.plain && !node.is_null() && words::looks_like(&scalar.text).is_some() {
            return self.pick(&scalar.text, node.place(), known);
        }
        let text = self.text(node)?;
        self.pick(&text, node.place(), known)
    }

    pub(crate) fn word_key<T: Clone>(&self, key: &Key, words: &[(&str, T)]) -> Option<T> {
        let text = self.key(key)?;
        self.pick(&text, key.at.clone(), words)
    }

    fn pick<T: Clone>(&self, text: &str, at: Range<usize>, words: &[(&str, T)]) -> Option<T> {
        let found = words.iter().find(|(word, _)| *word == text).map(|(_, value)| value.clone());
        if found.is_none() {
            let known: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
            let hint = words::did_you_mean(text, &known)
                .unwrap_or_else(|| format!("one of: {}", known.join(", ")));
            self.fault(at, format!("`{}` is not known here", words::short(text)), hint);
        }
        found
    }
}

impl<'n> Fields<'n> {
    pub(crate) fn get(&self, name: &str) -> Option<&'n Node> {
        if let Some(shape) = self.shape {
            debug_assert!(shape.key(name).is_some(), "the grammar of {} lacks {name}", shape.name);
            #[cfg(test)]
            super::grammar::read(shape, name);
        }
        self.entries.iter().find(|(key, _)| key.text == name).map(|(_, node)| node)
    }

    pub(crate) fn required(&self, reader: &Reader, name: &str, hint: &str) -> Option<&'n Node> {
        self.get(name).or_else(|| reader.no(self.node, format!("`{name}` is missing"), hint))
    }

    /// Of the keys that the grammar names as choices exactly one must be there, without what belongs to others.
    pub(crate) fn choice(&self, reader: &Reader) -> Option<(&'static str, &'n Node)> {
        let shape = self.shape?;
        let (chosen, node) = self.one_of(reader, &shape.choices())?;
        for key in shape.keys.iter().filter(|key| !key.with.is_empty()) {
            if let Some(node) = self.get(key.name).filter(|_| !key.with.contains(&chosen)) {
                let message = format!("`{}` does not belong to `{chosen}`", key.name);
                let hint = format!("leave it out: it belongs to `{}`", key.with.join("`, `"));
                reader.fault(node.place(), message, hint);
            }
        }
        Some((chosen, node))
    }

    /// Of several keys exactly one must be there. For files outside of the rule language.
    pub(crate) fn one_of(
        &self,
        reader: &Reader,
        names: &[&'static str],
    ) -> Option<(&'static str, &'n Node)> {
        let mut found = names.iter().filter_map(|name| self.get(name).map(|node| (*name, node)));
        let first = found.next();
        let wanted = || format!("exactly one of: {}", names.join(", "));
        match (first, found.next()) {
            (Some(first), None) => Some(first),
            (Some(_), Some((name, second))) => {
                reader.no(second, format!("`{name}` is one too many"), &wanted())
            }
            (None, _) => match (names, self.shape.and_then(|shape| shape.key(names.first()?))) {
                ([only], Some(key)) => {
                    reader.no(self.node, format!("`{only}` is missing"), key.doc)
                }
                _ => reader.no(self.node, "something is missing here", &wanted()),
            },
        }
    }
}
