//! Who may use which door: bearer tokens and basic auth, several of each so that they can be rotated. Keeps only digests,
//! never a secret, and never says which part of a credential was wrong.

use axum::http::header::AUTHORIZATION;
use axum::http::{HeaderMap, HeaderValue};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};
use subtle::{Choice, ConstantTimeEq};

use super::reject::Reject;

type Hashed = [u8; 32];

/// A group of paths with secrets of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Door {
    Alertmanager,
    /// The console, and whatever people and programs ask of the server.
    Api,
}

/// The secrets of one door.
#[derive(Clone, Default)]
pub struct Credentials(Vec<Hashed>);

impl Credentials {
    /// An empty token or password opens nothing: it is left out.
    pub fn new(tokens: &[SecretString], basic: &[(String, SecretString)]) -> Self {
        let bearer = tokens.iter().filter_map(|token| {
            let token = token.expose_secret();
            (!token.is_empty()).then(|| hash_bearer(token.as_bytes()))
        });
        let basic = basic.iter().filter_map(|(user, password)| {
            let password = password.expose_secret();
            (!password.is_empty()).then(|| hash_basic(format!("{user}:{password}").as_bytes()))
        });
        Self(bearer.chain(basic).collect())
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Compares with all of them, in the same time whichever fits: digests have one length.
    fn hold(&self, presented: &Hashed) -> Choice {
        self.0.iter().fold(Choice::from(0), |found, known| found | known.ct_eq(presented))
    }
}

/// All doors of the server.
#[derive(Clone, Default)]
pub struct Doors {
    pub alertmanager: Credentials,
    pub api: Credentials,
    /// Alerts without a credential: only asked for by the configuration, and only on loopback.
    pub anonymous_alerts: bool,
}

/// How a sender was let in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Entry {
    Known,
    Anonymous,
}

impl Doors {
    /// May the sender of these headers pass `door`?
    pub(super) fn check(&self, headers: &HeaderMap, door: Door) -> Result<Entry, Reject> {
        let mut authorizations = headers.get_all(AUTHORIZATION).iter();
        let presented = match (authorizations.next(), authorizations.next()) {
            (None, _) if door == Door::Alertmanager && self.anonymous_alerts => {
                return Ok(Entry::Anonymous);
            }
            (None, _) => return Err(Reject::NoCredential),
            (Some(_), Some(_)) => return Err(Reject::TwoAuthorizations),
            (Some(one), None) => hash(one).ok_or(Reject::WrongCredential)?,
        };
        let (own, other) = match door {
            Door::Alertmanager => (&self.alertmanager, &self.api),
            Door::Api => (&self.api, &self.alertmanager),
        };
        // Both are always asked, so that the time says nothing about which door a secret belongs to.
        let (is_own, is_other) = (own.hold(&presented), other.hold(&presented));
        if is_own.into() {
            Ok(Entry::Known)
        } else if is_other.into() {
            Err(Reject::OtherDoor)
        } else {
            Err(Reject::WrongCredential)
        }
    }
}

/// The digest of an Authorization header; `None` if it is neither bearer nor basic.
fn hash(header: &HeaderValue) -> Option<Hashed> {
    let bytes = header.as_bytes();
    let space = bytes.iter().position(|byte| *byte == b' ')?;
    let (scheme, rest) = bytes.split_at_checked(space)?;
    let secret = rest.trim_ascii();
    if scheme.eq_ignore_ascii_case(b"bearer") {
        Some(hash_bearer(secret))
    } else if scheme.eq_ignore_ascii_case(b"basic") {
        BASE64_STANDARD.decode(secret).ok().map(|pair| hash_basic(&pair))
    } else {
        None
    }
}

fn hash_bearer(token: &[u8]) -> Hashed {
    Sha256::new_with_prefix(b"bearer:").chain_update(token).finalize().into()
}

fn hash_basic(user_and_password: &[u8]) -> Hashed {
    Sha256::new_with_prefix(b"basic:").chain_update(user_and_password).finalize().into()
}
