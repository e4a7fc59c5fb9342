//! Every mistake that the language refuses: planted in a sound folder one at a time, and found.

use super::folder::Folder;
use reclose::rules;

/// Plants one mistake and gives what was said about it, as `line:column message (hint)`.
fn planted(file: &str, from: &str, to: &str) -> Vec<String> {
    let folder = Folder::sound();
    folder.edit(file, from, to);
    told(&folder)
}

fn told(folder: &Folder) -> Vec<String> {
    folder
        .mistakes()
        .iter()
        .map(|mistake| {
            let hint = mistake.hint.clone().unwrap_or_default();
            format!("{}:{} {} ({hint})", mistake.line(), mistake.column(), mistake.message)
        })
        .collect()
}

#[test]
fn all_mistakes_of_all_files_are_told_at_once_in_order() {
    let folder = Folder::sound();
    folder.edit("targets.yaml", "ceiling: auto", "celing: auto");
    folder.edit("api.yaml", "kind: self", "kind: selfish");
    folder.edit("api.yaml", "hold: 2m", "hold: 2");
    folder.edit("api.yaml", "mode: approve", "mode: aprove\nmode: auto");
    folder.write("second.yaml", "breaker: [\n");
    let mistakes = folder.mistakes();
    let told: Vec<String> = mistakes
        .iter()
        .map(|mistake| {
            let file = mistake.source.path.rsplit('/').next().unwrap();
            format!("{file}:{}:{} {}", mistake.line(), mistake.column(), mistake.message)
        })
        .collect();
    assert_eq!(
        told,
        [
            "api.yaml:4:7 `aprove` is not known here",
            "api.yaml:5:1 `mode` stands here a second time",
            "api.yaml:13:7 `selfish` is not known here",
            "api.yaml:31:9 `2` is not a length of time that fits here",
            "second.yaml:1:10 not readable as YAML: unclosed bracket '['",
            "targets.yaml:3:10 unknown key `celing`",
        ],
        "{}",
        rules::render(&mistakes, false)
    );
}

