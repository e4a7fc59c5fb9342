//! Keys of questions: the breaker's state, and the evidence. Never of HTTP, which has its own.

use super::http::{BEARER, HEADERS, TIMEOUT};
use super::workloads::{CONTAINER, DOCKER_LOGS};
use super::{
    AWS_SECRET, AZURE_ACTIVITY, AZURE_LOGS, CLOUDWATCH, CLOUDWATCH_LOGS, DURATION, ECS, Form,
    KEY_VAULT, LABEL, NAME, POINTER, PROMQL, QUESTION_HTTP, S3, SECRET, SQS, Shape, TEXT, Takes,
    URL, one_of, optional, required, with, words,
};
use crate::rules::ask::{CHECKS, MEANINGS, STATES};
use crate::rules::logs::LINES_MOST;
use crate::rules::search::ES_LINES_MOST;

pub(crate) static STATE: Shape = Shape {
    name: "state",
    about: "How to read the breaker, and what its words mean.",
    keys: &[
        one_of("prometheus", Takes::Text(&PROMQL), "A query with one value."),
        one_of(
            "http",
            Takes::Shape(&QUESTION_HTTP),
            "A request, whose `pointer` says where the state is.",
        ),
        one_of("scrape", Takes::Shape(&SCRAPE), "The service's own page of metrics."),
        one_of("redis", Takes::Shape(&REDIS), "A key of Redis, only read."),
        one_of("sqlite", Takes::Shape(&SQLITE), "One value of an SQLite file, only read."),
        one_of(
            "postgres",
            Takes::Shape(&POSTGRES),
            "One value of a PostgreSQL database, only read.",
        ),
        one_of("cloudwatch", Takes::Shape(&CLOUDWATCH), "A metric of CloudWatch."),
        one_of("docker_container", CONTAINER, "One thing about the state of a container."),
        with(
            optional(
                "age",
                Takes::Text(&PROMQL),
                "derived from the query",
                "A query for the age of the oldest sample in seconds, for a query that is not understood here.",
            ),
            &["prometheus"],
        ),
        with(
            optional(
                "promql",
                Takes::Words(checks),
                "checked",
                "`unchecked`: a newer Prometheus understands the query, even if reclose does not.",
            ),
            &["prometheus"],
        ),
        optional(
            "max_age",
            Takes::Text(&DURATION),
            "2 minutes; of `cloudwatch` two periods and 3 minutes",
            "An older sample is none.",
        ),
        required(
            "means",
            Takes::Map {
                keys: &Takes::Either(&[Takes::Text(&TEXT), Takes::Number]),
                values: &Takes::Words(states),
                required: &[],
            },
            "Your system's words and what each means; at least one means `open` and one `closed`. A word that is not listed is unknown, and unknown never acts. Numbers need no quotes.",
        ),
    ],
};

pub(crate) static EVIDENCE: Shape = Shape {
    name: "evidence",
    about: "One question, and what its answer means.",
    keys: &[
        one_of(
            "prometheus",
            Takes::Text(&PROMQL),
            "A query: one value, or one for each label value.",
        ),
        one_of("prometheus_range", Takes::Shape(&RANGE), "A query over a time: a trend."),
        one_of(
            "scrape",
            Takes::Shape(&SCRAPE),
            "The service's own page of metrics, without Prometheus.",
        ),
        one_of("loki", Takes::Shape(&LOKI), "Log lines of Loki."),
        one_of(
            "elasticsearch",
            Takes::Shape(&ELASTICSEARCH),
            "Log lines of Elasticsearch or OpenSearch.",
        ),
        one_of(
            "events",
            Takes::Shape(&EVENTS),
            "A JSON page with a list of events, such as those that a breaker recorded, as log lines.",
        ),
        one_of(
            "log_file",
            Takes::Either(&[Takes::Text(&FILE), Takes::Shape(&LOG_FILE)]),
            "The last entries of a file: its path, or `{ path: …, last_lines: … }`.",
        ),
        one_of(
            "http",
            Takes::Shape(&QUESTION_HTTP),
            "A request: its status, or with `pointer` a value of its JSON.",
        ),
        one_of("redis", Takes::Shape(&REDIS), "A key of Redis, only read."),
        one_of("sqlite", Takes::Shape(&SQLITE), "One value of an SQLite file, only read."),
        one_of(
            "postgres",
            Takes::Shape(&POSTGRES),
            "One value of a PostgreSQL database, only read.",
        ),
        one_of("cloudwatch_logs", Takes::Shape(&CLOUDWATCH_LOGS), "Log lines of CloudWatch Logs."),
        one_of("cloudwatch", Takes::Shape(&CLOUDWATCH), "A metric of CloudWatch."),
        one_of("sqs", Takes::Shape(&SQS), "The messages of a queue of SQS."),
        one_of("ecs", Takes::Shape(&ECS), "How a service of ECS is rolled out."),
        one_of(
            "aws_secret",
            Takes::Shape(&AWS_SECRET),
            "The version or the age of a secret, never its value.",
        ),
        one_of("s3", Takes::Shape(&S3), "Whether a bucket of S3 can be reached."),
        one_of(
            "key_vault",
            Takes::Shape(&KEY_VAULT),
            "The version or the age of a secret of Azure Key Vault, never its value.",
        ),
        one_of("azure_logs", Takes::Shape(&AZURE_LOGS), "A query to Azure Log Analytics."),
        one_of(
            "azure_activity",
            Takes::Shape(&AZURE_ACTIVITY),
            "Operations of an Azure subscription that failed, as log lines.",
        ),
        one_of(
            "docker_logs",
            Takes::Shape(&DOCKER_LOGS),
            "Log lines of a container, from its Docker Engine.",
        ),
        one_of("docker_container", CONTAINER, "One thing about the state of a container."),
        one_of("probe", Takes::Text(&NAME), "The name of a probe of this rule: what it last saw."),
        optional(
            "as",
            Takes::Words(meanings),
            "by its name",
            "What the answer means: `statuses` and `errors` vote on the cause, `upstream` proves that it is gone, `quantity` is for `verify` alone. The names `statuses`, `errors`, `upstream` mean themselves; any other is a quantity.",
        ),
        optional(
            "max_age",
            Takes::Text(&DURATION),
            "2 minutes; of a probe twice its interval, if that is longer; of `cloudwatch` two periods and 3 minutes",
            "An older answer is none. Required for a probe with `cron`.",
        ),
        with(
            optional(
                "age",
                Takes::Text(&PROMQL),
                "derived from the query",
                "A query for the age of the oldest sample in seconds, for a query that is not understood here.",
            ),
            &["prometheus"],
        ),
        with(
            optional(
                "promql",
                Takes::Words(checks),
                "checked",
                "`unchecked`: a newer Prometheus understands the query, even if reclose does not.",
            ),
            &["prometheus", "prometheus_range"],
        ),
    ],
};

