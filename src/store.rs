//! What is remembered: about thirty verbs, each one transaction, the same for every backend. Decides nothing.
//!
//! The verbs are written once (`inbox`, `lease`, `intents`, `fleet`, `outbox`, `server`) over the rows of one transaction
//! (`tx`); `memory` and `sqlite` keep the rows. `tests/it/store.rs` is the contract that every backend passes.
//! No transaction is held across a call to the outside.

mod chain;
mod error;
pub mod failpoint;
mod fleet;
mod inbox;
mod intents;
mod lease;
pub mod memory;
mod outbox;
mod ruleset;
mod server;
pub mod sqlite;
mod tx;
mod types;

use std::path::Path;
use std::sync::Arc;

pub use chain::Chain;
pub use error::StoreError;
use failpoint::NOWHERE;
pub use inbox::REOPEN_WINDOW;
pub use outbox::{
    Body, Delivered, Delivery, DeliveryState, NO_INCIDENT, PAGE_WAITS, Posted, SENDING_LASTS, Slot,
};
pub use ruleset::WrongRules;
pub use server::{OBSERVE_ONLY_STARTS, START_WINDOW, Switches};
pub use types::{Begun, Claim, Correlated, Lease, ProbeRow, StartInfo, Stored, TargetLock, Which};

use crate::core::action::{Intent, IntentKey, Outcome};
use crate::core::alert::Notification;
use crate::core::audit::{AuditEntry, Link};
use crate::core::command::{Command, Person};
use crate::core::decide::Decision;
use crate::core::fleet::Fleet;
use crate::core::incident::{Incident, IncidentId, News};
use crate::core::planted::Bugs;
use crate::core::report::Report;
use crate::core::rule::{Rule, RuleSet};
use crate::core::time::Timestamp;
use tx::{Answer, Tx};

/// Where things are remembered. Clones are the same store.
#[derive(Clone)]
pub enum Store {
    Memory(memory::Memory),
    Sqlite(sqlite::Sqlite),
}

/// One transaction that may write: all of the verb, or nothing.
macro_rules! write {
    ($store:expr, $tx:ident => $verb:expr) => {
        write!($store, [NOWHERE, NOWHERE], $tx => $verb)
    };
    ($store:expr, [$before:expr, $after:expr], $tx:ident => $verb:expr) => {
        match $store {
            Store::Memory(memory) => memory.write(|$tx| memory::ready($verb)),
            Store::Sqlite(sqlite) => {
                let mut open = sqlite.begin().await?;
                let $tx = &mut open;
                let answer = $verb.await?;
                failpoint::reach($before);
                open.commit().await?;
                failpoint::reach($after);
                Ok(answer)
            }
        }
    };
}

/// One transaction that only reads: everything as it was at one moment.
macro_rules! read {
    ($store:expr, $tx:ident => $verb:expr) => {
        match $store {
            Store::Memory(memory) => memory.read(|$tx| memory::ready($verb)),
            Store::Sqlite(sqlite) => {
                let mut open = sqlite.snapshot().await?;
                let $tx = &mut open;
                $verb.await
            }
        }
    };
}

impl Store {
    /// A new store without a disk.
    pub fn memory(epoch: &str, bugs: Bugs) -> Self {
        Self::Memory(memory::Memory::new(epoch, bugs))
    }

    /// The database of a server in `dir`, made when there is none. `StoreError::Held` while another server has it.
    pub async fn open(dir: &Path, bugs: Bugs) -> Answer<Self> {
        sqlite::Sqlite::open(dir, bugs).await.map(Self::Sqlite)
    }

    /// The database of a server that is not running, for commands. Makes none.
    pub async fn open_stopped(dir: &Path) -> Answer<Self> {
        sqlite::Sqlite::open_stopped(dir).await.map(Self::Sqlite)
    }

    /// Waits for what is being written, and lets the directory go.
    pub async fn close(&self) {
        match self {
            Self::Memory(_) => {}
            Self::Sqlite(sqlite) => sqlite.close().await,
        }
    }

    // --- the server ---

    /// Records the start: until `stop`, an end is not clean. Not settled (G18) until `settle` says when, unless the last
    /// stop was clean and nothing is open.
    pub async fn start(&self, now: Timestamp, version: &str, rules: &RuleSet) -> Answer<StartInfo> {
        write!(self, tx => server::start(tx, now, version, rules))
    }

    /// Closes open incidents whose record cannot be read, and calls a person for each.
    pub async fn set_aside_unreadable(&self, rules: &RuleSet, now: Timestamp) -> Answer<()> {
        write!(self, tx => server::set_aside_unreadable(tx, rules, now))
    }

