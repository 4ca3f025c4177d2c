//! `/zt_risk_scoring`: how risky a user is. Nothing here computes a score: it is what `/access/users`
//! was told.

use axum::extract::{Path, State};
use serde_json::{Value, json};

use super::describe::{Described, Method, Operation, Scope};
use super::object::ObjectPath;
use crate::api::auth::{ForAccess, ZeroTrust};
use crate::api::{ApiError, App, Envelope};
use crate::store::users;

/// Its routes.
pub fn routes() -> [Described; 2] {
    let operation = |summary| Operation::new("risk scoring", summary);
    [
        Described::at(Scope::Account, "/zt_risk_scoring/{id}").on(
            Method::Get,
            operation("How risky a user is."),
            axum::routing::get(get),
        ),
        Described::at(Scope::Account, "/zt_risk_scoring/{id}/reset").on(
            Method::Post,
            operation("Forgets how risky a user is; counts from the next sign-in on."),
            axum::routing::post(reset),
        ),
    ]
}

async fn get(
    State(app): State<App>,
    access: ForAccess<ZeroTrust>,
    Path(path): Path<ObjectPath>,
) -> Result<Envelope<Value>, ApiError> {
    let mut tx = app.db.read().await?;
    let user = users::find(&mut tx, &access.account.id, &path.id).await?;
    let user = user.ok_or(ApiError::NotFound("user"))?;
    let mut answer = json!({"email": user.email, "name": user.name, "events": []});
    if let (Some(score), Some(answer)) = (user.risk_score, answer.as_object_mut()) {
        answer.insert("risk_level".to_owned(), score.into());
    }
    Ok(Envelope::ok(answer))
}

async fn reset(
    State(app): State<App>,
    access: ForAccess<ZeroTrust>,
    Path(path): Path<ObjectPath>,
) -> Result<Envelope<Value>, ApiError> {
    let mut tx = app.db.begin().await?;
    let user = users::find_for_update(&mut tx, &access.account.id, &path.id).await?;
    let mut user = user.ok_or(ApiError::NotFound("user"))?;
    user.risk_score = None;
    user.updated_at = app.clock.now_millis();
    users::update(&mut tx, &user).await?;
    app.commit(tx).await?;
    Ok(Envelope::ok(json!({})))
}
