//! `/access/apps/{id}/user_policy_checks`: what an application's policies say about one person.

use access::policy::Subject;
use axum::extract::{Path, State};
use axum::routing;
use edge_state::access::Identity;
use serde::Deserialize;
use serde_json::{Value, json};

use super::bench::Bench;
use super::draft;
use super::person::{TAG, by_email, circumstances, last_identity};
use crate::api::access::applications::check::invalid;
use crate::api::access::applications::stored::Application;
use crate::api::access::describe::{Described, Method, Operation, Scope};
use crate::api::access::object::{Context, ObjectPath};
use crate::api::auth::{AccessApps, ForAccess};
use crate::api::page::{Params, given};
use crate::api::{ApiError, App, Envelope};
use crate::store::users::{self, UserRow};

/// The route.
pub fn routes() -> Vec<Described> {
    let summary = "What an application's policies say about one person.";
    vec![Described::at(Scope::AccountAndZone, "/access/apps/{id}/user_policy_checks").on(
        Method::Get,
        Operation::new(TAG, summary).query(&["user_id", "email"]),
        routing::get(check),
    )]
}

/// Whom. Neither: the operator, if the token is the user's own.
#[derive(Debug, Deserialize)]
pub struct Whom {
    user_id: Option<String>,
    email: Option<String>,
}

async fn check(
    State(app): State<App>,
    access: ForAccess<AccessApps>,
    Path(path): Path<ObjectPath>,
    Params(whom): Params<Whom>,
) -> Result<Envelope<Value>, ApiError> {
    let mut tx = app.db.read().await?;
    let mut cx = Context::new(&app, &mut tx, &access.account.id);
    let application = Application::find(&mut cx, &path.id).await?;
    let policies = draft::of_application(&mut cx, &application).await?;
    let operator = app.config.operator_email().filter(|_| access.caller.account_id.is_none());
    let user = if let Some(id) = given(whom.user_id.as_deref()) {
        let user = users::find(cx.tx, cx.account_id, id).await?;
        Some(user.ok_or_else(|| invalid("user_id", "names no user of this account"))?)
    } else if let Some(email) = given(whom.email.as_deref()) {
        let user = by_email(&mut cx, email).await?;
        Some(user.ok_or_else(|| invalid("email", "names no user of this account"))?)
    } else if let Some(email) = operator {
        by_email(&mut cx, email).await?
    } else {
        None
    };
    let identity = user.as_ref().filter(|user| user.enabled).and_then(last_identity);
    let mut bench = Bench::of(&mut cx).await?;
    let verdict = bench
        .ask(&mut cx, |known, here, organization| {
            let subject = Subject { identity: identity.as_ref(), ..Subject::default() };
            let place = identity.as_ref().map(circumstances).unwrap_or_default();
            access::draft::check(&policies, &subject, &place, known, here, organization)
        })
        .await?;
    let traced = verdict.trace.policies.iter().map(|trace| {
        let status = if trace.matched { "Success" } else { "Fail" };
        json!({"id": trace.id, "name": trace.name, "decision": trace.decision, "status": status})
    });
    let status = if verdict.outcome.admits() { "Success" } else { "Fail" };
    Ok(Envelope::ok(json!({
        "app_state": {
            "app_uid": application.row.id,
            "aud": application.owned.aud,
            "hostname": application.body.shown_domain(),
            "name": application.body.shown_name(),
            "policies": traced.collect::<Vec<_>>(),
            "status": status,
        },
        "user_identity": user.map(|user| shown(cx.account_id, &user, identity.as_ref())),
    })))
}

fn shown(account_id: &str, user: &UserRow, identity: Option<&Identity>) -> Value {
    json!({
        "id": user.id,
        "account_id": account_id,
        "user_uuid": user.id,
        "email": user.email,
        "name": user.name,
        "iat": identity.map(|identity| identity.authenticated_at),
        "geo": identity.map(|identity| json!({"country": identity.country})),
        "is_warp": false,
        "is_gateway": false,
        "device_sessions": {},
        "version": 1,
    })
}
