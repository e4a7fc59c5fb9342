//! What of a rule its tests have reached: causes, rungs, guards, escalations. Never counts what was only passed by.

use std::collections::BTreeSet;

use crate::core::guard::Guard;
use crate::core::incident::{Incident, Phase, WaitReason};
use crate::core::rule::{Mode, Rule, Rung};
use crate::core::time::Duration;

/// The keys of a rule that tests have reached, as `ladder.timeout[1]`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Covered(BTreeSet<String>);

/// How much of one rule is covered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Coverage {
    pub(crate) rule: String,
    pub(crate) total: usize,
    pub(crate) missing: Vec<String>,
}

const OTHERWISE: &str = "otherwise";

impl Covered {
    pub(crate) fn join(&mut self, other: Self) {
        self.0.extend(other.0);
    }

    /// Whether what a change is called after (`ladder.timeout[1].within doubled`) was reached.
    pub(crate) fn reaches(&self, change: &str) -> bool {
        let of = |key: &String| {
            let key = key.replace(": ", ".guards.");
            change.strip_prefix(&key).is_some_and(|rest| rest.starts_with([' ', '.']))
        };
        self.0.iter().any(of)
    }

    /// Guards that said no to an action.
    pub(crate) fn guards(&mut self, action: &str, refused: &[String]) {
        for guard in refused {
            self.0.insert(guard_key(action, guard));
        }
    }

    /// Where an incident stands now. `tried` are the actions that the guards were asked about just now.
    pub(crate) fn incident(&mut self, incident: &Incident, rule: &Rule, tried: &[String]) {
        for index in &incident.told {
            self.0.insert(format!("escalate[{index}]"));
        }
        if let Phase::Waiting { why: WaitReason::ActAfter, .. } = incident.phase {
            self.0.insert("act_after".to_owned());
        }
        let Some(class) = incident.ladder else { return };
        let ladder = if rule.ladder.contains_key(&class) { class.name() } else { OTHERWISE };
        self.0.insert(format!("ladder.{ladder}"));
        let rungs = rule.ladder_of(class);
        if let Some(rung) = rungs.get(incident.rung)
            && incident.rung_since.is_some()
        {
            let reached = match rung {
                Rung::Do { action, .. } => tried.contains(action),
                Rung::Wait(_) | Rung::Ask { .. } | Rung::Escalate => true,
            };
            if reached {
                self.0.insert(format!("ladder.{ladder}[{}]", incident.rung));
            }
        }
        // A mode that forbids an action leads straight on: the rung before is the one that was tried.
        if let Some(before) = incident.rung.checked_sub(1)
            && let Some(Rung::Do { action, .. }) = rungs.get(before)
            && tried.contains(action)
        {
            self.0.insert(format!("ladder.{ladder}[{before}]"));
        }
    }

    pub(crate) fn of(&self, rule: &Rule) -> Coverage {
        let keys = keys(rule);
        Coverage {
            rule: rule.name.clone(),
            total: keys.len(),
            missing: keys.into_iter().filter(|key| !self.0.contains(key)).collect(),
        }
    }
}

impl Coverage {
    /// Whole percents, rounded down: 100 means all of it.
    pub(crate) fn percent(&self) -> usize {
        let covered = self.total.saturating_sub(self.missing.len());
        (covered * 100).checked_div(self.total).unwrap_or(100)
    }

    pub(crate) fn covered(&self) -> usize {
        self.total.saturating_sub(self.missing.len())
    }
}

fn guard_key(action: &str, guard: &str) -> String {
    format!("actions.{action}: {guard}")
}

/// Everything of a rule that a test can reach.
fn keys(rule: &Rule) -> Vec<String> {
    let mut keys = Vec::new();
    let ladders = rule.ladder.iter().map(|(class, rungs)| (class.name(), rungs));
    for (name, rungs) in ladders.chain([(OTHERWISE, &rule.otherwise)]) {
        keys.push(format!("ladder.{name}"));
        keys.extend((0..rungs.len()).map(|index| format!("ladder.{name}[{index}]")));
    }
    if rule.act_after > Duration::ZERO {
        keys.push("act_after".to_owned());
    }
    for (name, action) in &rule.actions {
        let cooldown = (action.cooldown > Duration::ZERO).then_some(Guard::Cooldown);
        let budget = action.at_most.map(|_| Guard::Budget);
        let mode = (rule.mode < Mode::Auto).then_some(Guard::Mode);
        let guards = cooldown.into_iter().chain(budget).chain(mode);
        keys.extend(guards.map(|guard| guard_key(name, guard.name())));
    }
    keys.extend((0..rule.escalate.len()).map(|index| format!("escalate[{index}]")));
    keys
}
