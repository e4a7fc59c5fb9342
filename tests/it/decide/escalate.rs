//! Who is called when, and with which words.

use super::{Case, moment, none, open, statuses, trend, tripped, upstream};

const ALWAYS: &str = "  - { when: always, to: [ { slack: \"@oncall\" } ] }\n";

fn when(condition: &str) -> Case {
    let lines = format!("  - {{ when: {condition}, to: [ {{ slack: \"@boss\" }} ] }}\n{ALWAYS}");
    Case::of(&[(ALWAYS, &lines)])
}

/// Open by 5xx that lasts: the ladder waits for its end, and nobody is called but by the condition.
fn lasting(case: &mut Case, secs: i64) -> Vec<String> {
    let queue = trend(secs, &[(secs - 60, 1.0), (secs - 30, 1.0), (secs, 1.0)]);
    with(case, secs, queue)
}

fn with(
    case: &mut Case,
    secs: i64,
    queue: (&'static str, reclose::core::evidence::Finding),
) -> Vec<String> {
    let failing = statuses(secs, &[("503", 40.0)]);
    case.look(secs, &[tripped(secs), failing, upstream(secs, false, 0), queue]).called()
}

#[test]
fn an_incident_that_nobody_has_acknowledged_is_called_once() {
    let mut case = when("{ unacknowledged: 15m }");
    assert!(lasting(&mut case, 899).is_empty());
    assert_eq!(
        lasting(&mut case, 900),
        ["nobody has acknowledged it for 15m: `reclose ack INC-1`"]
    );
    assert!(lasting(&mut case, 930).is_empty());
    let mut case = when("{ unacknowledged: 15m }");
    lasting(&mut case, 10);
    case.incident.acknowledge("anna", None, moment(20));
    assert!(lasting(&mut case, 900).is_empty() && lasting(&mut case, 1_500).is_empty());
}

#[test]
fn its_time_wakes_it_without_news() {
    let mut case = when("{ unacknowledged: 15m }");
    lasting(&mut case, 10);
    assert_eq!(case.wake(900).called().len(), 1);
}

#[test]
fn a_trend_that_rises_for_its_time_is_called() {
    let rising = |secs: i64, from: i64, step: f64| {
        let points: Vec<(i64, f64)> = (0..=10)
            .map(|n| (secs - 300 + n * 30, step * n as f64))
            .filter(|(at, _)| *at >= from)
            .collect();
        trend(secs, &points)
    };
    let mut case = when("{ rising: queue, for: 5m }");
    // It rose before the breaker opened: not for five minutes of this outage.
    assert!(with(&mut case, 200, rising(200, -1_000, 1.0)).is_empty());
    assert_eq!(with(&mut case, 310, rising(310, 0, 1.0)), ["`queue` rose for 5m"]);
    for (what, queue) in [
        ("flat", rising(310, 0, 0.0)),
        ("falling", rising(310, 0, -1.0)),
        ("only the last points", rising(310, 250, 1.0)),
        ("no data", ("queue", none())),
        ("old points", rising(0, -1_000, 1.0)),
    ] {
        let mut case = when("{ rising: queue, for: 5m }");
        assert!(with(&mut case, 310, queue).is_empty(), "{what}");
    }
}

#[test]
fn several_open_incidents_of_one_group_are_called() {
    let mut case = when("{ several_open: 2 }");
    case.fleet.open.push(open(2, "other", "elsewhere", 0));
    assert!(lasting(&mut case, 10).is_empty(), "another group is another trouble");
    case.fleet.open.push(open(3, "third", "shop", 400));
    assert_eq!(lasting(&mut case, 420), ["2 incidents are open in group `shop`: INC-1, INC-3"]);
}

#[test]
fn a_cause_that_stays_unknown_is_called_after_its_time_and_not_before() {
    let nobody_knows = |case: &mut Case, secs: i64| {
        case.look(secs, &[tripped(secs), upstream(secs, true, 0)]).called()
    };
    let mut case = when("{ unknown_cause: 30m }");
    for secs in [10, 30, 60, 600, 1_799] {
        assert!(nobody_knows(&mut case, secs).is_empty(), "{secs}");
        assert_eq!(case.phase(), "watching", "{secs}");
    }
    let called = nobody_knows(&mut case, 1_800);
    assert_eq!(called, ["no state or no cause for 30m", "the rule calls for a person"]);
    assert_eq!(case.phase(), "escalated");
    // Without a word of its own a rule gives up after two rounds.
    let mut case = Case::of(&[]);
    nobody_knows(&mut case, 10);
    assert_eq!(nobody_knows(&mut case, 30).len(), 1);
    // A cause that is known is not called, however long it takes.
    let mut case = when("{ unknown_cause: 30m }");
    assert!(lasting(&mut case, 10).is_empty() && lasting(&mut case, 1_500).is_empty());
}

#[test]
fn any_condition_of_a_list_is_enough_and_each_that_holds_is_named() {
    let mut case = when("[ { open_for: 10m }, { several_open: 2 } ]");
    assert!(lasting(&mut case, 599).is_empty());
    assert_eq!(lasting(&mut case, 600), ["the breaker has been open for 10m"]);
    let mut case = when("[ { open_for: 10m }, { several_open: 2 } ]");
    case.fleet.open.push(open(3, "third", "shop", 400));
    assert_eq!(lasting(&mut case, 420).len(), 1);
    assert!(lasting(&mut case, 600).is_empty(), "one line calls once");
    let mut case = when("[ { open_for: 10m }, { several_open: 2 } ]");
    case.fleet.open.push(open(3, "third", "shop", 400));
    assert_eq!(
        lasting(&mut case, 700),
        ["the breaker has been open for 10m; 2 incidents are open in group `shop`: INC-1, INC-3"]
    );
}
