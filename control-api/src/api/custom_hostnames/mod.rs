//! `/zones/{zone_id}/custom_hostnames`
//!
//! - this file: the handlers
//! - [`body`]: what clients write, judged
//! - [`settings`]: the same of `ssl.settings`
//! - [`requested`]: what they have set, kept as they wrote it
//! - [`change`]: how a request changes that
//! - [`filter`]: what a list is asked for
//! - [`view`]: what is answered

pub mod body;
pub mod change;
pub mod filter;
pub mod requested;
pub mod settings;
pub mod view;

use axum::extract::{Path, State};
use axum::response::Response;
use edge_state::Hostname;
use lifecycle::{Timestamp, hostname};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::auth::{ForZone, SslAndCertificates};
use super::envelope::{Deleted, Failure};
use super::error::code;
use super::idempotency::{Attempt, Begun, Post};
use super::json::Json;
use super::page::{Paging, Params};
use super::{ApiError, App, Envelope, Page, is_id};
use crate::store::hostnames::{self, HostnameRow};
use body::{CreateCustomHostname, EditCustomHostname};
use filter::HostnameFilter;
use requested::Requested;
use view::CustomHostname;

/// Which custom hostname of which zone.
#[derive(Debug, Deserialize)]
pub struct HostnamePath {
    custom_hostname_id: String,
}

/// How many custom hostnames there may be.
#[derive(Debug, Serialize, ToSchema)]
pub struct Quota {
    /// No limit is set here: the largest number that every client can read.
    allocated: i64,
    /// Custom hostnames of this zone.
    used: i64,
    /// As `allocated`.
    hard_cap: i64,
    /// Always `false`.
    exceeded: bool,
}

/// Makes a custom hostname. The answer does not wait for DNS or the certificate authority: GET shows
/// each state on the way.
#[utoipa::path(
    post, path = "/client/v4/zones/{zone_id}/custom_hostnames", tag = "custom hostnames",
    params(("zone_id" = String, Path), ("Idempotency-Key" = Option<String>, Header)),
    request_body = CreateCustomHostname,
    responses((status = 201, body = Envelope<CustomHostname>), (status = "4XX", body = Failure)),
)]
pub async fn create(
    State(app): State<App>,
    access: ForZone<SslAndCertificates>,
    Post { body, ticket }: Post<CreateCustomHostname>,
) -> Result<Response, ApiError> {
    let (name, change) = body.judge(&app.config)?;
    let requested = change.apply(Requested::default(), &name)?;
    let mut attempt = match Attempt::begin(&app, &access.caller, ticket).await? {
        Begun::Again(answer) => return Ok(answer),
        Begun::First(attempt) => attempt,
    };
    let now = Timestamp::from_millis(app.clock.now_millis());
    let row = new_row(&access.zone.id, &name, &requested, now)?;
    if !hostnames::insert(&mut attempt.tx, &row).await? {
        return attempt.refuse(&app, ApiError::DuplicateHostname).await;
    }
    app.engine.begin(&mut attempt.tx, &row.id, now).await?;
    let row = current(&mut attempt.tx, &row.zone_id, &row.id).await?;
    let answer = view::one(&mut attempt.tx, row).await?;
    attempt.finish(&app, Envelope::created(answer)).await
}

/// Custom hostnames, filtered, ordered, by pages.
#[utoipa::path(
    get, path = "/client/v4/zones/{zone_id}/custom_hostnames", tag = "custom hostnames",
    params(("zone_id" = String, Path), HostnameFilter, Paging),
    responses((status = 200, body = Page<CustomHostname>), (status = "4XX", body = Failure)),
)]
pub async fn list(
    State(app): State<App>,
    access: ForZone<SslAndCertificates>,
    Params(filter): Params<HostnameFilter>,
    Params(paging): Params<Paging>,
) -> Result<Page<CustomHostname>, ApiError> {
    let window = paging.window()?;
    let (filter, order) = filter.judge()?;
    let zone_id = &access.zone.id;
    let mut tx = app.db.read().await?;
    let total = hostnames::count(&mut tx, zone_id, &filter).await?;
    let part = (window.per_page, window.offset());
    let rows = hostnames::list(&mut tx, zone_id, &filter, order, part).await?;
    let shown = view::many(&mut tx, rows).await?;
    Ok(Page::new(shown, window.page, window.per_page, total))
}

