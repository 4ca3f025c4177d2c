//! `/access/policy-tests`: what policies say, before anybody is let in or kept out by them.
//!
//! - this file: everybody who ever signed in, against policies
//! - [`evaluate`]: one person or machine, rule by rule; [`replay`]: the login log, by a draft
//! - [`saml_test`]: what a SAML application would be told
//! - [`checks`]: one person and one application, in the contract's manner
//! - [`guard`]: a save that would lock out its author
//! - [`draft`]: policies that are not saved; [`person`]: who is tried; [`bench`]: where

pub mod bench;
pub mod checks;
pub mod draft;
pub mod evaluate;
pub mod guard;
pub mod person;
mod pretty;
pub mod replay;
pub mod saml_test;

use access::policy::Subject;
use axum::extract::{Path, State};
use axum::response::Response;
use axum::routing;
use edge_state::access::Policy;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::describe::{Described, Method, Operation, Scope};
use super::echo::{Body, Fields};
use super::object::{Context, ObjectPath};
use crate::api::auth::{AccessApps, ForAccess};
use crate::api::idempotency::{Attempt, Begun, Post};
use crate::api::page::{Paging, Params, one_of};
use crate::api::{ApiError, App, Envelope, Page};
use crate::store::access::policy_tests;
use crate::store::users::{self, UserRow};
use bench::Bench;
use person::{TAG, circumstances, last_identity};

/// What became of one user.
#[derive(Clone, Debug, Deserialize, Serialize)]
struct Tested {
    id: String,
    email: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    /// `approved`, `blocked` or `error`.
    status: String,
}

/// Which users of a test.
#[derive(Debug, Deserialize)]
pub struct UserFilter {
    /// `success`, `fail` or `error`.
    status: Option<String>,
}

/// The routes of policy tests.
pub fn routes() -> Vec<Described> {
    let operation = |summary| Operation::new(TAG, summary);
    let mut routes = vec![
        Described::at(Scope::Account, "/access/policy-tests").on(
            Method::Post,
            operation("Tries policies on everybody who ever signed in.").takes(FIELDS),
            routing::post(create),
        ),
        Described::at(Scope::Account, "/access/policy-tests/{id}").on(
            Method::Get,
            operation("How a test went."),
            routing::get(get),
        ),
        Described::at(Scope::Account, "/access/policy-tests/{id}/users").on(
            Method::Get,
            operation("What policies said about each user.").paged(&["status"]),
            routing::get(list),
        ),
    ];
    routes.extend(evaluate::routes());
    routes.extend(saml_test::routes());
    routes.extend(replay::routes());
    routes.extend(checks::routes());
    routes
}

async fn create(
    State(app): State<App>,
    access: ForAccess<AccessApps>,
    Post { body, ticket }: Post<Body>,
) -> Result<Response, ApiError> {
    // Rules stand in the policies: nothing in here is tidied away.
    let list = body.0.get("policies").cloned().unwrap_or_else(|| json!([]));
    FIELDS.whole(body)?;
    let mut attempt = match Attempt::begin(&app, &access.caller, ticket).await? {
        Begun::Again(answer) => return Ok(answer),
        Begun::First(attempt) => attempt,
    };
    let mut cx = Context::new(&app, &mut attempt.tx, &access.account.id);
    let policies = draft::read(&mut cx, &list).await?;
    let tested = everybody(&mut cx, &policies).await?;
    let result = serde_json::to_string(&tested).map_err(|_| ApiError::Internal)?;
    let id = uuid::Uuid::new_v4().to_string();
    policy_tests::insert(cx.tx, (&id, cx.account_id), &result, cx.now, KEPT).await?;
    attempt.finish(&app, Envelope::ok(json!({"id": id, "status": "success"}))).await
}

