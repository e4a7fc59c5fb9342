//! Log lines as votes: which count, and how much. Never counts a breaker's own words, nor what came after the trip
//! while there are lines from before it.

use super::labels::{self, Bucket};
use super::{Ballot, HALF_AMOUNT, LINES, STATUSES};
use crate::core::cause::{Cause, Signal};
use crate::core::classify;
use crate::core::evidence::LogLine;
use crate::core::time::{Duration, Timestamp, after, since};

/// Clocks and shippers differ: so long after the opening a line still counts as before it.
const SLACK: Duration = Duration::from_secs(30);
/// Lines nearer than this to the opening weigh double.
const NEAR: Duration = Duration::from_mins(5);
/// What the breaker withstood for so long did not trip it: older lines have no vote. Room for alerts that wait.
const OLD: Duration = Duration::from_mins(15);

const NEAR_WEIGHT: f64 = 2.0;
const PLAIN_WEIGHT: f64 = 1.0;
/// A single one of these names nothing.
const FAR_WEIGHT: f64 = 0.5;
const LATE_WEIGHT: f64 = 0.5;

struct Said<'l> {
    at: Option<Timestamp>,
    text: &'l str,
    signal: Signal,
    cause: Cause,
}

impl Ballot<'_> {
    pub(super) fn lines(
        &mut self,
        question: &str,
        lines: &[LogLine],
        complete: bool,
        read_at: Timestamp,
    ) {
        let opened_at = self.opened_at;
        let end = after(opened_at, SLACK);
        let is_late = |at: Option<Timestamp>| at.is_some_and(|at| at > end);
        let is_old = |at: Option<Timestamp>| at.is_some_and(|at| since(opened_at, at) > OLD);
        let any_before = lines.iter().any(|line| !is_late(line.at));
        let mut said: Vec<Said<'_>> = Vec::new();
        for line in lines {
            let signal = self.patterns.line(&line.text);
            if !signal.echo {
                self.told(signal.retry_after, line.at.unwrap_or(read_at));
            }
            let Some(cause) = signal.cause else { continue };
            // A list that was cut may have lost just the lines from before.
            let counts = if is_late(line.at) { !any_before && complete } else { !is_old(line.at) };
            if counts {
                said.push(Said { at: line.at, text: &line.text, signal, cause });
            }
        }
        // The same set of lines has the same verdict in any order.
        said.sort_by(|one, other| (other.at, other.text).cmp(&(one.at, one.text)));
        let (echoes, said): (Vec<_>, Vec<_>) = said.into_iter().partition(|said| said.signal.echo);
        self.weigh(question, &said);
        self.gateway(question, &echoes);
    }

    fn weigh(&mut self, question: &str, said: &[Said<'_>]) {
        let weights: Vec<f64> = said.iter().map(|said| self.weight(said)).collect();
        let amount: f64 = weights.iter().sum();
        if amount <= 0.0 {
            return;
        }
        self.line_amount += amount;
        let strength = LINES * amount / (amount + HALF_AMOUNT);
        for (said, weight) in said.iter().zip(weights) {
            let weight = strength * weight / amount;
            *self.votes.entry(said.cause).or_default() += weight;
            *self.by_lines.entry(said.cause).or_default() += weight;
            self.clue(question, said.cause, weight, 1.0, &classify::sample(said.text));
            self.rate_lines += u32::from(said.cause == Cause::RateLimited);
            self.quota_lines += u32::from(said.signal.quota);
        }
    }

    fn weight(&self, said: &Said<'_>) -> f64 {
        let Some(at) = said.at else { return PLAIN_WEIGHT };
        let before = since(self.opened_at, at);
        if at > after(self.opened_at, SLACK) {
            LATE_WEIGHT
        } else if before <= NEAR {
            NEAR_WEIGHT
        } else {
            FAR_WEIGHT
        }
    }

    /// A gateway that found nobody to send to: like its status, open to explanation by the lines before.
    fn gateway(&mut self, question: &str, echoes: &[Said<'_>]) {
        let amount: f64 = echoes.iter().map(|_| PLAIN_WEIGHT).sum();
        for said in echoes {
            let weight = STATUSES / (amount + HALF_AMOUNT);
            let bucket = Bucket {
                cause: Some(said.cause),
                explained_by: labels::ANY,
                count: 1.0,
                sample: classify::sample(said.text),
            };
            self.soften(question, weight, bucket);
        }
    }
}
