//! Figures for the operator, and a remedy for clocks that were set back.

use std::time::Duration;

use super::Runner;
use crate::metrics::{CERTIFICATES, HOSTNAMES, JOBS_DUE, OLDEST_JOB};
use crate::store::{certificates, jobs, machines};

/// How often.
pub(super) const INTERVAL: Duration = Duration::from_secs(15);

impl Runner {
    pub(super) async fn keep_house(&self) {
        if let Err(error) = self.measure().await {
            tracing::error!(%error, "the database cannot be measured");
        }
        if let Err(error) = self.hurry().await {
            tracing::error!(%error, "stranded jobs cannot be looked for");
        }
    }

    async fn measure(&self) -> sqlx::Result<()> {
        let now = self.now();
        let mut tx = self.db.read().await?;
        let due = jobs::next_due(&mut tx, now.as_millis()).await?;
        let late = due.map_or(0.0, |due_at| {
            now.since(lifecycle::Timestamp::from_millis(due_at)).as_secs_f64()
        });
        metrics::gauge!(OLDEST_JOB).set(late);
        metrics::gauge!(JOBS_DUE).set(figure(jobs::count_due(&mut tx, now.as_millis()).await?));
        set(CERTIFICATES, &certificates::count_by_status(&mut tx).await?);
        set(HOSTNAMES, &machines::count_by_ssl_status(&mut tx).await?);
        Ok(())
    }

    async fn hurry(&self) -> sqlx::Result<()> {
        let now = self.now();
        let mut tx = self.db.begin().await?;
        let hurried = jobs::hurry_after_clock_went_back(&mut tx, now.as_millis()).await?;
        if hurried > 0 {
            tracing::warn!(hurried, "jobs were planned ahead of time: the clock was set back");
        }
        tx.commit().await
    }
}

/// A status that nothing has any more falls to zero.
fn set(gauge: &'static str, counts: &[(String, i64)]) {
    for status in STATUSES {
        let count = counts.iter().find(|(known, _)| known == status).map_or(0, |(_, count)| *count);
        metrics::gauge!(gauge, "status" => status).set(figure(count));
    }
}

fn figure(count: i64) -> f64 {
    f64::from(u32::try_from(count).unwrap_or(u32::MAX))
}

/// Every `ssl.status` that machines have.
const STATUSES: [&str; 10] = [
    "initializing",
    "pending_validation",
    "pending_issuance",
    "pending_deployment",
    "active",
    "expired",
    "initializing_timed_out",
    "validation_timed_out",
    "issuance_timed_out",
    "deployment_timed_out",
];
