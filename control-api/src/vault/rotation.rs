//! The way from one key to the next: every secret is moved, in small commits, while all else goes
//! on.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use edge_state::access::identity_provider::{self, Protocol};
use edge_state::access::{
    IdentityProviderRecord, SamlKeyRecord, SessionRecord, SigningKeyRecord, saml, session,
    signing_key,
};
use edge_state::certificate::sealing_context;
use edge_state::seal::{KeyRing, Sealed};
use edge_state::{CertificateRecord, Record};
use tokio_util::sync::CancellationToken;

use super::{Error, Place, Vault};
use crate::metrics::VAULT_RECORDS;
use crate::store::secrets::{self, Held};
use crate::store::{Db, changes};

/// What [`Vault::rewrap_all`] did.
#[derive(Debug, Default, Eq, PartialEq)]
pub struct Rewrapped {
    /// Secrets that are now under the current key.
    pub moved: u64,
    /// Secrets that did not open, and stay as they are.
    pub unreadable: Vec<String>,
}

/// Moves secrets to the current keys at the start and every hour, as long as previous keys are
/// configured: other instances may still seal under those for a while. Until `stop`.
pub async fn rotate(vault: Arc<Vault>, db: Db, stop: CancellationToken) {
    let mut ticks = tokio::time::interval(EVERY);
    while stop.run_until_cancelled(ticks.tick()).await.is_some() {
        if let Some(Err(error)) = stop.run_until_cancelled(rotate_once(&vault, &db)).await {
            tracing::warn!(%error, "secrets were not moved to the current key; next try in an hour");
        }
    }
}

#[allow(clippy::cast_precision_loss, reason = "metrics are floats")]
async fn rotate_once(vault: &Vault, db: &Db) -> Result<(), Error> {
    let has_previous = vault.rings().iter().any(|(_, keys)| keys.ring.has_previous());
    if has_previous {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
        let done = vault.rewrap_all(db, i64::try_from(now).unwrap_or(i64::MAX)).await?;
        if done.moved > 0 {
            tracing::info!(moved = done.moved, "secrets are under the current key");
        }
        for secret in &done.unreadable {
            tracing::error!(secret, "does not open under any configured key");
        }
    }
    let (mut current, mut other) = (0, 0);
    let mut tx = db.read().await?;
    for held in Held::ALL {
        let (total, left) = held.count(&mut tx, vault.master.ring.current_id()).await?;
        current += total - left;
        other += left;
    }
    metrics::gauge!(VAULT_RECORDS, "key" => "current").set(current as f64);
    metrics::gauge!(VAULT_RECORDS, "key" => "previous").set(other as f64);
    Ok(())
}

impl Vault {
    /// Moves every secret that is under a previous key to the current one. Each batch is a commit
    /// of its own, so it can be stopped and started again at any time, also beside other instances
    /// that still seal under the previous key: then run it once more when they are gone.
    ///
    /// # Errors
    /// The database failed, or the system gave no randomness.
    pub async fn rewrap_all(&self, db: &Db, now: i64) -> Result<Rewrapped, Error> {
        let mut done = Rewrapped::default();
        for held in Held::ALL {
            let mut after = String::new();
            loop {
                let mut tx = db.begin().await?;
                let current = self.master.ring.current_id();
                let batch = held.not_under(&mut tx, current, &after, BATCH).await?;
                let Some(last) = batch.last() else { break };
                after.clone_from(&last.id);
                for secret in &batch {
                    let context = secret.place.to_string();
                    match self.master.rewrap(&secret.sealed, &context)? {
                        Ok(moved) => {
                            done.moved += held.replace(&mut tx, secret, &moved).await?;
                        }
                        Err(error) => done.unreadable.push(format!("{context}: {error}")),
                    }
                }
                tx.commit().await?;
            }
        }
        self.rewrap_canaries(db, &mut done).await?;
        self.rewrap_edge(db, now, &mut done).await?;
        Ok(done)
    }

