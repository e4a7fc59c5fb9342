//! What libraries print (`tests/golden/packs/*.txt`): for each pack its cases, and the state that each must be read as.
//!
//! `== name: state` begins a case, `with: …` is what its rule says, `-- instance from 4m` what that instance prints from then on.
//! `$it` is the case's own name, `$page` where its page is.

use reclose::core::rule::{BreakerState, RuleSet};
use reclose::rules;
use std::path::Path;
use std::time::Duration;

use super::{rule, shipped, targets};
use crate::rules::folder::Folder;

#[derive(Clone, Debug)]
pub struct Case {
    /// Of the pack and the case: a breaker and a target.
    pub name: String,
    pub pack: String,
    pub with: String,
    pub expected: BreakerState,
    pub phases: Vec<Phase>,
}

/// What one instance prints from a moment on.
#[derive(Clone, Debug)]
pub struct Phase {
    pub instance: String,
    pub from: Duration,
    pub text: String,
}

const STATES: [BreakerState; 6] = [
    BreakerState::Closed,
    BreakerState::Open,
    BreakerState::HalfOpen,
    BreakerState::Quiet,
    BreakerState::Held,
    BreakerState::Unknown,
];

/// Every case of every pack; a pack without cases fails.
pub fn cases() -> Vec<Case> {
    shipped().iter().flat_map(|pack| of(pack)).collect()
}

fn of(pack: &str) -> Vec<Case> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/golden/packs/{pack}.txt"));
    let text = std::fs::read_to_string(&path)
        .unwrap_or_else(|error| panic!("{pack} has no cases: {}: {error}", path.display()));
    let cases: Vec<Case> = text.split("\n== ").skip(1).map(|text| case(pack, text)).collect();
    for state in [BreakerState::Closed, BreakerState::Open, BreakerState::Unknown] {
        // hyx counts nothing before the first transition.
        let shown = cases.iter().any(|case| case.expected == state);
        assert!(shown, "no case of {pack} is {}", state.name());
    }
    cases
}

fn case(pack: &str, text: &str) -> Case {
    let (head, body) = text.split_once('\n').unwrap_or((text, ""));
    let (name, state) = head.split_once(": ").unwrap();
    let name = format!("{pack}-{name}");
    let expected = STATES.into_iter().find(|known| known.name() == state.trim());
    let mut case = Case {
        expected: expected.unwrap_or_else(|| panic!("{name}: no state is called {state}")),
        pack: pack.to_owned(),
        with: String::new(),
        phases: Vec::new(),
        name,
    };
    for line in body.lines() {
        if let Some(with) = line.strip_prefix("with: ") {
            case.with = with.replace("$it", &case.name);
        } else if let Some(head) = line.strip_prefix("-- ") {
            let (instance, from) = head.split_once(" from ").unwrap_or((head, ""));
            let (instance, text) = (instance.to_owned(), String::new());
            case.phases.push(Phase { instance, from: span(from), text });
        } else if !line.is_empty() {
            let phase = case.phases.last_mut().unwrap_or_else(|| panic!("{head}: {line}"));
            phase.text.push_str(&line.replace("$it", &case.name));
            phase.text.push('\n');
        }
    }
    case
}

/// `9m30s`; nothing is the beginning.
fn span(text: &str) -> Duration {
    let mut total = 0;
    let mut digits = String::new();
    for c in text.trim().chars() {
        match c {
            'm' => total += 60 * std::mem::take(&mut digits).parse::<u64>().unwrap(),
            's' => total += std::mem::take(&mut digits).parse::<u64>().unwrap(),
            digit => digits.push(digit),
        }
    }
    assert!(digits.is_empty(), "{text} is no span");
    Duration::from_secs(total)
}

/// The rules of these cases, by the real loader; `page` is where spring-actuator asks.
pub fn load(cases: &[Case], page: &str) -> RuleSet {
    let folder = Folder::empty();
    folder.write("targets.yaml", &targets(cases.iter().map(|case| case.name.as_str())));
    for case in cases {
        let with = case.with.replace("$page", &format!("{page}/{}", case.name));
        folder.write(&format!("{}.yaml", case.name), &rule(&case.name, &case.pack, &with));
    }
    let (set, mistakes) = rules::load_with_warnings(folder.path());
    assert!(mistakes.is_empty(), "{}", rules::render(&mistakes, false));
    set.unwrap()
}
