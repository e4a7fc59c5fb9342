//! A page asked for a value, or probed for its health. Never judges a value, and never asks twice.

use base64::Engine as _;
use reqwest::header::{
    ACCEPT, AGE, AUTHORIZATION, HeaderMap, HeaderName, HeaderValue, RETRY_AFTER,
};
use reqwest::{Client, Method, RequestBuilder};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::Value as Json;
use std::collections::BTreeMap;
use std::time::Duration;

use super::{Page, TOTAL, address, fetch, refused, status_text};
use crate::core::evidence::{
    Absence, Expect, Failure, FailureKind, Finding, HttpAsk, ProbeResult, Reading, SecretRef,
    Secretish, Value,
};
use crate::core::time::Timestamp;
use crate::systems::secrets::Secrets;
use crate::systems::{bounded, failed};

/// A status page of a service is a few kilobytes.
const MAX_PAGE_BYTES: usize = 1024 * 1024;
/// A state is a word, not a text.
const MAX_WORD_CHARS: usize = 200;
/// Nobody waits longer than a day, and nobody waits less than a second.
const RETRY_AFTER_SECS: std::ops::RangeInclusive<u64> = 1..=86_400;

/// A plain question (`expect` is none) answers with the value at the pointer, or with the status; otherwise as a probe does.
pub(crate) async fn ask(
    client: &Client,
    secrets: &Secrets,
    ask: &HttpAsk,
    (now, max_age): (Timestamp, Duration),
) -> Finding {
    if ask.expect.is_some() {
        return finding_of(probe(client, secrets, ask, now).await, now);
    }
    let page = match get(client, secrets, ask).await {
        Ok(page) => page,
        Err(failure) => return Finding::Failed(failure),
    };
    let age = cache_age(&page.headers);
    if age > max_age {
        return Finding::NoData(Absence::Stale);
    }
    let at = now.checked_sub(age).unwrap_or(now);
    match value_of(&page, ask.pointer.as_deref()) {
        Ok(value) => Finding::Value(Reading { at, value }),
        Err(finding) => finding,
    }
}

/// What one run of a probe saw. `since` is `now`: whoever keeps the results knows since when they are alike.
pub(crate) async fn probe(
    client: &Client,
    secrets: &Secrets,
    ask: &HttpAsk,
    now: Timestamp,
) -> ProbeResult {
    let mut seen = ProbeResult {
        healthy: false,
        since: now,
        status: None,
        retry_after: None,
        detail: String::new(),
        failure: None,
    };
    match get(client, secrets, ask).await {
        Err(failure) => {
            seen.detail = failure.detail;
            seen.failure = Some(failure.kind);
        }
        Ok(page) => {
            seen.status = Some(page.status.as_u16());
            seen.retry_after = retry_after(&page.headers, now);
            match unmet(&page, ask.expect.as_ref()) {
                None => seen.healthy = true,
                Some((detail, failure)) => {
                    seen.detail = bounded(&detail);
                    seen.failure = failure;
                }
            }
        }
    }
    seen
}

/// A probe's result as a finding. What we could not even ask says nothing about the other side.
pub(crate) fn finding_of(seen: ProbeResult, at: Timestamp) -> Finding {
    match seen.failure {
        Some(
            kind @ (FailureKind::BadQuestion | FailureKind::NotConfigured | FailureKind::Lost),
        ) => Finding::failed(kind, seen.detail),
        Some(
            FailureKind::Timeout
            | FailureKind::Unreachable
            | FailureKind::Unauthorized
            | FailureKind::ServerError
            | FailureKind::Malformed,
        )
        | None => Finding::Value(Reading { at, value: Value::Probe(seen) }),
    }
}

async fn get(client: &Client, secrets: &Secrets, ask: &HttpAsk) -> Result<Page, Failure> {
    let body = body_of(secrets, ask)?;
    let request = request_of(client, secrets, ask, body.as_ref())?;
    fetch(request, MAX_PAGE_BYTES).await
}

/// The request as the rule wrote it, with its secrets filled in.
pub(crate) fn request_of(
    client: &Client,
    secrets: &Secrets,
    ask: &HttpAsk,
    body: Option<&Json>,
) -> Result<RequestBuilder, Failure> {
    let wrong = |what: &str| failed(FailureKind::BadQuestion, what);
    let url = address::checked(&ask.url)?;
    let method = Method::from_bytes(ask.method.as_bytes())
        .map_err(|_| wrong("the rule's method is no HTTP method"))?;
    let mut request = client
        .request(method, url)
        .timeout(ask.timeout.min(TOTAL))
        .header(ACCEPT, "application/json, */*;q=0.5");
    if let Some(json) = body {
        request = request.json(json);
    }
    let mut headers = HeaderMap::new();
    for (name, value) in &ask.headers {
        let name = HeaderName::from_bytes(name.as_bytes())
            .map_err(|_| wrong("a header name of the rule is not allowed in HTTP"))?;
        let (mut value, sensitive) = match value {
            Secretish::Plain(text) => (HeaderValue::from_str(text), false),
            Secretish::Said(_) => return Err(wrong("only an action can say its decision")),
            Secretish::Secret { prefix, secret } => {
                let secret = secrets.get(secret)?;
                (HeaderValue::from_str(&format!("{prefix}{}", secret.expose_secret())), true)
            }
        };
        if let Ok(value) = &mut value {
            value.set_sensitive(sensitive);
        }
        headers.insert(
            name,
            value.map_err(|_| wrong("a header value of the rule is not allowed in HTTP"))?,
        );
    }
    Ok(request.headers(headers))
}

