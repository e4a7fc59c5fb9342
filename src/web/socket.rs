//! The door of the command line: a unix socket in the data directory, for this user alone. Decides nothing.
//!
//! A line of JSON asks, a line of JSON answers. The peer's user is checked on every connection, whatever the file's mode.

pub mod words;

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::Semaphore;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::core::command::{Command, Person};
use crate::core::time::{Timestamp, after};
use crate::engine::active::Active;
use crate::engine::clock::Clock;
use crate::engine::order::{Refused, order};
use crate::engine::reload::{Reloaded, Reloader};
use crate::rules;
use crate::store::{Chain, Store};
use words::{Audit, Listing, Order, Request, Response, Rules, list};

/// The name within the data directory.
pub const FILE: &str = "reclose.sock";
/// The longest line either way. A listing of 500 incidents has about a quarter of it.
pub const FRAME_MOST_BYTES: u64 = 1024 * 1024;
/// The longest answer that a command reads: one incident with all lines of its last round is the largest.
const ANSWER_MOST_BYTES: u64 = 32 * 1024 * 1024;
/// A report on wrong rules that a command shows.
const REPORT_MOST_BYTES: usize = 256 * 1024;
/// A command that says nothing for so long is hung.
const IDLE_MOST: Duration = Duration::from_secs(10);
/// People type; more at once is a loop gone wrong.
const CONNECTIONS_MOST: usize = 16;

/// What the door needs to answer.
#[derive(Clone)]
pub struct Door {
    pub store: Store,
    pub rules: Active,
    /// `None`: the rules are not read from a folder.
    pub reloader: Option<Arc<Reloader>>,
    pub clock: Clock,
}

/// Binds the socket, for this user alone. What a dead server left behind is replaced; a living one is not.
pub async fn bind(data: &Path) -> anyhow::Result<UnixListener> {
    let path = data.join(FILE);
    if UnixStream::connect(&path).await.is_ok() {
        anyhow::bail!("another server answers at {}", path.display());
    }
    match std::fs::remove_file(&path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            return Err(error).with_context(|| format!("cannot replace {}", path.display()));
        }
        Ok(()) | Err(_) => {}
    }
    let listener = UnixListener::bind(&path)
        .with_context(|| format!("cannot listen at {}", path.display()))?;
    // Until this line the mode is the user's umask; the peer's user is checked in any case.
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600))?;
    Ok(listener)
}

/// Answers until `stop`, then ends what was asked before, and removes the socket.
pub async fn serve(listener: UnixListener, door: Door, stop: CancellationToken) {
    let path =
        listener.local_addr().ok().and_then(|address| address.as_pathname().map(PathBuf::from));
    let turns = Arc::new(Semaphore::new(CONNECTIONS_MOST));
    let tasks = TaskTracker::new();
    loop {
        let accepted = tokio::select! {
            () = stop.cancelled() => break,
            accepted = listener.accept() => accepted,
        };
        let stream = match accepted {
            Ok((stream, _)) => stream,
            Err(error) => {
                tracing::warn!(%error, "cannot accept on the socket");
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            }
        };
        let Ok(turn) = Arc::clone(&turns).try_acquire_owned() else { continue };
        let door = door.clone();
        let stop = stop.clone();
        tasks.spawn(async move {
            talk(stream, &door, &stop).await;
            drop(turn);
        });
    }
    tasks.close();
    tasks.wait().await;
    if let Some(path) = path
        && let Err(error) = std::fs::remove_file(&path)
    {
        tracing::debug!(%error, "the socket was gone already");
    }
}

/// One connection: requests in turn, until the other end closes.
async fn talk(stream: UnixStream, door: &Door, stop: &CancellationToken) {
    let Some(person) = peer(&stream) else { return };
    let (read, mut write) = stream.into_split();
    let mut read = BufReader::new(read);
    loop {
        let mut line = Vec::new();
        let mut frame = (&mut read).take(FRAME_MOST_BYTES);
        let got = tokio::select! {
            () = stop.cancelled() => return,
            got = timeout(IDLE_MOST, frame.read_until(b'\n', &mut line)) => got,
        };
        if !matches!(got, Ok(Ok(1..))) {
            return;
        }
        let response = if line.last() == Some(&b'\n') {
            match serde_json::from_slice::<Request>(&line) {
                Ok(request) => answer(door, request, &person).await,
                Err(error) => Response::Failed(format!("the request is not understood: {error}")),
            }
        } else {
            Response::Failed(format!("the request is longer than {FRAME_MOST_BYTES} bytes"))
        };
        let whole = line.last() == Some(&b'\n');
        let Ok(mut text) = serde_json::to_vec(&response) else { return };
        text.push(b'\n');
        if write.write_all(&text).await.is_err() || !whole {
            return;
        }
    }
}

/// Who is at the other end: the user this server runs as, or root. Nobody else is answered (E10).
fn peer(stream: &UnixStream) -> Option<Person> {
    let uid = stream.peer_cred().ok()?.uid();
    let own = rustix::process::geteuid().as_raw();
    if !allowed(uid, own) {
        tracing::warn!(uid, "another user was refused at the socket");
        return None;
    }
    Some(Person { name: user_name(uid), door: "command line".to_owned() })
}

const fn allowed(uid: u32, own: u32) -> bool {
    uid == own || uid == 0
}

/// The name in `/etc/passwd`, for the audit log's readers; the number where there is none.
fn user_name(uid: u32) -> String {
    let named = |line: &str| {
        let mut fields = line.split(':');
        let name = fields.next()?.to_owned();
        (fields.nth(1)? == uid.to_string()).then_some(name)
    };
    let users = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
    users.lines().find_map(named).unwrap_or_else(|| format!("uid {uid}"))
}

