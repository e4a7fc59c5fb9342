//! ⑤ Every guard's answer. Never acts, and never says no without a reason a person can act on.

mod limits;

use serde::{Deserialize, Serialize};

use super::action::Intent;
use super::alert::AlertFlag;
use super::cause::{Class, Lasting};
use super::fleet::{Fleet, OPEN_SEEN};
use super::incident::Incident;
use super::planted::Bug;
use super::rule::{BreakerState, Mode, Rule, Target, VerifySignal};
use super::time::{Duration, Timestamp, after, shown, since};
use super::verify;

/// What one guard says of one action now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    Allow,
    NeedsApproval { whom: String },
    Refuse { why: String, until: Option<Timestamp> },
}

/// The guards by name, in the order in which people read them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Guard {
    /// G1: the kill switch, and pauses of the incident or its target.
    Pause,
    /// G2: many breakers open at once.
    Correlated,
    /// G3, G10: only targets of the inventory, never a protected one.
    Inventory,
    /// G12: the rule's mode and the owner's ceiling.
    Mode,
    /// Open long enough (`act_after`).
    ActAfter,
    /// G5: no second attempt within the cooldown, doubled after each failure.
    Cooldown,
    /// G4: attempts an incident, a target, a group and all.
    Budget,
    /// G6: another incident's open intent on the target or its group.
    Lock,
    /// G16: an unknown outcome locks the target until a person clears it.
    UnknownOutcome,
    /// G7: the evidence is young enough, and the state was read again and is still open.
    Evidence,
    /// G11: remedies by cause.
    Cause,
    /// Every item of the rung's checklist holds.
    Checklist,
    /// G18: settled after the start.
    Settle,
    /// A verification is declared.
    Verify,
    /// The decision has not expired.
    Expiry,
}

/// One guard and its answer; all are evaluated and shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GuardVerdict {
    pub guard: Guard,
    pub answer: Answer,
}

/// Every guard's answer on `intent` as things stand at `now`. Called by `decide`, and again by the store inside the
/// transaction that writes `Started`, on the incident and the fleet as they are then.
pub fn evaluate(
    intent: &Intent,
    incident: &Incident,
    rule: &Rule,
    fleet: &Fleet,
    now: Timestamp,
) -> Vec<GuardVerdict> {
    let case = Case { intent, incident, rule, fleet, now };
    Guard::ALL
        .iter()
        .map(|guard| GuardVerdict { guard: *guard, answer: case.answer(*guard) })
        .collect()
}

/// What the answers come to: the strictest of them.
pub fn strictest(verdicts: &[GuardVerdict]) -> Answer {
    verdicts
        .iter()
        .map(|verdict| &verdict.answer)
        .max_by_key(|answer| severity(answer))
        .cloned()
        .unwrap_or(Answer::Allow)
}

/// Allow, approval, a refusal that ends (the later the stricter), one that does not.
fn severity(answer: &Answer) -> (u8, Option<Timestamp>) {
    match answer {
        Answer::Allow => (0, None),
        Answer::NeedsApproval { .. } => (1, None),
        Answer::Refuse { until: Some(moment), .. } => (2, Some(*moment)),
        Answer::Refuse { until: None, .. } => (3, None),
    }
}

/// The refusals in words, each with its guard's name.
pub fn refusals(verdicts: &[GuardVerdict]) -> Vec<String> {
    verdicts
        .iter()
        .filter_map(|verdict| match &verdict.answer {
            Answer::Allow => None,
            Answer::NeedsApproval { whom } => {
                Some(format!("{}: needs the approval of {whom}", verdict.guard.name()))
            }
            Answer::Refuse { why, .. } => Some(format!("{}: {why}", verdict.guard.name())),
        })
        .collect()
}

/// How far automation may go now: the rule's mode, the owner's ceiling, and any demotion.
pub fn mode(rule: &Rule, fleet: &Fleet) -> Mode {
    let ceiling = ceiling(rule, fleet);
    let ceiling = if fleet.bugs.has(Bug::IgnoreCeiling) { Mode::Auto } else { ceiling };
    rule.mode.min(ceiling).min(fleet.mode_limit.unwrap_or(Mode::Auto))
}

