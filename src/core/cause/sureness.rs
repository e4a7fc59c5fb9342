//! How often a verdict like this one is right, as measured (docs/causes.md). Never surer than its weakest ground allows.

use super::case::{Case, Said};
use super::votes::{Kind, Tally};
use super::{Cause, Class};

/// Lines that say themselves what failed are right so often, once there are enough of them.
const LINES: f64 = 0.98;
/// The share of doubt that each further weight of lines leaves: three fresh lines weigh six.
const DOUBT_LEFT: f64 = 0.6;
/// A status that names its cause (401, 429); one behind which anything may stand (503); a probe that fails now.
const PLAIN_STATUS: f64 = 0.8;
const GATEWAY_STATUS: f64 = 0.65;
const PROBE: f64 = 0.5;
/// A measurement that explains a status, alone.
const SUGGESTED: f64 = 0.75;
/// How far another cause's share of the weight lowers it.
const CONTESTED: f64 = 0.7;
/// Something that was asked is missing: less, by the larger of a share and a step.
const PARTIAL: f64 = 0.85;
const PARTIAL_STEP: f64 = 0.12;
/// Nothing names a cause although lines were read: so often nothing did. Less where something came near, and less
/// where there were no lines to read.
const NOTHING: f64 = 0.85;
const NOTHING_BUT: f64 = 0.5;
const NO_LINES: f64 = 0.7;
const NO_LINES_BUT: f64 = 0.3;
/// Two causes, and one of them was it.
const MIXED: f64 = 0.4;

pub(super) fn of(class: Class, share: f64, tally: &Tally, case: &Case) -> f64 {
    let first = tally.ranked.first().map(|(cause, _)| *cause);
    let sure = match (class, first) {
        (Class::Unknown, _) if !anything_was_read(case) => 0.0,
        (Class::Unknown, near) => match (lines_were_read(case), near.is_some()) {
            (true, false) => NOTHING,
            (true, true) => NOTHING_BUT,
            (false, false) => NO_LINES,
            (false, true) => NO_LINES_BUT,
        },
        (Class::Mixed, _) | (_, None) => MIXED,
        (_, Some(first)) => grounds(first, tally) * (1.0 - CONTESTED * (1.0 - share)),
    };
    let sure =
        if case.missing.is_empty() { sure } else { (sure * PARTIAL).min(sure - PARTIAL_STEP) };
    if sure.is_finite() { sure.clamp(0.0, 1.0) } else { 0.0 }
}

/// Independent grounds: the doubt that is left is the product of their doubts.
fn grounds(cause: Cause, tally: &Tally) -> f64 {
    let lines = tally.by_lines.get(&cause).copied().unwrap_or(0.0);
    let all: f64 = tally.by_lines.values().sum();
    let amount = if all > 0.0 { tally.line_amount * lines / all } else { 0.0 };
    let by_lines = LINES * (1.0 - DOUBT_LEFT.powf(amount));
    let kinds = tally.kinds.get(&cause);
    let has = |kind: Kind| kinds.is_some_and(|kinds| kinds.contains(&kind));
    let literal = tally
        .clues
        .iter()
        .any(|(_, clue)| clue.cause == cause && clue.sample.starts_with("status "));
    let status = if !has(Kind::Statuses) {
        0.0
    } else if literal && !matches!(cause, Cause::Upstream5xx) {
        PLAIN_STATUS
    } else if literal {
        GATEWAY_STATUS
    } else {
        SUGGESTED
    };
    // A status that the lines explain is no ground of its own.
    let status = if amount > 0.0 && !literal { status / 2.0 } else { status };
    let probe = if has(Kind::Probe) { PROBE } else { 0.0 };
    (1.0 - (1.0 - by_lines) * (1.0 - status) * (1.0 - probe)).clamp(0.0, LINES)
}

fn lines_were_read(case: &Case) -> bool {
    case.witnesses
        .iter()
        .any(|witness| matches!(&witness.said, Said::Lines(lines) if !lines.lines.is_empty()))
}

fn anything_was_read(case: &Case) -> bool {
    case.witnesses.iter().any(|witness| match &witness.said {
        Said::Lines(lines) => !lines.lines.is_empty(),
        Said::Counts(_) | Said::Probe { .. } => true,
        Said::Support(_) => false,
    })
}
