//! The `/metrics` page of a service, read directly. Never guesses between two series that both match.
//!
//! A parser of our own: the crates for it drop what they cannot read, and split label values at commas.

mod increase;

use reqwest::Client;
use reqwest::header::{ACCEPT, CONTENT_TYPE};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;
use tokio::sync::Semaphore;

use super::http::{address, fetch, refused};
use super::{MAX_SERIES, failed, in_the_past};
use crate::core::alert::Labels;
use crate::core::evidence::{Absence, Failure, FailureKind, Finding, Reading, Value};
use crate::core::time::Timestamp;

/// The page of a large service has some ten thousand series.
const MAX_PAGE_BYTES: usize = 4 * 1024 * 1024;

/// What is selected of a page.
pub(crate) struct Select<'a> {
    pub(crate) metric: &'a str,
    pub(crate) labels: &'a Labels,
    pub(crate) by: Option<&'a str>,
}

/// Where a page is, and whose turn it takes to read it.
#[derive(Clone, Copy)]
pub(crate) struct Page<'a> {
    pub(crate) client: &'a Client,
    pub(crate) url: &'a str,
    pub(crate) lane: &'a Semaphore,
}

/// Between two readings there must be time for an increase, and after them for the rest of the round.
pub(crate) const SHORTEST_OVER: Duration = Duration::from_secs(1);
pub(crate) const LONGEST_OVER: Duration = Duration::from_secs(6);

/// One sample of a page.
#[derive(Debug, PartialEq)]
struct Sample<'a> {
    metric: String,
    labels: Labels,
    value: f64,
    time: Option<&'a str>,
}

pub(crate) async fn ask(
    page: Page<'_>,
    select: Select<'_>,
    (now, max_age): (Timestamp, Duration),
) -> Finding {
    let page = match get(page).await {
        Ok(page) => page,
        Err(failure) => return Finding::Failed(failure),
    };
    answer(&page, &select, now, max_age).unwrap_or_else(Finding::Failed)
}

/// The increase of counters between two readings, `over` apart.
pub(crate) async fn ask_twice(
    page: Page<'_>,
    select: Select<'_>,
    when: (Timestamp, Duration),
    over: Duration,
) -> Finding {
    let read = async {
        let first = get(page).await?;
        // No turn is held meanwhile.
        tokio::time::sleep(over.clamp(SHORTEST_OVER, LONGEST_OVER)).await;
        let second = get(page).await?;
        increase::between(&first, &second, &select, when)
    };
    read.await.unwrap_or_else(Finding::Failed)
}

/// A page, and whether its times are in seconds (`OpenMetrics`) or milliseconds.
struct Exposition {
    text: String,
    open_metrics: bool,
}

async fn get(Page { client, url, lane }: Page<'_>) -> Result<Exposition, Failure> {
    let _turn = lane.acquire().await;
    let url = address::checked(url)?;
    let request = client.get(url).header(ACCEPT, "text/plain;version=0.0.4, */*;q=0.1");
    let page = fetch(request, MAX_PAGE_BYTES).await?;
    if !page.status.is_success() {
        return Err(refused(page.status));
    }
    let kind = page.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or("");
    if kind.starts_with("text/html") {
        return Err(malformed("the page is HTML, not metrics"));
    }
    let open_metrics = kind.starts_with("application/openmetrics-text");
    let text = String::from_utf8(page.body).map_err(|_| malformed("the page is not UTF-8"))?;
    // Without a length, a cut answer looks like a whole one: only its last line can tell.
    let whole = if open_metrics {
        text.trim_end().ends_with("# EOF")
    } else {
        page.framed || text.is_empty() || text.ends_with('\n')
    };
    if !whole {
        return Err(malformed("the page ends in the middle"));
    }
    Ok(Exposition { text, open_metrics })
}

