//! Synthetic probes: what is due is asked of the store, run once at a time, and its result remembered.
//!
//! Never decides what a result means, and never probes through a breaker that must idle.

pub mod heart;
pub mod plan;
pub mod schedule;
