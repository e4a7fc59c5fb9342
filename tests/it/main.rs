//! All integration tests, one binary. Each module says what it proves.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests fail by panicking"
)]
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "figures are printed for the log of the run"
)]
#![allow(unreachable_pub, reason = "one binary: everything is private to it")]

mod served;
mod servers;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

mod purity;

mod sim;

mod store;

mod webhook;

mod classify;
mod evidence;
mod rules;

mod slack;

mod cli;
mod probes;

mod demo;
mod e2e;
mod kill;
