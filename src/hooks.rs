//! For tests only: places where the process ends or freezes, and planted bugs. Not in a released build.
//!
//! `RECLOSE_KILL_AT=<failpoint>:<n>` ends the process with SIGKILL at the n-th passage, `RECLOSE_STOP_AT=…` freezes it
//! with SIGSTOP, `RECLOSE_BUG=<name>` plants a bug.
#![expect(clippy::disallowed_methods, reason = "only tests set these variables")]
#![expect(clippy::exit, reason = "a test that asks for what there is not must fail at once")]

use std::sync::atomic::{AtomicU32, Ordering};

use rustix::process::{Signal, getpid, kill_process};

use crate::core::planted::{Bug, Bugs};

/// Installs what the environment asks for. Called first in `main`.
pub fn install() -> Bugs {
    at("RECLOSE_KILL_AT", Signal::KILL);
    at("RECLOSE_STOP_AT", Signal::STOP);
    let Ok(name) = std::env::var("RECLOSE_BUG") else { return Bugs::default() };
    match Bug::ALL.iter().find(|bug| format!("{bug:?}") == name) {
        Some(bug) => Bugs::only(*bug),
        None => std::process::exit(2),
    }
}

fn at(variable: &str, signal: Signal) {
    let Ok(text) = std::env::var(variable) else { return };
    let (name, passage) = text.split_once(':').unwrap_or((&text, "1"));
    let passage: u32 = passage.parse().unwrap_or(1);
    let seen = AtomicU32::new(0);
    let hit = move || {
        if seen.fetch_add(1, Ordering::SeqCst) + 1 == passage {
            let _sent = kill_process(getpid(), signal);
        }
    };
    if fail::cfg_callback(name, hit).is_err() {
        std::process::exit(2);
    }
}
