//! Every message of the loader as people see it, in one file to be read as they would at three in the morning:
//! `tests/golden/messages.txt`. A message without a case here is a failure.

use reclose::rules;
use regex::Regex;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use super::folder::{Folder, RULE, TARGETS};
use super::mistakes::PLANTED;

/// In `targets.yaml`.
const OWNERS: &[(&str, &str)] = &[
    ("version: 1", "version: 1\nbrake: 50%"),
    ("ceiling: auto", "ceiling: automatic"),
    ("ceiling: auto", "ceiling: observe"),
    ("protect: true", "protect: yes"),
    ("protect: true", "protect: true, ceiling: auto"),
    ("vars: { base", "vars: { Base"),
    ("  api:", "  \"a b\":"),
    (
        "  api: { ceiling: auto, group: api, vars: { base: \"http://127.0.0.1:9/api\" } }\n  prometheus: { protect: true }\n",
        "  {}\n",
    ),
];

const POST: &str = "post: \"http://127.0.0.1:9/reset\"";
const STATE: &str = "prometheus: max(breaker_state{service=\"api\"})";

/// In `api.yaml`, beyond those that `mistakes` expects word for word.
const MORE: &[(&str, &str)] = &[
    // texts
    ("summary: The API before the upstream", "summary: \"\""),
    ("summary: The API before the upstream", "summary: 5"),
    ("summary: The API before the upstream", "summary: \"a\\tb\""),
    ("targets: [api]", "targets: [elsewhere]"),
    // addresses
    (POST, "post: \"{base}x/reset\""),
    (POST, "post: \"http://h/{target}/{missing}\""),
    (POST, "post: \"{target}/reset\""),
    (STATE, "http: { get: \"{base}?a=1\" }"),
    (STATE, "scrape: { url: \"http://h/metrics\" }"),
    // evidence
    ("errors: { log_file: /var/log/api.log }", "errors: { loki: { query: 'sum' } }"),
    (
        "statuses: { prometheus: 'sum by (status) (increase(responses_total[5m]))' }",
        "statuses: { probe: health }",
    ),
    ("upstream: { probe: health }", "upstream: { prometheus: up }"),
    ("upstream: { probe: health }", "upstream: { probe: health, age: up }"),
    (STATE, "prometheus: max_over_time(breaker_state[5m+1m])"),
    (STATE, "prometheus: max_over_time(breaker_state[5m+1m])\n  promql: unchecked"),
    // requests
    ("bearer: { env: TOKEN }", "bearer: TOKEN"),
    ("bearer: { env: TOKEN }", "bearer: { env: \"A-B\" }"),
    (
        "bearer: { env: TOKEN }",
        "bearer: { env: TOKEN }, headers: { Authorization: { secret: { env: T } } }",
    ),
    ("bearer: { env: TOKEN }", "headers: { X-A: \"é\u{7}\" }"),
    ("bearer: { env: TOKEN }", "headers: { X-A: \"a\\nb\" }"),
    ("bearer: { env: TOKEN }", "headers: { X-A: { secret: { env: T }, prefix: \"a\\nb\" } }"),
    // ladder
    ("at_least: 1m", "at_least: 1m, within: 1m"),
    ("{ wait: half_open }", "{ wait: 5m, at_least: 1m }"),
    ("rate_limited: [ { wait: retry_after, at_least: 1m } ]", "auth: [ { do: reset } ]"),
    (
        "rate_limited: [ { wait: retry_after, at_least: 1m } ]",
        "rate_limited: [ escalate, { wait: 5m } ]",
    ),
    ("when: { gone: true }", "when: { gone: true }, within: 1m"),
    ("mode: approve", "mode: suggest"),
    ("kind: self", "kind: manual"),
    ("kind: self", "kind: capacity"),
    ("targets: [api]", "targets: api"),
    ("kind: self", "kind: [self]"),
    ("probes:\n", "probes:\n  spare: { every: 1m, http: { get: \"http://h/\" } }\n"),
    ("cooldown: 10m", "cooldown: 3h"),
    ("at_most: 2 per 6h", "at_most: twice a day"),
    // verify, escalate, probes
    ("hold: 2m", "hold: 2m\n  within: 1m"),
    ("hold: 2m", "hold: 2m\n  every: 5m"),
    ("{ healthy: upstream }", "{ falling: quue }"),
    ("{ slack: \"@oncall\" }", "{ slack: \"@oncall @lead\" }"),
    ("every: 30s", "every: 500ms"),
    ("every: 30s", "every: 30s\n    zone: UTC"),
    (
        "ladder:\n",
        concat!(
            "advice: { auth: \"",
            "0123456789012345678901234567890123456789",
            "0123456789012345678901234567890123456789",
            "0123456789012345678901234567890123456789",
            "0123456789012345678901234567890123456789",
            "0123456789012345678901234567890123456789",
            "0123456789012345678901234567890123456789",
            "0123456789012345678901234567890123456789",
            "0123456789012345678901234567890123456789",
            "0123456789012345678901234567890123456789",
            "0123456789012345678901234567890123456789",
            "0\" }\nladder:\n"
        ),
    ),
    (
        "queue: { prometheus_range: { query: queue_length, last: 10m } }",
        "load: { sqlite: { path: /a.db, query: SELECT 1, params: [a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a] } }",
    ),
    // the text itself
    ("kind: self", "\tkind: self"),
    ("kind: self", "kind: !!str self"),
    ("kind: self", "kind: &a self"),
    ("kind: self", "kind: *a"),
    ("probes:\n", "---\nprobes:\n"),
];

