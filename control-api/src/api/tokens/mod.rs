//! API tokens, of the user (`/user/tokens`) and of an account (`/accounts/{account_id}/tokens`).
//!
//! - [`user`], [`account`]: the handlers, alike but for whose tokens they are about
//! - [`verify`]: whether a token works, asked with that token
//! - this file: what both share

pub mod account;
pub mod body;
pub mod user;
pub mod verify;

use std::collections::BTreeMap;

use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rand::TryRngCore as _;
use rand::rngs::OsRng;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::auth::{self, Caller};
use super::envelope::Id;
use super::error::code;
use super::idempotency::{Attempt, Begun, Post};
use super::page::{Paging, Params, given, one_of};
use super::permission::{GROUPS, Policy, Reach, StoredPolicy};
use super::{ApiError, App, Envelope, Page, new_id};
use crate::clock::rfc3339;
use crate::store::tokens::TokenRow;
use crate::store::{Tx, tokens, zones};
use body::{Terms, TokenBody, judged, stored};

/// A token, without its value.
#[derive(Debug, Serialize, ToSchema)]
pub struct Token {
    /// 32 hexadecimal digits.
    id: String,
    /// For people.
    name: String,
    /// `active`, `disabled` or `expired`.
    status: &'static str,
    /// RFC 3339.
    issued_on: String,
    /// RFC 3339.
    modified_on: String,
    /// RFC 3339.
    #[serde(skip_serializing_if = "Option::is_none")]
    not_before: Option<String>,
    /// RFC 3339.
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_on: Option<String>,
    /// What it may do.
    policies: Vec<StoredPolicy>,
    /// Only in the answer that made it.
    #[serde(skip_serializing_if = "Option::is_none")]
    value: Option<String>,
}

/// A permission group.
#[derive(Debug, Serialize, ToSchema)]
pub struct PermissionGroup {
    /// 32 hexadecimal digits.
    id: &'static str,
    /// For people.
    name: &'static str,
    /// The kind of resource that it is for.
    scopes: [&'static str; 1],
}

/// Which permission groups.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct GroupFilter {
    /// Exactly this name.
    name: Option<String>,
    /// For this kind of resource.
    scope: Option<String>,
}

/// Which tokens.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct TokenFilter {
    /// `asc` or `desc`, by age.
    direction: Option<String>,
}

fn groups(filter: &GroupFilter) -> Page<PermissionGroup> {
    let is = |wanted: Option<&str>, text: &str| given(wanted).is_none_or(|wanted| wanted == text);
    let groups = GROUPS.iter().filter(|group| {
        is(filter.name.as_deref(), group.name) && is(filter.scope.as_deref(), group.scope())
    });
    let show = groups.map(|group| PermissionGroup {
        id: group.id,
        name: group.name,
        scopes: [group.scope()],
    });
    Page::all(show.collect())
}

async fn create(
    app: &App,
    caller: &Caller,
    account_id: Option<&str>,
    Post { body, ticket }: Post<TokenBody>,
) -> Result<Response, ApiError> {
    let terms = Terms::read(body)?;
    let mut attempt = match Attempt::begin(app, caller, ticket).await? {
        Begun::Again(answer) => return Ok(answer),
        Begun::First(attempt) => attempt,
    };
    require_held(&mut attempt.tx, caller, account_id, &terms.judged).await?;
    let (now, value) = (app.clock.now_millis(), new_value()?);
    let row = TokenRow {
        id: new_id(),
        name: terms.name,
        hash: auth::hash(&value).to_vec(),
        policies: terms.stored,
        account_id: account_id.map(str::to_owned),
        status: terms.status.to_owned(),
        not_before: terms.not_before,
        expires_at: terms.expires_at,
        created_at: now,
        updated_at: now,
    };
    tokens::insert(&mut attempt.tx, &row).await?;
    let token = Token { value: Some(value), ..show(row, now)? };
    attempt.finish(app, Envelope::ok(token)).await
}

async fn list(
    app: &App,
    account_id: Option<&str>,
    Params(filter): Params<TokenFilter>,
    Params(paging): Params<Paging>,
) -> Result<Page<Token>, ApiError> {
    let window = paging.window()?;
    let direction = one_of(filter.direction.as_deref(), "direction", &["asc", "desc"])?;
    let now = app.clock.now_millis();
    let mut tx = app.db.read().await?;
    let total = tokens::count(&mut tx, account_id).await?;
    let descending = direction == Some("desc");
    let rows =
        tokens::list(&mut tx, account_id, descending, window.per_page, window.offset()).await?;
    let shown = rows.into_iter().map(|row| show(row, now)).collect::<Result<_, _>>()?;
    Ok(Page::new(shown, window.page, window.per_page, total))
}

async fn get(app: &App, account_id: Option<&str>, id: &str) -> Result<Envelope<Token>, ApiError> {
    let mut tx = app.db.read().await?;
    let row = tokens::find(&mut tx, id, account_id).await?.ok_or(NOT_FOUND)?;
    Ok(Envelope::ok(show(row, app.clock.now_millis())?))
}

