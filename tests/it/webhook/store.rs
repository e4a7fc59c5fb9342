//! When nothing can be stored: row A50, promise P2, group commit, drain. Always 503, soon, and never a false 200.

use futures_util::StreamExt;
use reclose::core::alert::{Notification, Source};
use reclose::core::time::{Duration, Timestamp};
use reclose::engine::clock::since_boot;
use reclose::engine::intake::{Intake, NotStored};
use reclose::store::StoreError;
use reclose::telemetry::Metrics;
use reclose::web::Limits;
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::{Notify, Semaphore};
use tokio::task::JoinHandle;

use super::server::{Disk, NOW, PATH, Server, Setup, TOKEN, body, client, start, statuses};

/// P2: answered within this, whatever happens.
const ANSWER_MOST: Duration = Duration::from_millis(2_500);

async fn refused(disk: Disk, reason: &str) {
    let server = Server::start(Setup { disk, ..Setup::default() }).await;
    let begun = since_boot();
    let posts = (0..20).map(|_| server.post(body()));
    for answer in futures_util::future::join_all(posts).await {
        answer.is(503).says("send it again");
        assert_eq!(answer.headers["retry-after"], "1");
    }
    assert!(
        since_boot().saturating_sub(begun) < ANSWER_MOST,
        "{:?}",
        since_boot().saturating_sub(begun)
    );
    assert_eq!(server.rejected(reason), 20);
    assert_eq!(server.metric("reclose_notifications_total"), 0);
    assert!(
        server.audit().await.is_empty(),
        "what cannot be stored is not written elsewhere either"
    );
}

#[tokio::test]
async fn a50_a_full_disk_is_503() {
    refused(Disk::Full, "store_unavailable").await;
}

#[tokio::test]
async fn a50_a_store_that_hangs_is_503_within_two_and_a_half_seconds() {
    refused(Disk::Hangs, "store_slow").await;
}

#[tokio::test]
async fn a50_without_file_descriptors_new_connections_wait_and_open_ones_are_served() {
    let server = start().await;
    let mut open = server.raw().await;
    let one = format!(
        "POST {PATH} HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {TOKEN}\r\nContent-Length: {}\r\n\r\n{}",
        body().len(),
        body()
    );
    open.send(one.as_bytes()).await;
    read_one(&mut open).await;

    // A socket that is connected but cannot be accepted, because every descriptor is taken.
    let waiting = std::net::TcpStream::connect(server.address);
    let (old, taken) = (limit_descriptors(), take_descriptors());
    let late = std::net::TcpStream::connect(server.address);
    assert!(late.is_err(), "this process has no descriptor left");
    open.send(one.as_bytes()).await;
    read_one(&mut open).await;

    // With descriptors again, who waited is served, and so are new ones: the loop has not ended.
    drop(taken);
    restore_descriptors(old);
    drop(waiting);
    server.post(body()).await.is(200);
    assert_eq!(server.stored().len(), 3);
}

async fn read_one(raw: &mut super::server::Raw) {
    let mut answer = vec![0; 4_096];
    let mut text = String::new();
    while !text.ends_with("stored\n") {
        let read =
            tokio::time::timeout(ANSWER_MOST, raw.0.read(&mut answer)).await.unwrap().unwrap();
        assert!(read > 0, "closed after {text}");
        text += std::str::from_utf8(&answer[..read]).unwrap();
    }
    assert_eq!(statuses(&text), [200]);
}

/// Lowers this process's limit, so that taking all descriptors is quick.
fn limit_descriptors() -> rustix::process::Rlimit {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let old = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: Some(256), maximum: old.maximum }).unwrap();
    old
}

fn restore_descriptors(old: rustix::process::Rlimit) {
    rustix::process::setrlimit(rustix::process::Resource::Nofile, old).unwrap();
}

fn take_descriptors() -> Vec<std::fs::File> {
    std::iter::from_fn(|| std::fs::File::open("/dev/null").ok()).collect()
}

#[tokio::test]
async fn a_draining_server_answers_503_finishes_what_runs_and_ends() {
    let limits = Limits { drain_time: Duration::from_secs(5), ..Limits::default() };
    let server = Server::start(Setup { limits, ..Setup::default() }).await;
    let url = server.url("/health/ready");
    assert_eq!(client().get(&url).send().await.unwrap().status(), 200);

    // A request whose body is on its way while the server begins to stop.
    let mut running = server.raw().await;
    let head = format!(
        "POST {PATH} HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {TOKEN}\r\nContent-Length: {}\r\n\r\n",
        body().len()
    );
    running.send(head.as_bytes()).await;
    let mut idle = server.raw().await;
    server.intake.drain();
    server.post(body()).await.is(503).says("shutting down");
    assert_eq!(client().get(&url).send().await.unwrap().status(), 503);

    let begun = since_boot();
    server.begin_stop();
    running.send(body().as_bytes()).await;
    let text = running.read_to_end().await;
    assert_eq!(statuses(&text), [503], "{text}");
    idle.read_to_end().await;
    let stored = server.stored().len();
    server.stop().await;
    assert!(
        since_boot().saturating_sub(begun) < Duration::from_secs(5),
        "nothing holds up the end"
    );
    assert_eq!(stored, 0);
}

