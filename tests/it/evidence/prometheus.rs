//! Questions to a real Prometheus, and to a fake one for what the real one does not do on demand.

use super::raw::{Raw, Then, http, json};
use super::{BUDGET, endpoint, now, question, reading, systems};
use crate::servers::{Prometheus, Server};
use reclose::core::evidence::{
    Absence, Ask, FailureKind, Finding, Question, STATE, SecretRef, Value,
};
use reclose::core::time::since;
use reclose::systems::secrets::Secrets;
use reclose::systems::{Auth, Endpoint, Endpoints, Systems};
use std::collections::BTreeMap;
use std::time::Duration;

const AGE: &str = "time() - min(timestamp(circuit))";

fn instant(query: &str, age_query: Option<&str>) -> Ask {
    Ask::Prometheus { query: query.to_owned(), age_query: age_query.map(str::to_owned) }
}

fn range(query: &str) -> Ask {
    let (last, step) = (Duration::from_secs(3), Duration::from_secs(1));
    Ask::PrometheusRange { query: query.to_owned(), last, step }
}

async fn put(systems: &Systems, question: &Question) -> Finding {
    let questions = std::slice::from_ref(question);
    let found = systems.ask_all(questions, &BTreeMap::new(), now(), BUDGET).await;
    found.into_values().next().unwrap()
}

async fn ask(systems: &Systems, ask: Ask) -> Finding {
    put(systems, &question("q", ask)).await
}

/// An exporter, and a real Prometheus that scrapes it five times a second.
async fn scraped(page: &str) -> (Raw, Server, Systems) {
    let exporter = Raw::serve(http("200 OK", "text/plain; version=0.0.4", page), Then::Close).await;
    let target = exporter.url.trim_start_matches("http://");
    let config = format!(
        "global: {{scrape_interval: 200ms, scrape_timeout: 200ms}}\n\
         scrape_configs: [{{job_name: x, static_configs: [{{targets: ['{target}']}}]}}]\n"
    );
    let server = Prometheus::start(&config, &[]).await;
    let prometheus = endpoint(&server.url);
    let systems = systems(Endpoints { prometheus, ..Endpoints::default() });
    // Present once the first scrape is in.
    until(
        &systems,
        "min(up)",
        |finding| matches!(finding, Finding::Value(r) if r.value == Value::Number(1.0)),
    )
    .await;
    (exporter, server, systems)
}

