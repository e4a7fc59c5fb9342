//! A key of Redis, read and never written. Never keeps a connection, and never shows what is in an address.
//!
//! A missing key is no data: a breaker whose state is gone is in an unknown state, not in a normal one.

use redis::aio::MultiplexedConnection;
use redis::{
    AsyncConnectionConfig, Client, ConnectionAddr, ConnectionInfo, ErrorKind, IntoConnectionInfo,
    RedisError,
};
use reqwest::Url;
use secrecy::{ExposeSecret as _, SecretString};
use std::net::{IpAddr, SocketAddr};

use super::failed;
use super::http::{CONNECT, TOTAL, address, question};
use super::secrets::Secrets;
use crate::core::evidence::{Absence, Failure, FailureKind, Finding, Reading, Secretish, Value};
use crate::core::time::Timestamp;

/// A state with its reasons is a few hundred bytes.
const MAX_VALUE_BYTES: usize = 64 * 1024;
const PORT: u16 = 6379;

/// What is asked.
#[derive(Clone, Copy)]
pub(crate) struct Wanted<'a> {
    pub(crate) url: &'a Secretish,
    pub(crate) key: &'a str,
    pub(crate) pointer: Option<&'a str>,
}

/// Redis keeps no time of a sample: the moment of asking counts.
pub(crate) async fn ask(secrets: &Secrets, wanted: Wanted<'_>, now: Timestamp) -> Finding {
    match tokio::time::timeout(TOTAL, read(secrets, wanted)).await {
        Err(_) => Finding::failed(FailureKind::Timeout, "Redis did not answer within 10 s"),
        Ok(Err(failure)) => Finding::Failed(failure),
        Ok(Ok(None)) => Finding::NoData(Absence::Empty),
        Ok(Ok(Some(bytes))) => match value(&bytes, wanted) {
            Ok(value) => Finding::Value(Reading { at: now, value }),
            Err(finding) => finding,
        },
    }
}

/// The bytes under the key; none if there is no such key.
async fn read(secrets: &Secrets, wanted: Wanted<'_>) -> Result<Option<Vec<u8>>, Failure> {
    let text = match wanted.url {
        Secretish::Plain(text) => SecretString::from(text.as_str()),
        Secretish::Secret { secret, .. } => secrets.get(secret)?,
        Secretish::Said(_) => return Err(wrong("it is no address")),
    };
    let url = checked(text.expose_secret()).map_err(wrong)?;
    let info = url.as_str().into_connection_info().map_err(|error| failure(&error))?;
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
    let mut last = None;
    // A name may have an address at which nobody listens beside the one that answers.
    for found in address::resolve(host, url.port().unwrap_or(PORT)).await? {
        match connect(info.clone(), found).await {
            Ok(connection) => return get(connection, wanted.key).await,
            Err(error) => last = Some(failure(&error)),
        }
    }
    Err(last.unwrap_or_else(|| failed(FailureKind::Unreachable, "the name has no address")))
}

async fn connect(
    info: ConnectionInfo,
    found: SocketAddr,
) -> Result<MultiplexedConnection, RedisError> {
    // Who may only read has no right to name the connection.
    let settings = info.redis_settings().clone().set_skip_set_lib_name();
    let address = ConnectionAddr::Tcp(found.ip().to_string(), found.port());
    let client = Client::open(info.set_redis_settings(settings).set_addr(address))?;
    let config = AsyncConnectionConfig::new()
        .set_connection_timeout(Some(CONNECT))
        .set_response_timeout(Some(TOTAL));
    client.get_multiplexed_async_connection_with_config(&config).await
}

