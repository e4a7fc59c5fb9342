//! `rules/*.yaml` → one checked rule set: every mistake of every file at once, active whole or not at all.
//!
//! Never asks a system and never acts; what it lets through is what the core is allowed to believe.

mod address;
mod alerts;
mod ask;
mod coverage;
mod files;
mod fill;
mod fingerprint;
mod http;
mod ladder;
mod logs;
mod mistake;
mod packs;
mod promql;
mod read;
mod rule;
mod sound;
mod steps;
mod targets;
mod verify;
mod words;
mod yaml;

pub use coverage::{coverage, table};
pub use fingerprint::fingerprint;
pub use mistake::{Mistake, Severity, Source, render, sort};
pub use packs::{Pack, Parameter};

// The configuration file is read by the same means, and answered in the same manner.
pub(crate) use files::text as read_text;
pub(crate) use read::{Reader, Values};
pub(crate) use yaml::{Kind, Node, parse as yaml_tree};

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use crate::core::rule::{RuleSet, Target, TargetName};

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
    let mut report = render(&mistakes, styled);
    let errors = mistakes.iter().filter(|mistake| mistake.is_error()).count();
    let warnings = mistakes.len() - errors;
    let told = |count: usize, what: &str| match count {
        1 => format!("1 {what}"),
        _ => format!("{count} {what}s"),
    };
    // Writing to a String cannot fail.
    match &rules {
        Some(rules) => writeln!(
            report,
            "{}: {} for {}, revision {}{}",
            dir.display(),
            told(rules.rules.len(), "rule"),
            told(rules.targets.len(), "target"),
            rules.revision,
            if warnings > 0 { format!("; {}", told(warnings, "warning")) } else { String::new() },
        ),
        None => writeln!(
            report,
            "{}: {}, {}: nothing becomes active",
            dir.display(),
            told(errors, "error"),
            told(warnings, "warning")
        ),
    }
    .unwrap_or_default();
    report.push_str(&rules.as_ref().map(notes).unwrap_or_default());
    (report, rules.is_some())
}

/// What people should know of the packs that their rules use, each once.
fn notes(rules: &RuleSet) -> String {
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
