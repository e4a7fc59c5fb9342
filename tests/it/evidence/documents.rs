//! Documents as log lines: a fake Elasticsearch, written from its search API's reference, and pages of events.

use super::raw::{Raw, Then, http};
use super::{ask, endpoint, get, now, reading, systems};
use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use reclose::core::evidence::{Absence, Ask, EventsAsk, FailureKind, Finding, Value};
use reclose::systems::Endpoints;
use serde_json::{Value as Tree, json};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// A search for what the service `app` says.
pub fn lines(service: &str, last: Duration, limit: u32) -> Ask {
    Ask::Elasticsearch {
        index: "logs-*".to_owned(),
        wanted: BTreeMap::from([("service.name".to_owned(), service.to_owned())]),
        query: Some("log.level:error".to_owned()),
        time: "@timestamp".to_owned(),
        message: "message".to_owned(),
        last,
        limit,
    }
}

/// An answer with one line.
pub fn found(at_millis: i64, text: &str) -> Tree {
    answer(&[hit(at_millis, text)], 0, false)
}

fn hit(at_millis: i64, text: &str) -> Tree {
    json!({ "_index": "logs-1", "_id": "1", "_score": null, "_source": { "message": text }, "sort": [at_millis] })
}

fn answer(hits: &[Tree], failed: u64, timed_out: bool) -> Tree {
    json!({
        "took": 3, "timed_out": timed_out,
        "_shards": { "total": 5, "successful": 5 - failed, "skipped": 0, "failed": failed },
        "hits": { "max_score": null, "hits": hits },
    })
}

pub fn events(url: &str) -> Ask {
    Ask::Events(EventsAsk {
        page: get(url, None),
        items: "/circuitBreakerEvents".to_owned(),
        at: Some("/creationTime".to_owned()),
        text: vec!["/type".to_owned(), "/errorMessage".to_owned()],
        limit: 3,
    })
}

