//! The glue between the machines of `lifecycle` and the database: loads a hostname with its
//! certificates, applies an event, and writes the new states, their jobs, what follows from them
//! and the edge records in the caller's transaction.
//!
//! - [`work`]: one hostname, locked, with everything that changes about it
//! - [`live`]: a stored certificate with its machine
//! - [`record`]: what the edge is told
//! - [`requested`]: what the client set
//!
//! Every function here is called after the caller's own writes and directly before the commit,
//! because edge records come last in a transaction (see [`crate::store::changes::put`]).

mod error;
mod live;
mod record;
mod requested;
#[cfg(test)]
mod tests;
mod work;

pub use error::EngineError;
pub(crate) use live::Live;

use std::sync::Arc;

use edge_state::KeyType;
use edge_state::seal::Sealed;
use lifecycle::certificate;
use lifecycle::hostname;
use lifecycle::{Authority, Schedule, Timestamp};
use tokio::sync::Notify;

use crate::store::Tx;
use crate::store::certificates::IssuedChain;
use crate::store::changes::Bell;
use crate::vault::Vault;
use work::Work;

/// Drives the machines. One per process.
#[derive(Clone)]
pub struct Engine {
    authorities: Arc<[Authority]>,
    schedule: Schedule,
    vault: Arc<Vault>,
    jobs: Arc<Notify>,
    edge: Bell,
}

/// What is stored together with a certificate's event, if the machine takes the event.
#[derive(Debug, Default)]
pub enum Attached {
    /// Nothing.
    #[default]
    Nothing,
    /// The sealed key that an order was placed for.
    Key(Sealed),
    /// The chain that arrived.
    Chain(Box<IssuedChain>),
}

impl Engine {
    /// `authorities` in the order of preference.
    #[must_use]
    pub fn new(
        authorities: impl IntoIterator<Item = Authority>,
        schedule: Schedule,
        vault: Arc<Vault>,
        edge: Bell,
    ) -> Self {
        let authorities = authorities.into_iter().collect();
        Self { authorities, schedule, vault, jobs: Arc::default(), edge }
    }

    /// Begins the life of a custom hostname whose row was inserted in this transaction, and of its
    /// certificate if it is to have one.
    pub async fn begin(&self, tx: &mut Tx, id: &str, now: Timestamp) -> Result<(), EngineError> {
        let mut work = Work::begin(self, tx, id, now).await?;
        work.begin_certificate_if_missing().await?;
        work.publish_hostname();
        work.end().await
    }

    /// A client asks to check now: everything about the hostname that waits is tried, and what it
    /// should have had for long is begun.
    pub async fn refresh(&self, tx: &mut Tx, id: &str, now: Timestamp) -> Result<(), EngineError> {
        let mut work = Work::begin(self, tx, id, now).await?;
        work.hostname(hostname::Event::Refresh).await?;
        for id in work.certificate_ids(|_| true) {
            work.certificate(&id, certificate::Event::Refresh, Attached::Nothing).await?;
        }
        work.begin_certificate_if_missing().await?;
        work.publish_hostname();
        work.end().await
    }

    /// The client changed what certificates are made from: those on their way are begun anew, those
    /// in service stay until their successors are seen everywhere.
    pub async fn reissue(&self, tx: &mut Tx, id: &str, now: Timestamp) -> Result<(), EngineError> {
        let mut work = Work::begin(self, tx, id, now).await?;
        for id in work.certificate_ids(|state| state.issued().is_none()) {
            work.certificate(&id, certificate::Event::Delete, Attached::Nothing).await?;
        }
        for key_type in KeyType::ALL {
            work.reissue(key_type).await?;
        }
        work.begin_certificate_if_missing().await?;
        work.publish_hostname();
        work.end().await
    }

    /// The client wants no certificates any more: those that there are go off the edge and out of
    /// renewal, and the hostname stays.
    pub async fn remove_certificates(
        &self,
        tx: &mut Tx,
        id: &str,
        now: Timestamp,
    ) -> Result<(), EngineError> {
        let mut work = Work::begin(self, tx, id, now).await?;
        for id in work.certificate_ids(|_| true) {
            work.certificate(&id, certificate::Event::Delete, Attached::Nothing).await?;
        }
        work.publish_hostname();
        work.end().await
    }

    /// Takes a hostname off the edge and out of the database, whatever state it is in.
    pub async fn delete(&self, tx: &mut Tx, id: &str, now: Timestamp) -> Result<(), EngineError> {
        let mut work = Work::begin(self, tx, id, now).await?;
        work.hostname(hostname::Event::Delete).await?;
        work.end().await
    }

    /// Writes the hostname's edge record anew: its settings or origin have changed.
    pub async fn publish_hostname(
        &self,
        tx: &mut Tx,
        id: &str,
        now: Timestamp,
    ) -> Result<(), EngineError> {
        let mut work = Work::begin(self, tx, id, now).await?;
        work.publish_hostname();
        work.end().await
    }

    /// Something happened to a hostname.
    pub async fn hostname_event(
        &self,
        tx: &mut Tx,
        id: &str,
        event: hostname::Event,
        now: Timestamp,
    ) -> Result<(), EngineError> {
        let mut work = Work::begin(self, tx, id, now).await?;
        work.hostname(event).await?;
        work.end().await
    }

    /// Something happened to a certificate. One that is gone hears nothing.
    pub async fn certificate_event(
        &self,
        tx: &mut Tx,
        (custom_hostname_id, id): (&str, &str),
        event: certificate::Event,
        attached: Attached,
        now: Timestamp,
    ) -> Result<(), EngineError> {
        let mut work = Work::begin(self, tx, custom_hostname_id, now).await?;
        work.certificate(id, event, attached).await?;
        work.end().await
    }

    /// Plans again what a custom hostname (`id` twice) or a certificate of it waits for: the job
    /// that was taken off the list was another one, or not needed any more.
    pub async fn plan_again(
        &self,
        tx: &mut Tx,
        (custom_hostname_id, id): (&str, &str),
        now: Timestamp,
    ) -> Result<(), EngineError> {
        let mut work = Work::begin(self, tx, custom_hostname_id, now).await?;
        work.plan_again(id).await?;
        work.end().await
    }

    /// Wakes the runner, publishers and long polls of this process; to be called after each commit
    /// that an engine function wrote in.
    pub fn wake(&self) {
        self.jobs.notify_one();
        self.edge.ring();
    }

    /// Heard by the runner.
    #[must_use]
    pub fn jobs(&self) -> &Notify {
        &self.jobs
    }

    /// The schedule of retries.
    #[must_use]
    pub fn schedule(&self) -> Schedule {
        self.schedule
    }
}
