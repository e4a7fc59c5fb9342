//! `rules/*.yaml` → one checked rule set: every mistake of every file at once, active whole or not at all.
//!
//! Never asks a system and never acts; what it lets through is what the core is allowed to believe.

mod address;
mod alerts;
mod ask;
mod aws;
mod azure;
mod causes;
mod coverage;
mod escalate;
mod explain;
mod files;
mod fill;
mod fingerprint;
#[cfg(test)]
mod golden;
mod grammar;
mod http;
mod ladder;
mod located;
mod logs;
mod mistake;
mod packs;
mod patterns;
mod probes;
mod promql;
mod read;
mod rule;
pub mod schema;
mod search;
mod sense;
mod signals;
mod sound;
mod steps;
mod stores;
mod targets;
mod verify;
mod words;
mod workloads;
mod yaml;

pub use coverage::{coverage, table};
pub use explain::{explain, span};
pub use fingerprint::fingerprint;
pub use located::{Located, prometheus_questions};
pub use mistake::{Mistake, Severity, Source, render, sort};
pub use packs::{Pack, Parameter};

// The configuration file is read by the same means, and answered in the same manner.
pub(crate) use files::{Parsed, rule_paths, tests, text as read_text};
pub(crate) use read::{Reader, Values};
pub(crate) use yaml::{Kind, Node, parse as yaml_tree};

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use crate::core::classify::Patterns;
use crate::core::rule::{RuleSet, Target, TargetName};
use files::TARGETS;

/// Reads everything under a folder. Warnings alone do not stop it; they are `check`'s to show.
pub fn load(dir: &Path) -> Result<RuleSet, Vec<Mistake>> {
    match load_with_warnings(dir) {
        (Some(rules), _) => Ok(rules),
        (None, mistakes) => Err(mistakes),
    }
}

/// Reads everything under a folder: the rules unless a mistake is an error, and all mistakes in the order of files and lines.
pub fn load_with_warnings(dir: &Path) -> (Option<RuleSet>, Vec<Mistake>) {
    let mut mistakes = Vec::new();
    let read = files::read(dir, &mut mistakes);
    let rules = sound::rule_set(&read, &mut mistakes);
    sort(&mut mistakes);
    let sound = !mistakes.iter().any(Mistake::is_error);
    (sound.then_some(rules), mistakes)
}

/// The packs that come with the program and, above them, those of a folder; with the mistakes of the latter.
pub fn packs(dir: Option<&Path>) -> (Vec<Pack>, Vec<Mistake>) {
    let mut mistakes = Vec::new();
    let read = dir.map(|dir| files::read(dir, &mut Vec::new())).unwrap_or_default();
    let packs = packs::Packs::read(&read.packs, &mut mistakes);
    sort(&mut mistakes);
    (packs.all().cloned().collect(), mistakes)
}

/// The patterns for log lines: the built-in ones and those of a folder. `None` if the latter are wrong; the mistakes say how.
pub fn line_patterns(dir: &Path) -> (Option<Patterns>, Vec<Mistake>) {
    let mut mistakes = Vec::new();
    let read = files::read(dir, &mut Vec::new());
    let added = patterns::added(&read.patterns, &mut mistakes);
    sort(&mut mistakes);
    (added.and_then(|added| Patterns::over(&added).ok()), mistakes)
}

/// The owners' inventory alone, if nothing is wrong with it: what it forbids holds even while a rule beside it is wrong.
pub fn inventory(dir: &Path) -> Option<BTreeMap<TargetName, Target>> {
    let mut mistakes = Vec::new();
    let parsed = files::targets(dir, &mut mistakes)?;
    let inventory = sound::inventory(&parsed, &mut mistakes);
    let sound = !mistakes.iter().any(Mistake::is_error);
    sound.then_some(inventory.targets)
}

/// What `reclose check` says about a folder, and whether its rules could become active.
pub fn check(dir: &Path, styled: bool) -> (String, bool) {
    let (rules, mistakes) = load_with_warnings(dir);
    let mut report = render(&mistakes, styled) + &summary(dir, rules.as_ref(), &mistakes);
    report.push_str(&rules.as_ref().map(notes).unwrap_or_default());
    (report, rules.is_some())
}

/// The last line of a check. Without rules: how many mistakes there are.
pub fn summary(path: &Path, rules: Option<&RuleSet>, mistakes: &[Mistake]) -> String {
    let errors = mistakes.iter().filter(|mistake| mistake.is_error()).count();
    let warnings = mistakes.len() - errors;
    let told = |count: usize, what: &str| match count {
        1 => format!("1 {what}"),
        _ => format!("{count} {what}s"),
    };
    let path = path.display();
    let (errors, warnings) = match (errors, warnings) {
        (0, 0) => ("nothing wrong".to_owned(), String::new()),
        (0, warnings) => (told(warnings, "warning"), String::new()),
        (errors, 0) => (told(errors, "error"), String::new()),
        (errors, warnings) => (told(errors, "error"), format!(", {}", told(warnings, "warning"))),
    };
    match rules {
        Some(rules) => {
            let (count, targets) = (rules.rules.len(), rules.targets.len());
            let warned =
                if mistakes.is_empty() { String::new() } else { format!("; {errors}{warnings}") };
            let revision = &rules.revision;
            format!(
                "{path}: {} for {}, revision {revision}{warned}\n",
                told(count, "rule"),
                told(targets, "target")
            )
        }
        None if mistakes.iter().any(Mistake::is_error) => {
            format!("{path}: {errors}{warnings}: nothing becomes active\n")
        }
        None => format!("{path}: {errors}{warnings}\n"),
    }
}

/// What people should know of the packs that their rules use, each once.
pub fn notes(rules: &RuleSet) -> String {
    let mut packs: BTreeMap<&str, (&[String], Vec<&str>)> = BTreeMap::new();
    for (rule, pack) in &rules.packs {
        packs.entry(&pack.name).or_insert((&pack.traps, Vec::new())).1.push(rule);
    }
    let mut notes = String::new();
    for (pack, (traps, rules)) in packs {
        // Writing to a String cannot fail.
        writeln!(notes, "\nKeep in mind with the pack {pack} (used by {}):", rules.join(", "))
            .unwrap_or_default();
        for trap in traps {
            writeln!(notes, "  - {trap}").unwrap_or_default();
        }
    }
    notes
}

/// The rules folder that a file belongs to: the nearest above it that has the inventory, else its own.
pub fn folder_of(file: &Path) -> PathBuf {
    let own = file.parent().filter(|parent| !parent.as_os_str().is_empty());
    let own = own.unwrap_or(Path::new("."));
    let above = own.ancestors().take(FOLDERS_ABOVE);
    above.into_iter().find(|folder| folder.join(TARGETS).is_file()).unwrap_or(own).to_owned()
}

/// The breaker that a rule file is about, if it is one.
pub fn breaker_of(file: &Path) -> Option<String> {
    let source = files::text(file, &mut Vec::new())?;
    let root = yaml::parse(&source, &mut Vec::new())?;
    located::name_of(&root).map(str::to_owned)
}

/// As deep as `files` looks below a rules folder.
const FOLDERS_ABOVE: usize = 5;
