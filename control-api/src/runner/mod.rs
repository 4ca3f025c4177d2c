//! The runner: leases a job that is due, performs its step, and reports what happened to the
//! engine. It knows no state: what a step's result means is the machines' business.
//!
//! Any number of runners work on one database. Each step is performed at least once; its result is
//! written only by whoever still holds the lease.
//!
//! - [`hostname`]: whether a custom hostname points here or proves its ownership
//! - [`order`]: the steps of an order, from key to chain
//! - [`edge`]: what the edge answers and serves
//! - [`trouble`]: what others' errors mean to a machine
//! - [`assembly`]: made from the configuration
//! - [`housekeeping`]: figures, and what is forgotten in time

mod assembly;
mod edge;
mod hostname;
mod housekeeping;
mod order;
#[cfg(test)]
mod tests;
mod trouble;

pub use assembly::AssemblyError;

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use lifecycle::Timestamp;
use lifecycle::certificate;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tracing::Instrument as _;

use crate::check::PublicHttp;
use crate::clock::Clock;
use crate::dns::Resolver;
use crate::engine::{Attached, Engine, EngineError};
use crate::issuer::Issuers;
use crate::metrics::{JOB_SECONDS, JOBS};
use crate::store::jobs::{self, Job, Lease};
use crate::store::{Db, machines};
use crate::vault::Vault;

/// Performs steps. One per process.
pub struct Runner {
    /// Where the jobs are.
    pub db: Db,
    /// Whom results are reported to.
    pub engine: Engine,
    /// Where certificates come from.
    pub issuers: Arc<Issuers>,
    /// For private keys.
    pub vault: Arc<Vault>,
    /// How customers' DNS is asked.
    pub resolver: Resolver,
    /// How customers' hostnames are looked at.
    pub public: PublicHttp,
    /// Addresses that count as ours.
    pub edge_addresses: Vec<IpAddr>,
    /// What time it is.
    pub clock: Clock,
}

/// What came of a step.
enum Report {
    /// Something happened to the custom hostname.
    Hostname(lifecycle::hostname::Event),
    /// Something happened to the certificate, with what is stored beside it.
    Certificate(certificate::Event, Attached),
    /// Another certificate of the hostname goes first.
    NotYet,
    /// There is nothing to do any more, or not this.
    Nothing,
}

