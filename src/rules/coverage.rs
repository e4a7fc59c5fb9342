//! `reclose coverage`: each step of each runbook, how it is covered, and what of that is missing. Runs no rule.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::Path;

use super::files::{self, Parsed};
use super::mistake::{Mistake, render, sort};
use super::steps::{Covered, Described, Step, says};
use super::yaml::{Kind, Node};

/// What `reclose coverage` says about a folder, and whether every step is covered.
pub fn coverage(dir: &Path, styled: bool) -> (String, bool) {
    let mut mistakes = Vec::new();
    let folder = Folder::read(dir, &mut mistakes);
    let mut report = String::new();
    for runbook in &folder.runbooks {
        let missing = folder.missing(runbook);
        show(&mut report, runbook, &missing);
        mistakes.extend(missing.into_values().flatten());
    }
    if folder.runbooks.is_empty() && mistakes.is_empty() {
        let mistake =
            Mistake::without_text(dir.display().to_string(), "no runbook is described here");
        mistakes.push(mistake.hint("list its steps in a file `<rule>.steps.yaml` beside its rule"));
    }
    sort(&mut mistakes);
    if !mistakes.is_empty() {
        report.push('\n');
        report.push_str(&render(&mistakes, styled));
    }
    let complete = !mistakes.iter().any(Mistake::is_error);
    let all = folder.runbooks.iter().map(|runbook| runbook.steps.len()).sum::<usize>();
    let end = if complete {
        "each is covered, or out of scope for a reason"
    } else {
        "something is missing"
    };
    let runbooks = match folder.runbooks.len() {
        1 => "1 runbook".to_owned(),
        several => format!("{several} runbooks"),
    };
    // Writing to a String cannot fail.
    writeln!(report, "\n{all} steps of {runbooks}: {end}").unwrap_or_default();
    (report, complete)
}

/// The table that a runbook's page shows of its steps; `None`: there is no such page here.
pub fn table(dir: &Path, page: &str) -> Option<String> {
    let folder = Folder::read(dir, &mut Vec::new());
    let runbook = folder.runbooks.iter().find(|one| one.runbook == page)?;
    let mut table = String::from("| step | the runbook | reclose |\n|---|---|---|\n");
    for step in &runbook.steps {
        let covered = step.covered.words();
        // Writing to a String cannot fail.
        writeln!(table, "| `{}` | {} | **{covered}**: {} |", step.id, step.says, step.how)
            .unwrap_or_default();
    }
    Some(table)
}

/// What lies in a rules folder, as far as coverage needs it.
struct Folder {
    runbooks: Vec<Described>,
    rules: BTreeMap<String, Node>,
    /// The names of the tests of each rule.
    tests: BTreeMap<String, BTreeSet<String>>,
}

impl Folder {
    fn read(dir: &Path, mistakes: &mut Vec<Mistake>) -> Self {
        let mut folder =
            Self { runbooks: Vec::new(), rules: BTreeMap::new(), tests: BTreeMap::new() };
        // What is wrong with rules is for `check` to say: here they are only looked up.
        for parsed in files::read(dir, &mut Vec::new()).rules {
            if let Some(name) = breaker(&parsed.root) {
                folder.rules.insert(name, parsed.root);
            }
        }
        for Parsed { source, root } in files::beside(dir, files::STEPS, mistakes) {
            let (steps, wrong) = Described::read(&source, &root);
            mistakes.extend(wrong);
            folder.runbooks.extend(steps);
        }
        for parsed in files::beside(dir, files::TESTS, &mut Vec::new()) {
            names(&parsed.root, folder.tests.entry(about(&parsed)).or_default());
        }
        folder
    }

    /// A test of this name is one of the runbook's own rules: what shows another rule shows nothing here.
    fn tried(&self, runbook: &Described, name: &str) -> bool {
        let of = |(rule, _): &(String, _)| self.tests.get(rule).is_some_and(|t| t.contains(name));
        runbook.rules.iter().any(of)
    }

