//! An incident in one file, to share and to judge again: its logs, its metrics, no secret. Asks nobody and reads no clock.

mod extra;
mod read;

pub use read::{Bundle, read};
