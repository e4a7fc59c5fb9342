//! What Slack's answers mean for a message: was it posted, surely not, or does nobody know? Never shows an answer's body:
//! it may echo a token.

use std::fmt;

use slack_morphism::errors::SlackClientError;

use crate::core::time::Duration;

/// A 429 without a readable `Retry-After`.
const RETRY_AFTER_DEFAULT: Duration = Duration::from_secs(30);
/// `Retry-After` is believed within these bounds: 0 would be a storm, a day would be silence.
const RETRY_AFTER_MIN: Duration = Duration::from_secs(1);
const RETRY_AFTER_MAX: Duration = Duration::from_mins(15);
/// Slack's error codes are short words.
const CODE_MAX: usize = 64;

/// What to do about a call that did not succeed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Not carried out; again after this time.
    RateLimited(Duration),
    /// It may have been carried out: look it up.
    Ambiguous,
    /// Not carried out; again later.
    Temporary,
    /// Nothing will work until a person repairs token or scopes.
    Credential,
    /// This channel cannot be posted to.
    Channel,
    /// This content is refused: say it more plainly.
    Content,
    /// The message to be edited is gone.
    LostAnchor,
    /// Not in this thread; at the top level perhaps.
    Thread,
    /// Not carried out, for a reason that is not in Slack's list as we know it.
    Unknown,
}

/// An unsuccessful call: its kind, and one word for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SlackError {
    pub kind: Kind,
    pub code: String,
}

impl SlackError {
    pub fn new(kind: Kind, code: &str) -> Self {
        Self { kind, code: code.to_owned() }
    }

    /// A code as Slack sent it.
    pub fn from_code(code: &str) -> Self {
        if code.is_empty() || code.len() > CODE_MAX || !code.bytes().all(is_code_byte) {
            // Not a word: it could carry anything, our token included.
            return Self::new(Kind::Unknown, "an unreadable error code");
        }
        Self::new(kind_of(code), code)
    }
}

impl fmt::Display for SlackError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { kind, code } = self;
        match kind {
            Kind::RateLimited(wait) => {
                write!(f, "Slack asks to wait {} s ({code})", wait.as_secs())
            }
            Kind::Ambiguous => write!(f, "Slack may or may not have taken it ({code})"),
            Kind::Temporary => write!(f, "Slack cannot take it now ({code})"),
            Kind::Credential => {
                write!(f, "Slack refuses the token ({code}): check slack.token and its scopes")
            }
            Kind::Channel => {
                write!(f, "Slack refuses the channel ({code}): does it exist, is the app in it?")
            }
            Kind::Content => write!(f, "Slack refuses the content ({code})"),
            Kind::LostAnchor => write!(f, "the message to edit is gone ({code})"),
            Kind::Thread => write!(f, "Slack refuses the thread ({code})"),
            Kind::Unknown => write!(f, "Slack refuses it for an unknown reason ({code})"),
        }
    }
}

impl std::error::Error for SlackError {}

/// From the library's error; bodies are dropped.
impl From<SlackClientError> for SlackError {
    fn from(error: SlackClientError) -> Self {
        match error {
            SlackClientError::ApiError(error) => Self::from_code(&error.code),
            SlackClientError::RateLimitError(error) => {
                Self::new(Kind::RateLimited(clamp(error.retry_after)), "ratelimited")
            }
            SlackClientError::HttpError(error) => from_status(error.status_code.as_u16()),
            SlackClientError::HttpProtocolError(error) => {
                let refused = error
                    .cause
                    .as_deref()
                    .and_then(|cause| cause.downcast_ref::<hyper_util::client::legacy::Error>())
                    .is_some_and(hyper_util::client::legacy::Error::is_connect);
                // Without a connection no byte of the request was on its way.
                if refused {
                    Self::new(Kind::Temporary, "no connection")
                } else {
                    Self::new(Kind::Ambiguous, "the connection broke")
                }
            }
            SlackClientError::ProtocolError(_) => {
                Self::new(Kind::Ambiguous, "an answer that is not Slack's")
            }
            SlackClientError::EndOfStream(_)
            | SlackClientError::SystemError(_)
            | SlackClientError::SocketModeProtocolError(_) => {
                Self::new(Kind::Ambiguous, "the answer was cut off")
            }
        }
    }
}

