//! The real doors on a port of the system's choosing, with a store that a test can watch or break.

use axum::http::StatusCode;
use reclose::core::alert::Notification;
use reclose::core::planted::Bugs;
use reclose::core::time::{Duration, Timestamp};
use reclose::engine::active::Active;
use reclose::engine::clock::{Clock, since_boot};
use reclose::engine::intake::Intake;
use reclose::store::{Store, StoreError};
use reclose::telemetry::Metrics;
use reclose::web::{self, Credentials, Doors, Limits, Web};
use secrecy::SecretString;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

pub const TOKEN: &str = "alerts-token-1";
pub const SECOND_TOKEN: &str = "alerts-token-2";
pub const API_TOKEN: &str = "api-token-1";
pub const PATH: &str = "/webhooks/alertmanager";
pub const NOW: &str = "2026-08-20T10:05:00Z";

/// What the store's `ingest` does in this test.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Disk {
    Works,
    Full,
    Hangs,
}

pub struct Server {
    pub address: SocketAddr,
    pub store: Store,
    pub metrics: Arc<Metrics>,
    pub intake: Intake,
    stored: Arc<Mutex<Vec<Notification>>>,
    shutdown: CancellationToken,
    serving: tokio::task::JoinHandle<()>,
    client: reqwest::Client,
}

#[derive(Clone, Copy)]
pub struct Setup {
    pub limits: Limits,
    pub disk: Disk,
    pub anonymous: bool,
}

impl Default for Setup {
    fn default() -> Self {
        Self { limits: Limits::default(), disk: Disk::Works, anonymous: false }
    }
}

pub async fn start() -> Server {
    Server::start(Setup::default()).await
}

fn secrets(texts: &[&str]) -> Vec<SecretString> {
    texts.iter().map(|text| SecretString::from(*text)).collect()
}

impl Server {
    pub async fn start(setup: Setup) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        Self::start_on(listener, setup)
    }

    pub fn start_on(listener: TcpListener, setup: Setup) -> Self {
        let metrics = Arc::new(Metrics::new("test"));
        let store = Store::memory("test", Bugs::default());
        let news = Arc::new(Notify::new());
        let stored = Arc::new(Mutex::new(Vec::new()));
        let write = {
            let (store, stored) = (store.clone(), Arc::clone(&stored));
            move |batch: Vec<(Timestamp, Notification)>| {
                let (store, stored) = (store.clone(), Arc::clone(&stored));
                async move {
                    match setup.disk {
                        Disk::Works => {}
                        Disk::Full => return Err(StoreError::Unavailable("disk full".to_owned())),
                        Disk::Hangs => std::future::pending().await,
                    }
                    let copies: Vec<Notification> =
                        batch.iter().map(|(_, notification)| notification.clone()).collect();
                    store.ingest(batch).await?;
                    stored.lock().unwrap().extend(copies);
                    Ok(())
                }
            }
        };
        let (intake, _writer) = Intake::start(write, Arc::clone(&news), Arc::clone(&metrics));
        let doors = Doors {
            alertmanager: Credentials::new(
                &secrets(&[TOKEN, SECOND_TOKEN]),
                &[("am".to_owned(), SecretString::from("pass:word"))],
            ),
            api: Credentials::new(&secrets(&[API_TOKEN]), &[]),
            anonymous_alerts: setup.anonymous,
        };
        let web = Web {
            doors,
            intake: intake.clone(),
            limits: setup.limits,
            clock: Clock::manual(NOW.parse().unwrap()),
            metrics: Arc::clone(&metrics),
            store: store.clone(),
            rules: Active::new(Arc::default()),
            is_loopback: true,
            hosts: vec!["reclose.internal".to_owned()],
        };
        let address = listener.local_addr().unwrap();
        let shutdown = CancellationToken::new();
        let serving = tokio::spawn(web::serve(
            listener,
            web::router(web.clone()),
            setup.limits,
            shutdown.clone(),
        ));
        Self { address, store, metrics, intake, stored, shutdown, serving, client: client() }
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// What was stored so far.
    pub fn stored(&self) -> Vec<Notification> {
        self.stored.lock().unwrap().clone()
    }

    /// The only notification that was stored.
    pub fn only(&self) -> Notification {
        let mut stored = self.stored();
        assert_eq!(stored.len(), 1, "one notification is stored");
        stored.remove(0)
    }

    /// Posts `body` as Alertmanager does, with the first token.
    pub async fn post(&self, body: impl Into<reqwest::Body>) -> Answer {
        self.post_with(body, |request| request.bearer_auth(TOKEN)).await
    }

    pub async fn post_with(
        &self,
        body: impl Into<reqwest::Body>,
        also: impl FnOnce(reqwest::RequestBuilder) -> reqwest::RequestBuilder,
    ) -> Answer {
        let request = self
            .client
            .post(self.url(PATH))
            .header("content-type", "application/json")
            .header("user-agent", "Alertmanager/0.34.0")
            .body(body);
        Answer::of(also(request).send().await.unwrap()).await
    }

    /// The count in the metric's line that begins with `name`, 0 if there is none.
    pub fn metric(&self, name: &str) -> u64 {
        let page = self.metrics.encode(since_boot()).unwrap();
        let line = page.lines().find(|line| line.starts_with(name));
        line.map_or(0, |line| line.rsplit(' ').next().unwrap().parse().unwrap())
    }

    pub fn rejected(&self, reason: &str) -> u64 {
        self.metric(&format!("reclose_rejected_total{{reason=\"{reason}\"}}"))
    }

    /// The texts of the audit log.
    pub async fn audit(&self) -> Vec<String> {
        let links = self.store.audit_links(0, 10_000).await.unwrap();
        links.into_iter().map(|link| link.text).collect()
    }

    pub async fn raw(&self) -> Raw {
        Raw(TcpStream::connect(self.address).await.unwrap())
    }

    /// Stops accepting and waits for the drain.
    pub async fn stop(self) {
        self.shutdown.cancel();
        self.serving.await.unwrap();
    }

    pub fn begin_stop(&self) {
        self.shutdown.cancel();
    }
}

