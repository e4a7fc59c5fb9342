//! Keys of `targets.yaml`, the owners' file.

use super::{Form, Shape, TARGET_NAME, TEXT, Takes, VARIABLE, optional, required, words};
use crate::rules::targets::MODES;

pub(crate) static INVENTORY: Shape = Shape {
    name: "targets",
    about: "The owners' file: what may be acted on, and how far. Nothing else can raise a ceiling.",
    keys: &[
        required("version", Takes::Integer(1, 1), "The version of the language: `1`."),
        optional(
            "brake",
            Takes::Text(&SHARE),
            "`20%`",
            "5% to 40%: with more of the targets open, nothing more is done by itself.",
        ),
        required(
            "targets",
            Takes::Map {
                keys: &Takes::Text(&TARGET_NAME),
                values: &Takes::Shape(&TARGET),
                required: &[],
            },
            "What may be acted on, by name: plain ASCII, so that no two only look alike, and never wildcards.",
        ),
    ],
};

pub(crate) static TARGET: Shape = Shape {
    name: "target",
    about: "The owners' word on one target.",
    keys: &[
        optional(
            "ceiling",
            Takes::Words(modes),
            "`observe`",
            "The most that may be done to it: `observe` < `suggest` < `approve` < `auto`.",
        ),
        optional(
            "group",
            Takes::Text(&TEXT),
            "its own name",
            "The failure domain: one reset a minute in it.",
        ),
        optional("env", Takes::Text(&TEXT), "none", "Where it runs, for people."),
        optional("owner", Takes::Text(&TEXT), "none", "Whose it is: told of alerts for it."),
        optional(
            "protect",
            Takes::Boolean,
            "`false`",
            "Never a target of any rule, whatever it says.",
        ),
        optional(
            "vars",
            Takes::Map {
                keys: &Takes::Text(&VARIABLE),
                values: &Takes::Text(&TEXT),
                required: &[],
            },
            "none",
            "What fills placeholders in rules: `{api}` by `vars: { api: … }`.",
        ),
    ],
};

static SHARE: Form = Form { words: "a share: `20%`", pattern: "^[0-9]+ *%$", example: "20%" };

fn modes() -> Vec<&'static str> {
    words(&MODES)
}
