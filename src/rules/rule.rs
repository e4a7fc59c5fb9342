//! One rule file → one checked rule, or its mistakes. Never knows of other rules.

use std::collections::BTreeMap;
use std::ops::Range;

use super::ladder::{Ladders, Place};
use super::read::{Fields, Reader};
use super::targets::MODES;
use super::words;
use super::yaml::Node;
use crate::core::alert::Source;
use crate::core::cause::Class;
use crate::core::evidence::{Ask, QuestionName};
use crate::core::rule::{
    AlertMatch, BreakerKind, EvidenceRule, Meaning, Mode, ProbeRule, Recovery, Rule, Rung,
    TargetName, VerifyRule, VerifySignal, Wait,
};
use crate::core::time::Duration;

/// A line of status at least this often while an incident is open.
const UPDATES: Duration = Duration::from_mins(15);

/// Causes that a reset does not cure (G11): a person, or a proof that they are gone.
const NOT_CURED: [Class; 6] =
    [Class::Auth, Class::Tls, Class::ClientBug, Class::Resource, Class::Mixed, Class::Unknown];

const KINDS: [(&str, BreakerKind); 4] = [
    ("self", BreakerKind::SelfHealing),
    ("lazy", BreakerKind::Lazy),
    ("manual", BreakerKind::Manual),
    ("capacity", BreakerKind::Capacity),
];

const KEYS: [&str; 20] = [
    "version",
    "breaker",
    "summary",
    "runbook",
    "channel",
    "mode",
    "targets",
    "target_from",
    "match",
    "act_after",
    "state",
    "kind",
    "recovery",
    "evidence",
    "causes",
    "ladder",
    "actions",
    "verify",
    "escalate",
    "probes",
];

/// A rule, and where it says what must fit the rest of the rule set.
pub(crate) struct Draft {
    pub(crate) rule: Rule,
    pub(crate) name_at: Range<usize>,
    pub(crate) mode_at: Range<usize>,
    pub(crate) targets_at: Vec<Range<usize>>,
    pub(crate) matchers_at: Vec<Range<usize>>,
}

impl Reader {
    pub(crate) fn version(&self, fields: &Fields<'_>) {
        if let Some(node) = fields.required(self, "version", "begin the file with `version: 1`") {
            self.integer(node, 1..=1);
        }
    }

    /// The targets that a rule file names, each with its place; read before all else, since placeholders depend on them.
    pub(crate) fn rule_targets(&self, root: &Node) -> Option<Vec<(TargetName, Range<usize>)>> {
        let entries = self.map(root)?;
        let Some((_, node)) = entries.iter().find(|(key, _)| key.text == "targets") else {
            return self.no(
                root,
                "`targets` is missing",
                "name them, from targets.yaml; empty never means all",
            );
        };
        let all: Vec<_> = self
            .list(node)?
            .iter()
            .map(|node| {
                let name = self.text(node)?;
                self.valid(words::target(&name), (name, node.place()), node.place())
            })
            .collect();
        let all: Vec<(TargetName, Range<usize>)> = all.into_iter().collect::<Option<_>>()?;
        for (index, (name, at)) in all.iter().enumerate() {
            if all.iter().take(index).any(|(earlier, _)| earlier == name) {
                self.fault(at.clone(), format!("`{name}` stands here twice"), "keep one");
                return None;
            }
        }
        Some(all)
    }

