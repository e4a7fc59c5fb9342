//! Probes below HTTP: does a port take a connection, does a name resolve? Never sends a byte.

use tokio::net::TcpStream;
use tokio::time::timeout;

use super::http::address;
use super::{bounded, failed};
use crate::core::evidence::{Failure, FailureKind, ProbeResult};
use crate::core::rule::REACH_WITHIN;
use crate::core::time::Timestamp;

/// A connection to any address of the host, and no more: what answers there is not asked.
pub(crate) async fn tcp(host_and_port: &str, now: Timestamp) -> ProbeResult {
    let attempt = async {
        let (host, port) = split(host_and_port)
            .ok_or_else(|| failed(FailureKind::BadQuestion, "an address is host:port"))?;
        let addresses = address::resolve(host, port).await?;
        let connected = TcpStream::connect(addresses.as_slice()).await;
        connected.map(drop).map_err(|error| failed(FailureKind::Unreachable, error.to_string()))
    };
    let done = timeout(REACH_WITHIN, attempt).await;
    result(
        done.unwrap_or_else(|_| Err(failed(FailureKind::Timeout, "no connection within 5 s"))),
        now,
    )
}

/// Whether the name has an address, by this machine's own resolver.
pub(crate) async fn dns(name: &str, now: Timestamp) -> ProbeResult {
    let attempt = async {
        let found = tokio::net::lookup_host((name, 0)).await;
        let found = found.map_err(|error| failed(FailureKind::Unreachable, error.to_string()))?;
        if found.count() > 0 {
            Ok(())
        } else {
            Err(failed(FailureKind::Unreachable, "the name has no address"))
        }
    };
    let done = timeout(REACH_WITHIN, attempt).await;
    result(done.unwrap_or_else(|_| Err(failed(FailureKind::Timeout, "no answer within 5 s"))), now)
}

/// `host:port`, or `[v6]:port`.
pub(crate) fn split(text: &str) -> Option<(&str, u16)> {
    let (host, port) = text.rsplit_once(':')?;
    let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
    // A v6 address without brackets could be read in two ways.
    let host = bare.or_else(|| (!host.contains([':', '[', ']'])).then_some(host))?;
    let port = port.parse().ok().filter(|port| *port > 0)?;
    (!host.is_empty()).then_some((host, port))
}

fn result(done: Result<(), Failure>, now: Timestamp) -> ProbeResult {
    let (detail, failure) = match done {
        Ok(()) => (String::new(), None),
        Err(Failure { kind, detail }) => (bounded(&detail), Some(kind)),
    };
    ProbeResult {
        healthy: failure.is_none(),
        since: now,
        status: None,
        retry_after: None,
        detail,
        failure,
    }
}

#[cfg(test)]
mod tests {
    use super::split;

    #[test]
    fn an_address_is_a_host_and_a_port() {
        assert_eq!(split("db.internal:5432"), Some(("db.internal", 5432)));
        assert_eq!(split("[::1]:5432"), Some(("::1", 5432)));
        for wrong in ["db", ":5432", "db:0", "db:65536", "db:x", "::1:5432", "[::1]", ""] {
            assert_eq!(split(wrong), None, "{wrong}");
        }
    }
}
