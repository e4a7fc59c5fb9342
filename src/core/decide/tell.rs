//! What people are told, and when a person is called. Never says what is not in the record.

use super::{Reason, Step};
use crate::core::effect::Effect;
use crate::core::escalation;
use crate::core::incident::{Incident, Phase};
use crate::core::report::{self, Page};
use crate::core::time::since;

/// More reasons than this nobody reads in a page.
const REASONS_MOST: usize = 10;

impl Step<'_> {
    /// Hands the incident to a person. Never undone by automation.
    pub(super) fn escalate(&mut self, why: String) -> bool {
        self.because(Reason::Escalated);
        self.write(format!("a person is needed: {why}"));
        let first = self.incident.needs_person.is_empty();
        // The newest reason stands last, and is the headline.
        self.incident.needs_person.retain(|known| *known != why);
        if self.incident.needs_person.len() >= REASONS_MOST {
            self.incident.needs_person.remove(0);
        }
        self.incident.needs_person.push(why.clone());
        self.incident.phase = Phase::Escalated { since: self.now };
        let told: Vec<usize> = escalation::due(&self.incident, self.rule, self.fleet, self.now)
            .into_iter()
            .map(|(index, _)| index)
            .collect();
        self.incident.told.extend(&told);
        if first || !told.is_empty() {
            self.page(&told, why);
        }
        self.look_when_due(self.rule.verify.every);
        false
    }

    /// Asks a person for something, and keeps the incident: the ladder goes on when it is seen done.
    pub(super) fn ask_person(&mut self, text: &str) {
        self.because(Reason::PersonAsked);
        self.write(format!("asked a person: {text}"));
        let told = escalation::for_a_person(self.rule);
        self.page(&told, text.to_owned());
    }

    /// Calls people by the rule's clock, whatever the phase.
    pub(super) fn escalate_due(&mut self) {
        if !self.incident.phase.is_open() {
            return;
        }
        let due = escalation::due(&self.incident, self.rule, self.fleet, self.now);
        if due.is_empty() {
            return;
        }
        let told: Vec<usize> = due.iter().map(|(index, _)| *index).collect();
        let why = due.into_iter().map(|(_, why)| why).collect::<Vec<_>>().join("; ");
        self.incident.told.extend(&told);
        self.because(Reason::OutOfTime);
        self.write(format!("calling a person: {why}"));
        self.page(&told, why);
    }

    fn page(&mut self, told: &[usize], reason: String) {
        self.incident.pages = self.incident.pages.saturating_add(1);
        let owner = self.fleet.target.as_ref().and_then(|target| target.owner.as_deref());
        self.effects.push(Effect::Page(Page {
            incident: self.incident.id,
            at: self.now,
            number: self.incident.pages,
            to: escalation::contacts(self.rule, told, owner),
            reason,
            advice: self
                .incident
                .verdict
                .as_ref()
                .and_then(|verdict| self.rule.advice_on(verdict.class)),
            channel: self.rule.channel.clone(),
        }));
    }

    /// Tells the present truth if it changed, or if people have not heard for so long.
    pub(super) fn tell(&mut self, before: &Incident) {
        let said = |incident: &Incident| incident.timeline_dropped + incident.timeline.len() as u64;
        let silent = self
            .incident
            .last_update_at
            .map_or(self.rule.updates_every, |last| since(self.now, last));
        let due = self.incident.phase.is_open()
            && self.incident.last_update_at.is_some()
            && silent >= self.rule.updates_every;
        if due && said(&self.incident) == self.incident.timeline_told {
            self.write(format!("no change: {}", report::headline(&self.incident)));
        }
        let news = said(&self.incident) > self.incident.timeline_told;
        if !(news || due || truth(&self.incident) != truth(before)) {
            return;
        }
        let fresh =
            usize::try_from(said(&self.incident).saturating_sub(self.incident.timeline_told))
                .unwrap_or(0);
        let lines = self.incident.timeline.iter().rev().take(fresh).rev().cloned().collect();
        self.incident.timeline_told = said(&self.incident);
        self.incident.last_update_at = Some(self.now);
        let report = report::compose(&self.incident, self.rule, self.fleet, self.now);
        let report = report::Report { guards: self.guards.clone(), thread: lines, ..report };
        self.effects.push(Effect::Tell(Box::new(report)));
    }
}

/// What a root message shows, as far as a change of it is worth an edit.
fn truth(incident: &Incident) -> impl PartialEq {
    let verdict =
        incident.verdict.as_ref().map(|verdict| (verdict.class, verdict.lasting, verdict.retry_at));
    let unmet: Vec<usize> = incident.unmet.iter().map(|unmet| unmet.item).collect();
    let acknowledged = incident.acknowledged.is_some();
    let needs = incident.needs_person.len();
    (incident.phase.name(), incident.state, verdict, incident.rung, needs, unmet, acknowledged)
}
