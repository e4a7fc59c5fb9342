//! Keys of a rule's own alerts, which `reclose alerts` writes out for Prometheus.

use super::{DURATION, LABEL, PROMQL, Shape, TEXT, Takes, optional, required, words};
use crate::rules::ask::CHECKS;

pub(crate) static ALERT: Shape = Shape {
    name: "alert",
    about: "What Prometheus shall warn of beside the open breaker.",
    keys: &[
        required("expr", Takes::Text(&PROMQL), "The query that is true when it shall fire."),
        optional(
            "promql",
            Takes::Words(checks),
            "checked",
            "`unchecked`: a newer Prometheus understands the query, even if reclose does not.",
        ),
        optional("for", Takes::Text(&DURATION), "at once", "True for so long before it fires."),
        optional(
            "labels",
            Takes::Map { keys: &Takes::Text(&LABEL), values: &Takes::Text(&TEXT), required: &[] },
            "none",
            "Its labels: all that `match` wants, and it belongs to this breaker; or `severity: info`, for people alone.",
        ),
        required(
            "annotations",
            Takes::Map {
                keys: &Takes::Text(&LABEL),
                values: &Takes::Text(&TEXT),
                required: &["summary"],
            },
            "What people read, in Prometheus' own templates: at least `summary`, one line.",
        ),
    ],
};

fn checks() -> Vec<&'static str> {
    words(&CHECKS)
}
