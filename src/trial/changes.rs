//! Every single change that weakens a rule: what its tests must notice. Changes the checked rule, never a file.
//!
//! Rules are taken apart by name, so that a key that is added to them must be answered here.

mod ladder;
mod weaker;

use crate::core::action::Action;
use crate::core::rule::{
    AlertMatch, EscalateWhen, EscalationRule, EvidenceRule, Mode, OneOf, ProbeRule, Recovery, Rule,
    RuleSet, StateRule, VerifyRule,
};
use crate::core::time::Duration;

use super::play::{allow, each_rule};
use weaker::{another_time, delay, forget, half_budget, remove, swapped};

/// One change of a rule, by the key that it changes.
pub(crate) struct Change {
    /// `ladder.timeout[1] removed`
    pub(crate) name: String,
    how: How,
}

/// How it is done to the rule; the last of them also raises what the owners allow.
enum How {
    Rule(Box<dyn Fn(&mut Rule) + Send + Sync>),
    Mode(Mode),
}

/// Long enough to outlast every test.
const EVER: Duration = Duration::from_secs(30 * 24 * 3_600);
/// The least that can be waited.
const LEAST: Duration = Duration::from_secs(1);

impl Change {
    /// The rule set with this one change.
    pub(crate) fn of(&self, set: &RuleSet) -> RuleSet {
        let mut set = set.clone();
        match &self.how {
            How::Rule(change) => each_rule(&mut set, change),
            How::Mode(mode) => allow(&mut set, *mode),
        }
        set
    }
}

/// The changes of one rule, each with a name of its own.
struct Changes<'r> {
    rule: &'r Rule,
    all: Vec<Change>,
}

/// Every change of `rule` that is one.
pub(crate) fn changes(rule: &Rule) -> Vec<Change> {
    let mut changes = Changes { rule, all: Vec::new() };
    changes.collect();
    changes.all
}

