//! A service provider: asks an identity provider who somebody is, and believes the answer only
//! where everything about it is right.
//!
//! - `response.rs`: reads and checks responses
//! - `judge.rs`: the conditions under which an assertion holds
//! - here: who we are, and requests

mod judge;
mod response;

use std::time::{Duration, SystemTime};

use crate::authn_request::{AuthnRequest, ConsumerService, NameIdPolicy, RequestedAuthnContext};
use crate::binding::{Departure, Kind, send};
use crate::key::{Random, Signer, fresh_id};
use crate::name_id::NameId;
use crate::peer::{IdentityProviderPeer, choose};
use crate::signature::SignError;

pub use response::{Expectation, Login, ResponseError};

/// This service provider.
#[derive(Clone, Debug)]
pub struct ServiceProvider {
    /// Our entity ID, which audiences must hold.
    pub entity_id: String,
    /// Where responses come in: `Destination` and `Recipient` must be this, to the letter.
    pub assertion_consumer_service: String,
    /// By how much clocks may differ.
    pub clock_skew: Duration,
    /// How old an assertion may be, whatever it says of itself. So long, and no longer, used ones
    /// are remembered.
    pub assertion_lifetime: Duration,
}

impl ServiceProvider {
    /// A service provider whose clock may differ by 3 minutes, and who takes assertions for an
    /// hour at most.
    #[must_use]
    pub fn new(entity_id: &str, assertion_consumer_service: &str) -> Self {
        Self {
            entity_id: entity_id.to_owned(),
            assertion_consumer_service: assertion_consumer_service.to_owned(),
            clock_skew: Duration::from_mins(3),
            assertion_lifetime: Duration::from_hours(1),
        }
    }
}

/// What to ask for.
#[derive(Clone, Debug, Default)]
pub struct Question {
    /// Authenticate anew, whatever session there is.
    pub force_authn: bool,
    /// Show the person nothing.
    pub is_passive: bool,
    /// Whom to authenticate.
    pub subject: Option<NameId>,
    /// What kind of name is wanted.
    pub name_id_policy: Option<NameIdPolicy>,
    /// How the person is to authenticate.
    pub requested_authn_context: Option<RequestedAuthnContext>,
}

/// A request on its way.
#[derive(Clone, Debug)]
pub struct Asked {
    /// To be remembered, in the browser that was sent off, for [`Expectation::in_response_to`].
    pub id: String,
    /// How it travels.
    pub departure: Departure,
}

/// Why nothing was asked.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum AskError {
    /// The identity provider has no endpoint for requests by Redirect or POST.
    #[error("the identity provider has no single sign-on service by Redirect or POST")]
    NoEndpoint,
    /// The identity provider takes signed requests only, and there is no key.
    #[error("the identity provider wants signed requests, and there is no key to sign with")]
    Unsigned,
    /// The signature failed.
    #[error(transparent)]
    Sign(#[from] SignError),
}

impl ServiceProvider {
    /// Asks an identity provider. `relay_state` comes back with the answer.
    pub async fn ask(
        &self,
        peer: &IdentityProviderPeer,
        question: &Question,
        relay_state: Option<&str>,
        signer: Option<&impl Signer>,
        random: &mut impl Random,
        now: SystemTime,
    ) -> Result<Asked, AskError> {
        if peer.want_requests_signed && signer.is_none() {
            return Err(AskError::Unsigned);
        }
        let endpoint = choose(&peer.single_sign_on_services).ok_or(AskError::NoEndpoint)?;
        let request = AuthnRequest {
            id: fresh_id(random),
            issue_instant: now,
            issuer: self.entity_id.clone(),
            destination: Some(endpoint.location.clone()),
            assertion_consumer_service: ConsumerService::Location(
                self.assertion_consumer_service.clone(),
            ),
            protocol_binding: None,
            attribute_consuming_service_index: None,
            force_authn: question.force_authn,
            is_passive: question.is_passive,
            subject: question.subject.clone(),
            name_id_policy: question.name_id_policy.clone(),
            requested_authn_context: question.requested_authn_context.clone(),
        };
        let draft = request.draft(&endpoint.location).map_err(SignError::Text)?;
        let to = (endpoint.binding.as_str(), endpoint.location.as_str());
        let departure = send(draft, Kind::Request, to, relay_state, signer).await?;
        Ok(Asked { id: request.id, departure })
    }
}
