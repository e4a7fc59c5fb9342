//! How a command ends: its exit code, and what it says when it could not do what was asked.

use std::fmt;
use std::io::Write;
use std::process::ExitCode;

use anstyle::{AnsiColor, Style};

/// The exit codes that scripts may rely on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    Done,
    /// The answer is no: a rule is wrong, the chain is broken, an action was refused.
    No,
    /// Wrong usage or configuration.
    Usage,
    /// No server answers.
    NoServer,
    /// Our own fault.
    Internal,
}

/// Why a command ended without doing what was asked: for people, with what to do next.
#[derive(Debug)]
pub struct Trouble {
    pub exit: Exit,
    pub what: String,
    pub hints: Vec<String>,
}

impl Exit {
    pub const fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::No => 1,
            Self::Usage => 2,
            Self::NoServer => 3,
            Self::Internal => 70,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

impl Trouble {
    pub fn new(exit: Exit, what: impl Into<String>) -> Self {
        Self { exit, what: what.into(), hints: Vec::new() }
    }

    pub fn internal(what: impl Into<String>) -> Self {
        Self::new(Exit::Internal, what)
    }

    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }
}

/// What nobody foresaw is our own fault.
impl From<anyhow::Error> for Trouble {
    fn from(error: anyhow::Error) -> Self {
        Self::internal(format!("{error:#}"))
    }
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)
    }
}

/// Says what went wrong, and returns its code.
pub(super) fn tell(trouble: &Trouble) -> Exit {
    let red = Style::new().bold().fg_color(Some(AnsiColor::Red.into()));
    let cyan = Style::new().bold().fg_color(Some(AnsiColor::Cyan.into()));
    let hints = trouble.hints.iter().map(|hint| format!("\n{cyan}hint{cyan:#}: {hint}\n"));
    let text = format!("{red}error{red:#}: {}\n", trouble.what) + &hints.collect::<String>();
    say(&text);
    trouble.exit
}

/// Clap's own words; asking for help is no error.
pub(super) fn usage(error: &clap::Error) -> Exit {
    if error.print().is_err() {
        return Exit::Internal;
    }
    if error.use_stderr() { Exit::Usage } else { Exit::Done }
}

/// Data for the next program, to standard output. A closed pipe is the reader's choice, not a failure.
pub(super) fn print(text: &str) {
    drop(anstream::stdout().lock().write_all(text.as_bytes()));
}

/// All else, to standard error; colours only where they can be seen.
pub(super) fn say(text: &str) {
    drop(anstream::stderr().lock().write_all(text.as_bytes()));
}
