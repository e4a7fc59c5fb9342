//! `reclose diagnose`: why a breaker opened, from a saved bundle. Asks nobody, acts on nothing.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use super::{Exit, Trouble, answer};
use crate::bundle;
use crate::core::cause::{Class, Verdict, words};

/// A bundle holds an hour of one service's logs; more is something else.
const BUNDLE_MOST_BYTES: u64 = 256 * 1024 * 1024;

#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  reclose diagnose --bundle incident.json          why it opened, in words
  reclose diagnose --bundle - --json < incident.json")]
pub(super) struct Arguments {
    /// Judge a saved incident; `-` reads it from standard input
    #[arg(long, value_name = "FILE")]
    bundle: PathBuf,
    /// Print JSON instead of text
    #[arg(long)]
    json: bool,
}

pub(super) fn run(arguments: &Arguments) -> Result<Exit, Trouble> {
    let text = text_of(&arguments.bundle)?;
    let bundle = bundle::read(&text).map_err(|error| {
        Trouble::new(Exit::Usage, format!("`{}` is no bundle: {error}", arguments.bundle.display()))
            .hint("a bundle is one incident as JSON: `reclose bundle INC-1` writes one")
    })?;
    let verdict = bundle.judge();
    let text = if arguments.json {
        as_json(&bundle.breaker, &verdict)?
    } else {
        as_text(&bundle.breaker, &verdict)
    };
    answer::print(&text);
    Ok(Exit::Done)
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
    text
}
