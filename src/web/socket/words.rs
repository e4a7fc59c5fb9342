//! What is said over the socket: one line of JSON each way. Serialized types of their own, apart from the core's.

use serde::{Deserialize, Serialize};
use std::sync::Arc;

use crate::core::command::Scope;
use crate::core::incident::{Acknowledged, Incident, IncidentId};
use crate::core::rule::{BreakerState, TargetName};
use crate::core::time::Timestamp;
use crate::store::{Store, StoreError, TargetLock, Which, WrongRules};

/// More incidents than this are counted, not listed: nobody reads them on a terminal.
const LISTED_MOST: usize = 500;
/// `--all` looks back so far.
const NEWEST: u32 = 500;

/// What a command asks of the server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Request {
    Incidents {
        all: bool,
    },
    /// One incident whole, with its last round of answers.
    Incident {
        id: IncidentId,
    },
    AuditVerify,
    Order(Order),
    /// Read the rules again.
    Reload,
}

/// An order as it is typed: spans instead of moments, because only the server's clock counts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Order {
    PauseAll { reason: String },
    ResumeAll,
    Pause { what: Scope, for_secs: u64, reason: String },
    Resume { what: Scope },
    Unlock { target: TargetName, reason: String },
    Acknowledge { incident: IncidentId, note: Option<String> },
}

/// What the server answers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Response {
    Incidents(Listing),
    Incident(Box<Incident>),
    Audit(Audit),
    /// The order is carried out: what is true from now on.
    Ordered(String),
    /// The rules were read again and are active; `before` is the same revision if nothing had changed.
    Reloaded {
        before: String,
        revision: String,
        rules: usize,
        targets: usize,
    },
    /// The rules were read again and are wrong: the set stays as it was.
    RulesWrong {
        active: String,
        errors: usize,
        report: String,
    },
    /// The answer is no, and why.
    Refused(String),
    /// The server could not do it: its own fault, or its disk's.
    Failed(String),
}

/// Is the audit log what was written?
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "chain")]
pub enum Audit {
    Whole { entries: u64, head: String },
    Broken { entry: u64, why: String },
}

/// What is open, and every switch that is on. The shape of `reclose incidents --json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Listing {
    pub at: Timestamp,
    /// `pause --all`: since when.
    pub paused_since: Option<Timestamp>,
    pub pauses: Vec<Pause>,
    pub locks: Vec<TargetLock>,
    /// The rules of the server; `None`: it is stopped, and has none.
    #[serde(default)]
    pub rules: Option<Rules>,
    pub incidents: Vec<Line>,
    /// So many more are not listed.
    pub more: usize,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pause {
    pub what: String,
    pub until: Timestamp,
}

/// The rules that are active, and what is wrong with those on disk.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rules {
    pub revision: String,
    pub wrong: Option<WrongRules>,
}

impl Rules {
    pub fn new(revision: &str, wrong: Option<Arc<WrongRules>>) -> Self {
        let wrong = wrong.map(|wrong| wrong.as_ref().clone());
        Self { revision: revision.to_owned(), wrong }
    }
}

/// One incident.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Line {
    pub id: String,
    pub rule: String,
    pub target: TargetName,
    pub phase: String,
    pub state: BreakerState,
    pub cause: Option<String>,
    pub confidence: Option<f64>,
    pub opened_at: Timestamp,
    pub closed_at: Option<Timestamp>,
    /// Actions that were begun.
    pub attempts: usize,
    /// Why a person is needed.
    pub needs_person: Vec<String>,
    /// Who has said that they look after it.
    pub acknowledged: Option<Acknowledged>,
    /// The last line of its history.
    pub last: Option<String>,
}

/// Reads what `incidents` shows, from a running server's store or a stopped one's.
pub async fn list(store: &Store, all: bool, now: Timestamp) -> Result<Listing, StoreError> {
    let which = if all { Which::Newest(NEWEST) } else { Which::Open };
    let incidents = store.incidents(which).await?;
    let switches = store.switches().await?;
    let pauses = switches.pauses.into_iter().filter(|(_, until)| *until > now);
    Ok(Listing {
        at: now,
        paused_since: switches.kill_switch_since,
        pauses: pauses.map(|(scope, until)| Pause { what: scope_name(&scope), until }).collect(),
        locks: switches.locks,
        rules: None,
        more: incidents.len().saturating_sub(LISTED_MOST),
        incidents: incidents.iter().take(LISTED_MOST).map(line).collect(),
    })
}

fn line(incident: &Incident) -> Line {
    Line {
        id: incident.id.to_string(),
        rule: incident.breaker.rule.clone(),
        target: incident.breaker.target.clone(),
        phase: incident.phase.name().to_owned(),
        state: incident.state,
        cause: incident.verdict.as_ref().map(|verdict| verdict.class.name().to_owned()),
        confidence: incident.verdict.as_ref().map(|verdict| verdict.confidence),
        opened_at: incident.opened_at,
        closed_at: incident.closed_at,
        attempts: incident.attempts.iter().filter(|attempt| attempt.started_at.is_some()).count(),
        needs_person: if incident.phase.is_open() { incident.needs() } else { Vec::new() },
        acknowledged: incident.acknowledged.clone(),
        last: incident.timeline.last().map(|entry| entry.text.clone()),
    }
}

/// `INC-7` is an incident; all else names a target.
pub fn scope(text: &str) -> Scope {
    let number = text.strip_prefix("INC-").or_else(|| text.strip_prefix("inc-"));
    match number.and_then(|number| number.parse().ok()) {
        Some(number) => Scope::Incident(IncidentId(number)),
        None => Scope::Target(text.to_owned()),
    }
}

fn scope_name(scope: &Scope) -> String {
    match scope {
        Scope::Incident(id) => id.to_string(),
        Scope::Target(target) => target.clone(),
    }
}
