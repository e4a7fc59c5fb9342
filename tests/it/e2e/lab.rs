//! The whole lab of one run: a real breaker, real Prometheus, real Alertmanager, reclose itself, and the fake Slack.

use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use serde_json::Value;

use crate::served::{Place, Running, TOKEN, client};
use crate::servers::{Alertmanager, Prometheus, Server};
use crate::slack::fake::{self, FakeSlack, Message};

const RESET_TOKEN: &str = "lab-reset-token";

/// A service with a real opossum breaker; it ends with its standard input.
pub struct App {
    child: Child,
    pub url: String,
    pub log: PathBuf,
}

impl App {
    /// `reset_timeout_ms`: after so long opossum tries again by itself.
    pub fn start(folder: &std::path::Path, reset_timeout_ms: u32) -> Self {
        let log = folder.join("payments.log");
        let mut child = Command::new("node")
            .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/lab/breaker-app.js"))
            .args([
                "--name",
                "payments",
                "--traffic-ms",
                "100",
                "--exit-with-stdin",
                "--token",
                RESET_TOKEN,
            ])
            .args(["--reset-timeout-ms", &reset_timeout_ms.to_string(), "--log"])
            .arg(&log)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("node is missing: see tests/lab/install.sh");
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let told: Value = serde_json::from_str(&line)
            .expect("the breaker service did not start: see tests/lab/install.sh");
        Self { child, url: format!("http://127.0.0.1:{}", told["app"]), log }
    }

    /// What the upstream answers from now on.
    pub async fn mode(&self, query: &str) {
        let answer = client().post(format!("{}/mode?{query}", self.url)).send().await.unwrap();
        assert!(answer.status().is_success(), "the breaker service refused `{query}`");
    }

    pub async fn get(&self, path: &str) -> Value {
        client().get(format!("{}{path}", self.url)).send().await.unwrap().json().await.unwrap()
    }
}

impl Drop for App {
    fn drop(&mut self) {
        let _gone = self.child.kill();
        let _status = self.child.wait();
    }
}

pub struct Lab {
    pub app: App,
    pub slack: FakeSlack,
    pub place: Place,
    pub alertmanagers: Vec<Server>,
    _prometheus: Server,
    _reclose: Running,
}

impl Lab {
    /// `members`: one Alertmanager, or a pair in HA.
    pub async fn start(name: &str, reset_timeout_ms: u32, members: usize) -> Self {
        let folder = tempfile::tempdir().unwrap().keep();
        let app = App::start(&folder, reset_timeout_ms);
        let slack = FakeSlack::start(name).await;
        let slack_token = Place::secret(&folder, "slack-token", fake::TOKEN);
        let reset_token = Place::secret(&folder, "reset-token", RESET_TOKEN);
        let place = Place::reserve();
        let alertmanager =
            ALERTMANAGER.replace("WEBHOOK", &place.webhook()).replace("TOKEN", TOKEN);
        let alertmanagers: Vec<Server> = if members == 2 {
            Alertmanager::pair(&alertmanager).await.into()
        } else {
            vec![Alertmanager::start(&alertmanager).await]
        };
        let addresses: Vec<String> =
            alertmanagers.iter().map(|server| format!("\"{}\"", server.address())).collect();
        let prometheus = PROMETHEUS
            .replace("ALERTMANAGERS", &addresses.join(", "))
            .replace("APP", app.url.trim_start_matches("http://"));
        let prometheus =
            Prometheus::start(&prometheus, &[("rules.yml", include_str!("../../lab/rules.yml"))])
                .await;
        let config = format!(
            "settle: 1s\nprometheus: {{ url: \"{}\" }}\nslack:\n  token: {{ file: \"{slack_token}\" }}\n  \
             channel: \"{}\"\n  api_url: \"{}\"\n",
            prometheus.url,
            fake::CHANNEL,
            slack.api_url
        );
        let rule = RULE
            .replace("RESET_TOKEN", &reset_token)
            .replace("LOG", &app.log.display().to_string());
        let targets = TARGETS.replace("URL", &app.url);
        place.fill(&config, &[("payments.yaml", &rule), ("targets.yaml", &targets)]);
        let reclose = place.start(&[]).await;
        Self { app, slack, place, alertmanagers, _prometheus: prometheus, _reclose: reclose }
    }

