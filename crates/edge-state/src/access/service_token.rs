//! Machines' credentials: `service_token:{client_id}`.

use serde::{Deserialize, Serialize};

use super::{enabled, is_enabled};
use crate::{Hostname, Key, Record};

/// A service token at the edge.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct ServiceTokenRecord {
    /// `{32 hexadecimal digits}.access`
    pub client_id: String,
    /// UUID, to which rules refer.
    pub id: String,
    /// The organisation's team domain.
    pub auth_domain: Hostname,
    /// What administrators read.
    pub name: String,
    /// Off: it opens nothing.
    #[serde(default = "enabled", skip_serializing_if = "is_enabled")]
    pub enabled: bool,
    /// Seconds since 1970; absent: never.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<i64>,
    /// Lower-case hexadecimal SHA-256 of the secrets that count: they are random and long.
    pub secrets: Vec<SecretHash>,
}

/// One secret that counts.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct SecretHash {
    /// Lower-case hexadecimal.
    pub sha256: String,
    /// Seconds since 1970, for one that was replaced.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<i64>,
}

impl Record for ServiceTokenRecord {
    const VERSION: u32 = 1;

    fn key(&self) -> Key {
        Key::ServiceToken(self.client_id.clone())
    }
}
