//! Requests to Azure that only read, through the one client. Never sends a token in the clear, nor to where an answer points.

mod activity;
mod call;
mod tokens;
mod vault;
mod workspace;

use super::AzureAccount;
use crate::core::evidence::{AzureAsk, FailureKind, Finding, ProbeResult};
use crate::core::time::Timestamp;
use crate::systems::aws::Ours;
use crate::systems::http::TOTAL;
use call::Caller;
use tokens::TokenRing;

/// One tenant, and the tokens that were got for it.
#[derive(Debug)]
pub(crate) struct Azure {
    account: AzureAccount,
    tokens: TokenRing,
}

impl Azure {
    pub(crate) fn new(account: AzureAccount) -> Self {
        Self { account, tokens: TokenRing::default() }
    }

    pub(crate) async fn ask(&self, ours: Ours<'_>, ask: &AzureAsk, now: Timestamp) -> Finding {
        let caller = self.caller(ours, now);
        let asked = async {
            match ask {
                AzureAsk::Secret { vault, secret, show } => {
                    vault::ask(&caller, vault, secret, *show).await
                }
                AzureAsk::Logs { workspace, query, last, limit, line } => {
                    let wanted = workspace::Wanted {
                        workspace,
                        query,
                        last: *last,
                        limit: *limit,
                        line: line.as_deref(),
                    };
                    workspace::ask(&caller, wanted).await
                }
                AzureAsk::Activity { subscription, group, last, limit } => {
                    let wanted = activity::Wanted {
                        subscription,
                        group: group.as_deref(),
                        last: *last,
                        limit: *limit,
                    };
                    activity::ask(&caller, wanted).await
                }
            }
        };
        match tokio::time::timeout(TOTAL, Box::pin(asked)).await {
            Ok(Ok(reading)) => Finding::Value(reading),
            Ok(Err(finding)) => finding,
            Err(_) => Finding::failed(FailureKind::Timeout, "Azure did not answer within 10 s"),
        }
    }

    /// Whether the versions of a secret can be listed, and one of them is enabled.
    pub(crate) async fn reach(
        &self,
        ours: Ours<'_>,
        (vault, secret): (&str, &str),
        now: Timestamp,
    ) -> ProbeResult {
        vault::reach(&self.caller(ours, now), vault, secret).await
    }

    fn caller<'a>(&'a self, ours: Ours<'a>, now: Timestamp) -> Caller<'a> {
        Caller { ours, account: &self.account, tokens: &self.tokens, now }
    }
}
