//! Keys of questions to AWS. Never of how to log in there: that stands in the configuration.

use super::{DURATION, Form, Key, LABEL, Shape, TEXT, Takes, optional, required, words};
use crate::rules::aws::{COUNTS, SECRET_SHOWS, SERVICE_SHOWS, STATISTICS};
use crate::rules::logs::LINES_MOST;

pub(crate) static CLOUDWATCH_LOGS: Shape = Shape {
    name: "cloudwatch_logs",
    about: "Log lines of CloudWatch Logs.",
    keys: &[
        required("group", Takes::Text(&TEXT), "The log group."),
        optional(
            "pattern",
            Takes::Text(&PATTERN),
            "every line",
            "Terms that must all be there (`ERROR \"status 401\"`), one of which must be there (`?401 ?429`), or that must not be there (`-health`). AWS filters by it, and reclose filters once more. Patterns of JSON and of columns are not understood.",
        ),
        optional("last", Takes::Text(&DURATION), "`10m`", "How far back."),
        optional("limit", Takes::Integer(1, LINES_MOST), "`500`", "Lines at most: the newest."),
        REGION,
    ],
};

pub(crate) static CLOUDWATCH: Shape = Shape {
    name: "cloudwatch",
    about: "A metric of CloudWatch: its newest point; with `last` a trend; with `by` one number for each value of a dimension. No point is no data, and never 0.",
    keys: &[
        required("namespace", Takes::Text(&TEXT), "The namespace, such as `AWS/SQS`."),
        required("metric", Takes::Text(&TEXT), "The name of the metric."),
        optional(
            "dimensions",
            Takes::Map { keys: &Takes::Text(&LABEL), values: &Takes::Text(&TEXT), required: &[] },
            "none",
            "All dimensions of the metric, with their values.",
        ),
        required("statistic", Takes::Words(statistics), "How the samples of a period are joined."),
        optional(
            "period",
            Takes::Text(&DURATION),
            "`1m`",
            "How long each point is: 1s, 5s, 10s, 20s, 30s, or whole minutes. A point is as old as the beginning of its period.",
        ),
        optional("last", Takes::Text(&DURATION), "the newest point", "How far back."),
        optional(
            "by",
            Takes::Text(&LABEL),
            "one value",
            "The dimension that tells series apart, such as a status: each is joined over `last`.",
        ),
        REGION,
    ],
};

pub(crate) static SQS: Shape = Shape {
    name: "sqs",
    about: "The messages of a queue of SQS, whose numbers are approximate.",
    keys: &[
        required("queue", Takes::Text(&TEXT), "The name of the queue."),
        optional(
            "count",
            Takes::Words(counts),
            "`waiting`",
            "Which messages: those that wait, those that somebody has taken, or those in the queue for its dead letters.",
        ),
        optional(
            "last",
            Takes::Text(&DURATION),
            "one number",
            "A trend over this time, made of what reclose itself was told in its rounds: it begins anew when reclose starts.",
        ),
        REGION,
    ],
};

pub(crate) static ECS: Shape = Shape {
    name: "ecs",
    about: "A service of ECS.",
    keys: &[
        required("cluster", Takes::Text(&TEXT), "The name of the cluster."),
        required("service", Takes::Text(&TEXT), "The name of the service."),
        required(
            "show",
            Takes::Words(service_shows),
            "`rollout`: the newest deployment's word, `COMPLETED`, `IN_PROGRESS` or `FAILED`. `unsettled`: tasks that are not where it wants them, 0 only once it is completed. `deployed`: seconds since it began.",
        ),
        REGION,
    ],
};

pub(crate) static AWS_SECRET: Shape = Shape {
    name: "aws_secret",
    about: "What is known about a secret of Secrets Manager, never its value.",
    keys: &[
        required("secret", Takes::Text(&TEXT), "The name of the secret, or its ARN."),
        required(
            "show",
            Takes::Words(secret_shows),
            "`version`: the name of the version in use. `age`: seconds since the secret was last changed.",
        ),
        REGION,
    ],
};

pub(crate) static S3: Shape = Shape {
    name: "s3",
    about: "Whether one key of a bucket of S3 can be listed.",
    keys: &[
        required("bucket", Takes::Text(&TEXT), "The name of the bucket."),
        optional("prefix", Takes::Text(&TEXT), "any key", "How the key begins."),
        REGION,
    ],
};

const REGION: Key =
    optional("region", Takes::Text(&REGION_NAME), "that of the configuration", "Another region.");

static REGION_NAME: Form = Form {
    words: "a region of AWS: `eu-central-1`",
    pattern: r"^([a-z]+(-[a-z0-9]+)+|\{[a-z][a-z0-9_]*\})$",
    example: "eu-central-1",
};
static PATTERN: Form = Form {
    words: "terms of a filter pattern of CloudWatch Logs",
    pattern: r"\S",
    example: "'?401 ?429'",
};

fn statistics() -> Vec<&'static str> {
    words(&STATISTICS)
}

fn counts() -> Vec<&'static str> {
    words(&COUNTS)
}

fn service_shows() -> Vec<&'static str> {
    words(&SERVICE_SHOWS)
}

fn secret_shows() -> Vec<&'static str> {
    words(&SECRET_SHOWS)
}
