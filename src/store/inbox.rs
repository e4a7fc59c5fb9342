//! From stored webhook bodies to incidents. Never asks whether an alert is true.

use std::collections::{BTreeMap, BTreeSet};

use super::Correlated;
use super::tx::{Answer, Row, Tx};
use crate::core::alert::{Alert, AlertFlag, AlertStatus};
use crate::core::audit::AuditEntry;
use crate::core::incident::{Breaker, Incident, IncidentId, Placement};
use crate::core::rule::RuleSet;
use crate::core::time::{Duration, Timestamp};

/// A breaker that opens again so soon after it was verified closed has the same trouble: its incident goes on.
pub const REOPEN_WINDOW: Duration = Duration::from_secs(30 * 60);
/// More names of unmatched alerts than this, of one call, are not listed: they are for a log line.
const UNMATCHED_MOST: usize = 1_000;

pub(super) async fn correlate<T: Tx>(
    tx: &mut T,
    now: Timestamp,
    limit: u32,
    rules: &RuleSet,
) -> Answer<Correlated> {
    let taken = tx.take_notifications(now, limit).await?;
    let mut batch = Batch {
        now,
        rules,
        rows: BTreeMap::new(),
        kept: BTreeSet::new(),
        done: Correlated::default(),
    };
    for seq in &taken.unreadable {
        let reason = format!("stored notification {seq} cannot be read by this version");
        tracing::error!(seq, "a stored notification cannot be read: kept aside, see the audit log");
        tx.audit(now, AuditEntry::Rejected { source: "store".to_owned(), reason });
    }
    batch.done.notifications = taken.stored.len().saturating_add(taken.unreadable.len());
    for mut stored in taken.stored {
        let truncated = stored.notification.truncated > 0;
        batch.done.truncated |= truncated;
        for alert in &mut stored.notification.alerts {
            if truncated && !alert.flags.contains(&AlertFlag::GroupTruncated) {
                alert.flags.push(AlertFlag::GroupTruncated);
            }
            batch.alert(tx, alert, stored.received_at).await?;
        }
    }
    for row in batch.rows.into_values().flatten() {
        tx.put_row(row).await?;
    }
    Ok(batch.done)
}

/// The incidents that one call touches: each is read once and written once.
struct Batch<'a> {
    now: Timestamp,
    rules: &'a RuleSet,
    rows: BTreeMap<Breaker, Option<Row>>,
    /// Rules whose text this call has kept already.
    kept: BTreeSet<String>,
    done: Correlated,
}

impl Batch<'_> {
    async fn alert<T: Tx>(&mut self, tx: &mut T, alert: &Alert, at: Timestamp) -> Answer<()> {
        let placements = self.rules.place(alert);
        let is_known =
            !placements.is_empty() || self.rules.retired.iter().any(|rule| rule.matches(alert));
        if !is_known && self.done.unmatched.len() < UNMATCHED_MOST {
            self.done.unmatched.push(alert.labels.get("alertname").cloned().unwrap_or_default());
        }
        // An incident that is not over keeps its rule, and with it the alerts that the rule matches.
        for placement in self.rules.place_retired(alert) {
            if placements.iter().all(|known| known.breaker != placement.breaker) {
                self.hear(tx, alert, at, &placement).await?;
            }
        }
        for placement in placements {
            self.place(tx, alert, at, &placement).await?;
        }
        Ok(())
    }

    async fn place<T: Tx>(
        &mut self,
        tx: &mut T,
        alert: &Alert,
        at: Timestamp,
        placement: &Placement,
    ) -> Answer<()> {
        if self.hear(tx, alert, at, placement).await? {
            return Ok(());
        }
        // What is over opens nothing.
        let mut row = match alert.status {
            AlertStatus::Resolved => return Ok(()),
            AlertStatus::Firing => self.open(tx, placement).await?,
        };
        let incident = row.incident.id;
        row.incident.hear(alert, at);
        row.changed(self.now);
        row.due_now(self.now);
        tx.audit(self.now, attached(incident, alert, &placement.breaker, true));
        push_once(&mut self.done.touched, incident);
        self.rows.insert(placement.breaker.clone(), Some(row));
        Ok(())
    }

    /// Tells the open incident of a breaker. False: there is none.
    async fn hear<T: Tx>(
        &mut self,
        tx: &mut T,
        alert: &Alert,
        at: Timestamp,
        placement: &Placement,
    ) -> Answer<bool> {
        if !self.rows.contains_key(&placement.breaker) {
            let row = tx.open_of(&placement.breaker).await?;
            self.rows.insert(placement.breaker.clone(), row);
        }
        let Some(row) = self.rows.get_mut(&placement.breaker).and_then(Option::as_mut) else {
            return Ok(false);
        };
        if row.incident.unknown_target && !placement.unknown_target {
            // The owners named the target meanwhile. One that they took away stays known: its guards say no.
            row.incident.unknown_target = false;
            row.changed(self.now);
            row.due_now(self.now);
        }
        if let Some(entry) = heard(row, alert, at, self.now) {
            push_once(&mut self.done.touched, row.incident.id);
            tx.audit(self.now, entry);
        }
        Ok(true)
    }

    /// A new incident, or the last one of the breaker if it was closed a short while ago.
    async fn open<T: Tx>(&mut self, tx: &mut T, placement: &Placement) -> Answer<Row> {
        let revision = match self.rules.rule(&placement.breaker) {
            Some(rule) => {
                // Its text must be known for as long as the incident, whoever loaded the rules.
                if self.kept.insert(rule.revision.clone()) {
                    tx.put_rule(rule).await?;
                }
                rule.revision.clone()
            }
            None => String::new(),
        };
        let window = self.now.checked_sub(REOPEN_WINDOW).unwrap_or(Timestamp::MIN);
        if let Some(mut row) = tx.closed_of(&placement.breaker, window).await? {
            row.incident.reopen(&revision, self.now);
            row.incident.unknown_target = placement.unknown_target;
            row.due_at = None;
            row.lease_until = None;
            return Ok(row);
        }
        let id = tx.next_incident().await?;
        self.done.opened.push(id);
        let incident = Incident::open(id, placement, &revision, self.now);
        Ok(Row { incident, due_at: None, fence: 0, lease_until: None })
    }
}

/// An alert of an incident that is open already. Repeats change the record too: how often, and when last.
fn heard(row: &mut Row, alert: &Alert, at: Timestamp, now: Timestamp) -> Option<AuditEntry> {
    let news = row.incident.hear(alert, at);
    row.changed(now);
    news.then(|| {
        row.due_now(now);
        attached(row.incident.id, alert, &row.incident.breaker, false)
    })
}

fn attached(incident: IncidentId, alert: &Alert, breaker: &Breaker, opened: bool) -> AuditEntry {
    let status = match alert.status {
        AlertStatus::Firing => "firing",
        AlertStatus::Resolved => "resolved",
    };
    AuditEntry::AlertAttached {
        incident,
        breaker: breaker.clone(),
        alert: alert.key.clone(),
        status: status.to_owned(),
        opened,
    }
}

fn push_once(list: &mut Vec<IncidentId>, id: IncidentId) {
    if !list.contains(&id) {
        list.push(id);
    }
}
