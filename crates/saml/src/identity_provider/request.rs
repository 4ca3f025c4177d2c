//! Checking requests.

use std::time::SystemTime;

use super::{IdentityProvider, Target};
use crate::authn_request::AuthnRequest;
use crate::binding::{HTTP_POST, Incoming, Kind};
use crate::key::Verifier;
use crate::message::{MessageError, is_recent};
use crate::name_id::{NameId, format};
use crate::peer::ServiceProviderPeer;
use crate::replay::Once;
use crate::response::Status;
use crate::signature::SignatureError;

/// A request that may be answered.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Accepted {
    /// What it asks for.
    pub request: AuthnRequest,
    /// Where the answer goes.
    pub target: Target,
    /// Whether a key of the service provider signed it.
    pub signed: bool,
    /// To be remembered, so that it is answered once.
    pub once: Once,
}

/// Why a request is not answered at all: the person gets a page that says so, and nothing is sent
/// anywhere.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum RequestError {
    /// Not an `AuthnRequest` that can be read.
    #[error(transparent)]
    Message(#[from] MessageError),
    /// A response where a request is due.
    #[error("this is a response, not a request")]
    NotARequest,
    /// Another service provider.
    #[error("the request is by {0:?}, not by the service provider of this application")]
    Issuer(String),
    /// Its signature does not count, or it has none and needs one.
    #[error(transparent)]
    Signature(#[from] SignatureError),
    /// Meant for somebody else.
    #[error("the request is meant for {0:?}")]
    Destination(String),
    /// A signed request does not say for whom it is meant.
    #[error("the request is signed, but has no Destination")]
    NoDestination,
    /// Too old, or from the future.
    #[error("the request was made at {0}, which is too long ago or yet to come")]
    IssueInstant(String),
    /// An endpoint that is not registered.
    #[error("the request names no registered AssertionConsumerService")]
    ConsumerService,
}

/// What an identity provider is about to answer, for [`Accepted::check`].
#[derive(Clone, Copy, Debug)]
pub struct Offer<'a> {
    /// The name that it will give.
    pub name_id: Option<&'a NameId>,
    /// Whether that name can be encrypted.
    pub encrypts: bool,
    /// How the person authenticated.
    pub class: &'a str,
    /// Classes from weak to strong.
    pub strength: &'a [&'a str],
}

impl IdentityProvider {
    /// Checks a request by the service provider that `peer` describes.
    pub async fn read_request(
        &self,
        incoming: &Incoming,
        peer: &ServiceProviderPeer,
        verifier: &impl Verifier,
        now: SystemTime,
    ) -> Result<Accepted, RequestError> {
        if incoming.kind() != Kind::Request {
            return Err(RequestError::NotARequest);
        }
        // A signature is required where the operator says so; and where there is a key to check it
        // with, one that came along must be good.
        let signed =
            peer.require_signed_requests || (incoming.is_signed() && !peer.signing_keys.is_empty());
        let request = if signed {
            let message = incoming.verify(peer.trust(), verifier).await?;
            message.read(AuthnRequest::read)?.into_inner()
        } else {
            AuthnRequest::read(incoming.root())?
        };

        if request.issuer != peer.entity_id {
            return Err(RequestError::Issuer(request.issuer));
        }
        match &request.destination {
            Some(destination) if !self.endpoints.contains(destination) => {
                return Err(RequestError::Destination(destination.clone()));
            }
            None if signed => return Err(RequestError::NoDestination), // Bindings §3.4.5.2
            _ => {}
        }
        if !is_recent(request.issue_instant, now, self.request_lifetime, self.clock_skew) {
            return Err(RequestError::IssueInstant(crate::instant::format(request.issue_instant)));
        }
        let target = peer.target(
            &request.assertion_consumer_service,
            Some(&request.id),
            incoming.relay_state(),
        )?;
        let until = request.issue_instant + self.request_lifetime + self.clock_skew;
        let once = Once::new(&request.issuer, &request.id, until);
        Ok(Accepted { request, target, signed, once })
    }
}

impl Accepted {
    /// Whether `offer` is what was asked for. Otherwise the answer is a response with this status.
    pub fn check(&self, offer: &Offer<'_>) -> Result<(), Status> {
        let request = &self.request;
        if request.protocol_binding.as_deref().is_some_and(|binding| binding != HTTP_POST) {
            return Err(Status::failure(Status::REQUESTER, Status::UNSUPPORTED_BINDING));
        }
        if let Some(policy) = &request.name_id_policy {
            let given = offer.name_id.and_then(|name| name.format.as_deref());
            let format_fits = match policy.format.as_deref() {
                None | Some(format::UNSPECIFIED) => true,
                Some(format::ENCRYPTED) => offer.encrypts,
                asked => asked == given,
            };
            let qualifier = policy.sp_name_qualifier.as_deref();
            if !format_fits || qualifier.is_some_and(|name| name != request.issuer) {
                let status = Status::failure(Status::REQUESTER, Status::INVALID_NAME_ID_POLICY);
                return Err(status);
            }
        }
        if let Some(subject) = &request.subject {
            // SAML core §3.4.1.4: an answer about another person would be a lie.
            let same = offer.name_id.is_some_and(|name| {
                name.value == subject.value
                    && (subject.format.is_none() || subject.format == name.format)
            });
            if !same {
                return Err(Status::failure(Status::RESPONDER, Status::UNKNOWN_PRINCIPAL));
            }
        }
        match &request.requested_authn_context {
            Some(context) if !context.is_met_by(offer.class, offer.strength) => {
                Err(Status::failure(Status::RESPONDER, Status::NO_AUTHN_CONTEXT))
            }
            _ => Ok(()),
        }
    }
}
