//! The end: no new work, then time for the work under way, then nothing is left.

use std::time::Duration;

use tokio::io::AsyncReadExt as _;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// What every task of this process holds on to; clones are one.
#[derive(Clone, Default)]
pub struct Lifetime {
    /// No new work.
    pub stop: CancellationToken,
    /// What is still under way is given up.
    pub end: CancellationToken,
    /// Visitors' connections and tunnels, which are waited for.
    pub visitors: TaskTracker,
    /// Everything behind them, which outlives them.
    pub services: TaskTracker,
}

impl Lifetime {
    /// Stops accepting, gives visitors up to `patience`, then ends all.
    pub async fn close(&self, patience: Duration) {
        self.stop.cancel();
        self.visitors.close();
        if tokio::time::timeout(patience, self.visitors.wait()).await.is_err() {
            tracing::warn!(left = self.visitors.len(), "giving up what is still under way");
        }
        self.end.cancel();
        self.visitors.wait().await;
        self.services.close();
        self.services.wait().await;
    }
}

/// Returns when the process is asked to end: SIGTERM, SIGINT or, with a lifeline, the end of
/// standard input (the parent is gone).
pub async fn requested(lifeline: bool) -> std::io::Result<()> {
    let (mut terminate, mut interrupt) =
        (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    tokio::select! {
        _ = terminate.recv() => tracing::info!("SIGTERM"),
        _ = interrupt.recv() => tracing::info!("SIGINT"),
        () = stdin_ends(), if lifeline => tracing::info!("the lifeline ended"),
    }
    Ok(())
}

async fn stdin_ends() {
    let mut stdin = tokio::io::stdin();
    let mut bytes = [0; 256];
    while stdin.read(&mut bytes).await.is_ok_and(|read| read > 0) {}
}
