//! Claims, fences, leases and commits: nobody overwrites what they have not read.

use std::time::Duration;

use reclose::core::action::Intent;
use reclose::core::alert::AlertStatus;
use reclose::core::audit::AuditEntry;
use reclose::core::decide::Reason;
use reclose::core::effect::Effect;
use reclose::core::evidence::Findings;
use reclose::core::incident::{IncidentId, News, Phase, Round};
use reclose::store::{Claim, StoreError, Which};

use super::contract;
use super::world::{World, acts, at, intent, lease, page, report, same};

contract! {
    a_claim_is_exclusive_until_its_lease_ends
    a_released_claim_is_free_at_once
    an_old_fence_commits_nothing
    a_commit_counts_revisions
    news_during_a_claim_is_not_lost
    a_commit_is_whole
    the_wake_decides_what_is_due
    the_log_is_spared_what_did_not_move
    the_one_that_waited_longest_goes_first
    a_closed_incident_is_not_claimed
    findings_are_noted_once
    a_key_decides_once
    floats_and_texts_come_back_as_they_were
}

async fn a_claim_is_exclusive_until_its_lease_ends(world: World) {
    let id = world.opens("pms", at(0)).await;
    assert!(world.store.claim_due(at(-1), &lease()).await.unwrap().is_none(), "not due yet");
    let first = world.claim(at(0)).await;
    assert_eq!((first.incident.id, first.fence), (id, 1));
    assert!(world.store.claim_due(at(29), &lease()).await.unwrap().is_none());
    assert_eq!(world.store.next_due().await.unwrap(), Some(at(30)), "when the lease ends");
    let second = world.claim(at(30)).await;
    assert_eq!(second.fence, 2);
}

async fn a_released_claim_is_free_at_once(world: World) {
    world.opens("pms", at(0)).await;
    let first = world.claim(at(0)).await;
    world.store.release(&first).await.unwrap();
    let second = world.claim(at(0)).await;
    assert_eq!(second.fence, 2);
    // The first holder cannot give back what is not its own.
    world.store.release(&first).await.unwrap();
    assert!(world.store.claim_due(at(0), &lease()).await.unwrap().is_none());
}

async fn an_old_fence_commits_nothing(world: World) {
    let id = world.opens("pms", at(0)).await;
    let old = world.claim(at(0)).await;
    let new = world.claim(at(60)).await;
    let before = world.incident(id).await;
    let refused = world.store.commit(&old, same(&old.incident), at(60)).await;
    assert!(matches!(refused, Err(StoreError::Conflict)));
    assert_eq!(world.incident(id).await, before);
    world.store.commit(&new, same(&new.incident), at(60)).await.unwrap();
}

async fn a_commit_counts_revisions(world: World) {
    world.opens("pms", at(0)).await;
    let claim = world.claim(at(0)).await;
    for wrong in [0, 2] {
        let mut decision = same(&claim.incident);
        decision.incident.revision = claim.incident.revision + wrong;
        assert!(matches!(
            world.store.commit(&claim, decision, at(0)).await,
            Err(StoreError::Conflict)
        ));
    }
    world.store.commit(&claim, same(&claim.incident), at(0)).await.unwrap();
    let again = world.store.commit(&claim, same(&claim.incident), at(0)).await;
    assert!(matches!(again, Err(StoreError::Conflict)), "the same decision twice");
    let nobody = Claim {
        incident: {
            let mut i = claim.incident.clone();
            i.id = IncidentId(99);
            i
        },
        fence: 1,
    };
    assert!(matches!(
        world.store.commit(&nobody, same(&nobody.incident), at(0)).await,
        Err(StoreError::Conflict)
    ));
}

