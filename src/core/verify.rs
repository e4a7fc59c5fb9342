//! ⑦ Is it well again? Two signals, one not the alert. Never says so on missing data.

use super::alert::{AlertFlag, AlertStatus};
use super::evidence::{Absence, Finding, Findings, QuestionName, Reading, Value};
use super::incident::{Incident, Unmet};
use super::planted::{Bug, Bugs};
use super::rule::{Rule, VerifySignal};
use super::time::{Duration, Timestamp, since, span};

/// What the signals say together, each that is not well in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Health {
    Healthy,
    NotYet(Vec<String>),
}

/// Whether every signal of the rule's verification agrees in this round.
pub fn health(
    rule: &Rule,
    incident: &Incident,
    findings: &Findings,
    now: Timestamp,
    bugs: Bugs,
) -> Health {
    if bugs.has(Bug::TrustResolved) && alerts_resolved(incident) {
        return Health::Healthy;
    }
    let missing = unmet(rule, &rule.verify.all, incident, findings, now);
    if missing.is_empty() && !rule.verify.all.is_empty() {
        Health::Healthy
    } else {
        Health::NotYet(missing.into_iter().map(|unmet| unmet.text).collect())
    }
}

/// The signals that do not hold in this round, each in words.
pub fn unmet(
    rule: &Rule,
    signals: &[VerifySignal],
    incident: &Incident,
    findings: &Findings,
    now: Timestamp,
) -> Vec<Unmet> {
    let look = Look { rule, incident, findings, now };
    let found = signals.iter().enumerate();
    found.filter_map(|(item, signal)| Some(Unmet { item, text: look.unwell(signal)? })).collect()
}

/// The probes that have not been green for their hold, each in words. Only a probe can show it.
pub fn not_held(
    rule: &Rule,
    names: &[QuestionName],
    findings: &Findings,
    now: Timestamp,
) -> Vec<Unmet> {
    let wrong = |name: &QuestionName| {
        let Some((probe, max_age)) = rule.probe_behind(name) else {
            return Some(format!("`{name}` is no probe"));
        };
        match findings.get(name) {
            Some(Finding::Value(Reading { at, value: Value::Probe(seen) })) => {
                if since(now, *at) > max_age {
                    Some(format!("`{name}` has no fresh answer"))
                } else if !seen.healthy {
                    Some(format!("`{name}` is not healthy"))
                } else if !seen.held(probe.hold, *at, now) {
                    Some(format!("`{name}` is healthy, but not yet for {}", span(probe.hold)))
                } else {
                    None
                }
            }
            Some(_) | None => Some(format!("`{name}` has no answer")),
        }
    };
    let found = names.iter().enumerate();
    found.filter_map(|(item, name)| Some(Unmet { item, text: wrong(name)? })).collect()
}

/// Whether the named trend went up over the last `over`; `None` where it does not say.
pub fn rises(name: &str, findings: &Findings, over: Duration, now: Timestamp) -> Option<bool> {
    let Some(Finding::Value(Reading { value: Value::Trend(points), .. })) = findings.get(name)
    else {
        return None;
    };
    let begin = now.checked_sub(over).unwrap_or(Timestamp::MIN);
    let window: Vec<_> = points.iter().filter(|(at, _)| *at >= begin).copied().collect();
    // The last few points of a window say nothing about all of it.
    let seen = since(window.last()?.0, window.first()?.0);
    if seen < over / 4 * 3 {
        return None;
    }
    Some(slope(&window)? > 0.0)
}

/// Every alert of the incident is resolved, and none of them came in a group that was cut.
pub fn alerts_resolved(incident: &Incident) -> bool {
    incident.alerts.values().all(|alert| {
        alert.status == AlertStatus::Resolved && !alert.flags.contains(&AlertFlag::GroupTruncated)
    })
}

/// One round's answers, and what they are judged by.
struct Look<'a> {
    rule: &'a Rule,
    incident: &'a Incident,
    findings: &'a Findings,
    now: Timestamp,
}

impl Look<'_> {
    /// What is wrong by this signal; `None` if it is well.
    fn unwell(&self, signal: &VerifySignal) -> Option<String> {
        match signal {
            VerifySignal::State(wanted) => (!wanted.contains(&self.incident.state))
                .then(|| format!("the breaker is {}", self.incident.state.name())),
            VerifySignal::AlertResolved => {
                (!alerts_resolved(self.incident)).then(|| "an alert still fires".to_owned())
            }
            VerifySignal::Healthy(name) => self.unhealthy(name),
            VerifySignal::Falling(name) => {
                trend(name, self.findings, |slope| slope < 0.0, "does not fall")
            }
            VerifySignal::NotRising(name) => {
                trend(name, self.findings, |slope| slope <= 0.0, "rises")
            }
            VerifySignal::AtMost { name, limit } => match self.number(name) {
                Ok(number) if number <= *limit => None,
                Ok(number) => Some(format!("`{name}` is {}, above {limit}", shown(number, *limit))),
                Err(why) => Some(why),
            },
            VerifySignal::AtLeast { name, limit } => match self.number(name) {
                Ok(number) if number >= *limit => None,
                Ok(number) => Some(format!("`{name}` is {}, below {limit}", shown(number, *limit))),
                Err(why) => Some(why),
            },
        }
    }

    fn unhealthy(&self, name: &str) -> Option<String> {
        match self.findings.get(name) {
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
        }
    }

    /// One finite number, no older than its evidence may be.
    fn number(&self, name: &str) -> Result<f64, String> {
        let max_age = self.rule.evidence.iter().find(|known| known.name == name);
        match (self.findings.get(name), max_age.map(|known| known.max_age)) {
            (Some(Finding::Value(reading)), Some(max_age)) => match &reading.value {
                Value::Number(_) if since(self.now, reading.at) > max_age => {
                    Err(format!("`{name}` has no fresh answer"))
                }
                Value::Number(number) if number.is_finite() => Ok(*number),
                Value::Number(_)
                | Value::Word(_)
                | Value::Series(_)
                | Value::Trend(_)
                | Value::Lines { .. }
                | Value::Probe(_) => Err(format!("`{name}` is not one number")),
            },
            (Some(Finding::NoData(Absence::Stale)), _) => {
                Err(format!("`{name}` has no fresh answer"))
            }
            (Some(_) | None, _) => Err(format!("`{name}` has no answer")),
        }
    }
}

/// A measured number as people read it: four digits behind the point, unless more tell it from the limit.
fn shown(number: f64, limit: f64) -> f64 {
    let rounded = (number * 10_000.0).round() / 10_000.0;
    let same = (rounded - limit).abs() < f64::EPSILON;
    if same || !rounded.is_finite() { number } else { rounded }
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
fn slope(points: &[(Timestamp, f64)]) -> Option<f64> {
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
