//! Keys. The private half stays with the caller, behind `async` traits, because WebCrypto is
//! asynchronous and knows no other way; with the feature `native` they stand ready on aws-lc-rs.

use std::fmt;

use crate::certificate::Certificate;
use crate::x509;

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
        [Self::RsaSha256, Self::RsaSha384, Self::RsaSha512, Self::EcdsaSha256, Self::RsaSha1]
            .into_iter()
            .find(|algorithm| algorithm.uri() == uri)
    }

    fn fits(self, kind: KeyKind) -> bool {
        matches!((self, kind), (Self::EcdsaSha256, KeyKind::P256))
            || (self != Self::EcdsaSha256 && matches!(kind, KeyKind::Rsa { .. }))
    }
}

/// Which of RSA-OAEP's hashes wraps a content key; MGF1 takes the same one.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum KeyTransport {
    /// RSA-OAEP with SHA-1, which every peer has. Nothing in OAEP rests on collisions.
    #[default]
    OaepSha1,
    /// RSA-OAEP with SHA-256.
    OaepSha256,
}

/// What a public key is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum KeyKind {
    /// RSA, with the length of its modulus.
    Rsa {
        /// In bits.
        bits: usize,
    },
    /// ECDSA on the curve P-256.
    P256,
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

/// What went wrong where a key is held.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{0}")]
pub struct KeyError(pub String);

/// A private key that signs.
#[expect(async_fn_in_trait, reason = "WebCrypto's futures stay on their thread")]
pub trait Signer {
    /// How it signs; [`SignatureAlgorithm::RsaSha1`] is refused.
    fn algorithm(&self) -> SignatureAlgorithm;

    /// Its certificate, which goes along as a hint to peers that hold several.
    fn certificate(&self) -> Option<&Certificate>;

    /// Signs. An ECDSA signature is r and s one after the other (RFC 4050 §3.3, IEEE P1363), as
    /// WebCrypto makes it.
    async fn sign(&self, message: &[u8]) -> Result<Vec<u8>, KeyError>;
}

/// Who does not sign: for requests to peers that take them unsigned.
#[derive(Clone, Copy, Debug)]
pub struct NoSigner;

impl Signer for NoSigner {
    fn algorithm(&self) -> SignatureAlgorithm {
        SignatureAlgorithm::RsaSha256
    }

    fn certificate(&self) -> Option<&Certificate> {
        None
    }

    async fn sign(&self, _: &[u8]) -> Result<Vec<u8>, KeyError> {
        Err(KeyError("there is no key to sign with".to_owned()))
    }
}

/// A private key that unwraps content keys.
#[expect(async_fn_in_trait, reason = "WebCrypto's futures stay on their thread")]
pub trait Decrypter {
    /// Unwraps. Why it failed must not show in how long it took.
    async fn unwrap_key(
        &self,
        transport: KeyTransport,
        wrapped: &[u8],
    ) -> Result<zeroize::Zeroizing<Vec<u8>>, KeyError>;
}

/// Public-key arithmetic: WebCrypto in a worker, aws-lc-rs in a server.
#[expect(async_fn_in_trait, reason = "WebCrypto's futures stay on their thread")]
pub trait Verifier {
    /// Whether `signature` is that key's over `message`. An error says that it could not be
    /// checked, and counts as a refusal.
    async fn verify(
        &self,
        key: &PublicKey,
        algorithm: SignatureAlgorithm,
        message: &[u8],
        signature: &[u8],
    ) -> Result<bool, KeyError>;
}

/// Public-key arithmetic for those who encrypt to others.
#[expect(async_fn_in_trait, reason = "WebCrypto's futures stay on their thread")]
pub trait Encrypter {
    /// Wraps a content key for the holder of an RSA key.
    async fn wrap_key(
        &self,
        key: &PublicKey,
        transport: KeyTransport,
        content_key: &[u8],
    ) -> Result<Vec<u8>, KeyError>;
}

/// Who does not decrypt: for peers that are to send nothing encrypted.
#[derive(Clone, Copy, Debug)]
pub struct NoDecrypter;

impl Decrypter for NoDecrypter {
    async fn unwrap_key(
        &self,
        _: KeyTransport,
        _: &[u8],
    ) -> Result<zeroize::Zeroizing<Vec<u8>>, KeyError> {
        Err(KeyError("there is no key to decrypt with".to_owned()))
    }
}

/// Who does not encrypt: for peers that get everything as plain text.
#[derive(Clone, Copy, Debug)]
pub struct NoEncrypter;

impl Encrypter for NoEncrypter {
    async fn wrap_key(
        &self,
        _: &PublicKey,
        _: KeyTransport,
        _: &[u8],
    ) -> Result<Vec<u8>, KeyError> {
        Err(KeyError("there is nothing to encrypt with".to_owned()))
    }
}

/// A source of unpredictable bytes. A closure that fills a slice is one.
pub trait Random {
    /// Fills all of `bytes`.
    fn fill(&mut self, bytes: &mut [u8]);
}

impl<F: FnMut(&mut [u8])> Random for F {
    fn fill(&mut self, bytes: &mut [u8]) {
        self(bytes);
    }
}

/// A fresh message or assertion ID: 160 random bits (SAML core §1.3.4 asks for 128 at least), and
/// an underscore, because an `xs:ID` does not begin with a digit.
pub fn fresh_id(random: &mut impl Random) -> String {
    let mut bytes = [0; 20];
    random.fill(&mut bytes);
    bytes.iter().fold(String::from("_"), |id, byte| id + &format!("{byte:02x}"))
}
