//! What is known of one user: `/access/users/{id}/active_sessions`, `/last_seen_identity`,
//! `/failed_logins`.

use axum::extract::{Path, State};
use edge_state::Record as _;
use edge_state::access::session::sealing_context;
use edge_state::access::{Identity, SessionRecord};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::describe::{Described, Method, Operation, Scope};
use super::object::ObjectPath;
use super::users;
use crate::api::auth::{AccessAuditLogs, ForAccess};
use crate::api::{ApiError, App, Envelope, Page};
use crate::clock::rfc3339;
use crate::store::logins::{self, Filter, Match, Part};
use crate::store::sessions;

/// Which session of which user.
#[derive(Deserialize)]
struct SessionPath {
    id: String,
    nonce: String,
}

/// The routes.
pub(super) fn routes() -> [Described; 4] {
    let operation = |summary| Operation::new("access users", summary);
    let at = |path| Described::at(Scope::Account, path);
    [
        at("/access/users/{id}/active_sessions").on(
            Method::Get,
            operation("A user's sessions that go on."),
            axum::routing::get(active),
        ),
        at("/access/users/{id}/active_sessions/{nonce}").on(
            Method::Get,
            operation("One session, with the identity that it began with."),
            axum::routing::get(session),
        ),
        at("/access/users/{id}/last_seen_identity").on(
            Method::Get,
            operation("The identity of the last sign-in."),
            axum::routing::get(last_seen),
        ),
        at("/access/users/{id}/failed_logins").on(
            Method::Get,
            operation("The last hundred times that the user was refused."),
            axum::routing::get(failed),
        ),
    ]
}

async fn active(
    State(app): State<App>,
    access: ForAccess<AccessAuditLogs>,
    Path(ObjectPath { id }): Path<ObjectPath>,
) -> Result<Page<Value>, ApiError> {
    let now = app.clock.now_millis();
    let mut tx = app.db.read().await?;
    let user = users::find(&mut tx, &access.account.id, &id).await?;
    let rows = sessions::active(&mut tx, &user.id, now, MOST).await?;
    let show = |row: sessions::SessionRow| {
        let expires = row.expires_at.div_euclid(1000);
        let metadata = json!({
            "apps": {},
            "expires": expires,
            "iat": row.created_at.div_euclid(1000),
            "nonce": row.nonce,
            "ttl": (row.expires_at - now).div_euclid(1000),
        });
        json!({"name": row.nonce, "expiration": expires, "metadata": metadata})
    };
    Ok(Page::all(rows.into_iter().map(show).collect()))
}

async fn session(
    State(app): State<App>,
    access: ForAccess<AccessAuditLogs>,
    Path(SessionPath { id, nonce }): Path<SessionPath>,
) -> Result<Envelope<Map<String, Value>>, ApiError> {
    let now = app.clock.now_millis();
    let mut tx = app.db.read().await?;
    let user = users::find(&mut tx, &access.account.id, &id).await?;
    let row = sessions::find(&mut tx, &nonce).await?.filter(|row| row.user_id == user.id);
    let row = row.ok_or(ApiError::NotFound("session"))?;
    let unreadable = |error: &dyn std::fmt::Display| {
        tracing::error!(%error, "a session's identity cannot be read");
        ApiError::Internal
    };
    let record = SessionRecord::decode(&row.record).map_err(|error| unreadable(&error))?;
    let context = sealing_context(&row.nonce);
    let opened = app.vault.open_for_access(&context, &record.identity);
    let opened = opened.map_err(|error| unreadable(&error))?;
    let identity = serde_json::from_slice(&opened).map_err(|error| unreadable(&error))?;
    let mut shown = show(&access.account.id, &identity);
    let goes_on = row.ended_at.is_none() && row.expires_at > now;
    shown.insert("isActive".to_owned(), goes_on.into());
    Ok(Envelope::ok(shown))
}

async fn last_seen(
    State(app): State<App>,
    access: ForAccess<AccessAuditLogs>,
    Path(ObjectPath { id }): Path<ObjectPath>,
) -> Result<Envelope<Map<String, Value>>, ApiError> {
    let mut tx = app.db.read().await?;
    let user = users::find(&mut tx, &access.account.id, &id).await?;
    let identity = user.last_identity.ok_or(ApiError::NotFound("identity"))?;
    let identity = serde_json::from_str(&identity).map_err(|error| {
        tracing::error!(%error, "a stored identity cannot be read");
        ApiError::Internal
    })?;
    Ok(Envelope::ok(show(&access.account.id, &identity)))
}

async fn failed(
    State(app): State<App>,
    access: ForAccess<AccessAuditLogs>,
    Path(ObjectPath { id }): Path<ObjectPath>,
) -> Result<Page<Value>, ApiError> {
    let mut tx = app.db.read().await?;
    let user = users::find(&mut tx, &access.account.id, &id).await?;
    // By address: who was refused at the door was no user yet.
    let columns = vec![("user_email", Match::Is(user.email))];
    let filter = Filter { columns, allowed: Some(false), ..Filter::default() };
    let part = Part { ascending: false, after: None, limit: MOST, offset: 0 };
    let rows = logins::list(&mut tx, &access.account.id, &filter, &part).await?;
    let kept = i64::try_from(app.config.login_log_retention.as_secs()).unwrap_or(i64::MAX);
    let show = |row: logins::LoginRow| {
        let expiration = row.created_at.div_euclid(1000).saturating_add(kept);
        let metadata = json!({
            "app_name": row.app_domain,
            "aud": row.app_uid,
            "datetime": rfc3339(row.created_at),
            "ray_id": row.ray_id,
            "user_email": row.user_email,
            "reason": row.reason,
            "code": row.code,
        });
        json!({"expiration": expiration, "metadata": metadata})
    };
    Ok(Page::all(rows.into_iter().map(show).collect()))
}

/// As the contract shows identities.
fn show(account_id: &str, identity: &Identity) -> Map<String, Value> {
    let posture: Map<String, Value> = identity
        .device_posture
        .iter()
        .map(|(id, met)| (id.clone(), json!({"id": id, "success": met})))
        .collect();
    let members = [
        ("account_id", json!(account_id)),
        ("auth_status", json!("NONE")),
        ("email", json!(identity.email)),
        ("name", json!(identity.name)),
        ("geo", json!(identity.country.as_ref().map(|country| json!({"country": country})))),
        ("iat", json!(identity.authenticated_at)),
        ("idp", json!(identity.idp)),
        ("ip", json!(identity.ip)),
        ("groups", json!(identity.groups)),
        ("amr", json!(identity.amr)),
        ("is_gateway", json!(false)),
        ("is_warp", json!(false)),
        ("devicePosture", Value::Object(posture)),
        ("risk_score", json!(identity.risk_score)),
        ("user_uuid", json!(identity.user_id)),
        ("version", json!(1)),
    ];
    let members = members.into_iter().filter(|(_, value)| !value.is_null());
    members.map(|(name, value)| (name.to_owned(), value)).collect()
}

const MOST: i64 = 100;