    /// Takes the right to write and gives it back: an error means that nothing can be stored now.
    pub async fn can_write(&self) -> Answer<()> {
        write!(self, tx => server::touch(tx))
    }

    /// Records a clean stop.
    pub async fn stop(&self, now: Timestamp) -> Answer<()> {
        write!(self, tx => server::stop(tx, now))
    }

    /// G18: no automatic action before `at`; `None`: at once.
    pub async fn settle(&self, at: Option<Timestamp>) -> Answer<()> {
        write!(self, tx => server::settle(tx, at))
    }

    /// Keeps the text of every rule, for incidents that outlive it.
    pub async fn remember_rules(&self, rules: &RuleSet) -> Answer<()> {
        write!(self, tx => server::remember_rules(tx, rules))
    }

    /// Another set is active from when this returns: its rules are kept, people and the incidents that it touches are
    /// told. Answers the rules of open incidents that the new set has no more.
    pub async fn activate(
        &self,
        before: &RuleSet,
        rules: &RuleSet,
        by: &str,
        now: Timestamp,
    ) -> Answer<Vec<Rule>> {
        write!(self, tx => ruleset::activate(tx, (before, rules), by, now))
    }

    /// The owners allow less, though the rules beside their file are wrong: the set goes on with that.
    pub async fn lower(
        &self,
        before: &RuleSet,
        rules: &RuleSet,
        by: &str,
        now: Timestamp,
    ) -> Answer<()> {
        write!(self, tx => ruleset::replace(tx, (before, rules), by, now))
    }

    /// What was read cannot become active. People are told once of each wrong set; true if they are told now.
    pub async fn refuse_rules(
        &self,
        wrong: &WrongRules,
        active: &str,
        by: &str,
        now: Timestamp,
    ) -> Answer<bool> {
        write!(self, tx => ruleset::refuse(tx, wrong, active, by, now))
    }

    /// The rules of open incidents that `rules` has no more.
    pub async fn retired(&self, rules: &RuleSet) -> Answer<Vec<Rule>> {
        read!(self, tx => ruleset::retired(tx, rules))
    }

    pub async fn rule_by_revision(&self, revision: &str) -> Answer<Option<Arc<Rule>>> {
        read!(self, tx => tx.rule(revision))
    }

    /// What a person ordered: switches, pauses, locks.
    pub async fn command(&self, command: &Command, by: &Person, now: Timestamp) -> Answer<()> {
        write!(self, tx => server::command(tx, command, by, now))
    }

    pub async fn switches(&self) -> Answer<Switches> {
        read!(self, tx => server::switches(tx))
    }

    // --- alerts ---

    /// Stores webhook bodies, all in one commit: when this returns they are durable.
    pub async fn ingest(&self, batch: Vec<(Timestamp, Notification)>) -> Answer<()> {
        write!(self, ["ingest-before-commit", "ingest-after-commit"], tx => tx.add_notifications(batch))
    }

    /// Attaches the oldest stored bodies, so many at most, to incidents: opens, reopens, or adds to them.
    pub async fn correlate(
        &self,
        now: Timestamp,
        limit: u32,
        rules: &RuleSet,
    ) -> Answer<Correlated> {
        write!(self, tx => inbox::correlate(tx, now, limit, rules))
    }

    // --- incidents ---

    /// Leases the open incident that has been due longest.
    pub async fn claim_due(&self, now: Timestamp, lease: &Lease) -> Answer<Option<Claim>> {
        write!(self, tx => lease::claim_due(tx, now, lease))
    }

    /// Gives a lease back without a change.
    pub async fn release(&self, claim: &Claim) -> Answer<()> {
        write!(self, tx => lease::release(tx, claim))
    }

    /// The decision with its effects and audit entries, and the end of the lease. `Conflict` when the incident is not as
    /// it was claimed: read it again.
    pub async fn commit(&self, claim: &Claim, decision: Decision, now: Timestamp) -> Answer<()> {
        write!(self, ["decide-before-commit", "decide-after-commit"], tx => lease::commit(tx, claim, decision, now))
    }

    /// Writes what happened outside into the record. False: it was known, late, or of another round.
    pub async fn note(&self, incident: IncidentId, news: &News, now: Timestamp) -> Answer<bool> {
        write!(self, tx => lease::note(tx, incident, news, now))
    }

    /// What the guards of one incident must know beyond it.
    pub async fn fleet(
        &self,
        incident: &Incident,
        rules: &RuleSet,
        now: Timestamp,
    ) -> Answer<Fleet> {
        read!(self, tx => fleet::fleet(tx, incident, rules, now))
    }

