//! What a test expects. A word that is not known is a mistake, never an expectation that always holds.

use super::file::{Check, IncidentWord, PageWanted, PhaseWord, WAITS, Wants, wait_word};
use super::read::TestReader;
use crate::core::cause::Class;
use crate::core::guard::Guard;
use crate::core::rule::Rule;
use crate::rules::{Kind, Node};

/// Stands for an empty list.
const NOTHING: &str = "nothing";

const KEYS: [&str; 11] = [
    "incident",
    "state",
    "cause",
    "phase",
    "waits_for",
    "did",
    "refused",
    "pages",
    "says",
    "never_says",
    "headline",
];

impl TestReader {
    pub(crate) fn expectation(&self, node: &Node, rule: &Rule) -> Option<Vec<Check>> {
        if let Kind::Scalar(_) = node.kind {
            self.word(node, &[(NOTHING, ())])?;
            return Some(vec![Check { at: node.place(), wants: Wants::Nothing }]);
        }
        let fields = self.keys(node, &KEYS)?;
        let mut checks = Vec::new();
        let mut sound = true;
        for key in KEYS {
            let Some(node) = fields.get(key) else { continue };
            match self.wants(key, node, rule) {
                Some(wants) => checks.push(Check { at: node.place(), wants }),
                None => sound = false,
            }
        }
        if sound && checks.is_empty() {
            return self.no(node, "nothing is expected here", "write expect: nothing, or say what");
        }
        sound.then_some(checks)
    }

    fn wants(&self, key: &str, node: &Node, rule: &Rule) -> Option<Wants> {
        match key {
            "incident" => {
                self.one(node, IncidentWord::ALL, IncidentWord::name).map(Wants::Incident)
            }
            "state" => self.breaker_state(node).map(Wants::State),
            "cause" => self.one(node, Class::ALL, Class::name).map(Wants::Cause),
            "phase" => self.one(node, PhaseWord::ALL, PhaseWord::name).map(Wants::Phase),
            "waits_for" => self.one(node, WAITS, wait_word).map(Wants::WaitsFor),
            "did" => self.some(node, |node| self.action_name(node, rule)).map(Wants::Did),
            "refused" => {
                self.some(node, |node| self.one(node, Guard::ALL, Guard::name)).map(Wants::Refused)
            }
            "pages" => self.some(node, |node| self.page_wanted(node)).map(Wants::Pages),
            "says" => self.fragments(node).map(Wants::Says),
            "never_says" => self.fragments(node).map(Wants::NeverSays),
            _ => self.text(node).map(Wants::Headline),
        }
    }

    fn one<T: Copy, const N: usize>(
        &self,
        node: &Node,
        all: [T; N],
        name: impl Fn(T) -> &'static str,
    ) -> Option<T> {
        let words: Vec<(&str, T)> = all.into_iter().map(|word| (name(word), word)).collect();
        self.word(node, &words)
    }

    /// `nothing`, one, or a list.
    fn some<T>(&self, node: &Node, read: impl Fn(&Node) -> Option<T>) -> Option<Vec<T>> {
        match &node.kind {
            Kind::Scalar(scalar) if scalar.text == NOTHING => Some(Vec::new()),
            Kind::Scalar(_) | Kind::Map(_) => Some(vec![read(node)?]),
            Kind::List(_) => self.list(node)?.iter().map(read).collect(),
        }
    }

    fn action_name(&self, node: &Node, rule: &Rule) -> Option<String> {
        let known: Vec<(&str, &str)> =
            rule.actions.keys().map(|name| (name.as_str(), name.as_str())).collect();
        self.word(node, &known).map(str::to_owned)
    }

    /// `"@lead"`, or `{ to: "@lead", says: … }`.
    fn page_wanted(&self, node: &Node) -> Option<PageWanted> {
        if let Kind::Scalar(_) = node.kind {
            return Some(PageWanted { to: vec![self.text(node)?], says: Vec::new() });
        }
        let fields = self.keys(node, &["to", "says"])?;
        let to = fields
            .required(self, "to", "whom: to: \"@lead\"")
            .and_then(|node| self.some(node, |node| self.text(node)));
        let says = fields.get("says").map_or(Some(Vec::new()), |node| self.fragments(node));
        let mut to = to?;
        to.sort();
        Some(PageWanted { to, says: says? })
    }

    fn fragments(&self, node: &Node) -> Option<Vec<String>> {
        match &node.kind {
            Kind::Scalar(_) => Some(vec![self.text(node)?]),
            Kind::List(_) | Kind::Map(_) => {
                self.list(node)?.iter().map(|node| self.text(node)).collect()
            }
        }
    }
}
