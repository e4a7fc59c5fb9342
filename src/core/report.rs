//! ⑧ What people read, as data. No Slack in it; the channel decides how it looks.

use serde::{Deserialize, Serialize};

use super::action::Outcome;
use super::cause::{Clue, Verdict};
use super::fleet::Fleet;
use super::guard::{self, GuardVerdict};
use super::incident::{Acknowledged, Breaker, Entry, Incident, IncidentId, Phase, WaitReason};
use super::plan;
use super::rule::{BreakerState, Contact, Mode, Rule};
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
    /// What to do about this cause, as the rule says.
    #[serde(default)]
    pub advice: Option<String>,
    /// Who has said that they look after it.
    #[serde(default)]
    pub acknowledged: Option<Acknowledged>,
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
    /// What to do about the cause, as the rule says.
    #[serde(default)]
    pub advice: Option<String>,
    pub channel: Option<String>,
}

/// What the server itself has to say, beside all incidents.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notice {
    pub at: Timestamp,
    /// One sentence: what is true now.
    pub headline: String,
    /// What to know or to do about it, a line each.
    pub lines: Vec<String>,
}

/// The present truth about an incident. Guards and thread are the decision's own and are left empty.
pub fn compose(incident: &Incident, rule: &Rule, fleet: &Fleet, now: Timestamp) -> Report {
    let target = fleet.target.as_ref();
    let over = matches!(incident.phase, Phase::Recovered | Phase::Escalated { .. });
    Report {
        incident: incident.id,
        revision: incident.revision,
        at: now,
        breaker: incident.breaker.clone(),
        summary: rule.summary.clone(),
        status: status(incident),
        headline: headline(incident),
        state: incident.state,
        opened_at: incident.open_since(),
        closed_at: incident.closed_at,
        owner: target.and_then(|target| target.owner.clone()),
        env: target.and_then(|target| target.env.clone()),
        mode: guard::mode(rule, fleet),
        runbook: rule.runbook.clone(),
        channel: rule.channel.clone(),
        rule_revision: incident.rule_revision.clone(),
        verdict: incident.verdict.clone(),
        advice: incident.verdict.as_ref().and_then(|verdict| rule.advice_on(verdict.class)),
        acknowledged: incident.acknowledged.clone(),
        clues: incident.verdict.as_ref().map(|verdict| verdict.because.clone()).unwrap_or_default(),
        plan: plan::steps(incident, rule, over),
        guards: Vec::new(),
        next: next(incident),
        thread: Vec::new(),
    }
}

pub const fn status(incident: &Incident) -> Status {
    match incident.phase {
        Phase::Watching => Status::Investigating,
        Phase::Waiting { why: WaitReason::Person, .. } | Phase::Escalated { .. } => {
            Status::NeedsPerson
        }
        Phase::Waiting { .. } => Status::Waiting,
        Phase::Acting { .. } | Phase::Looking { .. } => Status::Acting,
        Phase::Verifying { .. } => Status::Verifying,
        Phase::Recovered => Status::Recovered,
    }
}

/// One sentence: what is true now.
pub fn headline(incident: &Incident) -> String {
    match &incident.phase {
        Phase::Watching => "finding out why it opened".to_owned(),
        Phase::Waiting { why: WaitReason::Person, .. } => {
            let asked = incident.asked.as_deref().unwrap_or("see the plan");
            format!("a person is asked: {asked} Waiting because {}", unmet(incident))
        }
        Phase::Waiting { why, .. } if incident.unmet.is_empty() => {
            format!("waiting: {}", why.words())
        }
        Phase::Waiting { why, .. } => format!("waiting: {}: {}", why.words(), unmet(incident)),
        Phase::Acting { intent } => format!("doing: {} on {}", intent.action.name, intent.target),
        Phase::Looking { intent, .. } => format!("looking whether {} was done", intent.action.name),
        Phase::Verifying { healthy_since: Some(_), .. } => {
            "it looks well: waiting for it to hold".to_owned()
        }
        Phase::Verifying { healthy_since: None, .. } => {
            "watching whether it is well again".to_owned()
        }
        Phase::Escalated { .. } => {
            let why = incident.needs_person.last().map_or("", String::as_str);
            format!("a person is needed: {why}")
        }
        Phase::Recovered => format!("recovered: {}", done(incident)),
    }
}

/// What the rung still waits for.
fn unmet(incident: &Incident) -> String {
    let texts: Vec<&str> = incident.unmet.iter().map(|unmet| unmet.text.as_str()).collect();
    texts.join(", ")
}

/// What was done, in words: for the closing line and the demo's table.
pub fn done(incident: &Incident) -> String {
    let begun: Vec<String> = incident
        .attempts
        .iter()
        .filter(|attempt| attempt.started_at.is_some_and(|at| at >= incident.open_since()))
        .map(|attempt| match &attempt.outcome {
            Some(Outcome::Done) => attempt.action.clone(),
            Some(Outcome::NotDone(_)) => format!("{} (not done)", attempt.action),
            Some(Outcome::Unknown(_)) | None => format!("{} (outcome unknown)", attempt.action),
        })
        .collect();
    if begun.is_empty() { "waited".to_owned() } else { begun.join(", ") }
}

fn next(incident: &Incident) -> Option<NextStep> {
    let step = |text: &str, at| Some(NextStep { text: text.to_owned(), at });
    match &incident.phase {
        Phase::Watching => step("next look", Some(incident.next_look)),
        Phase::Waiting { until, why } => step(why.words(), Some(*until)),
        Phase::Acting { .. } => step("the outcome of the action", None),
        Phase::Looking { deadline, .. } => {
            step("proof of the outcome, or a person", Some(*deadline))
        }
        Phase::Verifying { .. } => step("next look at its health", Some(incident.next_look)),
        Phase::Escalated { .. } => step("a person", None),
        Phase::Recovered => None,
    }
}
