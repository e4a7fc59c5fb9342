//! What a test says of the world: answers, endings of actions, alerts, orders. Never makes up an answer.

use std::collections::BTreeMap;

use super::file::{AlertStep, Answer, Asked, Ending, Order, OutcomeWord, Said, Seen};
use super::read::TestReader;
use crate::core::action::ActionName;
use crate::core::alert::{AlertStatus, Labels};
use crate::core::command::PAUSE_DEFAULT;
use crate::core::evidence::{Absence, Ask, DockerAsk, FailureKind, STATE};
use crate::core::rule::Rule;
use crate::core::time::Duration;
use crate::rules::{Kind, Node};

const ABSENCES: [(&str, Absence); 4] = [
    ("empty", Absence::Empty),
    ("stale", Absence::Stale),
    ("not_finite", Absence::NotFinite),
    ("partial", Absence::Partial),
];

const FAILURES: [(&str, FailureKind); 8] = [
    ("timeout", FailureKind::Timeout),
    ("unreachable", FailureKind::Unreachable),
    ("bad_question", FailureKind::BadQuestion),
    ("unauthorized", FailureKind::Unauthorized),
    ("server_error", FailureKind::ServerError),
    ("malformed", FailureKind::Malformed),
    ("not_configured", FailureKind::NotConfigured),
    ("lost", FailureKind::Lost),
];

const OUTCOMES: [(&str, OutcomeWord); 3] = [
    ("done", OutcomeWord::Done),
    ("not_done", OutcomeWord::NotDone),
    ("unknown", OutcomeWord::Unknown),
];

const STATUSES: [(&str, AlertStatus); 2] =
    [("firing", AlertStatus::Firing), ("resolved", AlertStatus::Resolved)];

/// A day has more points than a trend needs.
const POINTS_MOST: usize = 1_000;

/// The kind of answer that a question can have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shape {
    /// A number, or one for each label value.
    Numbers,
    Trend,
    Lines,
    /// A number or a word.
    Scalar,
    Probe,
}

/// The names of a rule that the world answers to.
pub(crate) struct Names(BTreeMap<String, (Asked, Shape)>);

impl Names {
    pub(crate) fn of(rule: &Rule) -> Self {
        let mut names = BTreeMap::new();
        for probe in &rule.probes {
            // Of a filled rule each probe carries its target's name.
            let short = probe.name.split('@').next().unwrap_or(&probe.name);
            names.insert(short.to_owned(), (Asked::Probe(probe.name.clone()), Shape::Probe));
        }
        for evidence in &rule.evidence {
            names.insert(evidence.name.clone(), entry(&evidence.name, &evidence.ask));
        }
        names.insert(STATE.to_owned(), entry(STATE, &rule.state.ask));
        Self(names)
    }

    fn words(&self) -> Vec<(&str, &(Asked, Shape))> {
        self.0.iter().map(|(name, entry)| (name.as_str(), entry)).collect()
    }
}

fn entry(name: &str, ask: &Ask) -> (Asked, Shape) {
    let shape = match ask {
        Ask::Prometheus { .. } | Ask::Scrape { .. } => Shape::Numbers,
        Ask::PrometheusRange { .. } => Shape::Trend,
        Ask::Http(_) | Ask::Redis { .. } | Ask::Sqlite { .. } | Ask::Postgres { .. } => {
            Shape::Scalar
        }
        Ask::Aws { ask, .. } if ask.lines().is_some() => Shape::Lines,
        Ask::Aws { ask, .. } if ask.trend().is_some() => Shape::Trend,
        Ask::Aws { ask, .. } if ask.statuses() => Shape::Numbers,
        Ask::Aws { ask, .. } if ask.reach() => Shape::Probe,
        Ask::Azure(ask) if ask.lines().is_some() => Shape::Lines,
        Ask::Azure(ask) if ask.statuses() => Shape::Numbers,
        Ask::Aws { .. } | Ask::Azure(_) | Ask::Docker(DockerAsk::Container { .. }) => Shape::Scalar,
        Ask::Loki { .. }
        | Ask::LogFile { .. }
        | Ask::Elasticsearch { .. }
        | Ask::Events(_)
        | Ask::Docker(DockerAsk::Logs { .. }) => Shape::Lines,
        Ask::Probe { probe } => return (Asked::Probe(probe.clone()), Shape::Probe),
    };
    (Asked::Question(name.to_owned()), shape)
}

