//! What a rule knows of its causes: its own reading of statuses, advice, and which alerts are its own.

use reclose::core::alert::{Alert, AlertKey, AlertStatus, Labels, Source};
use reclose::core::cause::{Cause, Class};
use reclose::core::classify::Patterns;
use reclose::core::evidence::{Finding, LogLine, ProbeResult, Reading, Value};

use super::{Case, moment, rule, statuses, tripped, upstream};

const OWN: (&str, &str) = (
    "ladder:\n",
    "causes:\n  rate_limited: { status: [503], log: 'SLOW' }\n  database: { status: 507 }\nladder:\n",
);
const ERRORS: (&str, &str) =
    ("evidence:\n", "evidence:\n  errors: { log_file: /var/log/api.log }\n");

fn class(case: &mut Case, answers: &[(&str, Finding)]) -> Class {
    let mut all = vec![tripped(10)];
    all.extend(answers.iter().map(|(name, finding)| match *name {
        "statuses" => ("statuses", finding.clone()),
        "errors" => ("errors", finding.clone()),
        _ => ("upstream", finding.clone()),
    }));
    case.look(10, &all);
    case.incident.verdict.as_ref().unwrap().class
}

fn lines(text: &str) -> Finding {
    let line = LogLine { at: None, text: text.to_owned() };
    let value = Value::Lines { lines: vec![line; 6], complete: true };
    Finding::Value(Reading { at: moment(10), value })
}

#[test]
fn a_rules_own_reading_of_a_status_goes_before_the_built_in_one() {
    let counted = || [statuses(10, &[("503", 40.0), ("200", 9.0)])];
    let probed = || {
        let (name, finding) = upstream(10, false, 0);
        let Finding::Value(Reading { at, value: Value::Probe(seen) }) = finding else { panic!() };
        let seen = ProbeResult { status: Some(503), ..seen };
        [(name, Finding::Value(Reading { at, value: Value::Probe(seen) }))]
    };
    let logged = || [("errors", lines("PUT /bucket/x HTTP/1.1 503 Service Unavailable"))];
    for (own, wanted) in [(false, Class::Upstream5xx), (true, Class::RateLimited)] {
        let fresh = || if own { Case::of(&[OWN, ERRORS]) } else { Case::of(&[ERRORS]) };
        assert_eq!(class(&mut fresh(), &counted()), wanted, "a metric, own: {own}");
        assert_eq!(class(&mut fresh(), &probed()), wanted, "a probe, own: {own}");
        assert_eq!(class(&mut fresh(), &logged()), wanted, "log lines, own: {own}");
    }
    // Other statuses mean what they mean everywhere, and a wording that says more than its status is believed.
    assert_eq!(class(&mut Case::of(&[OWN]), &[statuses(10, &[("502", 40.0)])]), Class::Upstream5xx);
    let told = [("errors", lines("503: x509: certificate has expired or is not yet valid"))];
    assert_eq!(class(&mut Case::of(&[OWN, ERRORS]), &told), Class::Tls);
}

#[test]
fn each_status_names_its_own_cause() {
    let rule = rule(&[OWN]);
    let patterns = Patterns::with(&rule.cause_patterns).unwrap().reading(&rule.cause_statuses);
    assert_eq!(patterns.status(503).cause, Some(Cause::RateLimited));
    assert_eq!(patterns.status(507).cause, Some(Cause::Database));
    assert_eq!(patterns.status(500).cause, Some(Cause::Upstream5xx));
}

#[test]
fn advice_for_a_cause_is_told_with_it_and_with_no_other() {
    let advice = ("ladder:\n", "advice:\n  auth: Rotate the token in the vault.\nladder:\n");
    let mut case = Case::of(&[advice]);
    assert_eq!(class(&mut case, &[statuses(10, &[("401", 40.0)])]), Class::Auth);
    assert_eq!(case.report().advice.as_deref(), Some("Rotate the token in the vault."));
    assert_eq!(case.pages()[0].advice.as_deref(), Some("Rotate the token in the vault."));
    let mut case = Case::of(&[advice]);
    class(&mut case, &[statuses(10, &[("429", 40.0)])]);
    assert_eq!((case.report().advice, &case.pages()[0].advice), (None, &None));
}

#[test]
fn a_label_may_have_any_of_several_values() {
    let rule = rule(&[(
        "{ alertname: BreakerOpen }",
        "{ alertname: [ BreakerOpen, Tripped ], env: prod }",
    )]);
    let matches = |pairs: &[(&str, &str)]| {
        let labels: Labels =
            pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        rule.matches(&Alert {
            key: AlertKey { source: Source::Alertmanager, fingerprint: "f".to_owned() },
            status: AlertStatus::Firing,
            labels,
            annotations: Labels::new(),
            starts_at: None,
            ends_at: None,
            generator_url: String::new(),
            flags: vec![],
        })
    };
    assert!(matches(&[("alertname", "BreakerOpen"), ("env", "prod")]));
    assert!(matches(&[("alertname", "Tripped"), ("env", "prod"), ("more", "x")]));
    assert!(!matches(&[("alertname", "Other"), ("env", "prod")]));
    assert!(!matches(&[("alertname", "Tripped"), ("env", "test")]));
    assert!(!matches(&[("env", "prod")]));
}
