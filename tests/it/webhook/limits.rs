//! Limits of size, time and number: rows A08–A10 and A35. The other clients are served all the while.

use reclose::core::time::Duration;
use reclose::engine::clock::since_boot;
use reclose::web::Limits;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::server::{PATH, Raw, Server, Setup, TOKEN, body, start, statuses};

/// Times short enough for a test, long enough for a busy machine.
fn short() -> Limits {
    Limits {
        head_time: Duration::from_millis(600),
        body_time: Duration::from_millis(1_200),
        ..Limits::default()
    }
}

fn head(more: &str) -> String {
    format!("POST {PATH} HTTP/1.1\r\nHost: reclose\r\nAuthorization: Bearer {TOKEN}\r\n{more}\r\n")
}

fn rss_bytes() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<usize>().unwrap() * 1_024
}

#[tokio::test]
async fn a08_a_body_of_limit_plus_one_byte_is_413_and_says_what_to_do() {
    let limits = Limits { body_bytes: 100_000, ..Limits::default() };
    let server = Server::start(Setup { limits, ..Setup::default() }).await;
    let padded = |bytes: usize| body() + &" ".repeat(bytes - body().len());
    server.post(padded(100_000)).await.is(200);
    let answer = server.post(padded(100_001)).await;
    answer.is(413).says("raise the limit (100000 bytes) or set max_alerts");
    // Without a length, too.
    let stream = futures_util::stream::iter(vec![Ok::<_, std::io::Error>(padded(100_001))]);
    server.post(reqwest::Body::wrap_stream(stream)).await.is(413);
    assert_eq!(server.rejected("too_large"), 2);
    assert!(server.audit().await[0].contains("too_large"));
    assert_eq!(Limits::default().body_bytes, 16 * 1_024 * 1_024);
}

#[tokio::test]
async fn a08_sixteen_mebibytes_are_taken_by_default() {
    let server = start().await;
    let mut text = body();
    text += &" ".repeat(Limits::default().body_bytes - text.len());
    server.post(text.clone()).await.is(200);
    text.push(' ');
    server.post(text).await.is(413);
}

#[tokio::test(flavor = "multi_thread")]
async fn a09_endless_bodies_are_cut_and_memory_stays_flat() {
    let server = start().await;
    server.post(body()).await.is(200);
    let before = rss_bytes();
    let megabyte = vec![b' '; 1_024 * 1_024];

    // Ten bytes announced, a gigabyte sent: ten are read, what follows is no request.
    let mut raw = server.raw().await;
    raw.send(head("Content-Length: 10\r\n").as_bytes()).await;
    assert!(pour(&mut raw, &megabyte).await < 64, "cut");

    // Chunks without end.
    let mut raw = server.raw().await;
    raw.send(head("Transfer-Encoding: chunked\r\n").as_bytes()).await;
    let mut chunk = b"100000\r\n".to_vec();
    chunk.extend_from_slice(&megabyte);
    chunk.extend_from_slice(b"\r\n");
    let sent = pour(&mut raw, &chunk).await;
    assert!((16..80).contains(&sent), "cut after {sent} MiB");

    let grown = rss_bytes().saturating_sub(before);
    assert!(grown < 96 * 1_024 * 1_024, "memory grew by {grown} bytes");
    assert_eq!(server.stored().len(), 1);
}

/// Writes `piece` up to 1,000 times; how often it was taken.
async fn pour(raw: &mut Raw, piece: &[u8]) -> usize {
    for n in 0..1_000 {
        let write = tokio::time::timeout(Duration::from_secs(10), raw.0.write_all(piece));
        if !matches!(write.await, Ok(Ok(()))) {
            return n;
        }
    }
    1_000
}

#[tokio::test]
async fn a10_slow_loris_is_closed_and_others_are_served() {
    let server = Server::start(Setup { limits: short(), ..Setup::default() }).await;
    let begun = since_boot();
    // Nothing at all; half a preface; HTTP/2 that asks nothing; a head without end; a body without end.
    let openings: [Vec<u8>; 5] = [
        Vec::new(),
        b"PRI * HT".to_vec(),
        PREFACE.to_vec(),
        b"POST /webhooks/alertmanager HTTP/1.1\r\nX-Slow: ".to_vec(),
        (head("Content-Length: 1000\r\n") + "{").into_bytes(),
    ];
    let server = &server;
    let slow = openings.into_iter().enumerate().map(|(n, opening)| async move {
        let mut raw = server.raw().await;
        raw.send(&opening).await;
        let (mut reads, mut writes) = raw.0.into_split();
        // One byte now and then keeps no connection open; the first three stay silent.
        let dripping = tokio::spawn(async move {
            while n < 3 || writes.write_all(b"x").await.is_ok() {
                tokio::time::sleep(Duration::from_millis(200)).await;
            }
        });
        let mut answer = Vec::new();
        drop(
            tokio::time::timeout(Duration::from_secs(15), reads.read_to_end(&mut answer))
                .await
                .expect("closed"),
        );
        dripping.abort();
        String::from_utf8_lossy(&answer).into_owned()
    });
    let others = async {
        for _ in 0..20 {
            server.post(body()).await.is(200);
        }
    };
    let (answers, ()) = tokio::join!(futures_util::future::join_all(slow), others);
    assert!(since_boot().saturating_sub(begun) >= Duration::from_millis(600));
    assert_eq!(statuses(&answers[4]), [503], "a body that stalls may come again: {answers:?}");
    assert_eq!(server.rejected("slow_body"), 1);
    assert_eq!(
        (Limits::default().head_time.as_secs(), Limits::default().body_time.as_secs()),
        (10, 30)
    );
}

