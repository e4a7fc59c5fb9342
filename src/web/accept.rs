//! The accept loop: limits in time and number for every connection, and a drain at the end. Never ends by itself, and
//! never lets one client keep the others out for longer than a head may take.

use axum::Router;
use axum::body::Body;
use axum::http::header::{CONNECTION, TRANSFER_ENCODING};
use axum::http::{HeaderValue, Request, Version};
use axum::response::Response;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

use super::Limits;
use super::framing::Watched;
use crate::core::time::Duration;

/// After an accept that failed for want of file descriptors: time for some connection to end.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// Heads beyond this are no sender of ours; a 10 KB password still gets its 401.
const HEAD_BYTES_MOST: usize = 64 * 1_024;
const HEADER_LIST_BYTES_MOST: u32 = 32 * 1_024;
/// HTTP/2 streams at once on one connection: an Alertmanager uses a few.
const STREAMS_MOST: u32 = 64;
/// Streams opened and reset before we saw them, and streams that we had to reset: then the connection ends.
const RESETS_MOST: usize = 20;
/// A body of 16 MiB needs no larger window; a hundred connections of them must fit.
const WINDOW_BYTES: u32 = 1024 * 1_024;

/// Serves `router` on `listener` until `shutdown`, then lets running requests end within `limits.drain_time`.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    limits: Limits,
    shutdown: CancellationToken,
) {
    let room = Arc::new(Semaphore::new(limits.connections));
    let builder = Arc::new(builder(limits));
    let mut connections = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            () = shutdown.cancelled() => break,
            // Ended connections are forgotten; the guard keeps an empty set from spinning.
            Some(_) = connections.join_next(), if !connections.is_empty() => continue,
            accepted = accept(&listener, &room) => accepted,
        };
        let Some((stream, permit)) = accepted else { continue };
        let (builder, router, shutdown) = (Arc::clone(&builder), router.clone(), shutdown.clone());
        connections.spawn(async move {
            connection(stream, &builder, router, (limits, shutdown)).await;
            drop(permit);
        });
    }
    drop(listener);
    let ended = async { while connections.join_next().await.is_some() {} };
    if tokio::time::timeout(limits.drain_time, ended).await.is_err() {
        tracing::warn!(connections = connections.len(), "connections cut at shutdown");
        connections.shutdown().await;
    }
}

async fn accept(
    listener: &TcpListener,
    room: &Arc<Semaphore>,
) -> Option<(TcpStream, tokio::sync::OwnedSemaphorePermit)> {
    // With no room, new connections wait in the kernel's queue: to their senders that is a slow answer, not a wrong one.
    let permit = Arc::clone(room).acquire_owned().await.ok()?;
    match listener.accept().await {
        Ok((stream, _)) => {
            // An answer is one small packet; without this it waits for the next.
            if let Err(error) = stream.set_nodelay(true) {
                tracing::debug!(%error, "TCP_NODELAY");
            }
            Some((stream, permit))
        }
        Err(error) if is_one_connection(&error) => None,
        Err(error) => {
            tracing::warn!(%error, "cannot accept connections now");
            tokio::time::sleep(ACCEPT_PAUSE).await;
            None
        }
    }
}

/// The client went away before it was accepted: nothing to wait for.
fn is_one_connection(error: &std::io::Error) -> bool {
    use std::io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset)
}

fn builder(limits: Limits) -> auto::Builder<TokioExecutor> {
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.head_time)
        .max_buf_size(HEAD_BYTES_MOST)
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(STREAMS_MOST)
        .max_pending_accept_reset_streams(RESETS_MOST)
        .max_local_error_reset_streams(RESETS_MOST)
        .max_header_list_size(HEADER_LIST_BYTES_MOST)
        .initial_stream_window_size(WINDOW_BYTES)
        .initial_connection_window_size(WINDOW_BYTES)
        .keep_alive_interval(limits.head_time)
        .keep_alive_timeout(limits.head_time);
    builder
}

/// Serves one connection until it ends, idles, or the server stops.
async fn connection(
    stream: TcpStream,
    builder: &auto::Builder<TokioExecutor>,
    router: Router,
    (limits, shutdown): (Limits, CancellationToken),
) {
    let activity = Arc::new(Activity::default());
    let stream = Watched::new(stream, Arc::clone(&activity.is_odd));
    let service = {
        let activity = Arc::clone(&activity);
        service_fn(move |request| answer(router.clone(), request, Arc::clone(&activity)))
    };
    let mut serving = std::pin::pin!(builder.serve_connection(TokioIo::new(stream), service));
    let mut ticks = tokio::time::interval(limits.head_time);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticks.tick().await;
    let mut seen = 0;
    let mut ending = false;
    loop {
        tokio::select! {
            result = serving.as_mut() => {
                if let Err(error) = result {
                    tracing::debug!(error, "connection ended");
                }
                return;
            }
            () = shutdown.cancelled(), if !ending => {
                ending = true;
                serving.as_mut().graceful_shutdown();
            }
            // hyper limits the time of an HTTP/1 head only; this limits the first bytes of a connection, idle HTTP/2,
            // and answers that nobody reads.
            _ = ticks.tick() => {
                let began = activity.began.load(Ordering::Relaxed);
                let is_idle = began == seen && activity.running.load(Ordering::Relaxed) == 0;
                if is_idle && (began == 0 || ending) {
                    return;
                }
                if is_idle {
                    ending = true;
                    serving.as_mut().graceful_shutdown();
                }
                seen = began;
            }
        }
    }
}

/// What a connection does, for the clock that ends idle ones.
#[derive(Default)]
struct Activity {
    began: AtomicUsize,
    running: AtomicUsize,
    /// A head had line ends that others may read differently.
    is_odd: Arc<AtomicBool>,
}

/// Counts a request as running until it is answered or dropped.
struct Running(Arc<Activity>);

impl Running {
    fn begin(activity: Arc<Activity>) -> Self {
        activity.began.fetch_add(1, Ordering::Relaxed);
        activity.running.fetch_add(1, Ordering::Relaxed);
        Self(activity)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.0.running.fetch_sub(1, Ordering::Relaxed);
    }
}

async fn answer(
    router: Router,
    request: Request<Incoming>,
    activity: Arc<Activity>,
) -> Result<Response, Infallible> {
    let running = Running::begin(Arc::clone(&activity));
    let is_http_1 = request.version() < Version::HTTP_2;
    let is_chunked = request.headers().contains_key(TRANSFER_ENCODING);
    let mut response = router.oneshot(request.map(Body::new)).await?;
    // Whatever a proxy in front made of odd line ends: nothing after them on this connection is believed. After a chunked
    // body the watch for them has lost its place. (After a request with both lengths hyper itself ends the connection.)
    if is_http_1 && (is_chunked || activity.is_odd.load(Ordering::Relaxed)) {
        response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    }
    drop(running);
    Ok(response)
}
