//! The contract of the store: every backend keeps it, the same way.
//!
//! `contract!` runs each test against memory and against `SQLite`.

mod agree;
mod alerts;
mod audit;
mod crash;
mod disk;
mod incidents;
mod intents;
mod outbox;
mod server;
pub mod world;

/// Runs every named test against both backends.
macro_rules! contract {
    ($($name:ident)*) => {
        mod memory {
            $(#[tokio::test] async fn $name() { super::$name(crate::store::world::World::memory()).await; })*
        }
        mod sqlite {
            $(#[tokio::test] async fn $name() { super::$name(crate::store::world::World::sqlite().await).await; })*
        }
    };
}
pub(crate) use contract;
