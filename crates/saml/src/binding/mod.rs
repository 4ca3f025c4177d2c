//! How messages travel (SAML bindings §3.4, §3.5): what comes in as a query or a form becomes an
//! [`Incoming`] message, what goes out becomes an address or a [`post::Form`].
//!
//! - `redirect.rs`: DEFLATE in the query, signature beside it
//! - `post.rs`: base64 in a form, signature inside

pub mod post;
pub mod redirect;

use percent_encoding::percent_decode_str;

use crate::key::{Signer, Verifier};
use crate::signature::{
    Draft, SignError, SignatureError, Trust, Verified, verify_detached, verify_enveloped,
};
use crate::xml::{Document, Element, XmlError, ns};

/// `urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect`
pub const HTTP_REDIRECT: &str = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect";
/// `urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST`
pub const HTTP_POST: &str = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST";

/// Which parameter a message travels in.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Kind {
    /// `SAMLRequest`
    Request,
    /// `SAMLResponse`
    Response,
}

impl Kind {
    /// The name of the parameter.
    #[must_use]
    pub fn parameter(self) -> &'static str {
        match self {
            Self::Request => "SAMLRequest",
            Self::Response => "SAMLResponse",
        }
    }
}

/// Why there is no message.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum BindingError {
    /// Neither `SAMLRequest` nor `SAMLResponse`, or both.
    #[error("there is not exactly one of SAMLRequest and SAMLResponse")]
    NoMessage,
    /// One parameter twice: two readers may choose differently.
    #[error("the parameter {0} occurs twice")]
    Repeated(&'static str),
    /// A signature without algorithm, or the other way round.
    #[error("there is only one of Signature and SigAlg")]
    HalfSigned,
    /// The order of the parameters is part of what is signed.
    #[error("the signed parameters are not in the order SAMLRequest, RelayState, SigAlg")]
    Order,
    /// Escapes that stand for no UTF-8.
    #[error("the parameter {0} is not UTF-8")]
    NotUtf8(&'static str),
    /// `SAMLEncoding` names something else.
    #[error("the encoding {0} is not supported; DEFLATE is")]
    Encoding(String),
    /// No base64.
    #[error("the parameter {0} is not base64")]
    Base64(&'static str),
    /// No raw DEFLATE stream, or one with something behind it.
    #[error("the message is not compressed as the Redirect binding has it (raw DEFLATE)")]
    Deflate,
    /// It grows beyond what is read.
    #[error("the message is longer than {0} bytes")]
    TooLong(usize),
    /// Not XML, or not XML that is accepted.
    #[error(transparent)]
    Xml(#[from] XmlError),
    /// A signature inside of a message by Redirect, where it has no place (§3.4.4.1).
    #[error("a message by Redirect is signed in its address, not in its XML")]
    SignedInside,
}

/// A message as it came, before anything is known of who sent it.
#[derive(Debug)]
pub struct Incoming {
    document: Document,
    kind: Kind,
    relay_state: Option<String>,
    detached: Option<Detached>,
    by_redirect: bool,
}

/// A signature beside the message.
#[derive(Debug)]
struct Detached {
    algorithm: String,
    signature: Vec<u8>,
    /// What it covers, as it came.
    octets: String,
}

impl Incoming {
    /// Request or response.
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// Byte for byte what came with the message, and is to go back with its answer.
    #[must_use]
    pub fn relay_state(&self) -> Option<&str> {
        self.relay_state.as_deref()
    }

    /// The name of the message, as `AuthnRequest`.
    #[must_use]
    pub fn name(&self) -> &str {
        self.document.root().local_name()
    }

    /// Who claims to have sent it. Use it to find that peer's record, and for nothing else: the
    /// record's keys then decide whether it is true.
    #[must_use]
    pub fn claimed_issuer(&self) -> Option<&str> {
        let mut elements = self.document.root().elements();
        elements.find(|child| child.is(ns::SAML, "Issuer"))?.trimmed().ok()
    }

    /// Which request this message claims to answer. Use it to find what is remembered of that
    /// request, and for nothing else.
    #[must_use]
    pub fn claimed_in_response_to(&self) -> Option<&str> {
        self.document.root().attribute("InResponseTo")
    }

    pub(crate) fn root(&self) -> Element<'_> {
        self.document.root()
    }

    /// Whether any signature over the whole message came with it.
    pub(crate) fn is_signed(&self) -> bool {
        self.detached.is_some() || self.root().elements().any(|child| child.is(ns::DS, "Signature"))
    }

    /// Checks the signature over the whole message, wherever this binding has it.
    pub(crate) async fn verify(
        &self,
        trust: Trust<'_>,
        verifier: &impl Verifier,
    ) -> Result<Verified<Element<'_>>, SignatureError> {
        match &self.detached {
            Some(detached) => {
                let Detached { algorithm, signature, octets } = detached;
                let octets = octets.as_bytes();
                verify_detached(self.root(), octets, algorithm, signature, trust, verifier).await
            }
            None if self.by_redirect => {
                Err(SignatureError::Missing { element: self.name().to_owned() })
            }
            None => verify_enveloped(self.root(), trust, verifier).await,
        }
    }
}

/// A message on its way, by the person's browser.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Departure {
    /// Redirect to this address (303 See Other).
    Redirect(String),
    /// Show this form, which sends itself on.
    Post(post::Form),
}

