//! Proves that `reclose coverage` believes no step: without its part of the rule, or the test that shows it, it is missing.

use super::folder::Folder;
use reclose::rules;
use std::path::{Path, PathBuf};

const STEPS: &str = "\
version: 1
runbook: docs/runbooks/api.md
rules: [api]
steps:
  api-1:
    says: Wait for it
    automated: It waits for half-open
    by: [ ladder.upstream_5xx.half_open, recovery ]
    tests: [ it waits ]
  api-2:
    says: Renew the token
    asked: A person is called
    by: [ escalate.always ]
    tests: [ it calls ]
  api-3:
    says: Hold a meeting
    out_of_scope: That is for people
";
const TESTS: &str = "\
version: 1
rule: api
tests:
  - name: it waits
  - name: it calls
";

fn folder() -> Folder {
    let folder = Folder::sound();
    folder.write("api.steps.yaml", STEPS);
    folder.write("api.test.yaml", TESTS);
    folder
}

fn report(folder: &Folder) -> (String, bool) {
    rules::coverage(folder.path(), false)
}

/// What is said of the first mistake, and where.
fn missing(folder: &Folder) -> String {
    let (report, complete) = report(folder);
    assert!(!complete, "{report}");
    report
}

#[test]
fn a_runbook_whose_steps_are_all_there_is_complete() {
    let (report, complete) = report(&folder());
    assert!(complete, "{report}");
    let expected = "\
api (docs/runbooks/api.md): 1 automated, 1 asked of a person, 1 out of scope
  api-1  automated         Wait for it
                           shown by \"it waits\"
  api-2  asked of a person Renew the token
                           shown by \"it calls\"
  api-3  out of scope      Hold a meeting
                           because: That is for people

3 steps of 1 runbook: each is covered, or out of scope for a reason
";
    assert_eq!(report, expected);
}

#[test]
fn a_step_without_its_test_is_missing() {
    let folder = folder();
    folder.edit("api.test.yaml", "  - name: it waits\n", "");
    let report = missing(&folder);
    assert!(report.contains("  api-1  missing           Wait for it\n"), "{report}");
    assert!(
        report.contains("error: `api-1` is missing: no test is called \"it waits\""),
        "{report}"
    );
    assert!(report.contains("api.steps.yaml:9:14"), "{report}");
    assert!(report.contains("  api-2  asked of a person"), "{report}");
    std::fs::remove_file(folder.path().join("api.test.yaml")).unwrap();
    assert!(missing(&folder).contains("no test is called \"it calls\""));
}

#[test]
fn a_renamed_test_or_one_of_another_rule_shows_nothing() {
    let folder = folder();
    folder.edit("api.test.yaml", "- name: it waits", "- name: it waits longer");
    assert!(missing(&folder).contains("no test is called \"it waits\""));
    let folder = self::folder();
    folder.edit("api.test.yaml", "rule: api\n", "rule: other\n");
    assert!(missing(&folder).contains("no test is called \"it waits\""));
}

#[test]
fn a_step_without_its_part_of_the_rule_is_missing() {
    let folder = folder();
    folder.edit("api.yaml", "{ wait: half_open }, ", "");
    let report = missing(&folder);
    assert!(report.contains("the rule `api` has no `ladder.upstream_5xx.half_open`"), "{report}");
    assert!(!report.contains("no `recovery`"), "{report}");
    let folder = self::folder();
    folder.edit("api.yaml", "breaker: api", "breaker: other");
    assert!(missing(&folder).contains("there is no rule `api`"));
}

#[test]
fn what_is_wrong_in_a_list_of_steps_has_its_place() {
    for (from, to, told) in [
        ("    asked: A person is called\n", "", "exactly one of: automated, asked, out_of_scope"),
        ("    says: Hold a meeting\n", "", "`says` is missing"),
        ("out_of_scope: That is for people", "out_of_scope: ~", "there is nothing here"),
        ("    tests: [ it calls ]\n", "", "`tests` is missing"),
        ("    by: [ escalate.always ]\n", "", "`by` is missing"),
        ("asked: A person", "askd: A person", "did you mean `asked`?"),
        ("api-3:", "api-2:", "`api-2` stands here a second time"),
        (
            "That is for people\n",
            "That is for people\n    tests: [ it waits ]\n",
            "nothing covers a step",
        ),
    ] {
        let folder = folder();
        folder.edit("api.steps.yaml", from, to);
        let report = missing(&folder);
        assert!(report.contains(told), "{from:?} -> {to:?}\n{report}");
        assert!(report.contains("api.steps.yaml:"), "{report}");
    }
}

#[test]
fn a_folder_without_steps_covers_nothing() {
    let report = missing(&Folder::sound());
    assert!(report.contains("no runbook is described here"), "{report}");
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).to_owned()
}

/// The runbooks that have pages.
fn pages() -> Vec<String> {
    let folder = std::fs::read_dir(root().join("docs/runbooks")).unwrap();
    let mut pages: Vec<String> = folder
        .map(|entry| format!("docs/runbooks/{}", entry.unwrap().file_name().display()))
        .collect();
    pages.sort();
    pages
}

#[test]
fn every_page_of_a_runbook_shows_the_steps_as_they_are() {
    let pages = pages();
    assert_eq!(pages.len(), 5, "{pages:?}");
    for page in pages {
        let text = std::fs::read_to_string(root().join(&page)).unwrap();
        let table = rules::table(&root().join("rules"), &page)
            .unwrap_or_else(|| panic!("no file of steps names {page}"));
        let shown = text
            .split("<!-- steps -->\n")
            .nth(1)
            .and_then(|rest| rest.split("<!-- /steps -->").next());
        assert_eq!(
            shown,
            Some(table.as_str()),
            "{page} is not in step: put this table there\n{table}"
        );
        assert!(text.contains("## For the owners: what in the runbook is not copied"), "{page}");
    }
}

#[test]
fn every_step_of_the_five_runbooks_is_covered() {
    let (report, complete) = rules::coverage(&root().join("rules"), false);
    assert!(complete, "{report}");
    println!("{}", report.lines().last().unwrap());
}

/// The shipped files whose names end so, with their texts.
fn shipped(ending: &str) -> Vec<(String, String)> {
    let files = std::fs::read_dir(root().join("rules")).unwrap();
    let files = files.map(|entry| entry.unwrap().path());
    let mut files: Vec<_> = files
        .filter(|path| path.to_string_lossy().ends_with(ending))
        .map(|path| {
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            (name, std::fs::read_to_string(&path).unwrap())
        })
        .collect();
    files.sort();
    files
}

#[test]
fn without_any_one_of_its_tests_a_step_of_a_runbook_is_missing() {
    let folder = Folder::empty();
    for (name, text) in shipped(".yaml") {
        folder.write(&name, &text);
    }
    let (mut shows, mut more) = (0, 0);
    for (file, text) in shipped(".test.yaml") {
        let mut tests: Vec<&str> = text.split("  - name: ").collect();
        for place in 1..tests.len() {
            let removed = tests.remove(place);
            folder.write(&file, &tests.join("  - name: "));
            tests.insert(place, removed);
            let name = removed.lines().next().unwrap();
            let (report, complete) = report(&folder);
            let told = report.contains(&format!("is missing: no test is called \"{name}\""));
            assert_eq!(complete, !told, "{file}: {name}\n{report}");
            if told { shows += 1 } else { more += 1 }
        }
        folder.write(&file, &text);
    }
    println!("{shows} tests show a step, {more} more do not");
    assert!(shows >= 70, "{shows}");
}
