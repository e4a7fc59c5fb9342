//! `/metrics`: all of them as `OpenMetrics` text. Holds nothing secret, so it asks for no credential.

use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use std::sync::Arc;

use super::Shared;
use crate::core::time::{Duration, since};
use crate::engine::clock::since_boot;
use crate::telemetry;

pub(super) async fn page(State(shared): State<Arc<Shared>>) -> Response {
    // What the store knows is asked when somebody asks us; a store that cannot be read leaves the last word standing.
    if let Ok(open) = shared.web.store.open_count().await {
        shared.web.metrics.incidents_open.set(i64::from(open));
    }
    if let Ok(switches) = shared.web.store.switches().await {
        shared.web.metrics.kill_switch.set(i64::from(switches.kill_switch_since.is_some()));
    }
    if let Ok((waiting, oldest)) = shared.web.store.unsaid().await {
        let age = oldest.map_or(Duration::ZERO, |at| since(shared.web.clock.now(), at));
        shared.web.metrics.outbox(waiting, age);
    }
    match shared.web.metrics.encode(since_boot()) {
        Ok(page) => ([(CONTENT_TYPE, telemetry::CONTENT_TYPE)], page).into_response(),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}
