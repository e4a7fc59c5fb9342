//! Alerts → stored, many requests in one commit, acknowledged. Never says "stored" before the commit has returned, and
//! never looks at what an alert says.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore, mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::core::alert::Notification;
use crate::core::time::{Duration, Timestamp};
use crate::engine::clock::since_boot;
use crate::store::StoreError;
use crate::telemetry::Metrics;

/// Requests of one commit. More no longer raises the rate, only the wait of the first.
const BATCH_MOST: usize = 256;
/// Bytes of one commit: a few large bodies are not held up by each other.
const BATCH_BYTES_MOST: usize = 4 * 1_024 * 1_024;
/// Requests that wait for their commit: what a slow disk clears within the time a sender waits.
const QUEUE_MOST: usize = 2_048;
/// Bodies in memory, from their first byte until they are stored. A storm beyond it is sent again.
const ROOM_BYTES: usize = 128 * 1_024 * 1_024;
/// Room is counted in pages, because a semaphore counts in 32 bits.
const ROOM_PAGE_BYTES: usize = 1_024;
/// P2: what is not stored by then is refused, and sent again by Alertmanager.
pub const COMMIT_WAIT_MOST: Duration = Duration::from_secs(2);

/// How long a failed commit makes the server unready.
const FAILURE_COUNTS: Duration = Duration::from_secs(10);

/// Why a notification is not, or perhaps not, stored. All of them pass: send it again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotStored {
    #[error("too many requests wait to be stored")]
    Busy,
    #[error("the server is stopping")]
    Draining,
    /// It may yet be stored: a second copy does no harm.
    #[error("not stored in time")]
    Slow,
    #[error("the store cannot write now")]
    Unavailable,
}

/// The way in: cheap to clone, one writer behind it.
#[derive(Clone)]
pub struct Intake {
    queue: mpsc::Sender<Job>,
    room: Arc<Semaphore>,
    draining: CancellationToken,
    metrics: Arc<Metrics>,
    /// Time since boot of the last failed commit, in milliseconds; 0: the last one went well.
    failed_ms: Arc<AtomicU64>,
}

/// Memory reserved for one body; free again when dropped.
pub struct Room {
    of: Arc<Semaphore>,
    held: Option<OwnedSemaphorePermit>,
    bytes: usize,
}

struct Job {
    received_at: Timestamp,
    notification: Notification,
    room: Room,
    done: oneshot::Sender<Result<(), NotStored>>,
}

impl Intake {
    /// Starts the writer, which hands each batch to `write` (the store's `ingest`) and pokes `news` after each commit.
    /// It ends after `drain`, when everything queued is written.
    pub fn start<W, F>(write: W, news: Arc<Notify>, metrics: Arc<Metrics>) -> (Self, JoinHandle<()>)
    where
        W: Fn(Vec<(Timestamp, Notification)>) -> F + Send + Sync + 'static,
        F: Future<Output = Result<(), StoreError>> + Send + 'static,
    {
        let (queue, jobs) = mpsc::channel(QUEUE_MOST);
        let draining = CancellationToken::new();
        let room = Arc::new(Semaphore::new(ROOM_BYTES / ROOM_PAGE_BYTES));
        let failed_ms = Arc::new(AtomicU64::new(0));
        let writer = Writer {
            jobs,
            metrics: Arc::clone(&metrics),
            write,
            news,
            draining: draining.clone(),
            failed_ms: Arc::clone(&failed_ms),
        };
        let intake = Self { queue, room, draining, metrics, failed_ms };
        (intake, tokio::spawn(writer.run()))
    }

    /// Refuses everything from now on; what is queued is still written.
    pub fn drain(&self) {
        self.draining.cancel();
    }

    pub fn is_draining(&self) -> bool {
        self.draining.is_cancelled()
    }

    /// Requests that wait for their commit.
    pub fn waiting(&self) -> usize {
        self.queue.max_capacity().saturating_sub(self.queue.capacity())
    }

    /// The writer is gone, or its last commit failed a moment ago. It is forgotten soon, so that somebody tries again.
    pub fn failed_lately(&self, since_boot: Duration) -> bool {
        let failed = Duration::from_millis(self.failed_ms.load(Ordering::Relaxed));
        self.queue.is_closed()
            || (!failed.is_zero() && since_boot.saturating_sub(failed) < FAILURE_COUNTS)
    }

    /// Room for a body that has no bytes yet.
    pub fn room(&self) -> Room {
        Room { of: Arc::clone(&self.room), held: None, bytes: 0 }
    }

