//! One rule file → one checked rule, or its mistakes. Never knows of other rules.
//!
//! An optional key that is wrong is noted and then counts as left out: with a mistake nothing becomes active anyway.

use std::collections::BTreeMap;
use std::ops::Range;

use super::causes::Causes;
use super::grammar;
use super::ladder::{Ladders, Place};
use super::read::{Fields, Reader};
use super::signals::Known;
use super::targets::MODES;
use super::words;
use super::yaml::{Kind, Node};
use crate::core::action::{Action, ActionName};
use crate::core::alert::Source;
use crate::core::cause::Class;
use crate::core::classify::Lines;
use crate::core::evidence::{Ask, QuestionName};
use crate::core::rule::{
    AlertMatch, BreakerKind, EscalationRule, EvidenceRule, Meaning, Mode, ProbeRule, Recovery,
    Rule, Rung, TargetName, VerifyRule, VerifySignal, Wait,
};
use crate::core::time::Duration;

/// A line of status at least this often while an incident is open.
const UPDATES: Duration = Duration::from_mins(15);

/// Causes that a reset does not cure (G11): a person, or a proof that they are gone.
const NOT_CURED: [Class; 6] =
    [Class::Auth, Class::Tls, Class::ClientBug, Class::Resource, Class::Mixed, Class::Unknown];

pub(crate) const KINDS: [(&str, BreakerKind); 4] = [
    ("self", BreakerKind::SelfHealing),
    ("lazy", BreakerKind::Lazy),
    ("manual", BreakerKind::Manual),
    ("capacity", BreakerKind::Capacity),
];

/// A rule, and where it says what must fit the rest of the rule set.
pub(crate) struct Draft {
    pub(crate) rule: Rule,
    pub(crate) name_at: Range<usize>,
    pub(crate) mode_at: Range<usize>,
    pub(crate) matchers_at: Vec<Range<usize>>,
}

/// What a rule asks, does and watches: each part names others.
struct Remedies {
    evidence: Vec<EvidenceRule>,
    probes: Vec<ProbeRule>,
    causes: Causes,
    advice: BTreeMap<Class, String>,
    ladders: Ladders,
    actions: BTreeMap<ActionName, Action>,
    verify: VerifyRule,
    escalate: Vec<EscalationRule>,
}

impl Reader {
    pub(crate) fn version(&self, fields: &Fields<'_>) {
        if let Some(node) = fields.required(self, "version", "begin the file with `version: 1`") {
            self.integer(node, 1..=1);
        }
    }

