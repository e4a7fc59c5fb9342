//! `reclose packs`: what comes with the program for the breakers of known libraries. Asks no system and starts nothing.

use std::path::PathBuf;

use comfy_table::{ContentArrangement, Table, presets};

use super::{Exit, Trouble, answer};
use crate::rules::{self, Pack};

#[derive(Debug, clap::Args)]
#[command(after_help = "\
A rule takes one with `use:`, and says with `with:` which breaker it means. What the rule says itself
stands above what its pack says.

Examples:
  reclose packs                     every pack, and what it reads
  reclose packs resilience4j        the text of one, to read or to copy into rules/packs/")]
pub(super) struct Arguments {
    /// Print this one as it is written
    name: Option<String>,
    /// Folder of the rules: packs of your own lie in its folder packs/
    #[arg(long, value_name = "FOLDER", default_value = "rules")]
    rules: PathBuf,
}

pub(super) fn run(arguments: &Arguments) -> Result<Exit, Trouble> {
    let own = arguments.rules.is_dir().then_some(arguments.rules.as_path());
    let (packs, mistakes) = rules::packs(own);
    answer::say(&rules::render(&mistakes, false));
    let Some(name) = &arguments.name else {
        answer::print(&format!("{}\n", table(&packs)));
        return Ok(Exit::Done);
    };
    match packs.iter().find(|pack| pack.name == *name) {
        Some(pack) => {
            answer::print(&pack.source.text);
            Ok(Exit::Done)
        }
        None => Err(Trouble::new(Exit::Usage, format!("no pack is called `{name}`"))
            .hint("`reclose packs` lists them")),
    }
}

fn table(packs: &[Pack]) -> Table {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Dynamic);
    table.set_header(["PACK", "PARAMETERS", "READS"]);
    for pack in packs {
        let parameters = pack.parameters.iter().map(|one| match (&one.default, one.optional) {
            (None, false) => one.name.clone(),
            (Some(_), _) | (None, true) => format!("[{}]", one.name),
        });
        let parameters = parameters.collect::<Vec<_>>().join(" ");
        table.add_row([pack.name.as_str(), &parameters, &pack.summary]);
    }
    table
}
