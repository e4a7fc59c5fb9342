//! The fleet as one incident's guards need it, read in one transaction. Judges nothing.

use std::collections::BTreeMap;

use super::tx::{Answer, IntentRow, OpenRow, Server, Tx};
use crate::core::command::Scope;
use crate::core::fleet::{Fleet, InFlight, OPEN_SEEN, OpenIncident, STARTS_SEEN, Start};
use crate::core::incident::Incident;
use crate::core::planted::Bug;
use crate::core::rule::{RuleSet, TargetName};
use crate::core::time::{Duration, Timestamp};

/// The longest cooldown or budget that a rule may name is 30 days.
const STARTS_WITHIN: Duration = Duration::from_secs(31 * 24 * 3_600);

pub(super) async fn fleet<T: Tx>(
    tx: &mut T,
    incident: &Incident,
    rules: &RuleSet,
    now: Timestamp,
) -> Answer<Fleet> {
    let server = tx.server().await?;
    let open_count = tx.open_count().await?;
    let mut open = tx.open_rows(OPEN_SEEN).await?;
    if incident.phase.is_open() && !open.iter().any(|row| row.id == incident.id) {
        open.push(OpenRow {
            id: incident.id,
            target: incident.breaker.target.clone(),
            open_since: incident.open_since(),
        });
    }
    open.sort_unstable_by_key(|row| row.id);
    let starts = tx.starts(counted_since(&server, tx.bugs(), now), STARTS_SEEN).await?;
    let in_flight = tx.in_flight().await?;
    let locks = tx.locks().await?;
    let paused_until = paused_until(tx, incident, now).await?;
    Ok(Fleet {
        epoch: tx.epoch().to_owned(),
        target: rules.targets.get(&incident.breaker.target).cloned(),
        inventory: u32::try_from(rules.targets.len()).unwrap_or(u32::MAX),
        brake_percent: rules.brake_percent,
        open_count,
        // What is no target cannot be acted on, and does not count towards the brake.
        open: open
            .into_iter()
            .filter(|row| row.id == incident.id || rules.targets.contains_key(&row.target))
            .map(|row| seen(row, rules))
            .collect(),
        kill_switch: server.kill_switch,
        paused_until,
        starts: starts.into_iter().filter_map(started).collect(),
        in_flight: in_flight
            .into_iter()
            .map(|intent| InFlight {
                incident: intent.incident,
                key: intent.key.0,
                target: intent.target,
                group: intent.group,
            })
            .collect(),
        locked: locks.into_iter().map(|lock| (lock.target, lock.incident)).collect(),
        settled_at: server.settled_at,
        observe_only: server.observe_only,
        mode_limit: None,
        bugs: tx.bugs(),
    })
}

fn counted_since(server: &Server, bugs: crate::core::planted::Bugs, now: Timestamp) -> Timestamp {
    let oldest = now.checked_sub(STARTS_WITHIN).unwrap_or(Timestamp::MIN);
    match server.started_at {
        Some(started_at) if bugs.has(Bug::BudgetPerProcess) => oldest.max(started_at),
        Some(_) | None => oldest,
    }
}

async fn paused_until<T: Tx>(
    tx: &mut T,
    incident: &Incident,
    now: Timestamp,
) -> Answer<Option<Timestamp>> {
    let pauses: BTreeMap<Scope, Timestamp> = tx.pauses().await?;
    let mine = [Scope::Incident(incident.id), Scope::Target(incident.breaker.target.clone())];
    Ok(mine
        .iter()
        .filter_map(|scope| pauses.get(scope))
        .filter(|until| **until > now)
        .max()
        .copied())
}

fn seen(row: OpenRow, rules: &RuleSet) -> OpenIncident {
    let group = group_of(&row.target, rules);
    OpenIncident { id: row.id, group, target: row.target, opened_at: row.open_since }
}

/// The group as the inventory has it now; a target without one is its own.
fn group_of(target: &TargetName, rules: &RuleSet) -> String {
    match rules.targets.get(target) {
        Some(known) if !known.group.is_empty() => known.group.clone(),
        Some(_) | None => target.clone(),
    }
}

fn started(row: IntentRow) -> Option<Start> {
    let failed = row.failed();
    let at = row.started_at?;
    let intent = row.intent;
    Some(Start {
        incident: intent.incident,
        target: intent.target,
        group: intent.group,
        at,
        failed,
    })
}
