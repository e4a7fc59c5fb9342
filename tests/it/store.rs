//! The contract of the store: every backend keeps it, the same way.
//!
//! `contract!` runs each test against every backend.

mod alerts;
mod incidents;
#[allow(dead_code, reason = "words for tests that come with the store on disk")]
pub mod world;

/// Runs every named test.
macro_rules! contract {
    ($($name:ident)*) => {
        mod memory {
            $(#[tokio::test] async fn $name() { super::$name(crate::store::world::World::memory()).await; })*
        }
    };
}
pub(crate) use contract;
