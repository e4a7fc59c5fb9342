//! `reclose incidents`: what is open, and every switch that is on. Works on a stopped server's data too.

use std::time::Duration;

use comfy_table::{ContentArrangement, Table, presets};

use super::place::{Place, Reached, unexpected};
use super::{Exit, Trouble, answer};
use crate::core::time::{Timestamp, since};
use crate::web::socket::words::{Line, Listing, Request, Response, Rules, list};

#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  reclose incidents                 what is open now
  reclose incidents --all           also what was closed
  reclose incidents --json | jq '.incidents[].id'")]
pub(super) struct Arguments {
    /// Closed incidents too, the newest 500
    #[arg(long)]
    all: bool,
    /// Print JSON instead of a table
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    place: Place,
}

pub(super) async fn run(arguments: Arguments) -> Result<Exit, Trouble> {
    let Arguments { all, json, place } = arguments;
    let listing = match place.ask_or_open(&Request::Incidents { all }).await? {
        Reached::Server(Response::Incidents(listing)) => listing,
        Reached::Server(other) => return Err(unexpected(other)),
        Reached::Stopped(store, clock) => {
            answer::say("The server is stopped: this is what it left\n");
            let listing = list(&store, all, clock.now()).await;
            store.close().await;
            listing.map_err(|error| Trouble::internal(error.to_string()))?
        }
    };
    if json {
        let text = serde_json::to_string_pretty(&listing).map_err(anyhow::Error::from)?;
        answer::print(&format!("{text}\n"));
    } else {
        show(&listing, all);
    }
    Ok(Exit::Done)
}

fn show(listing: &Listing, all: bool) {
    if let Some(at) = listing.paused_since {
        let ago = span(since(listing.at, at));
        answer::say(&format!("Automation is OFF for {ago}: `reclose resume --all` ends it\n"));
    }
    if let Some(Rules { revision, wrong: Some(wrong) }) = &listing.rules {
        let ago = span(since(listing.at, wrong.since));
        let more = wrong.errors.saturating_sub(wrong.lines.len());
        let lines = wrong.lines.iter().fold(String::new(), |text, line| text + "  " + line + "\n");
        let more = if more > 0 { format!("  and {more} more\n") } else { String::new() };
        answer::say(&format!(
            "The rules on disk are WRONG for {ago}, revision {revision} stays active:\n{lines}{more}"
        ));
    }
    for pause in &listing.pauses {
        let left = span(since(pause.until, listing.at));
        answer::say(&format!("Automation of {} is paused for another {left}\n", pause.what));
    }
    for lock in &listing.locks {
        answer::say(&format!(
            "{} is locked by {}: an action on it has an unknown outcome; look at it, then `reclose unlock {}`\n",
            lock.target, lock.incident, lock.target
        ));
    }
    if listing.incidents.is_empty() {
        answer::say(if all { "There was no incident yet\n" } else { "No breaker is in trouble\n" });
        return;
    }
    answer::print(&format!("{}\n", table(listing)));
    if listing.more > 0 {
        answer::say(&format!("and {} more\n", listing.more));
    }
}

fn table(listing: &Listing) -> Table {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Dynamic);
    table.set_header([
        "INCIDENT",
        "BREAKER",
        "TARGET",
        "BREAKER IS",
        "CAUSE",
        "STANDS",
        "SINCE",
        "LAST",
    ]);
    for line in &listing.incidents {
        table.add_row(row(line, listing.at));
    }
    table
}

fn row(line: &Line, now: Timestamp) -> [String; 8] {
    let stands = match line.needs_person.first() {
        Some(why) => format!("needs a person: {why}"),
        None => line.phase.clone(),
    };
    let stands = match &line.acknowledged {
        Some(known) => format!("{stands} ({} has it)", known.by),
        None => stands,
    };
    [
        line.id.clone(),
        line.rule.clone(),
        line.target.clone(),
        line.state.name().to_owned(),
        line.cause.clone().unwrap_or_else(|| "-".to_owned()),
        stands,
        span(since(line.closed_at.unwrap_or(now), line.opened_at)),
        line.last.clone().unwrap_or_default(),
    ]
}

/// A span as people say it: two units at most.
pub(super) fn span(span: Duration) -> String {
    let secs = span.as_secs();
    match secs {
        0..60 => format!("{secs}s"),
        60..3_600 => format!("{}m {}s", secs / 60, secs % 60),
        3_600..86_400 => format!("{}h {}m", secs / 3_600, secs % 3_600 / 60),
        _ => format!("{}d {}h", secs / 86_400, secs % 86_400 / 3_600),
    }
}
