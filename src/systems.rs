//! One file (or folder) for each outside system: its client, its auth, its words.
//!
//! Systems answer, or say why they cannot; they never decide, never retry, and never take no answer for zero.

#[cfg(not(feature = "docker"))]
mod absent;
pub mod alertmanager;
pub mod aws;
pub mod azure;
pub(crate) mod database;
#[cfg(feature = "docker")]
pub(crate) mod docker;
pub(crate) mod elasticsearch;
pub(crate) mod events;
pub(crate) mod files;
pub mod http;
pub(crate) mod loki;
pub(crate) mod postgres;
pub(crate) mod prometheus;
pub(crate) mod reach;
pub(crate) mod redis;
pub(crate) mod scrape;
pub mod secrets;
pub mod slack;
pub mod terminal;

use futures_util::FutureExt as _;
use futures_util::future::join_all;
use reqwest::Client;
use std::collections::BTreeMap;
use std::panic::AssertUnwindSafe;
use std::path::PathBuf;
use std::time::Duration;
use tokio::sync::Semaphore;

use crate::core::action::{Intent, Outcome};
use crate::core::evidence::{
    Absence, Ask, Failure, FailureKind, Finding, Findings, ProbeResult, Question, QuestionName,
    Reading, SecretRef, Value,
};
use crate::core::rule::Probing;
use crate::core::time::Timestamp;
#[cfg(not(feature = "docker"))]
use absent::docker;
use secrets::Secrets;

pub use http::reset::{Begun, WRITE_WITHIN};

/// What goes into messages and the audit log; longer is cut.
const MAX_DETAIL_CHARS: usize = 300;
/// Groups of one answer: statuses, instances. More is a question without a `by`.
pub(crate) const MAX_SERIES: usize = 200;

/// Where the shared systems are. A system that is not configured answers nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Endpoints {
    pub prometheus: Option<Endpoint>,
    pub loki: Option<Endpoint>,
    pub elasticsearch: Option<Endpoint>,
    pub alertmanager: Option<Endpoint>,
    pub aws: Option<aws::AwsAccount>,
    pub azure: Option<azure::AzureAccount>,
    pub docker: Option<Engine>,
}

/// Where a Docker Engine listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Engine {
    Socket(PathBuf),
    /// Without TLS: a proxy beside us that lets only questions through.
    Host {
        host: String,
        port: u16,
    },
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// With its path prefix, if it has one: `https://mimir.example/prometheus`.
    pub url: String,
    pub auth: Option<Auth>,
    /// Sent as `X-Scope-OrgID`.
    pub tenant: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Auth {
    Bearer(SecretRef),
    Basic { user: String, password: SecretRef },
}

/// All outside systems that answer questions and are acted on.
#[derive(Debug)]
pub struct Systems {
    endpoints: Endpoints,
    secrets: Secrets,
    client: Client,
    aws: Option<aws::Aws>,
    azure: Option<azure::Azure>,
    lanes: Lanes,
}

/// How many questions are under way at once, for each system: one that hangs must not hold up the others.
#[derive(Debug)]
struct Lanes {
    /// Prometheus itself answers 20 at once.
    prometheus: Semaphore,
    /// A log query costs far more than a metric.
    loki: Semaphore,
    pages: Semaphore,
    files: Semaphore,
    /// AWS counts the requests of a whole account.
    aws: Semaphore,
    /// One engine serves all its containers.
    docker: Semaphore,
}

