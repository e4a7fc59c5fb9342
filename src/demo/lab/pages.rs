//! The lab's HTTP pages: the upstream services, the breakers, their reset and `/metrics`.

use std::sync::Arc;

use axum::Router;
use axum::extract::{DefaultBodyLimit, Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Json, Response};
use axum::routing::{get, post};
use secrecy::ExposeSecret;
use serde::Deserialize;
use serde_json::json;
use subtle::ConstantTimeEq;

use super::Lab;
use super::breakers::{Breaker, Reset};
use super::upstream::Service;

/// A reset's body names a decision and a reason: nothing larger is read.
const BODY_MOST_BYTES: usize = 16 * 1024;
/// Keys and reasons beyond this are cut: they are shown and remembered.
const TEXT_MOST_CHARS: usize = 500;

#[derive(Default, Deserialize)]
struct ResetBody {
    #[serde(default)]
    decision: Option<String>,
    #[serde(default)]
    reason: String,
}

pub(super) fn router(lab: Arc<Lab>) -> Router {
    Router::new()
        .route("/upstream/{name}/call", get(upstream))
        .route("/upstream/{name}/health", get(upstream))
        .route("/breakers/{name}", get(breaker))
        .route("/breakers/{name}/reset", post(reset))
        .route("/metrics", get(metrics))
        .layer(DefaultBodyLimit::max(BODY_MOST_BYTES))
        .with_state(lab)
}

/// A health page says what a call would meet: it asks with the same credential and quota.
async fn upstream(State(lab): State<Arc<Lab>>, Path(name): Path<String>) -> Response {
    let Some(service) = Service::named(&name) else { return not_found() };
    let answer = lab.upstream.answer(service, tokio::time::Instant::now());
    let body = Json(json!({ "service": name, "healthy": answer.status.is_success() }));
    match answer.retry_after_secs {
        Some(secs) => {
            (answer.status, [(header::RETRY_AFTER, secs.to_string())], body).into_response()
        }
        None => (answer.status, body).into_response(),
    }
}

async fn breaker(State(lab): State<Arc<Lab>>, Path(name): Path<String>) -> Response {
    let Some(breaker) = find(&lab, &name) else { return not_found() };
    Json(describe(breaker).await).into_response()
}

async fn reset(
    State(lab): State<Arc<Lab>>,
    Path(name): Path<String>,
    headers: HeaderMap,
    body: axum::body::Bytes,
) -> Response {
    if !authorized(&lab, &headers) {
        return (StatusCode::UNAUTHORIZED, Json(json!({ "error": "a bearer token is needed" })))
            .into_response();
    }
    let Some(breaker) = find(&lab, &name) else { return not_found() };
    let body = if body.is_empty() {
        Ok(ResetBody::default())
    } else {
        serde_json::from_slice::<ResetBody>(&body)
    };
    let Ok(body) = body else {
        return (StatusCode::BAD_REQUEST, Json(json!({ "error": "the body is not JSON" })))
            .into_response();
    };
    let key =
        headers.get("idempotency-key").and_then(|value| value.to_str().ok()).map(str::to_owned);
    let Some(decision) = key.or(body.decision) else {
        let error = json!({ "error": "an Idempotency-Key, or a decision in the body, is needed" });
        return (StatusCode::BAD_REQUEST, Json(error)).into_response();
    };
    let wanted = Reset { decision: cut(&decision), reason: cut(&body.reason), at: lab.clock.now() };
    let (_, acted) = breaker.reset(wanted).await;
    let mut answer = describe(breaker).await;
    if let Some(object) = answer.as_object_mut() {
        object.insert("acted".to_owned(), acted.into());
    }
    Json(answer).into_response()
}

async fn metrics(State(lab): State<Arc<Lab>>) -> Response {
    lab.breakers.iter().for_each(Breaker::show_state);
    let mut text = String::new();
    match prometheus_client::encoding::text::encode(&mut text, &lab.registry) {
        Ok(()) => (
            [(header::CONTENT_TYPE, "application/openmetrics-text; version=1.0.0; charset=utf-8")],
            text,
        )
            .into_response(),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

async fn describe(breaker: &Breaker) -> serde_json::Value {
    json!({ "breaker": breaker.name, "state": breaker.word(), "last_reset": breaker.last_reset().await })
}

fn find<'a>(lab: &'a Lab, name: &str) -> Option<&'a Breaker> {
    lab.breakers.iter().find(|breaker| breaker.name == name)
}

fn authorized(lab: &Lab, headers: &HeaderMap) -> bool {
    let given = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let given = given.and_then(|value| value.strip_prefix("Bearer ")).unwrap_or_default();
    given.as_bytes().ct_eq(lab.reset_token.expose_secret().as_bytes()).into()
}

fn not_found() -> Response {
    (StatusCode::NOT_FOUND, Json(json!({ "error": "no such breaker" }))).into_response()
}

fn cut(text: &str) -> String {
    text.chars().filter(|letter| !letter.is_control()).take(TEXT_MOST_CHARS).collect()
}
