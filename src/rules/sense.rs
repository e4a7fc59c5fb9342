//! What a rule says that cannot be meant: remedies never reached, guards that never allow, acts against a cause that lasts.
//!
//! Never judges a part that was not readable itself.

use std::ops::Range;

use super::ladder::{Ladders, Place};
use super::mistake::Mistake;
use super::read::Reader;
use super::yaml::{Kind, Node};
use crate::core::action::Action;
use crate::core::cause::Class;
use crate::core::evidence::Ask;
use crate::core::rule::{BreakerKind, EvidenceRule, Meaning, Mode, ProbeRule, Recovery, Rung};

impl Reader {
    /// Looks at each ladder rung by rung.
    pub(crate) fn ladder_sense(
        &self,
        ladders: &Ladders,
        evidence: &[EvidenceRule],
        probes: &[ProbeRule],
    ) {
        let mut before: Vec<&Place> = Vec::new();
        for place in &ladders.places {
            if before.first().is_some_and(|first| first.class != place.class) {
                before.clear();
            }
            self.reached(place, &before);
            self.auth_proof(place, &before);
            self.proof_in_time(place, evidence, probes);
            before.push(place);
        }
    }

    fn reached(&self, place: &Place, before: &[&Place]) {
        let Some(end) = before.iter().find_map(|earlier| last_word(&earlier.rung)) else { return };
        // Told once: what follows it is out of reach for the same reason.
        if before.iter().rev().skip(1).any(|earlier| last_word(&earlier.rung).is_some()) {
            return;
        }
        self.fault(
            place.at.clone(),
            format!("this remedy is never reached: `{end}` before it hands over to a person"),
            "move it before that one, or remove it",
        );
    }

    /// Wrong credentials stay wrong until a person has changed them: an act before that only trips the breaker again.
    fn auth_proof(&self, place: &Place, before: &[&Place]) {
        let asked = before.iter().any(|earlier| waits_for_a_person(&earlier.rung));
        if let Rung::Do { gone: false, .. } = place.rung
            && place.class == Some(Class::Auth)
            && !asked
        {
            self.fault(
                place.at.clone(),
                "this acts against `auth` before a probe has shown that the credentials are right",
                "add when: { gone: true }, or ask a person first, and go on when the probe is green",
            );
        }
    }

    /// A proof that takes longer than the rung waits for it.
    fn proof_in_time(&self, place: &Place, evidence: &[EvidenceRule], probes: &[ProbeRule]) {
        let Rung::Do { gone: true, within, .. } = &place.rung else { return };
        let upstream = evidence.iter().filter(|one| one.meaning == Meaning::Upstream);
        for one in upstream {
            let Ask::Probe { probe } = &one.ask else { continue };
            let Some(probe) = probes.iter().find(|known| known.name == *probe) else { continue };
            if probe.hold >= *within {
                let name = &probe.name;
                let message =
                    format!("`within` is over before the probe `{name}` can prove anything");
                let hint =
                    format!("make `within` longer than the `hold` of `{name}`, or that shorter");
                self.warn(place.at.clone(), message, hint);
            }
        }
    }

    /// A budget that the cooldown never lets anybody spend.
    pub(crate) fn guard_sense(&self, action: &Action, node: &Node) {
        let Some(budget) = action.at_most else { return };
        let at = child(node, "guards").and_then(|guards| child(guards, "at_most"));
        let at = at.map_or_else(|| node.place(), Node::place);
        if action.cooldown.saturating_mul(budget.times) >= budget.within {
            self.warn(
                at,
                "this limit is never reached: the cooldown alone lets no more through",
                "make the cooldown shorter or the time longer, or remove `at_most`",
            );
        }
    }

    /// Actions of a rule that only looks on.
    pub(crate) fn mode_sense(&self, mode: Mode, at: Range<usize>, actions: usize) {
        if actions > 0 && matches!(mode, Mode::Observe | Mode::Suggest) {
            self.warn(
                at,
                format!("in mode `{}` no action of this rule is ever done", mode.name()),
                "what would have been done is told and recorded: raise the mode when you trust it",
            );
        }
    }

    /// What kind of breaker it is, against what the rule expects of it.
    pub(crate) fn kind_sense(
        &self,
        kind: BreakerKind,
        at: Range<usize>,
        recovery: Recovery,
        actions: usize,
    ) {
        match kind {
            BreakerKind::Manual if recovery.half_open_after.is_some() => self.fault(
                at,
                "`manual` and `recovery: { half_open_after: … }` contradict each other",
                "a breaker that tries again by itself is `self`, or `lazy` if it must be called for that",
            ),
            BreakerKind::Capacity if actions > 0 => self.warn(
                at,
                "a breaker of kind `capacity` opens and closes with load: no action closes it",
                "wait, ask for less load, or call a person",
            ),
            BreakerKind::Manual
            | BreakerKind::SelfHealing
            | BreakerKind::Lazy
            | BreakerKind::Capacity => {}
        }
    }

    fn warn(&self, at: Range<usize>, message: impl Into<String>, hint: impl Into<String>) {
        self.push(Mistake::error(&self.source, at, message).hint(hint).warning());
    }
}

/// The word of a rung after which nothing is tried any more.
fn last_word(rung: &Rung) -> Option<&'static str> {
    match rung {
        Rung::Escalate => Some("escalate"),
        Rung::Ask { until, .. } if until.is_empty() => Some("ask"),
        Rung::Ask { .. } | Rung::Wait(_) | Rung::Do { .. } => None,
    }
}

/// A rung that ends only when what a person did shows.
fn waits_for_a_person(rung: &Rung) -> bool {
    match rung {
        Rung::Ask { .. } => last_word(rung).is_none(),
        Rung::Wait(_) | Rung::Do { .. } | Rung::Escalate => false,
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
