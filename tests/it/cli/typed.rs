//! Transcripts of what can be typed without a server.

use clap::CommandFactory;

use super::reclose;

#[test]
fn the_command_line_is_consistent() {
    reclose::cli::Cli::command().debug_assert();
}

#[test]
fn help_teaches() {
    let folder = tempfile::tempdir().unwrap();
    insta::assert_snapshot!("help", reclose(folder.path(), &["--help"]));
    insta::assert_snapshot!("help_pause", reclose(folder.path(), &["pause", "--help"]));
    insta::assert_snapshot!("help_incidents", reclose(folder.path(), &["incidents", "--help"]));
}

#[test]
fn wrong_usage_is_2_and_says_what_is_right() {
    let folder = tempfile::tempdir().unwrap();
    insta::assert_snapshot!("no_command", reclose(folder.path(), &[]));
    insta::assert_snapshot!("no_such_command", reclose(folder.path(), &["incident"]));
    insta::assert_snapshot!("pause_nothing", reclose(folder.path(), &["pause"]));
    let both = reclose(folder.path(), &["pause", "checkout", "--all"]);
    assert!(both.starts_with("exit code: 2"), "{both}");
    insta::assert_snapshot!(
        "pause_too_long",
        reclose(folder.path(), &["pause", "checkout", "--for", "3d"])
    );
}

#[test]
fn no_server_is_3_and_says_how_to_have_one() {
    let folder = tempfile::tempdir().unwrap();
    insta::assert_snapshot!("no_server", reclose(folder.path(), &["incidents"]));
    for command in [
        &["audit", "verify"][..],
        &["pause", "--all"],
        &["pause", "INC-1"],
        &["resume", "--all"],
        &["unlock", "checkout", "--reason", "looked"],
        &["ack", "INC-1"],
        &["incidents", "--data", "elsewhere"],
    ] {
        let seen = reclose(folder.path(), command);
        assert!(seen.starts_with("exit code: 3\n"), "{command:?}: {seen}");
        assert!(seen.contains("error: no server at "), "{command:?}: {seen}");
    }
    assert!(!folder.path().join("data").exists(), "asking makes no data directory");
}

#[test]
fn packs_are_listed_and_printed() {
    let folder = tempfile::tempdir().unwrap();
    let all = reclose(folder.path(), &["packs"]);
    assert!(all.starts_with("exit code: 0\n"), "{all}");
    for name in ["resilience4j", "opossum", "envoy-thresholds"] {
        assert!(all.contains(&format!("\n {name} ")), "{name}: {all}");
    }
    let one = reclose(folder.path(), &["packs", "gobreaker"]);
    assert!(one.contains(include_str!("../../../rules/packs/gobreaker.yaml")), "{one}");
    let none = reclose(folder.path(), &["packs", "gobraker"]);
    assert!(none.starts_with("exit code: 2\n"), "{none}");
    assert!(none.contains("error: no pack is called `gobraker`"), "{none}");
    // A folder's own are listed too, in the place of those that they stand in for.
    std::fs::create_dir_all(folder.path().join("rules/packs")).unwrap();
    let own = "version: 1\npack: gobreaker\nsummary: Ours\nstate: { prometheus: up, means: { 0: closed, 1: open } }\n";
    std::fs::write(folder.path().join("rules/packs/ours.yaml"), own).unwrap();
    let one = reclose(folder.path(), &["packs", "gobreaker"]);
    assert!(one.contains(own) && one.contains("stands in for the built-in pack"), "{one}");
}
