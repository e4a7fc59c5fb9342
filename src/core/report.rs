//! ⑧ What people read, as data. No Slack in it; the channel decides how it looks.

use serde::{Deserialize, Serialize};

use super::cause::{Clue, Verdict};
use super::guard::GuardVerdict;
use super::incident::{Breaker, Entry, IncidentId};
use super::rule::{BreakerState, Contact, Mode};
use super::time::Timestamp;

/// The present truth about an incident: what the root message shows, edited in place.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Report {
    pub incident: IncidentId,
    pub revision: u64,
    pub at: Timestamp,
    pub breaker: Breaker,
    pub summary: String,
    pub status: Status,
    /// One sentence: what is true now.
    pub headline: String,
    pub state: BreakerState,
    pub opened_at: Timestamp,
    pub closed_at: Option<Timestamp>,
    pub owner: Option<String>,
    pub env: Option<String>,
    pub mode: Mode,
    pub runbook: Option<String>,
    pub channel: Option<String>,
    pub rule_revision: String,
    pub verdict: Option<Verdict>,
    pub clues: Vec<Clue>,
    /// The ladder of the cause, with where we are.
    pub plan: Vec<Step>,
    /// All guards of the last decision about an action; empty when none was due.
    pub guards: Vec<GuardVerdict>,
    /// What comes next and when, in words.
    pub next: Option<NextStep>,
    /// New lines of history since the last report: the thread.
    pub thread: Vec<Entry>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    Investigating,
    Waiting,
    Acting,
    Verifying,
    NeedsPerson,
    Recovered,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    pub text: String,
    pub mark: Mark,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mark {
    Done,
    Now,
    Ahead,
    Skipped,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NextStep {
    pub text: String,
    pub at: Option<Timestamp>,
}

/// A call to people: mentioned in the channel, repeated rather than lost.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Page {
    pub incident: IncidentId,
    pub at: Timestamp,
    /// Which call of the incident this is, from 1: part of its delivery key.
    pub number: u32,
    pub to: Vec<Contact>,
    pub reason: String,
    pub channel: Option<String>,
}
