//! Keys of remedies: rungs, actions and their guards, patterns of causes. Never which is next.

use super::{
    DURATION, Form, NAME, PATTERN, PER, QUESTION_HTTP, RESET_HTTP, SIGNAL, Shape, TEXT, Takes,
    one_of, optional, required, with,
};

pub(crate) static RUNG: Shape = Shape {
    name: "rung",
    about: "One remedy of a ladder; `escalate` alone calls a person.",
    keys: &[
        one_of(
            "wait",
            Takes::Text(&WAIT),
            "`half_open`: until the breaker tries again by itself (needs `recovery.half_open_after`). `retry_after`: as long as the other side asked for. Or a length of time.",
        ),
        with(
            optional(
                "at_least",
                Takes::Text(&DURATION),
                "no bound",
                "With `wait: retry_after`: never shorter than this.",
            ),
            &["wait"],
        ),
        with(
            optional(
                "at_most",
                Takes::Text(&DURATION),
                "`1h`",
                "With `wait: retry_after`: never longer than this.",
            ),
            &["wait"],
        ),
        one_of("do", Takes::Text(&NAME), "The name of an action of this rule."),
        with(
            optional(
                "when",
                Takes::Shape(&PROOF),
                "the action is the fix itself",
                "`{ gone: true }`: only once the cause is proven gone; `all`: a checklist that must hold too. Without `gone` the action is never done without a person's approval, and refused in mode `auto` for causes that a reset does not cure.",
            ),
            &["do"],
        ),
        with(
            optional(
                "within",
                Takes::Text(&DURATION),
                "30 minutes; with `ask` 24 hours",
                "How long to wait for what `when` says before the next remedy, or for what `until` says before the person takes over.",
            ),
            &["do", "ask"],
        ),
        one_of("ask", Takes::Text(&TEXT), "What a person is asked to do."),
        with(
            optional(
                "until",
                Takes::Shape(&UNTIL),
                "the person takes over, and automation ends",
                "The next remedy follows once this is seen: `{ healthy: upstream }`.",
            ),
            &["ask"],
        ),
    ],
};

pub(crate) static PROOF: Shape = Shape {
    name: "when",
    about: "What must be proven before the action.",
    keys: &[
        optional(
            "gone",
            Takes::Boolean,
            "`false`",
            "The cause is gone: the probe behind `upstream` has been green for its `hold`.",
        ),
        optional(
            "all",
            Takes::List(&Takes::Shape(&SIGNAL)),
            "none",
            "A checklist: each of these signals holds when the action is decided, and again when it begins. No `state` and no `alert_resolved`, which come after the action.",
        ),
    ],
};

pub(crate) static UNTIL: Shape = Shape {
    name: "until",
    about: "What shows that a person has done what was asked.",
    keys: &[one_of(
        "healthy",
        Takes::Either(&[Takes::Text(&NAME), Takes::List(&Takes::Text(&NAME))]),
        "The probe of this name, or all of a list, has been green for its `hold`.",
    )],
};

pub(crate) static ACTION: Shape = Shape {
    name: "action",
    about: "What can be done, how it is recognized afterwards, and how often at most.",
    keys: &[
        required("http", Takes::Shape(&RESET_HTTP), "The request that does it."),
        optional(
            "observe",
            Takes::Shape(&QUESTION_HTTP),
            "a person is called when the outcome is unknown",
            "Where the target tells the key of the last decision it carried out, with `pointer`: asked after a crash, because nothing is tried twice.",
        ),
        optional(
            "guards",
            Takes::Shape(&GUARDS),
            "`{ cooldown: 30m }`",
            "How often at most on one target.",
        ),
    ],
};

pub(crate) static GUARDS: Shape = Shape {
    name: "guards",
    about: "How often an action may be done on one target, whatever else limits it.",
    keys: &[
        optional(
            "cooldown",
            Takes::Text(&DURATION),
            "`30m`",
            "No second attempt on the target within this time.",
        ),
        optional(
            "at_most",
            Takes::Text(&PER),
            "no limit of its own",
            "At most so often within so long: `2 per 6h`.",
        ),
    ],
};

pub(crate) static CAUSE: Shape = Shape {
    name: "cause",
    about: "What the built-in patterns cannot know.",
    keys: &[
        optional(
            "log",
            Takes::Either(&[Takes::Text(&PATTERN), Takes::List(&Takes::Text(&PATTERN))]),
            "none; `log` or `status` is required",
            "A pattern, or a list of them, for log lines that name this cause.",
        ),
        optional(
            "status",
            Takes::Either(&[Takes::Integer(400, 599), Takes::List(&Takes::Integer(400, 599))]),
            "none; `log` or `status` is required",
            "An HTTP status, or a list of them, that names this cause at this upstream, whatever it means elsewhere.",
        ),
    ],
};

static WAIT: Form = Form {
    words: "`half_open`, `retry_after`, or a length of time",
    pattern: "^(half_open|retry_after|([0-9]+(ms|s|m|h|d|w))+)$",
    example: "5m",
};
