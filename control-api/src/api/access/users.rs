//! `/access/users`: who signs in. People become users by signing in, or are made here before.

use axum::extract::{Path, State};
use axum::response::Response;
use http::StatusCode;
use lettre::Address;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::describe::{Described, Method, Operation, Scope};
use super::echo::{Body, Fields, Sent};
use super::object::ObjectPath;
use crate::api::auth::{AccessOrganizations, ForAccess};
use crate::api::envelope::Id;
use crate::api::error::code;
use crate::api::idempotency::{Attempt, Begun, Post};
use crate::api::json::Json;
use crate::api::page::{Paging, Params, given};
use crate::api::{ApiError, App, Envelope, Page};
use crate::clock::rfc3339;
use crate::people::revocation;
use crate::people::sign_in::{by_address, new_user};
use crate::store::Tx;
use crate::store::users::{self, Filter, UserRow};

const FIELDS: Fields = Fields {
    required: &["email"],
    // The last two are Lintel's own.
    optional: &["name", "enabled", "risk_score"],
    read_only: &[
        "id",
        "uid",
        "access_seat",
        "gateway_seat",
        "seat_uid",
        "active_device_count",
        "last_successful_login",
        "created_at",
        "updated_at",
    ],
    rules: &[],
    zero_is_unset: &[],
};

/// Which users.
#[derive(Debug, Default, Deserialize)]
pub struct UserFilter {
    /// Exactly this address.
    email: Option<String>,
    /// Exactly this name.
    name: Option<String>,
    /// A part of address or name.
    search: Option<String>,
}

/// The routes.
pub(super) fn routes() -> [Described; 2] {
    let operation = |summary| Operation::new("access users", summary);
    [
        Described::at(Scope::Account, "/access/users")
            .on(
                Method::Post,
                operation("Makes a user before their first sign-in.").takes(FIELDS).answers(201),
                axum::routing::post(create),
            )
            .on(
                Method::Get,
                operation("Every user, by pages.").paged(&["email", "name", "search"]),
                axum::routing::get(list),
            ),
        Described::at(Scope::Account, "/access/users/{id}")
            .on(Method::Get, operation("One user."), axum::routing::get(get))
            .on(
                Method::Put,
                operation(
                    "Changes a user. `enabled: false` ends all their sessions and lets them \
                           in no more; left out, it stays as it is.",
                )
                .takes(FIELDS),
                axum::routing::put(update),
            )
            .on(
                Method::Delete,
                operation("Deletes a user: their sessions end, and they may sign in as new."),
                axum::routing::delete(delete),
            ),
    ]
}

async fn create(
    State(app): State<App>,
    access: ForAccess<AccessOrganizations>,
    Post { body, ticket }: Post<Body>,
) -> Result<Response, ApiError> {
    let sent = Requested::read(&FIELDS.whole(body)?)?;
    let mut attempt = match Attempt::begin(&app, &access.caller, ticket).await? {
        Begun::Again(answer) => return Ok(answer),
        Begun::First(attempt) => attempt,
    };
    let (account, now) = (&access.account.id, app.clock.now_millis());
    let mut user = new_user(&Uuid::new_v4().to_string(), account, &sent.email, now);
    let key = by_address(account, &sent.email);
    if users::claim(&mut attempt.tx, key, &user.id).await? != user.id {
        return Err(taken());
    }
    sent.apply(&mut user);
    users::insert(&mut attempt.tx, &user).await?;
    if !user.enabled {
        revocation::switch(&mut attempt.tx, &user, now).await?;
    }
    attempt.finish(&app, Envelope::created(show(&user))).await
}

async fn list(
    State(app): State<App>,
    access: ForAccess<AccessOrganizations>,
    Params(filter): Params<UserFilter>,
    Params(paging): Params<Paging>,
) -> Result<Page<Map<String, Value>>, ApiError> {
    let window = paging.window()?;
    let filter = Filter {
        email: given(filter.email.as_deref()).map(str::to_ascii_lowercase),
        name: given(filter.name.as_deref()).map(str::to_owned),
        search: given(filter.search.as_deref()).map(str::to_owned),
    };
    let mut tx = app.db.read().await?;
    let total = users::count(&mut tx, &access.account.id, &filter).await?;
    let part = (window.per_page, window.offset());
    let rows = users::list(&mut tx, &access.account.id, &filter, part).await?;
    Ok(Page::new(rows.iter().map(show).collect(), window.page, window.per_page, total))
}

async fn get(
    State(app): State<App>,
    access: ForAccess<AccessOrganizations>,
    Path(ObjectPath { id }): Path<ObjectPath>,
) -> Result<Envelope<Map<String, Value>>, ApiError> {
    let mut tx = app.db.read().await?;
    let user = find(&mut tx, &access.account.id, &id).await?;
    Ok(Envelope::ok(show(&user)))
}

