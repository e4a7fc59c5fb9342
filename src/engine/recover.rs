//! At start: what was begun and has no outcome becomes unknown, and the settling time begins (G18). Never acts.

use super::run::{Engine, World};
use crate::core::evidence::{FailureKind, Finding, Question};
use crate::core::incident::News;
use crate::core::time::{Duration, after};
use crate::store::{OBSERVE_ONLY_STARTS, StartInfo, StoreError, Which};

/// So many lost rounds are closed at once at the start; more fail by their own time limit.
const LOST_MOST: u32 = 100;

impl<W: World> Engine<W> {
    /// Takes up what the process before this one left.
    pub async fn recover(&self, info: &StartInfo, settle: Duration) -> Result<(), StoreError> {
        for intent in self.store.unfinished().await? {
            tracing::warn!(incident.id = %intent.incident, action.key = %intent.key.0, "its outcome is unknown: looking");
            self.mark_unknown(&intent).await?;
        }
        self.close_lost_rounds().await?;
        if !info.clean || info.open_incidents > 0 {
            self.store.settle(Some(after(self.clock.now(), settle))).await?;
        }
        if info.unclean_starts >= OBSERVE_ONLY_STARTS {
            tracing::error!(
                starts = info.unclean_starts,
                "too many starts without a clean stop: only observing"
            );
        }
        Ok(())
    }

    /// Questions that the process before this one had out will not be answered any more.
    async fn close_lost_rounds(&self) -> Result<(), StoreError> {
        for incident in self.store.incidents(Which::Newest(LOST_MOST)).await? {
            let Some(round) = incident.round.filter(|round| round.findings.is_none()) else {
                continue;
            };
            let lost = |question: &Question| {
                (
                    question.name.clone(),
                    Finding::failed(FailureKind::Lost, "the process ended before the answer came"),
                )
            };
            let findings = round.questions.iter().map(lost).collect();
            self.store
                .note(
                    incident.id,
                    &News::Findings { round: round.number, findings },
                    self.clock.now(),
                )
                .await?;
        }
        Ok(())
    }
}
