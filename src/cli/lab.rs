//! `reclose lab`: the process of failing services that `reclose demo` starts. Hidden: of no use by itself.

use std::io::Read;
use std::path::PathBuf;

use tokio_util::sync::CancellationToken;

use super::{Exit, Trouble};
use crate::demo::lab::{Options, Outcome, run as run_lab};

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// Where to write the port once it listens
    #[arg(long)]
    port_file: PathBuf,
    /// Folder of the breakers' logs
    #[arg(long)]
    logs: PathBuf,
    /// Where to post alerts
    #[arg(long)]
    webhook: Option<String>,
    /// File that holds the webhook's bearer token
    #[arg(long)]
    webhook_token: Option<PathBuf>,
    /// File that holds the bearer token of a reset
    #[arg(long)]
    reset_token: PathBuf,
    #[arg(long, value_enum, default_value_t = Outcome::Heals)]
    upstream: Outcome,
}

pub(super) async fn run(arguments: Arguments) -> Result<Exit, Trouble> {
    let stop = CancellationToken::new();
    let gone = stop.clone();
    // A lab never outlives the process that started it: the system closes this pipe even after a kill.
    std::thread::spawn(move || {
        let mut ignored = [0_u8; 64];
        let mut input = std::io::stdin().lock();
        while !matches!(input.read(&mut ignored), Ok(0) | Err(_)) {}
        gone.cancel();
    });
    let Arguments { port_file, logs, webhook, webhook_token, reset_token, upstream } = arguments;
    let options = Options { port_file, logs, webhook, webhook_token, reset_token, upstream };
    run_lab(options, stop).await?;
    Ok(Exit::Done)
}
