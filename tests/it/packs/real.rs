//! Proves that packs read the real thing: real libraries and proxies are tripped and healed, scraped by a real Prometheus.

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::any;
use reclose::core::evidence::Value;
use reclose::core::incident::Breaker;
use reclose::core::rule::{BreakerState, RuleSet};
use reclose::systems::{Endpoints, Systems};
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::{rule, states, targets};
use crate::evidence::{ask, endpoint, reading, systems};
use crate::rules::folder::Folder;
use crate::servers::{Prometheus, client};

/// Longer than Caddy takes to renew its gauge, and than the steps by which the last event is found, on a busy machine.
const PATIENCE: Duration = Duration::from_secs(90);

/// What all of them call: well, or 503; `/hang` takes its time.
async fn upstream() -> (u16, Arc<AtomicBool>) {
    let well = Arc::new(AtomicBool::new(true));
    let answer = |State(well): State<Arc<AtomicBool>>, request: axum::extract::Request| async move {
        if request.uri().path() == "/hang" {
            tokio::time::sleep(PATIENCE).await;
        }
        if well.load(Ordering::SeqCst) { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE }
    };
    let router = Router::new().fallback(any(answer)).with_state(Arc::clone(&well));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    (port, well)
}

/// A process of this test, ended by its own id.
struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        let _gone = self.0.kill();
        let _status = self.0.wait();
    }
}

/// A program that tells its port in its first line and ends with its standard input.
fn library(program: &str, script: &str) -> (Process, u16) {
    let mut child = Command::new(program)
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join(script))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("{program}: {error}; see tests/lab/install.sh"));
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let told: serde_json::Value =
        serde_json::from_str(&line).unwrap_or_else(|_| panic!("{script} did not start"));
    (Process(child), u16::try_from(told["port"].as_u64().unwrap()).unwrap())
}

/// A proxy with its own configuration, in its own folder.
fn proxy(program: &Path, arguments: &[&str], folder: &Path) -> Process {
    let log = std::fs::File::create(folder.join("log")).unwrap();
    let child = Command::new(program)
        .args(arguments)
        .current_dir(folder)
        .env("HOME", folder)
        .env("XDG_CONFIG_HOME", folder)
        .env("XDG_DATA_HOME", folder)
        .stdin(Stdio::null())
        .stdout(log.try_clone().unwrap())
        .stderr(log)
        .spawn();
    let hint = "see tests/lab/install.sh";
    Process(child.unwrap_or_else(|error| panic!("{}: {error}; {hint}", program.display())))
}

fn free_ports<const N: usize>() -> [u16; N] {
    let open: Vec<_> =
        (0..N).map(|_| std::net::TcpListener::bind("127.0.0.1:0").unwrap()).collect();
    std::array::from_fn(|index| open[index].local_addr().unwrap().port())
}

fn rules(breakers: &[(&str, &str, String)]) -> RuleSet {
    let folder = Folder::empty();
    folder.write("targets.yaml", &targets(breakers.iter().map(|(name, ..)| *name)));
    for (name, pack, with) in breakers {
        folder.write(&format!("{name}.yaml"), &rule(name, pack, with));
    }
    folder.load()
}

async fn prometheus(pages: &[(&str, String)]) -> crate::servers::Server {
    let jobs = pages.iter().map(|(job, address)| {
        let (host, path) = address.split_once('/').unwrap();
        format!("  - {{ job_name: {job}, metrics_path: /{path}, static_configs: [ {{ targets: [\"{host}\"] }} ] }}\n")
    });
    let config = format!(
        "global: {{ scrape_interval: 1s, scrape_timeout: 1s }}\nscrape_configs:\n{}",
        jobs.collect::<String>()
    );
    Prometheus::start(&config, &[]).await
}

