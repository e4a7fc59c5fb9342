//! The lines beside patterns: an example that does not match, or a counter-example that does, is a mistake.

use super::{Line, PatternFile, Written, short};
use crate::core::cause::Cause;
use crate::core::classify::{Added, By, Patterns, Probe, Reading, Says};
use crate::rules::mistake::Mistake;

/// Whether every example holds. A line that another entry decides otherwise is told too.
pub(super) fn check(files: &[PatternFile], added: &Added, mistakes: &mut Vec<Mistake>) -> bool {
    let before = mistakes.len();
    for file in files {
        for written in &file.entries {
            alone(file, written, mistakes);
        }
    }
    let wrong = mistakes.iter().skip(before).any(Mistake::is_error);
    // Together only when each is sound by itself.
    if let Some(patterns) = (!wrong).then(|| Patterns::over(added).ok()).flatten() {
        for file in files {
            for written in &file.entries {
                together(file, written, &patterns, mistakes);
            }
        }
    }
    !wrong
}

fn alone(file: &PatternFile, written: &Written, mistakes: &mut Vec<Mistake>) {
    let mut wrong = |at: &std::ops::Range<usize>, message: String, hint: &str| {
        mistakes.push(Mistake::error(&file.source, at.clone(), message).hint(hint));
    };
    let name = &written.entry.name;
    let probe = match Probe::new(&written.entry) {
        Ok(probe) => probe,
        Err((index, why)) => {
            let at = written.patterns_at.get(index).unwrap_or(&written.name_at);
            let hint = "the syntax is that of the regex crate";
            wrong(at, format!("not a valid pattern: {why}"), hint);
            return;
        }
    };
    if probe.matches("") {
        let hint = "name what only this cause writes";
        wrong(&written.name_at, "a pattern of this entry matches every line".to_owned(), hint);
        return;
    }
    for Line { text, at } in written.examples.iter().filter(|line| !probe.matches(&line.text)) {
        let message = format!("no pattern of `{name}` matches this example: {}", short(text));
        wrong(at, message, "mend the pattern, or take the example out");
    }
    let counter = written.counterexamples.iter();
    for Line { text, at } in counter.filter(|line| probe.matches(&line.text)) {
        let message = format!("`{name}` matches this counter-example: {}", short(text));
        wrong(at, message, "make the pattern narrower");
    }
}

/// What the whole table makes of the examples.
fn together(
    file: &PatternFile,
    written: &Written,
    patterns: &Patterns,
    mistakes: &mut Vec<Mistake>,
) {
    for Line { text, at } in &written.examples {
        let reading = patterns.explain(text);
        if agrees(written.entry.says, &reading) {
            continue;
        }
        let said = reading.signal.cause.map_or("nothing", Cause::name);
        let by = match &reading.by {
            By::Entry(path) => format!("`{path}`"),
            By::Status => "the status".to_owned(),
            By::Served => "its form, that of a request which our own server answered,".to_owned(),
            By::Rule => "the rule".to_owned(),
            By::Nothing => "nothing".to_owned(),
        };
        let message = format!("{by} decides this example of `{}`: {said}", written.entry.name);
        let hint = "say `tier: first` if this one must win, or make the other narrower";
        mistakes.push(Mistake::error(&file.source, at.clone(), message).warning().hint(hint));
    }
}

fn agrees(says: Says, reading: &Reading) -> bool {
    let signal = &reading.signal;
    match says {
        Says::Harmless => signal.cause.is_none() && !signal.echo,
        Says::Echo | Says::Overflow => signal.cause.is_none() && signal.echo,
        Says::Gateway => signal.cause == Some(Cause::Upstream5xx),
        Says::Quota => signal.cause == Some(Cause::RateLimited) && signal.quota,
        Says::Is(cause) | Says::Likely(cause) => signal.cause == Some(cause),
    }
}