    pub(crate) fn rule(
        &self,
        root: &Node,
        targets: &[(TargetName, Range<usize>)],
    ) -> Option<Draft> {
        let keys: Vec<&str> = KEYS.into_iter().chain(["updates"]).collect();
        let fields = self.fields(root, &keys)?;
        self.version(&fields);
        let name_node = fields.required(self, "breaker", "its name: breaker: pms");
        let name = name_node.and_then(|node| self.name(node));
        let summary = fields
            .required(self, "summary", "what it is, for people")
            .and_then(|node| self.text(node));
        let runbook = self.optional_text(&fields, "runbook");
        let channel = self.optional_text(&fields, "channel");
        let mode_node = fields.required(self, "mode", "observe, suggest, approve or auto");
        let mode = mode_node.and_then(|node| self.word(node, &MODES));
        let target_from = self.target_from(&fields, targets);
        let matchers = fields
            .required(self, "match", "which alerts belong to it")
            .and_then(|node| self.matchers(node));
        let (act_after, updates_every) = (self.act_after(&fields), self.updates(&fields));
        let state = fields
            .required(self, "state", "how to read the breaker's state")
            .and_then(|node| self.state(node));
        let kind = fields
            .required(
                self,
                "kind",
                "self (recovers with time), lazy (only when called), manual, or capacity",
            )
            .and_then(|node| self.word(node, &KINDS));
        let recovery = self.recovery(&fields);
        let looks = self.looks(&fields);
        let cause_patterns = match fields.get("causes") {
            Some(node) => self.causes(node),
            None => Some(Vec::new()),
        };
        let ladders = fields
            .required(self, "ladder", "what to do about each cause")
            .and_then(|node| self.ladders(node));
        let actions = match fields.get("actions") {
            Some(node) => self.actions(node),
            None => Some(BTreeMap::new()),
        };
        let hint = "no action without verification: say what counts as recovered";
        let verify_node = fields.required(self, "verify", hint);
        let verify = match (verify_node, &looks) {
            (Some(node), Some((evidence, probes))) => self.verify(node, evidence, probes),
            (Some(_) | None, _) => None,
        };
        let hint = "whom to call: escalate: [ { when: always, to: [ { slack: \"@name\" } ] } ]";
        let escalate =
            fields.required(self, "escalate", hint).and_then(|node| self.escalation(node));
        let (ladders, (evidence, probes)) = (ladders?, looks?);
        if let Some(actions) = &actions {
            self.ladder_actions(&ladders, actions, fields.get("actions"));
        }
        self.ladder_proofs(&ladders, mode, recovery, (&evidence, &probes));
        if let Some(verify) = &verify {
            self.unused_probes(&fields, &evidence, verify);
        }
        let (matchers, matchers_at) = matchers?.into_iter().unzip();
        let rule = Rule {
            name: name?,
            revision: String::new(),
            summary: summary?,
            runbook: runbook?,
            channel: channel?,
            mode: mode?,
            targets: targets.iter().map(|(name, _)| name.clone()).collect(),
            target_from: target_from?,
            matchers,
            act_after: act_after?,
            state: state?,
            kind: kind?,
            recovery: recovery?,
            evidence,
            cause_patterns: cause_patterns?,
            ladder: ladders.of,
            otherwise: ladders.otherwise,
            actions: actions?,
            verify: verify?,
            escalate: escalate?,
            probes,
            updates_every: updates_every?,
        };
        Some(Draft {
            rule,
            name_at: name_node?.place(),
            mode_at: mode_node?.place(),
            targets_at: targets.iter().map(|(_, at)| at.clone()).collect(),
            matchers_at,
        })
    }

    fn optional_text(&self, fields: &Fields<'_>, name: &str) -> Option<Option<String>> {
        match fields.get(name) {
            Some(node) => self.text(node).map(Some),
            None => Some(None),
        }
    }

    fn target_from(
        &self,
        fields: &Fields<'_>,
        targets: &[(TargetName, Range<usize>)],
    ) -> Option<Option<String>> {
        match fields.get("target_from") {
            Some(node) => {
                let hint = "which alert label names the target: target_from: { label: service }";
                let label = self.fields(node, &["label"])?.required(self, "label", hint)?;
                let text = self.text(label)?;
                self.valid(super::ask::label_check(&text), Some(text), label.place())
            }
            None if targets.len() > 1 => {
                let hint = "several targets: say which alert label names one: target_from: { label: service }";
                fields.required(self, "target_from", hint).map(|_| None)
            }
            None => Some(None),
        }
    }

    fn matchers(&self, node: &Node) -> Option<Vec<(AlertMatch, Range<usize>)>> {
        let all: Vec<_> = self
            .list(node)?
            .iter()
            .map(|node| {
                let hint = "labels that an alert must have: alertmanager: { alertname: … }";
                let inner =
                    self.fields(node, &["alertmanager"])?.required(self, "alertmanager", hint)?;
                let labels = self.alert_labels(inner)?;
                if labels.is_empty() {
                    return self.no(
                        inner,
                        "no labels: every alert would match",
                        "name at least `alertname`",
                    );
                }
                Some((AlertMatch { source: Source::Alertmanager, labels }, inner.place()))
            })
            .collect();
        all.into_iter().collect()
    }

    /// Nothing to wait for is a choice, and may be written out: `0s`.
    fn act_after(&self, fields: &Fields<'_>) -> Option<Duration> {
        match fields.get("act_after") {
            Some(node) if matches!(&node.kind, super::yaml::Kind::Scalar(scalar) if scalar.text == "0s") => {
                Some(Duration::ZERO)
            }
            Some(node) => self.duration(node),
            None => Some(Duration::ZERO),
        }
    }

