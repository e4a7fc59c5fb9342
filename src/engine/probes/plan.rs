//! Which probes are due now, and what is remembered of a run. Pure: rules, rows and the time come in as arguments.

use std::collections::{BTreeMap, BTreeSet};

use super::schedule::next_due;
use crate::core::evidence::{ProbeResult, Reading, Value};
use crate::core::rule::{ProbeRule, RuleName, RuleSet, Schedule};
use crate::core::time::{Duration, Timestamp, after};
use crate::store::ProbeRow;

/// A probe's name: its rule, and its own within the rule.
pub type ProbeKey = (RuleName, String);

/// A run may begin so much late and still count as in a row with the one before.
const LATE_MOST: Duration = Duration::from_secs(10);
/// After a schedule that cannot be computed; `rules` refuses those, so this is never seen.
const NO_SCHEDULE: Duration = Duration::from_secs(3_600);

/// A probe that should run now.
#[derive(Clone, Debug, PartialEq)]
pub struct Due {
    pub key: ProbeKey,
    pub rule: ProbeRule,
    /// What is known of the run before.
    pub row: Option<ProbeRow>,
}

/// All probes that are due at `now`. `open` are the rules with an open incident: their breakers may need to idle. A changed
/// rule goes on with the stored results of its probes, by their names.
pub fn due(
    rules: &RuleSet,
    rows: Vec<ProbeRow>,
    open: &BTreeSet<RuleName>,
    now: Timestamp,
) -> Vec<Due> {
    let mut rows: BTreeMap<ProbeKey, ProbeRow> =
        rows.into_iter().map(|row| ((row.rule.clone(), row.probe.clone()), row)).collect();
    let mut due = Vec::new();
    let mut planned = BTreeSet::new();
    // A running incident asks the probes of its own rule, as long as it runs.
    let retired = rules.retired.iter().filter(|rule| open.contains(&rule.name));
    for rule in rules.askable().chain(retired) {
        let idles = rule.recovery.needs_idle && open.contains(&rule.name);
        for probe in &rule.probes {
            let key = (rule.name.clone(), probe.name.clone());
            if !planned.insert(key.clone()) {
                continue;
            }
            let row = rows.remove(&key);
            let is_due = row.as_ref().is_none_or(|row| row_is_due(row, probe, now));
            if is_due && !(probe.through_breaker && idles) {
                due.push(Due { key, rule: probe.clone(), row });
            }
        }
    }
    due
}

/// What is written after a run that began at `began` and ended at `ended`.
pub fn after_run(due: &Due, result: ProbeResult, began: Timestamp, ended: Timestamp) -> ProbeRow {
    let since = due
        .row
        .as_ref()
        .filter(|row| began <= after(row.next_due, due.rule.how.within() + LATE_MOST))
        .and_then(|row| row.last.as_ref())
        .and_then(|last| {
            let Value::Probe(last) = &last.value else { return None };
            (last.healthy == result.healthy).then_some(last.since)
        })
        .unwrap_or(began);
    let last = Reading { at: began, value: Value::Probe(ProbeResult { since, ..result }) };
    let (rule, probe) = due.key.clone();
    ProbeRow {
        rule,
        probe,
        next_due: next(&due.rule, anchor(due, began)).max(ended),
        last: Some(last),
    }
}

/// Also due when the schedule, as the rule has it now, would have run it since: a changed rule need not wait.
fn row_is_due(row: &ProbeRow, probe: &ProbeRule, now: Timestamp) -> bool {
    row.next_due <= now || row.last.as_ref().is_some_and(|last| next(probe, last.at) <= now)
}

/// Where the next span is counted from. Counted from each run, what is due every second would miss every other beat.
fn anchor(due: &Due, began: Timestamp) -> Timestamp {
    match (&due.rule.schedule, &due.row) {
        (Schedule::Every(span), Some(row)) if began <= after(row.next_due, *span) => row.next_due,
        (Schedule::Every(_) | Schedule::Cron { .. }, _) => began,
    }
}

fn next(probe: &ProbeRule, now: Timestamp) -> Timestamp {
    next_due(&probe.schedule, now).unwrap_or_else(|_| after(now, NO_SCHEDULE))
}
