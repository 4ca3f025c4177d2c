//! What has to be thrown away now and then.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::api::idempotency::KEPT_MILLIS;
use crate::clock::Clock;
use crate::store::{Db, idempotency};

/// Forgets first answers that nobody will ask for again, every hour until `stop`.
pub async fn run(db: Db, clock: Clock, stop: CancellationToken) {
    let mut ticks = tokio::time::interval(EVERY);
    loop {
        tokio::select! {
            _ = ticks.tick() => {}
            () = stop.cancelled() => return,
        }
        if let Err(error) = forget(&db, clock.now_millis() - KEPT_MILLIS).await {
            tracing::warn!(%error, "old answers could not be forgotten; next try in an hour");
        }
    }
}

async fn forget(db: &Db, before: i64) -> sqlx::Result<()> {
    let mut tx = db.begin().await?;
    idempotency::forget(&mut tx, before).await?;
    tx.commit().await
}

const EVERY: Duration = Duration::from_hours(1);
