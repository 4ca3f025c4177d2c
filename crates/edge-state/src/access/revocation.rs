//! Who is not signed in any more: `revoked:{auth_domain}`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::is_false;
use crate::{Hostname, Key, Record};

/// Revocations of one organisation. Entries leave when no token can be as old as they are.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct RevocationRecord {
    /// The organisation's team domain.
    pub auth_domain: Hostname,
    /// By user id (`sub`).
    #[serde(default)]
    pub users: BTreeMap<String, Revocation>,
    /// By application's `aud`.
    #[serde(default)]
    pub applications: BTreeMap<String, Revocation>,
}

/// What does not count any more.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct Revocation {
    /// Tokens issued at this second since 1970 or before do not count.
    pub not_after: i64,
    /// A user who may not sign in again.
    #[serde(default, skip_serializing_if = "is_false")]
    pub disabled: bool,
}

impl Record for RevocationRecord {
    const VERSION: u32 = 1;

    fn key(&self) -> Key {
        Key::Revocations(self.auth_domain.clone())
    }
}