/// What is planted in `api.yaml` → where and what is said.
pub(super) const PLANTED: &[(&str, &str, &str)] = &[
    // keys and words
    (
        "kind: self",
        "kind: self\nretries: 3",
        "13:1 unknown key `retries` (known here: version, use, with, breaker,",
    ),
    (
        "hold: 2m",
        "hold: 2m\n  hold: 3m",
        "31:3 `hold` stands here a second time (the first is in line 30; keep one)",
    ),
    ("version: 1", "version: 2", "1:10 `2` is not a number that fits here"),
    ("version: 1\n", "", "1:1 `version` is missing"),
    (
        "mode: approve",
        "mode: yes",
        "4:7 `yes` is not known here (one of: observe, suggest, approve, auto)",
    ),
    ("breaker: api", "breaker: 123", "2:10 `123` is a number, not a text"),
    ("breaker: api", "breaker: 1e3", "2:10 `1e3` is a number, not a text"),
    ("breaker: api", "breaker: Über", "2:10 `Über` cannot be used here"),
    ("summary: The API before the upstream", "summary:", "3:1 there is nothing here"),
    ("kind: self", "kind: \"self\\x00\"", "12:7 a control character in a text"),
    // YAML that is refused
    ("kind: self", "\tkind: self", "12:1 a tab in the indentation (indent with spaces)"),
    ("kind: self", "kind: &k self", "anchors and aliases are refused"),
    ("kind: self", "kind: *k", "not readable as YAML"),
    ("kind: self", "kind: !!python/object self", "tags (`!…`) are refused"),
    ("kind: self", "---\nkind: self", "a second document"),
    ("kind: self", "? [a, b]\n: self", "a key must be a word"),
    // durations and numbers
    ("max_age: 1m", "max_age: 1e3", "10:12 `1e3` is not a length of time"),
    ("max_age: 1m", "max_age: -1m", "10:12 `-1m` is not a length of time"),
    ("max_age: 1m", "max_age: 0s", "(it must be more than nothing)"),
    ("max_age: 1m", "max_age: 31d", "(at most 30 days)"),
    ("max_age: 1m", "max_age: 99999999999999999999d", "is not a length of time"),
    ("cooldown: 10m", "cooldown: 0s", "`0s` is not a length of time"),
    ("at_most: 2 per 6h", "at_most: 0 per 6h", "`0 per 6h` is not how often within how long"),
    ("at_most: 2 per 6h", "at_most: 1000000000 per 6h", "is not how often within how long"),
    ("hold: 2m", "hold: 2m\n  within: 1m", "`within` is over before `hold` can be"),
    // targets
    (
        "targets: [api]",
        "targets: [apii]",
        "5:11 the target `apii` is not in targets.yaml (did you mean `api`?)",
    ),
    (
        "targets: [api]",
        "targets: [\u{430}pi]",
        "5:11 `\u{430}pi` cannot be used here (plain ASCII letters only",
    ),
    ("targets: [api]", "targets: []", "5:1 the list is empty (empty never means all"),
    ("targets: [api]", "targets: [\"*\"]", "(no wildcards"),
    ("targets: [api]", "targets: [\"\"]", "there is nothing here"),
    ("targets: [api]\n", "", "1:1 `targets` is missing"),
    ("targets: [api]", "targets: [api, api]", "5:16 `api` stands here twice"),
    ("targets: [api]", "targets: [prometheus]", "5:11 `prometheus` is protected"),
    ("targets: [api]", "targets: [api, prometheus]", "`target_from` is missing"),
    // match
    ("alertname: BreakerOpen, service: api", "", "no labels: every alert would match"),
    ("service: api }\nstate", "service: \"{target}\" }\nstate", "no placeholder can stand here"),
    (
        "alertname: BreakerOpen",
        "'le=\"1\"} / x{': BreakerOpen, service: api",
        "cannot be used here (a label name",
    ),
    // state
    (
        "means: { 0: closed, 1: open }",
        "means: { 0: closed, 1: half_open }",
        "11:3 no word means `open`",
    ),
    (
        "means: { 0: closed, 1: open }",
        "means: { 0: closed, 1: open, 1.0: held }",
        "`1.0` stands here a second time",
    ),
    (
        "means: { 0: closed, 1: open }",
        "means: { 0: closed, 1: opne }",
        "11:26 `opne` is not known here (did you mean `open`?)",
    ),
    ("  means: { 0: closed, 1: open }\n", "", "8:1 `means` is missing"),
    (
        "prometheus: max(breaker_state{service=\"api\"})",
        "http: { get: \"http://h/b\" }",
        "`pointer` is missing",
    ),
    (
        "prometheus: max(breaker_state{service=\"api\"})",
        "http: { get: \"http://h/b\", pointer: status }",
        "`status` cannot be used here (a JSON pointer",
    ),
    (
        "prometheus: max(breaker_state{service=\"api\"})",
        "prometheus: max(breaker_state",
        "not readable as PromQL: unclosed left parenthesis",
    ),
    (
        "prometheus: max(breaker_state{service=\"api\"})",
        "prometheus: up{job=~\"{target}\"}",
        "a placeholder cannot be a pattern",
    ),
    (
        "prometheus: max(breaker_state{service=\"api\"})",
        "prometheus: up{job=\"{nobody}\"}",
        "nothing fills `{nobody}` for the target `api`",
    ),
    (
        "prometheus: max(breaker_state{service=\"api\"})",
        "prometheus: up{job=\"{target}\"}[",
        "a query with a placeholder must be one that the parser reads",
    ),
    // evidence
    (
        "upstream: { probe: health }",
        "upstream: { probe: helth }",
        "no probe of this rule is called `helth` (did you mean `health`?)",
    ),
    (
        "upstream: { probe: health }",
        "upstream: { probe: health, max_age: 10s }",
        "`max_age` is shorter than the probe's own interval",
    ),
    (
        "errors: { log_file: /var/log/api.log }",
        "errors: { log_file: /var/../etc/shadow }",
        "`..` in the path of a file",
    ),
    (
        "errors: { log_file: /var/log/api.log }",
        "errors: { log_file: { path: /var/log/api.log, zone: Mars/Base } }",
        "no time zone is called `Mars/Base`",
    ),
    (
        "errors: { log_file: /var/log/api.log }",
        "errors: { cloudwatch_logs: { group: /a, pattern: '{ $.status = 401 }' } }",
        "is not a pattern to use here",
    ),
    (
        "errors: { log_file: /var/log/api.log }",
        "errors: { cloudwatch_logs: { group: 'a b' } }",
        "`a b` cannot be used here (a log group",
    ),
    (
        "errors: { log_file: /var/log/api.log }",
        "errors: { cloudwatch: { namespace: A, metric: b, statistic: average, by: Code } }",
        "averages of several periods cannot be joined",
    ),
    (
        "errors: { log_file: /var/log/api.log }",
        "errors: { cloudwatch: { namespace: A, metric: b, statistic: sum, last: 30s } }",
        "`period` and `last` make too few or too many points",
    ),
    (
        "errors: { log_file: /var/log/api.log }",
        "errors: { cloudwatch: { namespace: A, metric: b, statistic: sum, period: 90s } }",
        "CloudWatch has no such period",
    ),
    (
        "errors: { log_file: /var/log/api.log }",
        "errors: { s3: { bucket: AAA } }",
        "`AAA` cannot be used here (the name of a bucket",
    ),
    (
        "prometheus: max(breaker_state{service=\"api\"})",
        "cloudwatch: { namespace: A, metric: b, statistic: sum, last: 5m }",
        "this is not one value",
    ),
    (
        "errors: { log_file: /var/log/api.log }",
        "load: { scrape: { url: http://h/m, metric: a, over: 1m } }",
        "`over` is too short or too long",
    ),
    (
        "errors: { log_file: /var/log/api.log }",
        "errors: { azure_logs: { workspace: a, query: 'T | where a == {target}', line: A } }",
        "`{target}` cannot stand here in KQL",
    ),
    (
        "errors: { log_file: /var/log/api.log }",
        "errors: { azure_logs: { workspace: a/b, query: T, line: A } }",
        "`a/b` cannot be used here (an id",
    ),
    (
        "errors: { log_file: /var/log/api.log }",
        "errors: { prometheus: up }",
        "log lines come from `loki`, `elasticsearch`, `log_file`, `events`, `cloudwatch_logs`, `azure_logs` with `line`, `azure_activity` or `docker_logs`",
    ),
    (
        "errors: { log_file: /var/log/api.log }",
        "errors: { loki: { query: 'sum', limit: 9999999 } }",
        "`9999999` is not a number that fits here",
    ),
    (
        "errors: { log_file: /var/log/api.log }",
        "errors: { loki: { query: '{app=~\"{target}\"}' } }",
        "`{target}` cannot stand here in LogQL",
    ),
    ("last: 10m", "last: 10m, step: 1ms", "make too few or too many points"),
    ("queue: {", "state: {", "`state` is asked by its own key"),
    // causes
    ("log: 'token .* revoked'", "log: '(a+'", "not a valid pattern"),
    ("log: 'token .* revoked'", "log: '.*'", "this pattern matches every line"),
    ("log: 'token .* revoked'", "log: '(a{1000}){1000}'", "not a valid pattern"),
    ("auth: { log", "atuh: { log", "`atuh` is not known here (did you mean `auth`?)"),
    // ladder and actions
    ("do: reset", "do: restart", "no action of this rule is called `restart`"),
    ("{ do: reset, when: { gone: true } }", "escalate", "the action `reset` is never used"),
    ("when: { gone: true }", "within: 5m", "there is no proof to wait for"),
    ("wait: half_open", "wait: forever", "nobody knows how to wait `forever`"),
    (
        "{ wait: half_open }",
        "{ wait: half_open, within: 1m }",
        "`within` does not belong to `wait`",
    ),
    ("at_least: 1m", "at_least: 2h, at_most: 1h", "`at_least` is longer than `at_most`"),
    ("  otherwise: [ escalate ]\n", "", "`otherwise` is missing"),
    (
        "recovery: { half_open_after: 30s }",
        "recovery: { needs_idle: true }",
        "nobody knows how long to wait for half-open",
    ),
    ("  upstream: { probe: health }\n", "", "no probe can prove that the cause is gone"),
    // requests
    (
        "post: \"http://127.0.0.1:9/reset\"",
        "post: \"http://169.254.169.254/\"",
        "is not an address to use here (link-local",
    ),
    (
        "post: \"http://127.0.0.1:9/reset\"",
        "post: \"http://{target}/reset\"",
        "`{target}` stands in the host",
    ),
    (
        "post: \"http://127.0.0.1:9/reset\"",
        "post: \"file:///x\"",
        "only http:// and https:// are spoken",
    ),
    (
        "post: \"http://127.0.0.1:9/reset\"",
        "get: \"http://127.0.0.1:9/reset\"",
        "unknown key `get`",
    ),
    (
        "bearer: { env: TOKEN }",
        "headers: { authorization: Basic abc }",
        "`authorization` carries a secret",
    ),
    (
        "bearer: { env: TOKEN }",
        "headers: { X-A: \"1\\r\\nX-Admin: 1\" }",
        "a control character in a text",
    ),
    (
        "bearer: { env: TOKEN }",
        "headers: { Idempotency-Key: mine }",
        "`idempotency-key` is set by reclose itself",
    ),
    ("bearer: { env: TOKEN }", "headers: { \"X A\": b }", "`X A` is no header name"),
    ("bearer: { env: TOKEN }", "bearer: { env: TOKEN, file: x }", "`file` is one too many"),
    ("bearer: { env: TOKEN }", "json: { on: yes }", "`yes` could be a text or a truth value"),
    ("bearer: { env: TOKEN }", "timeout: 2m", "nobody waits that long for an answer"),
    ("bearer: { env: TOKEN }", "json: { reason: mine }", "`reason` is set by reclose itself"),
    ("bearer: { env: TOKEN }", "json: [1]", "expected keys and values here"),
    ("bearer: { env: TOKEN }", "expect: { status: 200 }", "unknown key `expect`"),
    // verify and escalate
    (
        "verify:\n  hold: 2m\n  all: [ { state: closed }, { healthy: upstream } ]\n",
        "",
        "`verify` is missing (no action without verification",
    ),
    (
        "{ state: closed }, { healthy: upstream }",
        "{ state: closed }",
        "one signal alone proves nothing",
    ),
    (
        "{ state: closed }, { healthy: upstream }",
        "alert_resolved",
        "one signal alone proves nothing",
    ),
    (
        "{ state: closed }, { healthy: upstream }",
        "{ state: closed }, { state: half_open }",
        "one signal stands here twice",
    ),
    ("{ state: closed }, {", "{ state: open }, {", "a breaker that is open has not recovered"),
    (
        "{ healthy: upstream }",
        "{ healthy: upstrem }",
        "no probe and no evidence is called `upstrem` (did you mean `upstream`?)",
    ),
    ("{ healthy: upstream }", "{ healthy: queue }", "`queue` cannot be healthy"),
    ("{ healthy: upstream }", "{ falling: statuses }", "`statuses` is no trend"),
    ("when: always", "when: { open_for: 1h }", "nobody is called when a person is needed"),
    ("when: always", "when: { unknown_cause: 0 rounds }", "`0 rounds` is no number of rounds"),
    ("to: [ { slack: \"@oncall\" } ]", "to: []", "the list is empty"),
    (
        "{ healthy: upstream } ]\nescalate:\n  - { when: always, to: [ { slack: \"@oncall\" } ] }\nprobes:\n  health:\n    every: 30s",
        "{ healthy: health } ]\nescalate:\n  - { when: always, to: [ { slack: \"@oncall\" } ] }\nprobes:\n  health:\n    every: 10m",
        "a probe that runs this rarely is too old",
    ),
    // probes
    ("every: 30s", "every: 3s", "a run of this probe may last longer than until the next"),
    ("every: 30s", "cron: \"61 * * * *\"\n    zone: UTC", "not a cron expression"),
    ("every: 30s", "cron: \"*/5 * * * *\"", "a cron expression without `zone`"),
    (
        "every: 30s",
        "cron: \"*/5 * * * *\"\n    zone: Mars/Olympus",
        "no time zone is called `Mars/Olympus`",
    ),
    ("every: 30s", "cron: \"*/5 * * * *\"\n    zone: UTC", "`max_age` is missing"),
    (
        "http: { get: \"http://127.0.0.1:9/health\" }",
        "http: { get: \"http://127.0.0.1:9/health\" }\n    tcp: \"h:1\"",
        "`tcp` is one too many (exactly one of: http, tcp, dns, s3, key_vault, docker)",
    ),
    ("    http: { get: \"http://127.0.0.1:9/health\" }\n", "", "something is missing here"),
    (
        "http: { get: \"http://127.0.0.1:9/health\" }",
        "tcp: localhost",
        "`localhost` is no address to connect to (a host and a port",
    ),
    (
        "http: { get: \"http://127.0.0.1:9/health\" }",
        "tcp: \"169.254.169.254:80\"",
        "is not an address to use here (link-local",
    ),
    (
        "http: { get: \"http://127.0.0.1:9/health\" }",
        "tcp: \"0x7f.1:80\"",
        "(write the IP address the usual way",
    ),
    (
        "http: { get: \"http://127.0.0.1:9/health\" }",
        "dns: \"http://host\"",
        "`http://host` is no name to look up (a host name",
    ),
    (
        "http: { get: \"http://127.0.0.1:9/health\" }",
        "docker: \"../images\"",
        "`../images` is no name of a container (letters, digits",
    ),
    (
        "every: 30s\n    http: { get: \"http://127.0.0.1:9/health\" }",
        "every: 4s\n    tcp: \"h:1\"",
        "a run of this probe may last longer than until the next (at least every: 5s",
    ),
    // numbers, checklists, and what a person is asked for
    ("{ healthy: upstream }", "{ at_most: { lod: 0.5 } }", "no evidence is called `lod` ("),
    (
        "{ healthy: upstream }",
        "{ at_most: { queue: 3 } }",
        "`queue` is not one number (one number comes",
    ),
    ("{ healthy: upstream }", "{ at_most: { upstream: 3 } }", "`upstream` is not one number"),
    (
        "{ healthy: upstream }",
        "{ at_least: { statuses: many } }",
        "`many` is not a number that fits here (such as 0.05",
    ),
    (
        "{ healthy: upstream }",
        "{ at_least: { statuses: .nan } }",
        "`.nan` is not a number that fits here",
    ),
    (
        "{ healthy: upstream }",
        "{ at_least: { statuses: 1e400 } }",
        "`1e400` is not a number that fits here",
    ),
    (
        "{ healthy: upstream }",
        "{ at_least: { statuses: \"3\" } }",
        "`3` is not a number that fits here",
    ),
    (
        "{ healthy: upstream }",
        "{ at_most: { statuses: 3, queue: 4 } }",
        "one name and its limit belong here",
    ),
    ("{ healthy: upstream }", "{ at_most: 3 }", "expected keys and values here"),
    (
        "{ state: closed }, { healthy: upstream }",
        "{ at_most: { statuses: 3 } }, { at_least: { statuses: 1 } }",
        "one signal alone proves nothing",
    ),
    (
        "{ state: closed }, { healthy: upstream }",
        "{ state: closed }, { at_most: { statuses: 3 } }, { at_most: { statuses: 1 } }",
        "one signal stands here twice",
    ),
    ("when: { gone: true }", "when: {}", "nothing to wait for (write when: { gone: true }"),
    ("when: { gone: true }", "when: { gone: true, all: [] }", "the list is empty"),
    (
        "when: { gone: true }",
        "when: { all: [ alert_resolved ] }",
        "this cannot hold before the action (it tells that the breaker is closed again",
    ),
    (
        "when: { gone: true }",
        "when: { all: [ { state: closed } ] }",
        "this cannot hold before the action (an action is only begun while the breaker is open",
    ),
    (
        "when: { gone: true }",
        "when: { all: [ { healthy: upstrem } ] }",
        "no probe and no evidence is called `upstrem` (did you mean `upstream`?)",
    ),
    (
        "{ wait: half_open }",
        "{ ask: x, until: { healthy: queue } }",
        "`queue` cannot be healthy for a time (name a probe",
    ),
    ("{ wait: half_open }", "{ ask: x, until: { healthy: [] } }", "the list is empty"),
    ("{ wait: half_open }", "{ ask: x, until: upstream }", "expected keys and values here"),
    (
        "{ wait: half_open }",
        "{ ask: x, within: 1h }",
        "there is nothing to wait for (`within` belongs to `until`",
    ),
    (
        "{ wait: half_open }",
        "{ wait: 5m, until: { healthy: upstream } }",
        "`until` does not belong to `wait`",
    ),
    // occasions
    ("when: always", "when: [ always, { open_for: 0s } ]", "`0s` is not a length of time"),
    (
        "when: always",
        "when: [ { unacknowledged: 15m } ]",
        "nobody is called when a person is needed",
    ),
    (
        "when: always",
        "when: [ always, { unknown_cause: soon } ]",
        "(rounds of evidence without a cause, or a length of time",
    ),
    (
        "when: always",
        "when: [ always, { several_open: 1 } ]",
        "`1` is not a number that fits here (a whole number from 2",
    ),
    (
        "when: always",
        "when: [ always, { rising: queue } ]",
        "`for` is missing (how long it must have risen",
    ),
    ("when: always", "when: [ always, { rising: statuses, for: 5m } ]", "`statuses` is no trend"),
    (
        "when: always",
        "when: [ always, { rising: queue, for: 11m } ]",
        "`queue` looks back for less than that",
    ),
    (
        "when: always",
        "when: [ always, { rising: queue, for: 45s } ]",
        "`queue` has too few points in that time",
    ),
    (
        "when: always",
        "when: [ always, { open_for: 5m, for: 5m } ]",
        "`for` does not belong to `open_for`",
    ),
    // causes, advice, match
    (
        "auth: { log: 'token .* revoked' }",
        "auth: {}",
        "nothing tells this cause (a pattern for its log lines, or its statuses",
    ),
    (
        "auth: { log: 'token .* revoked' }",
        "auth: { status: 200 }",
        "`200` is not a number that fits here (a whole number from 400",
    ),
    (
        "auth: { log: 'token .* revoked' }",
        "auth: { status: [401, 503] }\n  database: { status: 503 }",
        "21:23 the status 503 stands here a second time (a status names one cause",
    ),
    (
        "ladder:\n",
        "advice: { auht: x }\nladder:\n",
        "`auht` is not known here (did you mean `auth`?)",
    ),
    ("ladder:\n", "advice: { otherwise: x }\nladder:\n", "`otherwise` is not known here"),
    (
        "ladder:\n",
        "advice: { auth: \"a\\nb\" }\nladder:\n",
        "advice is one line (the runbook has room",
    ),
    ("alertname: BreakerOpen", "alertname: []", "the list is empty"),
    ("alertname: BreakerOpen", "alertname: [ Open, Open ]", "`Open` stands here twice"),
    (
        "alertname: BreakerOpen",
        "alertname: [ Open, \"{target}\" ]",
        "no placeholder can stand here",
    ),
    // the decision in a request
    (
        "bearer: { env: TOKEN }",
        "headers: { Content-Type: application/merge-patch+json }",
        "there is no `json` whose type this could be",
    ),
    (
        "bearer: { env: TOKEN }",
        "json: { a: 1 }, headers: { content-type: text/plain }",
        "the body is JSON (application/json, application/merge-patch+json",
    ),
    (
        "bearer: { env: TOKEN }",
        "json: { reason: \"{reason}\" }",
        "`reason` is set by reclose itself",
    ),
    (
        "http://127.0.0.1:9/health",
        "http://127.0.0.1:9/{decision}",
        "`{decision}` is only known when an action begins",
    ),
    (
        "get: \"http://127.0.0.1:9/health\"",
        "get: \"http://127.0.0.1:9/health\", headers: { X-A: \"{decision}\" }",
        "`{decision}` is only known when an action begins",
    ),
    // Redis and SQLite
    (
        "statuses: { prometheus: 'sum by (status) (increase(responses_total[5m]))' }",
        "statuses: { redis: { url: \"redis://:pw@h:6379\", key: k } }",
        "a user or password stands in this address (secrets only by reference",
    ),
    (
        "statuses: { prometheus: 'sum by (status) (increase(responses_total[5m]))' }",
        "statuses: { redis: { url: \"rediss://h:6379\", key: k } }",
        "this is not an address of Redis to use here (write redis://host:6379; TLS",
    ),
    (
        "statuses: { prometheus: 'sum by (status) (increase(responses_total[5m]))' }",
        "statuses: { redis: { url: { env: REDIS } } }",
        "`key` is missing (which key holds the value",
    ),
    (
        "statuses: { prometheus: 'sum by (status) (increase(responses_total[5m]))' }",
        "statuses: { sqlite: { path: /x.db, query: DELETE FROM x } }",
        "`DELETE FROM x` is not a question for a database (only SELECT is asked",
    ),
    (
        "statuses: { prometheus: 'sum by (status) (increase(responses_total[5m]))' }",
        "statuses: { sqlite: { path: /x.db, query: \"SELECT 1; SELECT 2\" } }",
        "(one statement, without `;` inside)",
    ),
    (
        "statuses: { prometheus: 'sum by (status) (increase(responses_total[5m]))' }",
        "statuses: { sqlite: { path: /x.db, query: \"SELECT '{target}'\" } }",
        "no placeholder can stand in SQL (write ? (PostgreSQL: $1) in the query",
    ),
    (
        "statuses: { prometheus: 'sum by (status) (increase(responses_total[5m]))' }",
        "statuses: { sqlite: { path: /a/../x.db, query: SELECT 1 } }",
        "`..` in the path of a file",
    ),
    (
        "errors: { log_file: /var/log/api.log }",
        "errors: { elasticsearch: { index: \"../_cluster\" } }",
        "this is not the name of an index",
    ),
    (
        "errors: { log_file: /var/log/api.log }",
        "errors: { elasticsearch: { index: a, query: \"s:{target}\" } }",
        "no placeholder can stand in a query string",
    ),
    (
        "errors: { log_file: /var/log/api.log }",
        "errors: { events: { get: \"http://h/a\", text: [/a, /b, /c, /d, /e, /f, /g, /h, /i] } }",
        "too many parts of one line",
    ),
    (
        "statuses: { prometheus: 'sum by (status) (increase(responses_total[5m]))' }",
        "statuses: { postgres: { url: \"postgres://u:hunter2@h/d\", query: SELECT 1 } }",
        "a user or password stands in this address",
    ),
    (
        "statuses: { prometheus: 'sum by (status) (increase(responses_total[5m]))' }",
        "statuses: { postgres: { url: \"mysql://u@h/d\", query: SELECT 1 } }",
        "this is not an address of PostgreSQL to use here",
    ),
];

