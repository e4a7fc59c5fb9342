//! Odd alerts in well-formed bodies: rows A20–A30. Stored with a flag rather than lost, and none acts by its oddness.

use reclose::core::alert::{AlertFlag, AlertStatus, Notification};
use reclose::core::rule::RuleSet;
use reclose::core::time::Timestamp;
use reclose::rules;
use reclose::store::{Store, Which};
use serde_json::{Value, json};
use std::path::Path;

use super::server::{NOW, Server, alert, body, group, labels, start};

/// An alert of the shipped rule `http-breaker`.
fn breaker() -> Value {
    json!({"alertname": "CircuitBreakerOpen", "service": "checkout"})
}

fn shipped() -> RuleSet {
    rules::load(&Path::new(env!("CARGO_MANIFEST_DIR")).join("rules")).unwrap()
}

async fn correlate(store: &Store, at: &str) -> (usize, usize) {
    let rules = shipped();
    while store.correlate(at.parse().unwrap(), 64, &rules).await.unwrap().notifications > 0 {}
    let all = store.incidents(Which::Newest(1_000)).await.unwrap();
    (all.len(), all.iter().filter(|incident| incident.phase.is_open()).count())
}

/// Posts one alert and returns how it was stored.
async fn one(server: &Server, alert: &Value) -> reclose::core::alert::Alert {
    server.post(group(std::slice::from_ref(alert)).to_string()).await.is(200);
    last(server).alerts.remove(0)
}

fn last(server: &Server) -> Notification {
    server.stored().pop().unwrap()
}

#[tokio::test]
async fn a20_oversize_labels_are_cut_and_flagged() {
    let server = start().await;
    let mut big = labels();
    big["dump"] = json!("€".repeat(350_000));
    let stored = one(&server, &alert(&big)).await;
    assert_eq!(stored.flags, [AlertFlag::Oversize]);
    assert!(stored.labels["dump"].len() <= 4_096 && stored.labels["dump"].ends_with("€…"));

    let mut many = labels();
    for n in 0..10_000 {
        // Before "alertname" in order, so that it would be the first to go.
        many[format!("a{n:05}")] = json!("x");
    }
    let stored = one(&server, &alert(&many)).await;
    assert_eq!(stored.flags, [AlertFlag::Oversize]);
    assert_eq!(stored.labels.len(), 256);
    assert_eq!(stored.labels["alertname"], "CircuitBreakerOpen", "rules can still match it");

    let mut long_name = labels();
    long_name["n".repeat(5_000)] = json!("x");
    let stored = one(&server, &alert(&long_name)).await;
    assert_eq!((stored.flags.as_slice(), stored.labels.len()), (&[AlertFlag::Oversize][..], 3));

    // A long annotation is for people only.
    let mut wordy = alert(&labels());
    wordy["annotations"]["description"] = json!("x".repeat(100_000));
    let stored = one(&server, &wordy).await;
    assert!(stored.flags.is_empty());
    assert_eq!(stored.annotations["description"].len(), 4_096);

    // Its incident carries the flag, which forbids every automatic action.
    let server = start().await;
    let mut ours = breaker();
    ours["dump"] = json!("x".repeat(1_000_000));
    one(&server, &alert(&ours)).await;
    assert_eq!(correlate(&server.store, NOW).await, (1, 1));
    let incident = server.store.incidents(Which::Open).await.unwrap().remove(0);
    assert!(incident.alerts.values().all(|record| record.flags.contains(&AlertFlag::Oversize)));
}

#[tokio::test]
async fn a21_strange_label_names_are_stored_as_they_are() {
    let server = start().await;
    let strange = json!({
        "__proto__": "1", "$gt": "2", "a\"b": "3", "../../x": "4", "😀": "5", "a\u{202e}b": "<script>", "": "6",
        "alertname": "CircuitBreakerOpen", "service": "checkout",
    });
    let stored = one(&server, &alert(&strange)).await;
    assert!(stored.flags.is_empty(), "{stored:?}");
    assert_eq!(json!(stored.labels), strange);
}

