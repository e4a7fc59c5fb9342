//! Proves that each pack reads what its library prints, and that a rule and its pack are joined as the rule means it.

pub mod golden;
pub mod joined;
mod page;
mod printed;
mod quickstart;
mod real;

use reclose::core::evidence::{Ask, Findings, Question, STATE};
use reclose::core::incident::Breaker;
use reclose::core::planted::Bugs;
use reclose::core::rule::{BreakerState, RuleSet};
use reclose::systems::Systems;
use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use crate::evidence::now;

/// A hundred questions at once, on a busy machine.
const BUDGET: Duration = Duration::from_secs(60);

/// What the engine would see of these breakers: each asked by its own rule, and read as that rule means it.
pub async fn states(
    systems: &Systems,
    rules: &RuleSet,
    breakers: impl IntoIterator<Item = String>,
) -> BTreeMap<String, BreakerState> {
    let rule = |name: &str| {
        let breaker = Breaker { rule: name.to_owned(), target: name.to_owned() };
        rules.rule(&breaker).unwrap_or_else(|| panic!("there is no rule {name}"))
    };
    let asked = breakers.into_iter().map(|name| {
        let state = &rule(&name).state;
        let question =
            Question { name: STATE.to_owned(), ask: state.ask.clone(), max_age: state.max_age };
        async move {
            let asked = now();
            let found: Findings =
                systems.ask_all(&[question], &BTreeMap::new(), asked, BUDGET).await;
            let read = rule(&name).state.read(&found[STATE], asked, Bugs::default());
            if read == BreakerState::Unknown {
                println!("{name}: {:?}", found[STATE]);
            }
            (name, read)
        }
    });
    futures_util::future::join_all(asked).await.into_iter().collect()
}

/// A rule of a few lines for one breaker, and its inventory.
pub fn rule(name: &str, pack: &str, with: &str) -> String {
    let with = if with.is_empty() { String::new() } else { format!("with: {with}\n") };
    format!(
        "version: 1\nbreaker: {name}\nsummary: A breaker\nuse: {pack}\n{with}mode: observe\ntargets: [{name}]\n\
         match: [ {{ alertmanager: {{ alertname: BreakerOpen, breaker: {name} }} }} ]\n\
         escalate: [ {{ when: always, to: [ {{ slack: \"@oncall\" }} ] }} ]\n"
    )
}

pub fn targets<'n>(names: impl IntoIterator<Item = &'n str>) -> String {
    let each = names.into_iter().map(|name| format!("  {name}: {{}}\n"));
    format!("version: 1\ntargets:\n{}", each.collect::<String>())
}

/// The packs that come with the program, as they lie in the repository.
pub fn shipped() -> Vec<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("rules/packs");
    let mut names: Vec<String> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path().file_stem().unwrap().to_str().unwrap().to_owned())
        .collect();
    names.sort();
    names
}

#[test]
fn every_pack_of_the_repository_is_compiled_in_and_sound() {
    let (packs, mistakes) = reclose::rules::packs(None);
    assert!(mistakes.is_empty());
    let names: Vec<String> = packs.iter().map(|pack| pack.name.clone()).collect();
    assert_eq!(names, shipped());
    for pack in packs {
        assert!(!pack.traps.is_empty(), "{}", pack.name);
        for line in pack.traps.iter().chain([&pack.summary]) {
            assert!(!line.ends_with(' ') && !line.contains("  "), "{}: {line}", pack.name);
        }
    }
    // As packs of one's own they are read like those of any user, and found without a mistake.
    let own = Path::new(env!("CARGO_MANIFEST_DIR")).join("rules");
    let (_, mistakes) = reclose::rules::packs(Some(&own));
    assert!(mistakes.is_empty(), "{}", reclose::rules::render(&mistakes, false));
}

#[test]
fn what_a_pack_asks_can_be_dated() {
    for case in golden::cases() {
        let rules = golden::load(std::slice::from_ref(&case), "http://127.0.0.1:9");
        let breaker = Breaker { rule: case.name.clone(), target: case.name.clone() };
        let state = &rules.rule(&breaker).unwrap().state;
        if let Ask::Prometheus { query, age_query } = &state.ask {
            assert!(age_query.is_some(), "{query}");
        }
    }
}
