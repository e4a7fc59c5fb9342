//! What people see in Slack: bounded, inert, posted once. Everything against a fake written from Slack's documentation.
#![allow(clippy::disallowed_methods, reason = "the fake keeps Slack's time, and tests measure")]

mod blocks;
mod client;
mod deliver;
pub mod fake;
mod official;
pub mod reports;
mod terminal;