async fn update(
    State(app): State<App>,
    access: ForAccess<AccessOrganizations>,
    Path(ObjectPath { id }): Path<ObjectPath>,
    Json(body): Json<Body>,
) -> Result<Envelope<Map<String, Value>>, ApiError> {
    let (account, now) = (&access.account.id, app.clock.now_millis());
    let mut tx = app.db.begin().await?;
    let user = users::find_for_update(&mut tx, account, &id).await?;
    let mut user = user.ok_or(ApiError::NotFound("user"))?;
    let sent = Requested::read(&FIELDS.whole(body)?)?;
    let before = user.clone();
    sent.apply(&mut user);
    user.updated_at = now;
    let renamed = user.email != before.email;
    if renamed {
        readdress(&mut tx, &before, &user).await?;
    }
    users::update(&mut tx, &user).await?;
    if user.enabled != before.enabled {
        revocation::switch(&mut tx, &user, now).await?;
    } else if renamed {
        // Their tokens and sessions say another address.
        revocation::users(&mut tx, account, std::slice::from_ref(&user.id), now).await?;
    }
    app.commit(tx).await?;
    Ok(Envelope::ok(show(&user)))
}

async fn delete(
    State(app): State<App>,
    access: ForAccess<AccessOrganizations>,
    Path(ObjectPath { id }): Path<ObjectPath>,
) -> Result<Envelope<Id>, ApiError> {
    let (account, now) = (&access.account.id, app.clock.now_millis());
    let mut tx = app.db.begin().await?;
    let user = users::find_for_update(&mut tx, account, &id).await?;
    let user = user.ok_or(ApiError::NotFound("user"))?;
    users::delete(&mut tx, &user.id).await?;
    revocation::users(&mut tx, account, std::slice::from_ref(&user.id), now).await?;
    app.commit(tx).await?;
    Ok(Envelope::deleted(StatusCode::OK, Id { id }))
}

/// Who was known by the old address is known by the new one.
async fn readdress(tx: &mut Tx, before: &UserRow, after: &UserRow) -> Result<(), ApiError> {
    let old = by_address(&before.account_id, &before.email);
    if users::identified(tx, old).await?.as_deref() != Some(&before.id) {
        // They are known by a provider's subject: the address is only what it says.
        return Ok(());
    }
    let new = by_address(&after.account_id, &after.email);
    if users::claim(tx, new, &after.id).await? != after.id {
        return Err(taken());
    }
    Ok(users::unclaim(tx, old).await?)
}

/// What a client sets.
struct Requested {
    email: String,
    name: Option<String>,
    enabled: Option<bool>,
    risk_score: Option<String>,
}

impl Requested {
    fn read(sent: &Sent) -> Result<Self, ApiError> {
        let email = sent.text("email")?.unwrap_or_default().trim().to_ascii_lowercase();
        if email.parse::<Address>().is_err() {
            let message = "email must be an e-mail address";
            return Err(ApiError::invalid(code::JSON, "email", message));
        }
        let name = sent.short_text("name", 350)?.map(str::to_owned);
        let scores = ["low", "medium", "high", "unscored"];
        let risk_score = sent.one_of("risk_score", &scores)?.map(str::to_owned);
        Ok(Self { email, name, enabled: sent.switch("enabled")?, risk_score })
    }

    /// What must not be undone by a client that knows nothing of it stays as it is.
    fn apply(self, user: &mut UserRow) {
        user.email = self.email;
        user.name = self.name;
        user.enabled = self.enabled.unwrap_or(user.enabled);
        if let Some(score) = self.risk_score {
            user.risk_score = (score != "unscored").then_some(score);
        }
    }
}

/// By id, or 404.
pub(super) async fn find(tx: &mut Tx, account_id: &str, id: &str) -> Result<UserRow, ApiError> {
    users::find(tx, account_id, id).await?.ok_or(ApiError::NotFound("user"))
}

fn taken() -> ApiError {
    ApiError::Conflict("access.api.error.conflict: a user with this email exists".to_owned())
}

/// What is not set is absent; so are Lintel's own fields while they say nothing.
fn show(user: &UserRow) -> Map<String, Value> {
    let members = [
        ("id", json!(user.id)),
        ("uid", json!(user.id)),
        ("email", json!(user.email)),
        ("name", json!(user.name)),
        ("enabled", if user.enabled { Value::Null } else { json!(false) }),
        ("risk_score", json!(user.risk_score)),
        ("access_seat", json!(user.access_seat)),
        ("gateway_seat", json!(user.gateway_seat)),
        ("seat_uid", json!(user.seat_uid)),
        ("active_device_count", json!(0)),
        ("last_successful_login", json!(user.last_login_at.map(rfc3339))),
        ("created_at", json!(rfc3339(user.created_at))),
        ("updated_at", json!(rfc3339(user.updated_at))),
    ];
    let members = members.into_iter().filter(|(_, value)| !value.is_null());
    members.map(|(name, value)| (name.to_owned(), value)).collect()
}
