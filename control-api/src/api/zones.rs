//! `/zones`: a zone is the SaaS company's own domain, below which its customers' hostnames hang.

use axum::extract::State;
use axum::response::Response;
use edge_state::{Hostname, Key};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::auth::{Authenticated, ForZone, ZoneItself};
use super::envelope::Id;
use super::error::code;
use super::idempotency::{Attempt, Begun, Post};
use super::json::{Body, Json};
use super::page::{Paging, Params, given, one_of};
use super::permission::{Area, Level, Target};
use super::zone_record::{current, publish};
use super::{ApiError, App, Envelope, Page, is_id, new_id};
use crate::clock::rfc3339;
use crate::store::zones::ZoneRow;
use crate::store::{Tx, accounts, changes, zones};

/// A zone.
#[derive(Debug, Serialize, ToSchema)]
pub struct Zone {
    /// 32 hexadecimal digits.
    id: String,
    /// The domain.
    name: String,
    /// Always `active`: nothing has to be delegated to Lintel.
    status: &'static str,
    /// Always `false`.
    paused: bool,
    /// Always `partial`: its DNS is elsewhere.
    #[serde(rename = "type")]
    kind: &'static str,
    /// Lintel's own: what customers point their CNAME at.
    cname_target: String,
    /// Whose it is.
    account: Reference,
    /// The same again.
    owner: Owner,
    /// Always empty.
    name_servers: Vec<String>,
    /// Always `null`.
    original_name_servers: Option<Vec<String>>,
    /// Always `null`.
    original_registrar: Option<String>,
    /// Always `null`.
    original_dnshost: Option<String>,
    /// Always 0.
    development_mode: i64,
    /// RFC 3339.
    created_on: String,
    /// RFC 3339.
    modified_on: String,
    /// RFC 3339.
    activated_on: String,
}

/// An account.
#[derive(Debug, Serialize, ToSchema)]
pub struct Reference {
    id: String,
    name: String,
}

/// An account as an owner.
#[derive(Debug, Serialize, ToSchema)]
pub struct Owner {
    id: String,
    name: String,
    #[serde(rename = "type")]
    kind: &'static str,
}

/// `POST /zones`
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateZone {
    /// The domain.
    #[schema(pattern = r"^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,63}$", max_length = 253)]
    name: String,
    /// Whose it is.
    account: AccountId,
    /// `full` or `partial`, which makes no difference here.
    #[serde(rename = "type", default)]
    kind: Option<String>,
    /// Of no meaning here; older tools send it.
    #[serde(default)]
    jump_start: Option<bool>,
    /// Lintel's own: what customers point their CNAME at; `customers.<name>` unless said.
    #[serde(default)]
    cname_target: Option<String>,
}

/// `{"id": ".."}`
#[derive(Debug, Deserialize, ToSchema)]
#[serde(expecting = "an object")]
pub struct AccountId {
    id: String,
}

/// `PATCH /zones/{zone_id}`
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct EditZone {
    /// What customers point their CNAME at. Those who point at the old one keep working only while
    /// its DNS does.
    #[serde(default)]
    cname_target: Option<String>,
    /// `false`: there is no pausing.
    #[serde(default)]
    #[schema(value_type = Option<bool>, default = false)]
    paused: Option<bool>,
}

impl Body for CreateZone {}
impl Body for EditZone {}

/// Which zones.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ZoneFilter {
    /// Exactly this domain.
    name: Option<String>,
    /// Of this account.
    #[serde(rename = "account.id")]
    #[param(rename = "account.id")]
    account_id: Option<String>,
    /// Every zone is `active`.
    status: Option<String>,
    /// `asc` or `desc`, by name.
    direction: Option<String>,
}

/// Makes a zone.
#[utoipa::path(
    post, path = "/client/v4/zones", tag = "zones", request_body = CreateZone,
    responses((status = 200, body = Envelope<Zone>), (status = "4XX", body = super::envelope::Failure)),
)]
pub async fn create(
    State(app): State<App>,
    Authenticated(caller): Authenticated,
    request: Result<Post<CreateZone>, ApiError>,
) -> Result<Response, ApiError> {
    if !caller.grants.make_zones() {
        return Err(ApiError::Forbidden("Zone Write".to_owned()));
    }
    let Post { body, ticket } = request?;
    let account_id = body.account.id;
    caller.require(Some(Area::Zone), Level::Edit, Target::NewZone(&account_id), "account")?;
    let name = domain("name", &body.name)?;
    let target = match given(body.cname_target.as_deref()) {
        Some(target) => domain("cname_target", target)?,
        None => domain("name", &format!("customers.{name}"))?,
    };
    one_of(body.kind.as_deref(), "type", &["full", "partial"])?;
    let _ = body.jump_start;
    let mut attempt = match Attempt::begin(&app, &caller, ticket).await? {
        Begun::Again(answer) => return Ok(answer),
        Begun::First(attempt) => attempt,
    };
    let now = app.clock.now_millis();
    if !is_id(&account_id) || accounts::find(&mut attempt.tx, &account_id).await?.is_none() {
        return Err(ApiError::invalid(code::JSON, "account.id", "account.id names no account"));
    }
    let row = ZoneRow {
        id: new_id(),
        account_id,
        name: name.to_string(),
        cname_target: target.to_string(),
        settings: "{}".to_owned(),
        fallback_origin: None,
        fallback_origin_created_at: None,
        fallback_origin_updated_at: None,
        created_at: now,
        updated_at: now,
    };
    if !zones::insert(&mut attempt.tx, &row).await? {
        let message = format!("The zone {name} exists already.");
        return attempt.refuse(&app, ApiError::Conflict(message)).await;
    }
    let zone = show(&mut attempt.tx, row.clone()).await?;
    publish(&mut attempt.tx, &row, now).await?;
    attempt.finish(&app, Envelope::ok(zone)).await
}

