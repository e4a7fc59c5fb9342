//! The services behind the breakers, and how long each of them is ill. Never looks at a breaker.

use std::sync::OnceLock;
use std::time::Duration;

use axum::http::StatusCode;
use tokio::time::Instant;

use super::Outcome;

/// Long enough for healthy calls to be seen before the first trouble.
const FIRST_TROUBLE: Duration = Duration::from_secs(2);
/// Between one trouble and the next, so that each can be followed.
const BETWEEN: Duration = Duration::from_secs(1);
/// What `payments` tells its callers to wait; afterwards its quota is fresh.
const RETRY_AFTER: Duration = Duration::from_secs(8);
/// How long `inventory` is down.
const OUTAGE: Duration = Duration::from_secs(12);

/// One of the upstream services.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Service {
    /// Out of quota for `RETRY_AFTER`, from the first call that it refuses.
    Payments,
    /// Down for `OUTAGE`, or for good.
    Inventory,
    /// Refuses our credential from some moment on.
    Accounts,
}

/// All upstream services.
pub(super) struct Upstream {
    outcome: Outcome,
    started: Instant,
    /// When `payments` refused its first call.
    quota_spent: OnceLock<Instant>,
}

/// What an upstream service answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) retry_after_secs: Option<u64>,
}

impl Upstream {
    pub(super) fn start(outcome: Outcome, now: Instant) -> Self {
        Self { outcome, started: now, quota_spent: OnceLock::new() }
    }

    pub(super) fn answer(&self, service: Service, now: Instant) -> Answer {
        let age = now.saturating_duration_since(self.started);
        match service {
            Service::Payments if age >= FIRST_TROUBLE => {
                let spent = *self.quota_spent.get_or_init(|| now);
                let left = RETRY_AFTER.saturating_sub(now.saturating_duration_since(spent));
                if left.is_zero() { Answer::OK } else { Answer::too_many(left) }
            }
            Service::Inventory if age >= FIRST_TROUBLE + BETWEEN => {
                let over = age >= FIRST_TROUBLE + BETWEEN + OUTAGE;
                match self.outcome {
                    Outcome::Heals if over => Answer::OK,
                    Outcome::Heals | Outcome::StaysDown => {
                        Answer::plain(StatusCode::SERVICE_UNAVAILABLE)
                    }
                }
            }
            Service::Accounts if age >= FIRST_TROUBLE + BETWEEN * 2 => {
                Answer::plain(StatusCode::UNAUTHORIZED)
            }
            Service::Payments | Service::Inventory | Service::Accounts => Answer::OK,
        }
    }
}

impl Answer {
    const OK: Self = Self::plain(StatusCode::OK);

    const fn plain(status: StatusCode) -> Self {
        Self { status, retry_after_secs: None }
    }

    /// Rounded up: a caller that waits as told must not come too early.
    fn too_many(left: Duration) -> Self {
        let whole = left.as_secs() + u64::from(left.subsec_nanos() > 0);
        Self { status: StatusCode::TOO_MANY_REQUESTS, retry_after_secs: Some(whole) }
    }
}

impl Service {
    pub(super) fn named(name: &str) -> Option<Self> {
        match name {
            "payments" => Some(Self::Payments),
            "inventory" => Some(Self::Inventory),
            "accounts" => Some(Self::Accounts),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn payments_counts_its_window_down_from_the_first_refusal() {
        let start = Instant::now();
        let upstream = Upstream::start(Outcome::Heals, start);
        let at = |millis| upstream.answer(Service::Payments, start + Duration::from_millis(millis));
        assert_eq!(at(1_999), Answer::OK);
        assert_eq!(at(2_500), Answer::too_many(Duration::from_secs(8)));
        assert_eq!(at(9_600).retry_after_secs, Some(1));
        assert_eq!(at(10_499).retry_after_secs, Some(1));
        assert_eq!(at(10_500), Answer::OK);
    }

    #[test]
    fn inventory_comes_back_only_when_it_heals_and_accounts_never() {
        let start = Instant::now();
        let late = start + Duration::from_secs(3_600);
        let heals = Upstream::start(Outcome::Heals, start);
        let down = Upstream::start(Outcome::StaysDown, start);
        let status =
            |upstream: &Upstream, service, now| upstream.answer(service, now).status.as_u16();
        assert_eq!(status(&heals, Service::Inventory, start + Duration::from_secs(14)), 503);
        assert_eq!(status(&heals, Service::Inventory, start + Duration::from_secs(15)), 200);
        assert_eq!(status(&down, Service::Inventory, late), 503);
        assert_eq!(status(&heals, Service::Accounts, late), 401);
    }
}
