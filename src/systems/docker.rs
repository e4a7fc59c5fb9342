//! Logs and states of containers, from a Docker Engine (or Podman in its place). Never starts, stops or changes one,
//! and never shows a container's environment.
//!
//! A container that the engine does not know is a wrong question, not one that is down: a name is easily misspelt.

mod lines;
mod transport;

use bollard::Docker;
use bollard::errors::Error;
use bollard::models::{ContainerInspectResponse, ContainerState, HealthStatusEnum};
use bollard::query_parameters::{InspectContainerOptions, LogsOptions};
use futures_util::StreamExt as _;
use std::time::Duration;

use super::http::{TOTAL, kind_of_status};
use super::{Engine, bounded, failed, in_the_past};
use crate::core::evidence::{
    Absence, ContainerValue, DockerAsk, Failure, FailureKind, Finding, ProbeResult, Reading, Value,
};
use crate::core::rule::REACH_WITHIN;
use crate::core::time::Timestamp;
use lines::{Cut, Gathered};
use transport::Heard;

/// More lines do not make a cause clearer.
const MAX_LINES: u32 = 1000;
/// A thousand lines of 2,000 characters, four times over.
const MAX_LOG_BYTES: u64 = 8 * 1024 * 1024;
/// All that an engine tells about one container: labels, mounts, five results of its health check.
const MAX_STATE_BYTES: u64 = 1024 * 1024;
const NOT_CONFIGURED: &str = "docker is not set in the configuration";
/// A health check's own words, in a message of ours.
const MAX_CHECK_CHARS: usize = 120;

/// What is asked, answered within ten seconds.
pub(crate) async fn ask(engine: &Engine, wanted: &DockerAsk, now: Timestamp) -> Finding {
    let answer = async {
        match wanted {
            DockerAsk::Logs { container, last, limit } => {
                logs(engine, container, (*last, *limit), now).await
            }
            DockerAsk::Container { container, value } => {
                let seen = inspect(engine, container, MAX_STATE_BYTES, now).await?;
                Ok(value_of(&seen, *value, now))
            }
        }
    };
    match tokio::time::timeout(TOTAL, answer).await {
        Err(_) => Finding::failed(FailureKind::Timeout, "the Docker Engine did not answer in 10 s"),
        Ok(Err(failure)) => Finding::Failed(failure),
        Ok(Ok(finding)) => finding,
    }
}

/// Whether the container runs, and by its health check (if it has one) is well.
///
/// A probe's result speaks of the container. What is wrong with the engine says nothing about it, and is told as
/// what we could not ask.
pub(crate) async fn probe(engine: Option<&Engine>, container: &str, now: Timestamp) -> ProbeResult {
    let Some(engine) = engine else {
        return result(Some((FailureKind::NotConfigured, NOT_CONFIGURED.to_owned())), now);
    };
    let asked =
        tokio::time::timeout(REACH_WITHIN, inspect(engine, container, MAX_STATE_BYTES, now));
    let trouble = match asked.await {
        Err(_) => Some((FailureKind::NotConfigured, "the Docker Engine did not answer".to_owned())),
        Ok(Err(Failure { kind: FailureKind::BadQuestion, detail })) => {
            Some((FailureKind::BadQuestion, detail))
        }
        Ok(Err(Failure { detail, .. })) => Some((FailureKind::NotConfigured, detail)),
        Ok(Ok(seen)) => trouble_of(container, &seen),
    };
    result(trouble, now)
}

fn result(trouble: Option<(FailureKind, String)>, now: Timestamp) -> ProbeResult {
    let (failure, detail) = match trouble {
        Some((kind, detail)) => (Some(kind), bounded(&detail)),
        None => (None, String::new()),
    };
    ProbeResult {
        healthy: failure.is_none(),
        since: now,
        status: None,
        retry_after: None,
        detail,
        failure,
    }
}

