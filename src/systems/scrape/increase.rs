//! How much counters rose between two readings of a page. Never guesses what a counter was before it was seen, or before it
//! began again.

use std::collections::BTreeMap;
use std::time::Duration;

use super::{Exposition, Line, Select, answer, malformed, parse, selected, time_of};
use crate::core::alert::Labels;
use crate::core::evidence::{Absence, Failure, Finding, Reading, Value};
use crate::core::time::Timestamp;

/// When the process behind a page began: another one counts from zero, even where its numbers are higher.
const PROCESS_START: &str = "process_start_time_seconds";

/// A series of a page.
struct Series {
    value: f64,
    /// As the page dates it.
    time: Option<String>,
}

type All = BTreeMap<Labels, Series>;

/// What rose from `first` to `second`, which were read after `now`.
pub(super) fn between(
    first: &Exposition,
    second: &Exposition,
    select: &Select<'_>,
    (now, max_age): (Timestamp, Duration),
) -> Result<Finding, Failure> {
    match answer(first, select, now, max_age)? {
        // It may be born between the two.
        Finding::Value(_) | Finding::NoData(Absence::Empty) => {}
        other @ (Finding::NoData(_) | Finding::Failed(_)) => return Ok(other),
    }
    let reading = match answer(second, select, now, max_age)? {
        Finding::Value(reading) => reading,
        other @ (Finding::NoData(_) | Finding::Failed(_)) => return Ok(other),
    };
    let (before, after) = (all(first, select)?, all(second, select)?);
    let start = |page| all(page, &one(PROCESS_START, &Labels::new()));
    let values =
        |all: All| all.into_values().map(|series| series.value.to_bits()).collect::<Vec<_>>();
    let restarted = values(start(first)?) != values(start(second)?);
    if restarted || before.keys().any(|labels| !after.contains_key(labels)) {
        return Ok(Finding::NoData(Absence::Partial));
    }
    let name = format!("{}_created", select.metric.strip_suffix("_total").unwrap_or(select.metric));
    let created = all(second, &one(&name, select.labels))?;
    let mut groups: BTreeMap<String, f64> = BTreeMap::new();
    for (labels, series) in &after {
        let increase = match before.get(labels) {
            // One sample twice shows no increase, and not that there was none.
            Some(earlier) if series.time.is_some() && series.time == earlier.time => {
                return Ok(Finding::NoData(Absence::Stale));
            }
            Some(earlier) => series.value - earlier.value,
            None if created.get(labels).is_some_and(|born| is_after(born.value, now)) => {
                series.value
            }
            None => return Ok(Finding::NoData(Absence::Partial)),
        };
        // It began again: what it had reached before is not known.
        if increase < 0.0 {
            return Ok(Finding::NoData(Absence::Partial));
        }
        let group = select.by.and_then(|by| labels.get(by)).cloned().unwrap_or_default();
        *groups.entry(group).or_insert(0.0) += increase;
    }
    let value = match select.by {
        Some(_) => Value::Series(groups),
        None => Value::Number(groups.into_values().sum()),
    };
    Ok(Finding::Value(Reading { at: reading.at, value }))
}

fn one<'a>(metric: &'a str, labels: &'a Labels) -> Select<'a> {
    Select { metric, labels, by: None }
}

fn all(page: &Exposition, select: &Select<'_>) -> Result<All, Failure> {
    let mut all = All::new();
    for line in page.text.lines() {
        let line = parse(line).ok_or_else(|| malformed("a line of the page is no sample"))?;
        let Line::Sample(sample) = line else { continue };
        if selected(&sample, select) {
            let time = sample.time.map(str::to_owned);
            all.insert(sample.labels, Series { value: sample.value, time });
        }
    }
    Ok(all)
}

fn is_after(secs: f64, now: Timestamp) -> bool {
    time_of(&secs.to_string(), true).is_some_and(|at| at > now)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rose(first: &str, second: &str, by: Option<&str>) -> Finding {
        let now: Timestamp = "2026-08-20T10:00:00Z".parse().unwrap();
        let page = |text: &str| Exposition { text: text.to_owned(), open_metrics: false };
        let labels = Labels::new();
        let select = Select { metric: "x_total", labels: &labels, by };
        between(&page(first), &page(second), &select, (now, Duration::from_mins(1))).unwrap()
    }

    fn value(first: &str, second: &str, by: Option<&str>) -> Option<Value> {
        rose(first, second, by).reading().map(|reading| reading.value.clone())
    }

    #[test]
    fn counters_are_compared_series_by_series() {
        assert_eq!(value("x_total 5", "x_total 12", None), Some(Value::Number(7.0)));
        assert_eq!(value("x_total 5", "x_total 5", None), Some(Value::Number(0.0)));
        let first =
            "x_total{s=\"200\",i=\"a\"} 5\nx_total{s=\"200\",i=\"b\"} 7\nx_total{s=\"503\"} 1";
        let second =
            "x_total{s=\"503\"} 4\nx_total{s=\"200\",i=\"b\"} 8\nx_total{s=\"200\",i=\"a\"} 5";
        let groups = BTreeMap::from([("200".to_owned(), 1.0), ("503".to_owned(), 3.0)]);
        assert_eq!(value(first, second, Some("s")), Some(Value::Series(groups)));
        let dated = value("x_total 5 1787220000000", "x_total 6 1787220001000", None);
        assert_eq!(dated, Some(Value::Number(1.0)));
    }

    #[test]
    fn what_is_not_known_is_not_counted() {
        let partial = Finding::NoData(Absence::Partial);
        let by = Some("s");
        for (what, first, second) in [
            ("reset", "x_total 5", "x_total 4"),
            (
                "reset of one",
                "x_total{s=\"a\"} 5\nx_total{s=\"b\"} 1",
                "x_total{s=\"a\"} 0\nx_total{s=\"b\"} 9",
            ),
            ("gone", "x_total{s=\"a\"} 5\nx_total{s=\"b\"} 1", "x_total{s=\"a\"} 6"),
            ("born", "x_total{s=\"a\"} 5", "x_total{s=\"a\"} 6\nx_total{s=\"b\"} 3"),
            ("born, and made long ago", "", "x_total 3\nx_created 1787219000\n"),
            (
                "another process",
                "x_total 5\nprocess_start_time_seconds 1",
                "x_total 9\nprocess_start_time_seconds 2",
            ),
        ] {
            assert_eq!(rose(first, second, by), partial, "{what}");
        }
        let born = value("y 1", "x_total 3\nx_created 1787220001.5", None);
        assert_eq!(
            born,
            Some(Value::Number(3.0)),
            "the page says that it began after the first reading"
        );
        let same = rose("x_total 5 1787220000000", "x_total 5 1787220000000", None);
        assert_eq!(same, Finding::NoData(Absence::Stale));
        assert_eq!(rose("x_total NaN", "x_total 1", None), Finding::NoData(Absence::NotFinite));
        assert_eq!(rose("x_total 1", "x_total +Inf", None), Finding::NoData(Absence::NotFinite));
        assert_eq!(rose("", "", None), Finding::NoData(Absence::Empty));
        assert_eq!(rose("x_total 1", "", None), Finding::NoData(Absence::Empty));
    }
}