impl Changes<'_> {
    fn add(
        &mut self,
        key: impl AsRef<str>,
        what: &str,
        change: impl Fn(&mut Rule) + Send + Sync + 'static,
    ) {
        let mut changed = self.rule.clone();
        change(&mut changed);
        // What changes nothing cannot be noticed.
        if changed != *self.rule {
            let name = format!("{} {what}", key.as_ref());
            self.all.push(Change { name, how: How::Rule(Box::new(change)) });
        }
    }

    fn collect(&mut self) {
        let rule = self.rule;
        let Rule {
            // What people read, and which alerts and targets: a rule is no weaker for its name.
            name: _,
            revision: _,
            summary: _,
            runbook: _,
            channel: _,
            kind: _,
            targets: _,
            // What others are to alert on.
            alerts: _,
            // Raised with the mode.
            ceilings: _,
            mode,
            target_from: _,
            matchers,
            act_after: _,
            state,
            recovery,
            evidence,
            cause_patterns,
            cause_statuses,
            // The folder's, for all of its rules: their examples test them.
            lines: _,
            advice,
            ladder,
            otherwise,
            actions,
            verify,
            escalate,
            probes,
            updates_every: _,
        } = rule;
        self.mode(*mode);
        self.add("target_from", "removed", |rule| rule.target_from = None);
        for (index, one) in matchers.iter().enumerate() {
            self.matcher(index, one);
        }
        self.add("act_after", "set to 0s", |rule| rule.act_after = Duration::ZERO);
        self.add("act_after", "halved", |rule| rule.act_after /= 2);
        self.add("updates.every", "doubled", |rule| rule.updates_every *= 2);
        self.state(state);
        self.recovery(*recovery);
        for (index, one) in evidence.iter().enumerate() {
            self.evidence(index, one);
        }
        for index in 0..cause_patterns.len() {
            self.add(format!("causes[{index}]"), "removed", move |rule| {
                remove(&mut rule.cause_patterns, index);
            });
        }
        for status in cause_statuses.keys() {
            let status = *status;
            self.add(format!("causes.statuses.{status}"), "removed", move |rule| {
                rule.cause_statuses.remove(&status);
            });
        }
        for class in advice.keys() {
            let class = *class;
            self.add(format!("advice.{}", class.name()), "removed", move |rule| {
                rule.advice.remove(&class);
            });
        }
        for (class, rungs) in ladder {
            let class = *class;
            self.add(format!("ladder.{}", class.name()), "removed", move |rule| {
                rule.ladder.remove(&class);
            });
            self.rungs(&format!("ladder.{}", class.name()), rungs, move |rule| {
                rule.ladder.entry(class).or_default()
            });
        }
        self.rungs("ladder.otherwise", otherwise, |rule| &mut rule.otherwise);
        for action in actions.values() {
            self.action(action);
        }
        self.verify(verify);
        for (index, one) in escalate.iter().enumerate() {
            self.escalation(index, one);
        }
        for (index, probe) in probes.iter().enumerate() {
            self.probe(index, probe);
        }
    }

    /// Alerts that this rule is about and would miss, or that it is not about and would take.
    fn matcher(&mut self, index: usize, matcher: &AlertMatch) {
        let AlertMatch { source: _, labels } = matcher;
        let key = format!("match[{index}]");
        self.add(&key, "removed", move |rule| remove(&mut rule.matchers, index));
        for (label, wanted) in labels {
            let key = format!("{key}.{label}");
            let name = label.clone();
            self.add(&key, "ignored", move |rule| {
                if let Some(one) = rule.matchers.get_mut(index) {
                    one.labels.remove(&name);
                }
            });
            for (item, value) in wanted.values().iter().enumerate() {
                let name = label.clone();
                self.add(&key, &format!("without {value}"), move |rule| {
                    let one = rule.matchers.get_mut(index);
                    if let Some(OneOf::Any(values)) = one.and_then(|one| one.labels.get_mut(&name))
                    {
                        remove(values, item);
                    }
                });
            }
        }
    }

    fn mode(&mut self, mode: Mode) {
        let higher = match mode {
            Mode::Observe => Mode::Suggest,
            Mode::Suggest => Mode::Approve,
            Mode::Approve => Mode::Auto,
            Mode::Auto => return,
        };
        // The ceiling is raised with it: else it would change nothing.
        let name = format!("mode raised to {}", higher.name());
        self.all.push(Change { name, how: How::Mode(higher) });
    }

    fn state(&mut self, state: &StateRule) {
        let StateRule { ask: _, max_age: _, means } = state;
        self.add("state.max_age", "removed", |rule| rule.state.max_age = EVER);
        for (word, meaning) in means {
            let (word, other) = (word.clone(), swapped(*meaning));
            self.add(
                format!("state.means.{word}"),
                &format!("read as {}", other.name()),
                move |rule| {
                    rule.state.means.insert(word.clone(), other);
                },
            );
        }
    }

    fn recovery(&mut self, recovery: Recovery) {
        let Recovery { half_open_after: _, needs_idle: _ } = recovery;
        self.add("recovery.half_open_after", "doubled", |rule| {
            rule.recovery.half_open_after = rule.recovery.half_open_after.map(|span| span * 2);
        });
        self.add("recovery.half_open_after", "halved", |rule| {
            rule.recovery.half_open_after = rule.recovery.half_open_after.map(|span| span / 2);
        });
        self.add("recovery.needs_idle", "removed", |rule| rule.recovery.needs_idle = false);
    }

    fn evidence(&mut self, index: usize, evidence: &EvidenceRule) {
        let EvidenceRule { name, meaning: _, ask, max_age: _ } = evidence;
        let key = format!("evidence.{name}");
        self.add(&key, "removed", move |rule| remove(&mut rule.evidence, index));
        // Lines carry their own times.
        if ask.gives_lines() {
            return;
        }
        self.add(format!("{key}.max_age"), "removed", move |rule| {
            if let Some(one) = rule.evidence.get_mut(index) {
                one.max_age = EVER;
            }
        });
    }

    fn action(&mut self, action: &Action) {
        let Action { name, how: _, cooldown: _, at_most: _ } = action;
        let key = format!("actions.{name}.guards");
        let with = |change: fn(&mut Action)| {
            let name = name.clone();
            move |rule: &mut Rule| {
                if let Some(action) = rule.actions.get_mut(&name) {
                    change(action);
                }
            }
        };
        self.add(
            format!("{key}.cooldown"),
            "removed",
            with(|action| action.cooldown = Duration::ZERO),
        );
        self.add(format!("{key}.cooldown"), "halved", with(|action| action.cooldown /= 2));
        self.add(format!("{key}.at_most"), "removed", with(|action| action.at_most = None));
        self.add(format!("{key}.at_most"), "one more", with(another_time));
        self.add(format!("{key}.at_most"), "in half the time", with(half_budget));
    }

    fn verify(&mut self, verify: &VerifyRule) {
        let VerifyRule { hold: _, within: _, every: _, all } = verify;
        self.add("verify.hold", "set to 1s", |rule| rule.verify.hold = LEAST);
        self.add("verify.hold", "halved", |rule| rule.verify.hold /= 2);
        self.add("verify.within", "doubled", |rule| rule.verify.within *= 2);
        for (index, signal) in all.iter().enumerate() {
            self.signal(&format!("verify.all[{index}]"), index, signal, |rule| {
                Some(&mut rule.verify.all)
            });
        }
    }

    fn escalation(&mut self, index: usize, escalation: &EscalationRule) {
        let EscalationRule { when, to } = escalation;
        let key = format!("escalate[{index}]");
        self.add(&key, "removed", move |rule| remove(&mut rule.escalate, index));
        for person in 0..to.len() {
            if to.len() > 1 {
                self.add(format!("{key}.to[{person}]"), "removed", move |rule| {
                    if let Some(one) = rule.escalate.get_mut(index) {
                        remove(&mut one.to, person);
                    }
                });
            }
        }
        if let EscalateWhen::Any(list) = when {
            for condition in 0..list.len() {
                self.add(format!("{key}.when[{condition}]"), "removed", move |rule| {
                    let one = rule.escalate.get_mut(index).map(|one| &mut one.when);
                    if let Some(EscalateWhen::Any(list)) = one {
                        remove(list, condition);
                    }
                });
            }
        }
        self.add(format!("{key}.when"), "later", move |rule| {
            if let Some(one) = rule.escalate.get_mut(index) {
                delay(&mut one.when);
            }
        });
        self.add(format!("{key}.when"), "remembered for half the time", move |rule| {
            if let Some(one) = rule.escalate.get_mut(index) {
                forget(&mut one.when);
            }
        });
    }

    fn probe(&mut self, index: usize, probe: &ProbeRule) {
        let ProbeRule { name, schedule: _, how: _, through_breaker: _, hold: _ } = probe;
        let key = format!("probes.{}", name.split('@').next().unwrap_or(name));
        let with = move |change: fn(&mut ProbeRule)| {
            move |rule: &mut Rule| {
                if let Some(probe) = rule.probes.get_mut(index) {
                    change(probe);
                }
            }
        };
        self.add(format!("{key}.hold"), "removed", with(|probe| probe.hold = Duration::ZERO));
        self.add(format!("{key}.hold"), "halved", with(|probe| probe.hold /= 2));
        self.add(
            format!("{key}.through_breaker"),
            "removed",
            with(|probe| probe.through_breaker = false),
        );
    }
}
