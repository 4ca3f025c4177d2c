//! `/access/apps/{id}/policies`: the policies of one application, in the contract's older manner.

use axum::extract::{Path, State};
use axum::response::Response;
use axum::routing;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::{attach, body};
use crate::api::access::applications::publish;
use crate::api::access::applications::stored::Application;
use crate::api::access::describe::{Described, Method, Operation, Scope};
use crate::api::access::echo::Body;
use crate::api::access::object::{Context, ObjectPath, kind};
use crate::api::access::policy_tests::guard::Save;
use crate::api::auth::{AccessApps, ForAccess};
use crate::api::envelope::Id;
use crate::api::idempotency::{Attempt, Begun, Post};
use crate::api::json::Json;
use crate::api::page::{Paging, Params};
use crate::api::{ApiError, App, Envelope, Page};
use crate::store::access::links::{self, AttachedRow, LinkRow};
use crate::store::access::objects::{self, ObjectRow};

/// Which policy of which application.
#[derive(Debug, Deserialize)]
pub struct PolicyPath {
    id: String,
    policy_id: String,
}

/// The routes of an application's policies.
pub fn routes() -> Vec<Described> {
    let operation = |summary| Operation::new("access policies", summary);
    vec![
        Described::at(Scope::AccountAndZone, "/access/apps/{id}/policies")
            .on(
                Method::Post,
                operation("Makes a policy of one application.").takes(body::FIELDS).answers(201),
                routing::post(create),
            )
            .on(
                Method::Get,
                operation("The policies of an application, in the order in which they are asked.")
                    .paged(&[]),
                routing::get(list),
            ),
        Described::at(Scope::AccountAndZone, "/access/apps/{id}/policies/{policy_id}")
            .on(Method::Get, operation("One policy of an application."), routing::get(get))
            .on(
                Method::Put,
                operation("Replaces a policy of one application.").takes(body::FIELDS),
                routing::put(update),
            )
            .on(
                Method::Delete,
                operation(
                    "Deletes a policy of one application, or takes a reusable one out of it.",
                )
                .answers(202),
                routing::delete(delete),
            ),
    ]
}

async fn create(
    State(app): State<App>,
    access: ForAccess<AccessApps>,
    Path(path): Path<ObjectPath>,
    save: Save,
    Post { body, ticket }: Post<Body>,
) -> Result<Response, ApiError> {
    let sent = body::FIELDS.whole(body)?;
    let mut attempt = match Attempt::begin(&app, &access.caller, ticket).await? {
        Begun::Again(answer) => return Ok(answer),
        Begun::First(attempt) => attempt,
    };
    let mut cx = Context::new(&app, &mut attempt.tx, &access.account.id);
    let application = Application::find_for_update(&mut cx, &path.id).await?;
    let held = save.held(&mut cx, &access.caller, std::slice::from_ref(&path.id)).await?;
    let judged = body::judge(&mut cx, sent).await?;
    let policy = attach::own(&cx, &application.row.id, &judged);
    let (last, position) = links::end(cx.tx, &application.row.id).await?;
    let precedence = judged.precedence.unwrap_or(last);
    objects::insert(cx.tx, &policy).await?;
    link(&mut cx, &application, &policy, (precedence, position)).await?;
    changed(&mut cx, &application).await?;
    held.check(&mut cx).await?;
    let attached = found(&mut cx, &application, &policy.id).await?;
    attempt.finish(&app, Envelope::created(shown(&attached)?)).await
}

async fn list(
    State(app): State<App>,
    access: ForAccess<AccessApps>,
    Path(path): Path<ObjectPath>,
    Params(paging): Params<Paging>,
) -> Result<Page<Map<String, Value>>, ApiError> {
    let window = paging.window()?;
    let mut tx = app.db.read().await?;
    let mut cx = Context::new(&app, &mut tx, &access.account.id);
    let application = Application::find(&mut cx, &path.id).await?;
    let attached = links::attached(cx.tx, &application.row.id).await?;
    let (attached, page) = Page::of(attached, window).take();
    let answers = attached.iter().map(shown).collect::<Result<_, _>>()?;
    Ok(page.with(answers))
}

