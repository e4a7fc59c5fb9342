//! The votes of one round's findings, weighed by kind and amount. Never lets one kind of evidence outshout the others
//! by its numbers: three thousand failed calls and three log lines are two witnesses.

mod labels;
mod lines;

use std::collections::BTreeMap;

use self::labels::Bucket;
use super::{Cause, Clue};
use crate::core::classify::{self, Patterns};
use crate::core::evidence::{ProbeResult, Reading, Value};
use crate::core::time::{Duration, Timestamp, after};

/// Error lines say what failed; statuses what a gateway made of it; a probe what another call meets now.
const LINES: f64 = 1.0;
const STATUSES: f64 = 0.8;
const PROBE: f64 = 0.6;
/// So many failures give half of a witness's weight.
const HALF_AMOUNT: f64 = 2.0;
/// Failures without a name stand against every cause, at half their weight.
const UNNAMED: f64 = 0.5;
/// Client errors below this share of all calls are the ordinary background of any service.
const BACKGROUND: f64 = 0.05;

/// The outcome: causes by weight, strongest first.
#[derive(Default)]
pub(super) struct Tally {
    pub(super) ranked: Vec<(Cause, f64)>,
    /// With the failures that nobody could name.
    pub(super) total: f64,
    pub(super) clues: Vec<(f64, Clue)>,
    pub(super) retry_at: Option<Timestamp>,
    pub(super) quota: bool,
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
}

/// The votes while they are cast.
pub(super) struct Ballot<'p> {
    patterns: &'p Patterns,
    opened_at: Timestamp,
    votes: BTreeMap<Cause, f64>,
    /// Of `votes`, those by lines that say themselves what failed.
    by_lines: BTreeMap<Cause, f64>,
    line_amount: f64,
    soft: Vec<Soft>,
    clues: BTreeMap<(Cause, String), (f64, Clue)>,
    retry_at: Option<Timestamp>,
    quota_lines: u32,
    rate_lines: u32,
}

impl<'p> Ballot<'p> {
    pub(super) fn new(patterns: &'p Patterns, opened_at: Timestamp) -> Self {
        Self {
            patterns,
            opened_at,
            votes: BTreeMap::new(),
            by_lines: BTreeMap::new(),
            line_amount: 0.0,
            soft: Vec::new(),
            clues: BTreeMap::new(),
            retry_at: None,
            quota_lines: 0,
            rate_lines: 0,
        }
    }

    /// One finding's votes, by the kind of its value.
    pub(super) fn cast(&mut self, question: &str, reading: &Reading) {
        match &reading.value {
            Value::Lines { lines, complete } => self.lines(question, lines, *complete, reading.at),
            Value::Series(series) => {
                self.series(question, series.iter().map(|(label, count)| (label.as_str(), *count)));
            }
            // A single status: `503` as a number or as a word.
            Value::Number(status) => {
                self.series(question, std::iter::once((format!("{status}").as_str(), 1.0)));
            }
            Value::Word(word) => self.series(question, std::iter::once((word.as_str(), 1.0))),
            Value::Probe(probe) => self.probe(question, probe, reading.at),
            Value::Trend(_) => {}
        }
    }

    fn series<'s>(&mut self, question: &str, series: impl Iterator<Item = (&'s str, f64)>) {
        let counts: Vec<(&str, f64)> =
            series.filter(|(_, count)| count.is_finite() && *count > 0.0).collect();
        let all: f64 = counts.iter().map(|(_, count)| count).sum();
        let failing: Vec<Bucket> = counts
            .iter()
            .filter_map(|(label, count)| labels::bucket(label, *count, self.patterns))
            .filter(|bucket| {
                bucket.cause != Some(Cause::ClientBug) || bucket.count >= BACKGROUND * all
            })
            .collect();
        let amount: f64 = failing.iter().map(|bucket| bucket.count).sum();
        for bucket in failing {
            let weight = STATUSES * amount / (amount + HALF_AMOUNT) * bucket.count / amount;
            self.soften(question, weight, bucket);
        }
    }

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
        self.soften(question, PROBE, bucket);
    }

    /// A vote that lines may explain; its clue stays with what it literally says.
    fn soften(&mut self, question: &str, weight: f64, bucket: Bucket) {
        if let Some(cause) = bucket.cause {
            self.clue(question, cause, weight, bucket.count, &bucket.sample);
        }
        self.soft.push(Soft { weight, bucket });
    }

    /// The sample of a cause is that of its heaviest vote.
    fn clue(&mut self, question: &str, cause: Cause, weight: f64, count: f64, sample: &str) {
        let clue =
            Clue { cause, question: question.to_owned(), count: 0.0, sample: sample.to_owned() };
        let entry = self.clues.entry((cause, question.to_owned())).or_insert((0.0, clue));
        entry.0 += weight;
        entry.1.count += count;
    }

    /// The last moment that anybody named: an earlier one has been overtaken.
    fn told(&mut self, wait: Option<Duration>, at: Timestamp) {
        self.retry_at = self.retry_at.max(wait.map(|wait| after(at, wait)));
    }

    pub(super) fn tally(mut self) -> Tally {
        let explained = self.line_amount / (self.line_amount + HALF_AMOUNT);
        let mut unnamed = 0.0;
        for Soft { weight, bucket } in std::mem::take(&mut self.soft) {
            let candidates: Vec<(Cause, f64)> = bucket
                .explained_by
                .iter()
                .filter_map(|cause| self.by_lines.get(cause).map(|weight| (*cause, *weight)))
                .collect();
            let by_candidates: f64 = candidates.iter().map(|(_, weight)| weight).sum();
            let moved = if by_candidates > 0.0 { weight * explained } else { 0.0 };
            for (cause, share) in candidates {
                *self.votes.entry(cause).or_default() += moved * share / by_candidates;
            }
            match bucket.cause {
                Some(cause) => *self.votes.entry(cause).or_default() += weight - moved,
                None => unnamed += UNNAMED * (weight - moved),
            }
        }
        let mut ranked: Vec<(Cause, f64)> =
            self.votes.into_iter().filter(|(_, weight)| *weight > 0.0).collect();
        ranked.sort_by(|one, other| other.1.total_cmp(&one.1).then(one.0.cmp(&other.0)));
        let named: f64 = ranked.iter().map(|(_, weight)| weight).sum();
        Tally {
            ranked,
            total: named + unnamed,
            clues: self.clues.into_values().collect(),
            retry_at: self.retry_at,
            quota: self.quota_lines > 0 && self.quota_lines * 2 >= self.rate_lines,
        }
    }
}
