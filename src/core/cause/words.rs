//! A verdict as a good colleague says it: one sentence, the strongest evidence, what speaks against it, what would settle it.
//! Never says more than the verdict holds.

use super::{Class, Clue, Lasting, Reach, Shared, Verdict};
use crate::core::time::{shown, span};

/// More pieces of evidence are no stronger.
const EVIDENCE_MOST: usize = 3;

/// Why the breaker opened, in one sentence.
pub fn sentence(breaker: &str, verdict: &Verdict) -> String {
    let what = match verdict.class {
        Class::Auth => "opened because its calls are not authorized",
        Class::RateLimited if verdict.quota => {
            "opened because a quota or balance is used up; waiting does not help"
        }
        Class::RateLimited => "opened because the other side tells us to slow down",
        Class::Upstream5xx => "opened because the upstream answers, and fails",
        Class::Timeout => "opened because no answer came in time",
        Class::Network => "opened because no connection comes about",
        Class::Tls => "opened because of certificates or the TLS handshake",
        Class::Database => {
            "opened because of a database: its pool, its connections, its locks or its primary"
        }
        Class::Resource => "opened because a machine has no more memory, disk, handles or threads",
        Class::ClientBug => "opened because we send what cannot be accepted",
        Class::Mixed => "opened with several causes at once, and none can be put first",
        Class::Unknown => "opened, and nothing that was read says why",
    };
    let sure = format!(
        "{breaker} {what} ({}, {:.0} % sure).",
        verdict.class.name(),
        verdict.confidence * 100.0
    );
    match verdict.runner_up {
        Some(other) if verdict.class == Class::Unknown => {
            format!("{sure} Nearest comes {}.", other.name())
        }
        Some(other) if verdict.class == Class::Mixed => {
            format!("{sure} Among them {}.", other.name())
        }
        Some(_) | None => sure,
    }
}

/// The strongest pieces of evidence, a line each.
pub fn evidence(verdict: &Verdict) -> Vec<String> {
    let speaks = |clue: &&Clue| {
        matches!(verdict.class, Class::Mixed | Class::Unknown)
            || Class::from(clue.cause) == verdict.class
    };
    verdict.because.iter().filter(speaks).take(EVIDENCE_MOST).map(piece).collect()
}

fn piece(clue: &Clue) -> String {
    let when = match (clue.first, clue.last) {
        (Some(first), Some(last)) if first != last => {
            format!(", {} to {}", shown(first), shown(last))
        }
        (Some(at), _) | (None, Some(at)) => format!(", {}", shown(at)),
        (None, None) => String::new(),
    };
    format!(
        "{} × {} in {}{when}: {}",
        count(clue.count),
        clue.cause.name(),
        clue.question,
        clue.sample
    )
}

fn count(count: f64) -> String {
    if count.fract() == 0.0 { format!("{count:.0}") } else { format!("{count:.1}") }
}

/// What speaks against it: another cause's evidence, what was left out, and what is missing.
pub fn against(verdict: &Verdict) -> Vec<String> {
    let speaks = |clue: &&Clue| {
        !matches!(verdict.class, Class::Mixed | Class::Unknown)
            && Class::from(clue.cause) != verdict.class
    };
    let others = verdict.because.iter().filter(speaks).map(piece);
    let missing = verdict
        .missing
        .iter()
        .map(|missing| format!("{} is missing: {}", missing.question, missing.why));
    others.chain(missing).chain(verdict.against.iter().cloned()).collect()
}

/// One instance or all, and where that points.
pub fn reach(reach: &Reach) -> Option<String> {
    match reach {
        Reach::Unknown => None,
        Reach::Local { open, total, instance } => {
            let which = instance.as_ref().map_or_else(String::new, |name| format!(" ({name})"));
            Some(format!(
                "Open in {open} of {total} instances{which}: look at that instance first."
            ))
        }
        Reach::Some { open, total } => Some(format!(
            "Open in {open} of {total} instances: the others may follow, or their share of the traffic is well."
        )),
        Reach::Shared { total, fault } => {
            let what = match fault {
                Shared::Dependency => "the dependency",
                Shared::Credential => "the credential that they share",
                Shared::Deploy => "the version that was just deployed",
            };
            Some(format!("Open in all {total} instances at once: that points to {what}."))
        }
    }
}

/// Whether it lasts, and for how long we were told to wait.
pub fn lasting(verdict: &Verdict) -> String {
    let lasts = match verdict.lasting {
        Lasting::Yes => "The cause is still there.",
        Lasting::No => "The cause is gone by now.",
        Lasting::Unknown => "Whether the cause is still there was not seen.",
    };
    match (verdict.told_wait, verdict.retry_at) {
        (Some(wait), Some(at)) => {
            format!("{lasts} The other side told us to wait {}, until {}.", span(wait), shown(at))
        }
        (Some(wait), None) => format!("{lasts} The other side told us to wait {}.", span(wait)),
        (None, _) => lasts.to_owned(),
    }
}

/// What a person would look at next to be certain.
pub const fn settles(class: Class) -> &'static str {
    match class {
        Class::Auth => {
            "One call with the same credential from outside the service; the secret's version and when it was rotated."
        }
        Class::RateLimited => {
            "The limit and its use on the other side's dashboard; the rate of our own calls against an hour ago."
        }
        Class::Upstream5xx => {
            "The other side's own error rate and status page; one call past our gateway."
        }
        Class::Timeout => {
            "The duration of one call with a long time-out; the other side's own latency."
        }
        Class::Network => {
            "Name, route and port from one of the instances: `getent hosts`, then a TCP connection."
        }
        Class::Tls => {
            "`openssl s_client -connect` from one of the instances: dates, chain, name and version."
        }
        Class::Database => "The database's sessions, locks and pool at the time of the opening.",
        Class::Resource => {
            "Memory, disk, handles and threads of the machine that the lines come from."
        }
        Class::ClientBug => {
            "One refused request with its answer's body; what was deployed or configured last."
        }
        Class::Mixed => "Which of them began first, by the minute; then the evidence of that one.",
        Class::Unknown => {
            "Error lines of this dependency from the minutes before the opening, or the result that the breaker recorded."
        }
    }
}
