//! AWS: where our account is, and what is asked of it. Never changes anything there, and never reads a secret's value.

#[cfg(feature = "aws")]
mod api;
#[cfg(not(feature = "aws"))]
mod none;
pub(crate) mod pattern;

#[cfg(feature = "aws")]
pub(crate) use api::{Aws, Ours};
#[cfg(not(feature = "aws"))]
pub(crate) use none::{Aws, Ours};

use crate::core::evidence::SecretRef;

/// Where our account is, and how we log in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AwsAccount {
    /// Unless a question names another.
    pub region: String,
    /// Instead of AWS's own addresses; of all services.
    pub endpoint: Option<String>,
    pub login: AwsLogin,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AwsLogin {
    /// Where AWS's own programs look: environment, profile, web identity, container, instance.
    Found {
        profile: Option<String>,
    },
    Keys {
        id: SecretRef,
        secret: SecretRef,
        session: Option<SecretRef>,
    },
}

/// The name of a region, as it stands in addresses: `eu-central-1`.
pub(crate) fn is_region(text: &str) -> bool {
    let fits = |part: &str| {
        !part.is_empty() && part.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
    };
    text.len() <= 32 && text.split('-').count() >= 3 && text.split('-').all(fits)
}
