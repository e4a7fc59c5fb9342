//! Proves that the tables are whole: every key is read by the loader, every shape is reached, every default is true.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::sync::Arc;

use super::{INVENTORY, Key, Need, PATTERNS, ROOTS, RULE, Shape, Takes, under};
use crate::rules::files::Parsed;
use crate::rules::golden;
use crate::rules::mistake::Source;
use crate::rules::read::{Reader, Values};
use crate::rules::yaml;

/// Keys of a rule that are read before its other keys: placeholders and what a pack brings depend on them.
const BEFORE: [&str; 3] = ["targets", "use", "with"];

thread_local! {
    /// What the loader of this thread asked a file for: shape and key.
    static READ: RefCell<BTreeSet<(&'static str, String)>> = RefCell::default();
}

pub(super) fn note(shape: &'static Shape, key: &str) {
    READ.with_borrow_mut(|read| read.insert((shape.name, key.to_owned())));
}

/// The shortest text that the grammar takes here.
fn shortest(takes: &Takes) -> String {
    match takes {
        Takes::Text(form) => form.example.to_owned(),
        Takes::Integer(least, _) => least.to_string(),
        Takes::Number => "0.5".to_owned(),
        Takes::Boolean => "true".to_owned(),
        Takes::Words(words) => words()[0].to_owned(),
        Takes::Json => "{ a: 1 }".to_owned(),
        Takes::List(item) => format!("[ {} ]", shortest(item)),
        Takes::Map { keys, values, required } => map(keys, &shortest(values), required, values),
        Takes::Shape(shape) => {
            let choice = shape.choices().first().copied();
            let keys = shape.keys.iter().filter(|key| must(key) || Some(key.name) == choice);
            flow(keys.map(|key| (key.name, shortest(&key.takes))))
        }
        Takes::Either(ways) => shortest(&ways[0]),
    }
}

fn must(key: &Key) -> bool {
    matches!(key.need, Need::Required | Need::Unless(_))
}

fn map(keys: &Takes, value: &str, required: &[&str], values: &Takes) -> String {
    let name = shortest(keys);
    let others = required.iter().filter(|other| **other != name);
    let others = others.map(|other| (*other, shortest(values)));
    flow([(name.as_str(), value.to_owned())].into_iter().chain(others))
}

fn flow<'k>(entries: impl Iterator<Item = (&'k str, String)>) -> String {
    let entries: Vec<String> = entries.map(|(key, value)| format!("{key}: {value}")).collect();
    format!("{{ {} }}", entries.join(", "))
}

/// The shortest texts that have the key of the shape, one for each way that leads to it.
fn with_key(takes: &Takes, shape: &Shape, key: &Key) -> Vec<String> {
    match takes {
        Takes::Text(_)
        | Takes::Integer(..)
        | Takes::Number
        | Takes::Boolean
        | Takes::Words(_)
        | Takes::Json => Vec::new(),
        Takes::List(item) => {
            with_key(item, shape, key).into_iter().map(|text| format!("[ {text} ]")).collect()
        }
        Takes::Map { keys, values, required } => {
            let inner = with_key(values, shape, key).into_iter();
            inner.map(|text| map(keys, &text, required, values)).collect()
        }
        Takes::Shape(here) => {
            let mut texts = Vec::new();
            if here.name == shape.name {
                texts.push(beside(here, key, shortest(&key.takes)));
            }
            for through in here.keys {
                let inner = with_key(&through.takes, shape, key).into_iter();
                texts.extend(inner.map(|text| beside(here, through, text)));
            }
            texts
        }
        Takes::Either(ways) => ways.iter().flat_map(|way| with_key(way, shape, key)).collect(),
    }
}

/// The shape with this key, and what must stand beside it.
fn beside(shape: &Shape, key: &Key, value: String) -> String {
    let choice = match (key.need, key.with) {
        (Need::OneOf, _) => Some(key.name),
        (Need::Required | Need::Optional(_) | Need::Unless(_), [first, ..]) => Some(*first),
        (Need::Required | Need::Optional(_) | Need::Unless(_), []) => {
            shape.choices().first().copied()
        }
    };
    let others = shape
        .keys
        .iter()
        .filter(|other| other.name != key.name && (must(other) || Some(other.name) == choice));
    let others = others.map(|other| (other.name, shortest(&other.takes)));
    flow([(key.name, value)].into_iter().chain(others))
}

fn shapes() -> Vec<&'static Shape> {
    ROOTS.iter().flat_map(|(_, root)| under(root)).collect()
}

fn reader(text: &str) -> (Reader, yaml::Node) {
    let source = Arc::new(Source::new("generated.yaml", text));
    let mut mistakes = Vec::new();
    let root = yaml::parse(&source, &mut mistakes);
    (Reader::new(&source, Values::Unfilled), root.unwrap_or_else(|| panic!("{text}: {mistakes:?}")))
}