/// The rule's JSON with its secrets set at their pointers.
pub(crate) fn body_of(secrets: &Secrets, ask: &HttpAsk) -> Result<Option<Json>, Failure> {
    let Some(mut json) = ask.json.clone() else {
        return if ask.secrets.is_empty() {
            Ok(None)
        } else {
            Err(failed(FailureKind::BadQuestion, "the rule sets secrets in a body that it lacks"))
        };
    };
    set_secrets(secrets, &mut json, &ask.secrets)?;
    Ok(Some(json))
}

fn set_secrets(
    secrets: &Secrets,
    json: &mut Json,
    wanted: &BTreeMap<String, SecretRef>,
) -> Result<(), Failure> {
    for (pointer, reference) in wanted {
        let secret: SecretString = secrets.get(reference)?;
        if let Some(place) = json.pointer_mut(pointer) {
            *place = Json::String(secret.expose_secret().to_owned());
            continue;
        }
        let place = pointer
            .rsplit_once('/')
            .and_then(|(parent, key)| {
                let object = json.pointer_mut(parent)?.as_object_mut()?;
                Some(object.entry(key.replace("~1", "/").replace("~0", "~")).or_insert(Json::Null))
            })
            .ok_or_else(|| {
                failed(FailureKind::BadQuestion, format!("no object in the body for {pointer}"))
            })?;
        *place = Json::String(secret.expose_secret().to_owned());
    }
    Ok(())
}

/// `Authorization: Basic …`, which may not be shown.
pub(crate) fn basic(user: &str, password: &SecretString) -> (HeaderName, Option<HeaderValue>) {
    let both = format!("{user}:{}", password.expose_secret());
    let text = format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(both));
    (AUTHORIZATION, sensitive(&text))
}

pub(crate) fn bearer(token: &SecretString) -> (HeaderName, Option<HeaderValue>) {
    (AUTHORIZATION, sensitive(&format!("Bearer {}", token.expose_secret())))
}

fn sensitive(text: &str) -> Option<HeaderValue> {
    let mut value = HeaderValue::from_str(text).ok()?;
    value.set_sensitive(true);
    Some(value)
}

fn value_of(page: &Page, pointer: Option<&str>) -> Result<Value, Finding> {
    let Some(pointer) = pointer else {
        if page.status.is_redirection() {
            return Err(Finding::Failed(refused(page.status)));
        }
        return Ok(Value::Number(f64::from(page.status.as_u16())));
    };
    if !page.status.is_success() {
        return Err(Finding::Failed(refused(page.status)));
    }
    let json: Json = serde_json::from_slice(&page.body)
        .map_err(|_| Finding::failed(FailureKind::Malformed, "the answer is not JSON"))?;
    value_at(&json, pointer)
}

/// The single value at a place of some JSON.
pub(crate) fn value_at(json: &Json, pointer: &str) -> Result<Value, Finding> {
    match json.pointer(pointer) {
        None | Some(Json::Null) => Err(Finding::NoData(Absence::Empty)),
        Some(Json::Bool(truth)) => Ok(Value::Word(truth.to_string())),
        Some(Json::Number(number)) => match number.as_f64() {
            Some(number) if number.is_finite() => Ok(Value::Number(number)),
            _ => Err(Finding::NoData(Absence::NotFinite)),
        },
        Some(Json::String(word)) if word.chars().count() <= MAX_WORD_CHARS => {
            Ok(Value::Word(word.clone()))
        }
        Some(Json::String(_)) => {
            Err(Finding::failed(FailureKind::Malformed, format!("{pointer} is a text, no word")))
        }
        Some(Json::Array(_) | Json::Object(_)) => Err(Finding::failed(
            FailureKind::Malformed,
            format!("{pointer} is no single value: point deeper"),
        )),
    }
}

/// A text that is a number or one word; none if it is longer.
pub(crate) fn word_or_number(text: &str) -> Option<Value> {
    let text = text.trim();
    match text.parse::<f64>() {
        Ok(number) if number.is_finite() => Some(Value::Number(number)),
        Ok(_) | Err(_) if text.is_empty() || text.chars().count() > MAX_WORD_CHARS => None,
        Ok(_) | Err(_) => Some(Value::Word(text.to_owned())),
    }
}

