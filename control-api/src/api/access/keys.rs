//! `/access/keys`: what the organisation's tokens are signed with, and how often that changes.

use axum::extract::State;
use serde_json::{Map, Value, json};
use tokio_util::sync::CancellationToken;

use super::describe::{Described, Method, Operation, Scope};
use super::echo::{Body, Fields};
use super::object::{Context, kind, owned};
use super::organization_row;
use super::signing_keys::{self, EXPIRES_AT, expires_at};
use crate::api::auth::{AccessOrganizations, ForAccess};
use crate::api::json::Json;
use crate::api::{ApiError, App, Envelope};
use crate::clock::rfc3339;
use crate::store::access::objects;
use crate::store::access::organizations as stored;
use crate::store::accounts::{self, AccountRow};

const TAG: &str = "access keys";
const FIELDS: Fields = Fields {
    required: &["key_rotation_interval_days"],
    optional: &[],
    read_only: &["days_until_next_rotation", "last_key_rotation_at"],
    rules: &[],
    zero_is_unset: &[],
};

/// Its routes.
pub fn routes() -> [Described; 2] {
    let operation = |summary| Operation::new(TAG, summary);
    [
        Described::at(Scope::Account, "/access/keys")
            .on(Method::Get, operation("How old the key is."), axum::routing::get(get))
            .on(
                Method::Put,
                operation("How often the key is replaced.").takes(FIELDS),
                axum::routing::put(update),
            ),
        Described::at(Scope::Account, "/access/keys/rotate").on(
            Method::Post,
            operation("Replaces the key now; the one before counts for seven days more."),
            axum::routing::post(rotate),
        ),
    ]
}

async fn get(
    State(app): State<App>,
    access: ForAccess<AccessOrganizations>,
) -> Result<Envelope<Value>, ApiError> {
    let mut tx = app.db.read().await?;
    let mut cx = Context::new(&app, &mut tx, &access.account.id);
    show(&mut cx, access.account.created_at).await.map(Envelope::ok)
}

async fn update(
    State(app): State<App>,
    access: ForAccess<AccessOrganizations>,
    Json(body): Json<Body>,
) -> Result<Envelope<Value>, ApiError> {
    let sent = FIELDS.whole(body)?;
    let days = sent.integer(INTERVAL, 21, 365)?;
    let first_key = signing_keys::first(&app, &access.account).await?;
    let mut tx = app.db.begin().await?;
    let mut cx = Context::new(&app, &mut tx, &access.account.id);
    let mut row = organization_row::for_update(&mut cx, &access.account.name, first_key).await?;
    let mut owned = owned(&row)?;
    owned.insert(INTERVAL.to_owned(), days.into());
    row.owned = Value::Object(owned).to_string();
    row.updated_at = cx.now;
    objects::update(cx.tx, &row).await?;
    let answer = show(&mut cx, access.account.created_at).await?;
    app.commit(tx).await?;
    Ok(Envelope::ok(answer))
}

async fn rotate(
    State(app): State<App>,
    access: ForAccess<AccessOrganizations>,
) -> Result<Envelope<Value>, ApiError> {
    let answer = replace(&app, &access.account, |_, _| true).await?;
    answer.map(Envelope::ok).ok_or(ApiError::Internal)
}

/// Makes a new key the current one, if `due` says so of the interval in days and the time of the
/// last rotation, once nobody else can.
async fn replace(
    app: &App,
    account: &AccountRow,
    due: impl FnOnce(i64, i64) -> bool,
) -> Result<Option<Value>, ApiError> {
    let key = signing_keys::generate(app, &account.id).await?;
    let mut tx = app.db.begin().await?;
    let mut cx = Context::new(app, &mut tx, &account.id);
    let row = organization_row::for_update(&mut cx, &account.name, None).await?;
    if !due(interval(&owned(&row)?), last_rotation(&mut cx, account.created_at).await?) {
        return Ok(None);
    }
    for mut old in objects::all(cx.tx, cx.account_id, kind::SIGNING_KEY).await? {
        match expires_at(&old)? {
            Some(end) if end <= cx.now / 1000 => {
                objects::delete(cx.tx, cx.account_id, kind::SIGNING_KEY, &old.id).await?;
            }
            Some(_) => {}
            None => {
                let mut facts: Map<String, Value> = owned(&old)?;
                facts.insert(EXPIRES_AT.to_owned(), (cx.now / 1000 + GRACE_SECONDS).into());
                old.owned = Value::Object(facts).to_string();
                old.updated_at = cx.now;
                objects::update(cx.tx, &old).await?;
            }
        }
    }
    signing_keys::keep(&mut cx, &key).await?;
    let answer = show(&mut cx, account.created_at).await?;
    signing_keys::publish(&mut cx).await?;
    app.commit(tx).await?;
    Ok(Some(answer))
}

/// Replaces each key whose time has come, every hour until `stop`.
pub async fn rotate_when_due(app: App, stop: CancellationToken) {
    let mut ticks = tokio::time::interval(std::time::Duration::from_hours(1));
    while stop.run_until_cancelled(ticks.tick()).await.is_some() {
        if let Err(error) = rotate_due(&app).await {
            tracing::warn!(%error, "signing keys were not replaced; next try in an hour");
        }
    }
}

/// Replaces each key whose time has come.
///
/// # Errors
/// The first account whose key could not be replaced.
pub async fn rotate_due(app: &App) -> Result<(), ApiError> {
    let mut tx = app.db.read().await?;
    let rows = objects::every(&mut tx, kind::ORGANIZATION).await?;
    let now = app.clock.now_millis();
    let is_due = |days: i64, last: i64| last + days * DAY <= now;
    for row in rows {
        let Some(account) = accounts::find(&mut tx, &row.account_id).await? else { continue };
        let mut cx = Context::new(app, &mut tx, &account.id);
        let last = last_rotation(&mut cx, account.created_at).await?;
        if is_due(interval(&owned(&row)?), last) {
            replace(app, &account, is_due).await?;
            tracing::info!(account = account.id, "the signing key was replaced on schedule");
        }
    }
    Ok(())
}

async fn show(cx: &mut Context<'_>, account_created_at: i64) -> Result<Value, ApiError> {
    let row = stored::find(cx.tx, cx.account_id).await?;
    let days = row.as_ref().map(owned).transpose()?.map_or(INTERVAL_DAYS, |owned| interval(&owned));
    let last = last_rotation(cx, account_created_at).await?;
    let left = (last + days * DAY - cx.now).max(0);
    Ok(json!({
        INTERVAL: days,
        "days_until_next_rotation": left / DAY + i64::from(left % DAY != 0),
        "last_key_rotation_at": rfc3339(last),
    }))
}

async fn last_rotation(cx: &mut Context<'_>, otherwise: i64) -> Result<i64, ApiError> {
    let rows = objects::all(cx.tx, cx.account_id, kind::SIGNING_KEY).await?;
    Ok(rows.last().map_or(otherwise, |row| row.created_at))
}

fn interval(owned: &Map<String, Value>) -> i64 {
    owned.get(INTERVAL).and_then(Value::as_i64).unwrap_or(INTERVAL_DAYS)
}

const INTERVAL: &str = "key_rotation_interval_days";
/// Six weeks.
const INTERVAL_DAYS: i64 = 42;
const DAY: i64 = 24 * 60 * 60 * 1000;
/// Tokens that the key before has signed count so much longer.
const GRACE_SECONDS: i64 = 7 * 24 * 60 * 60;
