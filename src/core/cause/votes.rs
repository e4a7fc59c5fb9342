//! The votes of a case's witnesses, weighed by kind and amount. Never lets one kind of evidence outshout the others
//! by its numbers: three thousand failed calls and three log lines are two witnesses.

mod counts;
mod labels;
mod lines;

use std::collections::{BTreeMap, BTreeSet};

use self::labels::Bucket;
use super::case::{Case, Said};
use super::support::Hints;
use super::{Cause, Clue};
use crate::core::classify::{self, Patterns};
use crate::core::evidence::ProbeResult;
use crate::core::time::{Duration, Timestamp, after};

/// Error lines say what failed; statuses what a gateway made of it; a probe what another call meets now.
const LINES: f64 = 1.0;
const STATUSES: f64 = 0.8;
const PROBE: f64 = 0.6;
/// A measurement that fits what the lines say makes them surer.
const SUPPORT: f64 = 0.15;
/// So many failures give half of a witness's weight.
const HALF_AMOUNT: f64 = 2.0;
/// Failures without a name stand against every cause, at half their weight.
const UNNAMED: f64 = 0.5;

/// The outcome: causes by weight, strongest first.
#[derive(Default)]
pub(super) struct Tally {
    pub(super) ranked: Vec<(Cause, f64)>,
    /// With the failures that nobody could name.
    pub(super) total: f64,
    pub(super) clues: Vec<(f64, Clue)>,
    pub(super) retry_at: Option<Timestamp>,
    pub(super) told_wait: BTreeMap<Option<Cause>, Duration>,
    pub(super) quota: bool,
    /// Weight of the lines that said themselves what failed.
    pub(super) by_lines: BTreeMap<Cause, f64>,
    pub(super) line_amount: f64,
    /// Kinds of witnesses that speak for a cause by themselves.
    pub(super) kinds: BTreeMap<Cause, BTreeSet<Kind>>,
    /// The instances whose lines spoke for a cause.
    pub(super) instances: BTreeMap<Cause, BTreeSet<String>>,
    pub(super) aside: Vec<String>,
    /// Errors began only after the opening.
    pub(super) after_only: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    Lines,
    Statuses,
    Probe,
    Support,
}

impl Tally {
    pub(super) fn named(&self) -> f64 {
        self.ranked.iter().fold(0.0, |sum, (_, weight)| sum + weight)
    }
}

/// A failure whose name says little (`503`, `IO_ERROR`): log lines may explain it.
struct Soft {
    weight: f64,
    bucket: Bucket,
    kind: Kind,
}

/// The votes while they are cast.
pub(super) struct Ballot<'p> {
    patterns: &'p Patterns,
    opened_at: Timestamp,
    tally: Tally,
    votes: BTreeMap<Cause, f64>,
    hints: Hints,
    soft: Vec<Soft>,
    clues: BTreeMap<(Cause, String), (f64, Clue)>,
    quota_lines: u32,
    rate_lines: u32,
}

/// All votes of a case.
pub(super) fn count(case: &Case, patterns: &Patterns) -> Tally {
    let mut ballot = Ballot {
        patterns,
        opened_at: case.opened_at,
        tally: Tally::default(),
        votes: BTreeMap::new(),
        hints: Hints::default(),
        soft: Vec::new(),
        clues: BTreeMap::new(),
        quota_lines: 0,
        rate_lines: 0,
    };
    for witness in &case.witnesses {
        match &witness.said {
            Said::Lines(lines) => ballot.lines(&witness.question, lines, &case.whose),
            Said::Counts(counts) => ballot.counts(&witness.question, counts),
            Said::Probe { probe, at } => ballot.probe(&witness.question, probe, *at),
            Said::Support(support) => ballot.hints.add(&witness.question, support, case.opened_at),
        }
    }
    ballot.tally()
}