/// A container as the engine sees it.
struct Seen {
    docker: Docker,
    state: ContainerState,
    restarts: Option<i64>,
    /// By how much the engine's clock is ahead of ours.
    ahead: jiff::SignedDuration,
    tty: bool,
}

async fn inspect(
    engine: &Engine,
    container: &str,
    most_bytes: u64,
    now: Timestamp,
) -> Result<Seen, Failure> {
    if !is_name(container) {
        return Err(failed(FailureKind::BadQuestion, "this is no name of a container"));
    }
    let heard = Heard::default();
    let docker = transport::connect(engine, most_bytes, heard.clone())?;
    let answer = docker.inspect_container(container, None::<InspectContainerOptions>).await;
    let ContainerInspectResponse { state, restart_count, config, .. } =
        answer.map_err(|error| failure(container, &error))?;
    let state = state
        .filter(|state| state.status.is_some())
        .ok_or_else(|| failed(FailureKind::Malformed, "the engine tells no state of it"))?;
    let tty = config.and_then(|config| config.tty).unwrap_or(false);
    let ahead = heard.date().map_or(jiff::SignedDuration::ZERO, |date| date.duration_since(now));
    // The header counts whole seconds, and the answer took its time.
    let ahead = if ahead.abs() < transport::ALIKE { jiff::SignedDuration::ZERO } else { ahead };
    Ok(Seen { docker, state, restarts: restart_count, ahead, tty })
}

async fn logs(
    engine: &Engine,
    container: &str,
    (last, limit): (Duration, u32),
    now: Timestamp,
) -> Result<Finding, Failure> {
    let limit = limit.clamp(1, MAX_LINES);
    let seen = inspect(engine, container, MAX_LOG_BYTES, now).await?;
    // The engine reads this by its own clock.
    let since = in_the_past(now, last).checked_add(seen.ahead).unwrap_or(Timestamp::MIN);
    let options = LogsOptions {
        stdout: true,
        stderr: true,
        timestamps: true,
        since: i32::try_from(since.as_second().max(0)).unwrap_or(i32::MAX),
        tail: limit.to_string(),
        ..LogsOptions::default()
    };
    let mut stream = Box::pin(seen.docker.logs(container, Some(options)));
    let mut gathered = Gathered::new(seen.tty, seen.ahead);
    while let Some(frame) = stream.next().await {
        let frame = frame.map_err(|error| failure(container, &error))?;
        gathered
            .add(frame)
            .map_err(|Cut| failed(FailureKind::Malformed, "the log is cut, or is none"))?;
    }
    let (lines, complete) = gathered.end(limit as usize);
    if lines.is_empty() {
        return Ok(Finding::NoData(Absence::Empty));
    }
    Ok(Finding::Value(Reading { at: now, value: Value::Lines { lines, complete } }))
}

fn value_of(seen: &Seen, wanted: ContainerValue, now: Timestamp) -> Finding {
    let Seen { state, restarts, .. } = seen;
    let word = |word: String| Some(Value::Word(word));
    let running = state.running == Some(true);
    let value = match wanted {
        ContainerValue::State => state.status.and_then(|status| word(status.to_string())),
        ContainerValue::Health => match checked(state) {
            Some(HealthStatusEnum::NONE | HealthStatusEnum::EMPTY) | None => None,
            Some(health) => word(health.to_string()),
        },
        #[expect(clippy::cast_precision_loss, reason = "nobody restarts 2^52 times")]
        ContainerValue::Restarts => restarts.map(|count| Value::Number(count as f64)),
        #[expect(
            clippy::cast_precision_loss,
            reason = "a byte on every system that Docker runs on"
        )]
        ContainerValue::ExitCode => {
            state.exit_code.filter(|_| !running).map(|code| Value::Number(code as f64))
        }
        ContainerValue::OomKilled => state.oom_killed.and_then(|killed| word(killed.to_string())),
        ContainerValue::UpSeconds => started(seen)
            .filter(|_| running)
            .map(|since| Value::Number(now.duration_since(since).as_secs_f64().max(0.0))),
    };
    value
        .map_or(Finding::NoData(Absence::Empty), |value| Finding::Value(Reading { at: now, value }))
}

