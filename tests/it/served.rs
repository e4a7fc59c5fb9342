//! The real program, started on a folder that outlives it: started, killed and started again.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::{Value, json};

/// The bearer token that every test server takes alerts by.
pub const TOKEN: &str = "s3cret-of-the-tests";
/// The program itself.
const PROGRAM: &str = env!("CARGO_BIN_EXE_reclose");
/// Polled, not slept: the longest that anything here may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);
const POLL: Duration = Duration::from_millis(25);

/// Configuration, rules and data of one server.
pub struct Place {
    folder: tempfile::TempDir,
    port: u16,
}

impl Place {
    /// `config` is what `reclose.yaml` says beyond the token; `rules` are files by name.
    pub fn new(config: &str, rules: &[(&str, &str)]) -> Self {
        let place = Self::reserve();
        place.fill(config, rules);
        place
    }

    /// A folder and a port, before anybody knows what the configuration says.
    pub fn reserve() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        Self { folder, port }
    }

    pub fn fill(&self, config: &str, rules: &[(&str, &str)]) {
        let token = Self::secret(self.path(), "token", TOKEN);
        std::fs::create_dir(self.path().join("rules")).unwrap();
        for (name, text) in rules {
            std::fs::write(self.path().join("rules").join(name), text).unwrap();
        }
        let own = format!("alertmanager:\n  tokens: [ {{ file: \"{token}\" }} ]\n");
        let config = config.replace("alertmanager:\n", &own);
        let config =
            if config.contains("alertmanager:") { config } else { format!("{own}{config}") };
        std::fs::write(self.path().join("reclose.yaml"), config).unwrap();
    }

    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    pub fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// Writes a secret that only we may read, and says where it lies.
    pub fn secret(folder: &Path, name: &str, text: &str) -> String {
        use std::os::unix::fs::PermissionsExt;
        let path = folder.join(name);
        std::fs::write(&path, text).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
        path.display().to_string()
    }

    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    pub fn webhook(&self) -> String {
        format!("{}/webhooks/alertmanager", self.url())
    }

    /// Starts the program; does not wait until it answers.
    pub fn launch(&self, hooks: &[(&str, &str)]) -> Running {
        self.launch_by(Command::new(PROGRAM), hooks)
    }

    /// Starts the program with its data on a disk of its own, in a mount namespace of its own: such as `8m`.
    pub fn launch_on_small_disk(&self, size: &str) -> Running {
        let mount = "mount -t tmpfs -o \"size=$1,mode=0700\" none \"$2\" && shift 2 && exec \"$@\"";
        std::fs::create_dir(self.data()).unwrap();
        let mut command = Command::new("unshare");
        command.args(["--map-root-user", "--mount", "sh", "-c", mount, "sh", size]);
        command.arg(self.data()).arg(PROGRAM);
        self.launch_by(command, &[])
    }

    fn launch_by(&self, mut command: Command, hooks: &[(&str, &str)]) -> Running {
        let log = std::fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(self.path().join("log"))
            .unwrap();
        let child = command
            .arg("serve")
            .args([Path::new("--config"), &self.path().join("reclose.yaml")])
            .args([Path::new("--rules"), &self.path().join("rules")])
            .args([Path::new("--data"), &self.data()])
            .args(["--listen", &format!("127.0.0.1:{}", self.port)])
            .envs(hooks.iter().copied())
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap();
        Running { child }
    }

    /// Starts the program and waits until it is ready, or has ended at a planted place before that.
    pub async fn start(&self, hooks: &[(&str, &str)]) -> Running {
        let mut running = self.launch(hooks);
        self.ready(&mut running).await;
        assert!(!hooks.is_empty() || !running.ended(), "the server has ended: {}", self.log());
        running
    }

    /// Waits until it is ready, or has ended.
    pub async fn ready(&self, running: &mut Running) {
        let client = client();
        for _ in 0..polls() {
            if running.ended() {
                return;
            }
            let ready = client.get(format!("{}/health/ready", self.url())).send().await;
            if ready.is_ok_and(|answer| answer.status().is_success()) {
                return;
            }
            tokio::time::sleep(POLL).await;
        }
        panic!("the server is not ready: {}", self.log());
    }

    pub fn log(&self) -> String {
        std::fs::read_to_string(self.path().join("log")).unwrap_or_default()
    }

    /// One delivery as Alertmanager sends it; true when it was answered 200.
    pub async fn post(&self, body: &Value) -> bool {
        let sent = client().post(self.webhook()).bearer_auth(TOKEN).json(body).send().await;
        sent.is_ok_and(|answer| answer.status() == 200)
    }

    /// What the program itself says of its incidents.
    pub fn incidents(&self) -> Vec<Value> {
        let out = Command::new(PROGRAM)
            .args(["incidents", "--json", "--all", "--data"])
            .arg(self.data())
            .output()
            .unwrap();
        let text = String::from_utf8(out.stdout).unwrap();
        match serde_json::from_str(&text) {
            Ok(Value::Array(all)) => all,
            Ok(other) => vec![other],
            Err(_) => text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect(),
        }
    }
}

/// A started program; killed by its process id when it is dropped.
pub struct Running {
    child: Child,
}

impl Running {
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    pub fn ended(&mut self) -> bool {
        self.child.try_wait().unwrap().is_some()
    }

    pub fn kill(&mut self) {
        let _gone = self.child.kill();
        let _status = self.child.wait();
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.kill();
    }
}

pub fn signal(pid: u32, signal: rustix::process::Signal) {
    let pid = rustix::process::Pid::from_raw(i32::try_from(pid).unwrap()).unwrap();
    let _gone = rustix::process::kill_process(pid, signal);
}

pub fn client() -> reqwest::Client {
    let _installed = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder().timeout(Duration::from_secs(10)).no_proxy().build().unwrap()
}

fn polls() -> u128 {
    PATIENCE.as_millis() / POLL.as_millis()
}

/// Waits until it is so; false when patience ran out.
pub async fn until(mut so: impl FnMut() -> bool) -> bool {
    for _ in 0..polls() {
        if so() {
            return true;
        }
        tokio::time::sleep(POLL).await;
    }
    false
}

/// A version 4 payload with one alert, as Alertmanager 0.25 sends it.
pub fn payload(labels: &[(&str, &str)], status: &str) -> Value {
    let labels: Value = labels
        .iter()
        .map(|(name, value)| ((*name).to_owned(), json!(value)))
        .collect::<serde_json::Map<_, _>>()
        .into();
    json!({
        "receiver": "reclose", "status": status,
        "alerts": [{
            "status": status, "labels": labels, "annotations": {},
            "startsAt": "2026-01-01T00:00:00Z", "endsAt": "0001-01-01T00:00:00Z", "generatorURL": "",
        }],
        "groupLabels": {}, "commonLabels": labels, "commonAnnotations": {},
        "externalURL": "http://127.0.0.1", "version": "4", "groupKey": "{}:{}", "truncatedAlerts": 0,
    })
}
