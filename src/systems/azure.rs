//! Azure: where our tenant is, and what is asked of it. Never changes anything there, and never reads a secret's value.

#[cfg(feature = "azure")]
mod api;
#[cfg(not(feature = "azure"))]
mod none;

#[cfg(feature = "azure")]
pub(crate) use api::Azure;
#[cfg(not(feature = "azure"))]
pub(crate) use none::Azure;

use crate::core::evidence::SecretRef;

/// Where the activity log is, unless the configuration says otherwise.
pub(crate) const MANAGEMENT: &str = "https://management.azure.com";
/// Where Log Analytics is asked.
pub(crate) const LOGS: &str = "https://api.loganalytics.azure.com";

/// How we log in, and where what is not named by a question is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AzureAccount {
    pub login: AzureLogin,
    pub management: String,
    pub logs: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AzureLogin {
    /// The identity of the machine; one that a user assigned is named.
    ManagedIdentity { client_id: Option<String> },
    /// The identity of the pod, by its variables.
    WorkloadIdentity,
    /// Tokens that somebody else renews, one for each audience.
    Tokens { vault: Option<SecretRef>, logs: Option<SecretRef>, management: Option<SecretRef> },
}

/// Whom a token is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[cfg_attr(not(feature = "azure"), expect(dead_code, reason = "nobody is asked"))]
pub(crate) enum Audience {
    Vault,
    Logs,
    Management,
}
