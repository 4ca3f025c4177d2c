//! What the edge is told about Access. Everything here is written in the transaction of the change
//! itself, after all else: from the first record to the commit no one else can write one.

use edge_state::access::organization::{LoginDesign, ProviderSummary};
use edge_state::access::signing_key::{self, SigningKey};
use edge_state::access::{OrganizationRecord, SigningKeyRecord};
use edge_state::{Hostname, Key, Record};
use serde_json::Value;

use super::echo::Sent;
use super::identity_providers::{self, IdentityProvider};
use super::object::{Context, kind, owned};
use super::{applications, keys, organizations, service_tokens};
use crate::api::{ApiError, zone_record};
use crate::duration;
use crate::people::revocation;
use crate::store::access::objects::{self, ObjectRow};
use crate::store::access::organizations as stored;
use crate::store::{changes, zones};

/// Writes a record.
pub async fn put<R: Record + Sync>(cx: &mut Context<'_>, record: &R) -> Result<(), ApiError> {
    Ok(changes::put(cx.tx, &record.key(), Some(&record.encode()), cx.now).await?)
}

/// Takes a record off the edge.
pub async fn gone(cx: &mut Context<'_>, key: &Key) -> Result<(), ApiError> {
    Ok(changes::put(cx.tx, key, None, cx.now).await?)
}

/// The record as the edge has it, or will have it soon.
pub async fn known<R: Record>(cx: &mut Context<'_>, key: &Key) -> Result<Option<R>, ApiError> {
    let text = changes::value(cx.tx, key).await?;
    Ok(text.and_then(|text| R::decode(&text).ok()))
}

/// The team domain of the account, under which all its records are.
pub async fn auth_domain(cx: &mut Context<'_>) -> Result<Option<Hostname>, ApiError> {
    Ok(stored::auth_domain(cx.tx, cx.account_id).await?)
}

/// As [`auth_domain`], and it does not change before this transaction ends: records that are written
/// after this are never under a name that was given up meanwhile.
pub async fn settled_auth_domain(cx: &mut Context<'_>) -> Result<Option<Hostname>, ApiError> {
    changes::lock(cx.tx).await?;
    auth_domain(cx).await
}

/// Writes the organisation's record anew: something that it shows has changed.
pub async fn organization(cx: &mut Context<'_>) -> Result<(), ApiError> {
    changes::lock(cx.tx).await?;
    let Some(row) = stored::find(cx.tx, cx.account_id).await? else { return Ok(()) };
    let Some(auth_domain) = organizations::auth_domain(&row) else { return Ok(()) };
    let record = organization_record(cx, &row, auth_domain).await?;
    put(cx, &record).await
}

/// The organisation was written. A new team domain takes every record with it.
pub(super) async fn organization_changed(
    cx: &mut Context<'_>,
    before: &ObjectRow,
    after: &ObjectRow,
) -> Result<(), ApiError> {
    // Read after this, two changes at once never leave the older one's mixture at the edge.
    changes::lock(cx.tx).await?;
    let (old, new) = (organizations::auth_domain(before), organizations::auth_domain(after));
    organization(cx).await?;
    if old != new {
        signing_keys(cx).await?;
        identity_providers::publish_all(cx).await?;
        service_tokens::publish_all(cx).await?;
        applications::publish::all(cx).await?;
        if let Some(old) = &old {
            for key in [
                Key::Organization(old.clone()),
                Key::SigningKeys(old.clone()),
                Key::Revocations(old.clone()),
            ] {
                gone(cx, &key).await?;
            }
        }
        if let Some(new) = &new {
            // Who is disabled stays so under the new name.
            revocation::publish(cx.tx, cx.account_id, new, cx.now).await?;
        }
    }
    // Those of other zones than before may be exempt.
    for zone in zones::list(cx.tx, None, Some(cx.account_id)).await? {
        zone_record::publish(cx.tx, &zone, cx.now).await?;
    }
    Ok(())
}

