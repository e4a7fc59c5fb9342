//! Alerting rules made of rules: each comes back to the very rule that it was made of, Prometheus takes them, and the file
//! in deploy/ is what is made of the rules shipped.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use reclose::alerts::{AlertingRule, generate, yaml};
use reclose::core::alert::{Alert, AlertKey, AlertStatus, Labels, Source};
use reclose::core::rule::RuleSet;
use reclose::rules;

use crate::rules::folder::{Folder, RULE, TARGETS};

fn shipped() -> RuleSet {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("rules");
    rules::load(&folder).unwrap_or_else(|mistakes| panic!("{}", rules::render(&mistakes, false)))
}

fn breakers(set: &RuleSet) -> Vec<AlertingRule> {
    let groups = generate(set).file.groups;
    groups.into_iter().find(|group| group.name == "circuit-breakers").unwrap().rules
}

/// As Alertmanager would send it.
fn fired(rule: &AlertingRule) -> Alert {
    // What Prometheus makes of a template that only stands for its own braces.
    let expanded = |value: &String| value.replace("{{ \"{{\" }}", "{{");
    let mut labels: Labels =
        rule.labels.iter().map(|(name, value)| (name.clone(), expanded(value))).collect();
    labels.insert("alertname".to_owned(), rule.alert.clone());
    Alert {
        key: AlertKey { source: Source::Alertmanager, fingerprint: "f".to_owned() },
        status: AlertStatus::Firing,
        labels,
        annotations: Labels::new(),
        starts_at: None,
        ends_at: None,
        generator_url: String::new(),
        flags: Vec::new(),
    }
}

/// What Prometheus itself says of the file.
fn promtool(text: &str) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("made.rules.yml");
    std::fs::write(&path, text).unwrap();
    let out = Command::new("promtool").args(["check", "rules"]).arg(&path).output().unwrap();
    let said =
        String::from_utf8_lossy(&out.stdout).into_owned() + &String::from_utf8_lossy(&out.stderr);
    assert!(out.status.success(), "{said}\n{text}");
}

/// Several rules of several kinds, over one inventory.
fn many() -> Folder {
    let folder = Folder::sound();
    folder.write(
        "targets.yaml",
        "version: 1\ntargets:\n  api: { ceiling: auto, vars: { base: \"http://127.0.0.1:9/api\" } }\n  \
         one: { ceiling: auto }\n  two: { ceiling: auto }\n",
    );
    let filled = RULE
        .replace("breaker: api", "breaker: filled-in")
        .replace("targets: [api]", "targets: [one, two]\ntarget_from: { label: app }")
        .replace("alertname: BreakerOpen, service: api", "source: mesh, team: \"{{ shop }}\"")
        .replace("service=\"api\"", "service=\"{target}\"")
        .replace(
            "means: { 0: closed, 1: open }",
            "means: { 0: closed, 1: open, 2.5: open, 3: half_open }",
        );
    folder.write("filled.yaml", &filled);
    let sum = RULE
        .replace("breaker: api", "breaker: sum")
        .replace("alertname: BreakerOpen, service: api", "alertname: SumOpen, severity: page")
        .replace("max(breaker_state{service=\"api\"})", "max(a) or max(b)")
        .replace("mode: approve", "mode: approve\nact_after: 5m");
    folder.write("sum.yaml", &sum);
    folder
}

#[test]
fn each_comes_back_to_its_own_rule_and_target() {
    let set = many().load();
    let made = breakers(&set);
    let mut came = BTreeMap::new();
    for alert in &made {
        let places = set.place(&fired(alert));
        assert_eq!(places.len(), 1, "{alert:?}: {places:?}");
        assert!(!places[0].unknown_target, "{alert:?}");
        came.insert(places[0].breaker.clone(), alert.clone());
    }
    let names: Vec<String> =
        came.keys().map(|breaker| format!("{}/{}", breaker.rule, breaker.target)).collect();
    assert_eq!(names, ["api/api", "filled-in/one", "filled-in/two", "sum/api"]);
    let of = |rule: &str, target: &str| {
        came.iter().find(|(b, _)| b.rule == rule && b.target == target).unwrap().1
    };
    assert_eq!(of("api", "api").expr, "max(breaker_state{service=\"api\"}) == 1");
    assert_eq!(of("api", "api").lasts.as_deref(), Some("30s"));
    let two = of("filled-in", "two");
    assert_eq!(two.alert, "FilledInBreakerOpen");
    assert_eq!(
        two.expr,
        "max(breaker_state{service=\"two\"}) == 1 or max(breaker_state{service=\"two\"}) == 2.5"
    );
    assert_eq!(two.labels["app"], "two");
    let sum = of("sum", "api");
    assert_eq!((sum.expr.as_str(), sum.lasts.as_deref()), ("(max(a) or max(b)) == 1", None));
    assert_eq!(sum.labels["severity"], "page", "what `match` wants goes first");
    // Prometheus would take the braces of a label for a template.
    assert_eq!(two.labels["team"], "{{ \"{{\" }} shop }}");
    promtool(&yaml(&generate(&set).file).unwrap());
}

