//! A live round of questions → a case. Never takes in what is stale, partial or of no meaning for the cause.

use super::case::{Case, Counts, Line, Lines, Missing, Said, Witness};
use super::judge::weigh;
use super::lasting::lasting;
use super::whose::Whose;
use super::{Class, Reach, Verdict};
use crate::core::evidence::{Absence, Ask, Finding, Reading, Value};
use crate::core::incident::Round;
use crate::core::redact::redact;
use crate::core::rule::{EvidenceRule, Meaning, Rule};
use crate::core::time::{Duration, Timestamp, since};

/// A breaker opens by what failed within so long before.
const NEAR: Duration = Duration::from_mins(2);

/// Why the breaker of `rule` opened, as the findings of `round` have it.
pub fn judge(rule: &Rule, round: &Round, opened_at: Timestamp, now: Timestamp) -> Verdict {
    let lasting = lasting(rule, round, now);
    // The loader refuses patterns that do not compile. Should one get here, nobody knows what it would have said.
    let Ok(patterns) = rule.patterns() else {
        return Verdict { lasting, ..unknown() };
    };
    weigh(&case_of(rule, round, opened_at), &patterns, lasting)
}

fn unknown() -> Verdict {
    Verdict {
        class: Class::Unknown,
        confidence: 0.0,
        because: Vec::new(),
        runner_up: None,
        lasting: super::Lasting::Unknown,
        retry_at: None,
        quota: false,
        told_wait: None,
        reach: Reach::Unknown,
        against: Vec::new(),
        missing: Vec::new(),
    }
}

/// What a round says, as it is weighed.
pub fn case_of(rule: &Rule, round: &Round, opened_at: Timestamp) -> Case {
    let mut case = Case {
        opened_at,
        whose: Whose::new(
            rule.targets.iter().map(String::as_str).chain([rule.name.as_str()]),
            [],
            false,
        ),
        ..Case::default()
    };
    let Some(findings) = &round.findings else { return case };
    for evidence in rule.evidence.iter().filter(|evidence| evidence.meaning != Meaning::Quantity) {
        let question = evidence.name.clone();
        match findings.get(&evidence.name) {
            Some(Finding::Value(reading)) => match heard(evidence, round, reading) {
                Ok(Some(Said::Lines(lines))) => {
                    if is_torn(&lines, opened_at) {
                        let why = "its lines were cut, those from before the opening too";
                        case.missing
                            .push(Missing { question: question.clone(), why: why.to_owned() });
                    }
                    case.witnesses.push(Witness { question, said: Said::Lines(lines) });
                }
                Ok(Some(said)) => case.witnesses.push(Witness { question, said }),
                Ok(None) => {}
                Err(why) => case.missing.push(Missing { question, why }),
            },
            // A system that has counted nothing has answered: nothing failed, or nothing was called.
            Some(Finding::NoData(Absence::Empty)) => {}
            Some(Finding::NoData(absence)) => {
                let why = match absence {
                    Absence::Empty => "no data",
                    Absence::Stale => "its samples are too old",
                    Absence::NotFinite => "it answers with no number",
                    Absence::Partial => "part of the answer is missing",
                };
                case.missing.push(Missing { question, why: why.to_owned() });
            }
            Some(Finding::Failed(failure)) => {
                case.missing.push(Missing { question, why: redact(&failure.detail).into_owned() });
            }
            None => case.missing.push(Missing { question, why: "it was not asked".to_owned() }),
        }
    }
    case
}

/// The source cut its lines, and what it left does not reach back to the minutes before the opening.
fn is_torn(lines: &Lines, opened_at: Timestamp) -> bool {
    let reaches =
        |line: &Line| line.at.is_none_or(|at| at < opened_at && since(opened_at, at) >= NEAR);
    !lines.complete && !lines.lines.iter().any(reaches)
}

/// What a reading says about the cause; nothing, or why it may not be used.
fn heard(
    evidence: &EvidenceRule,
    round: &Round,
    reading: &Reading,
) -> Result<Option<Said>, String> {
    let is_stale = since(round.asked_at, reading.at) > evidence.max_age;
    // Lines carry their own times.
    if is_stale && evidence.meaning != Meaning::Errors {
        return Err("its samples are too old".to_owned());
    }
    let counts =
        |label: String| Said::Counts(Counts { now: [(label, 1.0)].into(), ..Counts::default() });
    Ok(match &reading.value {
        // A query's number is a count or a ratio: 429 of something are no 429.
        Value::Number(_) if !matches!(evidence.ask, Ask::Http(_)) => None,
        Value::Number(status) => Some(counts(format!("{status}"))),
        Value::Word(word) => Some(counts(word.clone())),
        Value::Series(series) => {
            Some(Said::Counts(Counts { now: series.clone(), ..Counts::default() }))
        }
        Value::Probe(probe) => Some(Said::Probe { probe: probe.clone(), at: reading.at }),
        Value::Lines { lines, complete } => {
            let lines = lines
                .iter()
                .map(|line| Line { at: line.at, text: line.text.clone(), instance: None })
                .collect();
            // A quiet log that was asked for from before the opening says that nothing failed then.
            let from = evidence.ask.looks_back().and_then(|last| reading.at.checked_sub(last).ok());
            let from = from.filter(|_| *complete);
            Some(Said::Lines(Lines { lines, complete: *complete, from, read_at: reading.at }))
        }
        Value::Trend(_) => None,
    })
}