/// Writes the keys of the organisation anew.
pub(super) async fn signing_keys(cx: &mut Context<'_>) -> Result<(), ApiError> {
    let Some(auth_domain) = settled_auth_domain(cx).await? else { return Ok(()) };
    let known: Option<SigningKeyRecord> = known(cx, &Key::SigningKeys(auth_domain.clone())).await?;
    let known = known.map(|record| record.keys).unwrap_or_default();
    let mut keys = Vec::new();
    for row in keys::current(cx).await? {
        let facts = owned(&row)?;
        let text = |name: &str| facts.get(name).and_then(Value::as_str).unwrap_or_default().into();
        let expires_at = keys::expires_at(&row)?;
        let private_key = if expires_at.is_none() {
            let secret = keys::private_key(cx, &row).await?;
            let sealed = known.iter().find(|key| key.kid == row.name);
            let sealed = sealed.and_then(|key| key.private_key.as_ref());
            let context = signing_key::sealing_context(&auth_domain, &row.name);
            Some(seal(cx, &context, &secret, sealed)?)
        } else {
            None
        };
        keys.push(SigningKey {
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

/// Seals a secret for the worker; `known` is how it has it already.
pub(super) fn seal(
    cx: &Context<'_>,
    context: &str,
    secret: &[u8],
    known: Option<&edge_state::seal::Sealed>,
) -> Result<edge_state::seal::Sealed, ApiError> {
    cx.app.vault.keep_for_access(context, secret, known).map_err(|error| {
        tracing::error!(%error, "a secret could not be sealed for the edge");
        ApiError::Internal
    })
}

async fn organization_record(
    cx: &mut Context<'_>,
    row: &ObjectRow,
    auth_domain: Hostname,
) -> Result<OrganizationRecord, ApiError> {
    let sent = Sent::read(&row.body)?;
    let mut identity_providers = Vec::new();
    for row in objects::all(cx.tx, cx.account_id, kind::IDENTITY_PROVIDER).await? {
        identity_providers.push(summary(&row)?);
    }
    let (launcher, applications) = applications::publish::launched(cx).await?;
    let design = |name: &str| text(&sent, &format!("login_design.{name}"));
    let session = sent.text("session_duration")?.unwrap_or("24h");
    Ok(OrganizationRecord {
        account_id: row.account_id.clone(),
        auth_domain,
        name: row.name.clone(),
        enabled: sent.switch("enabled")?.unwrap_or(true),
        session_seconds: duration::seconds(session).unwrap_or(DAY_SECONDS),
        auto_redirect_to_identity: sent.switch("auto_redirect_to_identity")?.unwrap_or(false),
        strict_service_token_auth: sent.switch("strict_service_token_auth")?.unwrap_or(false),
        login_design: LoginDesign {
            background_color: design("background_color"),
            text_color: design("text_color"),
            logo_path: design("logo_path"),
            header_text: design("header_text"),
            footer_text: design("footer_text"),
        },
        identity_providers,
        launcher,
        applications,
        identity_denied_html: page(cx, &sent, "custom_pages.identity_denied").await?,
        forbidden_html: page(cx, &sent, "custom_pages.forbidden").await?,
    })
}

/// The HTML of a custom page has changed: applications or the organisation may show it.
pub(super) async fn page_changed(cx: &mut Context<'_>, id: &str) -> Result<(), ApiError> {
    applications::publish::mentioning(cx, id).await?;
    organization(cx).await
}

fn summary(row: &ObjectRow) -> Result<ProviderSummary, ApiError> {
    let sent = Sent::read(&row.body)?;
    Ok(ProviderSummary {
        id: row.id.clone(),
        name: row.name.clone(),
        kind: sent.text("type")?.unwrap_or_default().to_owned(),
        enabled: IdentityProvider::is_enabled(&sent)?,
    })
}

/// The HTML of a custom page that a field names.
pub async fn page(
    cx: &mut Context<'_>,
    sent: &Sent,
    field: &str,
) -> Result<Option<String>, ApiError> {
    let Some(id) = sent.text(field)? else { return Ok(None) };
    let row = objects::find(cx.tx, cx.account_id, kind::CUSTOM_PAGE, id).await?;
    let Some(row) = row else { return Ok(None) };
    Ok(text(&Sent::read(&row.body)?, "custom_html"))
}

fn text(sent: &Sent, path: &str) -> Option<String> {
    sent.value(path)?.as_str().map(str::to_owned)
}

const DAY_SECONDS: u64 = 24 * 60 * 60;
