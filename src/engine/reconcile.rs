//! Asks Alertmanager what is still true: finds resolves that were lost, and repairs groups that came truncated.
//! Never resolves an incident: a resolved alert is only a reason to look.

use std::collections::{BTreeMap, BTreeSet};

use tokio_util::sync::CancellationToken;

use super::run::Engine;
use super::world::Outside;
use crate::core::alert::{Alert, AlertFlag, AlertKey, AlertStatus, Labels, Notification, Source};
use crate::core::evidence::FailureKind;
use crate::core::incident::{AlertRecord, Incident};
use crate::core::rule::{RuleName, RuleSet, Wanted};
use crate::core::time::{Duration, Timestamp, since};
use crate::store::{StoreError, Which};

/// How often; a lost resolve is noticed within two of these and the patience below.
const EVERY: Duration = Duration::from_secs(60);
/// A firing alert counts as over when Alertmanager has not held it for so long: after its restart the list is empty
/// until Prometheus sends again.
const MISSED_FOR: Duration = Duration::from_secs(180);

/// Since when each alert is missing from the source.
type Missing = BTreeMap<AlertKey, Timestamp>;

/// Runs until told to stop. Without `alertmanager.api` it has nothing to ask, and ends.
pub async fn run(engine: &Engine<Outside>, stop: CancellationToken) {
    let mut missing = Missing::new();
    let mut truncated = false;
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            () = engine.truncated.notified() => truncated = true,
            () = tokio::time::sleep(EVERY) => {}
        }
        match pass(engine, truncated, &mut missing).await {
            // What was cut is forgotten only when every rule was answered.
            Ok(answered) => truncated &= !answered,
            Err(error) => tracing::warn!(%error, "reconciliation could not write"),
        }
    }
}

/// One pass over the rules that have an open incident; after a truncated group, over all. True if all were answered.
async fn pass(
    engine: &Engine<Outside>,
    truncated: bool,
    missing: &mut Missing,
) -> Result<bool, StoreError> {
    let open = engine.store.incidents(Which::Open).await?;
    let known: BTreeSet<&AlertKey> =
        open.iter().flat_map(|incident| incident.alerts.keys()).collect();
    missing.retain(|key, _| known.contains(key));
    let mut answered = true;
    let rules = engine.rules.now().await;
    for (name, matchers) in matchers(&rules) {
        let mine: Vec<&Incident> =
            open.iter().filter(|incident| incident.breaker.rule == *name).collect();
        if mine.is_empty() && !truncated {
            continue;
        }
        let Some(held) = held(engine, name, &matchers).await else {
            answered = false;
            continue;
        };
        let alerts = news(&mine, &held, truncated, (engine.clock.now(), missing));
        if !alerts.is_empty() {
            let notification = Notification {
                source: Source::Reconcile,
                group_key: format!("reconcile/{name}"),
                truncated: 0,
                alerts,
            };
            engine.store.ingest(vec![(engine.clock.now(), notification)]).await?;
            engine.wake.notify_one();
        }
    }
    Ok(answered)
}

/// Which alerts to ask for, by the name of the rule: those of its incidents that run by an older revision too.
fn matchers(rules: &RuleSet) -> BTreeMap<&RuleName, Vec<&Wanted>> {
    let mut all: BTreeMap<&RuleName, Vec<&Wanted>> = BTreeMap::new();
    for rule in rules.rules.values().chain(&rules.retired) {
        let of = all.entry(&rule.name).or_default();
        let asked = rule.matchers.iter().filter(|known| known.source == Source::Alertmanager);
        for matcher in asked {
            if !of.contains(&&matcher.labels) {
                of.push(&matcher.labels);
            }
        }
    }
    all
}

/// What Alertmanager holds for a rule; `None` when it cannot be asked.
async fn held(
    engine: &Engine<Outside>,
    name: &RuleName,
    matchers: &[&Wanted],
) -> Option<Vec<Alert>> {
    let mut all = Vec::new();
    for labels in matchers {
        match engine.world.systems.alerts(labels).await {
            Ok(found) => all.extend(found),
            Err(failure) => {
                if failure.kind != FailureKind::NotConfigured {
                    tracing::warn!(rule.name = %name, failure = %failure.detail, "Alertmanager cannot be asked");
                }
                return None;
            }
        }
    }
    Some(all)
}