pub fn client() -> reqwest::Client {
    drop(rustls::crypto::ring::default_provider().install_default());
    reqwest::Client::builder()
        .timeout(Duration::from_secs(60))
        .connect_timeout(Duration::from_secs(5))
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        // A kept connection may be closed by the server at the moment it is used again.
        .pool_max_idle_per_host(0)
        .build()
        .unwrap()
}

#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub text: String,
    pub headers: reqwest::header::HeaderMap,
}

impl Answer {
    pub async fn of(response: reqwest::Response) -> Self {
        let (status, headers) = (response.status(), response.headers().clone());
        let text = response.text().await.unwrap();
        if !status.is_success() {
            assert!(text.len() <= 200, "a refusal has at most 200 bytes: {text}");
        }
        Self { status, text, headers }
    }

    #[track_caller]
    pub fn is(&self, status: u16) -> &Self {
        assert_eq!(self.status.as_u16(), status, "{self:?}");
        self
    }

    #[track_caller]
    pub fn says(&self, words: &str) -> &Self {
        assert!(self.text.contains(words), "`{words}` in {self:?}");
        self
    }
}

/// Bytes over TCP, for what no client would send.
pub struct Raw(pub TcpStream);

impl Raw {
    pub async fn send(&mut self, bytes: &[u8]) {
        self.0.write_all(bytes).await.unwrap();
    }

    /// Everything until the server closes.
    pub async fn read_to_end(&mut self) -> String {
        let mut all = Vec::new();
        // A reset is an end, too.
        drop(
            tokio::time::timeout(Duration::from_secs(20), self.0.read_to_end(&mut all))
                .await
                .expect("the server closes the connection"),
        );
        String::from_utf8_lossy(&all).into_owned()
    }
}

/// The status codes of the answers in `text`.
pub fn statuses(text: &str) -> Vec<u16> {
    let answers = text.split("HTTP/1.1 ").skip(1);
    answers.map(|answer| answer.split(' ').next().unwrap().parse().unwrap()).collect()
}

/// One firing alert as version 4 has it, with Alertmanager's fingerprint.
pub fn alert(labels: &serde_json::Value) -> serde_json::Value {
    let map: reclose::core::alert::Labels = serde_json::from_value(labels.clone()).unwrap();
    let hash = reclose::core::alert::fingerprint(map.iter().map(|(k, v)| (k.as_str(), v.as_str())));
    serde_json::json!({
        "status": "firing", "labels": labels, "annotations": {"summary": "breaker open"},
        "startsAt": "2026-08-20T10:00:00.123Z", "endsAt": "0001-01-01T00:00:00Z",
        "generatorURL": "http://prom:9090/graph", "fingerprint": format!("{hash:016x}"),
    })
}

pub fn labels() -> serde_json::Value {
    serde_json::json!({"alertname": "CircuitBreakerOpen", "service": "meta-capi", "severity": "critical"})
}

/// A group as Alertmanager sends it.
pub fn group(alerts: &[serde_json::Value]) -> serde_json::Value {
    serde_json::json!({
        "receiver": "reclose", "status": "firing", "alerts": alerts,
        "groupLabels": {"alertname": "CircuitBreakerOpen"}, "commonLabels": {}, "commonAnnotations": {},
        "externalURL": "http://am:9093", "version": "4",
        "groupKey": "{}:{alertname=\"CircuitBreakerOpen\"}", "truncatedAlerts": 0,
    })
}

pub fn body() -> String {
    group(&[alert(&labels())]).to_string() + "\n"
}

/// `body()` with one text replaced, which must be there.
pub fn body_with(old: &str, new: &str) -> String {
    let body = body();
    assert!(body.contains(old), "{old} is in {body}");
    body.replacen(old, new, 1)
}
