//! P8: whatever goes wrong on the way to a system, no adapter makes a value of it, and nothing looks healthy.

use super::raw::{Raw, Then, http, json};
use super::{endpoint, get, now, question, systems};
use reclose::core::action::Outcome;
use reclose::core::evidence::{Ask, ContainerValue, DockerAsk, Expect, Finding, STATE, Value};
use reclose::core::rule::{OneOf, Probing, Wanted};
use reclose::systems::{Endpoints, Engine, Systems};
use std::collections::BTreeMap;
use std::time::Duration;

const BUDGET: Duration = Duration::from_millis(800);

struct Fault {
    name: String,
    answer: Vec<u8>,
    then: Then,
}

fn fault(name: &str, answer: impl Into<Vec<u8>>, then: Then) -> Fault {
    Fault { name: name.to_owned(), answer: answer.into(), then }
}

/// What a network and a server can do to an answer.
fn of_the_wire() -> Vec<Fault> {
    let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n";
    let many = "x: y\r\n".repeat(10_000);
    vec![
        fault("closes without a word", "", Then::Close),
        fault("resets without a word", "", Then::Reset),
        fault("never answers", "", Then::Hang),
        fault("closes in the head", head, Then::Close),
        fault("resets in the head", head, Then::Reset),
        fault("hangs in the head", head, Then::Hang),
        fault("hangs in the body", format!("{head}content-length: 9\r\n\r\n{{"), Then::Hang),
        fault("drips its body", format!("{head}\r\n"), Then::Drip),
        fault("floods", format!("{head}\r\n"), Then::Flood),
        fault("promises 1 GB", format!("{head}content-length: 1073741824\r\n\r\n{{}}"), Then::Hang),
        fault("shorter than promised", format!("{head}content-length: 9\r\n\r\n{{}}"), Then::Close),
        fault(
            "cut chunk",
            format!("{head}transfer-encoding: chunked\r\n\r\n9\r\n{{}}"),
            Then::Close,
        ),
        fault(
            "no last chunk",
            format!("{head}transfer-encoding: chunked\r\n\r\n2\r\n{{}}\r\n"),
            Then::Close,
        ),
        fault(
            "bad chunk size",
            format!("{head}transfer-encoding: chunked\r\n\r\nzz\r\n{{}}\r\n0\r\n\r\n"),
            Then::Close,
        ),
        fault(
            "two lengths",
            format!("{head}content-length: 2\r\ncontent-length: 3\r\n\r\n{{}}x"),
            Then::Close,
        ),
        fault("10,000 headers", format!("{head}{many}content-length: 2\r\n\r\n{{}}"), Then::Close),
        fault("speaks SSH", "SSH-2.0-OpenSSH_9.2\r\n", Then::Close),
        fault("speaks TLS", vec![0x15, 3, 1, 0, 2, 2, 70], Then::Close),
        fault("speaks HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", Then::Close),
        fault("bad status", "HTTP/1.1 abc\r\ncontent-length: 0\r\n\r\n", Then::Close),
        fault("bad version", "HTTP/9.9 200 OK\r\ncontent-length: 0\r\n\r\n", Then::Close),
        fault(
            "gzip unasked",
            format!("{head}content-encoding: gzip\r\ncontent-length: 4\r\n\r\n\x1f\u{8b}\x08"),
            Then::Close,
        ),
    ]
}

/// Every refusal, with a body that would be a good answer if the status did not say otherwise.
fn of_the_status(good: &[String]) -> Vec<Fault> {
    let statuses = [
        301, 302, 303, 304, 307, 308, 400, 401, 403, 404, 405, 407, 408, 410, 422, 425, 429, 499,
        500, 501, 502, 503, 504, 520, 599,
    ];
    let mut faults = Vec::new();
    for status in statuses {
        for body in good {
            let answer = format!(
                "HTTP/1.1 {status} X\r\nlocation: /\r\nconnection: close\r\n\
                 content-length: {}\r\n\r\n{body}",
                body.len()
            );
            faults.push(fault(&format!("{status} {body}"), answer, Then::Close));
        }
    }
    faults.push(fault("204", "HTTP/1.1 204 No Content\r\n\r\n", Then::Close));
    faults
}

