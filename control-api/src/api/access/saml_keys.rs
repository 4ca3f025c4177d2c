//! The keys of SAML applications, for which we sign, and of SAML identity providers, to which we
//! are a service provider: kept, rolled over, and told to the edge. Each application and provider
//! has its own, so that one of them can be rolled over without a word to all others.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use edge_state::access::saml::{KeyUse, SamlKey, SamlKeyRecord, sealing_context};
use edge_state::{Hostname, Key};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::object::{Context, keep_secrets, kind};
use super::publish::{gone, known, put, seal, settled_auth_domain};
use crate::api::{ApiError, App};
use crate::signing_key::{self, SigningKey};
use crate::store::access::objects::{self, ObjectRow};

/// A key as it is stored.
#[derive(Clone, Debug)]
pub(super) struct StoredKey {
    /// As it is.
    pub row: ObjectRow,
    /// What is known of it.
    pub facts: Facts,
}

/// What is known of a key beside its id.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(super) struct Facts {
    /// What it is for.
    pub r#use: KeyUse,
    /// Of the keys for signing the one that signs; of those for encryption the one that others are
    /// to encrypt to.
    pub current: bool,
    /// Self-signed, PEM.
    pub certificate: String,
}

impl StoredKey {
    /// SHA-256 of the public key, hexadecimal.
    pub fn kid(&self) -> &str {
        &self.row.name
    }

    fn read(row: ObjectRow) -> Result<Self, ApiError> {
        let facts = serde_json::from_str(&row.owned).map_err(|error| {
            tracing::error!(%error, key = row.id, "a stored SAML key cannot be read");
            ApiError::Internal
        })?;
        Ok(Self { row, facts })
    }
}

/// A new key, whose certificate is made out to `name`. It takes a while, so no transaction may be
/// open.
pub(super) async fn generate(app: &App, name: &str) -> Result<SigningKey, ApiError> {
    signing_key::generate(name, app.clock.now_millis()).await.map_err(|error| {
        tracing::error!(%error, "no SAML key could be made");
        ApiError::Internal
    })
}

/// Stores a new key of an application or provider. [`publish`] tells the edge.
pub(super) async fn keep(
    cx: &mut Context<'_>,
    owner: &str,
    r#use: KeyUse,
    current: bool,
    key: &SigningKey,
) -> Result<StoredKey, ApiError> {
    let facts = Facts { r#use, current, certificate: key.certificate.clone() };
    let row = ObjectRow {
        id: Uuid::new_v4().to_string(),
        account_id: cx.account_id.to_owned(),
        kind: kind::SAML_KEY.to_owned(),
        parent_id: Some(owner.to_owned()),
        name: key.kid.clone(),
        body: "{}".to_owned(),
        owned: serde_json::to_string(&facts).map_err(|_| ApiError::Internal)?,
        revision: 1,
        created_at: cx.now,
        updated_at: cx.now,
        ..ObjectRow::default()
    };
    objects::insert(cx.tx, &row).await?;
    let private_key = STANDARD.encode(&*key.private_key);
    keep_secrets(cx, &row.id, vec![(PRIVATE_KEY, Some(private_key))]).await?;
    Ok(StoredKey { row, facts })
}

/// The keys of an application or provider: of each use the current one first, then the newest.
pub(super) async fn of(cx: &mut Context<'_>, owner: &str) -> Result<Vec<StoredKey>, ApiError> {
    let rows = objects::children(cx.tx, owner, kind::SAML_KEY).await?;
    let keys: Result<Vec<_>, _> = rows.into_iter().rev().map(StoredKey::read).collect();
    let mut keys = keys?;
    keys.sort_by_key(|key| !key.facts.current);
    Ok(keys)
}

/// Makes a key the current one of its use, or no longer that.
pub(super) async fn set_current(
    cx: &mut Context<'_>,
    key: StoredKey,
    current: bool,
) -> Result<(), ApiError> {
    let facts = Facts { current, ..key.facts };
    let owned = serde_json::to_string(&facts).map_err(|_| ApiError::Internal)?;
    let row = ObjectRow { owned, updated_at: cx.now, ..key.row };
    objects::update(cx.tx, &row).await?;
    Ok(())
}

/// Makes one of the keys the current one of its use; the one before stays beside it.
pub(super) async fn activate(
    cx: &mut Context<'_>,
    owner: &str,
    chosen: &StoredKey,
) -> Result<(), ApiError> {
    for key in of(cx, owner).await? {
        let current = key.row.id == chosen.row.id;
        if key.facts.r#use != chosen.facts.r#use || key.facts.current == current {
            continue;
        }
        set_current(cx, key, current).await?;
    }
    Ok(())
}

