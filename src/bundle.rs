//! An incident in one file, to share and to judge again: its logs, its metrics, no secret. Asks nobody and reads no clock.

mod extra;
mod read;
mod write;

pub use read::{Bundle, read};
pub use write::write;
