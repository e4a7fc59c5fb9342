//! The loop: claim a due incident, decide, commit, perform. Decides nothing itself.

pub mod active;
pub mod clock;
pub mod deliver;
pub mod intake;
pub mod order;
pub mod perform;
pub mod probes;
pub mod reconcile;
pub mod recover;
pub mod reload;
pub mod run;
pub mod world;
