//! The lab by itself: a process, a receiver of its webhooks, and what both saw.

use std::io::Write;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::http::{HeaderMap, StatusCode};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::time::{Instant, sleep};

const BIN: &str = env!("CARGO_BIN_EXE_reclose");
/// Everything in this file happens within this time, or has failed.
const PATIENCE: Duration = Duration::from_secs(40);

/// What arrived at the webhook, refusals included.
#[derive(Clone, Default)]
struct Inbox(Arc<Mutex<Vec<(HeaderMap, Value)>>>);

struct Lab {
    child: Child,
    base: String,
    folder: TempDir,
    client: reqwest::Client,
    inbox: Inbox,
}

impl Drop for Lab {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

impl Lab {
    async fn start(upstream: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str, text: &str| {
            let path = folder.path().join(name);
            std::fs::File::create(&path).unwrap().write_all(text.as_bytes()).unwrap();
            path
        };
        let inbox = Inbox::default();
        let webhook = receive(inbox.clone()).await;
        let port_file = folder.path().join("port");
        let child = Command::new(BIN)
            .arg("lab")
            .arg("--port-file")
            .arg(&port_file)
            .arg("--logs")
            .arg(folder.path())
            .args(["--webhook", &webhook, "--upstream", upstream])
            .arg("--webhook-token")
            .arg(file("webhook-token", "of-the-webhook\n"))
            .arg("--reset-token")
            .arg(file("reset-token", "of-the-reset\n"))
            .stdin(Stdio::piped())
            .spawn()
            .unwrap();
        drop(rustls::crypto::ring::default_provider().install_default());
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        let port =
            until("the lab listens", || async { std::fs::read_to_string(&port_file).ok() }).await;
        Self { child, base: format!("http://127.0.0.1:{port}"), folder, client, inbox }
    }

    async fn json(&self, path: &str) -> Value {
        self.client.get(format!("{}{path}", self.base)).send().await.unwrap().json().await.unwrap()
    }

    async fn state(&self, breaker: &str) -> String {
        self.json(&format!("/breakers/{breaker}")).await["state"].as_str().unwrap().to_owned()
    }

    async fn becomes(&self, breaker: &str, state: &str) {
        let found = || async { (self.state(breaker).await == state).then_some(()) };
        until(&format!("{breaker} is {state}"), found).await;
    }

    async fn reset(&self, breaker: &str, token: &str, key: Option<&str>) -> (StatusCode, Value) {
        let mut request =
            self.client.post(format!("{}/breakers/{breaker}/reset", self.base)).bearer_auth(token);
        if let Some(key) = key {
            request = request.header("Idempotency-Key", key);
        }
        let response = request.body("").send().await.unwrap();
        (response.status(), response.json().await.unwrap())
    }

    /// Alerts of `breaker` that were accepted, in order: their status and the whole body.
    fn told(&self, breaker: &str) -> Vec<(String, Value)> {
        let inbox = self.inbox.0.lock().unwrap();
        let of_breaker = inbox.iter().filter(|(_, body)| body["groupLabels"]["breaker"] == breaker);
        of_breaker
            .map(|(_, body)| (body["status"].as_str().unwrap().to_owned(), body.clone()))
            .collect()
    }

