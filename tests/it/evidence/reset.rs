//! The reset over HTTP: sent at most once, and `NotDone` only where the target cannot have done it.

use super::raw::{Raw, Then, http, json, nobody};
use super::{get, now, systems};
use reclose::core::action::{Action, How, Intent, IntentKey, Outcome};
use reclose::core::evidence::{Ask, Finding, HttpAsk, Said, Secretish};
use reclose::core::incident::IncidentId;
use reclose::systems::{Begun, Endpoints};
use std::time::Duration;

fn at_once() -> Begun {
    Begun { at: Duration::from_secs(100), now: || Duration::from_millis(101_900) }
}

pub fn intent(url: &str, observe: Option<HttpAsk>) -> Intent {
    let mut request = get(format!("{url}/breaker/close"), None);
    request.method = "POST".to_owned();
    request.json = Some(serde_json::json!({"breaker": "pms", "reason": "mine"}));
    Intent {
        key: IntentKey("reclose-e1-INC-7-1".to_owned()),
        incident: IncidentId(7),
        rule: "pms".to_owned(),
        target: "pms".to_owned(),
        group: "pms".to_owned(),
        action: Action {
            name: "reset".to_owned(),
            how: How::HttpReset { request, observe },
            cooldown: Duration::from_mins(1),
            at_most: None,
        },
        gone: true,
        checklist: vec![],
        decided_at: now(),
        expires_at: now(),
        reason: "The upstream has been healthy for 30 s".to_owned(),
    }
}

#[tokio::test]
async fn a_reset_names_its_decision_in_header_and_body() {
    let target = Raw::serve(json("{}"), Then::Close).await;
    let outcome = systems(Endpoints::default()).act(&intent(&target.url, None), at_once()).await;
    assert_eq!(outcome, Outcome::Done);
    let request = target.requests().remove(0);
    assert!(request.starts_with("POST /breaker/close HTTP/1.1\r\n"), "{request}");
    assert!(request.contains("idempotency-key: reclose-e1-INC-7-1\r\n"), "{request}");
    let body: serde_json::Value =
        serde_json::from_str(request.split("\r\n\r\n").nth(1).unwrap()).unwrap();
    let expected = serde_json::json!({
        "breaker": "pms",
        "decision": "reclose-e1-INC-7-1",
        "reason": "The upstream has been healthy for 30 s",
        "incident": "INC-7",
    });
    assert_eq!(body, expected);
}

/// As the Kubernetes API wants it: a merge patch, and not a key more than the rule says.
#[tokio::test]
async fn a_patch_says_the_decision_where_the_rule_places_it_and_nothing_else() {
    let place = "/spec/template/metadata/annotations/reclose~1decision";
    let annotated = r#"{"metadata":{"annotations":{"reclose/decision":"reclose-e1-INC-7-1"}}}"#;
    let target = Raw::serve(json(annotated), Then::Close).await;
    let observe = get(&target.url, Some("/metadata/annotations/reclose~1decision"));
    let mut intent = intent(&target.url, Some(observe));
    let How::HttpReset { request, .. } = &mut intent.action.how;
    request.method = "PATCH".to_owned();
    let kind = Secretish::Plain("application/merge-patch+json".to_owned());
    request.headers.insert("content-type".to_owned(), kind);
    request.headers.insert("x-why".to_owned(), Secretish::Said(Said::Reason));
    request.json = Some(serde_json::json!({
        "spec": {"template": {"metadata": {"annotations": {"reclose/decision": null}}}}, "list": [null],
    }));
    request.said =
        [(place.to_owned(), Said::Decision), ("/list/0".to_owned(), Said::Reason)].into();
    let systems = systems(Endpoints::default());
    assert_eq!(systems.act(&intent, at_once()).await, Outcome::Done);
    let sent = target.requests().remove(0);
    assert!(sent.starts_with("PATCH /breaker/close HTTP/1.1\r\n"), "{sent}");
    let types: Vec<&str> = sent.lines().filter(|line| line.starts_with("content-type:")).collect();
    assert_eq!(types, ["content-type: application/merge-patch+json"], "{sent}");
    assert!(sent.contains("x-why: The upstream has been healthy for 30 s\r\n"), "{sent}");
    let body: serde_json::Value =
        serde_json::from_str(sent.split("\r\n\r\n").nth(1).unwrap()).unwrap();
    let expected = serde_json::json!({
        "spec": {"template": {"metadata": {"annotations": {"reclose/decision": "reclose-e1-INC-7-1"}}}},
        "list": ["The upstream has been healthy for 30 s"],
    });
    assert_eq!(body, expected);
    // The annotation is the proof.
    assert_eq!(systems.look(&intent).await, Outcome::Done);
    intent.key.0 = "reclose-e1-INC-7-2".to_owned();
    assert_eq!(concluded(&systems.look(&intent).await), Concluded::Unknown);
    // A place that the body lacks: nothing is sent.
    let How::HttpReset { request, .. } = &mut intent.action.how;
    request.json = Some(serde_json::json!({"spec": 1}));
    assert_eq!(concluded(&systems.act(&intent, at_once()).await), Concluded::NotDone);
    // A question has no decision to say.
    let mut asked = get(&target.url, Some("/x"));
    asked.headers.insert("x-a".to_owned(), Secretish::Said(Said::Decision));
    let before = target.requests().len();
    let finding = super::ask(&systems, Ask::Http(asked)).await;
    assert!(matches!(finding, Finding::Failed(_)), "{finding:?}");
    assert_eq!(target.requests().len(), before);
}

