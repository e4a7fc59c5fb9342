//! One case, lived through the real engine over the memory store, by a clock that jumps to the next due moment.
//!
//! Decides nothing: what it drives is what a server runs.

use std::collections::{BTreeMap, BTreeSet};
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use tokio::task::coop::unconstrained;

use super::coverage::Covered;
use super::file::{AlertStep, Case, Order, Step};
use super::judge::{self, Mismatch};
use super::world::Scripted;
use crate::core::alert::{Alert, AlertKey, Labels, Notification, Source, fingerprint};
use crate::core::audit::AuditEntry;
use crate::core::command::{Command, Person, Scope};
use crate::core::effect::Effect;
use crate::core::incident::{Incident, IncidentId};
use crate::core::planted::Bugs;
use crate::core::report::{Page, Report};
use crate::core::rule::{Mode, Rule, RuleSet};
use crate::core::time::{Duration, Timestamp, after};
use crate::engine::clock::Clock;
use crate::engine::order::order;
use crate::engine::probes::plan::{after_run, due};
use crate::engine::run::Engine;
use crate::store::memory::Memory;
use crate::store::{Store, StoreError, Which};

/// A life of more steps than this goes round in circles.
const STEPS_MOST: u32 = 200_000;
/// Time moves at least so much from one moment to the next.
const TICK: Duration = Duration::from_millis(1);
/// After a start a server settles for so long, unless nothing was open.
const SETTLE: Duration = Duration::from_secs(60);
const REASON: &str = "ordered by the test";

/// What came of one case.
pub(crate) struct Played {
    pub(crate) failure: Option<Failure>,
    pub(crate) covered: Covered,
}

/// The step at which a case failed, and the incident's history until then.
#[derive(Clone, Debug)]
pub(crate) struct Failure {
    pub(crate) line: usize,
    pub(crate) mismatches: Vec<Mismatch>,
    pub(crate) timeline: Vec<String>,
}

/// What happened so far, as a test can see it.
#[derive(Default)]
pub(crate) struct Seen {
    pub(crate) pages: Vec<Page>,
    pub(crate) reports: Vec<Report>,
    /// What stood before the last expectation.
    pub(crate) pages_before: usize,
    pub(crate) reports_before: usize,
    pub(crate) begun_before: usize,
    /// Entries of the audit log that were read.
    audit: usize,
    /// Guards that said no when an action was last wanted.
    pub(crate) refused: Vec<String>,
}

struct Life<'a> {
    case: &'a Case,
    rules: Arc<RuleSet>,
    store: Store,
    engine: Engine<Scripted>,
    world: Arc<Scripted>,
    clock: Clock,
    seen: Seen,
    covered: Covered,
    steps: u32,
}

/// Lives one case through. `rules` hold the one rule it is about, and the whole inventory.
pub(crate) fn play(case: &Case, rules: &Arc<RuleSet>) -> Played {
    let rules = allowed(case, rules);
    let clock = Clock::manual(case.begins);
    let store = Store::memory("test", Bugs::default());
    let world = Arc::new(Scripted::new(clock.clone(), store.clone()));
    let engine = Engine::new(store.clone(), Arc::clone(&world), Arc::clone(&rules), clock.clone());
    let life = Life {
        case,
        rules,
        store,
        engine,
        world,
        clock,
        seen: Seen::default(),
        covered: Covered::default(),
        steps: 0,
    };
    life.live()
}

/// As if rule and owners allowed as much as the case says.
fn allowed(case: &Case, rules: &Arc<RuleSet>) -> Arc<RuleSet> {
    let Some(mode) = case.as_if else { return Arc::clone(rules) };
    let mut set = (**rules).clone();
    allow(&mut set, mode);
    Arc::new(set)
}

/// Rule and owners allow so much, no more and no less.
pub(crate) fn allow(set: &mut RuleSet, mode: Mode) {
    each_rule(set, |rule| {
        rule.mode = mode;
        rule.ceilings.values_mut().for_each(|ceiling| *ceiling = mode);
    });
    set.targets.values_mut().for_each(|target| target.ceiling = mode);
}

/// Changes the rule in every form in which it stands in the set.
pub(crate) fn each_rule(set: &mut RuleSet, change: impl Fn(&mut Rule)) {
    let filled = set.filled.values_mut().flat_map(BTreeMap::values_mut);
    set.rules.values_mut().chain(filled).for_each(change);
}

/// Runs what never really waits: the memory store and the scripted world. Inside of a runtime, locks would now and
/// then make it wait for nothing but its turn.
fn now<T>(future: impl Future<Output = Result<T, StoreError>>) -> Result<T, StoreError> {
    let mut future = pin!(unconstrained(future));
    match future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(answer) => answer,
        Poll::Pending => Err(StoreError::Corrupt("a test waited for something real".to_owned())),
    }
}