/// The owner's ceiling: as it is now, and never above what it was when the incident's rule was read.
pub fn ceiling(rule: &Rule, fleet: &Fleet) -> Mode {
    let lower = |target: &Target| target.ceiling.min(rule.ceiling_of(&target.name));
    fleet.target.as_ref().map_or(Mode::Observe, lower)
}

/// A decision not begun by then is not begun at all (G7).
pub const DECISION_LASTS: Duration = Duration::from_secs(120);
/// The state read again just before an action is no older than this when the action begins.
pub const REREAD_LASTS: Duration = Duration::from_secs(5);

/// One question to all guards.
struct Case<'a> {
    intent: &'a Intent,
    incident: &'a Incident,
    rule: &'a Rule,
    fleet: &'a Fleet,
    now: Timestamp,
}

impl Case<'_> {
    fn answer(&self, guard: Guard) -> Answer {
        match guard {
            Guard::Pause => self.pause(),
            Guard::Correlated => self.correlated(),
            Guard::Inventory => self.inventory(),
            Guard::Mode => self.mode(),
            Guard::ActAfter => self.not_before(
                after(self.incident.open_since(), self.rule.act_after),
                "open for too short a time",
            ),
            Guard::Cooldown => limits::cooldown(self.intent, self.fleet, self.now),
            Guard::Budget => {
                limits::budget(self.intent, self.fleet, self.incident.open_since(), self.now)
            }
            Guard::Lock => self.lock(),
            Guard::UnknownOutcome => self.unknown_outcome(),
            Guard::Evidence => self.evidence(),
            Guard::Cause => self.cause(),
            Guard::Checklist => self.checklist(),
            Guard::Settle => self.settle(),
            Guard::Verify => self.verify(),
            Guard::Expiry => self.expiry(),
        }
    }

    /// The intent is decided already: this is the second asking, just before it begins.
    fn at_begin(&self) -> bool {
        self.incident.attempts.iter().any(|attempt| attempt.key == self.intent.key)
    }

    fn not_before(&self, moment: Timestamp, why: &str) -> Answer {
        if self.now < moment { refuse_until(why, moment) } else { Answer::Allow }
    }

    fn pause(&self) -> Answer {
        if self.at_begin() && self.fleet.bugs.has(Bug::KillSwitchCached) {
            return Answer::Allow;
        }
        if let Some(since) = self.fleet.kill_switch {
            return refuse(format!(
                "all automation is paused since {}; `reclose resume --all` ends it",
                shown(since)
            ));
        }
        match self.fleet.paused_until {
            Some(until) if self.now < until => {
                refuse_until("a person paused automation here", until)
            }
            Some(_) | None => Answer::Allow,
        }
    }

    /// G2: many breakers open at once are one trouble, and it is not theirs.
    fn correlated(&self) -> Answer {
        // Beyond what is seen one by one, all of it counts.
        let open = if self.fleet.open.len() < OPEN_SEEN {
            self.fleet.open.len()
        } else {
            usize::try_from(self.fleet.open_count).unwrap_or(usize::MAX)
        };
        let percent = u64::from(self.fleet.brake_percent) * u64::from(self.fleet.inventory);
        if open >= BRAKE_OPEN && open as u64 * 100 > percent {
            return refuse(format!(
                "{open} of {} targets have an open incident",
                self.fleet.inventory
            ));
        }
        let recent =
            self.fleet.open.iter().filter(|o| since(self.now, o.opened_at) <= BRAKE_BURST).count();
        if recent > BRAKE_BURST_MOST {
            return refuse(format!("{recent} breakers opened within a minute"));
        }
        let mine = self.incident.open_since();
        let beside = self.fleet.open.iter().find(|other| {
            other.id != self.incident.id
                && other.group == self.intent.group
                && other.opened_at.duration_since(mine).unsigned_abs() <= BRAKE_GROUP
        });
        match beside {
            Some(other) => refuse(format!(
                "{} opened in the same group `{}` within five minutes",
                other.id, other.group
            )),
            None => Answer::Allow,
        }
    }

    fn inventory(&self) -> Answer {
        if self.incident.unknown_target {
            return refuse(format!(
                "`{}` is not in rules/targets.yaml",
                self.incident.breaker.target
            ));
        }
        let Some(target) = &self.fleet.target else {
            return refuse(format!(
                "`{}` is not in rules/targets.yaml any more",
                self.intent.target
            ));
        };
        if target.protect {
            return refuse(format!("`{}` is protected: never acted on", target.name));
        }
        Answer::Allow
    }

    fn mode(&self) -> Answer {
        // A fix that the rule names without proof that the cause is gone is a person's to allow (G11).
        let most = if self.intent.gone { Mode::Auto } else { Mode::Approve };
        match mode(self.rule, self.fleet).min(most) {
            Mode::Auto => Answer::Allow,
            Mode::Approve => {
                let owner = self.fleet.target.as_ref().and_then(|target| target.owner.clone());
                Answer::NeedsApproval {
                    whom: owner.unwrap_or_else(|| "the target's owner".to_owned()),
                }
            }
            mode @ (Mode::Suggest | Mode::Observe) => {
                refuse(format!("mode is {}: nothing is done, only told", mode.name()))
            }
        }
    }

    fn lock(&self) -> Answer {
        let other = self.fleet.in_flight.iter().find(|flight| {
            flight.key != self.intent.key.0
                && (flight.target == self.intent.target || flight.group == self.intent.group)
        });
        match other {
            Some(flight) => refuse(format!(
                "{} has an action under way on `{}`",
                flight.incident, flight.target
            )),
            None => Answer::Allow,
        }
    }

    fn unknown_outcome(&self) -> Answer {
        match self.fleet.locked.get(&self.intent.target) {
            Some(incident) => refuse(format!(
                "nobody knows what an action of {incident} did here; `reclose unlock {} --reason …` after you have looked",
                self.intent.target
            )),
            None => Answer::Allow,
        }
    }

    /// G7: young evidence, and the state read again and still open.
    fn evidence(&self) -> Answer {
        if self.incident.alerts.values().any(|alert| alert.flags.contains(&AlertFlag::Oversize)) {
            return refuse("an alert was too large and was cut: a person must look".to_owned());
        }
        let blind = self.fleet.bugs.has(Bug::ActOnUnknown);
        if self.at_begin() {
            return match self.incident.reread {
                Some(reread)
                    if reread.at >= self.intent.decided_at
                        && since(self.now, reread.at) <= REREAD_LASTS =>
                {
                    if reread.state == BreakerState::Open
                        || blind && reread.state == BreakerState::Unknown
                    {
                        Answer::Allow
                    } else {
                        refuse(format!("the state was read again and is {}", reread.state.name()))
                    }
                }
                Some(_) | None => {
                    refuse("the state was not read again just before the action".to_owned())
                }
            };
        }
        let answered = self.incident.round.as_ref().and_then(|round| round.answered_at);
        let fresh = answered.is_some_and(|at| since(self.now, at) <= self.rule.state.max_age);
        if !fresh {
            return refuse("the evidence is too old".to_owned());
        }
        if self.incident.state == BreakerState::Open
            || blind && self.incident.state == BreakerState::Unknown
        {
            Answer::Allow
        } else {
            refuse(format!("the breaker is {}, not open", self.incident.state.name()))
        }
    }

    /// G11: remedies by cause while the cause lasts.
    fn cause(&self) -> Answer {
        let Some(verdict) = &self.incident.verdict else {
            return refuse("no cause was found".to_owned());
        };
        match verdict.class {
            Class::Unknown | Class::Mixed => {
                return refuse(format!("the cause is {}", verdict.class.name()));
            }
            Class::Auth
            | Class::RateLimited
            | Class::Upstream5xx
            | Class::Timeout
            | Class::Network
            | Class::Tls
            | Class::Database
            | Class::Resource
            | Class::ClientBug => {}
        }
        let gone = verdict.lasting == Lasting::No || self.fleet.bugs.has(Bug::ResetWhileLasting);
        if self.intent.gone && !gone {
            return refuse(format!("the cause ({}) is not proven gone", verdict.class.name()));
        }
        Answer::Allow
    }

    /// The rung's checklist, by the answers of the round it was decided on, and by their age now.
    fn checklist(&self) -> Answer {
        if self.intent.checklist.is_empty() || self.fleet.bugs.has(Bug::IgnoreChecklist) {
            return Answer::Allow;
        }
        let Some(findings) = self.incident.round.as_ref().and_then(|round| round.findings.as_ref())
        else {
            return refuse("nobody knows whether the checklist holds".to_owned());
        };
        let list = &self.intent.checklist;
        let unmet = verify::unmet(self.rule, list, self.incident, findings, self.now);
        if unmet.is_empty() {
            return Answer::Allow;
        }
        let items: Vec<String> = unmet.into_iter().map(|unmet| unmet.text).collect();
        refuse(items.join(", "))
    }

    fn settle(&self) -> Answer {
        if self.fleet.observe_only {
            return refuse(
                "reclose started too often without a clean stop: it only observes".to_owned(),
            );
        }
        match self.fleet.settled_at {
            Some(moment) => self.not_before(moment, "reclose has just started and is settling"),
            None => Answer::Allow,
        }
    }

    fn verify(&self) -> Answer {
        let signals = &self.rule.verify.all;
        let other = signals.iter().any(|signal| !matches!(signal, VerifySignal::AlertResolved));
        if signals.len() >= 2 && other {
            Answer::Allow
        } else {
            refuse("the rule declares no verification with two signals".to_owned())
        }
    }

    fn expiry(&self) -> Answer {
        if self.now > self.intent.expires_at {
            refuse("the decision has expired".to_owned())
        } else {
            Answer::Allow
        }
    }
}