async fn until(systems: &Systems, query: &str, wanted: impl Fn(&Finding) -> bool) -> Finding {
    for _ in 0..500 {
        let finding = ask(systems, instant(query, None)).await;
        if wanted(&finding) {
            return finding;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("{query} never became what is wanted");
}

const PAGE: &str = "circuit{name=\"pms\"} 1\n\
    requests_total{status=\"200\"} 7\nrequests_total{status=\"503\"} 5\nweird NaN\n";

#[tokio::test]
async fn a_real_prometheus_answers_values_and_absences() {
    let (_exporter, _server, systems) = scraped(PAGE).await;
    let value = async |query: &str| reading(ask(&systems, instant(query, None)).await).value;
    assert_eq!(value("circuit").await, Value::Number(1.0));
    assert_eq!(value("scalar(circuit)").await, Value::Number(1.0));
    let both = BTreeMap::from([("200".to_owned(), 7.0), ("503".to_owned(), 5.0)]);
    assert_eq!(value("sum by (status) (requests_total)").await, Value::Series(both));
    // A single status is still a series by status; a state of one element is a number.
    let one = BTreeMap::from([("503".to_owned(), 5.0)]);
    let query = r#"sum by (status) (requests_total{status="503"})"#;
    assert_eq!(value(query).await, Value::Series(one));
    let state = question(STATE, instant("max by (name) (circuit)", None));
    assert_eq!(reading(put(&systems, &state).await).value, Value::Number(1.0));

    for query in ["0/0", "vector(0) / vector(0)", "1/0", "-1/0", "weird"] {
        let finding = ask(&systems, instant(query, None)).await;
        assert_eq!(finding, Finding::NoData(Absence::NotFinite), "{query}");
    }
    let empty = ask(&systems, instant("no_such_series", None)).await;
    assert_eq!(empty, Finding::NoData(Absence::Empty));
    let empty = ask(&systems, range("no_such_series")).await;
    assert_eq!(empty, Finding::NoData(Absence::Empty));
    for (query, kind) in [
        ("circuit{", FailureKind::BadQuestion),
        ("\"text\"", FailureKind::Malformed),
        ("circuit[1m]", FailureKind::Malformed),
        ("requests_total * on () circuit", FailureKind::ServerError),
        ("label_replace(requests_total, \"status\", \"\", \"\", \"\")", FailureKind::ServerError),
    ] {
        let Finding::Failed(failure) = ask(&systems, instant(query, None)).await else {
            panic!("{query}")
        };
        assert_eq!(failure.kind, kind, "{query}: {}", failure.detail);
    }
}

#[tokio::test]
async fn a_real_range_is_a_trend_oldest_first() {
    let (_exporter, _server, systems) = scraped(PAGE).await;
    let Value::Trend(points) = reading(ask(&systems, range("circuit")).await).value else {
        panic!("no trend")
    };
    assert!(!points.is_empty() && points.is_sorted(), "{points:?}");
    assert!(points.iter().all(|(_, value)| (*value - 1.0).abs() < f64::EPSILON));
    let several = ask(&systems, range("requests_total")).await;
    assert!(
        matches!(&several, Finding::Failed(f) if f.detail.contains("aggregate")),
        "{several:?}"
    );
    let gap = ask(&systems, range("weird")).await;
    assert_eq!(gap, Finding::NoData(Absence::NotFinite));
}

#[tokio::test]
async fn samples_are_as_old_as_they_are_and_not_as_their_answer() {
    // The exporter dates its sample itself: Prometheus goes on showing it for five minutes.
    let taken = now() - jiff::SignedDuration::from_secs(30);
    let page = format!("circuit{{name=\"pms\"}} 1 {}\n", taken.as_millisecond());
    let (_exporter, _server, systems) = scraped(&page).await;
    let undated = ask(&systems, instant("circuit", None)).await;
    assert!(undated.reading().is_some(), "without the age query it looks fresh: {undated:?}");

    let mut dated = question(STATE, instant("circuit", Some(AGE)));
    let at = reading(put(&systems, &dated).await).at;
    assert!(since(now(), at) >= Duration::from_secs(29), "{at}");
    assert!(since(at, taken) < Duration::from_secs(5) && since(taken, at) < Duration::from_secs(5));
    dated.max_age = Duration::from_secs(20);
    assert_eq!(put(&systems, &dated).await, Finding::NoData(Absence::Stale));
    // A value whose samples cannot be dated is no value.
    for undatable in ["time() - min(timestamp(no_such_series))", "0/0", "1/0"] {
        let asked = question(STATE, instant("circuit", Some(undatable)));
        assert_eq!(put(&systems, &asked).await, Finding::NoData(Absence::Stale), "{undatable}");
    }
    let asked = question(STATE, instant("circuit", Some("circuit{")));
    let finding = put(&systems, &asked).await;
    assert!(matches!(&finding, Finding::Failed(f) if f.detail.contains("age of the samples")));
}

#[tokio::test]
async fn no_exporter_no_state_and_no_prometheus_no_state() {
    let (exporter, mut server, systems) = scraped(PAGE).await;
    let state = question(STATE, instant("circuit", Some(AGE)));
    assert!(put(&systems, &state).await.reading().is_some());

    drop(exporter);
    until(
        &systems,
        "min(up)",
        |finding| matches!(finding, Finding::Value(r) if r.value == Value::Number(0.0)),
    )
    .await;
    assert_eq!(put(&systems, &state).await, Finding::NoData(Absence::Empty));

    server.freeze();
    let budget = Duration::from_millis(400);
    let questions = [state.clone()];
    let found = systems.ask_all(&questions, &BTreeMap::new(), now(), budget).await;
    let frozen = &found[STATE];
    assert!(matches!(frozen, Finding::Failed(f) if f.kind == FailureKind::Timeout), "{frozen:?}");
    server.thaw();

    server.stop();
    let finding = put(&systems, &state).await;
    assert!(matches!(&finding, Finding::Failed(f) if f.kind == FailureKind::Unreachable));
}

#[tokio::test]
async fn warnings_make_an_answer_partial() {
    let good = r#"{"status":"success","data":{"resultType":"vector","result":[{"metric":{},"value":[1,"1"]}]}"#;
    for (rest, partial) in [
        ("}", false),
        (r#","warnings":[]}"#, false),
        (r#","infos":["x"]}"#, false),
        (r#","warnings":["a store did not answer"]}"#, true),
    ] {
        let server = Raw::serve(json(&format!("{good}{rest}")), Then::Close).await;
        let prometheus = endpoint(&server.url);
        let systems = systems(Endpoints { prometheus, ..Endpoints::default() });
        let finding = ask(&systems, instant("up", None)).await;
        if partial {
            assert_eq!(finding, Finding::NoData(Absence::Partial));
        } else {
            assert_eq!(reading(finding).value, Value::Number(1.0));
        }
    }
}

#[tokio::test]
async fn the_age_is_asked_for_the_moment_of_the_value() {
    let body =
        r#"{"status":"success","data":{"resultType":"scalar","result":[1787220000.123,"1"]}}"#;
    let server = Raw::serve(json(body), Then::Close).await;
    let prometheus = Some(Endpoint {
        url: format!("{}/prometheus/", server.url),
        auth: Some(Auth::Basic {
            user: "bot".to_owned(),
            password: SecretRef::Env("TOKEN".to_owned()),
        }),
        tenant: Some("team-a".to_owned()),
    });
    let endpoints = Endpoints { prometheus, ..Endpoints::default() };
    let systems = Systems::new(endpoints, Secrets::new(|_| Some("pw".to_owned()))).unwrap();
    reading(ask(&systems, instant("a{b=\"c d\"}", Some("age"))).await);
    let requests = server.requests();
    let [value, age] = requests.as_slice() else { panic!("{requests:?}") };
    assert!(value.starts_with("POST /prometheus/api/v1/query HTTP/1.1\r\n"), "{value}");
    assert!(value.contains("authorization: Basic Ym90OnB3\r\n"), "{value}");
    assert!(value.to_lowercase().contains("x-scope-orgid: team-a\r\n"), "{value}");
    assert!(value.ends_with("\r\n\r\nquery=a%7Bb%3D%22c+d%22%7D"), "{value}");
    assert!(age.ends_with("\r\n\r\nquery=age&time=1787220000.123"), "{age}");
}

#[tokio::test]
async fn errors_are_the_rules_or_only_the_moments() {
    let error = |kind: &str| {
        format!(r#"{{"status":"error","errorType":"{kind}","error":"in so many words"}}"#)
    };
    for (status, kind, expected) in [
        ("400 Bad Request", "bad_data", FailureKind::BadQuestion),
        ("422 Unprocessable Entity", "execution", FailureKind::ServerError),
        ("499 ", "canceled", FailureKind::ServerError),
        ("503 Service Unavailable", "timeout", FailureKind::Timeout),
        ("500 Internal Server Error", "internal", FailureKind::ServerError),
        ("404 Not Found", "not_found", FailureKind::BadQuestion),
        ("406 Not Acceptable", "not_acceptable", FailureKind::BadQuestion),
        ("401 Unauthorized", "", FailureKind::Unauthorized),
        ("200 OK", "bad_data", FailureKind::BadQuestion),
    ] {
        let answer = http(status, "application/json", &error(kind));
        let server = Raw::serve(answer, Then::Close).await;
        let prometheus = endpoint(&server.url);
        let systems = systems(Endpoints { prometheus, ..Endpoints::default() });
        let Finding::Failed(failure) = ask(&systems, instant("up", None)).await else {
            panic!("{status}")
        };
        assert_eq!(failure.kind, expected, "{status}: {}", failure.detail);
        assert!(failure.detail.ends_with("in so many words"), "{}", failure.detail);
    }
}