impl Systems {
    /// Refuses addresses that are no addresses; asks nothing yet.
    pub fn new(endpoints: Endpoints, secrets: Secrets) -> anyhow::Result<Self> {
        let named = [
            ("prometheus.url", &endpoints.prometheus),
            ("loki.url", &endpoints.loki),
            ("elasticsearch.url", &endpoints.elasticsearch),
            ("alertmanager.api", &endpoints.alertmanager),
        ];
        for (key, endpoint) in named {
            if let Some(endpoint) = endpoint {
                http::address::checked(&endpoint.url)
                    .map_err(|failure| anyhow::anyhow!("{key}: {}", failure.detail))?;
            }
        }
        if let Some(url) = endpoints.aws.as_ref().and_then(|account| account.endpoint.as_ref()) {
            http::address::checked(url)
                .map_err(|failure| anyhow::anyhow!("aws.endpoint: {}", failure.detail))?;
        }
        let client = http::client().map_err(|error| {
            anyhow::anyhow!("cannot set up the HTTP client: {}", http::failure_of(&error).detail)
        })?;
        let lanes = Lanes {
            prometheus: Semaphore::new(16),
            loki: Semaphore::new(4),
            pages: Semaphore::new(64),
            files: Semaphore::new(4),
            aws: Semaphore::new(8),
            docker: Semaphore::new(8),
        };
        let aws = endpoints.aws.clone().map(aws::Aws::new);
        let azure = endpoints.azure.clone().map(azure::Azure::new);
        Ok(Self { endpoints, secrets, client, aws, azure, lanes })
    }

    /// Asks all questions side by side. Every question has its finding within `budget`: what has not answered by then failed.
    ///
    /// `now` is the moment of asking. Readings are dated by it, so that they never look younger than they are.
    pub async fn ask_all(
        &self,
        questions: &[Question],
        probes: &BTreeMap<QuestionName, Reading>,
        now: Timestamp,
        budget: Duration,
    ) -> Findings {
        let answers = questions.iter().map(|question| async move {
            // A panic in one adapter costs its own answer, not the incident.
            let asked = AssertUnwindSafe(self.ask(question, probes, now)).catch_unwind();
            let finding = match tokio::time::timeout(budget, asked).await {
                Ok(Ok(finding)) => finding,
                Ok(Err(_)) => {
                    Finding::failed(FailureKind::Lost, "a bug of reclose: see its log for a panic")
                }
                Err(_) => Finding::failed(
                    FailureKind::Timeout,
                    format!("no answer within {:.1} s", budget.as_secs_f64()),
                ),
            };
            (question.name.clone(), finding)
        });
        join_all(answers).await.into_iter().collect()
    }

    async fn ask(
        &self,
        question: &Question,
        probes: &BTreeMap<QuestionName, Reading>,
        now: Timestamp,
    ) -> Finding {
        let when = (now, question.max_age);
        match &question.ask {
            Ask::Prometheus { .. } | Ask::PrometheusRange { .. } => {
                let Some(endpoint) = &self.endpoints.prometheus else {
                    return not_configured("prometheus.url");
                };
                let _turn = self.lanes.prometheus.acquire().await;
                let server = Server { client: &self.client, secrets: &self.secrets, endpoint };
                prometheus::ask(server, question, now).await
            }
            Ask::Loki { query, last, limit } => {
                let Some(endpoint) = &self.endpoints.loki else {
                    return not_configured("loki.url");
                };
                let _turn = self.lanes.loki.acquire().await;
                let server = Server { client: &self.client, secrets: &self.secrets, endpoint };
                let wanted = loki::Query { logql: query, last: *last, limit: *limit };
                loki::ask(server, wanted, now).await
            }
            Ask::Scrape { url, metric, labels, by, over } => {
                let select = scrape::Select { metric, labels, by: by.as_deref() };
                let page = scrape::Page { client: &self.client, url, lane: &self.lanes.pages };
                match over {
                    None => scrape::ask(page, select, when).await,
                    Some(over) => scrape::ask_twice(page, select, when, *over).await,
                }
            }
            Ask::Http(page) => {
                let _turn = self.lanes.pages.acquire().await;
                http::question::ask(&self.client, &self.secrets, page, when).await
            }
            Ask::LogFile { path, last_lines, last, zone } => {
                let _turn = self.lanes.files.acquire().await;
                let (path, last_lines) = (path.clone(), *last_lines);
                let asked = files::Question { path, last_lines, last: *last, zone: zone.clone() };
                files::ask(asked, now).await
            }
            Ask::Redis { url, key, pointer } => {
                let _turn = self.lanes.pages.acquire().await;
                let wanted = redis::Wanted { url, key, pointer: pointer.as_deref() };
                redis::ask(&self.secrets, wanted, now).await
            }
            Ask::Sqlite { path, query, params } => {
                let _turn = self.lanes.files.acquire().await;
                database::ask(database::Wanted { path, query, params }, now).await
            }
            Ask::Postgres { url, query, params } => {
                let _turn = self.lanes.pages.acquire().await;
                postgres::ask(&self.secrets, postgres::Wanted { url, query, params }, now).await
            }
            Ask::Elasticsearch { index, wanted, query, time, message, last, limit } => {
                let Some(endpoint) = &self.endpoints.elasticsearch else {
                    return not_configured("elasticsearch.url");
                };
                let _turn = self.lanes.loki.acquire().await;
                let server = Server { client: &self.client, secrets: &self.secrets, endpoint };
                let (string, last, limit) = (query.as_deref(), *last, *limit);
                let query =
                    elasticsearch::Query { index, wanted, string, time, message, last, limit };
                elasticsearch::ask(server, query, now).await
            }
            Ask::Events(page) => {
                let _turn = self.lanes.pages.acquire().await;
                events::ask(&self.client, &self.secrets, page, now).await
            }
            Ask::Aws { region, ask } => {
                let Some(aws) = &self.aws else { return not_configured("aws.region") };
                let _turn = self.lanes.aws.acquire().await;
                aws.ask(self.ours(), (region.as_deref(), ask), when).await
            }
            Ask::Azure(ask) => {
                let Some(azure) = &self.azure else { return not_configured("azure") };
                let _turn = self.lanes.aws.acquire().await;
                azure.ask(self.ours(), ask, now).await
            }
            Ask::Docker(wanted) => {
                let Some(engine) = &self.endpoints.docker else { return not_configured("docker") };
                let _turn = self.lanes.docker.acquire().await;
                docker::ask(engine, wanted, now).await
            }
            Ask::Probe { probe } => stored(probes.get(probe), when),
        }
    }

