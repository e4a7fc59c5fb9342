//! The simulated process ends where it is told, and nothing durable is lost.

use reclose::core::action::Outcome;
use reclose::core::alert::AlertStatus;
use reclose::store::memory::{Memory, Point};
use reclose::store::{Begun, Store, StoreError};

use super::world::{World, alert, at, notification};

fn memory(world: &World) -> &Memory {
    match &world.store {
        Store::Memory(memory) => memory,
        Store::Sqlite(_) => panic!("not in memory"),
    }
}

#[tokio::test]
async fn before_and_after_the_write() {
    for (point, stored) in [(Point::Before, 0), (Point::After, 1)] {
        let world = World::memory();
        memory(&world).crash_after(2, point);
        let body = || vec![(at(0), notification(vec![alert("pms", AlertStatus::Firing)]))];
        world.store.ingest(body()).await.unwrap();
        assert!(matches!(world.store.ingest(body()).await, Err(StoreError::Crashed)));
        assert!(memory(&world).crashed());
        assert!(matches!(world.store.next_due().await, Err(StoreError::Crashed)), "reading too");
        assert!(matches!(world.store.ingest(body()).await, Err(StoreError::Crashed)));
        memory(&world).revive();
        let done = world.store.correlate(at(1), 10, &world.rules).await.unwrap();
        assert_eq!(done.notifications, 1 + stored, "{point:?}");
    }
}

#[tokio::test]
async fn a_beginning_that_nobody_heard_of_is_unfinished() {
    for (point, begun) in [(Point::Before, false), (Point::After, true)] {
        let world = World::memory();
        let id = world.opens("pms", at(0)).await;
        let intent = world.decides(id, at(0)).await;
        memory(&world).crash_after(2, point);
        let open = reclose::core::incident::News::Reread {
            state: reclose::core::rule::BreakerState::Open,
        };
        world.store.note(id, &open, at(1)).await.unwrap();
        assert!(world.store.begin(&intent, &world.rules, at(1)).await.is_err());
        memory(&world).revive();
        assert_eq!(world.store.unfinished().await.unwrap().len(), usize::from(begun));
        let again = world.begins(&intent, at(2)).await;
        assert_eq!(again == Begun::Started, !begun, "never twice, {point:?}");
        world.store.finish(&intent.key, Outcome::Done, at(3)).await.unwrap();
    }
}