#[tokio::test]
async fn a22_a_fingerprint_that_is_missing_or_wrong_is_replaced_and_flagged() {
    let server = start().await;
    let right = alert(&labels())["fingerprint"].clone();
    for (told, flags) in [
        (right.clone(), &[][..]),
        (json!("c6eadffa33fcdf37"), &[AlertFlag::FingerprintMismatch]),
        (json!("ZZZ"), &[AlertFlag::FingerprintReplaced]),
        (json!(""), &[AlertFlag::FingerprintReplaced]),
        (json!("C6EADFFA33FCDF37"), &[AlertFlag::FingerprintReplaced]),
        (Value::Null, &[AlertFlag::FingerprintReplaced]),
    ] {
        let mut odd = alert(&labels());
        if told.is_null() {
            odd.as_object_mut().unwrap().remove("fingerprint");
        } else {
            odd["fingerprint"] = told.clone();
        }
        let stored = one(&server, &odd).await;
        assert_eq!(json!(stored.key.fingerprint), right, "{told}");
        assert_eq!(stored.flags, flags, "{told}");
    }
}

#[tokio::test]
async fn a23_impossible_times_are_clamped_or_refused() {
    let server = start().await;
    let clamped = &[AlertFlag::TimeClamped][..];
    for (told, stored, flags) in [
        ("0001-01-01T00:00:00Z", None, &[][..]),
        ("0001-06-01T00:00:00Z", Some("2000-01-01T00:00:00Z"), clamped),
        ("9999-12-31T23:59:59Z", Some("2026-08-21T10:05:00Z"), clamped),
        ("9999-12-31T23:59:59.999999999-23:59", Some("2026-08-21T10:05:00Z"), clamped),
        ("2026-08-20T10:00:00+24:00", Some("2026-08-19T10:00:00Z"), &[]),
        ("2016-12-31T23:59:60Z", Some("2016-12-31T23:59:59Z"), &[]),
    ] {
        let mut odd = alert(&labels());
        odd["startsAt"] = json!(told);
        let alert = one(&server, &odd).await;
        assert_eq!(alert.starts_at, stored.map(|at| at.parse().unwrap()), "{told}");
        assert_eq!(alert.flags, flags, "{told}");
    }
    for told in ["yesterday", "", "2026-13-01T00:00:00Z", "2026-08-20"] {
        let mut odd = alert(&labels());
        odd["startsAt"] = json!(told);
        server.post(group(&[odd]).to_string()).await.is(400).says("alerts[].startsAt");
    }
}

#[tokio::test]
async fn a24_odd_ends_are_flagged_and_the_status_counts() {
    let server = start().await;
    let mut odd = alert(&labels());
    odd["endsAt"] = json!("2026-08-20T09:00:00Z");
    let stored = one(&server, &odd).await;
    assert_eq!(
        (stored.status, stored.flags.as_slice()),
        (AlertStatus::Firing, &[AlertFlag::TimesOdd][..])
    );
    odd["endsAt"] = json!("2026-08-20T10:04:00Z");
    assert_eq!(
        one(&server, &odd).await.flags,
        [AlertFlag::TimesOdd],
        "firing, and ended a minute ago"
    );
    odd["endsAt"] = json!("2026-08-20T10:09:00Z");
    assert_eq!(one(&server, &odd).await.flags, []);
    odd["status"] = json!("resolved");
    odd["endsAt"] = json!("2026-08-20T09:59:00Z");
    let stored = one(&server, &odd).await;
    assert_eq!(
        (stored.status, stored.flags.as_slice()),
        (AlertStatus::Resolved, &[AlertFlag::TimesOdd][..])
    );
}

#[tokio::test]
async fn a25_the_status_of_each_alert_wins_over_that_of_the_group() {
    let server = start().await;
    let mut resolved = alert(&breaker());
    resolved["status"] = json!("resolved");
    resolved["endsAt"] = json!("2026-08-20T10:04:00Z");
    server.post(group(&[resolved]).to_string()).await.is(200);
    assert_eq!(last(&server).alerts[0].status, AlertStatus::Resolved);
    assert_eq!(correlate(&server.store, NOW).await, (0, 0), "nothing fires, so nothing opens");
}

