//! A rule's patterns, compiled once and kept with the rule. What is compiled is no part of what the rule says.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, OnceLock};

use super::{Added, PatternError, Patterns};
use crate::core::cause::Cause;
use crate::core::rule::CausePattern;

/// What reads log lines for one rule: the entries of its rules folder, and everything compiled.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Lines {
    /// The folder's own patterns; an incident keeps those that it began with.
    added: Added,
    #[serde(skip)]
    ready: Ready,
}

#[derive(Clone, Default)]
struct Ready {
    /// Of the folder; shared by its rules.
    folder: OnceLock<Patterns>,
    rule: OnceLock<Arc<Kept>>,
}

/// Compiled, and what from: a rule that was changed since compiles anew.
struct Kept {
    own: Vec<CausePattern>,
    statuses: BTreeMap<u16, Cause>,
    patterns: Arc<Patterns>,
}

impl Lines {
    /// Compiles the entries of a folder, for all of its rules.
    pub fn of(added: Added) -> Result<Self, PatternError> {
        let folder = OnceLock::from(Patterns::over(&added)?);
        Ok(Self { added, ready: Ready { folder, rule: OnceLock::new() } })
    }

    /// The patterns for a rule's lines: kept from the last time, unless the rule was changed.
    pub fn patterns(
        &self,
        own: &[CausePattern],
        statuses: &BTreeMap<u16, Cause>,
    ) -> Result<Arc<Patterns>, PatternError> {
        if let Some(kept) = self.ready.rule.get()
            && kept.own == own
            && kept.statuses == *statuses
        {
            return Ok(Arc::clone(&kept.patterns));
        }
        let folder = match self.ready.folder.get() {
            Some(folder) => folder.clone(),
            None => Patterns::over(&self.added)?,
        };
        let patterns = Arc::new(folder.below(own)?.reading(statuses));
        let (own, statuses) = (own.to_vec(), statuses.clone());
        let kept = Kept { own, statuses, patterns: Arc::clone(&patterns) };
        // Of two that compile at once one is kept, and both are right.
        drop(self.ready.rule.set(Arc::new(kept)));
        Ok(patterns)
    }
}

impl fmt::Debug for Ready {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Ready")
    }
}

impl PartialEq for Ready {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}
