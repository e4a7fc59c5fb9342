//! The only place that reads the time. Never lets a jump of the wall clock shorten a cooldown or skip a deadline (P14).
#![expect(clippy::disallowed_methods, reason = "this module is where time enters the program")]

use std::sync::{Arc, Mutex, PoisonError};

use crate::core::time::{Duration, Timestamp, after};

/// Monotone time with a calendar: the wall clock as it was at the start, plus the time since boot that has passed.
/// Steps of the wall clock while the process runs are not followed. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Clock(Arc<Source>);

#[derive(Debug)]
enum Source {
    Real {
        base: Timestamp,
        boot: Duration,
    },
    /// For tests: moves only when told.
    Manual(Mutex<Timestamp>),
}

impl Clock {
    /// Starts at the wall clock, or at the latest moment the store has seen if that lies ahead.
    pub fn start(latest: Option<Timestamp>) -> Self {
        let wall = Timestamp::now();
        Self(Arc::new(Source::Real {
            base: latest.map_or(wall, |seen| seen.max(wall)),
            boot: since_boot(),
        }))
    }

    pub fn manual(at: Timestamp) -> Self {
        Self(Arc::new(Source::Manual(Mutex::new(at))))
    }

    pub fn now(&self) -> Timestamp {
        match &*self.0 {
            Source::Real { base, boot } => after(*base, since_boot().saturating_sub(*boot)),
            Source::Manual(at) => *at.lock().unwrap_or_else(PoisonError::into_inner),
        }
    }

    /// What a clock on the wall says now: for other machines to compare with theirs, never to decide by.
    pub fn wall(&self) -> Timestamp {
        match &*self.0 {
            Source::Real { .. } => Timestamp::now(),
            Source::Manual(_) => self.now(),
        }
    }

    /// Sets a manual clock; a real one does not listen.
    pub fn set(&self, to: Timestamp) {
        if let Source::Manual(at) = &*self.0 {
            *at.lock().unwrap_or_else(PoisonError::into_inner) = to;
        }
    }

    /// How far the wall clock stands from this one; worth a warning when large.
    pub fn drift_ms(&self) -> i64 {
        Timestamp::now().as_millisecond().saturating_sub(self.now().as_millisecond())
    }
}

/// Time since boot, sleep included (`CLOCK_BOOTTIME`).
pub fn since_boot() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
    Duration::new(u64::try_from(time.tv_sec).unwrap_or(0), u32::try_from(time.tv_nsec).unwrap_or(0))
}
