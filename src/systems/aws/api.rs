//! Signed requests to AWS's own HTTP interfaces, which only read, through the one client. Never changes anything there,
//! never reads a secret's value, and never follows where an answer points.

mod bucket;
mod call;
mod keys;
mod logs;
mod metric;
mod pages;
mod queue;
mod secret;
mod service;

use reqwest::Client;
use std::time::Duration;

use super::AwsAccount;
use crate::core::evidence::{AwsAsk, Failure, FailureKind, Finding, ProbeResult, Reading, Value};
use crate::core::time::Timestamp;
use crate::systems::http::{TOTAL, question};
use crate::systems::secrets::Secrets;
use call::Caller;
use keys::KeyRing;
use queue::Samples;

/// Clocks differ; a moment further ahead than this is none.
const CLOCK_SLACK: Duration = Duration::from_mins(5);

/// One account, the keys that were found for it, and what was seen of its queues.
#[derive(Debug)]
pub(crate) struct Aws {
    account: AwsAccount,
    keys: KeyRing,
    samples: Samples,
}

/// Our side of a call.
#[derive(Clone, Copy)]
pub(crate) struct Ours<'a> {
    pub(crate) client: &'a Client,
    pub(crate) secrets: &'a Secrets,
}

impl Aws {
    pub(crate) fn new(account: AwsAccount) -> Self {
        Self { account, keys: KeyRing::default(), samples: Samples::default() }
    }

    pub(crate) async fn ask(
        &self,
        ours: Ours<'_>,
        (region, ask): (Option<&str>, &AwsAsk),
        (now, max_age): (Timestamp, Duration),
    ) -> Finding {
        let asked = async {
            let caller = self.caller(ours, region, now).await?;
            match ask {
                AwsAsk::Logs { group, pattern, last, limit } => {
                    let wanted = logs::Wanted { group, pattern, last: *last, limit: *limit };
                    logs::ask(&caller, wanted).await
                }
                AwsAsk::Metric(wanted) => metric::ask(&caller, wanted, max_age).await,
                AwsAsk::Queue { queue, count, last } => {
                    queue::ask(&caller, queue, *count, last.map(|last| (last, &self.samples))).await
                }
                AwsAsk::Service { cluster, service, show } => {
                    service::ask(&caller, cluster, service, *show).await.map(at(now))
                }
                AwsAsk::Secret { secret, show } => {
                    secret::ask(&caller, secret, *show).await.map(at(now))
                }
                AwsAsk::Bucket { bucket, prefix } => {
                    let seen = bucket::reach(&caller, bucket, prefix.as_deref()).await;
                    Err(question::finding_of(seen, now))
                }
            }
        };
        // Logs keep their own time, to keep what they have read.
        let within = if ask.lines().is_some() { TOTAL + Duration::from_secs(1) } else { TOTAL };
        match tokio::time::timeout(within, Box::pin(asked)).await {
            Ok(Ok(reading)) => Finding::Value(reading),
            Ok(Err(finding)) => finding,
            Err(_) => Finding::failed(FailureKind::Timeout, "AWS did not answer within 10 s"),
        }
    }

    /// Whether one key of the bucket can be listed.
    pub(crate) async fn reach(
        &self,
        ours: Ours<'_>,
        region: Option<&str>,
        (bucket, prefix): (&str, Option<&str>),
        now: Timestamp,
    ) -> ProbeResult {
        match self.caller(ours, region, now).await {
            Ok(caller) => bucket::reach(&caller, bucket, prefix).await,
            Err(failure) => bucket::unseen(&failure, now),
        }
    }

    async fn caller<'a>(
        &'a self,
        ours: Ours<'a>,
        region: Option<&'a str>,
        now: Timestamp,
    ) -> Result<Caller<'a>, Failure> {
        let keys = Box::pin(self.keys.get(&self.account.login, ours.secrets, now)).await?;
        let region = region.unwrap_or(&self.account.region);
        Ok(Caller {
            client: ours.client,
            endpoint: self.account.endpoint.as_deref(),
            region,
            keys,
            now,
        })
    }
}

fn at(now: Timestamp) -> impl Fn(Value) -> Reading {
    move |value| Reading { at: now, value }
}

/// Seconds since a moment that AWS gave; none if it lies ahead of every clock's error.
#[expect(clippy::cast_precision_loss, reason = "seconds of some years are far below 2^52")]
fn seconds_since(then: Timestamp, now: Timestamp) -> Option<f64> {
    let seconds = now.as_second() - then.as_second();
    let slack = i64::try_from(CLOCK_SLACK.as_secs()).unwrap_or(0);
    (seconds >= -slack).then(|| seconds.max(0) as f64)
}

/// A moment as AWS writes it in JSON: seconds since 1970, with a fraction.
fn moment(secs: f64) -> Option<Timestamp> {
    let span = jiff::SignedDuration::try_from_secs_f64(secs).ok()?;
    Timestamp::from_duration(span).ok()
}
