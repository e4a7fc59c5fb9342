//! The questions for Prometheus, put to a real `VictoriaMetrics`.

use super::raw::{Raw, Then, http, json};
use super::{ask, endpoint, now, question, reading, systems};
use crate::servers::VictoriaMetrics;
use reclose::core::evidence::{Absence, Ask, FailureKind, Finding, STATE, Value};
use reclose::core::time::since;
use reclose::systems::{Endpoint, Endpoints, Systems};
use std::collections::BTreeMap;
use std::time::Duration;

const PAGE: &str = "circuit{name=\"pms\"} 1\n\
    requests_total{status=\"200\"} 7\nrequests_total{status=\"503\"} 5\nweird NaN\n";
const AGE: &str = "time() - min(timestamp(circuit))";

fn instant(query: &str, age: Option<&str>) -> Ask {
    Ask::Prometheus { query: query.to_owned(), age_query: age.map(str::to_owned) }
}

async fn until(systems: &Systems, query: &str, wanted: &Finding) -> Finding {
    let mut last = None;
    for _ in 0..1500 {
        let finding = ask(systems, instant(query, None)).await;
        let value = |finding: &Finding| finding.reading().map(|reading| reading.value.clone());
        if finding == *wanted || value(&finding).is_some() && value(&finding) == value(wanted) {
            return finding;
        }
        last = Some(finding);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("{query} never became {wanted:?}: {last:?}");
}

#[tokio::test]
async fn a_real_victoria_metrics_answers_like_prometheus() {
    let exporter = Raw::serve(http("200 OK", "text/plain; version=0.0.4", PAGE), Then::Close).await;
    let target = exporter.url.trim_start_matches("http://");
    let config = format!(
        "global: {{scrape_interval: 1s, scrape_timeout: 1s}}\n\
         scrape_configs: [{{job_name: x, static_configs: [{{targets: ['{target}']}}]}}]\n"
    );
    let server = VictoriaMetrics::start(&config).await;
    let systems = systems(Endpoints { prometheus: endpoint(&server.url), ..Endpoints::default() });
    let one =
        Finding::Value(reclose::core::evidence::Reading { at: now(), value: Value::Number(1.0) });
    until(&systems, "min(circuit)", &one).await;

    let value = async |query: &str| reading(ask(&systems, instant(query, None)).await).value;
    let both = BTreeMap::from([("200".to_owned(), 7.0), ("503".to_owned(), 5.0)]);
    assert_eq!(value("sum by (status) (requests_total)").await, Value::Series(both));
    let empty = ask(&systems, instant("no_such_series", None)).await;
    assert_eq!(empty, Finding::NoData(Absence::Empty));
    // It keeps no NaN and leaves out series of it: no data too, by another name.
    for query in ["weird", "1/0 * circuit", "0/0 * circuit"] {
        let finding = ask(&systems, instant(query, None)).await;
        assert!(matches!(finding, Finding::NoData(_)), "{query}: {finding:?}");
    }
    let Finding::Failed(failure) = ask(&systems, instant("circuit{", None)).await else { panic!() };
    assert_eq!(failure.kind, FailureKind::BadQuestion, "{}", failure.detail);

    // Its age is that of the sample.
    let dated = reading(ask(&systems, instant("circuit", Some(AGE))).await);
    assert_eq!(dated.value, Value::Number(1.0));
    assert!(since(now(), dated.at) < Duration::from_secs(10), "{}", dated.at);

    let (last, step) = (Duration::from_secs(3), Duration::from_secs(1));
    let range = Ask::PrometheusRange { query: "circuit".to_owned(), last, step };
    let Value::Trend(points) = reading(ask(&systems, range).await).value else { panic!() };
    assert!(!points.is_empty() && points.is_sorted(), "{points:?}");
    let none = Ask::PrometheusRange { query: "no_such_series".to_owned(), last, step };
    assert_eq!(ask(&systems, none).await, Finding::NoData(Absence::Empty));

    // The exporter stops: the series end, and are never shown as they were.
    drop(exporter);
    until(&systems, "circuit", &Finding::NoData(Absence::Empty)).await;
    let state = question(STATE, instant("circuit", Some(AGE)));
    let found = systems.ask_all(&[state], &BTreeMap::new(), now(), super::BUDGET).await;
    assert_eq!(found[STATE], Finding::NoData(Absence::Empty));
}

#[tokio::test]
async fn the_tenant_goes_with_every_question() {
    let good = r#"{"status":"success","data":{"resultType":"vector","result":[]}}"#;
    let server = Raw::serve(json(good), Then::Close).await;
    let tenant = Some("team-a".to_owned());
    let endpoint =
        Endpoint { url: format!("{}/select/0/prometheus", server.url), auth: None, tenant };
    let systems = systems(Endpoints { prometheus: Some(endpoint), ..Endpoints::default() });
    assert_eq!(ask(&systems, instant("x", None)).await, Finding::NoData(Absence::Empty));
    let asked = server.requests().join("\n").to_ascii_lowercase();
    assert!(asked.contains("/select/0/prometheus/api/v1/query"), "{asked}");
    assert!(asked.contains("x-scope-orgid: team-a"), "{asked}");
}
