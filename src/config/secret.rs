//! Looks up what a reference names, once at the start, and says what is wrong with it. Never repeats a secret.

use secrecy::SecretString;
use std::os::unix::fs::PermissionsExt as _;

use crate::core::action::How;
use crate::core::evidence::{Ask, HttpAsk, SecretRef, Secretish};
use crate::core::rule::{Rule, RuleSet};
use crate::systems::secrets::{Secrets, usable};

pub(super) type Env<'a> = dyn Fn(&str) -> Option<String> + 'a;

/// Any user of the machine may read it.
const WORLD_READABLE: u32 = 0o004;

pub(super) struct Fault {
    pub(super) message: String,
    pub(super) hint: &'static str,
}

/// The secret behind a reference.
pub(super) fn resolve(reference: &SecretRef, env: &Env<'_>) -> Result<SecretString, Fault> {
    match reference {
        SecretRef::Env(name) => {
            let hint = "set the variable before the start, or use { file: PATH }";
            let value = env(name).ok_or_else(|| Fault {
                message: format!("the variable `{name}` is not set"),
                hint,
            })?;
            usable(&value)
                .map_err(|why| Fault { message: format!("the variable `{name}`: {why}"), hint })
        }
        SecretRef::File(path) => {
            let hint = "the file holds the secret alone, and only reclose's user can read it";
            if std::fs::metadata(path)
                .is_ok_and(|about| about.permissions().mode() & WORLD_READABLE != 0)
            {
                return Err(Fault {
                    message: format!("every user of this machine can read `{path}`"),
                    hint: "chmod 600 it; in Kubernetes set defaultMode: 0440",
                });
            }
            let secrets = Secrets::new(|_| None);
            secrets.get(reference).map_err(|failure| Fault { message: failure.detail, hint })
        }
    }
}

/// The secrets that rules name and that cannot be used now, each once, with why. An action that needs one cannot be done.
pub fn unusable_secrets(rules: &RuleSet, env: &Env<'_>) -> Vec<String> {
    let mut wrong: Vec<String> = rules
        .askable()
        .flat_map(|rule| {
            let of_requests = requests(rule).into_iter().flat_map(references);
            of_requests.chain(addresses(rule)).map(move |reference| (rule, reference))
        })
        .filter_map(|(rule, reference)| {
            let fault = resolve(reference, env).err()?;
            Some(format!("rule {}: {} ({})", rule.name, fault.message, fault.hint))
        })
        .collect();
    wrong.sort();
    wrong.dedup();
    wrong
}

fn requests(rule: &Rule) -> Vec<&HttpAsk> {
    let asks = rule.evidence.iter().map(|evidence| &evidence.ask).chain([&rule.state.ask]);
    let asked = asks.filter_map(|ask| match ask {
        Ask::Http(http) => Some(http),
        Ask::Events(events) => Some(&events.page),
        Ask::Prometheus { .. }
        | Ask::PrometheusRange { .. }
        | Ask::Scrape { .. }
        | Ask::Loki { .. }
        | Ask::LogFile { .. }
        | Ask::Redis { .. }
        | Ask::Sqlite { .. }
        | Ask::Elasticsearch { .. }
        | Ask::Postgres { .. }
        | Ask::Aws { .. }
        | Ask::Azure(_)
        | Ask::Docker(_)
        | Ask::Probe { .. } => None,
    });
    let done = rule.actions.values().flat_map(|action| {
        let How::HttpReset { request, observe } = &action.how;
        [Some(request), observe.as_ref()].into_iter().flatten()
    });
    let probed = rule.probes.iter().filter_map(|probe| probe.how.http());
    asked.chain(done).chain(probed).collect()
}

/// Addresses that hold a password.
fn addresses(rule: &Rule) -> impl Iterator<Item = &SecretRef> {
    let asks = rule.evidence.iter().map(|evidence| &evidence.ask).chain([&rule.state.ask]);
    asks.filter_map(|ask| match ask {
        Ask::Redis { url: Secretish::Secret { secret, .. }, .. }
        | Ask::Postgres { url: Secretish::Secret { secret, .. }, .. } => Some(secret),
        Ask::Redis { .. }
        | Ask::Postgres { .. }
        | Ask::Elasticsearch { .. }
        | Ask::Events(_)
        | Ask::Http(_)
        | Ask::Prometheus { .. }
        | Ask::PrometheusRange { .. }
        | Ask::Scrape { .. }
        | Ask::Loki { .. }
        | Ask::LogFile { .. }
        | Ask::Sqlite { .. }
        | Ask::Aws { .. }
        | Ask::Azure(_)
        | Ask::Docker(_)
        | Ask::Probe { .. } => None,
    })
}

fn references(request: &HttpAsk) -> Vec<&SecretRef> {
    let headers = request.headers.values().filter_map(|value| match value {
        Secretish::Secret { secret, .. } => Some(secret),
        Secretish::Plain(_) | Secretish::Said(_) => None,
    });
    headers.chain(request.secrets.values()).collect()
}