#[tokio::test]
async fn no_more_connections_than_the_limit_are_served_and_the_rest_wait() {
    let limits = Limits { connections: 4, ..short() };
    let server = Server::start(Setup { limits, ..Setup::default() }).await;
    let idle: Vec<Raw> = futures_util::future::join_all((0..4).map(|_| server.raw())).await;
    // Served as soon as the idle ones are closed.
    server.post(body()).await.is(200);
    drop(idle);
}

#[tokio::test]
async fn an_idle_http_2_connection_that_answers_pings_does_not_keep_its_place() {
    let limits = Limits { connections: 1, ..short() };
    let server = Server::start(Setup { limits, ..Setup::default() }).await;
    let idle = reqwest::Client::builder().http2_prior_knowledge().no_proxy().build().unwrap();
    let answer = idle.get(server.url("/health/live")).send().await.unwrap();
    assert_eq!((answer.status().as_u16(), answer.version()), (200, http::Version::HTTP_2));
    // The only place is free again after a while, though that client is well and still connected.
    let other = tokio::time::timeout(Duration::from_secs(10), server.post(body()));
    other.await.expect("served").is(200);
    drop(idle);
}

// --- HTTP/2 by hand, for what no client would send ---

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const CONTINUATION: u8 = 9;
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    let mut frame = vec![length[1], length[2], length[3], kind, flags];
    frame.extend_from_slice(&stream.to_be_bytes());
    frame.extend_from_slice(payload);
    frame
}

/// `GET /health/live` of `localhost`, without Huffman codes.
fn request() -> Vec<u8> {
    let mut block = vec![0x82, 0x86, 0x04, 12];
    block.extend_from_slice(b"/health/live");
    block.extend_from_slice(&[0x01, 9]);
    block.extend_from_slice(b"localhost");
    block
}

/// Writes until the server closes; whether it did so before everything was taken.
async fn flood(server: &Server, frames: impl Iterator<Item = Vec<u8>>) -> bool {
    let mut raw = server.raw().await;
    raw.send(PREFACE).await;
    let (mut reads, mut writes) = raw.0.into_split();
    let closed = tokio::spawn(async move {
        let mut all = Vec::new();
        tokio::time::timeout(Duration::from_secs(10), reads.read_to_end(&mut all)).await.is_ok()
    });
    for frame in frames {
        if writes.write_all(&frame).await.is_err() {
            return true;
        }
        // Others get their turn, as they would on another machine.
        tokio::task::yield_now().await;
    }
    closed.await.unwrap()
}

#[tokio::test]
async fn a35_rapid_reset_and_floods_of_http_2_are_limited_and_others_are_served() {
    let server = start().await;
    let ids = || (0..1_000_u32).map(|n| 2 * n + 1);
    // In one piece, as an attacker sends it: the streams are reset before anybody has looked at them.
    let reset = ids().flat_map(|id| {
        let mut both = frame(HEADERS, END_STREAM | END_HEADERS, id, &request());
        both.extend(frame(RST_STREAM, 0, id, &[0, 0, 0, 8]));
        both
    });
    let reset = std::iter::once(reset.collect::<Vec<u8>>());
    let streams = ids().map(|id| frame(HEADERS, END_HEADERS, id, &request()));
    let header = [&[0x00, 1, b'x', 127][..], &[0x81, 0x79], &[b'y'; 16_000]].concat();
    let endless = std::iter::once(frame(HEADERS, 0, 1, &request()))
        .chain((0..1_000).map(move |_| frame(CONTINUATION, 0, 1, &header)));

    let others = async {
        for _ in 0..50 {
            server.post(body()).await.is(200);
        }
    };
    let (reset, continued, ()) =
        tokio::join!(flood(&server, reset), flood(&server, endless), others);
    assert!(reset, "a rapid reset ends the connection");
    assert!(continued, "headers without end are cut");

    // A thousand streams that stay open: at most 64 are worked on, the others are refused, the connection lives.
    let mut raw = server.raw().await;
    raw.send(PREFACE).await;
    for stream in streams {
        if raw.0.write_all(&stream).await.is_err() {
            break;
        }
    }
    server.post(body()).await.is(200);
}
