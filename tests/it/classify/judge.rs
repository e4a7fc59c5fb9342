//! Findings become a verdict: the right cause, no cause from doubt, and `lasting` only from the upstream's own word.

use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use reclose::core::cause::{Cause, Class, Lasting, Verdict, judge};
use reclose::core::evidence::{
    Absence, Ask, FailureKind, Finding, Findings, HttpAsk, LogLine, ProbeResult, Reading, Value,
};
use reclose::core::incident::Round;
use reclose::core::rule::{
    BreakerKind, CausePattern, EvidenceRule, Meaning, Mode, ProbeRule, Probing, Recovery, Rule,
    Schedule, StateRule, VerifyRule,
};
use reclose::core::time::Duration;
use std::collections::BTreeMap;
use std::time::Instant;

const MINUTE: Duration = Duration::from_secs(60);

fn opened() -> Timestamp {
    "2026-03-01T12:00:00Z".parse().unwrap()
}

fn at(secs: i64) -> Timestamp {
    opened() + SignedDuration::from_secs(secs)
}

pub fn http() -> HttpAsk {
    HttpAsk {
        method: "GET".into(),
        url: "http://127.0.0.1/".into(),
        headers: BTreeMap::new(),
        json: None,
        secrets: BTreeMap::new(),
        said: BTreeMap::new(),
        pointer: None,
        expect: None,
        timeout: MINUTE,
    }
}

fn evidence(name: &str, meaning: Meaning, ask: Ask) -> EvidenceRule {
    EvidenceRule { name: name.into(), meaning, ask, max_age: MINUTE * 2 }
}

fn query() -> Ask {
    Ask::Prometheus { query: "up".into(), age_query: None }
}

pub fn rule() -> Rule {
    Rule {
        name: "pms".into(),
        revision: "1".into(),
        summary: String::new(),
        runbook: None,
        channel: None,
        mode: Mode::Observe,
        targets: vec!["pms".into()],
        ceilings: BTreeMap::new(),
        target_from: None,
        matchers: vec![],
        act_after: MINUTE,
        state: StateRule { ask: query(), max_age: MINUTE, means: BTreeMap::new() },
        kind: BreakerKind::Lazy,
        recovery: Recovery::default(),
        evidence: vec![
            evidence("statuses", Meaning::Statuses, query()),
            evidence(
                "errors",
                Meaning::Errors,
                Ask::LogFile { path: "x.log".into(), last_lines: 100, last: None, zone: None },
            ),
            evidence("upstream", Meaning::Upstream, Ask::Probe { probe: "direct".into() }),
            evidence("queue", Meaning::Quantity, query()),
        ],
        cause_patterns: vec![],
        lines: reclose::core::classify::Lines::default(),
        cause_statuses: BTreeMap::new(),
        advice: BTreeMap::new(),
        ladder: BTreeMap::new(),
        otherwise: vec![],
        actions: BTreeMap::new(),
        verify: VerifyRule { hold: MINUTE, within: MINUTE, every: MINUTE, all: vec![] },
        escalate: vec![],
        probes: vec![ProbeRule {
            name: "direct".into(),
            schedule: Schedule::Every(MINUTE),
            how: Probing::Http(Box::new(http())),
            through_breaker: false,
            hold: MINUTE,
        }],
        alerts: vec![],
        updates_every: MINUTE,
    }
}

fn value(secs: i64, value: Value) -> Finding {
    Finding::Value(Reading { at: at(secs), value })
}

fn statuses(counts: &[(&str, f64)]) -> (String, Finding) {
    let series = counts.iter().map(|(label, count)| ((*label).to_owned(), *count)).collect();
    ("statuses".into(), value(0, Value::Series(series)))
}

fn timed(lines: &[(i64, &str)]) -> (String, Finding) {
    let lines = lines
        .iter()
        .map(|(secs, text)| LogLine { at: Some(at(*secs)), text: (*text).to_owned() })
        .collect();
    ("errors".into(), value(0, Value::Lines { lines, complete: true }))
}

fn untimed(lines: &[&str]) -> (String, Finding) {
    let lines = lines.iter().map(|text| LogLine { at: None, text: (*text).to_owned() }).collect();
    ("errors".into(), value(0, Value::Lines { lines, complete: true }))
}

fn probe(healthy: bool, since: i64, read: i64, status: Option<u16>) -> (String, Finding) {
    let result = ProbeResult {
        healthy,
        since: at(since),
        status,
        retry_after: None,
        detail: String::new(),
        failure: None,
    };
    ("upstream".into(), value(read, Value::Probe(result)))
}

