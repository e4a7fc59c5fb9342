//! `reclose diagnose`: why a breaker opened, from a saved bundle or by asking now. Acts on nothing.

pub(super) mod live;

use std::io::Read as _;
use std::path::{Path, PathBuf};

use super::place::Place;
use super::{Exit, Trouble, answer};
use crate::bundle;
use crate::core::cause::{Class, Verdict, words};
use crate::core::incident::{Breaker, IncidentId};
use crate::core::redact::redact;

/// A bundle holds an hour of one service's logs; more is something else.
const BUNDLE_MOST_BYTES: u64 = 256 * 1024 * 1024;

#[derive(Debug, clap::Args)]
#[command(after_help = "\
A saved incident is judged by itself: no system is asked, no clock is read. Else the questions of the
breaker's rule are asked now; nothing is acted on.

Examples:
  reclose diagnose INC-7
  reclose diagnose --rule payments --target payments-eu
  reclose diagnose --bundle incident.json          why it opened, in words
  reclose diagnose --bundle - --json < incident.json")]
pub(super) struct Arguments {
    /// Incident, such as INC-7
    #[arg(value_parser = super::ack::parse_incident, required_unless_present_any = ["bundle", "rule"], conflicts_with_all = ["bundle", "rule"])]
    incident: Option<IncidentId>,
    /// Judge a saved incident; `-` reads it from standard input
    #[arg(long, value_name = "FILE", conflicts_with = "rule")]
    bundle: Option<PathBuf>,
    /// Ask the questions of this rule
    #[arg(long, value_name = "RULE", requires = "target")]
    rule: Option<String>,
    /// For this target
    #[arg(long, value_name = "TARGET", requires = "rule")]
    target: Option<String>,
    /// Folder of the rules
    #[arg(long, value_name = "FOLDER", default_value = "rules")]
    rules: PathBuf,
    /// Configuration file
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Print JSON instead of text
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    place: Place,
}

pub(super) async fn run(arguments: Arguments) -> Result<Exit, Trouble> {
    let (breaker, verdict) = match &arguments.bundle {
        Some(path) => saved(path)?,
        None => asked(&arguments).await?,
    };
    let text =
        if arguments.json { as_json(&breaker, &verdict)? } else { as_text(&breaker, &verdict) };
    answer::print(&text);
    Ok(Exit::Done)
}

fn saved(path: &Path) -> Result<(String, Verdict), Trouble> {
    let bundle = bundle::read(&text_of(path)?).map_err(|error| {
        Trouble::new(Exit::Usage, format!("`{}` is no bundle: {error}", path.display()))
            .hint("a bundle is one incident as JSON: `reclose bundle INC-1` writes one")
    })?;
    let verdict = bundle.judge();
    Ok((bundle.breaker, verdict))
}

async fn asked(arguments: &Arguments) -> Result<(String, Verdict), Trouble> {
    let (breaker, opened_at) = match (arguments.incident, &arguments.rule, &arguments.target) {
        (Some(id), _, _) => {
            let incident = live::incident(id, &arguments.place).await?;
            let opened_at = incident.open_since();
            (incident.breaker, Some(opened_at))
        }
        (None, Some(rule), Some(target)) => {
            (Breaker { rule: rule.clone(), target: target.clone() }, None)
        }
        (None, _, _) => {
            return Err(Trouble::new(Exit::Usage, "name an incident, a rule or a bundle"));
        }
    };
    let rule = live::rule_of(&arguments.rules, &breaker)?;
    let asked = live::ask(rule, arguments.config.clone(), opened_at).await?;
    Ok((format!("{} of {}", asked.rule.name, breaker.target), asked.verdict))
}

fn text_of(path: &Path) -> Result<String, Trouble> {
    let wrong = |error: std::io::Error| {
        Trouble::new(Exit::Usage, format!("cannot read `{}`: {error}", path.display()))
            .hint("name a bundle, or `-` for standard input")
    };
    let mut bytes = Vec::new();
    if path == Path::new("-") {
        std::io::stdin().take(BUNDLE_MOST_BYTES).read_to_end(&mut bytes).map_err(wrong)?;
    } else {
        let file = std::fs::File::open(path).map_err(wrong)?;
        file.take(BUNDLE_MOST_BYTES).read_to_end(&mut bytes).map_err(wrong)?;
    }
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// The keys of the contract first; more for those who want to know why.
pub(super) fn as_json(breaker: &str, verdict: &Verdict) -> Result<String, Trouble> {
    let told =
        verdict.told_wait.filter(|_| !matches!(verdict.class, Class::Unknown | Class::Mixed));
    let told = told.map(|wait| wait.as_millis().div_ceil(1_000));
    let json = serde_json::json!({
        "cause": verdict.class.name(),
        "confidence": (verdict.confidence * 1_000.0).round() / 1_000.0,
        "retry_after_s": told.and_then(|secs| u64::try_from(secs).ok()),
        "runner_up": verdict.runner_up,
        "lasting": verdict.lasting,
        "quota": verdict.quota,
        "reach": verdict.reach,
        "sentence": words::sentence(breaker, verdict),
        "because": verdict.because,
        "against": words::against(verdict),
        "missing": verdict.missing,
        "settles": words::settles(verdict.class),
    });
    let text = serde_json::to_string(&json).map_err(anyhow::Error::from)?;
    Ok(text + "\n")
}

pub(super) fn as_text(breaker: &str, verdict: &Verdict) -> String {
    let mut text = words::sentence(breaker, verdict) + "\n";
    let mut list = |title: &str, lines: Vec<String>| {
        if !lines.is_empty() {
            text.extend(["\n", title, "\n"]);
            text.extend(lines.iter().map(|line| format!("  - {line}\n")));
        }
    };
    list("Because", words::evidence(verdict));
    list("Against it, or left out", words::against(verdict));
    list("What would settle it", vec![words::settles(verdict.class).to_owned()]);
    let mut beside: Vec<String> = words::reach(&verdict.reach).into_iter().collect();
    beside.push(words::lasting(verdict));
    list("Beside", beside);
    redact(&text).into_owned()
}
