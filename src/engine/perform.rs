//! One `match` over what the core may ask of the world: `Started` is committed before, the outcome after.
//! Never does an action that `begin` did not allow, and never twice.

use super::clock::since_boot;
use super::run::{Engine, World};
use crate::core::action::{Intent, Outcome, Why};
use crate::core::effect::Effect;
use crate::core::evidence::{Question, STATE};
use crate::core::incident::{IncidentId, News};
use crate::core::planted::Bug;
use crate::core::rule::BreakerState;
use crate::core::time::Duration;
use crate::store::failpoint::reach;
use crate::store::{Begun, StoreError};

/// An outcome that cannot be written at once is tried again so often, this far apart; then it counts as unknown.
const FINISH_TRIES: u32 = 20;
const FINISH_EVERY: Duration = Duration::from_millis(500);

impl<W: World> Engine<W> {
    pub async fn perform(&self, effect: &Effect) -> Result<(), StoreError> {
        match effect {
            Effect::Query { incident, round, questions } => {
                self.query(*incident, *round, questions).await
            }
            Effect::Do(intent) => self.act(intent).await,
            Effect::Look(intent) => self.look(intent).await,
            Effect::Tell(_) | Effect::Page(_) => {
                // They stand in the outbox since the commit; the deliverer takes them from there.
                self.tell.notify_one();
                Ok(())
            }
        }
    }

    async fn query(
        &self,
        incident: IncidentId,
        round: u64,
        questions: &[Question],
    ) -> Result<(), StoreError> {
        let Some(found) = self.store.incident(incident).await? else { return Ok(()) };
        let out = found
            .round
            .as_ref()
            .is_some_and(|open| open.number == round && open.findings.is_none());
        if !out {
            // It waited so long for its turn that a newer round stands in its place.
            return Ok(());
        }
        let Some(rule) = self.rule(&found.rule_revision).await? else { return Ok(()) };
        let findings = self.world.ask(&rule, questions).await;
        self.store.note(incident, &News::Findings { round, findings }, self.clock.now()).await?;
        Ok(())
    }

    /// Read the state again, write `Started`, act, write the outcome.
    async fn act(&self, intent: &Intent) -> Result<(), StoreError> {
        if self.bugs.has(Bug::EffectBeforeIntent) {
            let _early: Outcome = self.world.act(intent, since_boot()).await;
        }
        let state = self.read_again(intent).await?;
        self.store.note(intent.incident, &News::Reread { state }, self.clock.now()).await?;
        let begun_at = since_boot();
        let begun = {
            // Held: a ceiling that was lowered before this moment stops it.
            let rules = self.rules.held().await;
            self.store.begin(intent, &rules, self.clock.now()).await?
        };
        match begun {
            Begun::Refused(why) => {
                tracing::info!(incident.id = %intent.incident, action.key = %intent.key.0, ?why, "not begun");
                Ok(())
            }
            Begun::Started => {
                tracing::info!(incident.id = %intent.incident, action.key = %intent.key.0, "begun");
                let outcome = self.world.act(intent, begun_at).await;
                reach("execute-after-response");
                tracing::info!(incident.id = %intent.incident, action.key = %intent.key.0, ?outcome, "came back");
                self.metrics.acted(&outcome);
                self.finish(intent, outcome).await
            }
        }
    }

    async fn read_again(&self, intent: &Intent) -> Result<BreakerState, StoreError> {
        let Some(rule) = self.rule_of(intent.incident).await? else {
            return Ok(BreakerState::Unknown);
        };
        let question = Question {
            name: STATE.to_owned(),
            ask: rule.state.ask.clone(),
            max_age: rule.state.max_age,
        };
        let findings = self.world.ask(&rule, std::slice::from_ref(&question)).await;
        Ok(findings.get(STATE).map_or(BreakerState::Unknown, |finding| {
            rule.state.read(finding, self.clock.now(), self.bugs)
        }))
    }

    /// Only looks. Without proof the outcome is written as unknown, which locks the target.
    async fn look(&self, intent: &Intent) -> Result<(), StoreError> {
        let outcome = match self.world.look(intent).await {
            Outcome::Done => Outcome::Done,
            Outcome::NotDone(why) | Outcome::Unknown(why) => Outcome::Unknown(why),
        };
        self.store.finish(&intent.key, outcome.clone(), self.clock.now()).await
    }

    /// Writes the outcome, patiently: it is the one fact that cannot be found out again.
    async fn finish(&self, intent: &Intent, outcome: Outcome) -> Result<(), StoreError> {
        let mut tries = 0;
        loop {
            match self.store.finish(&intent.key, outcome.clone(), self.clock.now()).await {
                Err(StoreError::Unavailable(why)) if tries < FINISH_TRIES => {
                    tracing::warn!(%why, action.key = %intent.key.0, "the outcome cannot be written yet");
                    tries += 1;
                    tokio::time::sleep(FINISH_EVERY).await;
                }
                done => return done,
            }
        }
    }

    /// At the start: what was begun and has no outcome is unknown. Nothing is done again.
    pub(crate) async fn mark_unknown(&self, intent: &Intent) -> Result<(), StoreError> {
        let why = Why("the process ended between its beginning and its outcome".to_owned());
        self.store.finish(&intent.key, Outcome::Unknown(why), self.clock.now()).await
    }

    async fn rule_of(
        &self,
        incident: IncidentId,
    ) -> Result<Option<std::sync::Arc<crate::core::rule::Rule>>, StoreError> {
        match self.store.incident(incident).await? {
            Some(found) => self.rule(&found.rule_revision).await,
            None => Ok(None),
        }
    }
}
