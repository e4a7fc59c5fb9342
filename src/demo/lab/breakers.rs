//! The circuit breakers: of the crate `tower-resilience-circuitbreaker`, each with its own patience.
//!
//! Never decides whether one opens or closes: calls do, or whoever resets it.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;
use serde::Serialize;
use tokio::sync::Mutex;
use tower_resilience_circuitbreaker::{CircuitBreakerHandle, CircuitBreakerLayer, CircuitState};

use super::BREAKERS;
use super::upstream::Service;

/// So many failures in a row open a breaker.
const FAILURES_TO_OPEN: usize = 5;
/// So many successes in half-open close it.
const SUCCESSES_TO_CLOSE: usize = 3;
/// `payments` tries again by itself, later than its upstream tells it to wait.
const PAYMENTS_OPEN: Duration = Duration::from_secs(10);
/// The others would try again by themselves only long after the end of the demo.
const OTHERS_OPEN: Duration = Duration::from_secs(600);
/// Resets remembered for each breaker, so that a repeated key acts once.
const RESETS_REMEMBERED: usize = 100;

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct BreakerLabel {
    breaker: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct CallLabels {
    breaker: &'static str,
    status: String,
}

/// A reset that was carried out.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Reset {
    /// The caller's name for its decision: the idempotency key.
    pub(super) decision: String,
    pub(super) reason: String,
    pub(super) at: Timestamp,
}

/// One breaker, as its caller, its pages and its watcher see it. Clones speak of the same breaker.
#[derive(Clone)]
pub(super) struct Breaker {
    pub(super) name: &'static str,
    handle: CircuitBreakerHandle,
    resets: Arc<Mutex<VecDeque<Reset>>>,
    state: Gauge,
    calls: Family<CallLabels, Counter>,
    rejected: Counter,
}

/// Builds all breakers, and the layers their callers put before their calls.
pub(super) fn build(
    registry: &mut Registry,
) -> anyhow::Result<(Vec<Breaker>, Vec<CircuitBreakerLayer>)> {
    let state = Family::<BreakerLabel, Gauge>::default();
    let calls = Family::<CallLabels, Counter>::default();
    let rejected = Family::<BreakerLabel, Counter>::default();
    registry.register("breaker_state", "0 closed, 1 open, 2 half-open", state.clone());
    registry.register("calls", "Calls that reached the upstream, by HTTP status", calls.clone());
    registry.register(
        "calls_rejected",
        "Calls that the open breaker did not let through",
        rejected.clone(),
    );

    let mut breakers = Vec::new();
    let mut layers = Vec::new();
    for name in BREAKERS {
        let service =
            Service::named(name).ok_or_else(|| anyhow::anyhow!("no upstream service {name}"))?;
        let patience = match service {
            Service::Payments => PAYMENTS_OPEN,
            Service::Inventory | Service::Accounts => OTHERS_OPEN,
        };
        let (layer, handle) = CircuitBreakerLayer::builder()
            .name(name)
            .consecutive_failures(FAILURES_TO_OPEN)
            .permitted_calls_in_half_open(SUCCESSES_TO_CLOSE)
            .wait_duration_in_open(patience)
            .build_with_handle()?;
        let label = BreakerLabel { breaker: name };
        breakers.push(Breaker {
            name,
            handle,
            resets: Arc::default(),
            state: state.get_or_create(&label).clone(),
            calls: calls.clone(),
            rejected: rejected.get_or_create(&label).clone(),
        });
        layers.push(layer);
    }
    Ok((breakers, layers))
}

impl Breaker {
    pub(super) fn state(&self) -> CircuitState {
        self.handle.state()
    }

    /// The gauge is set when it is read: it can never be older than the page it stands on.
    pub(super) fn show_state(&self) {
        self.state.set(match self.state() {
            CircuitState::Closed => 0,
            CircuitState::Open => 1,
            CircuitState::HalfOpen => 2,
        });
    }

    pub(super) fn word(&self) -> &'static str {
        match self.state() {
            CircuitState::Closed => "closed",
            CircuitState::Open => "open",
            CircuitState::HalfOpen => "half-open",
        }
    }

    pub(super) fn count(&self, status: Option<u16>) {
        let status = status.map_or_else(|| "none".to_owned(), |status| status.to_string());
        self.calls.get_or_create(&CallLabels { breaker: self.name, status }).inc();
    }

    pub(super) fn count_rejected(&self) {
        self.rejected.inc();
    }

    pub(super) async fn last_reset(&self) -> Option<Reset> {
        self.resets.lock().await.back().cloned()
    }

    /// Closes the breaker, unless this decision was carried out before: then says when, and does nothing.
    pub(super) async fn reset(&self, reset: Reset) -> (Reset, bool) {
        let mut resets = self.resets.lock().await;
        if let Some(earlier) = resets.iter().find(|earlier| earlier.decision == reset.decision) {
            return (earlier.clone(), false);
        }
        self.handle.reset().await;
        if resets.len() == RESETS_REMEMBERED {
            resets.pop_front();
        }
        resets.push_back(reset.clone());
        (reset, true)
    }
}
