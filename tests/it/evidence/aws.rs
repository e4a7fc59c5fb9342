//! AWS as moto and ministack speak it: lines, metrics, queues, services, secrets, buckets; and what each fault is called.

pub mod faults;
mod throttled;

use super::{ask, now, question, reading, systems};
use crate::servers::aws::Cloud;
use reclose::core::evidence::{
    Absence, Ask, AwsAsk, FailureKind, Finding, MetricAsk, QueueCount, SecretRef, SecretShow,
    ServiceShow, Statistic, Value,
};
use reclose::core::rule::Probing;
use reclose::systems::aws::{AwsAccount, AwsLogin};
use reclose::systems::{Endpoints, Systems};
use serde_json::json;
use std::collections::BTreeMap;
use std::time::Duration;

pub fn account(url: &str) -> AwsAccount {
    let given = |name: &str| SecretRef::Env(name.to_owned());
    AwsAccount {
        region: "us-east-1".to_owned(),
        endpoint: Some(url.to_owned()),
        login: AwsLogin::Keys { id: given("TOKEN"), secret: given("TOKEN"), session: None },
    }
}

pub fn at(url: &str) -> Systems {
    systems(Endpoints { aws: Some(account(url)), ..Endpoints::default() })
}

pub fn aws(ask: AwsAsk) -> Ask {
    Ask::Aws { region: None, ask }
}

pub fn logs(group: &str, pattern: &str, limit: u32) -> Ask {
    let (group, pattern) = (group.to_owned(), pattern.to_owned());
    aws(AwsAsk::Logs { group, pattern, last: Duration::from_mins(10), limit })
}

pub fn metric(name: &str) -> MetricAsk {
    MetricAsk {
        namespace: "App".to_owned(),
        metric: name.to_owned(),
        dimensions: BTreeMap::new(),
        statistic: Statistic::Maximum,
        period: Duration::from_mins(1),
        last: None,
        by: None,
    }
}

pub fn kind(finding: Finding) -> FailureKind {
    match finding {
        Finding::Failed(failure) => failure.kind,
        other => panic!("no failure: {other:?}"),
    }
}

fn texts(finding: Finding) -> (Vec<String>, bool) {
    let Value::Lines { lines, complete } = reading(finding).value else { panic!() };
    (lines.into_iter().map(|line| line.text).collect(), complete)
}

/// Lines a second apart, the last a minute ago.
pub async fn write_log(cloud: &Cloud, group: &str, lines: &[String]) {
    let call = async |target: &str, body| {
        cloud.call(("logs", &format!("Logs_20140328.{target}")), body).await;
    };
    call("CreateLogGroup", json!({ "logGroupName": group })).await;
    let stream = json!({ "logGroupName": group, "logStreamName": "s" });
    call("CreateLogStream", stream).await;
    let begin = now().as_millisecond() - 60_000 - 1_000 * i64::try_from(lines.len()).unwrap();
    let events: Vec<_> = (0..)
        .zip(lines)
        .map(|(index, line)| json!({ "timestamp": begin + 1_000 * index, "message": line }))
        .collect();
    let events = json!({ "logGroupName": group, "logStreamName": "s", "logEvents": events });
    call("PutLogEvents", events).await;
}

