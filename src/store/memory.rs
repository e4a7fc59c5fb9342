//! The store in memory: for tests and simulations, which live thousands of lives a second. Nothing survives the process.
//!
//! It keeps the same rows as the database, and passes the same contract.

mod crash;
mod rows;
mod state;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

pub use crash::Point;

use super::StoreError;
use super::chain::{Chain, Suspect, Walk};
use super::tx::Answer;
use crate::core::audit::{AuditEntry, Link};
use crate::core::incident::Incident;
use crate::core::planted::Bugs;
use crate::core::time::Timestamp;
use state::State;

/// A store without a disk. Clones are the same store.
#[derive(Clone)]
pub struct Memory(Arc<Mutex<Inner>>);

struct Inner {
    state: State,
    crash: crash::Crash,
}

impl Memory {
    pub(super) fn new(epoch: &str, bugs: Bugs) -> Self {
        let state = State::new(epoch, bugs);
        Self(Arc::new(Mutex::new(Inner { state, crash: crash::Crash::default() })))
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// One transaction. A verb checks everything before it writes anything, so an error leaves no half.
    pub(super) fn write<T>(&self, verb: impl FnOnce(&mut State) -> Answer<T>) -> Answer<T> {
        let mut inner = self.inner();
        let inner = &mut *inner;
        inner.crash.before_write()?;
        let answer = verb(&mut inner.state);
        inner.crash.after_write()?;
        answer
    }

    pub(super) fn read<T>(&self, verb: impl FnOnce(&mut State) -> Answer<T>) -> Answer<T> {
        let mut inner = self.inner();
        inner.crash.alive()?;
        verb(&mut inner.state)
    }

    /// The n-th write verb from now (the next one is 1) ends the process, before or after it is durable. All that is
    /// asked later fails, until `revive`.
    #[cfg(feature = "test-hooks")]
    pub fn crash_after(&self, writes: u32, point: Point) {
        self.inner().crash.plan(writes, point);
    }

    /// The next process: everything durable is as it was.
    #[cfg(feature = "test-hooks")]
    pub fn revive(&self) {
        self.inner().crash.revive();
    }

    #[cfg(feature = "test-hooks")]
    pub fn crashed(&self) -> bool {
        self.inner().crash.alive().is_err()
    }

    /// Write verbs so far.
    #[cfg(feature = "test-hooks")]
    pub fn writes(&self) -> u64 {
        self.inner().crash.writes()
    }

    /// No end is planned any more.
    #[cfg(feature = "test-hooks")]
    pub fn crash_never(&self) {
        self.inner().crash.forget();
    }

    /// Whether all incidents are like this, without copying them.
    pub fn all_incidents(&self, mut like: impl FnMut(&Incident) -> bool) -> bool {
        self.inner().state.incidents.values().all(|row| like(&row.incident))
    }

    /// The audit log as entries: readable even after a crash, as a disk would be.
    pub fn audit_entries(&self) -> Vec<(Timestamp, AuditEntry)> {
        self.inner().state.entries.clone()
    }

    /// The same without a copy.
    pub fn with_audit<T>(&self, read: impl FnOnce(&[(Timestamp, AuditEntry)]) -> T) -> T {
        read(&self.inner().state.entries)
    }

    pub(super) fn audit_links(&self, after: u64, limit: u32) -> Answer<Vec<Link>> {
        self.read(|state| {
            let links = state.links()?;
            let skip = usize::try_from(after).unwrap_or(usize::MAX);
            let most = usize::try_from(limit).unwrap_or(usize::MAX);
            Ok(links.iter().skip(skip).take(most).cloned().collect())
        })
    }

    pub(super) fn audit_head(&self) -> Answer<Option<Link>> {
        self.read(|state| Ok(state.links()?.last().cloned()))
    }

    pub(super) fn audit_verify(&self) -> Answer<Chain> {
        self.read(|state| {
            let links = state.links()?;
            let mut walk = Walk::new();
            for link in links {
                let suspect = Suspect {
                    number: i64::try_from(link.number).unwrap_or(i64::MAX),
                    at_us: link.at.as_microsecond(),
                    text: link.text.clone().into_bytes(),
                    hash: link.hash.to_vec(),
                };
                if let Err(broken) = walk.step(&suspect) {
                    return Ok(broken);
                }
            }
            let (number, head) = links.last().map_or((0, [0; 32]), |link| (link.number, link.hash));
            Ok(walk.end(number, &head))
        })
    }
}

/// Runs a verb to its end: over memory it never waits.
pub(super) fn ready<T>(verb: impl Future<Output = Answer<T>>) -> Answer<T> {
    let mut verb = std::pin::pin!(verb);
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    match verb.as_mut().poll(&mut context) {
        std::task::Poll::Ready(answer) => answer,
        std::task::Poll::Pending => {
            Err(StoreError::Corrupt("the memory store was asked to wait".to_owned()))
        }
    }
}
