//! ① What a source said: labels, firing or resolved, fingerprint. Never what we make of it.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

use super::time::Timestamp;

/// Label or annotation names and their values, in byte order of the names.
pub type Labels = BTreeMap<String, String>;

/// Which kind of system an alert came from. Part of an alert's identity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    Alertmanager,
    /// Our own reconciliation, which asked a source what is still true.
    Reconcile,
}

impl Source {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Alertmanager => "alertmanager",
            Self::Reconcile => "reconcile",
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AlertStatus {
    Firing,
    Resolved,
}

/// Identity of an alert: who said it, and the hash of its whole label set.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct AlertKey {
    pub source: Source,
    pub fingerprint: String,
}

/// What is odd about an alert as it arrived; shown to people, and some of them forbid acting.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AlertFlag {
    /// Labels or values beyond our limits were cut: never acted on automatically (A20).
    Oversize,
    /// The fingerprint was missing or malformed; ours stands in for it (A22).
    FingerprintReplaced,
    /// The fingerprint does not belong to the labels as we compute it (A22).
    FingerprintMismatch,
    /// `endsAt` lies before `startsAt`, or a firing alert has ended (A24).
    TimesOdd,
    /// A time stamp beyond what can be true was clamped (A23).
    TimeClamped,
    /// The group was truncated by `max_alerts`: what is missing is unknown (A26).
    GroupTruncated,
    /// Alertmanager does not hold it: its resolve was lost, or the notification was an old one sent again (A28).
    NotHeld,
}

/// One alert of one notification, as stored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Alert {
    pub key: AlertKey,
    pub status: AlertStatus,
    pub labels: Labels,
    #[serde(default, skip_serializing_if = "Labels::is_empty")]
    pub annotations: Labels,
    /// A hint that drifts: Prometheus and Alertmanager both rewrite it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub starts_at: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ends_at: Option<Timestamp>,
    /// Text of an attacker's choosing: shown as text, never fetched.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub generator_url: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub flags: Vec<AlertFlag>,
}

/// One accepted webhook body: what is durable before it is answered 200.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notification {
    pub source: Source,
    /// Identity of the group at the source; changes with the source's configuration.
    pub group_key: String,
    pub truncated: u64,
    pub alerts: Vec<Alert>,
}

/// Alertmanager's fingerprint of a label set: FNV-1a over name, 0xff, value, 0xff of each label. `sorted` holds every
/// label once, in byte order of the names, as a map of ours does.
pub fn fingerprint<'a>(sorted: impl IntoIterator<Item = (&'a str, &'a str)>) -> u64 {
    const OFFSET: u64 = 0xcbf2_9ce4_8422_2325;
    const PRIME: u64 = 0x0100_0000_01b3;
    // A byte that no UTF-8 text holds, so that ("a", "bc") and ("ab", "c") differ.
    const SEPARATOR: [u8; 1] = [0xff];
    sorted
        .into_iter()
        .flat_map(|(name, value)| [name.as_bytes(), &SEPARATOR, value.as_bytes(), &SEPARATOR])
        .flatten()
        .fold(OFFSET, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(PRIME))
}

/// A map by alert as JSON has it: a list of pairs, because an alert's key is no string.
pub mod by_key {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};
    use std::collections::BTreeMap;

    use super::AlertKey;

    pub fn serialize<V: Serialize, S: Serializer>(
        map: &BTreeMap<AlertKey, V>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(map)
    }

    pub fn deserialize<'de, V: Deserialize<'de>, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<BTreeMap<AlertKey, V>, D::Error> {
        Vec::<(AlertKey, V)>::deserialize(deserializer).map(|pairs| pairs.into_iter().collect())
    }
}