#[test]
fn every_planted_mistake_is_found() {
    let mut missed = Vec::new();
    for (from, to, expected) in PLANTED {
        let told = planted("api.yaml", from, to);
        if !told.iter().any(|line| line.contains(expected)) {
            missed.push(format!("{to:?}\n  wanted {expected:?}\n  got    {told:#?}"));
        }
    }
    assert!(missed.is_empty(), "{} of {}:\n{}", missed.len(), PLANTED.len(), missed.join("\n"));
}

#[test]
fn the_owners_file_is_as_strict() {
    for (from, to, expected) in [
        (
            "version: 1",
            "version: 1\nbrake: 50%",
            "2:8 `50%` is no share that fits (from 5% to 40%)",
        ),
        ("ceiling: auto", "ceiling: automatic", "`automatic` is not known here"),
        (
            "ceiling: auto",
            "ceiling: observe",
            "mode `approve` is above the ceiling `observe` of `api`",
        ),
        ("protect: true", "protect: yes", "`yes` is neither `true` nor `false`"),
        (
            "protect: true",
            "protect: true, ceiling: auto",
            "`protect` and a ceiling contradict each other",
        ),
        ("vars: { base", "vars: { Base", "`Base` cannot be a variable"),
        ("vars: { base", "vars: { decision: x, base", "`decision` cannot be a variable"),
        ("  api:", "  \"a b\":", "`\"a b\"` cannot be used here"),
    ] {
        let told = planted("targets.yaml", from, to);
        assert!(told.iter().any(|line| line.contains(expected)), "{to:?} {expected:?}: {told:#?}");
    }
}