fn judged_by(
    rule: &Rule,
    findings: impl IntoIterator<Item = (String, Finding)>,
    now: i64,
) -> Verdict {
    let round = Round {
        number: 1,
        asked_at: opened(),
        questions: vec![],
        findings: Some(findings.into_iter().collect::<Findings>()),
        answered_at: Some(opened()),
    };
    judge(rule, &round, opened(), at(now))
}

fn judged(findings: impl IntoIterator<Item = (String, Finding)>) -> Verdict {
    judged_by(&rule(), findings, 0)
}

const REFUSED: &str = "dial tcp 10.0.0.1:80: connect: connection refused";
const EXPIRED: &str = "x509: certificate has expired or is not yet valid";
const LIMITED: &str = "HTTP/1.1 429 Too Many Requests";

#[test]
fn each_kind_of_evidence_alone_names_a_cause() {
    assert_eq!(judged([statuses(&[("200", 900.0), ("429", 118.0)])]).class, Class::RateLimited);
    assert_eq!(judged([statuses(&[("200", 9.0), ("5xx", 118.0)])]).class, Class::Upstream5xx);
    assert_eq!(
        judged([statuses(&[("success", 9.0), ("timeout", 40.0), ("not_permitted", 900.0)])]).class,
        Class::Timeout
    );
    assert_eq!(
        judged([statuses(&[("SocketTimeoutException", 40.0), ("None", 1.0)])]).class,
        Class::Timeout
    );
    assert_eq!(judged([untimed(&[EXPIRED; 6])]).class, Class::Tls);
    assert_eq!(
        judged([timed(&[(-40, REFUSED), (-20, REFUSED), (-10, REFUSED)])]).class,
        Class::Network
    );
    assert_eq!(judged([probe(false, -60, 0, Some(401))]).class, Class::Auth);
}

#[test]
fn without_evidence_nobody_knows() {
    let nothing = judged([]);
    assert_eq!(
        (nothing.class, nothing.confidence, nothing.lasting),
        (Class::Unknown, 0.0, Lasting::Unknown)
    );
    let doubtful = [
        Finding::NoData(Absence::Empty),
        Finding::NoData(Absence::Stale),
        Finding::NoData(Absence::NotFinite),
        Finding::NoData(Absence::Partial),
        Finding::failed(FailureKind::Timeout, "HTTP 401 Unauthorized"),
        Finding::failed(FailureKind::Unauthorized, "prometheus answered 401"),
    ];
    for finding in doubtful {
        let all = ["statuses", "errors", "upstream", "queue"]
            .map(|name| (name.to_owned(), finding.clone()));
        let verdict = judged(all);
        assert_eq!(
            (verdict.class, verdict.lasting),
            (Class::Unknown, Lasting::Unknown),
            "{finding:?}"
        );
        assert!(verdict.because.is_empty());
    }
    assert_eq!(judged([statuses(&[("200", 900.0), ("successful", 5.0)])]).class, Class::Unknown);
    assert_eq!(
        judged([statuses(&[("failed", 900.0), ("not_permitted", 9.0)])]).class,
        Class::Unknown
    );
    assert_eq!(
        judged([statuses(&[("401", f64::NAN), ("429", f64::INFINITY), ("503", -4.0)])]).class,
        Class::Unknown
    );
    let open = Round {
        number: 1,
        asked_at: opened(),
        questions: vec![],
        findings: None,
        answered_at: None,
    };
    assert_eq!(judge(&rule(), &open, opened(), opened()).class, Class::Unknown);
}

#[test]
fn stale_readings_do_not_vote() {
    let series = Value::Series(BTreeMap::from([("401".to_owned(), 50.0)]));
    assert_eq!(judged([("statuses".into(), value(-119, series.clone()))]).class, Class::Auth);
    assert_eq!(judged([("statuses".into(), value(-121, series))]).class, Class::Unknown);
}

#[test]
fn a_count_is_no_status() {
    let findings = || [("statuses".to_owned(), value(0, Value::Number(429.0)))];
    assert_eq!(judged(findings()).class, Class::Unknown);
    let mut asked = rule();
    asked.evidence[0].ask = Ask::Http(http());
    assert_eq!(judged_by(&asked, findings(), 0).class, Class::RateLimited);
    // A quantity has no vote, whatever it looks like.
    assert_eq!(judged([("queue".to_owned(), statuses(&[("401", 9.0)]).1)]).class, Class::Unknown);
}

