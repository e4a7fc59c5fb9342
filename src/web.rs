//! The doors.

pub mod socket;
