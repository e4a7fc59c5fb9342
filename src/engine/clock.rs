//! The only place that reads the time.
#![expect(clippy::disallowed_methods, reason = "this module is where time enters the program")]

use crate::core::time::Timestamp;

/// The wall clock, once. Everything else goes through `Clock`.
pub fn wall() -> Timestamp {
    Timestamp::now()
}
