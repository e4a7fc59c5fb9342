//! Which alerts belong to a breaker. Never looks at anything but their source and labels.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

use crate::core::alert::{Alert, Labels, Source};

/// The labels that an alert must have, each with one of its values.
pub type Wanted = BTreeMap<String, OneOf>;

/// Any alert of this source with these labels belongs to the breaker.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AlertMatch {
    pub source: Source,
    pub labels: Wanted,
}

/// A value, or any of several. Written as it stands in a rule: a text, or a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum OneOf {
    Value(String),
    Any(Vec<String>),
}

impl OneOf {
    pub fn values(&self) -> &[String] {
        match self {
            Self::Value(value) => std::slice::from_ref(value),
            Self::Any(values) => values,
        }
    }

    pub fn has(&self, value: &str) -> bool {
        self.values().iter().any(|known| known == value)
    }
}

impl From<String> for OneOf {
    fn from(value: String) -> Self {
        Self::Value(value)
    }
}

impl AlertMatch {
    /// Exactly these labels.
    pub fn exactly(source: Source, labels: Labels) -> Self {
        let labels = labels.into_iter().map(|(name, value)| (name, OneOf::Value(value)));
        Self { source, labels: labels.collect() }
    }

    pub fn matches(&self, alert: &Alert) -> bool {
        // What reconciliation learned from Alertmanager speaks for the same matchers.
        let source = self.source == alert.key.source || alert.key.source == Source::Reconcile;
        let has = |name: &String, wanted: &OneOf| {
            alert.labels.get(name).is_some_and(|value| wanted.has(value))
        };
        source && self.labels.iter().all(|(name, wanted)| has(name, wanted))
    }
}
