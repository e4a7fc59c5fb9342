//! The two objects of version 4 as visitors: the group, and an alert in it. A field that is read stands at most once;
//! the others are skipped unread.

use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use std::fmt;

use super::super::reject::{Field, Reject};
use super::Reader;
use super::labels::{Pairs, PairsOf, Text, cut};
use super::moments::{self, Moment};
use crate::core::alert::{Alert, AlertFlag, AlertKey, AlertStatus, Notification, Source};

/// Group keys and generator URLs beyond this carry nothing more for anybody.
const TEXT_BYTES_MOST: usize = 4_096;

pub(super) struct Group<'a, 'l>(pub(super) &'a Reader<'l>);

#[derive(Deserialize)]
#[serde(field_identifier, rename_all = "camelCase")]
enum GroupWord {
    Version,
    GroupKey,
    Status,
    TruncatedAlerts,
    Alerts,
    #[serde(other)]
    Other,
}

impl<'de> DeserializeSeed<'de> for Group<'_, '_> {
    type Value = Notification;

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<Self::Value, D::Error> {
        json.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Group<'_, '_> {
    type Value = Notification;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Self::Value, M::Error> {
        let reader = self.0;
        let (mut version, mut group_key, mut status) = (None, None, None);
        let (mut truncated, mut alerts) = (None, None);
        while let Some(key) = map.next_key()? {
            match key {
                GroupWord::Version => {
                    reader.once(&mut version, Field::Version, || {
                        map.next_value_seed(Version(reader))
                    })?;
                }
                GroupWord::GroupKey => {
                    reader
                        .once(&mut group_key, Field::GroupKey, || map.next_value::<Text<'_>>())?;
                }
                GroupWord::Status => {
                    reader.once(&mut status, Field::Status, || map.next_value::<Text<'_>>())?;
                }
                GroupWord::TruncatedAlerts => {
                    reader
                        .once(&mut truncated, Field::TruncatedAlerts, || map.next_value::<u64>())?;
                }
                GroupWord::Alerts => {
                    reader
                        .once(&mut alerts, Field::Alerts, || map.next_value_seed(Alerts(reader)))?;
                }
                GroupWord::Other => {
                    reader.at.set(Field::Body);
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        version.ok_or_else(|| reader.refuse(Reject::NotVersion4))?;
        let mut alerts = alerts.ok_or_else(|| reader.refuse(Reject::Missing(Field::Alerts)))?;
        let truncated = truncated.unwrap_or(0);
        if truncated > 0 {
            for alert in &mut alerts {
                alert.flags.push(AlertFlag::GroupTruncated);
            }
        }
        Ok(Notification {
            source: Source::Alertmanager,
            group_key: group_key
                .map(|Text(key)| cut(key, TEXT_BYTES_MOST, &mut false))
                .unwrap_or_default(),
            truncated,
            alerts,
        })
    }
}

/// The version, which must be the string "4".
struct Version<'a, 'l>(&'a Reader<'l>);

impl<'de> DeserializeSeed<'de> for Version<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<(), D::Error> {
        match Text::deserialize(json) {
            Ok(Text(version)) if version == "4" => Ok(()),
            Ok(_) | Err(_) => Err(self.0.refuse(Reject::NotVersion4)),
        }
    }
}

struct Alerts<'a, 'l>(&'a Reader<'l>);

impl<'de> DeserializeSeed<'de> for Alerts<'_, '_> {
    type Value = Vec<Alert>;

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<Self::Value, D::Error> {
        json.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for Alerts<'_, '_> {
    type Value = Vec<Alert>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array of alerts")
    }

    fn visit_seq<S: SeqAccess<'de>>(self, mut seq: S) -> Result<Self::Value, S::Error> {
        let mut alerts = Vec::new();
        loop {
            self.0.at.set(Field::Alert);
            let Some(alert) = seq.next_element_seed(One(self.0))? else { return Ok(alerts) };
            if alerts.len() >= self.0.limits.alerts {
                return Err(self.0.refuse(Reject::TooManyAlerts { limit: self.0.limits.alerts }));
            }
            alerts.push(alert);
        }
    }
}

/// One alert.
struct One<'a, 'l>(&'a Reader<'l>);

#[derive(Deserialize)]
#[serde(field_identifier, rename_all = "camelCase")]
enum AlertWord {
    Status,
    Labels,
    Annotations,
    StartsAt,
    EndsAt,
    #[serde(rename = "generatorURL")]
    GeneratorUrl,
    Fingerprint,
    #[serde(other)]
    Other,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Status {
    Firing,
    Resolved,
}

impl<'de> DeserializeSeed<'de> for One<'_, '_> {
    type Value = Alert;

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<Self::Value, D::Error> {
        json.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for One<'_, '_> {
    type Value = Alert;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an alert")
    }

    fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Self::Value, M::Error> {
        let reader = self.0;
        let mut read = Read::default();
        while let Some(key) = map.next_key()? {
            match key {
                AlertWord::Status => {
                    reader.once(&mut read.status, Field::AlertStatus, || map.next_value())?;
                }
                AlertWord::Labels => {
                    reader.once(&mut read.labels, Field::Labels, || {
                        map.next_value_seed(PairsOf(reader, Field::Labels))
                    })?;
                }
                AlertWord::Annotations => {
                    reader.once(&mut read.annotations, Field::Annotations, || {
                        map.next_value_seed(PairsOf(reader, Field::Annotations))
                    })?;
                }
                AlertWord::StartsAt => {
                    reader.once(&mut read.starts_at, Field::StartsAt, || {
                        map.next_value_seed(Time(reader))
                    })?;
                }
                AlertWord::EndsAt => {
                    reader.once(&mut read.ends_at, Field::EndsAt, || {
                        map.next_value_seed(Time(reader))
                    })?;
                }
                AlertWord::GeneratorUrl => {
                    reader
                        .once(&mut read.generator_url, Field::GeneratorUrl, || map.next_value())?;
                }
                AlertWord::Fingerprint => {
                    reader.once(&mut read.fingerprint, Field::Fingerprint, || map.next_value())?;
                }
                AlertWord::Other => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        read.alert(reader)
    }
}

/// The fields of an alert as they were met.
#[derive(Default)]
struct Read<'de> {
    status: Option<Status>,
    labels: Option<Pairs<'de>>,
    annotations: Option<Pairs<'de>>,
    starts_at: Option<Moment>,
    ends_at: Option<Moment>,
    generator_url: Option<Text<'de>>,
    fingerprint: Option<Text<'de>>,
}

impl Read<'_> {
    fn alert<E: serde::de::Error>(self, reader: &Reader<'_>) -> Result<Alert, E> {
        let status = match self.status {
            Some(Status::Firing) => AlertStatus::Firing,
            Some(Status::Resolved) => AlertStatus::Resolved,
            None => return Err(reader.refuse(Reject::Missing(Field::AlertStatus))),
        };
        let pairs = self.labels.ok_or_else(|| reader.refuse(Reject::Missing(Field::Labels)))?;
        let mut flags = Vec::new();

        // Our own hash is the key, so that a sender with another one is still recognized from one time to the next.
        let fingerprint = format!("{:016x}", pairs.fingerprint());
        match self.fingerprint {
            Some(Text(told)) if told == fingerprint => {}
            Some(Text(told)) if is_fingerprint(&told) => flags.push(AlertFlag::FingerprintMismatch),
            Some(_) | None => flags.push(AlertFlag::FingerprintReplaced),
        }
        let labels = pairs.keep(reader.limits);
        if labels.oversize {
            flags.push(AlertFlag::Oversize);
        }
        let starts_at = self.starts_at.unwrap_or(Moment::NotSet);
        let ends_at = self.ends_at.unwrap_or(Moment::NotSet);
        if [starts_at, ends_at].iter().any(|moment| matches!(moment, Moment::Clamped(_))) {
            flags.push(AlertFlag::TimeClamped);
        }
        let (starts_at, ends_at) = (starts_at.at(), ends_at.at());
        let ends_before_start =
            matches!((starts_at, ends_at), (Some(start), Some(end)) if end < start);
        let fires_after_end =
            status == AlertStatus::Firing && ends_at.is_some_and(|end| end <= reader.now);
        if ends_before_start || fires_after_end {
            flags.push(AlertFlag::TimesOdd);
        }
        Ok(Alert {
            key: AlertKey { source: Source::Alertmanager, fingerprint },
            status,
            labels: labels.labels,
            // Annotations are for people: a long one is cut, and that alone forbids nothing.
            annotations: self.annotations.unwrap_or_default().keep(reader.limits).labels,
            starts_at,
            ends_at,
            generator_url: self
                .generator_url
                .map(|Text(url)| cut(url, TEXT_BYTES_MOST, &mut false))
                .unwrap_or_default(),
            flags,
        })
    }
}

fn is_fingerprint(text: &str) -> bool {
    text.len() == 16 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

struct Time<'a, 'l>(&'a Reader<'l>);

impl<'de> DeserializeSeed<'de> for Time<'_, '_> {
    type Value = Moment;

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<Self::Value, D::Error> {
        let Text(text) = Text::deserialize(json)?;
        moments::read(&text, self.0.now).ok_or_else(|| serde::de::Error::custom("no time stamp"))
    }
}

impl Reader<'_> {
    /// Reads the value of `field`, which must not have been met before.
    fn once<T, E: serde::de::Error>(
        &self,
        slot: &mut Option<T>,
        field: Field,
        read: impl FnOnce() -> Result<T, E>,
    ) -> Result<(), E> {
        if slot.is_some() {
            return Err(self.refuse(Reject::Doubled(field)));
        }
        self.at.set(field);
        *slot = Some(read()?);
        Ok(())
    }
}