fn answer(
    page: &Exposition,
    select: &Select<'_>,
    now: Timestamp,
    max_age: Duration,
) -> Result<Finding, Failure> {
    let mut at = now;
    let mut single = None;
    let mut matched: BTreeSet<Labels> = BTreeSet::new();
    let mut groups: BTreeMap<String, f64> = BTreeMap::new();
    for (number, line) in page.text.lines().enumerate() {
        let line = parse(line)
            .ok_or_else(|| malformed(&format!("line {} of the page is no sample", number + 1)))?;
        let Line::Sample(sample) = line else { continue };
        if !selected(&sample, select) {
            continue;
        }
        if !sample.value.is_finite() {
            return Ok(Finding::NoData(Absence::NotFinite));
        }
        if let Some(time) = sample.time {
            let time = time_of(time, page.open_metrics)
                .ok_or_else(|| malformed(&format!("line {} has no such time", number + 1)))?;
            at = at.min(time);
        }
        single = Some(sample.value);
        if let Some(by) = select.by {
            let group = sample.labels.get(by).cloned().unwrap_or_default();
            *groups.entry(group).or_insert(0.0) += sample.value;
            if groups.len() > MAX_SERIES {
                return Err(malformed(&format!("more than {MAX_SERIES} values of {by}")));
            }
        }
        if !matched.insert(sample.labels) {
            return Err(malformed(&format!("{} has the same series twice", select.metric)));
        }
    }
    if at < in_the_past(now, max_age) {
        return Ok(Finding::NoData(Absence::Stale));
    }
    let value = match (single, select.by) {
        (None, _) => return Ok(Finding::NoData(Absence::Empty)),
        (Some(_), Some(_)) => Value::Series(groups),
        (Some(value), None) if matched.len() == 1 => Value::Number(value),
        (Some(_), None) => {
            return Err(malformed(&format!(
                "{} series of {} match: name more labels",
                matched.len(),
                select.metric
            )));
        }
    };
    Ok(Finding::Value(Reading { at, value }))
}

fn selected(sample: &Sample<'_>, select: &Select<'_>) -> bool {
    sample.metric == select.metric
        && select.labels.iter().all(|(name, value)| {
            // A label that is absent equals the empty one, as in Prometheus.
            sample.labels.get(name).map_or("", String::as_str) == value
        })
}

fn time_of(text: &str, open_metrics: bool) -> Option<Timestamp> {
    if open_metrics {
        let secs: f64 = text.parse().ok().filter(|secs: &f64| secs.is_finite())?;
        let span = jiff::SignedDuration::try_from_secs_f64(secs).ok()?;
        return Timestamp::from_duration(span).ok();
    }
    Timestamp::from_millisecond(text.parse().ok()?).ok()
}

enum Line<'a> {
    /// A comment, or nothing.
    Blank,
    Sample(Sample<'a>),
}

/// One line of the text format; `None` for what the format does not allow.
fn parse(line: &str) -> Option<Line<'_>> {
    let line = line.trim();
    if line.is_empty() || line.starts_with('#') {
        return Some(Line::Blank);
    }
    let name_end = line.find(['{', ' ', '\t'])?;
    let (name, rest) = line.split_at(name_end);
    let mut metric = name.to_owned();
    let (labels, rest) = match rest.trim_start().strip_prefix('{') {
        Some(inside) => labels(inside, &mut metric)?,
        None => (Labels::new(), rest),
    };
    // An exemplar follows the sample after ` # `.
    let sample = rest.split(" # ").next().unwrap_or(rest);
    let mut words = sample.split_whitespace();
    let value = number(words.next()?)?;
    let time = words.next();
    if words.next().is_some() || metric.is_empty() {
        return None;
    }
    Some(Line::Sample(Sample { metric, labels, value, time }))
}

/// Label pairs up to the closing brace, and what follows it. `{"a.b", x="y"}` puts the metric's name inside.
fn labels<'a>(mut rest: &'a str, metric: &mut String) -> Option<(Labels, &'a str)> {
    let mut labels = Labels::new();
    loop {
        rest = rest.trim_start();
        if let Some(after) = rest.strip_prefix('}') {
            return Some((labels, after));
        }
        let name;
        if let Some(inside) = rest.strip_prefix('"') {
            (name, rest) = quoted(inside)?;
        } else {
            let (bare, after) = rest.split_at(rest.find(['=', ' ', '\t', ',', '}'])?);
            (name, rest) = (bare.to_owned(), after);
        }
        rest = rest.trim_start();
        if let Some(after) = rest.strip_prefix('=') {
            let (value, after) = quoted(after.trim_start().strip_prefix('"')?)?;
            rest = after;
            if name.is_empty() || labels.insert(name, value).is_some() {
                return None;
            }
        } else if metric.is_empty() {
            *metric = name;
        } else {
            return None;
        }
        rest = rest.trim_start();
        rest = match rest.strip_prefix(',') {
            Some(after) => after,
            None if rest.starts_with('}') => rest,
            None => return None,
        };
    }
}

