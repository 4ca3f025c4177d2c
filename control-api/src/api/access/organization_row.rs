//! The organisation as a row: there when it is first asked for.

use uuid::Uuid;

use super::echo::Sent;
use super::object::{Context, kind};
use super::signing_keys;
use crate::api::ApiError;
use crate::signing_key::SigningKey;
use crate::store::access::objects::{self, ObjectRow};
use crate::store::access::organizations;

/// The organisation, locked; made if this is the first that is heard of it.
pub(super) async fn for_update(
    cx: &mut Context<'_>,
    name: &str,
    first_key: Option<SigningKey>,
) -> Result<ObjectRow, ApiError> {
    if organizations::find(cx.tx, cx.account_id).await?.is_none() {
        let row = unborn(cx.account_id, name, cx.now);
        objects::insert(cx.tx, &row).await?;
        // Another request may have been faster; then its key stands.
        let made = organizations::find(cx.tx, cx.account_id).await?;
        if made.is_some_and(|made| made.id == row.id)
            && let Some(key) = first_key
        {
            signing_keys::keep(cx, &key).await?;
        }
    }
    let row = organizations::find_for_update(cx.tx, cx.account_id).await?;
    row.ok_or(ApiError::NotFound(kind::ORGANIZATION))
}

/// As it is before anybody has written it: it has a name, and signs nobody in.
pub(super) fn unborn(account_id: &str, name: &str, now: i64) -> ObjectRow {
    let mut sent = Sent::default();
    sent.set("name", name);
    ObjectRow {
        id: Uuid::new_v4().to_string(),
        account_id: account_id.to_owned(),
        kind: kind::ORGANIZATION.to_owned(),
        name: name.to_owned(),
        body: sent.to_json(),
        owned: "{}".to_owned(),
        // There is one per account: two at once cannot be.
        position: 1,
        revision: 1,
        created_at: now,
        updated_at: now,
        ..ObjectRow::default()
    }
}
