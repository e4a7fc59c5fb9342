//! Runs the demo: a lab in a process of its own, the same server as `reclose serve`, and a table from its store.
//!
//! Never decides what happens to a breaker: it starts both, looks on, and ends them.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use anyhow::Context;
use secrecy::SecretString;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::process::{Child, Command};
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::lab::{BREAKERS, Outcome};
use super::rules;
use super::table::{is_over, table};
use crate::core::incident::Incident;
use crate::core::planted::Bugs;
use crate::core::time::Duration;
use crate::engine::clock::since_boot;
use crate::engine::deliver::Channel;
use crate::serve::{Server, Setup};
use crate::store::Which;
use crate::systems::secrets::Secrets;
use crate::systems::terminal::Terminal;
use crate::systems::{Endpoints, Systems};
use crate::web::{Credentials, Doors, Limits};

/// The lab binds a port and writes a file: more than this, and it does not run.
const LAB_STARTS_WITHIN: Duration = Duration::from_secs(10);
/// The lab ends with its standard input; after this it is killed by its number.
const LAB_ENDS_WITHIN: Duration = Duration::from_secs(2);
/// All three incidents end well within this, or something is wrong.
const ENDS_WITHIN: Duration = Duration::from_secs(60);
const LOOK_EVERY: Duration = Duration::from_millis(200);
/// Reports are printed at once; the table waits for the last of them so long.
const TOLD_WITHIN: Duration = Duration::from_secs(3);

/// What the demo was asked for.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    pub upstream: Outcome,
    pub keep: bool,
    pub port: u16,
}

/// How the demo ended.
#[derive(Debug)]
pub struct Ended {
    /// For people: breaker, cause, what was done, recovered or escalated, seconds.
    pub table: String,
    pub all: bool,
}

/// Runs until all incidents have ended, or `stop`. `say` tells people what goes on beside the reports.
pub async fn run(
    options: Options,
    stop: CancellationToken,
    say: impl Fn(&str),
) -> anyhow::Result<Ended> {
    let folder =
        TempDir::with_prefix("reclose-demo-").context("cannot make a folder for the demo")?;
    let webhook_token = secret(folder.path(), "webhook-token")?;
    secret(folder.path(), "reset-token")?;
    std::fs::create_dir(folder.path().join("logs"))?;
    let listener = TcpListener::bind(("127.0.0.1", options.port))
        .await
        .with_context(|| format!("cannot listen on 127.0.0.1:{}", options.port))?;
    let address = listener.local_addr()?;

    // The lab's alerts wait in the listener's queue until the server below takes them.
    let webhook = format!("http://{address}/webhooks/alertmanager");
    let mut lab = Lab::start(folder.path(), &webhook, options.upstream).await?;
    let server = match prepare(folder.path(), &lab.url, &webhook_token) {
        Ok(setup) => Server::start(setup, listener).await,
        Err(error) => Err(error),
    };
    let ended = match &server {
        Ok(server) => {
            say(&format!(
                "The lab runs as process {} at {}\nreclose serves at http://{address}\n",
                lab.id, lab.url
            ));
            look_on(server, &stop).await
        }
        Err(_) => Ok(Vec::new()),
    };
    let server = server?;
    let ended = ended.map(|incidents| Ended {
        table: table(&incidents),
        all: incidents.len() == BREAKERS.len() && incidents.iter().all(is_over),
    });
    if let (Ok(ended), true) = (&ended, options.keep) {
        say(&format!("\n{}\nStill serving at http://{address}; Ctrl-C ends it\n", ended.table));
        stop.cancelled().await;
    }
    lab.end().await;
    server.stop().await?;
    ended
}

/// Waits for the end of all incidents, and for the last report of them.
async fn look_on(server: &Server, stop: &CancellationToken) -> anyhow::Result<Vec<Incident>> {
    let end = since_boot() + ENDS_WITHIN;
    loop {
        let incidents = server.store().incidents(Which::Newest(100)).await?;
        let over = incidents.len() == BREAKERS.len() && incidents.iter().all(is_over);
        if over || since_boot() >= end || stop.is_cancelled() {
            let told = async {
                while !server.store().deliveries_due(server.clock().now(), 1).await?.is_empty() {
                    sleep(LOOK_EVERY).await;
                }
                anyhow::Ok(())
            };
            if let Ok(told) = timeout(TOLD_WITHIN, told).await {
                told?;
            }
            return Ok(incidents);
        }
        tokio::select! {
            () = stop.cancelled() => {}
            () = sleep(LOOK_EVERY) => {}
        }
    }
}

/// Everything the server needs, for the lab at `lab`.
fn prepare(folder: &Path, lab: &str, webhook_token: &SecretString) -> anyhow::Result<Setup> {
    let rules = rules::write(folder, lab)?;
    // The demo's rules name files only.
    let systems = Systems::new(Endpoints::default(), Secrets::new(|_| None))?;
    let alertmanager = Credentials::new(std::slice::from_ref(webhook_token), &[]);
    Ok(Setup {
        data: folder.join("data"),
        rules,
        reload: None,
        systems,
        doors: Doors { alertmanager, ..Doors::default() },
        hosts: Vec::new(),
        limits: Limits::default(),
        channel: Channel::Terminal(Terminal::stdout()),
        settle: Duration::ZERO,
        bugs: Bugs::default(),
    })
}

/// A secret of the demo: in a folder that is this user's alone.
fn secret(folder: &Path, name: &str) -> anyhow::Result<SecretString> {
    let text = format!("{}{}", uuid::Uuid::now_v7().simple(), uuid::Uuid::now_v7().simple());
    let path = folder.join(name);
    std::fs::write(&path, &text).with_context(|| format!("cannot write {}", path.display()))?;
    Ok(SecretString::from(text))
}

/// The lab's process.
struct Lab {
    child: Child,
    id: u32,
    url: String,
}

impl Lab {
    async fn start(folder: &Path, webhook: &str, upstream: Outcome) -> anyhow::Result<Self> {
        let port_file: PathBuf = folder.join("port");
        let upstream = match upstream {
            Outcome::Heals => "heals",
            Outcome::StaysDown => "stays-down",
        };
        let program = std::env::current_exe().context("cannot find the program itself")?;
        let mut child = Command::new(program)
            .arg("lab")
            .args(["--webhook", webhook, "--upstream", upstream])
            .arg("--port-file")
            .arg(&port_file)
            .arg("--logs")
            .arg(folder.join("logs"))
            .arg("--webhook-token")
            .arg(folder.join("webhook-token"))
            .arg("--reset-token")
            .arg(folder.join("reset-token"))
            .stdin(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .context("cannot start the lab")?;
        let id = child.id().context("the lab ended at once")?;
        let port = async {
            loop {
                if let Ok(port) = std::fs::read_to_string(&port_file) {
                    return Ok(port);
                }
                if let Some(status) = child.try_wait()? {
                    anyhow::bail!("the lab ended at once: {status}");
                }
                sleep(Duration::from_millis(20)).await;
            }
        };
        let port = timeout(LAB_STARTS_WITHIN, port).await.context("the lab does not start")??;
        Ok(Self { child, id, url: format!("http://127.0.0.1:{port}") })
    }

    /// Closes its input, which it ends with; a lab that hangs is killed.
    async fn end(&mut self) {
        drop(self.child.stdin.take());
        if timeout(LAB_ENDS_WITHIN, self.child.wait()).await.is_err()
            && let Err(error) = self.child.kill().await
        {
            tracing::warn!(%error, pid = self.id, "the lab could not be killed");
        }
    }
}
