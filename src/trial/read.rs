//! Test file → cases, collecting every mistake on the way. Never takes a word it does not know.

use std::collections::BTreeSet;
use std::ops::Deref;
use std::sync::Arc;

use super::file::{Case, Excuse, Step, TestFile};
use super::given::Names;
use crate::core::incident::Breaker;
use crate::core::rule::{Mode, Rule, RuleSet, TargetName};
use crate::core::time::{Duration, Timestamp};
use crate::rules::{Mistake, Node, Parsed, Reader, Values};

const MODES: [(&str, Mode); 4] = [
    ("observe", Mode::Observe),
    ("suggest", Mode::Suggest),
    ("approve", Mode::Approve),
    ("auto", Mode::Auto),
];

/// Cases begin on a Monday morning, unless they say otherwise.
const BEGINS: &str = "2026-01-05T08:00:00Z";
/// What stands before the name of a change that may survive.
const SURVIVES: &str = "survives:";
const ENDING: &str = ".test.yaml";

/// Reads one test file against the rules beside it.
pub(crate) fn file(
    parsed: &Parsed,
    set: &RuleSet,
    mistakes: &mut Vec<Mistake>,
) -> Option<TestFile> {
    let reader = TestReader(Reader::new(&parsed.source, Values::Unfilled));
    let file = reader.file(&parsed.root, set);
    mistakes.extend(reader.0.into_mistakes());
    file
}

/// The reader of rules, with the words of tests.
pub(crate) struct TestReader(Reader);

impl Deref for TestReader {
    type Target = Reader;

    fn deref(&self) -> &Reader {
        &self.0
    }
}

/// The line of a place, from 1.
pub(crate) fn line_of(text: &str, at: usize) -> usize {
    text.get(..at).unwrap_or(text).matches('\n').count() + 1
}

impl TestReader {
    fn file(&self, root: &Node, set: &RuleSet) -> Option<TestFile> {
        let fields = self.keys(root, &["version", "rule", "tests"])?;
        self.version(&fields);
        let known: Vec<&str> = set.rules.keys().map(String::as_str).collect();
        let about = match fields.get("rule") {
            Some(node) => (self.name(node)?, node.place()),
            None => (stem(&self.source.path), 0..0),
        };
        let Some(rule) = set.rules.get(&about.0) else {
            let hint = match known.as_slice() {
                [] => "there is no rule here".to_owned(),
                some => format!("say which with `rule:`; there are: {}", some.join(", ")),
            };
            self.fault(about.1, format!("no rule here is called `{}`", about.0), hint);
            return None;
        };
        let hint = "what must hold: tests: [ { name: …, steps: [ … ] } ]";
        let nodes = self.list(fields.required(self, "tests", hint)?)?;
        let mut names = BTreeSet::new();
        let mut cases = Vec::new();
        for node in nodes {
            let Some(case) = self.case(node, rule, set) else { continue };
            if !names.insert(case.name.clone()) {
                let message = format!("another test is called `{}` too", case.name);
                self.fault(node.place(), message, "each test has a name of its own");
            }
            cases.push(case);
        }
        Some(TestFile {
            source: Arc::clone(&self.source),
            rule: rule.name.clone(),
            cases,
            excuses: self.excuses(),
        })
    }

