//! Keys of `patterns/*.yaml`: what log lines say.

use super::{NAME, PATTERN, Shape, TEXT, Takes, optional, required, words};
use crate::core::classify::{Says, Tier};

pub(crate) static PATTERNS: Shape = Shape {
    name: "patterns",
    about: "What the log lines of some software say of a cause, with lines that show it.",
    keys: &[
        required("version", Takes::Integer(1, 1), "The version of the language: `1`."),
        required(
            "patterns",
            Takes::Text(&NAME),
            "Its name. A file of a built-in name stands in for the built-in patterns of that name.",
        ),
        required("summary", Takes::Text(&TEXT), "Whose words these are, for people."),
        required(
            "entries",
            Takes::List(&Takes::Shape(&PATTERN_ENTRY)),
            "What is written, and what it says.",
        ),
    ],
};

pub(crate) static PATTERN_ENTRY: Shape = Shape {
    name: "pattern",
    about: "One wording, or a family of them.",
    keys: &[
        required("name", Takes::Text(&NAME), "What answers call it, after the file's name."),
        required(
            "says",
            Takes::Words(says),
            "What a line with it says: a cause, which is proof and stronger than a status beside it; `likely …`, which counts where no status tells; `quota`, a limit \
             that waiting does not lift; `echo`, a breaker's own words; `gateway`, one that has nobody to send to; `overflow`, a breaker's overflow unless a 429 stands \
             beside it; `harmless`, no failure of anything that is called.",
        ),
        optional(
            "tier",
            Takes::Words(tiers),
            "`proof`",
            "Of several that match, `first` goes before `proof`, and `proof` before `wide`.",
        ),
        optional(
            "for",
            Takes::Either(&[Takes::Text(&NAME), Takes::List(&Takes::Text(&NAME))]),
            "anybody's",
            "The libraries that write it, by name.",
        ),
        required(
            "pattern",
            Takes::Either(&[Takes::Text(&PATTERN), Takes::List(&Takes::Text(&PATTERN))]),
            "Regular expressions of the regex crate, any of which must match. Case does not count, `(?-i:…)` makes it count; `\\w` and `\\d` are ASCII.",
        ),
        required(
            "examples",
            Takes::List(&Takes::Text(&TEXT)),
            "Lines that it must match. They are tested.",
        ),
        optional(
            "counterexamples",
            Takes::List(&Takes::Text(&TEXT)),
            "none",
            "Lines that it must not match. They are tested.",
        ),
        optional("why", Takes::Text(&TEXT), "none", "Why it says so, for people."),
    ],
};

fn says() -> Vec<&'static str> {
    words(&Says::ALL)
}

fn tiers() -> Vec<&'static str> {
    words(&Tier::SAID)
}
