//! Rounds of questions: when to ask, and what an answered round says. Never acts on a round that did not come back.

use super::{Reason, Step};
use crate::core::cause::{Class, Lasting, Verdict, judge};
use crate::core::effect::Effect;
use crate::core::evidence::{Ask, FailureKind, Finding, Findings, Question, STATE};
use crate::core::incident::Round;
use crate::core::rule::{BreakerState, PROBE_AGE, Rule};
use crate::core::time::{Duration, Timestamp, after, since};

/// A round not back by then was lost with the process that asked it.
const ROUND_LOST: Duration = Duration::from_secs(15);
/// However fast alerts flap, rounds are this far apart.
const ROUND_GAP: Duration = Duration::from_secs(1);

impl Step<'_> {
    /// A round whose answers can no longer come has failed in all its questions.
    pub(super) fn close_lost_round(&mut self) {
        let Some(round) = self.incident.round.as_mut().filter(|round| round.findings.is_none())
        else {
            return;
        };
        let lost_at = after(round.asked_at, ROUND_LOST);
        if self.now < lost_at {
            self.wakes.push(lost_at);
            return;
        }
        let lost = |question: &Question| {
            (question.name.clone(), Finding::failed(FailureKind::Lost, "the answer was lost"))
        };
        round.findings = Some(round.questions.iter().map(lost).collect());
        round.answered_at = Some(self.now);
        self.because(Reason::RoundLost);
    }

    /// A round is out whose answers may still come.
    pub(super) fn round_is_out(&self) -> bool {
        self.incident.round.as_ref().is_some_and(|round| round.findings.is_none())
    }

    /// Reads an answered round into the record, once. True if there was one.
    pub(super) fn read_round(&mut self) -> bool {
        let Some(round) = self.incident.round.clone() else { return false };
        let (Some(findings), true) = (&round.findings, round.number > self.incident.read_round)
        else {
            return false;
        };
        self.incident.read_round = round.number;
        let state = self.read_state(findings);
        if state != self.incident.state {
            self.write(format!("the breaker is {}", state.name()));
        }
        self.incident.state = state;
        self.because(Reason::StateRead(state));
        let fresh = judge(self.rule, &round, self.incident.open_since(), self.now);
        self.take_verdict(fresh);
        true
    }

    fn read_state(&self, findings: &Findings) -> BreakerState {
        match findings.get(STATE) {
            Some(finding) => self.rule.state.read(finding, self.now, self.fleet.bugs),
            None => BreakerState::Unknown,
        }
    }

    /// A definite cause stays when its traces fade; whether it lasts is always of the newest round.
    fn take_verdict(&mut self, fresh: Verdict) {
        let class = fresh.class;
        let known = self.incident.verdict.clone().filter(|verdict| verdict.class != Class::Unknown);
        match (known, class) {
            (Some(known), Class::Unknown) => {
                let kept = Verdict {
                    lasting: fresh.lasting,
                    retry_at: fresh.retry_at.or(known.retry_at),
                    ..known
                };
                self.incident.verdict = Some(kept);
            }
            (_, Class::Unknown) => {
                self.incident.unknown_rounds = self.incident.unknown_rounds.saturating_add(1);
                self.because(Reason::NoCause);
                self.incident.verdict = Some(fresh);
            }
            (known, class) => {
                if known.as_ref().map(|verdict| verdict.class) != Some(class) {
                    self.write(format!("cause: {} ({:.2})", class.name(), fresh.confidence));
                }
                // A cause without a readable state is doubt still: `doubt` counts those rounds.
                if self.incident.state != BreakerState::Unknown {
                    self.incident.unknown_rounds = 0;
                }
                self.because(Reason::CauseFound(class));
                let retry_at =
                    fresh.retry_at.or_else(|| known.and_then(|verdict| verdict.retry_at));
                self.incident.verdict = Some(Verdict { retry_at, ..fresh });
            }
        }
        if self.incident.state == BreakerState::Unknown {
            // An unreadable state is doubt, whatever the logs say.
            if let Some(verdict) = self
                .incident
                .verdict
                .as_mut()
                .filter(|_| !self.fleet.bugs.has(crate::core::planted::Bug::ActOnUnknown))
            {
                verdict.lasting = Lasting::Unknown;
            }
        }
    }

    /// Asks a round when it is time, or when an alert said something new; sees to it that we are woken for the next.
    pub(super) fn look_when_due(&mut self, every: Duration) {
        if self.asked || self.round_is_out() {
            return;
        }
        let last = self.incident.round.as_ref().map(|round| round.asked_at);
        let news = last.is_none_or(|asked| self.incident.alerts_changed_at > asked);
        let gap_over = last.is_none_or(|asked| since(self.now, asked) >= ROUND_GAP);
        if self.now >= self.incident.next_look || news && gap_over {
            self.ask(every);
        } else if news {
            self.wakes.push(after(last.unwrap_or(self.now), ROUND_GAP));
        } else {
            self.wakes.push(self.incident.next_look);
        }
    }

    fn ask(&mut self, every: Duration) {
        let number = self.incident.round.as_ref().map_or(1, |round| round.number.saturating_add(1));
        let questions = questions(self.rule);
        self.incident.round = Some(Round {
            number,
            asked_at: self.now,
            questions: questions.clone(),
            findings: None,
            answered_at: None,
        });
        self.incident.next_look = after(self.now, every.max(ROUND_GAP));
        self.effects.push(Effect::Query { incident: self.incident.id, round: number, questions });
        self.because(Reason::RoundDue);
        self.wakes.push(after(self.now, ROUND_LOST));
        self.asked = true;
    }

    /// The findings of the last round, if it came back.
    pub(super) fn findings(&self) -> Option<(&Findings, Timestamp)> {
        let round = self.incident.round.as_ref()?;
        Some((round.findings.as_ref()?, round.answered_at?))
    }
}

/// Everything a rule wants to know: the state, its evidence, and what its probes last saw.
pub fn questions(rule: &Rule) -> Vec<Question> {
    let mut all = vec![Question {
        name: STATE.to_owned(),
        ask: rule.state.ask.clone(),
        max_age: rule.state.max_age,
    }];
    for evidence in &rule.evidence {
        all.push(Question {
            name: evidence.name.clone(),
            ask: evidence.ask.clone(),
            max_age: evidence.max_age,
        });
    }
    // A probe may be named that is no evidence of the cause.
    for name in rule.healthy_names() {
        if rule.probe(name).is_some() && all.iter().all(|question| question.name != *name) {
            let ask = Ask::Probe { probe: name.clone() };
            all.push(Question { name: name.clone(), ask, max_age: PROBE_AGE });
        }
    }
    all
}
