//! Asking a person, with and without a sign that lets the ladder go on; and who has it.

use reclose::core::incident::{Phase, WaitReason};
use reclose::core::report::Status;

use super::{Case, closed, moment, statuses, tripped, upstream};

const LADDER: &str = "  otherwise: [ escalate ]\n";

fn asked(until: &str) -> Case {
    let auth = format!(
        "  auth: [ {{ ask: Rotate the token.{until} }}, {{ do: reset, when: {{ gone: true }} }} ]\n{LADDER}"
    );
    Case::of(&[(LADDER, &auth)])
}

fn refused(case: &mut Case, secs: i64, healthy: bool, since: i64) {
    case.look(
        secs,
        &[tripped(secs), statuses(secs, &[("401", 40.0)]), upstream(secs, healthy, since)],
    );
}

#[test]
fn the_ladder_goes_on_when_what_was_asked_for_is_seen() {
    let mut case = asked(", until: { healthy: upstream }");
    refused(&mut case, 10, false, 0);
    assert!(matches!(case.incident.phase, Phase::Waiting { why: WaitReason::Person, .. }));
    assert_eq!(case.called(), ["Rotate the token."]);
    let report = case.report();
    assert_eq!(report.status, Status::NeedsPerson);
    assert_eq!(
        report.headline,
        "a person is asked: Rotate the token. Waiting because `upstream` is not healthy"
    );
    assert_eq!(report.plan[0].text, "ask a person, until `upstream` is healthy: Rotate the token.");
    assert_eq!(case.incident.needs(), ["Rotate the token."]);
    // Asked once, however long it takes, and a green moment is not the hold.
    refused(&mut case, 40, false, 0);
    refused(&mut case, 100, true, 60);
    assert_eq!((case.phase(), case.called().len()), ("waiting", 0));
    assert_eq!(case.incident.unmet[0].text, "`upstream` is healthy, but not yet for 2m");
    refused(&mut case, 180, true, 60);
    assert!(case.intent().is_some(), "{:?}", case.incident.phase);
    assert!(case.incident.needs().is_empty());
}

#[test]
fn nobody_is_asked_for_what_is_seen_already() {
    let mut case = asked(", until: { healthy: upstream }");
    refused(&mut case, 10, true, -180);
    assert!(case.intent().is_some() && case.called().is_empty(), "{:?}", case.incident.phase);
}

#[test]
fn all_of_a_list_must_be_seen() {
    let auth = format!(
        "  auth: [ {{ ask: Rotate the token., until: {{ healthy: [ upstream, other ] }} }}, {{ do: reset, when: {{ gone: true }} }} ]\n{LADDER}"
    );
    let other = "probes:\n  other: { every: 30s, dns: api.example, hold: 1m }\n";
    let mut case = Case::of(&[(LADDER, &auth), ("probes:\n", other)]);
    refused(&mut case, 10, true, -180);
    assert_eq!(case.incident.unmet.len(), 1);
    assert_eq!(case.incident.unmet[0].text, "`other` has no answer");
}

#[test]
fn a_person_who_does_not_come_takes_over_at_the_end() {
    let mut case = asked(", until: { healthy: upstream }, within: 30m");
    refused(&mut case, 10, false, 0);
    refused(&mut case, 1_809, false, 0);
    assert_eq!(case.phase(), "waiting");
    refused(&mut case, 1_810, false, 0);
    assert_eq!(case.phase(), "escalated");
    assert_eq!(case.called(), ["Rotate the token. Asked 30m ago"]);
}

#[test]
fn without_a_sign_the_person_takes_over_at_once() {
    let auth = format!("  auth: [ {{ ask: Rotate the token. }} ]\n{LADDER}");
    let mut case = Case::of(&[(LADDER, &auth)]);
    refused(&mut case, 10, false, 0);
    assert_eq!((case.phase(), case.called().len()), ("escalated", 1));
    // And automation does not begin again beside them.
    refused(&mut case, 300, true, 0);
    assert_eq!(case.phase(), "escalated");
}

#[test]
fn a_breaker_that_closes_meanwhile_is_verified() {
    let mut case = asked(", until: { healthy: upstream }");
    refused(&mut case, 10, false, 0);
    case.look(60, &[closed(60), upstream(60, true, 50)]);
    assert_eq!(case.phase(), "verifying");
    case.look(130, &[closed(130), upstream(130, true, 50)]);
    assert_eq!(case.phase(), "recovered");
}

#[test]
fn whoever_acknowledges_first_is_named_until_the_next_outage() {
    let mut case = Case::of(&[]);
    refused(&mut case, 10, false, 0);
    case.incident.acknowledge("anna", Some("on it"), moment(20));
    case.incident.acknowledge("ben", None, moment(21));
    case.wake(22);
    let report = case.report();
    assert_eq!(report.acknowledged.unwrap().by, "anna");
    assert!(report.thread.iter().any(|line| line.text == "acknowledged by anna: on it"));
    case.incident.reopen("r", moment(900));
    assert_eq!(case.incident.acknowledged, None);
}