#[test]
fn what_cannot_be_alerted_on_is_named() {
    let folder = Folder::sound();
    let http = RULE
        .replace("breaker: api", "breaker: by-http")
        .replace("alertname: BreakerOpen, service: api", "alertname: Other")
        .replace(
            "prometheus: max(breaker_state{service=\"api\"})",
            "http: { get: \"http://127.0.0.1:9/state\", pointer: /state }",
        );
    folder.write("http.yaml", &http);
    folder.write("targets.yaml", &(TARGETS.to_owned() + "  more: { ceiling: auto }\n"));
    let several = RULE
        .replace("breaker: api", "breaker: several")
        .replace("targets: [api]", "targets: [api, more]\ntarget_from: { label: app }")
        .replace("alertname: BreakerOpen, service: api", "alertname: Several");
    folder.write("several.yaml", &several);
    let left: Vec<(String, String)> =
        generate(&folder.load()).left_out.into_iter().map(|left| (left.rule, left.why)).collect();
    assert_eq!(left[0].0, "by-http");
    assert!(left[0].1.contains("not read from Prometheus"), "{left:?}");
    assert_eq!(left[1].0, "several");
    assert!(left[1].1.contains("one query for several targets"), "{left:?}");
}

const OWN: &str = "alerts:\n  FailuresRise:\n    expr: failure_ratio > 0.3\n    for: 1m\n    labels: { severity: info }\n    annotations: { summary: \"{{ $value }} of the calls fail\" }\n";

#[test]
fn alerts_of_a_rule_are_checked_and_written_out() {
    let folder = Folder::sound();
    folder.write("api.yaml", &(RULE.to_owned() + OWN));
    let set = folder.load();
    let made = breakers(&set);
    let own = made.iter().find(|alert| alert.alert == "FailuresRise").unwrap();
    assert_eq!((own.expr.as_str(), own.lasts.as_deref()), ("failure_ratio > 0.3", Some("1m")));
    assert_eq!(own.annotations["summary"], "{{ $value }} of the calls fail");
    assert!(set.place(&fired(own)).is_empty(), "for people alone");
    promtool(&yaml(&generate(&set).file).unwrap());

    for (from, to, wanted) in [
        ("severity: info", "severity: warning", "the alert `FailuresRise` would reach no breaker"),
        (
            "labels: { severity: info }",
            "labels: { alertname: X }",
            "`alertname` is the alert's own key",
        ),
        ("summary:", "text:", "`summary` is missing"),
        ("    expr: failure_ratio > 0.3\n", "", "`expr` is missing"),
        ("for: 1m", "for: soon", "is not a length of time"),
        ("for: 1m", "four: 1m", "unknown key `four`"),
        ("FailuresRise:", "\"Failures rise\":", "label name"),
    ] {
        folder.write("api.yaml", &(RULE.to_owned() + &OWN.replace(from, to)));
        let mistakes = folder.mistakes();
        let said = rules::render(&mistakes, false);
        assert!(mistakes.iter().any(rules::Mistake::is_error), "{from} → {to}");
        assert!(said.contains(wanted), "{from} → {to}: {said}");
    }
    // With all that `match` wants it belongs to the breaker, whatever its severity.
    let labels = "labels: { severity: warning, service: api, alertname_is: other }";
    let belongs =
        OWN.replace("labels: { severity: info }", labels).replace("FailuresRise", "BreakerOpen");
    folder.write("api.yaml", &(RULE.to_owned() + &belongs));
    assert_eq!(breakers(&folder.load()).len(), 2);
}

/// To make it anew: `cargo run -- alerts rules > deploy/prometheus-rules.yml`.
#[test]
fn the_file_in_deploy_is_current() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/prometheus-rules.yml");
    let made = yaml(&generate(&shipped()).file).unwrap();
    assert!(
        std::fs::read_to_string(path).unwrap() == made,
        "deploy/prometheus-rules.yml is not what `reclose alerts rules` writes"
    );
    promtool(&made);
}
