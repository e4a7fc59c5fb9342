//! ② One breaker's trouble: what is known, where it stands, what was tried. Only `decide` moves it.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;

use super::action::{Intent, IntentKey, Outcome, Why};
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
    #[serde(with = "super::alert::by_key")]
    pub alerts: BTreeMap<AlertKey, AlertRecord>,
    /// Notifications seen, repeats included.
    pub notifications: u64,
    /// When an alert last said something new.
    pub alerts_changed_at: Timestamp,
    /// The round of questions now open or last answered.
    pub round: Option<Round>,
    /// The last round whose findings were read.
    pub read_round: u64,
    /// When to ask the next round.
    pub next_look: Timestamp,
    /// The state as read again just before an action.
    pub reread: Option<Reread>,
    /// The breaker's state in the last complete round.
    pub state: BreakerState,
    pub verdict: Option<Verdict>,
    /// Complete rounds in a row without a cause.
    pub unknown_rounds: u32,
    /// Whose ladder is climbed: fixed by the first verdict, changed only when a new verdict differs.
    pub ladder: Option<Class>,
    /// How often the ladder was changed: too often means that nobody knows.
    pub ladder_changes: u32,
    /// The rung of that ladder we stand on, and since when.
    pub rung: usize,
    pub rung_since: Option<Timestamp>,
    /// What the rung still waits for: items of its checklist, or what a person was asked to make healthy.
    #[serde(default)]
    pub unmet: Vec<Unmet>,
    /// What a person was asked while the ladder waits for it.
    #[serde(default)]
    pub asked: Option<String>,
    /// Who said that they have it.
    #[serde(default)]
    pub acknowledged: Option<Acknowledged>,
    pub attempts: Vec<Attempt>,
    /// The last refusal that was told, so that it is told once.
    pub last_refusal: Option<String>,
    /// Escalation rules already told, by their index.
    pub told: Vec<usize>,
    /// Why a person is needed, first reason first, bounded.
    pub needs_person: Vec<String>,
    /// Calls for a person so far.
    pub pages: u32,
    pub timeline: Vec<Entry>,
    /// Lines of history that were dropped to keep it bounded, and lines that people were told, both counted from the first.
    pub timeline_dropped: u64,
    pub timeline_told: u64,
    pub last_update_at: Option<Timestamp>,
}

/// An item that does not hold yet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unmet {
    /// Its place in the rung's list, so that a changed value is no news.
    pub item: usize,
    /// What it is now, in words.
    pub text: String,
}

/// A person has seen the incident and looks after it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Acknowledged {
    pub by: String,
    pub at: Timestamp,
    pub note: Option<String>,
}

/// A reading of the state between the decision to act and the act.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reread {
    pub at: Timestamp,
    pub state: BreakerState,
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
    /// Finding out: no rung has been begun.
    Watching,
    /// A rung says wait: until a moment, or for proof that the cause is gone.
    Waiting { until: Timestamp, why: WaitReason },
    /// An intent is decided, and perhaps begun: nothing else until its outcome is written.
    Acting { intent: Box<Intent> },
    /// The outcome is unknown: only look, until `deadline`.
    Looking { intent: Box<Intent>, deadline: Timestamp },
    /// Health is watched; since `healthy_since` all signals agree.
    Verifying { started: Timestamp, healthy_since: Option<Timestamp> },
    /// A person has it; we look on, tell, and do nothing.
    Escalated { since: Timestamp },
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
    /// Until every item of the rung's checklist holds.
    Checklist,
    /// Until what a person was asked for is seen.
    Person,
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
    /// The state, read again just before the action.
    Reread {
        state: BreakerState,
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

impl WaitReason {
    pub const fn words(self) -> &'static str {
        match self {
            Self::ActAfter => "open for too short a time to act",
            Self::HalfOpen => "the breaker tries again by itself",
            Self::RetryAfter => "the other side told us to wait",
            Self::Fixed => "the rule says so",
            Self::Gone => "the cause is not proven gone",
            Self::Guard => "a guard does not allow it yet",
            Self::Checklist => "the checklist does not hold yet",
            Self::Person => "a person was asked",
        }
    }

    /// What it waits for may come at any time before the moment that is named.
    pub const fn may_end_early(self) -> bool {
        match self {
            Self::Gone | Self::Guard | Self::Checklist | Self::Person => true,
            Self::ActAfter | Self::HalfOpen | Self::RetryAfter | Self::Fixed => false,
        }
    }
}