/// Bodies that are no answer, with status 200 and the right length.
fn of_the_body() -> Vec<Fault> {
    let deep = "[".repeat(100_000);
    let success = |data: &str| format!(r#"{{"status":"success","data":{data}}}"#);
    let vector = |result: &str| success(&format!(r#"{{"resultType":"vector","result":{result}}}"#));
    let sample = |value: &str| vector(&format!(r#"[{{"metric":{{}},"value":[1,{value}]}}]"#));
    let streams = |value: &str| {
        success(&format!(
            r#"{{"resultType":"streams","result":[{{"stream":{{}},"values":[{value}]}}]}}"#
        ))
    };
    let state = |value: &str| format!(r#"{{"state":{value}}}"#);
    let long = format!("\"{}\"", "x".repeat(10_000));
    let bodies: Vec<String> = [
        "",
        " ",
        "\n",
        "null",
        "true",
        "0",
        "1",
        "NaN",
        "[]",
        "{}",
        "[[]]",
        "\"x\"",
        "{",
        "<html></html>",
        "Service Unavailable",
        "\u{feff}{}",
        "\0\0\0",
        "circuit",
        "circuit{name=\"pms\"} NaN\n",
        "circuit{name=\"pms\"} +Inf\n",
        "circuit{name=\"pms\"} -Inf\n",
        "circuit{name=\"pms\"} one\n",
        "circuit{name=\"pms\"} 1 1000\n",
        "circuit{name=\"pms\"} 1\ncircuit{name=\"pms\"} 2\n",
        "circuit{name=\"pms\" 1\n",
        "circuit{name=\"pms\"} 1\n<html>\n",
        "circuit{name=\"other\"} 1\n",
        r#"{"status":"success"}"#,
        r#"{"status":"error","errorType":"internal","error":"x"}"#,
        r#"{"status":"success","data":null}"#,
        r#"{"status":"success","data":{"resultType":"new","result":[]}}"#,
    ]
    .map(str::to_owned)
    .into_iter()
    .chain([deep])
    .chain(
        ["[]", "{}", "null", r#"[{"metric":{}}]"#, r#"[{"metric":{},"histogram":[1,{}]}]"#]
            .map(vector),
    )
    .chain(
        [r#""NaN""#, r#""+Inf""#, r#""-Inf""#, "\"\"", "\"x\"", "1", "null", r#""1e999""#]
            .map(sample),
    )
    .chain([success(r#"{"resultType":"string","result":[1,"1"]}"#)])
    .chain([success(r#"{"resultType":"matrix","result":[]}"#)])
    .chain([success(r#"{"resultType":"matrix","result":[{"metric":{},"values":[[1,"NaN"]]}]}"#)])
    .chain([success(r#"{"resultType":"matrix","result":[{"metric":{},"values":[[1,"1"]]}]}"#)])
    .chain([success(r#"{"resultType":"streams","result":[]}"#)])
    .chain(
        ["[]", r#"["x","y"]"#, r#"["1"]"#, r#"[1,"y"]"#, r#"["99999999999999999999999","y"]"#]
            .map(streams),
    )
    .chain(["null", "NaN", "1e999", "{}", "[]", &long].map(state))
    .collect();
    let mut faults: Vec<Fault> = bodies
        .iter()
        .map(|body| fault(&body.chars().take(90).collect::<String>(), json(body), Then::Close))
        .collect();
    faults.push(fault(
        "not UTF-8",
        b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\n{\"\xff\"".to_vec(),
        Then::Close,
    ));
    let html = http("200 OK", "text/html", "circuit{name=\"pms\"} 1\n");
    faults.push(fault("metrics as HTML", html, Then::Close));
    faults
}

/// Good answers, each cut at every byte.
fn of_the_cut(good: &[String]) -> Vec<Fault> {
    let mut faults = Vec::new();
    for body in good {
        for end in 0..body.len() {
            if let Some(part) = body.get(..end) {
                faults.push(fault(&format!("cut: {part}"), json(part), Then::Close));
            }
        }
    }
    faults
}

/// Answers that each give some adapter a value (seen below), so that the table cannot pass by asking wrongly.
fn good() -> Vec<String> {
    let at = now().as_second();
    vec![
        format!(
            r#"{{"status":"success","data":{{"resultType":"vector","result":[{{"metric":{{}},"value":[{at},"1"]}}]}}}}"#
        ),
        format!(
            r#"{{"status":"success","data":{{"resultType":"matrix","result":[{{"metric":{{}},"values":[[{at},"1"]]}}]}}}}"#
        ),
        format!(
            r#"{{"status":"success","data":{{"resultType":"streams","result":[{{"stream":{{}},"values":[["{at}000000000","boom"]]}}]}}}}"#
        ),
        r#"{"state":"OPEN","ok":true,"decision":"key-1"}"#.to_owned(),
        super::documents::found(at * 1000, "boom").to_string(),
        format!(r#"{{"circuitBreakerEvents":[{{"creationTime":{at},"errorMessage":"boom"}}]}}"#),
        RUNNING.to_owned(),
        format!("\u{1}\0\0\0\0\0\0\u{19}{}Z boom", "2026-08-20T10:00:00"),
    ]
}

const RUNNING: &str =
    r#"{"RestartCount":0,"State":{"Status":"running","Running":true,"ExitCode":0}}"#;
const METRICS: &str = "circuit{name=\"pms\"} 1\n";

fn adapters(url: &str) -> Vec<(&'static str, Ask)> {
    let name = BTreeMap::from([("name".to_owned(), "pms".to_owned())]);
    let (last, step) = (Duration::from_secs(9), Duration::from_secs(1));
    let query = "x".to_owned();
    let scrape = |by: Option<&str>| Ask::Scrape {
        url: format!("{url}/metrics"),
        metric: "circuit".to_owned(),
        labels: name.clone(),
        by: by.map(str::to_owned),
        over: None,
    };
    let mut expecting = get(url, None);
    let json = BTreeMap::from([("/ok".to_owned(), serde_json::json!(true))]);
    expecting.expect = Some(Expect { status: 200, json });
    vec![
        (STATE, Ask::Prometheus { query: query.clone(), age_query: None }),
        ("dated", Ask::Prometheus { query: query.clone(), age_query: Some(query.clone()) }),
        ("range", Ask::PrometheusRange { query: query.clone(), last, step }),
        ("loki", Ask::Loki { query, last, limit: 10 }),
        ("elasticsearch", super::documents::lines("app", last, 10)),
        ("events", super::documents::events(url)),
        ("scrape", scrape(None)),
        ("scrape by", scrape(Some("name"))),
        ("page", Ask::Http(get(url, Some("/state")))),
        ("expecting", Ask::Http(expecting)),
        (
            "docker",
            Ask::Docker(DockerAsk::Container {
                container: "pms".to_owned(),
                value: ContainerValue::State,
            }),
        ),
        (
            "docker logs",
            Ask::Docker(DockerAsk::Logs { container: "known".to_owned(), last, limit: 10 }),
        ),
    ]
}

fn all_at(url: &str) -> Systems {
    let at = || endpoint(url);
    systems(Endpoints {
        prometheus: at(),
        loki: at(),
        elasticsearch: at(),
        alertmanager: at(),
        docker: Some(engine(url)),
        ..Endpoints::default()
    })
}

fn engine(url: &str) -> Engine {
    let (host, port) = url.trim_start_matches("http://").rsplit_once(':').unwrap();
    Engine::Host { host: host.to_owned(), port: port.parse().unwrap() }
}

/// What must be asked before the question itself is answered well: the fault is for that.
fn before_the_question(server: &Raw) {
    server.fix("/containers/known/json", json(RUNNING));
}

/// The adapters that saw something in an answer.
async fn with_value(server: &Raw, systems: &Systems, fault: &Fault) -> Vec<&'static str> {
    server.set(fault.answer.clone(), fault.then);
    let adapters = adapters(&server.url);
    let questions: Vec<_> =
        adapters.iter().map(|(name, ask)| question(name, ask.clone())).collect();
    let mut seen = Vec::new();
    let labels = Wanted::from([("alertname".to_owned(), OneOf::Value("x".to_owned()))]);
    let mut intent = super::reset::intent(&server.url, Some(get(&server.url, Some("/decision"))));
    intent.key.0 = "key-1".to_owned();
    let Ask::Http(expecting) = &adapters[9].1 else { panic!() };
    let expecting = Probing::Http(Box::new(expecting.clone()));
    let probes = BTreeMap::new();
    let contained = Probing::Docker("pms".to_owned());
    let (found, alerts, looked, probed, runs) = tokio::join!(
        systems.ask_all(&questions, &probes, now(), BUDGET),
        tokio::time::timeout(BUDGET, systems.alerts(&labels)),
        tokio::time::timeout(BUDGET, systems.look(&intent)),
        tokio::time::timeout(BUDGET, systems.probe(&expecting, now())),
        tokio::time::timeout(BUDGET, systems.probe(&contained, now())),
    );
    for (name, _) in adapters {
        match &found[name] {
            Finding::Value(reading) => match &reading.value {
                // An unhealthy upstream is a finding of its own.
                Value::Probe(result) if !result.healthy => {}
                _ => seen.push(name),
            },
            Finding::NoData(_) => {}
            Finding::Failed(failure) => {
                assert!(failure.detail.chars().count() <= 300 && !failure.detail.is_empty());
            }
        }
    }
    if matches!(alerts, Ok(Ok(list)) if !list.is_empty()) {
        seen.push("alerts");
    }
    if matches!(looked, Ok(Outcome::Done)) {
        seen.push("look");
    }
    if matches!(probed, Ok(result) if result.healthy) {
        seen.push("probe");
    }
    if matches!(runs, Ok(result) if result.healthy) {
        seen.push("docker probe");
    }
    seen
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_fault_becomes_a_value() {
    let good = good();
    let mut refusals = good.clone();
    refusals.push(METRICS.to_owned());
    let faults: Vec<Fault> = of_the_wire()
        .into_iter()
        .chain(of_the_status(&refusals))
        .chain(of_the_body())
        .chain(of_the_cut(&good))
        .collect();
    let kinds = of_the_wire().len() + of_the_status(&[String::new()]).len() + of_the_body().len();
    let server = Raw::serve("", Then::Close).await;
    before_the_question(&server);
    let systems = all_at(&server.url);
    let mut wrong = Vec::new();
    for fault in &faults {
        for adapter in with_value(&server, &systems, fault).await {
            wrong.push(format!("{adapter} takes {:?}", fault.name));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    println!("P8: {} kinds of fault, {} answers x 16 adapters, 0 values", kinds, faults.len());
    assert!(kinds >= 30);
}

#[tokio::test]
async fn the_same_adapters_see_the_good_answers() {
    let server = Raw::serve("", Then::Close).await;
    before_the_question(&server);
    let systems = all_at(&server.url);
    let mut seen = Vec::new();
    for body in good().iter().map(String::as_str).chain([METRICS]) {
        seen.extend(with_value(&server, &systems, &fault("good", json(body), Then::Close)).await);
    }
    seen.sort_unstable();
    let expected = [
        "dated",
        "docker",
        "docker logs",
        "docker probe",
        "elasticsearch",
        "events",
        "expecting",
        "loki",
        "look",
        "page",
        "probe",
        "range",
        "scrape",
        "scrape by",
        STATE,
    ];
    assert_eq!(seen, expected);
}
