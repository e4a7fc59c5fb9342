//! `reclose explain`: a rule in plain words. Reads its folder, asks no system, and starts nothing.

use std::io::IsTerminal;
use std::path::PathBuf;

use super::{Exit, Trouble, answer};
use crate::rules;

#[derive(Debug, clap::Args)]
#[command(after_help = "\
Says which alerts belong to the breaker, what is asked, what is done for each cause and when, by whose
leave, what counts as recovered, who is called, and what is never done. What is done is not described
but computed: the code that decides is asked about every cause in every state of the breaker.

Examples:
  reclose explain rules/payments.yaml
  reclose explain rules/*.yaml")]
pub(super) struct Arguments {
    /// Rule files
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
}

pub(super) fn run(arguments: &Arguments) -> Result<Exit, Trouble> {
    let mut texts = Vec::new();
    for file in &arguments.files {
        if !file.is_file() {
            let what = format!("there is no file `{}`", file.display());
            return Err(Trouble::new(Exit::Usage, what)
                .hint("name a rule: `reclose explain rules/payments.yaml`"));
        }
        let folder = rules::folder_of(file);
        let (set, mistakes) = rules::load_with_warnings(&folder);
        let Some(set) = set else {
            answer::say(&rules::render(&mistakes, std::io::stderr().is_terminal()));
            let errors = mistakes.iter().filter(|mistake| mistake.is_error()).count();
            let what =
                format!("{} has {errors} mistakes: nothing of it would be done", folder.display());
            return Err(Trouble::new(Exit::No, what).hint("`reclose check` shows them again"));
        };
        match rules::breaker_of(file).and_then(|name| set.rules.get(&name)) {
            Some(rule) => texts.push(rules::explain(&set, rule)),
            // The inventory among `rules/*.yaml` is no mistake; alone it is.
            None if arguments.files.len() > 1 => {}
            None => {
                let what = format!("`{}` is no rule", file.display());
                return Err(Trouble::new(Exit::Usage, what)
                    .hint("a rule file names its breaker: breaker: payments"));
            }
        }
    }
    answer::print(&texts.join("\n\n"));
    Ok(Exit::Done)
}