async fn news_during_a_claim_is_not_lost(world: World) {
    let id = world.opens("pms", at(0)).await;
    let claim = world.claim(at(0)).await;
    world.hear("pms", AlertStatus::Resolved, at(1)).await;
    let refused = world.store.commit(&claim, same(&claim.incident), at(1)).await;
    assert!(matches!(refused, Err(StoreError::Conflict)));
    world.store.release(&claim).await.unwrap();
    let again = world.claim(at(1)).await;
    assert!(again.incident.alerts.values().all(|alert| alert.status == AlertStatus::Resolved));
    world.store.commit(&again, same(&again.incident), at(1)).await.unwrap();
    assert_eq!(world.incident(id).await.revision, again.incident.revision + 1);
}

/// What fails in the middle leaves nothing behind.
async fn a_commit_is_whole(world: World) {
    let id = world.opens("pms", at(0)).await;
    let mut intent = world.decides(id, at(0)).await;
    intent.reason = "another decision under the same key".into();
    world.hear("pms", AlertStatus::Resolved, at(1)).await;
    let (entries, before) = (world.entries().await, world.incident(id).await);
    let claim = world.claim(at(1)).await;
    let mut decision = same(&claim.incident);
    decision.effects = vec![
        Effect::Tell(Box::new(report(id, at(1), &["line"]))),
        Effect::Page(page(id, 1, at(1))),
        Effect::Do(Box::new(intent)),
    ];
    assert!(matches!(
        world.store.commit(&claim, decision, at(1)).await,
        Err(StoreError::Corrupt(_))
    ));
    assert_eq!(world.entries().await, entries);
    assert_eq!(world.incident(id).await, before);
    assert!(world.store.deliveries_due(at(99), 10).await.unwrap().is_empty());
}

async fn the_wake_decides_what_is_due(world: World) {
    let id = world.opens("pms", at(0)).await;
    world.moves(id, at(0), |decision| decision.wake = Some(at(50))).await;
    assert_eq!(world.store.next_due().await.unwrap(), Some(at(50)));
    assert!(world.store.claim_due(at(49), &lease()).await.unwrap().is_none());
    world.moves(id, at(50), |_| {}).await;
    assert_eq!(world.store.next_due().await.unwrap(), None);
    // Only news wakes it now.
    world.hear("pms", AlertStatus::Resolved, at(70)).await;
    assert_eq!(world.store.next_due().await.unwrap(), Some(at(70)));
}

async fn the_log_is_spared_what_did_not_move(world: World) {
    let id = world.opens("pms", at(0)).await;
    let before = world.entries().await.len();
    world
        .moves(id, at(0), |d| {
            d.wake = Some(at(5));
            d.incident.next_look = at(5);
            d.because = vec![Reason::TooEarly];
        })
        .await;
    assert_eq!(world.entries().await.len(), before);
    world
        .moves(id, at(5), |d| {
            d.incident.phase = Phase::Escalated { since: at(5) };
            d.because = vec![Reason::Escalated];
            d.audit = vec![AuditEntry::Note { text: "ground".into() }];
            d.effects = vec![
                Effect::Tell(Box::new(report(id, at(5), &[]))),
                Effect::Page(page(id, 1, at(5))),
            ];
        })
        .await;
    let entries = world.entries().await;
    let [
        AuditEntry::Decided { from, to, because, effects, revision, .. },
        AuditEntry::Note { .. },
        AuditEntry::Paged { number: 1, .. },
    ] = &entries[before..]
    else {
        panic!("{entries:?}")
    };
    assert_eq!((from.as_str(), to.as_str()), ("watching", "escalated"));
    assert_eq!(because, &[Reason::Escalated]);
    assert_eq!(effects, &["tell", "page"]);
    assert_eq!(*revision, world.incident(id).await.revision);
}

async fn the_one_that_waited_longest_goes_first(world: World) {
    let late = world.opens("pms", at(10)).await;
    let early = world.opens("mail", at(5)).await;
    assert_eq!(world.store.next_due().await.unwrap(), Some(at(5)));
    assert_eq!(world.claim(at(20)).await.incident.id, early);
    assert_eq!(world.store.next_due().await.unwrap(), Some(at(10)));
    assert_eq!(world.claim(at(20)).await.incident.id, late);
    // Both leases end; the order is that of their moments again.
    assert_eq!(world.claim(at(60)).await.incident.id, early);
}

