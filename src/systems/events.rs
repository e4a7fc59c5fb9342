//! A JSON page that lists events, as log lines. Never gives them authority, and never guesses where they lie.
//!
//! The best of such pages is `actuator/circuitbreakerevents`: the errors that a breaker itself recorded.

use reqwest::Client;
use serde_json::Value as Json;

use super::failed;
use super::files::clean;
use super::http::{fetch, question, refused};
use super::secrets::Secrets;
use crate::core::evidence::{
    Absence, EventsAsk, Failure, FailureKind, Finding, LogLine, Reading, Value,
};
use crate::core::time::Timestamp;

/// A hundred events with the text of an exception each take some 100 KB.
const MAX_PAGE_BYTES: usize = 4 * 1024 * 1024;
/// Numbers beyond these are milliseconds, microseconds, nanoseconds: 100,000,000,000 s lie three thousand years ahead.
const MILLIS_FROM: i64 = 100_000_000_000;
const MICROS_FROM: i64 = MILLIS_FROM * 1_000;
const NANOS_FROM: i64 = MICROS_FROM * 1_000;

pub(crate) async fn ask(
    client: &Client,
    secrets: &Secrets,
    ask: &EventsAsk,
    now: Timestamp,
) -> Finding {
    match get(client, secrets, ask).await {
        Err(failure) => Finding::Failed(failure),
        Ok((lines, _)) if lines.is_empty() => Finding::NoData(Absence::Empty),
        Ok((lines, complete)) => {
            Finding::Value(Reading { at: now, value: Value::Lines { lines, complete } })
        }
    }
}

async fn get(
    client: &Client,
    secrets: &Secrets,
    ask: &EventsAsk,
) -> Result<(Vec<LogLine>, bool), Failure> {
    let request = question::request_of(client, secrets, &ask.page, None)?;
    let page = fetch(request, MAX_PAGE_BYTES).await?;
    if !page.status.is_success() {
        return Err(refused(page.status));
    }
    let json: Json = serde_json::from_slice(&page.body)
        .map_err(|_| failed(FailureKind::Malformed, "the answer is not JSON"))?;
    lines(&json, ask)
}

/// The events, oldest first, and whether these are all.
fn lines(json: &Json, ask: &EventsAsk) -> Result<(Vec<LogLine>, bool), Failure> {
    let malformed = |what: String| failed(FailureKind::Malformed, what);
    let items = json
        .pointer(&ask.items)
        .and_then(Json::as_array)
        .ok_or_else(|| malformed(format!("there is no list at `{}`", ask.items)))?;
    let mut lines = Vec::new();
    for (index, item) in items.iter().enumerate() {
        let at = match &ask.at {
            None => None,
            Some(pointer) => Some(item.pointer(pointer).and_then(moment).ok_or_else(|| {
                malformed(format!("event {} has no time at `{pointer}`", index + 1))
            })?),
        };
        let words: Vec<String> =
            ask.text.iter().filter_map(|pointer| item.pointer(pointer)).filter_map(said).collect();
        // An event that says nothing of what was asked for is not about an error.
        if !words.is_empty() {
            lines.push(LogLine { at, text: clean(&words.join(" ")) });
        }
    }
    if lines.is_empty() && !items.is_empty() {
        return Err(malformed(format!(
            "none of {} events has {}",
            items.len(),
            ask.text.join(", ")
        )));
    }
    lines.sort_by_key(|line| line.at);
    let most = usize::try_from(ask.limit).unwrap_or(usize::MAX);
    let skip = lines.len().saturating_sub(most);
    Ok((lines.into_iter().skip(skip).collect(), skip == 0))
}

fn said(value: &Json) -> Option<String> {
    match value {
        Json::Null => None,
        Json::String(text) if text.trim().is_empty() => None,
        Json::String(text) => Some(text.clone()),
        Json::Bool(_) | Json::Number(_) | Json::Array(_) | Json::Object(_) => {
            Some(value.to_string())
        }
    }
}

/// A moment as pages write it: RFC 3339, the same with a zone in brackets behind it, or a number since 1970.
pub(crate) fn moment(value: &Json) -> Option<Timestamp> {
    match value {
        Json::String(text) => {
            let plain = text.split('[').next().unwrap_or(text).trim();
            plain.parse().ok().or_else(|| since_epoch(plain.parse().ok()?))
        }
        Json::Number(number) => number.as_i64().and_then(since_epoch).or_else(|| {
            let span = jiff::SignedDuration::try_from_secs_f64(number.as_f64()?).ok()?;
            Timestamp::from_duration(span).ok()
        }),
        Json::Null | Json::Bool(_) | Json::Array(_) | Json::Object(_) => None,
    }
}

fn since_epoch(number: i64) -> Option<Timestamp> {
    let made = match number.saturating_abs() {
        NANOS_FROM.. => Timestamp::from_nanosecond(i128::from(number)),
        MICROS_FROM.. => Timestamp::from_microsecond(number),
        MILLIS_FROM.. => Timestamp::from_millisecond(number),
        _ => Timestamp::from_second(number),
    };
    made.ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn reads_every_way_to_write_a_moment() {
        let expected: Timestamp = "2026-08-20T10:00:00Z".parse().unwrap();
        let secs = expected.as_second();
        for written in [
            json!("2026-08-20T10:00:00Z"),
            json!("2026-08-20T12:00:00+02:00[Europe/Berlin]"),
            json!("2026-08-20T10:00:00Z[Etc/UTC]"),
            json!(secs),
            json!(secs.to_string()),
            json!(secs * 1_000),
            json!(secs * 1_000_000),
            json!(secs * 1_000_000_000),
        ] {
            assert_eq!(moment(&written), Some(expected), "{written}");
        }
        assert_eq!(moment(&json!(1.5)), Timestamp::from_millisecond(1_500).ok());
        for wrong in [json!(null), json!("soon"), json!([1]), json!(true), json!("")] {
            assert_eq!(moment(&wrong), None, "{wrong}");
        }
    }
}
