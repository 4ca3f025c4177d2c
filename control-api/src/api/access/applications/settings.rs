//! Parts of an application that have paths of their own: `settings`, `revoke_tokens`, `ca`.

use axum::extract::{Path, State};
use axum::routing;
use serde_json::{Map, Value};

use super::stored::Application;
use super::write::{self, Draft};
use super::{TAG, stored};
use crate::api::access::describe::{Described, Method, Operation, Scope};
use crate::api::access::echo::{Body, Fields, Sent};
use crate::api::access::object::{Context, ObjectPath};
use crate::api::auth::{AccessApps, ForAccess};
use crate::api::json::Json;
use crate::api::{ApiError, App, Envelope};

/// The routes of an application's parts.
pub fn routes() -> Vec<Described> {
    let operation = |summary| Operation::new(TAG, summary);
    vec![
        Described::at(Scope::AccountAndZone, "/access/apps/{id}/settings")
            .on(
                Method::Put,
                operation("Replaces an application's settings: what is not sent is unset.")
                    .takes(FIELDS),
                routing::put(replace),
            )
            .on(
                Method::Patch,
                operation("Changes an application's settings: what is not sent stays.")
                    .takes(FIELDS),
                routing::patch(edit),
            ),
    ]
}

async fn replace(
    State(app): State<App>,
    access: ForAccess<AccessApps>,
    Path(path): Path<ObjectPath>,
    Json(body): Json<Body>,
) -> Result<Envelope<Map<String, Value>>, ApiError> {
    let settings = FIELDS.whole(body)?;
    set(&app, &access.account.id, &path.id, |_| Ok(settings)).await
}

async fn edit(
    State(app): State<App>,
    access: ForAccess<AccessApps>,
    Path(path): Path<ObjectPath>,
    Json(body): Json<Body>,
) -> Result<Envelope<Map<String, Value>>, ApiError> {
    set(&app, &access.account.id, &path.id, |before| FIELDS.merged(before, body)).await
}

/// Puts the settings into the application as if it had been sent with them.
async fn set(
    app: &App,
    account_id: &str,
    id: &str,
    settings: impl FnOnce(&Sent) -> Result<Sent, ApiError>,
) -> Result<Envelope<Map<String, Value>>, ApiError> {
    let mut tx = app.db.begin().await?;
    let mut cx = Context::new(app, &mut tx, account_id);
    let before = Application::find_for_update(&mut cx, id).await?;
    let (mut rest, mut own) = (before.sent.clone(), Sent::default());
    for field in FIELDS.optional {
        if let Some(value) = rest.take(field) {
            own.set(field, value);
        }
    }
    let settings = settings(&own)?;
    for (field, value) in settings.members() {
        rest.set(field, value.clone());
    }
    let mut draft = Draft::of(rest)?;
    draft.policies = None; // They stay.
    let auth_domain = stored::auth_domain(&mut cx).await?;
    write::replace(&mut cx, &before, draft, &auth_domain).await?;
    app.commit(tx).await?;
    Ok(Envelope::ok(settings.into_members()))
}

const FIELDS: Fields = Fields {
    required: &[],
    optional: &["allow_iframe", "skip_interstitial"],
    read_only: &[],
    rules: &[],
    zero_is_unset: &[],
};
