//! Keys of questions about containers. Never of what is done to one: nothing is.

use super::{DURATION, Form, Shape, Takes, optional, required, words};
use crate::rules::logs::LINES_MOST;
use crate::rules::workloads::CONTAINER_VALUES;

pub(crate) static DOCKER_LOGS: Shape = Shape {
    name: "docker_logs",
    about: "Log lines of a container: its standard output and error.",
    keys: &[
        required("container", Takes::Text(&CONTAINER_NAME), "Its name or id."),
        optional("last", Takes::Text(&DURATION), "`10m`", "How far back."),
        optional("limit", Takes::Integer(1, LINES_MOST), "`500`", "Lines at most, the newest."),
    ],
};

pub(crate) static DOCKER_CONTAINER: Shape = Shape {
    name: "docker_container",
    about: "One thing about the state of a container.",
    keys: &[
        required("container", Takes::Text(&CONTAINER_NAME), "Its name or id."),
        optional(
            "value",
            Takes::Words(container_values),
            "`state`",
            "Words are `state` (`running`, `exited`, `restarting`, `paused`), `health` (`healthy`, `unhealthy`, `starting`) and `oom_killed` (`true`, `false`); numbers are `restarts`, `exit_code` and `up_seconds`. What a container does not have is no data: a health without a check, an exit code while it runs.",
        ),
    ],
};

/// The name alone, or with what is asked.
pub(super) const CONTAINER: Takes =
    Takes::Either(&[Takes::Text(&CONTAINER_NAME), Takes::Shape(&DOCKER_CONTAINER)]);

pub(super) static CONTAINER_NAME: Form = Form {
    words: "the name of a container",
    pattern: r"^([A-Za-z0-9][A-Za-z0-9_.-]{0,127}|\{[a-z][a-z0-9_]*\})$",
    example: "qloapps",
};

fn container_values() -> Vec<&'static str> {
    words(&CONTAINER_VALUES)
}