    pub fn roots(&self) -> Vec<Message> {
        self.slack.messages().into_iter().filter(|message| message.thread_ts.is_none()).collect()
    }

    pub fn thread(&self) -> Vec<Message> {
        self.slack.messages().into_iter().filter(|message| message.thread_ts.is_some()).collect()
    }

    /// Waits until the root message says so.
    pub async fn root_says(&self, word: &str) {
        let said = || {
            self.roots()
                .iter()
                .any(|root| format!("{} {}", root.text, root.blocks).to_lowercase().contains(word))
        };
        for _ in 0..1_800 {
            if said() {
                return;
            }
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
        panic!(
            "the root never said `{word}`: {:#?}\n{:#?}\n{}",
            self.roots(),
            self.place.incidents(),
            self.place.log()
        );
    }
}

const PROMETHEUS: &str = r#"
global: { scrape_interval: 1s, evaluation_interval: 1s }
alerting: { alertmanagers: [ { static_configs: [ { targets: [ALERTMANAGERS] } ] } ] }
rule_files: [rules.yml]
scrape_configs: [ { job_name: breaker, static_configs: [ { targets: ["APP"] } ] } ]
"#;

const ALERTMANAGER: &str = r#"
global: { resolve_timeout: 10s }
route: { receiver: reclose, group_by: [alertname, name], group_wait: 1s, group_interval: 2s, repeat_interval: 1m }
receivers:
  - name: reclose
    webhook_configs:
      - url: WEBHOOK
        send_resolved: true
        http_config: { authorization: { type: Bearer, credentials: TOKEN } }
"#;

/// One rule for all three runs.
const RULE: &str = r#"version: 1
breaker: payments
summary: Payments, through a real breaker
mode: auto
targets: [payments]
target_from: { label: name }
match:
  - alertmanager: { alertname: CircuitBreakerOpen }
state:
  prometheus: 'max by (name) (breaker_state{name="{target}"})'
  max_age: 15s
  means: { 0: closed, 1: open, 2: half_open }
kind: self
recovery: { half_open_after: 3s }
evidence:
  statuses:
    prometheus: 'sum by (status) (increase(upstream_responses_total{name="{target}"}[30s]))'
  errors:
    log_file: { path: "LOG", last_lines: 50 }
  upstream: { probe: health }
ladder:
  rate_limited:
    - { wait: retry_after, at_most: 30s }
    - { wait: half_open }
    - escalate
  upstream_5xx:
    - { do: reset, when: { gone: true }, within: 40s }
    - escalate
  auth:
    - ask: The upstream refuses our credentials. Renew them; a reset would only open the breaker again.
  otherwise: [ escalate ]
actions:
  reset:
    http: { post: "{app}/admin/circuit-breaker/reset", bearer: { file: "RESET_TOKEN" }, timeout: 5s }
    observe: { get: "{app}/state", pointer: /last_reset/decision, timeout: 2s }
    guards: { cooldown: 1m }
verify:
  hold: 4s
  within: 40s
  every: 1s
  all: [ { state: closed }, { healthy: upstream }, alert_resolved ]
escalate:
  - { when: always, to: [ { slack: "<!subteam^S0ONCALL>" } ] }
probes:
  health:
    every: 1s
    http: { get: "{app}/health", timeout: 1s }
    hold: 3s
updates: { every: 15m }
"#;

const TARGETS: &str = r#"version: 1
targets:
  payments: { ceiling: auto, group: payments, owner: "@payments-oncall", vars: { app: "URL" } }
"#;
