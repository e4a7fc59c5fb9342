//! Whether the cause still holds, by the upstream's own word. Never concludes from silence that it is gone.

use super::Lasting;
use crate::core::evidence::{Ask, Finding, ProbeResult, Reading, Value};
use crate::core::incident::Round;
use crate::core::rule::{EvidenceRule, Meaning, Rule};
use crate::core::time::{Duration, Timestamp, after, since};

/// Clocks differ; a reading further ahead than this is no reading.
const CLOCK_SLACK: Duration = Duration::from_secs(30);

/// `No` only when every upstream probe has been healthy for its hold and was just read; `Yes` when a fresh one fails.
pub(super) fn lasting(rule: &Rule, round: &Round, now: Timestamp) -> Lasting {
    let mut answers = rule
        .evidence
        .iter()
        .filter(|evidence| evidence.meaning == Meaning::Upstream)
        .map(|evidence| one(rule, round, evidence, now))
        .peekable();
    if answers.peek().is_none() {
        return Lasting::Unknown;
    }
    answers.fold(Lasting::No, |so_far, answer| match (so_far, answer) {
        (Lasting::Yes, _) | (_, Lasting::Yes) => Lasting::Yes,
        (Lasting::Unknown, _) | (_, Lasting::Unknown) => Lasting::Unknown,
        (Lasting::No, Lasting::No) => Lasting::No,
    })
}

fn one(rule: &Rule, round: &Round, evidence: &EvidenceRule, now: Timestamp) -> Lasting {
    let finding = round.findings.as_ref().and_then(|findings| findings.get(&evidence.name));
    let Some(Finding::Value(reading)) = finding else { return Lasting::Unknown };
    let fresh = since(now, reading.at) <= evidence.max_age && reading.at <= after(now, CLOCK_SLACK);
    if !fresh {
        return Lasting::Unknown;
    }
    match &reading.value {
        Value::Probe(probe) if !probe.healthy => Lasting::Yes,
        Value::Probe(probe) => held(rule, evidence, reading, probe, now),
        // A bare status is one look: it can show that the cause lasts, never that it is gone.
        Value::Number(status) if *status >= 400.0 && matches!(evidence.ask, Ask::Http(_)) => {
            Lasting::Yes
        }
        Value::Number(_)
        | Value::Word(_)
        | Value::Series(_)
        | Value::Trend(_)
        | Value::Lines { .. } => Lasting::Unknown,
    }
}

/// Healthy for the probe's own hold.
fn held(
    rule: &Rule,
    evidence: &EvidenceRule,
    reading: &Reading,
    probe: &ProbeResult,
    now: Timestamp,
) -> Lasting {
    let Ask::Probe { probe: name } = &evidence.ask else { return Lasting::Unknown };
    let Some(hold) = rule.probe(name).map(|probe| probe.hold) else { return Lasting::Unknown };
    if probe.held(hold, reading.at, now) { Lasting::No } else { Lasting::Unknown }
}
