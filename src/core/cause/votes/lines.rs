//! Log lines as votes: which count, and how much. Never counts a breaker's own words, another dependency's errors, what
//! came all hour as often, nor what came after the opening while there are lines from before it.

use std::collections::BTreeMap;

use super::labels::{self, Bucket};
use super::{Ballot, HALF_AMOUNT, Kind, LINES, STATUSES};
use crate::core::cause::case::{Line, Lines, OLD};
use crate::core::cause::whose::{Owner, Whose};
use crate::core::cause::{Cause, Clue, Signal};
use crate::core::classify;
use crate::core::redact::redact;
use crate::core::time::{Duration, Timestamp, since};

/// Lines nearer than this to the opening weigh double.
const NEAR: Duration = Duration::from_mins(6);

const NEAR_WEIGHT: f64 = 2.0;
const PLAIN_WEIGHT: f64 = 1.0;
/// A single one of these names nothing.
const FAR_WEIGHT: f64 = 0.5;
const LATE_WEIGHT: f64 = 0.5;

/// A chronic error comes so often by chance: expected + this many standard deviations.
const CHANCE: f64 = 1.5;
/// A shorter past says nothing about what is usual.
const PAST_LEAST: Duration = Duration::from_mins(10);
/// So many lines after the opening, and none before: the failures began later.
const AFTER_LEAST: usize = 2;

struct Said<'l> {
    line: &'l Line,
    signal: Signal,
    cause: Cause,
}

impl Said<'_> {
    fn before(&self, opened_at: Timestamp) -> Option<Duration> {
        self.line.at.filter(|at| *at <= opened_at).map(|at| since(opened_at, at))
    }

    fn is_late(&self, opened_at: Timestamp) -> bool {
        self.line.at.is_some_and(|at| at > opened_at)
    }
}