#[test]
fn folders_that_are_no_rule_set_are_refused() {
    let one = |write: &dyn Fn(&Folder), expected: &str| {
        let folder = Folder::sound();
        write(&folder);
        let told = told(&folder);
        assert!(told.iter().any(|line| line.contains(expected)), "{expected:?}: {told:#?}");
    };
    one(
        &|folder| std::fs::remove_file(folder.path().join("api.yaml")).unwrap(),
        "there is no rule here",
    );
    one(
        &|folder| std::fs::remove_file(folder.path().join("targets.yaml")).unwrap(),
        "the inventory is missing",
    );
    one(&|folder| folder.write("old.yml", "x: 1"), "not read, because of its name");
    one(&|folder| folder.write("notes.yaml", "x: 1"), "this is no rule: `breaker` is missing");
    one(&|folder| folder.write("empty.yaml", ""), "the file is empty");
    one(&|folder| folder.write("big.yaml", &"#".repeat((1 << 20) + 1)), "larger than 1 MiB");
    one(
        &|folder| std::fs::write(folder.path().join("latin.yaml"), b"a: 1\nb: \xff\n").unwrap(),
        "not valid UTF-8 in line 2",
    );
    one(&|folder| folder.write("deep.yaml", &"[".repeat(100_000)), "not readable as YAML");
    one(&|folder| folder.write("deep2.yaml", &"- ".repeat(500)), "nested deeper than 32");
    let bomb = "a: &a [x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a]\nc: [*b,*b,*b,*b,*b,*b]\n";
    one(&|folder| folder.write("bomb.yaml", bomb), "anchors and aliases are refused");
    one(
        &|folder| folder.write("twin.yaml", super::folder::RULE),
        "another rule is called `api` too",
    );
    one(
        &|folder| folder.write("twin.yaml", super::folder::RULE),
        "the rule `api` matches these alerts too",
    );
    let nowhere = rules::load(std::path::Path::new("/nowhere")).unwrap_err();
    assert!(
        nowhere[0].to_string().starts_with("/nowhere: error: this folder cannot be read"),
        "{nowhere:?}"
    );
    one(&|folder| folder.write("patterns/x.yaml", "]["), "not readable as YAML");
    // Tests and hidden files are others' to read.
    let folder = Folder::sound();
    for apart in ["api.test.yaml", ".hidden.yaml", "README.md"] {
        folder.write(apart, "][");
    }
    assert!(folder.mistakes().is_empty(), "{:#?}", told(&folder));
}

