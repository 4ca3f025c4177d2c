//! What the edge is told about a hostname.

use edge_state::hostname::Stage;
use edge_state::seal::Sealed;
use edge_state::{CertificateRecord, EdgeCertificate, HostRecord, Hostname, KeyType};
use lifecycle::hostname::Hostname as Machine;

use super::error::{EngineError, unreadable};
use super::live::Live;
use super::requested::Requested;
use crate::store::machines::HostnameRow;
use crate::vault::{Place, Vault};

/// How the edge treats the hostname.
pub(super) fn host(
    row: &HostnameRow,
    hostname: &Hostname,
    state: &Machine,
) -> Result<HostRecord, EngineError> {
    let requested =
        Requested::parse(&row.requested).map_err(|error| unreadable(&row.id, &error))?;
    let treatment = if state.is_active() {
        Stage::Active
    } else {
        Stage::Pending { missing: state.verification_errors() }
    };
    Ok(HostRecord {
        hostname: hostname.clone(),
        custom_hostname_id: row.id.clone(),
        zone_id: row.zone_id.clone(),
        stage: treatment,
        ownership_token: row.ownership_token.clone(),
        custom_origin: requested.custom_origin(),
        tls: requested.tls(),
    })
}

/// What the edge serves: the newest issued certificate of each key type. `None`: nothing.
pub(super) fn certificates(
    hostname: &Hostname,
    live: &[Live],
    vault: &Vault,
) -> Result<Option<CertificateRecord>, EngineError> {
    let mut certificates = Vec::new();
    for key_type in KeyType::ALL {
        let issued = |live: &&Live| live.key_type == key_type && live.state.issued().is_some();
        let Some(newest) = live.iter().rev().find(issued) else { continue };
        certificates.extend(certificate(hostname, newest, vault)?);
    }
    let record = CertificateRecord { hostname: hostname.clone(), certificates };
    Ok((!record.certificates.is_empty()).then_some(record))
}

fn certificate(
    hostname: &Hostname,
    live: &Live,
    vault: &Vault,
) -> Result<Option<EdgeCertificate>, EngineError> {
    let (Some(issued), Some(chain), Some(key)) =
        (live.state.issued(), &live.row.chain, &live.row.private_key)
    else {
        return Ok(None);
    };
    let place = Place::Certificate {
        custom_hostname_id: live.row.custom_hostname_id.clone(),
        id: live.row.id.clone(),
    };
    let key = vault.open(&place, &Sealed::from_text(key.clone()))?;
    Ok(Some(EdgeCertificate {
        key_type: live.key_type,
        serial: issued.serial.clone(),
        not_after: issued.validity.not_after.as_seconds(),
        chain: chain.clone(),
        private_key: vault.seal_for_edge(hostname, &issued.serial, &key)?,
    }))
}