impl Life<'_> {
    fn live(mut self) -> Played {
        let failure = match self.begin() {
            Ok(()) => self.case.steps.iter().find_map(|step| self.step(step)),
            Err(error) => Some(self.broken(self.case.line, &error)),
        };
        Played { failure, covered: self.covered }
    }

    fn begin(&mut self) -> Result<(), StoreError> {
        let info = now(self.store.start(self.clock.now(), "test", &self.rules))?;
        now(self.engine.recover(&info, SETTLE))
    }

    fn step(&mut self, step: &Step) -> Option<Failure> {
        self.world.set(&step.world);
        self.world.ends(&step.actions);
        let until = after(self.clock.now(), step.after);
        let lived = self
            .alert(step.alert.as_ref())
            .and_then(|()| self.order(step.order.as_ref()))
            .and_then(|refused| self.advance(until).map(|()| refused));
        let refused = match lived {
            Ok(refused) => refused,
            Err(error) => return Some(self.broken(step.line, &error)),
        };
        let mut mismatches: Vec<Mismatch> = refused.into_iter().collect();
        if !step.expect.is_empty() {
            let incident = self.incident();
            let begun = self.world.begun();
            let shown =
                judge::Shown { incident: incident.as_ref(), seen: &self.seen, begun: &begun };
            mismatches.extend(step.expect.iter().filter_map(|check| shown.check(check)));
            self.seen.pages_before = self.seen.pages.len();
            self.seen.reports_before = self.seen.reports.len();
            self.seen.begun_before = begun.len();
        }
        (!mismatches.is_empty()).then(|| Failure {
            line: step.line,
            mismatches,
            timeline: self.timeline(),
        })
    }

    fn broken(&self, line: usize, error: &StoreError) -> Failure {
        let happened = format!("this test cannot be run: {error}");
        let mismatches = vec![Mismatch { at: None, wanted: "a life".to_owned(), happened }];
        Failure { line, mismatches, timeline: self.timeline() }
    }

    fn alert(&self, step: Option<&AlertStep>) -> Result<(), StoreError> {
        let Some(step) = step else { return Ok(()) };
        let labels = || step.labels.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        let alert = Alert {
            key: AlertKey {
                source: Source::Alertmanager,
                fingerprint: format!("{:016x}", fingerprint(labels())),
            },
            status: step.status,
            labels: step.labels.clone(),
            annotations: Labels::new(),
            starts_at: None,
            ends_at: None,
            generator_url: String::new(),
            flags: Vec::new(),
        };
        let notification = Notification {
            source: Source::Alertmanager,
            group_key: "test".to_owned(),
            truncated: u64::from(step.truncated),
            alerts: vec![alert],
        };
        now(self.store.ingest(vec![(self.clock.now(), notification)]))
    }

    /// Through the same checks as every door. An order that is refused is told as a mismatch.
    fn order(&mut self, ordered: Option<&Order>) -> Result<Option<Mismatch>, StoreError> {
        let Some(ordered) = ordered else { return Ok(None) };
        // What happened until now comes before the order.
        self.settle()?;
        let (reason, target) = (REASON.to_owned(), self.case.target.clone());
        let what = Scope::Target(target.clone());
        let command = match ordered {
            Order::PauseAll => Command::PauseAll { reason },
            Order::ResumeAll => Command::ResumeAll,
            Order::Pause(span) => {
                Command::Pause { what, until: after(self.clock.now(), *span), reason }
            }
            Order::Resume => Command::Resume { what },
            Order::Unlock => Command::Unlock { target, reason },
            Order::Ack => {
                // Without an incident: one that there is not, so that the order is refused.
                let incident = self.incident().map_or(IncidentId(0), |incident| incident.id);
                Command::Acknowledge { incident, note: None }
            }
        };
        let by = Person { name: "a person".to_owned(), door: "test".to_owned() };
        let at = self.clock.now();
        let answer = order(&self.store, Some(&self.rules), command, &by, at);
        let refused = now(async { Ok(answer.await.err()) })?;
        Ok(refused.map(|refused| Mismatch {
            at: None,
            wanted: "the order to be carried out".to_owned(),
            happened: format!("it was refused: {refused}"),
        }))
    }

    /// Lives on until `end`, from one due moment to the next.
    fn advance(&mut self, end: Timestamp) -> Result<(), StoreError> {
        loop {
            self.settle()?;
            let here = self.clock.now();
            let decision = now(self.store.next_due())?;
            let next = decision.into_iter().chain(self.next_probe()?).min();
            match next.map(|next| next.max(after(here, TICK))) {
                Some(next) if next <= end => self.clock.set(next),
                Some(_) | None if here < end => self.clock.set(end),
                Some(_) | None => return Ok(()),
            }
        }
    }

    /// Everything that is due at this moment.
    fn settle(&mut self) -> Result<(), StoreError> {
        self.probes()?;
        while now(self.engine.correlate())? {}
        while let Some(effects) = now(self.engine.step())? {
            self.steps += 1;
            if self.steps > STEPS_MOST {
                return Err(StoreError::Corrupt(format!("{STEPS_MOST} decisions in one test")));
            }
            self.notice();
            for effect in effects {
                match &effect {
                    Effect::Tell(report) => self.seen.reports.push((**report).clone()),
                    Effect::Page(page) => self.seen.pages.push(page.clone()),
                    Effect::Query { .. } | Effect::Do(_) | Effect::Look(_) => {}
                }
                now(self.engine.perform(&effect))?;
            }
            self.notice();
        }
        Ok(())
    }

    /// Runs the probes that are due, as far as the test says what they see.
    fn probes(&self) -> Result<(), StoreError> {
        let at = self.clock.now();
        let idles = self.rules.rules.values().any(|rule| rule.recovery.needs_idle);
        let open = if idles { now(self.store.incidents(Which::Open))? } else { Vec::new() };
        let open: BTreeSet<_> = open.into_iter().map(|incident| incident.breaker.rule).collect();
        for due in due(&self.rules, now(self.store.probes())?, &open, at) {
            let Some(result) = self.world.probe(&due.key.1) else { continue };
            now(self.store.put_probe(&after_run(&due, result, at, at)))?;
        }
        Ok(())
    }

    fn next_probe(&self) -> Result<Option<Timestamp>, StoreError> {
        // One that is due and did not run is paused: it is looked at again whenever something else happens.
        let here = self.clock.now();
        let rows = now(self.store.probes())?;
        Ok(rows.into_iter().map(|row| row.next_due).filter(|due| *due > here).min())
    }

    /// Reads what the decision left in the audit log and in the record.
    fn notice(&mut self) {
        let Some(memory) = memory(&self.store) else { return };
        let (seen, covered) = (&mut self.seen, &mut self.covered);
        let mut tried = Vec::new();
        memory.with_audit(|entries| {
            for (_, entry) in entries.get(seen.audit..).unwrap_or_default() {
                match entry {
                    AuditEntry::Refused { guards, action, .. } => {
                        tried.push(action.clone());
                        let no = guards.iter().filter(|verdict| !verdict.allows());
                        seen.refused = no.map(|verdict| verdict.guard.name().to_owned()).collect();
                        covered.guards(action, &seen.refused);
                    }
                    AuditEntry::NotStarted { why, .. } => {
                        let names = why.iter().filter_map(|why| Some(why.split_once(':')?.0));
                        seen.refused = names.map(str::to_owned).collect();
                    }
                    AuditEntry::Intended { intent, .. } => {
                        tried.push(intent.action.name.clone());
                        seen.refused.clear();
                    }
                    AuditEntry::ServerStarted { .. }
                    | AuditEntry::ServerStopped
                    | AuditEntry::RulesActive { .. }
                    | AuditEntry::RulesRefused { .. }
                    | AuditEntry::AlertAttached { .. }
                    | AuditEntry::Decided { .. }
                    | AuditEntry::Found { .. }
                    | AuditEntry::Reread { .. }
                    | AuditEntry::Started { .. }
                    | AuditEntry::Finished { .. }
                    | AuditEntry::Paged { .. }
                    | AuditEntry::Commanded { .. }
                    | AuditEntry::Rejected { .. }
                    | AuditEntry::Note { .. } => {}
                }
            }
            seen.audit = entries.len();
        });
        memory.all_incidents(|incident| {
            if let Some(rule) = self.rules.rule(&incident.breaker) {
                covered.incident(incident, rule, &tried);
            }
            true
        });
    }

    /// The incident that the test is about: the newest.
    fn incident(&self) -> Option<Incident> {
        now(self.store.incidents(Which::Newest(1))).ok()?.into_iter().next()
    }

    /// The history of the incident, with the time since the case began.
    fn timeline(&self) -> Vec<String> {
        let Some(incident) = self.incident() else {
            return vec!["no incident was opened".to_owned()];
        };
        let since = |at: Timestamp| clock_words(crate::core::time::since(at, self.case.begins));
        let mut lines: Vec<(Timestamp, String)> =
            incident.timeline.iter().map(|entry| (entry.at, entry.text.clone())).collect();
        for page in &self.seen.pages {
            lines.push((
                page.at,
                format!("page to {}: {}", judge::contacts(page).join(", "), page.reason),
            ));
        }
        lines.sort_by_key(|(at, _)| *at);
        lines.into_iter().map(|(at, text)| format!("{} {text}", since(at))).collect()
    }
}

fn memory(store: &Store) -> Option<&Memory> {
    match store {
        Store::Memory(memory) => Some(memory),
        Store::Sqlite(_) => None,
    }
}

/// `+1:02:03`, or with milliseconds where there are some.
fn clock_words(span: Duration) -> String {
    let (secs, millis) = (span.as_secs(), span.subsec_millis());
    let (hours, minutes, seconds) = (secs / 3_600, secs / 60 % 60, secs % 60);
    let fraction = if millis > 0 { format!(".{millis:03}") } else { String::new() };
    format!("+{hours}:{minutes:02}:{seconds:02}{fraction}")
}
