//! A real `VictoriaMetrics` on a free port, with a scrape configuration; ended by its process id.

use std::process::{Child, Command, Stdio};
use std::time::Duration;

const TRIES: u32 = 20;
const READY_POLLS: u32 = 1500;
const POLL: Duration = Duration::from_millis(20);

pub struct VictoriaMetrics {
    pub url: String,
    child: Child,
    _folder: tempfile::TempDir,
}

impl VictoriaMetrics {
    /// The port is free when it is chosen; should another process take it meanwhile, another is tried.
    pub async fn start(config: &str) -> Self {
        for _ in 0..TRIES {
            let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
            let address = listener.local_addr().unwrap().to_string();
            drop(listener);
            let folder = tempfile::tempdir().unwrap();
            let at = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
            std::fs::write(at("scrape.yml"), config).unwrap();
            let child = Command::new("victoria-metrics")
                .arg(format!("-storageDataPath={}", at("data")))
                .arg(format!("-httpListenAddr={address}"))
                .arg(format!("-promscrape.config={}", at("scrape.yml")))
                // Otherwise what was scraped is hidden for 30 s.
                .args(["-search.latencyOffset=0s", "-memory.allowedBytes=64MB"])
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .spawn()
                .unwrap_or_else(|error| {
                    panic!("victoria-metrics: {error}; see tests/lab/install.sh")
                });
            let mut server = Self { url: format!("http://{address}"), child, _folder: folder };
            if server.is_ready().await {
                return server;
            }
        }
        panic!("victoria-metrics does not start");
    }

    async fn is_ready(&mut self) -> bool {
        for _ in 0..READY_POLLS {
            if self.child.try_wait().unwrap().is_some() {
                return false;
            }
            if super::ready(&format!("{}/health", self.url)).await {
                return true;
            }
            tokio::time::sleep(POLL).await;
        }
        false
    }
}

impl Drop for VictoriaMetrics {
    fn drop(&mut self) {
        let pid = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).ok();
        self.child.wait().ok();
    }
}
