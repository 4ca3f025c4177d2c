//! Keys. The private half stays with the caller, behind `async` traits, because WebCrypto is
//! asynchronous and knows no other way; with the feature `native` they stand ready on aws-lc-rs.

use crate::certificate::Certificate;

pub use crate::public_key::{PublicKey, PublicKeyError, SignatureAlgorithm};
pub use crate::x509::KeyKind;

/// Which of RSA-OAEP's hashes wraps a content key; MGF1 takes the same one.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum KeyTransport {
    /// RSA-OAEP with SHA-1, which every peer has. Nothing in OAEP rests on collisions.
    #[default]
    OaepSha1,
    /// RSA-OAEP with SHA-256.
    OaepSha256,
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
