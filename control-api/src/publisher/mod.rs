//! Passes changes on to where the edge cannot come and fetch them: in order, at least once, by one
//! instance at a time.
//!
//! - [`cloudflare`]: Workers KV over Cloudflare's REST API

pub mod cloudflare;

use std::collections::BTreeSet;
use std::pin::pin;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use edge_state::{Change, Key};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use self::cloudflare::{Namespace, RequestError};
use crate::metrics::{PUBLISHED, PUBLISHER_FAILURES, PUBLISHER_LAG};
use crate::store::Db;
use crate::store::changes::{self, Bell, Since};

/// Keeps one namespace up to date.
pub struct Publisher {
    namespace: Namespace,
    db: Db,
    bell: Bell,
    worker: String,
}

/// What one turn came to.
#[derive(Debug, Eq, PartialEq)]
enum Turn {
    /// So many changes were passed on; there may be more.
    Passed(usize),
    /// There is nothing to pass on.
    Idle,
    /// Another instance does it.
    NotMine,
}

/// Why a turn came to nothing. The next one begins where this one did.
#[derive(Debug, thiserror::Error)]
enum PublishError {
    #[error(transparent)]
    Request(#[from] RequestError),
    #[error("database: {0}")]
    Database(#[from] sqlx::Error),
}

impl Publisher {
    /// A publisher of everything but private keys to this namespace.
    #[must_use]
    pub fn new(namespace: Namespace, db: Db, bell: Bell) -> Self {
        Self { namespace, db, bell, worker: Uuid::new_v4().to_string() }
    }

    /// Publishes until `stop`.
    pub async fn run(self, stop: CancellationToken) {
        let _ = stop.run_until_cancelled(self.publish()).await;
    }

    async fn publish(&self) {
        let mut failures = 0;
        loop {
            let mut ring = pin!(self.bell.listen());
            ring.as_mut().enable();
            let pause = match self.turn(now()).await {
                Ok(Turn::Passed(_)) => Duration::ZERO,
                Ok(Turn::Idle | Turn::NotMine) => LOOK_EVERY,
                Err(error) => {
                    failures += 1;
                    let pause = pause(&error, failures, rand::random());
                    tracing::warn!(%error, failures, ?pause, "publishing to Workers KV failed");
                    metrics::counter!(PUBLISHER_FAILURES, "publisher" => LABEL, "reason" => error.reason())
                        .increment(1);
                    tokio::time::sleep(pause).await; // However loud the bell.
                    continue;
                }
            };
            failures = 0;
            if !pause.is_zero() {
                let _ = tokio::time::timeout(pause, ring).await;
            }
        }
    }

    async fn turn(&self, now: i64) -> Result<Turn, PublishError> {
        let name = self.namespace.base();
        let mut tx = self.db.begin().await?;
        let lease = (now, now.saturating_add(LEASE_MILLIS));
        let cursor = changes::lease_publisher(&mut tx, name, &self.worker, lease).await?;
        tx.commit().await?;
        let Some(cursor) = cursor else { return Ok(Turn::NotMine) };
        let mut tx = self.db.read().await?;
        let found = changes::since(&mut tx, cursor, self.namespace.batch()).await?;
        let newest = changes::newest(&mut tx).await?;
        drop(tx);
        lag(newest - cursor);
        let (to, count) = match found {
            Since::Changes(changes) => match changes.last() {
                None => return Ok(Turn::Idle),
                Some(last) => (last.sequence, self.pass_on(&changes).await?),
            },
            Since::Gone => (newest, self.start_over().await?),
        };
        let mut tx = self.db.begin().await?;
        changes::advance(&mut tx, name, &self.worker, (cursor, to), now).await?;
        tx.commit().await?;
        lag(newest - to);
        metrics::counter!(PUBLISHED, "publisher" => LABEL).increment(count as u64);
        Ok(Turn::Passed(count))
    }

    /// In order: each run of writes, or of deletions, is one request.
    async fn pass_on(&self, changes: &[Change]) -> Result<usize, PublishError> {
        let public: Vec<&Change> = changes.iter().filter(|change| is_public(&change.key)).collect();
        for run in public.chunk_by(|one, next| one.value.is_some() == next.value.is_some()) {
            let values = run.iter().filter_map(|c| Some((c.key.as_str(), c.value.as_deref()?)));
            let values: Vec<_> = values.collect();
            if values.is_empty() {
                let keys: Vec<_> = run.iter().map(|change| change.key.as_str()).collect();
                self.namespace.delete(&keys).await?;
            } else {
                self.namespace.put(&values).await?;
            }
        }
        Ok(public.len())
    }

    /// All records anew, and nothing else of ours: the cursor is older than what is remembered, or
    /// from another history (a restored backup).
    async fn start_over(&self) -> Result<usize, PublishError> {
        tracing::info!("writing all records to Workers KV anew");
        let (mut known, mut after) = (BTreeSet::new(), String::new());
        loop {
            let mut tx = self.db.read().await?;
            let page = changes::page(&mut tx, &after, self.namespace.batch()).await?;
            drop(tx);
            let Some(last) = page.last() else { break };
            after.clone_from(&last.key);
            self.pass_on(&page).await?;
            known.extend(page.into_iter().map(|change| change.key));
        }
        for kind in PUBLIC {
            let remote = self.namespace.keys(kind).await?;
            let left: Vec<_> =
                remote.iter().map(String::as_str).filter(|key| !known.contains(*key)).collect();
            for keys in left.chunks(usize::try_from(self.namespace.batch()).unwrap_or(1)) {
                self.namespace.delete(keys).await?;
            }
        }
        Ok(known.len())
    }
}

impl PublishError {
    fn reason(&self) -> &'static str {
        match self {
            Self::Request(error) => error.reason(),
            Self::Database(_) => "database",
        }
    }
}

/// Only what the worker reads: certificates' keys and client CAs stay with points of presence of
/// one's own. What is no key of this version stays too.
fn is_public(key: &str) -> bool {
    key.parse().is_ok_and(|key: Key| public_kind(&key).is_some())
}

/// How the keys of a kind begin, where the kind leaves. A kind that is new is answered for here.
fn public_kind(key: &Key) -> Option<&'static str> {
    Some(match key {
        Key::Challenge(_) => "acme:",
        Key::Application(_) => "app:",
        Key::Gate(_) => "gate:",
        Key::Group(_) => "group:",
        Key::Host(_) => "host:",
        Key::IdentityProvider(_) => "idp:",
        Key::SigningKeys(_) => "keys:",
        Key::List(_) => "list:",
        Key::Organization(_) => "org:",
        Key::Revocations(_) => "revoked:",
        Key::SamlKeys(_) => "saml_keys:",
        Key::ServiceToken(_) => "service_token:",
        Key::Session(_) => "session:",
        Key::Zone(_) => "zone:",
        Key::Certificate(_) | Key::ClientAuthorities(_) => return None,
    })
}

