//! Everything that decides, nothing that does: no clock, network, disk, `async`, randomness or environment.
//!
//! The modules stand in the order of an alert's path; `tests/it/purity.rs` keeps the promise of the line above.

pub mod redact;
pub mod time;

pub mod alert;
pub mod incident;

pub mod evidence;

pub mod cause;
pub mod classify;

pub mod action;
pub mod guard;
pub mod plan;

pub mod escalation;
pub mod verify;

pub mod report;

pub mod rule;

pub mod command;
pub mod fleet;

pub mod effect;

pub mod decide;

pub mod audit;
pub mod planted;
