//! Signatures of tokens (RFC 7515), as `jwt-compact` asks for them and as the shell makes them.
//!
//! `jwt-compact` signs and verifies at once, the shell only later: so [`ByShell`] answers from what
//! is known, and remembers the [`Need`] if that is not enough.

use std::borrow::Cow;
use std::cell::RefCell;

use edge_state::Hostname;
use jwt_compact::AlgorithmSignature;

use crate::known::Unanswered;
use crate::need::{Algorithm, KeyHolder, PublicKey, Sign, Verify};
use crate::{Known, Need};

impl Algorithm {
    /// Every one of them.
    pub const ALL: [Self; 10] = [
        Self::Rs256,
        Self::Rs384,
        Self::Rs512,
        Self::Ps256,
        Self::Ps384,
        Self::Ps512,
        Self::Es256,
        Self::Es384,
        Self::Es512,
        Self::EdDsa,
    ];

    /// `alg`, as registered.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Rs256 => "RS256",
            Self::Rs384 => "RS384",
            Self::Rs512 => "RS512",
            Self::Ps256 => "PS256",
            Self::Ps384 => "PS384",
            Self::Ps512 => "PS512",
            Self::Es256 => "ES256",
            Self::Es384 => "ES384",
            Self::Es512 => "ES512",
            Self::EdDsa => "EdDSA",
        }
    }

    /// The algorithm of this name, which is compared exactly (RFC 7515 §4.1.1).
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|algorithm| algorithm.name() == name)
    }

    /// Whether a key of this kind can have made its signatures (RFC 7518 §3.1, RFC 8037 §3.1).
    #[must_use]
    pub fn fits(self, key: &PublicKey) -> bool {
        match self {
            Self::Es256 => matches!(key, PublicKey::Ec { curve, .. } if curve == "P-256"),
            Self::Es384 => matches!(key, PublicKey::Ec { curve, .. } if curve == "P-384"),
            Self::Es512 => matches!(key, PublicKey::Ec { curve, .. } if curve == "P-521"),
            Self::EdDsa => matches!(key, PublicKey::Okp { .. }),
            _ => matches!(key, PublicKey::Rsa { .. }),
        }
    }

    /// Of r and s alone (RFC 7518 §3.4); `None`: as the key's length says.
    fn half_signature(self) -> Option<usize> {
        match self {
            Self::Es256 => Some(32),
            Self::Es384 => Some(48),
            Self::Es512 => Some(66),
            _ => None,
        }
    }

    /// Whether the bytes can be a signature at all. Zero is none of ECDSA's numbers, and verifiers
    /// have been known to take it for one (CVE-2022-21449).
    fn can_have_made(self, signature: &[u8]) -> bool {
        let number = |bytes: &[u8]| bytes.iter().any(|b| *b != 0);
        match (self, self.half_signature()) {
            (_, Some(half)) => {
                signature.len() == 2 * half
                    && number(&signature[..half])
                    && number(&signature[half..])
            }
            (Self::EdDsa, None) => signature.len() == 64,
            (_, None) => (256..=1024).contains(&signature.len()), // RSA of 2,048 to 8,192 bits.
        }
    }
}

/// One algorithm, carried out by the shell.
pub(crate) struct ByShell<'k> {
    algorithm: Algorithm,
    known: &'k Known,
    need: RefCell<Option<Need>>,
    unanswered: RefCell<Option<Unanswered>>,
}

/// The name of a key that signs.
pub(crate) struct SigningKeyName {
    pub(crate) auth_domain: Hostname,
    pub(crate) kid: String,
}

/// As in the token.
pub(crate) struct Signature(Vec<u8>);

impl<'k> ByShell<'k> {
    pub(crate) fn new(algorithm: Algorithm, known: &'k Known) -> Self {
        Self { algorithm, known, need: RefCell::default(), unanswered: RefCell::default() }
    }

    /// What came of what was asked of it.
    ///
    /// # Errors
    /// [`Need`]: the shell has not done it yet, so nothing that was answered counts.
    pub(crate) fn settle(self) -> Result<Option<Unanswered>, Need> {
        match self.need.into_inner() {
            Some(need) => Err(need),
            None => Ok(self.unanswered.into_inner()),
        }
    }
}

impl jwt_compact::Algorithm for ByShell<'_> {
    type SigningKey = SigningKeyName;
    type VerifyingKey = PublicKey;
    type Signature = Signature;

    fn name(&self) -> Cow<'static, str> {
        Cow::Borrowed(self.algorithm.name())
    }

    fn sign(&self, key: &SigningKeyName, message: &[u8]) -> Signature {
        let holder = KeyHolder::Organization(key.auth_domain.clone());
        let sign = Sign { holder, kid: key.kid.clone(), message: message.to_owned() };
        let signature = match self.known.sign(sign) {
            Ok(Ok(signature)) => signature.to_owned(),
            Ok(Err(unanswered)) => {
                self.unanswered.replace(Some(unanswered));
                Vec::new()
            }
            Err(need) => {
                self.need.replace(Some(need));
                Vec::new()
            }
        };
        Signature(signature)
    }

    fn verify_signature(&self, signature: &Signature, key: &PublicKey, message: &[u8]) -> bool {
        if !self.algorithm.fits(key) || !self.algorithm.can_have_made(&signature.0) {
            return false;
        }
        let verify = Verify {
            algorithm: self.algorithm,
            key: key.clone(),
            message: message.to_owned(),
            signature: signature.0.clone(),
        };
        self.known.verify(verify).unwrap_or_else(|need| {
            self.need.replace(Some(need));
            false
        })
    }
}

impl AlgorithmSignature for Signature {
    fn try_from_slice(slice: &[u8]) -> anyhow::Result<Self> {
        Ok(Self(slice.to_owned()))
    }

    fn as_bytes(&self) -> Cow<'_, [u8]> {
        Cow::Borrowed(&self.0)
    }
}