impl TestReader {
    pub(crate) fn world(&self, node: &Node, names: &Names) -> Option<Vec<(Asked, Answer)>> {
        let words = names.words();
        let all: Vec<_> = self
            .map(node)?
            .iter()
            .map(|(key, value)| {
                let (asked, shape) = self.word_key(key, &words)?;
                Some((asked.clone(), self.answer(value, *shape)?))
            })
            .collect();
        all.into_iter().collect()
    }

    fn answer(&self, node: &Node, shape: Shape) -> Option<Answer> {
        if shape == Shape::Probe {
            return self.probed(node);
        }
        let Kind::Map(entries) = &node.kind else {
            let said = self.said(node, shape)?;
            return Some(Answer::Says { said, age: Duration::ZERO });
        };
        let special = ["no_data", "failed", "value", "once"];
        if !entries.iter().any(|(key, _)| special.contains(&key.text.as_str())) {
            let said = self.said(node, shape)?;
            return Some(Answer::Says { said, age: Duration::ZERO });
        }
        let fields = self.keys(node, &["no_data", "failed", "value", "once", "age"])?;
        match fields.one_of(self, &special)? {
            ("no_data", node) => self.word(node, &ABSENCES).map(Answer::NoData),
            ("failed", node) => self.word(node, &FAILURES).map(Answer::Failed),
            (how, value) => {
                let age =
                    fields.get("age").map_or(Some(Duration::ZERO), |node| self.duration(node))?;
                let said = self.said(value, shape)?;
                if let Said::Lines(lines) = said {
                    let once = how == "once" || age > Duration::ZERO;
                    let said = if once { Said::Once(lines) } else { Said::Lines(lines) };
                    return Some(Answer::Says { said, age });
                }
                if how == "once" {
                    return self.no(value, "only log lines are written once", "write `value:`");
                }
                Some(Answer::Says { said, age })
            }
        }
    }

    fn said(&self, node: &Node, shape: Shape) -> Option<Said> {
        match (shape, &node.kind) {
            (Shape::Numbers, Kind::Map(entries)) => {
                let all = entries
                    .iter()
                    .map(|(key, value)| Some((key.text.clone(), self.number(value)?)));
                all.collect::<Option<Vec<_>>>().map(Said::Series)
            }
            (Shape::Numbers, _) => self.number(node).map(Said::Number),
            (Shape::Scalar, Kind::Scalar(scalar)) => {
                let number = scalar.text.parse().ok().filter(|number: &f64| number.is_finite());
                Some(number.map_or_else(|| Said::Word(scalar.text.clone()), Said::Number))
            }
            (Shape::Scalar, _) => {
                self.no(node, "expected a word or a number here", "as the system says it")
            }
            (Shape::Trend, _) => {
                let all = self.list(node)?.iter().map(|node| self.number(node));
                let points = all.collect::<Option<Vec<_>>>()?;
                if points.len() > POINTS_MOST {
                    return self.no(node, "too many points", "a few show a trend: [ 9, 5, 2 ]");
                }
                Some(Said::Trend(points))
            }
            (Shape::Lines, Kind::Scalar(_)) => Some(Said::Lines(vec![self.text(node)?])),
            (Shape::Lines, _) => {
                let all = self.list(node)?.iter().map(|node| self.text(node));
                all.collect::<Option<Vec<_>>>().map(Said::Lines)
            }
            (Shape::Probe, _) => None,
        }
    }

    fn number(&self, node: &Node) -> Option<f64> {
        let number = match &node.kind {
            Kind::Scalar(scalar) if scalar.plain => scalar.text.parse().ok(),
            Kind::Scalar(_) | Kind::List(_) | Kind::Map(_) => None,
        };
        let number = number.filter(|number: &f64| number.is_finite());
        number.or_else(|| self.no(node, "expected a number here", "such as 1 or 0.5"))
    }

