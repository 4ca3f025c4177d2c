//! The keys of a SAML provider: one that our requests are signed with, and those that it encrypts to,
//! which are its certificate set.

use edge_state::access::saml::KeyUse;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::api::access::object::{Context, owned};
use crate::api::access::pem;
use crate::api::access::saml_keys::{self, StoredKey};
use crate::api::{ApiError, App};
use crate::clock::rfc3339;
use crate::signing_key::SigningKey;
use crate::store::access::objects::ObjectRow;

/// Both keys of a new provider. They take a while, so no transaction may be open.
pub(super) async fn generate(app: &App) -> Result<Vec<SigningKey>, ApiError> {
    let (signing, encryption) = tokio::try_join!(
        saml_keys::generate(app, "Lintel SAML signing"),
        saml_keys::generate(app, ENCRYPTION)
    )?;
    Ok(vec![signing, encryption])
}

/// A new key for a certificate set.
pub(super) async fn generate_for_set(app: &App) -> Result<SigningKey, ApiError> {
    saml_keys::generate(app, ENCRYPTION).await
}

/// Whether a provider has its keys.
pub(super) async fn exist(cx: &mut Context<'_>, id: &str) -> Result<bool, ApiError> {
    Ok(!saml_keys::of(cx, id).await?.is_empty())
}

/// Keeps what [`generate`] made, unless somebody was faster.
pub(super) async fn keep(
    cx: &mut Context<'_>,
    id: &str,
    keys: Vec<SigningKey>,
) -> Result<(), ApiError> {
    if keys.is_empty() || exist(cx, id).await? {
        return Ok(());
    }
    for (r#use, key) in [KeyUse::Signing, KeyUse::Encryption].into_iter().zip(&keys) {
        saml_keys::keep(cx, id, r#use, true, key).await?;
    }
    Ok(())
}

/// Puts a new key before those that the provider encrypts to: the one until now goes on decrypting,
/// the one before that ends.
pub(super) async fn rotate(
    cx: &mut Context<'_>,
    id: &str,
    key: &SigningKey,
) -> Result<(), ApiError> {
    for old in encryption(cx, id).await? {
        if old.facts.current {
            saml_keys::set_current(cx, old, false).await?;
        } else {
            saml_keys::delete(cx, &old).await?;
        }
    }
    saml_keys::keep(cx, id, KeyUse::Encryption, true, key).await?;
    Ok(())
}

/// Notes the certificate set of a provider, if there is none yet: its id, and whether a client asked
/// for it.
pub(super) fn note_set(owned: &mut Map<String, Value>, asked_for: bool) {
    let id = owned.get(SET).and_then(|set| set.get("id")).cloned();
    let id = id.unwrap_or_else(|| Uuid::new_v4().to_string().into());
    owned.insert(SET.to_owned(), json!({"id": id, "asked_for": asked_for}));
}

/// The id of a provider's certificate set; whether a client asked for it.
pub(super) fn set(row: &ObjectRow) -> Result<Option<(String, bool)>, ApiError> {
    let owned = owned(row)?;
    Ok(owned.get(SET).and_then(|set| {
        let id = set.get("id")?.as_str()?.to_owned();
        Some((id, set.get("asked_for").and_then(Value::as_bool).unwrap_or(false)))
    }))
}

/// A provider's certificate set, as the contract has it. `None`: it has none.
pub(super) async fn show_set(
    cx: &mut Context<'_>,
    row: &ObjectRow,
) -> Result<Option<Value>, ApiError> {
    let Some((id, _)) = set(row)? else { return Ok(None) };
    let keys = encryption(cx, &row.id).await?;
    let (Some(current), previous) = (keys.first(), keys.get(1)) else { return Ok(None) };
    let first = keys.iter().map(|key| key.row.created_at).min().unwrap_or_default();
    Ok(Some(json!({
        "uid": id,
        "created_at": rfc3339(first.min(row.created_at)),
        "updated_at": rfc3339(current.row.created_at),
        "current_certificate": certificate(current)?,
        "previous_certificate": previous.map(certificate).transpose()?,
    })))
}

/// The certificate that the provider is to encrypt to, PEM.
pub(super) async fn current_pem(
    cx: &mut Context<'_>,
    id: &str,
) -> Result<Option<String>, ApiError> {
    Ok(encryption(cx, id).await?.into_iter().next().map(|key| key.facts.certificate))
}

async fn encryption(cx: &mut Context<'_>, id: &str) -> Result<Vec<StoredKey>, ApiError> {
    let keys = saml_keys::of(cx, id).await?;
    Ok(keys.into_iter().filter(|key| key.facts.r#use == KeyUse::Encryption).collect())
}

fn certificate(key: &StoredKey) -> Result<Value, ApiError> {
    let read = pem::read(&key.facts.certificate).map_err(|problem| {
        tracing::error!(problem, key = key.row.id, "the certificate of a SAML key cannot be read");
        ApiError::Internal
    })?;
    let not_after = read.first().map(|it| it.not_after).unwrap_or_default();
    Ok(json!({
        "uid": key.row.id,
        "public_certificate": key.facts.certificate,
        "not_after": rfc3339(not_after.saturating_mul(1000)),
        "is_current": key.facts.current,
    }))
}

/// Where the set stands in what the server owns.
const SET: &str = "saml_certificate_set";
const ENCRYPTION: &str = "Lintel SAML encryption";