/// Whole files, by name.
const FILES: &[(&str, &str)] = &[
    ("empty.yaml", ""),
    ("notes.yaml", "x: 1\n"),
    ("list.yaml", "- 1\n"),
    ("old.yml", "x: 1\n"),
    ("open.yaml", "breaker: [\n"),
    ("untargeted.yaml", "version: 1\nbreaker: untargeted\n"),
];

/// Messages that no text of reasonable size shows, and why.
const UNSEEN: &[(&str, &str)] = &[
    ("more than {ITEMS_MOST} entries", "a thousand of them"),
    ("more than {ITEMS_MOST} items", "a thousand of them"),
    ("more than {FILES_MOST} files in this folder", "thousands of files"),
    ("this file is larger than {} MiB", "shown by `folders_that_are_no_rule_set_are_refused`"),
    ("not valid UTF-8 in line {}", "shown by `folders_that_are_no_rule_set_are_refused`"),
    ("this file cannot be read: {error}", "the words are the system's"),
    ("this folder cannot be read: {error}", "the words are the system's"),
    ("nested deeper than {DEPTH_MOST}", "shown by `folders_that_are_no_rule_set_are_refused`"),
    ("more than {NODES_MOST} values", "fifty thousand of them"),
    ("a pattern of more than 1,000 bytes", "a thousand of them"),
    ("far too long once filled in", "64 KiB of it"),
    ("nobody knows how to ask `{other}`", "the grammar names no such question"),
    ("what this rule uses of its pack needs `{name}`", "shown by the tests of packs"),
    ("no parameter of this pack is called `{name}`", "shown by the tests of packs"),
    (
        "the age of `{selector}` cannot be asked",
        "the parser prints every selector that it reads, as far as is known",
    ),
    ("the placeholders of this query cannot be filled in safely", "the same"),
];

fn shown(folder: &Folder) -> String {
    let at = format!("{}/", folder.path().display());
    rules::render(&folder.mistakes(), false).replace(&at, "").replace(at.trim_end_matches('/'), ".")
}

/// Every case, and what is said of it.
fn report() -> String {
    let mut report = String::new();
    let mut case = |folder: &Folder, title: &str| {
        let told = shown(folder);
        let told = if told.is_empty() { "(nothing)\n\n" } else { &told };
        writeln!(report, "=== {title}\n{told}").unwrap();
    };
    let planted = PLANTED.iter().map(|(from, to, _)| (from, to));
    for (from, to) in planted.chain(MORE.iter().map(|(from, to)| (from, to))) {
        let folder = Folder::sound();
        folder.edit("api.yaml", from, to);
        let to = if to.is_empty() { "(nothing)" } else { to };
        case(&folder, &format!("{} -> {}", from.trim_end(), to.trim_end()));
    }
    for (from, to) in OWNERS {
        let folder = Folder::sound();
        folder.edit("targets.yaml", from, to);
        case(&folder, &format!("targets.yaml: {} -> {}", from.trim_end(), to.trim_end()));
    }
    for (name, text) in FILES {
        let folder = Folder::sound();
        folder.write(name, text);
        case(&folder, &format!("{name}: {text:?}"));
    }
    let bold = Folder::sound();
    bold.edit("api.yaml", "mode: approve", "mode: auto");
    bold.edit("api.yaml", "otherwise: [ escalate ]", "otherwise: [ { do: reset } ]");
    case(&bold, "otherwise: [ { do: reset } ] in mode auto");
    let twin = Folder::sound();
    twin.write("twin.yaml", RULE);
    case(&twin, "twin.yaml: the same rule");
    let wider = RULE.replace("breaker: api", "breaker: wider").replace(", service: api }", " }");
    let overlap = Folder::sound();
    overlap.write("wider.yaml", &wider);
    case(&overlap, "wider.yaml: a rule for more of the same alerts");
    for (name, text) in [("api.yaml", RULE), ("targets.yaml", TARGETS)] {
        let alone = Folder::empty();
        alone.write(name, text);
        case(&alone, &format!("{name} alone"));
    }
    // What fills a placeholder is the owners' word, and may be wrong too.
    for (value, url) in [
        ("ftp://h", "{base}/reset"),
        ("http://h/?a=1", "{base}/reset"),
        ("..", "http://h/{base}/reset"),
        ("a/b", "/var/log/{base}.log"),
    ] {
        let folder = Folder::sound();
        folder.edit("targets.yaml", "http://127.0.0.1:9/api", value);
        if url.starts_with("/var") {
            let file = format!("log_file: {url:?}");
            folder.edit("api.yaml", "log_file: /var/log/api.log", &file);
        } else {
            folder.edit("api.yaml", POST, &format!("post: {url:?}"));
        }
        case(&folder, &format!("{url} with {value:?} for base"));
    }
    report
}

