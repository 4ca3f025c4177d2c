//! What the edge knows of a custom hostname: `host:{hostname}`.

use serde::{Deserialize, Serialize};

use crate::origin::{Origin, OriginSni};
use crate::tls::TlsSettings;
use crate::{Hostname, Key, Record};

/// How the edge treats one custom hostname.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct HostRecord {
    /// The name itself, or a wildcard.
    pub hostname: Hostname,
    /// The custom hostname's id in the control plane, a UUID; the last segment of the path under
    /// which the ownership token is answered.
    pub custom_hostname_id: String,
    /// Names the [`crate::ZoneRecord`] that completes this record.
    pub zone_id: String,
    /// Whether requests are forwarded.
    pub stage: Stage,
    /// The body of the ownership answer, a UUID.
    pub ownership_token: String,
    /// `custom_origin_server` and `custom_origin_sni`; without, the zone's fallback origin.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub custom_origin: Option<CustomOrigin>,
    /// TLS towards visitors, where it differs from the zone's.
    #[serde(default)]
    pub tls: TlsSettings,
}

/// Whether a custom hostname is served.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case", tag = "status")]
pub enum Stage {
    /// Not verified yet: only challenges, ownership answers and a page that says what is missing.
    Pending {
        /// What the customer has still to do, one sentence each, already fit for people.
        missing: Vec<String>,
    },
    /// Verified: requests go to the origin.
    Active,
}

/// `custom_origin_server` with its SNI.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct CustomOrigin {
    /// Where requests go.
    pub server: Origin,
    /// `custom_origin_sni`: the name in the origin's TLS handshake; absent means the server's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sni: Option<OriginSni>,
}

impl Record for HostRecord {
    const VERSION: u32 = 1;

    fn key(&self) -> Key {
        Key::Host(self.hostname.clone())
    }
}
