//! `reclose demo`: three breakers trip, are understood, and brought back or handed to a person. Needs nothing installed.

use tokio_util::sync::CancellationToken;

use super::{Exit, Trouble, answer};
use crate::demo::lab::Outcome;
use crate::demo::run::{Options, run as run_demo};
use crate::telemetry;

/// The demo's reports are what is to be read; of the log only what went wrong.
const LOG: &str = "warn";

#[derive(Debug, clap::Args)]
#[command(after_help = "\
A lab of three services with real circuit breakers runs in a process of its own and sends alerts as
Alertmanager does. Nothing is scripted: reclose sees what it would see in your house. It takes about
half a minute, and the table at the end is read from the store.

Examples:
  reclose demo
  reclose demo --upstream stays-down    the second breaker must then not be reset
  reclose demo --keep --port 7325       stay up, to look around")]
pub(super) struct Arguments {
    /// Whether the upstream of the second breaker comes back
    #[arg(long, value_enum, default_value_t = Outcome::Heals)]
    upstream: Outcome,
    /// Stay up after the table, until Ctrl-C
    #[arg(long)]
    keep: bool,
    /// Port on 127.0.0.1; 0: any that is free
    #[arg(long, default_value_t = 0)]
    port: u16,
}

pub(super) async fn run(arguments: Arguments) -> Result<Exit, Trouble> {
    let Arguments { upstream, keep, port } = arguments;
    telemetry::init(telemetry::Format::Human, LOG).map_err(anyhow::Error::from)?;
    answer::say(&introduction(upstream));
    let stop = CancellationToken::new();
    let signal = stop.clone();
    tokio::spawn(async move {
        super::signals::first().await;
        signal.cancel();
    });
    let ended = run_demo(Options { upstream, keep, port }, stop.clone(), answer::say).await?;
    if !keep {
        answer::print(&format!("\n{}", ended.table));
    }
    if ended.all {
        return Ok(Exit::Done);
    }
    let what = if stop.is_cancelled() {
        "the demo was stopped before all three incidents had ended"
    } else {
        "not all three incidents had ended after 60 s"
    };
    Err(Trouble::new(Exit::No, what)
        .hint("on a very slow machine try again; else please report it, with the lines above"))
}

fn introduction(upstream: Outcome) -> String {
    let inventory = match upstream {
        Outcome::Heals => {
            "answers 503 for a while: it is reset, but only once the upstream is proven well"
        }
        Outcome::StaysDown => "answers 503 and stays down: it must not be reset",
    };
    format!(
        "Three services call their upstreams through circuit breakers. In two seconds things go wrong:\n  \
           payments   answers 429 and says how long to wait: it waits, and closes by itself\n  \
           inventory  {inventory}\n  \
           accounts   answers 401: a reset would not help, so a person is called\n\n"
    )
}
