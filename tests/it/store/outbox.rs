//! What people are told: each message once, in its order, and looked up when nobody knows.

use std::time::Duration;

use reclose::core::alert::AlertStatus;
use reclose::core::audit::AuditEntry;
use reclose::core::effect::Effect;
use reclose::core::incident::IncidentId;
use reclose::core::time::Timestamp;
use reclose::store::{
    Body, Delivered, Delivery, DeliveryState, PAGE_WAITS, Posted, SENDING_LASTS, Slot, StoreError,
};

use super::contract;
use super::world::{World, at, page, report};

contract! {
    a_root_is_posted_once_and_then_edited
    lines_follow_their_root_one_by_one
    pages_go_first_and_do_not_wait_for_ever
    what_nobody_knows_of_goes_before_details
    a_message_on_its_way_is_not_sent_again
    what_was_on_its_way_when_the_process_ended_is_looked_up
    silence_is_doubt
    retries_wait
    a_lost_anchor_is_posted_anew
    the_dead_stay_dead_until_there_are_other_words
    a_newer_body_is_sent_after_the_one_on_its_way
    names_of_others_are_refused
    the_limit_holds
}

/// A report with lines, and a page if there is a number.
async fn tells(world: &World, id: IncidentId, now: Timestamp, lines: &[&str], number: Option<u32>) {
    let mut effects = vec![Effect::Tell(Box::new(report(id, now, lines)))];
    effects.extend(number.map(|number| Effect::Page(page(id, number, now))));
    // Something new, so that the incident is due.
    let known = world.incident(id).await.alerts.values().next().unwrap().status;
    let other = match known {
        AlertStatus::Firing => AlertStatus::Resolved,
        AlertStatus::Resolved => AlertStatus::Firing,
    };
    let target = world.incident(id).await.breaker.target;
    world.hear(&target, other, now).await;
    world.moves(id, now, |decision| decision.effects = effects).await;
}

async fn due(world: &World, now: Timestamp) -> Vec<Delivery> {
    world.store.deliveries_due(now, 100).await.unwrap()
}

async fn names(world: &World, now: Timestamp) -> Vec<String> {
    let short = |delivery: &Delivery| delivery.id.split_once('/').unwrap().1.to_owned();
    due(world, now).await.iter().map(short).collect()
}

fn posted() -> Posted {
    Posted { channel: "C1".into(), ts: "1.0".into() }
}

async fn sends(world: &World, delivery: &Delivery, now: Timestamp) {
    let revision = delivery.body_revision;
    world.store.delivery_sending(&delivery.id, revision, now).await.unwrap();
    let sent = Delivered::Sent { revision, posted: posted() };
    world.store.delivery_result(&delivery.id, sent, now).await.unwrap();
}

async fn result(world: &World, delivery: &Delivery, what: Delivered, now: Timestamp) {
    world.store.delivery_result(&delivery.id, what, now).await.unwrap();
}

async fn a_root_is_posted_once_and_then_edited(world: World) {
    let id = world.opens("pms", at(0)).await;
    tells(&world, id, at(1), &[], None).await;
    let root = due(&world, at(1)).await.remove(0);
    assert!(root.id.ends_with("/INC-1/root"));
    assert_eq!((root.slot, root.body_revision, root.sent_revision), (Slot::Root, 1, 0));
    assert_eq!((root.channel.as_deref(), root.posted.as_ref()), (Some("#ops"), None));
    sends(&world, &root, at(1)).await;
    assert_eq!(world.store.root_posted(id).await.unwrap(), Some(posted()));
    assert!(due(&world, at(99)).await.is_empty());

    tells(&world, id, at(2), &[], None).await;
    tells(&world, id, at(3), &[], None).await;
    let edited = due(&world, at(3)).await;
    assert_eq!(edited.len(), 1, "only the newest truth is told");
    assert_eq!((edited[0].body_revision, edited[0].sent_revision), (3, 1));
    assert_eq!((edited[0].posted.as_ref(), &edited[0].id), (Some(&posted()), &root.id));
    let Body::Report(newest) = &edited[0].body else { panic!("{:?}", edited[0].body) };
    assert_eq!(newest.at, at(3));
}

async fn lines_follow_their_root_one_by_one(world: World) {
    let id = world.opens("pms", at(0)).await;
    tells(&world, id, at(1), &["one", "two"], None).await;
    assert_eq!(names(&world, at(1)).await, ["INC-1/root"]);
    sends(&world, &due(&world, at(1)).await[0], at(1)).await;
    tells(&world, id, at(2), &["three"], None).await;
    assert_eq!(names(&world, at(2)).await, ["INC-1/root", "INC-1/thread-1"]);
    let line = due(&world, at(2)).await.remove(1);
    assert_eq!(line.body, Body::Line("one".into()));
    // Told to wait: the next line waits with it.
    world.store.delivery_sending(&line.id, 1, at(2)).await.unwrap();
    result(&world, &line, Delivered::Retry { at: at(10) }, at(3)).await;
    assert_eq!(names(&world, at(9)).await, ["INC-1/root"]);
    sends(&world, &due(&world, at(10)).await[1], at(10)).await;
    assert_eq!(names(&world, at(10)).await, ["INC-1/root", "INC-1/thread-2"]);
    // A line that is refused for good does not stop the rest.
    let two = due(&world, at(10)).await.remove(1);
    result(&world, &two, Delivered::Dead { why: "no".into() }, at(11)).await;
    assert_eq!(names(&world, at(11)).await, ["INC-1/root", "INC-1/thread-3"]);
}

