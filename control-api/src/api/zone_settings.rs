//! `/zones/{zone_id}/settings`: what all custom hostnames of a zone share.

use std::collections::BTreeMap;

use axum::extract::{Path, State};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::ToSchema;

use super::auth::{ForZone, ZoneSettings};
use super::error::code;
use super::json::{Body, Json};
use super::{ApiError, App, Envelope, Page, zones};
use crate::clock::rfc3339;
use crate::store;
use crate::store::zones::ZoneRow;

/// The changed settings of a zone, as stored.
#[derive(Debug, Default, Deserialize, Serialize)]
pub struct Settings(BTreeMap<String, Changed>);

#[derive(Debug, Deserialize, Serialize)]
struct Changed {
    value: Value,
    modified_at: i64,
}

/// One setting.
#[derive(Debug, Serialize, ToSchema)]
pub struct Setting {
    /// `ssl`, `always_use_https`, `min_tls_version` or `security_header`.
    id: String,
    /// As set, or the default.
    #[schema(value_type = Object)]
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
    #[schema(value_type = Object)]
    value: Value,
}

impl Body for EditSetting {}

/// Value of `security_header`.
#[derive(Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct SecurityHeader {
    strict_transport_security: StrictTransportSecurity,
}

/// `Strict-Transport-Security` (RFC 6797), for every hostname of the zone.
#[expect(clippy::struct_excessive_bools, reason = "the contract's own shape")]
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct StrictTransportSecurity {
    /// Whether it is sent at all.
    pub enabled: bool,
    /// Seconds.
    pub max_age: u64,
    /// `includeSubDomains`
    pub include_subdomains: bool,
    /// `preload`
    pub preload: bool,
    /// Stored; `X-Content-Type-Options` is the origin's to send.
    pub nosniff: bool,
}

impl Settings {
    /// Reads what is stored; `None`: it cannot be read.
    #[must_use]
    pub fn read(text: &str) -> Option<Self> {
        serde_json::from_str(text).ok()
    }

    /// A setting that is a text; its default if it was never changed.
    #[must_use]
    pub fn text(&self, id: &str) -> &str {
        let changed = self.0.get(id).and_then(|changed| changed.value.as_str());
        changed.unwrap_or_else(|| default_text(id))
    }

    /// `security_header`, if it was changed.
    #[must_use]
    pub fn security_header(&self) -> Option<StrictTransportSecurity> {
        let value = self.0.get("security_header")?.value.clone();
        let header: SecurityHeader = serde_json::from_value(value).ok()?;
        Some(header.strict_transport_security)
    }

    fn show(&self, id: &str) -> Setting {
        let changed = self.0.get(id);
        let value = changed.map_or_else(|| default(id), |changed| changed.value.clone());
        let modified_on = changed.map(|changed| rfc3339(changed.modified_at));
        Setting { id: id.to_owned(), value, editable: true, modified_on }
    }
}

/// All settings.
#[utoipa::path(
    get, path = "/client/v4/zones/{zone_id}/settings", tag = "zones",
    params(("zone_id" = String, Path)),
    responses((status = 200, body = Page<Setting>), (status = "4XX", body = super::envelope::Failure)),
)]
pub async fn list(access: ForZone<ZoneSettings>) -> Result<Page<Setting>, ApiError> {
    let settings = stored(&access.zone)?;
    Ok(Page::all(IDS.iter().map(|id| settings.show(id)).collect()))
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
    Ok(Envelope::ok(stored(&access.zone)?.show(&path.setting_id)))
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
    let value = judge(&id, body.value)?;
    let now = app.clock.now_millis();
    let mut tx = app.db.begin().await?;
    let mut row = zones::current(&mut tx, &access.zone.id).await?;
    let mut settings = stored(&row)?;
    settings.0.insert(id.clone(), Changed { value, modified_at: now });
    row.settings = serde_json::to_string(&settings).map_err(|_| ApiError::Internal)?;
    store::zones::set_settings(&mut tx, &row.id, &row.settings, now).await?;
    zones::publish(&mut tx, &row, now).await?;
    app.commit(tx).await?;
    Ok(Envelope::ok(settings.show(&id)))
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

fn judge(id: &str, value: Value) -> Result<Value, ApiError> {
    let allowed: &[&str] = match id {
        "ssl" => &["flexible", "full", "strict"],
        "min_tls_version" => &["1.0", "1.1", "1.2", "1.3"],
        "security_header" => {
            return match serde_json::from_value::<SecurityHeader>(value.clone()) {
                Ok(_) => Ok(value),
                Err(error) => {
                    let message = format!("value of security_header: {error}");
                    Err(ApiError::invalid(code::JSON, "value.strict_transport_security", message))
                }
            };
        }
        _ => &["on", "off"],
    };
    if value.as_str().is_some_and(|text| allowed.contains(&text)) {
        return Ok(value);
    }
    let message = format!("value of {id} must be one of {}", allowed.join(", "));
    Err(ApiError::invalid(code::JSON, "value", message))
}

fn default(id: &str) -> Value {
    match id {
        "security_header" => json!(SecurityHeader::default()),
        id => json!(default_text(id)),
    }
}

fn default_text(id: &str) -> &'static str {
    match id {
        "ssl" => "full",
        "min_tls_version" => "1.2",
        _ => "off",
    }
}

const IDS: [&str; 4] = ["always_use_https", "min_tls_version", "security_header", "ssl"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_that_cannot_be_are_refused() {
        for (id, value, fits) in [
            ("ssl", json!("strict"), true),
            ("ssl", json!("off"), false),
            ("always_use_https", json!("on"), true),
            ("always_use_https", json!(true), false),
            ("min_tls_version", json!(1.2), false),
            (
                "security_header",
                json!({"strict_transport_security": {"enabled": true, "max_age": 86400}}),
                true,
            ),
            (
                "security_header",
                json!({"strict_transport_security": {"enabled": true, "max_age": -1}}),
                false,
            ),
            ("security_header", json!({"strict": {}}), false),
        ] {
            assert_eq!(judge(id, value.clone()).is_ok(), fits, "{id} {value}");
        }
    }
}
