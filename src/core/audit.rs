//! The audit log's entries and their hash chain. Says what an entry's hash is; never stores one.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::action::{Intent, IntentKey, Outcome};
use super::alert::AlertKey;
use super::command::{Command, Person};
use super::decide::Reason;
use super::evidence::Findings;
use super::guard::GuardVerdict;
use super::incident::{Breaker, IncidentId};
use super::rule::BreakerState;
use super::time::Timestamp;

/// One thing that happened, in the order of the log. Written before the effect it speaks of.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum AuditEntry {
    /// The server started; `clean` is false after a stop that was none.
    ServerStarted {
        version: String,
        clean: bool,
        rules: String,
    },
    ServerStopped,
    /// Another set of rules is active from here on.
    RulesActive {
        before: String,
        revision: String,
        by: String,
    },
    /// Rules were read and cannot become active: the set stays as it was.
    RulesRefused {
        active: String,
        by: String,
        errors: u64,
        /// The first of the mistakes.
        first: String,
    },
    /// An alert opened an incident, or changed one.
    AlertAttached {
        incident: IncidentId,
        breaker: Breaker,
        alert: AlertKey,
        status: String,
        opened: bool,
    },
    /// `decide` moved an incident.
    Decided {
        incident: IncidentId,
        revision: u64,
        /// The revision of the rule that it was decided by.
        #[serde(default)]
        rule: String,
        from: String,
        to: String,
        because: Vec<Reason>,
        effects: Vec<String>,
    },
    /// What a round of questions brought: the ground of the next decision.
    Found {
        incident: IncidentId,
        round: u64,
        findings: Findings,
    },
    /// The state, read again just before an action.
    Reread {
        incident: IncidentId,
        state: BreakerState,
    },
    /// An action was wanted and refused, with every guard's answer.
    Refused {
        incident: IncidentId,
        action: String,
        target: String,
        guards: Vec<GuardVerdict>,
    },
    /// An action will be begun.
    Intended {
        intent: Box<Intent>,
        guards: Vec<GuardVerdict>,
        ground: Box<Ground>,
    },
    Started {
        incident: IncidentId,
        key: IntentKey,
        guards: Vec<GuardVerdict>,
    },
    NotStarted {
        incident: IncidentId,
        key: IntentKey,
        why: Vec<String>,
    },
    Finished {
        incident: IncidentId,
        key: IntentKey,
        target: String,
        outcome: Outcome,
    },
    Paged {
        incident: IncidentId,
        number: u32,
        reason: String,
    },
    Commanded {
        command: Command,
        by: Person,
    },
    Rejected {
        source: String,
        reason: String,
    },
    Note {
        text: String,
    },
}

/// The facts an action was decided on, enough to judge every guard again from the log alone.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Ground {
    pub state: String,
    pub class: String,
    pub lasting: String,
    pub evidence_at: Option<Timestamp>,
    pub open_since: Timestamp,
    pub mode: String,
    pub ceiling: String,
    /// The rung asks for proof that the cause is gone.
    pub gone: bool,
    pub act_after_ms: u64,
    pub max_age_ms: u64,
    pub verify_signals: usize,
}

/// A link of the chain: number from 1, moment, text and hash.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Link {
    pub number: u64,
    pub at: Timestamp,
    /// JSON of the entry as hashed; never rewritten.
    pub text: String,
    pub hash: [u8; 32],
}

/// The hash before the first entry.
pub const GENESIS: [u8; 32] = [0; 32];

/// `SHA-256("reclose-audit-v1" ‖ n ‖ h(n−1) ‖ micros ‖ len ‖ text)`, numbers big-endian in 8 bytes.
pub fn hash(number: u64, previous: &[u8; 32], at: Timestamp, text: &str) -> [u8; 32] {
    let mut sha = Sha256::new();
    sha.update(b"reclose-audit-v1");
    sha.update(number.to_be_bytes());
    sha.update(previous);
    sha.update(at.as_microsecond().to_be_bytes());
    sha.update((text.len() as u64).to_be_bytes());
    sha.update(text.as_bytes());
    sha.finalize().into()
}