/// Why a step could not be performed for a reason of our own.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error(transparent)]
    Database(#[from] sqlx::Error),
    #[error(transparent)]
    Engine(#[from] EngineError),
    #[error(transparent)]
    Vault(#[from] crate::vault::Error),
    #[error(transparent)]
    Key(#[from] crate::keys::KeyError),
    #[error("a stored name is none: {0}")]
    Name(#[from] edge_state::InvalidHostname),
    #[error("{0}")]
    Issuer(crate::issuer::Error),
    #[error("the step took too long")]
    TooSlow,
    #[error("someone else holds the job now, or it was called off")]
    LeaseLost,
    #[error("there is no step of the name {0:?}")]
    UnknownStep(String),
}

impl Report {
    /// For the metric.
    fn outcome(&self) -> &'static str {
        match self {
            Self::Hostname(lifecycle::hostname::Event::NotVerified(_))
            | Self::Certificate(
                certificate::Event::Failed(_) | certificate::Event::OrderFailed { .. },
                _,
            ) => "retry",
            _ => "ok",
        }
    }
}

impl Runner {
    /// Works until `stop`, then lets the steps in hand end.
    pub async fn run(self: Arc<Self>, stop: CancellationToken) {
        let mut steps = JoinSet::new();
        let mut housekeeping = tokio::time::interval(housekeeping::INTERVAL);
        let worker = format!("{}-{}", std::process::id(), uuid::Uuid::new_v4().simple());
        self.take_over().await;
        while !stop.is_cancelled() {
            let pause = match self.lease(&worker, CONCURRENCY - steps.len()).await {
                Ok(leased) => {
                    let full = steps.len() + leased.len() >= CONCURRENCY;
                    for job in leased {
                        let runner = self.clone();
                        steps.spawn(async move { runner.perform(job).await });
                    }
                    if full { POLL } else { self.pause().await }
                }
                Err(error) => {
                    tracing::error!(%error, "no jobs can be leased");
                    POLL
                }
            };
            tokio::select! {
                () = stop.cancelled() => {}
                () = self.engine.jobs().notified() => {}
                Some(_) = steps.join_next(), if !steps.is_empty() => {}
                _ = housekeeping.tick() => self.keep_house().await,
                () = tokio::time::sleep(pause) => {}
            }
        }
        let in_hand = async { while steps.join_next().await.is_some() {} };
        if tokio::time::timeout(STOP_TIMEOUT, in_hand).await.is_err() {
            tracing::warn!("steps were broken off; they are repeated when their leases end");
        }
    }

    fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.clock.now_millis())
    }

    async fn lease(&self, worker: &str, limit: usize) -> sqlx::Result<Vec<Job>> {
        let now = self.now();
        // A look first, which keeps no writer waiting.
        let mut tx = self.db.read().await?;
        let due = jobs::next_due(&mut tx, now.as_millis()).await?;
        drop(tx);
        if limit == 0 || due.is_none_or(|due_at| due_at > now.as_millis()) {
            return Ok(vec![]);
        }
        let mut tx = self.db.begin().await?;
        let lease = Lease { worker, now: now.as_millis(), until: (now + LEASE).as_millis() };
        let leased = jobs::lease(&mut tx, lease, i64::try_from(limit).unwrap_or(1)).await?;
        tx.commit().await?;
        Ok(leased)
    }

    /// Until the next job is due; not for long, as other processes plan jobs too.
    async fn pause(&self) -> Duration {
        let now = self.now();
        let due = async { jobs::next_due(&mut self.db.read().await?, now.as_millis()).await };
        match due.await {
            Ok(Some(due_at)) => {
                Timestamp::from_millis(due_at).since(now).clamp(SHORTEST_PAUSE, POLL)
            }
            Ok(None) | Err(_) => POLL,
        }
    }

    async fn perform(&self, job: Job) {
        let span = tracing::info_span!("step", kind = job.kind, subject = job.subject);
        let began = std::time::Instant::now();
        let step = async {
            let report = tokio::select! {
                report = tokio::time::timeout(STEP_TIMEOUT, self.step(&job)) => {
                    report.unwrap_or(Err(Failure::TooSlow))
                }
                () = self.hold(&job) => Err(Failure::LeaseLost),
            };
            let result = match report {
                Ok(report) => self.report(&job, report).await,
                Err(failure) => Err(failure),
            };
            let outcome = match &result {
                Ok(outcome) => outcome,
                Err(Failure::LeaseLost) => {
                    tracing::info!("the job was called off, or someone else holds it now");
                    "late"
                }
                Err(failure) => {
                    tracing::error!(%failure, failures = job.failures, "a step failed here");
                    self.put_back(&job).await;
                    "failed"
                }
            };
            let kind = job.kind.clone();
            metrics::counter!(JOBS, "kind" => kind.clone(), "outcome" => outcome).increment(1);
            metrics::histogram!(JOB_SECONDS, "kind" => kind).record(began.elapsed());
        };
        step.instrument(span).await;
    }

    /// Prolongs the lease of a job for as long as this is waited for; returns if it is lost.
    async fn hold(&self, job: &Job) {
        loop {
            tokio::time::sleep(LEASE / 3).await;
            let until = (self.now() + LEASE).as_millis();
            let prolong = async {
                let mut tx = self.db.begin().await?;
                let ours = jobs::prolong(&mut tx, job, until).await?;
                tx.commit().await.map(|()| ours)
            };
            match prolong.await {
                Ok(true) => {}
                Ok(false) => return,
                Err(error) => tracing::warn!(%error, "a lease could not be prolonged"),
            }
        }
    }

    /// On SQLite there is no other process: whoever held a job has ended, and it need not wait until
    /// the lease ends.
    async fn take_over(&self) {
        if !matches!(self.db, Db::Sqlite(_)) {
            return;
        }
        let take_over = async {
            let mut tx = self.db.begin().await?;
            jobs::end_all_leases(&mut tx).await?;
            tx.commit().await
        };
        if let Err(error) = take_over.await {
            tracing::error!(%error, "jobs in hand at the last end come again when their leases end");
        }
    }

    async fn step(&self, job: &Job) -> Result<Report, Failure> {
        match job.kind.as_str() {
            "check_hostname" => self.check_hostname(&job.subject).await,
            kind => match certificate::Step::ALL.into_iter().find(|step| step.as_str() == kind) {
                Some(step) => self.certificate_step(step, job).await,
                None => Err(Failure::UnknownStep(kind.to_owned())),
            },
        }
    }

    /// Writes what came of a step, if the job is still ours.
    async fn report(&self, job: &Job, report: Report) -> Result<&'static str, Failure> {
        let (now, id) = (self.now(), job.custom_hostname_id.as_str());
        let mut tx = self.db.begin().await?;
        if matches!(report, Report::NotYet) {
            let due_at = now + self.engine.schedule().poll(WAIT);
            jobs::put_off(&mut tx, job, due_at.as_millis()).await?;
            tx.commit().await?;
            return Ok("not_yet");
        }
        // Every writer of a hostname locks its row first, and its jobs after that.
        if machines::lock(&mut tx, id).await?.is_none() || !jobs::finish(&mut tx, job).await? {
            return Ok("late");
        }
        let outcome = report.outcome();
        match report {
            Report::Hostname(event) => self.engine.hostname_event(&mut tx, id, event, now).await?,
            Report::Certificate(event, attached) => {
                let certificate = (id, job.subject.as_str());
                self.engine.certificate_event(&mut tx, certificate, event, attached, now).await?;
            }
            Report::NotYet | Report::Nothing => {
                self.engine.plan_again(&mut tx, (id, &job.subject), now).await?;
            }
        }
        tx.commit().await?;
        self.engine.wake();
        Ok(outcome)
    }

    async fn put_back(&self, job: &Job) {
        let failures = u32::try_from(job.failures).unwrap_or(u32::MAX).saturating_add(4);
        let due_at = self.now() + self.engine.schedule().poll(failures);
        let put_back = async {
            let mut tx = self.db.begin().await?;
            jobs::put_back(&mut tx, job, due_at.as_millis()).await?;
            tx.commit().await
        };
        if let Err(error) = put_back.await {
            tracing::error!(%error, "the job comes again when its lease ends");
        }
    }
}

/// Steps at the same time.
const CONCURRENCY: usize = 32;
/// How long a job is nobody else's after its holder was last heard of.
const LEASE: Duration = Duration::from_secs(15);
/// A step that takes longer is given up.
const STEP_TIMEOUT: Duration = Duration::from_secs(90);
/// How long the steps in hand may take to end.
const STOP_TIMEOUT: Duration = Duration::from_secs(10);
/// Where another process takes the very job that is due.
const SHORTEST_PAUSE: Duration = Duration::from_millis(10);
/// How far up the schedule of polls a certificate waits for another one: some 10 s.
const WAIT: u32 = 6;
/// How soon a job that another process planned is seen.
const POLL: Duration = Duration::from_secs(1);
