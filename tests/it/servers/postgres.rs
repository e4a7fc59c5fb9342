//! A real `PostgreSQL` on a free port, with nothing in it; ended by its process id.

use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

const TRIES: u32 = 20;
const READY_POLLS: u32 = 500;
const POLL: Duration = Duration::from_millis(20);
/// Debian keeps the server's programs out of the way, by version.
const PROGRAMS: &str = "/usr/lib/postgresql";

pub struct Postgres {
    port: String,
    child: Child,
    folder: tempfile::TempDir,
}

/// A program of the newest version that is installed.
fn program(name: &str) -> PathBuf {
    let versions = std::fs::read_dir(PROGRAMS).into_iter().flatten().flatten();
    let mut found: Vec<PathBuf> = versions
        .map(|version| version.path().join("bin").join(name))
        .filter(|path| path.exists())
        .collect();
    found.sort();
    found.pop().unwrap_or_else(|| panic!("no {name} in {PROGRAMS}; see tests/lab/install.sh"))
}

/// The server refuses root: as root it runs as `postgres`, who owns its folder.
fn as_owner(command: &mut Command) -> &mut Command {
    if !rustix::process::getuid().is_root() {
        return command;
    }
    let (user, group) = owner();
    command.uid(user).gid(group)
}

fn owner() -> (u32, u32) {
    let users = std::fs::read_to_string("/etc/passwd").unwrap();
    let line = users.lines().find(|line| line.starts_with("postgres:")).unwrap();
    let mut fields = line.split(':').skip(2).map(|field| field.parse().unwrap());
    (fields.next().unwrap(), fields.next().unwrap())
}

impl Postgres {
    pub async fn start() -> Self {
        let folder = tempfile::Builder::new().prefix("pg").tempdir_in("/tmp").unwrap();
        if rustix::process::getuid().is_root() {
            let (user, group) = owner();
            std::os::unix::fs::chown(folder.path(), Some(user), Some(group)).unwrap();
        }
        let data = folder.path().join("data");
        let made = as_owner(&mut Command::new(program("initdb")))
            .args(["--auth=trust", "--username=postgres", "--no-sync", "--encoding=UTF8", "-D"])
            .arg(&data)
            .current_dir("/")
            .stdin(Stdio::null())
            .output()
            .unwrap();
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        let mut folder = Some(folder);
        for _ in 0..TRIES {
            let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
            let port = listener.local_addr().unwrap().port().to_string();
            drop(listener);
            let log = std::fs::File::create(data.with_extension("log")).unwrap();
            let child = as_owner(&mut Command::new(program("postgres")))
                .args(["-c", "listen_addresses=127.0.0.1", "-c", "fsync=off", "-p", &port])
                .args(["-c", "unix_socket_directories=", "-D"])
                .arg(&data)
                .current_dir("/")
                .stdin(Stdio::null())
                .stdout(log.try_clone().unwrap())
                .stderr(log)
                .spawn()
                .unwrap();
            let mut server = Self { port, child, folder: folder.take().unwrap() };
            if server.is_ready().await {
                return server;
            }
            server.stop();
            folder = Some(std::mem::replace(&mut server.folder, tempfile::tempdir().unwrap()));
        }
        panic!("postgres does not start");
    }

    async fn is_ready(&mut self) -> bool {
        for _ in 0..READY_POLLS {
            if self.child.try_wait().unwrap().is_some() {
                return false;
            }
            if self.psql("SELECT 1").status.success() {
                return true;
            }
            tokio::time::sleep(POLL).await;
        }
        false
    }

    pub fn url(&self, user: &str, password: &str) -> String {
        let secret = if password.is_empty() { String::new() } else { format!(":{password}") };
        format!("postgres://{user}{secret}@127.0.0.1:{}/postgres", self.port)
    }

    fn psql(&self, sql: &str) -> std::process::Output {
        Command::new(program("psql"))
            .args(["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-c", sql])
            .arg(self.url("postgres", ""))
            .stdin(Stdio::null())
            .output()
            .unwrap()
    }

    /// What its own client is answered, as its owner.
    pub fn run(&self, sql: &str) -> String {
        let said = self.psql(sql);
        assert!(said.status.success(), "{}", String::from_utf8_lossy(&said.stderr));
        String::from_utf8_lossy(&said.stdout).trim().to_owned()
    }

    /// From now on whoever is not the owner needs a password.
    pub fn require_passwords(&self) {
        let rules =
            "host all postgres 127.0.0.1/32 trust\nhost all all 127.0.0.1/32 scram-sha-256\n";
        std::fs::write(self.folder.path().join("data/pg_hba.conf"), rules).unwrap();
        assert_eq!(self.run("SELECT pg_reload_conf()"), "t");
        for _ in 0..READY_POLLS {
            let asked = Command::new(program("psql"))
                .args(["-X", "-w", "-c", "SELECT 1", &self.url("reader", "")])
                .stdin(Stdio::null())
                .output()
                .unwrap();
            if !asked.status.success() {
                return;
            }
            std::thread::sleep(POLL);
        }
        panic!("the new rules do not come into force");
    }

    fn stop(&mut self) {
        // SIGINT: the fast shutdown, which ends its own children too.
        let pid = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(pid, rustix::process::Signal::INT).ok();
        self.child.wait().ok();
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        self.stop();
    }
}