async fn pages_go_first_and_do_not_wait_for_ever(world: World) {
    let first = world.opens("pms", at(0)).await;
    let second = world.opens("mail", at(0)).await;
    tells(&world, first, at(1), &[], Some(1)).await;
    tells(&world, second, at(1), &["line"], Some(1)).await;
    assert_eq!(names(&world, at(1)).await, ["INC-1/root", "INC-2/root"]);
    sends(&world, &due(&world, at(1)).await[1], at(1)).await;
    assert_eq!(names(&world, at(1)).await, ["INC-2/page-1", "INC-1/root", "INC-2/thread-1"]);
    // A root that cannot be posted does not hold the page.
    let late = at(1) + PAGE_WAITS;
    assert_eq!(names(&world, late - Duration::from_micros(1)).await[0], "INC-2/page-1");
    assert_eq!(names(&world, late).await[..2], ["INC-1/page-1", "INC-2/page-1"]);
    let root = due(&world, at(1)).await.remove(1);
    result(&world, &root, Delivered::Dead { why: "gone".into() }, at(2)).await;
    assert_eq!(names(&world, at(2)).await[..2], ["INC-1/page-1", "INC-2/page-1"]);
    // The same page decided again is the same page.
    tells(&world, first, at(3), &[], Some(1)).await;
    assert_eq!(due(&world, late).await.iter().filter(|d| d.incident == first).count(), 2);
    let pages = |entry: &&AuditEntry| matches!(entry, AuditEntry::Paged { .. });
    assert_eq!(world.entries().await.iter().filter(pages).count(), 3);
}

async fn what_nobody_knows_of_goes_before_details(world: World) {
    let first = world.opens("pms", at(0)).await;
    tells(&world, first, at(1), &["one"], None).await;
    sends(&world, &due(&world, at(1)).await[0], at(1)).await;
    tells(&world, first, at(2), &["two"], None).await;
    let second = world.opens("mail", at(3)).await;
    tells(&world, second, at(3), &["line"], None).await;
    assert_eq!(names(&world, at(3)).await, ["INC-2/root", "INC-1/root", "INC-1/thread-1"]);
}

async fn a_message_on_its_way_is_not_sent_again(world: World) {
    let id = world.opens("pms", at(0)).await;
    tells(&world, id, at(1), &[], None).await;
    let root = due(&world, at(1)).await.remove(0);
    world.store.delivery_sending(&root.id, 1, at(1)).await.unwrap();
    assert!(due(&world, at(2)).await.is_empty());
    let again = world.store.delivery_sending(&root.id, 1, at(2)).await;
    assert!(matches!(again, Err(StoreError::Conflict)));
    let sent = Delivered::Sent { revision: 1, posted: posted() };
    result(&world, &root, sent.clone(), at(2)).await;
    result(&world, &root, sent, at(2)).await;
    // A failure that arrives after the success is none.
    result(&world, &root, Delivered::Retry { at: at(3) }, at(3)).await;
    result(&world, &root, Delivered::Ambiguous { at: at(3) }, at(3)).await;
    assert!(due(&world, at(99)).await.is_empty());
    assert!(matches!(
        world.store.delivery_sending(&root.id, 1, at(4)).await,
        Err(StoreError::Conflict)
    ));
}

async fn what_was_on_its_way_when_the_process_ended_is_looked_up(mut world: World) {
    let id = world.opens("pms", at(0)).await;
    tells(&world, id, at(1), &[], None).await;
    let root = due(&world, at(1)).await.remove(0);
    world.store.delivery_sending(&root.id, 1, at(1)).await.unwrap();
    world.restart().await;
    world.store.start(at(5), "1", &world.rules).await.unwrap();
    let doubted = due(&world, at(5)).await.remove(0);
    assert_eq!(doubted.state, DeliveryState::Ambiguous(at(1)), "since it was sent");
    assert_eq!((&doubted.id, doubted.attempts), (&root.id, 1));
    // Not found yet: look again later, from the same moment.
    result(&world, &doubted, Delivered::Ambiguous { at: at(10) }, at(5)).await;
    assert!(due(&world, at(9)).await.is_empty());
    assert_eq!(due(&world, at(10)).await[0].state, DeliveryState::Ambiguous(at(1)));
    // Found: nothing is sent.
    let found = Delivered::Sent { revision: 1, posted: posted() };
    result(&world, &doubted, found, at(10)).await;
    assert!(due(&world, at(99)).await.is_empty());
}

