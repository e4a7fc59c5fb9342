//! ⑦ Who is told when, if nothing helps. Never tells anybody: that is a `Page`.

use super::fleet::Fleet;
use super::incident::{Incident, Phase};
use super::rule::{Contact, EscalateWhen, Rule};
use super::time::{Timestamp, after, since, span};
use super::verify;

/// Rounds without a cause after which nobody knows, unless the rule has its own word.
const UNKNOWN_ROUNDS: u32 = 2;

/// The escalation rules that hold now and were not told yet, by their index.
pub fn due(
    incident: &Incident,
    rule: &Rule,
    fleet: &Fleet,
    now: Timestamp,
) -> Vec<(usize, String)> {
    let untold = |index: &usize| !incident.told.contains(index);
    let case = Case { incident, fleet, now };
    rule.escalate
        .iter()
        .enumerate()
        .filter(|(index, _)| untold(index))
        .filter_map(|(index, escalation)| {
            // Every condition that holds is named: the reader wants to know all of them.
            let held: Vec<String> =
                escalation.when.each().iter().filter_map(|when| case.holds(when)).collect();
            (!held.is_empty()).then(|| (index, held.join("; ")))
        })
        .collect()
}

/// When a rule that waits for time alone may hold next.
pub fn next(incident: &Incident, rule: &Rule, now: Timestamp) -> Option<Timestamp> {
    let waiting =
        rule.escalate.iter().enumerate().filter(|(index, _)| !incident.told.contains(index));
    waiting
        .flat_map(|(_, escalation)| escalation.when.each())
        .filter_map(|when| match when {
            EscalateWhen::OpenFor(span)
            | EscalateWhen::UnknownFor(span)
            | EscalateWhen::Rising { span, .. } => Some(*span),
            EscalateWhen::Unacknowledged(span) => incident.acknowledged.is_none().then_some(*span),
            EscalateWhen::UnknownCause { .. }
            | EscalateWhen::Reopened { .. }
            | EscalateWhen::SeveralOpen { .. }
            | EscalateWhen::Always
            | EscalateWhen::Any(_) => None,
        })
        .map(|span| after(incident.open_since(), span))
        // What has passed was judged, and is judged again with every round.
        .filter(|moment| *moment > now)
        .min()
}

/// One incident as its conditions see it.
struct Case<'a> {
    incident: &'a Incident,
    fleet: &'a Fleet,
    now: Timestamp,
}

impl Case<'_> {
    /// The condition in words, if it holds.
    fn holds(&self, when: &EscalateWhen) -> Option<String> {
        let incident = self.incident;
        let open = since(self.now, incident.open_since());
        match when {
            EscalateWhen::OpenFor(limit) => {
                (open >= *limit).then(|| format!("the breaker has been open for {}", span(*limit)))
            }
            EscalateWhen::Unacknowledged(limit) => {
                let nobody = incident.acknowledged.is_none();
                (nobody && open >= *limit).then(|| {
                    let (id, limit) = (incident.id, span(*limit));
                    format!("nobody has acknowledged it for {limit}: `reclose ack {id}`")
                })
            }
            EscalateWhen::UnknownCause { rounds } => {
                (incident.unknown_rounds >= *rounds).then(|| {
                    let seen = incident.unknown_rounds;
                    format!("no state or no cause after {seen} rounds of evidence")
                })
            }
            EscalateWhen::UnknownFor(limit) => (incident.unknown_rounds > 0 && open >= *limit)
                .then(|| format!("no state or no cause for {}", span(*limit))),
            EscalateWhen::Reopened { times, within } => {
                let recent =
                    incident.reopened.iter().filter(|at| since(self.now, **at) <= *within).count();
                (recent >= usize::try_from(*times).unwrap_or(usize::MAX))
                    .then(|| format!("reopened {recent} times"))
            }
            EscalateWhen::Rising { name, span: over } => {
                let findings = incident.round.as_ref()?.findings.as_ref()?;
                let rising = verify::rises(name, findings, *over, self.now) == Some(true);
                (rising && open >= *over).then(|| format!("`{name}` rose for {}", span(*over)))
            }
            EscalateWhen::SeveralOpen { incidents } => self.several(*incidents),
            EscalateWhen::Always => matches!(incident.phase, Phase::Escalated { .. })
                .then(|| "a person is needed".to_owned()),
            EscalateWhen::Any(list) => list.iter().find_map(|when| self.holds(when)),
        }
    }

    fn several(&self, incidents: u32) -> Option<String> {
        let target = &self.incident.breaker.target;
        let own = self.fleet.target.as_ref().map(|known| &known.group);
        let group = own.filter(|group| !group.is_empty()).unwrap_or(target);
        let open = self.fleet.open.iter().filter(|open| open.group == *group);
        let ids: Vec<String> = open.map(|open| open.id.to_string()).collect();
        (ids.len() >= usize::try_from(incidents).unwrap_or(usize::MAX)).then(|| {
            format!("{} incidents are open in group `{group}`: {}", ids.len(), ids.join(", "))
        })
    }
}

/// Has nobody known state or cause for longer than the rule allows? Its own words, or two rounds.
pub fn in_doubt_too_long(incident: &Incident, rule: &Rule, now: Timestamp) -> bool {
    let mut own = rule
        .escalate
        .iter()
        .flat_map(|escalation| escalation.when.each())
        .filter_map(|when| match when {
            EscalateWhen::UnknownCause { rounds } => Some(incident.unknown_rounds >= *rounds),
            EscalateWhen::UnknownFor(limit) => {
                Some(incident.unknown_rounds > 0 && since(now, incident.open_since()) >= *limit)
            }
            EscalateWhen::OpenFor(_)
            | EscalateWhen::Unacknowledged(_)
            | EscalateWhen::Reopened { .. }
            | EscalateWhen::Rising { .. }
            | EscalateWhen::SeveralOpen { .. }
            | EscalateWhen::Always
            | EscalateWhen::Any(_) => None,
        })
        .peekable();
    if own.peek().is_none() {
        return incident.unknown_rounds >= UNKNOWN_ROUNDS;
    }
    own.any(|over| over)
}

/// The rules that name whom to call when a person is needed, by their index.
pub fn for_a_person(rule: &Rule) -> Vec<usize> {
    let always = |when: &EscalateWhen| when.each().contains(&EscalateWhen::Always);
    let found = rule.escalate.iter().enumerate();
    found.filter(|(_, escalation)| always(&escalation.when)).map(|(index, _)| index).collect()
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
