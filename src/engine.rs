//! The loop: claim a due incident, decide, commit, perform. Decides nothing itself.

pub mod clock;
pub mod probes;
