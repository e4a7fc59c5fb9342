//! Probes of a port and of a name: reached or not, and never an address that hands out credentials.

use super::{now, systems};
use reclose::core::evidence::{FailureKind, ProbeResult};
use reclose::core::rule::Probing;
use reclose::systems::Endpoints;

async fn probed(how: Probing) -> ProbeResult {
    systems(Endpoints::default()).probe(&how, now()).await
}

#[tokio::test]
async fn a_port_that_takes_a_connection_is_healthy() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let seen = probed(Probing::Tcp(format!("127.0.0.1:{port}"))).await;
    assert!(seen.healthy && seen.failure.is_none(), "{seen:?}");
    assert!(probed(Probing::Tcp(format!("localhost:{port}"))).await.healthy);
    drop(listener);
    let seen = probed(Probing::Tcp(format!("127.0.0.1:{port}"))).await;
    assert_eq!((seen.healthy, seen.failure), (false, Some(FailureKind::Unreachable)));
    assert!(seen.detail.contains("refused"), "{}", seen.detail);
}

#[tokio::test]
async fn what_may_not_be_called_is_not_called() {
    let seen = probed(Probing::Tcp("169.254.169.254:80".to_owned())).await;
    assert_eq!((seen.healthy, seen.failure), (false, Some(FailureKind::BadQuestion)));
}

#[tokio::test]
async fn a_name_with_an_address_is_healthy() {
    assert!(probed(Probing::Dns("localhost".to_owned())).await.healthy);
    let seen = probed(Probing::Dns("no-such-name.invalid".to_owned())).await;
    assert_eq!((seen.healthy, seen.failure), (false, Some(FailureKind::Unreachable)));
    assert!(!seen.detail.is_empty());
}
