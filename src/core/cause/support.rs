//! What measurements beside the failures suggest: a certificate that ended, a full disk, calls that take ten times as long.
//! Never names a cause alone: it only says which one hides behind a status that names none.

use std::collections::BTreeMap;

use super::case::Support;
use super::{Cause, Clue};
use crate::core::time::{Duration, Timestamp, since};

/// A measurement that can hardly mean anything else.
const PROOF: f64 = 1.0;
const STRONG: f64 = 0.6;
const WEAK: f64 = 0.3;

/// A full pool, disk or table of handles is rarely at its last one.
const FULL: f64 = 0.95;
/// A disk that had more than twenty times of it an hour ago, or has less than 64 MiB.
const DISK_LEFT: f64 = 0.05;
const DISK_BYTES: f64 = 64.0 * 1024.0 * 1024.0;
/// So many times as much as an hour before is no fluctuation.
const JUMP: f64 = 3.0;
/// More calls than usual by half invite a limit.
const MORE_CALLS: f64 = 1.5;
/// Slower by this, and in whole seconds: somebody waits for an answer that does not come.
const WAITING: f64 = 20.0;
const WAITING_S: f64 = 2.0;
/// Slower by this: the other side labours.
const LABOURING: f64 = 2.0;
/// Failing faster than it answered: nothing is waited for.
const AT_ONCE: f64 = 0.8;
/// A version this young may be why.
const FRESH: Duration = Duration::from_hours(1);
/// Secrets are rotated by months; one this old, in seconds and in days.
const OLD_SECRET_S: f64 = 80.0 * 86_400.0;
const OLD_SECRET_DAYS: f64 = 80.0;

/// Causes by how much the measurements suggest them, and why.
#[derive(Default)]
pub(super) struct Hints {
    pub(super) by_cause: BTreeMap<Cause, f64>,
    pub(super) clues: Vec<(f64, Clue)>,
}

impl Hints {
    pub(super) fn add(&mut self, question: &str, support: &Support, opened_at: Timestamp) {
        for (cause, strength, sample) in suggested(support, opened_at) {
            let known = self.by_cause.entry(cause).or_default();
            *known = known.max(strength);
            if strength >= WEAK {
                self.clues.push((strength * 0.1, Clue::of(cause, question, 1.0, &sample)));
            }
        }
    }
}

fn suggested(support: &Support, opened_at: Timestamp) -> Vec<(Cause, f64, String)> {
    match support {
        Support::Expiry { metric, left_s } => expiry(metric, *left_s),
        Support::Version { metric, from, to, at } => {
            let fresh = at.is_none_or(|at| at <= opened_at && since(opened_at, at) <= FRESH);
            let sample = format!("{metric}: {from} became {to}");
            if fresh { vec![(Cause::ClientBug, WEAK, sample)] } else { Vec::new() }
        }
        Support::Gauge { metric, now, before, most } => gauge(metric, *now, *before, *most),
        Support::Latency { metric, points } => latency(metric, points, opened_at),
        // Whatever fails, its queue grows.
        Support::Queue { .. } => Vec::new(),
    }
}

fn is_about(metric: &str, words: &[&str]) -> bool {
    words.iter().any(|word| metric.contains(word))
}

const CERTIFICATE: &[&str] = &["cert", "ssl", "tls", "x509"];
const SECRET: &[&str] = &["secret", "token", "credential", "password", "api_key", "apikey"];
const POOL: &[&str] = &["pool", "connections", "hikari", "sessions", "pgbouncer", "db_client"];
const WAITERS: &[&str] = &["pending", "waiting", "wait", "queued", "timeout"];
const IN_USE: &[&str] =
    &["active", "used", "in_use", "busy", "usage", "backends", "checked_out", "acquired", "open"];
const LEFT: &[&str] = &["idle", "available", "avail", "free"];
const DISK: &[&str] = &["filesystem", "disk", "volume", "fs_"];
const HANDLES: &[&str] =
    &["fds", "filefd", "file_handles", "file_descriptor", "nofile", "open_files"];
const MEMORY: &[&str] =
    &["memory", "heap", "rss", "working_set", "jvm_mem", "conntrack", "threads"];
const CALLS: &[&str] = &["per_s", "rate", "rps", "qps", "requests"];

fn expiry(metric: &str, left_s: f64) -> Vec<(Cause, f64, String)> {
    if left_s > 0.0 {
        return Vec::new();
    }
    let sample = format!("{metric}: ended {:.0} s ago", -left_s);
    if is_about(metric, CERTIFICATE) {
        vec![(Cause::Tls, PROOF, sample)]
    } else if is_about(metric, SECRET) {
        vec![(Cause::Auth, PROOF, sample)]
    } else {
        Vec::new()
    }
}

