//! `/accounts`

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::auth::{AccountItself, Authenticated, ForAccount};
use super::error::code;
use super::idempotency::{Attempt, Begun, Post};
use super::json::Body;
use super::page::{Paging, Params, given};
use super::permission::{Area, Level, Target};
use super::{ApiError, App, Envelope, Page, new_id};
use crate::clock::rfc3339;
use crate::store::accounts;
use crate::store::accounts::AccountRow;

/// A company that runs custom hostnames.
#[derive(Debug, Serialize, ToSchema)]
pub struct Account {
    /// 32 hexadecimal digits.
    id: String,
    /// For people.
    name: String,
    /// Always `standard`.
    #[serde(rename = "type")]
    kind: &'static str,
    /// RFC 3339.
    created_on: String,
}

/// `POST /accounts`
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateAccount {
    /// 1 to 100 characters.
    #[schema(min_length = 1, max_length = 100, pattern = r"^\S[^\x00-\x1f\x7f-\x9f]*$")]
    name: String,
    /// `standard`, or nothing.
    #[serde(rename = "type", default)]
    #[schema(pattern = "^standard$")]
    kind: Option<String>,
}

impl Body for CreateAccount {}

/// Which accounts.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct AccountFilter {
    /// Exactly this name.
    name: Option<String>,
}

impl From<AccountRow> for Account {
    fn from(row: AccountRow) -> Self {
        Self { id: row.id, name: row.name, kind: "standard", created_on: rfc3339(row.created_at) }
    }
}

/// Makes an account. Only a token for all accounts may.
#[utoipa::path(
    post, path = "/client/v4/accounts", tag = "accounts", request_body = CreateAccount,
    responses((status = 200, body = Envelope<Account>), (status = "4XX", body = super::envelope::Failure)),
)]
pub async fn create(
    State(app): State<App>,
    Authenticated(caller): Authenticated,
    request: Result<Post<CreateAccount>, ApiError>,
) -> Result<Response, ApiError> {
    caller.require(Some(Area::AccountSettings), Level::Edit, Target::AllAccounts, "operation")?;
    let Post { body, ticket } = request?;
    let name = label("name", &body.name)?;
    if body.kind.is_some_and(|kind| kind != "standard") {
        return Err(ApiError::invalid(code::JSON, "type", "type must be `standard`"));
    }
    match Attempt::begin(&app, &caller, ticket).await? {
        Begun::Again(answer) => Ok(answer),
        Begun::First(mut attempt) => {
            let row = AccountRow { id: new_id(), name, created_at: app.clock.now_millis() };
            accounts::insert(&mut attempt.tx, &row).await?;
            attempt.finish(&app, Envelope::ok(Account::from(row))).await
        }
    }
}

/// The accounts that the token reaches.
#[utoipa::path(
    get, path = "/client/v4/accounts", tag = "accounts", params(AccountFilter, Paging),
    responses((status = 200, body = Page<Account>), (status = "4XX", body = super::envelope::Failure)),
)]
pub async fn list(
    State(app): State<App>,
    Authenticated(caller): Authenticated,
    Params(filter): Params<AccountFilter>,
    Params(paging): Params<Paging>,
) -> Result<Page<Account>, ApiError> {
    let window = paging.window()?;
    let mut tx = app.db.read().await?;
    let mut rows = accounts::list(&mut tx, given(filter.name.as_deref())).await?;
    rows.retain(|row| caller.grants.reach(Target::Account(&row.id)));
    Ok(Page::of(rows, window).map(Account::from))
}

/// One account.
#[utoipa::path(
    get, path = "/client/v4/accounts/{account_id}", tag = "accounts",
    params(("account_id" = String, Path)),
    responses((status = 200, body = Envelope<Account>), (status = "4XX", body = super::envelope::Failure)),
)]
pub async fn get(access: ForAccount<AccountItself>) -> Response {
    Envelope::ok(Account::from(access.account)).into_response()
}

/// A text for people: something, but no more than 100 characters, and no control characters.
pub(crate) fn label(field: &str, text: &str) -> Result<String, ApiError> {
    let fits = (1..=100).contains(&text.chars().count()) && !text.chars().any(char::is_control);
    if fits && !text.trim().is_empty() {
        return Ok(text.to_owned());
    }
    let message = format!("{field} must be 1 to 100 characters");
    Err(ApiError::invalid(code::JSON, field, message))
}