/// Doubling from a second to a minute, half of it by lot; never earlier than the target asked.
fn pause(error: &PublishError, failures: u32, dice: f64) -> Duration {
    let most = FIRST_PAUSE.saturating_mul(2_u32.saturating_pow(failures.saturating_sub(1).min(6)));
    let pause = most.min(LAST_PAUSE).mul_f64(0.5 + dice / 2.0);
    let asked = match error {
        PublishError::Request(RequestError::Refused { retry_after, .. }) => *retry_after,
        _ => None,
    };
    pause.max(asked.unwrap_or_default())
}

#[allow(clippy::cast_precision_loss, reason = "metrics are floats")]
fn lag(changes: i64) {
    metrics::gauge!(PUBLISHER_LAG, "publisher" => LABEL).set(changes.max(0) as f64);
}

fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

/// What [`public_kind`] answers: what is listed at the target where everything is written anew.
const PUBLIC: [&str; 14] = [
    "acme:",
    "app:",
    "gate:",
    "group:",
    "host:",
    "idp:",
    "keys:",
    "list:",
    "org:",
    "revoked:",
    "saml_keys:",
    "service_token:",
    "session:",
    "zone:",
];
const LABEL: &str = "workers_kv";
const LOOK_EVERY: Duration = Duration::from_secs(1);
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LAST_PAUSE: Duration = Duration::from_mins(1);
/// Longer than a turn's requests take, all timed out.
const LEASE_MILLIS: i64 = 120_000;

#[cfg(test)]
mod tests;
