//! Real servers on free ports of this machine, each ended by its process id when it is dropped.
//!
//! Never uses a running server, and never leaves one behind.

pub mod aws;
pub mod azure;
mod docker;
mod postgres;
mod redis;
mod victoria;

pub use docker::Docker;
pub use postgres::Postgres;
pub use redis::Redis;
pub use victoria::VictoriaMetrics;

use std::fs::File;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// Polled, not slept: the longest that a server may take to answer on a busy machine.
const READY_POLLS: u32 = 1500;
const POLL: Duration = Duration::from_millis(20);
/// After SIGTERM; then SIGKILL.
const STOP_POLLS: u32 = 250;

/// A process with its data, its log and its address.
pub struct Server {
    pub url: String,
    program: &'static str,
    arguments: Vec<String>,
    child: Option<Child>,
    folder: tempfile::TempDir,
}

impl Server {
    /// `arguments` may name `{folder}`; the server must take `--web.listen-address`.
    async fn start(program: &'static str, files: &[(&str, &str)], arguments: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        for (name, content) in files {
            std::fs::write(folder.path().join(name), content).unwrap();
        }
        let at = folder.path().to_str().unwrap();
        let arguments = arguments.iter().map(|one| one.replace("{folder}", at)).collect();
        let mut server = Self { url: String::new(), program, arguments, child: None, folder };
        server.launch("127.0.0.1:0").await;
        server
    }

    async fn launch(&mut self, listen: &str) {
        let log = File::create(self.log_path()).unwrap();
        let child = Command::new(self.program)
            .args(&self.arguments)
            .arg(format!("--web.listen-address={listen}"))
            .current_dir(self.folder.path())
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap_or_else(|error| panic!("{}: {error}; see tests/lab/install.sh", self.program));
        self.child = Some(child);
        let mut address = None;
        for _ in 0..READY_POLLS {
            address = address.or_else(|| listening(&self.log()));
            if let Some(address) = &address
                && ready(&format!("http://{address}/-/ready")).await
            {
                self.url = format!("http://{address}");
                return;
            }
            let ended = self.child.as_mut().and_then(|child| child.try_wait().unwrap());
            assert!(ended.is_none(), "{} ended: {}", self.program, self.log());
            tokio::time::sleep(POLL).await;
        }
        panic!("{} is not ready: {}", self.program, self.log());
    }

    fn log_path(&self) -> PathBuf {
        self.folder.path().join("server.log")
    }

    pub fn log(&self) -> String {
        std::fs::read_to_string(self.log_path()).unwrap_or_default()
    }

    /// Host and port, as a configuration wants them.
    pub fn address(&self) -> &str {
        self.url.trim_start_matches("http://")
    }

    /// Stops and starts again at the same address with the same data.
    pub async fn restart(&mut self) {
        let address = self.address().to_owned();
        self.stop();
        self.launch(&address).await;
    }

    /// Stops the process as its operators would, so that it can write down what it knows.
    pub fn stop(&mut self) {
        let Some(mut child) = self.child.take() else { return };
        self.signal_child(&child, rustix::process::Signal::TERM);
        for _ in 0..STOP_POLLS {
            if child.try_wait().unwrap().is_some() {
                return;
            }
            std::thread::sleep(POLL);
        }
        child.kill().unwrap();
        child.wait().unwrap();
    }

    /// Stops the process where it stands, and returns when all its threads stand.
    pub fn freeze(&self) {
        self.signal(rustix::process::Signal::STOP);
        let pid = self.child.as_ref().map_or(0, Child::id);
        for _ in 0..READY_POLLS {
            let tasks = std::fs::read_dir(format!("/proc/{pid}/task")).unwrap();
            let stands = |task: std::io::Result<std::fs::DirEntry>| {
                let stat = std::fs::read_to_string(task.unwrap().path().join("stat")).unwrap();
                stat.rsplit(") ").next().unwrap().starts_with('T')
            };
            let mut tasks = tasks;
            if tasks.all(stands) {
                return;
            }
            std::thread::sleep(POLL);
        }
        panic!("{} does not stop", self.program);
    }

    pub fn thaw(&self) {
        self.signal(rustix::process::Signal::CONT);
    }

    fn signal(&self, signal: rustix::process::Signal) {
        if let Some(child) = &self.child {
            self.signal_child(child, signal);
        }
    }

    fn signal_child(&self, child: &Child, signal: rustix::process::Signal) {
        let pid = rustix::process::Pid::from_child(child);
        rustix::process::kill_process(pid, signal)
            .unwrap_or_else(|error| panic!("{} {pid:?}: {error}", self.program));
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.thaw();
        self.stop();
    }
}