/// Waits until every breaker is seen as it should be; `meanwhile` keeps calls flowing.
async fn seen(
    (asks, rules): (&Systems, &RuleSet),
    expected: &[(&str, BreakerState)],
    meanwhile: &[String],
) {
    let begun = tokio::time::Instant::now();
    loop {
        for url in meanwhile {
            let _refused = client().post(url).send().await;
        }
        let names = expected.iter().map(|(name, _)| (*name).to_owned());
        let read = states(asks, rules, names).await;
        let wrong: Vec<_> = expected.iter().filter(|(name, state)| read[*name] != *state).collect();
        if wrong.is_empty() {
            println!("as expected after {:.1} s: {expected:?}", begun.elapsed().as_secs_f64());
            return;
        }
        assert!(begun.elapsed() < PATIENCE, "expected {wrong:?}, read {read:?}");
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn real_libraries_are_read_as_they_are() {
    let python = concat!(env!("CARGO_MANIFEST_DIR"), "/target/venv/bin/python");
    let (_node, node) = library("node", "tests/lab/libraries.js");
    let (_python, python) = library(python, "tests/lab/libraries.py");
    let pages = [node, python].map(|port| format!("127.0.0.1:{port}/metrics"));
    let [first, second] = pages.clone();
    let prometheus = prometheus(&[("node", first), ("python", second)]).await;
    let asks = systems(Endpoints { prometheus: endpoint(&prometheus.url), ..Endpoints::default() });
    let names = ["cockatiel", "opossum", "pybreaker"];
    let rules = rules(&names.map(|name| (name, name, String::new())));
    let to = |order: &str| [node, python].map(|port| format!("http://127.0.0.1:{port}/{order}"));
    let tell = async |order: &str| {
        for url in to(order) {
            client().post(url).send().await.unwrap();
        }
    };
    let all = |state| names.map(|name| (name, state));

    tell("call?times=3").await;
    seen((&asks, &rules), &all(BreakerState::Closed), &[]).await;
    // Refused calls keep coming: an open breaker that tries again fails again.
    tell("upstream?ok=false").await;
    tell("call?times=6").await;
    seen((&asks, &rules), &all(BreakerState::Open), &to("call?times=2")).await;
    tell("upstream?ok=true").await;
    seen((&asks, &rules), &all(BreakerState::Closed), &to("call?times=2")).await;
    // A second trip is no news for counters that exist already.
    tell("upstream?ok=false").await;
    tell("call?times=30").await;
    seen((&asks, &rules), &all(BreakerState::Open), &to("call?times=2")).await;
    // Nor is a second recovery. opossum opens and closes here within one step of its query: calls since then tell which came later.
    tell("upstream?ok=true").await;
    seen((&asks, &rules), &all(BreakerState::Closed), &to("call?times=2")).await;
    client().post(&to("isolate")[0]).send().await.unwrap();
    seen((&asks, &rules), &[("cockatiel", BreakerState::Held)], &[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn real_proxies_are_read_as_they_are() {
    let (port, well) = upstream().await;
    let [envoy_in, haproxy_metrics, caddy_admin, caddy_in] = free_ports();
    let folder = tempfile::tempdir().unwrap();
    let in_folder = |name: &str, file: &str, text: String| {
        let own = folder.path().join(name);
        std::fs::create_dir(&own).unwrap();
        std::fs::write(own.join(file), text).unwrap();
        own
    };
    let filled = |text: &str, listen: u16| {
        text.replace("UPSTREAM", &port.to_string()).replace("LISTEN", &listen.to_string())
    };
    let envoy = in_folder("envoy", "envoy.yaml", filled(ENVOY, envoy_in));
    let haproxy = in_folder("haproxy", "haproxy.cfg", filled(HAPROXY, haproxy_metrics));
    let caddyfile = filled(CADDY, caddy_in).replace("ADMIN", &caddy_admin.to_string());
    let caddy = in_folder("caddy", "Caddyfile", caddyfile);
    let program = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("target/venv/bin/envoy");
    let arguments = ["-c", "envoy.yaml", "--use-dynamic-base-id", "--admin-address-path", "admin"];
    let _proxies = [
        proxy(&program, &arguments, &envoy),
        proxy(Path::new("/usr/sbin/haproxy"), &["-db", "-f", "haproxy.cfg"], &haproxy),
        proxy(Path::new("caddy"), &["run", "--config", "Caddyfile"], &caddy),
    ];
    let envoy_admin = told(&envoy.join("admin")).await;
    let prometheus = prometheus(&[
        ("envoy", format!("{envoy_admin}/stats/prometheus")),
        ("haproxy", format!("127.0.0.1:{haproxy_metrics}/metrics")),
        ("caddy", format!("127.0.0.1:{caddy_admin}/metrics")),
    ])
    .await;
    let asks = systems(Endpoints { prometheus: endpoint(&prometheus.url), ..Endpoints::default() });
    let cluster = "{ cluster: shop }".to_owned();
    let rules = rules(&[
        ("envoy-outlier", "envoy-outlier", cluster.clone()),
        ("envoy-thresholds", "envoy-thresholds", cluster),
        ("haproxy", "haproxy", "{ backend: shop }".to_owned()),
        ("haproxy-server", "haproxy-server", "{ backend: shop, server: shop-1 }".to_owned()),
        ("caddy", "caddy", format!("{{ upstream: \"127.0.0.1:{port}\" }}")),
    ]);
    let judges = ["envoy-outlier", "haproxy", "haproxy-server", "caddy"];
    let all = |state| judges.map(|name| (name, state));
    let calls = [envoy_in, caddy_in].map(|port| format!("http://127.0.0.1:{port}/"));

    seen((&asks, &rules), &all(BreakerState::Closed), &calls).await;
    seen((&asks, &rules), &[("envoy-thresholds", BreakerState::Closed)], &[]).await;
    well.store(false, Ordering::SeqCst);
    seen((&asks, &rules), &all(BreakerState::Open), &calls).await;
    well.store(true, Ordering::SeqCst);
    seen((&asks, &rules), &all(BreakerState::Closed), &calls).await;

    // One request at once is the limit: while it hangs, the capacity breaker is open, and nothing is broken.
    let hangs = tokio::spawn(client().get(format!("{}hang", calls[0])).send());
    seen((&asks, &rules), &[("envoy-thresholds", BreakerState::Open)], &[]).await;
    hangs.abort();
    seen((&asks, &rules), &[("envoy-thresholds", BreakerState::Closed)], &[]).await;
}

/// nginx has no metric: what a log shipper would count is counted here, in its real log.
#[tokio::test(flavor = "multi_thread")]
async fn a_real_nginx_is_read_by_its_log() {
    let [listen, nobody, nobody_else] = free_ports();
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("tmp")).unwrap();
    let text = NGINX
        .replace("LISTEN", &listen.to_string())
        .replace("NOBODY_ELSE", &nobody_else.to_string())
        .replace("NOBODY", &nobody.to_string());
    std::fs::write(folder.path().join("nginx.conf"), text).unwrap();
    let log = folder.path().join("error.log");
    std::fs::write(&log, "").unwrap();
    let own = format!("{}/", folder.path().display());
    let arguments = ["-p", &own, "-c", "nginx.conf", "-e", "error.log"];
    let _nginx = proxy(Path::new("/usr/sbin/nginx"), &arguments, folder.path());
    let page = {
        let log = log.clone();
        move || async move {
            let refused = std::fs::read_to_string(&log).unwrap();
            let refused = refused.matches("no live upstreams").count();
            format!("promtail_custom_nginx_no_live_upstreams_total {refused}\n")
        }
    };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let shipper = listener.local_addr().unwrap();
    let router = Router::new().route("/metrics", axum::routing::get(page));
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    let prometheus = prometheus(&[("shipper", format!("{shipper}/metrics"))]).await;
    let asks = systems(Endpoints { prometheus: endpoint(&prometheus.url), ..Endpoints::default() });
    let with = format!("{{ job: shipper, log: \"{}\" }}", log.display());
    let rules = rules(&[("nginx", "nginx", with)]);

    seen((&asks, &rules), &[("nginx", BreakerState::Closed)], &[]).await;
    let calls = [format!("http://127.0.0.1:{listen}/")];
    seen((&asks, &rules), &[("nginx", BreakerState::Open)], &calls).await;
    // The lines before the echo tell the cause.
    let breaker = Breaker { rule: "nginx".to_owned(), target: "nginx".to_owned() };
    let errors = rules.rule(&breaker).unwrap().evidence[0].ask.clone();
    let Value::Lines { lines, .. } = reading(ask(&asks, errors).await).value else { panic!() };
    assert!(lines.iter().any(|line| line.text.contains("connect() failed (111")), "{lines:?}");
}

/// What a program has written down, once it has.
async fn told(path: &Path) -> String {
    for _ in 0..600 {
        match std::fs::read_to_string(path) {
            Ok(text) if !text.is_empty() => return text.trim().to_owned(),
            _ => tokio::time::sleep(Duration::from_millis(50)).await,
        }
    }
    let log = std::fs::read_to_string(path.with_file_name("log")).unwrap_or_default();
    panic!("{} is not written: {log}", path.display());
}

const ENVOY: &str = r#"
admin: { address: { socket_address: { address: 127.0.0.1, port_value: 0 } } }
static_resources:
  listeners:
    - name: in
      address: { socket_address: { address: 127.0.0.1, port_value: LISTEN } }
      filter_chains:
        - filters:
            - name: envoy.filters.network.http_connection_manager
              typed_config:
                "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
                stat_prefix: in
                route_config:
                  virtual_hosts:
                    - { name: all, domains: ["*"], routes: [ { match: { prefix: / }, route: { cluster: shop, timeout: 0s } } ] }
                http_filters:
                  - { name: router, typed_config: { "@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router } }
  clusters:
    - name: shop
      connect_timeout: 1s
      type: STATIC
      load_assignment:
        cluster_name: shop
        endpoints: [ { lb_endpoints: [ { endpoint: { address: { socket_address: { address: 127.0.0.1, port_value: UPSTREAM } } } } ] } ]
      circuit_breakers: { thresholds: [ { max_requests: 1 } ] }
      outlier_detection: { consecutive_5xx: 3, interval: 0.2s, base_ejection_time: 5s, max_ejection_percent: 100 }
      common_lb_config: { healthy_panic_threshold: { value: 0 } }
"#;

const HAPROXY: &str = "
global
  log stdout format raw local0
defaults
  mode http
  timeout connect 1s
  timeout client 5s
  timeout server 5s
frontend metrics
  bind 127.0.0.1:LISTEN
  http-request use-service prometheus-exporter if { path /metrics }
  default_backend shop
backend shop
  option httpchk GET /health
  default-server check inter 200ms fall 1 rise 1
  server shop-1 127.0.0.1:UPSTREAM
";

const CADDY: &str = "{
  admin 127.0.0.1:ADMIN
  auto_https off
  servers {
    metrics
  }
}
http://127.0.0.1:LISTEN {
  reverse_proxy 127.0.0.1:UPSTREAM {
    health_uri /health
    health_interval 200ms
  }
}
";

/// With a single server nginx never says that none is left.
const NGINX: &str = "
daemon off;
master_process off;
pid nginx.pid;
error_log error.log;
events {}
http {
  access_log off;
  client_body_temp_path tmp;
  proxy_temp_path tmp;
  fastcgi_temp_path tmp;
  uwsgi_temp_path tmp;
  scgi_temp_path tmp;
  upstream shop {
    server 127.0.0.1:NOBODY;
    server 127.0.0.1:NOBODY_ELSE;
  }
  server {
    listen 127.0.0.1:LISTEN;
    location / { proxy_pass http://shop; }
  }
}
";
