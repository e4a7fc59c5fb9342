//! Proves that the short rules of docs/quickstart.md work: the real program, a real Prometheus, and pages as the libraries print them.

use axum::Router;
use axum::routing::get;
use reclose::core::rule::BreakerState;
use serde_json::Value;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::served::{Place, payload, until};
use crate::servers::Prometheus;

/// More than this nobody writes in ten minutes.
const LINES_MOST: usize = 15;

/// The files that the page tells people to write in `libraries/`.
fn files() -> Vec<(String, String)> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/quickstart.md");
    let text = std::fs::read_to_string(path).unwrap();
    let files = text.split("cat >libraries/").skip(1).map(|rest| {
        let (name, body) = rest.split_once(" <<'YAML'\n").unwrap();
        (name.to_owned(), body.split("YAML\n").next().unwrap().to_owned())
    });
    files.collect()
}

/// A rule, the labels of its alert, and what is printed while the breaker is closed and open.
type Printed = (&'static str, &'static [(&'static str, &'static str)], [&'static str; 2]);

const BREAKERS: [Printed; 3] = [
    (
        "orders-stock",
        &[("alertname", "Resilience4jBreakerOpen"), ("application", "orders"), ("name", "stock")],
        [
            "resilience4j_circuitbreaker_state{application=\"orders\",name=\"stock\",state=\"closed\",} 1.0\n\
             resilience4j_circuitbreaker_state{application=\"orders\",name=\"stock\",state=\"open\",} 0.0\n",
            "resilience4j_circuitbreaker_state{application=\"orders\",name=\"stock\",state=\"closed\",} 0.0\n\
             resilience4j_circuitbreaker_state{application=\"orders\",name=\"stock\",state=\"open\",} 1.0\n",
        ],
    ),
    (
        "feed-odds",
        &[("alertname", "OpossumBreakerOpen"), ("job", "feed"), ("name", "odds")],
        [
            "circuit{name=\"odds\",event=\"fire\"} 9\ncircuit{name=\"odds\",event=\"open\"} 1\ncircuit{name=\"odds\",event=\"close\"} 1\n",
            "circuit{name=\"odds\",event=\"fire\"} 9\ncircuit{name=\"odds\",event=\"open\"} 1\n",
        ],
    ),
    (
        "search",
        &[("alertname", "EnvoyBreakerOpen"), ("envoy_cluster_name", "search")],
        [
            "envoy_cluster_circuit_breakers_default_rq_open{envoy_cluster_name=\"search\"} 0\n",
            "envoy_cluster_circuit_breakers_default_rq_open{envoy_cluster_name=\"search\"} 1\n",
        ],
    ),
];

#[tokio::test(flavor = "multi_thread")]
async fn the_short_rules_of_the_quickstart_see_what_they_should() {
    let open = Arc::new(AtomicBool::new(true));
    let page = {
        let open = Arc::clone(&open);
        move || async move {
            let which = usize::from(open.load(Ordering::SeqCst));
            BREAKERS.map(|(_, _, printed)| printed[which]).concat()
        }
    };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let router = Router::new().route("/metrics", get(page));
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    let config = format!(
        "global: {{ scrape_interval: 1s }}\nscrape_configs: [ {{ job_name: feed, static_configs: [ {{ targets: [\"{address}\"] }} ] }} ]\n"
    );
    let prometheus = Prometheus::start(&config, &[]).await;

    let files = files();
    for (name, text) in files.iter().filter(|(name, _)| name != "targets.yaml") {
        assert!(text.lines().count() <= LINES_MOST, "{name} has {} lines", text.lines().count());
    }
    let files: Vec<(&str, &str)> =
        files.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
    assert_eq!(files.len(), BREAKERS.len() + 1);
    let place =
        Place::new(&format!("settle: 1s\nprometheus: {{ url: \"{}\" }}\n", prometheus.url), &files);
    let _reclose = place.start(&[]).await;
    for (_, labels, _) in BREAKERS {
        assert!(place.post(&payload(labels, "firing")).await);
    }
    all_are(&place, BreakerState::Open).await;
    open.store(false, Ordering::SeqCst);
    for (_, labels, _) in BREAKERS {
        assert!(place.post(&payload(labels, "resolved")).await);
    }
    all_are(&place, BreakerState::Closed).await;
}

async fn all_are(place: &Place, state: BreakerState) {
    let seen = || {
        let listing = place.incidents();
        let all: Vec<Value> =
            listing.iter().flat_map(|one| one["incidents"].as_array().unwrap().clone()).collect();
        BREAKERS.iter().all(|(rule, ..)| {
            all.iter().any(|one| one["rule"] == *rule && one["state"] == state.name())
        })
    };
    assert!(until(seen).await, "{:#?}\n{}", place.incidents(), place.log());
}
