//! Whether the process lives, and whether it can take alerts. Never says why to an outsider beyond one line.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use std::sync::Arc;

use super::Shared;
use crate::core::time::Duration;
use crate::engine::clock::since_boot;

/// The engine goes round every second or so; after this it hangs, and a restart is the better half.
const HEARTBEAT_AGE_MOST: Duration = Duration::from_secs(90);
/// A load balancer asks every few seconds; a store that takes longer cannot take alerts either.
const WRITE_TIME_MOST: Duration = Duration::from_secs(1);

/// 200 unless the engine has stood still for long: restart it then.
pub(super) async fn live(State(shared): State<Arc<Shared>>) -> Response {
    match shared.web.metrics.heartbeat_age(since_boot()) {
        Some(age) if age > HEARTBEAT_AGE_MOST => no("the engine stands still"),
        Some(_) | None => (StatusCode::OK, "live\n").into_response(),
    }
}

/// 200 if an alert sent now would be stored.
pub(super) async fn ready(State(shared): State<Arc<Shared>>) -> Response {
    let web = &shared.web;
    if web.intake.is_draining() {
        return no("shutting down");
    }
    if web.intake.failed_lately(since_boot()) {
        return no("alerts could not be stored lately");
    }
    match tokio::time::timeout(WRITE_TIME_MOST, web.store.can_write()).await {
        Ok(Ok(())) => (StatusCode::OK, "ready\n").into_response(),
        Ok(Err(_)) | Err(_) => no("the store cannot write now"),
    }
}

fn no(why: &'static str) -> Response {
    (StatusCode::SERVICE_UNAVAILABLE, format!("{why}\n")).into_response()
}
