//! `reclose resume`: ends a pause, and nothing more: rules and ceilings hold as they are.

use super::pause::send;
use super::place::Place;
use super::{Exit, Trouble};
use crate::web::socket::words::{Order, scope};

#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  reclose resume INC-12
  reclose resume checkout
  reclose resume --all              ends `reclose pause --all`; other pauses go on")]
pub(super) struct Arguments {
    /// Incident (INC-12) or target (checkout)
    #[arg(value_name = "INCIDENT|TARGET", required_unless_present = "all", conflicts_with = "all")]
    what: Option<String>,
    /// End the switch for everything
    #[arg(long)]
    all: bool,
    #[command(flatten)]
    place: Place,
}

pub(super) async fn run(arguments: Arguments) -> Result<Exit, Trouble> {
    let Arguments { what, all: _, place } = arguments;
    let wanted = match what {
        Some(what) => Order::Resume { what: scope(&what) },
        None => Order::ResumeAll,
    };
    send(wanted, &place).await
}
