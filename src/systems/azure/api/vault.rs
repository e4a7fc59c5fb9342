//! What is known about a secret of Key Vault: its version and its age, from the list of its versions, which holds no value.

use reqwest::Url;
use serde::Deserialize;

use super::call::{Caller, below, next, read, refusal};
use crate::core::evidence::{
    Absence, Failure, FailureKind, Finding, ProbeResult, Reading, SecretShow, Value,
};
use crate::core::time::Timestamp;
use crate::systems::azure::Audience;
use crate::systems::http::question::retry_after;
use crate::systems::{failed, unasked};

/// Of 25 versions each; a secret has no more that matter.
const MAX_PAGES: usize = 20;
/// Clocks differ; a moment further ahead than this is none.
const CLOCK_SLACK_SECS: i64 = 300;
/// Azure's are 32 characters.
const MAX_VERSION_CHARS: usize = 64;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Versions {
    value: Vec<Version>,
    next_link: Option<String>,
}

#[derive(Deserialize)]
struct Version {
    /// `https://{vault}/secrets/{name}/{version}`
    id: String,
    attributes: Attributes,
}

#[derive(Deserialize)]
struct Attributes {
    enabled: bool,
    /// Seconds since 1970, as are the moments from and until which it may be used.
    created: i64,
    #[serde(default)]
    nbf: Option<i64>,
    #[serde(default)]
    exp: Option<i64>,
}

impl Attributes {
    fn usable(&self, now: Timestamp) -> bool {
        let secs = now.as_second();
        let begun = self.nbf.is_none_or(|from| from <= secs);
        self.enabled && begun && self.exp.is_none_or(|until| secs < until)
    }
}

pub(super) async fn ask(
    caller: &Caller<'_>,
    vault: &str,
    secret: &str,
    show: SecretShow,
) -> Result<Reading, Finding> {
    let mut url = first(vault, secret)?;
    let mut newest: Option<Version> = None;
    for _ in 0..MAX_PAGES {
        let versions: Versions = caller.json(url.clone(), Audience::Vault, None).await?;
        let link = next(versions.next_link.as_deref(), &url)?;
        for version in
            versions.value.into_iter().filter(|version| version.attributes.usable(caller.now))
        {
            let created = version.attributes.created;
            if newest.as_ref().is_none_or(|newest| newest.attributes.created < created) {
                newest = Some(version);
            }
        }
        match link {
            Some(link) => url = link,
            None => return shown(newest, show, caller.now),
        }
    }
    Err(Finding::NoData(Absence::Partial))
}

fn first(vault: &str, secret: &str) -> Result<Url, Failure> {
    let query = [("api-version", "7.4"), ("maxresults", "25")];
    below(vault, &["secrets", secret, "versions"], &query)
}

fn shown(newest: Option<Version>, show: SecretShow, now: Timestamp) -> Result<Reading, Finding> {
    let Some(newest) = newest else { return Err(Finding::NoData(Absence::Empty)) };
    let malformed = |what: &str| Finding::from(failed(FailureKind::Malformed, what));
    let value = match show {
        SecretShow::Version => {
            let version = newest.id.rsplit('/').next().unwrap_or_default();
            let fits = version.bytes().all(|byte| byte.is_ascii_alphanumeric());
            if !fits || version.is_empty() || version.len() > MAX_VERSION_CHARS {
                return Err(malformed("no name of a version"));
            }
            Value::Word(version.to_owned())
        }
        SecretShow::Age => {
            let secs = now.as_second().saturating_sub(newest.attributes.created);
            if secs < -CLOCK_SLACK_SECS {
                return Err(malformed("the version was made at no moment that has passed"));
            }
            #[expect(clippy::cast_precision_loss, reason = "seconds of years are below 2^52")]
            Value::Number(secs.max(0) as f64)
        }
    };
    Ok(Reading { at: now, value })
}

/// Healthy when the list can be read, and one version on its first page is enabled.
pub(super) async fn reach(caller: &Caller<'_>, vault: &str, secret: &str) -> ProbeResult {
    let now = caller.now;
    let unseen = |failure: &Failure| unasked(failure.kind, &failure.detail, now);
    let page = async { caller.send(first(vault, secret)?, Audience::Vault, None).await };
    let page = match page.await {
        Ok(page) => page,
        Err(failure) => return unseen(&failure),
    };
    let mut seen = unasked(FailureKind::Lost, "", now);
    seen.failure = None;
    seen.status = Some(page.status.as_u16());
    seen.retry_after = retry_after(&page.headers, now);
    match read::<Versions>(&page) {
        Ok(versions) if versions.value.iter().any(|version| version.attributes.usable(now)) => {
            seen.healthy = true;
        }
        Ok(_) => {
            "no version of the secret is enabled and within its time".clone_into(&mut seen.detail);
        }
        Err(_) if !page.status.is_success() => seen.detail = refusal(&page).detail,
        Err(failure) => {
            seen.detail = failure.detail;
            seen.failure = Some(failure.kind);
        }
    }
    seen
}
