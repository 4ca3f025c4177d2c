//! What a decision lacks. The shell carries it out, adds the reply to [`crate::Known`] and asks
//! again. A need is its own name: the same need is never carried out twice for one request.

use std::fmt;

use edge_state::access::call::{
    AskApproval, CheckPin, DecideApproval, FindApproval, FindSession, SendPin, SignIn, SignOut,
    Spend,
};
use edge_state::{Hostname, Key, Missing};
pub use saml::key::{KeyTransport, PublicKey as PeerKey, SignatureAlgorithm};
use serde::Serialize;
use zeroize::Zeroizing;

/// One thing to do before the decision can go on.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Need {
    /// Read this record. Reply: [`crate::Known::insert_record`].
    Record(Key),
    /// Read all of these records, side by side: who needs many need not wait for one after the
    /// other. See [`edge_state::Records::lacking`].
    Records(Vec<Key>),
    /// Read the body of this request: a form. It becomes [`crate::Request::form`], empty if it is
    /// longer than [`crate::request::MAX_FORM_BYTES`] or no UTF-8.
    Form,
    /// Ask the control plane.
    Call(Box<Call>),
    /// Ask somebody else over HTTP.
    Fetch(Box<Fetch>),
    /// Verify a signature.
    Verify(Box<Verify>),
    /// Verify a signature of a SAML peer.
    VerifySaml(Box<VerifySaml>),
    /// Sign with one of our keys.
    Sign(Box<Sign>),
    /// Unwrap a content key that was encrypted to one of our keys.
    Unwrap(Box<Unwrap>),
    /// Wrap a content key for somebody else.
    Wrap(Box<Wrap>),
}

/// A question to the control plane: `POST /edge/v1/access/{path}`.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
#[serde(untagged)]
#[expect(missing_docs, reason = "each is the question of its name in edge_state::access::call")]
pub enum Call {
    Spend(Spend),
    SendPin(SendPin),
    CheckPin(CheckPin),
    SignIn(Box<SignIn>),
    FindSession(FindSession),
    SignOut(SignOut),
    AskApproval(AskApproval),
    FindApproval(FindApproval),
    DecideApproval(DecideApproval),
}

/// A request to somebody who is not ours: a provider, or a service that evaluates. The shell sends
/// it through the guard against private addresses and follows no redirects.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Fetch {
    /// `GET` or `POST`.
    pub method: http::Method,
    /// Absolute.
    pub url: String,
    /// Lower-case names.
    pub headers: Vec<(String, String)>,
    /// UTF-8 text.
    pub body: Option<String>,
    /// A longer answer is no answer.
    pub max_bytes: usize,
    /// Whether an answer that others already got serves as well.
    pub cache: Option<Cache>,
}

/// How long a good answer (200) may be used again within an isolate. A failed fetch is remembered
/// for [`Self::refresh_seconds`] too, so that nobody can make us hammer a provider; while it fails
/// the last good answer goes on to be used.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Cache {
    /// Names what is cached: provider, its revision and the document.
    pub name: String,
    /// Fresh for so long.
    pub seconds: u32,
    /// [`Fetch`] with `newer_than` refreshes at most this often.
    pub refresh_seconds: u32,
    /// An answer fetched at this second since 1970 or before is not new enough (unknown `kid`).
    pub newer_than: Option<i64>,
}

/// A signature over what was received.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Verify {
    /// Of the closed list.
    pub algorithm: Algorithm,
    /// The public key.
    pub key: PublicKey,
    /// What was signed.
    pub message: Vec<u8>,
    /// JWS form: for ECDSA r and s, one after the other.
    pub signature: Vec<u8>,
}

/// As [`Verify`], over a SAML message. Types of their own: no token is ever verified by what XML
/// Signature has beyond JOSE.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct VerifySaml {
    /// SHA-1 among them, for peers whom an operator gave leave.
    pub algorithm: SignatureAlgorithm,
    /// The public key.
    pub key: PeerKey,
    /// What was signed.
    pub message: Vec<u8>,
    /// ECDSA: r and s, one after the other.
    pub signature: Vec<u8>,
}

/// What tokens may be signed with (RFC 7518 §3.1). None that is symmetric, and not `none`.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[expect(missing_docs, reason = "named as registered")]
pub enum Algorithm {
    Rs256,
    Rs384,
    Rs512,
    Ps256,
    Ps384,
    Ps512,
    Es256,
    Es384,
    Es512,
    EdDsa,
}

/// A public key as in a JWK (RFC 7517), of the kind that its algorithm wants.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum PublicKey {
    /// Modulus and exponent, base64url.
    Rsa {
        /// Modulus.
        n: String,
        /// Exponent.
        e: String,
    },
    /// A point on `P-256`, `P-384` or `P-521`.
    Ec {
        /// `crv`
        curve: String,
        /// base64url.
        x: String,
        /// base64url.
        y: String,
    },
    /// `Ed25519`.
    Okp {
        /// base64url.
        x: String,
    },
}

/// RSASSA-PKCS1-v1_5 with SHA-256: RS256 in JOSE, RSA-SHA256 in XML Signature.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Sign {
    /// Whose key.
    pub holder: KeyHolder,
    /// Which of them.
    pub kid: String,
    /// What is signed.
    pub message: Vec<u8>,
}

/// Whose private keys.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum KeyHolder {
    /// An organisation's, of [`edge_state::access::SigningKeyRecord`]: they sign tokens.
    Organization(Hostname),
    /// An application's or identity provider's, of [`edge_state::access::SamlKeyRecord`], by its id.
    Saml(String),
}

/// RSA-OAEP (RFC 8017 §7.1), backwards: MGF1 takes the same hash.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Unwrap {
    /// The application or identity provider: [`edge_state::access::SamlKeyRecord`].
    pub id: String,
    /// Which of its keys for encryption.
    pub kid: String,
    /// Which hash.
    pub transport: KeyTransport,
    /// The encrypted content key.
    pub wrapped: Vec<u8>,
}

/// RSA-OAEP, forwards.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Wrap {
    /// To whom.
    pub key: PeerKey,
    /// Which hash.
    pub transport: KeyTransport,
    /// What is encrypted.
    pub content_key: ContentKey,
}

/// The symmetric key of one encrypted element. It shows in no log.
#[derive(Clone, Eq, PartialEq)]
pub struct ContentKey(pub Zeroizing<Vec<u8>>);

impl fmt::Debug for ContentKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ContentKey")
    }
}

impl Call {
    /// Below `/edge/v1/access/`.
    #[must_use]
    pub fn path(&self) -> &'static str {
        match self {
            Self::Spend(_) => "spend",
            Self::SendPin(_) => "pins",
            Self::CheckPin(_) => "pins/check",
            Self::SignIn(_) => "sign_ins",
            Self::FindSession(_) => "sessions/find",
            Self::SignOut(_) => "sign_outs",
            Self::AskApproval(_) => "approvals/ask",
            Self::FindApproval(_) => "approvals/find",
            Self::DecideApproval(_) => "approvals/decide",
        }
    }
}

impl From<Missing> for Need {
    fn from(Missing(key): Missing) -> Self {
        Self::Record(key)
    }
}
