//! The outbox's worker: says each message once, in Slack or on the terminal. Never decides what is said, never loses it.
//!
//! `Sending` is committed before a request and its result after. A request whose fate nobody knows is looked up by the
//! delivery's id, which every message carries, and sent again only when it is proven absent. A page is the exception:
//! where history cannot be read, a second page beats a missed one.

mod pace;
mod slack;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use tokio::sync::{Notify, watch};
use tokio_util::sync::CancellationToken;
use tracing::{debug, error, warn};

use self::pace::Pace;
use super::clock::Clock;
use crate::core::time::{Duration, Timestamp, after, since};
use crate::store::{Body, Delivered, Delivery, Posted, Slot, Store, StoreError};
use crate::systems::slack::Slack;
use crate::systems::terminal::Terminal;
use crate::telemetry::Metrics;

/// Rows read at once: so many that one channel's queue does not hide what is due in another.
const BATCH: u32 = 500;
/// Sent from one batch; then the most urgent are asked for again.
const SENDS_A_ROUND: usize = 10;
/// Nobody wakes us for a request that the store begins to doubt by itself.
const IDLE: Duration = Duration::from_secs(5);
/// The store cannot be read: it says so elsewhere too.
const STORE_WAIT: Duration = Duration::from_secs(1);
/// A page is tried at least so often while Slack is down; anything else grows slower.
const PAGE_BACKOFF_MAX: Duration = Duration::from_secs(30);
const BACKOFF_MAX: Duration = Duration::from_mins(5);

/// Where people are told.
pub enum Channel {
    Slack {
        slack: Box<Slack>,
        /// Where a rule names no channel, or one that cannot be posted to.
        default: String,
    },
    Terminal(Terminal),
}

/// The pace of delivery; tests hurry it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timing {
    /// Slack takes about one post a second and channel, and short bursts.
    pub post_every: Duration,
    pub post_burst: u32,
    /// Between two edits of one message.
    pub edit_apart: Duration,
    /// Slack takes 50 edits a minute, and as many reads.
    pub edit_every: Duration,
    pub read_every: Duration,
    pub call_burst: u32,
    /// After a request of unknown fate: history may lag a little.
    pub first_look: Duration,
    /// Between the two looks that prove a message absent.
    pub looks_apart: Duration,
    /// Between two pages of which nobody knows whether they arrived, from the third on.
    pub page_again: Duration,
}

impl Default for Timing {
    fn default() -> Self {
        Self {
            post_every: Duration::from_millis(1_200),
            post_burst: 3,
            edit_apart: Duration::from_secs(3),
            edit_every: Duration::from_millis(1_500),
            read_every: Duration::from_millis(1_500),
            call_burst: 10,
            first_look: Duration::from_secs(1),
            looks_apart: Duration::from_secs(5),
            page_again: Duration::from_mins(5),
        }
    }
}

/// Why people cannot be told at the moment; `None`: they can.
pub type Trouble = Option<String>;

pub struct Deliverer {
    store: Store,
    channel: Channel,
    clock: Clock,
    timing: Timing,
    pace: Pace,
    /// Looked for and not seen, by delivery: when first.
    unseen: BTreeMap<String, Timestamp>,
    /// Moments at which something is due again.
    later: BTreeSet<Timestamp>,
    metrics: Arc<Metrics>,
    trouble: watch::Sender<Trouble>,
}

impl Deliverer {
    pub fn new(store: Store, channel: Channel, clock: Clock, timing: Timing) -> Self {
        Self {
            store,
            channel,
            clock,
            timing,
            pace: Pace::new(timing),
            unseen: BTreeMap::new(),
            later: BTreeSet::new(),
            metrics: Arc::default(),
            trouble: watch::Sender::new(None),
        }
    }

    /// Counts what comes of deliveries there.
    #[must_use]
    pub fn counting(self, metrics: Arc<Metrics>) -> Self {
        Self { metrics, ..self }
    }

    /// Follows whether people can be told.
    pub fn trouble(&self) -> watch::Receiver<Trouble> {
        self.trouble.subscribe()
    }

