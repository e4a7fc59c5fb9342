//! `reclose alerts`: alerting rules for Prometheus, made of the rules. Asks no system and starts nothing.

use std::io::IsTerminal;
use std::path::PathBuf;

use super::{Exit, Trouble, answer};
use crate::{alerts, rules};

#[derive(Debug, clap::Args)]
#[command(after_help = "\
One alert for each breaker whose state is read from Prometheus, with the labels that its own rule looks
for; the alerts that rules name themselves; and those that tell people of reclose's own troubles.

Examples:
  reclose alerts > reclose-breakers.rules.yml
  reclose alerts rules/ > reclose-breakers.rules.yml && promtool check rules reclose-breakers.rules.yml")]
pub(super) struct Arguments {
    /// Folder of the rules and of targets.yaml
    #[arg(value_name = "FOLDER", default_value = "rules")]
    rules: PathBuf,
}

pub(super) fn run(arguments: &Arguments) -> Result<Exit, Trouble> {
    let set = match rules::load(&arguments.rules) {
        Ok(set) => set,
        Err(mistakes) => {
            answer::say(&rules::render(&mistakes, std::io::stderr().is_terminal()));
            return Err(Trouble::new(Exit::No, "the rules are wrong: nothing is written"));
        }
    };
    let made = alerts::generate(&set);
    for left in &made.left_out {
        answer::say(&format!("no alert for {}: {}\n", left.rule, left.why));
    }
    answer::print(&alerts::yaml(&made.file)?);
    Ok(Exit::Done)
}
