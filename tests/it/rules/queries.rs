//! Placeholders reach queries and addresses as data, and the age of a query's samples is asked for each of its selectors.

use super::folder::Folder;
use reclose::core::evidence::{Ask, HttpAsk};
use reclose::core::rule::Rule;

const QUERY: &str = "prometheus: max(breaker_state{service=\"api\"})";

fn rule(folder: &Folder) -> Rule {
    let mut set = folder.load();
    let filled = set.filled.remove("api").and_then(|mut of| of.remove("api"));
    filled.unwrap_or_else(|| set.rules.remove("api").unwrap())
}

/// The state query and its age, as they will be asked, with `value` for the variable `x`.
fn asked(query: &str, value: &str) -> (String, Option<String>) {
    let folder = Folder::sound();
    folder.edit("targets.yaml", "vars: { ", &format!("vars: {{ x: {value:?}, "));
    folder.edit("api.yaml", QUERY, &format!("prometheus: '{query}'"));
    let Ask::Prometheus { query, age_query } = rule(&folder).state.ask else { panic!() };
    (query, age_query)
}

#[test]
fn a_value_cannot_break_out_of_a_query() {
    let evil = "x\"} or vector(1) #\n\\`";
    let (query, age) = asked("max(breaker_state{job=\"{x}\"})", evil);
    let selector = r#"breaker_state{job="x\"} or vector(1) #\n\\`"}"#;
    assert_eq!(query, format!("max({selector})"));
    assert_eq!(age.unwrap(), format!("time() - min(timestamp({selector}))"));
    // What looks like a pattern is compared as text.
    assert_eq!(asked("up{job=\"{x}\"}", ".*").0, r#"up{job=".*"}"#);
}

#[test]
fn the_oldest_selector_counts() {
    let age = |query: &str| asked(query, "v").1;
    assert_eq!(age("up").as_deref(), Some("time() - min(timestamp(up))"));
    assert_eq!(age("vector(1) + time()"), None);
    assert_eq!(
        age("sum by (status) (increase(responses_total{job=\"a\"}[10m]))").as_deref(),
        Some("time() - min(timestamp(responses_total{job=\"a\"}))"),
        "a range selector gives its age without the range"
    );
    assert_eq!(
        age("up / up").as_deref(),
        Some("time() - min(timestamp(up))"),
        "each selector once"
    );
    assert_eq!(
        age("a / quantile(scalar(q), b)").as_deref(),
        Some(concat!(
            "max(label_replace(time() - min(timestamp(a)), \"selector\", \"0\", \"\", \"\")",
            " or label_replace(time() - min(timestamp(q)), \"selector\", \"1\", \"\", \"\")",
            " or label_replace(time() - min(timestamp(b)), \"selector\", \"2\", \"\", \"\"))"
        ))
    );
    assert_eq!(
        age("max_over_time(up[5m:1m] offset 2m)").as_deref(),
        Some("time() - min(timestamp(up))")
    );
    assert_eq!(
        asked(r#"x{c="d",a="{x}",b!=""}"#, "v").1.as_deref(),
        Some(r#"time() - min(timestamp(x{a="v",b!="",c="d"}))"#),
        "labels in any order"
    );
    // Every age is a query that the parser reads.
    for query in [
        "{\"a.b\"}",
        "up offset 5m",
        "up @ 1.5",
        "-up",
        "a unless b",
        "rate(x{a!=\"b\",c=~\"d.*\"}[1m])",
    ] {
        let age = age(query).unwrap_or_else(|| panic!("{query} has samples"));
        promql_parser::parser::parse(&age).unwrap_or_else(|why| panic!("{age}: {why}"));
    }
}

#[test]
fn a_value_cannot_leave_its_segment_of_an_address() {
    let url = |value: &str| {
        let folder = Folder::sound();
        folder.edit("targets.yaml", "vars: { ", &format!("vars: {{ x: {value:?}, "));
        folder.edit("api.yaml", "http://127.0.0.1:9/health", "{base}/v1/{x}/end?q={x}");
        rule(&folder).probes[0].how.http().unwrap().url.clone()
    };
    assert_eq!(url("a"), "http://127.0.0.1:9/api/v1/a/end?q=a");
    assert_eq!(
        url("@evil.com/..%2f?a=#"),
        "http://127.0.0.1:9/api/v1/%40evil.com%2F..%252f%3Fa%3D%23/end?q=%40evil.com%2F..%252f%3Fa%3D%23"
    );
    let folder = Folder::sound();
    folder.edit("api.yaml", "http://127.0.0.1:9/health", "{base}.evil.com/");
    assert!(folder.mistakes()[0].message.contains("would change the host"));
    for evil in ["..", "."] {
        let folder = Folder::sound();
        folder.edit("targets.yaml", "vars: { ", &format!("vars: {{ x: {evil:?}, "));
        folder.edit("api.yaml", "http://127.0.0.1:9/health", "{base}/{x}");
        assert!(folder.mistakes()[0].message.contains("is no path"), "{evil}");
    }
}

#[test]
fn a_value_cannot_leave_its_quotes_in_logql() {
    let folder = Folder::sound();
    let evil = "\" | line_format \"{{.x}}\\";
    folder.edit("targets.yaml", "vars: { ", &format!("vars: {{ x: {evil:?}, "));
    folder.edit(
        "api.yaml",
        "log_file: /var/log/api.log",
        "loki: { query: '{app=\"{x}\"} |= \"e\"' }",
    );
    let Ask::Loki { query, .. } = &rule(&folder).evidence[1].ask else { panic!() };
    assert_eq!(query, r#"{app="\" | line_format \"{{.x}}\\"} |= "e""#);
}

#[test]
fn secrets_in_a_body_stand_as_references() {
    let folder = Folder::sound();
    let body = "json: { a/b: { secret: { env: X } }, list: [1, \"yes\", true, null, \"{target}\"] }, bearer";
    folder.edit("api.yaml", "bearer", body);
    let rule = rule(&folder);
    let reclose::core::action::How::HttpReset { request, .. } = &rule.actions["reset"].how;
    let HttpAsk { json, secrets, .. } = request;
    assert_eq!(
        json.as_ref().unwrap(),
        &serde_json::json!({ "a/b": null, "list": [1, "yes", true, null, "api"] })
    );
    assert_eq!(secrets.keys().collect::<Vec<_>>(), ["/a~1b"]);
}
