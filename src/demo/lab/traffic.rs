//! The caller of a breaker: one call after another, through it, over HTTP. Never touches the breaker itself.

use std::path::Path;
use std::time::Duration;

use anyhow::Context;
use serde::Serialize;
use tokio::fs::File;
use tokio::io::AsyncWriteExt;
use tokio::time::MissedTickBehavior;
use tower::{Layer, Service, ServiceExt, service_fn};
use tower_resilience_circuitbreaker::{CircuitBreakerError, CircuitBreakerLayer};

use super::breakers::Breaker;
use crate::engine::clock::Clock;

/// Several calls a second, as a small service has them.
const BETWEEN_CALLS: Duration = Duration::from_millis(150);
/// A log that has grown to this is full: `--keep` may run for days.
const LOG_MOST_BYTES: usize = 4 * 1024 * 1024;

/// What a breaker's caller needs.
pub(super) struct Caller {
    pub(super) client: reqwest::Client,
    pub(super) url: String,
    pub(super) log: File,
    pub(super) clock: Clock,
}

/// Why a call through the breaker failed.
#[derive(Debug, thiserror::Error)]
enum CallError {
    #[error("upstream answered {status}")]
    Refused { status: reqwest::StatusCode, retry_after: Option<String> },
    #[error("upstream did not answer: {0}")]
    NoAnswer(String),
}

type Answer = Result<u16, CircuitBreakerError<CallError>>;

/// One line of the log, as services write them.
#[derive(Serialize)]
struct Line<'a> {
    ts: String,
    level: &'static str,
    breaker: &'a str,
    msg: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    retry_after: Option<&'a str>,
}

pub(super) async fn open_log(folder: &Path, breaker: &str) -> anyhow::Result<File> {
    let path = folder.join(format!("{breaker}.log"));
    File::options()
        .append(true)
        .create(true)
        .open(&path)
        .await
        .with_context(|| format!("cannot write {}", path.display()))
}

/// Calls until the lab ends.
pub(super) async fn run(breaker: Breaker, layer: CircuitBreakerLayer, caller: Caller) {
    let Caller { client, url, mut log, clock } = caller;
    let mut service = layer.layer(service_fn(move |()| call(client.clone(), url.clone())));
    let mut ticks = tokio::time::interval(BETWEEN_CALLS);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut written_bytes = 0;
    loop {
        ticks.tick().await;
        let answer = match service.ready().await {
            Ok(ready) => ready.call(()).await,
            Err(error) => Err(error),
        };
        let Some(line) = account(&breaker, &answer, &clock) else { continue };
        written_bytes += line.len();
        if written_bytes > LOG_MOST_BYTES {
            continue;
        }
        if let Err(error) = log.write_all(line.as_bytes()).await {
            tracing::warn!(%error, breaker = breaker.name, "cannot write the lab's log");
        }
    }
}

async fn call(client: reqwest::Client, url: String) -> Result<u16, CallError> {
    let response = client
        .get(url)
        .send()
        .await
        .map_err(|error| CallError::NoAnswer(error.without_url().to_string()))?;
    let status = response.status();
    if status.is_success() {
        return Ok(status.as_u16());
    }
    let retry_after = response.headers().get(http::header::RETRY_AFTER);
    let retry_after = retry_after.and_then(|value| value.to_str().ok()).map(str::to_owned);
    Err(CallError::Refused { status, retry_after })
}

/// Counts a call and returns its line of the log, if it failed.
fn account(breaker: &Breaker, answer: &Answer, clock: &Clock) -> Option<String> {
    let mut line = Line {
        ts: clock.now().to_string(),
        level: "error",
        breaker: breaker.name,
        msg: String::new(),
        status: None,
        retry_after: None,
    };
    match answer {
        Ok(status) => {
            breaker.count(Some(*status));
            return None;
        }
        Err(CircuitBreakerError::OpenCircuit) => {
            breaker.count_rejected();
            line.level = "warn";
            line.msg = CircuitBreakerError::<CallError>::OpenCircuit.to_string();
        }
        Err(CircuitBreakerError::Inner(error)) => {
            line.msg = format!("call to {} failed: {error}", breaker.name);
            match error {
                CallError::Refused { status, retry_after } => {
                    breaker.count(Some(status.as_u16()));
                    line.status = Some(status.as_u16());
                    line.retry_after = retry_after.as_deref();
                }
                CallError::NoAnswer(_) => breaker.count(None),
            }
        }
    }
    let mut text = serde_json::to_string(&line).ok()?;
    text.push('\n');
    Some(text)
}
