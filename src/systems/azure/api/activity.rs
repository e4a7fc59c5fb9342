//! The activity log of a subscription: operations that failed, as lines. Never of those that went well.

use serde::Deserialize;
use serde_json::Value as Json;
use std::time::Duration;

use super::call::{Caller, below, next};
use crate::core::evidence::{Absence, Failure, Finding, LogLine, Reading, Value};
use crate::core::time::{Timestamp, shown};
use crate::systems::azure::Audience;
use crate::systems::files::clean;
use crate::systems::in_the_past;

/// Of two hundred events each.
const MAX_PAGES: usize = 20;
const MAX_LINES: u32 = 1000;

#[derive(Clone, Copy)]
pub(super) struct Wanted<'a> {
    pub(super) subscription: &'a str,
    pub(super) group: Option<&'a str>,
    pub(super) last: Duration,
    pub(super) limit: u32,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Events {
    value: Vec<Event>,
    next_link: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Event {
    #[serde(rename = "eventTimestamp")]
    at: Timestamp,
    operation_name: Option<Named>,
    status: Option<Named>,
    sub_status: Option<Named>,
    #[serde(default)]
    properties: Json,
    #[serde(default)]
    resource_id: String,
}

#[derive(Deserialize)]
struct Named {
    #[serde(default)]
    value: String,
}

pub(super) async fn ask(caller: &Caller<'_>, wanted: Wanted<'_>) -> Result<Reading, Finding> {
    let mut read = Vec::new();
    let whole = match all(caller, wanted, &mut read).await {
        Ok(whole) => whole,
        Err(failure) if read.is_empty() => return Err(failure.into()),
        Err(_) => false,
    };
    if read.is_empty() {
        return Err(Finding::NoData(if whole { Absence::Empty } else { Absence::Partial }));
    }
    read.sort_by_key(|(at, _)| *at);
    let most = wanted.limit.clamp(1, MAX_LINES) as usize;
    let complete = whole && read.len() <= most;
    let lines = read.split_off(read.len().saturating_sub(most));
    let lines =
        lines.into_iter().map(|(at, text)| LogLine { at: Some(at), text: clean(&text) }).collect();
    Ok(Reading { at: caller.now, value: Value::Lines { lines, complete } })
}

/// Whether every page was read.
async fn all(
    caller: &Caller<'_>,
    wanted: Wanted<'_>,
    read: &mut Vec<(Timestamp, String)>,
) -> Result<bool, Failure> {
    let begin = in_the_past(caller.now, wanted.last);
    let of_group = wanted
        .group
        .map(|group| format!(" and resourceGroupName eq '{}'", group.replace('\'', "''")))
        .unwrap_or_default();
    let filter = format!(
        "eventTimestamp ge '{}' and eventTimestamp le '{}'{of_group}",
        shown(begin),
        shown(caller.now)
    );
    let path = [
        "subscriptions",
        wanted.subscription,
        "providers",
        "Microsoft.Insights",
        "eventtypes",
        "management",
        "values",
    ];
    let query = [("api-version", "2015-04-01"), ("$filter", filter.as_str())];
    let mut url = below(&caller.account.management, &path, &query)?;
    for _ in 0..MAX_PAGES {
        let events: Events = caller.json(url.clone(), Audience::Management, None).await?;
        let link = next(events.next_link.as_deref(), &url)?;
        read.extend(events.value.into_iter().filter(failed).map(line));
        match link {
            Some(link) => url = link,
            None => return Ok(true),
        }
    }
    Ok(false)
}

fn failed(event: &Event) -> bool {
    event.status.as_ref().is_some_and(|status| status.value == "Failed")
}

fn line(event: Event) -> (Timestamp, String) {
    let name = |named: Option<Named>| named.map(|named| named.value).unwrap_or_default();
    let message = event.properties.get("statusMessage").and_then(Json::as_str).unwrap_or_default();
    let parts =
        [name(event.operation_name), name(event.sub_status), message.to_owned(), event.resource_id];
    let said: Vec<String> = parts.into_iter().filter(|part| !part.is_empty()).collect();
    (event.at, format!("Failed: {}", said.join(": ")))
}
