//! microburst before ministack: throttled, reset and late answers are what they are, and the next answer is a value again.

use super::{at, aws, kind};
use crate::evidence::{ask, ask_within, reading};
use crate::servers::aws::Cloud;
use reclose::core::evidence::{AwsAsk, FailureKind, Finding, SecretShow, Value};
use serde_json::json;
use std::time::Duration;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn twice_throttled_then_reset_then_late_then_well() {
    let cloud = Cloud::ministack().await;
    let secret = json!({ "Name": "burst", "SecretString": "x" });
    cloud.call(("secretsmanager", "secretsmanager.CreateSecret"), secret).await;
    let burst = Cloud::burst(cloud).await;
    let asks = at(&burst.url);
    let asked = || aws(AwsAsk::Secret { secret: "burst".to_owned(), show: SecretShow::Version });
    let is_value = |finding| matches!(reading(finding).value, Value::Word(_));
    // It loads what it knows of AWS with its first request.
    let long = Duration::from_secs(60);
    let mut first = ask_within(&asks, asked(), long).await;
    for _ in 0..10 {
        if matches!(first, Finding::Value(_)) {
            break;
        }
        first = ask_within(&asks, asked(), long).await;
    }
    assert!(is_value(first));
    let throttled =
        json!({ "code": "ThrottlingException", "status": 400, "message": "Rate exceeded" });
    let rule = |name: &str, what: serde_json::Value, times: u32| {
        let mut rule = json!({ "service": "secretsmanager", "operation": "DescribeSecret" });
        rule[name] = what;
        rule["times"] = times.into();
        json!([rule])
    };
    burst.rules(rule("error", throttled, 2)).await;
    for _ in 0..2 {
        assert_eq!(kind(ask(&asks, asked()).await), FailureKind::ServerError);
    }
    assert!(is_value(ask(&asks, asked()).await), "the third is answered");
    burst.rules(rule("reset", json!(true), 2)).await;
    for _ in 0..2 {
        let kind = kind(ask(&asks, asked()).await);
        assert!(matches!(kind, FailureKind::Unreachable | FailureKind::Malformed), "{kind:?}");
    }
    assert!(is_value(ask(&asks, asked()).await));
    burst.rules(rule("latency", json!(5000), 2)).await;
    let begun = tokio::time::Instant::now();
    let cut = ask_within(&asks, asked(), Duration::from_secs(2)).await;
    assert_eq!(kind(cut), FailureKind::Timeout);
    let late = ask_within(&asks, asked(), Duration::from_secs(20)).await;
    assert!(is_value(late), "late, and within our ten seconds");
    assert!(begun.elapsed() >= Duration::from_secs(7), "{:?}", begun.elapsed());
}