    pub async fn incidents(&self, which: Which) -> Answer<Vec<Incident>> {
        match which {
            Which::Open => read!(self, tx => tx.all_open()),
            Which::Newest(limit) => read!(self, tx => tx.newest(limit)),
        }
    }

    pub async fn incident(&self, id: IncidentId) -> Answer<Option<Incident>> {
        let row = read!(self, tx => tx.row(id))?;
        Ok(row.map(|row| row.incident))
    }

    pub async fn open_count(&self) -> Answer<u32> {
        read!(self, tx => tx.open_count())
    }

    /// When `claim_due` will have an answer next.
    pub async fn next_due(&self) -> Answer<Option<Timestamp>> {
        read!(self, tx => tx.next_due())
    }

    // --- actions ---

    /// Asks the guards again as things are now, and writes `Started` if all allow it. Never twice for one intent.
    pub async fn begin(&self, intent: &Intent, rules: &RuleSet, now: Timestamp) -> Answer<Begun> {
        write!(self, [NOWHERE, "execute-after-intent-commit"], tx => intents::begin(tx, intent, rules, now))
    }

    /// Writes what came of it. A proven outcome never changes; an unknown one locks the target until it is proven or
    /// a person clears the lock.
    pub async fn finish(&self, key: &IntentKey, outcome: Outcome, now: Timestamp) -> Answer<()> {
        write!(self, ["execute-before-outcome-commit", "execute-after-outcome"],
            tx => intents::finish(tx, key, outcome, now))
    }

    /// Begun, and without an outcome.
    pub async fn unfinished(&self) -> Answer<Vec<Intent>> {
        read!(self, tx => tx.unfinished())
    }

    // --- the outbox ---

    /// What may be sent now, the most urgent first. A page may come before its root was posted.
    pub async fn deliveries_due(&self, now: Timestamp, limit: u32) -> Answer<Vec<Delivery>> {
        read!(self, tx => tx.due_deliveries(now, limit))
    }

    /// Messages of which nothing has arrived yet, and when the oldest was planned.
    pub async fn unsaid(&self) -> Answer<(u32, Option<Timestamp>)> {
        read!(self, tx => tx.unsaid())
    }

    /// To be written before the request. `Conflict`: another request is on its way, or there is nothing to send.
    pub async fn delivery_sending(&self, id: &str, revision: u64, now: Timestamp) -> Answer<()> {
        write!(self, [NOWHERE, "slack-after-sending-commit"], tx => outbox::sending(tx, id, revision, now))
    }

    pub async fn delivery_result(&self, id: &str, result: Delivered, now: Timestamp) -> Answer<()> {
        write!(self, ["slack-before-sent-commit", NOWHERE], tx => outbox::result(tx, id, result, now))
    }

    /// Where the incident's root message stands.
    pub async fn root_posted(&self, incident: IncidentId) -> Answer<Option<Posted>> {
        let root = read!(self, tx => tx.delivery(incident, Slot::Root))?;
        Ok(root.and_then(|root| root.posted))
    }

    /// The newest report on an incident: what its root message shows, or will.
    pub async fn report(&self, incident: IncidentId) -> Answer<Option<Report>> {
        let root = read!(self, tx => tx.delivery(incident, Slot::Root))?;
        Ok(root.and_then(|root| match root.body {
            Body::Report(report) => Some(*report),
            Body::Line(_) | Body::Page(_) | Body::Notice(_) => None,
        }))
    }

    // --- probes ---

    pub async fn probes(&self) -> Answer<Vec<ProbeRow>> {
        read!(self, tx => tx.probes())
    }

    pub async fn put_probe(&self, row: &ProbeRow) -> Answer<()> {
        write!(self, tx => tx.put_probe(row))
    }

    // --- the audit log ---

    pub async fn audit_append(&self, entry: AuditEntry, now: Timestamp) -> Answer<()> {
        write!(self, tx => async {
            tx.audit(now, entry);
            Ok(())
        })
    }

    /// Links with a number above `after`, in their order.
    pub async fn audit_links(&self, after: u64, limit: u32) -> Answer<Vec<Link>> {
        match self {
            Self::Memory(memory) => memory.audit_links(after, limit),
            Self::Sqlite(sqlite) => sqlite.audit_links(after, limit).await,
        }
    }

    pub async fn audit_head(&self) -> Answer<Option<Link>> {
        match self {
            Self::Memory(memory) => memory.audit_head(),
            Self::Sqlite(sqlite) => sqlite.audit_head().await,
        }
    }

    /// Walks the whole log.
    pub async fn audit_verify(&self) -> Answer<Chain> {
        match self {
            Self::Memory(memory) => memory.audit_verify(),
            Self::Sqlite(sqlite) => sqlite.audit_verify().await,
        }
    }
}
