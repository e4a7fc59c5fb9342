//! `decide`: the only place where an incident moves. Total: every state, whatever is known or unknown, has an answer.

mod act;
mod climb;
mod look;
mod tell;

pub use look::questions;
use serde::{Deserialize, Serialize};

use super::audit::AuditEntry;
use super::cause::Class;
use super::effect::Effect;
use super::escalation;
use super::fleet::Fleet;
use super::guard::GuardVerdict;
use super::incident::{Incident, Phase, WaitReason};
use super::rule::{BreakerState, Rule};
use super::time::{Duration, Timestamp, after};

/// What follows from an incident as it stands: committed whole, before any effect begins.
#[derive(Clone, Debug, PartialEq)]
pub struct Decision {
    /// The next state; `revision + 1`.
    pub incident: Incident,
    /// The revision of the rule that it was decided by.
    pub rule: String,
    /// Performed in order, after the commit.
    pub effects: Vec<Effect>,
    /// Decide again then, even if nothing happens.
    pub wake: Option<Timestamp>,
    /// Shown in Slack, in metrics and in the audit log.
    pub because: Vec<Reason>,
    /// What the audit log gets beyond the decision itself: refusals and intents with their ground.
    pub audit: Vec<AuditEntry>,
}

/// Why an incident moved.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    Opened,
    RoundDue,
    RoundLost,
    StateRead(BreakerState),
    CauseFound(Class),
    NoCause,
    TooEarly,
    Waiting(WaitReason),
    NextRung,
    GuardsAllow,
    GuardsRefuse,
    NeedsApproval,
    ModeForbids,
    Intended,
    NotStarted,
    Done,
    NotDone,
    OutcomeUnknown,
    ProvenDone,
    NotProven,
    Healthy,
    NotHealthy,
    Held,
    HoldDone,
    NotHelped,
    LadderEnded,
    PersonAsked,
    Escalated,
    OutOfTime,
    UnknownTarget,
    Reopened,
}

/// Moves an incident one step.
pub fn decide(incident: &Incident, rule: &Rule, fleet: &Fleet, now: Timestamp) -> Decision {
    let mut step = Step::new(incident, rule, fleet, now.max(incident.updated_at));
    if incident.phase.is_open() {
        step.close_lost_round();
        let read = step.read_round();
        // A phase may lead straight into the next; a handful is the longest such chain.
        for _ in 0..CHAIN_MOST {
            if !step.advance(read) {
                break;
            }
        }
        step.escalate_due();
    }
    step.finish(incident)
}

/// One decision in the making: the incident as it will be, and all that follows.
struct Step<'a> {
    incident: Incident,
    rule: &'a Rule,
    fleet: &'a Fleet,
    now: Timestamp,
    effects: Vec<Effect>,
    because: Vec<Reason>,
    audit: Vec<AuditEntry>,
    guards: Vec<GuardVerdict>,
    /// Decide again then.
    wakes: Vec<Timestamp>,
    /// A round was asked in this decision: one is enough.
    asked: bool,
}

/// All questions of a round share this time; what has not answered by then has failed.
pub const ROUND_BUDGET: Duration = Duration::from_secs(10);

/// The longest chain of phases within one decision; more would be a loop.
const CHAIN_MOST: usize = 8;

impl<'a> Step<'a> {
    fn new(incident: &Incident, rule: &'a Rule, fleet: &'a Fleet, now: Timestamp) -> Self {
        Self {
            incident: incident.clone(),
            rule,
            fleet,
            now,
            effects: Vec::new(),
            because: Vec::new(),
            audit: Vec::new(),
            guards: Vec::new(),
            wakes: Vec::new(),
            asked: false,
        }
    }

    /// Moves on from the present phase. True: the phase changed and wants to move on at once.
    fn advance(&mut self, read: bool) -> bool {
        match self.incident.phase.clone() {
            Phase::Watching | Phase::Waiting { .. } => self.climb(read),
            Phase::Acting { intent } => self.acting(&intent),
            Phase::Looking { intent, deadline } => self.looking(&intent, deadline),
            Phase::Verifying { started, healthy_since } => {
                self.verifying(started, healthy_since, read)
            }
            Phase::Escalated { since } => self.look_on(since, read),
            Phase::Recovered => false,
        }
    }

    fn because(&mut self, reason: Reason) {
        if !self.because.contains(&reason) {
            self.because.push(reason);
        }
    }

    fn write(&mut self, text: impl Into<String>) {
        self.incident.write(self.now, text);
    }

    /// Puts the commit together: what people are told, when to look again, the next revision.
    fn finish(mut self, before: &Incident) -> Decision {
        let open = self.incident.phase.is_open();
        self.tell(before);
        self.incident.revision = before.revision.saturating_add(1);
        self.incident.updated_at = self.now;
        if open {
            self.wakes.extend(escalation::next(&self.incident, self.rule, self.now));
            self.wakes.extend(
                self.incident.last_update_at.map(|last| after(last, self.rule.updates_every)),
            );
        }
        // Never at once again: what is due now was dealt with, and a loop would burn the store.
        let soonest = after(self.now, WAKE_LEAST);
        let wake = self.wakes.iter().min().map(|wake| (*wake).max(soonest)).filter(|_| open);
        Decision {
            incident: self.incident,
            rule: self.rule.revision.clone(),
            effects: self.effects,
            wake,
            because: self.because,
            audit: self.audit,
        }
    }
}

/// The shortest time between two decisions that no news asked for.
const WAKE_LEAST: Duration = Duration::from_millis(50);
