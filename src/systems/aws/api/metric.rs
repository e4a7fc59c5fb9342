//! Metrics of `CloudWatch`. Never takes missing points for zeros: a metric is silent when nothing is sent.

use serde::Deserialize;
use serde_json::{Value as Json, json};
use std::collections::BTreeMap;
use std::time::Duration;

use super::call::{Api, Caller, JSON_1_0};
use super::pages::{Next, Pages, set};
use super::{CLOCK_SLACK, moment};
use crate::core::evidence::{Absence, FailureKind, Finding, MetricAsk, Reading, Statistic, Value};
use crate::core::time::{Duration as Span, Timestamp, after, since};
use crate::systems::{MAX_SERIES, failed, in_the_past};

/// Each holds some hundred thousand points.
const MAX_PAGES: usize = 10;
/// An old point shows that the metric is there and has stopped.
const LOOK_BACK: Duration = Duration::from_mins(15);
/// A trend needs no more.
const MAX_POINTS: usize = 2_000;

const GET: Api = Api {
    service: "monitoring",
    target: "GraniteServiceVersion20100801.GetMetricData",
    content_type: JSON_1_0,
};
const LIST: Api = Api {
    service: "monitoring",
    target: "GraniteServiceVersion20100801.ListMetrics",
    content_type: JSON_1_0,
};

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Answer {
    metric_data_results: Vec<Found>,
    next_token: Option<String>,
    /// What went wrong with the whole.
    #[serde(default)]
    messages: Vec<serde::de::IgnoredAny>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Found {
    id: String,
    timestamps: Vec<f64>,
    values: Vec<f64>,
    status_code: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Listed {
    metrics: Vec<Metric>,
    next_token: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Metric {
    #[serde(default)]
    dimensions: Vec<Dimension>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Dimension {
    name: String,
    value: String,
}

type Points = Vec<(Timestamp, f64)>;

pub(super) async fn ask(
    caller: &Caller<'_>,
    ask: &MetricAsk,
    max_age: Duration,
) -> Result<Reading, Finding> {
    match (&ask.by, ask.last) {
        (Some(by), last) => series(caller, ask, by, last.unwrap_or(ask.period)).await,
        (None, Some(last)) => {
            let points = one(caller, ask, last).await?;
            let Some(&(newest, _)) = points.last() else {
                return Err(Finding::NoData(Absence::Empty));
            };
            let good = max_age.saturating_add(ask.period);
            dated(newest, Value::Trend(points), good, caller.now)
        }
        (None, None) => {
            // Points come late; how old the newest may be is the question's to say.
            let good = max_age.saturating_add(ask.period);
            let points = one(caller, ask, good.saturating_add(LOOK_BACK)).await?;
            match points.last() {
                None => Err(Finding::NoData(Absence::Empty)),
                Some(&(newest, value)) => dated(newest, Value::Number(value), max_age, caller.now),
            }
        }
    }
}

/// A point stands at the beginning of its period, so that it never looks younger than it is.
fn dated(
    newest: Timestamp,
    value: Value,
    good: Duration,
    now: Timestamp,
) -> Result<Reading, Finding> {
    if since(now, newest) > good {
        return Err(Finding::NoData(Absence::Stale));
    }
    Ok(Reading { at: newest.min(now), value })
}

async fn one(caller: &Caller<'_>, ask: &MetricAsk, last: Duration) -> Result<Points, Finding> {
    let dimensions = ask.dimensions.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    let queries = [query(0, ask, dimensions)];
    Ok(points(caller, &queries, last).await?.remove(&0).unwrap_or_default())
}

/// One number for each value of the dimension, over all of the time that is asked for.
async fn series(
    caller: &Caller<'_>,
    ask: &MetricAsk,
    by: &str,
    last: Duration,
) -> Result<Reading, Finding> {
    let values = values_of(caller, ask, by).await?;
    if values.is_empty() {
        return Err(Finding::NoData(Absence::Empty));
    }
    let queries: Vec<Json> = values
        .iter()
        .enumerate()
        .map(|(index, value)| {
            let fixed = ask.dimensions.iter().map(|(name, value)| (name.as_str(), value.as_str()));
            query(index, ask, fixed.chain([(by, value.as_str())]))
        })
        .collect();
    let found = points(caller, &queries, last).await?;
    let mut series = BTreeMap::new();
    let mut oldest = caller.now;
    for (index, points) in found {
        let (Some(value), Some(&(newest, _))) = (values.get(index), points.last()) else {
            continue;
        };
        oldest = oldest.min(newest);
        let numbers = points.iter().map(|(_, number)| *number);
        let joined = match ask.statistic {
            Statistic::Sum | Statistic::Count => numbers.sum(),
            Statistic::Minimum => numbers.fold(f64::INFINITY, f64::min),
            Statistic::Maximum => numbers.fold(f64::NEG_INFINITY, f64::max),
            Statistic::Average => {
                let hint = "averages of several periods cannot be joined: ask for a sum";
                return Err(Finding::failed(FailureKind::BadQuestion, hint));
            }
        };
        series.insert(value.clone(), joined);
    }
    if series.is_empty() {
        return Err(Finding::NoData(Absence::Empty));
    }
    // The window is what was asked for: within it every sample counts alike.
    Ok(Reading {
        at: oldest.max(in_the_past(caller.now, ask.period)),
        value: Value::Series(series),
    })
}

fn query<'a>(
    index: usize,
    ask: &MetricAsk,
    dimensions: impl Iterator<Item = (&'a str, &'a str)>,
) -> Json {
    let dimensions: Vec<Json> =
        dimensions.map(|(name, value)| json!({ "Name": name, "Value": value })).collect();
    let statistic = match ask.statistic {
        Statistic::Sum => "Sum",
        Statistic::Average => "Average",
        Statistic::Minimum => "Minimum",
        Statistic::Maximum => "Maximum",
        Statistic::Count => "SampleCount",
    };
    json!({
        "Id": format!("m{index}"),
        "MetricStat": {
            "Metric": {
                "Namespace": ask.namespace,
                "MetricName": ask.metric,
                "Dimensions": dimensions,
            },
            "Period": ask.period.as_secs().max(1),
            "Stat": statistic,
        },
    })
}

/// The values that the dimension has. Metrics with further dimensions are others.
async fn values_of(caller: &Caller<'_>, ask: &MetricAsk, by: &str) -> Result<Vec<String>, Finding> {
    let fixed = ask.dimensions.iter().map(|(name, value)| json!({ "Name": name, "Value": value }));
    let dimensions: Vec<Json> = fixed.chain([json!({ "Name": by })]).collect();
    let mut body = json!({
        "Namespace": ask.namespace,
        "MetricName": ask.metric,
        "Dimensions": dimensions,
    });
    let mut pages = Pages::at_most(MAX_PAGES);
    let mut values = Vec::new();
    loop {
        let answer: Listed = caller.json(&LIST, &body).await?;
        for metric in answer.metrics {
            let same = metric.dimensions.len() == dimensions.len();
            let value = metric.dimensions.into_iter().find(|dimension| dimension.name == by);
            values.extend(value.filter(|_| same).map(|dimension| dimension.value));
        }
        values.sort();
        values.dedup();
        if values.len() > MAX_SERIES {
            let what = format!("`{by}` has more than {MAX_SERIES} values");
            return Err(Finding::failed(FailureKind::Malformed, what));
        }
        match pages.next(answer.next_token) {
            Next::Page(token) => set(&mut body, "NextToken", &token),
            Next::Done => return Ok(values),
            Next::Cut => return Err(Finding::NoData(Absence::Partial)),
        }
    }
}

/// The points of each query within `last`, oldest first.
async fn points(
    caller: &Caller<'_>,
    queries: &[Json],
    last: Duration,
) -> Result<BTreeMap<usize, Points>, Finding> {
    let begin = in_the_past(caller.now, last);
    let mut body = json!({
        "StartTime": begin.as_second(),
        "EndTime": after(caller.now, Span::from_secs(1)).as_second(),
        "ScanBy": "TimestampAscending",
        "MetricDataQueries": queries,
    });
    let mut pages = Pages::at_most(MAX_PAGES);
    let mut all: BTreeMap<usize, (Points, bool)> = BTreeMap::new();
    loop {
        let answer: Answer = caller.json(&GET, &body).await?;
        if !answer.messages.is_empty() {
            return Err(Finding::NoData(Absence::Partial));
        }
        for found in answer.metric_data_results {
            let (index, points, whole) = checked(found, queries.len(), caller.now)?;
            let entry = all.entry(index).or_default();
            entry.0.extend(points);
            // What the last page says of a metric holds.
            entry.1 = whole;
        }
        match pages.next(answer.next_token) {
            Next::Page(token) => set(&mut body, "NextToken", &token),
            Next::Done => break,
            Next::Cut => return Err(Finding::NoData(Absence::Partial)),
        }
    }
    if all.values().any(|(_, whole)| !whole) {
        return Err(Finding::NoData(Absence::Partial));
    }
    let sorted = |(index, (mut points, _)): (usize, (Points, bool))| {
        points.retain(|(at, _)| *at >= begin);
        points.sort_by_key(|(at, _)| *at);
        points.dedup_by_key(|(at, _)| *at);
        (index, points)
    };
    Ok(all.into_iter().map(sorted).collect())
}

/// One metric of an answer: which query it belongs to, its points, and whether they are all.
fn checked(found: Found, queries: usize, now: Timestamp) -> Result<(usize, Points, bool), Finding> {
    let malformed = |what: &str| Finding::failed(FailureKind::Malformed, what);
    let index = found.id.strip_prefix('m').and_then(|index| index.parse().ok());
    let index = index.filter(|index| *index < queries);
    let index = index.ok_or_else(|| malformed("an answer to a question that was not asked"))?;
    let whole = match found.status_code.as_deref() {
        Some("Complete") | None => true,
        Some("PartialData") => false,
        Some("Forbidden") => {
            return Err(failed(FailureKind::Unauthorized, "AWS forbids this metric").into());
        }
        Some(other) => return Err(failed(FailureKind::ServerError, other).into()),
    };
    if found.timestamps.len() != found.values.len() {
        return Err(malformed("not as many values as moments"));
    }
    if found.values.len() > MAX_POINTS {
        return Err(malformed("more than 2,000 points: ask for less time, or for longer periods"));
    }
    let mut points = Vec::with_capacity(found.values.len());
    for (secs, value) in found.timestamps.into_iter().zip(found.values) {
        let at = moment(secs).ok_or_else(|| malformed("a point has no such time"))?;
        if at > after(now, CLOCK_SLACK) {
            return Err(malformed("a point lies in the future"));
        }
        if !value.is_finite() {
            return Err(Finding::NoData(Absence::NotFinite));
        }
        points.push((at, value));
    }
    Ok((index, points, whole))
}
