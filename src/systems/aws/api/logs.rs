//! Lines of `CloudWatch` Logs. Never takes the end of a page for the end of the lines: pages may be empty and go on.

use serde::Deserialize;
use serde_json::json;
use std::collections::VecDeque;
use std::time::Duration;

use super::call::{Api, Caller, JSON_1_1};
use super::pages::{Next, Pages, set};
use crate::core::evidence::{Absence, Failure, FailureKind, Finding, LogLine, Reading, Value};
use crate::core::time::Timestamp;
use crate::systems::aws::pattern::Pattern;
use crate::systems::files::clean;
use crate::systems::http::TOTAL;
use crate::systems::{failed, in_the_past};

/// Each holds a megabyte at most; a group with more in the time that is asked for is too wide a question.
const MAX_PAGES: usize = 50;
/// More lines do not make a cause clearer.
const MAX_LINES: u32 = 1000;

const FILTER: Api =
    Api { service: "logs", target: "Logs_20140328.FilterLogEvents", content_type: JSON_1_1 };

#[derive(Clone, Copy)]
pub(super) struct Wanted<'a> {
    pub(super) group: &'a str,
    pub(super) pattern: &'a str,
    pub(super) last: Duration,
    pub(super) limit: u32,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Answer {
    events: Vec<Event>,
    next_token: Option<String>,
}

#[derive(Deserialize)]
struct Event {
    /// Milliseconds since 1970.
    timestamp: i64,
    message: String,
}

/// The newest lines so far, and whether older ones or pages are missing.
#[derive(Default)]
struct Read {
    lines: VecDeque<(Timestamp, String)>,
    left_out: bool,
}

pub(super) async fn ask(caller: &Caller<'_>, wanted: Wanted<'_>) -> Result<Reading, Finding> {
    let pattern = Pattern::parse(wanted.pattern)
        .map_err(|hint| Finding::failed(FailureKind::BadQuestion, hint))?;
    let mut read = Read::default();
    // Pages are read until the time is over: what came until then is worth reading.
    let ended = tokio::time::timeout(TOTAL, all(caller, wanted, &pattern, &mut read)).await;
    let failure = match ended {
        Ok(ended) => ended.err(),
        Err(_) => Some(failed(FailureKind::Timeout, "AWS did not give all lines within 10 s")),
    };
    match failure {
        Some(failure) if read.lines.is_empty() => return Err(Finding::Failed(failure)),
        Some(_) => read.left_out = true,
        None => {}
    }
    if read.lines.is_empty() {
        let absence = if read.left_out { Absence::Partial } else { Absence::Empty };
        return Err(Finding::NoData(absence));
    }
    let mut lines: Vec<_> = read.lines.into();
    lines.sort_by_key(|(at, _)| *at);
    let lines =
        lines.into_iter().map(|(at, text)| LogLine { at: Some(at), text: clean(&text) }).collect();
    let value = Value::Lines { lines, complete: !read.left_out };
    Ok(Reading { at: caller.now, value })
}

async fn all(
    caller: &Caller<'_>,
    wanted: Wanted<'_>,
    pattern: &Pattern,
    read: &mut Read,
) -> Result<(), Failure> {
    let most = wanted.limit.clamp(1, MAX_LINES) as usize;
    let mut body = json!({
        "logGroupName": wanted.group,
        "startTime": in_the_past(caller.now, wanted.last).as_millisecond().max(0),
        "endTime": caller.now.as_millisecond(),
    });
    if !wanted.pattern.trim().is_empty() {
        set(&mut body, "filterPattern", wanted.pattern);
    }
    let mut pages = Pages::at_most(MAX_PAGES);
    loop {
        let answer: Answer = caller.json(&FILTER, &body).await?;
        for event in answer.events {
            let at = Timestamp::from_millisecond(event.timestamp)
                .map_err(|_| failed(FailureKind::Malformed, "a line has no such time"))?;
            if pattern.fits(&event.message) {
                read.lines.push_back((at, event.message));
            }
        }
        // The oldest come first, so that the newest are kept.
        while read.lines.len() > most {
            drop(read.lines.pop_front());
            read.left_out = true;
        }
        match pages.next(answer.next_token) {
            Next::Page(token) => set(&mut body, "nextToken", &token),
            Next::Done => return Ok(()),
            Next::Cut => {
                read.left_out = true;
                return Ok(());
            }
        }
    }
}
