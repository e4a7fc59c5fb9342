//! Pages asked for values, and probes: what becomes a value, what does not, and what stays secret.

use super::raw::{Raw, Then, http, json, nobody};
use super::{BUDGET, ask, ask_within, get, now, question, reading, systems};
use reclose::core::evidence::{
    Absence, Ask, Expect, FailureKind, Finding, ProbeResult, Reading, SecretRef, Secretish, Value,
};
use reclose::core::rule::Probing;
use reclose::systems::Endpoints;
use std::collections::BTreeMap;
use std::time::Duration;

fn scrape(url: &str, by: Option<&str>) -> Ask {
    Ask::Scrape {
        url: format!("{url}/metrics"),
        metric: "circuit".to_owned(),
        labels: BTreeMap::from([("name".to_owned(), "pms".to_owned())]),
        by: by.map(str::to_owned),
        over: None,
    }
}

#[tokio::test]
async fn a_page_answers_with_the_value_at_the_pointer() {
    let page = Raw::serve(
        json(r#"{"state":"OPEN","held":false,"n":2.5,"none":null,"list":[1]}"#),
        Then::Close,
    )
    .await;
    let systems = systems(Endpoints::default());
    let at = |pointer| ask(&systems, Ask::Http(get(&page.url, Some(pointer))));
    assert_eq!(reading(at("/state").await).value, Value::Word("OPEN".to_owned()));
    assert_eq!(reading(at("/held").await).value, Value::Word("false".to_owned()));
    assert_eq!(reading(at("/n").await).value, Value::Number(2.5));
    assert_eq!(reading(at("/list/0").await).value, Value::Number(1.0));
    assert_eq!(at("/none").await, Finding::NoData(Absence::Empty));
    assert_eq!(at("/missing").await, Finding::NoData(Absence::Empty));
    assert!(matches!(at("/list").await, Finding::Failed(f) if f.kind == FailureKind::Malformed));
    let status = ask(&systems, Ask::Http(get(&page.url, None))).await;
    assert_eq!(reading(status).value, Value::Number(200.0));
}

#[tokio::test]
async fn secrets_go_to_the_server_and_nowhere_else() {
    let page = Raw::serve(json(r#"{"state":"OPEN"}"#), Then::Close).await;
    let systems = systems(Endpoints::default());
    let token = SecretRef::Env("TOKEN".to_owned());
    let mut asked = get(&page.url, Some("/state"));
    asked.method = "POST".to_owned();
    asked.headers.insert(
        "Authorization".to_owned(),
        Secretish::Secret { prefix: "Bearer ".to_owned(), secret: token.clone() },
    );
    asked.json = Some(serde_json::json!({"auth": {"user": "bot"}}));
    asked.secrets.insert("/auth/key".to_owned(), token);
    reading(ask(&systems, Ask::Http(asked.clone())).await);
    let request = page.requests().remove(0);
    assert!(request.contains("authorization: Bearer s3cret-token\r\n"), "{request}");
    assert!(request.ends_with(r#"{"auth":{"key":"s3cret-token","user":"bot"}}"#), "{request}");

    // Neither in a failure nor in what Debug shows of the systems.
    asked.url = nobody().await;
    let finding = ask(&systems, Ask::Http(asked.clone())).await;
    let shown = format!("{finding:?} {systems:?}");
    assert!(shown.contains("Unreachable") && !shown.contains("s3cret"), "{shown}");

    asked.secrets.insert("/auth/key".to_owned(), SecretRef::Env("NO_SUCH".to_owned()));
    let finding = ask(&systems, Ask::Http(asked)).await;
    let Finding::Failed(failure) = finding else { panic!("{finding:?}") };
    assert_eq!(failure.kind, FailureKind::NotConfigured);
    assert!(failure.detail.contains("env NO_SUCH"), "{}", failure.detail);
    assert_eq!(page.requests().len(), 1, "nothing is sent without its secret");
}

#[tokio::test]
async fn a_cached_answer_is_as_old_as_its_cache_says() {
    let cached = |age: u64| {
        format!("HTTP/1.1 200 OK\r\nage: {age}\r\ncontent-length: 2\r\n\r\n{{}}").into_bytes()
    };
    let systems = systems(Endpoints::default());
    let old = Raw::serve(cached(61), Then::Close).await;
    let stale = ask(&systems, Ask::Http(get(&old.url, None))).await;
    assert_eq!(stale, Finding::NoData(Absence::Stale));
    let young = Raw::serve(cached(30), Then::Close).await;
    let at = reading(ask(&systems, Ask::Http(get(&young.url, None))).await).at;
    assert!(reclose::core::time::since(now(), at) >= Duration::from_secs(30));
}

#[tokio::test]
async fn a_scraped_series_is_the_one_named_or_nothing() {
    let text = "# TYPE circuit gauge\ncircuit{name=\"pms\",event=\"open\"} 1\ncircuit{name=\"pms\",event=\"close\"} 0\ncircuit{name=\"x\"} 7\n";
    let page = Raw::serve(http("200 OK", "text/plain; version=0.0.4", text), Then::Close).await;
    let systems = systems(Endpoints::default());
    let series = BTreeMap::from([("open".to_owned(), 1.0), ("close".to_owned(), 0.0)]);
    let grouped = ask(&systems, scrape(&page.url, Some("event"))).await;
    assert_eq!(reading(grouped).value, Value::Series(series));
    let several = ask(&systems, scrape(&page.url, None)).await;
    assert!(matches!(&several, Finding::Failed(f) if f.detail.contains("name more labels")));
}

#[tokio::test]
async fn a_page_without_length_that_ends_in_the_middle_is_no_page() {
    let systems = systems(Endpoints::default());
    let cut = "HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\n\r\ncircuit{name=\"pms\"} 1";
    let page = Raw::serve(cut, Then::Close).await;
    let finding = ask(&systems, scrape(&page.url, None)).await;
    assert!(matches!(&finding, Finding::Failed(f) if f.detail.contains("in the middle")));
    let whole = Raw::serve(format!("{cut}0\n"), Then::Close).await;
    assert_eq!(reading(ask(&systems, scrape(&whole.url, None)).await).value, Value::Number(10.0));
    let open = cut.replace("text/plain", "application/openmetrics-text");
    let page = Raw::serve(format!("{open}\n"), Then::Close).await;
    assert!(ask(&systems, scrape(&page.url, None)).await.reading().is_none());
    let page = Raw::serve(format!("{open} 1787220000.5\n# EOF\n"), Then::Close).await;
    let finding = ask(&systems, scrape(&page.url, None)).await;
    assert!(
        matches!(finding, Finding::NoData(Absence::Stale) | Finding::Value(_)),
        "a time in seconds, read as such: {finding:?}"
    );
}

#[tokio::test]
async fn a_probe_sees_health_status_and_retry_after() {
    let systems = systems(Endpoints::default());
    let expect = |status, pointer: &str, value| {
        let json = BTreeMap::from([(pointer.to_owned(), value)]);
        Some(Expect { status, json })
    };
    let up = Raw::serve(json(r#"{"status":"up"}"#), Then::Close).await;
    let mut asked = get(&up.url, None);
    asked.expect = expect(200, "/status", serde_json::json!("up"));
    let seen = systems.probe(&Probing::Http(Box::new(asked.clone())), now()).await;
    assert!(seen.healthy && seen.status == Some(200) && seen.failure.is_none(), "{seen:?}");
    asked.expect = expect(200, "/status", serde_json::json!("fine"));
    let seen = systems.probe(&Probing::Http(Box::new(asked.clone())), now()).await;
    assert!(!seen.healthy && seen.detail == r#"/status is "up", expected "fine""#, "{seen:?}");

    let busy = "HTTP/1.1 429 Too Many Requests\r\nretry-after: 30\r\ncontent-length: 0\r\n\r\n";
    let busy = Raw::serve(busy, Then::Close).await;
    asked.url.clone_from(&busy.url);
    let seen = systems.probe(&Probing::Http(Box::new(asked.clone())), now()).await;
    assert_eq!(seen.retry_after, Some(Duration::from_secs(30)));
    assert_eq!((seen.healthy, seen.status, seen.failure), (false, Some(429), None));
    assert_eq!(seen.detail, "answered 429 Too Many Requests, expected 200");

    asked.url = nobody().await;
    let seen = systems.probe(&Probing::Http(Box::new(asked.clone())), now()).await;
    assert_eq!((seen.healthy, seen.failure), (false, Some(FailureKind::Unreachable)));
    assert!(seen.detail.contains("Connection refused"), "{}", seen.detail);

    // A portal that answers 200 with its own page is not the service.
    let portal = Raw::serve(http("200 OK", "text/html", "<html>log in</html>"), Then::Close).await;
    asked.url.clone_from(&portal.url);
    let seen = systems.probe(&Probing::Http(Box::new(asked.clone())), now()).await;
    assert_eq!((seen.healthy, seen.failure), (false, Some(FailureKind::Malformed)));
}

#[tokio::test]
async fn a_stored_probe_speaks_only_while_it_is_fresh() {
    let systems = systems(Endpoints::default());
    let asked = question("u", Ask::Probe { probe: "upstream".to_owned() });
    let (now, healthy) = (now(), true);
    let seen = ProbeResult {
        healthy,
        since: now,
        status: Some(200),
        retry_after: None,
        detail: String::new(),
        failure: None,
    };
    let stored = |age: i64, seen: &ProbeResult| {
        let at = now - jiff::SignedDuration::from_secs(age);
        BTreeMap::from([("upstream".to_owned(), Reading { at, value: Value::Probe(seen.clone()) })])
    };
    let find = async |probes| {
        systems
            .ask_all(std::slice::from_ref(&asked), &probes, now, BUDGET)
            .await
            .remove("u")
            .unwrap()
    };
    assert!(find(stored(59, &seen)).await.reading().is_some());
    assert_eq!(find(stored(61, &seen)).await, Finding::NoData(Absence::Stale));
    assert_eq!(find(BTreeMap::new()).await, Finding::NoData(Absence::Empty));
    let broken = ProbeResult { healthy: false, failure: Some(FailureKind::NotConfigured), ..seen };
    assert!(matches!(find(stored(1, &broken)).await, Finding::Failed(_)));
}

#[tokio::test]
async fn what_hangs_costs_its_own_answer_and_no_more_than_the_budget() {
    let hanging = Raw::serve("", Then::Hang).await;
    let good = Raw::serve(json(r#"{"state":"OPEN"}"#), Then::Close).await;
    let systems = systems(Endpoints::default());
    let questions: Vec<_> = (0..20)
        .map(|n| question(&format!("hang-{n}"), Ask::Http(get(&hanging.url, Some("/state")))))
        .chain([question("good", Ask::Http(get(&good.url, Some("/state"))))])
        .collect();
    let begun = tokio::time::Instant::now();
    let budget = Duration::from_millis(500);
    let found = systems.ask_all(&questions, &BTreeMap::new(), now(), budget).await;
    assert!(begun.elapsed() < Duration::from_secs(2), "{:?}", begun.elapsed());
    assert!(found["good"].reading().is_some());
    for n in 0..20 {
        let Finding::Failed(failure) = &found[&format!("hang-{n}")] else { panic!() };
        assert_eq!(failure.kind, FailureKind::Timeout);
    }
}

#[tokio::test]
async fn a_flood_is_cut_at_its_limit() {
    let systems = systems(Endpoints::default());
    let endless = "HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\n\r\n";
    let page = Raw::serve(endless, Then::Flood).await;
    for asked in [Ask::Http(get(&page.url, Some("/x"))), scrape(&page.url, None)] {
        let finding = ask_within(&systems, asked, BUDGET).await;
        assert!(matches!(&finding, Finding::Failed(f) if f.detail.starts_with("answer over")));
    }
}

#[tokio::test]
async fn addresses_that_hand_out_credentials_are_not_called() {
    let systems = systems(Endpoints::default());
    for url in ["http://169.254.169.254/", "http://2130706433/", "file:///etc/passwd"] {
        let finding = ask(&systems, Ask::Http(get(url, None))).await;
        assert!(matches!(&finding, Finding::Failed(f) if f.kind == FailureKind::BadQuestion));
    }
}

#[tokio::test]
async fn a_page_that_drips_is_not_waited_for() {
    let systems = systems(Endpoints::default());
    let page = Raw::serve("HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\n\r\n", Then::Drip).await;
    let mut asked = get(&page.url, Some("/x"));
    asked.timeout = Duration::from_millis(400);
    let finding = ask(&systems, Ask::Http(asked)).await;
    assert!(matches!(&finding, Finding::Failed(f) if f.kind == FailureKind::Timeout));
}

#[tokio::test]
async fn the_increase_between_two_readings_counts() {
    let metrics = |text: &str| http("200 OK", "text/plain; version=0.0.4", text);
    let page = Raw::serve(metrics("circuit{name=\"pms\"} 5\n"), Then::Close).await;
    let systems = systems(Endpoints::default());
    let twice = || {
        let Ask::Scrape { url, metric, labels, by, .. } = scrape(&page.url, None) else { panic!() };
        Ask::Scrape { url, metric, labels, by, over: Some(Duration::from_secs(1)) }
    };
    // The second answer is set as soon as the first was asked for.
    let change = async |asked_before: usize, text: &str| {
        let then = async {
            while page.requests().len() <= asked_before {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
            page.set(metrics(text), Then::Close);
        };
        tokio::join!(ask(&systems, twice()), then).0
    };
    let rose = change(0, "circuit{name=\"pms\"} 12\n").await;
    assert_eq!(reading(rose).value, Value::Number(7.0));
    let reset = change(2, "circuit{name=\"pms\"} 3\n").await;
    assert_eq!(reset, Finding::NoData(Absence::Partial));
    page.set("", Then::Hang);
    let hangs = ask_within(&systems, twice(), Duration::from_millis(1500)).await;
    assert!(matches!(hangs, Finding::Failed(_)), "{hangs:?}");
}
