//! Questions to the clouds in words. Never what they mean: that is `say`'s.

use super::span;
use crate::core::evidence::{AwsAsk, AzureAsk, MetricAsk, QueueCount, SecretShow, ServiceShow};

pub(super) fn aws(ask: &AwsAsk, region: Option<&str>) -> String {
    let place = place(region);
    match ask {
        AwsAsk::Logs { group, pattern, last, limit } => {
            let fitting = match pattern.as_str() {
                "" => String::new(),
                pattern => format!(" with `{pattern}`"),
            };
            format!(
                "CloudWatch's log group {group}{fitting} over the last {}, at most {limit} lines{place}",
                span(*last)
            )
        }
        AwsAsk::Metric(metric) => format!("{}{place}", self::metric(metric)),
        AwsAsk::Queue { queue, count, last } => {
            let which = match count {
                QueueCount::Waiting => "messages waiting in",
                QueueCount::InFlight => "messages in flight of",
                QueueCount::Dead => "dead letters of",
            };
            let over = last.map(|last| format!(", over the last {}", span(last)));
            format!("the {which} the SQS queue {queue}{}{place}", over.unwrap_or_default())
        }
        AwsAsk::Service { cluster, service, show } => {
            let what = match show {
                ServiceShow::Rollout => "how the newest deployment goes",
                ServiceShow::Unsettled => {
                    "the tasks that are not where the newest deployment wants them"
                }
                ServiceShow::Deployed => "the seconds since the newest deployment began",
            };
            format!("{what}, of the ECS service {service} in {cluster}{place}")
        }
        AwsAsk::Secret { secret, show } => {
            let what = match show {
                SecretShow::Version => "the version",
                SecretShow::Age => "the seconds since the last change",
            };
            format!("{what} of the secret {secret}, not its value{place}")
        }
        AwsAsk::Bucket { bucket, prefix } => self::bucket(bucket, prefix.as_deref(), region),
    }
}

pub(super) fn azure(ask: &AzureAsk) -> String {
    match ask {
        AzureAsk::Secret { vault, secret, show } => {
            let what = match show {
                SecretShow::Version => "the version",
                SecretShow::Age => "the seconds since the version",
            };
            format!("{what} of the secret {secret} of {vault}, not its value")
        }
        AzureAsk::Logs { workspace, query, last, limit, line } => {
            let lines = line.as_ref().map(|line| format!(", at most {limit} lines of {line}"));
            format!(
                "Log Analytics {workspace} `{query}` over the last {}{}",
                span(*last),
                lines.unwrap_or_default()
            )
        }
        AzureAsk::Activity { subscription, group, last, limit } => {
            let group = group.as_ref().map(|group| format!(" in {group}")).unwrap_or_default();
            format!(
                "the operations of the Azure subscription {subscription}{group} that failed over the last {}, at most {limit}",
                span(*last)
            )
        }
    }
}

pub(super) fn bucket(bucket: &str, prefix: Option<&str>, region: Option<&str>) -> String {
    let under = prefix.map(|prefix| format!(" under {prefix}")).unwrap_or_default();
    format!("lists one key{under} of the S3 bucket {bucket}{}", place(region))
}

fn metric(ask: &MetricAsk) -> String {
    let fixed: Vec<String> =
        ask.dimensions.iter().map(|(name, value)| format!("{name}=\"{value}\"")).collect();
    let by = ask.by.as_ref().map(|by| format!(" by {by}")).unwrap_or_default();
    let over = ask.last.map(|last| format!(", over the last {}", span(last))).unwrap_or_default();
    format!(
        "CloudWatch's {} of {} {}{{{}}}{by}, a point every {}{over}",
        ask.statistic.name(),
        ask.namespace,
        ask.metric,
        fixed.join(","),
        span(ask.period)
    )
}

fn place(region: Option<&str>) -> String {
    region.map(|region| format!(" in {region}")).unwrap_or_default()
}