/// One custom hostname.
#[utoipa::path(
    get, path = "/client/v4/zones/{zone_id}/custom_hostnames/{custom_hostname_id}",
    tag = "custom hostnames", params(("zone_id" = String, Path), ("custom_hostname_id" = String, Path, format = "uuid")),
    responses((status = 200, body = Envelope<CustomHostname>), (status = "4XX", body = Failure)),
)]
pub async fn get(
    State(app): State<App>,
    access: ForZone<SslAndCertificates>,
    Path(path): Path<HostnamePath>,
) -> Result<Envelope<CustomHostname>, ApiError> {
    let id = path.judge()?;
    let mut tx = app.db.read().await?;
    let row = hostnames::find(&mut tx, &access.zone.id, &id).await?;
    let row = row.ok_or(ApiError::HostnameNotFound)?;
    view::one(&mut tx, row).await.map(Envelope::ok)
}

/// Changes what is sent and leaves the rest; `ssl` as it is already means: check now.
#[utoipa::path(
    patch, path = "/client/v4/zones/{zone_id}/custom_hostnames/{custom_hostname_id}",
    tag = "custom hostnames", params(("zone_id" = String, Path), ("custom_hostname_id" = String, Path, format = "uuid")),
    request_body = Option<EditCustomHostname>,
    responses((status = 202, body = Envelope<CustomHostname>), (status = "4XX", body = Failure)),
)]
pub async fn edit(
    State(app): State<App>,
    access: ForZone<SslAndCertificates>,
    Path(path): Path<HostnamePath>,
    Json(body): Json<EditCustomHostname>,
) -> Result<Envelope<CustomHostname>, ApiError> {
    let (zone_id, id) = (access.zone.id, path.judge()?);
    let mut tx = app.db.begin().await?;
    let row = hostnames::find_for_update(&mut tx, &zone_id, &id).await?;
    let mut row = row.ok_or(ApiError::HostnameNotFound)?;
    let before = Requested::from_row(&row)?;
    let (name, change) = body.judge(&row.hostname, &app.config)?;
    let checks_now = change.has_ssl();
    let after = change.apply(before.clone(), &name)?;
    let now = Timestamp::from_millis(app.clock.now_millis());
    row.requested = after.to_json()?;
    row.custom_origin_server.clone_from(&after.custom_origin_server);
    row.wildcard = after.is_wildcard();
    row.updated_at = now.as_millis();
    match (&after.ssl, &row.ssl_id) {
        (Some(_), None) => {
            row.ssl_id = Some(Uuid::new_v4().to_string());
            row.ssl_status = Some("initializing".to_owned());
        }
        (None, Some(_)) => (row.ssl_id, row.ssl_status) = (None, None),
        (Some(_), Some(_)) | (None, None) => {}
    }
    let changed = after.to_json()? != before.to_json()?;
    if changed {
        hostnames::set_requested(&mut tx, &row).await?;
    }
    let had_ssl = before.ssl.is_some();
    if had_ssl && after.ssl.is_none() {
        app.engine.remove_certificates(&mut tx, &id, now).await?;
    } else if had_ssl && after.authority() != before.authority() {
        app.engine.reissue(&mut tx, &id, now).await?;
    } else if checks_now {
        app.engine.refresh(&mut tx, &id, now).await?;
    } else if changed {
        app.engine.publish_hostname(&mut tx, &id, now).await?;
    }
    let row = current(&mut tx, &zone_id, &id).await?;
    let answer = view::one(&mut tx, row).await?;
    app.commit(tx).await?;
    Ok(Envelope::accepted(answer))
}