pub(crate) static RANGE: Shape = Shape {
    name: "prometheus_range",
    about: "A trend from Prometheus.",
    keys: &[
        required("query", Takes::Text(&PROMQL), "The PromQL to ask."),
        required("last", Takes::Text(&DURATION), "How far back."),
        optional(
            "step",
            Takes::Text(&DURATION),
            "`15s`",
            "Time between two points: at most 1,000 of them within `last`.",
        ),
    ],
};

pub(crate) static SCRAPE: Shape = Shape {
    name: "scrape",
    about: "A page of metrics, read without Prometheus.",
    keys: &[
        required("url", Takes::Text(&URL), "The page."),
        required("metric", Takes::Text(&TEXT), "The name of the metric."),
        optional(
            "labels",
            Takes::Map { keys: &Takes::Text(&LABEL), values: &Takes::Text(&TEXT), required: &[] },
            "none",
            "Labels that a series must have, with their values.",
        ),
        optional("by", Takes::Text(&LABEL), "one value", "The label that tells series apart."),
        optional(
            "over",
            Takes::Text(&DURATION),
            "the value itself",
            "The page is read twice, so far apart (1s to 6s), and the increase counts. A counter that began again, came or went between the two is no data, unless its `_created` says that it began then.",
        ),
    ],
};

pub(crate) static LOKI: Shape = Shape {
    name: "loki",
    about: "Log lines of Loki.",
    keys: &[
        required("query", Takes::Text(&LOGQL), "The LogQL to ask."),
        optional("last", Takes::Text(&DURATION), "`10m`", "How far back."),
        optional("limit", Takes::Integer(1, LINES_MOST), "`500`", "Lines at most."),
    ],
};

pub(crate) static LOG_FILE: Shape = Shape {
    name: "log_file",
    about: "The last entries of a file, and of those that it was rotated into beside it (`.1`, `.2.gz`, `-20260820`).",
    keys: &[
        required("path", Takes::Text(&FILE), "The file."),
        optional(
            "last_lines",
            Takes::Integer(1, LINES_MOST),
            "`500`",
            "Entries at most: a stack trace is one with the line that it belongs to.",
        ),
        optional(
            "last",
            Takes::Text(&DURATION),
            "any age",
            "How far back, by the entries' own times.",
        ),
        optional("zone", Takes::Text(&ZONE), "`UTC`", "The time zone of times that name none."),
    ],
};

pub(crate) static REDIS: Shape = Shape {
    name: "redis",
    about: "A key of Redis. A missing key is no data, and never a normal state.",
    keys: &[
        required(
            "url",
            Takes::Either(&[Takes::Text(&REDIS_URL), Takes::Shape(&SECRET)]),
            "Where it is: `redis://host:6379`, with `/2` for another database. With a user or password only by reference: `{ env: NAME }`.",
        ),
        required("key", Takes::Text(&TEXT), "The key; placeholders may stand in it."),
        optional(
            "pointer",
            Takes::Text(&POINTER),
            "the value itself",
            "Which value of the JSON under the key counts.",
        ),
    ],
};

