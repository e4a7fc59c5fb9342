//! A bundle's JSON → the case that is weighed. What is absent or of another shape is left out, never taken for zero.

use serde::Deserialize;
use serde_json::{Map, Value};
use std::collections::BTreeMap;

use super::extra;
use crate::core::cause::{
    Case, Cause, Counts, Instances, Lasting, Line, Lines, Missing, Said, Support, Verdict, Whose,
    Witness, weigh,
};
use crate::core::classify::Patterns;
use crate::core::rule::CausePattern;
use crate::core::time::{Duration, Timestamp, after};

/// The names of the questions in a bundle that names none.
pub(super) const LOGS: &str = "logs";
pub(super) const STATUSES: &str = "statuses";
/// `last_10m` against the hour before it.
const TENS_IN_AN_HOUR: f64 = 6.0;
/// A bundle reaches so far beyond the opening.
const TAIL: Duration = Duration::from_mins(5);

/// A saved incident, ready to be judged.
pub struct Bundle {
    pub breaker: String,
    pub case: Case,
    /// The rule's own patterns and statuses, where the bundle was saved by one.
    patterns: Patterns,
    lasting: Lasting,
}

impl Bundle {
    /// The verdict, by the same function that judges live rounds.
    pub fn judge(&self) -> Verdict {
        weigh(&self.case, &self.patterns, self.lasting)
    }
}

#[derive(Deserialize)]
struct File {
    #[serde(default)]
    breaker: Map<String, Value>,
    tripped_at: Option<Timestamp>,
    #[serde(default)]
    window: Map<String, Value>,
    #[serde(default)]
    logs: Vec<Entry>,
    #[serde(default)]
    metrics: Option<Map<String, Value>>,
    #[serde(default)]
    reclose: Option<Own>,
}

#[derive(Deserialize)]
struct Entry {
    #[serde(default)]
    ts: Option<Timestamp>,
    #[serde(default)]
    stream: Map<String, Value>,
    line: String,
    #[serde(default)]
    question: Option<String>,
}

/// What reclose itself knows beyond the shared schema.
#[derive(Clone, Default, Deserialize, serde::Serialize)]
pub(super) struct Own {
    #[serde(default)]
    pub(super) names: Vec<String>,
    #[serde(default)]
    pub(super) lists: BTreeMap<String, List>,
    #[serde(default)]
    pub(super) witnesses: Vec<Witness>,
    #[serde(default)]
    pub(super) missing: Vec<Missing>,
    #[serde(default)]
    pub(super) patterns: Vec<CausePattern>,
    #[serde(default)]
    pub(super) statuses: BTreeMap<u16, Cause>,
    #[serde(default)]
    pub(super) lasting: Option<Lasting>,
}

/// How a list of lines was read.
#[derive(Clone, Deserialize, serde::Serialize)]
pub(super) struct List {
    pub(super) complete: bool,
    pub(super) from: Option<Timestamp>,
    pub(super) read_at: Timestamp,
}

/// Reads one incident. Keys that it does not know, the truth among them, are passed over.
pub fn read(text: &str) -> Result<Bundle, serde_json::Error> {
    let file: File = serde_json::from_str(text)?;
    let opened_at = opened_at(&file);
    let own = file.reclose.clone().unwrap_or_default();
    let metrics = file.metrics.clone().unwrap_or_default();
    let mut case = Case { opened_at, whose: whose(&file, &own, &metrics), ..Case::default() };
    let read_at = moment(metrics.get("evaluated_at")).or_else(|| moment(file.window.get("to")));
    let read_at = read_at.unwrap_or_else(|| after(opened_at, TAIL));
    let from = moment(file.window.get("from"));
    for (question, lines) in by_question(file.logs) {
        let list = own.lists.get(&question).cloned();
        let list = list.unwrap_or(List { complete: true, from, read_at });
        let List { complete, from, read_at } = list;
        case.witnesses.push(Witness {
            question,
            said: Said::Lines(Lines { lines, complete, from, read_at }),
        });
    }
    case.witnesses.extend(counts(&metrics));
    case.witnesses.extend(extra::supports(&metrics));
    case.witnesses.extend(own.witnesses);
    case.missing = own.missing;
    case.instances = instances(&metrics);
    // Judged by other patterns than it was saved with, it would say something else.
    let patterns = Patterns::with(&own.patterns).map_err(serde::de::Error::custom)?;
    Ok(Bundle {
        breaker: text_of(&file.breaker, "name").unwrap_or("breaker").to_owned(),
        case,
        patterns: patterns.reading(&own.statuses),
        lasting: own.lasting.unwrap_or(Lasting::Unknown),
    })
}

