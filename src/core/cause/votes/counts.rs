//! Calls by status as votes: what rose before the opening. Never counts what is as usual, nor what began only afterwards.

use super::labels::{self, Bucket};
use super::{Ballot, HALF_AMOUNT, Kind, STATUSES};
use crate::core::cause::Cause;
use crate::core::cause::case::{Counts, OLD};
use crate::core::redact::redact;
use crate::core::time::{Timestamp, since};

/// Client errors below this share of all calls are the ordinary background of any service.
const BACKGROUND: f64 = 0.05;
/// So many standard deviations of a count above the usual are no chance.
const SIGMAS: f64 = 3.0;

impl Ballot<'_> {
    pub(super) fn counts(&mut self, question: &str, counts: &Counts) {
        let valid = |count: &f64| count.is_finite() && *count > 0.0;
        let all: f64 = counts.now.values().filter(|count| valid(count)).sum();
        let mut failing: Vec<Bucket> = Vec::new();
        for (label, count) in counts.now.iter().filter(|(_, count)| valid(count)) {
            let Some(bucket) = labels::bucket(label, *count, self.patterns) else { continue };
            if bucket.cause == Some(Cause::ClientBug) && bucket.count < BACKGROUND * all {
                continue;
            }
            let rose = match counts.usual.as_ref() {
                None => *count,
                Some(usual) => rise(*count, usual.get(label).copied().unwrap_or(0.0)),
            };
            if rose <= 0.0 {
                self.aside(&format!(
                    "{} ({question}) is as usual: {count:.0} of them",
                    bucket.sample
                ));
            } else if counts
                .minutes
                .get(label)
                .is_some_and(|minutes| began_after(minutes, self.opened_at))
            {
                self.aside(&format!("{} ({question}) began after the opening", bucket.sample));
            } else {
                failing.push(Bucket { count: rose, ..bucket });
            }
        }
        let amount: f64 = failing.iter().map(|bucket| bucket.count).sum();
        for bucket in failing {
            let weight = STATUSES * amount / (amount + HALF_AMOUNT) * bucket.count / amount;
            self.soften(question, weight, bucket, Kind::Statuses);
        }
    }

    pub(super) fn aside(&mut self, text: &str) {
        self.tally.aside.push(redact(text).into_owned());
    }
}

/// How much more than usual, if that is no chance.
fn rise(count: f64, usual: f64) -> f64 {
    if !usual.is_finite() || usual <= 0.0 {
        return count;
    }
    let more = count - usual;
    if more > SIGMAS * usual.sqrt() { more } else { 0.0 }
}

/// None in the quarter of an hour before the opening, and some later.
fn began_after(minutes: &[(Timestamp, f64)], opened_at: Timestamp) -> bool {
    let sum = |wanted: &dyn Fn(Timestamp) -> bool| -> f64 {
        minutes
            .iter()
            .filter(|(at, count)| wanted(*at) && count.is_finite())
            .map(|(_, count)| count)
            .sum()
    };
    let before = sum(&|at| at <= opened_at && since(opened_at, at) <= OLD);
    let later = sum(&|at| at > opened_at);
    before <= 0.0 && later > 0.0
}
