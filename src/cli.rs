//! The command line: what can be typed, and what it answers. One file for each command; decides nothing itself.
//!
//! Data goes to standard output, all else to standard error, and every message can be read without colour.

mod answer;
#[cfg(feature = "demo")]
mod lab;

use clap::{Parser, Subcommand};

pub use answer::{Exit, Trouble};

#[derive(Debug, Parser)]
#[command(name = "reclose", version, about)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// The failing services of the demo
    #[cfg(feature = "demo")]
    #[command(hide = true)]
    Lab(lab::Arguments),
}

/// Runs what was typed. Never panics on what a user can do.
pub fn main() -> Exit {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return answer::usage(&error),
    };
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return answer::tell(&Trouble::internal(format!("cannot start: {error}"))),
    };
    let done = runtime.block_on(async {
        match cli.command {
            #[cfg(feature = "demo")]
            Command::Lab(arguments) => lab::run(arguments).await,
        }
    });
    // A blocking read that nobody waits for must not keep the process.
    runtime.shutdown_background();
    match done {
        Ok(exit) => exit,
        Err(trouble) => answer::tell(&trouble),
    }
}
