//! Log Analytics: lines, one number, or one number for each of a column. Never takes a part of an answer for all of it.

use serde::Deserialize;
use serde_json::{Value as Json, json};
use std::collections::BTreeMap;
use std::time::Duration;

use super::call::{Caller, below};
use crate::core::evidence::{Absence, FailureKind, Finding, LogLine, Reading, Value};
use crate::core::time::Timestamp;
use crate::systems::azure::Audience;
use crate::systems::files::clean;
use crate::systems::{MAX_SERIES, failed};

/// More lines do not make a cause clearer.
const MAX_LINES: u32 = 1000;
const TIME: &str = "TimeGenerated";

#[derive(Clone, Copy)]
pub(super) struct Wanted<'a> {
    pub(super) workspace: &'a str,
    pub(super) query: &'a str,
    pub(super) last: Duration,
    pub(super) limit: u32,
    pub(super) line: Option<&'a str>,
}

#[derive(Deserialize)]
struct Answer {
    tables: Vec<Table>,
    /// Beside tables: part of the answer is missing.
    error: Option<serde::de::IgnoredAny>,
}

#[derive(Deserialize)]
struct Table {
    columns: Vec<Column>,
    rows: Vec<Vec<Json>>,
}

#[derive(Deserialize)]
struct Column {
    name: String,
}

pub(super) async fn ask(caller: &Caller<'_>, wanted: Wanted<'_>) -> Result<Reading, Finding> {
    let path = ["v1", "workspaces", wanted.workspace, "query"];
    let url = below(&caller.account.logs, &path, &[])?;
    let body = json!({
        "query": wanted.query,
        "timespan": format!("PT{}S", wanted.last.as_secs().max(1)),
    });
    let answer: Answer = caller.json(url, Audience::Logs, Some(&body)).await?;
    let partial = answer.error.is_some();
    let Some(table) = answer.tables.into_iter().next() else {
        return Err(malformed("the answer has no table"));
    };
    if table.rows.iter().any(|row| row.len() != table.columns.len()) {
        return Err(malformed("a row has not as many values as there are columns"));
    }
    let value = match wanted.line {
        Some(line) => lines(&table, line, wanted.limit, partial)?,
        None if partial => return Err(Finding::NoData(Absence::Partial)),
        None => numbers(&table)?,
    };
    Ok(Reading { at: caller.now, value })
}

fn malformed(what: &str) -> Finding {
    failed(FailureKind::Malformed, what).into()
}

fn column(table: &Table, name: &str) -> Option<usize> {
    table.columns.iter().position(|column| column.name == name)
}

fn lines(table: &Table, line: &str, limit: u32, partial: bool) -> Result<Value, Finding> {
    let Some(text) = column(table, line) else {
        let what = format!("the query gives no column `{line}`");
        return Err(failed(FailureKind::BadQuestion, what).into());
    };
    let time = column(table, TIME);
    let mut lines = Vec::new();
    for row in &table.rows {
        let at = match time.and_then(|time| row.get(time)) {
            None | Some(Json::Null) => None,
            Some(value) => {
                let at = value.as_str().and_then(|text| text.parse::<Timestamp>().ok());
                Some(at.ok_or_else(|| malformed("a line has no such time"))?)
            }
        };
        match row.get(text) {
            Some(Json::String(text)) => lines.push(LogLine { at, text: clean(text) }),
            Some(Json::Null) | None => {}
            Some(Json::Bool(_) | Json::Number(_) | Json::Array(_) | Json::Object(_)) => {
                return Err(malformed("a line is no text"));
            }
        }
    }
    if lines.is_empty() {
        return Err(Finding::NoData(if partial { Absence::Partial } else { Absence::Empty }));
    }
    lines.sort_by_key(|line| line.at);
    let most = limit.clamp(1, MAX_LINES) as usize;
    let complete = !partial && lines.len() <= most;
    let lines = lines.split_off(lines.len().saturating_sub(most));
    Ok(Value::Lines { lines, complete })
}

/// One row of one number; or rows of a name and a number.
fn numbers(table: &Table) -> Result<Value, Finding> {
    let number = |value: &Json| match value {
        Json::Number(number) => number.as_f64().filter(|number| number.is_finite()),
        // Infinite and not a number come as text.
        Json::Null | Json::Bool(_) | Json::String(_) | Json::Array(_) | Json::Object(_) => None,
    };
    let mut series = BTreeMap::new();
    for row in &table.rows {
        match row.as_slice() {
            [value] if table.rows.len() == 1 => {
                let value = number(value).ok_or(Finding::NoData(Absence::NotFinite))?;
                return Ok(Value::Number(value));
            }
            [name, value] => {
                let name = match name {
                    Json::String(name) => name.clone(),
                    Json::Number(number) => number.to_string(),
                    Json::Bool(truth) => truth.to_string(),
                    Json::Null | Json::Array(_) | Json::Object(_) => String::new(),
                };
                let value = number(value).ok_or(Finding::NoData(Absence::NotFinite))?;
                if series.insert(name, value).is_some() {
                    return Err(malformed("two rows have one name: summarize by it"));
                }
            }
            _ => return Err(malformed("neither one number, nor a name and a number in each row")),
        }
    }
    if series.len() > MAX_SERIES {
        return Err(malformed(&format!("more than {MAX_SERIES} rows")));
    }
    if series.is_empty() { Err(Finding::NoData(Absence::Empty)) } else { Ok(Value::Series(series)) }
}
