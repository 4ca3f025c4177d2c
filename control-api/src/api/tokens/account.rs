//! Tokens of an account: `/accounts/{account_id}/tokens`. They outlive whoever made them.

use axum::extract::{Path, State};
use axum::response::Response;

use super::body::TokenBody;
use super::user::Nothing;
use super::{GroupFilter, PermissionGroup, Token, TokenFilter};
use crate::api::auth::{AccountApiTokens, ForAccount};
use crate::api::envelope::{Failure, Id};
use crate::api::idempotency::Post;
use crate::api::json::Json;
use crate::api::page::{Paging, Params};
use crate::api::{ApiError, App, Envelope, Page};

/// Makes a token. Its value is in this answer and nowhere else.
#[utoipa::path(
    post, path = "/client/v4/accounts/{account_id}/tokens", tag = "tokens", params(("account_id" = String, Path)), request_body = TokenBody,
    responses((status = 200, body = Envelope<Token>), (status = "4XX", body = Failure)),
)]
pub async fn create(
    State(app): State<App>,
    access: ForAccount<AccountApiTokens>,
    post: Post<TokenBody>,
) -> Result<Response, ApiError> {
    super::create(&app, &access.caller, Some(&access.account.id), post).await
}

/// Tokens, disabled and expired ones too.
#[utoipa::path(
    get, path = "/client/v4/accounts/{account_id}/tokens", tag = "tokens", params(("account_id" = String, Path), TokenFilter, Paging), 
    responses((status = 200, body = Page<Token>), (status = "4XX", body = Failure)),
)]
pub async fn list(
    State(app): State<App>,
    access: ForAccount<AccountApiTokens>,
    filter: Params<TokenFilter>,
    paging: Params<Paging>,
) -> Result<Page<Token>, ApiError> {
    super::list(&app, Some(&access.account.id), filter, paging).await
}

/// One token, without its value.
#[utoipa::path(
    get, path = "/client/v4/accounts/{account_id}/tokens/{token_id}", tag = "tokens", params(("account_id" = String, Path), ("token_id" = String, Path)), 
    responses((status = 200, body = Envelope<Token>), (status = "4XX", body = Failure)),
)]
pub async fn get(
    State(app): State<App>,
    access: ForAccount<AccountApiTokens>,
    Path(path): Path<TokenPath>,
) -> Result<Envelope<Token>, ApiError> {
    super::get(&app, Some(&access.account.id), &path.token_id).await
}

/// Replaces everything but the value.
#[utoipa::path(
    put, path = "/client/v4/accounts/{account_id}/tokens/{token_id}", tag = "tokens", params(("account_id" = String, Path), ("token_id" = String, Path)), request_body = TokenBody,
    responses((status = 200, body = Envelope<Token>), (status = "4XX", body = Failure)),
)]
pub async fn update(
    State(app): State<App>,
    access: ForAccount<AccountApiTokens>,
    Path(path): Path<TokenPath>,
    Json(body): Json<TokenBody>,
) -> Result<Envelope<Token>, ApiError> {
    super::update(&app, &access.caller, Some(&access.account.id), &path.token_id, body).await
}

/// Deletes a token: from now on it opens nothing.
#[utoipa::path(
    delete, path = "/client/v4/accounts/{account_id}/tokens/{token_id}", tag = "tokens", params(("account_id" = String, Path), ("token_id" = String, Path)), 
    responses((status = 200, body = Envelope<Id>), (status = "4XX", body = Failure)),
)]
pub async fn delete(
    State(app): State<App>,
    access: ForAccount<AccountApiTokens>,
    Path(path): Path<TokenPath>,
) -> Result<Envelope<Id>, ApiError> {
    super::delete(&app, Some(&access.account.id), &path.token_id).await
}

/// Gives the token a new value, which is the answer; the old one opens nothing from now on.
#[utoipa::path(
    put, path = "/client/v4/accounts/{account_id}/tokens/{token_id}/value", tag = "tokens", params(("account_id" = String, Path), ("token_id" = String, Path)), request_body = Option<Nothing>,
    responses((status = 200, body = Envelope<String>), (status = "4XX", body = Failure)),
)]
pub async fn roll(
    State(app): State<App>,
    access: ForAccount<AccountApiTokens>,
    Path(path): Path<TokenPath>,
    Json(Nothing {}): Json<Nothing>,
) -> Result<Envelope<String>, ApiError> {
    super::roll(&app, &access.caller, Some(&access.account.id), &path.token_id).await
}

/// Every permission group that a token can have.
#[utoipa::path(
    get, path = "/client/v4/accounts/{account_id}/tokens/permission_groups", tag = "tokens", params(("account_id" = String, Path), GroupFilter), 
    responses((status = 200, body = Page<PermissionGroup>), (status = "4XX", body = Failure)),
)]
pub async fn permission_groups(
    _: ForAccount<AccountApiTokens>,
    Params(filter): Params<GroupFilter>,
) -> Page<PermissionGroup> {
    super::groups(&filter)
}

/// Which token of which account.
#[derive(Debug, serde::Deserialize)]
pub struct TokenPath {
    token_id: String,
}
