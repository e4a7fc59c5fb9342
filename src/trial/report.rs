//! What came of the tests, for people, for `JUnit` readers and for programs. Never hides a failure.

use std::fmt::Write as _;

use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestSuite};
use serde::Serialize;

use super::coverage::Coverage;
use super::mutate::{Mutated, Survey};
use super::play::Failure;
use super::read::line_of;
use super::{Run, Tried};

/// One line a case; what failed with its reason and its history; coverage and totals.
pub fn text(run: &Run) -> String {
    let mut out = String::new();
    for case in &run.cases {
        let word = if case.failure.is_some() { "FAIL" } else { "ok  " };
        say(&mut out, &format!("{word} {}: {}", case.rule, case.name));
    }
    for (case, failure) in run.cases.iter().filter_map(|case| Some((case, case.failure.as_ref()?)))
    {
        say(&mut out, "");
        say(&mut out, &format!("FAIL {}: {}", case.rule, case.name));
        out.push_str(&failure_text(case, failure));
    }
    say(&mut out, "");
    for coverage in &run.coverage {
        say(&mut out, &coverage_text(coverage));
        for key in &coverage.missing {
            say(&mut out, &format!("  never reached: {key}"));
        }
    }
    say(&mut out, &totals(run));
    out
}

fn totals(run: &Run) -> String {
    let failed = run.failed();
    format!("{} passed, {failed} failed", run.count().saturating_sub(failed))
}

fn coverage_text(coverage: &Coverage) -> String {
    let (rule, percent) = (&coverage.rule, coverage.percent());
    let (covered, total) = (coverage.covered(), coverage.total);
    format!(
        "{rule}: {percent} % covered ({covered} of {total} causes, rungs, guards and escalations)"
    )
}

/// Where and why a case failed, and the incident's history until then.
fn failure_text(case: &Tried, failure: &Failure) -> String {
    let mut out = String::new();
    for mismatch in &failure.mismatches {
        let line = mismatch.at.map_or(failure.line, |at| line_of(&case.source.text, at));
        say(&mut out, &format!("  {}:{line}", case.file));
        say(&mut out, &format!("    expected: {}", mismatch.wanted));
        say(&mut out, &format!("    happened: {}", mismatch.happened));
    }
    say(&mut out, "  history:");
    for line in &failure.timeline {
        say(&mut out, &format!("    {line}"));
    }
    out
}

/// What came of the changes: what survived, by name, and what was excused with its reason.
pub fn changes(mutated: &Mutated) -> String {
    let mut out = String::new();
    for survey in &mutated.rules {
        let Survey { path, noticed, survivors, excused, .. } = survey;
        let total = noticed + survivors.len() + excused.len();
        let aside = match excused.len() {
            0 => String::new(),
            some => format!(", {some} excused"),
        };
        say(&mut out, &format!("{path}: {noticed} of {total} changes noticed{aside}"));
        for (change, reason) in excused {
            say(&mut out, &format!("  excused: {change}: {reason}"));
        }
        for change in survivors {
            say(&mut out, &format!("  survives: {path}: {change}"));
        }
    }
    out
}

/// For whatever reads `JUnit` files: one suite for each rule.
pub fn junit(run: &Run) -> Result<String, String> {
    let mut report = Report::new("reclose test");
    let mut suite: Option<TestSuite> = None;
    for case in &run.cases {
        if suite.as_ref().is_some_and(|open| open.name.as_str() != case.rule) {
            report.add_test_suites(suite.take());
        }
        let open = suite.get_or_insert_with(|| TestSuite::new(case.rule.as_str()));
        let status = match &case.failure {
            None => TestCaseStatus::success(),
            Some(failure) => {
                let mut status = TestCaseStatus::non_success(NonSuccessKind::Failure);
                if let Some(first) = failure.mismatches.first() {
                    status
                        .set_message(format!("expected {}, but: {}", first.wanted, first.happened));
                }
                status.set_description(failure_text(case, failure));
                status
            }
        };
        let mut told = TestCase::new(case.name.as_str(), status);
        told.set_classname(case.rule.as_str());
        told.set_time(case.took);
        open.add_test_case(told);
    }
    report.add_test_suites(suite);
    report.to_string().map_err(|error| error.to_string())
}

#[derive(Serialize)]
struct Whole<'a> {
    passed: usize,
    failed: usize,
    cases: Vec<One<'a>>,
    coverage: Vec<Share<'a>>,
    /// Of each rule, when changes were tried.
    #[serde(skip_serializing_if = "Option::is_none")]
    changes: Option<Vec<Changed<'a>>>,
}

#[derive(Serialize)]
struct Changed<'a> {
    rule: &'a str,
    file: &'a str,
    noticed: usize,
    survivors: &'a [String],
    excused: Vec<Excused<'a>>,
}

#[derive(Serialize)]
struct Excused<'a> {
    change: &'a str,
    reason: &'a str,
}

#[derive(Serialize)]
struct One<'a> {
    file: &'a str,
    line: usize,
    rule: &'a str,
    name: &'a str,
    passed: bool,
    took_ms: u128,
    failures: Vec<Miss<'a>>,
    history: &'a [String],
}

#[derive(Serialize)]
struct Miss<'a> {
    line: usize,
    expected: &'a str,
    happened: &'a str,
}

#[derive(Serialize)]
struct Share<'a> {
    rule: &'a str,
    percent: usize,
    covered: usize,
    total: usize,
    missing: &'a [String],
}

/// The same for programs.
pub fn json(run: &Run, mutated: Option<&Mutated>) -> Result<String, serde_json::Error> {
    let failed = run.failed();
    let whole = Whole {
        passed: run.count().saturating_sub(failed),
        failed,
        cases: run.cases.iter().map(one).collect(),
        coverage: run.coverage.iter().map(share).collect(),
        changes: mutated.map(|mutated| mutated.rules.iter().map(changed).collect()),
    };
    serde_json::to_string_pretty(&whole).map(|text| text + "\n")
}

fn one(case: &Tried) -> One<'_> {
    let failure = case.failure.as_ref();
    let miss = |failure: &'_ Failure, index: usize| {
        let at = failure.mismatches.get(index).and_then(|mismatch| mismatch.at);
        at.map_or(failure.line, |at| line_of(&case.source.text, at))
    };
    let failures = failure.into_iter().flat_map(|failure| {
        failure.mismatches.iter().enumerate().map(move |(index, mismatch)| Miss {
            line: miss(failure, index),
            expected: &mismatch.wanted,
            happened: &mismatch.happened,
        })
    });
    One {
        file: &case.file,
        line: case.line,
        rule: &case.rule,
        name: &case.name,
        passed: failure.is_none(),
        took_ms: case.took.as_millis(),
        failures: failures.collect(),
        history: failure.map_or(&[][..], |failure| &failure.timeline),
    }
}

fn changed(survey: &Survey) -> Changed<'_> {
    let excused = survey.excused.iter();
    Changed {
        rule: &survey.rule,
        file: &survey.path,
        noticed: survey.noticed,
        survivors: &survey.survivors,
        excused: excused.map(|(change, reason)| Excused { change, reason }).collect(),
    }
}

fn share(coverage: &Coverage) -> Share<'_> {
    Share {
        rule: &coverage.rule,
        percent: coverage.percent(),
        covered: coverage.covered(),
        total: coverage.total,
        missing: &coverage.missing,
    }
}

fn say(out: &mut String, line: &str) {
    // Writing to a String cannot fail.
    writeln!(out, "{line}").unwrap_or_default();
}