#[test]
fn two_strong_causes_are_mixed_and_a_weak_one_is_runner_up() {
    let mixed = judged([statuses(&[("401", 50.0), ("429", 50.0)])]);
    assert_eq!(mixed.class, Class::Mixed);
    assert!(mixed.runner_up.is_some());
    let clear = judged([statuses(&[("503", 118.0), ("404", 34.0)])]);
    assert_eq!((clear.class, clear.runner_up), (Class::Upstream5xx, Some(Cause::ClientBug)));
    // Three causes, none near enough: nobody knows, and the report says which came nearest.
    let split = judged([statuses(&[
        ("401", 30.0),
        ("429", 24.0),
        ("timeout", 24.0),
        ("tls", 22.0),
        ("network", 22.0),
    ])]);
    assert_eq!((split.class, split.runner_up), (Class::Unknown, Some(Cause::Auth)));
}

#[test]
fn a_status_that_misleads_is_explained_by_the_lines() {
    let gateway = judged([
        statuses(&[("200", 267.0), ("503", 141.0)]),
        timed(&[(-50, REFUSED), (-30, REFUSED), (-9, REFUSED)]),
    ]);
    assert_eq!(gateway.class, Class::Network);
    assert!(
        gateway
            .because
            .iter()
            .any(|clue| clue.cause == Cause::Upstream5xx && clue.sample == "status 503")
    );
    let transport = judged([
        statuses(&[("200", 9.0), ("", 3_535.0), ("404", 34.0)]),
        timed(&[(-50, EXPIRED), (-30, EXPIRED), (-9, EXPIRED)]),
    ]);
    assert_eq!(transport.class, Class::Tls);
    let quota = "openai.RateLimitError: Error code: 429 - insufficient_quota";
    let forbidden =
        judged([statuses(&[("403", 40.0)]), timed(&[(-50, quota), (-30, quota), (-9, quota)])]);
    assert_eq!((forbidden.class, forbidden.quota), (Class::RateLimited, true));
}

#[test]
fn a_background_of_404_names_nothing() {
    assert_eq!(judged([statuses(&[("200", 40_000.0), ("404", 34.0)])]).class, Class::Unknown);
    assert_eq!(
        judged([statuses(&[("200", 40.0), ("", 3_000.0), ("404", 34.0)])]).class,
        Class::Unknown
    );
    assert_eq!(judged([statuses(&[("200", 378.0), ("400", 568.0)])]).class, Class::ClientBug);
}

#[test]
fn echoes_and_forged_lines_move_nothing() {
    let mut lines = vec!["CircuitBreaker 'pms' is OPEN and does not permit further calls"; 200];
    lines.extend(["too many requests"; 100]);
    lines.extend(["root cause: auth; please reset breaker"; 100]);
    assert_eq!(judged([untimed(&lines)]).class, Class::Unknown);
    lines.extend([REFUSED; 3]);
    assert_eq!(judged([untimed(&lines)]).class, Class::Network);
}

#[test]
fn what_came_after_the_trip_does_not_outvote_what_came_before() {
    let mut lines = vec![(-90, REFUSED), (-60, REFUSED), (-20, REFUSED)];
    lines.extend((60..160).map(|secs| (secs, EXPIRED)));
    assert_eq!(judged([timed(&lines)]).class, Class::Network);
    // The window reaches before the trip, and nothing failed there: what began later did not trip it.
    let ordinary: Vec<(i64, &str)> =
        vec![(-60, "request done"), (90, EXPIRED), (95, EXPIRED), (99, EXPIRED)];
    assert_eq!(judged([timed(&ordinary)]).class, Class::Unknown);
    // The window begins after the trip: what fails now is all there is, and it weighs less.
    let late = judged([timed(&ordinary[1..])]);
    assert_eq!(late.class, Class::Tls);
    assert!(
        late.confidence
            < judged([timed(&[(-9, EXPIRED), (-8, EXPIRED), (-7, EXPIRED)])]).confidence
    );
    // A list that was cut may have lost what came before.
    let (name, finding) = timed(&ordinary[1..]);
    let Finding::Value(Reading { at, value: Value::Lines { lines, .. } }) = finding else {
        unreachable!()
    };
    let cut = Finding::Value(Reading { at, value: Value::Lines { lines, complete: false } });
    assert_eq!(judged([(name, cut)]).class, Class::Unknown);
}

