//! Services of ECS: how a rollout goes, and when it began. Never starts one.

use serde::Deserialize;
use serde_json::json;

use super::call::{Api, Caller, JSON_1_1};
use super::{moment, seconds_since};
use crate::core::evidence::{Absence, FailureKind, Finding, ServiceShow, Value};

const DESCRIBE: Api = Api {
    service: "ecs",
    target: "AmazonEC2ContainerServiceV20141113.DescribeServices",
    content_type: JSON_1_1,
};

#[derive(Deserialize)]
struct Answer {
    services: Vec<Service>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Service {
    status: String,
    deployments: Vec<Deployment>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Deployment {
    /// `PRIMARY` is the newest, `ACTIVE` an older one that still has tasks.
    status: String,
    desired_count: u32,
    running_count: u32,
    created_at: f64,
    /// Missing where something else than ECS rolls out.
    rollout_state: Option<String>,
}

pub(super) async fn ask(
    caller: &Caller<'_>,
    cluster: &str,
    service: &str,
    show: ServiceShow,
) -> Result<Value, Finding> {
    let body = json!({ "cluster": cluster, "services": [service] });
    let mut answer: Answer = caller.json(&DESCRIBE, &body).await?;
    // What is not there stands under `failures`, and is no service without tasks.
    let found = answer.services.pop().filter(|found| found.status == "ACTIVE");
    let Some(found) = found else {
        let what = format!("no active service `{service}` in the cluster `{cluster}`");
        return Err(Finding::failed(FailureKind::BadQuestion, what));
    };
    let newest = found.deployments.iter().find(|deployment| deployment.status == "PRIMARY");
    let Some(newest) = newest else { return Err(Finding::NoData(Absence::Empty)) };
    match show {
        ServiceShow::Rollout => match &newest.rollout_state {
            Some(word) if matches!(word.as_str(), "COMPLETED" | "IN_PROGRESS" | "FAILED") => {
                Ok(Value::Word(word.clone()))
            }
            Some(_) => Err(Finding::failed(FailureKind::Malformed, "no such state of a rollout")),
            None => Err(Finding::NoData(Absence::Empty)),
        },
        ServiceShow::Unsettled => {
            let Some(word) = &newest.rollout_state else {
                return Err(Finding::NoData(Absence::Empty));
            };
            Ok(Value::Number(unsettled(newest, word, &found.deployments)))
        }
        ServiceShow::Deployed => {
            let begun = moment(newest.created_at);
            let secs = begun.and_then(|begun| seconds_since(begun, caller.now));
            let ahead = "the deployment's beginning is no moment that has passed";
            secs.map(Value::Number).ok_or_else(|| Finding::failed(FailureKind::Malformed, ahead))
        }
    }
}

fn unsettled(newest: &Deployment, word: &str, all: &[Deployment]) -> f64 {
    let missing = newest.desired_count.abs_diff(newest.running_count);
    let older = all.iter().filter(|deployment| deployment.status != "PRIMARY");
    let left: u32 = older.map(|deployment| deployment.running_count).sum();
    let tasks = missing.saturating_add(left);
    f64::from(if word == "COMPLETED" { tasks } else { tasks.max(1) })
}
