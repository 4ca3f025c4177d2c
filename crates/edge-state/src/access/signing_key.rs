//! What an organisation's tokens are signed with: `keys:{auth_domain}`.

use serde::{Deserialize, Serialize};

use crate::seal::Sealed;
use crate::{Hostname, Key, Record};

/// The keys of one organisation.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct SigningKeyRecord {
    /// The organisation's team domain.
    pub auth_domain: Hostname,
    /// Newest first: the first one signs, all of them verify.
    pub keys: Vec<SigningKey>,
}

/// One RSA key.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct SigningKey {
    /// 64 hexadecimal digits: SHA-256 of the public key's `SubjectPublicKeyInfo`.
    pub kid: String,
    /// Modulus, base64url (RFC 7518 §6.3.1).
    pub n: String,
    /// Exponent, base64url.
    pub e: String,
    /// A self-signed certificate of the key, PEM, for `public_certs` and SAML metadata.
    pub certificate: String,
    /// PKCS#8 DER, sealed with [`sealing_context`]. Only where the key still signs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub private_key: Option<Sealed>,
    /// Seconds since 1970: from then on it does not verify. Absent: it is the current one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<i64>,
}

/// Binds a sealed key to its place.
#[must_use]
pub fn sealing_context(auth_domain: &Hostname, kid: &str) -> String {
    format!("keys:{auth_domain}:{kid}")
}

impl Record for SigningKeyRecord {
    const VERSION: u32 = 1;

    fn key(&self) -> Key {
        Key::SigningKeys(self.auth_domain.clone())
    }
}
