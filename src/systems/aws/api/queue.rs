//! Queues of SQS: how many messages, and how their number moves. Never takes a message.
//!
//! SQS keeps no history: a trend is made of what we ourselves were told while we asked, and begins anew with the process.

use serde::Deserialize;
use serde_json::json;
use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use super::call::{Api, Caller, JSON_1_0};
use crate::core::evidence::{Failure, FailureKind, Finding, QueueCount, Reading, Value};
use crate::core::time::Timestamp;
use crate::systems::{failed, in_the_past};

/// Four a minute for four hours.
const MAX_SAMPLES: usize = 1_000;
/// More queues than any set of rules has; beyond it none is remembered.
const MAX_QUEUES: usize = 1_000;

const URL: Api = Api { service: "sqs", target: "AmazonSQS.GetQueueUrl", content_type: JSON_1_0 };
const ATTRIBUTES: Api =
    Api { service: "sqs", target: "AmazonSQS.GetQueueAttributes", content_type: JSON_1_0 };

const WAITING: &str = "ApproximateNumberOfMessages";
const IN_FLIGHT: &str = "ApproximateNumberOfMessagesNotVisible";
const REDRIVE: &str = "RedrivePolicy";

/// Of a queue in a region: which messages.
type Name = (String, String, &'static str);

/// What each queue said when it was asked, oldest first.
#[derive(Debug, Default)]
pub(super) struct Samples(Mutex<BTreeMap<Name, VecDeque<(Timestamp, f64)>>>);

impl Samples {
    /// Remembers a sample, and gives those within `last`.
    fn add(
        &self,
        name: Name,
        (now, number): (Timestamp, f64),
        last: Duration,
    ) -> Vec<(Timestamp, f64)> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if !all.contains_key(&name) && all.len() >= MAX_QUEUES {
            return vec![(now, number)];
        }
        let samples = all.entry(name).or_default();
        // A clock that was set back makes the old samples worthless.
        samples.retain(|(at, _)| *at < now);
        samples.push_back((now, number));
        while samples.len() > MAX_SAMPLES {
            samples.pop_front();
        }
        let begin = in_the_past(now, last);
        samples.iter().filter(|(at, _)| *at >= begin).copied().collect()
    }
}

#[derive(Deserialize)]
struct Place {
    #[serde(rename = "QueueUrl")]
    url: String,
}

#[derive(Deserialize)]
struct Answer {
    #[serde(rename = "Attributes", default)]
    attributes: BTreeMap<String, String>,
}

pub(super) async fn ask(
    caller: &Caller<'_>,
    queue: &str,
    count: QueueCount,
    trend: Option<(Duration, &Samples)>,
) -> Result<Reading, Finding> {
    let number = match count {
        QueueCount::Waiting => number(caller, queue, WAITING).await?,
        QueueCount::InFlight => number(caller, queue, IN_FLIGHT).await?,
        QueueCount::Dead => {
            let dead = dead_letters(caller, queue).await?;
            number(caller, &dead, WAITING).await?
        }
    };
    let value = match trend {
        None => Value::Number(number),
        Some((last, samples)) => {
            let which = match count {
                QueueCount::Waiting => "waiting",
                QueueCount::InFlight => "in_flight",
                QueueCount::Dead => "dead",
            };
            let name = (caller.region.to_owned(), queue.to_owned(), which);
            Value::Trend(samples.add(name, (caller.now, number), last))
        }
    };
    Ok(Reading { at: caller.now, value })
}

async fn number(caller: &Caller<'_>, queue: &str, name: &str) -> Result<f64, Failure> {
    let text = attribute(caller, queue, name).await?;
    let number = text.and_then(|text| text.parse::<u64>().ok());
    #[expect(clippy::cast_precision_loss, reason = "no queue holds 2^52 messages")]
    let number = number.map(|number| number as f64);
    number.ok_or_else(|| failed(FailureKind::Malformed, format!("SQS gave no {name}")))
}

/// The queue that takes this one's dead letters: the last part of its ARN.
async fn dead_letters(caller: &Caller<'_>, queue: &str) -> Result<String, Failure> {
    let policy = attribute(caller, queue, REDRIVE).await?;
    let Some(policy) = policy else {
        let what = format!("the queue `{queue}` has no queue for dead letters");
        return Err(failed(FailureKind::BadQuestion, what));
    };
    let policy: Option<serde_json::Value> = serde_json::from_str(&policy).ok();
    let arn = policy.as_ref().and_then(|policy| policy.get("deadLetterTargetArn")?.as_str());
    let name = arn.and_then(|arn| arn.rsplit(':').next()).filter(|name| !name.is_empty());
    let name = name.map(str::to_owned);
    name.ok_or_else(|| failed(FailureKind::Malformed, "the policy for dead letters names no queue"))
}

async fn attribute(
    caller: &Caller<'_>,
    queue: &str,
    name: &str,
) -> Result<Option<String>, Failure> {
    let place: Place = caller.json(&URL, &json!({ "QueueName": queue })).await?;
    let body = json!({ "QueueUrl": place.url, "AttributeNames": [name] });
    let mut answer: Answer = caller.json(&ATTRIBUTES, &body).await?;
    Ok(answer.attributes.remove(name))
}
