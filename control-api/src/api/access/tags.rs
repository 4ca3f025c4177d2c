//! `/access/tags`: words under which the App Launcher sorts applications. A tag is known by its name.

use serde_json::{Map, Value};

use super::describe::Scope;
use super::echo::{Fields, Sent};
use super::object::{Context, Draft, Kind, handle, kind, shown};
use crate::api::ApiError;
use crate::api::auth::AccessApps;
use crate::store::access::objects::{self, ObjectRow};

/// A tag.
pub struct Tag;

impl Kind for Tag {
    const KIND: &'static str = kind::TAG;
    const TAG: &'static str = "access tags";
    const PATH: &'static str = "/access/tags";
    const SCOPE: Scope = Scope::Account;
    const BY_NAME: bool = true;
    const FIELDS: Fields = Fields {
        required: &["name"],
        optional: &[],
        read_only: &["id", "app_count", "created_at", "updated_at"],
        rules: &[],
        zero_is_unset: &[],
    };
    type Permission = AccessApps;

    async fn judge(
        cx: &mut Context<'_>,
        _: &str,
        sent: Sent,
        before: Option<&ObjectRow>,
    ) -> Result<Draft, ApiError> {
        let name = sent.name()?.to_owned();
        if let Some(before) = before.filter(|before| before.name != name) {
            unworn(cx, &before.name).await?;
        }
        let handle = Some(handle(cx.account_id, &name));
        Ok(Draft { name, handle, sent, ..Draft::default() })
    }

    async fn deletable(cx: &mut Context<'_>, row: &ObjectRow) -> Result<(), ApiError> {
        unworn(cx, &row.name).await
    }

    async fn show(_: &mut Context<'_>, row: &ObjectRow) -> Result<Map<String, Value>, ApiError> {
        shown(row)
    }
}

/// Refuses if an application has the tag.
async fn unworn(cx: &mut Context<'_>, name: &str) -> Result<(), ApiError> {
    let quoted = Value::from(name).to_string();
    for row in objects::mentioning(cx.tx, cx.account_id, &quoted).await? {
        let wears = row.kind == kind::APPLICATION
            && Sent::read(&row.body)?.texts("tags")?.is_some_and(|tags| tags.contains(&name));
        if wears {
            let message = format!(
                "The tag {name:?} is in use by the application {:?} ({}). Change that first.",
                row.name, row.id
            );
            return Err(ApiError::Conflict(message));
        }
    }
    Ok(())
}
