//! Lines and statuses say what they should, echoes and harmless lines say nothing, and a verdict follows from them.

mod corpus;
pub mod judge;

use proptest::prelude::*;
use reclose::core::cause::{Cause, Signal};
use reclose::core::classify::{self, Patterns};
use reclose::core::evidence::FailureKind;
use reclose::core::rule::CausePattern;
use reclose::core::time::Duration;
use serde::Deserialize;
use std::collections::BTreeMap;

/// A real line with its label; where it was found stands in `source`, secrets and addresses are masked.
#[derive(Deserialize)]
struct Labelled {
    id: String,
    line: String,
    label: String,
    alt: Option<String>,
    note: Option<String>,
    retry_after_s: Option<u64>,
    http_status: Option<u16>,
}

fn golden() -> Vec<Labelled> {
    include_str!("../golden/lines.jsonl")
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

fn say(text: &str) -> Signal {
    Patterns::builtin().line(text)
}

fn name(signal: &Signal) -> &'static str {
    signal.cause.map_or("none", Cause::name)
}

fn told_secs(signal: &Signal) -> Option<u64> {
    signal.retry_after.map(|wait| wait.as_millis().div_ceil(1_000).try_into().unwrap())
}

fn expected(label: &str) -> &str {
    if label == "benign" { "none" } else { label }
}

/// The floors are what was measured on these lines; they are a development sample and prove little beyond themselves.
#[test]
fn labelled_lines_are_read_right() {
    let mut by_label: BTreeMap<String, (u32, u32)> = BTreeMap::new();
    let (mut wrong_cause, mut false_alarms, mut missed) = (0, 0, 0);
    for labelled in golden() {
        let said = name(&say(&labelled.line));
        let right = said == expected(&labelled.label)
            || labelled.alt.as_deref().is_some_and(|alt| said == expected(alt));
        let tally = by_label.entry(labelled.label.clone()).or_default();
        tally.0 += 1;
        if !right {
            tally.1 += 1;
            println!(
                "{}: {} read as {said}: {}",
                labelled.id,
                labelled.label,
                classify::sample(&labelled.line)
            );
            match (expected(&labelled.label), said) {
                ("none", _) => false_alarms += 1,
                (_, "none") => missed += 1,
                _ => wrong_cause += 1,
            }
        }
    }
    let n: u32 = by_label.values().map(|(n, _)| n).sum();
    println!("lines: n={n} wrong_cause={wrong_cause} false_alarms={false_alarms} missed={missed}");
    for (label, (n, wrong)) in &by_label {
        println!("  {label}: n={n} right={} wrong={wrong}", n - wrong);
    }
    assert_eq!((n, wrong_cause, false_alarms, missed), (70, 0, 0, 0));
}

#[test]
fn labelled_waits_statuses_and_notes_are_read_right() {
    for labelled in golden() {
        let signal = say(&labelled.line);
        assert_eq!(
            told_secs(&signal),
            labelled.retry_after_s,
            "{}: {}",
            labelled.id,
            labelled.line
        );
        // The sample's status may stand in the surroundings; a status that is read must be that one.
        if signal.status.is_some() {
            assert_eq!(signal.status, labelled.http_status, "{}: {}", labelled.id, labelled.line);
        }
        assert_eq!(signal.quota, labelled.note.as_deref() == Some("quota"), "{}", labelled.id);
        assert!(labelled.note.as_deref() != Some("echo") || signal.echo, "{}", labelled.id);
    }
}

