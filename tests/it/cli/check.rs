//! Transcripts of `reclose check`, `explain` and `schema`: for people, for programs, and with a Prometheus to ask.

use std::fs;
use std::path::Path;

use super::{reclose, without_network};
use crate::evidence::raw::{Raw, Then, http};
use crate::rules::folder::{Folder, RULE};
use crate::servers::Prometheus;

/// A scrape takes a fifth of a second; a busy machine may take far longer.
const TRIES: usize = 100;

fn lines(seen: &str) -> Vec<serde_json::Value> {
    let json = seen.lines().filter(|line| line.starts_with('{'));
    json.map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn mistakes_are_told_to_programs_one_a_line() {
    let folder = Folder::sound();
    folder.edit("api.yaml", "kind: self", "kidn: self");
    let seen = reclose(folder.path(), &["check", "--json", "."]);
    assert!(seen.starts_with("exit code: 1\n"), "{seen}");
    let lines = lines(&seen);
    let unknown = lines.iter().find(|line| line["message"] == "unknown key `kidn`").unwrap();
    assert_eq!(unknown["severity"], "error");
    assert_eq!(unknown["file"], "./api.yaml");
    assert_eq!((&unknown["line"], &unknown["column"]), (&12.into(), &1.into()));
    assert_eq!(unknown["hint"], "did you mean `kind`?");
    assert_eq!(unknown["excerpt"], "kidn: self");
    assert!(unknown.get("code").is_none(), "messages have no codes");
    assert!(seen.contains("----- stderr -----\n.: "), "the summary is no data: {seen}");
}

#[test]
fn several_paths_and_single_files_are_checked() {
    let (sound, wrong) = (Folder::sound(), Folder::sound());
    wrong.edit("api.yaml", "hold: 2m", "hold: 2");
    wrong.write("second.yaml", &RULE.replace("breaker: api", "breaker: second"));
    let (one, two) = (sound.path().to_str().unwrap(), wrong.path().to_str().unwrap());
    let seen = reclose(sound.path(), &["check", one, two]);
    assert!(seen.starts_with("exit code: 1\n"), "{seen}");
    assert!(seen.contains("1 rule for 2 targets"), "{seen}");
    assert!(seen.contains("`2` is not a length of time"), "{seen}");
    let seen = reclose(wrong.path(), &["check", "targets.yaml"]);
    assert!(seen.starts_with("exit code: 0\n"), "{seen}");
    assert!(seen.contains("nothing wrong here, but other files"), "{seen}");
    let seen = reclose(wrong.path(), &["check", "api.yaml"]);
    assert!(seen.starts_with("exit code: 1\n"), "{seen}");
    assert!(!seen.contains("second.yaml"), "{seen}");
}

#[test]
fn wrong_paths_and_no_prometheus_are_2() {
    let folder = Folder::sound();
    for (arguments, what) in [
        (&["check", "nowhere"][..], "there is no folder and no file `nowhere`"),
        (&["check", "--live", "."], "no Prometheus is configured"),
        (&["check", "--config", "x.yaml", "."], "--live"),
        (&["explain", "nowhere.yaml"], "there is no file `nowhere.yaml`"),
        (&["explain", "targets.yaml"], "`targets.yaml` is no rule"),
        (&["schema", "recipe"], "invalid value 'recipe'"),
    ] {
        let seen = reclose(folder.path(), arguments);
        assert!(seen.starts_with("exit code: 2\n"), "{arguments:?}: {seen}");
        assert!(seen.contains(what), "{arguments:?}: {seen}");
    }
}

#[test]
fn a_rule_is_explained_and_a_wrong_one_is_not() {
    let folder = Folder::sound();
    let seen = reclose(folder.path(), &["explain", "api.yaml"]);
    assert!(seen.starts_with("exit code: 0\n"), "{seen}");
    assert!(seen.contains("api: The API before the upstream"), "{seen}");
    folder.edit("api.yaml", "kind: self", "kind: selfish");
    let seen = reclose(folder.path(), &["explain", "api.yaml"]);
    assert!(seen.starts_with("exit code: 1\n"), "{seen}");
    assert!(seen.contains("`selfish` is not known here"), "{seen}");
}

#[test]
fn the_schema_is_printed_as_it_is_kept() {
    let folder = tempfile::tempdir().unwrap();
    for kind in ["rule", "targets"] {
        let kept = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("docs/schema/{kind}.json"));
        let seen = reclose(folder.path(), &["schema", kind]);
        let kept = fs::read_to_string(kept).unwrap();
        assert!(seen.contains(&kept), "{kind}: {seen}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_live_check_asks_prometheus_and_no_other_needs_a_network() {
    let page = "breaker_state{service=\"api\"} 1\n";
    let exporter = Raw::serve(http("200 OK", "text/plain; version=0.0.4", page), Then::Close).await;
    let target = exporter.url.trim_start_matches("http://");
    let mut server = Prometheus::start(
        &format!(
            "global: {{scrape_interval: 200ms, scrape_timeout: 200ms}}\n\
             scrape_configs: [{{job_name: x, static_configs: [{{targets: ['{target}']}}]}}]\n"
        ),
        &[],
    )
    .await;
    let (folder, settings) = (Folder::sound(), tempfile::tempdir().unwrap());
    let config = settings.path().join("reclose.yaml");
    fs::write(&config, format!("prometheus: {{ url: \"{}\" }}\n", server.url)).unwrap();
    let check = |json: &[&str]| {
        let config = config.to_str().unwrap();
        let arguments = [&["check", "--live", "--config", config, "."][..], json].concat();
        reclose(folder.path(), &arguments)
    };
    let mut seen = String::new();
    for _ in 0..TRIES {
        seen = check(&[]);
        if seen.contains("`state` answers: 1; samples ") {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    assert!(seen.starts_with("exit code: 0\n"), "{seen}");
    assert!(seen.contains("api.yaml:9: `state` answers: 1; samples "), "{seen}");
    assert!(seen.contains("warning: `statuses` has no answer now"), "{seen}");
    let lines = lines(&check(&["--json"]));
    assert!(lines.iter().any(|line| line["severity"] == "info" && line["line"] == 9), "{lines:?}");
    // Without `--live` nobody is asked: there is no network at all, in which this Prometheus could not be reached.
    for arguments in [&["check", "."][..], &["explain", "api.yaml"], &["alerts", "."]] {
        let seen = without_network(folder.path(), arguments);
        assert_eq!(seen, reclose(folder.path(), arguments));
        assert!(seen.starts_with("exit code: 0\n"), "{seen}");
    }
    let shipped = Path::new(env!("CARGO_MANIFEST_DIR"));
    let seen = without_network(shipped, &["check", "rules"]);
    assert!(seen.starts_with("exit code: 0\n"), "{seen}");
    let live = ["check", "--live", "--config", config.to_str().unwrap(), "."];
    let seen = without_network(folder.path(), &live);
    assert!(seen.starts_with("exit code: 1\n"), "{seen}");
    server.stop();
    let seen = check(&[]);
    assert!(seen.starts_with("exit code: 1\n"), "{seen}");
    assert!(seen.contains("error: `state` cannot be asked: "), "{seen}");
}
