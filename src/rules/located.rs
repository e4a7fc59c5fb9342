//! Which questions of a rule set go to Prometheus, and where each stands in its file. Never asks them.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use super::files::{self, Parsed};
use super::mistake::Source;
use super::yaml::{Kind, Node};
use crate::core::evidence::{Ask, Question, STATE};
use crate::core::rule::{Rule, RuleSet};

/// A question and the place of its rule that asks it.
#[derive(Clone, Debug, PartialEq)]
pub struct Located {
    pub source: Arc<Source>,
    pub at: Range<usize>,
    /// The target whose values fill it in; `None`: it has no placeholders.
    pub target: Option<String>,
    pub question: Question,
}

/// Every question of a sound folder that Prometheus answers, each as its targets fill it in.
pub fn prometheus_questions(dir: &Path, set: &RuleSet) -> Vec<Located> {
    let read = files::read(dir, &mut Vec::new());
    let files: BTreeMap<&str, &Parsed> =
        read.rules.iter().filter_map(|parsed| Some((name_of(&parsed.root)?, parsed))).collect();
    let mut found = Vec::new();
    for rule in set.rules.values() {
        let Some(parsed) = files.get(rule.name.as_str()) else { continue };
        match set.filled.get(&rule.name) {
            None => questions(rule, None, parsed, &mut found),
            Some(filled) => {
                for (target, rule) in filled {
                    questions(rule, Some(target), parsed, &mut found);
                }
            }
        }
    }
    found
}

/// The breaker that a rule file is about.
pub(super) fn name_of(root: &Node) -> Option<&str> {
    match &child(root, "breaker")?.kind {
        Kind::Scalar(scalar) => Some(&scalar.text),
        Kind::List(_) | Kind::Map(_) => None,
    }
}

fn questions(rule: &Rule, target: Option<&String>, parsed: &Parsed, found: &mut Vec<Located>) {
    let state = child(&parsed.root, STATE);
    let asked = Question {
        name: STATE.to_owned(),
        ask: rule.state.ask.clone(),
        max_age: rule.state.max_age,
    };
    let evidence = rule.evidence.iter().map(|one| {
        let node = child(&parsed.root, "evidence").and_then(|node| child(node, &one.name));
        let (name, ask) = (one.name.clone(), one.ask.clone());
        (node, Question { name, ask, max_age: one.max_age })
    });
    for (node, question) in std::iter::once((state, asked)).chain(evidence) {
        let how = match &question.ask {
            Ask::Prometheus { .. } => "prometheus",
            Ask::PrometheusRange { .. } => "prometheus_range",
            Ask::Scrape { .. }
            | Ask::Http(_)
            | Ask::Loki { .. }
            | Ask::LogFile { .. }
            | Ask::Redis { .. }
            | Ask::Sqlite { .. }
            | Ask::Elasticsearch { .. }
            | Ask::Events(_)
            | Ask::Postgres { .. }
            | Ask::Aws { .. }
            | Ask::Azure(_)
            | Ask::Docker(_)
            | Ask::Probe { .. } => continue,
        };
        let query = node.and_then(|node| child(node, how));
        let query = query.map(|query| child(query, "query").unwrap_or(query));
        let located = Located {
            source: Arc::clone(&parsed.source),
            at: query.or(node).or_else(|| child(&parsed.root, "use")).map_or(0..0, Node::place),
            target: target.cloned(),
            question,
        };
        // Targets that fill a question in alike ask it once.
        let same = |known: &Located| known.at == located.at && known.question == located.question;
        if !found.iter().any(|known| known.source == located.source && same(known)) {
            found.push(located);
        }
    }
}

fn child<'n>(node: &'n Node, name: &str) -> Option<&'n Node> {
    match &node.kind {
        Kind::Map(entries) => {
            entries.iter().find(|(key, _)| key.text == name).map(|(_, node)| node)
        }
        Kind::Scalar(_) | Kind::List(_) => None,
    }
}