async fn everybody(cx: &mut Context<'_>, policies: &[Policy]) -> Result<Vec<Tested>, ApiError> {
    let mut bench = Bench::of(cx).await?;
    let mut tested = Vec::new();
    let filter = users::Filter::default();
    loop {
        let offset = i64::try_from(tested.len()).unwrap_or(i64::MAX);
        let page = users::list(cx.tx, cx.account_id, &filter, (PAGE, offset)).await?;
        let whole = i64::try_from(page.len()).unwrap_or(0) == PAGE;
        for user in page {
            let status = one(cx, &mut bench, policies, &user).await?.to_owned();
            tested.push(Tested { id: user.id, email: user.email, name: user.name, status });
        }
        if !whole || tested.len() >= MAX_USERS {
            return Ok(tested);
        }
    }
}

async fn one(
    cx: &mut Context<'_>,
    bench: &mut Bench,
    policies: &[Policy],
    user: &UserRow,
) -> Result<&'static str, ApiError> {
    // Who never signed in, nobody knows well enough.
    let Some(identity) = last_identity(user) else { return Ok("error") };
    if !user.enabled {
        return Ok("blocked");
    }
    let verdict = bench
        .ask(cx, |known, here, organization| {
            let subject = Subject { identity: Some(&identity), ..Subject::default() };
            let circumstances = circumstances(&identity);
            access::draft::check(policies, &subject, &circumstances, known, here, organization)
        })
        .await?;
    Ok(if verdict.outcome.admits() { "approved" } else { "blocked" })
}

async fn find(app: &App, account_id: &str, id: &str) -> Result<Vec<Tested>, ApiError> {
    let mut tx = app.db.read().await?;
    let result = policy_tests::find(&mut tx, account_id, id).await?;
    let result = result.ok_or(ApiError::NotFound("policy test"))?;
    serde_json::from_str(&result).map_err(|error| {
        tracing::error!(%error, "a stored policy test cannot be read");
        ApiError::Internal
    })
}

async fn get(
    State(app): State<App>,
    access: ForAccess<AccessApps>,
    Path(path): Path<ObjectPath>,
) -> Result<Envelope<Value>, ApiError> {
    let tested = find(&app, &access.account.id, &path.id).await?;
    let total = tested.len();
    let count = |status: &str| tested.iter().filter(|user| user.status == status).count();
    let percent = |count: usize| (count * 100).checked_div(total).unwrap_or(0);
    let (approved, blocked, errored) = (count("approved"), count("blocked"), count("error"));
    Ok(Envelope::ok(json!({
        "id": path.id,
        "status": "complete",
        "total_users": total,
        "users_approved": approved,
        "users_blocked": blocked,
        "users_errored": errored,
        "percent_approved": percent(approved),
        "percent_blocked": percent(blocked),
        "percent_errored": percent(errored),
        "percent_users_processed": 100,
    })))
}

async fn list(
    State(app): State<App>,
    access: ForAccess<AccessApps>,
    Path(path): Path<ObjectPath>,
    Params(filter): Params<UserFilter>,
    Params(paging): Params<Paging>,
) -> Result<Page<Map<String, Value>>, ApiError> {
    let window = paging.window()?;
    let status = one_of(filter.status.as_deref(), "status", &["success", "fail", "error"])?;
    let wanted = status.map(|status| match status {
        "success" => "approved",
        "fail" => "blocked",
        _ => "error",
    });
    let mut tested = find(&app, &access.account.id, &path.id).await?;
    tested.retain(|user| wanted.is_none_or(|wanted| user.status == wanted));
    let shown = |user: Tested| match serde_json::to_value(user) {
        Ok(Value::Object(members)) => members,
        _ => Map::new(),
    };
    Ok(Page::of(tested, window).map(shown))
}

const FIELDS: Fields = Fields {
    required: &[],
    optional: &[],
    read_only: &[],
    rules: &["policies"],
    zero_is_unset: &[],
};
/// So many tests of an account are kept.
const KEPT: i64 = 50;
const PAGE: i64 = 500;
const MAX_USERS: usize = 20_000;
