//! The decision table, cause × state, and the path of each cause: as the core walks them.

use comfy_table::{ContentArrangement, Table, presets};

use super::walk::{Path, Step, walk};
use super::{Page, say};
use crate::core::cause::Class;
use crate::core::rule::{BreakerState, Rule, Target};

const STATES: [BreakerState; 6] = [
    BreakerState::Closed,
    BreakerState::Open,
    BreakerState::HalfOpen,
    BreakerState::Quiet,
    BreakerState::Held,
    BreakerState::Unknown,
];

/// What is done for each cause while the breaker stays open, then every cause × every state.
pub(super) fn decisions(rule: &Rule, target: &Target) -> String {
    let mut page = Page::default();
    let mut told: Vec<(Vec<&str>, String, String)> = Vec::new();
    for class in Class::ALL {
        let way = |gone| walk(rule, target, (class, BreakerState::Open), gone);
        let (gone, lasts) = (way(true), way(false));
        let (gone, lasts) = (sentence(gone.as_ref()), sentence(lasts.as_ref()));
        match told.iter_mut().find(|(_, a, b)| (a, b) == (&gone, &lasts)) {
            Some((names, ..)) => names.push(class.name()),
            None => told.push((vec![class.name()], gone, lasts)),
        }
    }
    for (names, gone, lasts) in told {
        let names = names.join(", ");
        if gone == lasts {
            page.item(&format!("{names}: {gone}."));
        } else {
            page.item(&format!("{names}, and it is proven gone: {gone}. While it lasts: {lasts}."));
        }
    }
    page.0.push('\n');
    page.0.push_str(&table(rule, target));
    page.0.push('\n');
    page.line(
        "gone, else: whether the cause is proven gone. verifies: watches whether it stays so. acts by leave: a \
         person allows it. only tells: what would help. asks, calls: a person. -: no word of this rule means that.",
    );
    page.0
}

fn table(rule: &Rule, target: &Target) -> String {
    let mut rows: Vec<(Vec<&str>, Vec<String>)> = Vec::new();
    for class in Class::ALL {
        let cells: Vec<String> =
            STATES.iter().map(|state| cell(rule, target, (class, *state))).collect();
        match rows.iter_mut().find(|(_, known)| *known == cells) {
            Some((names, _)) => names.push(class.name()),
            None => rows.push((vec![class.name()], cells)),
        }
    }
    let mut table = Table::new();
    table.load_style(presets::ASCII_MARKDOWN).set_content_arrangement(ContentArrangement::Disabled);
    table.set_header(std::iter::once("cause").chain(STATES.iter().map(|state| state.name())));
    for (names, cells) in rows {
        table.add_row(std::iter::once(names.join("\n")).chain(cells));
    }
    format!("{table}\n")
}

/// A cell: the path in single words; two of them where it matters whether the cause is gone.
fn cell(rule: &Rule, target: &Target, of: (Class, BreakerState)) -> String {
    let way = |gone| walk(rule, target, of, gone).map(|path| verbs(&path));
    match (way(true), way(false)) {
        (Some(gone), Some(lasts)) if gone == lasts => gone,
        (Some(gone), Some(lasts)) => format!("gone: {gone}\nelse: {lasts}"),
        (None, _) | (_, None) => "-".to_owned(),
    }
}

fn verbs(path: &Path) -> String {
    let mut verbs: Vec<&str> = path.iter().map(|(_, step)| verb(step)).collect();
    verbs.dedup();
    verbs.join(", ")
}

const fn verb(step: &Step) -> &'static str {
    match step {
        Step::LooksAgain => "looks again",
        Step::Waits { .. } => "waits",
        Step::Acts { .. } => "acts",
        Step::NeedsLeave { .. } => "acts by leave",
        Step::Told { .. } => "only tells",
        Step::Asks { .. } => "asks",
        Step::Calls { .. } => "calls",
        Step::Verifies => "verifies",
    }
}

fn sentence(path: Option<&Path>) -> String {
    let Some(path) = path else { return "nothing, because no word means open".to_owned() };
    let steps: Vec<String> =
        path.iter().map(|(at, step)| format!("{} {}", say::at(*at), words(step))).collect();
    steps.join("; ")
}

fn words(step: &Step) -> String {
    match step {
        Step::LooksAgain => "it looks again".to_owned(),
        Step::Waits { why, span: time } => {
            format!("it waits for {} at most ({})", say::seconds(*time), why.words())
        }
        Step::Acts { action } => format!("it does `{action}`, and watches whether that helped"),
        Step::NeedsLeave { action, whom } => format!("it asks {whom} to allow `{action}`"),
        Step::Told { action } => format!("it tells that it would do `{action}`"),
        Step::Asks { text } => format!("it asks a person: {}", text.trim_end_matches('.')),
        Step::Calls { why } => format!("it calls a person: {}", why.trim_end_matches('.')),
        Step::Verifies => "it watches whether that lasts".to_owned(),
    }
}
