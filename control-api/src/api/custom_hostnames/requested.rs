//! What a client has set on a custom hostname, kept as it was written: every answer repeats it, and
//! says nothing about what was not set.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use utoipa::ToSchema;

use crate::api::ApiError;
use crate::store::hostnames::HostnameRow;

/// `custom_hostnames.requested`
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub struct Requested {
    /// Values may be any JSON and keep their types and spelling.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub custom_metadata: Option<BTreeMap<String, Box<RawValue>>>,
    /// An origin of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub custom_origin_server: Option<String>,
    /// The server name in the handshake with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub custom_origin_sni: Option<String>,
    /// `None`: no certificate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ssl: Option<RequestedSsl>,
}

/// `ssl` as it was set.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub struct RequestedSsl {
    /// `http`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub method: Option<String>,
    /// `dv`
    #[serde(rename = "type", default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// `ubiquitous`, `optimal` or `force`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bundle_method: Option<String>,
    /// Key of an authority.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub certificate_authority: Option<String>,
    /// `false`, if anything.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wildcard: Option<bool>,
    /// Of no effect: names stand in the subject's alternative names alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cloudflare_branding: Option<bool>,
    /// TLS at the edge.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub settings: Option<Settings>,
}

/// `ssl.settings` as they were set.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize, ToSchema)]
pub struct Settings {
    /// `on` or `off`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(pattern = "^(on|off)?$")]
    pub http2: Option<String>,
    /// `on` or `off`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(pattern = "^(on|off)?$")]
    pub tls_1_3: Option<String>,
    /// `on` or `off`; kept, and without effect at the edge
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(pattern = "^(on|off)?$")]
    pub early_hints: Option<String>,
    /// `1.0` to `1.3`; below 1.2 nothing is spoken all the same
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(pattern = "^(1\\.[0-3])?$")]
    pub min_tls_version: Option<String>,
    /// Kept; the edge offers its own, all of them strong
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ciphers: Option<Vec<String>>,
}

impl Requested {
    /// What a row holds.
    pub fn from_row(row: &HostnameRow) -> Result<Self, ApiError> {
        serde_json::from_str(&row.requested).map_err(|error| {
            tracing::error!(custom_hostname = row.id, %error, "what was requested cannot be read");
            ApiError::Internal
        })
    }

    /// As stored.
    pub fn to_json(&self) -> Result<String, ApiError> {
        serde_json::to_string(self).map_err(|_| ApiError::Internal)
    }

    /// The authority that the client named.
    #[must_use]
    pub fn authority(&self) -> Option<&str> {
        self.ssl.as_ref()?.certificate_authority.as_deref()
    }

    /// `ssl.wildcard`
    #[must_use]
    pub fn is_wildcard(&self) -> bool {
        self.ssl.as_ref().and_then(|ssl| ssl.wildcard).unwrap_or(false)
    }
}
