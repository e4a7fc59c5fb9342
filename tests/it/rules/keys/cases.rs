//! For each key a sound folder in which it stands, and another value of it. One line a key.

/// File, what stands there, what shall stand there.
pub type Edit = (&'static str, &'static str, &'static str);

pub struct Case {
    /// `shape.key` of the schema.
    pub key: &'static str,
    /// What makes the folder of the tests one in which the key stands; still sound.
    pub setup: &'static [Edit],
    pub change: Edit,
}

const fn case(key: &'static str, setup: &'static [Edit], change: Edit) -> Case {
    Case { key, setup, change }
}

const R: &str = "api.yaml";
const T: &str = "targets.yaml";
pub const P: &str = "patterns/ours.yaml";

/// What the folder's own patterns are, where a case is about them.
pub const PATTERNS: &str = "version: 1
patterns: ours
summary: Our words
entries:
  - name: revoked
    says: auth
    tier: wide
    for: ours
    why: They say so
    pattern: 'token \\w+ revoked'
    examples: [ \"token abc revoked\" ]
    counterexamples: [ \"token revoked\" ]
";

// What stands in the folder of the tests.
const STATE: &str = "prometheus: max(breaker_state{service=\"api\"})";
const LOG: &str = "errors: { log_file: /var/log/api.log }";
const STATUSES: &str =
    "statuses: { prometheus: 'sum by (status) (increase(responses_total[5m]))' }";
const QUEUE: &str = "queue: { prometheus_range: { query: queue_length, last: 10m } }";
const RESET: &str = "http: { post: \"http://127.0.0.1:9/reset\", bearer: { env: TOKEN } }";
const PROBE: &str = "http: { get: \"http://127.0.0.1:9/health\" }";
const SIGNALS: &str = "all: [ { state: closed }, { healthy: upstream } ]";
const CALL: &str = "- { when: always, to: [ { slack: \"@oncall\" } ] }";
const DO: &str = "{ do: reset, when: { gone: true } }";
const LIMITED: &str = "[ { wait: retry_after, at_least: 1m } ]";

const ALERT: Edit = (
    R,
    "probes:\n",
    "alerts:\n  Rising: { expr: \"a > 1\", promql: unchecked, for: 1m, labels: { severity: info, team: a }, annotations: { summary: Soon } }\nprobes:\n",
);
const PACK: Edit = (
    R,
    "state:\n  prometheus: max(breaker_state{service=\"api\"})\n  max_age: 1m\n  means: { 0: closed, 1: open }\n",
    "use: gobreaker\nwith: { name: a }\n",
);
const AUTO: Edit = (R, "mode: approve", "mode: auto");
const UNPARSED: Edit = (
    R,
    STATE,
    "prometheus: max_over_time(breaker_state[5m+1m])\n  promql: unchecked\n  age: time() - max(timestamp(breaker_state))",
);
const UNPARSED_EVIDENCE: Edit = (
    R,
    STATUSES,
    "statuses: { prometheus: 'max_over_time(x[5m+1m])', promql: unchecked, age: 'time() - max(timestamp(x))' }",
);
const TWICE: Edit = (
    R,
    "[ { wait: half_open }, { do: reset, when: { gone: true } } ]",
    "[ { do: reset, when: { gone: true } }, { do: reset, when: { gone: true } } ]",
);
const SCRAPE: Edit = (
    R,
    STATUSES,
    "statuses: { scrape: { url: \"http://h/m\", metric: a, labels: { job: a }, by: status } }",
);
const LOKI: Edit = (R, LOG, "errors: { loki: { query: '{app=\"a\"}', last: 5m, limit: 50 } }");
const FILE: Edit =
    (R, LOG, "errors: { log_file: { path: /var/log/a.log, last_lines: 50, last: 5m, zone: UTC } }");
const PAGE: Edit = (
    R,
    QUEUE,
    "page: { http: { get: \"http://h/a\", headers: { X-A: a }, bearer: { env: A }, pointer: /a, timeout: 2s }, max_age: 3m }",
);
const PROBE_POST: Edit = (
    R,
    PROBE,
    "http: { post: \"http://h/a\", headers: { X-A: a }, bearer: { env: A }, json: { a: 1 }, expect: { status: 201, json: { /a: 1 } }, timeout: 2s }",
);
const RESET_ALL: Edit = (
    R,
    RESET,
    "http: { post: \"http://h/a\", headers: { X-A: a, X-B: { secret: { file: /a }, prefix: \"A \" } }, bearer: { env: A }, json: { a: 1 }, timeout: 2s }\n    observe: { get: \"http://h/o\", pointer: /a }",
);
const EVERY_OCCASION: Edit = (
    R,
    CALL,
    "- { when: always, to: [ { slack: \"@oncall\" } ] }\n  - { when: { open_for: 10m }, to: [ { slack: \"@lead\" } ] }\n  - { when: { unknown_cause: 2 rounds }, to: [ { slack: \"@who\" } ] }\n  - { when: { reopened: 2 in 60m }, to: [ { slack: \"@again\" } ] }",
);
const REDIS: Edit = (
    R,
    QUEUE,
    "load: { redis: { url: \"redis://h:1\", key: a, pointer: /a } }\n  queue: { prometheus_range: { query: queue_length, last: 10m } }",
);
const SQLITE: Edit = (
    R,
    QUEUE,
    "load: { sqlite: { path: /a.db, query: SELECT a FROM b WHERE c = ?, params: [ d ] } }",
);
const POSTGRES: Edit = (
    R,
    QUEUE,
    "load: { postgres: { url: \"postgres://u@h/d\", query: SELECT a FROM b WHERE c = $1, params: [ d ] } }",
);
const ELASTICSEARCH: Edit = (
    R,
    LOG,
    "errors: { elasticsearch: { index: a, where: { s: t }, query: \"l:e\", time: ts, message: msg, last: 5m, limit: 50 } }",
);
const EVENTS: Edit = (
    R,
    LOG,
    "errors: { events: { get: \"http://h/a\", headers: { X-A: a }, bearer: { env: A }, items: /i, at: /at, text: [ /t ], limit: 50, timeout: 2s } }",
);
// AWS
const CLOUDWATCH_LOGS: Edit = (
    R,
    LOG,
    "errors: { cloudwatch_logs: { group: /a, pattern: ERROR, last: 5m, limit: 50, region: eu-west-1 } }",
);
const CLOUDWATCH: Edit = (
    R,
    QUEUE,
    "load: { cloudwatch: { namespace: A, metric: b, dimensions: { C: d }, statistic: sum, period: 1m, last: 5m, region: eu-west-1 } }\n  queue: { prometheus_range: { query: queue_length, last: 10m } }",
);
const BY: Edit = (
    R,
    QUEUE,
    "load: { cloudwatch: { namespace: A, metric: b, statistic: sum, last: 5m, by: Code } }\n  queue: { prometheus_range: { query: queue_length, last: 10m } }",
);
const SQS: Edit = (
    R,
    QUEUE,
    "load: { sqs: { queue: a, count: waiting, last: 5m, region: eu-west-1 } }\n  queue: { prometheus_range: { query: queue_length, last: 10m } }",
);
const ECS: Edit = (
    R,
    QUEUE,
    "load: { ecs: { cluster: a, service: b, show: deployed, region: eu-west-1 } }\n  queue: { prometheus_range: { query: queue_length, last: 10m } }",
);
const AWS_SECRET: Edit = (
    R,
    QUEUE,
    "load: { aws_secret: { secret: a, show: age, region: eu-west-1 } }\n  queue: { prometheus_range: { query: queue_length, last: 10m } }",
);
const S3: Edit = (
    R,
    QUEUE,
    "load: { s3: { bucket: aaa, prefix: b, region: eu-west-1 } }\n  queue: { prometheus_range: { query: queue_length, last: 10m } }",
);
const S3_PROBE: Edit = (R, PROBE, "s3: { bucket: aaa }");
const KEY_VAULT: Edit = (
    R,
    QUEUE,
    "load: { key_vault: { vault: \"https://a.example\", secret: a, show: age } }\n  queue: { prometheus_range: { query: queue_length, last: 10m } }",
);
const AZURE_LOGS: Edit =
    (R, LOG, "errors: { azure_logs: { workspace: a, query: b, line: C, last: 5m, limit: 50 } }");
const AZURE_ACTIVITY: Edit =
    (R, LOG, "errors: { azure_activity: { subscription: a, group: b, last: 5m, limit: 50 } }");
const VAULT_PROBE: Edit = (R, PROBE, "key_vault: { vault: \"https://a.example\", secret: a }");
const CONTAINER: Edit = (
    R,
    QUEUE,
    "load: { docker_container: { container: a, value: restarts } }\n  queue: { prometheus_range: { query: queue_length, last: 10m } }",
);
const CONTAINER_LOG: Edit =
    (R, LOG, "errors: { docker_logs: { container: a, last: 5m, limit: 50 } }");
const UNTIL: Edit = (R, LIMITED, "[ { ask: One, until: { healthy: upstream }, within: 1h } ]");
const CHECKLIST: Edit =
    (R, DO, "{ do: reset, when: { gone: true, all: [ { healthy: upstream } ] } }");
const NEW_OCCASIONS: Edit = (
    R,
    CALL,
    "- { when: always, to: [ { slack: \"@oncall\" } ] }\n  - { when: { unacknowledged: 10m }, to: [ { slack: \"@lead\" } ] }\n  - { when: { rising: queue, for: 2m }, to: [ { slack: \"@queue\" } ] }\n  - { when: { several_open: 2 }, to: [ { slack: \"@all\" } ] }",
);
const STATUS: Edit = (R, "ladder:\n", "causes:\n  rate_limited: { status: 503 }\nladder:\n");
const ASKED: Edit =
    (R, LIMITED, "[ { wait: retry_after, at_least: 1m, at_most: 5m }, { ask: One } ]");
const CRON: Edit = (R, "every: 30s", "cron: \"*/5 * * * *\"\n    zone: UTC");
const CRON_AGE: Edit =
    (R, "upstream: { probe: health }", "upstream: { probe: health, max_age: 1h }");
const LOCAL: Edit = (R, "every: 30s", "cron: \"0 9 * * *\"\n    zone: UTC");
const SECOND: Edit = (T, "  prometheus: {", "  api2: { ceiling: auto }\n  prometheus: {");
const FROM: Edit = (R, "targets: [api]", "targets: [api]\ntarget_from: { label: service }");
const OWNED: Edit = (
    T,
    "ceiling: auto, group: api,",
    "ceiling: auto, group: api, env: prod, owner: \"@a\", protect: false,",
);

pub const CASES: &[Case] = &[
    // the rule
    case("rule.version", &[], (R, "version: 1", "version: 2")),
    case("rule.use", &[PACK], (R, "use: gobreaker", "use: resilience4j")),
    case("rule.with", &[PACK], (R, "{ name: a }", "{ name: b }")),
    case("rule.breaker", &[], (R, "breaker: api", "breaker: apis")),
    case("rule.summary", &[], (R, "summary: The API", "summary: An API")),
    case("rule.runbook", &[(R, "mode:", "runbook: a.md\nmode:")], (R, "a.md", "b.md")),
    case("rule.channel", &[(R, "mode:", "channel: \"#a\"\nmode:")], (R, "#a", "#b")),
    case("rule.mode", &[], AUTO),
    case(
        "rule.targets",
        &[SECOND, FROM, (R, ", service: api }", " }")],
        (R, "targets: [api]", "targets: [api, api2]"),
    ),
    case("rule.target_from", &[FROM], (R, "{ label: service }", "{ label: app }")),
    case("target_from.label", &[FROM], (R, "label: service", "label: app")),
    case(
        "rule.match",
        &[],
        (R, "{ alertname: BreakerOpen, service: api }", "{ alertname: BreakerShut }"),
    ),
    case("match.alertmanager", &[], (R, "alertname: BreakerOpen", "alertname: BreakerShut")),
    case(
        "rule.act_after",
        &[(R, "state:\n", "act_after: 1m\nstate:\n")],
        (R, "act_after: 1m", "act_after: 2m"),
    ),
    case("rule.state", &[], (R, "means: { 0: closed, 1: open }", "means: { 0: open, 1: closed }")),
    case("rule.kind", &[], (R, "kind: self", "kind: manual")),
    case("rule.recovery", &[], (R, "{ half_open_after: 30s }", "{ half_open_after: 60s }")),
    case("recovery.half_open_after", &[], (R, "half_open_after: 30s", "half_open_after: 60s")),
    case(
        "recovery.needs_idle",
        &[
            (R, "half_open_after: 30s", "half_open_after: 30s, needs_idle: false"),
            (R, "every: 30s", "every: 30s\n    through_breaker: true"),
        ],
        (R, "needs_idle: false", "needs_idle: true"),
    ),
    case("rule.evidence", &[], (R, LOG, "errors: { log_file: /var/log/b.log }")),
    case("rule.causes", &[], (R, "auth: { log", "tls: { log")),
    case(
        "rule.advice",
        &[(R, "ladder:\n", "advice: { upstream_5xx: Wait. }\nladder:\n")],
        (R, "upstream_5xx: Wait.", "upstream_5xx: Call."),
    ),
    case("cause.status", &[STATUS], (R, "status: 503", "status: 502")),
    case("cause.log", &[], (R, "token .* revoked", "token .* expired")),
    case("rule.ladder", &[], (R, "otherwise: [ escalate ]", "otherwise: [ { ask: Look } ]")),
    case("rule.actions", &[AUTO], (R, "127.0.0.1:9/reset", "127.0.0.1:9/close")),
    case("rule.verify", &[AUTO], (R, "hold: 2m", "hold: 3m")),
    case("rule.escalate", &[], (R, "@oncall", "@lead")),
    case("rule.probes", &[], (R, "127.0.0.1:9/health", "127.0.0.1:9/ready")),
    case(
        "rule.updates",
        &[(R, "mode:", "updates: { every: 5m }\nmode:")],
        (R, "every: 5m", "every: 7m"),
    ),
    case(
        "updates.every",
        &[(R, "mode:", "updates: { every: 5m }\nmode:")],
        (R, "every: 5m", "every: 7m"),
    ),
    // state
    case("state.prometheus", &[], (R, "max(breaker_state", "min(breaker_state")),
    case(
        "state.http",
        &[(R, STATE, "http: { get: \"http://h/a\", pointer: /s }")],
        (R, "http://h/a", "http://h/b"),
    ),
    case(
        "state.scrape",
        &[(R, STATE, "scrape: { url: \"http://h/a\", metric: m }")],
        (R, "http://h/a", "http://h/b"),
    ),
    case(
        "state.redis",
        &[(R, STATE, "redis: { url: \"redis://h:1\", key: a }")],
        (R, "key: a", "key: b"),
    ),
    case(
        "state.sqlite",
        &[(R, STATE, "sqlite: { path: /a.db, query: SELECT a FROM b }")],
        (R, "SELECT a", "SELECT c"),
    ),
    case(
        "state.postgres",
        &[(R, STATE, "postgres: { url: \"postgres://u@h/d\", query: SELECT a FROM b }")],
        (R, "SELECT a", "SELECT c"),
    ),
    case(
        "state.docker_container",
        &[(R, STATE, "docker_container: a")],
        (R, "docker_container: a", "docker_container: b"),
    ),
    case("state.age", &[UNPARSED], (R, "age: time() - max(", "age: time() - min(")),
    case("state.promql", &[UNPARSED], (R, "promql: unchecked", "promql: checked")),
    case("state.max_age", &[], (R, "max_age: 1m", "max_age: 2m")),
    case("state.means", &[], (R, "{ 0: closed, 1: open }", "{ 0: open, 1: closed }")),
    // evidence
    case("evidence.prometheus", &[], (R, "responses_total[5m]", "responses_total[1m]")),
    case("evidence.prometheus_range", &[], (R, "query: queue_length", "query: backlog")),
    case("evidence.scrape", &[SCRAPE], (R, "metric: a", "metric: b")),
    case("evidence.loki", &[LOKI], (R, "app=\"a\"", "app=\"b\"")),
    case("evidence.log_file", &[], (R, "/var/log/api.log", "/var/log/b.log")),
    case("evidence.http", &[PAGE], (R, "http://h/a", "http://h/b")),
    case("evidence.redis", &[REDIS], (R, "key: a", "key: b")),
    case("evidence.sqlite", &[SQLITE], (R, "SELECT a", "SELECT e")),
    case("evidence.docker_logs", &[CONTAINER_LOG], (R, "container: a", "container: b")),
    case("evidence.docker_container", &[CONTAINER], (R, "container: a", "container: b")),
    case("docker_logs.container", &[CONTAINER_LOG], (R, "container: a", "container: b")),
    case("docker_logs.last", &[CONTAINER_LOG], (R, "last: 5m", "last: 6m")),
    case("docker_logs.limit", &[CONTAINER_LOG], (R, "limit: 50", "limit: 60")),
    case("docker_container.container", &[CONTAINER], (R, "container: a", "container: b")),
    case("docker_container.value", &[CONTAINER], (R, "value: restarts", "value: up_seconds")),
    case("redis.url", &[REDIS], (R, "redis://h:1", "redis://h:2")),
    case("redis.key", &[REDIS], (R, "key: a", "key: b")),
    case("redis.pointer", &[REDIS], (R, "pointer: /a", "pointer: /b")),
    case("sqlite.path", &[SQLITE], (R, "/a.db", "/b.db")),
    case("sqlite.query", &[SQLITE], (R, "SELECT a", "SELECT e")),
    case("sqlite.params", &[SQLITE], (R, "[ d ]", "[ e ]")),
    case("evidence.postgres", &[POSTGRES], (R, "SELECT a", "SELECT e")),
    case("postgres.url", &[POSTGRES], (R, "u@h/d", "u@h/e")),
    case("postgres.query", &[POSTGRES], (R, "SELECT a", "SELECT e")),
    case("postgres.params", &[POSTGRES], (R, "[ d ]", "[ e ]")),
    case("evidence.elasticsearch", &[ELASTICSEARCH], (R, "index: a", "index: b")),
    case("elasticsearch.index", &[ELASTICSEARCH], (R, "index: a", "index: b")),
    case("elasticsearch.where", &[ELASTICSEARCH], (R, "s: t", "s: u")),
    case("elasticsearch.query", &[ELASTICSEARCH], (R, "l:e", "l:f")),
    case("elasticsearch.time", &[ELASTICSEARCH], (R, "time: ts", "time: tt")),
    case("elasticsearch.message", &[ELASTICSEARCH], (R, "message: msg", "message: text")),
    case("elasticsearch.last", &[ELASTICSEARCH], (R, "last: 5m, limit", "last: 6m, limit")),
    case("elasticsearch.limit", &[ELASTICSEARCH], (R, "limit: 50", "limit: 60")),
    case("evidence.events", &[EVENTS], (R, "http://h/a", "http://h/b")),
    case("events.get", &[EVENTS], (R, "http://h/a", "http://h/b")),
    case("events.headers", &[EVENTS], (R, "X-A: a", "X-A: b")),
    case("events.bearer", &[EVENTS], (R, "env: A", "env: B")),
    case("events.items", &[EVENTS], (R, "items: /i", "items: /j")),
    case("events.at", &[EVENTS], (R, "at: /at", "at: /to")),
    case("events.text", &[EVENTS], (R, "[ /t ]", "[ /u ]")),
    case("events.limit", &[EVENTS], (R, "limit: 50", "limit: 60")),
    case("events.timeout", &[EVENTS], (R, "timeout: 2s", "timeout: 3s")),
    case("evidence.probe", &[], (R, "probe: health", "probe: wealth")),
    case(
        "evidence.as",
        &[(R, "queue: {", "queue: { as: quantity,")],
        (R, "as: quantity", "as: statuses"),
    ),
    case("evidence.max_age", &[PAGE], (R, "max_age: 3m", "max_age: 4m")),
    case("evidence.age", &[UNPARSED_EVIDENCE], (R, "time() - max(", "time() - min(")),
    case("evidence.promql", &[UNPARSED_EVIDENCE], (R, "promql: unchecked", "promql: checked")),
    case("prometheus_range.query", &[], (R, "query: queue_length", "query: backlog")),
    case("prometheus_range.last", &[], (R, "last: 10m", "last: 20m")),
    case(
        "prometheus_range.step",
        &[(R, "last: 10m", "last: 10m, step: 30s")],
        (R, "step: 30s", "step: 1m"),
    ),
    case("scrape.url", &[SCRAPE], (R, "http://h/m", "http://h/n")),
    case("scrape.metric", &[SCRAPE], (R, "metric: a", "metric: b")),
    case("scrape.labels", &[SCRAPE], (R, "job: a", "job: b")),
    case("scrape.by", &[SCRAPE], (R, "by: status", "by: code")),
    case(
        "scrape.over",
        &[SCRAPE, (R, "by: status", "by: status, over: 5s")],
        (R, "over: 5s", "over: 4s"),
    ),
    case("loki.query", &[LOKI], (R, "app=\"a\"", "app=\"b\"")),
    case("loki.last", &[LOKI], (R, "last: 5m, limit", "last: 6m, limit")),
    case("loki.limit", &[LOKI], (R, "limit: 50", "limit: 60")),
    case("log_file.path", &[FILE], (R, "/var/log/a.log", "/var/log/b.log")),
    case("log_file.last_lines", &[FILE], (R, "last_lines: 50", "last_lines: 60")),
    case("log_file.last", &[FILE], (R, "last: 5m, zone", "last: 6m, zone")),
    case("log_file.zone", &[FILE], (R, "zone: UTC", "zone: Europe/Berlin")),
    // AWS
    case(
        "state.cloudwatch",
        &[(R, STATE, "cloudwatch: { namespace: A, metric: b, statistic: maximum }")],
        (R, "metric: b", "metric: c"),
    ),
    case("evidence.cloudwatch_logs", &[CLOUDWATCH_LOGS], (R, "group: /a", "group: /b")),
    case("evidence.cloudwatch", &[CLOUDWATCH], (R, "metric: b", "metric: c")),
    case("evidence.sqs", &[SQS], (R, "queue: a", "queue: b")),
    case("evidence.ecs", &[ECS], (R, "cluster: a", "cluster: b")),
    case("evidence.aws_secret", &[AWS_SECRET], (R, "secret: a", "secret: b")),
    case("evidence.s3", &[S3], (R, "bucket: aaa", "bucket: bbb")),
    case("cloudwatch_logs.group", &[CLOUDWATCH_LOGS], (R, "group: /a", "group: /b")),
    case("cloudwatch_logs.pattern", &[CLOUDWATCH_LOGS], (R, "pattern: ERROR", "pattern: WARN")),
    case("cloudwatch_logs.last", &[CLOUDWATCH_LOGS], (R, "last: 5m, limit", "last: 6m, limit")),
    case("cloudwatch_logs.limit", &[CLOUDWATCH_LOGS], (R, "limit: 50", "limit: 60")),
    case("cloudwatch_logs.region", &[CLOUDWATCH_LOGS], (R, "eu-west-1", "eu-west-2")),
    case("cloudwatch.namespace", &[CLOUDWATCH], (R, "namespace: A", "namespace: B")),
    case("cloudwatch.metric", &[CLOUDWATCH], (R, "metric: b", "metric: c")),
    case("cloudwatch.dimensions", &[CLOUDWATCH], (R, "C: d", "C: e")),
    case("cloudwatch.statistic", &[CLOUDWATCH], (R, "statistic: sum", "statistic: maximum")),
    case("cloudwatch.period", &[CLOUDWATCH], (R, "period: 1m", "period: 5m")),
    case("cloudwatch.last", &[CLOUDWATCH], (R, "last: 5m", "last: 6m")),
    case("cloudwatch.region", &[CLOUDWATCH], (R, "eu-west-1", "eu-west-2")),
    case("cloudwatch.by", &[BY], (R, "by: Code", "by: Status")),
    case("sqs.queue", &[SQS], (R, "queue: a", "queue: b")),
    case("sqs.count", &[SQS], (R, "count: waiting", "count: dead")),
    case("sqs.last", &[SQS], (R, "last: 5m", "last: 6m")),
    case("sqs.region", &[SQS], (R, "eu-west-1", "eu-west-2")),
    case("ecs.cluster", &[ECS], (R, "cluster: a", "cluster: b")),
    case("ecs.service", &[ECS], (R, "service: b", "service: c")),
    case("ecs.show", &[ECS], (R, "show: deployed", "show: unsettled")),
    case("ecs.region", &[ECS], (R, "eu-west-1", "eu-west-2")),
    case("aws_secret.secret", &[AWS_SECRET], (R, "secret: a", "secret: b")),
    case("aws_secret.show", &[AWS_SECRET], (R, "show: age", "show: version")),
    case("aws_secret.region", &[AWS_SECRET], (R, "eu-west-1", "eu-west-2")),
    case("s3.bucket", &[S3], (R, "bucket: aaa", "bucket: bbb")),
    case("s3.prefix", &[S3], (R, "prefix: b", "prefix: c")),
    case("s3.region", &[S3], (R, "eu-west-1", "eu-west-2")),
    case("probe.s3", &[S3_PROBE], (R, "bucket: aaa", "bucket: bbb")),
    // Azure
    case("evidence.key_vault", &[KEY_VAULT], (R, "secret: a", "secret: b")),
    case("evidence.azure_logs", &[AZURE_LOGS], (R, "query: b", "query: c")),
    case("evidence.azure_activity", &[AZURE_ACTIVITY], (R, "subscription: a", "subscription: b")),
    case("key_vault.vault", &[KEY_VAULT], (R, "a.example", "b.example")),
    case("key_vault.secret", &[KEY_VAULT], (R, "secret: a", "secret: b")),
    case("key_vault.show", &[KEY_VAULT], (R, "show: age", "show: version")),
    case("azure_logs.workspace", &[AZURE_LOGS], (R, "workspace: a", "workspace: b")),
    case("azure_logs.query", &[AZURE_LOGS], (R, "query: b", "query: c")),
    case("azure_logs.line", &[AZURE_LOGS], (R, "line: C", "line: D")),
    case("azure_logs.last", &[AZURE_LOGS], (R, "last: 5m, limit", "last: 6m, limit")),
    case("azure_logs.limit", &[AZURE_LOGS], (R, "limit: 50", "limit: 60")),
    case(
        "azure_activity.subscription",
        &[AZURE_ACTIVITY],
        (R, "subscription: a", "subscription: b"),
    ),
    case("azure_activity.group", &[AZURE_ACTIVITY], (R, "group: b", "group: c")),
    case("azure_activity.last", &[AZURE_ACTIVITY], (R, "last: 5m, limit", "last: 6m, limit")),
    case("azure_activity.limit", &[AZURE_ACTIVITY], (R, "limit: 50", "limit: 60")),
    case("probe.key_vault", &[VAULT_PROBE], (R, "a.example", "b.example")),
    case("key_vault-probe.vault", &[VAULT_PROBE], (R, "a.example", "b.example")),
    case("key_vault-probe.secret", &[VAULT_PROBE], (R, "secret: a", "secret: b")),
    // requests
    case("question.get", &[PAGE], (R, "http://h/a", "http://h/b")),
    case("question.headers", &[PAGE], (R, "X-A: a", "X-A: b")),
    case("question.bearer", &[PAGE], (R, "env: A", "env: B")),
    case("question.pointer", &[PAGE], (R, "pointer: /a", "pointer: /b")),
    case("question.timeout", &[PAGE], (R, "timeout: 2s", "timeout: 3s")),
    case("probe-request.get", &[], (R, "127.0.0.1:9/health", "127.0.0.1:9/ready")),
    case("probe-request.post", &[PROBE_POST], (R, "http://h/a", "http://h/b")),
    case("probe-request.headers", &[PROBE_POST], (R, "X-A: a", "X-A: b")),
    case("probe-request.bearer", &[PROBE_POST], (R, "env: A", "env: B")),
    case("probe-request.json", &[PROBE_POST], (R, "json: { a: 1 }", "json: { a: 2 }")),
    case("probe-request.expect", &[PROBE_POST], (R, "status: 201", "status: 202")),
    case("probe-request.timeout", &[PROBE_POST], (R, "timeout: 2s", "timeout: 3s")),
    case("expect.status", &[PROBE_POST], (R, "status: 201", "status: 202")),
    case("expect.json", &[PROBE_POST], (R, "{ /a: 1 }", "{ /a: 2 }")),
    case("action-request.post", &[AUTO, RESET_ALL], (R, "http://h/a", "http://h/b")),
    case("action-request.put", &[AUTO, (R, "post:", "put:")], (R, "9/reset", "9/close")),
    case("action-request.patch", &[AUTO, (R, "post:", "patch:")], (R, "9/reset", "9/close")),
    case("action-request.delete", &[AUTO, (R, "post:", "delete:")], (R, "9/reset", "9/close")),
    case("action-request.headers", &[AUTO, RESET_ALL], (R, "X-A: a", "X-A: b")),
    case("action-request.bearer", &[AUTO, RESET_ALL], (R, "env: A", "env: B")),
    case("action-request.json", &[AUTO, RESET_ALL], (R, "json: { a: 1 }", "json: { a: 2 }")),
    case("action-request.timeout", &[AUTO, RESET_ALL], (R, "timeout: 2s", "timeout: 3s")),
    case("secret.env", &[AUTO], (R, "env: TOKEN", "env: OTHER")),
    case("secret.file", &[AUTO, RESET_ALL], (R, "file: /a", "file: /b")),
    case("secret-header.secret", &[AUTO, RESET_ALL], (R, "{ file: /a }", "{ env: B }")),
    case("secret-header.prefix", &[AUTO, RESET_ALL], (R, "\"A \"", "\"B \"")),
    // ladder
    case("rung.wait", &[], (R, "wait: half_open", "wait: 5m")),
    case("rung.at_least", &[], (R, "at_least: 1m", "at_least: 2m")),
    case(
        "rung.at_most",
        &[ASKED, (R, "at_least: 1m", "at_least: 3m")],
        (R, "at_most: 5m", "at_most: 2m"),
    ),
    case("rung.do", &[AUTO], (R, "do: reset", "do: rest")),
    case("rung.when", &[AUTO], (R, "when: { gone: true }", "when: { gone: false }")),
    case("when.gone", &[AUTO], (R, "gone: true", "gone: false")),
    case(
        "rung.within",
        &[(R, DO, "{ do: reset, when: { gone: true }, within: 10m }")],
        (R, "within: 10m", "within: 12m"),
    ),
    case(
        "when.all",
        &[AUTO, CHECKLIST],
        (R, "all: [ { healthy: upstream }", "all: [ { healthy: health }"),
    ),
    case("rung.until", &[UNTIL], (R, "until: { healthy: upstream }", "until: { healthy: health }")),
    case(
        "until.healthy",
        &[UNTIL],
        (R, "healthy: upstream }, within", "healthy: health }, within"),
    ),
    case("rung.ask", &[ASKED], (R, "ask: One", "ask: Two")),
    case("action.http", &[AUTO], (R, "9/reset", "9/close")),
    case("action.observe", &[AUTO, RESET_ALL], (R, "http://h/o", "http://h/p")),
    case("action.guards", &[AUTO, TWICE], (R, "cooldown: 10m", "cooldown: 15m")),
    case("guards.cooldown", &[AUTO, TWICE], (R, "cooldown: 10m", "cooldown: 15m")),
    case("guards.at_most", &[AUTO, TWICE], (R, "2 per 6h", "1 per 6h")),
    // verify
    case("verify.hold", &[AUTO], (R, "hold: 2m", "hold: 3m")),
    case(
        "verify.within",
        &[AUTO, (R, "hold: 2m", "hold: 2m\n  within: 5m")],
        (R, "within: 5m", "within: 6m"),
    ),
    case("verify.every", &[AUTO], (R, "every: 1m", "every: 2m")),
    case(
        "verify.all",
        &[AUTO],
        (R, SIGNALS, "all: [ { state: half_open }, { healthy: upstream } ]"),
    ),
    case("signal.state", &[AUTO], (R, "{ state: closed }", "{ state: quiet }")),
    case(
        "signal.healthy",
        &[AUTO, (R, QUEUE, "page: { http: { get: \"http://h/a\" } }")],
        (R, "healthy: upstream", "healthy: page"),
    ),
    case(
        "signal.falling",
        &[
            AUTO,
            (
                R,
                QUEUE,
                "queue: { prometheus_range: { query: a, last: 10m } }\n  dead: { prometheus_range: { query: b, last: 10m } }",
            ),
            (R, "{ healthy: upstream }", "{ healthy: upstream }, { falling: queue }"),
        ],
        (R, "falling: queue", "falling: dead"),
    ),
    case(
        "signal.not_rising",
        &[
            AUTO,
            (
                R,
                QUEUE,
                "queue: { prometheus_range: { query: a, last: 10m } }\n  dead: { prometheus_range: { query: b, last: 10m } }",
            ),
            (R, "{ healthy: upstream }", "{ healthy: upstream }, { not_rising: queue }"),
        ],
        (R, "not_rising: queue", "not_rising: dead"),
    ),
    case(
        "signal.at_most",
        &[
            AUTO,
            REDIS,
            (R, "{ healthy: upstream }", "{ healthy: upstream }, { at_most: { load: 0.5 } }"),
        ],
        (R, "load: 0.5", "load: 0.3"),
    ),
    case(
        "signal.at_least",
        &[
            AUTO,
            REDIS,
            (R, "{ healthy: upstream }", "{ healthy: upstream }, { at_least: { load: 0.3 } }"),
        ],
        (R, "load: 0.3", "load: 0.5"),
    ),
    // escalate
    case("escalate.when", &[EVERY_OCCASION], (R, "{ open_for: 10m }", "{ open_for: 20m }")),
    case("escalate.to", &[], (R, "to: [ { slack: \"@oncall\" } ]", "to: [ { slack: \"@lead\" } ]")),
    case("occasion.open_for", &[EVERY_OCCASION], (R, "open_for: 10m", "open_for: 20m")),
    case("occasion.unknown_cause", &[EVERY_OCCASION], (R, "2 rounds", "5 rounds")),
    case("occasion.reopened", &[EVERY_OCCASION], (R, "2 in 60m", "3 in 60m")),
    case(
        "occasion.unacknowledged",
        &[NEW_OCCASIONS],
        (R, "unacknowledged: 10m", "unacknowledged: 20m"),
    ),
    case("occasion.rising", &[NEW_OCCASIONS], (R, "rising: queue", "rising: nothing")),
    case("occasion.for", &[NEW_OCCASIONS], (R, "for: 2m", "for: 1m")),
    case(
        "occasion.several_open",
        &[NEW_OCCASIONS, (T, "group: api", "group: other-0")],
        (R, "several_open: 2", "several_open: 3"),
    ),
    case("contact.slack", &[], (R, "@oncall", "@lead")),
    // probes
    case("probe.every", &[], (R, "every: 30s", "every: 40s")),
    case("probe.cron", &[CRON, CRON_AGE], (R, "*/5 * * * *", "*/7 * * * *")),
    case("probe.zone", &[LOCAL, CRON_AGE], (R, "zone: UTC", "zone: Asia/Tokyo")),
    case("probe.http", &[], (R, "127.0.0.1:9/health", "127.0.0.1:9/ready")),
    case("probe.tcp", &[(R, PROBE, "tcp: \"h:1\"")], (R, "h:1", "h:2")),
    case("probe.docker", &[(R, PROBE, "docker: a")], (R, "docker: a", "docker: b")),
    case("probe.dns", &[(R, PROBE, "dns: a.example")], (R, "a.example", "b.example")),
    case(
        "probe.hold",
        &[AUTO, (R, "every: 30s", "every: 30s\n    hold: 2m")],
        (R, "    hold: 2m", "    hold: 10m"),
    ),
    case(
        "probe.through_breaker",
        &[
            (R, "half_open_after: 30s", "half_open_after: 30s, needs_idle: true"),
            (R, "every: 30s", "every: 30s\n    through_breaker: false"),
        ],
        (R, "through_breaker: false", "through_breaker: true"),
    ),
    // alerts for Prometheus
    case("rule.alerts", &[ALERT], (R, "Rising:", "Growing:")),
    case("alert.expr", &[ALERT], (R, "a > 1", "a > 2")),
    case("alert.promql", &[ALERT], (R, "promql: unchecked", "promql: checked")),
    case("alert.for", &[ALERT], (R, "for: 1m", "for: 2m")),
    case("alert.labels", &[ALERT], (R, "team: a", "team: b")),
    case("alert.annotations", &[ALERT], (R, "summary: Soon }", "summary: Later }")),
    // the owners' file
    case("targets.version", &[], (T, "version: 1", "version: 2")),
    case(
        "targets.brake",
        &[AUTO, (T, "version: 1", "version: 1\nbrake: 20%")],
        (T, "brake: 20%", "brake: 40%"),
    ),
    case("targets.targets", &[], (T, "  api:", "  apj:")),
    case("target.ceiling", &[AUTO], (T, "ceiling: auto", "ceiling: approve")),
    case("target.group", &[AUTO], (T, "group: api", "group: shop")),
    case("target.env", &[OWNED], (T, "env: prod", "env: test")),
    case("target.owner", &[OWNED], (T, "owner: \"@a\"", "owner: \"@b\"")),
    case("target.protect", &[OWNED], (T, "protect: false", "protect: true")),
    case(
        "target.vars",
        &[AUTO, (R, "\"http://127.0.0.1:9/reset\"", "\"{base}/reset\"")],
        (T, "9/api", "9/app"),
    ),
    case("patterns.version", &[], (P, "version: 1", "version: 2")),
    case("patterns.patterns", &[], (P, "patterns: ours", "patterns: grpc")),
    case("patterns.summary", &[], (P, "summary: Our words", "summary: \"\"")),
    case("patterns.entries", &[], (P, "entries:", "entries: []\nentries:")),
    case("pattern.name", &[], (P, "name: revoked", "name: Revoked")),
    case("pattern.says", &[], (P, "says: auth", "says: tls")),
    case("pattern.tier", &[], (P, "tier: wide", "tier: hint")),
    case("pattern.for", &[], (P, "for: ours", "for: Ours")),
    case("pattern.why", &[], (P, "why: They say so", "why: \"\"")),
    case("pattern.pattern", &[], (P, "'token", "'a token")),
    case("pattern.examples", &[], (P, "\"token abc revoked\"", "\"abc\"")),
    case("pattern.counterexamples", &[], (P, "\"token revoked\"", "\"token a revoked\"")),
];
