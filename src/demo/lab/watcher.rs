//! What Prometheus and Alertmanager would do for a breaker: look at its state, and post version 4 webhooks.
//!
//! The field order, fingerprint and retries are Alertmanager's. Never tells anything but what the state is.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;
use tower_resilience_circuitbreaker::CircuitState;

use super::breakers::Breaker;
use crate::engine::clock::Clock;

/// How often the state is looked at, as a very fast Prometheus would.
const EVALUATE_EVERY: Duration = Duration::from_millis(500);
/// The first wait after an answer that may be better next time; then half as long again, as Alertmanager does.
const BACK_OFF_FIRST: Duration = Duration::from_millis(500);
const BACK_OFF_MOST: Duration = Duration::from_secs(10);
const ALERT_NAME: &str = "CircuitBreakerOpen";

type Labels = BTreeMap<&'static str, String>;

/// Where alerts go.
pub(super) struct Receiver {
    pub(super) client: reqwest::Client,
    pub(super) url: String,
    pub(super) token: Option<SecretString>,
    /// The lab's own address: stands in the alert's links.
    pub(super) lab: String,
    pub(super) clock: Clock,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Alert<'a> {
    status: &'static str,
    labels: &'a Labels,
    annotations: &'a Labels,
    starts_at: Timestamp,
    ends_at: String,
    #[serde(rename = "generatorURL")]
    generator_url: String,
    fingerprint: String,
}

/// The body of a webhook, version 4, in the order of Alertmanager's own struct.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Webhook<'a> {
    receiver: &'static str,
    status: &'static str,
    alerts: [Alert<'a>; 1],
    #[serde(rename = "notification_reason")]
    notification_reason: &'static str,
    group_labels: &'a Labels,
    common_labels: &'a Labels,
    common_annotations: &'a Labels,
    route_labels: Labels,
    #[serde(rename = "externalURL")]
    external_url: &'a str,
    version: &'static str,
    group_key: String,
    truncated_alerts: u64,
}

/// What came of a post, as Alertmanager sees it.
enum Posted {
    Accepted,
    /// 5xx or no answer: again.
    Again,
    /// Anything else is never tried again.
    GivenUp,
}

/// One episode: since when the breaker was not closed, and until when.
#[derive(Clone, Copy)]
struct Episode {
    starts_at: Timestamp,
    ends_at: Option<Timestamp>,
}

/// Looks and posts until the lab ends.
pub(super) async fn run(breaker: Breaker, receiver: Receiver) {
    let mut told = false;
    let mut starts_at = None;
    let mut back_off = BACK_OFF_FIRST;
    loop {
        tokio::time::sleep(EVALUATE_EVERY).await;
        let firing = match breaker.state() {
            CircuitState::Closed => false,
            CircuitState::Open | CircuitState::HalfOpen => true,
        };
        if firing == told {
            continue;
        }
        let now = receiver.clock.now();
        let episode =
            Episode { starts_at: *starts_at.get_or_insert(now), ends_at: (!firing).then_some(now) };
        match post(breaker.name, episode, &receiver).await {
            Posted::Accepted | Posted::GivenUp => {
                told = firing;
                back_off = BACK_OFF_FIRST;
                if !firing {
                    starts_at = None;
                }
            }
            Posted::Again => {
                tokio::time::sleep(back_off).await;
                back_off = (back_off * 3 / 2).min(BACK_OFF_MOST);
            }
        }
    }
}

async fn post(breaker: &'static str, episode: Episode, receiver: &Receiver) -> Posted {
    let mut request = receiver
        .client
        .post(&receiver.url)
        .header(http::header::CONTENT_TYPE, "application/json")
        .body(body(breaker, episode, &receiver.lab));
    if let Some(token) = &receiver.token {
        request = request.bearer_auth(token.expose_secret());
    }
    match request.send().await {
        Ok(response) if response.status().is_success() => Posted::Accepted,
        Ok(response) if response.status().is_server_error() => Posted::Again,
        Ok(response) => {
            tracing::error!(
                status = response.status().as_u16(),
                breaker,
                "the webhook refused an alert"
            );
            Posted::GivenUp
        }
        Err(_) => Posted::Again,
    }
}