    /// The mode that a rule file states, and where.
    pub(crate) fn mode(&self, root: &Node) -> Option<(Mode, Range<usize>)> {
        let (_, node) = self.map(root)?.iter().find(|(key, _)| key.text == "mode")?;
        Some((self.word(node, &MODES)?, node.place()))
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
        let fields = self.fields(root, &grammar::RULE)?;
        self.version(&fields);
        let must = |name: &'static str, hint| fields.required(self, name, hint);
        let name_node = must("breaker", "its name: breaker: pms");
        let name = name_node.and_then(|node| self.name(node));
        let summary = must("summary", "what it is, for people").and_then(|node| self.text(node));
        let mode_node = must("mode", "observe, suggest, approve or auto");
        let mode = mode_node.and_then(|node| self.word(node, &MODES));
        let target_from = self.target_from(&fields, targets);
        let matchers =
            must("match", "which alerts belong to it").and_then(|node| self.matchers(node));
        let state =
            must("state", "how to read the breaker's state").and_then(|node| self.state(node));
        let hint = "self (recovers with time), lazy (only when called), manual, or capacity";
        let kind_node = must("kind", hint);
        let kind = kind_node.and_then(|node| self.word(node, &KINDS));
        let recovery = fields.get("recovery").and_then(|node| self.recovery(node));
        let recovery = recovery.unwrap_or_default();
        let updates_every = fields.get("updates").and_then(|node| self.updates(node));
        let text = |name: &str| fields.get(name).and_then(|node| self.text(node));
        let (runbook, channel) = (text("runbook"), text("channel"));
        let act_after = fields.get("act_after").and_then(|node| self.act_after(node));
        let remedies = self.remedies(&fields, mode, recovery);
        let (matchers, matchers_at): (Vec<AlertMatch>, Vec<Range<usize>>) =
            matchers?.into_iter().unzip();
        let names: Vec<TargetName> = targets.iter().map(|(name, _)| name.clone()).collect();
        let alerts = fields.get("alerts").map_or(Some(Vec::new()), |node| {
            self.alerts(node, &matchers, (target_from.as_deref(), &names))
        });
        let remedies = remedies?;
        if let (Some(mode), Some(node)) = (mode, mode_node) {
            self.mode_sense(mode, node.place(), remedies.actions.len());
        }
        if let (Some(kind), Some(node)) = (kind, kind_node) {
            self.kind_sense(kind, node.place(), recovery, remedies.actions.len());
        }
        let rule = Rule {
            name: name?,
            revision: String::new(),
            summary: summary?,
            runbook,
            channel,
            mode: mode?,
            targets: names,
            ceilings: BTreeMap::new(),
            target_from,
            matchers,
            act_after: act_after.unwrap_or_default(),
            state: state?,
            kind: kind?,
            recovery,
            evidence: remedies.evidence,
            cause_patterns: remedies.causes.patterns,
            cause_statuses: remedies.causes.statuses,
            lines: Lines::default(),
            advice: remedies.advice,
            ladder: remedies.ladders.of,
            otherwise: remedies.ladders.otherwise,
            actions: remedies.actions,
            verify: remedies.verify,
            escalate: remedies.escalate,
            probes: remedies.probes,
            alerts: alerts?,
            updates_every: updates_every.unwrap_or(UPDATES),
        };
        Some(Draft { rule, name_at: name_node?.place(), mode_at: mode_node?.place(), matchers_at })
    }

    /// The parts of a rule that speak of each other, read and checked together.
    fn remedies(
        &self,
        fields: &Fields<'_>,
        mode: Option<Mode>,
        recovery: Recovery,
    ) -> Option<Remedies> {
        let must = |name: &'static str, hint| fields.required(self, name, hint);
        let probes = fields.get("probes").map_or(Some(Vec::new()), |node| self.probes(node));
        let evidence = match (fields.get("evidence"), &probes) {
            (Some(node), Some(probes)) => self.evidence(node, probes),
            (Some(_), None) => None,
            (None, _) => Some(Vec::new()),
        };
        let causes = fields.get("causes").and_then(|node| self.causes(node));
        let advice = fields.get("advice").and_then(|node| self.advice(node));
        let known = match (&evidence, &probes) {
            (Some(evidence), Some(probes)) => Some(Known { evidence, probes }),
            (Some(_) | None, _) => None,
        };
        let ladders = must("ladder", "what to do about each cause")
            .and_then(|node| self.ladders(node, known));
        let actions =
            fields.get("actions").map_or(Some(BTreeMap::new()), |node| self.actions(node));
        let verify = must("verify", "no action without verification: say what counts as recovered");
        let hint = "whom to call: escalate: [ { when: always, to: [ { slack: \"@name\" } ] } ]";
        let escalate = must("escalate", hint).and_then(|node| self.escalation(node, known));
        let verify = verify.zip(known).and_then(|(node, known)| self.verify(node, known));
        let (evidence, probes, ladders) = (evidence?, probes?, ladders?);
        if let Some(verify) = &verify {
            self.unused_probes(fields, &evidence, &ladders, verify);
        }
        if let Some(actions) = &actions {
            self.ladder_actions(&ladders, actions, fields.get("actions"));
        }
        self.ladder_proofs(&ladders, mode, recovery, (&evidence, &probes));
        self.ladder_sense(&ladders, &evidence, &probes);
        Some(Remedies {
            evidence,
            probes,
            causes: causes.unwrap_or_default(),
            advice: advice.unwrap_or_default(),
            ladders,
            actions: actions?,
            verify: verify?,
            escalate: escalate?,
        })
    }

