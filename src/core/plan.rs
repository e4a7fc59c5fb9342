//! ⑤ The ladder of a cause: what is next, and until when it waits. Never decides whether an action may be done.

use super::action::{Intent, Outcome, intent_key};
use super::cause::{Class, Verdict};
use super::fleet::Fleet;
use super::guard::DECISION_LASTS;
use super::incident::{Incident, WaitReason};
use super::report::{Mark, Step};
use super::rule::{Rule, Rung, VerifySignal, Wait};
use super::time::{Duration, Timestamp, after};

/// How long a waiting rung waits that began at `began`; `None`: there is nothing to wait for.
pub fn wait_until(
    wait: &Wait,
    rule: &Rule,
    verdict: Option<&Verdict>,
    began: Timestamp,
) -> Option<(Timestamp, WaitReason)> {
    match wait {
        Wait::HalfOpen => {
            // A margin, because the breaker's own timer and ours did not start together.
            let own = rule.recovery.half_open_after?;
            let margin = (own / 4).clamp(Duration::from_secs(1), Duration::from_secs(15));
            Some((after(began, own.saturating_add(margin)), WaitReason::HalfOpen))
        }
        Wait::RetryAfter { at_least, at_most } => {
            let told = verdict.and_then(|verdict| verdict.retry_at).unwrap_or(began);
            let until = told.max(after(began, *at_least)).min(after(began, *at_most));
            Some((until, WaitReason::RetryAfter))
        }
        Wait::For(span) => Some((after(began, *span), WaitReason::Fixed)),
    }
}

/// The intent that a `do` rung asks for, were it decided now.
pub fn intent(incident: &Incident, rule: &Rule, fleet: &Fleet, now: Timestamp) -> Option<Intent> {
    let class = incident.ladder?;
    let Rung::Do { action, gone, all, .. } = rule.ladder_of(class).get(incident.rung)? else {
        return None;
    };
    let attempt = u32::try_from(incident.attempts.len()).unwrap_or(u32::MAX).saturating_add(1);
    let target = incident.breaker.target.clone();
    let ground = if *gone { "is proven gone" } else { "is fixed by this action" };
    Some(Intent {
        key: intent_key(&fleet.epoch, incident.id, attempt),
        incident: incident.id,
        rule: rule.name.clone(),
        group: fleet.target.as_ref().map_or_else(|| target.clone(), |known| known.group.clone()),
        target,
        action: rule.actions.get(action)?.clone(),
        gone: *gone,
        checklist: all.clone(),
        decided_at: now,
        expires_at: after(now, DECISION_LASTS),
        reason: format!(
            "{}: the cause {} {ground} and the breaker is still open",
            incident.id,
            class.name()
        ),
    })
}

/// The ladder as people read it, with where we are.
pub fn steps(incident: &Incident, rule: &Rule, over: bool) -> Vec<Step> {
    let Some(class) = incident.ladder else { return Vec::new() };
    let rungs = rule.ladder_of(class);
    rungs
        .iter()
        .enumerate()
        .map(|(index, rung)| {
            let behind = if was_climbed(incident, rung) { Mark::Done } else { Mark::Skipped };
            let mark = match index.cmp(&incident.rung) {
                std::cmp::Ordering::Less => behind,
                std::cmp::Ordering::Equal if over => behind,
                std::cmp::Ordering::Equal => Mark::Now,
                std::cmp::Ordering::Greater if over => Mark::Skipped,
                std::cmp::Ordering::Greater => Mark::Ahead,
            };
            Step { text: words(rung, rule), mark }
        })
        .collect()
}

/// Whether a rung that is behind us did what it says: an action counts only when it was carried out.
fn was_climbed(incident: &Incident, rung: &Rung) -> bool {
    match rung {
        Rung::Do { action, .. } => incident
            .attempts
            .iter()
            .any(|attempt| attempt.action == *action && attempt.outcome == Some(Outcome::Done)),
        Rung::Wait(_) | Rung::Ask { .. } | Rung::Escalate => true,
    }
}

/// A rung in plain words.
pub fn words(rung: &Rung, rule: &Rule) -> String {
    match rung {
        Rung::Wait(Wait::HalfOpen) => match rule.recovery.half_open_after {
            Some(own) => {
                format!("wait until the breaker tries again by itself ({}s)", own.as_secs())
            }
            None => "wait until the breaker tries again by itself".to_owned(),
        },
        Rung::Wait(Wait::RetryAfter { .. }) => "wait as long as the other side told us".to_owned(),
        Rung::Wait(Wait::For(span)) => format!("wait {}s", span.as_secs()),
        Rung::Do { action, gone, all, .. } => {
            let proof =
                if *gone { "once the cause is proven gone" } else { "if a person allows it" };
            let items: Vec<String> = all.iter().map(VerifySignal::words).collect();
            if items.is_empty() {
                format!("{action}, {proof}")
            } else {
                format!("{action}, {proof} and {}", items.join(", "))
            }
        }
        Rung::Ask { text, until, .. } if until.is_empty() => format!("ask a person: {text}"),
        Rung::Ask { text, until, .. } => {
            let names: Vec<String> = until.iter().map(|name| format!("`{name}`")).collect();
            let are = if names.len() == 1 { "is" } else { "are" };
            format!("ask a person, until {} {are} healthy: {text}", names.join(", "))
        }
        Rung::Escalate => "call a person".to_owned(),
    }
}

/// The ladder is not climbed for doubt: a definite cause that contradicts the one we climb changes it.
pub fn ladder_for(current: Option<Class>, verdict: &Verdict) -> Option<Class> {
    match (current, verdict.class) {
        // Once the cause is over its traces fade: that is no new cause.
        (Some(known), Class::Unknown) => Some(known),
        (None | Some(_), class) => Some(class),
    }
}
