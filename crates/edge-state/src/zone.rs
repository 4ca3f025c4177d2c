//! What all custom hostnames of one SaaS zone share: `zone:{id}`.

use serde::{Deserialize, Serialize};

use crate::origin::{Origin, OriginTls};
use crate::tls::TlsVersion;
use crate::{Hostname, Key, Record};

/// One SaaS zone at the edge.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct ZoneRecord {
    /// 32 hexadecimal digits.
    pub zone_id: String,
    /// Whose zone it is. `None`: a record from before this was said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account_id: Option<String>,
    /// The zone's own domain.
    pub name: Hostname,
    /// What customers point their CNAME at.
    pub cname_target: Hostname,
    /// Where a hostname without a custom origin goes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fallback_origin: Option<Origin>,
    /// Zone setting `ssl`: how origins are reached.
    pub ssl: OriginTls,
    /// Zone setting `always_use_https`: plain HTTP is redirected, except for challenges.
    #[serde(default)]
    pub always_use_https: bool,
    /// Zone setting `min_tls_version`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min_tls_version: Option<TlsVersion>,
    /// Zone setting `security_header`: `Strict-Transport-Security` (RFC 6797), off unless wanted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hsts: Option<Hsts>,
    /// The organisation's `deny_unmatched_requests`: a hostname that no application stands before is
    /// closed.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub deny_unmatched: bool,
}

/// RFC 6797 §6.1.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Hsts {
    /// Seconds.
    pub max_age: u64,
    /// `includeSubDomains`.
    #[serde(default)]
    pub include_subdomains: bool,
    /// `preload`, for browsers' lists.
    #[serde(default)]
    pub preload: bool,
}

impl Record for ZoneRecord {
    const VERSION: u32 = 1;

    fn key(&self) -> Key {
        Key::Zone(self.zone_id.clone())
    }
}
