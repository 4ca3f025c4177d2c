//! `/access/policies`: policies that several applications share; and those of one application.
//!
//! - this file: reusable ones; [`scoped`]: `/access/apps/{id}/policies`
//! - [`body`]: what clients write, judged, shown, and as the edge has it
//! - [`attach`]: `policies` of an application

pub mod attach;
pub mod body;
pub mod scoped;

use axum::extract::{Path, State};
use axum::routing;
use serde_json::{Map, Value};

use super::applications::publish;
use super::describe::{Described, Method, Operation, Scope};
use super::echo::{Body, Fields, Sent};
use super::object::{self, Change, Context, Draft, Kind, ObjectPath, kind};
use super::policy_tests::guard::Save;
use crate::api::auth::{AccessApps, ForAccess};
use crate::api::json::Json;
use crate::api::{ApiError, App, Envelope};
use crate::store::access::links;
use crate::store::access::objects::ObjectRow;

/// A policy that several applications share.
pub struct ReusablePolicy;

impl Kind for ReusablePolicy {
    const KIND: &'static str = kind::POLICY;
    const TAG: &'static str = "access policies";
    const PATH: &'static str = "/access/policies";
    const SCOPE: Scope = Scope::Account;
    const FIELDS: Fields = body::FIELDS;
    type Permission = AccessApps;

    async fn judge(
        cx: &mut Context<'_>,
        _: &str,
        sent: Sent,
        before: Option<&ObjectRow>,
    ) -> Result<Draft, ApiError> {
        reusable(before)?;
        let judged = body::judge(cx, sent).await?;
        Ok(Draft { name: judged.name, sent: judged.sent, ..Draft::default() })
    }

    async fn show(cx: &mut Context<'_>, row: &ObjectRow) -> Result<Map<String, Value>, ApiError> {
        reusable(Some(row))?;
        let mut answer = body::shown(row)?;
        let applications = links::applications(cx.tx, &row.id).await?;
        answer.insert("app_count".to_owned(), applications.len().into());
        Ok(answer)
    }

    async fn deletable(cx: &mut Context<'_>, row: &ObjectRow) -> Result<(), ApiError> {
        reusable(Some(row))?;
        let applications = links::applications(cx.tx, &row.id).await?;
        if applications.is_empty() {
            return Ok(());
        }
        let message = format!(
            "access.api.error.policy_in_use: {} applications use the policy {:?}. Take it out of them first.",
            applications.len(),
            row.name
        );
        Err(ApiError::Conflict(message))
    }

    async fn publish(cx: &mut Context<'_>, change: Change<'_>) -> Result<(), ApiError> {
        match (change.before, change.after) {
            (Some(_), Some(row)) => publish::using_policy(cx, &row.id).await,
            // Nothing uses what is new, and what is used is not deleted.
            _ => Ok(()),
        }
    }
}

/// One application's own policies have paths of their own.
fn reusable(row: Option<&ObjectRow>) -> Result<(), ApiError> {
    match row {
        Some(row) if row.parent_id.is_some() => Err(ApiError::NotFound(kind::POLICY)),
        _ => Ok(()),
    }
}

/// The routes of policies.
pub fn routes() -> Vec<Described> {
    let operation = |summary| Operation::new(ReusablePolicy::TAG, summary);
    let mut routes: Vec<_> = object::routes::<ReusablePolicy>().into();
    routes.pop();
    routes.push(
        Described::at(Scope::Account, "/access/policies/{id}")
            .on(Method::Get, operation("One policy."), routing::get(object::get::<ReusablePolicy>))
            .on(
                Method::Put,
                operation("Replaces a policy in all applications that use it.").takes(body::FIELDS),
                routing::put(update),
            )
            .on(
                Method::Delete,
                operation("Deletes a policy that no application uses.").answers(202),
                routing::delete(object::delete::<ReusablePolicy>),
            ),
    );
    routes.extend(scoped::routes());
    routes
}

async fn update(
    State(app): State<App>,
    access: ForAccess<AccessApps>,
    Path(path): Path<ObjectPath>,
    save: Save,
    Json(body): Json<Body>,
) -> Result<Envelope<Map<String, Value>>, ApiError> {
    let mut tx = app.db.begin().await?;
    let mut cx = Context::new(&app, &mut tx, &access.account.id);
    let before = cx.find_for_update(kind::POLICY, &path.id).await?;
    reusable(Some(&before))?;
    let sent = body::FIELDS.whole(body)?;
    let applications = links::applications(cx.tx, &path.id).await?;
    let held = save.held(&mut cx, &access.caller, &applications).await?;
    let (answer, _) = object::replace::<ReusablePolicy>(&mut cx, before, sent).await?;
    held.check(&mut cx).await?;
    app.commit(tx).await?;
    Ok(Envelope::ok(answer))
}
