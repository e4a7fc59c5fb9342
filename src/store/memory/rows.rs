//! The rows of one transaction, over memory. Never waits.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::state::State;
use crate::core::action::{Intent, IntentKey};
use crate::core::alert::Notification;
use crate::core::audit::AuditEntry;
use crate::core::command::Scope;
use crate::core::incident::{Breaker, Incident, IncidentId};
use crate::core::planted::Bugs;
use crate::core::rule::{Rule, TargetName};
use crate::core::time::Timestamp;
use crate::store::outbox::{Delivery, DeliveryState, Slot};
use crate::store::tx::{Answer, Head, IntentRow, IntentState, OpenRow, Row, Server, Taken, Tx};
use crate::store::{ProbeRow, Stored, TargetLock};

impl Tx for State {
    fn epoch(&self) -> &str {
        &self.epoch
    }

    fn bugs(&self) -> Bugs {
        self.bugs
    }

    fn audit(&mut self, at: Timestamp, entry: AuditEntry) {
        self.saw(at);
        self.entries.push((at, entry));
    }

    async fn server(&mut self) -> Answer<Server> {
        Ok(self.server.clone())
    }

    async fn put_server(&mut self, server: &Server) -> Answer<()> {
        self.server.clone_from(server);
        Ok(())
    }

    async fn latest(&mut self) -> Answer<Option<Timestamp>> {
        Ok(self.latest)
    }

    async fn put_rule(&mut self, rule: &Rule) -> Answer<()> {
        if !self.rules.contains_key(&rule.revision) {
            self.rules.insert(rule.revision.clone(), Arc::new(rule.clone()));
        }
        Ok(())
    }

    async fn rule(&mut self, revision: &str) -> Answer<Option<Arc<Rule>>> {
        Ok(self.rules.get(revision).cloned())
    }

    async fn add_notifications(&mut self, batch: Vec<(Timestamp, Notification)>) -> Answer<()> {
        for (received_at, notification) in batch {
            self.saw(received_at);
            self.last_seq = self.last_seq.saturating_add(1);
            self.inbox.push_back(Stored { seq: self.last_seq, received_at, notification });
        }
        Ok(())
    }

    async fn take_notifications(&mut self, _: Timestamp, limit: u32) -> Answer<Taken> {
        let most = usize::try_from(limit).unwrap_or(usize::MAX).min(self.inbox.len());
        Ok(Taken { stored: self.inbox.drain(..most).collect(), unreadable: Vec::new() })
    }

    async fn next_incident(&mut self) -> Answer<IncidentId> {
        self.last_incident = self.last_incident.saturating_add(1);
        Ok(IncidentId(self.last_incident))
    }

    async fn row(&mut self, id: IncidentId) -> Answer<Option<Row>> {
        Ok(self.incidents.get(&id).cloned())
    }

    async fn head(&mut self, id: IncidentId) -> Answer<Option<Head>> {
        let row = self.incidents.get(&id);
        Ok(row.map(|row| Head { revision: row.incident.revision, fence: row.fence }))
    }

    async fn open_of(&mut self, breaker: &Breaker) -> Answer<Option<Row>> {
        Ok(self.open.get(breaker).and_then(|id| self.incidents.get(id)).cloned())
    }

    async fn closed_of(&mut self, breaker: &Breaker, since: Timestamp) -> Answer<Option<Row>> {
        let last = self.last_closed.get(breaker).and_then(|id| self.incidents.get(id));
        Ok(last.filter(|row| row.incident.closed_at.is_some_and(|at| at >= since)).cloned())
    }

    async fn put_row(&mut self, row: Row) -> Answer<()> {
        self.replace_row(row);
        Ok(())
    }

    async fn due(&mut self, now: Timestamp) -> Answer<Option<Row>> {
        let due = self.due.iter().take_while(|(at, _)| *at <= now);
        let mut rows = due.filter_map(|(_, id)| self.incidents.get(id));
        Ok(rows.find(|row| row.lease_until.is_none_or(|until| until <= now)).cloned())
    }

