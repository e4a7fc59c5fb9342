//! Tokens for Azure: of the machine's or the pod's identity, or by reference. Never keeps one past its time, never shows one.

use azure_core::credentials::TokenCredential;
use azure_identity::{
    ManagedIdentityCredential, ManagedIdentityCredentialOptions, UserAssignedId,
    WorkloadIdentityCredential,
};
use secrecy::SecretString;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::OnceCell;

use crate::core::evidence::{Failure, FailureKind};
use crate::systems::azure::{Audience, AzureLogin};
use crate::systems::failed;
use crate::systems::secrets::Secrets;

/// The service of identities answers in a second, or is not there.
const WITHIN: Duration = Duration::from_secs(5);

/// The credential, set up at the first question; it keeps its tokens until shortly before their end.
#[derive(Debug, Default)]
pub(super) struct TokenRing(OnceCell<Arc<dyn TokenCredential>>);

impl TokenRing {
    pub(super) async fn get(
        &self,
        login: &AzureLogin,
        secrets: &Secrets,
        audience: Audience,
    ) -> Result<SecretString, Failure> {
        if let AzureLogin::Tokens { vault, logs, management } = login {
            let (reference, key) = match audience {
                Audience::Vault => (vault, "azure.tokens.vault"),
                Audience::Logs => (logs, "azure.tokens.logs"),
                Audience::Management => (management, "azure.tokens.management"),
            };
            let Some(reference) = reference else {
                let what = format!("{key} is not set in the configuration");
                return Err(failed(FailureKind::NotConfigured, what));
            };
            return secrets.get(reference);
        }
        let scope = match audience {
            Audience::Vault => "https://vault.azure.net/.default",
            Audience::Logs => "https://api.loganalytics.io/.default",
            Audience::Management => "https://management.azure.com/.default",
        };
        let credential = self.0.get_or_try_init(|| async { credential(login) }).await?;
        let scopes = [scope];
        let got = tokio::time::timeout(WITHIN, credential.get_token(&scopes, None)).await;
        match got {
            Ok(Ok(token)) => Ok(SecretString::from(token.token.secret().to_owned())),
            // What it says may hold what it was answered.
            Ok(Err(_)) => Err(failed(
                FailureKind::Unauthorized,
                "Azure gave no token for this identity: look at its assignment",
            )),
            Err(_) => Err(failed(FailureKind::Timeout, "Azure gave no token within 5 s")),
        }
    }
}

fn credential(login: &AzureLogin) -> Result<Arc<dyn TokenCredential>, Failure> {
    let not = |what: &str| failed(FailureKind::NotConfigured, what);
    match login {
        AzureLogin::ManagedIdentity { client_id } => {
            let options = ManagedIdentityCredentialOptions {
                user_assigned_id: client_id.clone().map(UserAssignedId::ClientId),
                ..ManagedIdentityCredentialOptions::default()
            };
            let credential = ManagedIdentityCredential::new(Some(options))
                .map_err(|_| not("this machine has no managed identity of Azure"))?;
            Ok(credential)
        }
        AzureLogin::WorkloadIdentity | AzureLogin::Tokens { .. } => {
            let credential = WorkloadIdentityCredential::new(None).map_err(|_| {
                not("no workload identity: AZURE_CLIENT_ID, AZURE_TENANT_ID, AZURE_FEDERATED_TOKEN_FILE")
            })?;
            Ok(credential)
        }
    }
}