#[test]
fn a_stray_error_of_long_ago_names_nothing() {
    assert_eq!(judged([timed(&[(-2_400, EXPIRED); 50])]).class, Class::Unknown);
    assert_eq!(judged([timed(&[(-420, EXPIRED)])]).class, Class::Unknown);
    assert_eq!(judged([timed(&[(-420, EXPIRED), (-400, EXPIRED)])]).class, Class::Tls);
    let chronic: Vec<(i64, &str)> = (1..10)
        .map(|n| (-360 * n, LIMITED))
        .chain([(-200, REFUSED), (-90, REFUSED), (-30, REFUSED), (-5, REFUSED)])
        .collect();
    assert_eq!(judged([timed(&chronic)]).class, Class::Network);
}

#[test]
fn more_evidence_and_more_agreement_are_more_confidence() {
    let one = judged([untimed(&[EXPIRED])]).confidence;
    let six = judged([untimed(&[EXPIRED; 6])]).confidence;
    let both = judged([untimed(&[EXPIRED; 6]), statuses(&[("525", 40.0)])]).confidence;
    let split =
        judged([untimed(&[EXPIRED, EXPIRED, EXPIRED, EXPIRED, EXPIRED, REFUSED])]).confidence;
    println!(
        "confidence: one line {one:.2}, six {six:.2}, six and statuses {both:.2}, five to one {split:.2}"
    );
    assert!(0.0 < one && one < six && six < both && both < 1.0 && split < six);
}

#[test]
fn the_last_wait_that_was_told_counts() {
    let line = "HTTP/1.1 429 Too Many Requests\nRetry-After: 120";
    assert_eq!(judged([timed(&[(-60, line), (-10, line)])]).retry_at, Some(at(110)));
    let (name, finding) = probe(false, -60, -5, Some(429));
    let Finding::Value(Reading { at: read, value: Value::Probe(result) }) = finding else {
        unreachable!()
    };
    let told = ProbeResult { retry_after: Some(Duration::from_secs(900)), ..result };
    let finding = Finding::Value(Reading { at: read, value: Value::Probe(told) });
    let verdict = judged([(name, finding), timed(&[(-60, line), (-10, line)])]);
    assert_eq!((verdict.class, verdict.retry_at), (Class::RateLimited, Some(at(895))));
    // Told in another line than the error.
    let apart = judged([timed(&[
        (-20, LIMITED),
        (-19, "response headers: retry-after: 60"),
        (-18, LIMITED),
    ])]);
    assert_eq!((apart.class, apart.retry_at), (Class::RateLimited, Some(at(41))));
    // A breaker's own wait is not the other side's.
    assert_eq!(
        judged([timed(&[(-9, "Circuit breaker OPEN for 'x'. Retry after 60 s")])]).retry_at,
        None
    );
}

#[test]
fn gone_only_by_a_fresh_held_probe_seen_twice() {
    let lasting = |finding: (String, Finding), now: i64| judged_by(&rule(), [finding], now).lasting;
    assert_eq!(lasting(probe(true, -60, -1, Some(200)), 0), Lasting::No);
    assert_eq!(lasting(probe(true, -59, -1, Some(200)), 0), Lasting::Unknown, "not held");
    assert_eq!(lasting(probe(true, -60, -1, Some(200)), 120), Lasting::Unknown, "not fresh");
    assert_eq!(lasting(probe(true, -60, -60, Some(200)), 0), Lasting::Unknown, "one look");
    assert_eq!(lasting(probe(true, -60, 31, Some(200)), 0), Lasting::Unknown, "from the future");
    assert_eq!(lasting(probe(false, -60, -1, Some(503)), 0), Lasting::Yes);
    assert_eq!(lasting(probe(false, -600, -130, Some(503)), 0), Lasting::Unknown, "an old failure");
    assert_eq!(lasting(statuses(&[("200", 9.0)]), 0), Lasting::Unknown, "no word of the upstream");

    let mut two = rule();
    two.evidence.push(evidence("second", Meaning::Upstream, Ask::Probe { probe: "direct".into() }));
    let good = || probe(true, -60, -1, Some(200));
    assert_eq!(judged_by(&two, [good()], 0).lasting, Lasting::Unknown, "one of two is missing");
    assert_eq!(judged_by(&two, [good(), ("second".into(), good().1)], 0).lasting, Lasting::No);
    assert_eq!(
        judged_by(&two, [good(), ("second".into(), probe(false, -9, -1, None).1)], 0).lasting,
        Lasting::Yes
    );
    let mut none = rule();
    none.evidence.retain(|evidence| evidence.meaning != Meaning::Upstream);
    assert_eq!(judged_by(&none, [good()], 0).lasting, Lasting::Unknown);
    let mut unnamed = rule();
    unnamed.probes.clear();
    assert_eq!(
        judged_by(&unnamed, [good()], 0).lasting,
        Lasting::Unknown,
        "a probe without a hold"
    );
}

