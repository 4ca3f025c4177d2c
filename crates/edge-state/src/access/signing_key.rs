//! What an organisation's tokens are signed with: `keys:{auth_domain}`.

use serde::{Deserialize, Serialize};

use crate::seal::{KeyRing, OpenError, Sealed};
use crate::{Hostname, Key, Record};
use zeroize::Zeroizing;

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

impl SigningKeyRecord {
    /// The private key of this id, PKCS#8 DER. `None`: it is not here, or does not sign any more.
    ///
    /// # Errors
    /// See [`OpenError`].
    #[must_use]
    pub fn private_key(
        &self,
        kid: &str,
        keys: &KeyRing,
    ) -> Option<Result<Zeroizing<Vec<u8>>, OpenError>> {
        let key = self.keys.iter().find(|key| key.kid == kid)?;
        let sealed = key.private_key.as_ref()?;
        Some(keys.open(sealed, &sealing_context(&self.auth_domain, kid)))
    }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seal::{SealEntropy, SealingKey};

    #[test]
    fn a_key_opens_under_its_own_id_alone() {
        let ring = KeyRing::new(SealingKey::new("k", [1; 32]).unwrap(), []);
        let auth_domain = Hostname::parse("team.example.com").unwrap();
        let key = |kid: &str, sealed_as: &str| SigningKey {
            kid: kid.into(),
            n: String::new(),
            e: "AQAB".into(),
            certificate: String::new(),
            private_key: Some(ring.seal(
                b"der",
                &sealing_context(&auth_domain, sealed_as),
                SealEntropy([0; 56]),
            )),
            expires_at: None,
        };
        let old = SigningKey { private_key: None, ..key("old", "old") };
        let keys = vec![key("new", "new"), key("moved", "new"), old];
        let record = SigningKeyRecord { auth_domain: auth_domain.clone(), keys };
        assert_eq!(record.private_key("new", &ring).unwrap().unwrap().as_slice(), b"der");
        assert_eq!(record.private_key("moved", &ring), Some(Err(OpenError::Broken)));
        assert!(record.private_key("old", &ring).is_none());
        assert!(record.private_key("none", &ring).is_none());
    }
}
