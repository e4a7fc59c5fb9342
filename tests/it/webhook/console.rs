//! The read-only pages: who may open them (row A36), and that nothing on them is obeyed or hidden.

use axum::http::StatusCode;
use reclose::core::action::{IntentKey, Outcome, Why};
use reclose::core::cause::Class;
use reclose::core::command::{Command, Person};
use reclose::core::incident::{Attempt, Incident};
use reclose::core::plan;
use reclose::core::report::Mark;
use reclose::rules;
use reclose::store::Which;
use serde_json::json;
use std::path::Path;

use super::server::{API_TOKEN, NOW, Server, TOKEN, alert, client, group, start};

async fn get(server: &Server, path: &str, host: &str, token: Option<&str>) -> (StatusCode, String) {
    let mut request = client().get(server.url(path)).header("host", host);
    if let Some(token) = token {
        request = request.bearer_auth(token);
    }
    let response = request.send().await.unwrap();
    if response.status() == 200 {
        let policy = response.headers()["content-security-policy"].to_str().unwrap();
        assert!(
            policy.contains("default-src 'none'") && policy.contains("frame-ancestors 'none'"),
            "{policy}"
        );
    }
    (response.status(), response.text().await.unwrap())
}

#[tokio::test]
async fn a36_pages_open_only_under_our_own_names() {
    let server = start().await;
    for path in ["/", "/incidents/INC-1", "/console.css"] {
        for host in [
            "evil.example",
            "localhost.evil.example",
            "127.0.0.1.evil.example",
            "10.0.0.1",
            "reclose.internal.",
        ] {
            let (status, text) = get(&server, path, host, Some(API_TOKEN)).await;
            assert_eq!(status, 421, "{path} {host}: {text}");
        }
    }
    for host in ["localhost", "LOCALHOST:7325", "127.0.0.1:1", "[::1]:7325", "127.8.8.8"] {
        assert_eq!(get(&server, "/", host, None).await.0, 200, "{host}");
    }
    // Under a public name it came through a proxy: then the API's credential counts, and no other.
    for (token, expected) in
        [(None, 401), (Some("x"), 401), (Some(TOKEN), 403), (Some(API_TOKEN), 200)]
    {
        assert_eq!(get(&server, "/", "reclose.internal", token).await.0, expected, "{token:?}");
    }
    assert_eq!(server.rejected("wrong_host"), 15);
    // Two hosts, or none.
    for heads in ["Host: localhost\r\nHost: evil.example\r\n", ""] {
        let mut raw = server.raw().await;
        raw.send(format!("GET / HTTP/1.1\r\n{heads}\r\n").as_bytes()).await;
        let text = raw.read_to_end().await;
        assert!(text.contains(" 421 ") || text.contains(" 400 "), "{text}");
    }
}

