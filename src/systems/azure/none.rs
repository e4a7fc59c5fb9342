//! What stands for Azure in a build without it: every question is answered with why it is not.

use super::AzureAccount;
use crate::core::evidence::{AzureAsk, FailureKind, Finding, ProbeResult};
use crate::core::time::Timestamp;
use crate::systems::aws::Ours;

const WHY: &str = "this reclose was built without `azure`";

#[derive(Debug)]
pub(crate) struct Azure;

impl Azure {
    pub(crate) fn new(_: AzureAccount) -> Self {
        Self
    }

    #[expect(clippy::unused_async, reason = "asked like the real one")]
    pub(crate) async fn ask(&self, _: Ours<'_>, _: &AzureAsk, _: Timestamp) -> Finding {
        Finding::failed(FailureKind::NotConfigured, WHY)
    }

    #[expect(clippy::unused_async, reason = "asked like the real one")]
    pub(crate) async fn reach(&self, _: Ours<'_>, _: (&str, &str), now: Timestamp) -> ProbeResult {
        crate::systems::unasked(FailureKind::NotConfigured, WHY, now)
    }
}
