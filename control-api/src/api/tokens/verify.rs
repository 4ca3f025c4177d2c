//! Whether a token works.

use axum::extract::State;
use http::HeaderMap;
use serde::Serialize;
use utoipa::ToSchema;

use super::body::{judged, stored};
use crate::api::auth::{self, BOOTSTRAP_ID, Identity};
use crate::api::permission::{Grants, Target};
use crate::api::{ApiError, App, Envelope};
use crate::clock::rfc3339;

/// A token as it sees itself.
#[derive(Debug, Serialize, ToSchema)]
pub struct Verified {
    /// Its id.
    id: String,
    /// `active`, `disabled` or `expired`.
    status: &'static str,
    /// RFC 3339.
    #[serde(skip_serializing_if = "Option::is_none")]
    not_before: Option<String>,
    /// RFC 3339.
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_on: Option<String>,
}

/// Whether the token of this request works. One that is disabled or has expired hears so.
#[utoipa::path(
    get, path = "/client/v4/user/tokens/verify", tag = "tokens",
    responses((status = 200, body = Envelope<Verified>), (status = "4XX", body = crate::api::envelope::Failure)),
)]
pub async fn user(
    State(app): State<App>,
    headers: HeaderMap,
) -> Result<Envelope<Verified>, ApiError> {
    verify(&app, &headers, None).await
}

/// The same, for a token that works in this account.
#[utoipa::path(
    get, path = "/client/v4/accounts/{account_id}/tokens/verify", tag = "tokens",
    params(("account_id" = String, Path)),
    responses((status = 200, body = Envelope<Verified>), (status = "4XX", body = crate::api::envelope::Failure)),
)]
pub async fn account(
    State(app): State<App>,
    axum::extract::Path(account_id): axum::extract::Path<String>,
    headers: HeaderMap,
) -> Result<Envelope<Verified>, ApiError> {
    verify(&app, &headers, Some(&account_id)).await
}

async fn verify(
    app: &App,
    headers: &HeaderMap,
    account_id: Option<&str>,
) -> Result<Envelope<Verified>, ApiError> {
    let mut tx = app.db.read().await?;
    let (verified, grants) = match auth::identify(headers, app, &mut tx).await? {
        Identity::Unknown => return Err(ApiError::UnknownToken),
        Identity::Bootstrap => {
            let (not_before, expires_on) = (None, None);
            let id = BOOTSTRAP_ID.to_owned();
            (Verified { id, status: "active", not_before, expires_on }, Grants::All)
        }
        Identity::Token(row) => {
            let verified = Verified {
                id: row.id.clone(),
                status: super::status(&row, app.clock.now_millis()),
                not_before: row.not_before.map(rfc3339),
                expires_on: row.expires_at.map(rfc3339),
            };
            (verified, Grants::Policies(judged(&stored(&row)?)?))
        }
    };
    if account_id.is_some_and(|id| !grants.reach(Target::Account(id))) {
        return Err(ApiError::UnknownToken);
    }
    let active = verified.status == "active";
    let answer = Envelope::ok(verified);
    Ok(if active { answer.remark(10000, "This API Token is valid and active") } else { answer })
}
