//! `/access/seats`, and `/access/organizations/revoke_user`.

use axum::extract::{Request, State};
use serde::{Deserialize, Serialize};

use super::describe::{Described, Method, Operation, Scope};
use super::echo::{Body, Fields};
use crate::api::auth::{AccessOrganizations, ForAccess, ZeroTrust};
use crate::api::error::code;
use crate::api::json::{self, Json};
use crate::api::{ApiError, App, Envelope, Page};
use crate::clock::rfc3339;
use crate::people::revocation;
use crate::store::users;

/// The TypeScript SDK writes `body_devices`, the others `devices`.
const REVOKED: Fields = Fields {
    required: &[],
    optional: &["email", "user_uid", "devices", "body_devices", "warp_session_reauth"],
    read_only: &[],
    rules: &[],
    zero_is_unset: &[],
};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct SeatChange {
    seat_uid: String,
    access_seat: bool,
    gateway_seat: bool,
}

/// A seat.
#[expect(clippy::struct_field_names, reason = "the contract's names")]
#[derive(Debug, Serialize)]
struct Seat {
    seat_uid: String,
    access_seat: bool,
    gateway_seat: bool,
    created_at: String,
    updated_at: String,
}

/// The routes.
pub(super) fn routes() -> [Described; 2] {
    [
        Described::at(Scope::Account, "/access/seats").on(
            Method::Patch,
            Operation::new("access users", "Gives and takes seats: a list of changes.").takes_any(),
            axum::routing::patch(edit),
        ),
        Described::at(Scope::AccountAndZone, "/access/organizations/revoke_user").on(
            Method::Post,
            Operation::new(
                "access users",
                "Ends all sessions of a user; nothing that was issued to them until now counts.",
            )
            .takes(REVOKED)
            .query(&["devices"]),
            axum::routing::post(revoke),
        ),
    ]
}

async fn edit(
    State(app): State<App>,
    access: ForAccess<ZeroTrust>,
    request: Request,
) -> Result<Page<Seat>, ApiError> {
    let body = json::bytes(request, &()).await?;
    let changes: Vec<SeatChange> = serde_json::from_slice(&body).map_err(|error| {
        let message = format!(
            "The body must be a list of {{\"seat_uid\", \"access_seat\", \"gateway_seat\"}}: {error}"
        );
        ApiError::MalformedJson(message)
    })?;
    if changes.len() > MOST_CHANGES {
        return Err(ApiError::MalformedJson("The list has more than 1000 changes".to_owned()));
    }
    let now = app.clock.now_millis();
    let mut tx = app.db.begin().await?;
    let mut seats = Vec::with_capacity(changes.len());
    for change in changes {
        let uid = &change.seat_uid;
        if uid.contains('\0') {
            let message = "seat_uid must not contain NUL";
            return Err(ApiError::invalid(code::JSON, "seat_uid", message));
        }
        let user = users::find_seat_for_update(&mut tx, &access.account.id, uid).await?;
        let mut user = user.ok_or(ApiError::NotFound("seat"))?;
        user.access_seat = change.access_seat;
        user.gateway_seat = change.gateway_seat;
        user.updated_at = now;
        users::update(&mut tx, &user).await?;
        seats.push(Seat {
            seat_uid: user.seat_uid,
            access_seat: user.access_seat,
            gateway_seat: user.gateway_seat,
            created_at: rfc3339(user.created_at),
            updated_at: rfc3339(now),
        });
    }
    app.commit(tx).await?;
    Ok(Page::all(seats))
}

async fn revoke(
    State(app): State<App>,
    access: ForAccess<AccessOrganizations>,
    Json(body): Json<Body>,
) -> Result<Envelope<bool>, ApiError> {
    let sent = REVOKED.whole(body)?;
    for switch in ["devices", "body_devices", "warp_session_reauth"] {
        // There are no devices of ours to revoke.
        sent.switch(switch)?;
    }
    let email = sent.text("email")?.map(|email| email.trim().to_ascii_lowercase());
    let id = sent.text("user_uid")?;
    if email.is_none() && id.is_none() {
        return Err(ApiError::invalid(code::JSON, "email", "email or user_uid is required"));
    }
    let account = &access.account.id;
    let mut tx = app.db.begin().await?;
    // Several, if providers name people by one address that may not speak for it.
    let users = users::matching(&mut tx, account, email.as_deref(), id).await?;
    if users.is_empty() {
        return Err(ApiError::NotFound("user"));
    }
    revocation::users(&mut tx, account, &users, app.clock.now_millis()).await?;
    app.commit(tx).await?;
    Ok(Envelope::ok(true))
}

const MOST_CHANGES: usize = 1000;