    fn updates(&self, fields: &Fields<'_>) -> Option<Duration> {
        match fields.get("updates") {
            Some(node) => {
                let every =
                    self.fields(node, &["every"])?.required(self, "every", "such as every: 15m")?;
                self.duration(every)
            }
            None => Some(UPDATES),
        }
    }

    fn recovery(&self, fields: &Fields<'_>) -> Option<Recovery> {
        let Some(node) = fields.get("recovery") else { return Some(Recovery::default()) };
        let fields = self.fields(node, &["half_open_after", "needs_idle"])?;
        let half_open_after = match fields.get("half_open_after") {
            Some(node) => self.duration(node).map(Some),
            None => Some(None),
        };
        let needs_idle = match fields.get("needs_idle") {
            Some(node) => self.boolean(node),
            None => Some(false),
        };
        Some(Recovery { half_open_after: half_open_after?, needs_idle: needs_idle? })
    }

    fn looks(&self, fields: &Fields<'_>) -> Option<(Vec<EvidenceRule>, Vec<ProbeRule>)> {
        let probes = match fields.get("probes") {
            Some(node) => self.probes(node),
            None => Some(Vec::new()),
        };
        let evidence = match (fields.get("evidence"), &probes) {
            (Some(node), Some(probes)) => self.evidence(node, probes),
            (Some(_), None) => None,
            (None, _) => Some(Vec::new()),
        };
        Some((evidence?, probes?))
    }

    /// What each rung rests on: a proof that can be had, a person where no proof is asked for, a time to wait.
    fn ladder_proofs(
        &self,
        ladders: &Ladders,
        mode: Option<Mode>,
        recovery: Option<Recovery>,
        (evidence, probes): (&[EvidenceRule], &[ProbeRule]),
    ) {
        let proof = evidence.iter().any(|one| {
            one.meaning == Meaning::Upstream
                && matches!(&one.ask, Ask::Probe { probe } if probes.iter().any(|known| known.name == *probe))
        });
        for Place { class, rung, at } in &ladders.places {
            match rung {
                Rung::Do { gone: true, .. } if !proof => self.fault(
                    at.clone(),
                    "no probe can prove that the cause is gone",
                    "add a probe of the upstream, and evidence `upstream: { probe: … }`",
                ),
                Rung::Do { gone: false, .. }
                    if mode == Some(Mode::Auto)
                        && class.is_none_or(|class| NOT_CURED.contains(&class)) =>
                {
                    let name = class.map_or(super::ladder::OTHERWISE, Class::name);
                    self.fault(
                        at.clone(),
                        format!(
                            "an action against `{name}` without proof that it is gone, in mode auto"
                        ),
                        "add when: { gone: true }, or let the rule's mode be approve",
                    );
                }
                Rung::Wait(Wait::HalfOpen)
                    if recovery.is_some_and(|recovery| recovery.half_open_after.is_none()) =>
                {
                    let hint =
                        "say when the breaker tries again: recovery: { half_open_after: 30s }";
                    self.fault(at.clone(), "nobody knows how long to wait for half-open", hint);
                }
                Rung::Do { .. } | Rung::Wait(_) | Rung::Ask { .. } | Rung::Escalate => {}
            }
        }
    }

    fn unused_probes(&self, fields: &Fields<'_>, evidence: &[EvidenceRule], verify: &VerifyRule) {
        let asked = evidence.iter().filter_map(|one| match &one.ask {
            Ask::Probe { probe } => Some(probe),
            Ask::Prometheus { .. }
            | Ask::PrometheusRange { .. }
            | Ask::Scrape { .. }
            | Ask::Http(_)
            | Ask::Loki { .. }
            | Ask::LogFile { .. } => None,
        });
        let healthy = verify.all.iter().filter_map(|signal| match signal {
            VerifySignal::Healthy(name) => Some(name),
            VerifySignal::State(_)
            | VerifySignal::AlertResolved
            | VerifySignal::Falling(_)
            | VerifySignal::NotRising(_) => None,
        });
        let used: Vec<&QuestionName> = asked.chain(healthy).collect();
        for (key, _) in fields.get("probes").and_then(|node| self.map(node)).unwrap_or_default() {
            if !used.contains(&&key.text) {
                let hint = "name it in `evidence` or `verify`, or remove it";
                self.fault(key.at.clone(), format!("the probe `{}` is never used", key.text), hint);
            }
        }
    }
}