pub(crate) static SQLITE: Shape = Shape {
    name: "sqlite",
    about: "One value of an SQLite file: one row, one column. No row is no data.",
    keys: &[
        required("path", Takes::Text(&FILE), "The file."),
        required("query", Takes::Text(&SQL), "One SELECT, ended after 5 s."),
        optional(
            "params",
            Takes::List(&Takes::Text(&TEXT)),
            "none",
            "The values for each `?` of the query, in their order; placeholders stand for whole values.",
        ),
    ],
};

pub(crate) static POSTGRES: Shape = Shape {
    name: "postgres",
    about: "One value of a PostgreSQL database, in a transaction that only reads: one row, one column. No row is no data.",
    keys: &[
        required(
            "url",
            Takes::Either(&[Takes::Text(&POSTGRES_URL), Takes::Shape(&SECRET)]),
            "Where it is: `postgres://user@host:5432/database`, with `?sslmode=verify-full` for TLS. With a password only by reference: `{ env: NAME }`. Give the user rights to read, and no more.",
        ),
        required("query", Takes::Text(&SQL), "One SELECT, ended after 5 s."),
        optional(
            "params",
            Takes::List(&Takes::Text(&TEXT)),
            "none",
            "The values for `$1`, `$2` … of the query, in their order, as text (`$1::int` for a number); placeholders stand for whole values.",
        ),
    ],
};

pub(crate) static ELASTICSEARCH: Shape = Shape {
    name: "elasticsearch",
    about: "Log lines of Elasticsearch or OpenSearch, newest first within the time.",
    keys: &[
        required("index", Takes::Text(&INDEX), "The index, data stream or pattern: `logs-app-*`."),
        optional(
            "where",
            Takes::Map { keys: &Takes::Text(&TEXT), values: &Takes::Text(&TEXT), required: &[] },
            "all",
            "Fields and the exact value each must have: `{ service.name: \"{target}\" }`.",
        ),
        optional(
            "query",
            Takes::Text(&TEXT),
            "all",
            "A query string, such as `log.level:error`; no placeholder can stand in it.",
        ),
        optional("time", Takes::Text(&TEXT), "`\"@timestamp\"`", "The field that holds the time."),
        optional("message", Takes::Text(&TEXT), "`message`", "The field that holds the line."),
        optional("last", Takes::Text(&DURATION), "`10m`", "How far back."),
        optional("limit", Takes::Integer(1, ES_LINES_MOST), "`500`", "Lines at most."),
    ],
};

pub(crate) static EVENTS: Shape = Shape {
    name: "events",
    about: "A page whose JSON lists events: each becomes a log line.",
    keys: &[
        required("get", Takes::Text(&URL), "The address to GET."),
        HEADERS,
        BEARER,
        TIMEOUT,
        optional(
            "items",
            Takes::Text(&POINTER),
            "the page itself",
            "Where the list is: `/circuitBreakerEvents`.",
        ),
        optional(
            "at",
            Takes::Text(&POINTER),
            "no time",
            "Where an event has its time: a date, or seconds or milliseconds since 1970.",
        ),
        required(
            "text",
            Takes::List(&Takes::Text(&POINTER)),
            "What of an event is its line: `[ /type, /errorMessage ]`. What is not there is left out.",
        ),
        optional("limit", Takes::Integer(1, LINES_MOST), "`500`", "The newest so many."),
    ],
};

static POSTGRES_URL: Form = Form {
    words: "an address of PostgreSQL: `postgres://user@host:5432/database`",
    pattern: r"^(postgres(ql)?://|\{[a-z][a-z0-9_]*\})",
    example: "postgres://reader@127.0.0.1:9/app",
};
static INDEX: Form = Form {
    words: "the name of an index, or a pattern of names",
    pattern: r"^[^\s/?#,\\]+$",
    example: "logs-app-*",
};
static REDIS_URL: Form = Form {
    words: "an address of Redis: `redis://host:6379`",
    pattern: r"^(redis://|\{[a-z][a-z0-9_]*\})",
    example: "redis://127.0.0.1:9",
};
static SQL: Form =
    Form { words: "one SELECT", pattern: r"[Ss][Ee][Ll][Ee][Cc][Tt]", example: "SELECT 1" };
static FILE: Form = Form { words: "the path of a file", pattern: r"\S", example: "/var/log/x.log" };
static ZONE: Form = Form {
    words: "the name of a time zone: `Europe/Berlin`",
    pattern: r"^[A-Za-z][A-Za-z0-9_+/-]*$",
    example: "Europe/Berlin",
};
static LOGQL: Form =
    Form { words: "a LogQL query", pattern: r"\{", example: "'{app=\"x\"} |= \"error\"'" };

fn checks() -> Vec<&'static str> {
    words(&CHECKS)
}

fn states() -> Vec<&'static str> {
    words(&STATES)
}

fn meanings() -> Vec<&'static str> {
    words(&MEANINGS)
}