/// What an answer lacks to be healthy: in words, and whether it broke the protocol.
fn unmet(page: &Page, expect: Option<&Expect>) -> Option<(String, Option<FailureKind>)> {
    let answered = status_text(page.status);
    let Some(expect) = expect else {
        return (!page.status.is_success()).then(|| (format!("answered {answered}"), None));
    };
    if page.status.as_u16() != expect.status {
        return Some((format!("answered {answered}, expected {}", expect.status), None));
    }
    if expect.json.is_empty() {
        return None;
    }
    let Ok(json) = serde_json::from_slice::<Json>(&page.body) else {
        return Some((
            format!("answered {answered}, but not with JSON"),
            Some(FailureKind::Malformed),
        ));
    };
    expect.json.iter().find_map(|(pointer, wanted)| match json.pointer(pointer) {
        Some(found) if found == wanted => None,
        Some(found) => Some((format!("{pointer} is {}, expected {wanted}", short(found)), None)),
        None => Some((format!("{pointer} is missing, expected {wanted}"), None)),
    })
}

fn short(found: &Json) -> String {
    match found {
        Json::Array(_) => "a list".to_owned(),
        Json::Object(_) => "an object".to_owned(),
        Json::Null | Json::Bool(_) | Json::Number(_) | Json::String(_) => {
            found.to_string().chars().take(MAX_WORD_CHARS).collect()
        }
    }
}

/// RFC 9110 §10.2.3: seconds, or a date. What is neither is ignored; what is too long or past is clamped.
pub(crate) fn retry_after(headers: &HeaderMap, now: Timestamp) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    let secs = if text.bytes().all(|byte| byte.is_ascii_digit()) && !text.is_empty() {
        // More digits than a u64 holds still mean "very long".
        text.parse().unwrap_or(u64::MAX)
    } else {
        let date = Timestamp::try_from(httpdate::parse_http_date(text).ok()?).ok()?;
        u64::try_from(date.as_second().saturating_sub(now.as_second())).unwrap_or(0)
    };
    Some(Duration::from_secs(secs.clamp(*RETRY_AFTER_SECS.start(), *RETRY_AFTER_SECS.end())))
}

/// How long a cache on the way has held the answer (RFC 9111).
fn cache_age(headers: &HeaderMap) -> Duration {
    let secs = headers.get(AGE).and_then(|value| value.to_str().ok()?.trim().parse().ok());
    Duration::from_secs(secs.unwrap_or(0)).min(Duration::from_secs(*RETRY_AFTER_SECS.end()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wait(text: &str) -> Option<u64> {
        let now: Timestamp = "2026-08-20T10:00:00Z".parse().unwrap();
        let headers = HeaderMap::from_iter([(RETRY_AFTER, text.parse().unwrap())]);
        retry_after(&headers, now).map(|span| span.as_secs())
    }

    #[test]
    fn retry_after_is_seconds_or_a_date_within_a_day() {
        assert_eq!(wait("30"), Some(30));
        assert_eq!(wait(" 30 "), Some(30));
        assert_eq!(wait("Thu, 20 Aug 2026 10:01:30 GMT"), Some(90));
        assert_eq!(wait("Thursday, 20-Aug-26 10:01:30 GMT"), Some(90));
        assert_eq!(wait("0"), Some(1));
        assert_eq!(wait("Thu, 20 Aug 2026 09:00:00 GMT"), Some(1));
        assert_eq!(wait("9999999"), Some(86_400));
        assert_eq!(wait("99999999999999999999999999"), Some(86_400));
        for garbage in ["", "-1", "+5", "1.5", "soon", "1e3", "Thu, 32 Aug 2026 10:00:00 GMT"] {
            assert_eq!(wait(garbage), None, "{garbage:?}");
        }
    }

    #[test]
    fn secrets_are_set_where_the_rule_points() {
        let secrets = Secrets::new(|_| Some("s3cret".to_owned()));
        let reference = SecretRef::Env("X".to_owned());
        let mut json = serde_json::json!({"auth": {"user": "bot"}});
        let at = |pointer: &str| BTreeMap::from([(pointer.to_owned(), reference.clone())]);
        set_secrets(&secrets, &mut json, &at("/auth/pass~1word")).unwrap();
        assert_eq!(json, serde_json::json!({"auth": {"user": "bot", "pass/word": "s3cret"}}));
        for nowhere in ["/auth/user/x", "auth", "/none/x"] {
            let failure = set_secrets(&secrets, &mut json, &at(nowhere)).unwrap_err();
            assert_eq!(failure.kind, FailureKind::BadQuestion);
            assert!(!failure.detail.contains("s3cret"));
        }
    }
}
