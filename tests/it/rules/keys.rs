//! No key is accepted and ignored: for every key of the schema, changing only its value changes what is decided, asked,
//! done or told, or is refused. A key without a case here is a failure that names it.

mod cases;
mod life;

use reclose::rules::{self, schema};
use std::collections::BTreeSet;

use super::folder::Folder;
use cases::{CASES, Case, Edit, P, PATTERNS};

/// Every key, as `shape.key`.
fn keys() -> BTreeSet<String> {
    let mut keys = BTreeSet::new();
    for kind in schema::kinds() {
        let schema = schema::schema(kind).unwrap();
        let mut add = |shape: &str, object: &serde_json::Value| {
            for key in object["properties"].as_object().unwrap().keys() {
                keys.insert(format!("{shape}.{key}"));
            }
        };
        add(kind, &schema);
        for (shape, object) in schema["definitions"].as_object().unwrap() {
            add(shape, object);
        }
    }
    keys
}

#[test]
fn every_key_has_a_case_and_every_case_a_key() {
    let known: BTreeSet<String> = CASES.iter().map(|case| case.key.to_owned()).collect();
    let keys = keys();
    assert!(keys.len() > 100, "the schema has lost its keys: {}", keys.len());
    let without: Vec<_> = keys.difference(&known).collect();
    assert!(without.is_empty(), "keys that no case shows to matter: {without:#?}");
    let strange: Vec<_> = known.difference(&keys).collect();
    assert!(strange.is_empty(), "cases of keys that are in no schema: {strange:#?}");
    println!("{} keys, {} of them without a case", keys.len(), without.len());
}

/// A look a minute instead of four: the same decisions in a quarter of the time.
const FEWER_LOOKS: Edit = ("api.yaml", "hold: 2m", "hold: 2m\n  every: 1m");

/// Patterns of a rule are compiled in every round, which takes most of the time: only where they matter.
const NO_PATTERNS: Edit = ("api.yaml", "causes:\n  auth: { log: 'token .* revoked' }\n", "");
const OWN_PATTERNS: [&str; 2] = ["rule.causes", "cause.log"];

fn edit(folder: &Folder, edits: &[Edit]) {
    for (file, from, to) in edits {
        folder.edit(file, from, to);
    }
}

/// All that a folder of rules leads to: its mistakes, or what becomes of its incidents.
fn seen(folder: &Folder) -> String {
    let (set, mistakes) = rules::load_with_warnings(folder.path());
    let mut seen: String =
        mistakes.iter().map(|mistake| format!("{}\n", mistake.message)).collect();
    if let Some(set) = set {
        seen.push_str(&life::of(&set));
    }
    seen
}

#[test]
fn changing_a_value_alone_changes_what_happens() {
    let mut ignored = Vec::new();
    for Case { key, setup, change } in CASES {
        let folder = Folder::sound();
        if key.starts_with("pattern") {
            folder.write(P, PATTERNS);
        }
        edit(&folder, &[FEWER_LOOKS]);
        if !OWN_PATTERNS.contains(key) {
            edit(&folder, &[NO_PATTERNS]);
        }
        edit(&folder, setup);
        let sound = folder.mistakes();
        assert!(
            sound.iter().all(|mistake| !mistake.is_error()),
            "{key}: the case itself is wrong: {}",
            rules::render(&sound, false)
        );
        let before = seen(&folder);
        edit(&folder, &[*change]);
        if seen(&folder) == before {
            ignored.push(format!("{key}: {} -> {}", change.1, change.2));
        }
    }
    assert!(ignored.is_empty(), "accepted and ignored: {ignored:#?}");
}

#[test]
fn what_changes_nothing_is_seen_to_change_nothing() {
    let folder = Folder::sound();
    let before = seen(&folder);
    folder.edit("api.yaml", "kind: self", "kind: self      # a comment");
    assert_eq!(
        seen(&folder),
        before,
        "a comment matters: then every case above passes for nothing"
    );
}