#[test]
fn the_messages_read_as_they_are_kept() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/messages.txt");
    let report = report();
    if std::env::var("INSTA_UPDATE").as_deref() == Ok("always") {
        std::fs::write(&path, &report).unwrap();
    }
    let kept = std::fs::read_to_string(&path).unwrap_or_default();
    for (kept, now) in kept.split("\n=== ").zip(report.split("\n=== ")) {
        assert_eq!(kept, now, "`make accept` writes tests/golden/messages.txt anew");
    }
    assert_eq!(kept.len(), report.len(), "`make accept` writes tests/golden/messages.txt anew");
    for case in report.split("\n=== ") {
        let title = case.lines().next().unwrap_or_default();
        assert!(!case.contains("(nothing)\n\n"), "nothing is wrong with: {title}");
        let hints = case.matches("help: ").count();
        let mistakes = case
            .lines()
            .filter(|line| line.starts_with("error: ") || line.starts_with("warning: "));
        assert!(hints >= mistakes.count(), "a message does not say what to do: {case}");
    }
}

/// The messages in the loader's own source, as patterns.
fn in_source() -> Vec<(String, String)> {
    let argument = r"\.no\(\s*[\w.()|]+?(?:\([^()]*\))?,|\.fault\(\s*[\w.()]+(?:\([^()]*\))?,|\.warn\(\s*[\w.()]+,|Mistake::error\([^\x22]*?,[^\x22]*?,|without_text\([^\x22]*?,|stop\(\s*at,|wrong\(\s*|let message\s*=\s*";
    let message =
        Regex::new(&format!(r#"(?:{argument})\s*(?:&?format!\(\s*)?"((?:[^"\\]|\\.)+)""#)).unwrap();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/rules");
    let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<PathBuf> = files.filter(|path| path.extension().is_some()).collect();
    files.sort();
    // Other files of the language have their own tests.
    let others = ["steps.rs", "coverage.rs", "schema.rs", "packs.rs", "alerts.rs"];
    files.retain(|path| !others.iter().any(|other| path.ends_with(other)));
    let mut found = Vec::new();
    for file in files {
        let text = std::fs::read_to_string(&file).unwrap();
        let code = text.split("#[cfg(test)]\nmod tests").next().unwrap();
        for message in message.captures_iter(code) {
            let name = file.file_name().unwrap().to_str().unwrap().to_owned();
            found.push((name, message[1].to_owned()));
        }
    }
    assert!(found.len() > 100, "the messages were not found: {}", found.len());
    found
}

#[test]
fn every_message_has_a_case() {
    let report = report();
    let placeholder = Regex::new(r"\\\{[^}]*\\\}").unwrap();
    let mut without = Vec::new();
    for (file, message) in in_source() {
        if UNSEEN.iter().any(|(unseen, _)| *unseen == message) {
            continue;
        }
        let literal = message.replace("{{", "\u{1}").replace("}}", "\u{2}").replace("\\\"", "\"");
        let pattern = placeholder.replace_all(&regex::escape(&literal), ".*").into_owned();
        let pattern = pattern.replace('\u{1}', r"\{").replace('\u{2}', r"\}");
        if !Regex::new(&format!("(?m)^(error|warning): {pattern}")).unwrap().is_match(&report) {
            without.push(format!("{file}: {message}"));
        }
    }
    assert!(without.is_empty(), "{} messages without a case: {without:#?}", without.len());
}
