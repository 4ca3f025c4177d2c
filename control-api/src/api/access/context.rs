//! Where and when an object is written, and what all that write share: what is theirs of a row, its
//! secrets, and whether it is in use.

use serde_json::{Map, Value};

use super::echo::Sent;
use crate::api::{ApiError, App};
use crate::clock::rfc3339;
use crate::saml_metadata;
use crate::signing_key::SigningKey;
use crate::store::Tx;
use crate::store::access::objects::{self, ObjectRow};
use crate::store::access::secrets;
use crate::vault::Place;

/// Where and when something is written.
pub struct Context<'a> {
    /// The one transaction.
    pub tx: &'a mut Tx,
    /// Everything else.
    pub app: &'a App,
    /// Whose objects.
    pub account_id: &'a str,
    /// Unix milliseconds.
    pub now: i64,
    /// What [`Kind::prepare`] brought.
    pub prepared: Prepared,
}

/// What takes its time, and is done before a transaction is open.
#[derive(Default)]
pub struct Prepared {
    /// What others' servers said.
    pub metadata: saml_metadata::Prepared,
    /// New keys.
    pub keys: Vec<SigningKey>,
}

impl<'a> Context<'a> {
    /// In a transaction, now.
    pub fn new(app: &'a App, tx: &'a mut Tx, account_id: &'a str) -> Self {
        let now = app.clock.now_millis();
        Self { tx, app, account_id, now, prepared: Prepared::default() }
    }

    /// An object of this account, or 404.
    pub async fn find(&mut self, kind: &'static str, id: &str) -> Result<ObjectRow, ApiError> {
        let row = objects::find(self.tx, self.account_id, kind, id).await?;
        row.ok_or(ApiError::NotFound(kind))
    }

    /// As [`Self::find`], and nobody else changes it before the transaction ends.
    pub async fn find_for_update(
        &mut self,
        kind: &'static str,
        id: &str,
    ) -> Result<ObjectRow, ApiError> {
        let row = objects::find_for_update(self.tx, self.account_id, kind, id).await?;
        row.ok_or(ApiError::NotFound(kind))
    }

    /// A secret of an object, opened.
    pub async fn secret(&mut self, object: &str, field: &str) -> Result<Option<String>, ApiError> {
        let Some(sealed) = secrets::find(self.tx, object, field).await? else { return Ok(None) };
        let place = Place::Access { id: secrets::id(object, field) };
        let opened = self.app.vault.open(&place, &sealed).map_err(|error| {
            tracing::error!(%error, "a secret of Access does not open");
            ApiError::Internal
        })?;
        Ok(Some(String::from_utf8_lossy(&opened).into_owned()))
    }
}

/// What was sent, with `id`, `created_at` and `updated_at`.
pub fn shown(row: &ObjectRow) -> Result<Map<String, Value>, ApiError> {
    let mut answer = Sent::read(&row.body)?.into_members();
    answer.insert("id".to_owned(), row.id.clone().into());
    answer.insert("created_at".to_owned(), rfc3339(row.created_at).into());
    answer.insert("updated_at".to_owned(), rfc3339(row.updated_at).into());
    Ok(answer)
}

/// The handle of an object that is known by its name in its account.
#[must_use]
pub fn handle(account_id: &str, name: &str) -> String {
    format!("{account_id}:{name}")
}

/// What the server owns of an object.
pub fn owned(row: &ObjectRow) -> Result<Map<String, Value>, ApiError> {
    Sent::read(&row.owned).map(Sent::into_members)
}

/// Refuses if another object of the account names this one.
pub async fn unused(cx: &mut Context<'_>, row: &ObjectRow) -> Result<(), ApiError> {
    let quoted = Value::from(row.id.as_str()).to_string();
    let users = objects::mentioning(cx.tx, cx.account_id, &quoted).await?;
    match users.iter().find(|user| user.id != row.id) {
        None => Ok(()),
        Some(user) => {
            let message = format!(
                "The {} is in use by the {} {:?} ({}). Change that first.",
                row.kind, user.kind, user.name, user.id
            );
            Err(ApiError::Conflict(message))
        }
    }
}

pub(super) async fn keep_secrets(
    cx: &mut Context<'_>,
    id: &str,
    kept: Vec<(&'static str, Option<String>)>,
) -> Result<(), ApiError> {
    for (field, secret) in kept {
        let Some(secret) = secret else {
            secrets::forget(cx.tx, id, field).await?;
            continue;
        };
        let place = Place::Access { id: secrets::id(id, field) };
        let sealed = cx.app.vault.seal(&place, secret.as_bytes()).map_err(|error| {
            tracing::error!(%error, "a secret of Access could not be sealed");
            ApiError::Internal
        })?;
        secrets::put(cx.tx, id, field, &sealed, cx.now).await?;
    }
    Ok(())
}
