//! What Alertmanager holds right now: repairs truncated groups and finds lost resolves. Never silences anything.

use reqwest::Method;
use serde::Deserialize;

use super::http::{fetch, refused};
use super::{Server, Systems, failed};
use crate::core::alert::{Alert, AlertFlag, AlertKey, AlertStatus, Labels, Source, fingerprint};
use crate::core::evidence::{Failure, FailureKind};
use crate::core::rule::{OneOf, Wanted};
use crate::core::time::Timestamp;

/// Ten thousand alerts of about 800 bytes.
const MAX_ANSWER_BYTES: usize = 8 * 1024 * 1024;
/// What one question may bring in; a rule that matches more is too wide to reconcile.
const MAX_ALERTS: usize = 10_000;
/// What one alert may carry into an incident, as for the webhook.
const MAX_LABELS: usize = 256;
const MAX_NAME_BYTES: usize = 1_024;
const MAX_VALUE_BYTES: usize = 4_096;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Gettable {
    labels: Labels,
    #[serde(default)]
    annotations: Labels,
    starts_at: Option<Timestamp>,
    ends_at: Option<Timestamp>,
    fingerprint: String,
    #[serde(default, rename = "generatorURL")]
    generator_url: String,
}

impl Systems {
    /// The alerts with these labels that Alertmanager holds as firing, silenced and inhibited ones included.
    ///
    /// One member's view: after its restart the list is empty until Prometheus sends again (a minute), so an empty list
    /// proves nothing by itself.
    pub async fn alerts(&self, matchers: &Wanted) -> Result<Vec<Alert>, Failure> {
        let Some(endpoint) = &self.endpoints.alertmanager else {
            let what = "alertmanager.api is not set in the configuration";
            return Err(failed(FailureKind::NotConfigured, what));
        };
        // Empty never means all.
        if matchers.is_empty() {
            return Err(failed(FailureKind::BadQuestion, "no label to ask Alertmanager for"));
        }
        let filters: Vec<(&str, String)> =
            matchers.iter().map(|(name, wanted)| ("filter", matcher(name, wanted))).collect();
        let shown = ["active", "silenced", "inhibited", "unprocessed"].map(|kind| (kind, "true"));
        let server = Server { client: &self.client, secrets: &self.secrets, endpoint };
        let request = server.request(Method::GET, "/api/v2/alerts")?.query(&shown).query(&filters);
        let page = fetch(request, MAX_ANSWER_BYTES).await?;
        if !page.status.is_success() {
            // The reason comes as a bare JSON string.
            let why = serde_json::from_slice::<String>(&page.body).unwrap_or_default();
            let Failure { kind, detail } = refused(page.status);
            return Err(failed(kind, format!("{detail}: {why}")));
        }
        let found: Vec<Gettable> = serde_json::from_slice(&page.body).map_err(|_| {
            failed(FailureKind::Malformed, "the answer is not Alertmanager's list of alerts")
        })?;
        if found.len() > MAX_ALERTS {
            let what = format!("{} alerts match, more than {MAX_ALERTS}", found.len());
            return Err(failed(FailureKind::Malformed, what));
        }
        Ok(found.into_iter().map(alert).collect())
    }
}

fn alert(found: Gettable) -> Alert {
    let mut flags = Vec::new();
    // Our own hash is the key, as for the webhook: it is of the whole set, before anything is cut.
    let whole = found.labels.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    let fingerprint = format!("{:016x}", fingerprint(whole));
    if fingerprint != found.fingerprint {
        flags.push(AlertFlag::FingerprintMismatch);
    }
    let (labels, oversize) = within_limits(found.labels);
    if oversize {
        flags.push(AlertFlag::Oversize);
    }
    Alert {
        key: AlertKey { source: Source::Reconcile, fingerprint },
        // What has ended is not listed: the end that is given lies ahead.
        status: AlertStatus::Firing,
        labels,
        // Annotations are for people: a long one is cut, and that alone forbids nothing.
        annotations: within_limits(found.annotations).0,
        starts_at: found.starts_at,
        ends_at: found.ends_at,
        generator_url: cut(found.generator_url),
        flags,
    }
}

/// The labels that are kept, and whether any was cut or left out.
fn within_limits(labels: Labels) -> (Labels, bool) {
    let fits =
        |name: &str, value: &str| name.len() <= MAX_NAME_BYTES && value.len() <= MAX_VALUE_BYTES;
    if labels.len() <= MAX_LABELS && labels.iter().all(|(name, value)| fits(name, value)) {
        return (labels, false);
    }
    let short = labels.into_iter().filter(|(name, _)| name.len() <= MAX_NAME_BYTES);
    (short.take(MAX_LABELS).map(|(name, value)| (name, cut(value))).collect(), true)
}

fn cut(mut text: String) -> String {
    text.truncate(text.floor_char_boundary(MAX_VALUE_BYTES));
    text
}

/// `name="value"`, so that a value can never end its quotes. Names beyond the classic ones are quoted too.
/// Several values are a pattern, which Alertmanager takes as the whole value.
fn matcher(name: &str, wanted: &OneOf) -> String {
    let classic = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    let name = if classic { name.to_owned() } else { format!("\"{}\"", escaped(name)) };
    match wanted {
        OneOf::Value(value) => format!("{name}=\"{}\"", escaped(value)),
        OneOf::Any(values) => {
            let values: Vec<String> = values.iter().map(|value| regex::escape(value)).collect();
            format!("{name}=~\"{}\"", escaped(&values.join("|")))
        }
    }
}

fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_label_value_cannot_leave_its_quotes() {
        let one = |name: &str, value: &str| matcher(name, &OneOf::Value(value.to_owned()));
        assert_eq!(one("job", r#"x"} or {a="b"#), r#"job="x\"} or {a=\"b""#);
        assert_eq!(one("job", "a\\\nb"), r#"job="a\\\nb""#);
        assert_eq!(one("a.b\"", "x"), r#""a.b\""="x""#);
        assert_eq!(one("1a", "x"), r#""1a"="x""#);
        let any = OneOf::Any(vec!["a.b|c".to_owned(), "d".to_owned()]);
        assert_eq!(matcher("job", &any), r#"job=~"a\\.b\\|c|d""#);
    }
}
