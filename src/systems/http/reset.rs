//! The one action over HTTP: a request that resets a breaker, sent at most once; and the look at what came of it.
//!
//! Never retries, and never says `NotDone` when a byte of the request may have left.

use reqwest::header::{HeaderName, HeaderValue};
use reqwest::{Client, StatusCode};
use serde_json::{Map, Value as Json};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tower::util::MapResultLayer;

use super::question::{body_of, request_of};
use super::{TOTAL, build, builder, fetch, status_text};
use crate::core::action::{How, Intent, Outcome, Why};
use crate::core::evidence::{Failure, FailureKind, HttpAsk, Said, Secretish};
use crate::store::failpoint::reach;
use crate::systems::secrets::Secrets;
use crate::systems::{bounded, failed};

/// A process that froze after it wrote its intent must not act on what was true before.
pub const WRITE_WITHIN: Duration = Duration::from_secs(2);
/// The answer to a reset is a receipt; more of it is not read.
const MAX_RECEIPT_BYTES: usize = 1024 * 1024;

const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// The clock that also runs while the machine sleeps, and the moment on it when the intent was committed.
#[derive(Clone, Copy, Debug)]
pub struct Begun {
    pub at: Duration,
    pub now: fn() -> Duration,
}

/// Does the intent, at most once.
pub(crate) async fn act(secrets: &Secrets, intent: &Intent, begun: Begun) -> Outcome {
    let How::HttpReset { request, .. } = &intent.action.how;
    let written = Arc::new(AtomicBool::new(false));
    let prepared = match prepare(secrets, intent, request, last_check(begun, Arc::clone(&written)))
    {
        Ok(prepared) => prepared,
        Err(failure) => return not_done(&failure.detail),
    };
    let answer = tokio::time::timeout(TOTAL, fetch(prepared, MAX_RECEIPT_BYTES)).await;
    let may_have_left = written.load(Ordering::SeqCst);
    match answer {
        Ok(Ok(page)) => outcome_of(page.status),
        Ok(Err(failure)) if may_have_left => unknown(&failure.detail),
        Ok(Err(failure)) => not_done(&failure.detail),
        Err(_) if may_have_left => unknown("no answer within 10 s of the request"),
        Err(_) => not_done("no connection within 10 s"),
    }
}

/// What the target says about the intent: `Done` only if it names our key, else `Unknown`.
///
/// Never `NotDone`: a request that sits in a queue may still arrive after we looked.
pub(crate) async fn look(client: &Client, secrets: &Secrets, intent: &Intent) -> Outcome {
    let How::HttpReset { observe, .. } = &intent.action.how;
    let Some(observe) = observe else {
        return unknown("the rule has no `observe`, so the target cannot be asked");
    };
    let Some(pointer) = &observe.pointer else {
        return unknown("the rule's `observe` has no pointer to the last decision");
    };
    match seen(client, secrets, observe).await {
        Err(failure) => unknown(&format!("the target cannot be asked: {}", failure.detail)),
        Ok((status, _)) if !status.is_success() => {
            unknown(&format!("the target cannot be asked: answered {}", status_text(status)))
        }
        Ok((_, body)) => match serde_json::from_slice::<Json>(&body) {
            Err(_) => unknown("the target's answer is not JSON"),
            Ok(json) if names(json.pointer(pointer), &intent.key.0) => Outcome::Done,
            Ok(_) => unknown("the target does not name this decision"),
        },
    }
}

async fn seen(
    client: &Client,
    secrets: &Secrets,
    observe: &HttpAsk,
) -> Result<(StatusCode, Vec<u8>), Failure> {
    let body = body_of(secrets, observe)?;
    let request = request_of(client, secrets, observe, body.as_ref())?;
    let page = fetch(request, MAX_RECEIPT_BYTES).await?;
    Ok((page.status, page.body))
}

/// The last decision, or a list of the last ones.
fn names(found: Option<&Json>, key: &str) -> bool {
    match found {
        Some(Json::String(text)) => text == key,
        Some(Json::Array(list)) => list.iter().any(|one| one.as_str() == Some(key)),
        None | Some(Json::Null | Json::Bool(_) | Json::Number(_) | Json::Object(_)) => false,
    }
}

