//! A real Docker Engine of its own: no bridge, no firewall rules, one image made of busybox. Ended by its process id.
//!
//! It needs root and control groups, as every Docker Engine does; where it cannot start, the test fails and says why.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

const READY_POLLS: u32 = 1500;
const POLL: Duration = Duration::from_millis(20);
const STOP_POLLS: u32 = 500;

pub struct Docker {
    pub socket: PathBuf,
    child: Child,
    folder: tempfile::TempDir,
}

impl Docker {
    pub async fn start() -> Self {
        // Sockets have short paths.
        let folder = tempfile::Builder::new().prefix("rd").tempdir_in("/tmp").unwrap();
        let at = |name: &str| folder.path().join(name);
        let log = File::create(at("log")).unwrap();
        let child = Command::new(program("dockerd"))
            .arg("-H")
            .arg(format!("unix://{}", at("s").display()))
            .arg("--data-root")
            .arg(at("data"))
            .arg("--exec-root")
            .arg(at("exec"))
            .arg("-p")
            .arg(at("pid"))
            .args(["--iptables=false", "--ip6tables=false", "--bridge=none", "--ip-forward=false"])
            .args(["--ip-masq=false", "--storage-driver", "vfs", "-l", "warn"])
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap_or_else(|error| panic!("dockerd: {error}; see tests/lab/install.sh"));
        let mut engine = Self { socket: at("s"), child, folder };
        for _ in 0..READY_POLLS {
            if let Some(ended) = engine.child.try_wait().unwrap() {
                panic!(
                    "dockerd ended ({ended}); it needs root and control groups: {}",
                    engine.log()
                );
            }
            if engine.try_run(&["version"]).is_ok() {
                engine.image();
                return engine;
            }
            tokio::time::sleep(POLL).await;
        }
        panic!("dockerd is not ready: {}", engine.log());
    }

    /// `small:1`: busybox as a shell, and the few things that tests do.
    fn image(&self) {
        let root = self.folder.path().join("root");
        for name in ["bin", "tmp", "etc", "proc", "sys", "dev"] {
            std::fs::create_dir_all(root.join(name)).unwrap();
        }
        std::fs::copy(program("busybox"), root.join("bin/busybox")).unwrap();
        for name in
            ["sh", "sleep", "echo", "cat", "test", "seq", "touch", "rm", "tail", "head", "tr"]
        {
            std::os::unix::fs::symlink("busybox", root.join("bin").join(name)).unwrap();
        }
        let tar = self.folder.path().join("root.tar");
        let packed =
            Command::new("tar").arg("-C").arg(&root).arg("-cf").arg(&tar).arg(".").status();
        assert!(packed.unwrap().success(), "tar");
        self.run(&["import", tar.to_str().unwrap(), "small:1"]);
    }

    /// A container of this name that runs the script, without network and without limits of its own.
    pub fn container(&self, name: &str, options: &[&str], script: &str) {
        let fixed =
            ["run", "-d", "--name", name, "--network", "host", "--ulimit", "nofile=4096:4096"];
        let runs = ["small:1", "/bin/sh", "-c", script];
        self.run(&[&fixed[..], options, &runs[..]].concat());
    }

    /// What its own command line client says.
    pub fn run(&self, arguments: &[&str]) -> String {
        self.try_run(arguments)
            .unwrap_or_else(|error| panic!("docker {arguments:?}: {error}\n{}", self.log()))
    }

    fn try_run(&self, arguments: &[&str]) -> Result<String, String> {
        let done = Command::new("docker")
            .env("DOCKER_HOST", format!("unix://{}", self.socket.display()))
            .args(arguments)
            .stdin(Stdio::null())
            .output()
            .unwrap_or_else(|error| panic!("docker: {error}; see tests/lab/install.sh"));
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        if done.status.success() { Ok(text(&done.stdout)) } else { Err(text(&done.stderr)) }
    }

    /// Waits until `format` of the container is one of these.
    pub async fn until(&self, container: &str, format: &str, wanted: &[&str]) {
        for _ in 0..READY_POLLS {
            let said = self.run(&["inspect", "-f", format, container]);
            if wanted.contains(&said.trim()) {
                return;
            }
            tokio::time::sleep(POLL).await;
        }
        panic!("{container}: {}", self.run(&["inspect", container]));
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }
}

impl Drop for Docker {
    fn drop(&mut self) {
        if let Ok(all) = self.try_run(&["ps", "-aq"]) {
            let all: Vec<&str> = all.split_whitespace().collect();
            if !all.is_empty() {
                self.try_run(&[&["rm", "-f"][..], &all].concat()).ok();
            }
        }
        let pid = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).ok();
        for _ in 0..STOP_POLLS {
            if self.child.try_wait().ok().flatten().is_some() {
                return;
            }
            std::thread::sleep(POLL);
        }
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// Where Debian puts what a user's PATH seldom has.
fn program(name: &str) -> PathBuf {
    let places = ["/usr/sbin", "/usr/bin", "/bin", "/usr/local/bin"];
    let found = places.iter().map(|place| Path::new(place).join(name)).find(|path| path.exists());
    found.unwrap_or_else(|| panic!("{name} is missing; see tests/lab/install.sh"))
}