    fn case(&self, node: &Node, rule: &Rule, set: &RuleSet) -> Option<Case> {
        let fields = self.keys(node, &["name", "target", "as_if", "begins", "steps"])?;
        let name = fields
            .required(self, "name", "what must hold, in a few words")
            .and_then(|node| self.text(node));
        let target = match fields.get("target") {
            Some(node) => self.case_target(node, rule),
            None => rule.targets.first().cloned(),
        };
        let as_if = fields.get("as_if").map(|node| {
            let fields = self.keys(node, &["mode"])?;
            self.word(fields.required(self, "mode", "as_if: { mode: auto }")?, &MODES)
        });
        let begins =
            fields.get("begins").map_or_else(|| BEGINS.parse().ok(), |node| self.moment(node));
        let steps = fields.required(self, "steps", "what happens, in order: steps: [ … ]");
        let steps = steps.and_then(|node| self.list(node));
        let (target, steps) = (target?, steps?);
        let breaker = Breaker { rule: rule.name.clone(), target: target.clone() };
        let filled = set.rule(&breaker).unwrap_or(rule);
        let names = Names::of(filled);
        let steps: Vec<_> =
            steps.iter().map(|node| self.step(node, filled, &target, &names)).collect();
        if steps.iter().flatten().all(|step| step.expect.is_empty()) {
            self.fault(
                node.place(),
                "this test expects nothing: it cannot fail",
                "add a step with `expect`",
            );
        }
        Some(Case {
            name: name?,
            line: line_of(&self.source.text, node.place().start),
            target,
            as_if: match as_if {
                Some(mode) => Some(mode?),
                None => None,
            },
            begins: begins?,
            steps: steps.into_iter().collect::<Option<_>>()?,
        })
    }

    fn case_target(&self, node: &Node, rule: &Rule) -> Option<TargetName> {
        let name = self.text(node)?;
        if rule.targets.contains(&name) {
            return Some(name);
        }
        let hint = format!("its targets: {}", rule.targets.join(", "));
        self.no(node, format!("`{name}` is no target of this rule"), &hint)
    }

    fn moment(&self, node: &Node) -> Option<Timestamp> {
        let text = self.text(node)?;
        let hint = "write it in UTC: 2026-03-29T00:58:00Z";
        text.parse().ok().or_else(|| self.no(node, format!("`{text}` is no moment"), hint))
    }

    fn step(&self, node: &Node, rule: &Rule, target: &str, names: &Names) -> Option<Step> {
        let known = ["world", "actions", "alert", "order", "after", "expect"];
        let fields = self.keys(node, &known)?;
        let world = fields.get("world").map_or(Some(Vec::new()), |node| self.world(node, names));
        let actions =
            fields.get("actions").map_or(Some(Vec::new()), |node| self.endings(node, rule, names));
        let alert = match fields.get("alert") {
            Some(node) => self.alert_step(node, rule, target).map(Some),
            None => Some(None),
        };
        let order = match fields.get("order") {
            Some(node) => self.order(node).map(Some),
            None => Some(None),
        };
        let after = fields.get("after").map_or(Some(Duration::ZERO), |node| self.duration(node));
        let expect =
            fields.get("expect").map_or(Some(Vec::new()), |node| self.expectation(node, rule));
        Some(Step {
            line: line_of(&self.source.text, node.place().start),
            world: world?,
            actions: actions?,
            alert: alert?,
            order: order?,
            after: after?,
            expect: expect?,
        })
    }

    /// Comments are no part of YAML: they are looked for in the text.
    fn excuses(&self) -> Vec<Excuse> {
        let text = self.source.text.clone();
        let mut excuses = Vec::new();
        let mut start = 0;
        for line in text.split_inclusive('\n') {
            let said = line.trim_start().strip_prefix('#').map(str::trim);
            if let Some(said) = said.and_then(|said| said.strip_prefix(SURVIVES)) {
                let begin = start + line.find('#').unwrap_or(0);
                let at = begin..start + line.trim_end().len();
                match said.split_once(": ").map(|(change, why)| (change.trim(), why.trim())) {
                    Some((change, reason)) if !change.is_empty() && !reason.is_empty() => excuses
                        .push(Excuse { change: change.to_owned(), reason: reason.to_owned(), at }),
                    Some(_) | None => self.fault(
                        at,
                        "an excuse without a reason",
                        "write: # survives: <the change, as --mutate names it>: <why no test can notice it>",
                    ),
                }
            }
            start += line.len();
        }
        excuses
    }
}

/// `pms` of `rules/pms.test.yaml`.
fn stem(path: &str) -> String {
    let name = path.rsplit('/').next().unwrap_or(path);
    name.strip_suffix(ENDING).unwrap_or(name).to_owned()
}
