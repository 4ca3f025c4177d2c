//! A custom hostname as it is answered: what the client set, as it was set; nothing of what it did
//! not; and what the machines have come to.

use std::collections::BTreeMap;

use edge_state::{Hostname, KeyType};
use lifecycle::certificate::Certificate as Machine;
use lifecycle::status::{self, Row};
use lifecycle::validation;
use serde::Serialize;
use serde_json::value::RawValue;
use utoipa::ToSchema;

use super::requested::{Requested, RequestedSsl, Settings};
use crate::api::ApiError;
use crate::clock::rfc3339;
use crate::store::certificates::CertificateRow;
use crate::store::hostnames::HostnameRow;
use crate::store::{Tx, certificates};

/// A custom hostname.
#[derive(Debug, Serialize, ToSchema)]
pub struct CustomHostname {
    id: String,
    hostname: String,
    /// `pending`, `active`, `moved`, ..
    status: String,
    /// What stands in the way of `active`, with the remedy.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    verification_errors: Vec<String>,
    ownership_verification: OwnershipTxt,
    ownership_verification_http: OwnershipHttp,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    custom_metadata: Option<BTreeMap<String, Box<RawValue>>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    custom_origin_server: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    custom_origin_sni: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ssl: Option<Ssl>,
    /// RFC 3339.
    created_at: String,
}

/// A TXT record that proves ownership.
#[derive(Debug, Serialize, ToSchema)]
pub struct OwnershipTxt {
    #[serde(rename = "type")]
    kind: &'static str,
    name: String,
    value: String,
}

/// An HTTP answer that proves ownership; the edge gives it already.
#[derive(Debug, Serialize, ToSchema)]
pub struct OwnershipHttp {
    http_url: String,
    http_body: String,
}

/// The certificates.
#[derive(Debug, Serialize, ToSchema)]
pub struct Ssl {
    id: String,
    /// `initializing`, `pending_validation`, `pending_issuance`, `pending_deployment`, `active`, ..
    status: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    method: Option<String>,
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    kind: Option<String>,
    bundle_method: String,
    /// The one that the client named, else the one in use.
    #[serde(skip_serializing_if = "Option::is_none")]
    certificate_authority: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    wildcard: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cloudflare_branding: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    settings: Option<Settings>,
    hosts: [String; 1],
    /// Of the P-256 certificate, as the next four.
    #[serde(skip_serializing_if = "Option::is_none")]
    issuer: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    serial_number: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    signature: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    uploaded_on: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_on: Option<String>,
    /// What the authority looks for now.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    validation_records: Vec<ValidationRecord>,
    /// What stands in the way of a certificate, with the remedy.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    validation_errors: Vec<ValidationError>,
    /// Those that are issued: P-256 first, RSA 2048 when it has followed.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    certificates: Vec<Certificate>,
}

/// What the authority looks for; the edge answers it already.
#[derive(Debug, Serialize, ToSchema)]
pub struct ValidationRecord {
    status: &'static str,
    http_url: String,
    http_body: String,
}

/// What stands in the way, and the remedy.
#[derive(Debug, Serialize, ToSchema)]
pub struct ValidationError {
    message: String,
}

/// One issued certificate.
#[derive(Debug, Serialize, ToSchema)]
pub struct Certificate {
    id: String,
    issuer: String,
    serial_number: String,
    signature: String,
    issued_on: Option<String>,
    expires_on: Option<String>,
    fingerprint_sha256: String,
}

/// One custom hostname.
pub(super) async fn one(tx: &mut Tx, row: HostnameRow) -> Result<CustomHostname, ApiError> {
    let certificates = certificates::of_hostname(tx, &row.id).await?;
    show(row, &certificates)
}

/// A page of them, with one look at their certificates.
pub(super) async fn many(
    tx: &mut Tx,
    rows: Vec<HostnameRow>,
) -> Result<Vec<CustomHostname>, ApiError> {
    let ids: Vec<_> = rows.iter().map(|row| row.id.as_str()).collect();
    let mut by_hostname: BTreeMap<String, Vec<CertificateRow>> = BTreeMap::new();
    for certificate in certificates::of_hostnames(tx, &ids).await? {
        by_hostname.entry(certificate.custom_hostname_id.clone()).or_default().push(certificate);
    }
    let show_one = |row: HostnameRow| {
        let certificates = by_hostname.remove(&row.id).unwrap_or_default();
        show(row, &certificates)
    };
    rows.into_iter().map(show_one).collect()
}

/// A certificate with its machine read.
struct Live<'a> {
    row: &'a CertificateRow,
    key_type: KeyType,
    state: Machine,
}

