//! The heartbeat: tokio-cron-scheduler wakes the prober once a second, and does nothing else.
//!
//! It is never trusted with a schedule: it freezes time zones, and may fall silent. What is due is for the store to say.

use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::timeout;
use tokio_cron_scheduler::{Job, JobScheduler, JobSchedulerError};

/// Seconds come first in this scheduler's cron expressions; UTC is its default.
const EVERY_SECOND: &str = "*/1 * * * * *";
/// A scheduler that was silent for so long is replaced.
pub const SILENT_MOST: Duration = Duration::from_secs(5);

/// How a beat came about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Beat {
    Regular,
    /// The scheduler had fallen silent, and was replaced.
    Restarted,
}

/// One scheduler with one job.
pub struct Heart {
    scheduler: Option<JobScheduler>,
    /// Holds one beat: whoever is late has missed nothing.
    beats: mpsc::Receiver<()>,
}

impl Heart {
    pub async fn start() -> Self {
        let (scheduler, beats) = begin().await;
        Self { scheduler, beats }
    }

    /// Waits for the next beat: at most `SILENT_MOST`, whatever happens to the scheduler.
    pub async fn beat(&mut self) -> Beat {
        if let Ok(Some(())) = timeout(SILENT_MOST, self.beats.recv()).await {
            return Beat::Regular;
        }
        tracing::warn!(
            silent_secs = SILENT_MOST.as_secs(),
            "the heartbeat fell silent and is restarted"
        );
        self.silence().await;
        (self.scheduler, self.beats) = begin().await;
        Beat::Restarted
    }

    /// Ends the scheduler. Tests use it to take the heart away.
    pub async fn silence(&mut self) {
        if let Some(mut scheduler) = self.scheduler.take()
            && let Err(error) = scheduler.shutdown().await
        {
            tracing::debug!(%error, "the heartbeat's scheduler was already down");
        }
    }
}

/// Without a scheduler the receiver still times out, so that probes run more slowly rather than never.
async fn begin() -> (Option<JobScheduler>, mpsc::Receiver<()>) {
    let (sender, beats) = mpsc::channel(1);
    match schedule(sender).await {
        Ok(scheduler) => (Some(scheduler), beats),
        Err(error) => {
            tracing::error!(%error, "the heartbeat cannot start");
            (None, beats)
        }
    }
}

async fn schedule(beats: mpsc::Sender<()>) -> Result<JobScheduler, JobSchedulerError> {
    let scheduler = JobScheduler::new().await?;
    // A beat that finds the channel full is not needed: one is waiting already.
    let job = Job::new(EVERY_SECOND, move |_, _| {
        beats.try_send(()).ok();
    })?;
    scheduler.add(job).await?;
    scheduler.start().await?;
    Ok(scheduler)
}
