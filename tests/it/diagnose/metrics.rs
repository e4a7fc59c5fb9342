//! What queries would have answered around a made incident. Follows the cause as real metrics do: often by a status that
//! says little, sometimes by one that misleads.

use fastrand::Rng;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value, json};

use super::make::Labelled;

pub fn of(
    rng: &mut Rng,
    cause: &str,
    source: Option<&Labelled>,
    kind: &str,
    dependency: &str,
    other: &str,
    tripped_at: Timestamp,
) -> Value {
    if rng.u8(0..6) == 0 {
        return Value::Null;
    }
    let shape = rng.u8(0..4);
    let (label, good) = match shape {
        0 | 1 => ("status", "200"),
        2 => ("outcome", "SUCCESS"),
        _ => ("kind", "successful"),
    };
    let told = source
        .and_then(|line| line.http_status)
        .filter(|_| rng.bool())
        .map(|status| status.to_string());
    let bad = match shape {
        _ if kind == "unknown" => (*rng.choice(["failed", "UNKNOWN", "error"]).unwrap()).to_owned(),
        0 | 1 => told.unwrap_or_else(|| status_of(rng, cause).to_owned()),
        2 => match cause {
            "auth" | "rate_limited" | "client_bug" => "CLIENT_ERROR".to_owned(),
            "upstream_5xx" => "SERVER_ERROR".to_owned(),
            _ => "UNKNOWN".to_owned(),
        },
        _ => "failed".to_owned(),
    };
    let good_hour = rng.u32(3_000..45_000);
    let failures = rng.u32(140..3_600);
    let mut now = Map::new();
    now.insert(good.to_owned(), json!(good_hour / 20));
    now.insert(bad.clone(), json!(failures));
    let mut hour = Map::new();
    hour.insert(good.to_owned(), json!(good_hour));
    hour.insert(bad.clone(), json!(rng.u32(0..12)));
    if rng.u8(0..3) == 0 && label == "status" && bad != "404" {
        now.insert("404".to_owned(), json!(20));
        hour.insert("404".to_owned(), json!(120));
    }
    let at = |minutes: i64| (tripped_at + SignedDuration::from_mins(minutes)).to_string();
    let mut metrics = json!({
        "errors_by_status": {"metric": "http_client_requests_seconds_count", "label": label,
            "selector": {"dependency": dependency}, "last_10m": now, "hour_before": hour},
        "evaluated_at": at(5),
        "other_dependency": {"metric": "http_client_requests_seconds_count", "label": "status",
            "selector": {"dependency": other}, "last_10m": {"200": 1_800, "500": 90}, "hour_before": {"200": 10_800, "500": 500}},
        "breaker_state": {"expr": "breaker_open == 1", "open_since": tripped_at.to_string(),
            "instances_open": rng.u32(1..5), "instances_total": 4},
    });
    if rng.bool() {
        let rise = [0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 1, 1, 1, 1, 1];
        let points: Vec<Value> = (0_i64..)
            .zip(rise)
            .map(|(n, part)| json!([at(n - 14), part * failures / 21]))
            .collect();
        metrics["errors_per_minute"] = json!({"points_by_value": {bad: points}});
    }
    let usual = 0.05 + 0.6 * rng.f64();
    let factor = match cause {
        "timeout" => 10.0 + 40.0 * rng.f64(),
        "database" | "resource" | "upstream_5xx" => 1.0 + 8.0 * rng.f64(),
        "unknown" => 0.9 + 0.2 * rng.f64(),
        _ => 0.2 + 0.4 * rng.f64(),
    };
    let p95: Vec<Value> = (0..15)
        .map(|n| {
            json!([at(n - 14), usual * (0.9 + 0.2 * rng.f64()) * if n > 10 { factor } else { 1.0 }])
        })
        .collect();
    metrics["latency_p95_s"] = json!({"metric": "http_client_requests_seconds_p95", "points": p95});
    if let Some(extra) = extra(rng, cause, &at(-9)) {
        metrics["extra"] = json!([extra]);
    }
    metrics
}

fn status_of(rng: &mut Rng, cause: &str) -> &'static str {
    let among: &[&str] = match cause {
        "auth" => &["401", "403", "error"],
        "rate_limited" => &["429", "429", "403"],
        "upstream_5xx" => &["500", "502", "503", "503"],
        "timeout" => &["", "0", "IO_ERROR", "504"],
        "network" => &["", "IO_ERROR", "503", "0"],
        "tls" => &["", "IO_ERROR", "0"],
        "database" => &["500", "error", "503"],
        "resource" => &["500", "503", "error"],
        _ => &["400", "422", "404"],
    };
    rng.choice(among).unwrap()
}

fn extra(rng: &mut Rng, cause: &str, changed_at: &str) -> Option<Value> {
    if rng.u8(0..3) == 0 {
        return None;
    }
    Some(match cause {
        "tls" => json!({"metric": "probe_ssl_earliest_cert_expiry", "value_minus_now_s": -2_383}),
        "database" => {
            json!({"metric": "hikaricp_connections_pending", "value": 41, "hour_before": 0})
        }
        "resource" => {
            json!({"metric": "node_filesystem_avail_bytes", "value": 2_319, "hour_before": 6_000_000_000_u64})
        }
        "rate_limited" => {
            json!({"metric": "outbound_requests_per_s", "last_10m": 17.0, "hour_before": 8.9})
        }
        "client_bug" => {
            json!({"metric": "app_build_info", "version_before": "2.41.3", "version_now": "2.42.0",
            "changed_at": changed_at})
        }
        "auth" => json!({"metric": "secret_age_days", "value": 91}),
        _ => return None,
    })
}
