//! Numbers as signs of health, and checklists before an action: missing and old answers are never health.

use reclose::core::effect::Effect;
use reclose::core::evidence::{Absence, FailureKind, Finding, Reading, Value};
use reclose::core::guard::{self, Answer, Guard};
use reclose::core::incident::{News, Phase, WaitReason};
use reclose::core::rule::BreakerState;

use super::{Case, closed, moment, none, number, statuses, trend, tripped, upstream};

const VERIFY: &str = "{ state: closed }, { healthy: upstream }";
const DO: &str = "{ do: reset, when: { gone: true } }";

/// Answers that are no number now: what each is, in words.
fn no_number(secs: i64) -> Vec<(Finding, &'static str)> {
    let value = |value| Finding::Value(Reading { at: moment(secs), value });
    vec![
        (none(), "`load` has no answer"),
        (Finding::NoData(Absence::Stale), "`load` has no fresh answer"),
        (Finding::NoData(Absence::Partial), "`load` has no answer"),
        (Finding::failed(FailureKind::Timeout, "slow"), "`load` has no answer"),
        (number(secs - 61, 0.1), "`load` has no fresh answer"),
        (value(Value::Number(f64::NAN)), "`load` is not one number"),
        (value(Value::Word("0.1".to_owned())), "`load` is not one number"),
        (value(Value::Series([("a".to_owned(), 0.1)].into())), "`load` is not one number"),
    ]
}

#[test]
fn a_breaker_has_recovered_when_its_numbers_are_within_their_limits() {
    let limits = "{ state: closed }, { at_most: { load: 0.5 } }";
    let well = |case: &mut Case, secs: i64, load: Finding| {
        case.look(secs, &[closed(secs), ("load", load)]).phase()
    };
    let mut case = Case::of(&[(VERIFY, limits)]);
    assert_eq!(well(&mut case, 10, number(10, 0.5)), "verifying");
    assert_eq!(well(&mut case, 80, number(80, 0.5)), "recovered", "the limit itself is within");
    for (load, why) in no_number(80).into_iter().chain([(number(80, 0.50004), "above 0.5")]) {
        let mut case = Case::of(&[(VERIFY, limits)]);
        assert_eq!(well(&mut case, 10, number(10, 0.5)), "verifying");
        assert_eq!(well(&mut case, 80, load.clone()), "verifying", "{load:?}");
        let said = case.incident.timeline.last().unwrap().text.clone();
        assert!(said.starts_with("not held: ") && said.contains(why), "{load:?}: {said}");
    }
    let mut case = Case::of(&[(VERIFY, "{ state: closed }, { at_least: { load: 3 } }")]);
    assert_eq!(well(&mut case, 10, number(10, 3.0)), "verifying");
    assert_eq!(well(&mut case, 80, number(80, 2.999)), "verifying");
    assert!(case.incident.timeline.last().unwrap().text.contains("`load` is 2.999, below 3"));
}

/// Open by 5xx, its cause gone for three minutes: nothing is missing but the checklist.
fn ready(list: &str) -> Case {
    let what = format!("{{ do: reset, when: {{ gone: true, all: [ {list} ] }}, within: 10m }}");
    Case::of(&[(DO, &what)])
}

fn answers(secs: i64, load: Finding) -> Vec<(&'static str, Finding)> {
    let queue = trend(secs, &[(secs - 60, 3.0), (secs - 30, 2.0), (secs, 1.0)]);
    vec![
        tripped(secs),
        statuses(secs, &[("503", 40.0)]),
        upstream(secs, true, -180),
        ("load", load),
        queue,
    ]
}

