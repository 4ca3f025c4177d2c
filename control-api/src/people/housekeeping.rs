//! What is forgotten in time, a little at once, so that nobody waits for it.

use std::time::Duration;

use serde::Deserialize;
use tokio_util::sync::CancellationToken;

use super::{People, revocation};
use crate::api::access::object::kind;
use crate::duration;
use crate::metrics::{SEATS, SESSIONS};
use crate::store::access::objects;
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
        self.take_idle_seats(now).await?;
        self.bell.ring();
        self.measure(now).await
    }

    /// `user_seat_expiration_inactive_time` of organisations that set it.
    async fn take_idle_seats(&self, now: i64) -> sqlx::Result<()> {
        #[derive(Deserialize)]
        struct Expiration {
            user_seat_expiration_inactive_time: String,
        }
        let organizations = objects::every(&mut self.db.read().await?, kind::ORGANIZATION).await?;
        for organization in organizations {
            let expiration = serde_json::from_str::<Expiration>(&organization.body).ok();
            let seconds = expiration
                .and_then(|it| duration::seconds(&it.user_seat_expiration_inactive_time).ok());
            let Some(seconds) = seconds else { continue };
            let millis = i64::try_from(seconds.saturating_mul(1000)).unwrap_or(i64::MAX);
            let mut tx = self.db.begin().await?;
            let before = now.saturating_sub(millis);
            users::take_idle_seats(&mut tx, &organization.account_id, before, now).await?;
            tx.commit().await?;
        }
        Ok(())
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
