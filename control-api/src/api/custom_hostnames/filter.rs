//! What a list of custom hostnames can be asked for.

use serde::Deserialize;

use crate::api::error::{ApiError, code};
use crate::api::page::{given, one_of};
use crate::store::hostnames::{Filter, Order, OrderBy};

/// Query parameters. `id` and the four forms of `hostname` exclude each other.
#[derive(Debug, Default, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct HostnameFilter {
    /// Exactly this id.
    id: Option<String>,
    /// Exactly this name; the older spelling.
    hostname: Option<String>,
    /// Exactly this name.
    #[serde(rename = "hostname.exact")]
    #[param(rename = "hostname.exact")]
    exact: Option<String>,
    /// Names with this part.
    #[serde(rename = "hostname.contain")]
    #[param(rename = "hostname.contain")]
    contain: Option<String>,
    /// Names that begin so.
    #[serde(rename = "hostname.startsWith")]
    #[param(rename = "hostname.startsWith")]
    starts_with: Option<String>,
    /// `active`, `pending`, ..
    hostname_status: Option<String>,
    /// `active`, `pending_validation`, ..
    ssl_status: Option<String>,
    /// `1`: with certificates, `0`: without.
    ssl: Option<String>,
    /// The authority that is answered.
    certificate_authority: Option<String>,
    /// Exactly this origin.
    custom_origin_server: Option<String>,
    /// `true` or `false`.
    wildcard: Option<String>,
    /// `ssl` or `ssl_status`; by age unless said.
    order: Option<String>,
    /// `asc` or `desc`.
    direction: Option<String>,
}

impl HostnameFilter {
    /// The filter and the order.
    pub fn judge(&self) -> Result<(Filter, Order), ApiError> {
        let lower = |text: &Option<String>| given(text.as_deref()).map(str::to_ascii_lowercase);
        let text = |text: &Option<String>| given(text.as_deref()).map(str::to_owned);
        let names = [&self.id, &self.hostname, &self.exact, &self.contain, &self.starts_with];
        if names.iter().filter(|name| given(name.as_deref()).is_some()).count() > 1 {
            let message = "id, hostname, hostname.exact, hostname.contain and hostname.startsWith exclude \
                           each other: send one of them";
            return Err(ApiError::invalid(code::FILTERS, "hostname", message));
        }
        for (name, part) in
            [("hostname.contain", &self.contain), ("hostname.startsWith", &self.starts_with)]
        {
            judge_part(name, part.as_deref())?;
        }
        one_of(self.hostname_status.as_deref(), "hostname_status", &HOSTNAME_STATUS)?;
        one_of(self.ssl_status.as_deref(), "ssl_status", &SSL_STATUS)?;
        let ssl = one_of(self.ssl.as_deref(), "ssl", &["0", "1"])?;
        let wildcard = one_of(self.wildcard.as_deref(), "wildcard", &["true", "false"])?;
        let by = match one_of(self.order.as_deref(), "order", &["ssl", "ssl_status"])? {
            None => OrderBy::Age,
            Some("ssl") => OrderBy::Ssl,
            Some(_) => OrderBy::SslStatus,
        };
        let direction = one_of(self.direction.as_deref(), "direction", &["asc", "desc"])?;
        let filter = Filter {
            id: lower(&self.id),
            hostname: lower(&self.hostname).or(lower(&self.exact)),
            contain: lower(&self.contain),
            starts_with: lower(&self.starts_with),
            status: text(&self.hostname_status),
            ssl_status: text(&self.ssl_status),
            ssl: ssl.map(|ssl| ssl == "1"),
            certificate_authority: text(&self.certificate_authority),
            custom_origin_server: text(&self.custom_origin_server),
            wildcard: wildcard.map(|wildcard| wildcard == "true"),
        };
        Ok((filter, Order { by, descending: direction == Some("desc") }))
    }
}

/// A part of a hostname has a hostname's characters.
fn judge_part(name: &str, part: Option<&str>) -> Result<(), ApiError> {
    let Some(part) = given(part) else { return Ok(()) };
    let fits = |b: u8| b.is_ascii_alphanumeric() || b"-._*".contains(&b);
    if part.len() <= 253 && part.bytes().all(fits) {
        return Ok(());
    }
    let message = format!("{name} must be a part of a hostname: letters, digits, hyphens, dots");
    Err(ApiError::invalid(code::CONTAIN, name, message))
}

const HOSTNAME_STATUS: [&str; 16] = [
    "active",
    "pending",
    "active_redeploying",
    "moved",
    "pending_deletion",
    "deleted",
    "pending_blocked",
    "pending_migration",
    "pending_provisioned",
    "test_pending",
    "test_active",
    "test_active_apex",
    "test_blocked",
    "test_failed",
    "provisioned",
    "blocked",
];
const SSL_STATUS: [&str; 21] = [
    "initializing",
    "pending_validation",
    "deleted",
    "pending_issuance",
    "pending_deployment",
    "pending_deletion",
    "pending_expiration",
    "expired",
    "active",
    "initializing_timed_out",
    "validation_timed_out",
    "issuance_timed_out",
    "deployment_timed_out",
    "deletion_timed_out",
    "pending_cleanup",
    "staging_deployment",
    "staging_active",
    "deactivating",
    "inactive",
    "backup_issued",
    "holding_deployment",
];
