//! The local copy of all edge state. It answers with or without a control plane.
//!
//! - [`disk`]: the file
//! - [`pull`]: follows the control plane's feed

pub mod disk;
pub mod pull;

use std::collections::HashSet;
use std::path::Path;
use std::sync::Arc;

use edge_state::change::Change;
use edge_state::{HostRecord, Hostname, Key, Record, ZoneRecord};
use tokio::sync::{Mutex, watch};

pub use disk::{DiskError, Stored};

use crate::metrics;

/// The local copy of all edge state; clones share it.
#[derive(Clone)]
pub struct Replica {
    shared: Arc<Shared>,
    /// Held while something is written, also when nobody waits for that any more.
    writing: Arc<Mutex<()>>,
}

struct Shared {
    disk: disk::Disk,
    sequence: watch::Sender<Option<i64>>,
}

impl Replica {
    /// Opens what is on disk; it can answer at once.
    pub fn open(path: &Path) -> Result<Self, DiskError> {
        let disk = disk::Disk::open(path)?;
        let (sequence, _) = watch::channel(disk.sequence()?);
        let replica = Self { shared: Arc::new(Shared { disk, sequence }), writing: Arc::default() };
        replica.report();
        Ok(replica)
    }

    /// Up to which change the replica is complete; changes with every commit.
    #[must_use]
    pub fn sequence(&self) -> watch::Receiver<Option<i64>> {
        self.shared.sequence.subscribe()
    }

    /// One record's text. A disk that cannot be read counts as an absent record, and is logged.
    #[must_use]
    pub fn get(&self, key: &Key) -> Option<Stored> {
        or_absent(self.shared.disk.get(key))
    }

    /// One record's revision.
    #[must_use]
    pub fn revision(&self, key: &Key) -> Option<u64> {
        or_absent(self.shared.disk.revision(key))
    }

    /// The record of a hostname, or of the wildcard that covers it.
    #[must_use]
    pub fn host(&self, name: &Hostname) -> Option<HostRecord> {
        let exact = self.read(&Key::Host(name.clone()));
        exact.or_else(|| self.read(&Key::Host(name.wildcard()?)))
    }

    /// The record of a zone.
    #[must_use]
    pub fn zone(&self, id: &str) -> Option<ZoneRecord> {
        self.read(&Key::Zone(id.to_owned()))
    }

    /// Which certificate record serves a name, exact before wildcard, and its revision.
    #[must_use]
    pub fn certificate(&self, name: &Hostname) -> Option<(Hostname, u64)> {
        let of = |name: Hostname| {
            let revision = self.revision(&Key::Certificate(name.clone()))?;
            Some((name, revision))
        };
        of(name.clone()).or_else(|| of(name.wildcard()?))
    }

    /// Which record says whose client certificates a name accepts, exact before wildcard, and its
    /// revision.
    #[must_use]
    pub fn client_authorities(&self, name: &Hostname) -> Option<(Hostname, u64)> {
        let of = |name: Hostname| {
            let revision = self.revision(&Key::ClientAuthorities(name.clone()))?;
            Some((name, revision))
        };
        of(name.clone()).or_else(|| of(name.wildcard()?))
    }

    /// Returns once nothing is being written.
    pub async fn settle(&self) {
        drop(self.writing.lock().await);
    }

    async fn apply(&self, changes: Vec<Change>, next: Option<i64>) -> Result<(), DiskError> {
        self.write(move |disk| disk.apply(&changes, next)).await
    }

    async fn begin_snapshot(&self) -> Result<(), DiskError> {
        self.write(disk::Disk::begin_snapshot).await
    }

    async fn end_snapshot(&self, seen: HashSet<String>, sequence: i64) -> Result<(), DiskError> {
        self.write(move |disk| disk.end_snapshot(&seen, sequence)).await
    }

    /// Writes wait for the disk, so they leave the threads that serve visitors.
    async fn write(
        &self,
        f: impl FnOnce(&disk::Disk) -> Result<(), DiskError> + Send + 'static,
    ) -> Result<(), DiskError> {
        let (shared, writing) = (self.shared.clone(), self.writing.clone().lock_owned().await);
        let written = tokio::task::spawn_blocking(move || {
            let sequence = f(&shared.disk).and_then(|()| shared.disk.sequence());
            let sequence = sequence.map(|sequence| shared.sequence.send_replace(sequence));
            drop(shared);
            drop(writing);
            sequence.map(|_| ())
        });
        let result =
            written.await.unwrap_or_else(|panic| std::panic::resume_unwind(panic.into_panic()));
        self.report();
        result
    }

    fn read<R: Record>(&self, key: &Key) -> Option<R> {
        let stored = self.get(key)?;
        match R::decode(&stored.text) {
            Ok(record) => Some(record),
            Err(error) => {
                tracing::error!(%key, %error, "unreadable record in the replica");
                None
            }
        }
    }

    fn report(&self) {
        if let Some(sequence) = *self.shared.sequence.borrow() {
            metrics::replica_sequence(sequence);
        }
        if let Ok((records, held_back)) = self.shared.disk.counts() {
            metrics::replica_records(records, held_back);
        }
    }
}

fn or_absent<T>(result: Result<Option<T>, DiskError>) -> Option<T> {
    result.unwrap_or_else(|error| {
        tracing::error!(%error, "cannot read the replica");
        metrics::replica_read_failed();
        None
    })
}
