//! `/zones/{zone_id}/custom_hostnames/fallback_origin`: where hostnames without a custom origin go.

use axum::extract::State;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::auth::{ForZone, SslAndCertificates};
use super::error::code;
use super::json::{Body, Json};
use super::{ApiError, App, Envelope, origin, zone_record};
use crate::clock::rfc3339;
use crate::store;
use crate::store::zones::ZoneRow;

/// The fallback origin.
#[derive(Debug, Serialize, ToSchema)]
pub struct FallbackOrigin {
    /// As set.
    #[serde(skip_serializing_if = "Option::is_none")]
    origin: Option<String>,
    /// `active`, or `pending_deletion` in the answer to DELETE.
    status: &'static str,
    /// Always empty: what can be wrong with it is said when it is set.
    errors: Vec<String>,
    /// RFC 3339.
    #[serde(skip_serializing_if = "Option::is_none")]
    created_at: Option<String>,
    /// RFC 3339.
    #[serde(skip_serializing_if = "Option::is_none")]
    updated_at: Option<String>,
}

/// `PUT`
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SetFallbackOrigin {
    /// A hostname; scheme and port where it stands beside the edge.
    origin: String,
}

impl Body for SetFallbackOrigin {
    fn code(field: &str) -> u32 {
        if field == "origin" { code::ORIGIN } else { code::JSON }
    }
}

/// The fallback origin.
#[utoipa::path(
    get, path = "/client/v4/zones/{zone_id}/custom_hostnames/fallback_origin", tag = "custom hostnames",
    params(("zone_id" = String, Path)),
    responses((status = 200, body = Envelope<FallbackOrigin>), (status = "4XX", body = super::envelope::Failure)),
)]
pub async fn get(
    access: ForZone<SslAndCertificates>,
) -> Result<Envelope<FallbackOrigin>, ApiError> {
    match access.zone.fallback_origin {
        Some(_) => Ok(Envelope::ok(show(access.zone, "active"))),
        None => Err(ApiError::NoFallbackOrigin),
    }
}

/// Sets or replaces the fallback origin, at the edge within a second.
#[utoipa::path(
    put, path = "/client/v4/zones/{zone_id}/custom_hostnames/fallback_origin", tag = "custom hostnames",
    params(("zone_id" = String, Path)), request_body = SetFallbackOrigin,
    responses((status = 200, body = Envelope<FallbackOrigin>), (status = "4XX", body = super::envelope::Failure)),
)]
pub async fn update(
    State(app): State<App>,
    access: ForZone<SslAndCertificates>,
    Json(body): Json<SetFallbackOrigin>,
) -> Result<Envelope<FallbackOrigin>, ApiError> {
    origin::parse("origin", &body.origin)?;
    set(&app, &access.zone.id, Some(&body.origin))
        .await
        .map(|row| Envelope::ok(show(row, "active")))
}

/// Takes the fallback origin away.
#[utoipa::path(
    delete, path = "/client/v4/zones/{zone_id}/custom_hostnames/fallback_origin", tag = "custom hostnames",
    params(("zone_id" = String, Path)),
    responses((status = 200, body = Envelope<FallbackOrigin>), (status = "4XX", body = super::envelope::Failure)),
)]
pub async fn delete(
    State(app): State<App>,
    access: ForZone<SslAndCertificates>,
) -> Result<Envelope<FallbackOrigin>, ApiError> {
    if access.zone.fallback_origin.is_none() {
        return Err(ApiError::NoFallbackOrigin);
    }
    set(&app, &access.zone.id, None).await?;
    Ok(Envelope::ok(show(access.zone, "pending_deletion")))
}

async fn set(app: &App, zone_id: &str, origin: Option<&str>) -> Result<ZoneRow, ApiError> {
    let now = app.clock.now_millis();
    let mut tx = app.db.begin().await?;
    zone_record::current(&mut tx, zone_id).await?;
    store::zones::set_fallback_origin(&mut tx, zone_id, origin, now).await?;
    let row = zone_record::current(&mut tx, zone_id).await?;
    zone_record::publish(&mut tx, &row, now).await?;
    app.commit(tx).await?;
    Ok(row)
}

fn show(row: ZoneRow, status: &'static str) -> FallbackOrigin {
    FallbackOrigin {
        origin: row.fallback_origin,
        status,
        errors: Vec::new(),
        created_at: row.fallback_origin_created_at.map(rfc3339),
        updated_at: row.fallback_origin_updated_at.map(rfc3339),
    }
}
