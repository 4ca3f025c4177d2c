//! `/access/apps/{id}/saml_certificates`: the keys of a SAML application, and the way from one to
//! the next: a new one stands in our metadata first, signs once every service provider knows it,
//! and then the old one goes.

use axum::extract::{Path, State};
use axum::response::Response;
use axum::routing;
use edge_state::access::saml::KeyUse;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use super::check::invalid;
use super::kind::TAG;
use super::saas::AuthType;
use super::stored::Application;
use crate::api::access::describe::{Described, Method, Operation, Scope};
use crate::api::access::echo::{Body, Fields};
use crate::api::access::object::{Context, ObjectPath, kind};
use crate::api::access::saml_keys::{self, StoredKey};
use crate::api::auth::{AccessApps, ForAccess};
use crate::api::envelope::Id;
use crate::api::idempotency::{Attempt, Begun, Post};
use crate::api::{ApiError, App, Envelope};
use crate::clock::rfc3339;
use crate::store::access::objects;

/// Which key of which application.
#[derive(Debug, Deserialize)]
struct KeyPath {
    id: String,
    kid: String,
}

/// Its routes.
pub fn routes() -> Vec<Described> {
    let operation = |summary| Operation::new(TAG, summary);
    let at = |path| Described::at(Scope::Account, path);
    vec![
        at("/access/apps/{id}/saml_certificates")
            .on(
                Method::Get,
                operation("The certificates of a SAML application: the one that signs first."),
                routing::get(list),
            )
            .on(
                Method::Post,
                operation(
                    "Makes the next key of a SAML application: it stands in the metadata, and \
                     does not sign yet.",
                )
                .answers(201),
                routing::post(create),
            ),
        at("/access/apps/{id}/saml_certificates/{kid}").on(
            Method::Delete,
            operation("Deletes a key that does not sign: it leaves the metadata."),
            routing::delete(delete),
        ),
        at("/access/apps/{id}/saml_certificates/{kid}/activate").on(
            Method::Put,
            operation("Signs with this key from now on; the one before stays in the metadata."),
            routing::put(activate),
        ),
    ]
}

async fn list(
    State(app): State<App>,
    access: ForAccess<AccessApps>,
    Path(path): Path<ObjectPath>,
) -> Result<Envelope<Vec<Value>>, ApiError> {
    let mut tx = app.db.read().await?;
    let mut cx = Context::new(&app, &mut tx, &access.account.id);
    speaks_saml(&Application::find(&mut cx, &path.id).await?)?;
    shown(&mut cx, &path.id).await.map(Envelope::ok)
}

async fn create(
    State(app): State<App>,
    access: ForAccess<AccessApps>,
    Path(path): Path<ObjectPath>,
    Post { body, ticket }: Post<Body>,
) -> Result<Response, ApiError> {
    FIELDS.whole(body)?;
    let name = {
        let mut tx = app.db.read().await?;
        let mut cx = Context::new(&app, &mut tx, &access.account.id);
        Application::find(&mut cx, &path.id).await?.body.shown_name()
    };
    let key = saml_keys::generate(&app, &name).await?;
    let mut attempt = match Attempt::begin(&app, &access.caller, ticket).await? {
        Begun::Again(answer) => return Ok(answer),
        Begun::First(attempt) => attempt,
    };
    let mut cx = Context::new(&app, &mut attempt.tx, &access.account.id);
    speaks_saml(&Application::find_for_update(&mut cx, &path.id).await?)?;
    let known = saml_keys::of(&mut cx, &path.id).await?;
    if known.len() >= MAX_KEYS {
        let message = format!("the application has {MAX_KEYS} keys: delete one of them first");
        return Err(ApiError::Conflict(message));
    }
    saml_keys::keep(&mut cx, &path.id, KeyUse::Signing, known.is_empty(), &key).await?;
    let answer = shown(&mut cx, &path.id).await?;
    let made = answer.into_iter().find(|one| one["id"] == key.kid.as_str());
    saml_keys::publish(&mut cx, &path.id).await?;
    attempt.finish(&app, Envelope::created(made)).await
}