type Connected<C> = Result<C, Box<dyn std::error::Error + Send + Sync>>;

/// Runs between the connection and the first byte of the request. A client of its own for each decision,
/// so that no connection is ever reused and this is always passed.
fn last_check(begun: Begun, written: Arc<AtomicBool>) -> impl Fn() -> Result<(), String> + Clone {
    move || {
        reach("execute-after-connect");
        let late = (begun.now)().saturating_sub(begun.at);
        if late > WRITE_WITHIN {
            return Err(format!(
                "too late: {:.1} s passed between the intent and the write",
                late.as_secs_f64()
            ));
        }
        written.store(true, Ordering::SeqCst);
        reach("paused-after-last-check");
        Ok(())
    }
}

fn prepare(
    secrets: &Secrets,
    intent: &Intent,
    ask: &HttpAsk,
    check: impl Fn() -> Result<(), String> + Clone + Send + Sync + 'static,
) -> Result<reqwest::RequestBuilder, Failure> {
    let wrong = |what: &str| failed(FailureKind::BadQuestion, what);
    let body = body_for(secrets, intent, ask)?;
    let ask = HttpAsk { headers: headers_for(intent, ask), ..ask.clone() };
    let key = HeaderValue::from_str(&intent.key.0)
        .map_err(|_| wrong("the decision's key is not allowed in a header"))?;
    let client = build(|| {
        let check = check.clone();
        let layer = MapResultLayer::new(move |connected: Connected<_>| {
            let connection = connected?;
            check()?;
            Ok(connection)
        });
        builder().connector_layer(layer)
    })
    .map_err(|error| super::failure_of(&error))?;
    let request = request_of(&client, secrets, &ask, Some(&body))?;
    Ok(request.header(IDEMPOTENCY_KEY, key))
}

/// The rule's JSON with the decision in it: where the rule places it, or else beside what the rule says.
fn body_for(secrets: &Secrets, intent: &Intent, ask: &HttpAsk) -> Result<Json, Failure> {
    let wrong = |what: &str| failed(FailureKind::BadQuestion, what);
    let mut body = body_of(secrets, ask)?.unwrap_or_else(|| Json::Object(Map::new()));
    for (pointer, said) in &ask.said {
        let place = body.pointer_mut(pointer);
        *place.ok_or_else(|| wrong("the body lacks the place of its decision"))? =
            Json::String(text_of(*said, intent));
    }
    if ask.said.values().any(|said| *said == Said::Decision) {
        return Ok(body);
    }
    let Json::Object(object) = &mut body else {
        return Err(wrong("the body of a reset must be a JSON object"));
    };
    for (key, text) in [
        ("decision", text_of(Said::Decision, intent)),
        ("reason", text_of(Said::Reason, intent)),
        ("incident", intent.incident.to_string()),
    ] {
        object.insert(key.to_owned(), Json::String(text));
    }
    Ok(body)
}

fn headers_for(intent: &Intent, ask: &HttpAsk) -> BTreeMap<String, Secretish> {
    let filled = |value: &Secretish| match value {
        Secretish::Said(said) => Secretish::Plain(text_of(*said, intent)),
        Secretish::Plain(_) | Secretish::Secret { .. } => value.clone(),
    };
    ask.headers.iter().map(|(name, value)| (name.clone(), filled(value))).collect()
}

fn text_of(said: Said, intent: &Intent) -> String {
    match said {
        Said::Decision => intent.key.0.clone(),
        Said::Reason => bounded(&intent.reason),
    }
}

fn outcome_of(status: StatusCode) -> Outcome {
    let answered = format!("the target answered {}", status_text(status));
    match status.as_u16() {
        200..=299 => Outcome::Done,
        // Not refusals: the request came too slowly or too early, and may have been carried out.
        // And a page that is done often answers with a redirect.
        300..=399 | 408 | 425 => unknown(&answered),
        400..=499 => not_done(&answered),
        _ => unknown(&answered),
    }
}

fn not_done(why: &str) -> Outcome {
    Outcome::NotDone(Why(bounded(why)))
}

fn unknown(why: &str) -> Outcome {
    Outcome::Unknown(Why(bounded(why)))
}
