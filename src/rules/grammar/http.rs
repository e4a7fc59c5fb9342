//! Keys of HTTP requests and of secrets. A secret's value is no key of the language, only where it lies.

use super::{
    DURATION, Form, HEADER, Key, POINTER, Shape, TEXT, Takes, URL, one_of, optional, required,
};

pub(crate) static QUESTION_HTTP: Shape = Shape {
    name: "question",
    about: "A request that only reads.",
    keys: &[
        one_of("get", Takes::Text(&URL), "The address to GET."),
        HEADERS,
        BEARER,
        optional(
            "pointer",
            Takes::Text(&POINTER),
            "the answer's status",
            "Which value of the JSON answer counts: `/breaker/state`.",
        ),
        TIMEOUT,
    ],
};

pub(crate) static PROBE_HTTP: Shape = Shape {
    name: "probe request",
    about: "A request that a probe makes on its schedule.",
    keys: &[
        one_of("get", Takes::Text(&URL), "The address to GET."),
        one_of("post", Takes::Text(&URL), "The address to POST to."),
        HEADERS,
        BEARER,
        JSON,
        optional(
            "expect",
            Takes::Shape(&EXPECT),
            "`{ status: 200 }`",
            "What a healthy answer looks like.",
        ),
        TIMEOUT,
    ],
};

pub(crate) static RESET_HTTP: Shape = Shape {
    name: "action request",
    about: "A request that changes something: attempted at most once, with an `Idempotency-Key` that names the decision.",
    keys: &[
        one_of("post", Takes::Text(&URL), "The address to POST to."),
        one_of("put", Takes::Text(&URL), "The address to PUT to."),
        one_of("patch", Takes::Text(&URL), "The address to PATCH."),
        one_of("delete", Takes::Text(&URL), "The address to DELETE."),
        HEADERS,
        BEARER,
        BODY,
        TIMEOUT,
    ],
};

pub(crate) static EXPECT: Shape = Shape {
    name: "expect",
    about: "What a healthy answer looks like.",
    keys: &[
        optional("status", Takes::Integer(100, 599), "`200`", "The status."),
        optional(
            "json",
            Takes::Map { keys: &Takes::Text(&POINTER), values: &Takes::Json, required: &[] },
            "any",
            "JSON pointers, and the value that must stand at each.",
        ),
    ],
};

pub(crate) static SECRET: Shape = Shape {
    name: "secret",
    about: "Where a secret lies; it never stands in a rule.",
    keys: &[
        one_of("env", Takes::Text(&ENV), "The environment variable that holds it."),
        one_of("file", Takes::Text(&TEXT), "The file that holds it, read anew each time."),
    ],
};

pub(crate) static SECRET_VALUE: Shape = Shape {
    name: "secret header",
    about: "A header's value that is a secret.",
    keys: &[
        required("secret", Takes::Shape(&SECRET), "Where it lies."),
        optional("prefix", Takes::Text(&TEXT), "none", "What stands before it: `\"Token \"`."),
    ],
};

static ENV: Form =
    Form { words: "the name of a variable", pattern: "^[A-Za-z_][A-Za-z0-9_]*$", example: "TOKEN" };

static HEADER_NAME: Takes = Takes::Text(&HEADER);
static HEADER_VALUE: Takes = Takes::Either(&[Takes::Text(&TEXT), Takes::Shape(&SECRET_VALUE)]);

pub(super) const HEADERS: Key = optional(
    "headers",
    Takes::Map { keys: &HEADER_NAME, values: &HEADER_VALUE, required: &[] },
    "none",
    "Headers: a text, or `{ secret: { env: NAME } }`.",
);
pub(super) const BEARER: Key = optional(
    "bearer",
    Takes::Shape(&SECRET),
    "none",
    "The token of the `Authorization` header: `{ env: NAME }` or `{ file: /path }`.",
);
const JSON: Key = optional(
    "json",
    Takes::Json,
    "none",
    "The body. `{ secret: { env: NAME } }` may stand for a whole value.",
);
const BODY: Key = optional(
    "json",
    Takes::Json,
    "`decision`, `reason` and `incident`",
    "The body, to which `decision`, `reason` and `incident` are added. `{decision}`, `{reason}` and `{ secret: { env: NAME } }` may stand for whole values; with `{decision}` in it the body is sent as it is written, and nothing is added.",
);
pub(super) const TIMEOUT: Key =
    optional("timeout", Takes::Text(&DURATION), "`5s`", "The longest wait: at most 10 s.");
