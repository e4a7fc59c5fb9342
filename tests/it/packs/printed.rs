//! Proves that what each library prints is read as the state that it is in: by the real loader, scraped and asked for by a real Prometheus.
//!
//! The pages tell ten minutes in a few seconds: each scrape is given the next quarter of a minute, with its time on every line.

use axum::Router;
use axum::extract::{Path, State};
use axum::routing::get;
use reclose::core::rule::BreakerState;
use reclose::systems::Endpoints;
use std::fmt::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::golden::{self, Case};
use super::states;
use crate::evidence::{endpoint, now, systems};
use crate::servers::Prometheus;

const TOLD: u64 = 600;
const STEP: u64 = 15;
const INSTANCES: [&str; 2] = ["a", "b"];

struct Pages {
    cases: Vec<Case>,
    /// Milliseconds since 1970 at which the told time begins.
    begin: u64,
    /// Scrapes of each instance so far.
    scrapes: [AtomicU64; 2],
}

impl Pages {
    /// What an instance printed `at` so many seconds, each sample with its time.
    fn at(&self, instance: &str, at: u64) -> String {
        let mut page = String::new();
        for case in &self.cases {
            let mut phases = case.phases.iter().filter(|phase| phase.instance == instance);
            let Some(phase) = phases.rfind(|phase| phase.from.as_secs() <= at) else { continue };
            for line in phase.text.lines().filter(|_| case.pack != "spring-actuator") {
                writeln!(page, "{line} {}", self.begin + at * 1_000).unwrap();
            }
        }
        page
    }

    fn told(&self) -> bool {
        self.scrapes.iter().all(|count| count.load(Ordering::SeqCst) > TOLD / STEP + 2)
    }
}

async fn metrics(State(pages): State<Arc<Pages>>, Path(instance): Path<String>) -> String {
    let index = INSTANCES.iter().position(|known| *known == instance).unwrap();
    let at = pages.scrapes[index].fetch_add(1, Ordering::SeqCst) * STEP;
    // When all is told the page is empty: samples with times of their own stay until they are too old.
    if at > TOLD { String::new() } else { pages.at(&instance, at) }
}

async fn actuator(
    State(pages): State<Arc<Pages>>,
    Path(name): Path<String>,
) -> axum::response::Response {
    use axum::response::IntoResponse as _;
    let case = pages.cases.iter().find(|case| case.name == name).unwrap();
    (
        [("content-type", "application/vnd.spring-boot.actuator.v3+json")],
        case.phases[0].text.clone(),
    )
        .into_response()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_libraries_print_is_read_as_it_is_meant() {
    let cases = golden::cases();
    let begin = u64::try_from(now().as_millisecond()).unwrap() - TOLD * 1_000;
    let pages = Arc::new(Pages { cases: cases.clone(), begin, scrapes: Default::default() });
    let router = Router::new()
        .route("/metrics/{instance}", get(metrics))
        .route("/{name}/actuator/circuitbreakers", get(actuator))
        .with_state(Arc::clone(&pages));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    let config = format!(
        "global: {{ scrape_interval: 100ms, scrape_timeout: 100ms }}\nscrape_configs:\n  - job_name: libraries\n    static_configs:\n{}",
        INSTANCES
            .map(|instance| format!(
                "      - {{ targets: [\"{address}\"], labels: {{ instance: {instance}, __metrics_path__: /metrics/{instance} }} }}\n"
            ))
            .concat()
    );
    let prometheus = Prometheus::start(&config, &[]).await;
    for _ in 0..600 {
        if pages.told() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert!(pages.told(), "{}", prometheus.log());

    let rules = golden::load(&cases, &format!("http://{address}"));
    let asks = systems(Endpoints { prometheus: endpoint(&prometheus.url), ..Endpoints::default() });
    let read = states(&asks, &rules, cases.iter().map(|case| case.name.clone())).await;
    let wrong: Vec<String> = cases
        .iter()
        .filter(|case| read[&case.name] != case.expected)
        .map(|case| {
            let (expected, read) = (case.expected.name(), read[&case.name].name());
            format!("{}: {expected}, but read as {read}", case.name)
        })
        .collect();
    assert!(wrong.is_empty(), "{}\n{}", wrong.join("\n"), prometheus.log());
    let known = read.values().filter(|state| **state != BreakerState::Unknown).count();
    println!(
        "{} cases of {} packs, {known} with a known state",
        cases.len(),
        super::shipped().len()
    );
}