fn gauge(
    metric: &str,
    now: f64,
    before: Option<f64>,
    most: Option<f64>,
) -> Vec<(Cause, f64, String)> {
    let was = before.map(|before| format!(", an hour before {before}")).unwrap_or_default();
    let of = most.map(|most| format!(" of {most}")).unwrap_or_default();
    let sample = || format!("{metric}: {now}{of}{was}");
    let full = most.is_some_and(|most| most > 0.0 && now >= FULL * most);
    let jumped = before.is_some_and(|before| now >= JUMP * before && now >= before + 1.0);
    let ratio = is_about(metric, &["ratio", "utilization", "utilisation", "saturation"])
        && now >= FULL
        || is_about(metric, &["percent", "pct"]) && now >= FULL * 100.0;
    let drained = is_about(metric, LEFT)
        && before.is_some_and(|before| now <= DISK_LEFT * before && before > 0.0);
    let (cause, strength) = if is_about(metric, SECRET) {
        let old = if is_about(metric, &["day"]) { OLD_SECRET_DAYS } else { OLD_SECRET_S };
        let rotated = before.is_some_and(|before| now < before);
        (
            Cause::Auth,
            if is_about(metric, &["age"]) && (now >= old || rotated) { STRONG } else { 0.0 },
        )
    } else if is_about(metric, CERTIFICATE) {
        (Cause::Tls, 0.0)
    } else if is_about(metric, DISK) {
        let bytes = is_about(metric, LEFT) && is_about(metric, &["bytes"]) && now < DISK_BYTES;
        (Cause::Resource, if drained || bytes || full || ratio { PROOF } else { 0.0 })
    } else if is_about(metric, HANDLES) {
        (
            Cause::Resource,
            if full || ratio {
                PROOF
            } else if jumped {
                STRONG
            } else {
                0.0
            },
        )
    } else if is_about(metric, POOL) {
        let waits = is_about(metric, WAITERS) && now >= 1.0 && before.is_none_or(|_| jumped);
        let used = is_about(metric, IN_USE) && jumped;
        let strength = if waits || full || ratio || drained {
            PROOF
        } else if used {
            STRONG
        } else {
            0.0
        };
        (Cause::Database, strength)
    } else if is_about(metric, MEMORY) {
        (
            Cause::Resource,
            if full || ratio || drained {
                PROOF
            } else if jumped {
                STRONG
            } else {
                0.0
            },
        )
    } else if is_about(metric, CALLS) {
        let more = before.is_some_and(|before| before > 0.0 && now >= MORE_CALLS * before);
        (Cause::RateLimited, if more { STRONG } else { 0.0 })
    } else {
        return Vec::new();
    };
    if strength > 0.0 { vec![(cause, strength, sample())] } else { Vec::new() }
}

/// How the calls' durations went in the five minutes before the opening, against those before.
fn latency(
    metric: &str,
    points: &[(Timestamp, f64)],
    opened_at: Timestamp,
) -> Vec<(Cause, f64, String)> {
    const LATELY: Duration = Duration::from_mins(5);
    let before: Vec<&(Timestamp, f64)> =
        points.iter().filter(|(at, value)| *at <= opened_at && value.is_finite()).collect();
    let (lately, usual): (Vec<f64>, Vec<f64>) =
        before.iter().fold((vec![], vec![]), |(mut near, mut far), (at, value)| {
            if since(opened_at, *at) <= LATELY {
                near.push(*value);
            } else {
                far.push(*value);
            }
            (near, far)
        });
    let (Some(usual), Some(most)) = (median(usual), lately.iter().copied().reduce(f64::max)) else {
        return Vec::new();
    };
    let Some(typical) = median(lately).filter(|_| usual > 0.0) else { return Vec::new() };
    let sample = || format!("{metric}: {typical:.3} s, before that {usual:.3} s");
    if most >= WAITING * usual && most >= WAITING_S {
        vec![(Cause::Timeout, STRONG, sample())]
    } else if typical >= LABOURING * usual {
        [Cause::Upstream5xx, Cause::Database, Cause::Resource]
            .map(|cause| (cause, WEAK / 2.0, sample()))
            .to_vec()
    } else if typical <= AT_ONCE * usual {
        [Cause::Network, Cause::Tls, Cause::Auth, Cause::RateLimited, Cause::ClientBug]
            .map(|cause| (cause, WEAK / 2.0, sample()))
            .to_vec()
    } else {
        Vec::new()
    }
}

fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied()
}