/// The address in a line such as `msg="Listening on" address=127.0.0.1:36677`.
fn listening(log: &str) -> Option<String> {
    let line = log.lines().find(|line| line.contains(r#"msg="Listening on""#))?;
    let after = line.split("address=").nth(1)?;
    Some(after.split_whitespace().next()?.to_owned())
}

async fn ready(url: &str) -> bool {
    client().get(url).send().await.is_ok_and(|answer| answer.status().is_success())
}

/// A plain client for tests to speak to these servers.
pub fn client() -> reqwest::Client {
    drop(rustls::crypto::ring::default_provider().install_default());
    let timeout = Duration::from_secs(10);
    reqwest::Client::builder().no_proxy().timeout(timeout).build().unwrap()
}

pub struct Prometheus;

impl Prometheus {
    /// With `prometheus.yml`, and other files that it names.
    pub async fn start(config: &str, files: &[(&str, &str)]) -> Server {
        let files: Vec<_> = [("prometheus.yml", config)].iter().chain(files).copied().collect();
        let arguments = [
            "--config.file={folder}/prometheus.yml",
            "--storage.tsdb.path={folder}/data",
            "--rules.alert.resend-delay=1s",
        ];
        Server::start("prometheus", &files, &arguments).await
    }
}

pub struct Alertmanager;

impl Alertmanager {
    /// Debian's name, or upstream's.
    fn program() -> &'static str {
        let debian = std::path::Path::new("/usr/bin/prometheus-alertmanager").exists();
        if debian { "prometheus-alertmanager" } else { "alertmanager" }
    }

    /// One alone.
    pub async fn start(config: &str) -> Server {
        Self::member(config, &["--cluster.listen-address="]).await
    }

    /// Two that gossip. The second waits `peer-timeout` before it notifies.
    pub async fn pair(config: &str) -> [Server; 2] {
        let quick = [
            "--cluster.listen-address=127.0.0.1:0",
            "--cluster.gossip-interval=50ms",
            "--cluster.pushpull-interval=1s",
            "--cluster.peer-timeout=2s",
        ];
        let first = Self::member(config, &quick).await;
        let peer = cluster(&first.url).await["peers"][0]["address"].as_str().unwrap().to_owned();
        let joins = format!("--cluster.peer={peer}");
        let second = Self::member(config, &[&quick[..], &[joins.as_str()]].concat()).await;
        for _ in 0..READY_POLLS {
            if cluster(&first.url).await["peers"].as_array().is_some_and(|peers| peers.len() == 2) {
                return [first, second];
            }
            tokio::time::sleep(POLL).await;
        }
        panic!("the two do not find each other: {} {}", first.log(), second.log());
    }

    async fn member(config: &str, arguments: &[&str]) -> Server {
        let own = ["--config.file={folder}/alertmanager.yml", "--storage.path={folder}/data"];
        let arguments = [&own[..], arguments].concat();
        Server::start(Self::program(), &[("alertmanager.yml", config)], &arguments).await
    }
}

async fn cluster(url: &str) -> serde_json::Value {
    let status = client().get(format!("{url}/api/v2/status")).send().await.unwrap();
    status.json::<serde_json::Value>().await.unwrap()["cluster"].clone()
}