async fn update(
    app: &App,
    caller: &Caller,
    account_id: Option<&str>,
    id: &str,
    body: TokenBody,
) -> Result<Envelope<Token>, ApiError> {
    let terms = Terms::read(body)?;
    let mut tx = app.db.begin().await?;
    let row = tokens::find_for_update(&mut tx, id, account_id).await?.ok_or(NOT_FOUND)?;
    require_held(&mut tx, caller, account_id, &terms.judged).await?;
    let now = app.clock.now_millis();
    let row = TokenRow {
        name: terms.name,
        policies: terms.stored,
        status: terms.status.to_owned(),
        not_before: terms.not_before,
        expires_at: terms.expires_at,
        updated_at: now,
        ..row
    };
    tokens::update(&mut tx, &row).await?;
    let token = show(row, now)?;
    app.commit(tx).await?;
    Ok(Envelope::ok(token))
}

async fn delete(app: &App, account_id: Option<&str>, id: &str) -> Result<Envelope<Id>, ApiError> {
    let mut tx = app.db.begin().await?;
    tokens::find_for_update(&mut tx, id, account_id).await?.ok_or(NOT_FOUND)?;
    tokens::delete(&mut tx, id).await?;
    app.commit(tx).await?;
    Ok(Envelope::ok(Id { id: id.to_owned() }))
}

async fn roll(
    app: &App,
    caller: &Caller,
    account_id: Option<&str>,
    id: &str,
) -> Result<Envelope<String>, ApiError> {
    let mut tx = app.db.begin().await?;
    let row = tokens::find_for_update(&mut tx, id, account_id).await?.ok_or(NOT_FOUND)?;
    // Whoever learns the new value holds the token.
    let judged = judged(&stored(&row)?)?;
    require_held(&mut tx, caller, account_id, &judged).await?;
    let value = new_value()?;
    let hash = auth::hash(&value).to_vec();
    tokens::update(&mut tx, &TokenRow { hash, updated_at: app.clock.now_millis(), ..row }).await?;
    app.commit(tx).await?;
    Ok(Envelope::ok(value))
}

/// Refuses policies that the caller has not got, and, for an account's token, policies that reach
/// beyond that account.
async fn require_held(
    tx: &mut Tx,
    caller: &Caller,
    account_id: Option<&str>,
    policies: &[Policy],
) -> Result<(), ApiError> {
    let mut accounts = BTreeMap::new();
    for reach in policies.iter().flat_map(Policy::reach) {
        if let Reach::Zone(id) = reach
            && let Some(zone) = zones::find(tx, id).await?
        {
            accounts.insert(id.clone(), zone.account_id);
        }
    }
    let account_of = |zone: &str| accounts.get(zone).cloned();
    let inside = |reach: &Reach| match (reach, account_id) {
        (_, None) => true,
        (Reach::Account(id) | Reach::ZonesOf(id), Some(account)) => id == account,
        (Reach::Zone(zone), Some(account)) => account_of(zone).as_deref() == Some(account),
        (Reach::User | Reach::AllAccounts | Reach::AllZones, Some(_)) => false,
    };
    if !policies.iter().flat_map(Policy::reach).all(inside) {
        let message = "policies: a token of an account reaches that account and its zones only";
        return Err(ApiError::invalid(code::JSON, "policies", message));
    }
    if caller.grants.hold(policies, &account_of) {
        return Ok(());
    }
    Err(ApiError::Forbidden("everything that the new token may do".to_owned()))
}

fn show(row: TokenRow, now: i64) -> Result<Token, ApiError> {
    let policies = stored(&row)?;
    Ok(Token {
        status: status(&row, now),
        id: row.id,
        name: row.name,
        issued_on: rfc3339(row.created_at),
        modified_on: rfc3339(row.updated_at),
        not_before: row.not_before.map(rfc3339),
        expires_on: row.expires_at.map(rfc3339),
        policies,
        value: None,
    })
}

/// `active`, `disabled` or `expired`.
fn status(row: &TokenRow, now: i64) -> &'static str {
    match auth::refusal(row, now) {
        Some(super::error::Refusal::Disabled) => "disabled",
        Some(super::error::Refusal::Expired) => "expired",
        Some(super::error::Refusal::NotYet | super::error::Refusal::Unknown) | None => "active",
    }
}

/// 256 random bits. The prefix lets scanners find a token that leaked.
fn new_value() -> Result<String, ApiError> {
    let mut bytes = [0; 32];
    OsRng.try_fill_bytes(&mut bytes).map_err(|error| {
        tracing::error!(%error, "the system gave no randomness");
        ApiError::Internal
    })?;
    Ok(format!("lintel_{}", URL_SAFE_NO_PAD.encode(bytes)))
}

const NOT_FOUND: ApiError = ApiError::NotFound("API token");
