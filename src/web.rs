//! The doors: alerts come in, a read-only console, metrics and health go out. Never moves an incident and never acts;
//! what arrives is stored, and the engine does the rest.

mod accept;
mod alerts;
mod auth;
mod body;
mod console;
mod framing;
mod health;
mod hosts;
mod metrics;
pub mod payload;
pub mod reject;
mod rejections;
pub mod socket;

use axum::Router;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use std::sync::Arc;

pub use accept::serve;
pub use auth::{Credentials, Door, Doors};

use crate::core::alert::Source;
use crate::core::audit::AuditEntry;
use crate::core::time::Duration;
use crate::engine::active::Active;
use crate::engine::clock::Clock;
use crate::engine::intake::Intake;
use crate::store::Store;
use crate::telemetry::Metrics;
use reject::Reject;
use rejections::Rejections;

/// What one client may take of us. The defaults are for production; tests shorten the times.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    pub payload: payload::Limits,
    /// 16 MiB: a storm of 20,000 alerts fits.
    pub body_bytes: usize,
    /// A body on a slow line takes seconds, not more.
    pub body_time: Duration,
    /// The head of a request, and the longest a connection may be idle.
    pub head_time: Duration,
    /// How long requests may take to end when the server stops.
    pub drain_time: Duration,
    /// Connections at once: below the usual limit of 1,024 open files.
    pub connections: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            payload: payload::Limits::default(),
            body_bytes: 16 * 1_024 * 1_024,
            body_time: Duration::from_secs(30),
            head_time: Duration::from_secs(10),
            drain_time: Duration::from_secs(5),
            connections: 512,
        }
    }
}

/// With the 2 s for a commit, every request is answered within 2.5 s.
const AUDIT_TIME_MOST: Duration = Duration::from_millis(300);

/// What the doors need.
#[derive(Clone)]
pub struct Web {
    pub doors: Doors,
    pub intake: Intake,
    pub limits: Limits,
    pub clock: Clock,
    pub metrics: Arc<Metrics>,
    pub store: Store,
    pub rules: Active,
    /// The listener is bound to a loopback address: whoever reaches it is on this machine.
    pub is_loopback: bool,
    /// Names, beside those of loopback, under which a browser may open the console.
    pub hosts: Vec<String>,
}

struct Shared {
    web: Web,
    rejections: Rejections,
}

/// All paths.
pub fn router(web: Web) -> Router {
    let rejections = Rejections::new(Arc::clone(&web.metrics));
    Router::new()
        .route("/webhooks/alertmanager", post(alerts::receive).fallback(reject::only_post))
        .route("/", get(console::incidents))
        .route("/incidents/{id}", get(console::incident))
        .route("/console.css", get(console::style))
        .route("/metrics", get(metrics::page))
        .route("/health/live", get(health::live))
        .route("/health/ready", get(health::ready))
        .fallback(reject::no_such_path)
        .with_state(Arc::new(Shared { web, rejections }))
}

impl Shared {
    /// Counts, logs and answers a rejection. What a known sender did wrong goes into the audit log too.
    async fn turn_away(&self, reject: Reject) -> Response {
        if let Some(count) = self.rejections.note(reject)
            && reject.is_audited()
        {
            let source = Source::Alertmanager.name().to_owned();
            let reason =
                format!("{}: {} ({count} since the last entry)", reject.reason(), reject.text());
            self.audit(AuditEntry::Rejected { source, reason }).await;
        }
        reject.into_response()
    }

    /// Writes what no answer depends on: a store that hangs must not hold up the answer.
    async fn audit(&self, entry: AuditEntry) {
        let write = self.web.store.audit_append(entry, self.web.clock.now());
        match tokio::time::timeout(AUDIT_TIME_MOST, write).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::error!(%error, "an audit entry was not written"),
            Err(_) => tracing::error!("an audit entry was not written: the store is slow"),
        }
    }
}
