//! `*.steps.yaml`: what becomes of each step of a runbook. Never takes a step's word for it: the part of the rule
//! that covers it and the test that shows it must be there.

use std::ops::Range;
use std::sync::Arc;

use super::mistake::{Mistake, Source};
use super::read::{Fields, Reader, Values};
use super::yaml::{Kind, Node};

/// What becomes of the steps of one runbook.
pub(crate) struct Described {
    pub(crate) source: Arc<Source>,
    /// Where people read the same in words.
    pub(crate) runbook: String,
    /// The rules that cover it, the first one meant unless a part names another.
    pub(crate) rules: Vec<Named>,
    pub(crate) steps: Vec<Step>,
}

/// A name, and where it stands.
pub(crate) type Named = (String, Range<usize>);

/// One step of a runbook.
pub(crate) struct Step {
    pub(crate) id: String,
    /// What the runbook asks for, in our own words.
    pub(crate) says: String,
    pub(crate) covered: Covered,
    /// How it is done, who is asked, or why it is left out.
    pub(crate) how: String,
    pub(crate) by: Vec<Part>,
    pub(crate) tests: Vec<Named>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Covered {
    Automated,
    Asked,
    OutOfScope,
}

/// A part of a rule, as a path of its keys: `ladder.auth.ask`.
pub(crate) struct Part {
    pub(crate) rule: String,
    pub(crate) path: String,
    pub(crate) at: Range<usize>,
}

impl Covered {
    pub(crate) const ALL: [Self; 3] = [Self::Automated, Self::Asked, Self::OutOfScope];

    /// The key that says so.
    pub(crate) const fn key(self) -> &'static str {
        match self {
            Self::Automated => "automated",
            Self::Asked => "asked",
            Self::OutOfScope => "out_of_scope",
        }
    }

    pub(crate) const fn words(self) -> &'static str {
        match self {
            Self::Automated => "automated",
            Self::Asked => "asked of a person",
            Self::OutOfScope => "out of scope",
        }
    }
}

impl Described {
    /// Reads one file, with every mistake in it.
    pub(crate) fn read(source: &Arc<Source>, root: &Node) -> (Option<Self>, Vec<Mistake>) {
        let reader = Reader::new(source, Values::Unfilled);
        let steps = reader.steps(root);
        (steps, reader.into_mistakes())
    }
}

impl Reader {
    fn steps(&self, root: &Node) -> Option<Described> {
        let fields = self.keys(root, &["version", "runbook", "rules", "steps"])?;
        self.version(&fields);
        let hint = "the page that says the same in words: runbook: docs/runbooks/pms.md";
        let runbook = fields.required(self, "runbook", hint).and_then(|node| self.text(node));
        let hint = "the rules that cover it: rules: [ pms ]";
        let rules = fields.required(self, "rules", hint).and_then(|node| self.named(node))?;
        let hint = "steps: { pms-1: { says: …, automated: …, by: [ … ], tests: [ … ] } }";
        let steps = self.map(fields.required(self, "steps", hint)?)?;
        let steps: Vec<_> = steps
            .iter()
            .map(|(key, node)| {
                let id = self.name_key(key);
                self.step(id.unwrap_or_default(), node, &rules)
            })
            .collect();
        let source = Arc::clone(&self.source);
        Some(Described {
            source,
            runbook: runbook?,
            rules,
            steps: steps.into_iter().collect::<Option<_>>()?,
        })
    }

    fn step(&self, id: String, node: &Node, rules: &[Named]) -> Option<Step> {
        let keys = Covered::ALL.map(Covered::key);
        let known: Vec<&str> = keys.into_iter().chain(["says", "by", "tests"]).collect();
        let fields = self.keys(node, &known)?;
        let says = fields.required(self, "says", "the step, in your own words");
        let says = says.and_then(|node| self.text(node));
        let (key, how) = fields.one_of(self, &keys)?;
        let covered = Covered::ALL.into_iter().find(|covered| covered.key() == key)?;
        let how = self.text(how);
        let (by, tests) = self.shown_by(&fields, covered, rules)?;
        Some(Step { id, says: says?, covered, how: how?, by, tests })
    }

    /// What covers a step and what shows it; nothing does where it is out of scope.
    fn shown_by(
        &self,
        fields: &Fields<'_>,
        covered: Covered,
        rules: &[Named],
    ) -> Option<(Vec<Part>, Vec<Named>)> {
        if covered == Covered::OutOfScope {
            return match fields.get("by").or_else(|| fields.get("tests")) {
                Some(node) => self.no(
                    node,
                    "nothing covers a step that is out of scope",
                    "leave `by` and `tests` out, or say `automated` or `asked`",
                ),
                None => Some((Vec::new(), Vec::new())),
            };
        }
        let hint = "the parts of the rule that cover it: by: [ ladder.auth ]";
        let by = fields.required(self, "by", hint).and_then(|node| self.parts(node, rules));
        let hint = "the tests of the rule that show it: tests: [ its name ]";
        let tests = fields.required(self, "tests", hint).and_then(|node| self.named(node));
        Some((by?, tests?))
    }

    fn parts(&self, node: &Node, rules: &[Named]) -> Option<Vec<Part>> {
        let all: Vec<_> = self.list(node)?.iter().map(|node| self.part(node, rules)).collect();
        all.into_iter().collect()
    }

    /// `ladder.auth` of the first rule, or `{ other-rule: ladder.auth }`.
    fn part(&self, node: &Node, rules: &[Named]) -> Option<Part> {
        let at = node.place();
        match &node.kind {
            Kind::Map(_) => {
                let names: Vec<&str> = rules.iter().map(|(name, _)| name.as_str()).collect();
                let fields = self.keys(node, &names)?;
                let (rule, value) =
                    names.iter().find_map(|name| Some((*name, fields.get(name)?)))?;
                Some(Part { rule: rule.to_owned(), path: self.text(value)?, at })
            }
            Kind::Scalar(_) | Kind::List(_) => {
                let path = self.text(node)?;
                Some(Part { rule: rules.first()?.0.clone(), path, at })
            }
        }
    }

    /// A list of texts, each with its place.
    fn named(&self, node: &Node) -> Option<Vec<Named>> {
        let all: Vec<_> =
            self.list(node)?.iter().map(|node| Some((self.text(node)?, node.place()))).collect();
        all.into_iter().collect()
    }
}

/// Whether a rule says something at this path. In a list, whichever item mentions the next key or word counts.
pub(crate) fn says(node: &Node, path: &str) -> bool {
    let segments: Vec<&str> = path.split('.').collect();
    walk(node, &segments)
}

fn walk(node: &Node, path: &[&str]) -> bool {
    let Some((first, rest)) = path.split_first() else { return true };
    match &node.kind {
        Kind::Map(entries) => {
            entries.iter().any(|(key, value)| key.text == *first && walk(value, rest))
        }
        Kind::List(items) => items.iter().any(|item| mentions(item, path)),
        Kind::Scalar(scalar) => rest.is_empty() && scalar.text == *first,
    }
}

/// An item is known by a key of its own, or of what stands right under its keys: `{ when: { open_for: 1h } }`.
fn mentions(item: &Node, path: &[&str]) -> bool {
    walk(item, path)
        || match &item.kind {
            Kind::Map(entries) => entries.iter().any(|(_, value)| mentions(value, path)),
            Kind::List(items) => items.iter().any(|inner| mentions(inner, path)),
            Kind::Scalar(_) => false,
        }
}
