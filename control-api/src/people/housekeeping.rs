//! What is forgotten in time, a little at once, so that nobody waits for it.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::{People, revocation};
use crate::metrics::{SEATS, SESSIONS};
use crate::store::{approvals, limits, logins, mails, pins, revocations, sessions, spent, users};

impl People {
    /// Forgets and measures every minute until `stop`.
    pub async fn keep_house(self, stop: CancellationToken) {
        let mut ticks = tokio::time::interval(EVERY);
        while stop.run_until_cancelled(ticks.tick()).await.is_some() {
            if let Err(error) = self.tidy().await {
                tracing::warn!(%error, "what is too old could not be forgotten; again in a minute");
            }
        }
    }

    /// Forgets all that is too old now.
    ///
    /// # Errors
    /// The database failed; what was done until then is done.
    pub async fn tidy(&self) -> sqlx::Result<()> {
        let now = self.clock.now_millis();
        let seconds = now.div_euclid(1000);
        let log = i64::try_from(self.settings.log_retention.as_millis()).unwrap_or(i64::MAX);
        /// Repeats one batch, each in a transaction of its own, until it is not full any more.
        macro_rules! batches {
            ($tx:ident => $forget:expr) => {
                for _ in 0..MOST_BATCHES {
                    let mut $tx = self.db.begin().await?;
                    let forgotten = $forget;
                    $tx.commit().await?;
                    if forgotten < BATCH.unsigned_abs() {
                        break;
                    }
                }
            };
        }
        batches!(tx => spent::forget(&mut tx, seconds - GRACE, BATCH).await?);
        batches!(tx => limits::forget(&mut tx, now, BATCH).await?);
        batches!(tx => pins::forget(&mut tx, now, BATCH).await?);
        batches!(tx => mails::forget(&mut tx, now, BATCH).await?);
        batches!(tx => approvals::forget(&mut tx, now - APPROVAL_LIFETIME, BATCH).await?);
        batches!(tx => logins::forget(&mut tx, now.saturating_sub(log), BATCH).await?);
        batches!(tx => {
            let nonces = sessions::forget(&mut tx, now - GRACE * 1000, BATCH).await?;
            let forgotten = nonces.len() as u64;
            revocation::bury(&mut tx, nonces, now).await?;
            forgotten
        });
        batches!(tx => {
            let before = seconds - OLDEST_TOKEN;
            let accounts = revocations::forget(&mut tx, before, BATCH).await?;
            let forgotten = accounts.len() as u64;
            let accounts: std::collections::BTreeSet<_> = accounts.into_iter().collect();
            for account in accounts {
                revocation::publish_for(&mut tx, &account, now).await?;
            }
            forgotten
        });
        self.bell.ring();
        self.measure(now).await
    }

    #[allow(clippy::cast_precision_loss, reason = "metrics are floats")]
    async fn measure(&self, now: i64) -> sqlx::Result<()> {
        let mut tx = self.db.read().await?;
        metrics::gauge!(SESSIONS).set(sessions::count(&mut tx, now).await? as f64);
        metrics::gauge!(SEATS).set(users::count_seats(&mut tx).await? as f64);
        Ok(())
    }
}

const EVERY: Duration = Duration::from_mins(1);
const BATCH: i64 = 200;
const MOST_BATCHES: usize = 100;
/// Seconds: clocks of edges differ from ours.
const GRACE: i64 = 300;
/// Seconds: no token lives longer than a month, so none can be older.
const OLDEST_TOKEN: i64 = 32 * 24 * 3600;
/// Longer than anything can be approved for, counted from the decision.
const APPROVAL_LIFETIME: i64 = 32 * 24 * 3_600_000;