/// Takes a custom hostname off the edge and out of renewal.
#[utoipa::path(
    delete, path = "/client/v4/zones/{zone_id}/custom_hostnames/{custom_hostname_id}",
    tag = "custom hostnames", params(("zone_id" = String, Path), ("custom_hostname_id" = String, Path, format = "uuid")),
    responses((status = 200, body = Deleted), (status = "4XX", body = Failure)),
)]
pub async fn delete(
    State(app): State<App>,
    access: ForZone<SslAndCertificates>,
    Path(path): Path<HostnamePath>,
) -> Result<Deleted, ApiError> {
    let (zone_id, id) = (access.zone.id, path.judge()?);
    let mut tx = app.db.begin().await?;
    let row = hostnames::find_for_update(&mut tx, &zone_id, &id).await?;
    row.ok_or(ApiError::HostnameNotFound)?;
    let now = Timestamp::from_millis(app.clock.now_millis());
    app.engine.delete(&mut tx, &id, now).await?;
    app.commit(tx).await?;
    Ok(Deleted::new(id))
}

/// How many custom hostnames there are and may be.
#[utoipa::path(
    get, path = "/client/v4/zones/{zone_id}/custom_hostnames/quota", tag = "custom hostnames",
    params(("zone_id" = String, Path)),
    responses((status = 200, body = Envelope<Quota>), (status = "4XX", body = Failure)),
)]
pub async fn quota(
    State(app): State<App>,
    access: ForZone<SslAndCertificates>,
) -> Result<Envelope<Quota>, ApiError> {
    let mut tx = app.db.read().await?;
    let used = hostnames::count(&mut tx, &access.zone.id, &hostnames::Filter::default()).await?;
    Ok(Envelope::ok(Quota { allocated: NO_LIMIT, used, hard_cap: NO_LIMIT, exceeded: false }))
}

/// The row of a custom hostname whose life has not begun.
pub(crate) fn new_row(
    zone_id: &str,
    name: &Hostname,
    requested: &Requested,
    now: Timestamp,
) -> Result<HostnameRow, ApiError> {
    let state = hostname::Hostname::begin(now);
    Ok(HostnameRow {
        id: Uuid::new_v4().to_string(),
        zone_id: zone_id.to_owned(),
        hostname: name.to_string(),
        requested: requested.to_json()?,
        ownership_token: Uuid::new_v4().to_string(),
        status: state.status().to_owned(),
        state: serde_json::to_string(&state).map_err(|_| ApiError::Internal)?,
        ssl_status: requested.ssl.as_ref().map(|_| "initializing".to_owned()),
        ssl_id: requested.ssl.as_ref().map(|_| Uuid::new_v4().to_string()),
        certificate_authority: None,
        custom_origin_server: requested.custom_origin_server.clone(),
        wildcard: requested.is_wildcard(),
        created_at: now.as_millis(),
        updated_at: now.as_millis(),
    })
}

/// The row as the engine left it.
async fn current(
    tx: &mut crate::store::Tx,
    zone_id: &str,
    id: &str,
) -> Result<HostnameRow, ApiError> {
    hostnames::find(tx, zone_id, id).await?.ok_or(ApiError::HostnameNotFound)
}

impl HostnamePath {
    /// The id, if it can be one: a UUID, or the 32 digits that older descriptions have.
    fn judge(self) -> Result<String, ApiError> {
        let id = self.custom_hostname_id;
        if is_id(&id) || (id.len() == 36 && Uuid::try_parse(&id).is_ok()) {
            return Ok(id.to_ascii_lowercase());
        }
        let message = "The custom hostname id is invalid: it must be a UUID";
        Err(ApiError::invalid(code::HOSTNAME_ID, "custom_hostname_id", message))
    }
}

const NO_LIMIT: i64 = i32::MAX as i64;
