//! P8 for AWS: whatever goes wrong on the way, no adapter makes a value of it, and each fault has its name.

use super::{account, aws, kind, logs, metric};
use crate::evidence::raw::{Raw, Then, http};
use crate::evidence::{ask, now, question, systems};
use reclose::core::evidence::{
    Ask, AwsAsk, FailureKind, Finding, MetricAsk, QueueCount, SecretShow, ServiceShow, Statistic,
    Value,
};
use reclose::systems::{Endpoints, Systems};
use std::collections::BTreeMap;
use std::time::Duration;

const BUDGET: Duration = Duration::from_millis(1500);

/// Every way of asking AWS, and an answer that gives it a value.
fn adapters() -> Vec<(&'static str, Ask, String)> {
    let at = now().as_second() - 60;
    let (cluster, service) = ("c".to_owned(), "s".to_owned());
    let service =
        |show| aws(AwsAsk::Service { cluster: cluster.clone(), service: service.clone(), show });
    let queue = |count, last| aws(AwsAsk::Queue { queue: "q".to_owned(), count, last });
    let secret = |show| aws(AwsAsk::Secret { secret: "s".to_owned(), show });
    let points = format!(
        r#"{{"Metrics":[],"MetricDataResults":[{{"Id":"m0","Timestamps":[{at}],"Values":[7],"StatusCode":"Complete"}}]}}"#
    );
    let listed = format!(
        r#"{{"Metrics":[{{"Dimensions":[{{"Name":"Code","Value":"429"}}]}}],{}"#,
        &points[r#"{"Metrics":[],"#.len()..]
    );
    let by = MetricAsk {
        by: Some("Code".to_owned()),
        statistic: Statistic::Sum,
        last: Some(Duration::from_mins(9)),
        ..metric("m")
    };
    let trend = MetricAsk { last: Some(Duration::from_mins(9)), ..metric("m") };
    let queued = r#"{"QueueUrl":"http://q","Attributes":{"ApproximateNumberOfMessages":"7","ApproximateNumberOfMessagesNotVisible":"7","RedrivePolicy":"{\"deadLetterTargetArn\":\"a:b:q\"}"}}"#;
    let deployed = format!(
        r#"{{"services":[{{"status":"ACTIVE","deployments":[{{"status":"PRIMARY","desiredCount":9,"runningCount":2,"createdAt":{at},"rolloutState":"IN_PROGRESS"}}]}}]}}"#
    );
    let about = format!(
        r#"{{"ARN":"a","LastChangedDate":{at},"VersionIdsToStages":{{"v7":["AWSCURRENT"]}}}}"#
    );
    let list = "<ListBucketResult><KeyCount>0</KeyCount></ListBucketResult>";
    let lines = format!(r#"{{"events":[{{"timestamp":{at}000,"message":"boom"}}]}}"#);
    let last = Some(Duration::from_mins(9));
    vec![
        ("logs", logs("/g", "", 10), lines),
        ("metric", aws(AwsAsk::Metric(metric("m"))), points.clone()),
        ("trend", aws(AwsAsk::Metric(trend)), points),
        ("series", aws(AwsAsk::Metric(by)), listed),
        ("waiting", queue(QueueCount::Waiting, None), queued.to_owned()),
        ("in flight", queue(QueueCount::InFlight, None), queued.to_owned()),
        ("dead", queue(QueueCount::Dead, None), queued.to_owned()),
        ("queue's trend", queue(QueueCount::Waiting, last), queued.to_owned()),
        ("rollout", service(ServiceShow::Rollout), deployed.clone()),
        ("unsettled", service(ServiceShow::Unsettled), deployed.clone()),
        ("deployed", service(ServiceShow::Deployed), deployed),
        ("version", secret(SecretShow::Version), about.clone()),
        ("age", secret(SecretShow::Age), about),
        ("bucket", aws(AwsAsk::Bucket { bucket: "bbb".to_owned(), prefix: None }), list.to_owned()),
    ]
}

fn at(url: &str) -> Systems {
    systems(Endpoints { aws: Some(account(url)), ..Endpoints::default() })
}

/// What this answer gives each adapter, of which only `which` are asked.
async fn found(
    server: &Raw,
    adapters: &[(&'static str, Ask, String)],
    (answer, then): (Vec<u8>, Then),
) -> BTreeMap<String, Finding> {
    server.set(answer, then);
    let questions: Vec<_> = adapters
        .iter()
        .map(|(name, ask, _)| {
            let mut question = question(name, ask.clone());
            question.max_age = Duration::from_mins(5);
            question
        })
        .collect();
    at(&server.url).ask_all(&questions, &BTreeMap::new(), now(), BUDGET).await
}

/// A probe's word of an unhealthy side is no value here.
pub fn is_value(finding: &Finding) -> bool {
    match finding {
        Finding::Value(reading) => !matches!(&reading.value, Value::Probe(seen) if !seen.healthy),
        Finding::NoData(_) | Finding::Failed(_) => false,
    }
}

/// What the fault is called, of a question and of a probe alike.
pub fn named(finding: &Finding) -> String {
    match finding {
        Finding::Failed(failure) => format!("{:?}", failure.kind),
        Finding::NoData(absence) => format!("{absence:?}"),
        Finding::Value(reading) => match &reading.value {
            Value::Probe(seen) if seen.status.is_some() && seen.failure.is_none() => {
                "status".into()
            }
            Value::Probe(seen) => format!("{:?}", seen.failure.unwrap()),
            _ => "a value".to_owned(),
        },
    }
}

pub struct Fault {
    pub name: &'static str,
    pub answer: Vec<u8>,
    pub then: Then,
    /// What it is called; `status` is what a probe saw.
    pub called: &'static [&'static str],
}

fn refusal(status: &str, code: &str, date: bool) -> Vec<u8> {
    let body = format!(
        r#"{{"__type":"com.amazonaws#{code}","message":"the canonical request was s3cret-token"}}"#
    );
    let skewed = if date { "date: Thu, 01 Jan 2026 00:00:00 GMT\r\n" } else { "" };
    format!(
        "HTTP/1.1 {status}\r\n{skewed}content-type: application/x-amz-json-1.1\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

pub fn faults() -> Vec<Fault> {
    let fault = |name, answer: Vec<u8>, then, called| Fault { name, answer, then, called };
    let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n";
    let body = |text: &str| http("200 OK", "application/json", text);
    let unauthorized: &[&str] = &["Unauthorized", "status"];
    let server: &[&str] = &["ServerError", "status"];
    let wrong: &[&str] = &["BadQuestion", "status"];
    let malformed: &[&str] = &["Malformed"];
    vec![
        fault(
            "401",
            refusal("401 X", "UnrecognizedClientException", false),
            Then::Close,
            unauthorized,
        ),
        fault("403", refusal("403 X", "AccessDeniedException", false), Then::Close, unauthorized),
        fault(
            "400 expired",
            refusal("400 X", "ExpiredTokenException", false),
            Then::Close,
            unauthorized,
        ),
        fault(
            "400 signature",
            refusal("400 X", "InvalidSignatureException", false),
            Then::Close,
            unauthorized,
        ),
        fault(
            "clock skew",
            refusal("403 X", "RequestTimeTooSkewed", true),
            Then::Close,
            unauthorized,
        ),
        fault("404", refusal("404 X", "ResourceNotFoundException", false), Then::Close, wrong),
        fault(
            "400 not found",
            refusal("400 X", "ResourceNotFoundException", false),
            Then::Close,
            wrong,
        ),
        fault("429", refusal("429 X", "TooManyRequestsException", false), Then::Close, server),
        fault("400 throttled", refusal("400 X", "ThrottlingException", false), Then::Close, server),
        fault("503 slow down", refusal("503 X", "SlowDown", false), Then::Close, server),
        fault("500", refusal("500 X", "InternalFailure", false), Then::Close, server),
        fault(
            "502 of a proxy",
            http("502 Bad Gateway", "text/html", "<html>"),
            Then::Close,
            server,
        ),
        fault(
            "301",
            b"HTTP/1.1 301 X\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\n\r\n"
                .to_vec(),
            Then::Close,
            wrong,
        ),
        fault("never answers", Vec::new(), Then::Hang, &["Timeout"]),
        fault(
            "hangs in the body",
            format!("{head}content-length: 9\r\n\r\n{{").into_bytes(),
            Then::Hang,
            &["Timeout"],
        ),
        fault("drips its body", format!("{head}\r\n").into_bytes(), Then::Drip, &["Timeout"]),
        fault("resets", Vec::new(), Then::Reset, &["Unreachable", "Malformed"]),
        fault("resets in the head", head.into(), Then::Reset, &["Unreachable", "Malformed"]),
        fault("closes without a word", Vec::new(), Then::Close, malformed),
        fault(
            "cut body",
            format!("{head}content-length: 9\r\n\r\n{{}}").into_bytes(),
            Then::Close,
            malformed,
        ),
        fault("garbage", body("\u{0}\u{1}garbage"), Then::Close, malformed),
        fault("speaks SSH", b"SSH-2.0-OpenSSH_9.2\r\n".to_vec(), Then::Close, malformed),
        fault("floods", format!("{head}\r\n").into_bytes(), Then::Flood, &["Malformed", "Timeout"]),
        fault(
            "promises 1 GB",
            format!("{head}content-length: 1073741824\r\n\r\n").into_bytes(),
            Then::Hang,
            malformed,
        ),
        fault(
            "a page of HTML",
            http("200 OK", "text/html", "<html></html>"),
            Then::Close,
            malformed,
        ),
        fault("an empty body", body(""), Then::Close, malformed),
        fault("null", body("null"), Then::Close, malformed),
        fault("a list", body("[]"), Then::Close, malformed),
        fault(
            "another's JSON",
            body(r#"{"status":"success","data":{"result":[]}}"#),
            Then::Close,
            malformed,
        ),
    ]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_fault_has_its_name_and_none_is_a_value() {
    let server = Raw::serve("", Then::Close).await;
    let adapters = adapters();
    let mut wrong = Vec::new();
    let faults = faults();
    for fault in &faults {
        let found = found(&server, &adapters, (fault.answer.clone(), fault.then)).await;
        for (name, finding) in &found {
            let called = named(finding);
            if is_value(finding) || !fault.called.contains(&called.as_str()) {
                wrong.push(format!("{}: {name} says {called}", fault.name));
            }
            let shown = format!("{finding:?}");
            if shown.contains("s3cret") && fault.name != "403" && called == "Unauthorized" {
                wrong.push(format!("{}: {name} repeats the request: {shown}", fault.name));
            }
            if fault.name == "clock skew" && !shown.contains("ahead of AWS's") {
                wrong.push(format!("{name} does not tell the skew: {shown}"));
            }
        }
    }
    println!("AWS: {} faults x {} adapters, {} wrong", faults.len(), adapters.len(), wrong.len());
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// Bodies that are whole and say something else than a value, each for one adapter.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whole_answers_without_a_value_are_no_data() {
    let server = Raw::serve("", Then::Close).await;
    let all = adapters();
    let later = now().as_second() + 3_600;
    let old = now().as_second() - 3_000;
    let metric = |part: &str| format!(r#"{{"MetricDataResults":[{{"Id":"m0",{part}}}]}}"#);
    let service = |part: &str| {
        format!(
            r#"{{"services":[{{"status":"ACTIVE","deployments":[{{"status":"PRIMARY","desiredCount":1,"runningCount":1,{part}}}]}}]}}"#
        )
    };
    let cases = [
        ("logs", r#"{"events":[]}"#.to_owned(), "Empty"),
        ("logs", r#"{"events":[],"nextToken":"again"}"#.to_owned(), "Partial"),
        (
            "logs",
            r#"{"events":[{"timestamp":9223372036854775807,"message":"x"}]}"#.to_owned(),
            "Malformed",
        ),
        ("logs", r#"{"events":[{"message":"x"}]}"#.to_owned(), "Malformed"),
        ("metric", metric(r#""Timestamps":[],"Values":[],"StatusCode":"Complete""#), "Empty"),
        ("trend", metric(r#""Timestamps":[],"Values":[],"StatusCode":"Complete""#), "Empty"),
        ("metric", r#"{"MetricDataResults":[]}"#.to_owned(), "Empty"),
        (
            "metric",
            metric(&format!(r#""Timestamps":[{old}],"Values":[1],"StatusCode":"Complete""#)),
            "Empty",
        ),
        ("trend", metric(r#""Timestamps":[],"Values":[],"StatusCode":"PartialData""#), "Partial"),
        (
            "metric",
            metric(r#""Timestamps":[],"Values":[],"StatusCode":"InternalError""#),
            "ServerError",
        ),
        (
            "metric",
            metric(r#""Timestamps":[],"Values":[],"StatusCode":"Forbidden""#),
            "Unauthorized",
        ),
        (
            "metric",
            metric(&format!(r#""Timestamps":[{later}],"Values":[1],"StatusCode":"Complete""#)),
            "Malformed",
        ),
        ("metric", metric(r#""Timestamps":[1],"Values":[],"StatusCode":"Complete""#), "Malformed"),
        (
            "metric",
            metric(r#""Timestamps":[1e300],"Values":[1],"StatusCode":"Complete""#),
            "Malformed",
        ),
        (
            "metric",
            r#"{"MetricDataResults":[{"Id":"m1","Timestamps":[],"Values":[]}]}"#.to_owned(),
            "Malformed",
        ),
        ("metric", r#"{"MetricDataResults":[],"Messages":[{"Code":"x"}]}"#.to_owned(), "Partial"),
        ("metric", r#"{"MetricDataResults":[],"NextToken":"again"}"#.to_owned(), "Partial"),
        ("series", r#"{"Metrics":[]}"#.to_owned(), "Empty"),
        ("series", r#"{"Metrics":[],"NextToken":"again"}"#.to_owned(), "Partial"),
        ("waiting", r#"{"QueueUrl":"q"}"#.to_owned(), "Malformed"),
        (
            "waiting",
            r#"{"QueueUrl":"q","Attributes":{"ApproximateNumberOfMessages":"-1"}}"#.to_owned(),
            "Malformed",
        ),
        ("dead", r#"{"QueueUrl":"q","Attributes":{}}"#.to_owned(), "BadQuestion"),
        ("dead", r#"{"QueueUrl":"q","Attributes":{"RedrivePolicy":"{}"}}"#.to_owned(), "Malformed"),
        (
            "rollout",
            r#"{"services":[],"failures":[{"reason":"MISSING"}]}"#.to_owned(),
            "BadQuestion",
        ),
        ("unsettled", service(r#""createdAt":1"#), "Empty"),
        ("rollout", service(r#""createdAt":1,"rolloutState":"SOON""#), "Malformed"),
        ("deployed", service(&format!(r#""createdAt":{later}"#)), "Malformed"),
        ("unsettled", r#"{"services":[{"status":"ACTIVE","deployments":[]}]}"#.to_owned(), "Empty"),
        (
            "rollout",
            r#"{"services":[{"status":"INACTIVE","deployments":[]}]}"#.to_owned(),
            "BadQuestion",
        ),
        ("version", r#"{"ARN":"a"}"#.to_owned(), "Empty"),
        ("age", r#"{"ARN":"a"}"#.to_owned(), "Empty"),
        ("age", format!(r#"{{"ARN":"a","LastChangedDate":{later}}}"#), "Malformed"),
        ("age", r#"{"ARN":"a","DeletedDate":1,"LastChangedDate":1}"#.to_owned(), "BadQuestion"),
        ("bucket", "<ListBucketResult><KeyCount>".to_owned(), "Malformed"),
        ("bucket", "<ListAllMyBucketsResult/>".to_owned(), "Malformed"),
    ];
    for (name, body, called) in &cases {
        let one: Vec<_> = all.iter().filter(|(known, ..)| known == name).cloned().collect();
        let answer = http("200 OK", "application/json", body);
        let found = found(&server, &one, (answer, Then::Close)).await;
        assert_eq!(named(&found[*name]), *called, "{name} of {body}");
    }
    println!("AWS: {} whole answers without a value", cases.len());
}

/// The same adapters see the good answers, and none of their beginnings.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn good_answers_are_values_and_their_beginnings_are_not() {
    let server = Raw::serve("", Then::Close).await;
    let (mut whole, mut cut) = (0, 0);
    for adapter in adapters() {
        let (name, body) = (adapter.0, adapter.2.clone());
        let one = [adapter];
        for end in (0..body.len()).step_by(9).chain([body.len()]) {
            let answer = http("200 OK", "application/json", &body[..end]);
            let found = found(&server, &one, (answer, Then::Close)).await;
            assert_eq!(is_value(&found[name]), end == body.len(), "{name}: {}", &body[..end]);
            if end == body.len() { whole += 1 } else { cut += 1 }
        }
    }
    println!("AWS: {whole} good answers seen, {cut} beginnings of them, 0 values");
}

#[tokio::test]
async fn without_an_account_nothing_is_asked() {
    let found = ask(&systems(Endpoints::default()), logs("/g", "", 1)).await;
    assert_eq!(kind(found), FailureKind::NotConfigured);
    let nobody = crate::evidence::raw::nobody().await;
    assert_eq!(kind(ask(&at(&nobody), logs("/g", "", 1)).await), FailureKind::Unreachable);
}

/// Pages that go on: empty ones, a last one that fails, a token that comes again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_read_before_a_page_failed_is_incomplete() {
    let at_ms = now().as_millisecond() - 60_000;
    let server = Raw::serve("", Then::Close).await;
    let line =
        format!(r#"{{"events":[{{"timestamp":{at_ms},"message":"boom"}}],"nextToken":"again"}}"#);
    server.set(http("200 OK", "application/json", &line), Then::Close);
    let found = ask(&at(&server.url), logs("/g", "", 10)).await;
    let Finding::Value(reading) = found else { panic!("{found:?}") };
    let Value::Lines { lines, complete } = reading.value else { panic!() };
    assert!(!complete && lines.len() == 2, "a token that comes again ends it: {lines:?}");
    assert_eq!(server.requests().len(), 2);
    assert!(server.requests()[1].contains("again"));
    assert!(server.requests()[0].contains("authorization: AWS4-HMAC-SHA256 Credential="));
    assert!(!server.requests()[0].contains("s3cret-token\""));
}