/// Service, milliseconds, line.
type Documents = Vec<(&'static str, i64, String)>;

/// `POST /<index>/_search` with what reclose uses of its language; anything else is refused as the real one does.
async fn search(
    State(documents): State<Arc<Documents>>,
    Path(index): Path<String>,
    Json(asked): Json<Tree>,
) -> Response {
    let refuse = |status: StatusCode, kind: &str, reason: &str| {
        let cause = json!({ "type": kind, "reason": reason });
        let error = json!({ "root_cause": [cause], "type": kind, "reason": reason });
        (status, Json(json!({ "error": error, "status": status.as_u16() }))).into_response()
    };
    match index.as_str() {
        "logs-*" => {}
        // A pattern that matches nothing is no error, and has no shards.
        "none-*" => {
            let nothing = json!({ "timed_out": false, "hits": { "hits": [] },
                "_shards": { "total": 0, "successful": 0, "skipped": 0, "failed": 0 } });
            return Json(nothing).into_response();
        }
        _ => {
            return refuse(
                StatusCode::NOT_FOUND,
                "index_not_found_exception",
                "no such index [none]",
            );
        }
    }
    let filter = asked["query"]["bool"]["filter"].as_array().unwrap();
    let (mut span, mut service) = (0..=0, None);
    for one in filter {
        if let Some(range) = one.get("range") {
            let range = &range["@timestamp"];
            assert_eq!(range["format"], "epoch_millis");
            span = range["gte"].as_i64().unwrap()..=range["lte"].as_i64().unwrap();
        } else if let Some(term) = one.get("term") {
            service = term["service.name"].as_str();
        } else {
            let query = one["query_string"]["query"].as_str().unwrap();
            if query.matches('(').count() != query.matches(')').count() {
                let why = format!("Failed to parse query [{query}]");
                return refuse(StatusCode::BAD_REQUEST, "query_shard_exception", &why);
            }
        }
    }
    assert_eq!(asked["sort"][0]["@timestamp"]["order"], "desc");
    let size = usize::try_from(asked["size"].as_u64().unwrap()).unwrap();
    let mut hits: Vec<_> = documents
        .iter()
        .filter(|(of, at, _)| service.is_none_or(|service| service == *of) && span.contains(at))
        .collect();
    hits.sort_by_key(|(_, at, _)| std::cmp::Reverse(*at));
    let partial = service == Some("partial");
    let hits: Vec<Tree> = hits.iter().take(size).map(|(_, at, text)| hit(*at, text)).collect();
    Json(answer(&hits, u64::from(partial), false)).into_response()
}

async fn elasticsearch(documents: Documents) -> Endpoints {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let router = axum::Router::new()
        .route("/{index}/_search", axum::routing::post(search))
        .with_state(Arc::new(documents));
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    Endpoints { elasticsearch: endpoint(&url), ..Endpoints::default() }
}

fn texts(finding: Finding) -> (Vec<String>, bool) {
    let Value::Lines { lines, complete } = reading(finding).value else { panic!() };
    (lines.into_iter().map(|line| line.text).collect(), complete)
}

fn kind(finding: Finding) -> (FailureKind, String) {
    let Finding::Failed(failure) = finding else { panic!("{finding:?}") };
    (failure.kind, failure.detail)
}

#[tokio::test]
async fn elasticsearch_gives_lines_oldest_first_and_says_when_some_are_missing() {
    let at = now().as_millisecond();
    let old = at - 3_600_000;
    let documents = vec![
        ("app", at - 3_000, "one".to_owned()),
        ("app", at - 1_000, "three".to_owned()),
        ("app", at - 2_000, "two \u{1b}[31mred".to_owned()),
        ("app", old, "too old".to_owned()),
        ("other", at - 1_000, "of another".to_owned()),
        ("partial", at - 1_000, "half".to_owned()),
    ];
    let systems = systems(elasticsearch(documents).await);
    let last = Duration::from_mins(10);
    let (all, complete) = texts(ask(&systems, lines("app", last, 10)).await);
    assert_eq!(all.len(), 3);
    assert!(all[0] == "one" && all[1].starts_with("two") && all[2] == "three" && complete);
    assert_eq!(texts(ask(&systems, lines("app", last, 2)).await).0.len(), 2);
    assert!(!texts(ask(&systems, lines("app", last, 2)).await).1, "cut");
    assert_eq!(
        texts(ask(&systems, lines("partial", last, 9)).await),
        (vec!["half".to_owned()], false)
    );
    assert_eq!(ask(&systems, lines("nobody", last, 9)).await, Finding::NoData(Absence::Empty));
}

#[tokio::test]
async fn elasticsearch_says_what_is_wrong_with_a_search() {
    let systems = systems(elasticsearch(Vec::new()).await);
    let with = |change: fn(&mut Ask)| {
        let mut ask = lines("app", Duration::from_mins(1), 9);
        change(&mut ask);
        ask
    };
    let wrong = with(|ask| {
        if let Ask::Elasticsearch { query, .. } = ask {
            *query = Some("level:(error".to_owned());
        }
    });
    let (why, detail) = kind(ask(&systems, wrong).await);
    assert_eq!(why, FailureKind::BadQuestion);
    assert!(detail.contains("Failed to parse query [level:(error]"), "{detail}");
    for index in ["none", "none-*"] {
        let mut wanted = lines("app", Duration::from_mins(1), 9);
        if let Ask::Elasticsearch { index: of, .. } = &mut wanted {
            index.clone_into(of);
        }
        let (why, detail) = kind(ask(&systems, wanted).await);
        assert_eq!(why, FailureKind::BadQuestion, "{detail}");
        assert!(detail.contains("none"), "{detail}");
    }
}

#[tokio::test]
async fn nothing_from_a_part_of_the_shards_is_not_nothing() {
    let server = Raw::serve("", Then::Close).await;
    let systems =
        systems(Endpoints { elasticsearch: endpoint(&server.url), ..Endpoints::default() });
    for partial in [answer(&[], 2, false), answer(&[], 0, true)] {
        server.set(http("200 OK", "application/json", &partial.to_string()), Then::Close);
        let finding = ask(&systems, lines("app", Duration::from_mins(1), 9)).await;
        assert_eq!(finding, Finding::NoData(Absence::Partial));
    }
}

/// As `actuator/circuitbreakerevents` of Spring Boot answers with resilience4j 2.
const EVENTS: &str = r#"{"circuitBreakerEvents":[
    {"circuitBreakerName":"stock","type":"ERROR","creationTime":"2026-08-20T10:00:02.25Z[Etc/UTC]","errorMessage":"java.io.IOException: Connection reset","durationInMs":25,"stateTransition":null},
    {"circuitBreakerName":"stock","type":"ERROR","creationTime":"2026-08-20T12:00:01+02:00[Europe/Berlin]","errorMessage":"503 Service Unavailable","durationInMs":25},
    {"circuitBreakerName":"stock","type":"STATE_TRANSITION","creationTime":"2026-08-20T10:00:03Z","stateTransition":"CLOSED_TO_OPEN"}]}"#;

#[tokio::test]
async fn recorded_events_are_lines_with_their_times() {
    let server = Raw::serve("", Then::Close).await;
    let systems = systems(Endpoints::default());
    server.set(http("200 OK", "application/json", EVENTS), Then::Close);
    let Value::Lines { lines, complete } = reading(ask(&systems, events(&server.url)).await).value
    else {
        panic!()
    };
    let seen: Vec<String> =
        lines.iter().map(|line| format!("{} {}", line.at.unwrap(), line.text)).collect();
    assert_eq!(
        seen,
        [
            "2026-08-20T10:00:01Z ERROR 503 Service Unavailable",
            "2026-08-20T10:00:02.25Z ERROR java.io.IOException: Connection reset",
            "2026-08-20T10:00:03Z STATE_TRANSITION",
        ]
    );
    assert!(complete);
    for (page, expected) in [
        (r#"{"circuitBreakerEvents":[]}"#, None),
        (r#"{"circuitBreakerEvents":{}}"#, Some(FailureKind::Malformed)),
        (r#"{"events":[]}"#, Some(FailureKind::Malformed)),
        (r#"{"circuitBreakerEvents":[{"type":"ERROR"}]}"#, Some(FailureKind::Malformed)),
        (r#"{"circuitBreakerEvents":[{"creationTime":1}]}"#, Some(FailureKind::Malformed)),
    ] {
        server.set(http("200 OK", "application/json", page), Then::Close);
        let finding = ask(&systems, events(&server.url)).await;
        match expected {
            None => assert_eq!(finding, Finding::NoData(Absence::Empty), "{page}"),
            Some(expected) => assert_eq!(kind(finding).0, expected, "{page}"),
        }
    }
}