    /// Delivers until `stop`; `news` says that something may be due. A request under way is brought to its end.
    pub async fn run(mut self, news: Arc<Notify>, stop: CancellationToken) {
        loop {
            let wait = self.round(&stop).await;
            tokio::select! {
                biased;
                () = stop.cancelled() => return,
                () = news.notified() => {}
                () = tokio::time::sleep(wait) => {}
            }
        }
    }

    /// Sends what may go now, and says how long nothing else can.
    async fn round(&mut self, stop: &CancellationToken) -> Duration {
        let now = self.clock.now();
        let due = match self.store.deliveries_due(now, BATCH).await {
            Ok(due) => due,
            Err(problem) => {
                warn!(%problem, "the outbox cannot be read");
                return STORE_WAIT;
            }
        };
        self.later.retain(|at| *at > now);
        let mut wake = self.later.first().copied().unwrap_or(Timestamp::MAX);
        let mut sent = 0;
        for delivery in due {
            if sent == SENDS_A_ROUND || stop.is_cancelled() {
                return Duration::ZERO;
            }
            match self.deliver(&delivery).await {
                Ok(Step::NotBefore(at)) => wake = wake.min(at),
                Ok(Step::Taken) => sent += 1,
                // Another request has it, or there is nothing left to send.
                Err(StoreError::Conflict) => {}
                Err(problem) => {
                    warn!(%problem, delivery = delivery.id, "the outbox cannot be written");
                    return STORE_WAIT;
                }
            }
        }
        // What waited for one of these may go now.
        if sent > 0 { Duration::ZERO } else { since(wake, self.clock.now()).min(IDLE) }
    }

    async fn deliver(&mut self, delivery: &Delivery) -> Result<Step, StoreError> {
        let result = if matches!(self.channel, Channel::Terminal(_)) {
            self.print(delivery).await?
        } else {
            match self.slack_step(delivery).await? {
                slack::Outcome::NotBefore(at) => return Ok(Step::NotBefore(at)),
                slack::Outcome::Came(result) => result,
            }
        };
        if let Delivered::Retry { at } | Delivered::Ambiguous { at } = result {
            self.later.insert(at);
        }
        debug!(delivery = delivery.id, ?result, "delivery");
        self.metrics.delivered(&result);
        self.store.delivery_result(&delivery.id, result, self.clock.now()).await?;
        Ok(Step::Taken)
    }

    async fn print(&mut self, delivery: &Delivery) -> Result<Delivered, StoreError> {
        let now = self.clock.now();
        self.store.delivery_sending(&delivery.id, delivery.body_revision, now).await?;
        let Channel::Terminal(terminal) = &mut self.channel else {
            return Ok(Delivered::Retry { at: after(now, STORE_WAIT) });
        };
        let printed = match &delivery.body {
            Body::Report(report) => terminal.report(report),
            Body::Line(line) => terminal.line(delivery.incident, now, line),
            Body::Page(page) => terminal.page(page),
            Body::Notice(notice) => terminal.notice(notice),
        };
        Ok(match printed {
            Ok(()) => Delivered::Sent {
                revision: delivery.body_revision,
                posted: Posted { channel: "terminal".to_owned(), ts: now.to_string() },
            },
            Err(problem) => {
                error!(%problem, delivery = delivery.id, "the terminal takes nothing");
                Delivered::Retry { at: Self::backoff(delivery, now) }
            }
        })
    }

    /// Doubles with every attempt, up to a limit; spread, so that a hundred messages do not come back at one moment.
    fn backoff(delivery: &Delivery, now: Timestamp) -> Timestamp {
        let max = match delivery.slot {
            Slot::Page(_) => PAGE_BACKOFF_MAX,
            Slot::Root | Slot::Thread(_) | Slot::Notice(_) => BACKOFF_MAX,
        };
        let doubled = Duration::from_secs(1).saturating_mul(1 << delivery.attempts.min(16));
        let spread = delivery
            .id
            .bytes()
            .fold(delivery.attempts, |sum, byte| sum.wrapping_mul(31).wrapping_add(byte.into()));
        // Three quarters to five quarters of it.
        after(now, doubled.min(max).mul_f64(0.75 + f64::from(spread % 100) / 200.0))
    }
}

enum Step {
    Taken,
    NotBefore(Timestamp),
}