/// Deletes a key with its private half.
pub(super) async fn delete(cx: &mut Context<'_>, key: &StoredKey) -> Result<(), ApiError> {
    objects::delete(cx.tx, cx.account_id, kind::SAML_KEY, &key.row.id).await?;
    Ok(())
}

/// The application or provider is gone, and its keys with it.
pub(super) async fn forget(cx: &mut Context<'_>, owner: &str) -> Result<(), ApiError> {
    for key in of(cx, owner).await? {
        delete(cx, &key).await?;
    }
    Ok(())
}

/// Tells the edge the keys of an application or provider, or that it has none.
pub(super) async fn publish(cx: &mut Context<'_>, owner: &str) -> Result<(), ApiError> {
    let auth_domain = settled_auth_domain(cx).await?;
    let key = Key::SamlKeys(owner.to_owned());
    let known: Option<SamlKeyRecord> = known(cx, &key).await?;
    let stored = of(cx, owner).await?;
    match auth_domain {
        Some(auth_domain) if !stored.is_empty() => {
            let all = record(cx, owner, auth_domain, stored, known.as_ref()).await?;
            put(cx, &all).await
        }
        _ if known.is_some() => gone(cx, &key).await,
        _ => Ok(()),
    }
}

async fn record(
    cx: &mut Context<'_>,
    owner: &str,
    auth_domain: Hostname,
    stored: Vec<StoredKey>,
    known: Option<&SamlKeyRecord>,
) -> Result<SamlKeyRecord, ApiError> {
    let mut keys = Vec::with_capacity(stored.len());
    for key in stored {
        // What does not sign need not be where it could be stolen; what others may encrypt to must.
        let private_key = if key.facts.current || key.facts.r#use == KeyUse::Encryption {
            let secret = private_key(cx, &key.row).await?;
            let kept = known.and_then(|record| record.keys.iter().find(|k| k.kid == key.kid()));
            let kept = kept.and_then(|kept| kept.private_key.as_ref());
            let context = sealing_context(owner, key.kid());
            Some(seal(cx, &context, &secret, kept)?)
        } else {
            None
        };
        keys.push(SamlKey {
            kid: key.kid().to_owned(),
            r#use: key.facts.r#use,
            certificate: der(&key.facts.certificate),
            private_key,
        });
    }
    Ok(SamlKeyRecord { id: owner.to_owned(), auth_domain, keys })
}

async fn private_key(cx: &mut Context<'_>, row: &ObjectRow) -> Result<Vec<u8>, ApiError> {
    let secret = cx.secret(&row.id, PRIVATE_KEY).await?;
    secret.and_then(|text| STANDARD.decode(text).ok()).ok_or_else(|| {
        tracing::error!(key = row.id, "a SAML key has no private half");
        ApiError::Internal
    })
}

/// Base64 of the DER in a PEM of our own.
pub(super) fn der(pem: &str) -> String {
    pem.lines().filter(|line| !line.starts_with("-----")).collect()
}

const PRIVATE_KEY: &str = "private_key";

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_certificate_of_a_pem_is_its_base64() {
        let key = signing_key::generate("a", 1_790_000_000_000).await.unwrap();
        let der = STANDARD.decode(der(&key.certificate)).unwrap();
        let (_, pem) = x509_parser::pem::parse_x509_pem(key.certificate.as_bytes()).unwrap();
        assert_eq!(der, pem.contents);
    }
}
