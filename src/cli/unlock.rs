//! `reclose unlock`: a person has looked at a target whose last action has an unknown outcome.

use super::pause::send;
use super::place::Place;
use super::{Exit, Trouble};
use crate::web::socket::words::Order;

#[derive(Debug, clap::Args)]
#[command(after_help = "\
reclose locks a target when it cannot find out whether its last action was carried out, and calls a
person. Look at the target first; `reclose incidents` shows what is locked.

Example:
  reclose unlock checkout --reason 'it was reset once, at 03:12; the breaker is closed'")]
pub(super) struct Arguments {
    /// Target, as in rules/targets.yaml
    target: String,
    /// What was found
    #[arg(long, value_name = "TEXT")]
    reason: String,
    #[command(flatten)]
    place: Place,
}

pub(super) async fn run(arguments: Arguments) -> Result<Exit, Trouble> {
    let Arguments { target, reason, place } = arguments;
    send(Order::Unlock { target, reason }, &place).await
}
