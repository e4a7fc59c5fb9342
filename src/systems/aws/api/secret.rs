//! What is known about a secret of Secrets Manager: its version and its age. Never its value; that is never asked for.

use serde::Deserialize;
use serde_json::json;
use std::collections::BTreeMap;

use super::call::{Api, Caller, JSON_1_1};
use super::{moment, seconds_since};
use crate::core::evidence::{Absence, FailureKind, Finding, SecretShow, Value};

const DESCRIBE: Api = Api {
    service: "secretsmanager",
    target: "secretsmanager.DescribeSecret",
    content_type: JSON_1_1,
};
/// The label of the version that programs get.
const CURRENT: &str = "AWSCURRENT";
/// AWS's are 64 characters at most.
const MAX_VERSION_CHARS: usize = 64;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct About {
    #[serde(rename = "ARN")]
    _arn: String,
    last_changed_date: Option<f64>,
    created_date: Option<f64>,
    deleted_date: Option<f64>,
    #[serde(default)]
    version_ids_to_stages: BTreeMap<String, Vec<String>>,
}

pub(super) async fn ask(
    caller: &Caller<'_>,
    secret: &str,
    show: SecretShow,
) -> Result<Value, Finding> {
    let about: About = caller.json(&DESCRIBE, &json!({ "SecretId": secret })).await?;
    if about.deleted_date.is_some() {
        return Err(Finding::failed(FailureKind::BadQuestion, "the secret is marked for deletion"));
    }
    match show {
        SecretShow::Version => {
            let current = about
                .version_ids_to_stages
                .into_iter()
                .find(|(_, stages)| stages.iter().any(|stage| stage == CURRENT));
            match current {
                None => Err(Finding::NoData(Absence::Empty)),
                Some((version, _)) if version.chars().count() <= MAX_VERSION_CHARS => {
                    Ok(Value::Word(version))
                }
                Some(_) => Err(Finding::failed(FailureKind::Malformed, "no name of a version")),
            }
        }
        SecretShow::Age => {
            let Some(changed) = about.last_changed_date.or(about.created_date) else {
                return Err(Finding::NoData(Absence::Empty));
            };
            let secs = moment(changed).and_then(|then| seconds_since(then, caller.now));
            let ahead = "the secret was last changed at no moment that has passed";
            secs.map(Value::Number).ok_or_else(|| Finding::failed(FailureKind::Malformed, ahead))
        }
    }
}
