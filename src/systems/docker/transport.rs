//! The way to a Docker Engine: a socket of this machine, or a host; bounded in time and size, never kept, never retried.
//!
//! The client library bounds nothing by itself, takes a broken end for an end, and an answer of any 2xx for the one
//! that was asked for. All that is seen to here.

use bollard::Docker;
use bollard::errors::Error;
use http::header::{CONTENT_LENGTH, DATE, TRANSFER_ENCODING};
use http::{HeaderMap, StatusCode, Uri};
use hyper::body::Incoming;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::{Connected, Connection};
use hyper_util::rt::{TokioExecutor, TokioIo};
use std::io::{self, ErrorKind};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpStream, UnixStream};

use crate::core::evidence::{Failure, FailureKind};
use crate::core::time::Timestamp;
use crate::systems::Engine;
use crate::systems::http::{CONNECT, MAX_HEADERS, TOTAL, address, chain};

/// Two clocks that differ by less are one: the header has whole seconds, and answers take time.
pub(super) const ALIKE: jiff::SignedDuration = jiff::SignedDuration::from_secs(5);

/// What the answers told by the way: the engine's clock.
#[derive(Clone, Debug, Default)]
pub(super) struct Heard(Arc<Mutex<Option<Timestamp>>>);

impl Heard {
    pub(super) fn date(&self) -> Option<Timestamp> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn note(&self, headers: &HeaderMap) {
        let date = headers.get(DATE).and_then(|date| date.to_str().ok());
        let date = date.and_then(|date| httpdate::parse_http_date(date).ok());
        if let Some(date) = date.and_then(|date| Timestamp::try_from(date).ok()) {
            *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(date);
        }
    }
}

/// A client for the next few requests, none of which may answer with more than `most_bytes`.
pub(super) fn connect(engine: &Engine, most_bytes: u64, heard: Heard) -> Result<Docker, Failure> {
    let engine = engine.clone();
    let connector = tower::service_fn(move |_: Uri| {
        let engine = engine.clone();
        Box::pin(async move {
            let opened = tokio::time::timeout(CONNECT, open(&engine)).await;
            let stream = opened.map_err(|_| io::Error::from(ErrorKind::TimedOut))??;
            Ok::<_, io::Error>(TokioIo::new(Bounded { stream, left: most_bytes }))
        })
    });
    let client = Client::builder(TokioExecutor::new())
        .pool_max_idle_per_host(0)
        .retry_canceled_requests(false)
        .http1_max_headers(MAX_HEADERS)
        .build(connector);
    let transport = move |request| {
        let (client, heard) = (client.clone(), heard.clone());
        async move {
            let answer = client.request(request).await?;
            heard.note(answer.headers());
            expected(&answer)?;
            Ok(answer)
        }
    };
    Docker::connect_with_custom_transport(
        transport,
        // Every request goes where the connector goes.
        Some("http://docker"),
        TOTAL.as_secs(),
        bollard::API_DEFAULT_VERSION,
    )
    .map_err(|error| failure_of(&error))
}

/// Refusals are the library's to read; of what is no refusal only a whole 200 will do.
fn expected(answer: &http::Response<Incoming>) -> Result<(), Error> {
    let status = answer.status();
    if status.is_client_error() || status.is_server_error() {
        return Ok(());
    }
    if status != StatusCode::OK {
        let message = "neither an answer nor a refusal".to_owned();
        return Err(Error::DockerResponseServerError { status_code: status.as_u16(), message });
    }
    let headers = answer.headers();
    if headers.contains_key(CONTENT_LENGTH) || headers.contains_key(TRANSFER_ENCODING) {
        return Ok(());
    }
    let unframed = "the answer does not say how long it is: a cut would not be seen";
    Err(io::Error::new(ErrorKind::InvalidData, unframed).into())
}

async fn open(engine: &Engine) -> io::Result<Box<dyn Stream>> {
    match engine {
        Engine::Socket(path) => Ok(Box::new(UnixStream::connect(path).await?)),
        Engine::Host { host, port } => {
            let refused = |failure: Failure| match failure.kind {
                FailureKind::BadQuestion => io::Error::new(ErrorKind::InvalidInput, failure.detail),
                FailureKind::Timeout
                | FailureKind::Unreachable
                | FailureKind::Unauthorized
                | FailureKind::ServerError
                | FailureKind::Malformed
                | FailureKind::NotConfigured
                | FailureKind::Lost => io::Error::other(failure.detail),
            };
            let found = address::resolve(host, *port).await.map_err(refused)?;
            Ok(Box::new(TcpStream::connect(found.as_slice()).await?))
        }
    }
}

trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// A connection that breaks when the other side has said more than it may.
struct Bounded {
    stream: Box<dyn Stream>,
    left: u64,
}

// === impl Bounded ===

impl Connection for Bounded {
    fn connected(&self) -> Connected {
        Connected::new()
    }
}

impl AsyncRead for Bounded {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let polled = Pin::new(&mut self.stream).poll_read(context, buffer);
        let read = buffer.filled().len().saturating_sub(before) as u64;
        match self.left.checked_sub(read) {
            Some(left) => {
                self.left = left;
                polled
            }
            None => {
                Poll::Ready(Err(io::Error::new(ErrorKind::InvalidData, "far too long an answer")))
            }
        }
    }
}

impl AsyncWrite for Bounded {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

/// What went wrong on the way.
pub(super) fn failure_of(error: &Error) -> Failure {
    chain::failure_of(error, "the Docker Engine")
}
