//! A server that answers with exactly the bytes it is told to, and then misbehaves as it is told to.

use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// What happens after the bytes are sent.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Then {
    Close,
    /// RST instead of FIN.
    Reset,
    Hang,
    /// The body goes on, one byte at a time, for ever.
    Drip,
    /// The body goes on as fast as the client reads.
    Flood,
}

type Answer = Arc<Mutex<(Vec<u8>, Then)>>;
/// Whole answers by a part of the request.
type Fixed = Arc<Mutex<Vec<(String, Vec<u8>)>>>;

pub struct Raw {
    pub url: String,
    answer: Answer,
    fixed: Fixed,
    requests: Arc<Mutex<Vec<String>>>,
    task: tokio::task::JoinHandle<()>,
}

impl Raw {
    pub async fn serve(answer: impl Into<Vec<u8>>, then: Then) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let requests = Arc::new(Mutex::new(Vec::new()));
        let answer = Arc::new(Mutex::new((answer.into(), then)));
        let fixed = Fixed::default();
        let (seen, given, always) =
            (Arc::clone(&requests), Arc::clone(&answer), Arc::clone(&fixed));
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (given, always) = (Arc::clone(&given), Arc::clone(&always));
                tokio::spawn(one(stream, given, always, Arc::clone(&seen)));
            }
        });
        Self { url, answer, fixed, requests, task }
    }

    /// Answers so from now on.
    pub fn set(&self, answer: impl Into<Vec<u8>>, then: Then) {
        *self.answer.lock().unwrap() = (answer.into(), then);
    }

    /// Whatever is set, a request with this in it is answered so.
    pub fn fix(&self, part: &str, answer: impl Into<Vec<u8>>) {
        self.fixed.lock().unwrap().push((part.to_owned(), answer.into()));
    }

    /// Every request as it came, head and body.
    pub fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap().clone()
    }
}

impl Drop for Raw {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn one(mut stream: TcpStream, given: Answer, always: Fixed, seen: Arc<Mutex<Vec<String>>>) {
    let Some(request) = read_request(&mut stream).await else { return };
    let fixed = {
        let always = always.lock().unwrap();
        let found = always.iter().find(|(part, _)| request.contains(part));
        found.map(|(_, answer)| (answer.clone(), Then::Close))
    };
    let (answer, then) = fixed.unwrap_or_else(|| given.lock().unwrap().clone());
    seen.lock().unwrap().push(request);
    if stream.write_all(&answer).await.is_err() {
        return;
    }
    match then {
        Then::Close => drop(stream.shutdown().await),
        Then::Reset => stream.set_zero_linger().unwrap(),
        Then::Hang => tokio::time::sleep(Duration::from_mins(1)).await,
        Then::Drip => {
            while stream.write_all(b" ").await.is_ok() {
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
        Then::Flood => {
            let block = vec![b' '; 64 * 1024];
            while stream.write_all(&block).await.is_ok() {}
        }
    }
}

async fn read_request(stream: &mut TcpStream) -> Option<String> {
    let mut bytes = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&bytes).to_lowercase();
        if let Some(head) = text.find("\r\n\r\n") {
            let length = text
                .lines()
                .find_map(|line| line.strip_prefix("content-length: ")?.parse::<usize>().ok())
                .unwrap_or(0);
            if bytes.len() >= head + 4 + length {
                return Some(String::from_utf8_lossy(&bytes).into_owned());
            }
        }
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    }
}

/// A whole answer with its length.
pub fn http(status: &str, kind: &str, body: &str) -> Vec<u8> {
    let length = body.len();
    format!("HTTP/1.1 {status}\r\ncontent-type: {kind}\r\ncontent-length: {length}\r\n\r\n{body}")
        .into_bytes()
}

pub fn json(body: &str) -> Vec<u8> {
    http("200 OK", "application/json", body)
}

/// An address at which nobody listens.
pub async fn nobody() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    format!("http://{}", listener.local_addr().unwrap())
}