/// G2: so many open incidents, and more than the inventory's share, are a correlated failure.
const BRAKE_OPEN: usize = 4;
/// G2: more than so many openings within a minute are one.
const BRAKE_BURST_MOST: usize = 5;
const BRAKE_BURST: Duration = Duration::from_secs(60);
/// G2: two breakers of one group that opened so close together share their cause.
const BRAKE_GROUP: Duration = Duration::from_secs(300);

fn refuse(why: String) -> Answer {
    Answer::Refuse { why, until: None }
}

fn refuse_until(why: &str, until: Timestamp) -> Answer {
    Answer::Refuse { why: format!("{why}, until {}", shown(until)), until: Some(until) }
}

impl Guard {
    pub const ALL: [Self; 15] = [
        Self::Pause,
        Self::Correlated,
        Self::Inventory,
        Self::Mode,
        Self::ActAfter,
        Self::Cooldown,
        Self::Budget,
        Self::Lock,
        Self::UnknownOutcome,
        Self::Evidence,
        Self::Cause,
        Self::Checklist,
        Self::Settle,
        Self::Verify,
        Self::Expiry,
    ];

    /// The word of reports, metrics and the audit log.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pause => "pause",
            Self::Correlated => "correlated",
            Self::Inventory => "inventory",
            Self::Mode => "mode",
            Self::ActAfter => "act_after",
            Self::Cooldown => "cooldown",
            Self::Budget => "budget",
            Self::Lock => "lock",
            Self::UnknownOutcome => "unknown_outcome",
            Self::Evidence => "evidence",
            Self::Cause => "cause",
            Self::Checklist => "checklist",
            Self::Settle => "settle",
            Self::Verify => "verify",
            Self::Expiry => "expiry",
        }
    }

    /// It will not change its mind by waiting: a person is needed at once.
    pub const fn needs_person(self) -> bool {
        match self {
            Self::Correlated
            | Self::Inventory
            | Self::Mode
            | Self::UnknownOutcome
            | Self::Verify => true,
            Self::Pause
            | Self::ActAfter
            | Self::Cooldown
            | Self::Budget
            | Self::Lock
            | Self::Evidence
            | Self::Cause
            | Self::Checklist
            | Self::Settle
            | Self::Expiry => false,
        }
    }
}

impl GuardVerdict {
    /// Waiting will not change its mind: a person is needed at once.
    pub const fn needs_person(&self) -> bool {
        let for_good = matches!(self.answer, Answer::Refuse { until: None, .. });
        for_good
            && (self.guard.needs_person() || matches!(self.guard, Guard::Budget | Guard::Settle))
    }

    pub const fn allows(&self) -> bool {
        matches!(self.answer, Answer::Allow)
    }
}
