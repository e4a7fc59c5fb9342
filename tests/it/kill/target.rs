//! The fake target of the kill tests: it tells its state, counts what was really done to it, and can end its client in
//! the middle of a request. Its count is the judge.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// Where in a reset request its client dies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cut {
    AfterFirstByte,
    /// The request is whole and carried out; the answer never comes.
    AfterLastByte,
}

#[derive(Default)]
pub struct Seen {
    pub open: bool,
    /// The `Idempotency-Key` of every reset that was carried out, in order.
    pub resets: Vec<String>,
    pub cut: Option<(Cut, u32)>,
}

pub struct Target {
    pub url: String,
    pub seen: Arc<Mutex<Seen>>,
    server: tokio::task::JoinHandle<()>,
}

impl Target {
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let seen = Arc::new(Mutex::new(Seen { open: true, ..Seen::default() }));
        let shared = seen.clone();
        let server = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(answer(stream, shared.clone()));
            }
        });
        Self { url, seen, server }
    }

    pub fn resets(&self) -> Vec<String> {
        self.seen.lock().unwrap().resets.clone()
    }

    /// The next reset's client dies there.
    pub fn cut(&self, cut: Cut, pid: u32) {
        self.seen.lock().unwrap().cut = Some((cut, pid));
    }
}

impl Drop for Target {
    fn drop(&mut self) {
        self.server.abort();
    }
}

/// One request a connection, by hand: the place to die lies between two bytes.
async fn answer(mut stream: TcpStream, seen: Arc<Mutex<Seen>>) {
    let mut read = Vec::new();
    let mut buffer = [0_u8; 4_096];
    let whole = loop {
        let Ok(count) = stream.read(&mut buffer).await else { return };
        if count == 0 {
            return;
        }
        read.extend_from_slice(&buffer[..count]);
        if read.starts_with(b"POST") && die(&seen, Cut::AfterFirstByte) {
            return;
        }
        if let Some(whole) = request(&read) {
            break whole;
        }
    };
    let (line, key) = whole;
    let body = if line.starts_with("POST /reset") {
        {
            let mut seen = seen.lock().unwrap();
            seen.resets.push(key);
            seen.open = false;
        }
        if die(&seen, Cut::AfterLastByte) {
            // The connection stays open until its client is surely gone.
            tokio::time::sleep(Duration::from_millis(200)).await;
            return;
        }
        "{}".to_owned()
    } else if line.starts_with("GET /state") {
        let seen = seen.lock().unwrap();
        let last = seen.resets.last().map_or("null".to_owned(), |key| format!("\"{key}\""));
        format!(
            "{{\"state\":\"{}\",\"last_reset\":{{\"decision\":{last}}}}}",
            if seen.open { "open" } else { "closed" }
        )
    } else if line.starts_with("GET /metrics") {
        "# TYPE calls_total counter\ncalls_total{status=\"503\"} 40\n".to_owned()
    } else {
        "{\"ok\":true}".to_owned()
    };
    let head = format!(
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
        body.len()
    );
    let _sent = stream.write_all(format!("{head}{body}").as_bytes()).await;
}

/// The request line and the `Idempotency-Key`, once all of it is there.
fn request(read: &[u8]) -> Option<(String, String)> {
    let end = read.windows(4).position(|four| four == b"\r\n\r\n")?;
    let head = String::from_utf8_lossy(&read[..end]).into_owned();
    let header = |name: &str| {
        head.lines()
            .skip(1)
            .filter_map(|line| line.split_once(':'))
            .find(|(n, _)| n.eq_ignore_ascii_case(name))
            .map(|(_, v)| v.trim().to_owned())
    };
    let length: usize = header("content-length").and_then(|text| text.parse().ok()).unwrap_or(0);
    (read.len() >= end + 4 + length).then(|| {
        (
            head.lines().next().unwrap_or("").to_owned(),
            header("idempotency-key").unwrap_or_default(),
        )
    })
}

fn die(seen: &Arc<Mutex<Seen>>, here: Cut) -> bool {
    let mut seen = seen.lock().unwrap();
    match seen.cut {
        Some((cut, pid)) if cut == here => {
            seen.cut = None;
            crate::served::signal(pid, rustix::process::Signal::KILL);
            true
        }
        _ => false,
    }
}