impl Phase {
    pub const fn is_open(&self) -> bool {
        !matches!(self, Self::Recovered)
    }

    pub const fn name(&self) -> &'static str {
        match self {
            Self::Watching => "watching",
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
            phase: Phase::Watching,
            alerts: BTreeMap::new(),
            notifications: 0,
            alerts_changed_at: now,
            round: None,
            read_round: 0,
            next_look: now,
            reread: None,
            state: BreakerState::Unknown,
            verdict: None,
            unknown_rounds: 0,
            ladder: None,
            ladder_changes: 0,
            rung: 0,
            rung_since: None,
            unmet: Vec::new(),
            asked: None,
            acknowledged: None,
            attempts: Vec::new(),
            last_refusal: None,
            told: Vec::new(),
            needs_person: Vec::new(),
            pages: 0,
            timeline: Vec::new(),
            timeline_dropped: 0,
            timeline_told: 0,
            last_update_at: None,
        }
    }

    /// Begins again: the breaker opened once more within the window after it was verified closed.
    pub fn reopen(&mut self, rule_revision: &str, now: Timestamp) {
        let fresh = Self::open(
            self.id,
            &Placement { breaker: self.breaker.clone(), unknown_target: self.unknown_target },
            rule_revision,
            now,
        );
        let before = std::mem::replace(self, fresh);
        self.revision = before.revision;
        self.opened_at = before.opened_at;
        self.reopened = before.reopened;
        self.reopened.push(now);
        self.round = before.round;
        self.read_round = before.read_round;
        self.attempts = before.attempts;
        self.alerts = before.alerts;
        self.notifications = before.notifications;
        self.pages = before.pages;
        self.timeline = before.timeline;
        self.timeline_dropped = before.timeline_dropped;
        self.timeline_told = before.timeline_told;
        self.write(now, "the breaker opened again: the incident is reopened");
    }

    /// Since when the breaker has been open this time.
    pub fn open_since(&self) -> Timestamp {
        self.reopened.last().copied().unwrap_or(self.opened_at)
    }

    /// A person has it. The first one who says so, for this outage.
    pub fn acknowledge(&mut self, by: &str, note: Option<&str>, now: Timestamp) {
        if self.acknowledged.is_some() {
            return;
        }
        let by = printable(by, PERSON_MOST_CHARS);
        let said = note.map(|note| format!(": {note}")).unwrap_or_default();
        self.write(now, format!("acknowledged by {by}{said}"));
        let note = note.map(str::to_owned);
        self.acknowledged = Some(Acknowledged { by, at: now, note });
    }

    /// Why a person is needed now, the ladder's own question included.
    pub fn needs(&self) -> Vec<String> {
        let asked = match self.phase {
            Phase::Waiting { why: WaitReason::Person, .. } => self.asked.clone(),
            Phase::Waiting { .. }
            | Phase::Watching
            | Phase::Acting { .. }
            | Phase::Looking { .. }
            | Phase::Verifying { .. }
            | Phase::Escalated { .. }
            | Phase::Recovered => None,
        };
        self.needs_person.iter().cloned().chain(asked).collect()
    }

    /// Adds a line of history; the oldest go when it grows too long.
    pub fn write(&mut self, at: Timestamp, text: impl Into<String>) {
        self.timeline.push(Entry { at, text: text.into() });
        if self.timeline.len() > TIMELINE_MOST {
            self.timeline.remove(0);
            self.timeline_dropped = self.timeline_dropped.saturating_add(1);
        }
    }

    /// Writes what an alert says into the record. True when that is news which `decide` should see at once.
    pub fn hear(&mut self, alert: &Alert, received_at: Timestamp) -> bool {
        self.notifications = self.notifications.saturating_add(1);
        let name = alert.labels.get("alertname").map_or("alert", String::as_str).to_owned();
        let word = match alert.status {
            AlertStatus::Firing => "fires",
            AlertStatus::Resolved if alert.flags.contains(&AlertFlag::NotHeld) => {
                "is not held by Alertmanager: a lost resolve, or a stale notification"
            }
            AlertStatus::Resolved => "is resolved",
        };
        if let Some(known) = self.alerts.get_mut(&alert.key) {
            known.last_seen = known.last_seen.max(received_at);
            if known.status == alert.status && known.flags == alert.flags {
                return false;
            }
            known.status = alert.status;
            known.flags.clone_from(&alert.flags);
        } else if self.alerts.len() >= ALERTS_MOST {
            return false;
        } else {
            let record = AlertRecord {
                status: alert.status,
                labels: alert.labels.clone(),
                flags: alert.flags.clone(),
                first_seen: received_at,
                last_seen: received_at,
            };
            self.alerts.insert(alert.key.clone(), record);
        }
        self.alerts_changed_at = self.alerts_changed_at.max(received_at);
        self.write(
            received_at,
            format!("{} {word} ({})", printable(&name, 80), alert.key.source.name()),
        );
        true
    }

    /// Writes what happened outside into the record. False when it was known, late, or of another round: nothing changed.
    pub fn learn(&mut self, news: &News, now: Timestamp) -> bool {
        match news {
            News::Findings { round, findings } => {
                let Some(open) =
                    self.round.as_mut().filter(|r| r.number == *round && r.findings.is_none())
                else {
                    return false;
                };
                open.findings = Some(findings.clone());
                open.answered_at = Some(now);
                true
            }
            News::Reread { state } => {
                self.reread = Some(Reread { at: now, state: *state });
                true
            }
            News::Started { key } => self.attempt(key).is_some_and(|attempt| {
                let first = attempt.started_at.is_none();
                attempt.started_at.get_or_insert(now);
                first
            }),
            News::NotStarted { key, why } => self.attempt(key).is_some_and(|attempt| {
                let first = attempt.started_at.is_none() && attempt.outcome.is_none();
                if first {
                    attempt.outcome = Some(Outcome::NotDone(Why(why.join("; "))));
                    attempt.finished_at = Some(now);
                }
                first
            }),
            News::Finished { key, outcome } => self.attempt(key).is_some_and(|attempt| {
                let news = match attempt.outcome {
                    None => true,
                    // Looking may prove what was unknown; a proven outcome never changes.
                    Some(Outcome::Unknown(_)) => !matches!(outcome, Outcome::Unknown(_)),
                    Some(Outcome::Done | Outcome::NotDone(_)) => false,
                };
                if news {
                    attempt.outcome = Some(outcome.clone());
                    attempt.finished_at = Some(now);
                }
                news
            }),
        }
    }

    fn attempt(&mut self, key: &IntentKey) -> Option<&mut Attempt> {
        self.attempts.iter_mut().find(|attempt| attempt.key == *key)
    }
}

/// More lines of history than this nobody reads in one incident.
pub const TIMELINE_MOST: usize = 200;
/// Longer names of people are cut.
const PERSON_MOST_CHARS: usize = 80;
/// More alerts than this say nothing new about one breaker.
pub const ALERTS_MOST: usize = 100;

/// `text` cut to `most` characters, with control and direction characters made visible: it may be an attacker's.
pub fn printable(text: &str, most: usize) -> String {
    let mut out: String = text
        .chars()
        .take(most)
        .map(|c| {
            let hidden = c.is_control() || matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}');
            if hidden { '\u{fffd}' } else { c }
        })
        .collect();
    if text.chars().nth(most).is_some() {
        out.push('…');
    }
    out
}
