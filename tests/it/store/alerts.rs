//! From stored bodies to incidents: duplicates, truncation, reopening, what opens nothing.

use std::time::Duration;

use reclose::core::alert::{AlertFlag, AlertStatus};
use reclose::core::audit::AuditEntry;
use reclose::core::incident::{IncidentId, Phase};
use reclose::core::rule::BreakerState;
use reclose::store::{REOPEN_WINDOW, Which};

use super::contract;
use super::world::{World, acts, alert, at, intent, notification};

contract! {
    stored_first_and_attached_once
    repeats_are_counted_and_are_no_news
    a_resolved_alert_opens_nothing
    several_alerts_of_one_breaker_are_one_incident
    what_no_rule_matches_is_named
    a_truncated_group_is_flagged
    an_unknown_target_is_observed
    closed_a_short_while_ago_is_reopened
    closed_long_ago_is_another_incident
    the_limit_holds_and_the_order_stays
    numbers_are_never_reused
}

async fn stored_first_and_attached_once(world: World) {
    let body = notification(vec![alert("pms", AlertStatus::Firing)]);
    world.store.ingest(vec![(at(0), body)]).await.unwrap();
    assert!(world.store.incidents(Which::Open).await.unwrap().is_empty());

    let first = world.store.correlate(at(1), 10, &world.rules).await.unwrap();
    assert_eq!((first.notifications, first.opened.as_slice()), (1, [IncidentId(1)].as_slice()));
    let second = world.store.correlate(at(2), 10, &world.rules).await.unwrap();
    assert_eq!(second.notifications, 0);

    let incident = world.incident(IncidentId(1)).await;
    assert_eq!(incident.notifications, 1);
    assert_eq!(incident.rule_revision, "r1");
    assert_eq!(incident.opened_at, at(1));
    assert_eq!(world.store.next_due().await.unwrap(), Some(at(1)));
    assert!(world.store.rule_by_revision("r1").await.unwrap().is_some());
    assert!(matches!(&world.entries().await[..], [AuditEntry::AlertAttached { opened: true, .. }]));
}

async fn repeats_are_counted_and_are_no_news(world: World) {
    let id = world.opens("pms", at(0)).await;
    world.moves(id, at(0), |_| {}).await;
    let quiet = world.entries().await.len();
    world.hear("pms", AlertStatus::Firing, at(5)).await;
    let incident = world.incident(id).await;
    assert_eq!(incident.notifications, 2);
    assert_eq!(world.store.next_due().await.unwrap(), None, "a repeat is no reason to decide");
    assert_eq!(world.entries().await.len(), quiet);

    world.hear("pms", AlertStatus::Resolved, at(6)).await;
    assert_eq!(world.store.next_due().await.unwrap(), Some(at(6)));
    assert_eq!(world.entries().await.len(), quiet + 1);
}

async fn a_resolved_alert_opens_nothing(world: World) {
    world.hear("pms", AlertStatus::Resolved, at(0)).await;
    assert!(world.store.incidents(Which::Newest(10)).await.unwrap().is_empty());
    let id = world.opens("pms", at(1)).await;
    world
        .moves(id, at(1), |d| {
            d.incident.phase = Phase::Recovered;
            d.incident.closed_at = Some(at(1));
        })
        .await;
    world.hear("pms", AlertStatus::Resolved, at(2)).await;
    assert!(world.store.incidents(Which::Open).await.unwrap().is_empty());
}

async fn several_alerts_of_one_breaker_are_one_incident(world: World) {
    let mut other = alert("pms", AlertStatus::Firing);
    other.key.fingerprint = "another".into();
    let alerts = vec![alert("pms", AlertStatus::Firing), other, alert("mail", AlertStatus::Firing)];
    world
        .store
        .ingest(vec![(at(0), notification(alerts.clone())), (at(0), notification(alerts))])
        .await
        .unwrap();
    let done = world.store.correlate(at(0), 10, &world.rules).await.unwrap();
    assert_eq!(done.opened, [IncidentId(1), IncidentId(2)]);
    assert_eq!(done.touched, [IncidentId(1), IncidentId(2)]);
    let incident = world.incident(IncidentId(1)).await;
    assert_eq!((incident.alerts.len(), incident.notifications), (2, 4));
}

