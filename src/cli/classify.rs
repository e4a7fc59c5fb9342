//! `reclose classify`: what log lines say of a cause. Asks no system, reads no clock, and gives the same answer to the same line.

mod jsonl;
mod summary;

use std::io::Write;
use std::path::{Path, PathBuf};

use super::{Exit, Trouble, answer};
use crate::core::classify::Patterns;
use crate::rules;

#[derive(Debug, clap::Args)]
#[command(after_help = "\
The cause is what an operator must fix, not the status: a 400 `invalid_grant` is auth, a 503 `SlowDown`
is rate_limited. A breaker's own words, and what is no failure of anything that is called, are none.

One JSON object a line, from standard input to standard output:

  {\"id\": \"7\", \"line\": \"HTTP 429, Retry-After: 17\"}
  {\"id\": \"7\", \"cause\": \"rate_limited\", \"http_status\": 429, \"retry_after_s\": 17, …}

`cause` is auth, rate_limited, upstream_5xx, timeout, network, tls, database, resource, client_bug or none;
`pattern` names what decided: an entry of a patterns file, `status`, `served` (our own access log) or null.
A line that is no such object is told on standard error, and the others are still answered.

Patterns of your own lie in the folder patterns/ of your rules; docs/patterns.md says how they are written.

Exit codes: 0 every line was answered; 1 some were not; 2 wrong usage.

`--summary` counts causes in raw log files. Every physical line is read alone, also those of a stack trace;
lines over 256 KiB are read at their ends and counted as cut. Memory does not grow with the file.

Examples:
  reclose classify --summary app.log
  kubectl logs deploy/api --since 1h | reclose classify --summary - --json
  reclose classify --jsonl <lines.jsonl >causes.jsonl
  jq -c '{id: .ts, line: .msg}' app.log | reclose classify --jsonl --rules rules/")]
pub(super) struct Arguments {
    /// Answer JSON lines from standard input
    #[arg(long, required_unless_present_any = ["summary", "searched"])]
    jsonl: bool,
    /// Count the causes in log files, `-` for standard input
    #[arg(long, value_name = "FILE", num_args = 1.., conflicts_with = "jsonl")]
    summary: Vec<PathBuf>,
    /// The counts as one JSON object
    #[arg(long, requires = "summary")]
    json: bool,
    /// Folder of your rules, for the patterns in it; without, the built-in ones alone
    #[arg(long, value_name = "FOLDER")]
    rules: Option<PathBuf>,
    /// Print what is searched for, a regular expression a line, as `rg -f` takes it
    #[arg(long, hide = true)]
    searched: bool,
}

pub(super) fn run(arguments: &Arguments) -> Result<Exit, Trouble> {
    let patterns = patterns(arguments.rules.as_deref())?;
    if arguments.searched {
        answer::print(&(patterns.searched().join("\n") + "\n"));
        return Ok(Exit::Done);
    }
    if !arguments.summary.is_empty() {
        return summarize(&patterns, &arguments.summary, arguments.json);
    }
    let stdin = std::io::stdin().lock();
    let stdout = std::io::BufWriter::with_capacity(1 << 16, std::io::stdout().lock());
    told(jsonl::run(&patterns, stdin, stdout))
}

/// Every file is counted, also when another cannot be read.
fn summarize(patterns: &Patterns, files: &[PathBuf], json: bool) -> Result<Exit, Trouble> {
    let mut counter = summary::Counter::new(patterns, true);
    let mut exit = Exit::Done;
    for file in files {
        let read = if file.as_os_str() == "-" {
            counter.read(std::io::stdin().lock())
        } else {
            std::fs::File::open(file).and_then(|file| counter.read(file))
        };
        if let Err(error) = read {
            answer::say(&format!("{}: {error}\n", file.display()));
            exit = Exit::No;
        }
    }
    let summary = counter.summary;
    if json {
        let mut value = serde_json::to_value(&summary)
            .map_err(|error| Trouble::internal(format!("cannot write JSON: {error}")))?;
        if let Some(object) = value.as_object_mut() {
            object.insert("none".to_owned(), summary.none().into());
        }
        answer::print(&format!("{value}\n"));
    } else {
        answer::print(&summary.table());
    }
    Ok(exit)
}

fn patterns(folder: Option<&Path>) -> Result<Patterns, Trouble> {
    let Some(folder) = folder else { return Ok(Patterns::builtin()) };
    if !folder.is_dir() {
        let what = format!("there is no folder `{}`", folder.display());
        return Err(Trouble::new(Exit::Usage, what).hint("name the folder of your rules"));
    }
    let (patterns, mistakes) = rules::line_patterns(folder);
    answer::say(&rules::render(&mistakes, false));
    patterns.ok_or_else(|| {
        Trouble::new(Exit::Usage, "these patterns cannot be used")
            .hint("`reclose check` tells every mistake")
    })
}

/// A pipe that nobody reads any more is no fault of ours.
fn told(done: std::io::Result<Exit>) -> Result<Exit, Trouble> {
    match done {
        Ok(exit) => Ok(exit),
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(Exit::No),
        Err(error) => Err(Trouble::internal(format!("cannot read or write: {error}"))),
    }
}

/// To standard error, whatever becomes of it.
fn complain(line: u64, what: &str) {
    let mut stderr = std::io::stderr().lock();
    writeln!(stderr, "line {line}: {what}").unwrap_or_default();
}
