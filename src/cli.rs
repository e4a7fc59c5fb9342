//! The command line: what can be typed, and what it answers. One file for each command; decides nothing itself.
//!
//! Data goes to standard output, all else to standard error, and every message can be read without colour.

mod answer;
mod place;
mod signals;

mod ack;
mod alerts;
mod audit;
mod bundle;
mod check;
mod classify;
mod coverage;
#[cfg(feature = "demo")]
mod demo;
mod diagnose;
mod explain;
mod incidents;
#[cfg(feature = "demo")]
mod lab;
mod packs;
mod pause;
mod reload;
mod resume;
mod schema;
mod serve;
mod test;
mod unlock;

use clap::{Parser, Subcommand};

pub use answer::{Exit, Trouble};

/// Brings tripped circuit breakers back, safely
///
/// Alertmanager tells reclose that a breaker is open. It finds out why, waits or resets when that can
/// help, checks that it did, and calls a person when it cannot.
#[derive(Debug, Parser)]
#[command(
    name = "reclose",
    version,
    after_help = "\
Exit codes:
  0  done
  1  the answer is no: a rule is wrong, the log is broken, an order was refused
  2  wrong usage or configuration
  3  no server answers
  70 our own fault"
)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the server
    Serve(serve::Arguments),
    /// Watch three breakers trip, be understood and be brought back
    #[cfg(feature = "demo")]
    Demo(demo::Arguments),
    /// Check rules and targets, every mistake at once
    Check(check::Arguments),
    /// Show what becomes of each step of the runbooks, and which test shows it
    Coverage(coverage::Arguments),
    /// Say what log lines tell of a cause
    Classify(classify::Arguments),
    /// List the packs for the breakers of known libraries, or print one
    Packs(packs::Arguments),
    /// Write alerting rules for Prometheus
    Alerts(alerts::Arguments),
    /// Have a running server read its rules again
    Reload(reload::Arguments),
    /// Say why a breaker opened, with the evidence
    Diagnose(diagnose::Arguments),
    /// Save an incident, without secrets, to share it and to judge it again
    Bundle(bundle::Arguments),
    /// Say in plain words what a rule does, when, by whose leave, and what never
    Explain(explain::Arguments),
    /// Print the rule language as JSON Schema, for editors
    Schema(schema::Arguments),
    /// Run the tests beside the rules, without a network
    Test(test::Arguments),
    /// Show what is open, and every switch that is on
    Incidents(incidents::Arguments),
    /// Check the audit log
    Audit(audit::Arguments),
    /// Stop automatic actions on an incident, a target, or everything
    Pause(pause::Arguments),
    /// End a pause
    Resume(resume::Arguments),
    /// Say that you look after an incident
    Ack(ack::Arguments),
    /// Release a target whose last action has an unknown outcome
    Unlock(unlock::Arguments),
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
    let done = runtime.block_on(cli.run());
    // A blocking read that nobody waits for must not keep the process.
    runtime.shutdown_background();
    match done {
        Ok(exit) => exit,
        Err(trouble) => answer::tell(&trouble),
    }
}

impl Cli {
    async fn run(self) -> Result<Exit, Trouble> {
        match self.command {
            Command::Serve(arguments) => serve::run(arguments).await,
            #[cfg(feature = "demo")]
            Command::Demo(arguments) => demo::run(arguments).await,
            Command::Coverage(arguments) => coverage::run(&arguments),
            Command::Classify(arguments) => classify::run(&arguments),
            Command::Packs(arguments) => packs::run(&arguments),
            Command::Alerts(arguments) => alerts::run(&arguments),
            Command::Reload(arguments) => reload::run(arguments).await,
            Command::Check(arguments) => check::run(&arguments).await,
            Command::Diagnose(arguments) => diagnose::run(arguments).await,
            Command::Bundle(arguments) => bundle::run(arguments).await,
            Command::Explain(arguments) => explain::run(&arguments),
            Command::Schema(arguments) => schema::run(&arguments),
            Command::Test(arguments) => test::run(&arguments),
            Command::Incidents(arguments) => incidents::run(arguments).await,
            Command::Audit(arguments) => audit::run(arguments).await,
            Command::Pause(arguments) => pause::run(arguments).await,
            Command::Resume(arguments) => resume::run(arguments).await,
            Command::Ack(arguments) => ack::run(arguments).await,
            Command::Unlock(arguments) => unlock::run(arguments).await,
            #[cfg(feature = "demo")]
            Command::Lab(arguments) => lab::run(arguments).await,
        }
    }
}