    async fn next_due(&mut self) -> Answer<Option<Timestamp>> {
        let mut earliest: Option<Timestamp> = None;
        for (at, id) in &self.due {
            // Everything after it is due later still.
            if earliest.is_some_and(|earliest| earliest <= *at) {
                break;
            }
            let leased = self.incidents.get(id).and_then(|row| row.lease_until);
            let at = leased.map_or(*at, |until| until.max(*at));
            earliest = Some(earliest.map_or(at, |earliest| earliest.min(at)));
        }
        Ok(earliest)
    }

    /// Nothing is encoded here.
    async fn set_aside_unreadable(&mut self, _: Timestamp) -> Answer<Vec<(IncidentId, Breaker)>> {
        Ok(Vec::new())
    }

    async fn set_lease(
        &mut self,
        id: IncidentId,
        fence: u64,
        until: Option<Timestamp>,
    ) -> Answer<()> {
        if let Some(row) = self.incidents.get_mut(&id) {
            row.fence = fence;
            row.lease_until = until;
        }
        Ok(())
    }

    async fn clear_leases(&mut self) -> Answer<()> {
        for id in self.open.values() {
            if let Some(row) = self.incidents.get_mut(id) {
                row.lease_until = None;
            }
        }
        Ok(())
    }

    async fn open_count(&mut self) -> Answer<u32> {
        Ok(u32::try_from(self.open.len()).unwrap_or(u32::MAX))
    }

    async fn open_rows(&mut self, limit: usize) -> Answer<Vec<OpenRow>> {
        let mut rows: Vec<OpenRow> = self
            .open
            .values()
            .filter_map(|id| self.incidents.get(id))
            .map(|row| OpenRow {
                id: row.incident.id,
                target: row.incident.breaker.target.clone(),
                open_since: row.incident.open_since(),
            })
            .collect();
        if rows.len() > limit {
            rows.sort_unstable_by_key(|row| std::cmp::Reverse((row.open_since, row.id)));
            rows.truncate(limit);
        }
        Ok(rows)
    }

    async fn all_open(&mut self) -> Answer<Vec<Incident>> {
        let mut ids: Vec<IncidentId> = self.open.values().copied().collect();
        ids.sort_unstable();
        let rows = ids.iter().filter_map(|id| self.incidents.get(id));
        Ok(rows.map(|row| row.incident.clone()).collect())
    }

    async fn newest(&mut self, limit: u32) -> Answer<Vec<Incident>> {
        let most = usize::try_from(limit).unwrap_or(usize::MAX);
        Ok(self.incidents.values().rev().take(most).map(|row| row.incident.clone()).collect())
    }

    async fn intent(&mut self, key: &IntentKey) -> Answer<Option<IntentRow>> {
        Ok(self.intents.get(key).cloned())
    }

    async fn put_intent(&mut self, row: &IntentRow) -> Answer<()> {
        self.replace_intent(row);
        Ok(())
    }

    async fn set_helped(&mut self, key: &IntentKey, helped: bool) -> Answer<()> {
        if let Some(row) = self.intents.get_mut(key) {
            row.helped = Some(helped);
        }
        Ok(())
    }

    async fn unfinished(&mut self) -> Answer<Vec<Intent>> {
        let rows = self.unsettled.iter().filter_map(|key| self.intents.get(key));
        let mut begun: Vec<&IntentRow> =
            rows.filter(|row| row.state == IntentState::Started).collect();
        begun.sort_by_key(|row| (row.started_at, &row.intent.key));
        Ok(begun.into_iter().map(|row| row.intent.clone()).collect())
    }

    async fn starts(&mut self, since: Timestamp, limit: usize) -> Answer<Vec<IntentRow>> {
        let from = (since, IntentKey(String::new()));
        let newest = self.started.range(from..).rev().take(limit);
        let mut rows: Vec<IntentRow> =
            newest.filter_map(|(_, key)| self.intents.get(key)).cloned().collect();
        rows.reverse();
        Ok(rows)
    }

    async fn in_flight(&mut self) -> Answer<Vec<Intent>> {
        let rows = self.unsettled.iter().filter_map(|key| self.intents.get(key));
        let flying = rows.filter(|row| match row.state {
            IntentState::Started => true,
            IntentState::Decided => self.is_open(row.intent.incident),
            IntentState::Unknown => {
                self.is_open(row.intent.incident) && self.locks.contains_key(&row.intent.key)
            }
            IntentState::Refused | IntentState::Done | IntentState::NotDone => false,
        });
        Ok(flying.map(|row| row.intent.clone()).collect())
    }