    fn log(&self, breaker: &str) -> Vec<Value> {
        let text =
            std::fs::read_to_string(self.folder.path().join(format!("{breaker}.log"))).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}

/// A webhook that answers 503 to the first post of all, as a server that starts does.
async fn receive(inbox: Inbox) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/webhooks/alertmanager", listener.local_addr().unwrap());
    let refused = Arc::new(Mutex::new(false));
    let app = axum::Router::new().route(
        "/webhooks/alertmanager",
        axum::routing::post(move |headers: HeaderMap, body: String| async move {
            let mut refused = refused.lock().unwrap();
            if !*refused {
                *refused = true;
                return StatusCode::SERVICE_UNAVAILABLE;
            }
            assert!(body.ends_with('\n'));
            inbox.0.lock().unwrap().push((headers, serde_json::from_str(&body).unwrap()));
            StatusCode::OK
        }),
    );
    tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
    url
}

async fn until<T, F: Future<Output = Option<T>>>(what: &str, mut look: impl FnMut() -> F) -> T {
    let end = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = look().await {
            return found;
        }
        assert!(Instant::now() < end, "within {PATIENCE:?}: {what}");
        sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test]
async fn payments_trips_on_429_and_closes_by_itself() {
    let lab = Lab::start("heals").await;
    lab.becomes("payments", "open").await;
    let refused = lab.log("payments").into_iter().find(|line| line["status"] == 429).unwrap();
    assert_eq!(refused["retry_after"], "8");
    assert_eq!(refused["msg"], "call to payments failed: upstream answered 429 Too Many Requests");
    lab.becomes("payments", "closed").await;
    assert_eq!(lab.json("/breakers/payments").await["last_reset"], Value::Null);

    until("both alerts are told", || async { (lab.told("payments").len() == 2).then_some(()) })
        .await;
    let told = lab.told("payments");
    assert_eq!(
        told.iter().map(|(status, _)| status.as_str()).collect::<Vec<_>>(),
        ["firing", "resolved"]
    );
    let alert = |n: usize| told[n].1["alerts"][0].clone();
    assert_eq!(alert(0)["startsAt"], alert(1)["startsAt"]);
    assert_eq!(alert(0)["endsAt"], "0001-01-01T00:00:00Z");
    assert_eq!(alert(0)["fingerprint"], alert(1)["fingerprint"]);
    let inbox = lab.inbox.0.lock().unwrap();
    assert!(inbox.iter().all(|(headers, _)| headers["authorization"] == "Bearer of-the-webhook"));
}

#[tokio::test]
async fn a_reset_needs_the_token_and_acts_once_for_each_key() {
    let lab = Lab::start("heals").await;
    lab.becomes("inventory", "open").await;
    assert_eq!(lab.reset("inventory", "guessed", Some("k1")).await.0, StatusCode::UNAUTHORIZED);
    assert_eq!(lab.reset("inventory", "of-the-reset", None).await.0, StatusCode::BAD_REQUEST);
    assert_eq!(lab.json("/breakers/inventory").await["last_reset"], Value::Null);
    assert_eq!(lab.reset("nobody", "of-the-reset", Some("k1")).await.0, StatusCode::NOT_FOUND);

    let (status, first) = lab.reset("inventory", "of-the-reset", Some("k1")).await;
    assert_eq!(
        (status, &first["acted"], &first["state"]),
        (StatusCode::OK, &json!(true), &json!("closed"))
    );
    assert_eq!(first["last_reset"]["decision"], "k1");
    // Its upstream is still down: the callers open it again, and the same key does not close it a second time.
    lab.becomes("inventory", "open").await;
    let (_, second) = lab.reset("inventory", "of-the-reset", Some("k1")).await;
    assert_eq!((&second["acted"], &second["state"]), (&json!(false), &json!("open")));
    assert_eq!(second["last_reset"]["at"], first["last_reset"]["at"]);

    let health = format!("{}/upstream/inventory/health", lab.base);
    let healthy = || async {
        lab.client.get(&health).send().await.unwrap().status().is_success().then_some(())
    };
    until("the upstream is back", healthy).await;
    assert_eq!(lab.state("inventory").await, "open");
    lab.reset("inventory", "of-the-reset", Some("k2")).await;
    sleep(Duration::from_secs(1)).await;
    assert_eq!(lab.state("inventory").await, "closed");
}

#[tokio::test]
async fn accounts_trips_on_401_and_the_pages_say_so() {
    let mut lab = Lab::start("stays-down").await;
    lab.becomes("accounts", "open").await;
    let health =
        lab.client.get(format!("{}/upstream/accounts/health", lab.base)).send().await.unwrap();
    assert_eq!(health.status(), StatusCode::UNAUTHORIZED);
    let page =
        lab.client.get(format!("{}/metrics", lab.base)).send().await.unwrap().text().await.unwrap();
    assert!(page.contains("breaker_state{breaker=\"accounts\"} 1\n"), "{page}");
    assert!(page.contains("calls_total{breaker=\"accounts\",status=\"401\"} 5\n"), "{page}");
    let warned = || async { lab.log("accounts").into_iter().find(|line| line["level"] == "warn") };
    let echo = until("a call is rejected", warned).await;
    assert_eq!(echo["msg"], "circuit is open; call not permitted");

    drop(lab.child.stdin.take());
    until("the lab ended with its parent", || {
        let ended = lab.child.try_wait().unwrap();
        async move { ended }
    })
    .await;
}

#[test]
fn the_lab_knows_nothing_of_reclose() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src/demo");
    let mut files = vec![root.join("lab.rs")];
    files.extend(std::fs::read_dir(root.join("lab")).unwrap().map(|entry| entry.unwrap().path()));
    assert!(files.len() >= 6, "{files:?}");
    for file in files {
        let text =
            std::fs::read_to_string(&file).unwrap().replace("crate::engine::clock::Clock", "");
        assert!(
            !text.contains("crate::"),
            "{} uses a part of reclose other than its clock",
            file.display()
        );
    }
}
