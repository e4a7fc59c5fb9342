//! An incident as the rows and cards of a page. Only text by now, each piece made visible; decides nothing.

use askama::Template;

use super::shown::{Moment, visible};
use crate::core::action::Outcome;
use crate::core::alert::{AlertFlag, AlertKey, AlertStatus};
use crate::core::guard::{Answer, GuardVerdict};
use crate::core::incident::{AlertRecord, Attempt, Incident};
use crate::core::report::{self, Mark, Report, Status};
use crate::core::rule::BreakerState;
use crate::core::time::Timestamp;
use crate::store;

/// What stands at the top of every page.
pub(super) struct Top {
    pub(super) now: String,
    pub(super) paused_since: Option<String>,
    pub(super) rules_wrong: Option<WrongRules>,
}

/// The rules on disk cannot become active.
pub(super) struct WrongRules {
    since: Moment,
    active: String,
    errors: usize,
    lines: Vec<String>,
    more: usize,
}

impl WrongRules {
    pub(super) fn new(wrong: &store::WrongRules, active: String, now: Timestamp) -> Self {
        Self {
            since: Moment::new(wrong.since, now),
            active,
            errors: wrong.errors,
            lines: wrong.lines.iter().map(|line| visible(line)).collect(),
            more: wrong.errors.saturating_sub(wrong.lines.len()),
        }
    }
}

#[derive(Template)]
#[template(path = "incidents.html")]
pub(super) struct IncidentsPage {
    top: Top,
    open: usize,
    rows: Vec<Row>,
}

impl IncidentsPage {
    pub(super) fn new(top: Top, incidents: &[Incident], open: usize, now: Timestamp) -> Self {
        let rows = incidents.iter().map(|incident| Row::new(incident, now)).collect();
        Self { top, open, rows }
    }
}

/// What both pages say of an incident.
struct Row {
    id: String,
    rule: String,
    target: String,
    status: &'static str,
    /// The colour: `bad`, `warn`, `busy` or `good`.
    tone: &'static str,
    state: &'static str,
    state_words: &'static str,
    cause: &'static str,
    headline: String,
    done: String,
    opened: Moment,
}

impl Row {
    fn new(incident: &Incident, now: Timestamp) -> Self {
        let (status, tone) = match report::status(incident) {
            Status::Investigating => ("investigating", "busy"),
            Status::Waiting => ("waiting", "warn"),
            Status::Acting => ("acting", "busy"),
            Status::Verifying => ("verifying", "busy"),
            Status::NeedsPerson => ("needs a person", "bad"),
            Status::Recovered => ("recovered", "good"),
        };
        Self {
            id: incident.id.to_string(),
            rule: visible(&incident.breaker.rule),
            target: visible(&incident.breaker.target),
            status,
            tone,
            state: incident.state.name(),
            state_words: state_words(incident.state),
            cause: incident.verdict.as_ref().map_or("–", |verdict| verdict.class.name()),
            headline: visible(&report::headline(incident)),
            done: visible(&report::done(incident)),
            opened: Moment::new(incident.opened_at, now),
        }
    }
}

const fn state_words(state: BreakerState) -> &'static str {
    match state {
        BreakerState::Closed => "closed",
        BreakerState::Open => "open",
        BreakerState::HalfOpen => "half-open",
        BreakerState::Quiet => "closed, limited",
        BreakerState::Held => "held by a person",
        BreakerState::Unknown => "unknown",
    }
}

#[derive(Template)]
#[template(path = "incident.html")]
pub(super) struct IncidentPage {
    top: Top,
    row: Row,
    summary: String,
    facts: Vec<Fact>,
    needs: Vec<String>,
    plan: Vec<Step>,
    clues: Vec<Clue>,
    guards: Vec<Guard>,
    attempts: Vec<Tried>,
    dropped: u64,
    timeline: Vec<Line>,
    notifications: u64,
    alerts: Vec<Alert>,
}

