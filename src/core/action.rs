//! ⑥ What can be done, its risk, and the key that names it for ever. Never does it.

use serde::{Deserialize, Serialize};

use super::evidence::HttpAsk;
use super::incident::IncidentId;
use super::rule::{RuleName, TargetName, VerifySignal};
use super::time::{Duration, Timestamp};

pub type ActionName = String;

/// An action of a rule, with the limits the rule sets on it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Action {
    pub name: ActionName,
    pub how: How,
    /// No second attempt on the target within this time.
    pub cooldown: Duration,
    /// At most `times` within `within` on the target.
    pub at_most: Option<Budget>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Budget {
    pub times: u32,
    pub within: Duration,
}

/// How an action is done. One variant for each system that can act.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum How {
    /// A request that resets the breaker, with `Idempotency-Key` and a body that names the decision.
    HttpReset {
        request: HttpAsk,
        /// Where the target tells the last decision it carried out: GET, and the pointer to the decision's key.
        /// Proof of Done after a crash; without it an unknown outcome goes to a person.
        observe: Option<HttpAsk>,
    },
}

/// Names one decision to act, for ever: never reused, sent to the target as `Idempotency-Key`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct IntentKey(pub String);

/// A decided action. Written before it is begun, attempted at most once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Intent {
    pub key: IntentKey,
    pub incident: IncidentId,
    pub rule: RuleName,
    pub target: TargetName,
    /// The target's failure domain.
    pub group: String,
    pub action: Action,
    /// It rests on the proof that the cause is gone; otherwise the rule names it as the fix of the cause.
    pub gone: bool,
    /// The checklist that it rests on too.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub checklist: Vec<VerifySignal>,
    pub decided_at: Timestamp,
    /// Not begun by then: not begun at all (G7).
    pub expires_at: Timestamp,
    /// Why, in one sentence of at least 20 characters: sent to the target.
    pub reason: String,
}

/// What came of an intent. Three, not two: a crash makes the third.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    Done,
    NotDone(Why),
    Unknown(Why),
}

/// A reason in words, bounded, without secrets.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Why(pub String);

/// The key of an incident's `attempt`-th decision to act (from 1). The store's epoch makes it unlike any other store's.
pub fn intent_key(epoch: &str, incident: IncidentId, attempt: u32) -> IntentKey {
    IntentKey(format!("reclose-{epoch}-{incident}-{attempt}"))
}
