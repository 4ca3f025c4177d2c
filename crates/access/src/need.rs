//! What a decision lacks. The shell carries it out, adds the reply to [`crate::Known`] and asks
//! again. A need is its own name: the same need is never carried out twice for one request.

use edge_state::access::call::{
    AskApproval, CheckPin, DecideApproval, FindApproval, FindSession, SendPin, SignIn, SignOut,
    Spend,
};
use edge_state::{Hostname, Key, Missing};
use serde::Serialize;

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
    /// Sign with a key of the organisation.
    Sign(Box<Sign>),
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

/// RS256 with an organisation's key.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Sign {
    /// The organisation.
    pub auth_domain: Hostname,
    /// Which key, of [`edge_state::access::SigningKeyRecord`].
    pub kid: String,
    /// What is signed.
    pub message: Vec<u8>,
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