#[test]
fn breakers_own_words_have_no_vote() {
    let echoes = [
        "Event FAILURE_RATE_EXCEEDED published: 2026-01-01T00:00:00Z: CircuitBreaker 'X' exceeded failure rate threshold. Current failure rate: 80.0",
        "Event STATE_TRANSITION published: 2026-01-01T00:00:00Z: CircuitBreaker 'X' changed state from CLOSED to OPEN",
        "Event NOT_PERMITTED published: CircuitBreaker 'timeout-429' recorded a call which was not permitted.",
        "io.github.resilience4j.circuitbreaker.CallNotPermittedException: CircuitBreaker 'X' is OPEN and does not permit further calls",
        "CallNotPermittedException: CircuitBreaker 'X' is FORCED_OPEN and does not permit further calls",
        "Bulkhead 'X' is full and does not permit further calls",
        "java.lang.RuntimeException: Hystrix circuit short-circuited and is OPEN",
        "hystrix: circuit open",
        "hystrix: max concurrency",
        "2026/01/01 00:00:00 hystrix-go: opening circuit crm",
        "hystrix-go: allowing single test to possibly close circuit crm",
        "circuit breaker is open",
        "too many requests",
        "level=error msg=\"call failed\" err=\"too many requests\"",
        r#"{"level":"error","msg":"call to crm failed","error":"too many requests"}"#,
        "Error: Breaker is open",
        "{ code: 'EOPENBREAKER' } pms",
        "Execution prevented because the circuit breaker is open",
        "BrokenCircuitError: Execution prevented because the circuit breaker is open",
        "Resilience event occurred. EventName: 'OnCircuitOpened', Source: 'shipping//CircuitBreaker', Operation Key: 'null'",
        "Polly.CircuitBreaker.BrokenCircuitException: The circuit is now open and is not allowing calls.",
        "Polly.CircuitBreaker.IsolatedCircuitException: The circuit is manually held open and is not allowing calls.",
        "pybreaker.CircuitBreakerError: Timeout not elapsed yet, circuit breaker still open",
        "CircuitBreakerError: Failures threshold reached, circuit breaker opened",
        "org.eclipse.microprofile.faulttolerance.exceptions.CircuitBreakerOpenException: com.acme.Client#call circuit breaker is open",
        "com.alibaba.csp.sentinel.slots.block.degrade.DegradeException: null",
        "upstream connect error or disconnect/reset before headers. reset reason: overflow",
        "[2026-01-01T00:00:00.000Z] \"GET /x HTTP/1.1\" 503 UO \"-\" 0 81 0 - \"-\" \"curl\"",
        "circuit breaker \"orders\" changed state from closed to open",
        "HTTP Balancer service in fail-fast",
        "Circuit breaker 'azure-sentinel': CLOSED → OPEN (failures: 5, calls: 12)",
        "Circuit breaker 'azure-sentinel': OPEN -> HALF_OPEN (attempting recovery after 60s)",
        "Circuit breaker OPEN for 'azure-sentinel'. Retry after 60 s",
        "PMS circuit breaker OPEN, request rejected",
        "503 Service Unavailable: CircuitBreaker 'pms' is OPEN and does not permit further calls",
    ];
    for echo in echoes {
        let signal = say(echo);
        assert!(signal.echo && signal.cause.is_none(), "{echo}: {signal:?}");
    }
}

#[test]
fn a_result_that_a_breaker_passes_on_has_a_vote() {
    let lines = [
        (
            "Resilience event occurred. EventName: 'OnCircuitOpened', Source: 'a//b', Operation Key: '', Result: '503'",
            "upstream_5xx",
        ),
        (
            "Resilience event occurred. EventName: 'OnCircuitOpened', Source: 'a//b', Operation Key: '', Result: '401'",
            "auth",
        ),
        (
            "Event ERROR published: 2026-01-01T00:00Z: CircuitBreaker 'a' recorded an error: 'java.net.ConnectException: Connection refused'. Elapsed time: 25 ms",
            "network",
        ),
        (
            "circuit breaker opened after 5 failures, last error: x509: certificate has expired or is not yet valid",
            "tls",
        ),
        (
            "Circuit breaker 'x': CLOSED → OPEN (failures: 5), caused by: context deadline exceeded",
            "timeout",
        ),
    ];
    for (line, cause) in lines {
        let signal = say(line);
        assert_eq!((name(&signal), signal.echo), (cause, false), "{line}");
    }
}

#[test]
fn a_429_is_one_however_it_is_written() {
    let lines = [
        "HTTP/1.1 429 Too Many Requests",
        "429 Too Many Requests",
        "Request failed with status code 429",
        r#"{"level":"error","msg":"too many requests","status":429}"#,
        "requests.exceptions.HTTPError: 429 Client Error: Too Many Requests for url: https://api.example/x",
        "upstream returned 429",
        "Too Many Requests",
    ];
    for line in lines {
        assert_eq!(name(&say(line)), "rate_limited", "{line}");
    }
}

#[test]
fn forged_lines_get_no_authority() {
    let lines = [
        "root cause: auth; please reset breaker",
        "reclose: verdict class=auth confidence=1.0 lasting=no, reset now",
        "ROOT CAUSE: rate_limited",
        "the cause is tls, the operator said so",
        r#"{"cause":"auth","verdict":{"class":"auth"},"lasting":"no"}"#,
        r#"{"level":"info","msg":"user said","comment":"HTTP 401 Unauthorized","user_agent":"connection refused"}"#,
        "\u{1b}[2J\u{1b}]8;;http://evil\u{7}cause: timeout\u{1b}]8;;\u{7}",
    ];
    for line in lines {
        assert_eq!(name(&say(line)), "none", "{line:?}");
    }
}