async fn silence_is_doubt(world: World) {
    let id = world.opens("pms", at(0)).await;
    tells(&world, id, at(1), &[], None).await;
    let root = due(&world, at(1)).await.remove(0);
    world.store.delivery_sending(&root.id, 1, at(1)).await.unwrap();
    let late = at(1) + SENDING_LASTS;
    assert!(due(&world, late - Duration::from_micros(1)).await.is_empty());
    assert_eq!(due(&world, late).await[0].state, DeliveryState::Ambiguous(at(1)));
    world.store.delivery_sending(&root.id, 1, late).await.unwrap();
    assert!(due(&world, late).await.is_empty());
}

async fn retries_wait(world: World) {
    let id = world.opens("pms", at(0)).await;
    tells(&world, id, at(1), &[], None).await;
    let root = due(&world, at(1)).await.remove(0);
    world.store.delivery_sending(&root.id, 1, at(1)).await.unwrap();
    result(&world, &root, Delivered::Retry { at: at(30) }, at(2)).await;
    tells(&world, id, at(3), &[], None).await;
    assert!(due(&world, at(29)).await.is_empty(), "new words do not shorten the wait");
    let again = due(&world, at(30)).await.remove(0);
    assert_eq!((again.state, again.attempts, again.body_revision), (DeliveryState::Planned, 1, 2));
    sends(&world, &again, at(30)).await;
    tells(&world, id, at(31), &[], None).await;
    assert_eq!(due(&world, at(31)).await[0].attempts, 0);
}

async fn a_lost_anchor_is_posted_anew(world: World) {
    let id = world.opens("pms", at(0)).await;
    tells(&world, id, at(1), &[], None).await;
    sends(&world, &due(&world, at(1)).await[0], at(1)).await;
    tells(&world, id, at(2), &["line"], None).await;
    let edit = due(&world, at(2)).await.remove(0);
    world.store.delivery_sending(&edit.id, 2, at(2)).await.unwrap();
    result(&world, &edit, Delivered::LostAnchor, at(3)).await;
    assert_eq!(world.store.root_posted(id).await.unwrap(), None);
    let anew = due(&world, at(3)).await;
    assert_eq!(anew.len(), 1, "the line waits for the new root");
    assert_eq!((anew[0].posted.as_ref(), anew[0].sent_revision), (None, 0));
}

async fn the_dead_stay_dead_until_there_are_other_words(world: World) {
    let id = world.opens("pms", at(0)).await;
    tells(&world, id, at(1), &[], None).await;
    let root = due(&world, at(1)).await.remove(0);
    world.store.delivery_sending(&root.id, 1, at(1)).await.unwrap();
    result(&world, &root, Delivered::Dead { why: "invalid_blocks".into() }, at(2)).await;
    assert!(due(&world, at(999)).await.is_empty());
    let Some(AuditEntry::Note { text }) = world.entries().await.pop() else { panic!("no note") };
    assert!(text.contains(&root.id) && text.contains("invalid_blocks"));
    tells(&world, id, at(3), &[], None).await;
    assert_eq!(due(&world, at(3)).await[0].body_revision, 2);
}

async fn a_newer_body_is_sent_after_the_one_on_its_way(world: World) {
    let id = world.opens("pms", at(0)).await;
    tells(&world, id, at(1), &[], None).await;
    let root = due(&world, at(1)).await.remove(0);
    world.store.delivery_sending(&root.id, 1, at(1)).await.unwrap();
    tells(&world, id, at(2), &[], None).await;
    assert!(due(&world, at(2)).await.is_empty(), "one at a time");
    let sent = Delivered::Sent { revision: 1, posted: posted() };
    result(&world, &root, sent, at(3)).await;
    let next = due(&world, at(3)).await.remove(0);
    assert_eq!((next.body_revision, next.sent_revision), (2, 1));
    assert_eq!(next.state, DeliveryState::Planned);
}

async fn names_of_others_are_refused(world: World) {
    let id = world.opens("pms", at(0)).await;
    tells(&world, id, at(1), &[], None).await;
    let epoch = due(&world, at(1)).await[0].id.split('/').next().unwrap().to_owned();
    for strange in [
        String::new(),
        "root".into(),
        "other/INC-1/root".into(),
        format!("{epoch}/INC-2/root"),
        format!("{epoch}/INC-1/thread-1"),
        format!("{epoch}/INC-x/root"),
    ] {
        let sending = world.store.delivery_sending(&strange, 1, at(1)).await;
        assert!(matches!(sending, Err(StoreError::Conflict)), "{strange}");
        let retry = Delivered::Retry { at: at(2) };
        assert!(world.store.delivery_result(&strange, retry, at(1)).await.is_err());
    }
    let future = world.store.delivery_sending(&format!("{epoch}/INC-1/root"), 9, at(1)).await;
    assert!(matches!(future, Err(StoreError::Conflict)), "a body that is not written yet");
}

async fn the_limit_holds(world: World) {
    for target in ["pms", "mail", "ledger"] {
        let id = world.opens(target, at(0)).await;
        tells(&world, id, at(1), &[], None).await;
    }
    let two = world.store.deliveries_due(at(1), 2).await.unwrap();
    assert_eq!(two.iter().map(|d| d.incident.0).collect::<Vec<_>>(), [1, 2]);
}
