//! A real Redis on a free port, with nothing in it; ended by its process id.

use std::process::{Child, Command, Stdio};
use std::time::Duration;

const TRIES: u32 = 20;
const READY_POLLS: u32 = 500;
const POLL: Duration = Duration::from_millis(20);

pub struct Redis {
    pub url: String,
    port: String,
    child: Child,
    _folder: tempfile::TempDir,
}

impl Redis {
    /// The port is free when it is chosen; should another process take it meanwhile, another is tried.
    pub async fn start(arguments: &[&str]) -> Self {
        for _ in 0..TRIES {
            let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
            let port = listener.local_addr().unwrap().port().to_string();
            drop(listener);
            let folder = tempfile::tempdir().unwrap();
            let child = Command::new("redis-server")
                .args(["--bind", "127.0.0.1", "--save", "", "--appendonly", "no"])
                .args(["--port", &port, "--dir", folder.path().to_str().unwrap()])
                .args(arguments)
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .spawn()
                .unwrap_or_else(|error| panic!("redis-server: {error}; see tests/lab/install.sh"));
            let url = format!("redis://127.0.0.1:{port}");
            let mut server = Self { url, port, child, _folder: folder };
            if server.is_ready().await {
                return server;
            }
        }
        panic!("redis-server does not start");
    }

    async fn is_ready(&mut self) -> bool {
        for _ in 0..READY_POLLS {
            if self.child.try_wait().unwrap().is_some() {
                return false;
            }
            // With a password it answers NOAUTH, which is an answer.
            let said = self.say(&["PING"]);
            if said.contains("PONG") || said.contains("NOAUTH") {
                return true;
            }
            tokio::time::sleep(POLL).await;
        }
        false
    }

    /// What its own command line client is answered.
    pub fn say(&self, words: &[&str]) -> String {
        let client = Command::new("redis-cli")
            .args(["-p", &self.port])
            .args(words)
            .stdin(Stdio::null())
            .stderr(Stdio::null())
            .output()
            .unwrap_or_else(|error| panic!("redis-cli: {error}; see tests/lab/install.sh"));
        String::from_utf8_lossy(&client.stdout).into_owned()
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}