async fn what_no_rule_matches_is_named(world: World) {
    let mut strange = alert("pms", AlertStatus::Firing);
    strange.labels.insert("alertname".into(), "DiskFull".into());
    world.store.ingest(vec![(at(0), notification(vec![strange]))]).await.unwrap();
    let done = world.store.correlate(at(0), 10, &world.rules).await.unwrap();
    assert_eq!(done.unmatched, ["DiskFull"]);
    assert!(done.opened.is_empty());
}

async fn a_truncated_group_is_flagged(world: World) {
    let mut body = notification(vec![alert("pms", AlertStatus::Firing)]);
    body.truncated = 3;
    world.store.ingest(vec![(at(0), body)]).await.unwrap();
    assert!(world.store.correlate(at(0), 10, &world.rules).await.unwrap().truncated);
    let incident = world.incident(IncidentId(1)).await;
    assert!(incident.alerts.values().all(|alert| alert.flags == [AlertFlag::GroupTruncated]));
}

async fn an_unknown_target_is_observed(world: World) {
    let id = world.opens("nobody", at(0)).await;
    assert!(world.incident(id).await.unknown_target);
    let fleet = world.store.fleet(&world.incident(id).await, &world.rules, at(0)).await.unwrap();
    assert_eq!(fleet.target, None);
}

async fn closed_a_short_while_ago_is_reopened(mut world: World) {
    let id = world.opens("pms", at(0)).await;
    world
        .moves(id, at(0), |d| {
            acts(d, &intent("x", id, "pms", 1, at(0)));
            d.incident.phase = Phase::Recovered;
            d.incident.closed_at = Some(at(10));
            d.incident.told = vec![0];
        })
        .await;
    assert_eq!(world.store.next_due().await.unwrap(), None);
    world.rules.rules.get_mut("breaker").unwrap().revision = "r2".into();
    let again = at(10) + REOPEN_WINDOW;
    assert_eq!(world.opens("pms", again).await, id);
    let incident = world.incident(id).await;
    assert_eq!(incident.phase, Phase::Watching);
    assert_eq!(incident.reopened, [again]);
    assert_eq!(
        (incident.closed_at, incident.verdict.clone(), incident.state),
        (None, None, BreakerState::Unknown)
    );
    assert_eq!((incident.told.len(), incident.attempts.len()), (0, 1));
    assert_eq!(incident.rule_revision, "r2");
    let claim = world.claim(again).await;
    assert_eq!((claim.incident.id, claim.fence), (id, 2), "the fence goes on growing");
    let fleet = world.store.fleet(&incident, &world.rules, again).await.unwrap();
    assert_eq!(fleet.open[0].opened_at, again);
}

async fn closed_long_ago_is_another_incident(world: World) {
    let id = world.opens("pms", at(0)).await;
    world
        .moves(id, at(0), |d| {
            d.incident.phase = Phase::Recovered;
            d.incident.closed_at = Some(at(10));
        })
        .await;
    let later = at(10) + REOPEN_WINDOW + Duration::from_secs(1);
    assert_eq!(world.opens("pms", later).await, IncidentId(2));
    let newest = world.store.incidents(Which::Newest(1)).await.unwrap();
    assert_eq!(newest[0].id, IncidentId(2));
    assert_eq!(world.store.incidents(Which::Newest(9)).await.unwrap().len(), 2);
}

async fn the_limit_holds_and_the_order_stays(world: World) {
    let firing = notification(vec![alert("pms", AlertStatus::Firing)]);
    let resolved = notification(vec![alert("pms", AlertStatus::Resolved)]);
    world.store.ingest(vec![(at(0), firing), (at(1), resolved)]).await.unwrap();
    let firing = notification(vec![alert("mail", AlertStatus::Firing)]);
    world.store.ingest(vec![(at(2), firing)]).await.unwrap();
    let done = world.store.correlate(at(3), 2, &world.rules).await.unwrap();
    assert_eq!((done.notifications, done.opened.len()), (2, 1));
    let pms = world.incident(IncidentId(1)).await;
    assert!(pms.alerts.values().all(|alert| alert.status == AlertStatus::Resolved));
    let done = world.store.correlate(at(3), 2, &world.rules).await.unwrap();
    assert_eq!((done.notifications, done.opened.as_slice()), (1, [IncidentId(2)].as_slice()));
}

async fn numbers_are_never_reused(mut world: World) {
    let first = world.opens("pms", at(0)).await;
    world.restart().await;
    let second = world.opens("mail", at(1)).await;
    assert!(second > first);
}
