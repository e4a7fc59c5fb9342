//! Questions to Prometheus, and to what speaks like it. Never takes the absence of a sample for a number.

use jiff::SignedDuration;
use reqwest::{Method, StatusCode};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::time::Duration;

use super::http::{fetch, kind_of_status, refused, status_text};
use super::{MAX_SERIES, Server, failed, in_the_past};
use crate::core::alert::Labels;
use crate::core::evidence::{
    Absence, Ask, Failure, FailureKind, Finding, Question, Reading, STATE, Value,
};
use crate::core::time::Timestamp;

/// Ten times what 200 series over a day in minutes need.
const MAX_ANSWER_BYTES: usize = 8 * 1024 * 1024;
/// Prometheus itself refuses more points for each series.
const MAX_POINTS: usize = 11_000;

/// The beginning of every answer, success or not.
#[derive(Deserialize)]
struct Answer {
    status: String,
    data: Option<Data>,
    #[serde(rename = "errorType", default)]
    error_type: String,
    #[serde(default)]
    error: String,
    #[serde(default)]
    warnings: Vec<String>,
}

#[derive(Deserialize)]
#[serde(tag = "resultType", content = "result", rename_all = "lowercase")]
enum Data {
    Vector(Vec<Element>),
    Matrix(Vec<Range>),
    Scalar(Point),
    String(serde::de::IgnoredAny),
}

#[derive(Deserialize)]
struct Element {
    #[serde(default)]
    metric: Labels,
    value: Option<Point>,
}

#[derive(Deserialize)]
struct Range {
    #[serde(default)]
    values: Vec<Point>,
    #[serde(default)]
    histograms: Vec<serde::de::IgnoredAny>,
}

/// Seconds since 1970, and the number as text.
#[derive(Deserialize)]
struct Point(f64, String);

/// An answer with something in it.
enum Got {
    Vector(Vec<(Labels, f64)>),
    Scalar(f64),
    Matrix(Vec<Range>),
}

/// What was got, and the moment at which the server evaluated it, in its own clock.
struct Evaluated {
    got: Got,
    at_secs: Option<f64>,
}

pub(crate) async fn ask(server: Server<'_>, question: &Question, now: Timestamp) -> Finding {
    let answer = match &question.ask {
        Ask::Prometheus { query, age_query } => {
            instant(server, question, (query, age_query.as_deref()), now).await
        }
        Ask::PrometheusRange { query, last, step } => {
            range(server, query, (*last, *step), (now, question.max_age)).await
        }
        Ask::Scrape { .. }
        | Ask::Http(_)
        | Ask::Loki { .. }
        | Ask::LogFile { .. }
        | Ask::Redis { .. }
        | Ask::Sqlite { .. }
        | Ask::Elasticsearch { .. }
        | Ask::Events(_)
        | Ask::Postgres { .. }
        | Ask::Aws { .. }
        | Ask::Azure(_)
        | Ask::Docker(_)
        | Ask::Probe { .. } => Err(failed(FailureKind::BadQuestion, "not for Prometheus").into()),
    };
    answer.map_or_else(Finding::from, Finding::Value)
}

/// Why there is no reading.
enum Nothing {
    Absent(Absence),
    Failed(Failure),
}

