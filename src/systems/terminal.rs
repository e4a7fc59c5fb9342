//! The same reports on a terminal, when no Slack is configured. Never colours what is not a terminal, never repeats
//! what has not changed, never lets a label move the cursor.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{self, Write};

use anstyle::{AnsiColor, Style};

use super::slack::blocks::{clue, denial, status_word};
use super::slack::text::one_line;
use crate::core::incident::IncidentId;
use crate::core::report::{Mark, Notice, Page, Report, Status};
use crate::core::rule::Contact;
use crate::core::time::Timestamp;

/// Longer lines are cut: a terminal is read, not searched.
const LINE_MAX: usize = 400;
/// Incidents whose last line is remembered, so that the same is not said twice.
const REMEMBERED_MAX: usize = 1_000;

const DIM: Style = Style::new().dimmed();
const BOLD: Style = Style::new().bold();

/// Where reports are printed.
pub struct Terminal {
    out: Box<dyn Write + Send>,
    last: BTreeMap<IncidentId, String>,
}

impl Terminal {
    /// Standard output; colours only for a terminal, and not with `NO_COLOR`.
    pub fn stdout() -> Self {
        Self::new(Box::new(anstream::AutoStream::auto(io::stdout())))
    }

    pub fn new(out: Box<dyn Write + Send>) -> Self {
        Self { out, last: BTreeMap::new() }
    }

    /// Prints the present truth, if it differs from what was printed last.
    pub fn report(&mut self, report: &Report) -> io::Result<()> {
        let block = block(report);
        if self.last.get(&report.incident) == Some(&block) {
            return Ok(());
        }
        self.say(report.at, &block)?;
        if report.status == Status::Recovered {
            self.last.remove(&report.incident);
        } else if self.last.len() < REMEMBERED_MAX || self.last.contains_key(&report.incident) {
            self.last.insert(report.incident, block);
        }
        Ok(())
    }

    pub fn line(&mut self, incident: IncidentId, at: Timestamp, line: &str) -> io::Result<()> {
        let shown = one_line(line, LINE_MAX);
        self.say(at, &format!("{DIM}{incident}   {shown}{DIM:#}\n"))
    }

    pub fn page(&mut self, page: &Page) -> io::Result<()> {
        let alarm = AnsiColor::Red.on_default().bold().invert();
        let names: Vec<&str> = page.to.iter().map(|Contact::Slack(name)| name.as_str()).collect();
        let (to, reason) = (one_line(&names.join(" "), LINE_MAX), one_line(&page.reason, LINE_MAX));
        let incident = page.incident;
        let advice = page.advice.as_deref().map(|advice| one_line(advice, LINE_MAX));
        let advice = advice.map(|advice| format!("          {advice}\n")).unwrap_or_default();
        self.say(page.at, &format!("{alarm} PAGE {alarm:#} {BOLD}{incident} needs a person{BOLD:#} {to}\n          {reason}\n{advice}"))
    }

    pub fn notice(&mut self, notice: &Notice) -> io::Result<()> {
        let mut block = format!("{BOLD}{}{BOLD:#}\n", one_line(&notice.headline, LINE_MAX));
        for line in &notice.lines {
            // Writing into a string cannot fail.
            _ = writeln!(block, "          {}", one_line(line, LINE_MAX));
        }
        self.say(notice.at, &block)
    }

    fn say(&mut self, at: Timestamp, block: &str) -> io::Result<()> {
        write!(self.out, "{DIM}{}{DIM:#} {block}", at.strftime("%H:%M:%SZ"))?;
        self.out.flush()
    }
}

/// One line of what is true, and below it why and what is next; without the time, so that equal truths are equal.
fn block(report: &Report) -> String {
    let colour = colour(report.status).bold();
    let status = status_word(report.status);
    let subject = one_line(&format!("{}/{}", report.breaker.rule, report.breaker.target), LINE_MAX);
    let mut out = format!(
        "{BOLD}{}{BOLD:#} {subject} is {} · {colour}{status}{colour:#} · {}\n",
        report.incident,
        report.state.name(),
        one_line(&report.headline, LINE_MAX),
    );
    let mut add = |name: &str, text: &str| {
        // Writing into a string cannot fail.
        _ = writeln!(out, "          {DIM}{name:<6}{DIM:#} {}", one_line(text, LINE_MAX));
    };
    if let Some(verdict) = &report.verdict {
        let first = verdict.because.first().map(clue).unwrap_or_default();
        add("cause", &format!("{} ({:.2}) · {first}", verdict.class.name(), verdict.confidence));
    }
    if let Some(advice) = &report.advice {
        add("advice", advice);
    }
    if let Some(known) = &report.acknowledged {
        add("ack", &format!("by {}", known.by));
    }
    if let Some(step) = report.plan.iter().find(|step| step.mark == Mark::Now) {
        add("step", &step.text);
    }
    for denied in report.guards.iter().filter_map(denial) {
        add("guard", &denied);
    }
    if let Some(next) = &report.next {
        let at = next.at.map(|at| at.strftime(" at %H:%M:%SZ").to_string()).unwrap_or_default();
        add("next", &format!("{}{at}", next.text));
    }
    out
}

const fn colour(status: Status) -> Style {
    let colour = match status {
        Status::Investigating => AnsiColor::Red,
        Status::Waiting | Status::Acting => AnsiColor::Yellow,
        Status::Verifying => AnsiColor::Blue,
        Status::NeedsPerson => AnsiColor::Magenta,
        Status::Recovered => AnsiColor::Green,
    };
    colour.on_default()
}
