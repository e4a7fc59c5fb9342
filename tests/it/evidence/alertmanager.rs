//! What a real Alertmanager holds: firing, silenced and inhibited, whatever stands in its labels.

use super::{endpoint, now, systems};
use crate::servers::{Alertmanager, client};
use reclose::core::alert::{AlertFlag, AlertStatus, Labels, Source};
use reclose::core::evidence::FailureKind;
use reclose::core::rule::{OneOf, Wanted};
use reclose::systems::{Endpoints, Systems};

const CONFIG: &str = "route: {receiver: none}\nreceivers: [{name: none}]\n";

fn labels(pairs: &[(&str, &str)]) -> Labels {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

/// Asked for; several values of one label stand between bars.
fn wanted(pairs: &[(&str, &str)]) -> Wanted {
    let one = |value: &str| match value.split_once(" | ") {
        Some((first, second)) => OneOf::Any(vec![first.to_owned(), second.to_owned()]),
        None => OneOf::Value(value.to_owned()),
    };
    pairs.iter().map(|(name, value)| ((*name).to_owned(), one(value))).collect()
}

async fn post(url: &str, path: &str, body: serde_json::Value) {
    let answer = client().post(format!("{url}{path}")).json(&body).send().await.unwrap();
    assert!(answer.status().is_success(), "{path}: {}", answer.text().await.unwrap());
}

async fn found(systems: &Systems, matchers: &[(&str, &str)]) -> Vec<Labels> {
    let alerts = systems.alerts(&wanted(matchers)).await.unwrap();
    assert!(alerts.iter().all(|alert| {
        alert.key.source == Source::Reconcile
            && alert.status == AlertStatus::Firing
            // Our hash of the labels is the server's own.
            && alert.flags.is_empty()
            && alert.starts_at.is_some()
    }));
    alerts.into_iter().map(|alert| alert.labels).collect()
}

#[tokio::test]
async fn a_real_alertmanager_is_asked_for_exactly_these_labels() {
    let server = Alertmanager::start(CONFIG).await;
    let nasty = "a\"b\\c\nd,e}=~.* ö";
    let first = labels(&[("alertname", "Open"), ("service", nasty)]);
    let second = labels(&[("alertname", "Open"), ("service", "other")]);
    post(&server.url, "/api/v2/alerts", serde_json::json!([{"labels": first}, {"labels": second}]))
        .await;
    let alertmanager = endpoint(&server.url);
    let systems = systems(Endpoints { alertmanager, ..Endpoints::default() });

    assert_eq!(found(&systems, &[("alertname", "Open")]).await.len(), 2);
    let only = found(&systems, &[("alertname", "Open"), ("service", nasty)]).await;
    assert_eq!(only, std::slice::from_ref(&first));
    assert!(found(&systems, &[("service", "x\",alertname=\"Open")]).await.is_empty());
    assert!(found(&systems, &[("service", ".*")]).await.is_empty(), "no regular expression");
    // Any of several values, none of them a pattern.
    let any = format!("{nasty} | other");
    assert_eq!(found(&systems, &[("service", any.as_str())]).await.len(), 2);
    assert_eq!(
        found(&systems, &[("service", "nobody | other")]).await,
        std::slice::from_ref(&second)
    );
    assert!(found(&systems, &[("service", ".* | oth.r")]).await.is_empty());

    // A silence hides nothing from us.
    let silence = serde_json::json!({
        "matchers": [{"name": "service", "value": "other", "isRegex": false, "isEqual": true}],
        "startsAt": now(), "endsAt": now() + jiff::SignedDuration::from_secs(60),
        "createdBy": "test", "comment": "test",
    });
    post(&server.url, "/api/v2/silences", silence).await;
    assert_eq!(found(&systems, &[("service", "other")]).await, [second]);

    // Too much of a label is cut, and nothing is done about such an alert by itself.
    let huge = serde_json::json!([{"labels": {"alertname": "Huge", "text": "x".repeat(5000)}}]);
    post(&server.url, "/api/v2/alerts", huge).await;
    let alerts = systems.alerts(&wanted(&[("alertname", "Huge")])).await.unwrap();
    assert_eq!(alerts[0].flags, [AlertFlag::Oversize]);
    assert_eq!(alerts[0].labels["text"].len(), 4096);

    // What has ended is gone.
    let ended = serde_json::json!([{"labels": first, "endsAt": now()}]);
    post(&server.url, "/api/v2/alerts", ended).await;
    assert!(found(&systems, &[("service", nasty)]).await.is_empty());
}

#[tokio::test]
async fn what_cannot_be_asked_is_a_failure_and_never_an_empty_list() {
    let mut server = Alertmanager::start(CONFIG).await;
    let alertmanager = endpoint(&server.url);
    let asked = systems(Endpoints { alertmanager, ..Endpoints::default() });
    let failure = asked.alerts(&Wanted::new()).await.unwrap_err();
    assert_eq!(failure.kind, FailureKind::BadQuestion, "empty never means all");
    // 0.25 does not know names beyond the classic ones.
    let failure = asked.alerts(&wanted(&[("a.b", "x")])).await.unwrap_err();
    assert_eq!(failure.kind, FailureKind::BadQuestion, "{}", failure.detail);
    server.stop();
    let failure = asked.alerts(&wanted(&[("alertname", "x")])).await.unwrap_err();
    assert_eq!(failure.kind, FailureKind::Unreachable);
    let none = systems(Endpoints::default());
    let failure = none.alerts(&wanted(&[("alertname", "x")])).await.unwrap_err();
    assert_eq!(failure.kind, FailureKind::NotConfigured);
}

#[tokio::test]
async fn two_find_each_other_and_one_comes_back_with_its_data() {
    let [first, mut second] = Alertmanager::pair(CONFIG).await;
    assert_ne!(first.url, second.url);
    let address = second.url.clone();
    second.restart().await;
    assert_eq!(second.url, address);
}
