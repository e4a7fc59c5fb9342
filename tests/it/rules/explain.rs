//! Proves that a rule is explained by what the core does with it, and that the shipped rules read as they are meant.

use reclose::rules;
use std::path::Path;

use super::folder::Folder;
use super::shipped;

fn explained(folder: &Folder) -> String {
    let set = folder.load();
    rules::explain(&set, &set.rules["api"])
}

/// The row of the decision table that begins with this cause.
fn row<'t>(text: &'t str, cause: &str) -> Vec<&'t str> {
    let line = text.lines().find(|line| line.starts_with(&format!("| {cause} ")));
    let line = line.unwrap_or_else(|| panic!("no row of {cause}:\n{text}"));
    line.split('|').map(str::trim).collect()
}

#[test]
fn every_shipped_rule_is_explained() {
    let set = shipped();
    for (name, rule) in &set.rules {
        insta::assert_snapshot!(format!("explain_{name}"), rules::explain(&set, rule));
    }
}

#[test]
fn the_table_is_what_the_core_does() {
    let folder = Folder::sound();
    let text = explained(&folder);
    // closed, open, half_open, quiet, held, unknown
    let states = row(&text, "upstream_5xx");
    assert_eq!(states[5], "-", "no word means quiet: {text}");
    folder.edit("api.yaml", "mode: approve", "mode: auto");
    let auto = explained(&folder);
    let leave = "waits, acts by leave";
    assert!(text.contains(leave) && !auto.contains(leave), "{auto}");
    assert!(auto.contains("it does `reset`, and watches whether that helped"), "{auto}");
    folder.edit("targets.yaml", "ceiling: auto", "ceiling: observe");
    folder.edit("api.yaml", "mode: auto", "mode: observe");
    let observed = explained(&folder);
    assert!(observed.contains("it tells that it would do `reset`"), "{observed}");
    assert!(!observed.contains("it does `reset`"), "{observed}");
}

#[test]
fn a_file_finds_its_folder() {
    let folder = Folder::sound();
    folder.write("teams/other.yaml", "x");
    let file = folder.path().join("teams/other.yaml");
    assert_eq!(rules::folder_of(&file), folder.path());
    assert_eq!(rules::breaker_of(&folder.path().join("api.yaml")).as_deref(), Some("api"));
    assert_eq!(rules::folder_of(Path::new("x.yaml")), Path::new("."));
}