impl From<Failure> for Nothing {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

impl From<Nothing> for Finding {
    fn from(nothing: Nothing) -> Self {
        match nothing {
            Nothing::Absent(absence) => Self::NoData(absence),
            Nothing::Failed(failure) => Self::Failed(failure),
        }
    }
}

async fn instant(
    server: Server<'_>,
    question: &Question,
    (query, age_query): (&str, Option<&str>),
    now: Timestamp,
) -> Result<Reading, Nothing> {
    let evaluated = post(server, "/api/v1/query", &[("query", query)]).await?;
    let value = match evaluated.got {
        Got::Scalar(number) => Value::Number(number),
        Got::Vector(elements) => value_of(elements, question.name == STATE)?,
        Got::Matrix(_) => {
            return Err(malformed("the query gives a range: use an instant one").into());
        }
    };
    let age = match age_query {
        None => Duration::ZERO,
        Some(age_query) => age(server, age_query, evaluated.at_secs).await?,
    };
    if age > question.max_age {
        return Err(Nothing::Absent(Absence::Stale));
    }
    Ok(Reading { at: in_the_past(now, age), value })
}

/// The age of the oldest sample, as of the moment at which the value was computed: a sample that came in between
/// the two queries must not make an old value look fresh.
async fn age(
    server: Server<'_>,
    age_query: &str,
    at_secs: Option<f64>,
) -> Result<Duration, Nothing> {
    let time = at_secs.map(|secs| format!("{secs:.3}"));
    let mut form = vec![("query", age_query)];
    if let Some(time) = &time {
        form.push(("time", time));
    }
    let evaluated =
        post(server, "/api/v1/query", &form).await.map_err(|nothing| match nothing {
            // The value had samples and their age has none: they cannot be dated.
            Nothing::Absent(Absence::Empty | Absence::NotFinite | Absence::Stale) => {
                Nothing::Absent(Absence::Stale)
            }
            Nothing::Absent(Absence::Partial) => Nothing::Absent(Absence::Partial),
            Nothing::Failed(failure) => Nothing::Failed(failed(
                failure.kind,
                format!("the age of the samples is not known: {}", failure.detail),
            )),
        })?;
    let oldest = match evaluated.got {
        Got::Scalar(secs) => secs,
        Got::Vector(elements) => elements.iter().map(|(_, secs)| *secs).fold(0.0, f64::max),
        Got::Matrix(_) => return Err(malformed("the age query gives a range").into()),
    };
    Duration::try_from_secs_f64(oldest.max(0.0)).map_err(|_| Nothing::Absent(Absence::Stale))
}

async fn range(
    server: Server<'_>,
    query: &str,
    (last, step): (Duration, Duration),
    (now, max_age): (Timestamp, Duration),
) -> Result<Reading, Nothing> {
    let start = in_the_past(now, last).as_duration().as_secs_f64().to_string();
    let end = now.as_duration().as_secs_f64().to_string();
    let step_secs = step.as_secs_f64().to_string();
    let form = [("query", query), ("start", &start), ("end", &end), ("step", &step_secs)];
    let evaluated = post(server, "/api/v1/query_range", &form).await?;
    let Got::Matrix(mut series) = evaluated.got else {
        return Err(malformed("the answer to a range query is no matrix").into());
    };
    let Some(only) = series.pop() else { return Err(Nothing::Absent(Absence::Empty)) };
    if !series.is_empty() {
        let count = series.len() + 1;
        return Err(malformed(&format!("{count} series instead of one: aggregate them")).into());
    }
    if only.values.len() > MAX_POINTS {
        return Err(malformed(&format!("more than {MAX_POINTS} points")).into());
    }
    let mut trend = Vec::with_capacity(only.values.len());
    for point in &only.values {
        let at = moment(point.0).ok_or_else(|| malformed("a point has no such time"))?;
        trend.push((at, finite(&point.1)?));
    }
    // A trend is as old as its newest point: one that stopped is not level, it has stopped.
    let Some(&(newest, _)) = trend.last() else { return Err(Nothing::Absent(Absence::Empty)) };
    if newest < in_the_past(now, max_age.saturating_add(step)) {
        return Err(Nothing::Absent(Absence::Stale));
    }
    Ok(Reading { at: newest.min(now), value: Value::Trend(trend) })
}

/// One element is a number; several, or one grouped by a single label, are a series. A state is one number or nothing clear.
fn value_of(elements: Vec<(Labels, f64)>, state: bool) -> Result<Value, Nothing> {
    if let [(labels, number)] = elements.as_slice() {
        // `sum by (status)` with a single status still names that status.
        let grouped = !state && labels.len() == 1 && !labels.contains_key("__name__");
        if !grouped {
            return Ok(Value::Number(*number));
        }
    }
    if elements.len() > MAX_SERIES {
        let count = elements.len();
        return Err(malformed(&format!("{count} series, more than {MAX_SERIES}")).into());
    }
    let mut series = BTreeMap::new();
    for (mut labels, number) in elements {
        labels.remove("__name__");
        let key = labels.into_values().collect::<Vec<_>>().join(",");
        if series.insert(key, number).is_some() {
            return Err(malformed("two series differ in no label value: group by fewer").into());
        }
    }
    Ok(Value::Series(series))
}

async fn post(server: Server<'_>, path: &str, form: &[(&str, &str)]) -> Result<Evaluated, Nothing> {
    let request = server.request(Method::POST, path)?.form(form);
    let page = fetch(request, MAX_ANSWER_BYTES).await?;
    if page.status.is_redirection() {
        return Err(refused(page.status).into());
    }
    let answer: Answer = match serde_json::from_slice(&page.body) {
        Ok(answer) => answer,
        // A proxy's page, or `Service Unavailable` in plain text.
        Err(_) if !page.status.is_success() => return Err(refused(page.status).into()),
        Err(_) => return Err(malformed("the answer is not Prometheus' JSON").into()),
    };
    if answer.status != "success" || !page.status.is_success() {
        return Err(error_of(page.status, &answer).into());
    }
    if !answer.warnings.is_empty() {
        return Err(Nothing::Absent(Absence::Partial));
    }
    match answer.data {
        None => Err(malformed("the answer has no data").into()),
        Some(Data::String(_)) => Err(malformed("the query gives a text").into()),
        Some(Data::Scalar(point)) => {
            Ok(Evaluated { got: Got::Scalar(finite(&point.1)?), at_secs: Some(point.0) })
        }
        Some(Data::Vector(elements)) => vector(elements),
        Some(Data::Matrix(series)) => {
            if series.iter().any(|one| !one.histograms.is_empty()) {
                return Err(malformed("native histograms: ask for a quantile").into());
            }
            Ok(Evaluated { got: Got::Matrix(series), at_secs: None })
        }
    }
}

fn vector(elements: Vec<Element>) -> Result<Evaluated, Nothing> {
    let mut numbers = Vec::with_capacity(elements.len());
    let mut at_secs = None;
    for element in elements {
        let Some(point) = element.value else {
            return Err(malformed("native histograms: ask for a quantile").into());
        };
        at_secs = Some(point.0);
        numbers.push((element.metric, finite(&point.1)?));
    }
    if numbers.is_empty() {
        return Err(Nothing::Absent(Absence::Empty));
    }
    Ok(Evaluated { got: Got::Vector(numbers), at_secs })
}

/// Which of Prometheus' errors speak of the rule, and which only of the moment.
fn error_of(status: StatusCode, answer: &Answer) -> Failure {
    let kind = match answer.error_type.as_str() {
        "bad_data" => FailureKind::BadQuestion,
        "timeout" => FailureKind::Timeout,
        "execution" | "canceled" | "internal" | "unavailable" => FailureKind::ServerError,
        _ if status.is_success() => FailureKind::ServerError,
        _ => kind_of_status(status),
    };
    let words = if answer.error.is_empty() { &answer.error_type } else { &answer.error };
    failed(kind, format!("answered {}: {words}", status_text(status)))
}

fn finite(text: &str) -> Result<f64, Nothing> {
    let number: f64 = text.parse().map_err(|_| malformed("a sample is no number"))?;
    if number.is_finite() { Ok(number) } else { Err(Nothing::Absent(Absence::NotFinite)) }
}

fn moment(secs: f64) -> Option<Timestamp> {
    Timestamp::from_duration(SignedDuration::try_from_secs_f64(secs).ok()?).ok()
}

fn malformed(what: &str) -> Failure {
    failed(FailureKind::Malformed, what)
}
