//! `reclose coverage`: what becomes of each step of the runbooks, and which test shows it. Asks no system and starts nothing.

use std::io::IsTerminal;
use std::path::PathBuf;

use super::{Exit, Trouble, answer};
use crate::rules;

#[derive(Debug, clap::Args)]
#[command(after_help = "\
Reads the `*.steps.yaml` files beside the rules. A step is automated, asked of a person, or out of scope
with the reason. It is missing when the part of the rule that covers it or the test that shows it is gone;
then the exit code is 1.

Examples:
  reclose coverage
  reclose coverage rules/ && git push")]
pub(super) struct Arguments {
    /// Folder of the rules
    #[arg(value_name = "FOLDER", default_value = "rules")]
    rules: PathBuf,
}

pub(super) fn run(arguments: &Arguments) -> Result<Exit, Trouble> {
    if !arguments.rules.is_dir() {
        return Err(Trouble::new(
            Exit::Usage,
            format!("there is no folder `{}`", arguments.rules.display()),
        )
        .hint("name the folder of your rules: `reclose coverage rules/`"));
    }
    let (report, complete) = rules::coverage(&arguments.rules, std::io::stdout().is_terminal());
    answer::print(&report);
    Ok(if complete { Exit::Done } else { Exit::No })
}