async fn answer(door: &Door, request: Request, person: &Person) -> Response {
    let now = door.clock.now();
    match request {
        Request::Incidents { all } => match list(&door.store, all, now).await {
            Ok(listing) => {
                let rules = Rules::new(&door.rules.now().await.revision, door.rules.wrong());
                Response::Incidents(Listing { rules: Some(rules), ..listing })
            }
            Err(error) => Response::Failed(error.to_string()),
        },
        Request::Incident { id } => match door.store.incident(id).await {
            Ok(Some(incident)) => Response::Incident(Box::new(incident)),
            Ok(None) => Response::Refused(format!("there is no incident {id}")),
            Err(error) => Response::Failed(error.to_string()),
        },
        Request::Reload => reload(door, person).await,
        Request::AuditVerify => match door.store.audit_verify().await {
            Ok(chain) => Response::Audit(Audit::from(chain)),
            Err(error) => Response::Failed(error.to_string()),
        },
        Request::Order(wanted) => {
            let command = wanted.at(now);
            let rules = door.rules.now().await;
            match order(&door.store, Some(&rules), command, person, now).await {
                Ok(said) => Response::Ordered(said),
                Err(Refused::Store(error)) => Response::Failed(error.to_string()),
                Err(refused) => Response::Refused(refused.to_string()),
            }
        }
    }
}

async fn reload(door: &Door, person: &Person) -> Response {
    let Some(reloader) = &door.reloader else {
        return Response::Refused("this server does not read its rules from a folder".to_owned());
    };
    let by = format!("{} ({}, `reclose reload`)", person.name, person.door);
    match reloader.reload(&by).await {
        Ok(Reloaded::Same(rules)) => Response::Reloaded {
            before: rules.revision.clone(),
            revision: rules.revision.clone(),
            rules: rules.rules.len(),
            targets: rules.targets.len(),
        },
        Ok(Reloaded::New { before, rules }) => Response::Reloaded {
            before,
            revision: rules.revision.clone(),
            rules: rules.rules.len(),
            targets: rules.targets.len(),
        },
        Ok(Reloaded::Wrong { active, mistakes }) => {
            let errors = mistakes.iter().filter(|mistake| mistake.is_error()).count();
            let mut report = rules::render(&mistakes, false);
            if report.len() > REPORT_MOST_BYTES {
                report = report.chars().take(REPORT_MOST_BYTES / 4).collect();
                report.push_str("\n… `reclose check` shows all\n");
            }
            Response::RulesWrong { active, errors, report }
        }
        Err(error) => Response::Failed(error.to_string()),
    }
}

impl Order {
    /// The order with its end, counted from the server's `now`.
    pub fn at(self, now: Timestamp) -> Command {
        match self {
            Self::PauseAll { reason } => Command::PauseAll { reason },
            Self::ResumeAll => Command::ResumeAll,
            Self::Pause { what, for_secs, reason } => {
                Command::Pause { what, until: after(now, Duration::from_secs(for_secs)), reason }
            }
            Self::Resume { what } => Command::Resume { what },
            Self::Unlock { target, reason } => Command::Unlock { target, reason },
            Self::Acknowledge { incident, note } => Command::Acknowledge { incident, note },
        }
    }
}

impl From<Chain> for Audit {
    fn from(chain: Chain) -> Self {
        match chain {
            Chain::Whole { count, head } => {
                let hex = |text: String, byte: &u8| text + &format!("{byte:02x}");
                Self::Whole { entries: count, head: head.iter().fold(String::new(), hex) }
            }
            Chain::Broken { number, why } => Self::Broken { entry: number, why },
        }
    }
}

/// Why a command got no answer.
#[derive(Debug, thiserror::Error)]
pub enum AskError {
    /// Nobody listens there.
    #[error("no server at {0}")]
    NoServer(PathBuf),
    #[error("the server at {0} did not answer: {1}")]
    NoAnswer(PathBuf, String),
}

/// The command's side: asks the server of a data directory, within `patience`.
pub async fn ask(data: &Path, request: &Request, patience: Duration) -> Result<Response, AskError> {
    let path = data.join(FILE);
    let stream = match UnixStream::connect(&path).await {
        Ok(stream) => stream,
        Err(error) if error.kind() == std::io::ErrorKind::PermissionDenied => {
            return Err(AskError::NoAnswer(path, error.to_string()));
        }
        Err(_) => return Err(AskError::NoServer(path)),
    };
    let lost = |why: String| AskError::NoAnswer(path.clone(), why);
    match timeout(patience, exchange(stream, request)).await {
        Ok(Ok(response)) => Ok(response),
        Ok(Err(error)) => Err(lost(format!("{error:#}"))),
        Err(_) => Err(lost(format!("nothing within {} s", patience.as_secs()))),
    }
}

async fn exchange(stream: UnixStream, request: &Request) -> anyhow::Result<Response> {
    let (read, mut write) = stream.into_split();
    let mut text = serde_json::to_vec(request)?;
    text.push(b'\n');
    write.write_all(&text).await?;
    let mut line = Vec::new();
    BufReader::new(read).take(ANSWER_MOST_BYTES).read_until(b'\n', &mut line).await?;
    anyhow::ensure!(!line.is_empty(), "it closed the connection; is it another user's?");
    Ok(serde_json::from_slice(&line)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_servers_user_and_root_are_answered() {
        assert!(allowed(1_000, 1_000));
        assert!(allowed(0, 1_000));
        assert!(!allowed(1_001, 1_000));
        assert!(!allowed(1_000, 0));
    }

    #[test]
    fn root_has_a_name() {
        assert_eq!(user_name(0), "root");
        assert_eq!(user_name(4_000_000_001), "uid 4000000001");
    }
}
