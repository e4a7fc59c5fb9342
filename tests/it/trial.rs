//! Proves that `reclose test` tries rules by the real engine: what holds passes, what does not fails with its reason, and
//! a test that is not understood is told as such.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use reclose::trial::Suite;

const TARGETS: &str = "\
version: 1
targets:
  api: { ceiling: auto, owner: \"@owner\" }
";

const RULE: &str = r#"version: 1
breaker: api
summary: The API before the upstream
mode: auto
targets: [api]
match:
  - alertmanager: { alertname: BreakerOpen }
state:
  http: { get: "http://127.0.0.1:9/breaker", pointer: /state }
  means: { closed: closed, open: open }
kind: manual
evidence:
  errors: { log_file: /var/log/api.log }
  upstream: { probe: health }
  queue: { prometheus_range: { query: queue_length, last: 10m } }
ladder:
  upstream_5xx: [ { do: reset, when: { gone: true } } ]
  otherwise: [ escalate ]
actions:
  reset:
    http: { post: "http://127.0.0.1:9/reset" }
    guards: { cooldown: 10m }
verify:
  hold: 1m
  all: [ { state: closed }, { healthy: upstream }, { not_rising: queue } ]
escalate:
  - { when: always, to: [ { slack: "@oncall" } ] }
probes:
  health:
    every: 15s
    http: { get: "http://127.0.0.1:9/health" }
    hold: 1m
"#;

/// What is in trouble, and what makes it well.
const TROUBLE: &str = "world: { state: open, errors: 503 Service Unavailable, health: { red: 503 }, queue: [1, 2, 3] }";

fn folder(tests: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let rules = folder.path().join("rules");
    fs::create_dir(&rules).unwrap();
    fs::write(rules.join("targets.yaml"), TARGETS).unwrap();
    fs::write(rules.join("api.yaml"), RULE).unwrap();
    fs::write(rules.join("api.test.yaml"), tests).unwrap();
    folder
}

/// Exit code, standard output and standard error of `reclose test` in a folder.
fn run(folder: &Path, arguments: &[&str]) -> (i32, String, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_reclose"))
        .arg("test")
        .args(arguments)
        .current_dir(folder)
        .env_clear()
        .env("NO_COLOR", "1")
        .output()
        .unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

/// One test of these steps.
fn steps(steps: &str) -> String {
    format!("version: 1\ntests:\n  - name: one\n    steps:\n{steps}")
}

/// Fails unless each of these steps' expectations holds.
fn holds(given: &str) {
    let folder = folder(&steps(given));
    let (code, out, err) = run(folder.path(), &[]);
    assert_eq!(code, 0, "{out}{err}");
}

/// What is said of the first expectation of these steps that does not hold.
fn fails(given: &str) -> String {
    let folder = folder(&steps(given));
    let (code, out, err) = run(folder.path(), &[]);
    assert_eq!(code, 1, "{out}{err}");
    out
}

fn healed() -> String {
    format!(
        "      - {{ {TROUBLE}, alert: firing, after: 1m }}
      - world: {{ health: green, queue: [3, 2, 1] }}
        actions: {{ reset: {{ outcome: done, then: {{ state: closed }} }} }}
        after: 2m
        expect: {{ did: [ reset ], phase: verifying }}
      - {{ after: 2m, expect: {{ incident: closed, did: reset, pages: nothing, headline: \"recovered: reset\" }} }}
"
    )
}

#[test]
fn a_life_that_goes_as_expected_passes() {
    holds(&healed());
}

#[test]
fn a_long_life_is_lived_to_its_end() {
    holds(&format!(
        "      - {{ {TROUBLE}, alert: firing, after: 12h, expect: {{ phase: escalated, did: nothing }} }}\n"
    ));
}

#[test]
fn each_wrong_expectation_is_told_with_what_happened_and_the_history() {
    let out =
        fails(&healed().replace("did: reset, pages: nothing", "did: nothing, pages: \"@oncall\""));
    for line in [
        "FAIL api: one",
        "rules/api.test.yaml:10",
        "expected: did nothing",
        "happened: reset",
        "expected: pages to @oncall",
        "+0:00:00 BreakerOpen fires (alertmanager)",
        "done: reset; watching whether it helped",
        "0 passed, 1 failed",
    ] {
        assert!(out.contains(line), "no `{line}` in\n{out}");
    }
}

#[test]
fn every_kind_of_expectation_can_fail() {
    let wrong = [
        ("incident: none", "open"),
        ("state: closed", "open"),
        ("cause: auth", "upstream_5xx"),
        ("phase: verifying", "waiting"),
        ("waits_for: half_open", "gone"),
        ("did: [ reset ]", "nothing"),
        ("refused: [ cooldown ]", "nothing"),
        ("pages: \"@oncall\"", "nothing"),
        ("says: never in the world", "said:"),
        ("never_says: the cause is not proven gone", "the cause is not proven gone"),
        ("headline: never in the world", "waiting"),
    ];
    for (wanted, happened) in wrong {
        let out = fails(&format!(
            "      - {{ {TROUBLE}, alert: firing, after: 1m, expect: {{ {wanted} }} }}\n"
        ));
        let told = out.lines().find(|line| line.trim_start().starts_with("happened:")).unwrap();
        assert!(told.contains(happened), "{wanted}: {told}");
    }
    let out =
        fails(&format!("      - {{ {TROUBLE}, alert: firing, after: 1m, expect: nothing }}\n"));
    assert!(out.contains("expected: nothing to happen"), "{out}");
}

#[test]
fn every_kind_of_answer_reaches_the_engine() {
    for (world, expect) in [
        ("state: { no_data: empty }", "state: unknown"),
        ("state: { failed: timeout }", "state: unknown"),
        ("state: { value: open, age: 3m }", "state: unknown"),
        ("state: { value: open, age: 1m }", "state: open"),
        ("state: nobody knows this word", "state: unknown"),
        ("errors: { once: 401 Unauthorized }, health: green", "cause: auth"),
        ("errors: { value: 401 Unauthorized, age: 3h }, health: green", "cause: unknown"),
        ("errors: { failed: unreachable }, health: { red: timeout }", "cause: timeout"),
        (
            "errors: { no_data: empty }, health: { red: 429, retry_after: 1m }",
            "cause: rate_limited",
        ),
        ("errors: { no_data: empty }, health: silent", "cause: unknown"),
    ] {
        holds(&format!(
            "      - {{ world: {{ state: open, queue: [1, 2, 3] }} }}
      - {{ world: {{ {world} }}, alert: firing, after: 10s, expect: {{ {expect} }} }}\n"
        ));
    }
}

#[test]
fn every_outcome_of_an_action_and_every_order_reaches_the_engine() {
    let begun = |ending: &str, more: &str| {
        holds(&format!(
            "      - {{ {TROUBLE}, alert: firing, after: 1m }}
      - {{ world: {{ health: green, queue: [1, 1, 1] }}, actions: {{ reset: {ending} }}, after: 85s }}
{more}"
        ));
    };
    begun("not_done", "      - { expect: { did: reset, phase: escalated, says: not done } }\n");
    begun(
        "unknown",
        "      - { after: 1m, expect: { did: reset, phase: escalated, says: reclose unlock api } }
      - { order: unlock, after: 1m, expect: { did: reset } }\n",
    );
    begun(
        "{ outcome: unknown, proof: true, then: { state: closed } }",
        "      - { after: 2m, expect: { did: reset, incident: closed, says: \"proven: it was done\" } }\n",
    );
    for order in ["pause_all", "pause", "{ pause: 2h }"] {
        holds(&format!(
            "      - {{ {TROUBLE}, alert: firing, after: 1m }}
      - {{ world: {{ health: green, queue: [1, 1, 1] }}, order: {order}, after: 2m, expect: {{ did: nothing, refused: [ pause ] }} }}
      - {{ order: {}, after: 1m, expect: {{ did: reset }} }}\n",
            if order == "pause_all" { "resume_all" } else { "resume" }
        ));
    }
    let out = fails("      - { order: unlock, expect: nothing }\n");
    assert!(out.contains("it was refused: `api` is not locked"), "{out}");
}

#[test]
fn a_test_that_is_not_understood_is_told_with_its_place_and_all_at_once() {
    let folder = folder(
        "version: 1
tests:
  - name: one
    targt: api
    steps:
      - { wrld: { state: open }, alert: firing }
      - { world: { stat: open, health: { red: sometimes } }, after: 5 }
      - { actions: { rest: done }, order: stop }
      - { expect: { phase: waitin, refused: [ coldown ], did: rest, caus: auth } }
  - name: two
    as_if: { mode: god }
    steps: [ { alert: firing } ]
  - name: two
    steps: [ { expect: nothing } ]
",
    );
    let (code, out, err) = run(folder.path(), &[]);
    assert_eq!((code, out.as_str()), (1, ""), "{err}");
    for line in [
        "unknown key `targt`",
        "did you mean `target`?",
        "unknown key `wrld`",
        "`stat` is not known here",
        "did you mean `state`?",
        "`sometimes` is not known here",
        "`5` is not a length of time that fits here",
        "`rest` is not known here",
        "`stop` is not known here",
        "one of: pause_all, resume_all, pause, resume, unlock, ack",
        "`waitin` is not known here",
        "did you mean `waiting`?",
        "`coldown` is not known here",
        "unknown key `caus`",
        "`god` is not known here",
        "this test expects nothing: it cannot fail",
        "rules/api.test.yaml:6:",
        "nothing was tried: ",
    ] {
        assert!(err.contains(line), "no `{line}` in\n{err}");
    }
}

#[test]
fn a_rule_that_is_wrong_and_a_folder_without_tests_try_nothing() {
    let folder = folder(&steps("      - { expect: nothing }\n"));
    let rule = folder.path().join("rules/api.yaml");
    fs::write(&rule, RULE.replace("mode: auto", "mode: autto")).unwrap();
    let (code, _, err) = run(folder.path(), &[]);
    assert!(code == 1 && err.contains("did you mean `auto`?"), "{code} {err}");
    fs::write(&rule, RULE).unwrap();
    let (code, _, err) = run(folder.path(), &["rules", "nobody is called so"]);
    assert!(
        code == 2 && err.contains("no test has `nobody is called so` in its name"),
        "{code} {err}"
    );
    fs::remove_file(folder.path().join("rules/api.test.yaml")).unwrap();
    let (code, _, err) = run(folder.path(), &[]);
    assert!(code == 2 && err.contains("there is no test in `rules`"), "{code} {err}");
    let (code, _, err) = run(folder.path(), &["elsewhere"]);
    assert!(code == 2 && err.contains("there is no folder `elsewhere`"), "{code} {err}");
}

#[test]
fn coverage_counts_what_was_reached_and_can_be_required() {
    let folder = folder(&steps(&healed()));
    let (code, out, _) = run(folder.path(), &["--require-coverage", "100"]);
    assert_eq!(code, 1, "{out}");
    assert!(out.contains("never reached: ladder.otherwise[0]"), "{out}");
    assert!(out.contains("never reached: actions.reset: cooldown"), "{out}");
    assert!(!out.contains("never reached: ladder.upstream_5xx"), "{out}");
    let (code, _, _) = run(folder.path(), &["--require-coverage", "20"]);
    assert_eq!(code, 0);
}

#[test]
fn programs_read_junit_and_json() {
    let two = steps(&healed())
        + "  - name: <two> & \"more\"\n    steps: [ { alert: firing, after: 1m, expect: { incident: none } } ]\n";
    let folder = folder(&two);
    let (code, _, err) = run(folder.path(), &["--junit", "out.xml"]);
    assert_eq!(code, 1, "{err}");
    let xml = fs::read_to_string(folder.path().join("out.xml")).unwrap();
    for text in [
        "tests=\"2\"",
        "failures=\"1\"",
        "&lt;two&gt; &amp; ",
        "classname=\"api\"",
        "expected incident none, but: open",
    ] {
        assert!(xml.contains(text), "no `{text}` in\n{xml}");
    }
    let (_, out, _) = run(folder.path(), &["--json"]);
    let json: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!((json["passed"].as_u64(), json["failed"].as_u64()), (Some(1), Some(1)));
    assert_eq!(json["cases"][1]["failures"][0]["happened"], "open");
    assert_eq!(json["cases"][1]["file"], "rules/api.test.yaml");
    assert_eq!(json["coverage"][0]["rule"], "api");
}

#[test]
fn a_thousand_tests_take_seconds() {
    let folder = folder(&steps(&healed()));
    for file in 0..10 {
        let one = |n: u32| format!("  - name: number {n}\n    steps:\n{}", healed());
        let tests: String = (0..100).map(one).collect();
        let path = folder.path().join(format!("rules/more-{file}.test.yaml"));
        fs::write(path, format!("version: 1\nrule: api\ntests:\n{tests}")).unwrap();
    }
    let suite = Suite::load(&folder.path().join("rules")).unwrap();
    let began = Instant::now();
    let run = suite.run(None);
    assert_eq!((run.count(), run.failed()), (1_001, 0));
    println!("1,000 tests of 5 minutes each in {:?}", began.elapsed());
    assert!(began.elapsed() < Duration::from_secs(60), "{:?}", began.elapsed());
}

/// What `--mutate` says of the rule above and these steps, and its exit code.
fn mutated(tests: &str) -> (i32, String, String) {
    let folder = folder(tests);
    run(folder.path(), &["--mutate"])
}

#[test]
fn a_change_that_no_test_notices_is_named_and_an_excuse_excuses_it() {
    let (code, out, _) = mutated(&steps(&healed()));
    assert_eq!(code, 1, "{out}");
    for noticed in ["ladder.upstream_5xx removed", "actions.reset.guards.at_most removed"] {
        assert!(!out.contains(&format!("{noticed}\n")), "{noticed} in\n{out}");
    }
    for survivor in [
        "ladder.otherwise[0] removed",
        "actions.reset.guards.cooldown removed",
        "actions.reset.guards.cooldown halved",
        "match[0].alertname ignored",
        "state.max_age removed",
        "ladder.upstream_5xx[0].within doubled",
        "verify.all[2] removed",
        "verify.within doubled",
        "escalate[0] removed",
        "updates.every doubled",
    ] {
        let line = format!("  survives: rules/api.yaml: {survivor}\n");
        assert!(out.contains(&line), "no `{survivor}` in\n{out}");
    }
    let excuse = "# survives: updates.every doubled: nobody minds here\n";
    let (code, out, _) = mutated(&format!("{excuse}{}", steps(&healed())));
    assert_eq!(code, 1);
    assert!(out.contains("  excused: updates.every doubled: nobody minds here\n"), "{out}");
    assert!(!out.contains("survives: rules/api.yaml: updates.every doubled"), "{out}");
}

#[test]
fn an_excuse_that_is_not_needed_or_names_nothing_or_gives_no_reason_is_a_mistake() {
    for (excuse, said) in [
        (
            "ladder.upstream_5xx removed: why not",
            "a test notices `ladder.upstream_5xx removed`: it needs no excuse",
        ),
        (
            "ladder.nothing removed: why not",
            "no change of `api` is called `ladder.nothing removed`",
        ),
        ("updates.every doubled", "an excuse without a reason"),
    ] {
        let (code, out, err) = mutated(&format!("# survives: {excuse}\n{}", steps(&healed())));
        assert!(code == 1 && err.contains(said), "{code} {out}{err}");
        assert!(err.contains("rules/api.test.yaml:1:1"), "{err}");
    }
}

#[test]
fn what_fails_without_a_change_is_not_changed() {
    let (code, out, err) =
        mutated(&steps("      - { alert: firing, expect: { incident: none } }\n"));
    assert!(code == 1 && err.contains("first all tests must pass"), "{out}{err}");
    assert!(!out.contains("changes noticed"), "{out}");
}

#[test]
fn the_shipped_rules_are_covered() {
    let rules = Path::new(env!("CARGO_MANIFEST_DIR")).join("rules");
    let suite = Suite::load(&rules).unwrap_or_else(|mistakes| panic!("{mistakes:?}"));
    let run = suite.run(None);
    assert_eq!(run.failed(), 0, "{}", reclose::trial::text(&run));
    assert_eq!(run.below(100), 0, "{}", reclose::trial::text(&run));
}