#[test]
fn a_named_fix_above_approve_is_refused() {
    for class in ["auth", "tls", "client_bug", "resource", "mixed", "unknown", "otherwise"] {
        let folder = Folder::sound();
        folder.edit("api.yaml", "mode: approve", "mode: auto");
        let ladder = match class {
            "otherwise" => "  otherwise: [ { do: reset } ]\n".to_owned(),
            class => format!("  {class}: [ {{ do: reset }} ]\n  otherwise: [ escalate ]\n"),
        };
        folder.edit("api.yaml", "  otherwise: [ escalate ]\n", &ladder);
        let told_now = told(&folder);
        let expected =
            format!("an action against `{class}` without proof that it is gone, in mode auto");
        assert!(told_now.iter().any(|line| line.contains(&expected)), "{class}: {told_now:#?}");
        folder.edit("api.yaml", "mode: auto", "mode: approve");
        let told_now = told(&folder);
        // Wrong credentials stay wrong, whoever allows the act.
        let auth = told_now.iter().any(|line| line.contains("this acts against `auth` before"));
        assert_eq!((auth, told_now.len()), (class == "auth", usize::from(auth)), "{told_now:#?}");
    }
}

#[test]
fn overlapping_rules_are_a_warning() {
    let folder = Folder::sound();
    let wider = super::folder::RULE
        .replace("breaker: api", "breaker: wider")
        .replace("alertname: BreakerOpen, service: api", "alertname: BreakerOpen");
    folder.write("wider.yaml", &wider);
    let (set, mistakes) = rules::load_with_warnings(folder.path());
    assert_eq!(mistakes.len(), 1, "{}", rules::render(&mistakes, false));
    assert_eq!(mistakes[0].message, "some alerts match this and the rule `api`");
    assert!(set.is_some(), "a warning alone stops nothing");
}

