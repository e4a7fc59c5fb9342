//! Proves that the JSON Schema is the grammar's, takes every file that we ship, and refuses what the loader refuses.

use jsonschema::Validator;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::{kinds, schema, text};
use crate::rules::golden;
use crate::rules::mistake::Source;
use crate::rules::yaml::{self, Kind, Node};

fn validator(kind: &str) -> Validator {
    jsonschema::draft7::new(&schema(kind).unwrap()).unwrap()
}

/// A YAML file as an editor sees it: numbers and truth values where they are not quoted.
fn as_json(text: &str) -> Value {
    let source = Arc::new(Source::new("", text));
    let mut mistakes = Vec::new();
    value(&yaml::parse(&source, &mut mistakes).unwrap_or_else(|| panic!("{mistakes:?}")))
}

fn value(node: &Node) -> Value {
    match &node.kind {
        Kind::Scalar(_) if node.is_null() => Value::Null,
        Kind::Scalar(scalar) if scalar.plain => match scalar.text.as_str() {
            "true" => json!(true),
            "false" => json!(false),
            text => text.parse().map_or_else(|_| json!(text), Value::Number),
        },
        Kind::Scalar(scalar) => json!(scalar.text),
        Kind::List(items) => Value::Array(items.iter().map(value).collect()),
        Kind::Map(entries) => {
            let entries = entries.iter().map(|(key, node)| (key.text.clone(), value(node)));
            Value::Object(entries.collect())
        }
    }
}

fn shipped() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("rules");
    let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    files.filter(|path| path.extension().is_some_and(|extension| extension == "yaml")).collect()
}

#[test]
fn the_committed_schemas_are_current() {
    for kind in kinds() {
        golden::assert_current(&format!("docs/schema/{kind}.json"), &text(kind).unwrap());
    }
}

#[test]
fn every_schema_is_sound_itself() {
    for kind in kinds() {
        let schema = schema(kind).unwrap();
        assert!(jsonschema::draft7::meta::is_valid(&schema), "{kind}");
    }
}

#[test]
fn every_shipped_file_is_valid() {
    let mut seen = 0;
    for path in shipped() {
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        let kind = match name.as_str() {
            "targets.yaml" => "targets",
            _ if name.matches('.').count() > 1 => continue,
            _ => "rule",
        };
        let file = as_json(&std::fs::read_to_string(&path).unwrap());
        let told: Vec<String> = validator(kind)
            .iter_errors(&file)
            .map(|error| format!("{}: {error}", error.instance_path()))
            .collect();
        assert!(told.is_empty(), "{name}: {told:#?}");
        seen += 1;
    }
    assert!(seen >= 3, "the shipped rules were not found");
}

#[test]
fn what_the_loader_refuses_is_refused() {
    let rule = as_json(include_str!("../../../rules/http-breaker.yaml"));
    let schema = validator("rule");
    assert!(schema.is_valid(&rule), "{:#?}", schema.iter_errors(&rule).collect::<Vec<_>>());
    for (pointer, key, value) in [
        ("", "retries", json!(3)),
        ("", "mode", json!("automatic")),
        ("", "act_after", json!("3 minutes")),
        ("", "act_after", json!(3)),
        ("", "targets", json!([])),
        ("", "version", json!(2)),
        ("/state", "prometheus", json!("up")),
        ("/state", "promql", json!("checked")),
        ("/state/means", "2", json!("opne")),
        ("/evidence/upstream", "age", json!("up")),
        ("/evidence", "Upper", json!({ "probe": "upstream-health" })),
        ("/ladder", "aut", json!(["escalate"])),
        ("/ladder", "auth", json!([{ "wait": "5m", "within": "5m" }])),
        ("/ladder", "auth", json!(["escalated"])),
        ("/actions/close/http", "get", json!("http://h/")),
        ("/actions/close/http", "bearer", json!("abc")),
        ("/actions/close/guards", "at_most", json!("2 in 6h")),
        ("/probes/upstream-health", "cron", json!("*/5 * * * *")),
        ("/probes/upstream-health", "zone", json!("UTC")),
    ] {
        let mut wrong = rule.clone();
        let place = wrong.pointer_mut(pointer).unwrap().as_object_mut().unwrap();
        place.insert(key.to_owned(), value.clone());
        assert!(!schema.is_valid(&wrong), "{pointer}/{key}: {value} was taken");
    }
    for required in ["version", "mode", "targets", "match", "state", "kind", "ladder", "verify"] {
        let mut wrong = rule.clone();
        wrong.as_object_mut().unwrap().remove(required);
        assert!(!schema.is_valid(&wrong), "without {required} it was taken");
    }
    let mut wrong = rule.clone();
    wrong["ladder"].as_object_mut().unwrap().remove("otherwise");
    assert!(!schema.is_valid(&wrong), "without `otherwise` it was taken");
}

#[test]
fn every_key_is_described() {
    for kind in kinds() {
        let schema = schema(kind).unwrap();
        let definitions = schema["definitions"].as_object().unwrap().values();
        for object in definitions.chain([&schema]) {
            assert_eq!(object["additionalProperties"], json!(false));
            for (key, property) in object["properties"].as_object().unwrap() {
                assert!(
                    property["description"].as_str().is_some_and(|text| !text.is_empty()),
                    "{key}"
                );
            }
        }
    }
}
