//! Proves that the table which the core has is made from the files, and that every line beside them holds.

use std::path::Path;
use std::sync::Arc;

use super::{Parsed, Reader, Values, added, examples};
use crate::core::classify::{Added, Entry, builtin_entries, ordered, tsv};
use crate::rules::golden;
use crate::rules::mistake::{Mistake, Source, render};
use crate::rules::yaml;

const TABLE: &str = "src/core/classify/builtin.tsv";

fn shipped() -> Vec<Parsed> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("rules/patterns");
    let mut paths: Vec<_> =
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    let parsed = paths.into_iter().map(|path| {
        let name = path.file_name().unwrap().to_str().unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        let source = Arc::new(Source::new(format!("rules/patterns/{name}"), text));
        let mut mistakes = Vec::new();
        let root = yaml::parse(&source, &mut mistakes);
        Parsed { source, root: root.unwrap_or_else(|| panic!("{}", render(&mistakes, false))) }
    });
    parsed.collect()
}

#[test]
fn the_table_is_made_from_the_files() {
    let mut mistakes = Vec::new();
    let mut read = Vec::new();
    for parsed in &shipped() {
        let reader = Reader::new(&parsed.source, Values::Unfilled);
        let file = reader.pattern_file(parsed);
        mistakes.extend(reader.into_mistakes());
        if let Some(file) = file {
            assert!(parsed.source.path.ends_with(&format!("/{}.yaml", file.name)), "{}", file.name);
            read.push(file);
        }
    }
    assert!(mistakes.is_empty(), "{}", render(&mistakes, false));
    let all = read.iter().flat_map(|file| file.entries.iter().map(|one| one.entry.clone()));
    let entries: Vec<Entry> = ordered(all.collect());
    golden::assert_current(TABLE, &tsv(&entries));
    // Every line beside a pattern, by itself and among all others.
    let all = Added { files: read.iter().map(|file| file.name.clone()).collect(), entries };
    examples::check(&read, &all, &mut mistakes);
    let lines = read.iter().flat_map(|file| &file.entries);
    let lines: usize = lines.map(|one| one.examples.len() + one.counterexamples.len()).sum();
    #[expect(clippy::print_stdout, reason = "figures of the run")]
    {
        println!("patterns: {} entries, {lines} lines beside them", all.entries.len());
    }
    assert!(mistakes.is_empty(), "{}", render(&mistakes, false));
    assert_eq!(tsv(&builtin_entries()), tsv(&all.entries), "read back otherwise than written");
}

#[test]
fn the_files_of_the_repository_add_nothing_to_themselves() {
    let mut mistakes = Vec::new();
    let added = added(&shipped(), &mut mistakes);
    let added = added.unwrap_or_else(|| panic!("{}", render(&mistakes, false)));
    assert!(added.files.is_empty(), "{:?}", added.files);
}

fn one(text: &str) -> (Option<Added>, Vec<Mistake>) {
    let source = Arc::new(Source::new("rules/patterns/ours.yaml", text));
    let mut mistakes = Vec::new();
    let root = yaml::parse(&source, &mut mistakes).unwrap();
    let added = added(&[Parsed { source, root }], &mut mistakes);
    (added, mistakes)
}

const OURS: &str = r#"version: 1
patterns: ours
summary: Words of our gateway
entries:
  - name: bouncer
    says: auth
    pattern: 'bouncer said no to \w+'
    examples: ["bouncer said no to billing"]
    counterexamples: ["bouncer said no"]
"#;

#[test]
fn examples_that_do_not_hold_are_mistakes_with_their_place() {
    assert!(one(OURS).1.is_empty());
    let cases = [
        ("no to billing\"", "yes\"", 8, "no pattern of `bouncer` matches this example: bouncer"),
        ("[\"bouncer said no\"]", "[\"bouncer said no to us\"]", 9, "`bouncer` matches this"),
        (r"bouncer said no to \w+", "(bouncer", 7, "not a valid pattern: unclosed group"),
        ("says: auth", "says: athu", 6, "`athu` is not known here"),
        (r"bouncer said no to \w+", "(bouncer)?", 5, "a pattern of this entry matches every line"),
        ("says: auth", "says: echo\n    tier: first", 5, "`echo` has its place"),
    ];
    for (from, to, line, message) in cases {
        assert!(OURS.contains(from), "{from}");
        let (_, mistakes) = one(&OURS.replacen(from, to, 1));
        let first = mistakes.iter().find(|mistake| mistake.is_error());
        let first = first.unwrap_or_else(|| panic!("{to} was taken"));
        assert_eq!((first.line(), first.message.starts_with(message)), (line, true), "{first:?}");
        assert!(first.hint.is_some(), "{first:?}");
    }
}