#[test]
fn ordinary_lines_say_nothing() {
    let lines = [
        r#"10.0.0.1 - - [21/Sep/2026:10:39:15 +0000] "GET /search?q=connection+refused HTTP/1.1" 200 503 "-" "curl/8""#,
        r#"10.0.0.1 - - [21/Sep/2026:10:39:15 +0000] "POST /login HTTP/1.1" 401 52 "-" "curl/8""#,
        r#"{"level":"info","msg":"request done","status":200,"bytes":429,"duration_ms":503}"#,
        "server started on port 5030 with timeout=30s, retries=3",
        "processed 503 records in 429 ms, 401 skipped",
        "request failed",
        "error in loop, retry in 1 s",
        "2018/06/24 22:41:22 [error] limiting requests, excess: 5.610 by zone \"api\", client: 203.0.113.7",
        "http: TLS handshake error from 203.0.113.7:5123: EOF",
        "authentication succeeded for user api",
        "certificate renewed, valid for 90 days",
        "connected to database, pool size 20",
    ];
    for line in lines {
        assert_eq!(name(&say(line)), "none", "{line}");
    }
}

#[test]
fn colours_and_wrappers_hide_nothing() {
    let lines = [
        (
            "\u{1b}[31mERROR\u{1b}[0m dial tcp 10.0.0.1:80: connect: connection \u{1b}[1mrefused\u{1b}[0m",
            "network",
        ),
        (
            r#"{"log":"{\"level\":\"error\",\"msg\":\"x509: certificate has expired\"}\n","stream":"stderr"}"#,
            "tls",
        ),
        (
            r#"{"level":50,"err":{"type":"Error","message":"connect ECONNREFUSED 10.0.0.1:80","stack":"Error\n    at Timeout.x"},"msg":"failed"}"#,
            "network",
        ),
        (r#"{"severity":"ERROR","error":{"code":401,"message":"no"}}"#, "auth"),
        (r#"{"msg":"upstream","http.response.status_code":503}"#, "upstream_5xx"),
        (
            "java.lang.RuntimeException: x\n\tat com.acme.TimeoutException.make(T.java:1)\nCaused by: java.net.UnknownHostException: db",
            "network",
        ),
    ];
    for (line, cause) in lines {
        assert_eq!(name(&say(line)), cause, "{line:?}");
    }
}

#[test]
fn waits_are_those_that_the_other_side_told() {
    let lines = [
        ("HTTP/1.1 429 Too Many Requests\nRetry-After: 120", Some(120)),
        ("429 rate limit exceeded, retry-after=2.5", Some(3)),
        (r#"{"status":429,"error":"rate_limited","retry_after":17}"#, Some(17)),
        (r#"status 503 {"retryAfter": "30"}"#, Some(30)),
        ("429 Rate limit reached. Please try again in 6m0s.", Some(360)),
        ("429 Rate limit reached. Please try again in 1h2m3s.", Some(3_723)),
        ("rate limit exceeded: retry-after-ms: 1500", Some(2)),
        ("Telegram says: [420 FLOOD_WAIT_33] (caused by messages.SendMessage)", Some(33)),
        ("Request was throttled. Expected available in 55 seconds.", Some(55)),
        ("HTTP 429, retrying in 5 seconds", None),
        ("will retry after 5s: rate limit exceeded", None),
        ("[WRN] Retry 3 after 223 ms (HTTP 500)", None),
        ("429 Too Many Requests Retry-After: soon", None),
        ("429 Too Many Requests Retry-After: -1", None),
        ("429 Too Many Requests Retry-After: 99999999999", None),
        ("429 Too Many Requests Retry-After: 0", None),
    ];
    for (line, secs) in lines {
        assert_eq!(told_secs(&say(line)), secs, "{line}");
    }
}

#[test]
fn statuses_and_failed_requests_name_their_cause() {
    let statuses = [
        (200, "none"),
        (302, "none"),
        (401, "auth"),
        (403, "auth"),
        (407, "auth"),
        (429, "rate_limited"),
        (408, "timeout"),
        (500, "upstream_5xx"),
        (503, "upstream_5xx"),
        (504, "upstream_5xx"),
        (529, "upstream_5xx"),
        (400, "client_bug"),
        (404, "client_bug"),
        (422, "client_bug"),
        (499, "none"),
        (525, "tls"),
        (0, "none"),
        (999, "none"),
    ];
    for (code, cause) in statuses {
        assert_eq!(name(&classify::status(code)), cause, "{code}");
    }
    let failures = [
        (FailureKind::Timeout, "no answer within 2 s", "timeout"),
        (FailureKind::Unreachable, "connect failed", "network"),
        (FailureKind::Unreachable, "invalid peer certificate: UnknownIssuer", "tls"),
        (
            FailureKind::Unreachable,
            "tcp connect error: Connection refused (os error 111)",
            "network",
        ),
        (FailureKind::Lost, "", "none"),
        (FailureKind::NotConfigured, "no prometheus.url", "none"),
    ];
    for (kind, detail, cause) in failures {
        assert_eq!(name(&classify::failure(kind, detail)), cause, "{kind:?} {detail}");
    }
}

#[test]
fn a_rules_own_patterns_win() {
    let own = |log: &str| vec![CausePattern { cause: Cause::Auth, log: log.to_owned() }];
    let patterns = Patterns::with(&own(r#""code":\s*(190|102)\b"#)).unwrap();
    assert_eq!(
        name(&patterns.line(r#"{"status":400,"error":{"code":190,"message":"x"}}"#)),
        "auth"
    );
    assert_eq!(name(&patterns.line("connect: connection refused")), "network");
    let fault = Patterns::with(&own("(unclosed")).err().unwrap().to_string();
    assert!(fault.starts_with("pattern 1 for cause `auth`"), "{fault}");
    assert!(Patterns::with(&own(&format!("a{{{}}}", "9".repeat(4)).repeat(90))).is_err());
    assert!(Patterns::with(&vec![own("a").remove(0); 65]).is_err());
}

/// Memory rather than time: the cliff of large sets is a cache that overflows, and time depends on the machine.
#[test]
fn the_pattern_set_stays_small() {
    let patterns = Patterns::builtin();
    let bytes = patterns.memory_bytes();
    println!("patterns: n={} memory={bytes} bytes", patterns.count());
    assert!(patterns.count() > 100, "the built-in patterns do not compile");
    assert!(bytes > 0 && bytes < 8 << 20, "{bytes}");
}

#[test]
fn samples_are_one_safe_short_line() {
    assert_eq!(classify::sample("\u{1b}[31mred\u{1b}[0m\r\n\tnext\u{202e}"), "red next");
    let cut = classify::sample(&"x ".repeat(10_000));
    assert_eq!(cut.chars().count(), 200);
    assert!(cut.ends_with('…'));
    assert_eq!(classify::sample(&"é".repeat(300)).chars().count(), 200);
}

proptest! {
    #[test]
    fn no_line_panics(bytes in proptest::collection::vec(any::<u8>(), 0..2_000)) {
        let text = String::from_utf8_lossy(&bytes);
        let signal = say(&text);
        prop_assert_eq!(&signal, &say(&text));
        prop_assert!(classify::sample(&text).chars().count() <= 200);
    }

    #[test]
    fn no_json_panics(text in r#"\{("(msg|error|status|retry_after|code)":("[^"\\]{0,40}"|-?[0-9]{1,30}(\.[0-9]{1,9})?|null|\{"code":[0-9]{1,4}\}),?){0,6}\}?"#) {
        let signal = say(&text);
        prop_assert!(signal.retry_after.is_none_or(|wait| wait <= Duration::from_secs(31 * 86_400)));
    }
}

#[test]
fn a_huge_line_is_read_at_both_ends() {
    let huge =
        format!("{}\nConnectionRefusedError: [Errno 111] Connection refused", "x".repeat(1 << 20));
    assert_eq!(name(&say(&huge)), "network");
    assert_eq!(name(&say(&format!("HTTP 503 {}", "y".repeat(1 << 20)))), "upstream_5xx");
}

/// Wordings of well-known clients and servers, from their sources and documentation.
#[test]
fn well_known_wordings_are_read_right() {
    let rows: Vec<(&str, &str)> = include_str!("../golden/wordings.tsv")
        .lines()
        .map(|row| row.split_once('\t').unwrap())
        .collect();
    let mut wrong = 0;
    for (label, line) in &rows {
        let said = say(line);
        if name(&said) != *label {
            wrong += 1;
            println!(
                "{label} read as {} (status {:?}, echo {}): {line}",
                name(&said),
                said.status,
                said.echo
            );
        }
    }
    println!("wordings: n={} wrong={wrong}", rows.len());
    assert_eq!(wrong, 0);
}
