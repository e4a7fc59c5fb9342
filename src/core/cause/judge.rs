//! The findings of one round → the verdict. Never names a cause by a bare majority, and never from doubtful findings.

use super::lasting::lasting;
use super::votes::{Ballot, Tally};
use super::{Class, Clue, Verdict};
use crate::core::classify::Patterns;
use crate::core::evidence::{Ask, Finding, Value};
use crate::core::incident::Round;
use crate::core::rule::{Meaning, Rule};
use crate::core::time::{Timestamp, since};

/// This share of all weight names a cause.
const NAMES: f64 = 0.6;
/// Two causes of at least this share each, none of them enough: mixed.
const MIXES: f64 = 0.25;
/// Below this weight there is too little to name anything; a single fresh answer or line weighs just more.
const LEAST_WEIGHT: f64 = 0.25;
/// The weight at which the amount of evidence halves the confidence. Plenty of one kind weighs 1, of all kinds 2.4.
const HALF_WEIGHT: f64 = 0.5;
/// A cause with less than this share is no runner-up.
const RUNNER_UP: f64 = 0.05;
/// People read the strongest few.
const CLUES_MOST: usize = 6;

/// Why the breaker of `rule` opened, as the findings of `round` have it.
///
/// Each finding weighs by its kind and amount (`votes`). A cause with 0.6 of the weight is the class; two with 0.25
/// each and none with 0.6 are mixed; all else is unknown. Confidence = share × weight ÷ (weight + 0.5).
pub fn judge(rule: &Rule, round: &Round, opened_at: Timestamp, now: Timestamp) -> Verdict {
    let lasting = lasting(rule, round, now);
    // The loader refuses patterns that do not compile. Should one get here, nobody knows what it would have said.
    let tally = match Patterns::with(&rule.cause_patterns) {
        Ok(patterns) => {
            let patterns = patterns.reading(&rule.cause_statuses);
            count(rule, round, opened_at, &patterns)
        }
        Err(_) => Tally::default(),
    };
    let (class, share) = class_of(&tally);
    let confidence = share * tally.named() / (tally.named() + HALF_WEIGHT);
    let mut because = tally.clues;
    because.sort_by(|one, other| {
        let supports = |clue: &(f64, Clue)| Class::from(clue.1.cause) == class;
        supports(other).cmp(&supports(one)).then(other.0.total_cmp(&one.0))
    });
    let ranked = &tally.ranked;
    let runner_up = match class {
        Class::Unknown => ranked.first(),
        Class::Auth
        | Class::RateLimited
        | Class::Upstream5xx
        | Class::Timeout
        | Class::Network
        | Class::Tls
        | Class::Database
        | Class::Resource
        | Class::ClientBug
        | Class::Mixed => ranked.get(1),
    };
    Verdict {
        class,
        confidence: if confidence.is_finite() { confidence.clamp(0.0, 1.0) } else { 0.0 },
        because: because.into_iter().take(CLUES_MOST).map(|(_, clue)| clue).collect(),
        runner_up: runner_up
            .filter(|(_, weight)| *weight >= RUNNER_UP * tally.total)
            .map(|(cause, _)| *cause),
        lasting,
        retry_at: tally.retry_at,
        quota: tally.quota && class == Class::RateLimited,
    }
}

/// All votes of the round. What is missing, failed, partial or stale has none (P8).
fn count(rule: &Rule, round: &Round, opened_at: Timestamp, patterns: &Patterns) -> Tally {
    let mut ballot = Ballot::new(patterns, opened_at);
    let Some(findings) = &round.findings else { return Tally::default() };
    for evidence in &rule.evidence {
        let Some(Finding::Value(reading)) = findings.get(&evidence.name) else { continue };
        let is_stale = since(round.asked_at, reading.at) > evidence.max_age;
        match evidence.meaning {
            Meaning::Quantity => {}
            Meaning::Statuses | Meaning::Upstream if is_stale => {}
            // A query's number is a count or a ratio: 429 of something are no 429.
            Meaning::Errors | Meaning::Statuses | Meaning::Upstream
                if matches!(reading.value, Value::Number(_))
                    && !matches!(evidence.ask, Ask::Http(_)) => {}
            // Lines carry their own times.
            Meaning::Errors | Meaning::Statuses | Meaning::Upstream => {
                ballot.cast(&evidence.name, reading);
            }
        }
    }
    ballot.tally()
}

fn class_of(tally: &Tally) -> (Class, f64) {
    let share =
        |index: usize| tally.ranked.get(index).map_or(0.0, |(_, weight)| weight / tally.total);
    let Some((first, _)) = tally.ranked.first() else { return (Class::Unknown, 0.0) };
    if tally.named() < LEAST_WEIGHT {
        (Class::Unknown, 0.0)
    } else if share(0) >= NAMES {
        (Class::from(*first), share(0))
    } else if share(1) >= MIXES {
        (Class::Mixed, share(0) + share(1))
    } else {
        (Class::Unknown, 0.0)
    }
}