impl Ballot<'_> {
    fn probe(&mut self, question: &str, probe: &ProbeResult, at: Timestamp) {
        if probe.healthy {
            return;
        }
        self.told(probe.retry_after, at);
        let by_status = probe.status.map(|code| self.patterns.status(code));
        let by_status = by_status.filter(|signal| signal.cause.is_some());
        let signal =
            by_status.or_else(|| probe.failure.map(|kind| classify::failure(kind, &probe.detail)));
        let Some(cause) = signal.as_ref().and_then(|signal| signal.cause) else { return };
        let status = probe.status.map(|status| format!("status {status}"));
        let sample = match (status, probe.detail.is_empty()) {
            (Some(status), true) => status,
            (Some(status), false) => format!("{status}: {}", probe.detail),
            (None, _) => probe.detail.clone(),
        };
        let explained_by =
            probe.status.map_or(&[][..], |code| labels::explained_by(code, self.patterns));
        let bucket = Bucket {
            cause: Some(cause),
            explained_by,
            count: 1.0,
            sample: classify::sample(&sample),
        };
        if let Some(wait) = probe.retry_after {
            let told = self.tally.told_wait.entry(Some(cause)).or_default();
            *told = (*told).max(wait);
        }
        self.soften(question, PROBE, bucket, Kind::Probe);
    }

    /// A vote that lines may explain; its clue stays with what it literally says.
    fn soften(&mut self, question: &str, weight: f64, bucket: Bucket, kind: Kind) {
        if let Some(cause) = bucket.cause {
            let clue = Clue::of(cause, question, bucket.count, &bucket.sample);
            self.clue(weight, clue);
        }
        self.soft.push(Soft { weight, bucket, kind });
    }

    /// The sample of a cause is that of its heaviest vote.
    fn clue(&mut self, weight: f64, clue: Clue) {
        let key = (clue.cause, clue.question.clone());
        match self.clues.get_mut(&key) {
            None => drop(self.clues.insert(key, (weight, clue))),
            Some((known_weight, known)) => {
                *known_weight += weight;
                known.count += clue.count;
                known.first = [known.first, clue.first].into_iter().flatten().min();
                known.last = known.last.max(clue.last);
            }
        }
    }

    /// The last moment that anybody named: an earlier one has been overtaken.
    fn told(&mut self, wait: Option<Duration>, at: Timestamp) {
        self.tally.retry_at = self.tally.retry_at.max(wait.map(|wait| after(at, wait)));
    }

    fn tally(mut self) -> Tally {
        let mut unnamed = 0.0;
        for soft in std::mem::take(&mut self.soft) {
            // Nothing says that it failed before the opening, and the lines say that it failed after.
            if self.tally.after_only && soft.kind == Kind::Statuses {
                continue;
            }
            unnamed += UNNAMED * self.explain(soft);
        }
        for (cause, strength) in &self.hints.by_cause {
            if self.tally.by_lines.contains_key(cause) {
                *self.votes.entry(*cause).or_default() += SUPPORT * strength;
                self.tally.kinds.entry(*cause).or_default().insert(Kind::Support);
            }
        }
        let mut ranked: Vec<(Cause, f64)> =
            self.votes.into_iter().filter(|(_, weight)| *weight > 0.0).collect();
        ranked.sort_by(|one, other| other.1.total_cmp(&one.1).then(one.0.cmp(&other.0)));
        let named: f64 = ranked.iter().map(|(_, weight)| weight).sum();
        let voted: BTreeSet<Cause> = ranked.iter().map(|(cause, _)| *cause).collect();
        let hints = self.hints.clues.into_iter().filter(|(_, clue)| voted.contains(&clue.cause));
        Tally {
            ranked,
            total: named + unnamed,
            clues: self.clues.into_values().chain(hints).collect(),
            quota: self.quota_lines > 0 && self.quota_lines * 2 >= self.rate_lines,
            ..self.tally
        }
    }

    /// Gives a status to the causes that the lines name behind it, else to those that measurements suggest.
    /// The weight that stays without a name.
    fn explain(&mut self, Soft { weight, bucket, kind }: Soft) -> f64 {
        let explained = self.tally.line_amount / (self.tally.line_amount + HALF_AMOUNT);
        let by_lines = among(&self.tally.by_lines, bucket.explained_by);
        let left = self.move_to(&by_lines, weight, explained, kind);
        let hints = among(&self.hints.by_cause, bucket.explained_by);
        let surest = hints.iter().map(|(_, strength)| *strength).fold(0.0, f64::max);
        // What the lines name needs no guess.
        let surest = if by_lines.is_empty() { surest } else { 0.0 };
        let left = self.move_to(&hints, left, surest, kind);
        let Some(cause) = bucket.cause else { return left };
        *self.votes.entry(cause).or_default() += left;
        self.tally.kinds.entry(cause).or_default().insert(kind);
        0.0
    }

    /// Moves `share` of a weight to candidates by their own weights; what is left.
    fn move_to(&mut self, to: &[(Cause, f64)], weight: f64, share: f64, kind: Kind) -> f64 {
        let all: f64 = to.iter().map(|(_, weight)| weight).sum();
        if all <= 0.0 {
            return weight;
        }
        for (cause, part) in to {
            *self.votes.entry(*cause).or_default() += weight * share * part / all;
            self.tally.kinds.entry(*cause).or_default().insert(kind);
        }
        weight * (1.0 - share)
    }
}

fn among(weights: &BTreeMap<Cause, f64>, causes: &[Cause]) -> Vec<(Cause, f64)> {
    causes.iter().filter_map(|cause| weights.get(cause).map(|weight| (*cause, *weight))).collect()
}
