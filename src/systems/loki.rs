//! Log lines from Loki. Never gives them authority: they are text that anybody can write.

use reqwest::Method;
use serde::Deserialize;
use std::time::Duration;

use super::files::clean;
use super::http::{fetch, refused};
use super::{Server, failed, in_the_past};
use crate::core::evidence::{Absence, Failure, FailureKind, Finding, LogLine, Reading, Value};
use crate::core::time::Timestamp;

/// A thousand lines of 2,000 characters, four times over for labels and escapes.
const MAX_ANSWER_BYTES: usize = 8 * 1024 * 1024;
/// More lines do not make a cause clearer.
const MAX_LINES: u32 = 1000;

/// Which lines.
#[derive(Clone, Copy)]
pub(crate) struct Query<'a> {
    pub(crate) logql: &'a str,
    pub(crate) last: Duration,
    pub(crate) limit: u32,
}

#[derive(Deserialize)]
struct Answer {
    status: String,
    data: Option<Data>,
    #[serde(default)]
    warnings: Vec<String>,
}

#[derive(Deserialize)]
#[serde(tag = "resultType", content = "result", rename_all = "lowercase")]
enum Data {
    Streams(Vec<Stream>),
    #[serde(alias = "vector", alias = "scalar")]
    Matrix(serde::de::IgnoredAny),
}

#[derive(Deserialize)]
struct Stream {
    values: Vec<Entry>,
}

/// Nanoseconds as text, the line, and its structured metadata, which we do not read.
#[derive(Deserialize)]
#[serde(untagged)]
enum Entry {
    Plain(String, String),
    Tagged(String, String, serde::de::IgnoredAny),
}

pub(crate) async fn ask(server: Server<'_>, query: Query<'_>, now: Timestamp) -> Finding {
    match get(server, query, now).await {
        Err(failure) => Finding::Failed(failure),
        Ok((lines, _)) if lines.is_empty() => Finding::NoData(Absence::Empty),
        Ok((lines, complete)) => {
            Finding::Value(Reading { at: now, value: Value::Lines { lines, complete } })
        }
    }
}

async fn get(
    server: Server<'_>,
    query: Query<'_>,
    now: Timestamp,
) -> Result<(Vec<LogLine>, bool), Failure> {
    let limit = query.limit.clamp(1, MAX_LINES);
    let start = in_the_past(now, query.last).as_nanosecond().to_string();
    let end = now.as_nanosecond().to_string();
    let request = server.request(Method::GET, "/loki/api/v1/query_range")?.query(&[
        ("query", query.logql),
        ("limit", &limit.to_string()),
        ("start", &start),
        ("end", &end),
        ("direction", "backward"),
    ]);
    let page = fetch(request, MAX_ANSWER_BYTES).await?;
    if !page.status.is_success() {
        // Loki explains itself in plain text.
        let why = String::from_utf8_lossy(&page.body);
        let Failure { kind, detail } = refused(page.status);
        return Err(failed(kind, format!("{detail}: {}", why.trim())));
    }
    let answer: Answer = serde_json::from_slice(&page.body)
        .map_err(|_| failed(FailureKind::Malformed, "the answer is not Loki's JSON"))?;
    let streams = match answer.data {
        Some(Data::Streams(streams)) if answer.status == "success" => streams,
        Some(Data::Matrix(_)) => {
            return Err(failed(FailureKind::BadQuestion, "the query gives numbers, not lines"));
        }
        Some(Data::Streams(_)) | None => {
            return Err(failed(FailureKind::Malformed, "Loki did not say `success`"));
        }
    };
    let mut lines = Vec::new();
    for entry in streams.into_iter().flat_map(|stream| stream.values) {
        let (nanos, text) = match entry {
            Entry::Plain(nanos, text) | Entry::Tagged(nanos, text, _) => (nanos, text),
        };
        let at = nanos
            .parse()
            .ok()
            .and_then(|nanos| Timestamp::from_nanosecond(nanos).ok())
            .ok_or_else(|| failed(FailureKind::Malformed, "a line has no such time"))?;
        lines.push((at, text));
    }
    // Each stream is newest first. The sort is stable, so that lines of one moment keep their order once reversed.
    lines.reverse();
    lines.sort_by_key(|(at, _)| *at);
    let complete = lines.len() < limit as usize && answer.warnings.is_empty();
    let newest = lines.len().saturating_sub(limit as usize);
    let lines = lines
        .into_iter()
        .skip(newest)
        .map(|(at, text)| LogLine { at: Some(at), text: clean(&text) })
        .collect();
    Ok((lines, complete))
}
