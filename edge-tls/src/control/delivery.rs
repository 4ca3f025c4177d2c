//! Login events, from the worker to the disk and from there to the control plane: in order, in
//! batches, again and again until they are there. The control plane knows repeated ones by their id.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use edge_state::access::call::LogBatch;
use rand::Rng as _;
use reqwest::StatusCode;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::Control;
use super::disk::{self, Disk, DiskError, Waiting};
use crate::metrics;

const BATCH: usize = 500;
const RETRY_FIRST: Duration = Duration::from_millis(200);
const RETRY_LAST: Duration = Duration::from_secs(15);

/// The login events of this point of presence; clones share them.
#[derive(Clone)]
pub struct Logins {
    disk: Arc<Disk>,
    /// Who holds it tells how many wait: counted before somebody else told, it would be wrong for long.
    telling: Arc<Mutex<()>>,
    arrived: Arc<Notify>,
}

/// Why a batch is not there yet.
#[derive(Debug, thiserror::Error)]
enum Undelivered {
    #[error(transparent)]
    Http(#[from] reqwest::Error),
    #[error("the control plane answered {0}")]
    Status(StatusCode),
    #[error(transparent)]
    Disk(#[from] DiskError),
}

impl Logins {
    /// Opens what is on disk.
    pub fn open(path: &Path) -> Result<Self, DiskError> {
        let disk = Disk::open(path, disk::KEPT)?;
        metrics::logins_waiting(disk.len()?);
        Ok(Self { disk: Arc::new(disk), telling: Arc::default(), arrived: Arc::default() })
    }

    /// Keeps events. Once this returns they are on disk.
    pub async fn keep(&self, batch: LogBatch) -> Result<(), DiskError> {
        let telling = self.telling.clone();
        let kept = self.on_disk(move |disk| {
            let dropped = disk.keep(&batch.events)?;
            tell(disk, &telling).map(|()| dropped)
        });
        let dropped = kept.await?;
        if dropped > 0 {
            metrics::logins_dropped(dropped);
            tracing::error!(dropped, "login events are lost: too many wait");
        }
        self.arrived.notify_one();
        Ok(())
    }

    /// Brings events to the control plane until `stop`.
    pub async fn deliver(self, control: Control, stop: CancellationToken) {
        let (mut retry, mut batch, mut away) = (RETRY_FIRST, BATCH, false);
        while !stop.is_cancelled() {
            let delivered = tokio::select! {
                delivered = self.step(&control, &mut batch) => delivered,
                () = stop.cancelled() => return,
            };
            let wait = match delivered {
                Ok(true) => {
                    (retry, away) = (RETRY_FIRST, false);
                    continue;
                }
                Ok(false) => None,
                Err(error) => {
                    if !away {
                        tracing::warn!(%error, "login events wait for the control plane");
                        away = true;
                    }
                    let wait = retry.mul_f64(rand::rng().random_range(0.5..1.0));
                    retry = (retry * 2).min(RETRY_LAST);
                    Some(wait)
                }
            };
            let woken = async {
                match wait {
                    Some(wait) => tokio::time::sleep(wait).await,
                    None => self.arrived.notified().await,
                }
            };
            tokio::select! {
                () = woken => {}
                () = stop.cancelled() => return,
            }
        }
    }

    /// One batch. `false`: none waits.
    async fn step(&self, control: &Control, batch: &mut usize) -> Result<bool, Undelivered> {
        let limit = *batch;
        let Waiting { last, events } = self.on_disk(move |disk| disk.oldest(limit)).await?;
        let count = events.len() as u64;
        if count > 0 {
            let body = serde_json::to_vec(&LogBatch { events }).unwrap_or_default();
            let status = control.ask("logs", body.into()).await?.status();
            match status {
                status if status.is_success() => metrics::logins_delivered(count),
                // One of them is what it will never take: it is found, and the others go on.
                StatusCode::BAD_REQUEST
                | StatusCode::PAYLOAD_TOO_LARGE
                | StatusCode::UNPROCESSABLE_ENTITY => {
                    if count > 1 {
                        *batch = (limit / 2).max(1);
                        return Ok(true);
                    }
                    metrics::logins_dropped(1);
                    tracing::error!(%status, "the control plane refuses a login event: it is lost");
                }
                status => return Err(Undelivered::Status(status)),
            }
        } else if last == 0 && self.on_disk(Disk::is_empty).await? {
            *batch = BATCH;
            return Ok(false);
        }
        *batch = (limit * 2).min(BATCH);
        let telling = self.telling.clone();
        self.on_disk(move |disk| disk.forget(last).and_then(|()| tell(disk, &telling))).await?;
        Ok(true)
    }

    /// The disk is waited for elsewhere than where visitors are served.
    async fn on_disk<T: Send + 'static>(
        &self,
        f: impl FnOnce(&Disk) -> Result<T, DiskError> + Send + 'static,
    ) -> Result<T, DiskError> {
        let disk = self.disk.clone();
        let done = tokio::task::spawn_blocking(move || f(&disk)).await;
        done.unwrap_or_else(|panic| std::panic::resume_unwind(panic.into_panic()))
    }
}

/// Tells how many events wait.
fn tell(disk: &Disk, telling: &Mutex<()>) -> Result<(), DiskError> {
    let _turn = telling.lock().unwrap_or_else(PoisonError::into_inner);
    metrics::logins_waiting(disk.len()?);
    Ok(())
}
