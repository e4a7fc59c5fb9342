//! `reclose pause`: no automatic action on an incident, a target, or anything at all. The switch works with the server down.

use std::time::Duration;

use super::place::{Place, Reached, unexpected};
use super::{Exit, Trouble, answer};
use crate::core::command::{Command, PAUSE_DEFAULT, PAUSE_MOST, Person};
use crate::engine::order::{Refused, order};
use crate::web::socket::words::{Order, Request, Response, scope};

#[derive(Debug, clap::Args)]
#[command(after_help = "\
A pause of an incident or a target ends: after an hour unless said otherwise, after a day at most.
`--all` is the switch for everything: it has no end, survives restarts, and works when the server is
stopped. Only `reclose resume --all` ends it. reclose goes on watching and telling in any case.

Examples:
  reclose pause INC-12 --reason 'we are failing over by hand'
  reclose pause checkout --for 3h --reason 'load test'
  reclose pause --all")]
pub(super) struct Arguments {
    /// Incident (INC-12) or target (checkout)
    #[arg(value_name = "INCIDENT|TARGET", required_unless_present = "all", conflicts_with = "all")]
    what: Option<String>,
    /// Everything: no action begins on any target
    #[arg(long)]
    all: bool,
    /// How long, such as 30m or 3h
    #[arg(long = "for", value_name = "SPAN", value_parser = parse_span, conflicts_with = "all")]
    span: Option<Duration>,
    /// Why, for those who find it paused
    #[arg(long, value_name = "TEXT", default_value = "no reason given", hide_default_value = true)]
    reason: String,
    #[command(flatten)]
    place: Place,
}

pub(super) async fn run(arguments: Arguments) -> Result<Exit, Trouble> {
    let Arguments { what, all: _, span, reason, place } = arguments;
    let Some(what) = what else { return pause_all(reason, &place).await };
    let for_secs = span.unwrap_or(PAUSE_DEFAULT).as_secs();
    send(Order::Pause { what: scope(&what), for_secs, reason }, &place).await
}

/// Sends an order to the running server, and prints what is true from now on.
pub(super) async fn send(wanted: Order, place: &Place) -> Result<Exit, Trouble> {
    let response = place.ask(&Request::Order(wanted)).await?;
    let Response::Ordered(said) = response else { return Err(unexpected(response)) };
    answer::print(&format!("{said}\n"));
    Ok(Exit::Done)
}

async fn pause_all(reason: String, place: &Place) -> Result<Exit, Trouble> {
    let wanted = Request::Order(Order::PauseAll { reason: reason.clone() });
    let said = match place.ask_or_open(&wanted).await? {
        Reached::Server(Response::Ordered(said)) => said,
        Reached::Server(other) => return Err(unexpected(other)),
        Reached::Stopped(store, clock) => {
            let by = Person {
                name: "whoever owns the data directory".to_owned(),
                door: "command line".to_owned(),
            };
            let said = order(&store, None, Command::PauseAll { reason }, &by, clock.now()).await;
            store.close().await;
            answer::say("The server is stopped: it will find the switch off when it starts\n");
            said.map_err(|refused| {
                let exit =
                    if matches!(refused, Refused::Store(_)) { Exit::Internal } else { Exit::No };
                Trouble::new(exit, refused.to_string())
            })?
        }
    };
    answer::print(&format!("{said}\n"));
    Ok(Exit::Done)
}

fn parse_span(text: &str) -> Result<Duration, String> {
    let span: jiff::SignedDuration =
        text.parse().map_err(|_| "write a span such as 30m, 3h or 1h30m".to_owned())?;
    let span = Duration::try_from(span).map_err(|_| "a span cannot be negative".to_owned())?;
    if span.is_zero() || span > PAUSE_MOST {
        return Err("a pause lasts at most 24h; `--all` has no end".to_owned());
    }
    Ok(span)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_read_as_people_write_them() {
        assert_eq!(parse_span("30m"), Ok(Duration::from_secs(1_800)));
        assert_eq!(parse_span("1h30m"), Ok(Duration::from_secs(5_400)));
        assert_eq!(parse_span("24h"), Ok(Duration::from_secs(86_400)));
        for wrong in ["25h", "0s", "-5m", "soon", "90"] {
            assert!(parse_span(wrong).is_err(), "{wrong}");
        }
    }
}
