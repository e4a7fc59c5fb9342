//! Questions to a fake Loki, written from Loki's HTTP API reference, and log files.

use super::{ask, now, reading, systems};
use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use reclose::core::evidence::{Absence, Ask, FailureKind, Finding, LogLine, Value};
use reclose::core::time::Timestamp;
use reclose::systems::{Endpoint, Endpoints};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// Stream name, nanoseconds, line.
type Entries = Vec<(&'static str, i128, String)>;

/// `GET /loki/api/v1/query_range` of a Loki with `auth_enabled`: `start` inclusive, `end` exclusive, `limit` over all
/// streams, newest first within each when `direction` is `backward`; errors in plain text.
async fn query_range(
    State(entries): State<Arc<Entries>>,
    Query(asked): Query<BTreeMap<String, String>>,
    headers: HeaderMap,
) -> Response {
    if headers.get("X-Scope-OrgID").is_none() {
        return (StatusCode::UNAUTHORIZED, "no org id\n").into_response();
    }
    let query = asked.get("query").map_or("", String::as_str);
    if !query.starts_with('{') && !query.contains("rate(") {
        let why = "parse error at line 1, col 1: syntax error: unexpected IDENTIFIER";
        return (StatusCode::BAD_REQUEST, why).into_response();
    }
    if query.contains("rate(") {
        let data = serde_json::json!({"resultType": "matrix", "result": [
            {"metric": {}, "values": [[1_787_220_000, "1"]]}]});
        return axum::Json(serde_json::json!({"status": "success", "data": data})).into_response();
    }
    let number = |name: &str| asked.get(name).and_then(|text| text.parse::<i128>().ok());
    let (start, end) = (number("start").unwrap(), number("end").unwrap());
    let limit = usize::try_from(number("limit").unwrap_or(100)).unwrap();
    assert_eq!(asked.get("direction").map(String::as_str), Some("backward"));
    let mut found: Vec<_> = entries.iter().filter(|(_, at, _)| (start..end).contains(at)).collect();
    found.sort_by_key(|(_, at, _)| std::cmp::Reverse(*at));
    found.truncate(limit);
    let mut streams: BTreeMap<&str, Vec<serde_json::Value>> = BTreeMap::new();
    for (stream, at, line) in found {
        let mut value = vec![at.to_string(), line.clone()];
        let values = streams.entry(stream).or_default();
        // Structured metadata stands as a third element where there is some.
        if *stream == "tagged" {
            let tagged = serde_json::json!([value.remove(0), value.remove(0), {"trace": "x"}]);
            values.push(tagged);
        } else {
            values.push(serde_json::json!(value));
        }
    }
    let result: Vec<_> = streams
        .into_iter()
        .map(|(name, values)| serde_json::json!({"stream": {"app": name}, "values": values}))
        .collect();
    let data = serde_json::json!({"resultType": "streams", "result": result, "stats": {}});
    axum::Json(serde_json::json!({"status": "success", "data": data})).into_response()
}

async fn loki(entries: Entries) -> Endpoint {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let router = axum::Router::new()
        .route("/loki/api/v1/query_range", axum::routing::get(query_range))
        .with_state(Arc::new(entries));
    tokio::spawn(async move { axum::serve(listener, router).await });
    Endpoint { url, auth: None, tenant: Some("team-a".to_owned()) }
}

fn lines(query: &str, limit: u32) -> Ask {
    Ask::Loki { query: query.to_owned(), last: Duration::from_mins(5), limit }
}

fn texts(value: &Value) -> (Vec<&str>, bool) {
    let Value::Lines { lines, complete } = value else { panic!("{value:?}") };
    (lines.iter().map(|LogLine { text, .. }| text.as_str()).collect(), *complete)
}

#[tokio::test]
async fn streams_are_merged_oldest_first_and_a_full_answer_is_not_complete() {
    let ago = |secs: i64| (now() - jiff::SignedDuration::from_secs(secs)).as_nanosecond();
    let entries = vec![
        ("a", ago(400), "too old".to_owned()),
        ("a", ago(40), "first".to_owned()),
        ("tagged", ago(30), "second \u{1b}[31mred\u{1b}[0m\u{7}".to_owned()),
        ("a", ago(20), "third".to_owned()),
        ("tagged", ago(10), "x".repeat(5000)),
    ];
    let endpoint = loki(entries).await;
    let endpoints = Endpoints { loki: Some(endpoint.clone()), ..Endpoints::default() };
    let asked = systems(endpoints);
    let all = reading(ask(&asked, lines("{app=~\".+\"}", 100)).await).value;
    let (found, complete) = texts(&all);
    assert_eq!(found[..3], ["first", "second red", "third"]);
    assert_eq!((found.len(), found[3].len(), complete), (4, 2000, true));
    let Value::Lines { lines: dated, .. } = &all else { panic!() };
    assert!(dated.iter().map(|line| line.at).is_sorted());
    assert!(dated[0].at.unwrap() > Timestamp::UNIX_EPOCH);

    let cut = reading(ask(&asked, lines("{app=~\".+\"}", 2)).await).value;
    let (found, complete) = texts(&cut);
    assert_eq!((found[0], found.len(), complete), ("third", 2, false));

    for (query, kind, word) in [
        ("oops", FailureKind::BadQuestion, "syntax error"),
        ("rate({app=\"a\"}[1m])", FailureKind::BadQuestion, "numbers"),
    ] {
        let Finding::Failed(failure) = ask(&asked, lines(query, 10)).await else { panic!() };
        assert_eq!(failure.kind, kind, "{}", failure.detail);
        assert!(failure.detail.contains(word), "{}", failure.detail);
    }
    let anonymous = Endpoint { tenant: None, ..endpoint };
    let asked = systems(Endpoints { loki: Some(anonymous), ..Endpoints::default() });
    let finding = ask(&asked, lines("{app=\"a\"}", 10)).await;
    assert!(matches!(&finding, Finding::Failed(f) if f.kind == FailureKind::Unauthorized));
}

#[tokio::test]
async fn no_lines_are_no_data() {
    let endpoints = Endpoints { loki: Some(loki(Vec::new()).await), ..Endpoints::default() };
    let finding = ask(&systems(endpoints), lines("{app=\"a\"}", 10)).await;
    assert_eq!(finding, Finding::NoData(Absence::Empty));
}

#[tokio::test]
async fn a_log_file_gives_its_newest_lines_or_says_why_not() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    std::fs::write(path("app.log"), "one\n2026-08-20T10:00:00Z two\n\nthree\n").unwrap();
    std::fs::write(path("empty.log"), "").unwrap();
    std::os::unix::fs::symlink(path("app.log"), path("link.log")).unwrap();
    std::os::unix::net::UnixListener::bind(path("socket")).unwrap();
    let systems = systems(Endpoints::default());
    let tail = |name: &str, last_lines| {
        ask(&systems, Ask::LogFile { path: path(name), last_lines, last: None, zone: None })
    };
    let whole = reading(tail("link.log", 100).await).value;
    assert_eq!(texts(&whole), (vec!["one", "2026-08-20T10:00:00Z two", "three"], true));
    let Value::Lines { lines, .. } = &whole else { panic!() };
    assert_eq!(lines[1].at.unwrap().to_string(), "2026-08-20T10:00:00Z");
    let last = reading(tail("app.log", 1).await).value;
    assert_eq!(texts(&last), (vec!["three"], false));
    assert_eq!(tail("empty.log", 5).await, Finding::NoData(Absence::Empty));
    for (name, kind) in [
        ("none.log", FailureKind::Unreachable),
        (".", FailureKind::BadQuestion),
        ("socket", FailureKind::BadQuestion),
    ] {
        let Finding::Failed(failure) = tail(name, 5).await else { panic!("{name}") };
        assert_eq!(failure.kind, kind, "{}", failure.detail);
    }
}
