//! `reclose demo`: three breakers trip, are understood and brought back, with nothing installed.
//!
//! The lab is a process of its own that knows nothing of reclose. Nothing here scripts an outcome.

pub mod lab;
mod rules;
pub mod run;
mod table;
