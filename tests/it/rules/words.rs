//! What the newer words of a rule become: checked once in the loader, and data from then on.

use super::folder::Folder;
use reclose::core::action::How;
use reclose::core::cause::{Cause, Class};
use reclose::core::evidence::{Ask, Said, SecretRef, Secretish};
use reclose::core::rule::{EscalateWhen, OneOf, Probing, Rule, Rung, VerifySignal};
use reclose::rules;
use std::time::Duration;

fn rule(edits: &[(&str, &str)]) -> Rule {
    let folder = Folder::sound();
    for (from, to) in edits {
        folder.edit("api.yaml", from, to);
    }
    let mut set = folder.load();
    let filled = set.filled.remove("api").and_then(|mut of| of.remove("api"));
    filled.unwrap_or_else(|| set.rules.remove("api").unwrap())
}

#[test]
fn a_rung_has_its_checklist_and_a_question_its_sign() {
    let ladder = "{ wait: half_open }, { do: reset, when: { gone: true } }";
    let with = "{ ask: Rotate the token., until: { healthy: [ upstream, health ] } }, \
        { do: reset, when: { gone: true, all: [ { at_most: { statuses: -0.5 } }, { falling: queue } ] }, within: 1h }";
    let rule = rule(&[(ladder, with)]);
    let rungs = &rule.ladder[&Class::Upstream5xx];
    let day = Duration::from_secs(86_400);
    let Rung::Ask { until, within, .. } = &rungs[0] else { panic!("{rungs:?}") };
    assert_eq!(
        (until.as_slice(), *within),
        (["upstream".to_owned(), "health".to_owned()].as_slice(), day)
    );
    let Rung::Do { gone, all, within, .. } = &rungs[1] else { panic!("{rungs:?}") };
    assert!(*gone && *within == Duration::from_secs(3_600));
    assert_eq!(
        all.as_slice(),
        [
            VerifySignal::AtMost { name: "statuses".to_owned(), limit: -0.5 },
            VerifySignal::Falling("queue".to_owned())
        ]
    );
}

#[test]
fn probes_of_filled_rules_keep_their_own_names_everywhere() {
    let rule = rule(&[
        ("http://127.0.0.1:9/health", "{base}/health"),
        ("{ wait: half_open }", "{ ask: x, until: { healthy: health } }"),
        ("when: { gone: true }", "when: { gone: true, all: [ { healthy: health } ] }"),
    ]);
    assert_eq!(rule.probes[0].name, "health@api");
    let rungs = &rule.ladder[&Class::Upstream5xx];
    assert_eq!(rungs[0].until(), ["health@api"]);
    assert_eq!(rungs[1].checklist(), [VerifySignal::Healthy("health@api".to_owned())]);
}

#[test]
fn a_probe_that_only_a_ladder_names_is_used() {
    let lonely = "probes:\n  redis: { every: 30s, tcp: \"127.0.0.1:6379\" }\n";
    let folder = Folder::sound();
    folder.edit("api.yaml", "probes:\n", lonely);
    assert_eq!(folder.mistakes()[0].message, "the probe `redis` is never used");
    folder.edit(
        "api.yaml",
        "when: { gone: true }",
        "when: { gone: true, all: [ { healthy: redis } ] }",
    );
    assert!(folder.mistakes().is_empty(), "{}", rules::render(&folder.mistakes(), false));
    let probes = folder.load().rules.remove("api").unwrap().probes;
    assert_eq!(probes[0].how, Probing::Tcp("127.0.0.1:6379".to_owned()));
}

#[test]
fn a_mistake_in_the_evidence_does_not_hide_those_of_the_ladder() {
    let folder = Folder::sound();
    folder.edit("api.yaml", "last: 10m", "last: 10");
    folder.edit(
        "api.yaml",
        "when: { gone: true }",
        "when: { gone: maybe, all: [ { healthy: health } ] }",
    );
    let told: Vec<String> = folder.mistakes().iter().map(|one| one.message.clone()).collect();
    assert_eq!(
        told,
        ["`10` is not a length of time that fits here", "`maybe` is neither `true` nor `false`"]
    );
}

#[test]
fn occasions_are_read_as_written() {
    let list = "[ always, { unacknowledged: 15m }, { rising: queue, for: 5m }, { several_open: 2 }, { unknown_cause: 30m }, { unknown_cause: 3 rounds } ]";
    let rule = rule(&[("when: always", &format!("when: {list}"))]);
    let minutes = |minutes: u64| Duration::from_secs(minutes * 60);
    assert_eq!(
        rule.escalate[0].when.each(),
        [
            EscalateWhen::Always,
            EscalateWhen::Unacknowledged(minutes(15)),
            EscalateWhen::Rising { name: "queue".to_owned(), span: minutes(5) },
            EscalateWhen::SeveralOpen { incidents: 2 },
            EscalateWhen::UnknownFor(minutes(30)),
            EscalateWhen::UnknownCause { rounds: 3 },
        ]
    );
}

#[test]
fn causes_have_statuses_and_advice() {
    let rule = rule(&[
        (
            "auth: { log: 'token .* revoked' }",
            "auth: { log: 'token .* revoked', status: 404 }\n  rate_limited: { status: [503, 509] }",
        ),
        ("ladder:\n", "advice:\n  mixed: >\n    Look at the upstream\n    first.\nladder:\n"),
    ]);
    let statuses: Vec<(u16, Cause)> = rule.cause_statuses.into_iter().collect();
    assert_eq!(
        statuses,
        [(404, Cause::Auth), (503, Cause::RateLimited), (509, Cause::RateLimited)]
    );
    assert_eq!(rule.advice[&Class::Mixed], "Look at the upstream first.");
}

