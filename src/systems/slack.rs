//! Slack: one root message an incident, edited in place; a thread of what happened; pages that mention. Never decides,
//! never retries: what came of a call is told to `engine::deliver`, which remembers and tries again.

pub mod blocks;
pub mod client;
pub mod errors;
pub mod text;

pub use blocks::Message;
pub use client::{Found, Place, Search, Slack, Tag};
pub use errors::{Kind, SlackError};
