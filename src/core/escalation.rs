//! ⑦ Who is told when, if nothing helps. Never tells anybody: that is a `Page`.

use super::incident::{Incident, Phase};
use super::rule::{Contact, EscalateWhen, EscalationRule, Rule};
use super::time::{Timestamp, after, since};

/// The escalation rules that hold now and were not told yet, by their index.
pub fn due(incident: &Incident, rule: &Rule, now: Timestamp) -> Vec<(usize, String)> {
    let untold = |index: &usize| !incident.told.contains(index);
    rule.escalate
        .iter()
        .enumerate()
        .filter(|(index, _)| untold(index))
        .filter_map(|(index, escalation)| Some((index, holds(escalation, incident, now)?)))
        .collect()
}

/// When a rule that waits for time alone may hold next.
pub fn next(incident: &Incident, rule: &Rule) -> Option<Timestamp> {
    let waiting =
        rule.escalate.iter().enumerate().filter(|(index, _)| !incident.told.contains(index));
    waiting
        .filter_map(|(_, escalation)| match escalation.when {
            EscalateWhen::OpenFor(span) => Some(after(incident.open_since(), span)),
            EscalateWhen::UnknownCause { .. }
            | EscalateWhen::Reopened { .. }
            | EscalateWhen::Always => None,
        })
        .min()
}

fn holds(escalation: &EscalationRule, incident: &Incident, now: Timestamp) -> Option<String> {
    match escalation.when {
        EscalateWhen::OpenFor(span) => (since(now, incident.open_since()) >= span)
            .then(|| format!("the breaker has been open for {}s", span.as_secs())),
        EscalateWhen::UnknownCause { rounds } => (incident.unknown_rounds >= rounds).then(|| {
            format!("no state or no cause after {} rounds of evidence", incident.unknown_rounds)
        }),
        EscalateWhen::Reopened { times, within } => {
            let recent = incident.reopened.iter().filter(|at| since(now, **at) <= within).count();
            (recent >= usize::try_from(times).unwrap_or(usize::MAX))
                .then(|| format!("reopened {recent} times"))
        }
        EscalateWhen::Always => matches!(incident.phase, Phase::Escalated { .. })
            .then(|| "a person is needed".to_owned()),
    }
}

/// Rounds without a cause after which nobody knows: the rule's own word, or two.
pub fn unknown_rounds(rule: &Rule) -> u32 {
    rule.escalate
        .iter()
        .find_map(|escalation| match escalation.when {
            EscalateWhen::UnknownCause { rounds } => Some(rounds),
            EscalateWhen::OpenFor(_) | EscalateWhen::Reopened { .. } | EscalateWhen::Always => None,
        })
        .unwrap_or(2)
}

/// Everybody these rules name, each once; the owner if they name nobody.
pub fn contacts(rule: &Rule, told: &[usize], owner: Option<&str>) -> Vec<Contact> {
    let mut to: Vec<Contact> = told
        .iter()
        .filter_map(|index| rule.escalate.get(*index))
        .flat_map(|escalation| escalation.to.clone())
        .collect();
    to.sort();
    to.dedup();
    if to.is_empty() {
        to.extend(owner.map(|name| Contact::Slack(name.to_owned())));
    }
    to
}
