//! Whether a bucket of S3 can be reached: one key of its list. Never reads an object.

use std::fmt::Write as _;

use super::call::Caller;
use crate::core::evidence::{Failure, FailureKind, ProbeResult};
use crate::core::time::Timestamp;
use crate::systems::http::question::retry_after;
use crate::systems::http::status_text;
use crate::systems::unasked;

/// An empty bucket is reached as well as a full one.
pub(super) async fn reach(caller: &Caller<'_>, bucket: &str, prefix: Option<&str>) -> ProbeResult {
    let prefix = prefix.map(|prefix| format!("&prefix={}", encode(prefix))).unwrap_or_default();
    let path = format!("/{}?list-type=2&max-keys=1{prefix}", encode(bucket));
    let page = match caller.get("s3", &path).await {
        Ok(page) => page,
        Err(failure) => return unseen(&failure, caller.now),
    };
    let mut seen = unasked(FailureKind::Lost, "", caller.now);
    seen.failure = None;
    seen.status = Some(page.status.as_u16());
    seen.retry_after = retry_after(&page.headers, caller.now);
    if !page.status.is_success() {
        let refusal = caller.refusal(&page);
        // Keys that are refused come with 400 too, which would speak of the request.
        if refusal.kind == FailureKind::Unauthorized && !matches!(page.status.as_u16(), 401 | 403) {
            return unseen(&refusal, caller.now);
        }
        seen.detail = refusal.detail;
        return seen;
    }
    let body = String::from_utf8_lossy(&page.body);
    let whole =
        body.contains("<ListBucketResult") && body.trim_end().ends_with("</ListBucketResult>");
    if page.status.as_u16() == 200 && whole {
        seen.healthy = true;
    } else {
        let status = status_text(page.status);
        seen.detail = format!("answered {status}, but not with the list of a bucket");
        seen.failure = Some(FailureKind::Malformed);
    }
    seen
}

/// One value of a query: everything but unreserved characters is encoded, as the signature wants it.
fn encode(value: &str) -> String {
    let mut encoded = String::with_capacity(value.len());
    for byte in value.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            // Writing to a String cannot fail.
            write!(encoded, "%{byte:02X}").unwrap_or_default();
        }
    }
    encoded
}

/// What could not even be asked.
pub(super) fn unseen(failure: &Failure, now: Timestamp) -> ProbeResult {
    unasked(failure.kind, &failure.detail, now)
}
