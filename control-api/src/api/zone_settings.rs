//! `/zones/{zone_id}/settings`: what all custom hostnames of a zone share.

use axum::extract::{Path, State};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use super::auth::{ForZone, ZoneSettings};
use super::json::{Body, Json};
use super::settings::{self, IDS, Settings};
use super::{ApiError, App, Envelope, Page, zone_record};
use crate::clock::rfc3339;
use crate::store;
use crate::store::zones::ZoneRow;

/// One setting.
#[derive(Debug, Serialize, ToSchema)]
pub struct Setting {
    /// `ssl`, `always_use_https`, `min_tls_version` or `security_header`.
    id: String,
    /// As set, or the default.
    value: Value,
    /// Always `true`.
    editable: bool,
    /// RFC 3339; `null`: it has its default.
    modified_on: Option<String>,
}

/// Which setting of which zone.
#[derive(Debug, Deserialize)]
pub struct SettingPath {
    setting_id: String,
}

/// `PATCH`: `{"value": ..}`
#[derive(Debug, Deserialize, ToSchema)]
pub struct EditSetting {
    /// The new value.
    value: Value,
}

impl Body for EditSetting {}

/// All settings.
#[utoipa::path(
    get, path = "/client/v4/zones/{zone_id}/settings", tag = "zones",
    params(("zone_id" = String, Path)),
    responses((status = 200, body = Page<Setting>), (status = "4XX", body = super::envelope::Failure)),
)]
pub async fn list(access: ForZone<ZoneSettings>) -> Result<Page<Setting>, ApiError> {
    let settings = stored(&access.zone)?;
    Ok(Page::all(IDS.iter().map(|id| show(&settings, id)).collect()))
}

/// One setting.
#[utoipa::path(
    get, path = "/client/v4/zones/{zone_id}/settings/{setting_id}", tag = "zones",
    params(("zone_id" = String, Path), ("setting_id" = String, Path)),
    responses((status = 200, body = Envelope<Setting>), (status = "4XX", body = super::envelope::Failure)),
)]
pub async fn get(
    access: ForZone<ZoneSettings>,
    Path(path): Path<SettingPath>,
) -> Result<Envelope<Setting>, ApiError> {
    known(&path.setting_id)?;
    Ok(Envelope::ok(show(&stored(&access.zone)?, &path.setting_id)))
}

/// Changes one setting, at the edge within a second.
#[utoipa::path(
    patch, path = "/client/v4/zones/{zone_id}/settings/{setting_id}", tag = "zones",
    params(("zone_id" = String, Path), ("setting_id" = String, Path)), request_body = EditSetting,
    responses((status = 200, body = Envelope<Setting>), (status = "4XX", body = super::envelope::Failure)),
)]
pub async fn edit(
    State(app): State<App>,
    access: ForZone<ZoneSettings>,
    Path(path): Path<SettingPath>,
    Json(body): Json<EditSetting>,
) -> Result<Envelope<Setting>, ApiError> {
    let id = path.setting_id;
    known(&id)?;
    let value = settings::judge(&id, body.value)?;
    let now = app.clock.now_millis();
    let mut tx = app.db.begin().await?;
    let mut row = zone_record::current(&mut tx, &access.zone.id).await?;
    let mut settings = stored(&row)?;
    settings.change(&id, value, now);
    row.settings = serde_json::to_string(&settings).map_err(|_| ApiError::Internal)?;
    store::zones::set_settings(&mut tx, &row.id, &row.settings, now).await?;
    zone_record::publish(&mut tx, &row, now).await?;
    app.commit(tx).await?;
    Ok(Envelope::ok(show(&settings, &id)))
}

fn known(id: &str) -> Result<(), ApiError> {
    if IDS.contains(&id) { Ok(()) } else { Err(ApiError::NotFound("zone setting")) }
}

fn stored(row: &ZoneRow) -> Result<Settings, ApiError> {
    Settings::read(&row.settings).ok_or_else(|| {
        tracing::error!(zone = row.id, "stored settings cannot be read");
        ApiError::Internal
    })
}

fn show(settings: &Settings, id: &str) -> Setting {
    let (value, modified_at) = settings.value(id);
    Setting { id: id.to_owned(), value, editable: true, modified_on: modified_at.map(rfc3339) }
}
