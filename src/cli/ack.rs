//! `reclose ack`: a person looks after an incident. Nothing that automation does changes.

use super::pause::send;
use super::place::Place;
use super::{Exit, Trouble};
use crate::core::command::Scope;
use crate::core::incident::IncidentId;
use crate::web::socket::words::{Order, scope};

#[derive(Debug, clap::Args)]
#[command(after_help = "\
Rules may call further people when nobody has acknowledged an incident in time. Whoever does is named
in its report; automation goes on as its rule allows. `reclose pause INC-7` is what stops it.

Examples:
  reclose ack INC-7
  reclose ack INC-7 --note 'on it; the bank confirmed an outage'")]
pub(super) struct Arguments {
    /// Incident, such as INC-7
    #[arg(value_parser = parse_incident)]
    incident: IncidentId,
    /// What those who look should know
    #[arg(long, value_name = "TEXT")]
    note: Option<String>,
    #[command(flatten)]
    place: Place,
}

pub(super) async fn run(arguments: Arguments) -> Result<Exit, Trouble> {
    let Arguments { incident, note, place } = arguments;
    send(Order::Acknowledge { incident, note }, &place).await
}

pub(super) fn parse_incident(text: &str) -> Result<IncidentId, String> {
    match scope(text) {
        Scope::Incident(id) => Ok(id),
        Scope::Target(_) => {
            Err("write an incident as `reclose incidents` shows it: INC-7".to_owned())
        }
    }
}