async fn activate(
    State(app): State<App>,
    access: ForAccess<AccessApps>,
    Path(path): Path<KeyPath>,
) -> Result<Envelope<Vec<Value>>, ApiError> {
    let mut tx = app.db.begin().await?;
    let mut cx = Context::new(&app, &mut tx, &access.account.id);
    let key = find(&mut cx, &path).await?;
    saml_keys::activate(&mut cx, &path.id, &key).await?;
    let answer = shown(&mut cx, &path.id).await?;
    saml_keys::publish(&mut cx, &path.id).await?;
    app.commit(tx).await?;
    Ok(Envelope::ok(answer))
}

async fn delete(
    State(app): State<App>,
    access: ForAccess<AccessApps>,
    Path(path): Path<KeyPath>,
) -> Result<Envelope<Id>, ApiError> {
    let mut tx = app.db.begin().await?;
    let mut cx = Context::new(&app, &mut tx, &access.account.id);
    let key = find(&mut cx, &path).await?;
    if key.facts.current {
        let message = "this key signs: activate another one before, and let every service \
                       provider learn that";
        return Err(ApiError::Conflict(message.to_owned()));
    }
    saml_keys::delete(&mut cx, &key).await?;
    saml_keys::publish(&mut cx, &path.id).await?;
    app.commit(tx).await?;
    Ok(Envelope::ok(Id { id: path.kid }))
}

async fn find(cx: &mut Context<'_>, path: &KeyPath) -> Result<StoredKey, ApiError> {
    speaks_saml(&Application::find_for_update(cx, &path.id).await?)?;
    let keys = saml_keys::of(cx, &path.id).await?;
    keys.into_iter().find(|key| key.kid() == path.kid).ok_or(ApiError::NotFound(kind::SAML_KEY))
}

fn speaks_saml(application: &Application) -> Result<(), ApiError> {
    if application.auth_type() == Some(AuthType::Saml) {
        return Ok(());
    }
    Err(invalid("saas_app.auth_type", "is not saml: the application has no such certificates"))
}

async fn shown(cx: &mut Context<'_>, id: &str) -> Result<Vec<Value>, ApiError> {
    let keys = saml_keys::of(cx, id).await?;
    let current = keys.iter().find(|key| key.facts.current).map(|key| key.row.position);
    let show = |key: &StoredKey| {
        let status = match current {
            _ if key.facts.current => "signing",
            Some(current) if key.row.position < current => "previous",
            _ => "next",
        };
        json!({
            "id": key.kid(),
            "status": status,
            "certificate": key.facts.certificate,
            "created_at": rfc3339(key.row.created_at),
        })
    };
    Ok(keys.iter().map(show).collect())
}

/// Gives a key to each SAML application that an older version has left without one.
pub async fn complete(app: App, stop: CancellationToken) {
    if let Some(Err(error)) = stop.run_until_cancelled(Box::pin(complete_all(&app))).await {
        tracing::error!(%error, "SAML applications are left without a key");
    }
}

/// See [`complete`].
///
/// # Errors
/// The first application that did not get one.
pub async fn complete_all(app: &App) -> Result<(), ApiError> {
    let mut tx = app.db.read().await?;
    let rows = objects::every(&mut tx, kind::APPLICATION).await?;
    let mut without = Vec::new();
    for row in rows {
        let application = Application::read(row)?;
        if application.auth_type() == Some(AuthType::Saml)
            && objects::children(&mut tx, &application.row.id, kind::SAML_KEY).await?.is_empty()
        {
            without.push(application);
        }
    }
    drop(tx);
    for Application { row, body, .. } in without {
        let key = saml_keys::generate(app, &body.shown_name()).await?;
        let mut tx = app.db.begin().await?;
        let mut cx = Context::new(app, &mut tx, &row.account_id);
        // Another instance may have been faster, or somebody has deleted it.
        let there = Application::find_for_update(&mut cx, &row.id).await.is_ok();
        if there && saml_keys::of(&mut cx, &row.id).await?.is_empty() {
            saml_keys::keep(&mut cx, &row.id, KeyUse::Signing, true, &key).await?;
            super::publish::changed(&mut cx, &[row.id], &std::collections::BTreeSet::new()).await?;
        }
        app.commit(tx).await?;
    }
    Ok(())
}

const FIELDS: Fields =
    Fields { required: &[], optional: &[], read_only: &[], rules: &[], zero_is_unset: &[] };
/// One that signs, one before and one after it, and one more by mistake.
const MAX_KEYS: usize = 4;
