//! Parts of an application that have paths of their own: `settings`, `revoke_tokens`, `ca`.

use axum::extract::{Path, State};
use axum::routing;
use serde_json::{Map, Value};

use super::kind::TAG;
use super::stored;
use super::stored::Application;
use super::write::{self, Draft};
use crate::api::access::describe::{Described, Method, Operation, Scope};
use crate::api::access::echo::{Body, Fields, Sent};
use crate::api::access::object::{Context, ObjectPath};
use crate::api::auth::{AccessApps, ForAccess};
use crate::api::error::code;
use crate::api::json::Json;
use crate::api::page::{Paging, Params};
use crate::api::{ApiError, App, Envelope, Page};
use crate::people::revocation;

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
        Described::at(Scope::AccountAndZone, "/access/apps/{id}/revoke_tokens").on(
            Method::Post,
            operation("What was issued for an application until now does not count any more.")
                .answers(202),
            routing::post(revoke_tokens),
        ),
        Described::at(Scope::AccountAndZone, "/access/apps/{id}/ca")
            .on(
                Method::Post,
                operation("Refused: no SSH certificates are issued here."),
                routing::post(create_ca),
            )
            .on(Method::Get, operation("Always 404."), routing::get(no_ca))
            .on(Method::Delete, operation("Always 404."), routing::delete(no_ca)),
        Described::at(Scope::AccountAndZone, "/access/apps/ca").on(
            Method::Get,
            operation("Always empty: no SSH certificates are issued here.").paged(&[]),
            routing::get(list_cas),
        ),
    ]
}

async fn revoke_tokens(
    State(app): State<App>,
    access: ForAccess<AccessApps>,
    Path(path): Path<ObjectPath>,
) -> Result<Envelope<Map<String, Value>>, ApiError> {
    let mut tx = app.db.begin().await?;
    let mut cx = Context::new(&app, &mut tx, &access.account.id);
    let application = Application::find_for_update(&mut cx, &path.id).await?;
    let (account_id, aud, now) = (cx.account_id, &application.owned.aud, cx.now);
    revocation::application(cx.tx, account_id, aud, now).await?;
    app.commit(tx).await?;
    Ok(Envelope::accepted(Map::new()))
}

async fn create_ca(
    State(app): State<App>,
    access: ForAccess<AccessApps>,
    Path(path): Path<ObjectPath>,
) -> Result<Envelope<Map<String, Value>>, ApiError> {
    let mut tx = app.db.read().await?;
    let mut cx = Context::new(&app, &mut tx, &access.account.id);
    let application = Application::find(&mut cx, &path.id).await?;
    let kind = application.body.kind.name();
    let message =
        format!("{kind} has no certificate authority: no SSH certificates are issued here");
    Err(ApiError::invalid(code::ACCESS, "type", message))
}

async fn no_ca(
    State(app): State<App>,
    access: ForAccess<AccessApps>,
    Path(path): Path<ObjectPath>,
) -> Result<Envelope<Map<String, Value>>, ApiError> {
    let mut tx = app.db.read().await?;
    let mut cx = Context::new(&app, &mut tx, &access.account.id);
    Application::find(&mut cx, &path.id).await?;
    Err(ApiError::NotFound("certificate authority"))
}

async fn list_cas(
    _: ForAccess<AccessApps>,
    Params(paging): Params<Paging>,
) -> Result<Page<Map<String, Value>>, ApiError> {
    Ok(Page::of(Vec::new(), paging.window()?))
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
