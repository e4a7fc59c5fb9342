//! The socket: orders over it, its file, its limits, and who is answered.

use std::collections::BTreeMap;
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use reclose::core::planted::Bugs;
use reclose::core::rule::{RuleSet, Target};
use reclose::engine::active::Active;
use reclose::engine::clock::Clock;
use reclose::store::Store;
use reclose::web::socket::words::{Request, Response};
use reclose::web::socket::{Door, FILE, FRAME_MOST_BYTES, ask, bind, serve};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

const PATIENCE: Duration = Duration::from_secs(5);

struct Served {
    folder: TempDir,
    stop: CancellationToken,
    task: JoinHandle<()>,
}

impl Served {
    async fn start() -> Self {
        let clock = Clock::manual("2026-08-20T10:00:00Z".parse().unwrap());
        let store = Store::memory("epoch", Bugs::default());
        let target = Target { name: "checkout".to_owned(), ..Target::default() };
        let targets = BTreeMap::from([("checkout".to_owned(), target)]);
        let rules = Arc::new(RuleSet { targets, ..RuleSet::default() });
        store.start(clock.now(), "test", &rules).await.unwrap();
        Self::over(Door { store, rules: Active::new(rules), reloader: None, clock }).await
    }

    async fn over(door: Door) -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("data")).unwrap();
        let listener = bind(&folder.path().join("data")).await.unwrap();
        let stop = CancellationToken::new();
        let task = tokio::spawn(serve(listener, door, stop.clone()));
        Self { folder, stop, task }
    }

    fn data(&self) -> std::path::PathBuf {
        self.folder.path().join("data")
    }

    async fn typed(&self, arguments: &[&str]) -> String {
        let folder = self.folder.path().to_owned();
        let arguments: Vec<String> = arguments.iter().map(|&word| word.to_owned()).collect();
        let run = move || {
            let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
            super::reclose(&folder, &words)
        };
        tokio::task::spawn_blocking(run).await.unwrap()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn orders_are_carried_out_and_shown() {
    let served = Served::start().await;
    let mut transcript = Vec::new();
    for typed in [
        "incidents",
        "pause checkout --for 2h --reason load-test",
        "pause chekout",
        "pause INC-7",
        "pause --all",
        "pause --all --reason again",
        "incidents",
        "incidents --json",
        "resume checkout",
        "resume checkout",
        "resume --all",
        "resume --all",
        "unlock checkout --reason looked",
        "incidents",
        "audit verify",
    ] {
        let words: Vec<&str> = typed.split(' ').collect();
        let seen = served.typed(&words).await;
        transcript.push(format!("$ reclose {typed}\n{seen}\n"));
    }
    let mut filters = insta::Settings::clone_current();
    filters.add_filter("last hash [0-9a-f]{64}", "last hash [HASH]");
    filters.bind(|| insta::assert_snapshot!("orders", transcript.concat()));
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_has_an_incident_is_shown() {
    use crate::store::world::{World, at};
    let world = World::memory();
    world.opens("pms", at(0)).await;
    let clock = Clock::manual(at(60));
    let rules = Arc::new(world.rules.clone());
    let served = Served::over(Door {
        store: world.store.clone(),
        rules: Active::new(rules),
        reloader: None,
        clock,
    })
    .await;
    for (typed, wanted) in [
        (
            &["ack", "INC-1", "--note", "on it"][..],
            "INC-1 is acknowledged: automation goes on as before",
        ),
        (&["ack", "INC-1"], "error: INC-1 was acknowledged by "),
        (&["ack", "INC-9"], "error: there is no incident INC-9"),
        (&["ack", "pms"], "write an incident as `reclose incidents` shows it: INC-7"),
        (&["ack", "INC-1", "--note", " "], "error: a reason is needed"),
        (&["incidents"], " has it)"),
        (&["incidents", "--json"], "\"note\": \"on it\""),
    ] {
        let seen = served.typed(typed).await;
        assert!(seen.contains(wanted), "{typed:?}: {seen}");
    }
}

#[tokio::test]
async fn the_file_is_for_its_user_alone_and_goes_with_the_server() {
    let served = Served::start().await;
    let path = served.data().join(FILE);
    let metadata = std::fs::metadata(&path).unwrap();
    assert!(metadata.file_type().is_socket());
    assert_eq!(metadata.permissions().mode() & 0o777, 0o600);
    let second = bind(&served.data()).await.unwrap_err();
    assert!(second.to_string().contains("another server answers"), "{second}");
    served.stop.cancel();
    served.task.await.unwrap();
    assert!(!path.exists());
}

#[tokio::test]
async fn what_a_dead_server_left_is_replaced() {
    let folder = tempfile::tempdir().unwrap();
    drop(bind(folder.path()).await.unwrap());
    assert!(folder.path().join(FILE).exists());
    assert!(bind(folder.path()).await.is_ok());
}

#[tokio::test]
async fn a_line_is_bounded_and_nonsense_is_answered() {
    let served = Served::start().await;
    let path = served.data().join(FILE);
    let answer = say(&path, b"{\"incidents\":{\"all\":1}}\n").await;
    assert!(answer.contains("the request is not understood"), "{answer}");
    let long = vec![b'x'; usize::try_from(FRAME_MOST_BYTES).unwrap()];
    let answer = say(&path, &long).await;
    assert!(answer.contains("longer than"), "{answer}");
    // Neither costs the next one its answer.
    let asked = ask(&served.data(), &Request::Incidents { all: false }, PATIENCE).await.unwrap();
    assert!(matches!(asked, Response::Incidents(_)));
}

async fn say(path: &Path, bytes: &[u8]) -> String {
    let mut stream = UnixStream::connect(path).await.unwrap();
    stream.write_all(bytes).await.unwrap();
    stream.shutdown().await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

/// E10. Another user can only be played by root; anybody else relies on the unit test of the same decision.
#[tokio::test(flavor = "multi_thread")]
async fn another_user_is_not_answered_whatever_the_files_mode() {
    use std::os::unix::process::CommandExt;
    const NOBODY: u32 = 65_534;
    if !rustix::process::geteuid().is_root() {
        println!("not root: only `only_the_servers_user_and_root_are_answered` has checked this");
        return;
    }
    let served = Served::start().await;
    for (path, mode) in [
        (served.folder.path().to_owned(), 0o755),
        (served.data(), 0o755),
        (served.data().join(FILE), 0o666),
    ] {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
    }
    // The binary may lie where nobody may read: a copy beside the data can be run by all.
    let binary = served.folder.path().join("reclose");
    std::fs::copy(env!("CARGO_BIN_EXE_reclose"), &binary).unwrap();
    let run = |uid: u32| {
        let mut command = std::process::Command::new(&binary);
        command.args(["pause", "--all"]).current_dir(served.folder.path()).uid(uid);
        tokio::task::spawn_blocking(move || command.output().unwrap())
    };
    let refused = run(NOBODY).await.unwrap();
    assert_eq!(refused.status.code(), Some(3), "{refused:?}");
    let said = String::from_utf8(refused.stderr).unwrap();
    assert!(said.contains("only the user that the server runs as is answered"), "{said}");
    let asked = ask(&served.data(), &Request::Incidents { all: false }, PATIENCE).await.unwrap();
    let Response::Incidents(listing) = asked else { panic!("{asked:?}") };
    assert_eq!(listing.paused_since, None, "the switch was not touched");
    assert_eq!(run(0).await.unwrap().status.code(), Some(0));
}
