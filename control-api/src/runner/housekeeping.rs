//! Figures for the operator, and what is forgotten in time.

use std::time::Duration;

use super::Runner;
use crate::store::{certificates, changes, jobs};

/// How often.
pub(super) const INTERVAL: Duration = Duration::from_secs(15);

/// A point of presence that was away for longer starts from a snapshot.
const TOMBSTONES: Duration = Duration::from_hours(7 * 24);

impl Runner {
    pub(super) async fn keep_house(&self) {
        if let Err(error) = self.measure().await {
            tracing::error!(%error, "the database cannot be measured");
        }
        if let Err(error) = self.tidy().await {
            tracing::error!(%error, "the database cannot be tidied");
        }
    }

    async fn measure(&self) -> sqlx::Result<()> {
        let now = self.now();
        let mut tx = self.db.read().await?;
        let due = jobs::next_due(&mut tx, now.as_millis()).await?;
        let late = due.map_or(0.0, |due_at| {
            now.since(lifecycle::Timestamp::from_millis(due_at)).as_secs_f64()
        });
        metrics::gauge!("lintel_oldest_due_job_seconds").set(late);
        for (status, count) in certificates::count_by_status(&mut tx).await? {
            let count = u32::try_from(count).unwrap_or(u32::MAX);
            metrics::gauge!("lintel_certificates", "status" => status).set(f64::from(count));
        }
        Ok(())
    }

    async fn tidy(&self) -> sqlx::Result<()> {
        let now = self.now();
        let mut tx = self.db.begin().await?;
        let hurried = jobs::hurry_after_clock_went_back(&mut tx, now.as_millis()).await?;
        if hurried > 0 {
            tracing::warn!(hurried, "jobs were planned ahead of time: the clock was set back");
        }
        changes::purge(&mut tx, (now - TOMBSTONES).as_millis()).await?;
        tx.commit().await
    }
}