/// What may be concluded from an outcome.
#[derive(Debug, PartialEq)]
enum Concluded {
    Done,
    NotDone,
    Unknown,
}

fn concluded(outcome: &Outcome) -> Concluded {
    match outcome {
        Outcome::Done => Concluded::Done,
        Outcome::NotDone(_) => Concluded::NotDone,
        Outcome::Unknown(_) => Concluded::Unknown,
    }
}

#[tokio::test]
async fn only_a_clear_answer_is_a_clear_outcome() {
    use Concluded::{Done, NotDone, Unknown};
    let status = |line: &str| http(line, "text/plain", "x");
    let cut = b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nx".to_vec();
    let cases = [
        (status("200 OK"), Then::Close, Done),
        (status("204 No Content"), Then::Close, Done),
        (status("301 Moved"), Then::Close, Unknown),
        (status("303 See Other"), Then::Close, Unknown),
        (status("400 Bad Request"), Then::Close, NotDone),
        (status("401 Unauthorized"), Then::Close, NotDone),
        (status("404 Not Found"), Then::Close, NotDone),
        (status("409 Conflict"), Then::Close, NotDone),
        (status("429 Too Many Requests"), Then::Close, NotDone),
        (status("408 Request Timeout"), Then::Close, Unknown),
        (status("425 Too Early"), Then::Close, Unknown),
        (status("500 Internal Server Error"), Then::Close, Unknown),
        (status("502 Bad Gateway"), Then::Close, Unknown),
        (status("503 Service Unavailable"), Then::Close, Unknown),
        (status("799 What"), Then::Close, Unknown),
        (Vec::new(), Then::Close, Unknown),
        (Vec::new(), Then::Reset, Unknown),
        (b"SSH-2.0-OpenSSH\r\n".to_vec(), Then::Close, Unknown),
        (cut.clone(), Then::Close, Unknown),
        (cut, Then::Reset, Unknown),
        (b"HTTP/1.1 200 OK\r\n".to_vec(), Then::Close, Unknown),
    ];
    let systems = systems(Endpoints::default());
    for (answer, then, expected) in cases {
        let what = String::from_utf8_lossy(&answer).lines().next().unwrap_or("").to_owned();
        let target = Raw::serve(answer, then).await;
        let outcome = systems.act(&intent(&target.url, None), at_once()).await;
        assert_eq!(concluded(&outcome), expected, "{what} {then:?}: {outcome:?}");
        assert_eq!(target.requests().len(), 1, "{what} {then:?}: sent once");
    }
}

#[tokio::test]
async fn no_answer_within_the_time_limit_is_unknown() {
    let target = Raw::serve("", Then::Hang).await;
    let mut hanging = intent(&target.url, None);
    let How::HttpReset { request, .. } = &mut hanging.action.how;
    request.timeout = Duration::from_millis(300);
    let outcome = systems(Endpoints::default()).act(&hanging, at_once()).await;
    assert_eq!(concluded(&outcome), Concluded::Unknown, "{outcome:?}");
    assert_eq!(target.requests().len(), 1);
}

