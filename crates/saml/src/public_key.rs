//! Public keys, and which signatures can be theirs.

use std::fmt;

use crate::x509::{self, KeyKind};

/// How signatures are made and checked.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum SignatureAlgorithm {
    /// RSASSA-PKCS1-v1_5 with SHA-256.
    RsaSha256,
    /// RSASSA-PKCS1-v1_5 with SHA-384.
    RsaSha384,
    /// RSASSA-PKCS1-v1_5 with SHA-512.
    RsaSha512,
    /// ECDSA on P-256 with SHA-256.
    EcdsaSha256,
    /// RSASSA-PKCS1-v1_5 with SHA-1: checked where an operator allows it for one peer, and never
    /// made.
    RsaSha1,
}

impl SignatureAlgorithm {
    /// Those that need nobody's leave.
    pub(crate) const STRONG: [Self; 4] =
        [Self::RsaSha256, Self::RsaSha384, Self::RsaSha512, Self::EcdsaSha256];

    /// Its name in `SignatureMethod` and `SigAlg` (RFC 9231 §2.3).
    #[must_use]
    pub fn uri(self) -> &'static str {
        match self {
            Self::RsaSha256 => "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256",
            Self::RsaSha384 => "http://www.w3.org/2001/04/xmldsig-more#rsa-sha384",
            Self::RsaSha512 => "http://www.w3.org/2001/04/xmldsig-more#rsa-sha512",
            Self::EcdsaSha256 => "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha256",
            Self::RsaSha1 => "http://www.w3.org/2000/09/xmldsig#rsa-sha1",
        }
    }

    /// The algorithm of this name.
    #[must_use]
    pub fn from_uri(uri: &str) -> Option<Self> {
        let mut known = Self::STRONG.into_iter().chain([Self::RsaSha1]);
        known.find(|algorithm| algorithm.uri() == uri)
    }

    fn fits(self, kind: KeyKind) -> bool {
        matches!((self, kind), (Self::EcdsaSha256, KeyKind::P256))
            || (self != Self::EcdsaSha256 && matches!(kind, KeyKind::Rsa { .. }))
    }
}

/// A public key that can be put to use: RSA from 2048 bits, or P-256.
#[derive(Clone, Eq, PartialEq)]
pub struct PublicKey {
    spki: Vec<u8>,
    kind: KeyKind,
}

/// Why a public key is of no use.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum PublicKeyError {
    /// No DER of a `SubjectPublicKeyInfo`.
    #[error("this is no public key that can be read")]
    Unreadable,
    /// Too short to trust.
    #[error("the RSA key has {0} bits, and 2048 are the least")]
    TooShort(usize),
    /// Longer than any program accepts.
    #[error("the RSA key has {0} bits, and 8192 are the most")]
    TooLong(usize),
    /// Neither RSA nor P-256.
    #[error("the key is neither RSA nor ECDSA on P-256")]
    Kind,
}

impl PublicKey {
    /// Reads the DER of a `SubjectPublicKeyInfo` (RFC 5280 §4.1).
    pub fn from_spki(der: &[u8]) -> Result<Self, PublicKeyError> {
        let kind = match x509::key_kind(der).ok_or(PublicKeyError::Unreadable)? {
            None => return Err(PublicKeyError::Kind),
            Some(KeyKind::Rsa { bits }) if bits < 2048 => {
                return Err(PublicKeyError::TooShort(bits));
            }
            Some(KeyKind::Rsa { bits }) if bits > 8192 => {
                return Err(PublicKeyError::TooLong(bits));
            }
            Some(kind) => kind,
        };
        Ok(Self { spki: der.to_vec(), kind })
    }

    /// The DER of its `SubjectPublicKeyInfo`, as `crypto.subtle.importKey("spki", …)` takes it.
    #[must_use]
    pub fn spki(&self) -> &[u8] {
        &self.spki
    }

    /// What it is.
    #[must_use]
    pub fn kind(&self) -> KeyKind {
        self.kind
    }

    /// Whether a signature by `algorithm` can be this key's. A key of another kind is never tried,
    /// so no key is taken for what it is not.
    #[must_use]
    pub fn fits(&self, algorithm: SignatureAlgorithm) -> bool {
        algorithm.fits(self.kind)
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKey({:?})", self.kind)
    }
}
