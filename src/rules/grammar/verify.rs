//! Keys of verification, escalation and probes. Never judges what they say.

use super::workloads::CONTAINER_NAME;
use super::{
    DURATION, Form, IN, KEY_VAULT_PROBE, NAME, PROBE_HTTP, S3, Shape, TEXT, Takes, one_of,
    optional, required, with, words,
};
use crate::rules::ask::STATES;
use crate::rules::escalate::ALWAYS;
use crate::rules::signals::ALONE;

pub(crate) static VERIFY: Shape = Shape {
    name: "verify",
    about: "What counts as recovered. Missing data is never health.",
    keys: &[
        required("hold", Takes::Text(&DURATION), "How long health must last before it counts."),
        optional(
            "within",
            Takes::Text(&DURATION),
            "15 minutes, or twice `hold` if that is longer",
            "Not healthy for so long: the next remedy, or a person.",
        ),
        optional(
            "every",
            Takes::Text(&DURATION),
            "15 seconds, or `hold` if that is shorter",
            "How often to look: at least every `hold`, at most once a second.",
        ),
        required(
            "all",
            Takes::List(&Takes::Either(&[Takes::Words(alone), Takes::Shape(&SIGNAL)])),
            "At least two signals that must all be healthy, one of them not the alert.",
        ),
    ],
};

pub(crate) static SIGNAL: Shape = Shape {
    name: "signal",
    about: "One sign of health; `alert_resolved` alone means that every alert of the incident is resolved.",
    keys: &[
        one_of(
            "state",
            Takes::Either(&[Takes::Words(states), Takes::List(&Takes::Words(states))]),
            "The breaker's state is this, or one of these: `closed`, `half_open`, `quiet`.",
        ),
        one_of(
            "healthy",
            Takes::Text(&NAME),
            "The probe or `http` evidence of this name is healthy.",
        ),
        one_of(
            "falling",
            Takes::Text(&NAME),
            "The `prometheus_range` evidence of this name goes down.",
        ),
        one_of(
            "not_rising",
            Takes::Text(&NAME),
            "The `prometheus_range` evidence of this name does not go up.",
        ),
        one_of(
            "at_most",
            LIMIT,
            "The number of this evidence is not above the limit: `{ error-rate: 0.05 }`.",
        ),
        one_of(
            "at_least",
            LIMIT,
            "The number of this evidence is not below the limit: `{ workers: 3 }`.",
        ),
    ],
};

pub(crate) static ESCALATION: Shape = Shape {
    name: "escalate",
    about: "Who is called on what occasion.",
    keys: &[
        required(
            "when",
            Takes::Either(&[
                Takes::Words(always),
                Takes::Shape(&OCCASION),
                Takes::List(&Takes::Either(&[Takes::Words(always), Takes::Shape(&OCCASION)])),
            ]),
            "`always` (the ladder has ended, a person is needed, an outcome is unknown; one such line is required), or one of the occasions below; a list means any of them.",
        ),
        required(
            "to",
            Takes::List(&Takes::Shape(&CONTACT)),
            "Whom to call: `[ { slack: \"@name\" } ]`.",
        ),
    ],
};

pub(crate) static OCCASION: Shape = Shape {
    name: "occasion",
    about: "When somebody is called.",
    keys: &[
        one_of("open_for", Takes::Text(&DURATION), "The breaker has been open for so long."),
        one_of(
            "unknown_cause",
            Takes::Text(&ROUNDS),
            "So many rounds of evidence have not told the cause: `2 rounds`. Or it has been open for so long and the cause is still not known: `30m`.",
        ),
        one_of(
            "unacknowledged",
            Takes::Text(&DURATION),
            "It has been open for so long, and nobody has said `reclose ack`.",
        ),
        one_of(
            "rising",
            Takes::Text(&NAME),
            "The `prometheus_range` evidence of this name went up over the time in `for`, and the breaker has been open for that time.",
        ),
        with(
            optional(
                "for",
                Takes::Text(&DURATION),
                "required with `rising`",
                "How long it has risen: at most the `last` of the evidence.",
            ),
            &["rising"],
        ),
        one_of(
            "several_open",
            Takes::Integer(2, 1_000),
            "So many incidents are open in the target's `group`, this one included.",
        ),
        one_of(
            "reopened",
            Takes::Text(&IN),
            "It opened again so often within so long: `2 in 60m`.",
        ),
    ],
};

