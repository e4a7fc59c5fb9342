//! Credentials for AWS, from where AWS's own programs look, or by reference. Never keeps them past their time, and never shows one.

use aws_config::{BehaviorVersion, ConfigLoader};
use aws_credential_types::Credentials;
use aws_credential_types::provider::error::CredentialsError;
use aws_credential_types::provider::{ProvideCredentials as _, SharedCredentialsProvider};
use aws_smithy_http_client::{Builder, tls};
use secrecy::ExposeSecret as _;
use std::time::Duration;
use tokio::sync::{Mutex, OnceCell};

use crate::core::evidence::{Failure, FailureKind};
use crate::core::time::{Timestamp, after};
use crate::systems::aws::AwsLogin;
use crate::systems::failed;
use crate::systems::secrets::Secrets;

/// A machine outside of AWS has no metadata service, and says so only by silence.
const WITHIN: Duration = Duration::from_secs(5);
/// Keys that do not say how long they are good for are looked up again after this time.
const KEPT: Duration = Duration::from_mins(1);
/// Before their end: a request that waits on the way must still arrive with good keys.
const EARLY: Duration = Duration::from_mins(2);

/// The provider, set up at the first question, and what it last gave.
#[derive(Debug, Default)]
pub(super) struct KeyRing {
    provider: OnceCell<Option<SharedCredentialsProvider>>,
    last: Mutex<Option<(Credentials, Timestamp)>>,
}

impl KeyRing {
    pub(super) async fn get(
        &self,
        login: &AwsLogin,
        secrets: &Secrets,
        now: Timestamp,
    ) -> Result<Credentials, Failure> {
        match login {
            AwsLogin::Keys { id, secret, session } => {
                let session = session.as_ref().map(|session| secrets.get(session)).transpose()?;
                let (id, secret) = (secrets.get(id)?, secrets.get(secret)?);
                Ok(Credentials::new(
                    id.expose_secret(),
                    secret.expose_secret(),
                    session.map(|session| session.expose_secret().to_owned()),
                    None,
                    "reclose",
                ))
            }
            AwsLogin::Found { profile } => self.found(profile.as_deref(), now).await,
        }
    }

    async fn found(&self, profile: Option<&str>, now: Timestamp) -> Result<Credentials, Failure> {
        let mut last = self.last.lock().await;
        if let Some((keys, until)) = &*last
            && now < *until
        {
            return Ok(keys.clone());
        }
        let looked_up = async {
            let provider = self.provider.get_or_init(|| provider(profile)).await;
            let Some(provider) = provider else { return Err(nowhere()) };
            provider.provide_credentials().await.map_err(|error| failure(&error))
        };
        let keys =
            tokio::time::timeout(WITHIN, Box::pin(looked_up)).await.unwrap_or_else(|_| {
                Err(failed(FailureKind::Timeout, "AWS credentials were not found within 5 s"))
            })?;
        let until = keys
            .expiry()
            .and_then(|end| Timestamp::try_from(end).ok())
            .and_then(|end| end.checked_sub(EARLY).ok())
            .unwrap_or_else(|| after(now, KEPT));
        *last = Some((keys.clone(), until));
        Ok(keys)
    }
}

async fn provider(profile: Option<&str>) -> Option<SharedCredentialsProvider> {
    let http = Builder::new()
        .tls_provider(tls::Provider::Rustls(tls::rustls_provider::CryptoMode::Ring))
        .build_https();
    let mut loader: ConfigLoader =
        aws_config::defaults(BehaviorVersion::latest()).http_client(http);
    if let Some(profile) = profile {
        loader = loader.profile_name(profile);
    }
    Box::pin(loader.load()).await.credentials_provider()
}

fn nowhere() -> Failure {
    let hint = "no AWS credentials: not in the environment, no profile, no role of this machine";
    failed(FailureKind::NotConfigured, hint)
}

/// By kind alone: what the provider says may hold what it read.
fn failure(error: &CredentialsError) -> Failure {
    match error {
        CredentialsError::CredentialsNotLoaded(_) => nowhere(),
        CredentialsError::ProviderTimedOut(_) => {
            failed(FailureKind::Timeout, "the provider of AWS credentials did not answer in time")
        }
        CredentialsError::InvalidConfiguration(_) => failed(
            FailureKind::NotConfigured,
            "the configuration of AWS credentials is not valid: see ~/.aws and the AWS_ variables",
        ),
        CredentialsError::ProviderError(_) | CredentialsError::Unhandled(_) | _ => {
            failed(FailureKind::ServerError, "the provider of AWS credentials failed")
        }
    }
}
