//! What is due when, and since when a result holds: computed, never waited for.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jiff::Timestamp;
use reclose::core::evidence::{Ask, HttpAsk, ProbeResult, Reading, Value};
use reclose::core::rule::{
    BreakerKind, Mode, ProbeRule, Probing, Recovery, Rule, RuleSet, Schedule, StateRule,
    VerifyRule, VerifySignal,
};
use reclose::engine::probes::plan::{Due, after_run, due};
use reclose::engine::probes::schedule::{ScheduleError, next_due};

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn cron(expression: &str, zone: &str) -> Schedule {
    Schedule::Cron { expression: expression.to_owned(), zone: zone.to_owned() }
}

/// The next `N` moments of a schedule, in UTC.
fn times<const N: usize>(schedule: &Schedule, from: &str) -> [String; N] {
    let mut now = at(from);
    std::array::from_fn(|_| {
        now = next_due(schedule, now).unwrap();
        now.to_string()
    })
}

#[test]
fn noon_in_paris_is_noon_in_paris_on_both_sides_of_a_change_of_clocks() {
    let noon = cron("0 12 * * *", "Europe/Paris");
    assert_eq!(
        times(&noon, "2026-10-24T09:00:00Z"),
        ["2026-10-24T10:00:00Z", "2026-10-25T11:00:00Z"]
    );
    assert_eq!(
        times(&noon, "2027-03-27T09:00:00Z"),
        ["2027-03-27T11:00:00Z", "2027-03-28T10:00:00Z"]
    );
}

#[test]
fn a_time_that_a_change_of_clocks_skips_or_repeats_is_due_once() {
    let early = cron("30 2 * * *", "Europe/Paris");
    let spring: [String; 3] = times(&early, "2027-03-27T00:00:00Z");
    assert_eq!(spring, ["2027-03-27T01:30:00Z", "2027-03-28T01:00:00Z", "2027-03-29T00:30:00Z"]);
    let autumn: [String; 3] = times(&early, "2026-10-24T00:00:00Z");
    assert_eq!(autumn, ["2026-10-24T00:30:00Z", "2026-10-25T00:30:00Z", "2026-10-26T01:30:00Z"]);
}

#[test]
fn seconds_may_come_first_and_nonsense_is_refused() {
    let often: [String; 2] = times(&cron("*/20 * * * * *", "UTC"), "2026-01-01T00:00:05Z");
    assert_eq!(often, ["2026-01-01T00:00:20Z", "2026-01-01T00:00:40Z"]);
    let now = at("2026-01-01T00:00:00Z");
    let error = next_due(&cron("* * *", "UTC"), now).unwrap_err();
    assert!(matches!(error, ScheduleError::Cron(..)), "{error}");
    let error = next_due(&cron("* * * * *", "Mars/Olympus"), now).unwrap_err();
    assert_eq!(error.to_string(), "there is no time zone `Mars/Olympus`");
}

pub(super) fn probe(every_secs: u64) -> Due {
    let http = HttpAsk {
        method: "GET".to_owned(),
        url: "http://127.0.0.1:9/health".to_owned(),
        headers: BTreeMap::new(),
        json: None,
        secrets: BTreeMap::new(),
        said: BTreeMap::new(),
        pointer: None,
        expect: None,
        timeout: Duration::from_secs(2),
    };
    let rule = ProbeRule {
        name: "health".to_owned(),
        schedule: Schedule::Every(Duration::from_secs(every_secs)),
        how: Probing::Http(Box::new(http)),
        through_breaker: false,
        hold: Duration::from_secs(3),
    };
    Due { key: ("a".to_owned(), "health".to_owned()), rule, row: None }
}

fn result(healthy: bool, now: Timestamp) -> ProbeResult {
    ProbeResult {
        healthy,
        since: now,
        status: Some(200),
        retry_after: None,
        detail: String::new(),
        failure: None,
    }
}

/// Runs the probe when told and returns since when its last result holds, in seconds from the start.
fn since(runs: &[(f64, bool)]) -> f64 {
    let mut due = probe(5);
    let start = at("2026-01-01T00:00:00Z");
    let moment = |secs: f64| start.checked_add(Duration::from_secs_f64(secs)).unwrap();
    for (secs, healthy) in runs {
        let now = moment(*secs);
        due.row = Some(after_run(&due, result(*healthy, now), now, now));
    }
    let Some(Reading { value: Value::Probe(last), .. }) = due.row.unwrap().last else { panic!() };
    last.since.duration_since(start).as_secs_f64()
}

