//! Certificates for points of presence of one's own: `cert:{hostname}`.

use serde::{Deserialize, Serialize};

use crate::seal::Sealed;
use crate::{Hostname, Key, Record};

/// All certificates that are served for one hostname, at most one of each key type.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct CertificateRecord {
    /// The name that the certificates are for.
    pub hostname: Hostname,
    /// In order of preference: ECDSA before RSA.
    pub certificates: Vec<EdgeCertificate>,
}

/// One certificate with its key.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct EdgeCertificate {
    /// Of the key in the certificate.
    pub key_type: KeyType,
    /// Lower-case hexadecimal, as `openssl x509 -serial` but for the case.
    pub serial: String,
    /// Seconds since 1970.
    pub not_after: i64,
    /// PEM, leaf first, without the root.
    pub chain: String,
    /// PKCS#8 DER, sealed with [`sealing_context`] as associated data.
    pub private_key: Sealed,
}

/// The key of a certificate.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
pub enum KeyType {
    /// ECDSA on P-256.
    #[serde(rename = "p256")]
    P256,
    /// RSA with 2048 bits.
    #[serde(rename = "rsa2048")]
    Rsa2048,
}

impl KeyType {
    /// Both, in the order in which they are ordered and preferred.
    pub const ALL: [Self; 2] = [Self::P256, Self::Rsa2048];

    /// As stored and as in `custom_csrs.key_type`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::P256 => "p256",
            Self::Rsa2048 => "rsa2048",
        }
    }
}

/// Binds a sealed private key to its place, so that no one can swap two records' keys.
#[must_use]
pub fn sealing_context(hostname: &Hostname, serial: &str) -> String {
    format!("cert:{hostname}:{serial}")
}

impl Record for CertificateRecord {
    const VERSION: u32 = 1;

    fn key(&self) -> Key {
        Key::Certificate(self.hostname.clone())
    }
}