#[test]
fn an_action_waits_until_its_checklist_holds() {
    let mut case = ready("{ at_most: { load: 0.5 } }, { falling: queue }, { healthy: upstream }");
    case.look(10, &answers(10, number(10, 0.7)));
    assert!(
        matches!(case.incident.phase, Phase::Waiting { why: WaitReason::Checklist, .. }),
        "{:?}",
        case.incident.phase
    );
    assert_eq!(
        case.report().headline,
        "waiting: the checklist does not hold yet: `load` is 0.7, above 0.5"
    );
    assert!(case.report().thread.iter().any(|line| line.text.contains("above 0.5")));
    assert!(
        case.report().plan[0]
            .text
            .ends_with("and `load` is at most 0.5, `queue` falls, `upstream` is healthy"),
        "{}",
        case.report().plan[0].text
    );
    // A changed value is no news; what is no number is no health.
    for (secs, (load, why)) in (20..).step_by(10).zip(no_number(20)) {
        case.look(secs, &answers(secs, load.clone()));
        assert!(case.intent().is_none(), "{load:?}");
        assert_eq!(case.incident.unmet[0].text, why, "{load:?}");
    }
    let lines = case.incident.timeline.iter().filter(|line| line.text.contains("checklist"));
    assert_eq!(lines.count(), 2, "told once, with the wait: {:#?}", case.incident.timeline);
    case.look(200, &answers(200, number(200, 0.5)));
    let intent = case.intent().expect("the checklist holds");
    assert_eq!(intent.checklist.len(), 3);
    assert!(case.effects.iter().any(|effect| matches!(effect, Effect::Do(_))));
}

#[test]
fn without_its_checklist_the_ladder_goes_on_after_its_time() {
    let mut case = ready("{ at_most: { load: 0.5 } }");
    case.look(10, &answers(10, number(10, 0.7)));
    case.look(609, &answers(609, number(609, 0.7)));
    assert_eq!(case.phase(), "waiting");
    case.look(610, &answers(610, number(610, 0.7)));
    assert_eq!(case.phase(), "escalated");
}

#[test]
fn the_checklist_is_asked_again_when_the_action_begins() {
    let mut case = ready("{ at_most: { load: 0.5 } }");
    case.look(10, &answers(10, number(10, 0.4)));
    let intent = case.intent().unwrap();
    assert!(case.incident.learn(&News::Reread { state: BreakerState::Open }, moment(12)));
    let said = |case: &Case, secs: i64| {
        let verdicts =
            guard::evaluate(&intent, &case.incident, &case.rule, &case.fleet, moment(secs));
        verdicts.into_iter().find(|verdict| verdict.guard == Guard::Checklist).unwrap().answer
    };
    assert_eq!(said(&case, 12), Answer::Allow);
    // By then the answer is too old to rest on.
    let Answer::Refuse { why, .. } = said(&case, 71) else { panic!() };
    assert_eq!(why, "`load` has no fresh answer");
    let findings = case.incident.round.as_mut().unwrap().findings.as_mut().unwrap();
    findings.insert("load".to_owned(), number(12, 0.6));
    let Answer::Refuse { why, .. } = said(&case, 12) else { panic!() };
    assert_eq!(why, "`load` is 0.6, above 0.5");
    case.incident.round.as_mut().unwrap().findings = None;
    assert!(matches!(said(&case, 12), Answer::Refuse { .. }));
}

#[test]
fn a_checklist_alone_leaves_the_action_to_a_person() {
    let what = "{ do: reset, when: { all: [ { at_most: { load: 0.5 } } ] } }";
    let mut case = Case::of(&[(DO, what)]);
    case.look(10, &answers(10, number(10, 0.7)));
    assert_eq!(case.phase(), "waiting");
    case.look(20, &answers(20, number(20, 0.1)));
    assert_eq!(case.phase(), "escalated");
    assert!(case.called()[0].contains("needs the approval of @owner"), "{:?}", case.called());
}

#[test]
fn a_probe_of_a_checklist_is_asked_even_if_it_is_no_evidence() {
    let probes = "probes:\n  redis: { every: 30s, tcp: \"127.0.0.1:6379\" }\n";
    let what = "{ do: reset, when: { gone: true, all: [ { healthy: redis } ] } }";
    let mut case = Case::of(&[(DO, what), ("probes:\n", probes)]);
    case.look(10, &answers(10, none()));
    assert_eq!(case.incident.unmet[0].text, "`redis` has no answer");
    let asked = &case.incident.round.as_ref().unwrap().questions;
    assert!(asked.iter().any(|question| question.name == "redis"));
    let (_, green) = upstream(20, true, 0);
    let mut all = answers(20, none());
    all.push(("redis", green));
    assert!(case.look(20, &all).intent().is_some());
}