/// A quoted text from after its opening quote: `\\`, `\"` and `\n` are its only escapes.
fn quoted(text: &str) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut chars = text.chars();
    while let Some(next) = chars.next() {
        match next {
            '"' => return Some((value, chars.as_str())),
            '\\' => match chars.next()? {
                'n' => value.push('\n'),
                '"' => value.push('"'),
                '\\' => value.push('\\'),
                other => value.extend(['\\', other]),
            },
            other => value.push(other),
        }
    }
    None
}

/// Rust reads every number that Go writes, and two words more than Prometheus allows: they are not finite either.
fn number(text: &str) -> Option<f64> {
    text.parse().ok()
}

fn malformed(what: &str) -> Failure {
    failed(FailureKind::Malformed, what)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask_page(text: &str, labels: &[(&str, &str)], by: Option<&str>) -> Result<Finding, Failure> {
        let now: Timestamp = "2026-08-20T10:00:00Z".parse().unwrap();
        let labels = labels.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
        let page = Exposition { text: text.to_owned(), open_metrics: false };
        let select = Select { metric: "circuit", labels: &labels, by };
        answer(&page, &select, now, Duration::from_mins(1))
    }

    fn value(text: &str, labels: &[(&str, &str)], by: Option<&str>) -> Option<Value> {
        ask_page(text, labels, by).ok()?.reading().map(|reading| reading.value.clone())
    }

    #[test]
    fn reads_what_exporters_write() {
        for (text, labels) in [
            ("circuit 1", &[][..]),
            ("# HELP circuit x\n# TYPE circuit gauge\n\ncircuit 1.0e0\n", &[]),
            ("circuit{name=\"a\"} 1 1787220000000\ncircuit{name=\"b\"} 2\n", &[("name", "a")]),
            ("circuit { name = \"a\" , } +1\n", &[("name", "a")]),
            (r#"circuit{name="a,b=\"}\\ \n#c"} 1"#, &[("name", "a,b=\"}\\ \n#c")]),
            (r#"{"circuit",name="a"} 1"#, &[("name", "a")]),
            (r#"circuit{name="a",le="1"} 1 # {trace="x"} 0.5 1.0"#, &[("name", "a")]),
            ("circuit{other=\"x\"} 1", &[("name", "")]),
            ("circuits 2\ncircuit 1\nxcircuit 3\nother NaN", &[]),
        ] {
            assert_eq!(value(text, labels, None), Some(Value::Number(1.0)), "{text}");
        }
    }

    #[test]
    fn two_matches_are_no_answer_unless_grouped() {
        let text = "circuit{event=\"open\",pod=\"1\"} 1\ncircuit{event=\"open\",pod=\"2\"} 2\ncircuit{event=\"close\"} 4";
        let failure = ask_page(text, &[("event", "open")], None).unwrap_err();
        assert_eq!(failure.kind, FailureKind::Malformed);
        assert!(failure.detail.contains("name more labels"), "{}", failure.detail);
        let groups = BTreeMap::from([("close".to_owned(), 4.0), ("open".to_owned(), 3.0)]);
        assert_eq!(value(text, &[], Some("event")), Some(Value::Series(groups)));
    }

    #[test]
    fn absence_is_never_a_number() {
        for (text, absence) in [
            ("", Absence::Empty),
            ("circuit_total 1", Absence::Empty),
            ("circuit NaN", Absence::NotFinite),
            ("circuit +Inf", Absence::NotFinite),
            ("circuit 1 1787219939000", Absence::Stale),
            ("circuit 1 -1", Absence::Stale),
        ] {
            assert_eq!(ask_page(text, &[], None).unwrap(), Finding::NoData(absence), "{text}");
        }
        for text in [
            "circuit",
            "circuit 1 2 3",
            "circuit one",
            "circuit{name=\"a\" 1",
            "circuit{name=a} 1",
            "circuit{name=\"a\",name=\"b\"} 1",
            "circuit{name=\"a\"b=\"c\"} 1",
            "circuit 1 soon",
            "circuit 1\ncircuit 1",
            "circuit{=\"a\"} 1",
            "<html>",
            "circuit 1\n{} 2",
            "circuit{\"x\"} 1",
        ] {
            assert_eq!(
                ask_page(text, &[], None).unwrap_err().kind,
                FailureKind::Malformed,
                "{text}"
            );
        }
    }
}
