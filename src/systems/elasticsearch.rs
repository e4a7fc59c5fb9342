//! Log lines of Elasticsearch or `OpenSearch`. Never writes, never takes what a shard did not answer for nothing.

use reqwest::Method;
use serde::Deserialize;
use serde_json::{Value as Json, json};
use std::time::Duration;

use super::events::moment;
use super::files::clean;
use super::http::{fetch, refused};
use super::{Server, failed, in_the_past};
use crate::core::alert::Labels;
use crate::core::evidence::{Absence, Failure, FailureKind, Finding, LogLine, Reading, Value};
use crate::core::time::Timestamp;

/// A thousand lines of 2,000 characters, four times over for fields and escapes.
const MAX_ANSWER_BYTES: usize = 8 * 1024 * 1024;
/// More lines do not make a cause clearer.
const MAX_LINES: u32 = 1000;
/// The cluster gives up before we do, and answers with what it has.
const CLUSTER_WITHIN: &str = "8s";

/// Which lines.
#[derive(Clone, Copy)]
pub(crate) struct Query<'a> {
    pub(crate) index: &'a str,
    pub(crate) wanted: &'a Labels,
    pub(crate) string: Option<&'a str>,
    pub(crate) time: &'a str,
    pub(crate) message: &'a str,
    pub(crate) last: Duration,
    pub(crate) limit: u32,
}

#[derive(Deserialize)]
struct Answer {
    timed_out: bool,
    #[serde(rename = "_shards")]
    shards: Shards,
    #[serde(rename = "_clusters", default)]
    clusters: Clusters,
    #[serde(rename = "hits")]
    found: Hits,
}

/// Of a search over several clusters: how many did not answer, wholly or in part.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Clusters {
    skipped: u64,
    partial: u64,
    failed: u64,
}

#[derive(Deserialize)]
struct Shards {
    total: u64,
    failed: u64,
}

#[derive(Deserialize)]
struct Hits {
    #[serde(rename = "hits")]
    list: Vec<Hit>,
}

#[derive(Deserialize)]
struct Hit {
    #[serde(rename = "_source")]
    source: Json,
    /// The field that is sorted by: milliseconds since 1970.
    sort: Vec<Json>,
}

pub(crate) async fn ask(server: Server<'_>, query: Query<'_>, now: Timestamp) -> Finding {
    match get(server, query, now).await {
        Err(failure) => Finding::Failed(failure),
        Ok((lines, true)) if lines.is_empty() => Finding::NoData(Absence::Empty),
        // Nothing from a part of the shards is not nothing.
        Ok((lines, false)) if lines.is_empty() => Finding::NoData(Absence::Partial),
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
    let path = format!("/{}/_search", query.index);
    let request = server.request(Method::POST, &path)?.json(&search(query, limit, now));
    let page = fetch(request, MAX_ANSWER_BYTES).await?;
    if !page.status.is_success() {
        let Failure { kind, detail } = refused(page.status);
        return Err(failed(kind, format!("{detail}{}", why(&page.body))));
    }
    let answer: Answer = serde_json::from_slice(&page.body)
        .map_err(|_| failed(FailureKind::Malformed, "the answer is not Elasticsearch's JSON"))?;
    if answer.shards.total == 0 && answer.clusters.skipped == 0 {
        return Err(failed(
            FailureKind::BadQuestion,
            format!("no index is called `{}`", query.index),
        ));
    }
    let clusters = answer.clusters.skipped + answer.clusters.partial + answer.clusters.failed;
    let whole = !answer.timed_out && answer.shards.failed == 0 && clusters == 0;
    let complete = whole && answer.found.list.len() < limit as usize;
    let lines: Result<Vec<LogLine>, Failure> = answer
        .found
        .list
        .iter()
        .map(|hit| line(hit, query))
        // Newest first, and a full page is cut where the oldest are.
        .rev()
        .collect();
    Ok((lines?, complete))
}

fn search(query: Query<'_>, limit: u32, now: Timestamp) -> Json {
    let span = json!({
        "gte": in_the_past(now, query.last).as_millisecond(),
        "lte": now.as_millisecond(),
        "format": "epoch_millis",
    });
    let mut filter = vec![json!({ "range": { query.time: span } })];
    filter.extend(query.wanted.iter().map(|(field, value)| json!({ "term": { field: value } })));
    filter.extend(query.string.map(|string| json!({ "query_string": { "query": string } })));
    // `unmapped_type` is left out: a time field that does not exist is a mistake of the rule, and must be heard.
    json!({
        "size": limit,
        "timeout": CLUSTER_WITHIN,
        "track_total_hits": false,
        "query": { "bool": { "filter": filter } },
        "sort": [{ query.time: { "order": "desc", "numeric_type": "date" } }],
        "_source": [query.message],
    })
}

fn line(hit: &Hit, query: Query<'_>) -> Result<LogLine, Failure> {
    let malformed = |what: String| failed(FailureKind::Malformed, what);
    let at = hit
        .sort
        .first()
        .and_then(moment)
        .ok_or_else(|| malformed(format!("a line has no time in `{}`", query.time)))?;
    let text = field(&hit.source, query.message)
        .and_then(Json::as_str)
        .ok_or_else(|| malformed(format!("a line has no text in `{}`", query.message)))?;
    Ok(LogLine { at: Some(at), text: clean(text) })
}

/// `log.message` may be one key with a dot, or a key within a key.
fn field<'a>(source: &'a Json, name: &str) -> Option<&'a Json> {
    source.get(name).or_else(|| {
        let (first, rest) = name.split_once('.')?;
        field(source.get(first)?, rest)
    })
}

/// What the cluster says of a refusal.
fn why(body: &[u8]) -> String {
    let json: Json = serde_json::from_slice(body).unwrap_or_default();
    let reason =
        json.pointer("/error/root_cause/0/reason").or_else(|| json.pointer("/error/reason"));
    reason.and_then(Json::as_str).map(|reason| format!(": {reason}")).unwrap_or_default()
}
