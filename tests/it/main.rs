//! All integration tests, one binary. Each module says what it proves.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "tests fail by panicking"
)]
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "figures are printed for the log of the run"
)]
#![allow(unreachable_pub, reason = "one binary: everything is private to it")]
#![allow(
    clippy::assigning_clones,
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    clippy::format_collect,
    clippy::manual_is_multiple_of,
    clippy::needless_raw_string_hashes,
    clippy::similar_names,
    clippy::unnecessary_wraps,
    clippy::unused_self,
    clippy::wildcard_enum_match_arm,
    reason = "tests are read for what they prove"
)]
#![allow(
    clippy::disallowed_methods,
    reason = "tests are told how long to run by their environment"
)]

/// The simulation lives of allocations.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

mod served;
mod servers;

mod purity;

mod diagnose;

mod sim;

mod store;

mod webhook;

mod classify;
mod decide;
pub mod evidence;
pub mod rules;
mod trial;

mod packs;

mod slack;

mod alerts;
mod cli;
mod probes;

mod demo;
mod e2e;
mod kill;
mod reload;
