//! The lab: three real circuit breakers before a failing upstream, all over HTTP, in a process of its own.
//!
//! It knows nothing of reclose: it takes the address of a webhook, as Alertmanager does, and is asked over HTTP.
//! How long the upstream is ill is fixed here; what becomes of a breaker is decided by its library and its callers.

mod breakers;
mod pages;
mod traffic;
mod upstream;
mod watcher;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use secrecy::SecretString;
use tokio_util::sync::CancellationToken;

use breakers::Breaker;
use upstream::Upstream;

use crate::engine::clock::Clock;

/// The breakers' names, in the order in which they trip.
pub const BREAKERS: [&str; 3] = ["payments", "inventory", "accounts"];

/// No call of the lab takes longer: both ends are on this machine.
const CALL_TIMEOUT: Duration = Duration::from_secs(2);

/// Whether the upstream of `inventory` comes back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Outcome {
    /// The upstream is healthy again after some seconds
    Heals,
    /// The upstream never comes back
    StaysDown,
}

/// What the lab is told when it starts.
#[derive(Clone, Debug)]
pub struct Options {
    /// Written once the lab listens: its port, as decimal text.
    pub port_file: PathBuf,
    /// Errors of each breaker are appended to `<logs>/<breaker>.log`.
    pub logs: PathBuf,
    /// Where alerts are posted; none: nobody is told.
    pub webhook: Option<String>,
    /// Holds the bearer token of the webhook.
    pub webhook_token: Option<PathBuf>,
    /// Holds the bearer token that a reset needs.
    pub reset_token: PathBuf,
    pub upstream: Outcome,
}

/// What all parts of the lab share.
struct Lab {
    upstream: Upstream,
    breakers: Vec<Breaker>,
    reset_token: SecretString,
    clock: Clock,
    registry: prometheus_client::registry::Registry,
}

/// Runs until `stop`.
pub async fn run(options: Options, stop: CancellationToken) -> anyhow::Result<()> {
    let reset_token = read_secret(&options.reset_token).await?;
    let webhook_token = match &options.webhook_token {
        Some(path) => Some(read_secret(path).await?),
        None => None,
    };
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0))
        .await
        .context("cannot listen on 127.0.0.1")?;
    let address = listener.local_addr()?;
    let client = client()?;
    let clock = Clock::start(None);

    let mut registry = prometheus_client::registry::Registry::default();
    let upstream = Upstream::start(options.upstream, tokio::time::Instant::now());
    let (breakers, layers) = breakers::build(&mut registry)?;
    let lab = Arc::new(Lab { upstream, breakers, reset_token, clock, registry });

    let mut tasks = tokio::task::JoinSet::new();
    for (breaker, layer) in lab.breakers.iter().zip(layers) {
        let log = traffic::open_log(&options.logs, breaker.name).await?;
        let url = format!("http://{address}/upstream/{}/call", breaker.name);
        let caller = traffic::Caller { client: client.clone(), url, log, clock: lab.clock.clone() };
        tasks.spawn(traffic::run(breaker.clone(), layer, caller));
        if let Some(webhook) = &options.webhook {
            let receiver = watcher::Receiver {
                client: client.clone(),
                url: webhook.clone(),
                token: webhook_token.clone(),
                lab: format!("http://{address}"),
                clock: lab.clock.clone(),
            };
            tasks.spawn(watcher::run(breaker.clone(), receiver));
        }
    }
    let app = pages::router(Arc::clone(&lab));
    tasks.spawn(async move {
        if let Err(error) = axum::serve(listener, app).await {
            tracing::error!(%error, "the lab's pages ended");
        }
    });
    announce(&options.port_file, address.port()).await?;
    stop.cancelled().await;
    tasks.shutdown().await;
    Ok(())
}

/// Written beside and moved into place: whoever waits for the file reads it whole.
async fn announce(path: &std::path::Path, port: u16) -> anyhow::Result<()> {
    let draft = path.with_extension("draft");
    tokio::fs::write(&draft, port.to_string())
        .await
        .with_context(|| format!("cannot write {}", draft.display()))?;
    tokio::fs::rename(&draft, path)
        .await
        .with_context(|| format!("cannot write {}", path.display()))
}

async fn read_secret(path: &std::path::Path) -> anyhow::Result<SecretString> {
    let text = tokio::fs::read_to_string(path)
        .await
        .with_context(|| format!("cannot read {}", path.display()))?;
    Ok(SecretString::from(text.trim().to_owned()))
}

fn client() -> anyhow::Result<reqwest::Client> {
    // An error means that a provider is installed already, which is all that is wanted.
    drop(rustls::crypto::ring::default_provider().install_default());
    reqwest::Client::builder()
        .timeout(CALL_TIMEOUT)
        .connect_timeout(CALL_TIMEOUT)
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .build()
        .context("cannot build the HTTP client")
}
