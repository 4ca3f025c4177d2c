//! The answer to an ACME http-01 challenge: `acme:{token}` (RFC 8555 §8.3).

use serde::{Deserialize, Serialize};

use crate::{Hostname, Key, Record};

/// One pending challenge. The same on every point of presence, as CAs look from many places.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct ChallengeRecord {
    /// The last segment of `/.well-known/acme-challenge/{token}`.
    pub token: String,
    /// The whole body of the answer, byte for byte.
    pub key_authorization: String,
    /// The only hostname for which it is answered.
    pub hostname: Hostname,
}

impl Record for ChallengeRecord {
    const VERSION: u32 = 1;

    fn key(&self) -> Key {
        Key::Challenge(self.token.clone())
    }
}