/// Puts a message on its way to an endpoint of one of our two bindings.
pub(crate) async fn send(
    draft: Draft,
    kind: Kind,
    (binding, location): (&str, &str),
    relay_state: Option<&str>,
    signer: Option<&impl Signer>,
) -> Result<Departure, SignError> {
    if binding == HTTP_REDIRECT {
        let address = redirect::encode(location, kind, &draft.xml, relay_state, signer).await?;
        return Ok(Departure::Redirect(address));
    }
    let xml = match signer {
        Some(signer) => draft.sign(signer).await?,
        None => draft.xml,
    };
    Ok(Departure::Post(post::Form::new(location, kind, &xml, relay_state)))
}

/// The parameters of either binding, each at most once, as they came.
#[derive(Default)]
struct Parameters<'q> {
    found: Vec<(&'static str, &'q str)>,
}

const NAMES: [&str; 6] =
    ["SAMLRequest", "SAMLResponse", "RelayState", "SigAlg", "Signature", "SAMLEncoding"];

impl<'q> Parameters<'q> {
    fn read(text: &'q str) -> Result<Self, BindingError> {
        let mut parameters = Self::default();
        for pair in text.split('&') {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let name = decode(name).unwrap_or_default();
            let Some(name) = NAMES.into_iter().find(|known| *known == name) else { continue };
            if parameters.raw(name).is_some() {
                return Err(BindingError::Repeated(name));
            }
            parameters.found.push((name, value));
        }
        Ok(parameters)
    }

    fn raw(&self, name: &str) -> Option<&'q str> {
        self.found.iter().find(|(found, _)| *found == name).map(|(_, value)| *value)
    }

    fn decoded(&self, name: &'static str) -> Result<Option<String>, BindingError> {
        self.raw(name).map(|value| decode(value).ok_or(BindingError::NotUtf8(name))).transpose()
    }

    fn kind(&self) -> Result<Kind, BindingError> {
        match (self.raw("SAMLRequest"), self.raw("SAMLResponse")) {
            (Some(_), None) => Ok(Kind::Request),
            (None, Some(_)) => Ok(Kind::Response),
            _ => Err(BindingError::NoMessage),
        }
    }

    fn bytes(&self, name: &'static str) -> Result<Option<Vec<u8>>, BindingError> {
        let Some(text) = self.decoded(name)? else { return Ok(None) };
        crate::base64::decode(&text).map(Some).ok_or(BindingError::Base64(name))
    }
}

/// `application/x-www-form-urlencoded`.
fn decode(text: &str) -> Option<String> {
    let spaced = text.replace('+', " ");
    Some(percent_decode_str(&spaced).decode_utf8().ok()?.into_owned())
}
