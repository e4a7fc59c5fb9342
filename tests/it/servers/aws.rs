//! What speaks like AWS on this machine: moto and ministack, each started once for all tests, and microburst in between,
//! which throttles, resets and delays. Never knows a real account.

use serde_json::{Value as Json, json};
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;
use tokio::sync::OnceCell;

const TRIES: u32 = 10;
/// Python on a busy machine.
const READY_POLLS: u32 = 3000;
const POLL: Duration = Duration::from_millis(20);

pub struct Cloud {
    pub url: String,
    /// The folder in which it may write.
    _folder: tempfile::TempDir,
    process: rustix::process::Pid,
    /// Open until the process has ended.
    ended: std::sync::Mutex<mpsc::Receiver<()>>,
}

static MOTO: OnceCell<Cloud> = OnceCell::const_new();
static MINISTACK: OnceCell<Cloud> = OnceCell::const_new();

impl Cloud {
    pub async fn moto() -> &'static Self {
        MOTO.get_or_init(|| {
            Self::start("moto_server", "/moto-api/data.json", |command, port| {
                command.args(["-H", "127.0.0.1", "-p", port]);
            })
        })
        .await
    }

    pub async fn ministack() -> &'static Self {
        MINISTACK
            .get_or_init(|| {
                Self::start("ministack", "/_ministack/health", |command, port| {
                    command.env("GATEWAY_PORT", port).env("BIND_HOST", "127.0.0.1");
                })
            })
            .await
    }

    /// One of its own, because its rules are for one test.
    pub async fn burst(upstream: &Self) -> Self {
        Self::start("microburst", "/_microburst/health", |command, port| {
            command.args(["--host", "127.0.0.1", "--port", port, "--upstream", &upstream.url]);
        })
        .await
    }

    async fn start(
        program: &'static str,
        health: &str,
        arguments: impl Fn(&mut Command, &str),
    ) -> Self {
        let path = format!("{}/target/venv/bin/{program}", env!("CARGO_MANIFEST_DIR"));
        for _ in 0..TRIES {
            let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
            let port = listener.local_addr().unwrap().port().to_string();
            drop(listener);
            let folder = tempfile::tempdir().unwrap();
            let mut command = Command::new("setpriv");
            // Statics are not dropped: the server goes when the test process has gone.
            command.args(["--pdeathsig", "TERM", &path]).current_dir(folder.path());
            arguments(&mut command, &port);
            command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
            let (process, ended) = run(program, command);
            let url = format!("http://127.0.0.1:{port}");
            let cloud = Self { url, _folder: folder, process, ended: std::sync::Mutex::new(ended) };
            if cloud.is_ready(health).await {
                return cloud;
            }
        }
        panic!("{program} does not start");
    }

    async fn is_ready(&self, health: &str) -> bool {
        let url = format!("{}{health}", self.url);
        for _ in 0..READY_POLLS {
            if self.ended.lock().unwrap().try_recv().is_ok() {
                return false;
            }
            if super::ready(&url).await {
                return true;
            }
            tokio::time::sleep(POLL).await;
        }
        false
    }

    /// An operation in JSON, as AWS's own programs would ask for it.
    pub async fn call(&self, (service, target): (&str, &str), body: Json) -> Json {
        let version = if service == "sqs" || service == "monitoring" { "1.0" } else { "1.1" };
        let answer = self
            .request(super::client().post(&self.url), service)
            .header("content-type", format!("application/x-amz-json-{version}"))
            .header("x-amz-target", target)
            .body(body.to_string())
            .send()
            .await
            .unwrap();
        let status = answer.status();
        let text = answer.text().await.unwrap();
        assert!(status.is_success(), "{target}: {status} {text}");
        serde_json::from_str(&text).unwrap_or(Json::Null)
    }

    /// A PUT to S3.
    pub async fn put(&self, path: &str, body: &str) {
        let request = super::client().put(format!("{}{path}", self.url));
        let answer = self.request(request, "s3").body(body.to_owned()).send().await.unwrap();
        assert!(answer.status().is_success(), "{path}: {}", answer.status());
    }

    /// Neither of the two checks signatures; the service is taken from its scope.
    fn request(&self, request: reqwest::RequestBuilder, service: &str) -> reqwest::RequestBuilder {
        let scope = format!("AKIDTEST/20260101/us-east-1/{service}/aws4_request");
        let value = format!(
            "AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host;x-amz-date, Signature=0"
        );
        request.header("authorization", value).header("x-amz-date", "20260101T000000Z")
    }

    /// What microburst does from now on.
    pub async fn rules(&self, rules: Json) {
        let url = format!("{}/_microburst/rules", self.url);
        let answer = super::client().post(url).json(&rules).send().await.unwrap();
        assert!(answer.status().is_success(), "{}", answer.text().await.unwrap());
    }

    /// Metrics of one moment.
    #[expect(
        clippy::type_complexity,
        reason = "moment, value, dimensions: read where it is called"
    )]
    pub async fn metric(
        &self,
        namespace: &str,
        name: &str,
        points: &[(i64, f64, &[(&str, &str)])],
    ) {
        for (at, value, dimensions) in points {
            let dimensions: Vec<Json> = dimensions
                .iter()
                .map(|(name, value)| json!({ "Name": name, "Value": value }))
                .collect();
            let datum = json!({
                "MetricName": name, "Timestamp": at, "Value": value, "Dimensions": dimensions,
            });
            let body = json!({ "Namespace": namespace, "MetricData": [datum] });
            self.call(("monitoring", "GraniteServiceVersion20100801.PutMetricData"), body).await;
        }
    }
}

/// Starts it in a thread that waits for its end: the kernel ends the server with the thread that started it.
fn run(program: &'static str, mut command: Command) -> (rustix::process::Pid, mpsc::Receiver<()>) {
    let (started, is_started) = mpsc::channel();
    let (ends, ended) = mpsc::channel();
    std::thread::spawn(move || {
        let mut child = command
            .spawn()
            .unwrap_or_else(|error| panic!("{program}: {error}; see tests/lab/install.sh"));
        started.send(rustix::process::Pid::from_child(&child)).unwrap();
        child.wait().unwrap();
        ends.send(()).ok();
    });
    let process = is_started.recv().unwrap_or_else(|_| panic!("{program} cannot be started"));
    (process, ended)
}

impl Drop for Cloud {
    fn drop(&mut self) {
        if self.ended.lock().unwrap().try_recv().is_err() {
            rustix::process::kill_process(self.process, rustix::process::Signal::KILL).ok();
        }
    }
}
