//! The files under a rules folder, each by its kind. Never follows a link out of it, never reads what is not a file.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::mistake::{Mistake, Source};
use super::yaml::{self, FILE_MOST_BYTES, Kind, Node};

/// Folders below the rules folder.
const DEPTH_MOST: usize = 4;
/// More files than this are not rules that people wrote.
const FILES_MOST: usize = 2_000;
/// What log lines say: for all rules of the folder.
const PATTERNS: &str = "patterns";
/// Packs of breaker libraries: not rules, but what rules use.
const PACKS: &str = "packs";
pub(crate) const TARGETS: &str = "targets.yaml";
const RULES: &str = ".yaml";
/// Beside a rule: its tests, and what becomes of the steps of its runbook.
pub(crate) const TESTS: &str = ".test.yaml";
pub(crate) const STEPS: &str = ".steps.yaml";

/// A file and its tree.
pub(crate) struct Parsed {
    pub(crate) source: Arc<Source>,
    pub(crate) root: Node,
}

/// What lies under a rules folder.
#[derive(Default)]
pub(crate) struct Read {
    pub(crate) dir: String,
    pub(crate) targets: Option<Parsed>,
    pub(crate) rules: Vec<Parsed>,
    pub(crate) packs: Vec<Parsed>,
    pub(crate) patterns: Vec<Parsed>,
    /// Path below the folder and text of everything read, for the revision.
    pub(crate) texts: Vec<(String, Arc<Source>)>,
}

pub(crate) fn read(dir: &Path, mistakes: &mut Vec<Mistake>) -> Read {
    let mut read = Read { dir: dir.display().to_string(), ..Read::default() };
    let mut paths = Vec::new();
    list(dir, 0, &is_rule, &mut paths, mistakes);
    paths.sort();
    if paths.len() > FILES_MOST {
        let message = format!("more than {FILES_MOST} files in this folder");
        let mistake = Mistake::without_text(&read.dir, message);
        mistakes.push(mistake.hint("is it the folder of your rules?"));
        return read;
    }
    for path in paths {
        let is_targets = path == dir.join(TARGETS);
        let is_pack = path.starts_with(dir.join(PACKS));
        let is_pattern = path.starts_with(dir.join(PATTERNS));
        let Some(source) = text(&path, mistakes) else { continue };
        let below = path.strip_prefix(dir).unwrap_or(&path).display().to_string();
        read.texts.push((below, Arc::clone(&source)));
        let Some(root) = yaml::parse(&source, mistakes) else { continue };
        let parsed = Parsed { source, root };
        if is_targets {
            read.targets = Some(parsed);
        } else if is_pack {
            read.packs.push(parsed);
        } else if is_pattern {
            read.patterns.push(parsed);
        } else {
            read.rules.push(parsed);
        }
    }
    let no_targets = read.texts.iter().all(|(below, _)| below != TARGETS);
    if no_targets && !mistakes.iter().any(|mistake| mistake.line() == 0) {
        let mistake = Mistake::without_text(
            dir.join(TARGETS).display().to_string(),
            "the inventory is missing",
        );
        mistakes.push(mistake.hint("the owners' list of what may be acted on, and how far"));
    }
    read
}

/// The files whose names end so, each with its tree; those that cannot be read are mistakes.
pub(crate) fn beside(dir: &Path, ending: &str, mistakes: &mut Vec<Mistake>) -> Vec<Parsed> {
    let mut paths = Vec::new();
    // What is wrong with the folder itself is told by `read`.
    list(dir, 0, &|name| name.ends_with(ending), &mut paths, &mut Vec::new());
    paths.sort();
    let parsed = paths.into_iter().take(FILES_MOST).filter_map(|path| {
        let source = text(&path, mistakes)?;
        let root = yaml::parse(&source, mistakes)?;
        Some(Parsed { source, root })
    });
    parsed.collect()
}

/// The tests beside the rules.
pub(crate) fn tests(dir: &Path, mistakes: &mut Vec<Mistake>) -> Vec<Parsed> {
    beside(dir, TESTS, mistakes)
}

/// Where each rule stands, by its name.
pub(crate) fn rule_paths(dir: &Path) -> BTreeMap<String, String> {
    let named = |parsed: &Parsed| {
        let Kind::Map(entries) = &parsed.root.kind else { return None };
        let (_, node) = entries.iter().find(|(key, _)| key.text == "breaker")?;
        let Kind::Scalar(name) = &node.kind else { return None };
        Some((name.text.clone(), parsed.source.path.clone()))
    };
    read(dir, &mut Vec::new()).rules.iter().filter_map(named).collect()
}

fn is_rule(name: &str) -> bool {
    [TESTS, STEPS].iter().all(|other| !name.ends_with(other)) && name.ends_with(RULES)
}

/// The owners' file alone; `None` when it is not there or is no YAML.
pub(crate) fn targets(dir: &Path, mistakes: &mut Vec<Mistake>) -> Option<Parsed> {
    let source = text(&dir.join(TARGETS), mistakes)?;
    let root = yaml::parse(&source, mistakes)?;
    Some(Parsed { source, root })
}

fn list(
    dir: &Path,
    depth: usize,
    wanted: &dyn Fn(&str) -> bool,
    paths: &mut Vec<PathBuf>,
    mistakes: &mut Vec<Mistake>,
) {
    let entries = match std::fs::read_dir(dir) {
        Ok(entries) => entries,
        Err(error) => {
            let message = format!("this folder cannot be read: {error}");
            let mistake = Mistake::without_text(dir.display().to_string(), message);
            mistakes.push(mistake.hint("does it exist, and may this user read it?"));
            return;
        }
    };
    for entry in entries.flatten() {
        let (path, name) = (entry.path(), entry.file_name());
        let name = name.to_string_lossy();
        // Hidden files are editors' own, and `..data` is how Kubernetes mounts a ConfigMap.
        if name.starts_with('.') {
            continue;
        }
        if path.is_dir() {
            if depth < DEPTH_MOST {
                list(&path, depth + 1, wanted, paths, mistakes);
            }
        } else if name.ends_with(".yml") {
            let mistake =
                Mistake::without_text(path.display().to_string(), "not read, because of its name");
            mistakes.push(mistake.hint("rule files end in `.yaml`: rename it"));
        } else if wanted(&name) && path.is_file() {
            paths.push(path);
        }
    }
}

/// The text of one file, bounded and valid.
pub(crate) fn text(path: &Path, mistakes: &mut Vec<Mistake>) -> Option<Arc<Source>> {
    let shown = path.display().to_string();
    let mut wrong = |message: String, hint: &str| {
        mistakes.push(Mistake::without_text(&shown, message).hint(hint));
        None
    };
    let unread = "does it exist, and may this user read it?";
    let length = match std::fs::metadata(path) {
        Ok(metadata) => metadata.len(),
        Err(error) => return wrong(format!("this file cannot be read: {error}"), unread),
    };
    if length > FILE_MOST_BYTES {
        let message = format!("this file is larger than {} MiB", FILE_MOST_BYTES >> 20);
        return wrong(message, "a rule is a few kilobytes: is this another kind of file?");
    }
    match std::fs::read(path).map(String::from_utf8) {
        Ok(Ok(text)) => Some(Arc::new(Source::new(shown, text))),
        Ok(Err(error)) => {
            let line = error
                .as_bytes()
                .iter()
                .take(error.utf8_error().valid_up_to())
                .filter(|byte| **byte == b'\n')
                .count();
            wrong(format!("not valid UTF-8 in line {}", line + 1), "save the file as UTF-8")
        }
        Err(error) => wrong(format!("this file cannot be read: {error}"), unread),
    }
}
