//! The read-only pages: what is open, and one incident with its ground. On loopback for whoever is on this machine,
//! elsewhere behind the API's credential. Never changes anything, and never runs a script.

mod shown;
mod view;

use askama::Template;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::header::{self, HeaderName};
use axum::http::{HeaderValue, Request, StatusCode};
use axum::response::{Html, IntoResponse, Response};
use std::sync::Arc;

use super::auth::Door;
use super::reject::{self, Reject};
use super::{Shared, hosts};
use crate::core::incident::{Incident, IncidentId};
use crate::store::{StoreError, Which};
use shown::Moment;
use view::{IncidentPage, IncidentsPage, Top, WrongRules};

/// Incidents on the first page. All open ones are among them unless hundreds opened since: then a person needs another
/// view than a table.
const ROWS_MOST: u32 = 200;

/// A page may load our style sheet and nothing else, stand in no frame, and send nothing anywhere.
const PAGE_HEADERS: [(HeaderName, HeaderValue); 6] = [
    (
        header::CONTENT_SECURITY_POLICY,
        HeaderValue::from_static(
            "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
        ),
    ),
    (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    (header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY")),
    (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
    (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
    (
        HeaderName::from_static("cross-origin-resource-policy"),
        HeaderValue::from_static("same-origin"),
    ),
];

pub(super) async fn incidents(
    State(shared): State<Arc<Shared>>,
    request: Request<Body>,
) -> Response {
    if let Err(reject) = admit(&shared, &request) {
        return shared.turn_away(reject).await;
    }
    page(incidents_page(&shared).await)
}

pub(super) async fn incident(
    State(shared): State<Arc<Shared>>,
    Path(name): Path<String>,
    request: Request<Body>,
) -> Response {
    if let Err(reject) = admit(&shared, &request) {
        return shared.turn_away(reject).await;
    }
    let Some(id) = name.strip_prefix("INC-").and_then(|number| number.parse().ok()) else {
        return reject::no_such_path().await;
    };
    match incident_page(&shared, IncidentId(id)).await {
        Ok(Some(text)) => page(Ok(text)),
        Ok(None) => (StatusCode::NOT_FOUND, PAGE_HEADERS, "no such incident\n").into_response(),
        Err(error) => page(Err(error)),
    }
}

pub(super) async fn style(State(shared): State<Arc<Shared>>, request: Request<Body>) -> Response {
    if let Err(reject) = admit(&shared, &request) {
        return shared.turn_away(reject).await;
    }
    let text = include_str!("templates/console.css");
    let kind = [(header::CONTENT_TYPE, "text/css; charset=utf-8")];
    (PAGE_HEADERS, kind, text).into_response()
}

/// A name that anybody can point at this machine is refused before anything else, then whoever has no business here.
fn admit(shared: &Shared, request: &Request<Body>) -> Result<(), Reject> {
    let web = &shared.web;
    let host = hosts::of(request).ok_or(Reject::WrongHost)?;
    let is_local = hosts::is_loopback_name(&host);
    if !is_local && !web.hosts.iter().any(|known| known.eq_ignore_ascii_case(&host)) {
        return Err(Reject::WrongHost);
    }
    // Under a public name a proxy on this machine may have brought the request here: it proves nothing about its sender.
    if is_local && web.is_loopback {
        return Ok(());
    }
    web.doors.check(request.headers(), Door::Api).map(|_| ())
}

async fn incidents_page(shared: &Shared) -> Result<String, PageError> {
    let incidents = shared.web.store.incidents(Which::Newest(ROWS_MOST)).await?;
    let open = shared.web.store.incidents(Which::Open).await?.len();
    let top = top(shared).await?;
    Ok(IncidentsPage::new(top, &incidents, open, shared.web.clock.now()).render()?)
}

async fn incident_page(shared: &Shared, id: IncidentId) -> Result<Option<String>, PageError> {
    let Some(incident): Option<Incident> = shared.web.store.incident(id).await? else {
        return Ok(None);
    };
    let report = shared.web.store.report(id).await?;
    let top = top(shared).await?;
    Ok(Some(IncidentPage::new(top, &incident, report, shared.web.clock.now()).render()?))
}

async fn top(shared: &Shared) -> Result<Top, PageError> {
    let now = shared.web.clock.now();
    let since = shared.web.store.switches().await?.kill_switch_since;
    Ok(Top {
        now: Moment::new(now, now).exact,
        paused_since: since.map(|since| Moment::new(since, now).exact),
        rules_wrong: match shared.web.rules.wrong() {
            Some(wrong) => {
                let active = shared.web.rules.now().await.revision.clone();
                Some(WrongRules::new(&wrong, active, now))
            }
            None => None,
        },
    })
}

#[derive(Debug, thiserror::Error)]
enum PageError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Template(#[from] askama::Error),
}

fn page(text: Result<String, PageError>) -> Response {
    match text {
        Ok(text) => (PAGE_HEADERS, Html(text)).into_response(),
        Err(error) => {
            tracing::error!(%error, "a page could not be shown");
            (StatusCode::SERVICE_UNAVAILABLE, PAGE_HEADERS, "the store cannot be read now\n")
                .into_response()
        }
    }
}
