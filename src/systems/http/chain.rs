//! What went wrong inside a client that is not our own, from the innermost cause that says so. Never shows an address.

use std::error::Error;
use std::io::{self, ErrorKind};

use crate::core::evidence::{Failure, FailureKind};
use crate::systems::failed;

/// `whose` is the system, for people.
pub(crate) fn failure_of(error: &(dyn Error + 'static), whose: &str) -> Failure {
    let (mut kind, mut words) = (FailureKind::Unreachable, error.to_string());
    let mut cause = Some(error);
    while let Some(inner) = cause {
        words = inner.to_string();
        if let Some(http) = inner.downcast_ref::<hyper::Error>()
            && (http.is_parse() || http.is_incomplete_message() || http.is_parse_too_large())
        {
            kind = FailureKind::Malformed;
        }
        if let Some(io) = inner.downcast_ref::<io::Error>() {
            kind = kind_of(io, kind);
        }
        cause = inner.source();
    }
    failed(kind, format!("{whose}: {words}"))
}

fn kind_of(error: &io::Error, so_far: FailureKind) -> FailureKind {
    if error.get_ref().is_some_and(<dyn Error + Send + Sync>::is::<rustls::Error>) {
        return FailureKind::Unreachable;
    }
    #[expect(clippy::wildcard_enum_match_arm, reason = "the standard library's list is open")]
    match error.kind() {
        ErrorKind::PermissionDenied => FailureKind::Unauthorized,
        ErrorKind::TimedOut => FailureKind::Timeout,
        ErrorKind::InvalidData | ErrorKind::UnexpectedEof => FailureKind::Malformed,
        ErrorKind::InvalidInput => FailureKind::BadQuestion,
        ErrorKind::NotFound | ErrorKind::ConnectionRefused | ErrorKind::ConnectionReset => {
            FailureKind::Unreachable
        }
        _ => so_far,
    }
}