    /// Returns when `notification` is durable, or after at most `COMMIT_WAIT_MOST`.
    pub async fn store(
        &self,
        received_at: Timestamp,
        notification: Notification,
        room: Room,
    ) -> Result<(), NotStored> {
        if self.is_draining() {
            return Err(NotStored::Draining);
        }
        let (done, stored) = oneshot::channel();
        self.queue.try_send(Job { received_at, notification, room, done }).map_err(|error| {
            match error {
                mpsc::error::TrySendError::Full(_) => NotStored::Busy,
                mpsc::error::TrySendError::Closed(_) => NotStored::Draining,
            }
        })?;
        self.metrics.queue_depth.set(i64::try_from(self.waiting()).unwrap_or(i64::MAX));
        match tokio::time::timeout(COMMIT_WAIT_MOST, stored).await {
            Ok(Ok(result)) => result,
            // The writer is gone, with what it held.
            Ok(Err(_)) => Err(NotStored::Unavailable),
            Err(_) => Err(NotStored::Slow),
        }
    }
}

impl Room {
    /// Reserves room for `bytes` in all. False: there is none left.
    pub fn grow_to(&mut self, bytes: usize) -> bool {
        let pages = |bytes: usize| bytes.div_ceil(ROOM_PAGE_BYTES);
        let more = pages(bytes).saturating_sub(pages(self.bytes));
        self.bytes = self.bytes.max(bytes);
        let Ok(more) = u32::try_from(more) else { return false };
        match Arc::clone(&self.of).try_acquire_many_owned(more) {
            Ok(permit) => {
                match &mut self.held {
                    Some(held) => held.merge(permit),
                    None => self.held = Some(permit),
                }
                true
            }
            Err(_) => false,
        }
    }
}

struct Writer<W> {
    jobs: mpsc::Receiver<Job>,
    write: W,
    news: Arc<Notify>,
    draining: CancellationToken,
    failed_ms: Arc<AtomicU64>,
    metrics: Arc<Metrics>,
}

impl<W, F> Writer<W>
where
    W: Fn(Vec<(Timestamp, Notification)>) -> F,
    F: Future<Output = Result<(), StoreError>>,
{
    async fn run(mut self) {
        loop {
            let first = tokio::select! {
                biased;
                job = self.jobs.recv() => job,
                () = self.draining.cancelled(), if !self.jobs.is_closed() => {
                    self.jobs.close();
                    continue;
                }
            };
            let Some(first) = first else { return };
            let (batch, waiting) = gather(first, &mut self.jobs);
            self.metrics.queue_depth.set(i64::try_from(self.jobs.len()).unwrap_or(i64::MAX));
            if batch.is_empty() {
                continue;
            }
            let result = self.commit(batch).await;
            for (done, room) in waiting {
                drop(room);
                // A sender that has stopped waiting was told 503: it sends a copy.
                let _gone = done.send(result);
            }
        }
    }

    async fn commit(&self, batch: Vec<(Timestamp, Notification)>) -> Result<(), NotStored> {
        let requests = batch.len();
        match (self.write)(batch).await {
            Ok(()) => {
                self.failed_ms.store(0, Ordering::Relaxed);
                self.news.notify_one();
                Ok(())
            }
            Err(error) => {
                let now = u64::try_from(since_boot().as_millis()).unwrap_or(u64::MAX);
                self.failed_ms.store(now, Ordering::Relaxed);
                tracing::error!(%error, requests, "alerts could not be stored; their senders will repeat them");
                Err(NotStored::Unavailable)
            }
        }
    }
}

type Waiting = (oneshot::Sender<Result<(), NotStored>>, Room);

/// One batch: what waits now, without those whose senders have given up.
fn gather(
    first: Job,
    jobs: &mut mpsc::Receiver<Job>,
) -> (Vec<(Timestamp, Notification)>, Vec<Waiting>) {
    let (mut batch, mut waiting) = (Vec::new(), Vec::new());
    let mut bytes = 0_usize;
    let mut next = Some(first);
    while let Some(job) = next {
        if !job.done.is_closed() {
            bytes = bytes.saturating_add(job.room.bytes);
            batch.push((job.received_at, job.notification));
            waiting.push((job.done, job.room));
        }
        let full = batch.len() >= BATCH_MOST || bytes >= BATCH_BYTES_MOST;
        next = if full { None } else { jobs.try_recv().ok() };
    }
    (batch, waiting)
}
