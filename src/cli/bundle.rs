//! `reclose bundle`: one incident as a file, without secrets, to share and to judge again. Changes nothing.

use std::path::PathBuf;

use super::diagnose::live;
use super::place::Place;
use super::{Exit, Trouble, answer};
use crate::bundle;
use crate::core::cause::Lasting;
use crate::core::incident::IncidentId;

#[derive(Debug, clap::Args)]
#[command(after_help = "\
The answers of the incident's last round are saved; one that was never answered is asked again now.
Passwords, tokens, keys, credentials in addresses and e-mail addresses are masked.

Examples:
  reclose bundle INC-7 > incident.json
  reclose bundle INC-7 | reclose diagnose --bundle -")]
pub(super) struct Arguments {
    /// Incident, such as INC-7
    #[arg(value_parser = super::ack::parse_incident)]
    incident: IncidentId,
    /// Folder of the rules
    #[arg(long, value_name = "FOLDER", default_value = "rules")]
    rules: PathBuf,
    /// Configuration file
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    #[command(flatten)]
    place: Place,
}

pub(super) async fn run(arguments: Arguments) -> Result<Exit, Trouble> {
    let Arguments { incident: id, rules, config, place } = arguments;
    let incident = live::incident(id, &place).await?;
    let opened_at = incident.open_since();
    let rule = live::rule_of(&rules, &incident.breaker)?;
    let lasting = incident.verdict.as_ref().map_or(Lasting::Unknown, |verdict| verdict.lasting);
    let target = incident.breaker.target.as_str();
    let answered = incident.round.filter(|round| round.findings.is_some());
    let (rule, round, lasting) = if let Some(round) = answered {
        (rule, round, lasting)
    } else {
        let asked = live::ask(rule, config, Some(opened_at)).await?;
        (asked.rule, asked.round, asked.verdict.lasting)
    };
    let text = bundle::write(&id.to_string(), &rule, target, &round, (opened_at, lasting));
    answer::print(&text.map_err(anyhow::Error::from)?);
    Ok(Exit::Done)
}
