//! Reading responses. The order is: what can be told apart without cryptography, the signatures,
//! and only then what was signed.

use std::time::SystemTime;

use super::ServiceProvider;
use crate::assertion::{Assertion, AuthnStatement, Read};
use crate::binding::{Incoming, Kind};
use crate::encryption::{Cbc, DecryptionError, decrypt};
use crate::key::{Decrypter, Verifier};
use crate::message::MessageError;
use crate::name_id::NameId;
use crate::peer::IdentityProviderPeer;
use crate::replay::Once;
use crate::response::{Response, Status};
use crate::signature::{SignatureError, Verified, verify_enveloped};
use crate::xml::{Element, ShapeError, ns};

/// What the caller remembers of the request that this browser was sent off with.
#[derive(Clone, Copy, Debug, Default)]
pub struct Expectation<'a> {
    /// The ID of the request; nothing where this browser was sent off with none.
    pub in_response_to: Option<&'a str>,
    /// Where the request forced authentication: when it was made.
    pub authenticated_since: Option<SystemTime>,
}

/// What an identity provider has said, and nothing is wrong with.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Login {
    /// All of it.
    pub assertion: Assertion,
    /// Whether it answers the request that was expected; otherwise nobody asked for it.
    pub solicited: bool,
    /// To be remembered: the assertion is good once.
    pub once: Once,
}

impl Login {
    /// The name of the person; an identity provider may say it in an attribute instead.
    #[must_use]
    pub fn name_id(&self) -> Option<&NameId> {
        self.assertion.name_id.as_ref()
    }

    /// How and when the person authenticated: of several statements the latest.
    #[must_use]
    pub fn authn(&self) -> Option<&AuthnStatement> {
        self.assertion.authn_statements.iter().max_by_key(|statement| statement.authn_instant)
    }

    /// All values of the attribute of this name.
    pub fn attribute(&self, name: &str) -> impl Iterator<Item = &str> {
        let of_name = move |attribute: &&crate::assertion::Attribute| attribute.name == name;
        let attributes = self.assertion.attributes.iter().filter(of_name);
        attributes.flat_map(|attribute| attribute.values.iter().map(String::as_str))
    }
}

