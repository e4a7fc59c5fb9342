//! The signals that end a program, SIGTERM and SIGINT, and the one that has the rules read again, SIGHUP. Never ends it itself.

use std::sync::Arc;

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::Notify;

/// Returns at the first SIGTERM or SIGINT. Called again, it waits for the next.
pub(super) async fn first() {
    let (Ok(mut terminate), Ok(mut interrupt)) =
        (signal(SignalKind::terminate()), signal(SignalKind::interrupt()))
    else {
        // Without handlers the system's own apply: the process ends at once.
        return std::future::pending().await;
    };
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
}

/// Pokes `asked` at every SIGHUP. A terminal that goes away sends one too: the server stays.
pub(super) async fn on_hang_up(asked: Arc<Notify>) {
    let Ok(mut hang_up) = signal(SignalKind::hangup()) else { return };
    while hang_up.recv().await.is_some() {
        asked.notify_one();
    }
}
