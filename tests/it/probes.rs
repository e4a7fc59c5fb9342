//! Proves that probes run when they are due, whatever the scheduler does: across changes of clocks, stalls and a dead
//! heartbeat, one at a time; and that a result says since when it holds.

mod heart;
mod plan;
mod run;