/// What keeps the container from being well, and as what it counts.
fn trouble_of(container: &str, seen: &Seen) -> Option<(FailureKind, String)> {
    let state = &seen.state;
    let word = state.status.map(|status| status.to_string()).unwrap_or_default();
    match word.as_str() {
        "running" => match checked(state) {
            Some(HealthStatusEnum::HEALTHY | HealthStatusEnum::NONE | HealthStatusEnum::EMPTY)
            | None => None,
            // Nobody knows yet: not well, and no failure of it either.
            Some(HealthStatusEnum::STARTING) => Some((
                FailureKind::NotConfigured,
                format!("container {container} runs, its health check has not decided yet"),
            )),
            Some(HealthStatusEnum::UNHEALTHY) => Some((
                FailureKind::ServerError,
                format!("container {container} is unhealthy{}", check_says(state)),
            )),
        },
        // Its connections are taken and never answered.
        "paused" => Some((FailureKind::Timeout, format!("container {container} is paused"))),
        "exited" | "dead" | "restarting" => {
            let code = state.exit_code.map(|code| format!(" with code {code}")).unwrap_or_default();
            let memory = if state.oom_killed == Some(true) { ", OOMKilled" } else { "" };
            let how = match seen.restarts {
                Some(times) if word == "restarting" => {
                    format!("restarts again and again ({times} times), ended")
                }
                Some(_) | None => "ended".to_owned(),
            };
            Some((FailureKind::Unreachable, format!("container {container} {how}{code}{memory}")))
        }
        _ => Some((FailureKind::Unreachable, format!("container {container} is {word}"))),
    }
}

fn checked(state: &ContainerState) -> Option<HealthStatusEnum> {
    state.health.as_ref().and_then(|health| health.status)
}

/// The first line that the newest run of the health check wrote.
fn check_says(state: &ContainerState) -> String {
    let newest = state.health.as_ref().and_then(|health| health.log.as_ref()?.last());
    let said = newest.and_then(|result| result.output.as_deref()).unwrap_or_default();
    let line = super::files::clean(said.trim().lines().next().unwrap_or_default());
    let line: String = line.chars().take(MAX_CHECK_CHARS).collect();
    if line.is_empty() { String::new() } else { format!(": {line}") }
}

/// When it was started, by our clock.
fn started(seen: &Seen) -> Option<Timestamp> {
    let at: Timestamp = seen.state.started_at.as_deref()?.parse().ok()?;
    at.checked_sub(seen.ahead).ok()
}

/// What Docker takes as a name or an id: nothing that could lead to another path.
pub(crate) fn is_name(text: &str) -> bool {
    let inner = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-');
    text.len() <= 128
        && text.starts_with(|c: char| c.is_ascii_alphanumeric())
        && text.chars().all(inner)
}

#[expect(clippy::wildcard_enum_match_arm, reason = "the library's list is open")]
fn failure(container: &str, error: &Error) -> Failure {
    match error {
        Error::DockerResponseServerError { status_code, message } => {
            let status = reqwest::StatusCode::from_u16(*status_code).unwrap_or_default();
            failed(
                kind_of_status(status),
                format!("the Docker Engine answered {status_code}: {message}"),
            )
        }
        Error::JsonDataError { .. }
        | Error::JsonSerdeError { .. }
        | Error::StrParseError { .. } => failed(
            FailureKind::Malformed,
            format!("the answer about {container} is not the engine's JSON"),
        ),
        Error::RequestTimeoutError => {
            failed(FailureKind::Timeout, "the Docker Engine did not answer")
        }
        other => transport::failure_of(other),
    }
}
