//! `/access/saml_certificates`: what SAML providers encrypt to. A set is one provider's.

use axum::extract::{Path, State};
use axum::response::{IntoResponse as _, Response};
use axum::routing;
use http::{HeaderValue, header};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::{IdentityProvider, keys};
use crate::api::access::describe::{Described, Method, Operation, Scope};
use crate::api::access::echo::Sent;
use crate::api::access::object::{Context, Kind as _, ObjectPath, kind, owned};
use crate::api::access::saml_keys;
use crate::api::auth::{AccessOrganizations, ForAccess};
use crate::api::page::{Paging, Params, given};
use crate::api::{ApiError, App, Envelope, Page};
use crate::store::access::objects::{self, ObjectRow};

/// Its routes.
pub(super) fn routes() -> [Described; 5] {
    let operation = |summary| Operation::new("access saml certificates", summary);
    let sets = "/access/saml_certificates";
    let at = |path: &str| Described::at(Scope::Account, path);
    [
        at("/access/identity_providers/{id}/saml_certificate").on(
            Method::Post,
            Operation::new(IdentityProvider::TAG, "The certificate set of a SAML provider."),
            routing::post(assign),
        ),
        at(sets).on(
            Method::Get,
            operation("Every certificate set, by pages.").paged(&["id"]),
            routing::get(list),
        ),
        at(&format!("{sets}/{{id}}")).on(
            Method::Get,
            operation("One certificate set."),
            routing::get(get),
        ),
        at(&format!("{sets}/{{id}}/pem")).on(
            Method::Get,
            operation("The current certificate of a set, as PEM."),
            routing::get(pem),
        ),
        at(&format!("{sets}/{{id}}/rotate")).on(
            Method::Post,
            operation("Makes a new certificate; the one before goes on until the next rotation."),
            routing::post(rotate),
        ),
    ]
}

/// Which sets.
#[derive(Debug, Default, Deserialize)]
struct SetFilter {
    /// Ids, separated by commas.
    id: Option<String>,
}

async fn assign(
    State(app): State<App>,
    access: ForAccess<AccessOrganizations>,
    Path(path): Path<ObjectPath>,
) -> Result<Response, ApiError> {
    let mut tx = app.db.read().await?;
    let mut cx = Context::new(&app, &mut tx, &access.account.id);
    let row = cx.find(kind::IDENTITY_PROVIDER, &path.id).await?;
    if Sent::read(&row.body)?.text("type")? != Some("saml") {
        let message = "Only identity providers of type saml have a certificate set.";
        return Err(ApiError::Conflict(message.to_owned()));
    }
    let has_keys = keys::exist(&mut cx, &row.id).await?;
    drop(tx);
    let made = if has_keys { Vec::new() } else { keys::generate(&app).await? };
    let mut tx = app.db.begin().await?;
    let mut cx = Context::new(&app, &mut tx, &access.account.id);
    let mut row = cx.find_for_update(kind::IDENTITY_PROVIDER, &path.id).await?;
    let known = keys::set(&row)?.is_some_and(|(_, asked_for)| asked_for);
    let mut facts = owned(&row)?;
    keys::note_set(&mut facts, true);
    row.owned = Value::Object(facts).to_string();
    objects::update(cx.tx, &row).await?;
    keys::keep(&mut cx, &row.id, made).await?;
    let set = shown(&mut cx, &row).await?;
    saml_keys::publish(&mut cx, &row.id).await?;
    app.commit(tx).await?;
    let answer = if known { Envelope::ok(set) } else { Envelope::created(set) };
    Ok(answer.into_response())
}

async fn list(
    State(app): State<App>,
    access: ForAccess<AccessOrganizations>,
    Params(filter): Params<SetFilter>,
    Params(paging): Params<Paging>,
) -> Result<Page<Value>, ApiError> {
    let window = paging.window()?;
    let ids: Option<Vec<&str>> =
        given(filter.id.as_deref()).map(|ids| ids.split(',').map(str::trim).collect());
    let mut tx = app.db.read().await?;
    let mut cx = Context::new(&app, &mut tx, &access.account.id);
    let mut sets = Vec::new();
    for row in objects::all(cx.tx, cx.account_id, kind::IDENTITY_PROVIDER).await? {
        let Some((id, _)) = keys::set(&row)? else { continue };
        if ids.as_ref().is_none_or(|ids| ids.contains(&id.as_str())) {
            sets.extend(keys::show_set(&mut cx, &row).await?);
        }
    }
    Ok(Page::of(sets, window))
}

async fn get(
    State(app): State<App>,
    access: ForAccess<AccessOrganizations>,
    Path(path): Path<ObjectPath>,
) -> Result<Envelope<Value>, ApiError> {
    let mut tx = app.db.read().await?;
    let mut cx = Context::new(&app, &mut tx, &access.account.id);
    let row = provider(&mut cx, &path.id).await?;
    shown(&mut cx, &row).await.map(Envelope::ok)
}

async fn pem(
    State(app): State<App>,
    access: ForAccess<AccessOrganizations>,
    Path(path): Path<ObjectPath>,
) -> Result<Response, ApiError> {
    let mut tx = app.db.read().await?;
    let mut cx = Context::new(&app, &mut tx, &access.account.id);
    let row = provider(&mut cx, &path.id).await?;
    let pem = keys::current_pem(&mut cx, &row.id).await?.ok_or(ApiError::NotFound(SET))?;
    let content_type = HeaderValue::from_static("application/x-pem-file");
    Ok(([(header::CONTENT_TYPE, content_type)], pem).into_response())
}

async fn rotate(
    State(app): State<App>,
    access: ForAccess<AccessOrganizations>,
    Path(path): Path<ObjectPath>,
) -> Result<Envelope<Value>, ApiError> {
    let mut tx = app.db.read().await?;
    let mut cx = Context::new(&app, &mut tx, &access.account.id);
    let id = provider(&mut cx, &path.id).await?.id;
    drop(tx);
    let key = keys::generate_for_set(&app).await?;
    let mut tx = app.db.begin().await?;
    let mut cx = Context::new(&app, &mut tx, &access.account.id);
    let row = cx.find_for_update(kind::IDENTITY_PROVIDER, &id).await?;
    keys::rotate(&mut cx, &row.id, &key).await?;
    let set = shown(&mut cx, &row).await?;
    saml_keys::publish(&mut cx, &row.id).await?;
    app.commit(tx).await?;
    Ok(Envelope::ok(set))
}

/// The provider whose set it is.
async fn provider(cx: &mut Context<'_>, set: &str) -> Result<ObjectRow, ApiError> {
    for row in objects::all(cx.tx, cx.account_id, kind::IDENTITY_PROVIDER).await? {
        if keys::set(&row)?.is_some_and(|(id, _)| id == set) {
            return Ok(row);
        }
    }
    Err(ApiError::NotFound(SET))
}

async fn shown(cx: &mut Context<'_>, row: &ObjectRow) -> Result<Value, ApiError> {
    keys::show_set(cx, row).await?.ok_or(ApiError::NotFound(SET))
}

/// Adds the set to a provider's answer.
pub(super) async fn show(
    cx: &mut Context<'_>,
    row: &ObjectRow,
    answer: &mut Map<String, Value>,
) -> Result<(), ApiError> {
    let Some((id, asked_for)) = keys::set(row)? else { return Ok(()) };
    if asked_for {
        answer.insert("saml_certificate_set_id".to_owned(), id.into());
    }
    if let Some(set) = keys::show_set(cx, row).await? {
        answer.insert("saml_certificate_set".to_owned(), set);
    }
    Ok(())
}

const SET: &str = "SAML certificate set";