    /// What the steps rest on and is not there, by the step's id.
    fn missing(&self, runbook: &Described) -> BTreeMap<String, Vec<Mistake>> {
        let mut missing: BTreeMap<String, Vec<Mistake>> = BTreeMap::new();
        for step in &runbook.steps {
            let parts = step.by.iter().filter_map(|part| {
                let (what, hint) = match self.rules.get(&part.rule) {
                    None => {
                        (format!("there is no rule `{}`", part.rule), "it was renamed or removed")
                    }
                    Some(root) if says(root, &part.path) => return None,
                    Some(_) => (
                        format!("the rule `{}` has no `{}`", part.rule, part.path),
                        "the rule no longer covers this step: cover it, or say what does",
                    ),
                };
                Some((what, hint, part.at.clone()))
            });
            let tests = step.tests.iter().filter(|(name, _)| !self.tried(runbook, name)).map(
                |(name, at)| {
                    let what = format!("no test is called \"{name}\"");
                    (what, "write it, or name the test that shows this step", at.clone())
                },
            );
            for (what, hint, at) in parts.chain(tests) {
                let message = format!("`{}` is missing: {what}", step.id);
                let mistake = Mistake::error(&runbook.source, at, message).hint(hint);
                missing.entry(step.id.clone()).or_default().push(mistake);
            }
        }
        missing
    }
}

fn show(report: &mut String, runbook: &Described, missing: &BTreeMap<String, Vec<Mistake>>) {
    let of = |covered| runbook.steps.iter().filter(|step| step.covered == covered).count();
    let counted = Covered::ALL.map(|covered| format!("{} {}", of(covered), covered.words()));
    let gap = if report.is_empty() { "" } else { "\n" };
    let rules: Vec<&str> = runbook.rules.iter().map(|(name, _)| name.as_str()).collect();
    // Writing to a String cannot fail.
    writeln!(report, "{gap}{} ({}): {}", rules.join(", "), runbook.runbook, counted.join(", "))
        .unwrap_or_default();
    let width = runbook.steps.iter().map(|step| step.id.len()).max().unwrap_or(0);
    for step in &runbook.steps {
        line(report, step, width, missing.contains_key(&step.id));
    }
}

fn line(report: &mut String, step: &Step, width: usize, missing: bool) {
    let covered = if missing { "missing" } else { step.covered.words() };
    let tests: Vec<String> = step.tests.iter().map(|(name, _)| format!("\"{name}\"")).collect();
    let shown = match step.covered {
        Covered::OutOfScope => format!("because: {}", step.how),
        Covered::Automated | Covered::Asked => format!("shown by {}", tests.join(", ")),
    };
    let indent = " ".repeat(width + 22);
    // Writing to a String cannot fail.
    writeln!(report, "  {:width$}  {covered:17} {}\n{indent}{shown}", step.id, step.says)
        .unwrap_or_default();
}

fn breaker(root: &Node) -> Option<String> {
    scalar(value(root, "breaker")?)
}

/// The rule that a test file is about: the one it names, or that of its own name.
fn about(parsed: &Parsed) -> String {
    value(&parsed.root, "rule").and_then(scalar).unwrap_or_else(|| {
        let path = parsed.source.path.as_str();
        let name = path.rsplit('/').next().unwrap_or(path);
        name.strip_suffix(files::TESTS).unwrap_or(name).to_owned()
    })
}

/// The names of the tests in a test file.
fn names(root: &Node, names: &mut BTreeSet<String>) {
    if let Some(Node { kind: Kind::List(tests), .. }) = value(root, "tests") {
        names.extend(tests.iter().filter_map(|test| scalar(value(test, "name")?)));
    }
}

fn value<'n>(node: &'n Node, name: &str) -> Option<&'n Node> {
    match &node.kind {
        Kind::Map(entries) => {
            entries.iter().find(|(key, _)| key.text == name).map(|(_, value)| value)
        }
        Kind::Scalar(_) | Kind::List(_) => None,
    }
}

fn scalar(node: &Node) -> Option<String> {
    match &node.kind {
        Kind::Scalar(scalar) => Some(scalar.text.clone()),
        Kind::List(_) | Kind::Map(_) => None,
    }
}
