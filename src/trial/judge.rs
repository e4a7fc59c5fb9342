//! What was expected against what happened. Never softens an expectation: a word that was asked for stands there or not.

use super::file::{Check, IncidentWord, PageWanted, Wants, wait_word};
use super::play::Seen;
use crate::core::action::ActionName;
use crate::core::guard::Guard;
use crate::core::incident::{Incident, Phase};
use crate::core::report::{self, Page};
use crate::core::rule::Contact;

/// One expectation that does not hold.
#[derive(Clone, Debug)]
pub(crate) struct Mismatch {
    /// The byte of the test file where it is expected.
    pub(crate) at: Option<usize>,
    pub(crate) wanted: String,
    pub(crate) happened: String,
}

/// All that a test can see.
pub(crate) struct Shown<'a> {
    pub(crate) incident: Option<&'a Incident>,
    pub(crate) seen: &'a Seen,
    pub(crate) begun: &'a [ActionName],
}

impl Shown<'_> {
    /// What is wrong by this expectation; `None` if it holds.
    pub(crate) fn check(&self, check: &Check) -> Option<Mismatch> {
        let (wanted, happened) = match &check.wants {
            Wants::Nothing => ("nothing to happen".to_owned(), self.something()?),
            Wants::Incident(word) => {
                let is = self.incident_word();
                (format!("incident {}", word.name()), (is != *word).then(|| is.name().to_owned())?)
            }
            Wants::State(state) => {
                let is = self.incident.map_or("no incident", |incident| incident.state.name());
                (format!("state {}", state.name()), differs(is, state.name())?)
            }
            Wants::Cause(class) => {
                let is = self.incident.and_then(|incident| incident.verdict.as_ref());
                let is = is.map_or("none was found yet", |verdict| verdict.class.name());
                (format!("cause {}", class.name()), differs(is, class.name())?)
            }
            Wants::Phase(word) => {
                let is = self.incident.map_or("no incident", |incident| incident.phase.name());
                (format!("phase {}", word.name()), differs(is, word.name())?)
            }
            Wants::WaitsFor(why) => {
                let is = self.incident.map_or("no incident", |incident| waits_for(&incident.phase));
                (format!("to wait for {}", wait_word(*why)), differs(is, wait_word(*why))?)
            }
            Wants::Did(names) => {
                let differs = names != self.begun;
                (format!("did {}", listed(names)), differs.then(|| listed(self.begun))?)
            }
            Wants::Refused(guards) => self.refused(guards)?,
            Wants::Pages(pages) => self.pages(pages)?,
            Wants::Says(fragments) => {
                let said = self.said();
                let missing = fragments.iter().find(|fragment| !stands(&said, fragment))?;
                (format!("to say `{missing}`"), told(&said))
            }
            Wants::NeverSays(fragments) => {
                let said = self.said();
                let stands_in =
                    |fragment: &String| said.iter().find(|text| text.contains(fragment));
                let (fragment, text) =
                    fragments.iter().find_map(|fragment| Some((fragment, stands_in(fragment)?)))?;
                (format!("never to say `{fragment}`"), format!("said: {text}"))
            }
            Wants::Headline(fragment) => {
                let headline = self.incident.map_or_else(String::new, report::headline);
                let wrong = !headline.contains(fragment);
                (format!("headline with `{fragment}`"), wrong.then(|| format!("`{headline}`"))?)
            }
        };
        Some(Mismatch { at: Some(check.at.start), wanted, happened })
    }

    /// What happened since the last expectation, if anything did.
    fn something(&self) -> Option<String> {
        if let Some(action) = self.begun.get(self.seen.begun_before) {
            return Some(format!("began {action}"));
        }
        if let Some(page) = self.seen.pages.get(self.seen.pages_before) {
            return Some(format!("page to {}: {}", contacts(page).join(", "), page.reason));
        }
        let fresh = self.seen.reports.iter().skip(self.seen.reports_before);
        let mut lines = fresh.flat_map(|report| &report.thread).map(|entry| entry.text.clone());
        lines.next()
    }

    fn incident_word(&self) -> IncidentWord {
        match self.incident {
            None => IncidentWord::None,
            Some(incident) if !incident.phase.is_open() => IncidentWord::Closed,
            Some(incident) if incident.reopened.is_empty() => IncidentWord::Open,
            Some(_) => IncidentWord::Reopened,
        }
    }

    fn refused(&self, guards: &[Guard]) -> Option<(String, String)> {
        let mut wanted: Vec<&str> = guards.iter().map(|guard| guard.name()).collect();
        let mut is: Vec<&str> = self.seen.refused.iter().map(String::as_str).collect();
        wanted.sort_unstable();
        is.sort_unstable();
        (wanted != is).then(|| (format!("refused by {}", listed(&wanted)), listed(&is)))
    }

    /// Each page that was wanted, in its order, and no other.
    fn pages(&self, wanted: &[PageWanted]) -> Option<(String, String)> {
        let fresh = self.seen.pages.get(self.seen.pages_before..).unwrap_or_default();
        let fits = wanted.len() == fresh.len()
            && wanted.iter().zip(fresh).all(|(wanted, page)| {
                contacts(page) == wanted.to
                    && wanted.says.iter().all(|text| page.reason.contains(text))
            });
        let wish = |wanted: &PageWanted| match wanted.says.as_slice() {
            [] => wanted.to.join(" and "),
            says => format!("{} (`{}`)", wanted.to.join(" and "), says.join("`, `")),
        };
        let is = |page: &Page| format!("{} (`{}`)", contacts(page).join(" and "), page.reason);
        let wishes: Vec<String> = wanted.iter().map(wish).collect();
        let are: Vec<String> = fresh.iter().map(is).collect();
        (!fits).then(|| (format!("pages to {}", listed(&wishes)), listed(&are)))
    }

    /// Headlines, lines of history and pages since the last expectation.
    fn said(&self) -> Vec<String> {
        let fresh = self.seen.reports.iter().skip(self.seen.reports_before);
        let mut said: Vec<String> = Vec::new();
        for report in fresh {
            said.push(report.headline.clone());
            said.extend(report.advice.clone());
            said.extend(report.thread.iter().map(|entry| entry.text.clone()));
        }
        let pages = self.seen.pages.iter().skip(self.seen.pages_before);
        said.extend(pages.map(|page| page.reason.clone()));
        said.dedup();
        said
    }
}

/// Whom a page calls, in the order of their names.
pub(crate) fn contacts(page: &Page) -> Vec<String> {
    let mut names: Vec<String> = page.to.iter().map(|Contact::Slack(name)| name.clone()).collect();
    names.sort();
    names
}

const fn waits_for(phase: &Phase) -> &'static str {
    match phase {
        Phase::Waiting { why, .. } => wait_word(*why),
        Phase::Watching
        | Phase::Acting { .. }
        | Phase::Looking { .. }
        | Phase::Verifying { .. }
        | Phase::Escalated { .. }
        | Phase::Recovered => phase.name(),
    }
}

fn differs(is: &str, wanted: &str) -> Option<String> {
    (is != wanted).then(|| is.to_owned())
}

fn stands(said: &[String], fragment: &str) -> bool {
    said.iter().any(|text| text.contains(fragment))
}

fn told(said: &[String]) -> String {
    if said.is_empty() {
        "nothing was said".to_owned()
    } else {
        format!("said: {}", said.join(" | "))
    }
}

fn listed<T: AsRef<str>>(names: &[T]) -> String {
    let names: Vec<&str> = names.iter().map(AsRef::as_ref).collect();
    if names.is_empty() { "nothing".to_owned() } else { names.join(", ") }
}
