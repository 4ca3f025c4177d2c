//! `/user`: the operator, in whose name the API is used. Lintel knows tokens, not people; SDKs and
//! tools ask for one all the same.

use axum::extract::State;
use serde::Serialize;
use sha2::{Digest as _, Sha256};
use utoipa::ToSchema;

use super::auth::{ForUser, UserDetails};
use super::{ApiError, App, Envelope};

/// The operator.
#[derive(Debug, Serialize, ToSchema)]
pub struct User {
    /// 32 hexadecimal digits, the same on every instance.
    id: String,
    /// From `LINTEL_ACME_CONTACT`.
    #[serde(skip_serializing_if = "Option::is_none")]
    email: Option<String>,
    /// Always `false`.
    suspended: bool,
    /// Always `false`: there is no password that a second factor could protect.
    two_factor_authentication_enabled: bool,
}

/// Who uses this API.
#[utoipa::path(
    get, path = "/client/v4/user", tag = "user",
    responses((status = 200, body = Envelope<User>), (status = "4XX", body = super::envelope::Failure)),
)]
pub async fn get(
    State(app): State<App>,
    _: ForUser<UserDetails>,
) -> Result<Envelope<User>, ApiError> {
    let email = app.config.operator_email().map(str::to_owned);
    let (suspended, two_factor_authentication_enabled) = (false, false);
    Ok(Envelope::ok(User { id: id(), email, suspended, two_factor_authentication_enabled }))
}

/// There is one user, so its id needs no row.
fn id() -> String {
    let digest = Sha256::digest(b"lintel operator");
    let bytes = digest.first_chunk().copied().unwrap_or_default();
    format!("{:032x}", u128::from_be_bytes(bytes))
}