#[tokio::test]
async fn a21_an_incident_is_shown_with_nothing_hidden_and_nothing_obeyed() {
    let server = start().await;
    let labels = json!({
        "alertname": "CircuitBreakerOpen", "service": "checkout", "a\u{202e}b": "<script>alert(1)</script>",
        "\"onload=": "x\u{1b}[31m",
    });
    server.post(group(&[alert(&labels)]).to_string()).await.is(200);
    let rules = rules::load(&Path::new(env!("CARGO_MANIFEST_DIR")).join("rules")).unwrap();
    server.store.correlate(NOW.parse().unwrap(), 10, &rules).await.unwrap();

    let (status, page) = get(&server, "/", "localhost", None).await;
    assert_eq!(status, 200);
    for words in [
        "INC-1",
        "http-breaker",
        "checkout",
        "investigating",
        "finding out why it opened",
        "1 open",
    ] {
        assert!(page.contains(words), "{words} in {page}");
    }
    let (status, page) = get(&server, "/incidents/INC-1", "localhost", None).await;
    assert_eq!(status, 200);
    assert!(page.contains("a⟨U+202E⟩b") && !page.contains('\u{202e}'), "{page}");
    assert!(page.contains("⟨U+001B⟩[31m") && !page.contains('\u{1b}'));
    assert!(!page.contains("<script") && !page.contains("\"onload="), "{page}");
    assert!(page.contains("Timeline") && page.contains("http-equiv=\"refresh\" content=\"5\""));
    let css =
        client().get(server.url("/console.css")).header("host", "localhost").send().await.unwrap();
    assert_eq!(css.headers()["content-type"], "text/css; charset=utf-8");
    for nothing in ["/incidents/INC-2", "/incidents/1", "/incidents/INC-x", "/incidents/"] {
        assert_eq!(get(&server, nothing, "localhost", None).await.0, 404, "{nothing}");
    }
    assert_eq!(client().post(server.url("/")).send().await.unwrap().status(), 405);

    let by = Person { name: "test".into(), door: "test".into() };
    let order = Command::PauseAll { reason: "test".into() };
    server.store.command(&order, &by, NOW.parse().unwrap()).await.unwrap();
    assert!(get(&server, "/", "localhost", None).await.1.contains("Everything is paused"));
}

#[tokio::test]
async fn a_plan_says_done_only_of_what_was_done() {
    let server = start().await;
    let labels = json!({"alertname": "CircuitBreakerOpen", "service": "checkout"});
    server.post(group(&[alert(&labels)]).to_string()).await.is(200);
    let rules = rules::load(&Path::new(env!("CARGO_MANIFEST_DIR")).join("rules")).unwrap();
    server.store.correlate(NOW.parse().unwrap(), 10, &rules).await.unwrap();
    let mut incident = server.store.incidents(Which::Open).await.unwrap().remove(0);
    let rule = &rules.filled["http-breaker"]["checkout"];
    let marks = |incident: &Incident, over| -> Vec<Mark> {
        plan::steps(incident, rule, over).into_iter().map(|step| step.mark).collect()
    };
    // Wait, then close the breaker.
    incident.ladder = Some(Class::RateLimited);
    assert_eq!(marks(&incident, false), [Mark::Now, Mark::Ahead]);
    assert_eq!(marks(&incident, true), [Mark::Done, Mark::Skipped]);
    // The ladder has ended and nothing was done.
    incident.rung = 2;
    assert_eq!(marks(&incident, true), [Mark::Done, Mark::Skipped]);
    // The second rung helped.
    incident.rung = 1;
    for (outcome, mark) in [
        (Some(Outcome::Done), Mark::Done),
        (Some(Outcome::Unknown(Why("cut off".into()))), Mark::Skipped),
        (None, Mark::Skipped),
    ] {
        incident.attempts = vec![Attempt {
            key: IntentKey("key".into()),
            action: "close".into(),
            decided_at: NOW.parse().unwrap(),
            started_at: Some(NOW.parse().unwrap()),
            outcome,
            finished_at: None,
            helped: None,
        }];
        assert_eq!(marks(&incident, true), [Mark::Done, mark]);
    }
}

#[tokio::test]
async fn metrics_are_open_and_in_the_text_format() {
    let server = start().await;
    server.post("x").await.is(400);
    let response = client().get(server.url("/metrics")).send().await.unwrap();
    assert_eq!(response.status(), 200);
    assert!(
        response.headers()["content-type"]
            .to_str()
            .unwrap()
            .starts_with("application/openmetrics-text")
    );
    let page = response.text().await.unwrap();
    for line in [
        "reclose_rejected_total{reason=\"not_json\"} 1",
        "reclose_build_info{version=\"test\"} 1",
        "reclose_heartbeat_age_seconds -1.0",
        "reclose_queue_depth 0",
        "reclose_ack_seconds_count 0",
        "# EOF",
    ] {
        assert!(page.lines().any(|found| found == line), "{line} in {page}");
    }
}