#[tokio::test]
async fn readiness_follows_the_store() {
    let server = start().await;
    let ready = || async {
        client().get(server.url("/health/ready")).send().await.unwrap().status().as_u16()
    };
    assert_eq!(ready().await, 200);
    assert_eq!(client().get(server.url("/health/live")).send().await.unwrap().status(), 200);
    let full = Server::start(Setup { disk: Disk::Full, ..Setup::default() }).await;
    full.post(body()).await.is(503);
    let response = client().get(full.url("/health/ready")).send().await.unwrap();
    assert_eq!(response.status(), 503);
}

// --- the writer ---

fn notification(n: usize) -> Notification {
    Notification {
        source: Source::Alertmanager,
        group_key: n.to_string(),
        truncated: 0,
        alerts: Vec::new(),
    }
}

fn now() -> Timestamp {
    NOW.parse().unwrap()
}

#[tokio::test]
async fn many_requests_share_a_commit_and_none_is_acknowledged_before_it() {
    let gate = Arc::new(Semaphore::new(0));
    let commits = Arc::new(Mutex::new(Vec::new()));
    let write = {
        let (gate, commits) = (Arc::clone(&gate), Arc::clone(&commits));
        move |batch: Vec<(Timestamp, Notification)>| {
            let (gate, commits) = (Arc::clone(&gate), Arc::clone(&commits));
            async move {
                gate.acquire().await.unwrap().forget();
                commits.lock().unwrap().push(batch.len());
                Ok(())
            }
        }
    };
    let news = Arc::new(Notify::new());
    let (intake, writer) = Intake::start(write, Arc::clone(&news), Arc::new(Metrics::new("test")));
    let mut waiting: Vec<_> = (0..600)
        .map(|n| {
            let intake = intake.clone();
            tokio::spawn(async move {
                let room = intake.room();
                intake.store(now(), notification(n), room).await
            })
        })
        .collect();
    let mut turns_with_all = 0;
    while turns_with_all < 1_000 {
        tokio::task::yield_now().await;
        assert!(!waiting.iter().any(JoinHandle::is_finished), "acknowledged before its commit");
        turns_with_all += i32::from(all_wait(&intake));
    }
    gate.add_permits(100);
    for result in waiting.drain(..) {
        assert_eq!(result.await.unwrap(), Ok(()));
    }
    tokio::time::timeout(Duration::from_secs(1), news.notified())
        .await
        .expect("the engine is poked");
    intake.drain();
    writer.await.unwrap();
    let commits = commits.lock().unwrap().clone();
    assert_eq!(commits.iter().sum::<usize>(), 600);
    assert!(commits.len() <= 6 && commits.iter().all(|size| *size <= 256), "{commits:?}");
    let room = intake.room();
    assert_eq!(intake.store(now(), notification(0), room).await, Err(NotStored::Draining));
}

/// All 600 wait: at most 256 in the writer's hands, the others in its queue.
fn all_wait(intake: &Intake) -> bool {
    intake.waiting() >= 600 - 256
}

#[tokio::test]
async fn a_full_queue_and_bodies_beyond_memory_are_refused_at_once() {
    let write =
        |_: Vec<(Timestamp, Notification)>| std::future::pending::<Result<(), StoreError>>();
    let (intake, _writer) =
        Intake::start(write, Arc::new(Notify::new()), Arc::new(Metrics::new("test")));
    let mut rooms = Vec::new();
    for _ in 0..8 {
        let mut room = intake.room();
        assert!(room.grow_to(16 * 1_024 * 1_024));
        rooms.push(room);
    }
    let mut room = intake.room();
    assert!(!room.grow_to(1), "128 MiB are taken");
    rooms.pop();
    assert!(room.grow_to(16 * 1_024 * 1_024), "and free again");
    drop((rooms, room));

    let mut all: futures_util::stream::FuturesUnordered<_> =
        (0..2_100).map(|n| intake.store(now(), notification(n), intake.room())).collect();
    let mut counts = (0, 0);
    while let Some(result) = all.next().await {
        match result {
            Err(NotStored::Busy) => counts.0 += 1,
            Err(NotStored::Slow) => counts.1 += 1,
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(counts.0 + counts.1, 2_100);
    assert!(counts.0 >= 50, "{counts:?}");
    assert!(!intake.failed_lately(since_boot()));
}

#[tokio::test]
async fn an_answer_cut_in_the_middle_was_durable_before_its_first_byte() {
    let server = start().await;
    // The first piece of the answer leaves; then this connection's task ends, as the process would.
    fail::cfg("ingest-mid-response", "panic").unwrap();
    let mut raw = server.raw().await;
    let text = format!(
        "POST {PATH} HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {TOKEN}\r\nContent-Length: {}\r\n\r\n{}",
        body().len(),
        body()
    );
    raw.0.write_all(text.as_bytes()).await.unwrap();
    let answer = raw.read_to_end().await;
    fail::remove("ingest-mid-response");
    assert_eq!(statuses(&answer), [200]);
    assert!(
        answer.contains("\r\n\r\nsto") && !answer.contains("stored"),
        "half an answer: {answer}"
    );
    assert_eq!(server.stored().len(), 1);
}
