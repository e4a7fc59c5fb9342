//! `reclose check`: every mistake of every rule at once, with its place. Asks no system and starts nothing.

use std::io::IsTerminal;
use std::path::PathBuf;

use super::{Exit, Trouble, answer};
use crate::rules;

#[derive(Debug, clap::Args)]
#[command(after_help = "\
Every mistake is told with its file, line and column, and what to write instead. Rules become active
all together or not at all: `reclose serve` does not start with rules that this finds wrong.

Examples:
  reclose check
  reclose check rules/ && git push")]
pub(super) struct Arguments {
    /// Folder of the rules and of targets.yaml
    #[arg(value_name = "FOLDER", default_value = "rules")]
    rules: PathBuf,
}

pub(super) fn run(arguments: &Arguments) -> Result<Exit, Trouble> {
    if !arguments.rules.is_dir() {
        return Err(Trouble::new(
            Exit::Usage,
            format!("there is no folder `{}`", arguments.rules.display()),
        )
        .hint("name the folder of your rules: `reclose check rules/`"));
    }
    let (report, sound) = rules::check(&arguments.rules, std::io::stdout().is_terminal());
    answer::print(&report);
    Ok(if sound { Exit::Done } else { Exit::No })
}
