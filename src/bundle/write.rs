//! A live round → a bundle, in the schema that is read: to share, and to judge again with the same verdict.
//! Never writes a text that was not redacted.

use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

use super::read::{List, Own};
use crate::core::cause::{Case, Counts, Lasting, Lines, Said, Witness, case_of};
use crate::core::incident::Round;
use crate::core::redact::redact;
use crate::core::rule::Rule;
use crate::core::time::{Duration, Timestamp, after};

/// The span that a bundle speaks of: an hour before the opening, and what is after it.
const BEFORE: Duration = Duration::from_hours(1);
const AFTER: Duration = Duration::from_mins(5);

/// The bundle of one opening of a rule's breaker, as one line of JSON.
pub fn write(
    name: &str,
    rule: &Rule,
    target: &str,
    round: &Round,
    (opened_at, lasting): (Timestamp, Lasting),
) -> Result<String, serde_json::Error> {
    let case = case_of(rule, round, opened_at);
    let mut own = Own {
        names: rule.targets.iter().cloned().chain([rule.name.clone()]).collect(),
        missing: case.missing.clone(),
        patterns: rule.cause_patterns.clone(),
        statuses: rule.cause_statuses.clone(),
        lasting: Some(lasting),
        ..Own::default()
    };
    let (logs, by_status) = taken_apart(&case, &mut own);
    let metrics = by_status.map(|(question, counts)| {
        json!({"errors_by_status": {"question": question, "metric": question, "label": Value::Null,
            "selector": {"target": target}, "last_10m": counts.now, "hour_before": Value::Null},
            "evaluated_at": round.asked_at})
    });
    let mut bundle = json!({
        "id": name,
        "breaker": {"library": Value::Null, "name": rule.name, "service": Value::Null, "dependency": target,
            "dependency_host": Value::Null, "description": rule.summary, "alert": Value::Null},
        "tripped_at": opened_at,
        "window": {"from": opened_at.checked_sub(BEFORE).unwrap_or(Timestamp::MIN), "to": after(opened_at, AFTER)},
        "logs": logs,
        "metrics": metrics,
        "reclose": serde_json::to_value(own)?,
    });
    clean(&mut bundle);
    serde_json::to_string(&bundle).map(|text| text + "\n")
}

/// The lines and the first counts go where the schema has them; all else stays as it is.
fn taken_apart(case: &Case, own: &mut Own) -> (Vec<Value>, Option<(String, Counts)>) {
    let (mut logs, mut by_status) = (Vec::new(), None);
    for Witness { question, said } in &case.witnesses {
        match said {
            Said::Lines(Lines { lines, complete, from, read_at }) => {
                let list = List { complete: *complete, from: *from, read_at: *read_at };
                own.lists.insert(question.clone(), list);
                logs.extend(lines.iter().map(|line| {
                    json!({"ts": line.at, "stream": {"pod": line.instance}, "line": line.text, "question": question})
                }));
            }
            Said::Counts(counts) if by_status.is_none() && counts.usual.is_none() => {
                by_status = Some((question.clone(), counts.clone()));
            }
            Said::Counts(_) | Said::Probe { .. } | Said::Support(_) => {
                own.witnesses.push(Witness { question: question.clone(), said: said.clone() });
            }
        }
    }
    logs.sort_by_key(|entry| entry.get("ts").and_then(Value::as_str).map(str::to_owned));
    (logs, by_status)
}

/// Every text of the bundle, the names of labels too, without secrets.
fn clean(value: &mut Value) {
    match value {
        Value::String(text) => *text = redact(text).into_owned(),
        Value::Array(all) => all.iter_mut().for_each(clean),
        Value::Object(all) => {
            let kept: BTreeMap<String, Value> = std::mem::take(all).into_iter().collect();
            let cleaned = kept.into_iter().map(|(key, mut value)| {
                clean(&mut value);
                (redact(&key).into_owned(), value)
            });
            *all = cleaned.collect::<Map<String, Value>>();
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}
