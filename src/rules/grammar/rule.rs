//! Keys of a rule file. Never those of its parts.

use super::{
    ACTION, ALERT, CAUSE, DURATION, ESCALATION, EVIDENCE, LABEL, NAME, PROBE, RUNG, STATE, Shape,
    TARGET_NAME, TEXT, Takes, VARIABLE, VERIFY, one_of, optional, required, unless, with, words,
};
use crate::rules::rule::KINDS;
use crate::rules::targets::MODES;
use crate::rules::{causes, ladder};

pub(crate) static RULE: Shape = Shape {
    name: "rule",
    about: "One rule for one breaker: which alerts belong to it, why it opens, what is done about each cause, and what counts as recovered.",
    keys: &[
        required("version", Takes::Integer(1, 1), "The version of the language: `1`."),
        optional(
            "use",
            Takes::Text(&NAME),
            "none",
            "The pack of a breaker library (`reclose packs` lists them): what the rule does not say, the pack does.",
        ),
        with(
            optional(
                "with",
                Takes::Map {
                    keys: &Takes::Text(&VARIABLE),
                    values: &Takes::Text(&TEXT),
                    required: &[],
                },
                "what the pack says",
                "The parameters of that pack: `{ name: stock }`.",
            ),
            &["use"],
        ),
        required("breaker", Takes::Text(&NAME), "Its name: lower-case letters, digits, `-`, `_`."),
        required("summary", Takes::Text(&TEXT), "What it is, for people."),
        optional("runbook", Takes::Text(&TEXT), "none", "Where people find more."),
        optional("channel", Takes::Text(&TEXT), "that of the server", "The Slack channel."),
        required(
            "mode",
            Takes::Words(modes),
            "`observe` (only record), `suggest`, `approve` (a person allows each action), `auto`; never above the ceiling of a target.",
        ),
        required(
            "targets",
            Takes::List(&Takes::Text(&TARGET_NAME)),
            "Names from `targets.yaml`, at least one: empty never means all.",
        ),
        optional(
            "target_from",
            Takes::Shape(&TARGET_FROM),
            "the only target",
            "`{ label: service }`: which alert label names the target; required with several. A value outside `targets` opens an incident that is only observed.",
        ),
        required(
            "match",
            Takes::List(&Takes::Shape(&MATCHER)),
            "A list of `{ alertmanager: { label: value, … } }`: an alert with all labels of one of them belongs to this breaker. A list of values means any of them.",
        ),
        optional(
            "act_after",
            Takes::Text(&DURATION),
            "`0s`",
            "Open for so long before anything is done.",
        ),
        unless("use", "state", Takes::Shape(&STATE), "How to read the breaker, see below."),
        unless(
            "use",
            "kind",
            Takes::Words(kinds),
            "`self` (recovers with time), `lazy` (only when called), `manual` (only by a person or an action), `capacity` (opens with load, nothing to reset): told to people; for a mixed one take what holds most often.",
        ),
        optional(
            "recovery",
            Takes::Shape(&RECOVERY),
            "unknown",
            "What the breaker does by itself, see below.",
        ),
        optional(
            "evidence",
            Takes::Map {
                keys: &Takes::Text(&NAME),
                values: &Takes::Shape(&EVIDENCE),
                required: &[],
            },
            "none",
            "Questions that tell the cause, see below.",
        ),
        optional(
            "causes",
            Takes::Map {
                keys: &Takes::Words(causes),
                values: &Takes::Shape(&CAUSE),
                required: &[],
            },
            "none",
            "What only you know: patterns for log lines, and what statuses mean here: `auth: { log: 'token .* revoked' }`, `rate_limited: { status: [503] }`.",
        ),
        optional(
            "advice",
            Takes::Map { keys: &Takes::Words(classes), values: &Takes::Text(&TEXT), required: &[] },
            "none",
            "One sentence for a cause, such as `auth: Rotate the token in the vault.`, shown in reports and calls.",
        ),
        unless(
            "use",
            "ladder",
            Takes::Map {
                keys: &Takes::Words(ladder::words),
                values: &Takes::List(&Takes::Either(&[
                    Takes::Words(escalate),
                    Takes::Shape(&RUNG),
                ])),
                required: &[ladder::OTHERWISE],
            },
            "What to do about each cause, see below.",
        ),
        optional(
            "actions",
            Takes::Map { keys: &Takes::Text(&NAME), values: &Takes::Shape(&ACTION), required: &[] },
            "none",
            "What can be done, see below.",
        ),
        unless("use", "verify", Takes::Shape(&VERIFY), "What counts as recovered, see below."),
        required(
            "escalate",
            Takes::List(&Takes::Shape(&ESCALATION)),
            "Who is called when, see below.",
        ),
        optional(
            "probes",
            Takes::Map { keys: &Takes::Text(&NAME), values: &Takes::Shape(&PROBE), required: &[] },
            "none",
            "Synthetic checks, see below.",
        ),
        optional(
            "alerts",
            Takes::Map { keys: &Takes::Text(&LABEL), values: &Takes::Shape(&ALERT), required: &[] },
            "none",
            "What Prometheus shall warn of besides, see below.",
        ),
        optional(
            "updates",
            Takes::Shape(&UPDATES),
            "`{ every: 15m }`",
            "A line of status while an incident is open.",
        ),
    ],
};

pub(crate) static TARGET_FROM: Shape = Shape {
    name: "target_from",
    about: "Which alert label names the target.",
    keys: &[required("label", Takes::Text(&LABEL), "The name of the label.")],
};

pub(crate) static MATCHER: Shape = Shape {
    name: "match",
    about: "Which alerts belong to this breaker.",
    keys: &[one_of(
        "alertmanager",
        Takes::Map {
            keys: &Takes::Text(&LABEL),
            values: &Takes::Either(&[Takes::Text(&TEXT), Takes::List(&Takes::Text(&TEXT))]),
            required: &[],
        },
        "Labels that an alert of Alertmanager must have, each with its value, or with one of a list; at least one label.",
    )],
};

pub(crate) static RECOVERY: Shape = Shape {
    name: "recovery",
    about: "What the breaker does by itself.",
    keys: &[
        optional(
            "half_open_after",
            Takes::Text(&DURATION),
            "unknown",
            "How long it stays open before it tries again by itself.",
        ),
        optional(
            "needs_idle",
            Takes::Boolean,
            "`false`",
            "It tries again only while nobody calls it: probes through the breaker pause.",
        ),
    ],
};

pub(crate) static UPDATES: Shape = Shape {
    name: "updates",
    about: "Lines of status while an incident is open.",
    keys: &[required("every", Takes::Text(&DURATION), "One at least this often.")],
};

fn modes() -> Vec<&'static str> {
    words(&MODES)
}

fn kinds() -> Vec<&'static str> {
    words(&KINDS)
}

fn causes() -> Vec<&'static str> {
    causes::CAUSES.iter().map(|cause| cause.name()).collect()
}

fn classes() -> Vec<&'static str> {
    causes::classes()
}

fn escalate() -> Vec<&'static str> {
    words(&ladder::ALONE)
}