/// What the incidents do not know yet.
fn news(
    incidents: &[&Incident],
    held: &[Alert],
    truncated: bool,
    (now, missing): (Timestamp, &mut Missing),
) -> Vec<Alert> {
    let mut alerts = Vec::new();
    let here: BTreeSet<&str> = held.iter().map(|alert| alert.key.fingerprint.as_str()).collect();
    for (key, record) in incidents.iter().flat_map(|incident| &incident.alerts) {
        let held = here.contains(key.fingerprint.as_str());
        if record.status == AlertStatus::Resolved {
            missing.remove(key);
            if !held && record.flags.contains(&AlertFlag::GroupTruncated) {
                // Its resolve came in a group that was cut; Alertmanager confirms it by not holding it.
                alerts.push(over(key, record));
            }
            continue;
        }
        if held {
            missing.remove(key);
            continue;
        }
        let first = *missing.entry(key.clone()).or_insert(now);
        if since(now, first) >= MISSED_FOR {
            missing.remove(key);
            alerts.push(over(key, record));
        }
    }
    if truncated {
        // The whole list stands in for the group that was cut.
        alerts.extend(held.iter().map(|alert| Alert {
            key: AlertKey {
                source: Source::Alertmanager,
                fingerprint: alert.key.fingerprint.clone(),
            },
            ..alert.clone()
        }));
    }
    alerts
}

fn over(key: &AlertKey, record: &AlertRecord) -> Alert {
    Alert {
        key: key.clone(),
        status: AlertStatus::Resolved,
        labels: record.labels.clone(),
        annotations: Labels::new(),
        starts_at: None,
        ends_at: None,
        generator_url: String::new(),
        flags: vec![AlertFlag::NotHeld],
    }
}

#[cfg(test)]
mod tests {
    use super::{MISSED_FOR, Missing, news};
    use crate::core::alert::{Alert, AlertFlag, AlertKey, AlertStatus, Labels, Source};
    use crate::core::incident::{Breaker, Incident, IncidentId, Placement};
    use crate::core::time::{Duration, Timestamp};

    fn alert() -> Alert {
        Alert {
            key: AlertKey {
                source: Source::Alertmanager,
                fingerprint: "c6eadffa33fcdf37".to_owned(),
            },
            status: AlertStatus::Firing,
            labels: Labels::from([("alertname".to_owned(), "BreakerOpen".to_owned())]),
            annotations: Labels::new(),
            starts_at: None,
            ends_at: None,
            generator_url: String::new(),
            flags: Vec::new(),
        }
    }

    #[test]
    fn what_alertmanager_does_not_hold_is_over_after_patience_and_says_so() {
        let start = Timestamp::UNIX_EPOCH;
        let breaker = Breaker { rule: "pms".to_owned(), target: "pms".to_owned() };
        let placement = Placement { breaker, unknown_target: false };
        let mut incident = Incident::open(IncidentId(1), &placement, "r", start);
        incident.hear(&alert(), start);
        let mut missing = Missing::new();
        let mut at = |after: Duration, held: &[Alert]| {
            news(&[&incident], held, false, (start + after, &mut missing))
        };
        let short = Duration::from_secs(179);
        assert!(at(Duration::ZERO, &[]).is_empty());
        assert!(at(short, &[]).is_empty());
        // Held again: the patience begins anew.
        assert!(at(short, &[alert()]).is_empty());
        assert!(at(MISSED_FOR, &[]).is_empty());
        let over = at(MISSED_FOR * 2, &[]);
        assert_eq!(over.len(), 1);
        assert_eq!(
            (over[0].status, &over[0].flags[..]),
            (AlertStatus::Resolved, &[AlertFlag::NotHeld][..])
        );
        assert!(incident.hear(&over[0], start + MISSED_FOR * 2));
        let line = &incident.timeline.last().unwrap().text;
        assert!(line.contains("stale notification"), "{line}");
    }
}