#[test]
fn every_key_is_read_and_none_is_unknown() {
    let mut unread = Vec::new();
    for shape in shapes() {
        for key in shape.keys {
            READ.with_borrow_mut(BTreeSet::clear);
            let rules = with_key(&Takes::Shape(&RULE), shape, key);
            let inventories = with_key(&Takes::Shape(&INVENTORY), shape, key);
            let patterns = with_key(&Takes::Shape(&PATTERNS), shape, key);
            assert!(
                rules.len() + inventories.len() + patterns.len() > 0,
                "no way leads to {}.{}",
                shape.name,
                key.name
            );
            let mut told = Vec::new();
            for text in &rules {
                let (reader, root) = reader(text);
                let targets = reader.rule_targets(&root).unwrap_or_default();
                reader.rule(&root, &targets);
                told.extend(reader.into_mistakes());
            }
            for text in &inventories {
                let (reader, root) = reader(text);
                reader.inventory(&root);
                told.extend(reader.into_mistakes());
            }
            for text in &patterns {
                let (reader, root) = reader(text);
                reader.pattern_file(&Parsed { source: Arc::clone(&reader.source), root });
                told.extend(reader.into_mistakes());
            }
            for mistake in told {
                assert!(!mistake.message.starts_with("unknown key"), "{mistake}\n{rules:#?}");
            }
            let read = READ.with_borrow(|read| read.contains(&(shape.name, key.name.to_owned())));
            let before_all_else = shape.name == "rule" && BEFORE.contains(&key.name);
            if !read && !before_all_else {
                unread.push(format!("{}.{}", shape.name, key.name));
            }
        }
    }
    assert!(unread.is_empty(), "in the grammar, but never read by the loader: {unread:#?}");
}

#[test]
fn every_shape_of_the_tables_is_reached_and_described() {
    let tables = [
        include_str!("alerts.rs"),
        include_str!("ask.rs"),
        include_str!("aws.rs"),
        include_str!("azure.rs"),
        include_str!("http.rs"),
        include_str!("ladder.rs"),
        include_str!("patterns.rs"),
        include_str!("rule.rs"),
        include_str!("targets.rs"),
        include_str!("verify.rs"),
        include_str!("workloads.rs"),
    ];
    let written: usize = tables.iter().map(|text| text.matches(": Shape = Shape {").count()).sum();
    let reached = shapes();
    assert_eq!(reached.len(), written, "a shape that no key leads to is in no schema");
    let mut names = BTreeSet::new();
    for shape in reached {
        assert!(names.insert(shape.name), "two shapes are called {}", shape.name);
        assert!(shape.about.ends_with('.'), "{}: {}", shape.name, shape.about);
        let mut keys = BTreeSet::new();
        for key in shape.keys {
            assert!(keys.insert(key.name), "{}.{} stands there twice", shape.name, key.name);
            assert!(key.doc.ends_with('.'), "{}.{}: {}", shape.name, key.name, key.doc);
            for other in key.with {
                assert!(shape.key(other).is_some(), "{}.{}: {other}", shape.name, key.name);
            }
        }
    }
}

/// What stands between these marks is made from the table of that shape.
const BEGINS: &str = "<!-- keys of ";
const ENDS: &str = "<!-- end of keys -->";

fn table(shape: &Shape) -> String {
    let mut text = "| key | takes | says | unless said |\n|---|---|---|---|\n".to_owned();
    for key in shape.keys {
        let default = match key.need {
            Need::Required => "required".to_owned(),
            Need::OneOf if shape.choices().len() == 1 => "required".to_owned(),
            Need::OneOf => "one of these is required".to_owned(),
            Need::Unless(other) => format!("required, unless `{other}` brings it"),
            Need::Optional(default) => default.to_owned(),
        };
        let beside = match key.with {
            [] => String::new(),
            with => format!(" Only with `{}`.", with.join("` or `")),
        };
        let row =
            format!("`{}` | {} | {}{beside} | {default}", key.name, words_of(&key.takes), key.doc);
        writeln!(text, "| {row} |").unwrap();
    }
    text
}

fn words_of(takes: &Takes) -> String {
    match takes {
        Takes::Text(form) => form.words.to_owned(),
        Takes::Integer(least, most) if least == most => format!("`{least}`"),
        Takes::Integer(least, most) => format!("{least} to {most}"),
        Takes::Number => "a number".to_owned(),
        Takes::Boolean => "`true` or `false`".to_owned(),
        Takes::Words(words) => {
            let words: Vec<String> = words().iter().map(|word| format!("`{word}`")).collect();
            words.join(", ")
        }
        Takes::Json => "any value".to_owned(),
        Takes::List(item) => format!("a list: {}", words_of(item)),
        Takes::Map { keys, values, .. } => {
            format!("for each of {}: {}", words_of(keys), words_of(values))
        }
        Takes::Shape(shape) => format!("keys of *{}*", shape.name),
        Takes::Either(ways) => ways.iter().map(words_of).collect::<Vec<_>>().join("; or "),
    }
}

#[test]
fn the_tables_of_the_documentation_are_current() {
    let page = golden::read("docs/rules.md");
    let mut told = BTreeSet::new();
    let mut pieces = page.split(BEGINS);
    let mut current = pieces.next().unwrap().to_owned();
    for piece in pieces {
        let (name, rest) = piece.split_once(" -->").unwrap();
        let (_, after) = rest.split_once(ENDS).expect("a table that does not end");
        let found = shapes().into_iter().find(|shape| shape.name == name);
        let shape = found.unwrap_or_else(|| panic!("no shape is called {name}"));
        write!(current, "{BEGINS}{name} -->\n{}{ENDS}{after}", table(shape)).unwrap();
        told.insert(name.to_owned());
    }
    golden::assert_current("docs/rules.md", &current);
    let untold: Vec<_> =
        shapes().iter().map(|shape| shape.name).filter(|name| !told.contains(*name)).collect();
    assert!(untold.is_empty(), "no table in docs/rules.md: {untold:?}");
}
