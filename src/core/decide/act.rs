//! What follows an action: its outcome, looking where it is unknown, verifying, and looking on beside a person.
//! Never does a thing again.

use super::{Reason, Step};
use crate::core::action::{Intent, Outcome};
use crate::core::effect::Effect;
use crate::core::incident::{Attempt, Phase};
use crate::core::planted::Bug;
use crate::core::rule::BreakerState;
use crate::core::time::{Duration, Timestamp, after, since};
use crate::core::verify::{Health, alerts_resolved, health};

/// A begun action that has not come back by then is treated as unknown: its own limit is far shorter.
const ACT_MOST: Duration = Duration::from_secs(20);
/// A decision that was not begun is offered again so often, until it expires: `begin` lets only one pass.
const OFFER_EVERY: Duration = Duration::from_secs(5);
/// How long we look for proof of an unknown outcome before a person is called.
const LOOK_FOR: Duration = Duration::from_secs(20);
const LOOK_EVERY: Duration = Duration::from_secs(5);
/// How often we look on while a person has it.
const LOOK_ON_EVERY: Duration = Duration::from_secs(30);
const LOOK_ON_MOST: Duration = Duration::from_secs(300);

impl Step<'_> {
    /// Waits for the outcome of the intent.
    pub(super) fn acting(&mut self, intent: &Intent) -> bool {
        let Some(attempt) = self.attempt(intent) else {
            return self.escalate("the record of an action is missing".to_owned());
        };
        match (attempt.outcome, attempt.started_at) {
            (Some(Outcome::Done), _) => self.done(intent, Reason::Done),
            (Some(Outcome::NotDone(why)), started) => {
                self.because(if started.is_some() { Reason::NotDone } else { Reason::NotStarted });
                self.write(format!("not done: {}", why.0));
                self.not_helped(intent);
                // One that was never begun has cost nothing: the same rung is asked again, by its own time limit.
                if started.is_some() {
                    self.next_rung();
                }
                self.incident.phase = Phase::Watching;
                // A second look that keeps refusing must not be asked again at the network's speed.
                let pause = if started.is_some() { Duration::ZERO } else { self.rule.verify.every };
                self.incident.next_look = after(self.now, pause);
                self.look_when_due(self.rule.verify.every);
                false
            }
            (Some(Outcome::Unknown(why)), _) => self.unknown(intent, &why.0),
            (None, Some(started)) if since(self.now, started) >= ACT_MOST => {
                self.unknown(intent, "it did not come back")
            }
            (None, Some(started)) => {
                self.wakes.push(after(started, ACT_MOST));
                false
            }
            (None, None) => {
                let offered = self.effects.iter().any(|effect| matches!(effect, Effect::Do(_)));
                if !offered {
                    self.effects.push(Effect::Do(Box::new(intent.clone())));
                }
                self.wakes.push(after(self.now, OFFER_EVERY));
                false
            }
        }
    }

    fn unknown(&mut self, intent: &Intent, why: &str) -> bool {
        self.because(Reason::OutcomeUnknown);
        if self.fleet.bugs.has(Bug::RedoUnknown) {
            self.effects.push(Effect::Do(Box::new(intent.clone())));
            self.wakes.push(after(self.now, LOOK_EVERY));
            return false;
        }
        self.write(format!(
            "nobody knows whether it was done ({why}): looking, not doing it again"
        ));
        self.incident.phase = Phase::Looking {
            intent: Box::new(intent.clone()),
            deadline: after(self.now, LOOK_FOR.min(self.rule.verify.within)),
        };
        true
    }

    /// Looks for proof; without any by the deadline a person must.
    pub(super) fn looking(&mut self, intent: &Intent, deadline: Timestamp) -> bool {
        match self.attempt(intent).and_then(|attempt| attempt.outcome) {
            Some(Outcome::Done) => {
                self.write("proven: it was done");
                self.done(intent, Reason::ProvenDone)
            }
            Some(Outcome::NotDone(why)) => {
                self.because(Reason::NotDone);
                self.not_helped(intent);
                self.escalate(format!("`{}` was not done: {}", intent.action.name, why.0))
            }
            Some(Outcome::Unknown(_)) | None if self.now >= deadline => {
                self.because(Reason::NotProven);
                self.not_helped(intent);
                let (action, target) = (&intent.action.name, &intent.target);
                self.escalate(format!(
                    "the outcome of `{action}` on {target} is unknown; it is locked until you have looked: \
                     `reclose unlock {target} --reason …`"
                ))
            }
            Some(Outcome::Unknown(_)) | None => {
                self.effects.push(Effect::Look(Box::new(intent.clone())));
                self.wakes
                    .push(after(self.now, LOOK_EVERY.min(self.rule.verify.every)).min(deadline));
                false
            }
        }
    }

    fn done(&mut self, intent: &Intent, reason: Reason) -> bool {
        self.because(reason);
        self.write(format!("done: {}; watching whether it helped", intent.action.name));
        self.incident.phase = Phase::Verifying { started: self.now, healthy_since: None };
        self.incident.next_look = self.now;
        self.look_when_due(self.rule.verify.every);
        false
    }

    /// All signals well for the hold: recovered. Not within the limit: the next rung.
    pub(super) fn verifying(
        &mut self,
        started: Timestamp,
        healthy_since: Option<Timestamp>,
        read: bool,
    ) -> bool {
        let seen = self
            .findings()
            .filter(|(_, at)| *at >= started)
            .map(|(findings, at)| (findings.clone(), at));
        let (true, Some((findings, at))) = (read, seen) else {
            self.look_when_due(self.rule.verify.every);
            return false;
        };
        match health(self.rule, &self.incident, &findings, self.now, self.fleet.bugs) {
            Health::Healthy => {
                let since_when = healthy_since.unwrap_or(at);
                self.because(Reason::Healthy);
                let held = self.now >= after(since_when, self.rule.verify.hold);
                if held || self.fleet.bugs.has(Bug::NoHold) {
                    return self.recovered();
                }
                self.incident.phase = Phase::Verifying { started, healthy_since: Some(since_when) };
                self.wakes.push(after(since_when, self.rule.verify.hold));
            }
            Health::NotYet(missing) => {
                self.because(Reason::NotHealthy);
                if healthy_since.is_some() {
                    self.write(format!("not held: {}", missing.join(", ")));
                }
                self.incident.phase = Phase::Verifying { started, healthy_since: None };
                let acted = self.incident.attempts.iter().any(|attempt| attempt.helped.is_none());
                let reopened = self.incident.state == BreakerState::Open && !acted;
                if reopened || since(self.now, started) >= self.rule.verify.within {
                    return self.did_not_help(&missing);
                }
            }
        }
        self.look_when_due(self.rule.verify.every);
        false
    }

    fn did_not_help(&mut self, missing: &[String]) -> bool {
        self.because(Reason::NotHelped);
        self.write(format!("not recovered: {}", missing.join(", ")));
        let tried = self.incident.attempts.iter_mut().filter(|attempt| attempt.helped.is_none());
        let mut acted = false;
        for attempt in tried {
            attempt.helped = Some(false);
            acted = true;
        }
        if !self.incident.needs_person.is_empty() {
            // A person has it already: automation does not begin again beside them.
            self.incident.phase = Phase::Escalated { since: self.now };
            self.look_when_due(self.rule.verify.every);
            return false;
        }
        if !matches!(self.incident.state, BreakerState::Open | BreakerState::HalfOpen) {
            // It closed, and yet it is not well: nothing to climb.
            let state = self.incident.state.name();
            return self.escalate(format!("the breaker is {state}, but: {}", missing.join(", ")));
        }
        if acted {
            self.next_rung();
        }
        self.incident.phase = Phase::Watching;
        self.incident.next_look = self.now;
        self.look_when_due(self.rule.verify.every);
        false
    }

    fn recovered(&mut self) -> bool {
        self.because(Reason::HoldDone);
        for attempt in self.incident.attempts.iter_mut().filter(|attempt| attempt.helped.is_none())
        {
            attempt.helped = Some(true);
        }
        self.write("recovered: verified and held");
        self.incident.phase = Phase::Recovered;
        self.incident.closed_at = Some(self.now);
        false
    }

    /// A person has it: look on, and notice when it is well.
    pub(super) fn look_on(&mut self, since_when: Timestamp, read: bool) -> bool {
        // The longer a person has had it, the less often a look can change anything; the log stays readable.
        let age = since(self.now, since_when);
        let every = (age / 10).clamp(LOOK_ON_EVERY, LOOK_ON_MOST).max(self.rule.verify.every);
        if self.incident.unknown_target && alerts_resolved(&self.incident) {
            self.write(
                "its alert is resolved; its target was never known, so nothing was looked into",
            );
            self.incident.phase = Phase::Recovered;
            self.incident.closed_at = Some(self.now);
            return false;
        }
        if read && !self.incident.unknown_target {
            let well = self.findings().map(|(findings, _)| {
                health(self.rule, &self.incident, findings, self.now, self.fleet.bugs)
                    == Health::Healthy
            });
            if well == Some(true) {
                self.write("it looks well again: watching whether it holds");
                self.incident.phase = Phase::Verifying { started: self.now, healthy_since: None };
                self.incident.next_look = self.now;
                self.look_when_due(self.rule.verify.every);
                return false;
            }
        }
        self.look_when_due(every);
        false
    }

    fn not_helped(&mut self, intent: &Intent) {
        if let Some(attempt) =
            self.incident.attempts.iter_mut().find(|attempt| attempt.key == intent.key)
        {
            attempt.helped = Some(false);
        }
    }

    fn attempt(&self, intent: &Intent) -> Option<Attempt> {
        self.incident.attempts.iter().find(|attempt| attempt.key == intent.key).cloned()
    }
}