    async fn rewrap_canaries(&self, db: &Db, done: &mut Rewrapped) -> Result<(), Error> {
        for (ring, keys) in self.rings() {
            let mut tx = db.begin().await?;
            let Some(canary) = secrets::known_canary(&mut tx, ring).await? else { continue };
            if canary.key_id() == Some(keys.ring.current_id()) {
                continue;
            }
            match keys.rewrap(&canary, &Place::Canary.to_string())? {
                Ok(moved) => {
                    done.moved += secrets::replace_canary(&mut tx, ring, &canary, &moved).await?;
                }
                Err(error) => done.unreadable.push(format!("{ring} canary: {error}")),
            }
            tx.commit().await?;
        }
        Ok(())
    }

    /// What is sealed at the edge are records: one that is sealed anew is a change like any other.
    async fn rewrap_edge(&self, db: &Db, now: i64, done: &mut Rewrapped) -> Result<(), Error> {
        let ring = &self.edge.ring;
        rewrap_records(ring, db, now, done, "cert:", |record: &mut CertificateRecord| {
            let mut secrets = Vec::new();
            for certificate in &mut record.certificates {
                let context = sealing_context(&record.hostname, &certificate.serial);
                secrets.push((context, &mut certificate.private_key));
            }
            secrets
        })
        .await?;
        let ring = &self.edge.access;
        rewrap_records(ring, db, now, done, "idp:", |record: &mut IdentityProviderRecord| {
            let context = identity_provider::sealing_context(&record.id);
            let secret = match &mut record.protocol {
                Protocol::Oidc(config) => config.client_secret.as_mut(),
                Protocol::Github(config) => Some(&mut config.client_secret),
                Protocol::OneTimePin {} | Protocol::Saml(_) => None,
            };
            secret.map(|secret| (context, secret)).into_iter().collect()
        })
        .await?;
        rewrap_records(ring, db, now, done, "keys:", |record: &mut SigningKeyRecord| {
            let mut secrets = Vec::new();
            for key in &mut record.keys {
                let context = signing_key::sealing_context(&record.auth_domain, &key.kid);
                secrets.extend(key.private_key.as_mut().map(|secret| (context, secret)));
            }
            secrets
        })
        .await?;
        rewrap_records(ring, db, now, done, "saml_keys:", |record: &mut SamlKeyRecord| {
            let mut secrets = Vec::new();
            for key in &mut record.keys {
                let context = saml::sealing_context(&record.id, &key.kid);
                secrets.extend(key.private_key.as_mut().map(|secret| (context, secret)));
            }
            secrets
        })
        .await?;
        rewrap_records(ring, db, now, done, "session:", |record: &mut SessionRecord| {
            vec![(session::sealing_context(&record.nonce), &mut record.identity)]
        })
        .await
    }
}

/// Moves the secrets in all records whose keys begin so to the current key of a ring.
async fn rewrap_records<R: Record>(
    ring: &KeyRing,
    db: &Db,
    now: i64,
    done: &mut Rewrapped,
    prefix: &str,
    secrets: impl Fn(&mut R) -> Vec<(String, &mut Sealed)>,
) -> Result<(), Error> {
    let mut after = prefix.to_owned();
    loop {
        let mut tx = db.begin().await?;
        let page = changes::page(&mut tx, &after, BATCH).await?;
        let page: Vec<_> = page.into_iter().take_while(|row| row.key.starts_with(prefix)).collect();
        let Some(last) = page.last() else { return Ok(()) };
        after.clone_from(&last.key);
        for row in &page {
            let decoded = row.value.as_deref().map(R::decode);
            let Some(Ok(mut record)) = decoded else { continue };
            for (context, secret) in secrets(&mut record) {
                if secret.key_id() == Some(ring.current_id()) {
                    continue;
                }
                match super::rewrap(ring, secret, &context)? {
                    Ok(moved) => {
                        *secret = moved;
                        done.moved += 1;
                    }
                    Err(error) => done.unreadable.push(format!("{context}: {error}")),
                }
            }
            changes::put(&mut tx, &record.key(), Some(&record.encode()), now).await?;
        }
        tx.commit().await?;
    }
}

const BATCH: i64 = 100;
const EVERY: Duration = Duration::from_hours(1);
