//! Values of a metric's label (`503`, `5xx`, `timeout`, `IO_ERROR`, `not_permitted`) as votes.
//! Never takes a breaker's rejections for failures, nor an unnamed failure for a cause.

use crate::core::cause::Cause;
use crate::core::classify::{self, Patterns};

/// One label value that counts failures.
pub(super) struct Bucket {
    /// What the value itself says; none for `error`, `IO_ERROR` and the like.
    pub(super) cause: Option<Cause>,
    /// The causes that often hide behind it.
    pub(super) explained_by: &'static [Cause],
    pub(super) count: f64,
    pub(super) sample: String,
}

pub(super) const ANY: &[Cause] = &[
    Cause::Auth,
    Cause::RateLimited,
    Cause::Upstream5xx,
    Cause::Timeout,
    Cause::Network,
    Cause::Tls,
    Cause::Database,
    Cause::Resource,
    Cause::ClientBug,
];
/// No response came back at all.
const TRANSPORT: &[Cause] =
    &[Cause::Timeout, Cause::Network, Cause::Tls, Cause::Database, Cause::Resource];
const REFUSED: &[Cause] = &[Cause::Auth, Cause::RateLimited, Cause::ClientBug];

/// Labels that count calls which did not fail, or which a breaker did not let through.
const NOT_FAILING: &[&str] = &[
    "ok",
    "success",
    "successful",
    "succeeded",
    "true",
    "closed",
    "healthy",
    "informational",
    "redirection",
    "redirect",
    "1xx",
    "2xx",
    "3xx",
    "fire",
    "close",
    "cachehit",
    "cachemiss",
    "cache_hit",
    "cache_miss",
    "fallback",
    "ignored",
    "not_permitted",
    "notpermitted",
    "reject",
    "rejected",
    "short_circuited",
    "shortcircuited",
    "circuit_open",
    "breaker_open",
    "open",
    "halfopen",
    "half_open",
    "circuitbreakeropen",
    "cancelled",
    "canceled",
    "load_shed",
    "slow_successful",
    "retried",
];

/// What clients and exporters call their failures, in lower case with underscores.
const WORDS: &[(Cause, &[&str])] = &[
    (
        Cause::Timeout,
        &[
            "timeout",
            "timeouts",
            "timed_out",
            "time_out",
            "read_timeout",
            "connect_timeout",
            "deadline_exceeded",
            "deadlineexceeded",
            "etimedout",
        ],
    ),
    (
        Cause::RateLimited,
        &[
            "rate_limit",
            "rate_limited",
            "ratelimit",
            "ratelimited",
            "throttle",
            "throttled",
            "throttling",
            "too_many_requests",
            "quota",
            "quota_exceeded",
        ],
    ),
    (
        Cause::Auth,
        &[
            "auth",
            "auth_error",
            "auth_failed",
            "authentication",
            "authorization",
            "unauthorized",
            "unauthenticated",
            "forbidden",
            "permission_denied",
            "permissiondenied",
            "access_denied",
            "token_expired",
        ],
    ),
    (
        Cause::Network,
        &[
            "network",
            "network_error",
            "connection",
            "connection_error",
            "connection_refused",
            "connection_reset",
            "connect_error",
            "conn_error",
            "refused",
            "reset",
            "connection_failed",
            "econnrefused",
            "econnreset",
            "dns",
            "dns_error",
            "enotfound",
            "unreachable",
            "socket_error",
        ],
    ),
    (
        Cause::Tls,
        &[
            "tls",
            "tls_error",
            "ssl",
            "ssl_error",
            "certificate",
            "certificate_error",
            "cert_expired",
            "handshake",
            "handshake_failed",
        ],
    ),
    (
        Cause::Database,
        &[
            "database",
            "database_error",
            "db_error",
            "pool",
            "pool_exhausted",
            "pool_timeout",
            "deadlock",
            "lock_timeout",
        ],
    ),
    (Cause::Resource, &["resource", "oom", "out_of_memory", "disk_full", "memory"]),
    (
        Cause::ClientBug,
        &[
            "client_bug",
            "bad_request",
            "validation",
            "validation_error",
            "invalid_argument",
            "invalidargument",
            "not_found",
            "notfound",
            "unimplemented",
            "invalid_request",
            "schema_error",
            "parse_error",
        ],
    ),
];

/// A gateway's or server's word for "I failed", behind which anything may stand.
const SERVER: &[&str] = &[
    "5xx",
    "5**",
    "server_error",
    "internal_error",
    "internal",
    "internal_server_error",
    "bad_gateway",
    "service_unavailable",
    "overloaded",
];
const CLIENT: &[&str] = &["4xx", "4**"];
const NO_ANSWER: &[&str] = &["", "0", "000", "io_error", "-1", "none", "null", "unavailable"];

/// Failures of no name.
const UNNAMED: &[&str] = &[
    "failed",
    "failure",
    "failures",
    "fail",
    "error",
    "errors",
    "err",
    "exception",
    "unknown",
    "client_error",
    "false",
    "ko",
    "unsuccessful",
    "other",
];

/// The votes of one label value; none if it counts no failures.
pub(super) fn bucket(label: &str, count: f64, patterns: &Patterns) -> Option<Bucket> {
    let word = label.trim().to_ascii_lowercase().replace(['-', ' ', '.'], "_");
    let words = word.as_str();
    let made = |cause, explained_by, sample: &str| Bucket {
        cause,
        explained_by,
        count,
        sample: classify::sample(sample),
    };
    if NO_ANSWER.contains(&words) {
        return Some(made(None, TRANSPORT, label));
    }
    if let Ok(code) = label.trim().parse::<u16>() {
        let cause = patterns.status(code).cause?;
        return Some(made(Some(cause), explained_by(code, patterns), &format!("status {code}")));
    }
    if NOT_FAILING.contains(&words) {
        return None;
    }
    if SERVER.contains(&words) {
        return Some(made(Some(Cause::Upstream5xx), ANY, label));
    }
    if CLIENT.contains(&words) {
        return Some(made(None, REFUSED, label));
    }
    if UNNAMED.contains(&words) {
        return Some(made(None, ANY, label));
    }
    if let Some((cause, _)) = WORDS.iter().find(|(_, known)| known.contains(&words)) {
        return Some(made(Some(*cause), &[], label));
    }
    // The name of an exception, or an error's text.
    let signal = patterns.line(label);
    match signal.cause {
        Some(cause) if !signal.echo => Some(made(Some(cause), &[], label)),
        // A value that counts something else, or a breaker's word.
        Some(_) | None => None,
    }
}

/// Which causes a status may stand for: a gateway makes 503 of a refused connection, a quota may come as 403.
pub(super) fn explained_by(code: u16, patterns: &Patterns) -> &'static [Cause] {
    match code {
        // The rule's author has said what stands behind it.
        _ if patterns.reads(code) => &[],
        401 | 403 | 407 | 400 => REFUSED,
        402 | 420 | 429 => &[Cause::RateLimited, Cause::Resource],
        408 => TRANSPORT,
        500..=599 => ANY,
        _ => &[],
    }
}