    fn target_from(
        &self,
        fields: &Fields<'_>,
        targets: &[(TargetName, Range<usize>)],
    ) -> Option<String> {
        match fields.get("target_from") {
            Some(node) => {
                let hint = "which alert label names the target: target_from: { label: service }";
                let label =
                    self.fields(node, &grammar::TARGET_FROM)?.required(self, "label", hint)?;
                let text = self.text(label)?;
                self.valid(super::ask::label_check(&text), text, label.place())
            }
            None if targets.len() > 1 => {
                let hint = "several targets: say which alert label names one: target_from: { label: service }";
                fields.required(self, "target_from", hint).and(None)
            }
            None => None,
        }
    }

    fn matchers(&self, node: &Node) -> Option<Vec<(AlertMatch, Range<usize>)>> {
        let all: Vec<_> = self
            .list(node)?
            .iter()
            .map(|node| {
                let (_, inner) = self.fields(node, &grammar::MATCHER)?.choice(self)?;
                let labels = self.wanted_labels(inner)?;
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
    fn act_after(&self, node: &Node) -> Option<Duration> {
        match &node.kind {
            Kind::Scalar(scalar) if scalar.text == "0s" => Some(Duration::ZERO),
            Kind::Scalar(_) | Kind::List(_) | Kind::Map(_) => self.duration(node),
        }
    }

    fn updates(&self, node: &Node) -> Option<Duration> {
        let fields = self.fields(node, &grammar::UPDATES)?;
        self.duration(fields.required(self, "every", "such as every: 15m")?)
    }

    fn recovery(&self, node: &Node) -> Option<Recovery> {
        let fields = self.fields(node, &grammar::RECOVERY)?;
        let half_open_after = fields.get("half_open_after").and_then(|node| self.duration(node));
        let needs_idle = fields.get("needs_idle").and_then(|node| self.boolean(node));
        Some(Recovery { half_open_after, needs_idle: needs_idle.unwrap_or(false) })
    }

    /// What each rung rests on: a proof that can be had, a person where no proof is asked for, a time to wait.
    fn ladder_proofs(
        &self,
        ladders: &Ladders,
        mode: Option<Mode>,
        recovery: Recovery,
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
                Rung::Wait(Wait::HalfOpen) if recovery.half_open_after.is_none() => {
                    let hint =
                        "say when the breaker tries again: recovery: { half_open_after: 30s }";
                    self.fault(at.clone(), "nobody knows how long to wait for half-open", hint);
                }
                Rung::Do { .. } | Rung::Wait(_) | Rung::Ask { .. } | Rung::Escalate => {}
            }
        }
    }

    fn unused_probes(
        &self,
        fields: &Fields<'_>,
        evidence: &[EvidenceRule],
        ladders: &Ladders,
        verify: &VerifyRule,
    ) {
        let asked = evidence.iter().filter_map(|one| match &one.ask {
            Ask::Probe { probe } => Some(probe),
            Ask::Prometheus { .. }
            | Ask::PrometheusRange { .. }
            | Ask::Scrape { .. }
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
            | Ask::Docker(_) => None,
        });
        let rungs = || ladders.places.iter().map(|place| &place.rung);
        let signals = verify.all.iter().chain(rungs().flat_map(Rung::checklist));
        let healthy = signals.filter_map(|signal| match signal {
            VerifySignal::Healthy(name) => Some(name),
            VerifySignal::State(_)
            | VerifySignal::AlertResolved
            | VerifySignal::Falling(_)
            | VerifySignal::NotRising(_)
            | VerifySignal::AtMost { .. }
            | VerifySignal::AtLeast { .. } => None,
        });
        let used: Vec<&QuestionName> =
            asked.chain(healthy).chain(rungs().flat_map(Rung::until)).collect();
        for (key, _) in fields.get("probes").and_then(|node| self.map(node)).unwrap_or_default() {
            if !used.contains(&&key.text) {
                let hint = "name it in `evidence`, `verify` or a ladder, or remove it";
                self.fault(key.at.clone(), format!("the probe `{}` is never used", key.text), hint);
            }
        }
    }
}
