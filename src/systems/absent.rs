//! What this build was made without: every question to it is told so. Never guesses an answer.

#[cfg(not(feature = "docker"))]
pub(crate) mod docker {
    use crate::core::evidence::{DockerAsk, FailureKind, Finding, ProbeResult};
    use crate::core::time::Timestamp;
    use crate::systems::Engine;

    const ABSENT: &str =
        "this build of reclose cannot ask Docker: build it with the feature `docker`";

    #[expect(clippy::unused_async, reason = "as the module in its place")]
    pub(crate) async fn ask(_: &Engine, _: &DockerAsk, _: Timestamp) -> Finding {
        Finding::failed(FailureKind::NotConfigured, ABSENT)
    }

    #[expect(clippy::unused_async, reason = "as the module in its place")]
    pub(crate) async fn probe(_: Option<&Engine>, _: &str, now: Timestamp) -> ProbeResult {
        ProbeResult {
            healthy: false,
            since: now,
            status: None,
            retry_after: None,
            detail: ABSENT.to_owned(),
            failure: Some(FailureKind::NotConfigured),
        }
    }
}
