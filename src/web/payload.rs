//! Alertmanager's webhook body, version 4, as core types: one pass, everything checked. Never looks into what it does
//! not read, and never keeps more of a label than its limit.

mod depth;
mod labels;
mod moments;
mod wire;

use serde::de::DeserializeSeed;
use serde_json::error::Category;
use std::cell::Cell;

use super::reject::{Field, Reject};
use crate::core::alert::Notification;
use crate::core::time::Timestamp;

/// What one body may hold. The defaults are far above what Alertmanager sends, and bound what an incident carries.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// A storm beyond this is one that `max_alerts` must cut.
    pub alerts: usize,
    /// Version 4 nests four deep; more than this is an attack on the parser.
    pub depth: usize,
    /// Labels, and annotations, of one alert.
    pub labels: usize,
    /// A longer name is left out.
    pub name_bytes: usize,
    /// A longer value is cut.
    pub value_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { alerts: 100_000, depth: 64, labels: 256, name_bytes: 1_024, value_bytes: 4_096 }
    }
}

/// Reads `body` as it arrived at `now`. The status of a group is not believed, only that of each alert: a truncated
/// group may say "resolved" while firing alerts were cut off.
pub fn parse(body: &[u8], limits: &Limits, now: Timestamp) -> Result<Notification, Reject> {
    if body.iter().all(u8::is_ascii_whitespace) {
        return Err(Reject::Empty);
    }
    let text = std::str::from_utf8(body).map_err(|_| Reject::NotUtf8)?;
    if depth::is_over(body, limits.depth) {
        return Err(Reject::TooDeep { limit: limits.depth });
    }
    let reader = Reader { limits, now, fault: Cell::new(None), at: Cell::new(Field::Body) };
    let mut json = serde_json::Deserializer::from_str(text);
    let notification = wire::Group(&reader)
        .deserialize(&mut json)
        .and_then(|notification| json.end().map(|()| notification));
    notification.map_err(|error| reader.fault.get().unwrap_or_else(|| reader.explain(&error)))
}

/// What the visitors share: the limits, where they are, and what they refused.
struct Reader<'a> {
    limits: &'a Limits,
    now: Timestamp,
    /// The first refusal that is ours rather than the parser's.
    fault: Cell<Option<Reject>>,
    at: Cell<Field>,
}

impl Reader<'_> {
    /// Notes why, and makes the error that ends the parse. Its text goes nowhere.
    fn refuse<E: serde::de::Error>(&self, why: Reject) -> E {
        self.fault.set(Some(why));
        E::custom("refused")
    }

    fn explain(&self, error: &serde_json::Error) -> Reject {
        let (line, column) = (error.line(), error.column());
        match error.classify() {
            Category::Data => Reject::WrongType { field: self.at.get(), line, column },
            Category::Syntax | Category::Eof | Category::Io => Reject::NotJson { line, column },
        }
    }
}