fn show(row: HostnameRow, certificates: &[CertificateRow]) -> Result<CustomHostname, ApiError> {
    let broken = |what: &str| {
        tracing::error!(custom_hostname = row.id, what, "a stored custom hostname cannot be read");
        ApiError::Internal
    };
    let hostname = Hostname::parse(&row.hostname).map_err(|_| broken("hostname"))?;
    let state: lifecycle::hostname::Hostname =
        serde_json::from_str(&row.state).map_err(|_| broken("state"))?;
    let requested = Requested::from_row(&row)?;
    let mut live = Vec::new();
    for row in certificates {
        let state = serde_json::from_str(&row.state).map_err(|_| broken("certificate"))?;
        let p256 = row.key_type == KeyType::P256.as_str();
        live.push(Live {
            row,
            key_type: if p256 { KeyType::P256 } else { KeyType::Rsa2048 },
            state,
        });
    }
    let ssl = requested.ssl.map(|ssl| show_ssl(&row, &hostname, ssl, &live));
    Ok(CustomHostname {
        verification_errors: state.verification_errors(),
        ownership_verification: OwnershipTxt {
            kind: "txt",
            name: validation::ownership_txt_name(&hostname),
            value: row.ownership_token.clone(),
        },
        ownership_verification_http: OwnershipHttp {
            http_url: validation::ownership_url(&hostname, &row.id),
            http_body: row.ownership_token,
        },
        id: row.id,
        hostname: row.hostname,
        status: row.status,
        custom_metadata: requested.custom_metadata,
        custom_origin_server: requested.custom_origin_server,
        custom_origin_sni: requested.custom_origin_sni,
        ssl,
        created_at: rfc3339(row.created_at),
    })
}

fn show_ssl(row: &HostnameRow, hostname: &Hostname, ssl: RequestedSsl, live: &[Live]) -> Ssl {
    let rows: Vec<_> =
        live.iter().map(|live| Row { key_type: live.key_type, state: &live.state }).collect();
    let challenges = live.iter().filter(|live| live.key_type == KeyType::P256);
    let challenges = challenges.filter_map(|live| live.state.challenge());
    let main = main_certificate(live).map(|live| live.row);
    Ssl {
        id: row.ssl_id.clone().unwrap_or_default(),
        status: row.ssl_status.clone().unwrap_or_default(),
        method: ssl.method,
        kind: ssl.kind,
        bundle_method: ssl.bundle_method.unwrap_or_else(|| "ubiquitous".to_owned()),
        certificate_authority: ssl.certificate_authority.or(row.certificate_authority.clone()),
        wildcard: ssl.wildcard,
        cloudflare_branding: ssl.cloudflare_branding,
        settings: ssl.settings,
        hosts: [row.hostname.clone()],
        issuer: main.and_then(|row| row.issuer.clone()),
        serial_number: main.and_then(|row| row.serial.clone()),
        signature: main.and_then(|row| row.signature.clone()),
        uploaded_on: main.and_then(|row| row.not_before).map(rfc3339),
        expires_on: main.and_then(|row| row.not_after).map(rfc3339),
        validation_records: challenges
            .map(|challenge| ValidationRecord {
                status: "pending",
                http_url: challenge.url(hostname),
                http_body: challenge.key_authorization.clone(),
            })
            .collect(),
        validation_errors: status::validation_errors(&rows)
            .into_iter()
            .map(|message| ValidationError { message })
            .collect(),
        certificates: issued(live),
    }
}

/// The newest P-256 certificate that is in service, else the newest that is issued.
fn main_certificate<'a, 'b>(live: &'a [Live<'b>]) -> Option<&'a Live<'b>> {
    let p256 = || live.iter().rev().filter(|live| live.key_type == KeyType::P256);
    p256()
        .find(|live| live.state.is_in_service())
        .or_else(|| p256().find(|live| live.state.issued().is_some()))
}

fn issued(live: &[Live]) -> Vec<Certificate> {
    let of_type = |key_type| {
        live.iter().filter(move |live| live.key_type == key_type && live.state.issued().is_some())
    };
    let both = KeyType::ALL.into_iter().flat_map(of_type);
    both.map(|live| Certificate {
        id: live.row.id.clone(),
        issuer: live.row.issuer.clone().unwrap_or_default(),
        serial_number: live.row.serial.clone().unwrap_or_default(),
        signature: live.row.signature.clone().unwrap_or_default(),
        issued_on: live.row.not_before.map(rfc3339),
        expires_on: live.row.not_after.map(rfc3339),
        fingerprint_sha256: live.row.fingerprint_sha256.clone().unwrap_or_default(),
    })
    .collect()
}