pub(crate) static CONTACT: Shape = Shape {
    name: "contact",
    about: "Whom to call.",
    keys: &[one_of(
        "slack",
        Takes::Text(&TEXT),
        "A Slack user, user group or `@name`. Without Slack the terminal shows it as PAGE.",
    )],
};

pub(crate) static PROBE: Shape = Shape {
    name: "probe",
    about: "A synthetic check on a schedule.",
    keys: &[
        one_of("every", Takes::Text(&DURATION), "How often: at most once a second."),
        one_of(
            "cron",
            Takes::Text(&CRON),
            "When: a cron expression of five or six fields, with `zone`.",
        ),
        with(
            optional(
                "zone",
                Takes::Text(&TEXT),
                "required with `cron`",
                "The time zone of `cron`: `UTC`, `Europe/Berlin`.",
            ),
            &["cron"],
        ),
        optional(
            "http",
            Takes::Shape(&PROBE_HTTP),
            "one of `http`, `tcp`, `dns`, `s3`, `key_vault`, `docker` is required",
            "What is asked.",
        ),
        optional(
            "tcp",
            Takes::Text(&ADDRESS),
            "one of `http`, `tcp`, `dns`, `s3`, `key_vault`, `docker` is required",
            "The port that takes a connection within 5 s: `db.internal:5432`. Nothing is sent.",
        ),
        optional(
            "dns",
            Takes::Text(&TEXT),
            "one of `http`, `tcp`, `dns`, `s3`, `key_vault`, `docker` is required",
            "The name that has an address, by this machine's resolver, within 5 s.",
        ),
        optional(
            "s3",
            Takes::Shape(&S3),
            "one of `http`, `tcp`, `dns`, `s3`, `key_vault`, `docker` is required",
            "The bucket of which one key can be listed within 5 s.",
        ),
        optional(
            "key_vault",
            Takes::Shape(&KEY_VAULT_PROBE),
            "one of `http`, `tcp`, `dns`, `s3`, `key_vault`, `docker` is required",
            "The secret whose versions can be listed within 5 s.",
        ),
        optional(
            "docker",
            Takes::Text(&CONTAINER_NAME),
            "one of `http`, `tcp`, `dns`, `s3`, `key_vault`, `docker` is required",
            "The container that runs, and is well by its own health check if it has one. One that has ended is not reachable, one that was killed for want of memory lacks resources: so it votes.",
        ),
        optional(
            "hold",
            Takes::Text(&DURATION),
            "`2m`",
            "Green for so long before it proves anything.",
        ),
        optional(
            "through_breaker",
            Takes::Boolean,
            "`false`",
            "It passes the breaker, and is paused while that needs to idle.",
        ),
    ],
};

const LIMIT: Takes =
    Takes::Map { keys: &Takes::Text(&NAME), values: &Takes::Number, required: &[] };

static ROUNDS: Form = Form {
    words: "a number of rounds, or a length of time: `2 rounds`, `30m`",
    pattern: "^([0-9]+ rounds|([0-9]+(ms|s|m|h|d|w))+)$",
    example: "2 rounds",
};
static ADDRESS: Form = Form {
    words: "a host and a port: `db.internal:5432`",
    pattern: r"^(.+:[0-9]+|\{[a-z][a-z0-9_]*\})$",
    example: "\"127.0.0.1:9\"",
};
static CRON: Form = Form {
    words: "a cron expression: `*/5 * * * *`",
    pattern: r"^\s*\S+(\s+\S+){4,5}\s*$",
    example: "\"*/5 * * * *\"",
};

fn states() -> Vec<&'static str> {
    words(&STATES)
}

fn alone() -> Vec<&'static str> {
    words(&ALONE)
}

fn always() -> Vec<&'static str> {
    words(&ALWAYS)
}
