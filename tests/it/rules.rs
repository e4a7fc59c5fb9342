//! Proves that rule files become what they say, and that every mistake in them is found, in its place, all at once.

use reclose::core::action::How;
use reclose::core::evidence::{Ask, SecretRef, Secretish};
use reclose::core::rule::{BreakerState, Mode, RuleSet};
use reclose::rules;
use std::path::Path;

mod bookmaker;
mod config;
mod coverage;
mod editor;
mod explain;
pub mod folder;
mod keys;
mod messages;
mod mistakes;
pub mod mutations;
mod queries;
mod slips;
mod words;

use folder::Folder;

fn shipped() -> RuleSet {
    rules::load(&Path::new(env!("CARGO_MANIFEST_DIR")).join("rules"))
        .unwrap_or_else(|mistakes| panic!("{}", rules::render(&mistakes, false)))
}

#[test]
fn the_shipped_rules_load_without_a_warning() {
    let (set, mistakes) =
        rules::load_with_warnings(&Path::new(env!("CARGO_MANIFEST_DIR")).join("rules"));
    assert!(mistakes.is_empty(), "{}", rules::render(&mistakes, false));
    let set = set.expect("no mistakes");
    let runbooks = [
        "meta-capi",
        "s3-sentinel",
        "s3-sentinel-vault",
        "s3-sentinel-s3",
        "trading",
        "bookmaker",
        "pms",
    ];
    assert_eq!(set.rules.len(), runbooks.len() + 1, "and http-breaker");
    assert!(runbooks.iter().all(|name| set.rules.contains_key(*name)));
    assert_eq!(set.brake_percent, 20);
}

#[test]
fn the_pms_breaker_is_read_as_the_runbook_means_it() {
    let set = shipped();
    let rule = &set.filled["pms"]["pms"];
    assert_eq!(rule.mode, Mode::Approve);
    assert_eq!(rule.act_after.as_secs(), 0);
    assert_eq!(rule.recovery.half_open_after.map(|span| span.as_secs()), Some(30));
    assert_eq!(rule.state.means["0"], BreakerState::Closed);
    assert_eq!(rule.state.means["1"], BreakerState::Open);
    assert_eq!(rule.state.means["2"], BreakerState::HalfOpen);
    let Ask::Prometheus { query, age_query } = &rule.state.ask else { panic!("{:?}", rule.state) };
    assert_eq!(query, "max(pms_circuit_breaker_state)");
    assert_eq!(age_query.as_deref(), Some("time() - min(timestamp(pms_circuit_breaker_state))"));
    let How::HttpReset { request, observe } = &rule.actions["reset"].how;
    assert_eq!(request.url, "http://localhost:8000/admin/circuit-breaker/reset");
    assert_eq!(request.method, "POST");
    assert_eq!(
        request.headers["authorization"],
        Secretish::Secret {
            prefix: "Bearer ".into(),
            secret: SecretRef::Env("PMS_ADMIN_TOKEN".into())
        }
    );
    assert!(observe.is_none());
    assert_eq!(rule.verify.every.as_secs(), 5);
    // What the runbook gets wrong is not copied: no `== 2`, no reset against a 401.
    assert!(
        rule.ladder[&reclose::core::cause::Class::Auth]
            .iter()
            .all(|rung| !matches!(rung, reclose::core::rule::Rung::Do { .. }))
    );
}

#[test]
fn each_target_fills_its_placeholders_in() {
    let set = shipped();
    let rule = &set.filled["http-breaker"]["checkout"];
    let Ask::Http(state) = &rule.state.ask else { panic!("{:?}", rule.state) };
    assert_eq!(state.url, "http://checkout:8080/breaker");
    let Ask::Prometheus { query, .. } = &rule.evidence[0].ask else { panic!() };
    assert!(query.contains(r#"service="checkout""#), "{query}");
    assert_eq!(rule.probes[0].name, "upstream-health@checkout");
    // The rule of a target in no inventory keeps them: its questions cannot be answered.
    let Ask::Http(state) = &set.rules["http-breaker"].state.ask else { panic!() };
    assert_eq!(state.url, "{breaker}");
}

#[test]
fn a_revision_changes_with_the_rule_and_with_its_owners_words() {
    let folder = Folder::sound();
    let revision = |folder: &Folder| folder.load().rules["api"].revision.clone();
    let first = revision(&folder);
    assert_eq!(revision(&folder), first);
    folder.edit("targets.yaml", "ceiling: auto", "ceiling: approve");
    let second = revision(&folder);
    assert_ne!(second, first);
    folder.edit("api.yaml", "hold: 2m", "hold: 3m");
    assert_ne!(revision(&folder), second);
}

#[test]
fn nothing_is_active_if_one_file_is_wrong() {
    let folder = Folder::sound();
    folder.write("other.yaml", "version: 1\nbreaker: other\n");
    let (set, mistakes) = rules::load_with_warnings(folder.path());
    assert!(set.is_none());
    assert!(mistakes.len() > 5, "{}", rules::render(&mistakes, false));
    assert!(mistakes.iter().all(|mistake| mistake.source.path.ends_with("other.yaml")));
}

#[test]
fn check_says_what_it_found() {
    let (report, sound) = rules::check(Folder::sound().path(), false);
    assert!(sound, "{report}");
    assert!(report.contains("1 rule for 2 targets, revision "), "{report}");
    let folder = Folder::sound();
    folder.edit("api.yaml", "kind: self", "kidn: self");
    let (report, sound) = rules::check(folder.path(), false);
    assert!(!sound);
    let expected = "\
error: unknown key `kidn`
  --> ";
    assert!(report.contains(expected), "{report}");
    assert!(report.contains("help: did you mean `kind`?"), "{report}");
    assert!(!report.contains('\u{1b}'), "colours in a pipe: {report:?}");
}

/// The files that a page of the documentation tells people to write, by name.
fn files_of(page: &str) -> Vec<(String, String)> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(page);
    let text = std::fs::read_to_string(path).unwrap();
    let files = text.split("cat >").skip(1).map(|rest| {
        let (head, tail) = rest.split_once('\n').unwrap();
        let (body, _) = tail.split_once("\nYAML").unwrap();
        (head.split_whitespace().next().unwrap().to_owned(), format!("{body}\n"))
    });
    files.collect()
}

#[test]
fn the_rules_of_the_quickstart_are_sound() {
    let folder = Folder::empty();
    for (name, text) in files_of("docs/quickstart.md") {
        if let Some(below) = name.strip_prefix("rules/") {
            folder.write(below, &text);
        }
    }
    assert_eq!(folder.load().rules.len(), 1);
    assert!(folder.mistakes().is_empty());
}

#[test]
fn the_smallest_rule_set_of_the_documentation_is_sound() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/rules.md");
    let text = std::fs::read_to_string(path).unwrap();
    let folder = Folder::empty();
    for block in text.split("```yaml\n# rules/").skip(1) {
        let (name, rest) = block.split_once('\n').unwrap();
        folder.write(name, rest.split("```").next().unwrap());
    }
    assert_eq!(folder.load().rules.keys().collect::<Vec<_>>(), ["payments"]);
    assert!(folder.mistakes().is_empty());
}