async fn a_closed_incident_is_not_claimed(world: World) {
    let id = world.opens("pms", at(0)).await;
    world
        .moves(id, at(0), |d| {
            d.incident.phase = Phase::Recovered;
            d.incident.closed_at = Some(at(0));
            d.wake = Some(at(1));
        })
        .await;
    assert!(world.store.claim_due(at(9), &lease()).await.unwrap().is_none());
    assert_eq!(world.store.next_due().await.unwrap(), None);
    assert!(world.store.incidents(Which::Open).await.unwrap().is_empty());
}

async fn findings_are_noted_once(world: World) {
    let id = world.opens("pms", at(0)).await;
    world
        .moves(id, at(0), |d| {
            d.incident.round = Some(Round {
                number: 3,
                asked_at: at(0),
                questions: vec![],
                findings: None,
                answered_at: None,
            });
            d.wake = Some(at(100));
        })
        .await;
    let before = (world.entries().await.len(), world.incident(id).await.revision);
    let late = News::Findings { round: 2, findings: Findings::new() };
    assert!(!world.store.note(id, &late, at(1)).await.unwrap());
    assert_eq!(world.store.next_due().await.unwrap(), Some(at(100)));
    let news = News::Findings { round: 3, findings: Findings::new() };
    assert!(world.store.note(id, &news, at(2)).await.unwrap());
    assert!(!world.store.note(id, &news, at(3)).await.unwrap());
    assert!(!world.store.note(IncidentId(77), &news, at(3)).await.unwrap());
    assert_eq!(world.store.next_due().await.unwrap(), Some(at(2)));
    let entries = world.entries().await;
    assert_eq!(entries.len(), before.0 + 1);
    assert!(matches!(entries.last(), Some(AuditEntry::Found { round: 3, .. })));
    assert_eq!(world.incident(id).await.revision, before.1 + 1);
}

async fn a_key_decides_once(world: World) {
    let intent = world.acting("pms", at(0)).await;
    let id = intent.incident;
    // The same decision offered again, after it was begun: what stands there stays.
    world.hear("pms", AlertStatus::Resolved, at(1)).await;
    let again = Effect::Do(Box::new(intent.clone()));
    world.moves(id, at(1), |decision| decision.effects.push(again)).await;
    assert_eq!(world.store.unfinished().await.unwrap(), std::slice::from_ref(&intent));
    // Another decision under its key.
    world.hear("pms", AlertStatus::Firing, at(2)).await;
    let claim = world.claim(at(2)).await;
    let mut decision = same(&claim.incident);
    let reason = "another decision under the same key".to_owned();
    decision.effects.push(Effect::Do(Box::new(Intent { reason, ..intent })));
    let refused = world.store.commit(&claim, decision, at(2)).await;
    assert!(matches!(refused, Err(StoreError::Corrupt(_))), "{refused:?}");
}

async fn floats_and_texts_come_back_as_they_were(mut world: World) {
    let id = world.opens("pms", at(0)).await;
    let strange = "\u{0} \" \\ \n ü 🦀 '; DROP TABLE incidents; --";
    let written = world
        .moves(id, at(0), |d| {
            acts(d, &intent("x", id, "pms", 1, at(0)));
            d.incident.verdict.as_mut().unwrap().confidence = 0.1 + 0.2;
            d.incident.write(at(0) + Duration::from_micros(1), strange);
        })
        .await;
    world.restart().await;
    let read = world.incident(id).await;
    assert_eq!(read, written);
    assert_eq!(read.verdict.unwrap().confidence.to_bits(), (0.1_f64 + 0.2).to_bits());
    assert_eq!(read.timeline.last().unwrap().text, strange);
}
