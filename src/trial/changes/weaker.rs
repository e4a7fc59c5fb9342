//! How one part of a rule is made weaker, or misunderstood. Never chooses which.

use crate::core::action::Action;
use crate::core::rule::{BreakerState, EscalateWhen, Rung, VerifySignal, Wait};
use crate::core::time::Duration;

pub(super) fn remove<T>(list: &mut Vec<T>, index: usize) {
    if index < list.len() {
        list.remove(index);
    }
}

pub(super) fn no_proof(rung: &mut Rung) {
    if let Rung::Do { gone, .. } = rung {
        *gone = false;
    }
}

pub(super) fn no_least(rung: &mut Rung) {
    if let Rung::Wait(Wait::RetryAfter { at_least, .. }) = rung {
        *at_least = Duration::ZERO;
    }
}

/// Twice as often as it was allowed.
pub(super) fn half_budget(action: &mut Action) {
    if let Some(budget) = &mut action.at_most {
        budget.within /= 2;
    }
}

pub(super) fn another_time(action: &mut Action) {
    if let Some(budget) = &mut action.at_most {
        budget.times = budget.times.saturating_add(1);
    }
}

pub(super) fn shorten(rung: &mut Rung) {
    match rung {
        Rung::Wait(Wait::RetryAfter { at_least, .. }) => *at_least /= 2,
        Rung::Wait(Wait::For(span)) => *span /= 2,
        Rung::Wait(Wait::HalfOpen) | Rung::Do { .. } | Rung::Ask { .. } | Rung::Escalate => {}
    }
}

pub(super) fn not_until(rung: &mut Rung) {
    if let Rung::Ask { until, .. } = rung {
        until.clear();
    }
}

pub(super) fn widen(rung: &mut Rung) {
    match rung {
        Rung::Do { within, .. } | Rung::Ask { within, .. } => *within *= 2,
        Rung::Wait(Wait::RetryAfter { at_most, .. }) => *at_most *= 2,
        Rung::Wait(Wait::For(span)) => *span *= 2,
        Rung::Wait(Wait::HalfOpen) | Rung::Escalate => {}
    }
}

/// Satisfied with twice or half of it, where it is nothing with one; with a trend that stands still.
pub(super) fn loosen(signal: &mut VerifySignal) {
    match signal {
        VerifySignal::AtMost { limit, .. } if *limit > 0.0 => *limit *= 2.0,
        VerifySignal::AtMost { limit, .. } => *limit += 1.0,
        VerifySignal::AtLeast { limit, .. } if *limit > 0.0 => *limit /= 2.0,
        VerifySignal::AtLeast { limit, .. } => *limit -= 1.0,
        VerifySignal::Falling(name) => *signal = VerifySignal::NotRising(std::mem::take(name)),
        VerifySignal::State(_)
        | VerifySignal::AlertResolved
        | VerifySignal::Healthy(_)
        | VerifySignal::NotRising(_) => {}
    }
}

pub(super) fn delay(when: &mut EscalateWhen) {
    match when {
        EscalateWhen::OpenFor(span)
        | EscalateWhen::Unacknowledged(span)
        | EscalateWhen::UnknownFor(span)
        | EscalateWhen::Rising { span, .. } => *span *= 2,
        EscalateWhen::UnknownCause { rounds } => *rounds = rounds.saturating_add(1),
        EscalateWhen::Reopened { times, .. } => *times = times.saturating_add(1),
        EscalateWhen::SeveralOpen { incidents } => *incidents = incidents.saturating_add(1),
        EscalateWhen::Always => {}
        EscalateWhen::Any(list) => list.iter_mut().for_each(delay),
    }
}

/// What happened longer ago counts no more. The first time always counts: it is now.
pub(super) fn forget(when: &mut EscalateWhen) {
    match when {
        EscalateWhen::Reopened { times, within } if *times > 1 => *within /= 2,
        EscalateWhen::Any(list) => list.iter_mut().for_each(forget),
        EscalateWhen::Reopened { .. }
        | EscalateWhen::OpenFor(_)
        | EscalateWhen::Unacknowledged(_)
        | EscalateWhen::UnknownFor(_)
        | EscalateWhen::UnknownCause { .. }
        | EscalateWhen::Rising { .. }
        | EscalateWhen::SeveralOpen { .. }
        | EscalateWhen::Always => {}
    }
}

/// What a word would mean to somebody who is wrong about it.
pub(super) const fn swapped(state: BreakerState) -> BreakerState {
    match state {
        BreakerState::Open => BreakerState::Closed,
        BreakerState::Closed
        | BreakerState::HalfOpen
        | BreakerState::Quiet
        | BreakerState::Held
        | BreakerState::Unknown => BreakerState::Open,
    }
}