#[test]
fn a_result_holds_since_the_first_run_in_a_row() {
    assert!((since(&[(0.0, true)]) - 0.0).abs() < 0.001);
    assert!((since(&[(0.0, true), (5.3, true), (10.2, true)]) - 0.0).abs() < 0.001);
    assert!((since(&[(0.0, true), (5.0, false), (10.0, true), (15.0, true)]) - 10.0).abs() < 0.001);
    assert!((since(&[(0.0, false), (5.0, true), (10.0, false)]) - 10.0).abs() < 0.001);
}

#[test]
fn nothing_is_known_of_the_time_when_nobody_looked() {
    assert!((since(&[(0.0, true), (5.0, true), (3_600.0, true)]) - 3_600.0).abs() < 0.001);
}

#[test]
fn a_span_is_counted_from_when_it_was_due_and_a_stall_is_not_made_up_for() {
    let mut due = probe(1);
    let start = at("2026-01-01T00:00:00Z");
    let moment = |millis| start.checked_add(Duration::from_millis(millis)).unwrap();
    let mut run = |millis| {
        let now = moment(millis);
        due.row = Some(after_run(&due, result(true, now), now, now));
        due.row.as_ref().unwrap().next_due
    };
    assert_eq!(run(0), moment(1_000));
    assert_eq!(run(1_400), moment(2_000));
    assert_eq!(run(2_100), moment(3_000));
    assert_eq!(run(60_000), moment(61_000));
}

pub(super) fn rule(needs_idle: bool, through_breaker: bool) -> RuleSet {
    let probe = ProbeRule { through_breaker, ..probe(5).rule };
    let ask = Ask::Http(probe.how.http().unwrap().clone());
    let verify = VerifyRule {
        hold: Duration::ZERO,
        within: Duration::ZERO,
        every: Duration::from_secs(1),
        all: vec![VerifySignal::AlertResolved],
    };
    let rule = Rule {
        name: "a".to_owned(),
        revision: String::new(),
        summary: String::new(),
        runbook: None,
        channel: None,
        mode: Mode::Observe,
        targets: vec!["one".to_owned()],
        ceilings: BTreeMap::new(),
        target_from: None,
        matchers: vec![],
        act_after: Duration::ZERO,
        state: StateRule { ask, max_age: Duration::ZERO, means: BTreeMap::new() },
        kind: BreakerKind::SelfHealing,
        recovery: Recovery { half_open_after: None, needs_idle },
        evidence: vec![],
        cause_patterns: vec![],
        lines: reclose::core::classify::Lines::default(),
        cause_statuses: BTreeMap::new(),
        advice: BTreeMap::new(),
        ladder: BTreeMap::new(),
        otherwise: vec![],
        actions: BTreeMap::new(),
        verify,
        escalate: vec![],
        probes: vec![probe],
        alerts: vec![],
        updates_every: Duration::from_secs(900),
    };
    RuleSet { rules: BTreeMap::from([("a".to_owned(), rule)]), ..RuleSet::default() }
}

#[test]
fn only_a_probe_through_a_breaker_that_must_idle_pauses_and_only_while_it_is_open() {
    let now = at("2026-01-01T00:00:00Z");
    let open = BTreeSet::from(["a".to_owned()]);
    let runs = |rules: &RuleSet, open: &BTreeSet<String>| due(rules, vec![], open, now).len();
    assert_eq!(runs(&rule(true, true), &open), 0);
    assert_eq!(runs(&rule(true, true), &BTreeSet::new()), 1);
    assert_eq!(runs(&rule(true, false), &open), 1);
    assert_eq!(runs(&rule(false, true), &open), 1);
}

#[test]
fn a_probe_is_due_when_its_row_says_so_or_its_changed_schedule_would() {
    let mut rules = rule(false, false);
    let start = at("2026-01-01T00:00:00Z");
    let moment = |secs| start.checked_add(Duration::from_secs(secs)).unwrap();
    let none = BTreeSet::new();
    let first = due(&rules, vec![], &none, start).remove(0);
    let row = after_run(&first, result(true, start), start, start);
    let is_due =
        |rules: &RuleSet, secs| due(rules, vec![row.clone()], &none, moment(secs)).len() == 1;
    assert!(!is_due(&rules, 4) && is_due(&rules, 5));
    rules.rules.get_mut("a").unwrap().probes[0].schedule = Schedule::Every(Duration::from_secs(2));
    assert!(is_due(&rules, 2));
    // A run that took longer than its span is due again at its end, not before.
    let slow = after_run(&first, result(true, start), start, moment(30));
    assert_eq!(slow.next_due, moment(30));
}
