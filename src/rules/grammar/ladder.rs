//! Keys of remedies: rungs, actions and their guards, patterns of causes. Never which is next.

use super::{
    DURATION, Form, NAME, PATTERN, PER, QUESTION_HTTP, RESET_HTTP, Shape, TEXT, Takes, one_of,
    optional, required, with,
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
                "`{ gone: true }`: only once the cause is proven gone. Without it the action is never done without a person's approval, and refused in mode `auto` for causes that a reset does not cure.",
            ),
            &["do"],
        ),
        with(
            optional(
                "within",
                Takes::Text(&DURATION),
                "`30m`",
                "With `when: { gone: true }`: how long to wait for the proof before the next remedy.",
            ),
            &["do"],
        ),
        one_of("ask", Takes::Text(&TEXT), "What a person is asked to do."),
    ],
};

pub(crate) static PROOF: Shape = Shape {
    name: "when",
    about: "What must be proven before the action.",
    keys: &[required(
        "gone",
        Takes::Boolean,
        "The cause is gone: the probe behind `upstream` has been green for its `hold`.",
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
    keys: &[required(
        "log",
        Takes::Either(&[Takes::Text(&PATTERN), Takes::List(&Takes::Text(&PATTERN))]),
        "A pattern, or a list of them, for log lines that name this cause.",
    )],
};

static WAIT: Form = Form {
    words: "`half_open`, `retry_after`, or a length of time",
    pattern: "^(half_open|retry_after|([0-9]+(ms|s|m|h|d|w))+)$",
    example: "5m",
};
