//! A request's body, within its limits of size and time. Never decompresses, and never holds more than was reserved.

use axum::body::Body;
use axum::http::header::CONTENT_LENGTH;
use axum::http::{HeaderMap, Request};
use http_body_util::BodyExt;
use tokio_util::bytes::Buf;

use super::Limits;
use super::reject::Reject;
use crate::core::time::Duration;
use crate::engine::intake::Room;

/// A sender that is told 413 while it still sends may see a reset instead of the answer, and repeat the body for ever:
/// so much more is read and thrown away first.
const LINGER: Duration = Duration::from_secs(1);

/// Reads the whole body, reserving `room` as it grows.
pub(super) async fn read(
    request: Request<Body>,
    limits: &Limits,
    room: &mut Room,
) -> Result<Vec<u8>, Reject> {
    let announced = announced(request.headers());
    let mut body = request.into_body();
    let reading = async {
        if announced.is_some_and(|bytes| bytes > limits.body_bytes) {
            return Err(Reject::TooLarge { limit_bytes: limits.body_bytes });
        }
        gather(&mut body, limits, room, announced.unwrap_or(0)).await
    };
    let Ok(result) = tokio::time::timeout(limits.body_time, reading).await else {
        return Err(Reject::SlowBody);
    };
    if matches!(result, Err(Reject::TooLarge { .. })) {
        // Over or not, the answer is the same.
        drop(tokio::time::timeout(LINGER, discard(&mut body, limits.body_bytes)).await);
    }
    result
}

async fn gather(
    body: &mut Body,
    limits: &Limits,
    room: &mut Room,
    announced: usize,
) -> Result<Vec<u8>, Reject> {
    if !room.grow_to(announced) {
        return Err(Reject::Busy);
    }
    let mut bytes = Vec::with_capacity(announced);
    while let Some(frame) = body.frame().await {
        // A frame that is no data is a trailer, which says nothing here.
        let Ok(data) = frame.map_err(|_| Reject::BrokenBody)?.into_data() else { continue };
        let total = bytes.len() + data.len();
        if total > limits.body_bytes {
            return Err(Reject::TooLarge { limit_bytes: limits.body_bytes });
        }
        if !room.grow_to(total) {
            return Err(Reject::Busy);
        }
        bytes.extend_from_slice(&data);
    }
    Ok(bytes)
}

async fn discard(body: &mut Body, most: usize) {
    let mut seen = 0_usize;
    while let Some(Ok(frame)) = body.frame().await {
        seen = seen.saturating_add(frame.data_ref().map_or(0, Buf::remaining));
        if seen > most {
            return;
        }
    }
}

fn announced(headers: &HeaderMap) -> Option<usize> {
    headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}
