//! Labels and annotations as they arrive: every key once, hashed whole, kept within limits. Never changes a character of
//! what it keeps.

use serde::de::{DeserializeSeed, Deserializer, MapAccess, Visitor};
use std::borrow::Cow;
use std::fmt;

use super::super::reject::{Field, Reject};
use super::{Limits, Reader};
use crate::core::alert::{Labels, fingerprint};

/// The label that rules match first: kept even where others must go.
const ALERT_NAME: &str = "alertname";
/// Shows people that a value was longer.
const CUT_MARK: &str = "…";

/// A string of the body, borrowed where it holds no escape.
pub(super) struct Text<'de>(pub(super) Cow<'de, str>);

impl<'de> serde::Deserialize<'de> for Text<'de> {
    fn deserialize<D: Deserializer<'de>>(json: D) -> Result<Self, D::Error> {
        struct Reads;
        impl<'de> Visitor<'de> for Reads {
            type Value = Text<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string")
            }
            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
                Ok(Text(Cow::Borrowed(text)))
            }
            fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
                Ok(Text(Cow::Owned(text.to_owned())))
            }
        }
        json.deserialize_str(Reads)
    }
}

/// The pairs of one object in byte order of their names, no name twice.
#[derive(Default)]
pub(super) struct Pairs<'de>(Vec<(Cow<'de, str>, Cow<'de, str>)>);

/// What is kept of them.
pub(super) struct Kept {
    pub(super) labels: Labels,
    pub(super) oversize: bool,
}

impl Pairs<'_> {
    /// Alertmanager's fingerprint of the whole set, before anything is cut.
    pub(super) fn fingerprint(&self) -> u64 {
        fingerprint(self.0.iter().map(|(name, value)| (&**name, &**value)))
    }

    /// The pairs within `limits`; what is beyond them is cut or left out.
    pub(super) fn keep(self, limits: &Limits) -> Kept {
        let mut oversize = self.0.len() > limits.labels;
        let mut room = limits.labels;
        if oversize && self.0.iter().any(|(name, _)| name == ALERT_NAME) {
            room = room.saturating_sub(1);
        }
        let mut labels = Vec::with_capacity(self.0.len().min(limits.labels));
        for (name, value) in self.0 {
            if name.len() > limits.name_bytes {
                oversize = true;
            } else if oversize && name == ALERT_NAME {
                labels.push((name.into_owned(), cut(value, limits.value_bytes, &mut oversize)));
            } else if room > 0 {
                room -= 1;
                labels.push((name.into_owned(), cut(value, limits.value_bytes, &mut oversize)));
            }
        }
        Kept { labels: Labels::from_iter(labels), oversize }
    }
}

/// `text` within `most` bytes, at a character's border, with a mark where it was cut.
pub(super) fn cut(text: Cow<'_, str>, most: usize, was_cut: &mut bool) -> String {
    if text.len() <= most {
        return text.into_owned();
    }
    *was_cut = true;
    let end = text.floor_char_boundary(most.saturating_sub(CUT_MARK.len()));
    let mut kept = text.get(..end).unwrap_or_default().to_owned();
    kept.push_str(CUT_MARK);
    kept
}

/// Reads one object of strings. `Field::Annotations` may be null, as an older sender writes none.
pub(super) struct PairsOf<'a, 'l>(pub(super) &'a Reader<'l>, pub(super) Field);

impl<'de> DeserializeSeed<'de> for PairsOf<'_, '_> {
    type Value = Pairs<'de>;

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<Self::Value, D::Error> {
        self.0.at.set(self.1);
        if self.1 == Field::Annotations {
            json.deserialize_any(self)
        } else {
            json.deserialize_map(self)
        }
    }
}

impl<'de> Visitor<'de> for PairsOf<'_, '_> {
    type Value = Pairs<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object of strings")
    }

    fn visit_unit<E: serde::de::Error>(self) -> Result<Self::Value, E> {
        if self.1 == Field::Annotations { Ok(Pairs::default()) } else { Err(E::custom("null")) }
    }

    fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Self::Value, M::Error> {
        let mut pairs = Vec::with_capacity(8);
        while let Some((Text(name), Text(value))) = map.next_entry()? {
            pairs.push((name, value));
        }
        // Go writes its maps sorted, so this is one look at each pair.
        if !pairs.is_sorted_by(|a, b| a.0 < b.0) {
            pairs.sort_by(|a, b| a.0.cmp(&b.0));
            if pairs.windows(2).any(|two| matches!(two, [a, b] if a.0 == b.0)) {
                return Err(self.0.refuse(Reject::Doubled(self.1)));
            }
        }
        Ok(Pairs(pairs))
    }
}
