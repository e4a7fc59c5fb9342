//! The measurements beside the failures: durations, queues, pools, disks, certificates, versions. Never guesses a unit.

use serde_json::{Map, Value};

use super::read::{moment, text_of, witness};
use crate::core::cause::{Support, Witness};
use crate::core::time::Timestamp;

/// Keys under which a gauge says what it is, was, and may be at most.
const NOW: &[&str] = &["value", "now", "last_10m", "current"];
const BEFORE: &[&str] = &["hour_before", "before", "value_hour_before"];
const MOST: &[&str] = &["max", "limit", "capacity", "total", "most", "size"];

pub(super) fn supports(metrics: &Map<String, Value>) -> Vec<Witness> {
    let mut all = Vec::new();
    let series = |key: &str| {
        let value = metrics.get(key)?;
        let metric = value.get("metric").and_then(Value::as_str).unwrap_or(key).to_owned();
        Some((metric, points(value.get("points"))))
    };
    if let Some((metric, points)) = series("latency_p95_s") {
        all.push(witness(Support::Latency { metric, points }));
    }
    if let Some((metric, points)) = series("queue_depth") {
        all.push(witness(Support::Queue { metric, points }));
    }
    let extra = metrics.get("extra").and_then(Value::as_array);
    all.extend(
        extra.into_iter().flatten().filter_map(Value::as_object).filter_map(one).map(witness),
    );
    all
}

fn one(object: &Map<String, Value>) -> Option<Support> {
    let metric = text_of(object, "metric")?.to_ascii_lowercase();
    let number =
        |keys: &[&str]| keys.iter().find_map(|key| object.get(*key).and_then(Value::as_f64));
    if let Some(left_s) = number(&["value_minus_now_s", "left_s", "expires_in_s"]) {
        return Some(Support::Expiry { metric, left_s });
    }
    if let (Some(from), Some(to)) =
        (text_of(object, "version_before"), text_of(object, "version_now"))
    {
        let at = moment(object.get("changed_at"));
        return Some(Support::Version { metric, from: from.to_owned(), to: to.to_owned(), at });
    }
    // An age is told in a key of its own, with its unit.
    for (key, unit) in
        [("age_s", "age_s"), ("age_days", "age_days"), ("now_minus_value_s", "age_s")]
    {
        if let Some(now) = number(&[key]) {
            return Some(Support::Gauge {
                metric: format!("{metric}_{unit}"),
                now,
                before: None,
                most: None,
            });
        }
    }
    Some(Support::Gauge { metric, now: number(NOW)?, before: number(BEFORE), most: number(MOST) })
}

/// Pairs of a time and a number.
pub(super) fn points(value: Option<&Value>) -> Vec<(Timestamp, f64)> {
    let pair = |point: &Value| Some((moment(point.get(0))?, point.get(1)?.as_f64()?));
    value.and_then(Value::as_array).into_iter().flatten().filter_map(pair).collect()
}
