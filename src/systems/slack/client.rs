//! The four calls to Slack. Never retries, never waits longer than its time-out, never shows the token.
//!
//! Answers are read with small structures of our own: the library's whole-message types refuse a history in which any
//! app left metadata that is not text, and one such message would make every look-up fail.

use std::collections::BTreeMap;
use std::fmt;

use hyper_rustls::HttpsConnectorBuilder;
use hyper_util::client::legacy::connect::HttpConnector;
use rustls::{ClientConfig, RootCertStore};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use slack_morphism::prelude::*;
use tokio::sync::{Mutex, OnceCell};

use super::blocks::Message;
use super::errors::{Kind, SlackError};
use crate::core::time::{Duration, Timestamp, after};
use crate::store::Posted;

const PUBLIC_API: &str = "https://slack.com/api";
/// The library has no time-out of its own: a silent Slack would hold the outbox for ever.
const CALL_TIMEOUT: Duration = Duration::from_secs(10);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
/// Names our messages among those of other apps.
const EVENT_TYPE: &str = "reclose_delivery";
/// Slack's clock and ours may differ by so much; a longer window costs nothing but reading.
const LOOK_BACK: Duration = Duration::from_mins(5);
/// No request of ours is under way for longer; keeps a look-up short long after the event.
const LOOK_AHEAD: Duration = Duration::from_mins(15);
const HISTORY_LIMIT: u16 = 200;
/// 4,000 messages within a quarter of an hour: beyond that the look-up has failed, which is said.
const HISTORY_PAGES: usize = 20;
const CHANNEL_PAGES: usize = 10;

type Https = SlackClientHyperHttpsConnector;

/// A workspace, through one token.
pub struct Slack {
    client: SlackClient<Https>,
    token: SlackApiToken,
    me: OnceCell<Me>,
    /// Channel name → id: only ids can be looked into.
    ids: Mutex<BTreeMap<String, String>>,
}

/// Who posts with this token.
#[derive(Clone, Debug, Deserialize)]
pub struct Me {
    pub user_id: String,
    pub bot_id: Option<String>,
    pub team: Option<String>,
}

/// Where a message goes: a channel's id or `#name`, and the thread in it.
#[derive(Clone, Copy, Debug)]
pub struct Place<'a> {
    pub channel: &'a str,
    pub thread: Option<&'a str>,
}

/// Written into the message, so that it can be found again.
#[derive(Clone, Copy, Debug)]
pub struct Tag<'a> {
    pub delivery: &'a str,
    pub revision: u64,
}

/// What is looked for: the message of a delivery, under way since a moment.
#[derive(Clone, Copy, Debug)]
pub struct Search<'a> {
    pub place: Place<'a>,
    pub delivery: &'a str,
    pub since: Timestamp,
    /// When the same moment was by the wall clock, should ours have been set ahead of it.
    pub since_wall: Timestamp,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    pub posted: Posted,
    pub revision: u64,
}

/// Why there can be no client.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    #[error("slack.api_url: {0}: must be https, or http to a loopback address")]
    Address(String),
    #[error("no trusted root certificates were found (install ca-certificates): {0}")]
    Roots(std::io::Error),
    #[error("TLS: {0}")]
    Tls(#[from] rustls::Error),
}

#[derive(Deserialize)]
struct Answer<T> {
    ok: bool,
    #[serde(flatten)]
    rest: T,
}

#[derive(Deserialize)]
struct PostAnswer {
    channel: String,
    ts: String,
}

#[derive(Deserialize)]
struct HistoryAnswer {
    messages: Vec<Value>,
    #[serde(default)]
    has_more: bool,
    response_metadata: Option<Cursor>,
}

#[derive(Deserialize)]
struct ChannelsAnswer {
    channels: Vec<ChannelAnswer>,
    response_metadata: Option<Cursor>,
}

#[derive(Deserialize)]
struct ChannelAnswer {
    id: String,
    name: Option<String>,
}

#[derive(Deserialize)]
struct Cursor {
    next_cursor: Option<String>,
}

impl Slack {
    /// `api_url`: another base than the public one, such as a fake.
    pub fn new(api_url: Option<&str>, token: &SecretString) -> Result<Self, SetupError> {
        let base = api_url.unwrap_or(PUBLIC_API).trim_end_matches('/');
        check_base(base)?;
        let mut http = HttpConnector::new();
        http.set_connect_timeout(Some(CONNECT_TIMEOUT));
        http.enforce_http(false);
        let tls = HttpsConnectorBuilder::new();
        let ring = rustls::crypto::ring::default_provider();
        let tls = if base.starts_with("https:") {
            tls.with_provider_and_native_roots(ring).map_err(SetupError::Roots)?
        } else {
            // No certificate is looked at: a machine without any will do.
            tls.with_tls_config(
                ClientConfig::builder_with_provider(ring.into())
                    .with_safe_default_protocol_versions()?
                    .with_root_certificates(RootCertStore::empty())
                    .with_no_client_auth(),
            )
        };
        let https = tls.https_or_http().enable_all_versions().wrap_connector(http);
        Ok(Self {
            client: SlackClient::new(Https::with_connector(https).with_slack_api_url(base)),
            token: SlackApiToken::new(token.expose_secret().into()),
            me: OnceCell::new(),
            ids: Mutex::default(),
        })
    }