/// Both commands only read, and the second brings no more than asked for.
async fn get(mut connection: MultiplexedConnection, key: &str) -> Result<Option<Vec<u8>>, Failure> {
    let mut exists = redis::cmd("EXISTS");
    let there: bool =
        exists.arg(key).query_async(&mut connection).await.map_err(|error| failure(&error))?;
    let mut range = redis::cmd("GETRANGE");
    let range = range.arg(key).arg(0).arg(MAX_VALUE_BYTES);
    let bytes: Vec<u8> =
        range.query_async(&mut connection).await.map_err(|error| failure(&error))?;
    if bytes.len() > MAX_VALUE_BYTES {
        return Err(failed(
            FailureKind::Malformed,
            format!("a value over {MAX_VALUE_BYTES} bytes"),
        ));
    }
    Ok((there && !bytes.is_empty()).then_some(bytes))
}

fn value(bytes: &[u8], wanted: Wanted<'_>) -> Result<Value, Finding> {
    let malformed = |what: String| Finding::failed(FailureKind::Malformed, what);
    let text = std::str::from_utf8(bytes)
        .map_err(|_| malformed(format!("`{}` holds no text", wanted.key)))?;
    match wanted.pointer {
        Some(pointer) => {
            let json = serde_json::from_str(text)
                .map_err(|_| malformed(format!("`{}` holds no JSON", wanted.key)))?;
            question::value_at(&json, pointer)
        }
        None => question::word_or_number(text)
            .ok_or_else(|| malformed(format!("`{}` holds a text, no word", wanted.key))),
    }
}

/// An address of Redis that may be asked; or why not. Names are checked again when they are resolved.
pub(crate) fn checked(text: &str) -> Result<Url, &'static str> {
    let url = Url::parse(text).map_err(|_| "it is not a valid address")?;
    if url.scheme() != "redis" {
        return Err("write redis://host:6379; TLS (rediss://) is not spoken");
    }
    let host = url.host_str().filter(|host| !host.is_empty()).ok_or("the host is missing")?;
    let database = url.path().trim_start_matches('/');
    if !database.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err("behind the host stands nothing but a database's number: redis://host:6379/2");
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err("no `?` and no `#` in it");
    }
    match host.trim_matches(['[', ']']).parse::<IpAddr>() {
        Ok(ip) if address::forbidden(ip) => {
            Err("link-local, credential and multicast addresses are not called")
        }
        Ok(_) | Err(_) => Ok(url),
    }
}

fn wrong(why: &str) -> Failure {
    failed(FailureKind::BadQuestion, format!("Redis address refused: {why}"))
}

/// The server's own words hold no secret; an address might, and is not repeated.
fn failure(error: &RedisError) -> Failure {
    let (kind, code) = (error.kind(), error.code());
    let kind = if kind == ErrorKind::AuthenticationFailed
        || matches!(code, Some("NOAUTH" | "NOPERM" | "WRONGPASS"))
    {
        FailureKind::Unauthorized
    } else if code == Some("WRONGTYPE") || kind == ErrorKind::InvalidClientConfig {
        FailureKind::BadQuestion
    } else if error.is_timeout() {
        FailureKind::Timeout
    } else if kind == ErrorKind::Io {
        FailureKind::Unreachable
    } else if matches!(kind, ErrorKind::Parse | ErrorKind::UnexpectedReturnType) {
        FailureKind::Malformed
    } else {
        FailureKind::ServerError
    };
    failed(kind, format!("Redis: {error}"))
}

#[cfg(test)]
mod tests {
    use super::checked;

    #[test]
    fn odd_addresses_are_refused() {
        for wrong in [
            "http://localhost:6379",
            "rediss://localhost:6379",
            "redis://169.254.169.254:6379",
            "redis://localhost:6379/a",
            "redis://localhost:6379/?protocol=resp3",
            "redis://localhost/#insecure",
            "redis+unix:///run/redis.sock",
            "redis:///0",
            "localhost:6379",
        ] {
            assert!(checked(wrong).is_err(), "{wrong} was taken");
        }
        for fine in [
            "redis://localhost",
            "redis://127.0.0.1:6379/2",
            "redis://[::1]:6379",
            "redis://u:p@h/",
        ] {
            assert!(checked(fine).is_ok(), "{fine}");
        }
    }
}