#[tokio::test]
async fn what_was_never_connected_was_not_done() {
    let systems = systems(Endpoints::default());
    for url in [nobody().await, "http://no-such-name.invalid".to_owned()] {
        let outcome = systems.act(&intent(&url, None), at_once()).await;
        assert_eq!(concluded(&outcome), Concluded::NotDone, "{outcome:?}");
    }
    // A server that speaks no TLS: the handshake fails before any byte of the request.
    let plain = Raw::serve("HTTP/1.1 400 Bad Request\r\n\r\n", Then::Close).await;
    let url = plain.url.replace("http:", "https:");
    let outcome = systems.act(&intent(&url, None), at_once()).await;
    assert_eq!(concluded(&outcome), Concluded::NotDone, "{outcome:?}");
}

#[tokio::test]
async fn a_process_that_froze_before_the_write_writes_nothing() {
    let target = Raw::serve(json("{}"), Then::Close).await;
    let late = Begun { now: || Duration::from_millis(102_100), ..at_once() };
    let outcome = systems(Endpoints::default()).act(&intent(&target.url, None), late).await;
    let Outcome::NotDone(why) = &outcome else { panic!("{outcome:?}") };
    assert!(why.0.contains("too late: 2.1 s"), "{}", why.0);
    assert_eq!(target.requests(), Vec::<String>::new());
}

#[tokio::test]
async fn looking_proves_done_and_never_proves_not_done() {
    let systems = systems(Endpoints::default());
    let cases = [
        (json(r#"{"last_reset":{"decision":"reclose-e1-INC-7-1"}}"#), Concluded::Done),
        (json(r#"{"last_reset":{"decision":["a","reclose-e1-INC-7-1"]}}"#), Concluded::Done),
        (json(r#"{"last_reset":{"decision":"reclose-e1-INC-7-11"}}"#), Concluded::Unknown),
        (json(r#"{"last_reset":{"decision":null}}"#), Concluded::Unknown),
        (json("{}"), Concluded::Unknown),
        (json("reclose-e1-INC-7-1"), Concluded::Unknown),
        (http("404 Not Found", "text/plain", "x"), Concluded::Unknown),
        (
            http("500 Oops", "x/y", r#"{"last_reset":{"decision":"reclose-e1-INC-7-1"}}"#),
            Concluded::Unknown,
        ),
    ];
    for (answer, expected) in cases {
        let what = String::from_utf8_lossy(&answer).into_owned();
        let target = Raw::serve(answer, Then::Close).await;
        let observe = get(&target.url, Some("/last_reset/decision"));
        let outcome = systems.look(&intent(&target.url, Some(observe))).await;
        assert_eq!(concluded(&outcome), expected, "{what}: {outcome:?}");
    }
    let gone = nobody().await;
    for observe in [None, Some(get(&gone, Some("/x"))), Some(get(&gone, None))] {
        let outcome = systems.look(&intent(&gone, observe)).await;
        assert_eq!(concluded(&outcome), Concluded::Unknown, "{outcome:?}");
    }
}

/// The failpoints are the process's own: with several tests in one process this one only sees more of them.
#[tokio::test]
async fn the_failpoints_lie_between_the_connection_and_the_first_byte() {
    use std::sync::{Arc, Mutex};
    let passed = Arc::new(Mutex::new(Vec::new()));
    let names = ["execute-after-connect", "paused-after-last-check"];
    for name in names {
        let passed = Arc::clone(&passed);
        fail::cfg_callback(name, move || passed.lock().unwrap().push(name)).unwrap();
    }
    let systems = systems(Endpoints::default());
    let outcome = systems.act(&intent(&nobody().await, None), at_once()).await;
    assert_eq!(concluded(&outcome), Concluded::NotDone);
    let target = Raw::serve(json("{}"), Then::Close).await;
    let before = passed.lock().unwrap().len();
    assert_eq!(systems.act(&intent(&target.url, None), at_once()).await, Outcome::Done);
    let seen = passed.lock().unwrap()[before..].to_vec();
    names.iter().for_each(fail::remove);
    assert!(names.iter().all(|name| seen.contains(name)), "{seen:?}");
    assert_eq!(target.requests().len(), 1);
}