    /// Who we are; asked once.
    pub async fn who_am_i(&self) -> Result<&Me, SlackError> {
        self.me.get_or_try_init(|| self.get("auth.test", vec![])).await
    }

    /// Posts a new message.
    pub async fn post(
        &self,
        place: Place<'_>,
        message: &Message,
        tag: Tag<'_>,
    ) -> Result<Posted, SlackError> {
        let mut content = content(message, tag);
        // An empty list means something only to an edit: take away what is there.
        content.blocks = content.blocks.filter(|blocks| !blocks.is_empty());
        let mut request = SlackApiChatPostMessageRequest::new(place.channel.into(), content)
            .with_parse("none".into())
            .with_link_names(message.link_names)
            .with_unfurl_links(false)
            .with_unfurl_media(false);
        if let Some(thread) = place.thread {
            request.thread_ts = Some(thread.into());
            request.reply_broadcast = Some(message.broadcast);
        }
        let PostAnswer { channel, ts } = self.send("chat.postMessage", &request).await?;
        Ok(Posted { channel, ts })
    }

    /// Edits a message: as often as one likes, the result is the same.
    pub async fn update(
        &self,
        at: &Posted,
        message: &Message,
        tag: Tag<'_>,
    ) -> Result<Posted, SlackError> {
        let request = SlackApiChatUpdateRequest::new(
            at.channel.as_str().into(),
            content(message, tag),
            at.ts.as_str().into(),
        )
        .with_parse("none".into())
        .with_link_names(false);
        let PostAnswer { channel, ts } = self.send("chat.update", &request).await?;
        Ok(Posted { channel, ts })
    }

    /// Looks for the message of a delivery: first where it belongs, and for a thread also beside it.
    pub async fn find(&self, search: Search<'_>) -> Result<Option<Found>, SlackError> {
        let channel = self.channel_id(search.place.channel).await?;
        if let Some(thread) = search.place.thread {
            match self.read(&channel, Some(thread), search).await {
                Ok(None) => {}
                // The thread itself is gone: look beside it.
                Err(error) if error.kind == Kind::Thread => {}
                answer @ (Ok(Some(_)) | Err(_)) => return answer,
            }
        }
        self.read(&channel, None, search).await
    }

    async fn read(
        &self,
        channel: &str,
        thread: Option<&str>,
        search: Search<'_>,
    ) -> Result<Option<Found>, SlackError> {
        let me = self.who_am_i().await?;
        let oldest = slack_time(before(search.since.min(search.since_wall), LOOK_BACK));
        let latest = slack_time(after(search.since.max(search.since_wall), LOOK_AHEAD));
        let mut cursor = None;
        for _ in 0..HISTORY_PAGES {
            let (method, mut query) = match thread {
                Some(ts) => ("conversations.replies", vec![("ts", Some(ts.to_owned()))]),
                None => ("conversations.history", vec![]),
            };
            query.extend([
                ("channel", Some(channel.to_owned())),
                ("oldest", Some(oldest.clone())),
                ("latest", Some(latest.clone())),
                ("inclusive", Some("true".to_owned())),
                ("include_all_metadata", Some("true".to_owned())),
                ("limit", Some(HISTORY_LIMIT.to_string())),
                ("cursor", cursor.take()),
            ]);
            let page: HistoryAnswer = self.get(method, query).await?;
            let found = page.messages.iter().find_map(|message| ours(message, me, search.delivery));
            if let Some((ts, revision)) = found {
                let posted = Posted { channel: channel.to_owned(), ts };
                return Ok(Some(Found { posted, revision }));
            }
            cursor = page.response_metadata.and_then(|data| data.next_cursor);
            match cursor.as_deref() {
                None | Some("") if page.has_more => {
                    return Err(SlackError::new(Kind::Ambiguous, "history without its next page"));
                }
                None | Some("") => return Ok(None),
                Some(_) => {}
            }
        }
        Err(SlackError::new(Kind::Temporary, "too many messages to look through"))
    }

    /// Names are resolved among the channels that the app is in; only there can it read.
    async fn channel_id(&self, channel: &str) -> Result<String, SlackError> {
        let Some(name) = channel_name(channel) else { return Ok(channel.to_owned()) };
        if let Some(id) = self.ids.lock().await.get(name) {
            return Ok(id.clone());
        }
        let mut cursor = None;
        for _ in 0..CHANNEL_PAGES {
            let query = vec![
                ("types", Some("public_channel,private_channel".to_owned())),
                ("exclude_archived", Some("true".to_owned())),
                ("limit", Some(HISTORY_LIMIT.to_string())),
                ("cursor", cursor.take()),
            ];
            let page: ChannelsAnswer = self.get("users.conversations", query).await?;
            let wanted = |one: &&ChannelAnswer| one.name.as_deref() == Some(name);
            if let Some(found) = page.channels.iter().find(wanted) {
                self.ids.lock().await.insert(name.to_owned(), found.id.clone());
                return Ok(found.id.clone());
            }
            cursor = page.response_metadata.and_then(|data| data.next_cursor);
            if cursor.as_deref().unwrap_or_default().is_empty() {
                break;
            }
        }
        Err(SlackError::new(Kind::Channel, "the app is in no channel of this name"))
    }