impl Ballot<'_> {
    pub(super) fn lines(&mut self, question: &str, asked: &Lines, whose: &Whose) {
        let opened_at = self.opened_at;
        let texts: Vec<&str> = asked.lines.iter().map(|line| line.text.as_str()).collect();
        let owners = whose.of(&texts);
        let mut said: Vec<Said<'_>> = Vec::new();
        let mut of_others = 0_usize;
        for (line, owner) in asked.lines.iter().zip(owners) {
            let signal = self.patterns.line(&line.text);
            if owner == Owner::Other {
                let recent =
                    line.at.is_none_or(|at| at <= opened_at && since(opened_at, at) <= OLD);
                of_others += usize::from(signal.cause.is_some() && !signal.echo && recent);
                continue;
            }
            if !signal.echo {
                self.told(signal.retry_after, line.at.unwrap_or(asked.read_at));
                self.told_wait(line, &signal);
            }
            if let Some(cause) = signal.cause {
                said.push(Said { line, signal, cause });
            }
        }
        if of_others > 0 {
            self.aside(&format!(
                "{of_others} error lines of other dependencies ({question}) do not count"
            ));
        }
        // The same set of lines has the same verdict in any order.
        said.sort_by(|one, other| {
            (other.line.at, &other.line.text).cmp(&(one.line.at, &one.line.text))
        });
        let (echoes, said): (Vec<_>, Vec<_>) = said.into_iter().partition(|said| said.signal.echo);
        let counted = self.counted(question, asked, said);
        self.weigh(question, &counted);
        let any_before = covers_before(asked, opened_at);
        let echoes = echoes.into_iter().filter(|said| !(said.is_late(opened_at) && any_before));
        self.gateway(question, &echoes.collect::<Vec<_>>());
    }

    fn told_wait(&mut self, line: &Line, signal: &Signal) {
        let recent = line.at.is_none_or(|at| since(self.opened_at, at) <= OLD);
        if let Some(wait) = signal.retry_after.filter(|_| recent) {
            let told = self.tally.told_wait.entry(signal.cause).or_default();
            *told = (*told).max(wait);
        }
    }

    /// The lines that count, with their weights: recent ones of causes that rose.
    fn counted<'l>(
        &mut self,
        question: &str,
        asked: &Lines,
        said: Vec<Said<'l>>,
    ) -> Vec<(Said<'l>, f64)> {
        let opened_at = self.opened_at;
        let (late, early): (Vec<_>, Vec<_>) =
            said.into_iter().partition(|said| said.is_late(opened_at));
        let (old, recent): (Vec<_>, Vec<_>) = early
            .into_iter()
            .partition(|said| said.before(opened_at).is_some_and(|before| before > OLD));
        let any_before = covers_before(asked, opened_at);
        let scale = self.risen(question, asked, &old, &recent);
        let rose =
            recent.iter().any(|said| scale.get(&said.cause).is_none_or(|share| *share > 0.0));
        if !rose && any_before && late.len() >= AFTER_LEAST {
            self.tally.after_only = true;
            let first = late.iter().filter_map(|said| said.line.at).min();
            let when =
                first.map(|at| format!(", the first {} s later", since(at, opened_at).as_secs()));
            self.aside(&format!(
                "{} error lines ({question}) came after the opening{}",
                late.len(),
                when.unwrap_or_default()
            ));
        }
        let near = |said: &Said<'_>| match said.before(opened_at) {
            None => PLAIN_WEIGHT,
            Some(before) if before <= NEAR => NEAR_WEIGHT,
            Some(_) => FAR_WEIGHT,
        };
        let mut counted: Vec<(Said<'l>, f64)> = recent
            .into_iter()
            .filter_map(|said| {
                let scale = scale.get(&said.cause).copied().unwrap_or(1.0);
                let weight = near(&said) * scale;
                (scale > 0.0).then_some((said, weight))
            })
            .collect();
        // A list that was cut may have lost just the lines from before.
        if !any_before && asked.complete {
            counted.extend(late.into_iter().map(|said| (said, LATE_WEIGHT)));
        }
        counted
    }

    /// The share of a cause's recent lines that is more than its usual number.
    fn risen(
        &mut self,
        question: &str,
        asked: &Lines,
        old: &[Said<'_>],
        recent: &[Said<'_>],
    ) -> BTreeMap<Cause, f64> {
        let from = asked.from.or_else(|| asked.lines.iter().filter_map(|line| line.at).min());
        let past =
            from.map(|from| since(self.opened_at, from).saturating_sub(OLD)).unwrap_or_default();
        if past < PAST_LEAST {
            return BTreeMap::new();
        }
        let mut scale = BTreeMap::new();
        for cause in recent.iter().map(|said| said.cause) {
            let of = |all: &[Said<'_>]| {
                all.iter().filter(|said| said.cause == cause).fold(0.0, |n, _| n + 1.0)
            };
            let (n, before): (f64, f64) = (of(recent), of(old));
            let expected = before * OLD.as_secs_f64() / past.as_secs_f64();
            let chance = expected + CHANCE * (expected + 0.25).sqrt();
            scale.insert(cause, if n > chance { (n - expected) / n } else { 0.0 });
        }
        for (cause, _) in scale.iter().filter(|(_, share)| **share <= 0.0) {
            self.aside(&format!("{} lines ({question}) came all the time as often", cause.name()));
        }
        scale
    }

    fn weigh(&mut self, question: &str, counted: &[(Said<'_>, f64)]) {
        let amount: f64 = counted.iter().map(|(_, weight)| weight).sum();
        if amount <= 0.0 {
            return;
        }
        self.tally.line_amount += amount;
        let strength = LINES * amount / (amount + HALF_AMOUNT);
        for (said, weight) in counted {
            let weight = strength * weight / amount;
            let cause = said.cause;
            *self.votes.entry(cause).or_default() += weight;
            *self.tally.by_lines.entry(cause).or_default() += weight;
            self.tally.kinds.entry(cause).or_default().insert(Kind::Lines);
            if let Some(instance) = &said.line.instance {
                self.tally.instances.entry(cause).or_default().insert(instance.clone());
            }
            let at = said.line.at;
            let known = self.clues.contains_key(&(cause, question.to_owned()));
            let sample = if known { String::new() } else { sample(&said.line.text) };
            let clue = Clue::of(cause, question, 1.0, &sample);
            self.clue(weight, Clue { first: at, last: at, ..clue });
            self.rate_lines += u32::from(cause == Cause::RateLimited);
            self.quota_lines += u32::from(said.signal.quota);
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
                sample: sample(&said.line.text),
            };
            self.soften(question, weight, bucket, Kind::Lines);
        }
    }
}

/// Without its secrets before it is cut: half a secret has no shape.
fn sample(text: &str) -> String {
    classify::sample(&redact(text))
}

/// The list reaches back before the opening: what it does not hold from then did not happen.
fn covers_before(asked: &Lines, opened_at: Timestamp) -> bool {
    asked.from.is_some_and(|from| from < opened_at)
        || asked.lines.iter().any(|line| line.at.is_some_and(|at| at <= opened_at))
}
