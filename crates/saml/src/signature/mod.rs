//! XML Signature 1.1, in the profile of SAML core §5.4: enveloped, one reference, to the very
//! element that holds the signature.
//!
//! - `sign.rs`: makes it
//! - `verify.rs`: checks it; nothing else makes a [`Verified`]

mod sign;
mod verify;

use sha1::Sha1;
use sha2::{Digest as _, Sha256, Sha384, Sha512};

pub use sign::SignError;
pub(crate) use sign::{Draft, write_key_info};
pub use verify::{SignatureError, Trust, Verified};
pub(crate) use verify::{verify_detached, verify_enveloped};

pub(crate) const ENVELOPED: &str = "http://www.w3.org/2000/09/xmldsig#enveloped-signature";
pub(crate) const EXCLUSIVE: &str = "http://www.w3.org/2001/10/xml-exc-c14n#";

/// Digests of references.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum DigestAlgorithm {
    Sha1,
    Sha256,
    Sha384,
    Sha512,
}

impl DigestAlgorithm {
    pub fn uri(self) -> &'static str {
        match self {
            Self::Sha1 => "http://www.w3.org/2000/09/xmldsig#sha1",
            Self::Sha256 => "http://www.w3.org/2001/04/xmlenc#sha256",
            Self::Sha384 => "http://www.w3.org/2001/04/xmldsig-more#sha384",
            Self::Sha512 => "http://www.w3.org/2001/04/xmlenc#sha512",
        }
    }

    pub fn from_uri(uri: &str) -> Option<Self> {
        [Self::Sha1, Self::Sha256, Self::Sha384, Self::Sha512]
            .into_iter()
            .find(|algorithm| algorithm.uri() == uri)
    }

    pub fn digest(self, bytes: &[u8]) -> Vec<u8> {
        match self {
            Self::Sha1 => Sha1::digest(bytes).to_vec(),
            Self::Sha256 => Sha256::digest(bytes).to_vec(),
            Self::Sha384 => Sha384::digest(bytes).to_vec(),
            Self::Sha512 => Sha512::digest(bytes).to_vec(),
        }
    }
}

/// Which signatures a service provider gets. Each costs one operation with the private key.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Signed {
    /// The assertion and the response around it.
    #[default]
    Both,
    /// The assertion.
    Assertion,
    /// The response.
    Response,
}
