//! `reclose check`: every mistake of every rule at once, with its place. Asks no system unless told to, and starts nothing.

mod live;

use std::io::IsTerminal;
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::{Exit, Trouble, answer};
use crate::core::rule::RuleSet;
use crate::rules::{self, Mistake, Severity};

#[derive(Debug, clap::Args)]
#[command(after_help = "\
Every mistake is told with its file, line and column, and what to write instead. Rules become active
all together or not at all: `reclose serve` does not start with rules that this finds wrong.

Exit codes: 0 sound, warnings or not; 1 something is wrong; 2 wrong usage or configuration.

Examples:
  reclose check
  reclose check rules/ && git push
  reclose check rules/payments.yaml          one file, as its folder makes it
  reclose check --json rules/ | jq .message
  reclose check --live --config reclose.yaml")]
pub(super) struct Arguments {
    /// Folders of rules and targets.yaml, or single files in them
    #[arg(value_name = "PATH", default_value = "rules")]
    paths: Vec<PathBuf>,
    /// One JSON object for each mistake, a line each
    #[arg(long)]
    json: bool,
    /// Ask the configured Prometheus whether each query answers, and how old its samples are
    #[arg(long)]
    live: bool,
    #[arg(
        long,
        value_name = "FILE",
        requires = "live",
        help = "Configuration that names Prometheus [env: RECLOSE_CONFIG] [default: reclose.yaml, if there is one]"
    )]
    config: Option<PathBuf>,
}

/// What was found under one path.
struct Checked {
    path: PathBuf,
    folder: PathBuf,
    mistakes: Vec<Mistake>,
    rules: Option<RuleSet>,
    /// What is worth knowing and nobody's mistake.
    told: Vec<Mistake>,
}

pub(super) async fn run(arguments: &Arguments) -> Result<Exit, Trouble> {
    let checked: Result<Vec<Checked>, Trouble> =
        arguments.paths.iter().map(|path| check(path)).collect();
    let mut checked = checked?;
    if arguments.live {
        let systems = live::systems(arguments.config.clone())?;
        for one in &mut checked {
            one.ask(&systems).await;
        }
    }
    for one in &checked {
        if arguments.json { one.print_json()? } else { one.print() }
    }
    let wrong = checked.iter().any(|one| one.mistakes.iter().any(Mistake::is_error));
    Ok(if wrong { Exit::No } else { Exit::Done })
}

fn check(path: &Path) -> Result<Checked, Trouble> {
    if path.is_dir() {
        let (rules, mistakes) = rules::load_with_warnings(path);
        let (path, folder) = (path.to_owned(), path.to_owned());
        return Ok(Checked { path, folder, mistakes, rules, told: Vec::new() });
    }
    if !path.is_file() {
        let what = format!("there is no folder and no file `{}`", path.display());
        return Err(Trouble::new(Exit::Usage, what)
            .hint("name the folder of your rules: `reclose check rules/`"));
    }
    let folder = rules::folder_of(path);
    let (rules, mut mistakes) = rules::load_with_warnings(&folder);
    let same = |mistake: &Mistake| {
        let theirs = Path::new(&mistake.source.path);
        theirs == path || theirs.canonicalize().ok() == path.canonicalize().ok()
    };
    mistakes.retain(same);
    Ok(Checked { path: path.to_owned(), folder, mistakes, rules, told: Vec::new() })
}

impl Checked {
    /// Adds what Prometheus says to the questions under this path.
    async fn ask(&mut self, systems: &crate::systems::Systems) {
        let Some(rules) = &self.rules else { return };
        let mut questions = rules::prometheus_questions(&self.folder, rules);
        if self.path != self.folder {
            let own = self.path.canonicalize().ok();
            questions.retain(|one| Path::new(&one.source.path).canonicalize().ok() == own);
        }
        for answer in live::ask(systems, questions).await {
            match answer {
                live::Said::Wrong(mistake) => self.mistakes.push(mistake),
                live::Said::Well(mistake) => self.told.push(mistake),
            }
        }
        rules::sort(&mut self.mistakes);
    }

    fn print(&self) {
        for told in &self.told {
            let (path, line) = (&told.source.path, told.line());
            answer::print(&format!("{path}:{line}: {}\n", told.message));
        }
        if !self.told.is_empty() {
            answer::print("\n");
        }
        let styled = std::io::stdout().is_terminal();
        answer::print(&rules::render(&self.mistakes, styled));
        answer::print(&self.summary());
        if let Some(rules) = self.rules.as_ref().filter(|_| self.path == self.folder) {
            answer::print(&rules::notes(rules));
        }
    }

    fn summary(&self) -> String {
        let sound = !self.mistakes.iter().any(Mistake::is_error);
        match &self.rules {
            Some(rules) if self.path == self.folder => {
                rules::summary(&self.path, Some(rules), &self.mistakes)
            }
            None if sound => format!(
                "{}: nothing wrong here, but other files of {} are: nothing becomes active\n",
                self.path.display(),
                self.folder.display()
            ),
            Some(_) | None => rules::summary(&self.path, None, &self.mistakes),
        }
    }

    fn print_json(&self) -> Result<(), Trouble> {
        let told = self.told.iter().map(|told| Told::of(told, "info"));
        let mistakes = self.mistakes.iter().map(|mistake| {
            Told::of(
                mistake,
                match mistake.severity {
                    Severity::Error => "error",
                    Severity::Warning => "warning",
                },
            )
        });
        for line in told.chain(mistakes) {
            let text = serde_json::to_string(&line)
                .map_err(|error| Trouble::internal(format!("cannot write JSON: {error}")))?;
            answer::print(&format!("{text}\n"));
        }
        answer::say(&self.summary());
        Ok(())
    }
}

/// One mistake as programs read it.
#[derive(Serialize)]
struct Told<'m> {
    severity: &'m str,
    file: &'m str,
    /// Counted from 1; absent where the whole file or folder is meant.
    #[serde(skip_serializing_if = "Option::is_none")]
    line: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    column: Option<usize>,
    message: &'m str,
    #[serde(skip_serializing_if = "Option::is_none")]
    hint: Option<&'m str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    excerpt: Option<&'m str>,
}

impl<'m> Told<'m> {
    fn of(mistake: &'m Mistake, severity: &'m str) -> Self {
        let placed = Some(mistake.line()).filter(|line| *line > 0);
        Self {
            severity,
            file: &mistake.source.path,
            line: placed,
            column: placed.map(|_| mistake.column()),
            message: &mistake.message,
            hint: mistake.hint.as_deref(),
            excerpt: placed.map(|_| mistake.excerpt()),
        }
    }
}