/// The zones that the token reaches.
#[utoipa::path(
    get, path = "/client/v4/zones", tag = "zones", params(ZoneFilter, Paging),
    responses((status = 200, body = Page<Zone>), (status = "4XX", body = super::envelope::Failure)),
)]
pub async fn list(
    State(app): State<App>,
    Authenticated(caller): Authenticated,
    Params(filter): Params<ZoneFilter>,
    Params(paging): Params<Paging>,
) -> Result<Page<Zone>, ApiError> {
    let window = paging.window()?;
    let direction = one_of(filter.direction.as_deref(), "direction", &["asc", "desc"])?;
    let name = given(filter.name.as_deref()).map(str::to_ascii_lowercase);
    let mut tx = app.db.read().await?;
    let mut rows =
        zones::list(&mut tx, name.as_deref(), given(filter.account_id.as_deref())).await?;
    let wanted = given(filter.status.as_deref()).is_none_or(|status| status == "active");
    rows.retain(|row| {
        wanted && caller.grants.reach(Target::Zone { id: &row.id, account: &row.account_id })
    });
    if direction == Some("desc") {
        rows.reverse();
    }
    let page = Page::of(rows, window);
    let mut shown = Vec::new();
    let (rows, page) = page.take();
    for row in rows {
        shown.push(show(&mut tx, row).await?);
    }
    Ok(page.with(shown))
}

/// One zone.
#[utoipa::path(
    get, path = "/client/v4/zones/{zone_id}", tag = "zones", params(("zone_id" = String, Path)),
    responses((status = 200, body = Envelope<Zone>), (status = "4XX", body = super::envelope::Failure)),
)]
pub async fn get(
    State(app): State<App>,
    access: ForZone<ZoneItself>,
) -> Result<Envelope<Zone>, ApiError> {
    let mut tx = app.db.read().await?;
    show(&mut tx, access.zone).await.map(Envelope::ok)
}

/// Changes what customers point their CNAME at.
#[utoipa::path(
    patch, path = "/client/v4/zones/{zone_id}", tag = "zones", params(("zone_id" = String, Path)),
    request_body = Option<EditZone>,
    responses((status = 200, body = Envelope<Zone>), (status = "4XX", body = super::envelope::Failure)),
)]
pub async fn edit(
    State(app): State<App>,
    access: ForZone<ZoneItself>,
    Json(body): Json<EditZone>,
) -> Result<Envelope<Zone>, ApiError> {
    if body.paused == Some(true) {
        let message = "a zone cannot be paused; delete its custom hostnames instead";
        return Err(ApiError::invalid(code::JSON, "paused", message));
    }
    let mut tx = app.db.begin().await?;
    let mut row = current(&mut tx, &access.zone.id).await?;
    if let Some(target) = given(body.cname_target.as_deref()) {
        let now = app.clock.now_millis();
        row.cname_target = domain("cname_target", target)?.to_string();
        zones::set_cname_target(&mut tx, &row.id, &row.cname_target, now).await?;
        publish(&mut tx, &row, now).await?;
    }
    let zone = show(&mut tx, row).await?;
    app.commit(tx).await?;
    Ok(Envelope::ok(zone))
}

/// Deletes a zone that has no custom hostnames any more.
#[utoipa::path(
    delete, path = "/client/v4/zones/{zone_id}", tag = "zones", params(("zone_id" = String, Path)),
    responses((status = 200, body = Envelope<Id>), (status = "4XX", body = super::envelope::Failure)),
)]
pub async fn delete(
    State(app): State<App>,
    access: ForZone<ZoneItself>,
) -> Result<Envelope<Id>, ApiError> {
    let id = access.zone.id;
    let mut tx = app.db.begin().await?;
    current(&mut tx, &id).await?;
    if !zones::delete(&mut tx, &id).await? {
        let message = "The zone has custom hostnames. Delete them first.".to_owned();
        return Err(ApiError::Conflict(message));
    }
    changes::put(&mut tx, &Key::Zone(id.clone()), None, app.clock.now_millis()).await?;
    app.commit(tx).await?;
    Ok(Envelope::ok(Id { id }))
}

async fn show(tx: &mut Tx, row: ZoneRow) -> Result<Zone, ApiError> {
    let account = accounts::find(tx, &row.account_id).await?;
    let name = account.map(|account| account.name).unwrap_or_default();
    let created_on = rfc3339(row.created_at);
    Ok(Zone {
        id: row.id,
        name: row.name,
        status: "active",
        paused: false,
        kind: "partial",
        cname_target: row.cname_target,
        account: Reference { id: row.account_id.clone(), name: name.clone() },
        owner: Owner { id: row.account_id, name, kind: "organization" },
        name_servers: Vec::new(),
        original_name_servers: None,
        original_registrar: None,
        original_dnshost: None,
        development_mode: 0,
        activated_on: created_on.clone(),
        created_on,
        modified_on: rfc3339(row.updated_at),
    })
}

/// A domain of the operator's own: a name with a dot, and no wildcard.
fn domain(field: &str, text: &str) -> Result<Hostname, ApiError> {
    let invalid = |message: String| ApiError::invalid(code::JSON, field, message);
    let name = Hostname::parse(text).map_err(|error| invalid(format!("{field}: {error}")))?;
    if name.is_wildcard() || !name.as_str().contains('.') || is_id(text) {
        return Err(invalid(format!("{field} must be a domain, as saas.com")));
    }
    Ok(name)
}
