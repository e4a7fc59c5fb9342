//! `/metrics`: all of them as `OpenMetrics` text. Holds nothing secret, so it asks for no credential.

use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use std::sync::Arc;

use super::Shared;
use crate::engine::clock::since_boot;
use crate::telemetry;

pub(super) async fn page(State(shared): State<Arc<Shared>>) -> Response {
    match shared.web.metrics.encode(since_boot()) {
        Ok(page) => ([(CONTENT_TYPE, telemetry::CONTENT_TYPE)], page).into_response(),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}
