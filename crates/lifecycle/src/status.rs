//! `ssl.status` and `validation_errors`, from all certificates of a hostname.

use edge_state::KeyType;

use crate::certificate::{Certificate, Phase};

/// One certificate of a hostname.
#[derive(Clone, Copy, Debug)]
pub struct Row<'a> {
    /// Of its key.
    pub key_type: KeyType,
    /// Where its machine stands.
    pub state: &'a Certificate,
}

/// `ssl.status`, from a hostname's certificates, the oldest first.
///
/// The P-256 certificate decides alone: the RSA one comes later, as limits allow, and never takes a
/// hostname out of service. While a certificate is in service its renewal shows only in part:
/// deployment of the successor as `pending_deployment`, trouble before that as `pending_issuance`.
#[must_use]
pub fn ssl_status(rows: &[Row]) -> &'static str {
    let of_p256 = || rows.iter().filter(|row| row.key_type == KeyType::P256).map(|row| row.state);
    let Some(newest) = of_p256().next_back() else { return "initializing" };
    if newest.is_in_service() || !of_p256().any(Certificate::is_in_service) {
        let expired = of_p256().any(|state| matches!(state, Certificate::Expired { .. }));
        // What is expired stays so until the successor is there, however far that one is.
        return if expired && newest.issued().is_none() { "expired" } else { newest.status() };
    }
    match newest {
        Certificate::PendingDeployment { .. } | Certificate::DeploymentTimedOut { .. } => {
            newest.status()
        }
        Certificate::TimedOut { .. } => "pending_issuance",
        state if state.problem().is_some() => "pending_issuance",
        _ => "active",
    }
}

/// `ssl.validation_errors[].message`: what stands in the way of each certificate that is on its
/// way, with the remedy.
#[must_use]
pub fn validation_errors(rows: &[Row]) -> Vec<String> {
    rows.iter()
        .filter_map(|row| {
            let message = row.state.problem()?.message();
            Some(match row.key_type {
                KeyType::P256 => message,
                KeyType::Rsa2048 => format!("RSA certificate: {message}"),
            })
        })
        .collect()
}

/// Whether the certificate that is on its way waits for the customer's proof of control, so that
/// `validation_records` are shown.
#[must_use]
pub fn awaits_validation(state: &Certificate) -> bool {
    matches!(
        state,
        Certificate::PendingValidation { .. }
            | Certificate::Failing { during: Phase::Validation, .. }
    )
}