#[tokio::test]
async fn a26_a_truncated_group_is_unknown_and_resolves_nothing() {
    let server = start().await;
    server.post(group(&[alert(&breaker())]).to_string()).await.is(200);
    assert_eq!(correlate(&server.store, NOW).await, (1, 1));

    let mut other = alert(&labels());
    other["status"] = json!("resolved");
    let mut cut = group(&[other]);
    cut["status"] = json!("resolved");
    cut["truncatedAlerts"] = json!(50);
    server.post(cut.to_string()).await.is(200);
    let stored = last(&server);
    assert_eq!(stored.truncated, 50);
    assert!(stored.alerts[0].flags.contains(&AlertFlag::GroupTruncated));
    let now: Timestamp = NOW.parse().unwrap();
    let done = server.store.correlate(now, 64, &shipped()).await.unwrap();
    assert!(done.truncated, "the source is asked what is true");
    let incident = server.store.incidents(Which::Open).await.unwrap().remove(0);
    let firing =
        incident.alerts.values().filter(|record| record.status == AlertStatus::Firing).count();
    assert_eq!(firing, 1);
}

#[tokio::test]
async fn a27_the_same_body_a_thousand_times_is_one_incident() {
    let server = start().await;
    let body = group(&[alert(&breaker())]).to_string();
    for _ in 0..10 {
        let posts = (0..100).map(|_| server.post(body.clone()));
        for answer in futures_util::future::join_all(posts).await {
            answer.is(200);
        }
    }
    assert_eq!(server.stored().len(), 1_000);
    assert_eq!(correlate(&server.store, NOW).await, (1, 1));
    let incident = server.store.incidents(Which::Open).await.unwrap().remove(0);
    assert_eq!((incident.notifications, incident.alerts.len()), (1_000, 1));
    let opened = server.audit().await.iter().filter(|text| text.contains("alert_attached")).count();
    assert_eq!(opened, 1, "a repeat is no news");
}

#[tokio::test]
async fn a28_an_old_body_is_taken_in_and_marks_its_own_age() {
    let server = start().await;
    let mut old = alert(&breaker());
    old["startsAt"] = json!("2026-08-17T10:00:00Z");
    let stored = one(&server, &old).await;
    // Its age is kept for who reconciles it with Alertmanager; when it was received is ours alone.
    assert_eq!(stored.starts_at, Some("2026-08-17T10:00:00Z".parse().unwrap()));
    assert_eq!(correlate(&server.store, NOW).await, (1, 1));
    let incident = server.store.incidents(Which::Open).await.unwrap().remove(0);
    assert_eq!(incident.opened_at, NOW.parse().unwrap(), "its start is a hint, not our clock");
}

#[tokio::test]
async fn a29_resolved_before_firing_opens_nothing_until_it_fires() {
    let server = start().await;
    let mut resolved = alert(&breaker());
    resolved["status"] = json!("resolved");
    server.post(group(&[resolved]).to_string()).await.is(200);
    assert_eq!(correlate(&server.store, NOW).await, (0, 0));
    server.post(group(&[alert(&breaker())]).to_string()).await.is(200);
    assert_eq!(correlate(&server.store, NOW).await, (1, 1));
}

#[tokio::test]
async fn a30_one_fingerprint_with_other_labels_is_two_alerts_of_one_breaker() {
    let server = start().await;
    let mut second = breaker();
    second["replica"] = json!("b");
    // The second claims the first one's fingerprint.
    let mut liar = alert(&second);
    liar["fingerprint"] = alert(&breaker())["fingerprint"].clone();
    server.post(group(&[alert(&breaker()), liar]).to_string()).await.is(200);
    let stored = last(&server);
    assert_ne!(stored.alerts[0].key, stored.alerts[1].key);
    assert_eq!(
        stored.alerts[1].flags,
        [AlertFlag::FingerprintMismatch],
        "the collision is flagged"
    );
    assert_eq!(correlate(&server.store, NOW).await, (1, 1));
    let incident = server.store.incidents(Which::Open).await.unwrap().remove(0);
    assert_eq!(incident.alerts.len(), 2);
}

#[tokio::test]
async fn what_is_accepted_is_counted() {
    let server = start().await;
    server.post(body()).await.is(200).says("stored");
    server.post(group(&[alert(&labels()), alert(&breaker())]).to_string()).await.is(200);
    assert_eq!(server.metric("reclose_alerts_total"), 3);
    assert_eq!(server.metric("reclose_notifications_total"), 2);
    assert_eq!(server.metric("reclose_ack_seconds_count"), 2);
}
