//! `*.test.yaml`: rules tried out by the real engine, without a network and without waiting.
//!
//! Each case lives in a world that the test tells, over the memory store, by a clock that jumps. Never touches a system.

mod changes;
mod coverage;
mod expect;
mod file;
mod given;
mod judge;
mod mutate;
mod play;
mod read;
mod report;
mod world;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use crate::core::rule::{RuleName, RuleSet};
use crate::core::time::Duration;
use crate::engine::clock::since_boot;
use crate::rules::{Mistake, Severity, load_with_warnings, render, rule_paths, sort, tests};
use coverage::{Coverage, Covered};
use file::TestFile;
use play::{Failure, play};

pub use mutate::{Mutated, Tell};
pub use report::{changes as changes_text, json, junit, text};

/// The rules of a folder with their tests.
pub struct Suite {
    rules: RuleSet,
    /// Where each rule stands.
    paths: BTreeMap<RuleName, String>,
    files: Vec<TestFile>,
}

/// What came of a run.
pub struct Run {
    cases: Vec<Tried>,
    coverage: Vec<Coverage>,
}

/// One case that was run.
struct Tried {
    file: String,
    rule: RuleName,
    name: String,
    line: usize,
    took: Duration,
    failure: Option<Failure>,
    covered: Covered,
    /// The text of the file, for the lines of what failed.
    source: Arc<crate::rules::Source>,
}

impl Suite {
    /// Reads rules and tests; every mistake of both at once.
    pub fn load(dir: &Path) -> Result<Self, Vec<Mistake>> {
        let (rules, mut mistakes) = load_with_warnings(dir);
        let Some(rules) = rules else { return Err(mistakes) };
        mistakes.retain(|mistake| mistake.severity == Severity::Error);
        let parsed = tests(dir, &mut mistakes);
        let files: Vec<TestFile> =
            parsed.iter().filter_map(|parsed| read::file(parsed, &rules, &mut mistakes)).collect();
        sort(&mut mistakes);
        if mistakes.is_empty() {
            Ok(Self { rules, paths: rule_paths(dir), files })
        } else {
            Err(mistakes)
        }
    }

    /// Runs every case whose `rule: name` has `filter` in it.
    pub fn run(&self, filter: Option<&str>) -> Run {
        let mut covered: BTreeMap<&RuleName, Covered> =
            self.rules.rules.keys().map(|name| (name, Covered::default())).collect();
        let mut cases = Vec::new();
        for file in &self.files {
            let rules = Arc::new(self.only(&file.rule));
            for case in &file.cases {
                let whole = format!("{}: {}", file.rule, case.name);
                if filter.is_some_and(|filter| !whole.contains(filter)) {
                    continue;
                }
                let began = since_boot();
                let played = play(case, &rules);
                covered.entry(&file.rule).or_default().join(played.covered.clone());
                cases.push(Tried {
                    file: file.source.path.clone(),
                    rule: file.rule.clone(),
                    name: case.name.clone(),
                    line: case.line,
                    took: since_boot().saturating_sub(began),
                    failure: played.failure,
                    covered: played.covered,
                    source: Arc::clone(&file.source),
                });
            }
        }
        // Of a choice of tests, only what they are about.
        let about = |name: &RuleName| {
            filter.is_none() || cases.iter().any(|case: &Tried| case.rule == *name)
        };
        let coverage = covered
            .into_iter()
            .filter(|(name, _)| about(name))
            .filter_map(|(name, covered)| Some(covered.of(self.rules.rules.get(name)?)))
            .collect();
        Run { cases, coverage }
    }

    /// One rule, and the whole inventory.
    fn only(&self, name: &RuleName) -> RuleSet {
        let of = |(known, value): (&RuleName, _)| (known == name).then(|| (known.clone(), value));
        RuleSet {
            rules: self
                .rules
                .rules
                .iter()
                .filter(|(known, _)| *known == name)
                .map(|(n, r)| (n.clone(), r.clone()))
                .collect(),
            filled: self.rules.filled.iter().filter_map(of).map(|(n, f)| (n, f.clone())).collect(),
            targets: self.rules.targets.clone(),
            brake_percent: self.rules.brake_percent,
            revision: self.rules.revision.clone(),
            ..RuleSet::default()
        }
    }
}

impl Run {
    pub fn failed(&self) -> usize {
        self.cases.iter().filter(|case| case.failure.is_some()).count()
    }

    pub fn count(&self) -> usize {
        self.cases.len()
    }

    /// Rules of which less than so many percent are covered.
    pub fn below(&self, percent: usize) -> usize {
        self.coverage.iter().filter(|coverage| coverage.percent() < percent).count()
    }
}

/// All mistakes as people read them.
pub fn mistakes(mistakes: &[Mistake], styled: bool) -> String {
    let errors = mistakes.iter().filter(|mistake| mistake.is_error()).count();
    format!(
        "{}nothing was tried: {errors} {}\n",
        render(mistakes, styled),
        if errors == 1 { "mistake" } else { "mistakes" }
    )
}