    /// `green`, `red`, `silent`, `{ red: 503, retry_after: 60s }`, `{ red: timeout }`.
    fn probed(&self, node: &Node) -> Option<Answer> {
        let healthy = Seen { healthy: true, status: Some(200), retry_after: None, failure: None };
        let failed = |status| Seen { healthy: false, status, retry_after: None, failure: None };
        let says = |seen| Answer::Says { said: Said::Probe(seen), age: Duration::ZERO };
        if let Kind::Scalar(_) = node.kind {
            let words = [("green", Some(true)), ("red", Some(false)), ("silent", None)];
            return self.word(node, &words).map(|green| match green {
                Some(true) => says(healthy),
                Some(false) => says(failed(Some(503))),
                None => Answer::NoData(Absence::Empty),
            });
        }
        let fields = self.keys(node, &["red", "retry_after"])?;
        let red = fields.required(self, "red", "a status or a failure: { red: 503 }")?;
        let retry_after = match fields.get("retry_after") {
            Some(node) => Some(self.duration(node)?),
            None => None,
        };
        let status = match &red.kind {
            Kind::Scalar(scalar) => {
                scalar.text.parse().ok().filter(|code| (100..600).contains(code))
            }
            Kind::List(_) | Kind::Map(_) => None,
        };
        let seen = match status {
            Some(status) => failed(Some(status)),
            None => Seen { failure: Some(self.word(red, &FAILURES)?), ..failed(None) },
        };
        Some(says(Seen { retry_after, ..seen }))
    }

    pub(crate) fn endings(
        &self,
        node: &Node,
        rule: &Rule,
        names: &Names,
    ) -> Option<Vec<(ActionName, Ending)>> {
        let known: Vec<(&str, &str)> =
            rule.actions.keys().map(|name| (name.as_str(), name.as_str())).collect();
        let all: Vec<_> = self
            .map(node)?
            .iter()
            .map(|(key, value)| {
                let name = self.word_key(key, &known)?;
                Some((name.to_owned(), self.ending(value, names)?))
            })
            .collect();
        all.into_iter().collect()
    }

    fn ending(&self, node: &Node, names: &Names) -> Option<Ending> {
        if let Kind::Scalar(_) = node.kind {
            let outcome = self.word(node, &OUTCOMES)?;
            return Some(Ending { outcome, proof: false, then: Vec::new() });
        }
        let fields = self.keys(node, &["outcome", "proof", "then"])?;
        let outcome = fields
            .required(self, "outcome", "done, not_done or unknown")
            .and_then(|node| self.word(node, &OUTCOMES));
        let proof = fields.get("proof").map_or(Some(false), |node| self.boolean(node));
        let then = fields.get("then").map_or(Some(Vec::new()), |node| self.world(node, names));
        Some(Ending { outcome: outcome?, proof: proof?, then: then? })
    }

    /// `firing`, `resolved`, or with labels of its own.
    pub(crate) fn alert_step(&self, node: &Node, rule: &Rule, target: &str) -> Option<AlertStep> {
        let mut labels = usual_labels(rule, target);
        if let Kind::Scalar(_) = node.kind {
            return Some(AlertStep {
                status: self.word(node, &STATUSES)?,
                labels,
                truncated: false,
            });
        }
        let fields = self.keys(node, &["status", "labels", "truncated"])?;
        let status = fields
            .required(self, "status", "firing or resolved")
            .and_then(|node| self.word(node, &STATUSES));
        if let Some(node) = fields.get("labels") {
            let own = self.map(node)?.iter();
            let own = own.map(|(key, value)| Some((key.text.clone(), self.text(value)?)));
            labels = own.collect::<Option<_>>()?;
        }
        let truncated = fields.get("truncated").map_or(Some(false), |node| self.boolean(node));
        Some(AlertStep { status: status?, labels, truncated: truncated? })
    }

    /// `pause_all`, `resume_all`, `pause`, `resume`, `unlock`, `ack`, or `{ pause: 2h }`.
    pub(crate) fn order(&self, node: &Node) -> Option<Order> {
        if let Kind::Scalar(_) = node.kind {
            let words = [
                ("pause_all", Order::PauseAll),
                ("resume_all", Order::ResumeAll),
                ("pause", Order::Pause(PAUSE_DEFAULT)),
                ("resume", Order::Resume),
                ("unlock", Order::Unlock),
                ("ack", Order::Ack),
            ];
            return self.word(node, &words);
        }
        let fields = self.keys(node, &["pause"])?;
        let span = fields.required(self, "pause", "how long: { pause: 2h }")?;
        self.duration(span).map(Order::Pause)
    }
}

/// The labels of an alert that this rule is about.
fn usual_labels(rule: &Rule, target: &str) -> Labels {
    let first = rule.matchers.first();
    let mut labels: Labels = first
        .into_iter()
        .flat_map(|matcher| &matcher.labels)
        .filter_map(|(name, wanted)| Some((name.clone(), wanted.values().first()?.clone())))
        .collect();
    if let Some(label) = &rule.target_from {
        labels.insert(label.clone(), target.to_owned());
    }
    labels
}
