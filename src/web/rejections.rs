//! Counts what is turned away, and logs it without letting the sender fill the disk. Never keeps anything of a request.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use super::reject::Reject;
use crate::core::time::Duration;
use crate::engine::clock::since_boot;
use crate::telemetry::Metrics;

/// One line a reason in this time; the others are counted in the next line.
const QUIET: Duration = Duration::from_secs(10);

/// What was turned away lately, by reason.
pub(super) struct Rejections {
    metrics: Arc<Metrics>,
    lately: Mutex<BTreeMap<&'static str, Lately>>,
}

struct Lately {
    said_at: Duration,
    unsaid: u64,
}

impl Rejections {
    pub(super) fn new(metrics: Arc<Metrics>) -> Self {
        Self { metrics, lately: Mutex::default() }
    }

    /// Notes one rejection. Some: it is time to say so, and how many there were since the last time.
    pub(super) fn note(&self, reject: Reject) -> Option<u64> {
        self.metrics.rejected(reject.reason());
        let now = since_boot();
        let mut lately = self.lately.lock().unwrap_or_else(PoisonError::into_inner);
        let count = match lately.get_mut(reject.reason()) {
            Some(seen) if now.saturating_sub(seen.said_at) < QUIET => {
                seen.unsaid += 1;
                return None;
            }
            Some(seen) => {
                let count = seen.unsaid + 1;
                *seen = Lately { said_at: now, unsaid: 0 };
                count
            }
            None => {
                lately.insert(reject.reason(), Lately { said_at: now, unsaid: 0 });
                1
            }
        };
        drop(lately);
        tracing::warn!(
            reason = reject.reason(),
            count,
            status = reject.status().as_u16(),
            "{}",
            reject.text()
        );
        Some(count)
    }
}
