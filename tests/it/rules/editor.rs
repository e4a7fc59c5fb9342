//! Proves that an editor with a YAML language server takes every rule that we ship or print, marks mistakes, and completes.

use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::files_of;
use super::folder::{Folder, RULE};

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// What the language service says of each file, by the schema of this kind.
fn looked_at(kind: &str, files: &[PathBuf]) -> Vec<Value> {
    let output = Command::new("node")
        .arg(Path::new(ROOT).join("tests/lab/editor.js"))
        .arg(Path::new(ROOT).join(format!("docs/schema/{kind}.json")))
        .args(files)
        .output()
        .unwrap_or_else(|error| panic!("node: {error}; see tests/lab/install.sh"));
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
    said.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// One rule, looked at.
fn of(text: &str) -> (Vec<String>, Vec<String>) {
    let folder = Folder::empty();
    folder.write("rule.yaml", text);
    let said = looked_at("rule", &[folder.path().join("rule.yaml")]);
    let list = |name: &str| {
        let words = said[0][name].as_array().unwrap().iter();
        words.map(|word| word.as_str().unwrap().to_owned()).collect()
    };
    (list("marked"), list("offered"))
}

fn edited(from: &str, to: &str) -> String {
    assert_eq!(RULE.matches(from).count(), 1, "{from:?} must stand once");
    RULE.replace(from, to)
}

#[test]
fn an_editor_marks_nothing_in_the_rules_that_we_ship_and_print() {
    let printed = Folder::empty();
    let mut files = Vec::new();
    for (name, text) in files_of("docs/quickstart.md") {
        if !name.ends_with("/targets.yaml") && text.contains("\nbreaker: ") {
            printed.write(&name, &text);
            files.push(printed.path().join(name));
        }
    }
    let shipped = std::fs::read_dir(Path::new(ROOT).join("rules")).unwrap();
    files.extend(shipped.map(|entry| entry.unwrap().path()).filter(|path| {
        let name = path.file_name().unwrap().to_str().unwrap();
        path.extension().is_some_and(|kind| kind == "yaml")
            && name.matches('.').count() == 1
            && name != "targets.yaml"
    }));
    assert!(files.len() >= 12, "{files:?}");
    for (file, said) in files.iter().zip(looked_at("rule", &files)) {
        assert_eq!(said["marked"], serde_json::json!([]), "{}", file.display());
    }
    let inventory = looked_at("targets", &[Path::new(ROOT).join("rules/targets.yaml")]);
    assert_eq!(inventory[0]["marked"], serde_json::json!([]));
}

#[test]
fn an_editor_marks_what_the_loader_refuses() {
    assert_eq!(of(RULE).0, [""; 0]);
    for (from, to) in [
        ("1: open }", "1: opne }"),
        ("{ 0: closed, 1: open }", "[ closed, open ]"),
        ("kind: self", "kidn: self"),
        ("mode: approve", "mode: automatic"),
        ("hold: 2m", "hold: 2 minutes"),
        ("statuses: {", "5: {"),
        ("- { when: always", "- { if: always"),
    ] {
        let (marked, _) = of(&edited(from, to));
        assert!(!marked.is_empty(), "{to} was taken");
    }
}

#[test]
fn an_editor_offers_keys_and_words() {
    let (_, keys) = of(&edited("kind: self\n", "ki<caret>\n"));
    assert!(keys.iter().any(|word| word == "kind"), "{keys:?}");
    let (_, modes) = of(&edited("mode: approve", "mode: <caret>"));
    for mode in ["observe", "suggest", "approve", "auto"] {
        assert!(modes.iter().any(|word| word == mode), "{mode}: {modes:?}");
    }
    let (_, states) = of(&edited(" { 0: closed, 1: open }", "\n    0: <caret>"));
    assert!(states.iter().any(|word| word == "half_open"), "{states:?}");
}