/// The whole body, with the new line that Alertmanager's encoder ends with.
fn body(breaker: &'static str, episode: Episode, lab: &str) -> String {
    let text = |name: &'static str, value: &str| (name, value.to_owned());
    let labels = Labels::from([
        text("alertname", ALERT_NAME),
        text("breaker", breaker),
        text("instance", lab.trim_start_matches("http://")),
        text("job", "lab"),
        text("severity", "critical"),
    ]);
    let annotations =
        Labels::from([text("summary", &format!("Circuit breaker {breaker} is not closed"))]);
    let group_labels = Labels::from([text("alertname", ALERT_NAME), text("breaker", breaker)]);
    let (status, reason) = match episode.ends_at {
        None => ("firing", "first notification"),
        Some(_) => ("resolved", "all alerts resolved"),
    };
    let webhook = Webhook {
        receiver: "reclose",
        status,
        alerts: [Alert {
            status,
            labels: &labels,
            annotations: &annotations,
            starts_at: episode.starts_at,
            ends_at: episode
                .ends_at
                .map_or_else(|| "0001-01-01T00:00:00Z".to_owned(), |at| at.to_string()),
            generator_url: format!("{lab}/metrics"),
            fingerprint: fingerprint(&labels),
        }],
        notification_reason: reason,
        group_labels: &group_labels,
        common_labels: &labels,
        common_annotations: &annotations,
        route_labels: Labels::new(),
        external_url: lab,
        version: "4",
        group_key: format!("{{}}:{{alertname=\"{ALERT_NAME}\", breaker=\"{breaker}\"}}"),
        truncated_alerts: 0,
    };
    let mut body = serde_json::to_string(&webhook).unwrap_or_default();
    body.push('\n');
    body
}

/// FNV-1a, 64 bits, over names and values in the names' order, each ended by 0xff: Alertmanager's identity of an alert.
fn fingerprint(labels: &Labels) -> String {
    const OFFSET: u64 = 0xcbf2_9ce4_8422_2325;
    const PRIME: u64 = 0x0000_0100_0000_01b3;
    let bytes = labels
        .iter()
        .flat_map(|(name, value)| name.bytes().chain([0xff]).chain(value.bytes()).chain([0xff]));
    let sum = bytes.fold(OFFSET, |sum, byte| (sum ^ u64::from(byte)).wrapping_mul(PRIME));
    format!("{sum:016x}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fingerprint_is_alertmanagers() {
        assert_eq!(fingerprint(&Labels::new()), "cbf29ce484222325");
        let labels = Labels::from([
            ("severity", "critical".to_owned()),
            ("alertname", "CircuitBreakerOpen".to_owned()),
            ("service", "meta-capi".to_owned()),
        ]);
        assert_eq!(fingerprint(&labels), "b0e3b2f0821a0d55");
    }

    #[test]
    fn the_body_is_version_4_as_alertmanager_writes_it() {
        let starts_at = "2026-08-20T10:00:00.123Z".parse().unwrap();
        let firing = body("payments", Episode { starts_at, ends_at: None }, "http://127.0.0.1:1");
        insta::assert_snapshot!(firing.trim_end(), @r#"{"receiver":"reclose","status":"firing","alerts":[{"status":"firing","labels":{"alertname":"CircuitBreakerOpen","breaker":"payments","instance":"127.0.0.1:1","job":"lab","severity":"critical"},"annotations":{"summary":"Circuit breaker payments is not closed"},"startsAt":"2026-08-20T10:00:00.123Z","endsAt":"0001-01-01T00:00:00Z","generatorURL":"http://127.0.0.1:1/metrics","fingerprint":"bec56cf914c5bd19"}],"notification_reason":"first notification","groupLabels":{"alertname":"CircuitBreakerOpen","breaker":"payments"},"commonLabels":{"alertname":"CircuitBreakerOpen","breaker":"payments","instance":"127.0.0.1:1","job":"lab","severity":"critical"},"commonAnnotations":{"summary":"Circuit breaker payments is not closed"},"routeLabels":{},"externalURL":"http://127.0.0.1:1","version":"4","groupKey":"{}:{alertname=\"CircuitBreakerOpen\", breaker=\"payments\"}","truncatedAlerts":0}"#);
        let ended =
            body("payments", Episode { starts_at, ends_at: Some(starts_at) }, "http://127.0.0.1:1");
        assert!(ended.ends_with("}\n"));
        assert!(ended.contains(r#""endsAt":"2026-08-20T10:00:00.123Z""#));
        assert!(ended.contains(r#""notification_reason":"all alerts resolved""#));
    }
}