    async fn get<T: DeserializeOwned + Send>(
        &self,
        method: &str,
        query: Vec<(&str, Option<String>)>,
    ) -> Result<T, SlackError> {
        let session = self.client.open_session(&self.token);
        settle(session.http_session_api.http_get(method, &query, None)).await
    }

    async fn send<T: DeserializeOwned + Send>(
        &self,
        method: &str,
        body: &(impl serde::Serialize + Send + Sync),
    ) -> Result<T, SlackError> {
        let session = self.client.open_session(&self.token);
        settle(session.http_session_api.http_post(method, body, None)).await
    }
}

impl fmt::Debug for Slack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Slack").finish_non_exhaustive()
    }
}

async fn settle<T>(call: impl Future<Output = ClientResult<Answer<T>>>) -> Result<T, SlackError> {
    match tokio::time::timeout(CALL_TIMEOUT, call).await {
        Err(_) => Err(SlackError::new(Kind::Ambiguous, "no answer in time")),
        Ok(Err(error)) => Err(error.into()),
        Ok(Ok(answer)) if answer.ok => Ok(answer.rest),
        Ok(Ok(_)) => Err(SlackError::new(Kind::Ambiguous, "neither ok nor an error")),
    }
}

fn content(message: &Message, tag: Tag<'_>) -> SlackMessageContent {
    // Text only: the library cannot read back what is not text.
    let payload = [("d", tag.delivery.to_owned()), ("r", tag.revision.to_string())];
    let payload = payload.map(|(name, value)| (name.to_owned(), value)).into_iter().collect();
    let metadata = SlackMessageMetadata::new(EVENT_TYPE.into()).with_event_payload(payload);
    SlackMessageContent::new()
        .with_text(message.text.clone())
        .with_blocks(message.blocks.clone())
        .with_metadata(metadata)
}

/// The message's time stamp and revision, if it is ours and of this delivery.
fn ours(message: &Value, me: &Me, delivery: &str) -> Option<(String, u64)> {
    let word = |pointer: &str| message.pointer(pointer).and_then(Value::as_str);
    let by_us = match &me.bot_id {
        Some(bot) => word("/bot_id") == Some(bot),
        None => word("/user") == Some(&me.user_id),
    };
    let tagged = word("/metadata/event_type") == Some(EVENT_TYPE)
        && word("/metadata/event_payload/d") == Some(delivery);
    let revision = word("/metadata/event_payload/r").and_then(|word| word.parse().ok());
    (by_us && tagged).then(|| Some((word("/ts")?.to_owned(), revision.unwrap_or(0))))?
}

/// The name of a channel that is not given by its id.
fn channel_name(channel: &str) -> Option<&str> {
    let is_id = channel.len() >= 9
        && channel.starts_with(['C', 'D', 'G'])
        && channel.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit());
    (!is_id).then(|| channel.trim_start_matches('#'))
}

fn check_base(base: &str) -> Result<(), SetupError> {
    let refuse = || SetupError::Address(base.chars().take(200).collect());
    let uri: http::Uri = base.parse().map_err(|_| refuse())?;
    let host = uri.host().ok_or_else(refuse)?.trim_matches(['[', ']']);
    let loopback = host == "localhost"
        || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback());
    match uri.scheme_str() {
        Some("https") => Ok(()),
        // The token travels in a header: in clear only where nobody listens.
        Some("http") if loopback => Ok(()),
        _ => Err(refuse()),
    }
}

fn before(moment: Timestamp, span: Duration) -> Timestamp {
    moment.checked_sub(span).unwrap_or(Timestamp::MIN)
}

fn slack_time(at: Timestamp) -> String {
    let micros = at.as_microsecond().max(0);
    format!("{}.{:06}", micros / 1_000_000, micros % 1_000_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_travels_in_clear_only_to_this_machine() {
        for good in [
            "https://slack.com/api",
            "http://127.0.0.1:1/api",
            "http://[::1]:1",
            "http://localhost:1",
        ] {
            assert!(check_base(good).is_ok(), "{good}");
        }
        for bad in ["http://slack.com/api", "ftp://127.0.0.1", "slack", "http://10.0.0.1/api"] {
            assert!(check_base(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn only_names_need_resolving() {
        assert_eq!(channel_name("C0123456789"), None);
        assert_eq!(channel_name("#incidents"), Some("incidents"));
        assert_eq!(channel_name("CHANNEL"), Some("CHANNEL"));
    }
}