/// Why a response is not believed. For logs and administrators: whoever sent it is told that
/// signing in failed, and no more.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum ResponseError {
    /// Not a `Response` that can be read.
    #[error(transparent)]
    Message(#[from] MessageError),
    /// A request where a response is due.
    #[error("this is a request, not a response")]
    NotAResponse,
    /// The identity provider says that it did not work out. Unless it is signed, anybody could say
    /// so; nothing follows from it but that there is no sign-in.
    #[error("the identity provider answers: {0}")]
    Status(Status),
    /// Somebody else's.
    #[error("it is issued by {0:?}, not by this identity provider")]
    Issuer(String),
    /// Meant for another endpoint.
    #[error("the response is meant for {0:?}")]
    Destination(String),
    /// A signed response does not say for whom it is meant.
    #[error("the response is signed, but has no Destination")]
    NoDestination,
    /// A signature is missing or does not count.
    #[error(transparent)]
    Signature(#[from] SignatureError),
    /// An assertion, response or signature where it has no place: somebody moved it there.
    #[error("a second {0} hides in the response")]
    Misplaced(String),
    /// None or more than one.
    #[error("the response holds {0} assertions, not one")]
    Assertions(usize),
    /// Plain text where encryption is required.
    #[error("the assertion is not encrypted")]
    NotEncrypted,
    /// Not to be decrypted.
    #[error(transparent)]
    Decryption(#[from] DecryptionError),
    /// Nobody asked for it, or somebody else did.
    #[error("it answers the request {found:?}, which is not the one that was made")]
    InResponseTo {
        /// What it says, if anything.
        found: Option<String>,
    },
    /// Nobody asked for it, and this identity provider has no leave for that.
    #[error("nobody asked for this response, which is not allowed for this identity provider")]
    Unsolicited,
    /// Older than is taken at all.
    #[error("the assertion was made at {0}, which is too long ago or yet to come")]
    IssueInstant(String),
    /// Not yet valid.
    #[error("the assertion is not valid before {0}")]
    NotYet(String),
    /// Not valid any more.
    #[error("the assertion was valid until {0}")]
    Expired(String),
    /// Meant for somebody else, or for nobody.
    #[error("the assertion is for {0:?}, and not for us")]
    Audience(Vec<String>),
    /// Nobody may present it.
    #[error("no subject confirmation is by bearer")]
    NoBearer,
    /// Presented in the wrong place.
    #[error("the assertion is to be presented at {0:?}")]
    Recipient(Option<String>),
    /// The confirmation has no end, or a beginning, or is over.
    #[error("the subject confirmation does not hold now")]
    Confirmation,
    /// Nobody has authenticated.
    #[error("the assertion does not say that anybody authenticated")]
    NoAuthnStatement,
    /// Too early, in the future, or the session is over.
    #[error("the authentication is not of now")]
    Authentication,
}

impl From<ShapeError> for ResponseError {
    fn from(error: ShapeError) -> Self {
        Self::Message(error.into())
    }
}

impl ServiceProvider {
    /// Reads a response by the identity provider that `peer` describes. The caller then spends
    /// [`Login::once`].
    pub async fn read_response(
        &self,
        incoming: &Incoming,
        peer: &IdentityProviderPeer,
        expectation: &Expectation<'_>,
        decrypters: &[impl Decrypter],
        verifier: &impl Verifier,
        now: SystemTime,
    ) -> Result<Verified<Login>, ResponseError> {
        if incoming.kind() != Kind::Response {
            return Err(ResponseError::NotAResponse);
        }
        let root = incoming.root();
        let response = Response::read(root)?;
        check_places(root)?;
        self.check_response(&response, peer, expectation, incoming.is_signed())?;

        let whole = if peer.require_signed_responses || incoming.is_signed() {
            Some(incoming.verify(peer.trust(), verifier).await?)
        } else {
            None
        };
        let decrypted;
        let assertion = match (&response.assertions[..], &response.encrypted[..]) {
            (&[_], &[]) if peer.require_encryption => return Err(ResponseError::NotEncrypted),
            (&[assertion], &[]) => assertion,
            (&[], &[encrypted]) => {
                let cbc = match (&whole, peer.allow_cbc) {
                    (None, true) => Cbc::NotSigned,
                    (_, allowed) => Cbc::signed(allowed),
                };
                decrypted = decrypt(encrypted, decrypters, cbc).await?;
                let mut children = decrypted.root().children()?;
                let assertion = children.required(ns::SAML, "Assertion")?;
                children.end()?;
                check_places(assertion)?;
                assertion
            }
            (plain, encrypted) => {
                return Err(ResponseError::Assertions(plain.len() + encrypted.len()));
            }
        };
        // What vouches for the assertion: its own signature, where there has to be one or there
        // is one, else that of the response around it.
        let own = assertion.elements().any(|child| child.is(ns::DS, "Signature"));
        let vouched = match whole {
            // It stands in the response that was verified, or was decrypted out of it.
            Some(whole) if !own && !peer.require_signed_assertions => {
                whole.read(|_| Ok::<_, ResponseError>(assertion))?
            }
            _ => verify_enveloped(assertion, peer.trust(), verifier).await?,
        };
        let read = vouched.read(Assertion::read)?;
        let login = self.judge(read.get(), peer, expectation, now)?;
        let encrypted_id = read.get().encrypted_id;
        let name_id = match encrypted_id {
            Some(element) => {
                Some(decrypt_name(element, decrypters, Cbc::signed(peer.allow_cbc)).await?)
            }
            None => None,
        };
        read.read(|Read { mut assertion, .. }| {
            assertion.name_id = name_id.or(assertion.name_id);
            let (solicited, once) = login;
            Ok(Login { assertion, solicited, once })
        })
    }

    fn check_response(
        &self,
        response: &Response<'_>,
        peer: &IdentityProviderPeer,
        expectation: &Expectation<'_>,
        signed: bool,
    ) -> Result<(), ResponseError> {
        let header = &response.header;
        if let Some(issuer) = header.issuer.as_ref().filter(|name| **name != peer.entity_id) {
            return Err(ResponseError::Issuer(issuer.clone()));
        }
        match &header.destination {
            Some(destination) if *destination != self.assertion_consumer_service => {
                return Err(ResponseError::Destination(destination.clone()));
            }
            None if signed => return Err(ResponseError::NoDestination), // Bindings §3.5.5.2
            _ => {}
        }
        match (header.in_response_to.as_deref(), expectation.in_response_to) {
            (None, _) if !peer.allow_unsolicited => return Err(ResponseError::Unsolicited),
            (Some(found), expected) if expected != Some(found) => {
                let found = Some(found.to_owned());
                return Err(ResponseError::InResponseTo { found });
            }
            _ => {}
        }
        if !response.status.is_success() {
            return Err(ResponseError::Status(response.status.clone()));
        }
        Ok(())
    }
}

/// Every assertion, response and signature stands where the schema of a response has its one place
/// for it. Signature wrapping needs a second one somewhere.
fn check_places(root: Element<'_>) -> Result<(), ResponseError> {
    for element in root.descendants() {
        let parent = || element.parent().filter(|_| element != root);
        let in_place = match (element.namespace(), element.local_name()) {
            (ns::SAML, "Assertion" | "EncryptedAssertion") => {
                element == root || parent() == Some(root)
            }
            (ns::SAMLP, "Response") => element == root,
            (ns::DS, "Signature") => parent().is_some_and(|parent| {
                parent == root
                    || (parent.is(ns::SAML, "Assertion") && parent.parent() == Some(root))
            }),
            _ => true,
        };
        if !in_place {
            return Err(ResponseError::Misplaced(element.local_name().to_owned()));
        }
    }
    Ok(())
}

/// The name in an `EncryptedID` of a verified assertion.
async fn decrypt_name(
    element: Element<'_>,
    decrypters: &[impl Decrypter],
    cbc: Cbc,
) -> Result<NameId, ResponseError> {
    let decrypted = decrypt(element, decrypters, cbc).await?;
    let mut children = decrypted.root().children()?;
    let name = NameId::read(children.required(ns::SAML, "NameID")?)?;
    children.end()?;
    Ok(name)
}
