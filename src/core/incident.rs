//! ② One breaker's trouble: what is known, where it stands, what was tried. Only `decide` moves it.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;

use super::action::{Intent, IntentKey, Outcome};
use super::alert::{Alert, AlertFlag, AlertKey, AlertStatus, Labels};
use super::cause::{Class, Verdict};
use super::evidence::{Findings, Question};
use super::rule::{BreakerState, RuleName, TargetName};
use super::time::Timestamp;

/// `INC-<n>` to people; never reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct IncidentId(pub u64);

impl fmt::Display for IncidentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "INC-{}", self.0)
    }
}

/// A breaker is a rule and a target. One open incident for a breaker, ever.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Breaker {
    pub rule: RuleName,
    pub target: TargetName,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Incident {
    pub id: IncidentId,
    pub breaker: Breaker,
    /// The alert named a target outside the inventory: observed, never acted on.
    pub unknown_target: bool,
    /// The rule revision it started with.
    pub rule_revision: String,
    /// Grows with every commit.
    pub revision: u64,
    pub opened_at: Timestamp,
    pub updated_at: Timestamp,
    pub closed_at: Option<Timestamp>,
    /// How often it was reopened within the window.
    pub reopened: Vec<Timestamp>,
    pub phase: Phase,
    pub alerts: BTreeMap<AlertKey, AlertRecord>,
    /// Notifications seen, repeats included.
    pub notifications: u64,
    /// The round of questions now open or last answered.
    pub round: Option<Round>,
    /// The breaker's state in the last complete round.
    pub state: BreakerState,
    pub verdict: Option<Verdict>,
    /// Complete rounds in a row without a cause.
    pub unknown_rounds: u32,
    /// Whose ladder is climbed: fixed by the first verdict, changed only when a new verdict differs.
    pub ladder: Option<Class>,
    /// The next rung of that ladder.
    pub rung: usize,
    pub attempts: Vec<Attempt>,
    /// Escalation rules already told, by their index.
    pub told: Vec<usize>,
    /// Why a person is needed, first reason first, bounded.
    pub needs_person: Vec<String>,
    pub timeline: Vec<Entry>,
    pub last_update_at: Option<Timestamp>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AlertRecord {
    pub status: AlertStatus,
    pub labels: Labels,
    pub flags: Vec<AlertFlag>,
    pub first_seen: Timestamp,
    pub last_seen: Timestamp,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// Nothing asked yet, or time to ask again at `until`.
    Watching { until: Timestamp },
    /// A round of questions is out; what has not come by `deadline` has failed.
    Asking { deadline: Timestamp },
    /// A rung says wait: until a moment, or for proof that the cause is gone.
    Waiting { until: Timestamp, why: WaitReason },
    /// An intent is decided, and perhaps begun: nothing else until its outcome is written.
    Acting { intent: Box<Intent> },
    /// The outcome is unknown: only look, until `deadline`.
    Looking { intent: Box<Intent>, deadline: Timestamp },
    /// Health is watched; since `healthy_since` all signals agree.
    Verifying { started: Timestamp, healthy_since: Option<Timestamp>, next: Timestamp },
    /// A person has it; we look on, tell, and do nothing.
    Escalated { since: Timestamp, next: Timestamp },
    /// Verified closed.
    Recovered,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WaitReason {
    ActAfter,
    HalfOpen,
    RetryAfter,
    Fixed,
    /// Until the cause is proven gone.
    Gone,
    /// Until a guard that refused may allow.
    Guard,
}

/// One round of questions, asked side by side.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Round {
    pub number: u64,
    pub asked_at: Timestamp,
    pub questions: Vec<Question>,
    /// `None` until the round came back whole; a late or repeated answer changes nothing.
    pub findings: Option<Findings>,
    pub answered_at: Option<Timestamp>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attempt {
    pub key: IntentKey,
    pub action: String,
    pub decided_at: Timestamp,
    /// When `Started` was committed; `None`: never begun.
    pub started_at: Option<Timestamp>,
    pub outcome: Option<Outcome>,
    pub finished_at: Option<Timestamp>,
    /// The breaker was verified closed after it.
    pub helped: Option<bool>,
}

/// A line of the incident's history, as people read it. Append-only, bounded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    pub at: Timestamp,
    pub text: String,
}

/// What happened outside. Written into the incident first; `decide` then looks at the whole record.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum News {
    Findings {
        round: u64,
        findings: Findings,
    },
    Started {
        key: IntentKey,
    },
    /// The guards, asked again inside the transaction of the intent, said no, or it had expired.
    NotStarted {
        key: IntentKey,
        why: Vec<String>,
    },
    Finished {
        key: IntentKey,
        outcome: Outcome,
    },
}

impl Phase {
    pub const fn is_open(&self) -> bool {
        !matches!(self, Self::Recovered)
    }

    pub const fn name(&self) -> &'static str {
        match self {
            Self::Watching { .. } => "watching",
            Self::Asking { .. } => "asking",
            Self::Waiting { .. } => "waiting",
            Self::Acting { .. } => "acting",
            Self::Looking { .. } => "looking",
            Self::Verifying { .. } => "verifying",
            Self::Escalated { .. } => "escalated",
            Self::Recovered => "recovered",
        }
    }
}

/// Where an alert belongs, as the active rules have it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Placement {
    pub breaker: Breaker,
    /// The alert named a target outside the inventory, or none: observed, its owner told, never acted on.
    pub unknown_target: bool,
}

impl Incident {
    /// A new incident of `breaker`, due at once. Its first alert is told by `hear`.
    pub fn open(
        id: IncidentId,
        placement: &Placement,
        rule_revision: &str,
        now: Timestamp,
    ) -> Self {
        Self {
            id,
            breaker: placement.breaker.clone(),
            unknown_target: placement.unknown_target,
            rule_revision: rule_revision.to_owned(),
            revision: 0,
            opened_at: now,
            updated_at: now,
            closed_at: None,
            reopened: Vec::new(),
            phase: Phase::Watching { until: now },
            alerts: BTreeMap::new(),
            notifications: 0,
            round: None,
            state: BreakerState::Unknown,
            verdict: None,
            unknown_rounds: 0,
            ladder: None,
            rung: 0,
            attempts: Vec::new(),
            told: Vec::new(),
            needs_person: Vec::new(),
            timeline: Vec::new(),
            last_update_at: None,
        }
    }

    /// Writes what an alert says into the record. True when that is news which `decide` should see at once.
    pub fn hear(&mut self, alert: &Alert, received_at: Timestamp) -> bool {
        todo!("{alert:?} {received_at}")
    }

    /// Writes what happened outside into the record. False when it was known, late, or of another round: nothing changed.
    pub fn learn(&mut self, news: &News, now: Timestamp) -> bool {
        todo!("{news:?} {now}")
    }
}