#[test]
fn a_query_that_the_parser_refuses_is_stale_until_its_age_is_told() {
    use reclose::core::evidence::Ask;
    let folder = Folder::sound();
    let query = "prometheus: max(breaker_state{service=\"api\"})";
    folder.edit("api.yaml", query, "prometheus: max_over_time(breaker_state[5m+1m])");
    let (set, mistakes) = rules::load_with_warnings(folder.path());
    assert_eq!(mistakes.len(), 1, "{}", rules::render(&mistakes, false));
    assert!(!mistakes[0].is_error());
    let Ask::Prometheus { age_query, .. } = &set.unwrap().rules["api"].state.ask else { panic!() };
    assert_eq!(age_query.as_deref(), Some("vector(time())"));
    folder.edit("api.yaml", "[5m+1m])", "[5m+1m])\n  promql: unchecked");
    assert!(told(&folder)[0].contains("nobody knows how old"), "{:#?}", told(&folder));
    folder.edit(
        "api.yaml",
        "promql: unchecked",
        "promql: unchecked\n  age: time() - max(timestamp(breaker_state))",
    );
    let Ask::Prometheus { age_query, .. } = &folder.load().rules["api"].state.ask else { panic!() };
    assert_eq!(age_query.as_deref(), Some("time() - max(timestamp(breaker_state))"));
}