/// The lines of `components.md`, on which the two servers differ from AWS and from each other.
fn sample() -> Vec<String> {
    [
        "[ERROR 400] BAD REQUEST",
        "[ERROR 401] UNAUTHORIZED",
        "[ERROR 419] MISSING",
        "error 429 Too Many Requests",
        "all is well",
    ]
    .map(str::to_owned)
    .to_vec()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lines_fit_their_pattern_whatever_the_server_filters() {
    for cloud in [Cloud::moto().await, Cloud::ministack().await] {
        write_log(cloud, "/ecs/patterns", &sample()).await;
        let asks = at(&cloud.url);
        let found =
            async |pattern: &str| match ask(&asks, logs("/ecs/patterns", pattern, 100)).await {
                Finding::NoData(Absence::Empty) => 0,
                other => texts(other).0.len(),
            };
        for (pattern, wanted) in [
            ("", 5),
            ("ERROR", 3),
            ("\"401\"", 1),
            ("ERROR 401", 1),
            ("\"Too Many\"", 1),
            ("nothing", 0),
        ] {
            assert_eq!(found(pattern).await, wanted, "{pattern:?} of {}", cloud.url);
        }
        // Newest last, dated, and the newest kept when there are more.
        let (lines, complete) = texts(ask(&asks, logs("/ecs/patterns", "", 2)).await);
        assert_eq!(lines, ["error 429 Too Many Requests", "all is well"]);
        assert!(!complete);
        let missing = ask(&asks, logs("/no/such", "", 5)).await;
        assert_eq!(kind(missing), FailureKind::BadQuestion);
    }
    // moto knows no `?`: it gives every line, and they are filtered here.
    let asks = at(&Cloud::moto().await.url);
    let (lines, complete) = texts(ask(&asks, logs("/ecs/patterns", "?401 ?429", 100)).await);
    assert_eq!(lines, ["[ERROR 401] UNAUTHORIZED", "error 429 Too Many Requests"]);
    assert!(complete);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lines_come_from_every_page() {
    let cloud = Cloud::moto().await;
    // moto gives 10,000 a page.
    let lines: Vec<String> = (0..50).map(|number| format!("line {number}")).collect();
    write_log(cloud, "/ecs/pages", &lines).await;
    let (found, complete) = texts(ask(&at(&cloud.url), logs("/ecs/pages", "", 1000)).await);
    assert_eq!((found, complete), (lines, true));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_metric_is_a_number_a_trend_or_a_series_and_never_a_zero() {
    for cloud in [Cloud::moto().await, Cloud::ministack().await] {
        let second = now().as_second();
        let name = format!("M{second}");
        let ago = |secs: i64| second - secs;
        cloud
            .metric(
                "App",
                &name,
                &[(ago(250), 9.0, &[]), (ago(180), 6.0, &[]), (ago(70), 1.0, &[])],
            )
            .await;
        let codes = format!("{name}Codes");
        let of = |code: &'static str| -> &'static [(&'static str, &'static str)] {
            if code == "429" { &[("Code", "429")] } else { &[("Code", "200")] }
        };
        cloud
            .metric(
                "App",
                &codes,
                &[
                    (ago(200), 5.0, of("429")),
                    (ago(100), 7.0, of("429")),
                    (ago(100), 40.0, of("200")),
                ],
            )
            .await;
        let asks = at(&cloud.url);
        let five = Duration::from_mins(5);
        let dated = async |ask: MetricAsk, max_age: Duration| {
            let mut question = question("q", aws(AwsAsk::Metric(ask)));
            question.max_age = max_age;
            let budget = Duration::from_secs(20);
            let mut found = asks.ask_all(&[question], &BTreeMap::new(), now(), budget).await;
            found.remove("q").unwrap()
        };
        let newest = reading(dated(metric(&name), five).await);
        assert_eq!(newest.value, Value::Number(1.0));
        assert!(newest.at <= now() && now().as_second() - newest.at.as_second() >= 60);
        assert_eq!(
            dated(metric(&name), Duration::from_secs(30)).await,
            Finding::NoData(Absence::Stale)
        );
        let trend = MetricAsk { last: Some(Duration::from_mins(10)), ..metric(&name) };
        let Value::Trend(points) = reading(dated(trend, five).await).value else { panic!() };
        let numbers: Vec<f64> = points.iter().map(|(_, number)| *number).collect();
        assert_eq!(numbers, [9.0, 6.0, 1.0], "{}", cloud.url);
        let by = MetricAsk {
            statistic: Statistic::Sum,
            last: Some(Duration::from_mins(10)),
            by: Some("Code".to_owned()),
            ..metric(&codes)
        };
        let wanted = BTreeMap::from([("200".to_owned(), 40.0), ("429".to_owned(), 12.0)]);
        assert_eq!(
            reading(dated(by.clone(), five).await).value,
            Value::Series(wanted),
            "{}",
            cloud.url
        );
        // What was never sent is no data.
        let none = MetricAsk { metric: "NoSuch".to_owned(), ..by };
        assert_eq!(dated(none, five).await, Finding::NoData(Absence::Empty));
        assert_eq!(dated(metric("NoSuch"), five).await, Finding::NoData(Absence::Empty));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_queue_tells_its_messages_its_dead_letters_and_how_they_move() {
    for cloud in [Cloud::moto().await, Cloud::ministack().await] {
        let call = async |target: &str, body| {
            cloud.call(("sqs", &format!("AmazonSQS.{target}")), body).await
        };
        let make = async |name: &str, attributes| {
            let made =
                call("CreateQueue", json!({ "QueueName": name, "Attributes": attributes })).await;
            made["QueueUrl"].as_str().unwrap().to_owned()
        };
        let dead = make("orders-dlq", json!({})).await;
        let policy = json!({
            "deadLetterTargetArn": "arn:aws:sqs:us-east-1:000000000000:orders-dlq",
            "maxReceiveCount": "3",
        });
        let arn =
            call("GetQueueAttributes", json!({ "QueueUrl": dead, "AttributeNames": ["QueueArn"] }))
                .await;
        let arn = arn["Attributes"]["QueueArn"].as_str().unwrap().to_owned();
        let policy =
            json!({ "deadLetterTargetArn": arn, "maxReceiveCount": policy["maxReceiveCount"] });
        let orders = make("orders", json!({ "RedrivePolicy": policy.to_string() })).await;
        let asks = at(&cloud.url);
        let count = async |queue: &str, count: QueueCount, last: Option<Duration>| {
            let queue = queue.to_owned();
            ask(&asks, aws(AwsAsk::Queue { queue, count, last })).await
        };
        let number = async |which| reading(count("orders", which, None).await).value;
        assert_eq!(number(QueueCount::Waiting).await, Value::Number(0.0));
        let last = Some(Duration::from_mins(10));
        for left in 1..=3 {
            call("SendMessage", json!({ "QueueUrl": orders, "MessageBody": "x" })).await;
            let Value::Trend(points) =
                reading(count("orders", QueueCount::Waiting, last).await).value
            else {
                panic!()
            };
            let seen: Vec<f64> = points.iter().map(|(_, number)| *number).collect();
            assert_eq!(seen, [1.0, 2.0, 3.0].get(..left).unwrap(), "its own memory");
        }
        call("SendMessage", json!({ "QueueUrl": dead, "MessageBody": "x" })).await;
        call(
            "ReceiveMessage",
            json!({ "QueueUrl": orders, "MaxNumberOfMessages": 1, "VisibilityTimeout": 600 }),
        )
        .await;
        assert_eq!(number(QueueCount::Waiting).await, Value::Number(2.0));
        assert_eq!(number(QueueCount::InFlight).await, Value::Number(1.0));
        assert_eq!(number(QueueCount::Dead).await, Value::Number(1.0));
        // A trend of another process begins anew.
        let again =
            aws(AwsAsk::Queue { queue: "orders".to_owned(), count: QueueCount::Waiting, last });
        let Value::Trend(points) = reading(ask(&at(&cloud.url), again).await).value else {
            panic!()
        };
        assert_eq!(points.len(), 1);
        assert_eq!(kind(count("none", QueueCount::Waiting, None).await), FailureKind::BadQuestion);
        assert_eq!(
            kind(count("orders-dlq", QueueCount::Dead, None).await),
            FailureKind::BadQuestion
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_service_tells_how_its_rollout_goes() {
    for (cloud, settles) in [(Cloud::moto().await, false), (Cloud::ministack().await, true)] {
        let call = async |target: &str, body| {
            let target = format!("AmazonEC2ContainerServiceV20141113.{target}");
            cloud.call(("ecs", &target), body).await
        };
        call("CreateCluster", json!({ "clusterName": "prod" })).await;
        let container = json!([{ "name": "a", "image": "a", "memory": 64 }]);
        call(
            "RegisterTaskDefinition",
            json!({ "family": "api", "containerDefinitions": container }),
        )
        .await;
        let service = json!({ "cluster": "prod", "serviceName": "api", "taskDefinition": "api", "desiredCount": 2 });
        call("CreateService", service).await;
        let update = json!({ "cluster": "prod", "service": "api", "forceNewDeployment": true });
        call("UpdateService", update).await;
        let asks = at(&cloud.url);
        let shown = async |service: &str, show: ServiceShow| {
            let (cluster, service) = ("prod".to_owned(), service.to_owned());
            ask(&asks, aws(AwsAsk::Service { cluster, service, show })).await
        };
        let word = if settles { "COMPLETED" } else { "IN_PROGRESS" };
        let rollout = reading(shown("api", ServiceShow::Rollout).await).value;
        assert_eq!(rollout, Value::Word(word.to_owned()));
        let Value::Number(unsettled) = reading(shown("api", ServiceShow::Unsettled).await).value
        else {
            panic!()
        };
        assert_eq!(unsettled == 0.0, settles, "{unsettled}");
        let Value::Number(secs) = reading(shown("api", ServiceShow::Deployed).await).value else {
            panic!()
        };
        assert!((0.0..60.0).contains(&secs), "{secs}");
        assert_eq!(kind(shown("none", ServiceShow::Rollout).await), FailureKind::BadQuestion);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_secret_tells_its_version_and_age_and_never_its_value() {
    for cloud in [Cloud::moto().await, Cloud::ministack().await] {
        let call = async |target: &str, body| {
            cloud.call(("secretsmanager", &format!("secretsmanager.{target}")), body).await
        };
        let first = call("CreateSecret", json!({ "Name": "api", "SecretString": "c4nary-value", "ClientRequestToken": "11111111-1111-1111-1111-111111111111" })).await;
        let asks = at(&cloud.url);
        let shown = async |secret: &str, show: SecretShow| {
            ask(&asks, aws(AwsAsk::Secret { secret: secret.to_owned(), show })).await
        };
        let version = async || reading(shown("api", SecretShow::Version).await).value;
        let begun = Value::Word(first["VersionId"].as_str().unwrap().to_owned());
        assert_eq!(version().await, begun);
        let second = call("UpdateSecret", json!({ "SecretId": "api", "SecretString": "c4nary-value-2", "ClientRequestToken": "22222222-2222-2222-2222-222222222222" })).await;
        assert_eq!(version().await, Value::Word(second["VersionId"].as_str().unwrap().to_owned()));
        let age = shown("api", SecretShow::Age).await;
        assert!(!format!("{age:?}").contains("c4nary"));
        let Value::Number(secs) = reading(age).value else { panic!() };
        assert!((0.0..60.0).contains(&secs), "{secs}");
        assert_eq!(kind(shown("none", SecretShow::Age).await), FailureKind::BadQuestion);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bucket_is_reached_by_a_question_and_by_a_probe() {
    for cloud in [Cloud::moto().await, Cloud::ministack().await] {
        cloud.put("/audit-logs", "").await;
        let asks = at(&cloud.url);
        let reach = async |bucket: &str, prefix: Option<&str>| {
            let (bucket, prefix) = (bucket.to_owned(), prefix.map(str::to_owned));
            let probe =
                Probing::Bucket { region: None, bucket: bucket.clone(), prefix: prefix.clone() };
            let probed = asks.probe(&probe, now()).await;
            let asked = ask(&asks, aws(AwsAsk::Bucket { bucket, prefix })).await;
            let Value::Probe(seen) = reading(asked).value else { panic!() };
            assert_eq!(seen.healthy, probed.healthy);
            probed
        };
        assert!(reach("audit-logs", None).await.healthy, "empty is reached too");
        cloud.put("/audit-logs/a%20b", "x").await;
        assert!(reach("audit-logs", Some("a b/&=+ü")).await.healthy);
        let missing = reach("no-such-bucket", None).await;
        assert_eq!((missing.healthy, missing.status), (false, Some(404)));
        assert!(missing.detail.contains("NoSuchBucket"), "{}", missing.detail);
    }
}