/// When the breaker opened; a bundle that does not say is judged as of its alert, or its end.
fn opened_at(file: &File) -> Timestamp {
    let alert = file.breaker.get("alert").and_then(|alert| moment(alert.get("startsAt")));
    let end = moment(file.window.get("to")).and_then(|to| to.checked_sub(TAIL).ok());
    let last = file.logs.iter().filter_map(|entry| entry.ts).max();
    file.tripped_at.or(alert).or(end).or(last).unwrap_or_default()
}

fn whose(file: &File, own: &Own, metrics: &Map<String, Value>) -> Whose {
    if !own.names.is_empty() {
        return Whose::new(own.names.iter().map(String::as_str), [], false);
    }
    let ours = ["dependency", "dependency_host", "name"]
        .iter()
        .filter_map(|key| text_of(&file.breaker, key));
    let other = metrics
        .get("other_dependency")
        .and_then(|other| other.get("selector"))
        .and_then(Value::as_object);
    let others = other.into_iter().flat_map(Map::values).filter_map(Value::as_str);
    Whose::new(ours, others, true)
}

fn by_question(logs: Vec<Entry>) -> BTreeMap<String, Vec<Line>> {
    let mut all: BTreeMap<String, Vec<Line>> = BTreeMap::new();
    for entry in logs {
        let instance = ["pod", "instance", "host", "container"]
            .iter()
            .find_map(|key| text_of(&entry.stream, key));
        let line =
            Line { at: entry.ts, text: entry.line.clone(), instance: instance.map(str::to_owned) };
        all.entry(entry.question.unwrap_or_else(|| LOGS.to_owned())).or_default().push(line);
    }
    all
}

fn counts(metrics: &Map<String, Value>) -> Option<Witness> {
    let by_status = metrics.get("errors_by_status")?;
    let now = numbers(by_status.get("last_10m"))?;
    let usual = numbers(by_status.get("hour_before")).map(|hour| {
        hour.into_iter().map(|(label, count)| (label, count / TENS_IN_AN_HOUR)).collect()
    });
    let by_minute =
        metrics.get("errors_per_minute").and_then(|minutes| minutes.get("points_by_value"));
    let by_minute = by_minute.and_then(Value::as_object);
    let minutes = by_minute
        .into_iter()
        .flatten()
        .map(|(label, points)| (label.clone(), extra::points(Some(points))))
        .collect();
    let question = by_status.get("question").and_then(Value::as_str).unwrap_or(STATUSES).to_owned();
    Some(Witness { question, said: Said::Counts(Counts { now, usual, minutes }) })
}

fn instances(metrics: &Map<String, Value>) -> Option<Instances> {
    let state = metrics.get("breaker_state")?;
    let number =
        |key: &str| state.get(key).and_then(Value::as_u64).and_then(|n| u32::try_from(n).ok());
    Some(Instances { open: number("instances_open")?, total: number("instances_total")? })
}

fn numbers(value: Option<&Value>) -> Option<BTreeMap<String, f64>> {
    let object = value?.as_object()?;
    Some(
        object.iter().filter_map(|(label, value)| Some((label.clone(), value.as_f64()?))).collect(),
    )
}

pub(super) fn moment(value: Option<&Value>) -> Option<Timestamp> {
    value?.as_str()?.parse().ok()
}

pub(super) fn text_of<'m>(object: &'m Map<String, Value>, key: &str) -> Option<&'m str> {
    object.get(key).and_then(Value::as_str).filter(|text| !text.is_empty())
}

/// A support as a witness under the name of its metric.
pub(super) fn witness(support: Support) -> Witness {
    Witness { question: support.metric().to_owned(), said: Said::Support(support) }
}