#[test]
fn a_label_with_several_values_overlaps_with_each_of_them() {
    let rule = rule(&[("alertname: BreakerOpen", "alertname: [ BreakerOpen, Tripped ]")]);
    assert_eq!(rule.matchers[0].labels["alertname"].values(), ["BreakerOpen", "Tripped"]);
    assert_eq!(rule.matchers[0].labels["service"], OneOf::Value("api".to_owned()));
    let other = |labels: &str| {
        let folder = Folder::sound();
        folder.edit("api.yaml", "alertname: BreakerOpen", "alertname: [ BreakerOpen, Tripped ]");
        let second = super::folder::RULE
            .replace("breaker: api", "breaker: second")
            .replace("alertname: BreakerOpen, service: api", labels);
        folder.write("second.yaml", &second);
        folder
            .mistakes()
            .iter()
            .map(|one| (one.is_error(), one.message.clone()))
            .collect::<Vec<_>>()
    };
    let warned = [(false, "some alerts match this and the rule `api`".to_owned())];
    assert_eq!(other("alertname: Tripped, service: api"), warned);
    assert_eq!(other("alertname: [ Tripped, Other ], service: api"), warned);
    assert_eq!(
        other("alertname: [ Tripped, BreakerOpen ], service: api"),
        [(true, "the rule `api` matches these alerts too".to_owned())]
    );
    assert_eq!(other("alertname: Other, service: api"), []);
}

#[test]
fn the_decision_stands_where_the_rule_places_it() {
    let patch = "patch: \"http://127.0.0.1:9/apis/apps/v1/x\", headers: { Content-Type: application/merge-patch+json, X-Why: \"{reason}\" }, \
        json: { spec: { template: { metadata: { annotations: { reclose/decision: \"{decision}\" } } } }, list: [ \"{reason}\" ] }";
    let rule = rule(&[("post: \"http://127.0.0.1:9/reset\"", patch)]);
    let How::HttpReset { request, .. } = &rule.actions["reset"].how;
    let said: Vec<(&str, Said)> =
        request.said.iter().map(|(pointer, said)| (pointer.as_str(), *said)).collect();
    let place = "/spec/template/metadata/annotations/reclose~1decision";
    assert_eq!(said, [("/list/0", Said::Reason), (place, Said::Decision)]);
    assert_eq!(request.headers["x-why"], Secretish::Said(Said::Reason));
    assert_eq!(
        request.headers["content-type"],
        Secretish::Plain("application/merge-patch+json".to_owned())
    );
    assert!(request.json.as_ref().unwrap().pointer(place).unwrap().is_null());
}

#[test]
fn redis_and_sqlite_are_asked_with_values_put_in_as_data() {
    let folder = Folder::sound();
    folder.edit(
        "targets.yaml",
        "vars: { ",
        "vars: { cache: \"redis://h:6379/1\", odd: \"x' OR 1\", ",
    );
    folder.edit(
        "api.yaml",
        "prometheus: max(breaker_state{service=\"api\"})",
        "redis: { url: \"{cache}\", key: \"breaker:{target}:{odd}\", pointer: /state }",
    );
    folder.edit("api.yaml", "statuses: { prometheus: 'sum by (status) (increase(responses_total[5m]))' }", "statuses: { sqlite: { path: \"/var/lib/{target}.db\", query: SELECT state FROM x WHERE a = ? AND b = ?, params: [ \"{odd}\", plain ] } }");
    folder.edit(
        "api.yaml",
        "errors: { log_file: /var/log/api.log }",
        "trips: { redis: { url: { env: REDIS_URL }, key: trips } }",
    );
    let rule = folder.load().filled["api"]["api"].clone();
    let Ask::Redis { url, key, pointer } = &rule.state.ask else { panic!("{:?}", rule.state) };
    assert_eq!(*url, Secretish::Plain("redis://h:6379/1".to_owned()));
    assert_eq!((key.as_str(), pointer.as_deref()), ("breaker:api:x' OR 1", Some("/state")));
    let Ask::Sqlite { path, query, params } = &rule.evidence[0].ask else { panic!() };
    assert_eq!(
        (path.as_str(), query.as_str()),
        ("/var/lib/api.db", "SELECT state FROM x WHERE a = ? AND b = ?")
    );
    assert_eq!(params.as_slice(), ["x' OR 1", "plain"]);
    let Ask::Redis { url: Secretish::Secret { secret, .. }, .. } = &rule.evidence[1].ask else {
        panic!()
    };
    assert_eq!(*secret, SecretRef::Env("REDIS_URL".to_owned()));
}

#[test]
fn a_password_in_an_address_of_redis_is_not_repeated() {
    let folder = Folder::sound();
    folder.edit(
        "api.yaml",
        "errors: { log_file: /var/log/api.log }",
        "trips: { redis: { url: \"redis://u:hunter2@h:6379\", key: trips } }",
    );
    let text = rules::render(&folder.mistakes(), false);
    assert!(
        text.contains("a user or password stands in this address") && !text.contains("hunter2"),
        "{text}"
    );
}
