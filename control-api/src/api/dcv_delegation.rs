//! `/zones/{zone_id}/dcv_delegation/uuid`: the label below which a customer's delegated
//! `_acme-challenge` names will lie. It is answered already, since declarative clients read it and
//! since it must never change; certificates by delegation are not issued yet.

use serde::Serialize;
use sha2::{Digest as _, Sha256};
use utoipa::ToSchema;

use super::Envelope;
use super::auth::{ForZone, SslAndCertificates};

/// The label.
#[derive(Debug, Serialize, ToSchema)]
pub struct DcvDelegation {
    /// 16 letters and digits, fixed for the zone.
    uuid: String,
}

/// The zone's label.
#[utoipa::path(
    get, path = "/client/v4/zones/{zone_id}/dcv_delegation/uuid", tag = "custom hostnames",
    params(("zone_id" = String, Path)),
    responses((status = 200, body = Envelope<DcvDelegation>), (status = "4XX", body = super::envelope::Failure)),
)]
pub async fn get(access: ForZone<SslAndCertificates>) -> Envelope<DcvDelegation> {
    Envelope::ok(DcvDelegation { uuid: label(&access.zone.id) })
}

/// Derived from the zone's id, so that it can never change.
fn label(zone_id: &str) -> String {
    let digest = Sha256::digest(format!("dcv delegation {zone_id}"));
    let bytes = digest.first_chunk().copied().unwrap_or_default();
    format!("{:016x}", u64::from_be_bytes(bytes))
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_zone_keeps_its_label() {
        // Customers' DNS points below it: another value would break every delegation.
        assert_eq!(super::label("023e105f4ecef8ad9ca31a8372d0c353").len(), 16);
        assert_eq!(super::label("a"), super::label("a"));
        assert_ne!(super::label("a"), super::label("b"));
    }
}