    async fn put_lock(&mut self, key: &IntentKey, lock: &TargetLock) -> Answer<()> {
        self.locks.insert(key.clone(), lock.clone());
        Ok(())
    }

    async fn remove_lock(&mut self, key: &IntentKey) -> Answer<()> {
        self.locks.remove(key);
        Ok(())
    }

    async fn remove_locks_of(&mut self, target: &TargetName) -> Answer<()> {
        self.locks.retain(|_, lock| lock.target != *target);
        Ok(())
    }

    async fn locks(&mut self) -> Answer<Vec<TargetLock>> {
        Ok(self.locks.values().cloned().collect())
    }

    async fn pauses(&mut self) -> Answer<BTreeMap<Scope, Timestamp>> {
        Ok(self.pauses.clone())
    }

    async fn put_pause(&mut self, scope: &Scope, until: Option<Timestamp>) -> Answer<()> {
        match until {
            Some(until) => self.pauses.insert(scope.clone(), until),
            None => self.pauses.remove(scope),
        };
        Ok(())
    }

    async fn delivery(&mut self, incident: IncidentId, slot: Slot) -> Answer<Option<Delivery>> {
        Ok(self.deliveries.get(&(incident, slot)).map(|(delivery, _)| delivery.clone()))
    }

    async fn put_delivery(&mut self, delivery: &Delivery, now: Timestamp) -> Answer<()> {
        let key = (delivery.incident, delivery.slot);
        if delivery.pending() {
            self.pending.insert(key);
        } else {
            self.pending.remove(&key);
        }
        match self.deliveries.get_mut(&key) {
            Some((known, _)) => known.clone_from(delivery),
            None => {
                self.deliveries.insert(key, (delivery.clone(), now));
            }
        }
        Ok(())
    }

    async fn next_line(&mut self, incident: IncidentId) -> Answer<u32> {
        let lines = (incident, Slot::Thread(0))..=(incident, Slot::Thread(u32::MAX));
        let last = self.deliveries.range(lines).next_back().map(|((_, slot), _)| *slot);
        Ok(match last {
            Some(Slot::Thread(n)) => n.saturating_add(1),
            Some(Slot::Root | Slot::Page(_) | Slot::Notice(_)) | None => 1,
        })
    }

    async fn due_deliveries(&mut self, now: Timestamp, limit: u32) -> Answer<Vec<Delivery>> {
        let pending = self.pending.iter().filter_map(|key| self.deliveries.get(key));
        let mut due: Vec<Delivery> = pending
            .map(|(delivery, planned_at)| (delivery.clone().doubted(now), *planned_at))
            .filter(|(delivery, planned_at)| self.may_go(delivery, *planned_at, now))
            .map(|(delivery, _)| delivery)
            .collect();
        // Stable: of one urgency, by incident and slot.
        due.sort_by_key(Delivery::urgency);
        due.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
        Ok(due)
    }

    async fn unsaid(&mut self) -> Answer<(u32, Option<Timestamp>)> {
        let pending = self.pending.iter().filter_map(|key| self.deliveries.get(key));
        let unsaid = pending.filter(|(delivery, _)| delivery.posted.is_none());
        let (mut count, mut oldest) = (0, None);
        for (_, planned_at) in unsaid {
            count += 1;
            oldest = Some(oldest.map_or(*planned_at, |oldest: Timestamp| oldest.min(*planned_at)));
        }
        Ok((count, oldest))
    }

    async fn doubt_deliveries(&mut self, now: Timestamp) -> Answer<()> {
        for key in &self.pending {
            if let Some((delivery, _)) = self.deliveries.get_mut(key)
                && let DeliveryState::Sending(since) = delivery.state
            {
                delivery.state = DeliveryState::Ambiguous(since);
                delivery.due_at = now;
            }
        }
        Ok(())
    }

    async fn probes(&mut self) -> Answer<Vec<ProbeRow>> {
        Ok(self.probes.values().cloned().collect())
    }

    async fn put_probe(&mut self, row: &ProbeRow) -> Answer<()> {
        self.probes.insert((row.rule.clone(), row.probe.clone()), row.clone());
        Ok(())
    }
}
