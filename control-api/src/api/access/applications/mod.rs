//! `/access/apps`: what people open, or what stands before an origin.
//!
//! - this file: the handlers; [`settings`], [`saml_certificates`]: those of its parts
//! - [`kind`]: types, and which fields mean something for which
//! - [`body`], [`address`], [`cors`], [`saas`]: what clients write, judged by itself; [`check`]:
//!   single values; [`context`]: judged by what else there is; [`peer`]: by whom it is spoken to
//! - [`stored`], [`write`]: how it is kept; [`view`]: how it is answered
//! - [`record`], [`publish`]: what the edge is told

pub mod address;
pub mod body;
pub mod check;
pub mod context;
pub mod cors;
pub mod kind;
pub mod peer;
pub mod publish;
pub mod record;
pub mod saas;
pub mod saml_certificates;
pub mod settings;
pub mod stored;
pub mod view;
pub mod write;

use axum::extract::{Path, State};
use axum::response::Response;
use axum::routing;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::describe::{Described, Method, Operation, Scope};
use super::echo::Body;
use super::object::{self, Context, ObjectPath};
use super::policy_tests::guard::Save;
use crate::api::auth::{AccessApps, ForAccess};
use crate::api::envelope::Id;
use crate::api::idempotency::{Attempt, Begun, Post};
use crate::api::json::Json;
use crate::api::page::{Paging, Params, given};
use crate::api::{ApiError, App, Envelope, Page};
use kind::TAG;
use stored::Application;
use view::Team;
use write::Draft;

/// The routes of applications.
pub fn routes() -> Vec<Described> {
    let operation = |summary| Operation::new(TAG, summary);
    let mut routes = vec![
        Described::at(Scope::AccountAndZone, "/access/apps")
            .on(
                Method::Post,
                operation("Makes an application.").takes(kind::FIELDS).answers(201),
                routing::post(create),
            )
            .on(
                Method::Get,
                operation("Every application, by pages.")
                    .paged(&["aud", "domain", "exact", "name", "search"]),
                routing::get(list),
            ),
        Described::at(Scope::AccountAndZone, "/access/apps/{id}")
            .on(Method::Get, operation("One application."), routing::get(get))
            .on(
                Method::Put,
                operation("Replaces an application: what is not sent is unset, except policies.")
                    .takes(kind::FIELDS),
                routing::put(update),
            )
            .on(
                Method::Delete,
                operation("Deletes an application.").answers(202),
                routing::delete(delete),
            ),
    ];
    routes.extend(settings::routes());
    routes.extend(saml_certificates::routes());
    routes
}

/// Which applications of a list.
#[derive(Debug, Default, Deserialize)]
pub struct ApplicationFilter {
    aud: Option<String>,
    domain: Option<String>,
    name: Option<String>,
    /// A part of name, domain or aud.
    search: Option<String>,
    /// `name` and `domain` are whole, not parts.
    exact: Option<String>,
}

async fn create(
    State(app): State<App>,
    access: ForAccess<AccessApps>,
    Post { body, ticket }: Post<Body>,
) -> Result<Response, ApiError> {
    let mut draft = Draft::whole(body)?;
    draft.prepare(&app, &access.account.id, None).await?;
    let mut attempt = match Attempt::begin(&app, &access.caller, ticket).await? {
        Begun::Again(answer) => return Ok(answer),
        Begun::First(attempt) => attempt,
    };
    let mut cx = Context::new(&app, &mut attempt.tx, &access.account.id);
    let auth_domain = stored::auth_domain(&mut cx).await?;
    let written = write::create(&mut cx, draft, &auth_domain).await?;
    let mut answer = shown(&mut cx, &written.application).await?;
    if let (Some(secret), Some(Value::Object(saas))) = (written.secret, answer.get_mut("saas_app"))
    {
        saas.insert("client_secret".to_owned(), secret.into());
    }
    attempt.finish(&app, Envelope::created(answer).noted(written.remarks)).await
}

