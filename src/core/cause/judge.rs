//! A case → the verdict. Never names a cause by a bare majority, and never from doubtful findings.

use super::case::{Case, Said, Support};
use super::sureness;
use super::votes::{self, Tally};
use super::{Cause, Class, Clue, Lasting, Reach, Shared, Verdict};
use crate::core::classify::Patterns;

/// This share of all weight names a cause.
const NAMES: f64 = 0.6;
/// Two causes of at least this share each, none of them enough: mixed.
const MIXES: f64 = 0.25;
/// Below this weight there is too little to name anything; a single fresh answer or line weighs just more.
const LEAST_WEIGHT: f64 = 0.25;
/// A cause with less than this share is no runner-up.
const RUNNER_UP: f64 = 0.05;
/// People read the strongest few.
const CLUES_MOST: usize = 6;
/// What was left out is told in so many sentences.
const AGAINST_MOST: usize = 8;

/// Why the breaker of `case` opened. Each witness weighs by its kind and amount (`votes`). A cause with 0.6 of the
/// weight is the class; two with 0.25 each and none with 0.6 are mixed; all else is unknown.
pub fn weigh(case: &Case, patterns: &Patterns, lasting: Lasting) -> Verdict {
    let tally = votes::count(case, patterns);
    let (class, share) = class_of(&tally);
    let confidence = sureness::of(class, share, &tally, case);
    let reach = reach(case, class, &tally);
    let runner_up = runner_up(class, &tally);
    let told_wait = told_wait(class, &tally);
    let mut because = tally.clues;
    because.sort_by(|one, other| {
        let supports = |clue: &(f64, Clue)| Class::from(clue.1.cause) == class;
        supports(other).cmp(&supports(one)).then(other.0.total_cmp(&one.0))
    });
    Verdict {
        class,
        confidence,
        because: because.into_iter().take(CLUES_MOST).map(|(_, clue)| clue).collect(),
        runner_up,
        lasting,
        retry_at: tally.retry_at,
        quota: tally.quota && class == Class::RateLimited,
        told_wait,
        reach,
        against: tally.aside.into_iter().take(AGAINST_MOST).collect(),
        missing: case.missing.clone(),
    }
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

fn runner_up(class: Class, tally: &Tally) -> Option<Cause> {
    let ranked = &tally.ranked;
    let next = if class == Class::Unknown { ranked.first() } else { ranked.get(1) };
    next.filter(|(_, weight)| *weight >= RUNNER_UP * tally.total).map(|(cause, _)| *cause)
}

/// A wait that was told beside the cause, or by its own lines.
fn told_wait(class: Class, tally: &Tally) -> Option<crate::core::time::Duration> {
    let fits = |cause: &Option<Cause>| cause.is_none_or(|cause| Class::from(cause) == class);
    let told = tally.told_wait.iter().filter(|(cause, _)| fits(cause)).map(|(_, wait)| *wait);
    told.filter(|wait| !wait.is_zero()).max()
}

/// One instance of several, or all at once, and what that points to.
fn reach(case: &Case, class: Class, tally: &Tally) -> Reach {
    let Some(instances) = case.instances.filter(|instances| instances.total > 0) else {
        return Reach::Unknown;
    };
    let (open, total) = (instances.open, instances.total);
    let deployed = case.witnesses.iter().any(|witness| {
        matches!(&witness.said, Said::Support(Support::Version { at, .. }) if at.is_none_or(|at| at <= case.opened_at))
    });
    if open >= total && total > 1 {
        let fault = if class == Class::Auth {
            Shared::Credential
        } else if deployed || class == Class::ClientBug {
            Shared::Deploy
        } else {
            Shared::Dependency
        };
        return Reach::Shared { total, fault };
    }
    if open == 1 && total > 1 {
        let of_cause = tally.instances.iter().find(|(cause, _)| Class::from(**cause) == class);
        let only = of_cause.filter(|(_, instances)| instances.len() == 1);
        let instance = only.and_then(|(_, instances)| instances.first().cloned());
        return Reach::Local { open, total, instance };
    }
    if total > 1 { Reach::Some { open, total } } else { Reach::Unknown }
}
