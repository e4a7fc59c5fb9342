//! `reclose test`: the tests beside the rules, run by the real engine without a network. Starts no server.

use std::io::IsTerminal;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use super::{Exit, Trouble, answer};
use crate::core::time::Duration;
use crate::engine::clock::since_boot;
use crate::rules::render;
use crate::trial::{self, Suite, Tell};

/// Whoever waits wants to see that something moves.
const SAY_EVERY: Duration = Duration::from_secs(5);

#[derive(Debug, clap::Args)]
#[command(after_help = "\
Tests are read from `*.test.yaml` beside the rules; docs/rules.md shows how to write one. Each is lived
through by the same code as a server's, with a world and a clock of its own: no network, no waiting.

Examples:
  reclose test
  reclose test rules/ pms --require-coverage 100
  reclose test rules/ --mutate
  reclose test --junit target/rules.xml")]
pub(super) struct Arguments {
    /// Folder of the rules and their tests
    #[arg(value_name = "FOLDER", default_value = "rules")]
    rules: PathBuf,
    /// Only tests whose `rule: name` contains this
    #[arg(value_name = "FILTER")]
    filter: Option<String>,
    /// Weaken each rule in one place after the other, and name what no test notices
    #[arg(long)]
    mutate: bool,
    /// Fail if less of a rule than so many percent is reached by its tests
    #[arg(long, value_name = "PERCENT", value_parser = clap::value_parser!(u8).range(0..=100))]
    require_coverage: Option<u8>,
    /// Write the results to a file, as CI systems read them
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub(super) fn run(arguments: &Arguments) -> Result<Exit, Trouble> {
    if !arguments.rules.is_dir() {
        return Err(Trouble::new(
            Exit::Usage,
            format!("there is no folder `{}`", arguments.rules.display()),
        )
        .hint("name the folder of your rules: `reclose test rules/`"));
    }
    let suite = match Suite::load(&arguments.rules) {
        Ok(suite) => suite,
        Err(mistakes) => {
            answer::say(&trial::mistakes(&mistakes, std::io::stderr().is_terminal()));
            return Ok(Exit::No);
        }
    };
    let run = suite.run(arguments.filter.as_deref());
    if run.count() == 0 {
        let what = match &arguments.filter {
            Some(filter) => format!("no test has `{filter}` in its name"),
            None => format!("there is no test in `{}`", arguments.rules.display()),
        };
        return Err(Trouble::new(Exit::Usage, what)
            .hint("tests are files such as `rules/pms.test.yaml`; see docs/rules.md"));
    }
    if let Some(path) = &arguments.junit {
        let text = trial::junit(&run).map_err(Trouble::internal)?;
        std::fs::write(path, text).map_err(|error| {
            Trouble::new(Exit::Usage, format!("cannot write `{}`: {error}", path.display()))
        })?;
    }
    // A test that fails anyway notices nothing.
    let mutated = (arguments.mutate && run.failed() == 0)
        .then(|| suite.mutate(arguments.filter.as_deref(), &run, &Progress::default()));
    if arguments.json {
        answer::print(&trial::json(&run, mutated.as_ref()).map_err(anyhow::Error::from)?);
    } else {
        answer::print(&trial::text(&run));
        if let Some(mutated) = &mutated {
            answer::print(&format!("\n{}", trial::changes_text(mutated)));
        } else if arguments.mutate {
            answer::say("no change was tried: first all tests must pass\n");
        }
    }
    if let Some(mutated) = mutated.as_ref().filter(|mutated| !mutated.mistakes().is_empty()) {
        answer::say(&render(mutated.mistakes(), std::io::stderr().is_terminal()));
    }
    let below = arguments.require_coverage.map_or(0, |percent| run.below(percent.into()));
    let noticed = mutated.is_none_or(|mutated| mutated.sound());
    Ok(if run.failed() == 0 && below == 0 && noticed { Exit::Done } else { Exit::No })
}

/// Says every few seconds how far it is.
struct Progress(Mutex<Duration>);

impl Default for Progress {
    fn default() -> Self {
        Self(Mutex::new(since_boot()))
    }
}

impl Tell for Progress {
    fn tried(&self, done: usize, all: usize) {
        let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let now = since_boot();
        if now.saturating_sub(*last) >= SAY_EVERY {
            *last = now;
            answer::say(&format!("{done} of {all} changes tried\n"));
        }
    }
}