    /// One run of a probe, by its own time limit. `since` is `now`: whoever keeps results knows since when they are alike.
    pub async fn probe(&self, how: &Probing, now: Timestamp) -> ProbeResult {
        let _turn = self.lanes.pages.acquire().await;
        match how {
            Probing::Http(ask) => {
                http::question::probe(&self.client, &self.secrets, ask, now).await
            }
            Probing::Tcp(address) => reach::tcp(address, now).await,
            Probing::Dns(name) => reach::dns(name, now).await,
            Probing::Bucket { region, bucket, prefix } => {
                let wanted = (region.as_deref(), bucket.as_str(), prefix.as_deref());
                let seen = Box::pin(self.bucket(wanted, now));
                within(how.within(), seen, now).await
            }
            Probing::Vault { vault, secret } => {
                let seen = Box::pin(self.vault((vault, secret), now));
                within(how.within(), seen, now).await
            }
            Probing::Docker(container) => {
                docker::probe(self.endpoints.docker.as_ref(), container, now).await
            }
        }
    }

    /// One key of a bucket.
    async fn bucket(
        &self,
        (region, bucket, prefix): (Option<&str>, &str, Option<&str>),
        now: Timestamp,
    ) -> ProbeResult {
        let Some(aws) = &self.aws else {
            let why = "aws.region is not set in the configuration";
            return unasked(FailureKind::NotConfigured, why, now);
        };
        aws.reach(self.ours(), region, (bucket, prefix), now).await
    }

    /// The versions of a secret of Key Vault.
    async fn vault(&self, wanted: (&str, &str), now: Timestamp) -> ProbeResult {
        let Some(azure) = &self.azure else {
            let why = "azure is not set in the configuration";
            return unasked(FailureKind::NotConfigured, why, now);
        };
        azure.reach(self.ours(), wanted, now).await
    }