fn from_status(status: u16) -> SlackError {
    let code = format!("HTTP {status}");
    match status {
        // Slack answers what it refuses with 200 or 429: another 3xx or 4xx comes from something in between.
        408 => SlackError::new(Kind::Ambiguous, &code),
        300..=499 => SlackError::new(Kind::Temporary, &code),
        _ => SlackError::new(Kind::Ambiguous, &code),
    }
}

fn clamp(asked: Option<Duration>) -> Duration {
    asked.unwrap_or(RETRY_AFTER_DEFAULT).clamp(RETRY_AFTER_MIN, RETRY_AFTER_MAX)
}

const fn is_code_byte(byte: u8) -> bool {
    byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_'
}

/// Slack's list of error codes for the methods used here.
fn kind_of(code: &str) -> Kind {
    match code {
        "ratelimited" | "rate_limited" | "message_limit_exceeded" => {
            Kind::RateLimited(RETRY_AFTER_DEFAULT)
        }
        "internal_error" | "fatal_error" => Kind::Ambiguous,
        "service_unavailable"
        | "request_timeout"
        | "team_added_to_org"
        | "external_channel_migrating"
        | "accesslimited" => Kind::Temporary,
        "token_revoked"
        | "token_expired"
        | "invalid_auth"
        | "account_inactive"
        | "not_authed"
        | "missing_scope"
        | "no_permission"
        | "access_denied"
        | "ekm_access_denied"
        | "not_allowed_token_type"
        | "org_login_required" => Kind::Credential,
        "channel_not_found" | "not_in_channel" | "is_archived" | "messages_tab_disabled" => {
            Kind::Channel
        }
        "msg_too_long"
        | "msg_blocks_too_long"
        | "invalid_blocks"
        | "invalid_blocks_format"
        | "metadata_too_large"
        | "invalid_metadata_format"
        | "invalid_metadata_schema"
        | "too_many_attachments"
        | "invalid_arguments"
        | "no_text" => Kind::Content,
        "message_not_found"
        | "cant_update_message"
        | "edit_window_closed"
        | "is_inactive"
        | "block_mismatch"
        | "update_failed" => Kind::LostAnchor,
        "cannot_reply_to_message" | "restricted_action_thread_locked" | "thread_not_found" => {
            Kind::Thread
        }
        _ if code.starts_with("restricted_action") => Kind::Channel,
        _ => Kind::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_that_is_no_word_is_not_shown() {
        let shown = SlackError::from_code("bad token xoxb-1-SECRET").to_string();
        assert!(!shown.contains("xoxb"), "{shown}");
        assert!(SlackError::from_code(&"a".repeat(65)).code.contains("unreadable"));
    }

    #[test]
    fn retry_after_is_believed_within_bounds() {
        assert_eq!(clamp(None), RETRY_AFTER_DEFAULT);
        assert_eq!(clamp(Some(Duration::ZERO)), RETRY_AFTER_MIN);
        assert_eq!(clamp(Some(Duration::from_secs(9_999_999))), RETRY_AFTER_MAX);
    }

    #[test]
    fn every_class_has_its_codes() {
        let kind = |code| SlackError::from_code(code).kind;
        assert_eq!(kind("fatal_error"), Kind::Ambiguous);
        assert_eq!(kind("accesslimited"), Kind::Temporary);
        assert_eq!(kind("missing_scope"), Kind::Credential);
        assert_eq!(kind("restricted_action_read_only_channel"), Kind::Channel);
        assert_eq!(kind("restricted_action_thread_locked"), Kind::Thread);
        assert_eq!(kind("msg_blocks_too_long"), Kind::Content);
        assert_eq!(kind("edit_window_closed"), Kind::LostAnchor);
        assert_eq!(kind("brand_new_code"), Kind::Unknown);
        assert_eq!(from_status(302).kind, Kind::Temporary);
        assert_eq!(from_status(502).kind, Kind::Ambiguous);
    }
}