async fn list(
    State(app): State<App>,
    access: ForAccess<AccessApps>,
    Params(filter): Params<ApplicationFilter>,
    Params(paging): Params<Paging>,
) -> Result<Page<Map<String, Value>>, ApiError> {
    let window = paging.window()?;
    let mut tx = app.db.read().await?;
    let mut cx = Context::new(&app, &mut tx, &access.account.id);
    let mut all = Application::all(&mut cx).await?;
    if all.is_empty() {
        return Ok(Page::of(Vec::new(), window));
    }
    let auth_domain = stored::auth_domain(&mut cx).await?;
    let team = Team::of(&mut cx, auth_domain).await?;
    all.retain(|application| filter.matches(&team, application));
    let (applications, page) = Page::of(all, window).take();
    let mut answers = Vec::with_capacity(applications.len());
    for application in &applications {
        answers.push(view::one(&mut cx, &team, application).await?);
    }
    Ok(page.with(answers))
}

async fn get(
    State(app): State<App>,
    access: ForAccess<AccessApps>,
    Path(path): Path<ObjectPath>,
) -> Result<Envelope<Map<String, Value>>, ApiError> {
    let mut tx = app.db.read().await?;
    let mut cx = Context::new(&app, &mut tx, &access.account.id);
    let application = Application::find(&mut cx, &path.id).await?;
    shown(&mut cx, &application).await.map(Envelope::ok)
}

async fn update(
    State(app): State<App>,
    access: ForAccess<AccessApps>,
    Path(path): Path<ObjectPath>,
    save: Save,
    Json(body): Json<Body>,
) -> Result<Envelope<Map<String, Value>>, ApiError> {
    let mut tx = app.db.read().await?;
    let mut cx = Context::new(&app, &mut tx, &access.account.id);
    Application::find(&mut cx, &path.id).await?;
    drop(tx);
    let mut draft = Draft::whole(body)?;
    draft.prepare(&app, &access.account.id, Some(&path.id)).await?;
    let mut tx = app.db.begin().await?;
    let mut cx = Context::new(&app, &mut tx, &access.account.id);
    let before = Application::find_for_update(&mut cx, &path.id).await?;
    let held = save.held(&mut cx, &access.caller, std::slice::from_ref(&path.id)).await?;
    let auth_domain = stored::auth_domain(&mut cx).await?;
    let written = write::replace(&mut cx, &before, draft, &auth_domain).await?;
    let answer = shown(&mut cx, &written.application).await?;
    held.check(&mut cx).await?;
    app.commit(tx).await?;
    Ok(Envelope::ok(answer).noted(written.remarks))
}

async fn delete(
    State(app): State<App>,
    access: ForAccess<AccessApps>,
    Path(path): Path<ObjectPath>,
) -> Result<Envelope<Id>, ApiError> {
    let mut tx = app.db.begin().await?;
    let mut cx = Context::new(&app, &mut tx, &access.account.id);
    let application = Application::find_for_update(&mut cx, &path.id).await?;
    // A rule about its tokens would decide otherwise than its author thinks.
    object::unused(&mut cx, &application.row).await?;
    write::delete(&mut cx, &application).await?;
    app.commit(tx).await?;
    Ok(Envelope::accepted(Id { id: path.id }))
}

/// One application as it is answered.
pub async fn shown(
    cx: &mut Context<'_>,
    application: &Application,
) -> Result<Map<String, Value>, ApiError> {
    let auth_domain = stored::auth_domain(cx).await?;
    let team = Team::of(cx, auth_domain).await?;
    view::one(cx, &team, application).await
}

impl ApplicationFilter {
    fn matches(&self, team: &Team, application: &Application) -> bool {
        let exact = self.exact.as_deref() == Some("true");
        let domain = view::domain(team, application).unwrap_or_default();
        let fits = |filter: Option<&str>, text: &str, exact: bool| match given(filter) {
            None => true,
            Some(filter) if exact => text.eq_ignore_ascii_case(filter),
            Some(filter) => text.to_lowercase().contains(&filter.to_lowercase()),
        };
        let name = application.body.shown_name();
        let anywhere = [&name, &domain, &application.owned.aud];
        fits(self.aud.as_deref(), &application.owned.aud, true)
            && fits(self.domain.as_deref(), &domain, exact)
            && fits(self.name.as_deref(), &name, exact)
            && anywhere.iter().any(|text| fits(self.search.as_deref(), text, false))
    }
}
