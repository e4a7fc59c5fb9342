//! The rows in memory and their indexes. Never copies a whole table.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use crate::core::action::IntentKey;
use crate::core::audit::{AuditEntry, GENESIS, Link};
use crate::core::command::Scope;
use crate::core::incident::{Breaker, IncidentId};
use crate::core::planted::Bugs;
use crate::core::rule::{Rule, RuleName};
use crate::core::time::Timestamp;
use crate::store::chain;
use crate::store::outbox::{Delivery, Slot};
use crate::store::tx::{Answer, IntentRow, IntentState, Row, Server};
use crate::store::{ProbeRow, StoreError, Stored, TargetLock};

/// Everything that is remembered.
pub(in crate::store) struct State {
    pub(super) epoch: String,
    pub(super) bugs: Bugs,
    pub(super) server: Server,
    pub(super) latest: Option<Timestamp>,
    pub(super) rules: BTreeMap<String, Arc<Rule>>,

    /// Not attached yet, oldest first.
    pub(super) inbox: VecDeque<Stored>,
    pub(super) last_seq: u64,

    pub(super) last_incident: u64,
    pub(super) incidents: BTreeMap<IncidentId, Row>,
    pub(super) open: BTreeMap<Breaker, IncidentId>,
    pub(super) last_closed: BTreeMap<Breaker, IncidentId>,
    pub(super) due: BTreeSet<(Timestamp, IncidentId)>,

    pub(super) intents: BTreeMap<IntentKey, IntentRow>,
    pub(super) started: BTreeSet<(Timestamp, IntentKey)>,
    /// Decided, begun or unknown.
    pub(super) unsettled: BTreeSet<IntentKey>,
    pub(super) locks: BTreeMap<IntentKey, TargetLock>,
    pub(super) pauses: BTreeMap<Scope, Timestamp>,

    /// With the moment each was planned.
    pub(super) deliveries: BTreeMap<(IncidentId, Slot), (Delivery, Timestamp)>,
    pub(super) pending: BTreeSet<(IncidentId, Slot)>,

    pub(super) probes: BTreeMap<(RuleName, String), ProbeRow>,

    pub(super) entries: Vec<(Timestamp, AuditEntry)>,
    /// The hashed form of the first so many entries: made when somebody asks.
    links: Vec<Link>,
}

impl State {
    pub(super) fn new(epoch: &str, bugs: Bugs) -> Self {
        Self {
            epoch: epoch.to_owned(),
            bugs,
            server: Server { clean: true, ..Server::default() },
            latest: None,
            rules: BTreeMap::new(),
            inbox: VecDeque::new(),
            last_seq: 0,
            last_incident: 0,
            incidents: BTreeMap::new(),
            open: BTreeMap::new(),
            last_closed: BTreeMap::new(),
            due: BTreeSet::new(),
            intents: BTreeMap::new(),
            started: BTreeSet::new(),
            unsettled: BTreeSet::new(),
            locks: BTreeMap::new(),
            pauses: BTreeMap::new(),
            deliveries: BTreeMap::new(),
            pending: BTreeSet::new(),
            probes: BTreeMap::new(),
            entries: Vec::new(),
            links: Vec::new(),
        }
    }

    pub(super) fn saw(&mut self, at: Timestamp) {
        self.latest = Some(self.latest.map_or(at, |latest| latest.max(at)));
    }

    /// The whole chain.
    pub(super) fn links(&mut self) -> Answer<&[Link]> {
        for (at, entry) in self.entries.iter().skip(self.links.len()) {
            let (number, previous) =
                self.links.last().map_or((0, GENESIS), |link| (link.number, link.hash));
            let link = chain::link(number.saturating_add(1), &previous, *at, entry)
                .map_err(|error| StoreError::Corrupt(error.to_string()))?;
            self.links.push(link);
        }
        Ok(&self.links)
    }

    pub(super) fn replace_row(&mut self, row: Row) {
        let id = row.incident.id;
        let open = row.incident.phase.is_open();
        let due = row.due_at.filter(|_| open);
        let before = self.incidents.get(&id);
        let before_due = before.and_then(|b| b.due_at.filter(|_| b.incident.phase.is_open()));
        if before_due != due {
            if let Some(at) = before_due {
                self.due.remove(&(at, id));
            }
            if let Some(at) = due {
                self.due.insert((at, id));
            }
        }
        if before.map(|b| b.incident.phase.is_open()) != Some(open) {
            let breaker = row.incident.breaker.clone();
            if open {
                self.open.insert(breaker, id);
            } else {
                self.open.remove(&breaker);
                self.last_closed.insert(breaker, id);
            }
        }
        self.incidents.insert(id, row);
    }

    pub(super) fn replace_intent(&mut self, row: &IntentRow) {
        let key = &row.intent.key;
        match row.state {
            IntentState::Decided | IntentState::Started | IntentState::Unknown => {
                self.unsettled.insert(key.clone());
            }
            IntentState::Refused | IntentState::Done | IntentState::NotDone => {
                self.unsettled.remove(key);
            }
        }
        if let Some(at) = row.started_at {
            self.started.insert((at, key.clone()));
        }
        self.intents.insert(key.clone(), row.clone());
    }

    /// The open incident of an intent, if it is open.
    pub(super) fn is_open(&self, incident: IncidentId) -> bool {
        self.incidents.get(&incident).is_some_and(|row| row.incident.phase.is_open())
    }

    /// May go out at `now`: see `outbox` for the order.
    pub(super) fn may_go(
        &self,
        delivery: &Delivery,
        planned_at: Timestamp,
        now: Timestamp,
    ) -> bool {
        use crate::core::time::after;
        use crate::store::outbox::{DeliveryState, PAGE_WAITS};
        if delivery.due_at > now || matches!(delivery.state, DeliveryState::Sending(_)) {
            return false;
        }
        let root = self.deliveries.get(&(delivery.incident, Slot::Root)).map(|(root, _)| root);
        let posted = root.is_some_and(|root| root.posted.is_some());
        match delivery.slot {
            Slot::Root | Slot::Notice(_) => true,
            Slot::Page(_) => {
                posted
                    || root.is_some_and(|root| root.state == DeliveryState::Dead)
                    || after(planned_at, PAGE_WAITS) <= now
            }
            // One line after another.
            Slot::Thread(n) => {
                let from = (delivery.incident, Slot::Thread(0));
                let earlier = self.pending.range(from..(delivery.incident, Slot::Thread(n)));
                posted && earlier.count() == 0
            }
        }
    }
}