struct Fact {
    name: &'static str,
    text: String,
    more: String,
    tone: &'static str,
}

struct Step {
    text: String,
    mark: &'static str,
    words: &'static str,
}

struct Clue {
    cause: &'static str,
    question: String,
    count: f64,
    sample: String,
}

struct Guard {
    name: &'static str,
    answer: String,
    tone: &'static str,
}

struct Tried {
    action: String,
    begun: String,
    outcome: String,
    helped: &'static str,
    key: String,
}

struct Line {
    at: Moment,
    text: String,
}

struct Alert {
    status: &'static str,
    tone: &'static str,
    source: &'static str,
    fingerprint: String,
    last_seen: Moment,
    flags: Vec<&'static str>,
    labels: Vec<(String, String)>,
}

impl IncidentPage {
    /// `report` is the last one that was written for people: it holds the plan and the guards' answers.
    pub(super) fn new(
        top: Top,
        incident: &Incident,
        report: Option<Report>,
        now: Timestamp,
    ) -> Self {
        let row = Row::new(incident, now);
        let facts = facts(incident, report.as_ref(), now);
        let clues = incident.verdict.as_ref().map(clues).unwrap_or_default();
        let (summary, plan, guards) = match report {
            Some(report) => (visible(&report.summary), report.plan, report.guards),
            None => (String::new(), Vec::new(), Vec::new()),
        };
        let lines = incident.timeline.iter();
        let lines =
            lines.map(|entry| Line { at: Moment::new(entry.at, now), text: visible(&entry.text) });
        Self {
            top,
            row,
            summary,
            facts,
            needs: incident.needs().iter().map(|need| visible(need)).collect(),
            plan: plan.into_iter().map(|step| Step::new(&step.text, step.mark)).collect(),
            clues,
            guards: guards.iter().map(Guard::new).collect(),
            attempts: incident.attempts.iter().map(|attempt| Tried::new(attempt, now)).collect(),
            dropped: incident.timeline_dropped,
            timeline: lines.collect(),
            notifications: incident.notifications,
            alerts: incident
                .alerts
                .iter()
                .map(|(key, record)| Alert::new(key, record, now))
                .collect(),
        }
    }
}

fn facts(incident: &Incident, report: Option<&Report>, now: Timestamp) -> Vec<Fact> {
    let fact = |name, text: String, more: String| Fact { name, text, more, tone: "" };
    let opened = Moment::new(incident.opened_at, now);
    let tone = match incident.state {
        BreakerState::Closed => "good",
        BreakerState::Open | BreakerState::Held => "bad",
        BreakerState::HalfOpen | BreakerState::Quiet => "warn",
        BreakerState::Unknown => "",
    };
    let mut facts = vec![Fact {
        name: "Breaker",
        text: state_words(incident.state).to_owned(),
        more: String::new(),
        tone,
    }];
    if let Some(verdict) = &incident.verdict {
        let sure = format!(
            "{:.0} % sure, lasting: {}",
            verdict.confidence * 100.0,
            verdict.lasting.name()
        );
        facts.push(fact("Cause", verdict.class.name().to_owned(), sure));
    }
    if let Some(advice) = report.and_then(|report| report.advice.as_ref()) {
        facts.push(fact("Advice", visible(advice), String::new()));
    }
    if let Some(known) = &incident.acknowledged {
        let note = known.note.as_deref().map(visible).unwrap_or_default();
        facts.push(fact("Acknowledged", visible(&known.by), note));
    }
    if let Some(next) = report.and_then(|report| report.next.as_ref()) {
        let at = next.at.map(|at| format!("at {}", Moment::new(at, now).exact)).unwrap_or_default();
        facts.push(fact("Next", visible(&next.text), at));
    }
    facts.push(fact("Opened", opened.ago, opened.exact));
    if let Some(closed) = incident.closed_at {
        let closed = Moment::new(closed, now);
        facts.push(fact("Closed", closed.ago, closed.exact));
    }
    if let Some(report) = report {
        facts.push(fact("Mode", report.mode.name().to_owned(), String::new()));
        if let Some(owner) = &report.owner {
            let env = report.env.as_deref().map(visible).unwrap_or_default();
            facts.push(fact("Owner", visible(owner), env));
        }
        if let Some(runbook) = &report.runbook {
            facts.push(fact("Runbook", visible(runbook), String::new()));
        }
    }
    facts
}

