//! The real world: `systems`, with the stored results of the probes. Never decides.

use std::collections::BTreeMap;

use super::clock::{Clock, since_boot};
use super::run::World;
use crate::core::action::{Intent, Outcome};
use crate::core::decide::ROUND_BUDGET;
use crate::core::evidence::{Findings, Question, QuestionName, Reading};
use crate::core::rule::Rule;
use crate::core::time::Duration;
use crate::store::Store;
use crate::systems::Systems;
use crate::systems::http::reset::Begun;

/// What the engine asks and acts on outside of tests.
pub struct Outside {
    pub systems: std::sync::Arc<Systems>,
    pub store: Store,
    pub clock: Clock,
}

impl Outside {
    /// The last result of each probe of the rule. A store that cannot be read leaves the questions without an answer.
    async fn probes(&self, rule: &Rule) -> BTreeMap<QuestionName, Reading> {
        let rows = self.store.probes().await.unwrap_or_default();
        rows.into_iter()
            .filter(|row| row.rule == rule.name)
            .filter_map(|row| Some((row.probe, row.last?)))
            .collect()
    }
}

impl World for Outside {
    async fn ask(&self, rule: &Rule, questions: &[Question]) -> Findings {
        let probes = self.probes(rule).await;
        self.systems.ask_all(questions, &probes, self.clock.now(), ROUND_BUDGET).await
    }

    async fn act(&self, intent: &Intent, begun_at: Duration) -> Outcome {
        self.systems.act(intent, Begun { at: begun_at, now: since_boot }).await
    }

    async fn look(&self, intent: &Intent) -> Outcome {
        self.systems.look(intent).await
    }
}
