//! The prober at work, over real HTTP: on time, one run at a time for each probe, nobody held up by a probe that hangs.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::Duration;

use axum::http::StatusCode;
use axum::routing::get;
use reclose::core::evidence::{ProbeResult, Value};
use reclose::core::planted::Bugs;
use reclose::core::rule::{ProbeRule, Probing, RuleSet};
use reclose::engine::active::Active;
use reclose::engine::clock::Clock;
use reclose::engine::probes::{Prober, run};
use reclose::store::Store;
use reclose::systems::secrets::Secrets;
use reclose::systems::{Endpoints, Systems};
use reclose::telemetry::Metrics;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use super::plan::{probe, rule};

/// What the probed service saw, and how it answers.
#[derive(Default)]
struct Service {
    fast: AtomicUsize,
    slow: AtomicUsize,
    ill: AtomicUsize,
}

async fn serve(service: Arc<Service>) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let (fast, slow) = (Arc::clone(&service), service);
    let answer = move || async move {
        fast.fast.fetch_add(1, SeqCst);
        if fast.ill.load(SeqCst) == 0 { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE }
    };
    let hang = move || async move {
        slow.slow.fetch_add(1, SeqCst);
        sleep(Duration::from_secs(60)).await;
    };
    let app = axum::Router::new().route("/fast", get(answer)).route("/slow", get(hang));
    tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
    url
}

fn rules(url: &str) -> RuleSet {
    let named = |name: &str, timeout: u64| {
        let mut rule: ProbeRule = probe(1).rule;
        rule.name = name.to_owned();
        let Probing::Http(http) = &mut rule.how else { panic!() };
        http.url = format!("{url}/{name}");
        http.timeout = Duration::from_secs(timeout);
        rule
    };
    let mut rules = rule(false, false);
    rules.rules.get_mut("a").unwrap().probes = vec![named("slow", 3), named("fast", 1)];
    rules
}

async fn last(store: &Store, name: &str) -> Option<ProbeResult> {
    let rows = store.probes().await.unwrap();
    let reading = rows.into_iter().find(|row| row.probe == name)?.last?;
    let Value::Probe(result) = reading.value else { panic!("{reading:?}") };
    Some(result)
}

async fn until(what: &str, mut found: impl AsyncFnMut() -> bool) {
    let end = Instant::now() + Duration::from_secs(20);
    while !found().await {
        assert!(Instant::now() < end, "within 20 s: {what}");
        sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn probes_run_on_time_and_a_hanging_one_holds_up_nobody() {
    let service = Arc::new(Service::default());
    let url = serve(Arc::clone(&service)).await;
    let store = Store::memory("epoch", Bugs::default());
    let metrics = Arc::new(Metrics::new("test"));
    let prober = Prober {
        store: store.clone(),
        systems: Arc::new(Systems::new(Endpoints::default(), Secrets::new(|_| None)).unwrap()),
        rules: Active::new(Arc::new(rules(&url))),
        clock: Clock::start(None),
        metrics: Arc::clone(&metrics),
    };
    let stop = CancellationToken::new();
    let task = tokio::spawn(run(prober, stop.clone()));

    until("the first result", async || last(&store, "fast").await.is_some()).await;
    let start = Instant::now();
    let (fast, slow) = (service.fast.load(SeqCst), service.slow.load(SeqCst));
    until("five more", async || service.fast.load(SeqCst) >= fast + 5).await;
    let took = start.elapsed();
    assert!((4_000..7_500).contains(&took.as_millis()), "five runs, one a second, took {took:?}");
    // In that time a run of the hanging probe lasts 3 s: with several at once it would have been asked each second.
    let more = service.slow.load(SeqCst) - slow;
    assert!(more <= 3, "the hanging probe was asked {more} times in {took:?}");

    let healthy = last(&store, "fast").await.unwrap();
    assert!(healthy.healthy);
    service.ill.store(1, SeqCst);
    until("it is ill", async || !last(&store, "fast").await.unwrap().healthy).await;
    let ill = last(&store, "fast").await.unwrap();
    assert!(ill.since > healthy.since);
    let runs = service.fast.load(SeqCst);
    until("it was asked again", async || service.fast.load(SeqCst) >= runs + 2).await;
    assert_eq!(
        last(&store, "fast").await.unwrap().since,
        ill.since,
        "it is ill since the first run in a row"
    );
    assert!(!last(&store, "slow").await.unwrap().healthy);
    let age = metrics.heartbeat_age(reclose::engine::clock::since_boot()).unwrap();
    assert!(age < Duration::from_secs(3), "{age:?}");

    stop.cancel();
    task.await.unwrap();
    let runs = service.fast.load(SeqCst);
    sleep(Duration::from_millis(1_500)).await;
    assert_eq!(service.fast.load(SeqCst), runs, "nothing runs after the end");
}
