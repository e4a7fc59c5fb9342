//! A checked rule in plain words: what will be done when, by whose leave, and what never.
//!
//! What happens is read off the core itself (`walk`); never decided here a second time.

mod say;
mod table;
mod walk;

use std::fmt::Write as _;

use crate::core::rule::{Mode, Rule, RuleSet, Target};
use crate::core::time::Duration;

/// Columns of the names at the left.
const NAMES: usize = 16;
/// Columns of a line.
const WIDTH: usize = 110;

/// Text in sections of named paragraphs.
#[derive(Default)]
struct Page(String);

/// Explains one rule of a set, target by target.
pub fn explain(set: &RuleSet, rule: &Rule) -> String {
    let mut page = Page::default();
    page.line(&format!("{}: {}", rule.name, rule.summary));
    page.line(&format!("Its breaker {}.", say::kind(rule.kind)));
    let own: Vec<(&Rule, Target)> = targets(set, rule);
    page.section("Targets");
    for (rule, target) in &own {
        page.named(&target.name, &say::leave(rule, target));
    }
    say::alerts(&mut page, rule);
    // Where placeholders make the rules of its targets differ, the first stands for all.
    let filled = own.first().map_or(rule, |(rule, _)| rule);
    say::questions(&mut page, filled);
    say::actions(&mut page, filled);
    say::ladders(&mut page, filled);
    say::verification(&mut page, filled);
    say::people(&mut page, filled);
    let mut told: Vec<(Vec<&str>, String)> = Vec::new();
    for (rule, target) in &own {
        let tables = table::decisions(rule, target);
        match told.iter_mut().find(|(_, known)| *known == tables) {
            Some((names, _)) => names.push(&target.name),
            None => told.push((vec![&target.name], tables)),
        }
    }
    for (names, tables) in told {
        page.section(&format!("What is done on {}", names.join(", ")));
        page.0.push_str(&tables);
    }
    page.section("Never");
    for never in never(filled, &own) {
        page.item(never);
    }
    if let Some(pack) = set.packs.get(&rule.name) {
        page.section(&format!("Keep in mind with the pack {}", pack.name));
        pack.traps.iter().for_each(|trap| page.item(trap));
    }
    page.0
}

/// The rule as each of its targets has it.
fn targets<'s>(set: &'s RuleSet, rule: &'s Rule) -> Vec<(&'s Rule, Target)> {
    let filled = set.filled.get(&rule.name);
    let each = rule.targets.iter().map(|name| {
        let rule = filled.and_then(|filled| filled.get(name)).unwrap_or(rule);
        let unknown = || Target { name: name.clone(), ..Target::default() };
        (rule, set.targets.get(name).cloned().unwrap_or_else(unknown))
    });
    each.collect()
}

fn never(rule: &Rule, own: &[(&Rule, Target)]) -> Vec<&'static str> {
    let most = own.iter().map(|(rule, target)| walk::mode(rule, target)).max();
    let mut never = vec![match most.unwrap_or_default() {
        Mode::Observe | Mode::Suggest => {
            "any action: the mode and the ceilings allow only to look and to tell"
        }
        Mode::Approve => "an action without a person's word",
        Mode::Auto => {
            "an action while its cause may last, unless the rule names it as the fix and a person allows it"
        }
    }];
    if rule.actions.is_empty() {
        never.push("a change to the breaker: the rule has no action");
    }
    never.push(
        "an action while the breaker is anything but open, cannot be read, or is held by a person",
    );
    never.push("an action on a target that targets.yaml does not name, or protects");
    never.push("an action once more because nobody knows what came of the first");
    never
}

impl Page {
    fn line(&mut self, text: &str) {
        self.wrapped(text, "", "");
    }

    fn section(&mut self, title: &str) {
        // Writing to a String cannot fail.
        writeln!(self.0, "\n{title}").unwrap_or_default();
    }

    /// A name, and beside it what is said of it.
    fn named(&mut self, name: &str, text: &str) {
        let first = format!("  {name:<NAMES$} ");
        let next = " ".repeat(NAMES + 3);
        if name.chars().count() > NAMES {
            self.0.push_str(first.trim_end());
            self.0.push('\n');
            self.wrapped(text, &next, &next);
        } else {
            self.wrapped(text, &first, &next);
        }
    }

    fn item(&mut self, text: &str) {
        self.wrapped(text, "  - ", "    ");
    }

    /// Breaks between words; a word that is too long stands alone.
    fn wrapped(&mut self, text: &str, first: &str, next: &str) {
        let mut line = first.to_owned();
        let mut empty = true;
        for word in text.split_whitespace() {
            if !empty && line.chars().count() + 1 + word.chars().count() > WIDTH {
                self.0.push_str(line.trim_end());
                self.0.push('\n');
                next.clone_into(&mut line);
                empty = true;
            }
            if !empty {
                line.push(' ');
            }
            line.push_str(word);
            empty = false;
        }
        self.0.push_str(line.trim_end());
        self.0.push('\n');
    }
}

/// A length of time as rules write it: `1h30m`, `15m`, `500ms`, `0s`.
pub fn span(span: Duration) -> String {
    let mut left = span.as_millis();
    let mut text = String::new();
    for (unit, millis) in
        [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)]
    {
        let count = left / millis;
        if count > 0 {
            // Writing to a String cannot fail.
            write!(text, "{count}{unit}").unwrap_or_default();
            left -= count * millis;
        }
    }
    if text.is_empty() { "0s".to_owned() } else { text }
}
