//! What stands for AWS in a build without it: every question is answered with why it is not.

use reqwest::Client;
use std::time::Duration;

use super::AwsAccount;
use crate::core::evidence::{AwsAsk, FailureKind, Finding, ProbeResult};
use crate::core::time::Timestamp;
use crate::systems::secrets::Secrets;

const WHY: &str = "this reclose was built without `aws`";

#[derive(Debug)]
pub(crate) struct Aws;

#[derive(Clone, Copy)]
pub(crate) struct Ours<'a> {
    pub(crate) client: &'a Client,
    pub(crate) secrets: &'a Secrets,
}

impl Aws {
    pub(crate) fn new(_: AwsAccount) -> Self {
        Self
    }

    #[expect(clippy::unused_async, reason = "asked like the real one")]
    pub(crate) async fn ask(
        &self,
        _: Ours<'_>,
        _: (Option<&str>, &AwsAsk),
        _: (Timestamp, Duration),
    ) -> Finding {
        Finding::failed(FailureKind::NotConfigured, WHY)
    }

    #[expect(clippy::unused_async, reason = "asked like the real one")]
    pub(crate) async fn reach(
        &self,
        _: Ours<'_>,
        _: Option<&str>,
        _: (&str, Option<&str>),
        now: Timestamp,
    ) -> ProbeResult {
        crate::systems::unasked(FailureKind::NotConfigured, WHY, now)
    }
}