async fn get(
    State(app): State<App>,
    access: ForAccess<AccessApps>,
    Path(path): Path<PolicyPath>,
) -> Result<Envelope<Map<String, Value>>, ApiError> {
    let mut tx = app.db.read().await?;
    let mut cx = Context::new(&app, &mut tx, &access.account.id);
    let application = Application::find(&mut cx, &path.id).await?;
    let attached = found(&mut cx, &application, &path.policy_id).await?;
    shown(&attached).map(Envelope::ok)
}

async fn update(
    State(app): State<App>,
    access: ForAccess<AccessApps>,
    Path(path): Path<PolicyPath>,
    save: Save,
    Json(body): Json<Body>,
) -> Result<Envelope<Map<String, Value>>, ApiError> {
    let mut tx = app.db.begin().await?;
    let mut cx = Context::new(&app, &mut tx, &access.account.id);
    let application = Application::find_for_update(&mut cx, &path.id).await?;
    let held = save.held(&mut cx, &access.caller, std::slice::from_ref(&path.id)).await?;
    let AttachedRow { precedence, policy } = found(&mut cx, &application, &path.policy_id).await?;
    if policy.parent_id.is_none() {
        let message = format!(
            "The policy {:?} is reusable: change it at /access/policies/{}.",
            policy.name, policy.id
        );
        return Err(ApiError::Conflict(message));
    }
    let judged = body::judge(&mut cx, body::FIELDS.whole(body)?).await?;
    let place = (judged.precedence.unwrap_or(precedence), policy.position);
    let policy =
        ObjectRow { name: judged.name, body: judged.sent.to_json(), updated_at: cx.now, ..policy };
    objects::update(cx.tx, &policy).await?;
    link(&mut cx, &application, &policy, place).await?;
    changed(&mut cx, &application).await?;
    held.check(&mut cx).await?;
    let attached = found(&mut cx, &application, &policy.id).await?;
    let answer = shown(&attached)?;
    app.commit(tx).await?;
    Ok(Envelope::ok(answer))
}

async fn delete(
    State(app): State<App>,
    access: ForAccess<AccessApps>,
    Path(path): Path<PolicyPath>,
    save: Save,
) -> Result<Envelope<Id>, ApiError> {
    let mut tx = app.db.begin().await?;
    let mut cx = Context::new(&app, &mut tx, &access.account.id);
    let application = Application::find_for_update(&mut cx, &path.id).await?;
    let held = save.held(&mut cx, &access.caller, std::slice::from_ref(&path.id)).await?;
    let attached = found(&mut cx, &application, &path.policy_id).await?;
    links::remove(cx.tx, &application.row.id, &attached.policy.id).await?;
    if attached.policy.parent_id.is_some() {
        objects::delete(cx.tx, cx.account_id, kind::POLICY, &attached.policy.id).await?;
    }
    changed(&mut cx, &application).await?;
    held.check(&mut cx).await?;
    app.commit(tx).await?;
    Ok(Envelope::accepted(Id { id: path.policy_id }))
}

async fn link(
    cx: &mut Context<'_>,
    application: &Application,
    policy: &ObjectRow,
    (precedence, position): (i64, i64),
) -> Result<(), ApiError> {
    let link = LinkRow {
        application_id: application.row.id.clone(),
        policy_id: policy.id.clone(),
        precedence,
        position,
    };
    Ok(links::put(cx.tx, &link).await?)
}

async fn found(
    cx: &mut Context<'_>,
    application: &Application,
    policy_id: &str,
) -> Result<AttachedRow, ApiError> {
    let attached = links::attached(cx.tx, &application.row.id).await?;
    let found = attached.into_iter().find(|attached| attached.policy.id == policy_id);
    found.ok_or(ApiError::NotFound(kind::POLICY))
}

async fn changed(cx: &mut Context<'_>, application: &Application) -> Result<(), ApiError> {
    let none = std::collections::BTreeSet::new();
    publish::changed(cx, std::slice::from_ref(&application.row.id), &none).await
}

fn shown(attached: &AttachedRow) -> Result<Map<String, Value>, ApiError> {
    let mut answer = body::shown(&attached.policy)?;
    answer.insert("precedence".to_owned(), attached.precedence.into());
    Ok(answer)
}