fn clues(verdict: &crate::core::cause::Verdict) -> Vec<Clue> {
    let clue = |clue: &crate::core::cause::Clue| Clue {
        cause: clue.cause.name(),
        question: visible(&clue.question),
        count: clue.count,
        sample: visible(&clue.sample),
    };
    verdict.because.iter().map(clue).collect()
}

impl Step {
    fn new(text: &str, mark: Mark) -> Self {
        let (mark, words) = match mark {
            Mark::Done => ("done", "done"),
            Mark::Now => ("now", "now"),
            Mark::Ahead => ("ahead", ""),
            Mark::Skipped => ("skipped", "skipped"),
        };
        Self { text: visible(text), mark, words }
    }
}

impl Guard {
    fn new(verdict: &GuardVerdict) -> Self {
        let (answer, tone) = match &verdict.answer {
            Answer::Allow => ("allows it".to_owned(), "good"),
            Answer::NeedsApproval { whom } => (format!("needs the approval of {whom}"), "warn"),
            Answer::Refuse { why, until: None } => (why.clone(), "bad"),
            Answer::Refuse { why, until: Some(until) } => {
                (format!("{why}, until {}", until.strftime("%H:%M:%S UTC")), "bad")
            }
        };
        Self { name: verdict.guard.name(), answer: visible(&answer), tone }
    }
}

impl Tried {
    fn new(attempt: &Attempt, now: Timestamp) -> Self {
        let outcome = match &attempt.outcome {
            None if attempt.started_at.is_none() => "not begun".to_owned(),
            None => "under way".to_owned(),
            Some(Outcome::Done) => "done".to_owned(),
            Some(Outcome::NotDone(why)) => format!("not done: {}", why.0),
            Some(Outcome::Unknown(why)) => format!("unknown: {}", why.0),
        };
        Self {
            action: visible(&attempt.action),
            begun: attempt
                .started_at
                .map_or_else(|| "–".to_owned(), |at| Moment::new(at, now).exact),
            outcome: visible(&outcome),
            helped: match attempt.helped {
                None => "–",
                Some(true) => "yes",
                Some(false) => "no",
            },
            key: visible(&attempt.key.0),
        }
    }
}

impl Alert {
    fn new(key: &AlertKey, record: &AlertRecord, now: Timestamp) -> Self {
        let (status, tone) = match record.status {
            AlertStatus::Firing => ("firing", "bad"),
            AlertStatus::Resolved => ("resolved", "good"),
        };
        let labels = record.labels.iter();
        Self {
            status,
            tone,
            source: key.source.name(),
            fingerprint: visible(&key.fingerprint),
            last_seen: Moment::new(record.last_seen, now),
            flags: record.flags.iter().map(|flag| flag_words(*flag)).collect(),
            labels: labels.map(|(name, value)| (visible(name), visible(value))).collect(),
        }
    }
}

const fn flag_words(flag: AlertFlag) -> &'static str {
    match flag {
        AlertFlag::Oversize => "oversize: never acted on",
        AlertFlag::FingerprintReplaced => "no fingerprint of its own",
        AlertFlag::FingerprintMismatch => "fingerprint does not fit the labels",
        AlertFlag::TimesOdd => "odd times",
        AlertFlag::TimeClamped => "impossible time",
        AlertFlag::GroupTruncated => "group truncated",
        AlertFlag::NotHeld => "not held by Alertmanager",
    }
}
