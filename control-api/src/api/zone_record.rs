//! What the edge is told about a zone, from its row.

use edge_state::origin::OriginTls;
use edge_state::tls::TlsVersion;
use edge_state::zone::Hsts;
use edge_state::{Hostname, Record as _, ZoneRecord};

use super::access::echo::Sent;
use super::error::ApiError;
use super::settings::Settings;
use crate::store::access::organizations;
use crate::store::zones::ZoneRow;
use crate::store::{Tx, changes, zones};

/// The zone as it is now; it was there when the caller was let in.
pub(crate) async fn current(tx: &mut Tx, id: &str) -> Result<ZoneRow, ApiError> {
    zones::find_for_update(tx, id).await?.ok_or(ApiError::NotFound("zone"))
}

/// Tells the edge. The last statement before commit.
pub(crate) async fn publish(tx: &mut Tx, row: &ZoneRow, now: i64) -> Result<(), ApiError> {
    let record = ZoneRecord { deny_unmatched: denies_unmatched(tx, row).await?, ..record(row)? };
    Ok(changes::put(tx, &record.key(), Some(&record.encode()), now).await?)
}

/// Whether the organisation closes this zone's hostnames that no application stands before.
async fn denies_unmatched(tx: &mut Tx, row: &ZoneRow) -> Result<bool, ApiError> {
    let Some(organization) = organizations::find(tx, &row.account_id).await? else {
        return Ok(false);
    };
    let sent = Sent::read(&organization.body)?;
    let exempt = sent.texts("deny_unmatched_requests_exempted_zone_names")?.unwrap_or_default();
    Ok(sent.switch("deny_unmatched_requests")? == Some(true)
        && !exempt.contains(&row.name.as_str()))
}

fn record(row: &ZoneRow) -> Result<ZoneRecord, ApiError> {
    let broken = |what: &str| {
        tracing::error!(zone = row.id, what, "a stored zone cannot be read");
        ApiError::Internal
    };
    let settings = Settings::read(&row.settings).ok_or_else(|| broken("settings"))?;
    let origin = row.fallback_origin.as_deref().map(str::parse).transpose();
    let hsts = settings.security_header().filter(|header| header.enabled);
    Ok(ZoneRecord {
        zone_id: row.id.clone(),
        account_id: Some(row.account_id.clone()),
        name: Hostname::parse(&row.name).map_err(|_| broken("name"))?,
        cname_target: Hostname::parse(&row.cname_target).map_err(|_| broken("cname_target"))?,
        fallback_origin: origin.map_err(|_| broken("fallback_origin"))?,
        ssl: match settings.text("ssl") {
            "flexible" => OriginTls::Flexible,
            "strict" => OriginTls::Strict,
            _ => OriginTls::Full,
        },
        always_use_https: settings.text("always_use_https") == "on",
        min_tls_version: Some(match settings.text("min_tls_version") {
            "1.0" => TlsVersion::V1_0,
            "1.1" => TlsVersion::V1_1,
            "1.3" => TlsVersion::V1_3,
            _ => TlsVersion::V1_2,
        }),
        hsts: hsts.map(|header| Hsts {
            max_age: header.max_age,
            include_subdomains: header.include_subdomains,
            preload: header.preload,
        }),
        deny_unmatched: false,
    })
}
