//! Climbing the ladder of the cause, rung by rung. Never begins a rung on evidence that did not come back.

use super::{Reason, Step};
use crate::core::audit::{AuditEntry, Ground};
use crate::core::cause::{Class, Lasting};
use crate::core::effect::Effect;
use crate::core::escalation;
use crate::core::evidence::{Findings, QuestionName};
use crate::core::guard::{self, Answer};
use crate::core::incident::{Attempt, Phase, Unmet, WaitReason};
use crate::core::plan;
use crate::core::planted::Bug;
use crate::core::rule::{BreakerState, Rung, VerifySignal};
use crate::core::time::{Duration, Timestamp, after, shown, span};
use crate::core::verify;

/// A cause that keeps changing is none that is understood.
const LADDER_CHANGES_MOST: u32 = 3;
/// How long a breaker whose state or cause is not known yet is left before the next round.
const DOUBT_EVERY: Duration = Duration::from_secs(15);

/// Two waits that end so close together are one to a reader.
const SAME_WAIT: Duration = Duration::from_secs(5);

impl Step<'_> {
    /// Watching or waiting: after each round, what now? True: the phase changed and wants to move on at once.
    pub(super) fn climb(&mut self, read: bool) -> bool {
        if !read {
            self.look_when_due(self.rule.verify.every);
            if let Phase::Waiting { until, .. } = self.incident.phase
                && until > self.now
            {
                self.wakes.push(until);
            }
            return false;
        }
        if self.incident.unknown_target {
            let target = self.incident.breaker.target.clone();
            self.because(Reason::UnknownTarget);
            return self.escalate(format!(
                "the alert names `{target}`, which is not in rules/targets.yaml"
            ));
        }
        match self.incident.state {
            BreakerState::Closed | BreakerState::Quiet => {
                self.write("the breaker is closed: watching whether it stays so");
                self.incident.phase = Phase::Verifying { started: self.now, healthy_since: None };
                true
            }
            BreakerState::Held => {
                self.because(Reason::Held);
                self.escalate(
                    "the breaker is held by a person: automation does not touch it".to_owned(),
                )
            }
            BreakerState::Unknown if self.fleet.bugs.has(Bug::ActOnUnknown) => self.climb_open(),
            BreakerState::Unknown => self.doubt("the breaker's state cannot be read"),
            BreakerState::Open | BreakerState::HalfOpen => self.climb_open(),
        }
    }

    /// No state or no cause: look again a few times, then a person.
    fn doubt(&mut self, what: &str) -> bool {
        if self.incident.state == BreakerState::Unknown
            && self.incident.verdict.as_ref().is_some_and(|verdict| verdict.class != Class::Unknown)
        {
            // `take_verdict` counted only rounds without a cause; one without a state is no better.
            self.incident.unknown_rounds = self.incident.unknown_rounds.saturating_add(1);
        }
        if escalation::in_doubt_too_long(&self.incident, self.rule, self.now) {
            return self.escalate(format!(
                "{what} after {} rounds of evidence",
                self.incident.unknown_rounds
            ));
        }
        self.incident.next_look = after(self.now, DOUBT_EVERY.min(self.rule.verify.within));
        self.look_when_due(DOUBT_EVERY);
        false
    }

    fn climb_open(&mut self) -> bool {
        let Some(verdict) = self.incident.verdict.clone() else {
            return self.doubt("no cause was found");
        };
        if verdict.class == Class::Unknown
            && !escalation::in_doubt_too_long(&self.incident, self.rule, self.now)
        {
            return self.doubt("no cause was found");
        }
        let ladder = plan::ladder_for(self.incident.ladder, &verdict);
        if ladder != self.incident.ladder {
            if self.incident.ladder.is_some() {
                self.incident.ladder_changes = self.incident.ladder_changes.saturating_add(1);
            }
            if self.incident.ladder_changes > LADDER_CHANGES_MOST {
                return self.escalate("the cause keeps changing".to_owned());
            }
            self.incident.ladder = ladder;
            self.incident.rung = 0;
            self.incident.rung_since = None;
            self.incident.unmet.clear();
            self.incident.phase = Phase::Watching;
        }
        let early = after(self.incident.open_since(), self.rule.act_after);
        if self.now < early {
            self.because(Reason::TooEarly);
            return self.wait(early, WaitReason::ActAfter);
        }
        self.climb_rungs()
    }

    /// Goes up as far as the rungs allow now.
    fn climb_rungs(&mut self) -> bool {
        loop {
            let class = self.incident.ladder.unwrap_or(Class::Unknown);
            let Some(rung) = self.rule.ladder_of(class).get(self.incident.rung).cloned() else {
                self.because(Reason::LadderEnded);
                return self.escalate("every remedy of the rule was tried".to_owned());
            };
            let first = self.incident.rung_since.is_none();
            let began = *self.incident.rung_since.get_or_insert(self.now);
            match rung {
                Rung::Wait(wait) => {
                    let verdict = self.incident.verdict.as_ref();
                    match plan::wait_until(&wait, self.rule, verdict, began) {
                        Some((until, why)) if self.now < until => return self.wait(until, why),
                        Some(_) | None => self.next_rung(),
                    }
                }
                Rung::Do { gone, all, within, .. } => {
                    let late = after(began, within);
                    if self.now >= late {
                        self.next_rung();
                        continue;
                    }
                    match self.try_action(gone, &all, late) {
                        Tried::Begun => return true,
                        Tried::Person(why) => return self.escalate(why),
                        Tried::NotNow(why) => return self.wait(late, why),
                        Tried::Told => self.next_rung(),
                    }
                }
                Rung::Ask { text, until, .. } if until.is_empty() => {
                    self.because(Reason::PersonAsked);
                    return self.escalate(text);
                }
                Rung::Ask { text, until, within } => {
                    let unmet = self.not_held(&until);
                    if unmet.is_empty() {
                        self.write(format!("seen: {} healthy", until.join(", ")));
                        self.next_rung();
                        continue;
                    }
                    let late = after(began, within);
                    if self.now >= late {
                        return self.escalate(format!("{text} Asked {} ago", span(within)));
                    }
                    if first {
                        self.ask_person(&text);
                    }
                    self.incident.asked = Some(text);
                    self.incident.unmet = unmet;
                    return self.wait(late, WaitReason::Person);
                }
                Rung::Escalate => return self.escalate("the rule calls for a person".to_owned()),
            }
        }
    }

    pub(super) fn next_rung(&mut self) {
        self.because(Reason::NextRung);
        self.incident.rung = self.incident.rung.saturating_add(1);
        self.incident.rung_since = None;
        self.incident.unmet.clear();
        self.incident.asked = None;
    }

    /// Waits, and looks on while it waits.
    fn wait(&mut self, until: Timestamp, why: WaitReason) -> bool {
        // A wait that moves by a second each time we are told is the same wait.
        let known = match self.incident.phase {
            Phase::Waiting { until: told, why: same } => {
                same == why && told.duration_since(until).unsigned_abs() < SAME_WAIT
            }
            Phase::Watching
            | Phase::Acting { .. }
            | Phase::Looking { .. }
            | Phase::Verifying { .. }
            | Phase::Escalated { .. }
            | Phase::Recovered => false,
        };
        if !known {
            self.because(Reason::Waiting(why));
            let latest = if why.may_end_early() { " at the latest" } else { "" };
            self.write(format!("waiting until {}{latest}: {}", shown(until), why.words()));
            self.incident.phase = Phase::Waiting { until, why };
        }
        if until > self.now {
            self.wakes.push(until);
        }
        // The moment the wait ends is a moment to look.
        self.incident.next_look = self.incident.next_look.min(until.max(self.now));
        self.look_when_due(self.rule.verify.every);
        false
    }

    /// Asks every guard about the action of this rung, and decides it if all allow.
    fn try_action(&mut self, gone: bool, all: &[VerifySignal], until: Timestamp) -> Tried {
        let lasting =
            self.incident.verdict.as_ref().map_or(Lasting::Unknown, |verdict| verdict.lasting);
        if gone && lasting != Lasting::No && !self.fleet.bugs.has(Bug::ResetWhileLasting) {
            self.incident.unmet.clear();
            return Tried::NotNow(WaitReason::Gone);
        }
        if !self.checked(all) {
            return Tried::NotNow(WaitReason::Checklist);
        }
        let Some(intent) = plan::intent(&self.incident, self.rule, self.fleet, self.now) else {
            return Tried::Person("the rule names an action that it does not have".to_owned());
        };
        self.guards = guard::evaluate(&intent, &self.incident, self.rule, self.fleet, self.now);
        match guard::strictest(&self.guards) {
            Answer::Allow => {
                self.because(Reason::GuardsAllow);
                self.because(Reason::Intended);
                self.write(format!("decided: {} on {}", intent.action.name, intent.target));
                self.incident.attempts.push(Attempt {
                    key: intent.key.clone(),
                    action: intent.action.name.clone(),
                    decided_at: self.now,
                    started_at: None,
                    outcome: None,
                    finished_at: None,
                    helped: None,
                });
                let ground = Box::new(self.ground(gone));
                let guards = self.guards.clone();
                self.audit.push(AuditEntry::Intended {
                    intent: Box::new(intent.clone()),
                    guards,
                    ground,
                });
                self.effects.push(Effect::Do(Box::new(intent.clone())));
                self.incident.phase = Phase::Acting { intent: Box::new(intent) };
                Tried::Begun
            }
            Answer::NeedsApproval { whom } => {
                self.because(Reason::NeedsApproval);
                self.refused(&intent.action.name, &intent.target);
                Tried::Person(format!(
                    "`{}` on {} needs the approval of {whom}",
                    intent.action.name, intent.target
                ))
            }
            Answer::Refuse { .. } => {
                self.because(Reason::GuardsRefuse);
                self.refused(&intent.action.name, &intent.target);
                self.after_refusal(&intent.action.name, until)
            }
        }
    }

    /// Whether the rung's checklist holds in this round. What does not is kept for the report, and told when it changes.
    fn checked(&mut self, all: &[VerifySignal]) -> bool {
        let unmet = match self.findings() {
            Some((findings, _)) => {
                verify::unmet(self.rule, all, &self.incident, findings, self.now)
            }
            None => Vec::new(),
        };
        let items = |unmet: &[Unmet]| unmet.iter().map(|unmet| unmet.item).collect::<Vec<_>>();
        if items(&unmet) != items(&self.incident.unmet) {
            let texts: Vec<&str> = unmet.iter().map(|unmet| unmet.text.as_str()).collect();
            self.write(match texts.as_slice() {
                [] => "the checklist holds".to_owned(),
                some => format!("the checklist does not hold: {}", some.join(", ")),
            });
        }
        self.incident.unmet = unmet;
        self.incident.unmet.is_empty() || self.fleet.bugs.has(Bug::IgnoreChecklist)
    }

    fn not_held(&self, until: &[QuestionName]) -> Vec<Unmet> {
        let none = Findings::new();
        let findings = self.findings().map_or(&none, |(findings, _)| findings);
        verify::not_held(self.rule, until, findings, self.now)
    }

    /// What a refusal leads to: a person at once, a note of what would have been done, or another try.
    fn after_refusal(&mut self, action: &str, until: Timestamp) -> Tried {
        let said: Vec<_> = self.guards.iter().filter(|verdict| !verdict.allows()).collect();
        let (mode, others): (Vec<_>, Vec<_>) =
            said.into_iter().partition(|verdict| verdict.guard == guard::Guard::Mode);
        // What the mode forbids is only told, whatever passing refusal stands beside it.
        if !mode.is_empty() && !others.iter().any(|verdict| verdict.needs_person()) {
            self.because(Reason::ModeForbids);
            self.write(format!("would have done: {action}"));
            return Tried::Told;
        }
        if others.iter().any(|verdict| verdict.needs_person()) {
            return Tried::Person(guard::refusals(&self.guards).join("; "));
        }
        // A guard that names a moment is asked again then, if that is not too late.
        if let Answer::Refuse { until: Some(moment), .. } = guard::strictest(&self.guards)
            && moment < until
        {
            self.incident.next_look = self.incident.next_look.max(moment);
        }
        Tried::NotNow(WaitReason::Guard)
    }

    /// The refusal goes to the audit log when it says something new.
    fn refused(&mut self, action: &str, target: &str) {
        let lines = guard::refusals(&self.guards).join("; ");
        let line = format!("refused: {action}: {lines}");
        if self.incident.last_refusal.as_ref() != Some(&line) {
            self.incident.last_refusal = Some(line.clone());
            self.write(line);
            self.audit.push(AuditEntry::Refused {
                incident: self.incident.id,
                action: action.to_owned(),
                target: target.to_owned(),
                guards: self.guards.clone(),
            });
        }
    }

    /// What the action rests on, for whoever judges it again from the audit log.
    fn ground(&self, gone: bool) -> Ground {
        let verdict = self.incident.verdict.as_ref();
        Ground {
            state: self.incident.state.name().to_owned(),
            class: verdict.map_or("unknown", |verdict| verdict.class.name()).to_owned(),
            lasting: verdict.map_or(Lasting::Unknown, |verdict| verdict.lasting).name().to_owned(),
            evidence_at: self.incident.round.as_ref().and_then(|round| round.answered_at),
            open_since: self.incident.open_since(),
            mode: self.rule.mode.name().to_owned(),
            ceiling: guard::ceiling(self.rule, self.fleet).name().to_owned(),
            gone,
            act_after_ms: u64::try_from(self.rule.act_after.as_millis()).unwrap_or(u64::MAX),
            max_age_ms: u64::try_from(self.rule.state.max_age.as_millis()).unwrap_or(u64::MAX),
            verify_signals: self.rule.verify.all.len(),
        }
    }
}

/// What came of trying the action of a rung.
enum Tried {
    Begun,
    /// A person must look at once.
    Person(String),
    /// Not now, perhaps later.
    NotNow(WaitReason),
    /// The mode forbids it: what would have been done was recorded.
    Told,
}