    fn ours(&self) -> aws::Ours<'_> {
        aws::Ours { client: &self.client, secrets: &self.secrets }
    }

    /// Does the intent, at most once, within ten seconds. Never tries again.
    pub async fn act(&self, intent: &Intent, begun: Begun) -> Outcome {
        http::reset::act(&self.secrets, intent, begun).await
    }

    /// What came of an intent whose outcome is unknown: `Done` on proof, else `Unknown`.
    pub async fn look(&self, intent: &Intent) -> Outcome {
        http::reset::look(&self.client, &self.secrets, intent).await
    }
}

/// A shared system with what is needed to speak to it.
#[derive(Clone, Copy)]
pub(crate) struct Server<'a> {
    pub(crate) client: &'a Client,
    pub(crate) secrets: &'a Secrets,
    pub(crate) endpoint: &'a Endpoint,
}

impl Server<'_> {
    /// A request to a path below the endpoint's URL, with its credentials and its tenant.
    pub(crate) fn request(
        self,
        method: reqwest::Method,
        path: &str,
    ) -> Result<reqwest::RequestBuilder, Failure> {
        let mut url = http::address::checked(&self.endpoint.url)?;
        let whole = format!("{}{path}", url.path().trim_end_matches('/'));
        url.set_path(&whole);
        let mut request = self.client.request(method, url);
        let header = match &self.endpoint.auth {
            None => None,
            Some(Auth::Bearer(token)) => Some(http::question::bearer(&self.secrets.get(token)?)),
            Some(Auth::Basic { user, password }) => {
                Some(http::question::basic(user, &self.secrets.get(password)?))
            }
        };
        if let Some((name, value)) = header {
            let value = value.ok_or_else(|| {
                failed(FailureKind::NotConfigured, "the credential is not allowed in a header")
            })?;
            request = request.header(name, value);
        }
        if let Some(tenant) = &self.endpoint.tenant {
            request = request.header("X-Scope-OrgID", tenant);
        }
        Ok(request)
    }
}

/// What a probe sees within its time.
async fn within(
    limit: Duration,
    seen: impl Future<Output = ProbeResult>,
    now: Timestamp,
) -> ProbeResult {
    tokio::time::timeout(limit, seen).await.unwrap_or_else(|_| {
        let why = format!("no answer within {} s", limit.as_secs());
        unasked(FailureKind::Timeout, &why, now)
    })
}

/// A probe that saw nothing of the other side.
pub(crate) fn unasked(kind: FailureKind, why: &str, now: Timestamp) -> ProbeResult {
    ProbeResult {
        healthy: false,
        since: now,
        status: None,
        retry_after: None,
        detail: bounded(why),
        failure: Some(kind),
    }
}

/// The stored result of a probe. A probe that has not run lately says nothing.
pub(crate) fn stored(reading: Option<&Reading>, (now, max_age): (Timestamp, Duration)) -> Finding {
    match reading {
        None => Finding::NoData(Absence::Empty),
        Some(reading) if reading.at < in_the_past(now, max_age) => Finding::NoData(Absence::Stale),
        Some(Reading { at, value: Value::Probe(seen) }) => {
            http::question::finding_of(seen.clone(), *at)
        }
        Some(reading) => Finding::Value(reading.clone()),
    }
}

fn not_configured(key: &str) -> Finding {
    Finding::failed(FailureKind::NotConfigured, format!("{key} is not set in the configuration"))
}

pub(crate) fn failed(kind: FailureKind, detail: impl AsRef<str>) -> Failure {
    Failure { kind, detail: bounded(detail.as_ref()) }
}

/// One line of at most 300 characters, without secrets.
pub(crate) fn bounded(text: &str) -> String {
    let text = crate::core::redact::redact(text);
    let line = text.chars().map(|c| if c.is_control() { ' ' } else { c });
    let mut cut: String = line.take(MAX_DETAIL_CHARS + 1).collect();
    if cut.chars().count() > MAX_DETAIL_CHARS {
        cut = cut.chars().take(MAX_DETAIL_CHARS - 1).collect();
        cut.push('…');
    }
    cut
}

pub(crate) fn in_the_past(now: Timestamp, span: Duration) -> Timestamp {
    now.checked_sub(span).unwrap_or(Timestamp::MIN)
}
