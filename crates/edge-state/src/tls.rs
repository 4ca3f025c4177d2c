//! TLS towards visitors.

use serde::{Deserialize, Serialize};

/// `ssl.settings` of a custom hostname. Absent means the zone's setting.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct TlsSettings {
    /// The lowest version accepted from visitors. 1.0 and 1.1 are stored, and served as 1.2.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min_tls_version: Option<TlsVersion>,
    /// Whether `h2` is offered by ALPN.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub http2: Option<bool>,
    /// Whether TLS 1.3 is offered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tls_1_3: Option<bool>,
}

/// `min_tls_version`.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
pub enum TlsVersion {
    /// TLS 1.0, which the edge does not speak.
    #[serde(rename = "1.0")]
    V1_0,
    /// TLS 1.1, which the edge does not speak.
    #[serde(rename = "1.1")]
    V1_1,
    /// TLS 1.2.
    #[serde(rename = "1.2")]
    V1_2,
    /// TLS 1.3.
    #[serde(rename = "1.3")]
    V1_3,
}
