//! One request to Azure with its token, and what its refusals mean. Never follows a link to another host.

use reqwest::{Method, Url};
use serde::de::DeserializeOwned;
use serde_json::Value as Json;

use super::tokens::TokenRing;
use crate::core::evidence::{Failure, FailureKind};
use crate::core::time::Timestamp;
use crate::systems::aws::Ours;
use crate::systems::azure::{Audience, AzureAccount};
use crate::systems::failed;
use crate::systems::http::{Page, address, fetch, kind_of_status, question, status_text};

/// A thousand rows of some kilobytes.
const MAX_ANSWER_BYTES: usize = 8 * 1024 * 1024;

/// Everything that the calls of one question have in common.
pub(super) struct Caller<'a> {
    pub(super) ours: Ours<'a>,
    pub(super) account: &'a AzureAccount,
    pub(super) tokens: &'a TokenRing,
    pub(super) now: Timestamp,
}

impl Caller<'_> {
    pub(super) async fn send(
        &self,
        url: Url,
        audience: Audience,
        body: Option<&Json>,
    ) -> Result<Page, Failure> {
        let url = address::checked(url.as_str())?;
        let local = matches!(url.host_str(), Some("127.0.0.1" | "localhost" | "[::1]"));
        if url.scheme() != "https" && !local {
            return Err(failed(FailureKind::BadQuestion, "a token is not sent without TLS"));
        }
        let login = &self.account.login;
        let token = self.tokens.get(login, self.ours.secrets, audience).await?;
        let (name, value) = question::bearer(&token);
        let value = value.ok_or_else(|| {
            failed(FailureKind::NotConfigured, "the token is not allowed in a header")
        })?;
        let method = if body.is_some() { Method::POST } else { Method::GET };
        let mut request = self.ours.client.request(method, url).header(name, value);
        if let Some(body) = body {
            request = request.json(body);
        }
        fetch(request, MAX_ANSWER_BYTES).await
    }

    pub(super) async fn json<T: DeserializeOwned>(
        &self,
        url: Url,
        audience: Audience,
        body: Option<&Json>,
    ) -> Result<T, Failure> {
        let page = self.send(url, audience, body).await?;
        read(&page)
    }
}

/// The JSON of an answer, or why there is none.
pub(super) fn read<T: DeserializeOwned>(page: &Page) -> Result<T, Failure> {
    if page.status.as_u16() != 200 {
        return Err(refusal(page));
    }
    serde_json::from_slice(&page.body)
        .map_err(|_| failed(FailureKind::Malformed, "the answer is not Azure's JSON"))
}

pub(super) fn refusal(page: &Page) -> Failure {
    let json: Json = serde_json::from_slice(&page.body).unwrap_or(Json::Null);
    let text = |pointer: &str| json.pointer(pointer).and_then(Json::as_str).unwrap_or_default();
    let mut said = String::new();
    for part in [text("/error/code"), text("/error/innererror/code"), text("/error/message")] {
        if !part.is_empty() {
            said.push_str(": ");
            said.push_str(part);
        }
    }
    let status = status_text(page.status);
    // 204 and its like are no refusals, and no answers either.
    let kind =
        if page.status.is_success() { FailureKind::Malformed } else { kind_of_status(page.status) };
    failed(kind, format!("Azure answered {status}{said}"))
}

/// An address below a base, with its parts put in as they are meant.
pub(super) fn below(base: &str, path: &[&str], query: &[(&str, &str)]) -> Result<Url, Failure> {
    let mut url = address::checked(base)?;
    let wrong = || failed(FailureKind::BadQuestion, "not an address to ask below");
    {
        let mut segments = url.path_segments_mut().map_err(|()| wrong())?;
        segments.pop_if_empty().extend(path);
    }
    url.query_pairs_mut().extend_pairs(query);
    Ok(url)
}

/// Where the next page is: below the same host, or nowhere.
pub(super) fn next(link: Option<&str>, asked: &Url) -> Result<Option<Url>, Failure> {
    let Some(link) = link.filter(|link| !link.is_empty()) else { return Ok(None) };
    match Url::parse(link) {
        Ok(url) if url.origin() == asked.origin() => Ok(Some(url)),
        Ok(_) | Err(_) => Err(failed(FailureKind::Malformed, "the next page lies at another host")),
    }
}
