//! Tokens of the user: `/user/tokens`.

use axum::extract::{Path, State};
use axum::response::Response;

use super::body::TokenBody;
use super::{GroupFilter, PermissionGroup, Token, TokenFilter};
use crate::api::auth::{ApiTokens, Authenticated, ForUser};
use crate::api::envelope::{Failure, Id};
use crate::api::idempotency::Post;
use crate::api::json::{Body, Json};
use crate::api::page::{Paging, Params};
use crate::api::{ApiError, App, Envelope, Page};

/// Makes a token. Its value is in this answer and nowhere else.
#[utoipa::path(
    post, path = "/client/v4/user/tokens", tag = "tokens", request_body = TokenBody,
    responses((status = 200, body = Envelope<Token>), (status = "4XX", body = Failure)),
)]
pub async fn create(
    State(app): State<App>,
    access: ForUser<ApiTokens>,
    post: Post<TokenBody>,
) -> Result<Response, ApiError> {
    super::create(&app, &access.caller, None, post).await
}

/// Tokens, disabled and expired ones too.
#[utoipa::path(
    get, path = "/client/v4/user/tokens", tag = "tokens", params(TokenFilter, Paging), 
    responses((status = 200, body = Page<Token>), (status = "4XX", body = Failure)),
)]
pub async fn list(
    State(app): State<App>,
    _: ForUser<ApiTokens>,
    filter: Params<TokenFilter>,
    paging: Params<Paging>,
) -> Result<Page<Token>, ApiError> {
    super::list(&app, None, filter, paging).await
}

/// One token, without its value.
#[utoipa::path(
    get, path = "/client/v4/user/tokens/{token_id}", tag = "tokens", params(("token_id" = String, Path)), 
    responses((status = 200, body = Envelope<Token>), (status = "4XX", body = Failure)),
)]
pub async fn get(
    State(app): State<App>,
    _: ForUser<ApiTokens>,
    Path(id): Path<String>,
) -> Result<Envelope<Token>, ApiError> {
    super::get(&app, None, &id).await
}

/// Replaces everything but the value.
#[utoipa::path(
    put, path = "/client/v4/user/tokens/{token_id}", tag = "tokens", params(("token_id" = String, Path)), request_body = TokenBody,
    responses((status = 200, body = Envelope<Token>), (status = "4XX", body = Failure)),
)]
pub async fn update(
    State(app): State<App>,
    access: ForUser<ApiTokens>,
    Path(id): Path<String>,
    Json(body): Json<TokenBody>,
) -> Result<Envelope<Token>, ApiError> {
    super::update(&app, &access.caller, None, &id, body).await
}

/// Deletes a token: from now on it opens nothing.
#[utoipa::path(
    delete, path = "/client/v4/user/tokens/{token_id}", tag = "tokens", params(("token_id" = String, Path)), 
    responses((status = 200, body = Envelope<Id>), (status = "4XX", body = Failure)),
)]
pub async fn delete(
    State(app): State<App>,
    _: ForUser<ApiTokens>,
    Path(id): Path<String>,
) -> Result<Envelope<Id>, ApiError> {
    super::delete(&app, None, &id).await
}

/// Gives the token a new value, which is the answer; the old one opens nothing from now on.
#[utoipa::path(
    put, path = "/client/v4/user/tokens/{token_id}/value", tag = "tokens", params(("token_id" = String, Path)), request_body = Option<Nothing>,
    responses((status = 200, body = Envelope<String>), (status = "4XX", body = Failure)),
)]
pub async fn roll(
    State(app): State<App>,
    access: ForUser<ApiTokens>,
    Path(id): Path<String>,
    Json(Nothing {}): Json<Nothing>,
) -> Result<Envelope<String>, ApiError> {
    super::roll(&app, &access.caller, None, &id).await
}

/// Every permission group that a token can have.
#[utoipa::path(
    get, path = "/client/v4/user/tokens/permission_groups", tag = "tokens", params(GroupFilter), 
    responses((status = 200, body = Page<PermissionGroup>), (status = "4XX", body = Failure)),
)]
pub async fn permission_groups(
    _: Authenticated,
    Params(filter): Params<GroupFilter>,
) -> Page<PermissionGroup> {
    super::groups(&filter)
}

/// `{}`
#[derive(Debug, serde::Deserialize, utoipa::ToSchema)]
pub struct Nothing {}

impl Body for Nothing {}
