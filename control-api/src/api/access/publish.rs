//! What the edge is told about Access. Everything here is written in the transaction of the change
//! itself, after all else: from the first record to the commit no one else can write one.

use edge_state::seal::Sealed;
use edge_state::{Hostname, Key, Record};

use super::echo::Sent;
use super::object::{Context, kind};
use crate::api::{ApiError, App};
use crate::store::access::objects;
use crate::store::access::organizations as stored;
use crate::store::changes;

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

/// Where people reach the team domain.
pub(super) fn origin(app: &App, auth_domain: &Hostname) -> String {
    match app.config.https_port {
        443 => format!("https://{auth_domain}"),
        port => format!("https://{auth_domain}:{port}"),
    }
}

/// As [`auth_domain`], and it does not change before this transaction ends: records that are written
/// after this are never under a name that was given up meanwhile.
pub async fn settled_auth_domain(cx: &mut Context<'_>) -> Result<Option<Hostname>, ApiError> {
    changes::lock(cx.tx).await?;
    auth_domain(cx).await
}

/// Seals a secret for the worker; `known` is how it has it already.
pub(super) fn seal(
    cx: &Context<'_>,
    context: &str,
    secret: &[u8],
    known: Option<&Sealed>,
) -> Result<Sealed, ApiError> {
    cx.app.vault.keep_for_access(context, secret, known).map_err(|error| {
        tracing::error!(%error, "a secret could not be sealed for the edge");
        ApiError::Internal
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
    Ok(Sent::read(&row.body)?.text("custom_html")?.map(str::to_owned))
}
