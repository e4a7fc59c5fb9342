//! The one way to speak HTTP: bounded in time and size, no redirect, no proxy, no decompression, no retry.
//!
//! Never decides what an answer means; that is for the modules below and beside it.

pub(crate) mod address;
#[cfg(feature = "docker")]
pub(crate) mod chain;
pub(crate) mod question;
pub(crate) mod reset;

use reqwest::header::{CONTENT_LENGTH, HeaderMap, TRANSFER_ENCODING};
use reqwest::{Client, ClientBuilder, RequestBuilder, StatusCode, redirect, retry, tls};
use std::error::Error as _;
use std::time::Duration;

use super::failed;
use crate::core::evidence::{Failure, FailureKind};

/// A service that does not take the connection within this time is not there.
pub(crate) const CONNECT: Duration = Duration::from_secs(3);
/// No single request takes longer, whatever a rule says.
pub(crate) const TOTAL: Duration = Duration::from_secs(10);
/// More headers than any service sends; beyond it the answer is not read.
pub(crate) const MAX_HEADERS: usize = 100;

/// What came back: all of it, or nothing.
#[derive(Debug)]
pub(crate) struct Page {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
    /// The answer said how long it is, so that a cut would have been seen.
    pub(crate) framed: bool,
}

/// Everything that all our clients have in common.
fn builder() -> ClientBuilder {
    // Already installed is as good as installed.
    drop(rustls::crypto::ring::default_provider().install_default());
    Client::builder()
        .user_agent(concat!("reclose/", env!("CARGO_PKG_VERSION")))
        .connect_timeout(CONNECT)
        .timeout(TOTAL)
        .redirect(redirect::Policy::none())
        .no_proxy()
        .retry(retry::never())
        // A kept connection may be closed just as it is used again, and that would look like a sick upstream.
        .pool_max_idle_per_host(0)
        .http1_only()
        .http1_max_headers(MAX_HEADERS)
        .tls_version_min(tls::Version::TLS_1_2)
        .dns_resolver(address::CheckedNames)
}

/// The client of all questions.
pub(crate) fn client() -> Result<Client, reqwest::Error> {
    build(builder)
}

/// Builds with the machine's certificate authorities, or with none where the machine has none:
/// plain HTTP then still works, and every HTTPS call fails with an unknown issuer.
fn build(settings: impl Fn() -> ClientBuilder) -> Result<Client, reqwest::Error> {
    settings().build().or_else(|error| {
        tracing::warn!(
            error = %reason(&error),
            "no certificate authorities on this machine: HTTPS calls will fail; install ca-certificates"
        );
        settings().tls_certs_only(std::iter::empty()).build()
    })
}

/// Sends the request once and reads at most `cap_bytes` of the answer.
pub(crate) async fn fetch(request: RequestBuilder, cap_bytes: usize) -> Result<Page, Failure> {
    let mut response = request.send().await.map_err(|error| failure_of(&error))?;
    let too_large = || failed(FailureKind::Malformed, format!("answer over {cap_bytes} bytes"));
    if response.content_length().is_some_and(|length| length > cap_bytes as u64) {
        return Err(too_large());
    }
    let headers = response.headers().clone();
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| failure_of(&error))? {
        if body.len().saturating_add(chunk.len()) > cap_bytes {
            return Err(too_large());
        }
        body.extend_from_slice(&chunk);
    }
    let framed = headers.contains_key(CONTENT_LENGTH) || headers.contains_key(TRANSFER_ENCODING);
    Ok(Page { status: response.status(), headers, body, framed })
}

/// What an answer that is no success says about the question.
pub(crate) fn kind_of_status(status: StatusCode) -> FailureKind {
    match status.as_u16() {
        401 | 403 | 407 => FailureKind::Unauthorized,
        // Too slow, too many, cancelled: the question may be right, the moment is not.
        408 | 425 | 429 | 499.. => FailureKind::ServerError,
        _ => FailureKind::BadQuestion,
    }
}

/// The failure behind an answer that is no success.
pub(crate) fn refused(status: StatusCode) -> Failure {
    let hint = if status.is_redirection() { ", and redirects are not followed" } else { "" };
    failed(kind_of_status(status), format!("answered {}{hint}", status_text(status)))
}

pub(crate) fn status_text(status: StatusCode) -> String {
    status.canonical_reason().map_or_else(
        || status.as_u16().to_string(),
        |reason| format!("{} {reason}", status.as_u16()),
    )
}

pub(crate) fn failure_of(error: &reqwest::Error) -> Failure {
    failed(kind_of(error), reason(error))
}

fn kind_of(error: &reqwest::Error) -> FailureKind {
    if error.is_timeout() {
        return FailureKind::Timeout;
    }
    if error.is_connect() {
        return FailureKind::Unreachable;
    }
    if error.is_builder() {
        return FailureKind::BadQuestion;
    }
    let mut source = error.source();
    while let Some(inner) = source {
        if let Some(http) = inner.downcast_ref::<hyper::Error>()
            && (http.is_parse() || http.is_incomplete_message())
        {
            return FailureKind::Malformed;
        }
        source = inner.source();
    }
    if error.is_body() || error.is_decode() {
        return FailureKind::Malformed;
    }
    FailureKind::Unreachable
}

/// The error in words, from its causes only: reqwest's own text holds the URL, and a URL may hold a secret.
fn reason(error: &reqwest::Error) -> String {
    let mut parts: Vec<String> = Vec::new();
    let mut source = error.source();
    while let Some(inner) = source {
        let text = inner.to_string();
        // Each layer repeats what it wraps; `client error (Connect)` says nothing more than its cause.
        if !text.starts_with("client error (") && parts.last() != Some(&text) {
            parts.push(text);
        }
        source = inner.source();
    }
    if error.is_timeout() && parts.is_empty() {
        parts.push("timed out".to_owned());
    }
    if parts.is_empty() {
        parts.push("the request failed".to_owned());
    }
    parts.join(": ")
}
