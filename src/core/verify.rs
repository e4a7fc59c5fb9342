//! ⑦ Is it well again? Two signals, one not the alert. Never says so on missing data.

use super::alert::{AlertFlag, AlertStatus};
use super::evidence::{Finding, Findings, Value};
use super::incident::Incident;
use super::planted::{Bug, Bugs};
use super::rule::{Rule, VerifySignal};

/// What the signals say together, each that is not well in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Health {
    Healthy,
    NotYet(Vec<String>),
}

/// Whether every signal of the rule's verification agrees in this round.
pub fn health(rule: &Rule, incident: &Incident, findings: &Findings, bugs: Bugs) -> Health {
    if bugs.has(Bug::TrustResolved) && alerts_resolved(incident) {
        return Health::Healthy;
    }
    let missing: Vec<String> =
        rule.verify.all.iter().filter_map(|signal| unwell(signal, incident, findings)).collect();
    if missing.is_empty() && !rule.verify.all.is_empty() {
        Health::Healthy
    } else {
        Health::NotYet(missing)
    }
}

/// Every alert of the incident is resolved, and none of them came in a group that was cut.
pub fn alerts_resolved(incident: &Incident) -> bool {
    incident.alerts.values().all(|alert| {
        alert.status == AlertStatus::Resolved && !alert.flags.contains(&AlertFlag::GroupTruncated)
    })
}

fn unwell(signal: &VerifySignal, incident: &Incident, findings: &Findings) -> Option<String> {
    match signal {
        VerifySignal::State(wanted) => (!wanted.contains(&incident.state))
            .then(|| format!("the breaker is {}", incident.state.name())),
        VerifySignal::AlertResolved => {
            (!alerts_resolved(incident)).then(|| "an alert still fires".to_owned())
        }
        VerifySignal::Healthy(name) => match findings.get(name) {
            Some(Finding::Value(reading)) => match &reading.value {
                Value::Probe(probe) if probe.healthy => None,
                Value::Number(status) if (200.0..300.0).contains(status) => None,
                Value::Probe(_) | Value::Number(_) => Some(format!("`{name}` is not healthy")),
                Value::Word(_) | Value::Series(_) | Value::Trend(_) | Value::Lines { .. } => {
                    Some(format!("`{name}` does not say whether it is healthy"))
                }
            },
            Some(Finding::NoData(_) | Finding::Failed(_)) | None => {
                Some(format!("`{name}` has no answer"))
            }
        },
        VerifySignal::Falling(name) => trend(name, findings, |slope| slope < 0.0, "does not fall"),
        VerifySignal::NotRising(name) => trend(name, findings, |slope| slope <= 0.0, "rises"),
    }
}

/// Judges a trend by its least-squares slope; fewer than three points are none.
fn trend(
    name: &str,
    findings: &Findings,
    well: impl Fn(f64) -> bool,
    wrong: &str,
) -> Option<String> {
    let Some(Finding::Value(reading)) = findings.get(name) else {
        return Some(format!("`{name}` has no answer"));
    };
    let Value::Trend(points) = &reading.value else {
        return Some(format!("`{name}` is no trend"));
    };
    // An empty queue that stays empty has nothing left to fall to.
    if points.len() >= 3 && points.iter().all(|(_, value)| *value == 0.0) {
        return None;
    }
    match slope(points) {
        Some(slope) if well(slope) => None,
        Some(_) => Some(format!("`{name}` {wrong}")),
        None => Some(format!("`{name}` has too few points")),
    }
}

#[expect(clippy::cast_precision_loss, reason = "seconds within one window are far below 2^52")]
fn slope(points: &[(super::time::Timestamp, f64)]) -> Option<f64> {
    if points.len() < 3 {
        return None;
    }
    let first = points.first()?.0.as_millisecond();
    let count = points.len() as f64;
    let xs = || points.iter().map(|(at, _)| (at.as_millisecond() - first) as f64 / 1_000.0);
    let mean_x = xs().sum::<f64>() / count;
    let mean_y = points.iter().map(|(_, y)| y).sum::<f64>() / count;
    let spread: f64 = xs().map(|x| (x - mean_x).powi(2)).sum();
    let together: f64 = xs().zip(points).map(|(x, (_, y))| (x - mean_x) * (y - mean_y)).sum();
    (spread > 0.0).then(|| together / spread)
}
