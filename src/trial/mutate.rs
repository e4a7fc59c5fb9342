//! `--mutate`: each change that weakens a rule, against that rule's tests. Names what no test notices.

use std::collections::BTreeMap;
use std::num::NonZero;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use super::changes::{Change, changes};
use super::file::{Case, TestFile};
use super::play::play;
use super::{Run, Suite, Tried};
use crate::core::rule::{RuleName, RuleSet};
use crate::rules::{Mistake, sort};

/// Hears how far it is.
pub trait Tell: Sync {
    fn tried(&self, done: usize, all: usize);
}

/// What came of all changes.
pub struct Mutated {
    pub(super) rules: Vec<Survey>,
    /// Excuses that excuse nothing.
    pub(super) mistakes: Vec<Mistake>,
}

/// The changes of one rule.
pub(super) struct Survey {
    pub(super) rule: RuleName,
    pub(super) path: String,
    pub(super) noticed: usize,
    /// No test notices these.
    pub(super) survivors: Vec<String>,
    /// Nor these; the test file says why.
    pub(super) excused: Vec<(String, String)>,
}

/// One change to be tried, and whether a test noticed it.
struct Job<'s> {
    rule: &'s RuleName,
    change: Change,
    noticed: bool,
}

/// The cases of one rule.
struct Likely<'s> {
    cases: Vec<Probable<'s>>,
    /// The one that noticed a change last.
    last: AtomicUsize,
}

/// A case, and what came of it with the rule as it is.
struct Probable<'s> {
    case: &'s Case,
    tried: Option<&'s Tried>,
}

impl Mutated {
    /// Every change is noticed or excused, and every excuse is needed.
    pub fn sound(&self) -> bool {
        self.mistakes.is_empty() && self.rules.iter().all(|survey| survey.survivors.is_empty())
    }

    pub fn mistakes(&self) -> &[Mistake] {
        &self.mistakes
    }
}

impl Suite {
    /// Tries every change of every rule, on all cores. `run` is of the rules as they are: it tells which tests are quick,
    /// and what they reach.
    pub fn mutate(&self, filter: Option<&str>, run: &Run, progress: &dyn Tell) -> Mutated {
        let wanted = |name: &&RuleName| filter.is_none_or(|filter| name.contains(filter));
        let jobs: Vec<Mutex<Job<'_>>> = self
            .rules
            .rules
            .iter()
            .filter(|(name, _)| wanted(name))
            .flat_map(|(name, rule)| {
                changes(rule).into_iter().map(move |change| Job {
                    rule: name,
                    change,
                    noticed: false,
                })
            })
            .map(Mutex::new)
            .collect();
        let likely = self.likely(run);
        let (next, done) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let work = || {
            while let Some(job) = jobs.get(next.fetch_add(1, Ordering::Relaxed)) {
                let mut job = job.lock().unwrap_or_else(PoisonError::into_inner);
                job.noticed = likely
                    .get(job.rule)
                    .is_some_and(|cases| self.notices(job.rule, &job.change, cases));
                progress.tried(done.fetch_add(1, Ordering::Relaxed) + 1, jobs.len());
            }
        };
        let workers = thread::available_parallelism().map_or(1, NonZero::get);
        thread::scope(|scope| {
            for _ in 0..workers {
                scope.spawn(work);
            }
        });
        let jobs =
            jobs.into_iter().map(|job| job.into_inner().unwrap_or_else(PoisonError::into_inner));
        self.survey(jobs.collect())
    }

    /// The cases of each rule, the quickest first.
    fn likely<'s>(&'s self, run: &'s Run) -> BTreeMap<&'s RuleName, Likely<'s>> {
        let mut likely: BTreeMap<&RuleName, Vec<Probable<'_>>> = BTreeMap::new();
        for file in &self.files {
            for case in &file.cases {
                let same = |tried: &&Tried| tried.rule == file.rule && tried.name == case.name;
                let tried = run.cases.iter().find(same);
                likely.entry(&file.rule).or_default().push(Probable { case, tried });
            }
        }
        for cases in likely.values_mut() {
            cases.sort_by_key(|one| one.tried.map(|tried| tried.took));
        }
        let all = likely.into_iter();
        all.map(|(rule, cases)| (rule, Likely { cases, last: AtomicUsize::new(0) })).collect()
    }

    /// Some test of the rule fails with this change. One that notices is enough.
    fn notices(&self, rule: &RuleName, change: &Change, likely: &Likely<'_>) -> bool {
        let set: Arc<RuleSet> = Arc::new(change.of(&self.only(rule)));
        let last = likely.last.load(Ordering::Relaxed);
        let mut order: Vec<(usize, &Probable<'_>)> = likely.cases.iter().enumerate().collect();
        // First the one that noticed the change before, most often of the same part; then those that reach this part.
        let reaches =
            |one: &Probable<'_>| one.tried.is_some_and(|tried| tried.covered.reaches(&change.name));
        order.sort_by_key(|(index, one)| (*index != last, !reaches(one)));
        let notices = |one: &Probable<'_>| play(one.case, &set).failure.is_some();
        let by = order.into_iter().find(|(_, one)| notices(one)).map(|(index, _)| index);
        if let Some(index) = by {
            likely.last.store(index, Ordering::Relaxed);
        }
        by.is_some()
    }

    fn survey(&self, jobs: Vec<Job<'_>>) -> Mutated {
        let mut by_rule: BTreeMap<&RuleName, BTreeMap<String, bool>> = BTreeMap::new();
        for job in jobs {
            by_rule.entry(job.rule).or_default().insert(job.change.name, job.noticed);
        }
        let mut mistakes = Vec::new();
        let rules = by_rule
            .into_iter()
            .map(|(rule, changes)| {
                let excuses = self.excuses(rule, &changes, &mut mistakes);
                let mut survey = Survey {
                    rule: rule.clone(),
                    path: self.paths.get(rule).cloned().unwrap_or_else(|| rule.clone()),
                    noticed: 0,
                    survivors: Vec::new(),
                    excused: Vec::new(),
                };
                for (change, noticed) in changes {
                    match (noticed, excuses.get(&change)) {
                        (true, _) => survey.noticed += 1,
                        (false, Some(reason)) => survey.excused.push((change, reason.clone())),
                        (false, None) => survey.survivors.push(change),
                    }
                }
                survey
            })
            .collect();
        sort(&mut mistakes);
        Mutated { rules, mistakes }
    }

    /// The excuses of a rule by the change they name. One that is not needed, or names nothing, is a mistake.
    fn excuses(
        &self,
        rule: &RuleName,
        changes: &BTreeMap<String, bool>,
        mistakes: &mut Vec<Mistake>,
    ) -> BTreeMap<String, String> {
        let mut excuses = BTreeMap::new();
        for TestFile { source, excuses: written, .. } in
            self.files.iter().filter(|file| file.rule == *rule)
        {
            for excuse in written {
                let wrong = match changes.get(&excuse.change) {
                    Some(false) => {
                        excuses.insert(excuse.change.clone(), excuse.reason.clone());
                        continue;
                    }
                    Some(true) => (
                        format!("a test notices `{}`: it needs no excuse", excuse.change),
                        "remove this line".to_owned(),
                    ),
                    None => (
                        format!("no change of `{rule}` is called `{}`", excuse.change),
                        "`reclose test --mutate` names those that survive".to_owned(),
                    ),
                };
                mistakes.push(Mistake::error(source, excuse.at.clone(), wrong.0).hint(wrong.1));
            }
        }
        excuses
    }
}