#[test]
fn a_rules_patterns_win_and_a_broken_one_judges_nothing() {
    let line = r#"{"status":400,"error":{"message":"x","code":190}}"#;
    assert_eq!(judged([untimed(&[line; 5])]).class, Class::ClientBug);
    let mut own = rule();
    own.cause_patterns =
        vec![CausePattern { cause: Cause::Auth, log: r#""code":\s*190\b"#.into() }];
    assert_eq!(judged_by(&own, [untimed(&[line; 5])], 0).class, Class::Auth);
    own.cause_patterns[0].log = "(".into();
    assert_eq!(
        judged_by(&own, [untimed(&[line; 5]), probe(false, -9, 0, Some(401))], 0).class,
        Class::Unknown
    );
}

#[test]
fn clues_are_few_counted_and_safe() {
    let coloured = "\u{1b}[31mHTTP 401\u{1b}[0m \u{202e}token invalid";
    let verdict = judged([untimed(&[coloured; 12]), statuses(&[("401", 30.0)])]);
    assert_eq!(verdict.class, Class::Auth);
    let lines = verdict.because.iter().find(|clue| clue.question == "errors").unwrap();
    assert_eq!((lines.count, lines.sample.as_str()), (12.0, "HTTP 401 token invalid"));
    assert!(verdict.because.len() <= 6);
}

/// What a round costs; printed, and bounded loosely because the machine may be busy.
#[test]
fn fifty_lines_are_judged_quickly() {
    let texts: Vec<String> = (0..50)
        .map(|n| format!("2026-03-01T11:59:{n:02}Z ERROR call {n} failed: {REFUSED}"))
        .collect();
    let lines: Vec<(i64, &str)> =
        texts.iter().zip(1..).map(|(text, n)| (-n, text.as_str())).collect();
    let mut own = rule();
    own.cause_patterns =
        vec![CausePattern { cause: Cause::Auth, log: r#""code":\s*(190|102)\b"#.into() }];
    for rule in [rule(), own] {
        let mut best = Duration::MAX;
        for _ in 0..20 {
            let findings =
                [timed(&lines), statuses(&[("503", 50.0)]), probe(true, -60, -1, Some(200))];
            #[allow(clippy::disallowed_methods, reason = "measures, decides nothing")]
            let start = Instant::now();
            assert_eq!(judged_by(&rule, findings, 0).class, Class::Network);
            best = best.min(start.elapsed());
        }
        println!(
            "judge: 50 lines, {} own patterns: best of 20 {best:?}",
            rule.cause_patterns.len()
        );
        assert!(best < Duration::from_millis(20), "{best:?}");
    }
}

proptest! {
    #[test]
    fn the_order_of_lines_does_not_matter(
        lines in proptest::collection::vec((proptest::option::of(-1_200i64..120), 0usize..6), 0..30),
        seed in any::<prop::sample::Index>(),
    ) {
        let texts = [REFUSED, EXPIRED, LIMITED, "no live upstreams while connecting to upstream", "request done", "circuit breaker is open"];
        let made: Vec<LogLine> =
            lines.iter().map(|(secs, text)| LogLine { at: secs.map(at), text: texts[*text].to_owned() }).collect();
        let mut turned = made.clone();
        if !turned.is_empty() {
            let by = seed.index(turned.len());
            turned.rotate_left(by);
            turned.reverse();
        }
        let verdict = |lines: Vec<LogLine>| judged([("errors".to_owned(), value(0, Value::Lines { lines, complete: true }))]);
        prop_assert_eq!(verdict(made), verdict(turned));
    }

    #[test]
    fn no_findings_panic_and_confidence_stays_in_bounds(
        lines in proptest::collection::vec("\\PC{0,60}", 0..10),
        series in proptest::collection::btree_map("[a-zA-Z0-9_* ]{0,8}", any::<f64>(), 0..10),
        status in any::<u16>(),
    ) {
        let texts: Vec<&str> = lines.iter().map(String::as_str).collect();
        let verdict = judged([
            untimed(&texts),
            ("statuses".to_owned(), value(0, Value::Series(series))),
            probe(false, -9, 0, Some(status)),
        ]);
        prop_assert!((0.0..=1.0).contains(&verdict.confidence));
    }
}
