//! `reclose schema`: the language as JSON Schema, for editors. Reads no file and asks no system.

use clap::builder::PossibleValuesParser;

use super::{Exit, Trouble, answer};
use crate::rules::schema;

#[derive(Debug, clap::Args)]
#[command(after_help = "\
Write it once, and name it in the first line of a rule file; editors with a YAML language server then
complete keys, show what they mean, and mark what is wrong:

  reclose schema rule > rule.schema.json
  # yaml-language-server: $schema=../rule.schema.json

`reclose check` finds more: what depends on other keys, other files, or the query language.")]
pub(super) struct Arguments {
    /// The kind of file
    #[arg(value_name = "KIND", default_value = "rule", value_parser = PossibleValuesParser::new(schema::kinds()))]
    kind: String,
}

pub(super) fn run(arguments: &Arguments) -> Result<Exit, Trouble> {
    let Some(text) = schema::text(&arguments.kind) else {
        return Err(Trouble::new(
            Exit::Usage,
            format!("there is no schema of `{}`", arguments.kind),
        ));
    };
    answer::print(&text);
    Ok(Exit::Done)
}
