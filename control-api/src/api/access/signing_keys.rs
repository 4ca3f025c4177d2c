//! The keys of an organisation: kept, and told to the edge.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use edge_state::Key;
use edge_state::access::SigningKeyRecord;
use edge_state::access::signing_key::{self as record, SigningKey as PublishedKey};
use serde_json::{Value, json};
use uuid::Uuid;

use super::object::{Context, keep_secrets, kind, owned};
use super::publish::{known, put, seal, settled_auth_domain};
use crate::api::{ApiError, App};
use crate::signing_key::{self, SigningKey};
use crate::store::access::objects::{self, ObjectRow};
use crate::store::access::organizations as stored;
use crate::store::accounts::AccountRow;

/// The first key of an account that has no organisation yet. It takes a while, so no transaction
/// may be open.
pub(super) async fn first(app: &App, account: &AccountRow) -> Result<Option<SigningKey>, ApiError> {
    let mut tx = app.db.read().await?;
    if stored::find(&mut tx, &account.id).await?.is_some() {
        return Ok(None);
    }
    drop(tx);
    generate(app, &account.id).await.map(Some)
}

/// A new key.
pub(super) async fn generate(app: &App, account_id: &str) -> Result<SigningKey, ApiError> {
    let name = format!("Lintel Access {account_id}");
    signing_key::generate(&name, app.clock.now_millis()).await.map_err(|error| {
        tracing::error!(%error, "no signing key could be made");
        ApiError::Internal
    })
}

/// Stores a new key, which is the current one from now on.
pub(super) async fn keep(cx: &mut Context<'_>, key: &SigningKey) -> Result<(), ApiError> {
    let owned = json!({"n": key.n, "e": key.e, "certificate": key.certificate});
    let row = ObjectRow {
        id: Uuid::new_v4().to_string(),
        account_id: cx.account_id.to_owned(),
        kind: kind::SIGNING_KEY.to_owned(),
        name: key.kid.clone(),
        body: "{}".to_owned(),
        owned: owned.to_string(),
        created_at: cx.now,
        updated_at: cx.now,
        ..ObjectRow::default()
    };
    objects::insert(cx.tx, &row).await?;
    let private_key = STANDARD.encode(&*key.private_key);
    keep_secrets(cx, &row.id, vec![(PRIVATE_KEY, Some(private_key))]).await
}

/// The private half of a stored key, PKCS#8 DER.
async fn private_key(cx: &mut Context<'_>, row: &ObjectRow) -> Result<Vec<u8>, ApiError> {
    let secret = cx.secret(&row.id, PRIVATE_KEY).await?;
    secret.and_then(|text| STANDARD.decode(text).ok()).ok_or_else(|| {
        tracing::error!(key = row.id, "a signing key has no private half");
        ApiError::Internal
    })
}

/// All keys that count, the current one first.
async fn current(cx: &mut Context<'_>) -> Result<Vec<ObjectRow>, ApiError> {
    let mut rows = objects::all(cx.tx, cx.account_id, kind::SIGNING_KEY).await?;
    rows.reverse();
    let now = cx.now / 1000;
    let mut counting = Vec::new();
    for row in rows {
        if expires_at(&row)?.is_none_or(|end| end > now) {
            counting.push(row);
        }
    }
    Ok(counting)
}

/// Seconds since 1970 from which on a replaced key does not count.
pub(super) fn expires_at(row: &ObjectRow) -> Result<Option<i64>, ApiError> {
    Ok(owned(row)?.get(EXPIRES_AT).and_then(Value::as_i64))
}

/// Writes the keys of the organisation anew.
pub(super) async fn publish(cx: &mut Context<'_>) -> Result<(), ApiError> {
    let Some(auth_domain) = settled_auth_domain(cx).await? else { return Ok(()) };
    let known: Option<SigningKeyRecord> = known(cx, &Key::SigningKeys(auth_domain.clone())).await?;
    let known = known.map(|record| record.keys).unwrap_or_default();
    let mut keys = Vec::new();
    for row in current(cx).await? {
        let facts = owned(&row)?;
        let text = |name: &str| facts.get(name).and_then(Value::as_str).unwrap_or_default().into();
        let expires_at = expires_at(&row)?;
        let private_key = if expires_at.is_none() {
            let secret = private_key(cx, &row).await?;
            let sealed = known.iter().find(|key| key.kid == row.name);
            let sealed = sealed.and_then(|key| key.private_key.as_ref());
            let context = record::sealing_context(&auth_domain, &row.name);
            Some(seal(cx, &context, &secret, sealed)?)
        } else {
            None
        };
        keys.push(PublishedKey {
            kid: row.name.clone(),
            n: text("n"),
            e: text("e"),
            certificate: text("certificate"),
            private_key,
            expires_at,
        });
    }
    put(cx, &SigningKeyRecord { auth_domain, keys }).await
}

/// Where it stands when a replaced key ends; seconds since 1970.
pub(super) const EXPIRES_AT: &str = "expires_at";
const PRIVATE_KEY: &str = "private_key";
