//! `POST /webhooks/alertmanager`: who sends, what it says, stored, and only then 200. Never acts on an alert.

use axum::body::Body;
use axum::extract::State;
use axum::http::header::{CONTENT_ENCODING, CONTENT_TYPE};
use axum::http::{HeaderMap, Request, StatusCode};
use axum::response::{IntoResponse, Response};
use std::sync::Arc;

use super::auth::{Door, Entry};
use super::hosts::is_loopback_name;
use super::reject::Reject;
use super::{Shared, body, hosts, payload};
use crate::core::audit::AuditEntry;
use crate::engine::clock::since_boot;
use crate::engine::intake::NotStored;
use crate::store::failpoint::reach;

/// A body beyond this is parsed on a thread of its own: it would hold up the others for milliseconds.
const PARSED_IN_PLACE_BYTES: usize = 256 * 1_024;

/// The answer when the notification is durable.
const STORED: &str = "stored\n";

pub(super) async fn receive(State(shared): State<Arc<Shared>>, request: Request<Body>) -> Response {
    let began = since_boot();
    match store(&shared, request).await {
        Ok(()) => {
            shared.web.metrics.acknowledged(since_boot().saturating_sub(began));
            reach("ingest-after-commit-before-response");
            stored()
        }
        Err(reject) => shared.turn_away(reject).await,
    }
}

async fn store(shared: &Shared, request: Request<Body>) -> Result<(), Reject> {
    let web = &shared.web;
    admit(shared, &request)?;
    if web.intake.is_draining() {
        return Err(Reject::Draining);
    }
    let mut room = web.intake.room();
    let body = body::read(request, &web.limits, &mut room).await?;
    reach("ingest-after-read");

    let now = web.clock.now();
    let limits = web.limits.payload;
    let notification = if body.len() <= PARSED_IN_PLACE_BYTES {
        payload::parse(&body, &limits, now)?
    } else {
        tokio::task::spawn_blocking(move || payload::parse(&body, &limits, now))
            .await
            .map_err(|_| Reject::Busy)??
    };
    let alerts = u64::try_from(notification.alerts.len()).unwrap_or(u64::MAX);
    web.intake.store(now, notification, room).await.map_err(|why| match why {
        NotStored::Busy => Reject::Busy,
        NotStored::Draining => Reject::Draining,
        NotStored::Slow => Reject::StoreSlow,
        NotStored::Unavailable => Reject::StoreUnavailable,
    })?;
    web.metrics.notifications.inc();
    web.metrics.alerts.inc_by(alerts);
    if alerts == 0 {
        let text = "a notification without alerts was received".to_owned();
        shared.audit(AuditEntry::Note { text }).await;
    }
    Ok(())
}

/// What can be said before a byte of the body is read.
fn admit(shared: &Shared, request: &Request<Body>) -> Result<(), Reject> {
    let headers = request.headers();
    match shared.web.doors.check(headers, Door::Alertmanager)? {
        Entry::Known => {}
        Entry::Anonymous => refuse_browsers(request)?,
    }
    if is_encoded(headers) { Err(Reject::ContentEncoded) } else { Ok(()) }
}

/// Without a credential, any page open in a browser on this machine could post alerts: a page cannot send JSON to another
/// origin without asking first, nor choose the Host.
fn refuse_browsers(request: &Request<Body>) -> Result<(), Reject> {
    if !hosts::of(request).is_some_and(|host| is_loopback_name(&host)) {
        return Err(Reject::WrongHost);
    }
    let is_json = request.headers().get(CONTENT_TYPE).is_some_and(|value| {
        let media = value.as_bytes().split(|byte| *byte == b';').next().unwrap_or_default();
        media.trim_ascii().eq_ignore_ascii_case(b"application/json")
    });
    if is_json { Ok(()) } else { Err(Reject::NotJsonType) }
}

fn is_encoded(headers: &HeaderMap) -> bool {
    headers
        .get_all(CONTENT_ENCODING)
        .iter()
        .any(|value| !value.as_bytes().trim_ascii().eq_ignore_ascii_case(b"identity"))
}

#[cfg(not(feature = "test-hooks"))]
fn stored() -> Response {
    (StatusCode::OK, STORED).into_response()
}

/// The same answer in two pieces, so that a test can end the process when the first has left.
#[cfg(feature = "test-hooks")]
fn stored() -> Response {
    use futures_util::stream;

    let (first, last) = STORED.split_at_checked(3).unwrap_or((STORED, ""));
    let pieces = stream::unfold(0_u8, move |step| async move {
        match step {
            0 => Some((Ok::<_, std::convert::Infallible>(first), 1)),
            1 => {
                // The first piece is flushed while this waits for its turn.
                tokio::task::yield_now().await;
                reach("ingest-mid-response");
                Some((Ok(last), 2))
            }
            _ => None,
        }
    });
    let length = [(http::header::CONTENT_LENGTH, STORED.len())];
    (StatusCode::OK, length, Body::from_stream(pieces)).into_response()
}
