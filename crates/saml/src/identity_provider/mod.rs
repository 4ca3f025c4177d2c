//! An identity provider: takes a service provider's request and issues the answer to it.
//!
//! - `request.rs`: what is checked before anybody is asked to sign in
//! - `issue.rs`: responses and assertions, signed and encrypted
//! - here: who we are, and where an answer may go

mod issue;
mod request;

use std::time::Duration;

use crate::authn_request::ConsumerService;
use crate::binding::HTTP_POST;
use crate::metadata::{ServiceProviderRole, is_location};
use crate::peer::ServiceProviderPeer;

pub use crate::signature::Signed;
pub use issue::{Issue, IssueError};
pub use request::{Accepted, Offer, RequestError};

/// This identity provider.
#[derive(Clone, Debug)]
pub struct IdentityProvider {
    /// Our entity ID.
    pub entity_id: String,
    /// Every address that requests come in at: the `Destination` of a request must be one of them,
    /// to the letter.
    pub endpoints: Vec<String>,
    /// By how much clocks may differ.
    pub clock_skew: Duration,
    /// How old a request may be.
    pub request_lifetime: Duration,
    /// How long a bearer may take to deliver an assertion.
    pub assertion_lifetime: Duration,
}

impl IdentityProvider {
    /// An identity provider with one endpoint: clocks may differ by 3 minutes, requests may be 10
    /// minutes old, and assertions live for 5.
    #[must_use]
    pub fn new(entity_id: &str, endpoint: &str) -> Self {
        Self {
            entity_id: entity_id.to_owned(),
            endpoints: vec![endpoint.to_owned()],
            clock_skew: Duration::from_mins(3),
            request_lifetime: Duration::from_mins(10),
            assertion_lifetime: Duration::from_mins(5),
        }
    }
}

/// Where an answer goes. Only a peer's registered endpoints become one, so no answer goes anywhere
/// else.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Target {
    pub(crate) audience: String,
    pub(crate) location: String,
    pub(crate) in_response_to: Option<String>,
    pub(crate) relay_state: Option<String>,
}

impl Target {
    /// The endpoint.
    #[must_use]
    pub fn location(&self) -> &str {
        &self.location
    }

    /// The request that is answered, where there was one.
    #[must_use]
    pub fn in_response_to(&self) -> Option<&str> {
        self.in_response_to.as_deref()
    }

    /// What came with the request, byte for byte.
    #[must_use]
    pub fn relay_state(&self) -> Option<&str> {
        self.relay_state.as_deref()
    }
}

impl ServiceProviderPeer {
    /// Where an answer goes that is not made on the spot: after the person has signed in, by what
    /// was kept of the request, or without any request (IdP-initiated).
    pub fn target(
        &self,
        consumer: &ConsumerService,
        in_response_to: Option<&str>,
        relay_state: Option<&str>,
    ) -> Result<Target, RequestError> {
        let location = self.consumer_location(consumer)?;
        Ok(Target {
            audience: self.entity_id.clone(),
            location: location.to_owned(),
            in_response_to: in_response_to.map(str::to_owned),
            relay_state: relay_state.map(str::to_owned),
        })
    }

    /// The registered endpoint that a request names. Addresses are compared byte by byte: whoever
    /// begins to normalise them ends up sending assertions to strangers.
    fn consumer_location(&self, consumer: &ConsumerService) -> Result<&str, RequestError> {
        let mut posts = self
            .assertion_consumer_services
            .iter()
            .filter(|e| e.binding == HTTP_POST && is_location(&e.location));
        let found = match consumer {
            ConsumerService::Location(location) => posts.find(|e| e.location == *location),
            ConsumerService::Index(index) => posts.find(|e| e.index == *index),
            ConsumerService::Default => {
                let assertion_consumer_services = posts.cloned().collect();
                let role = ServiceProviderRole {
                    assertion_consumer_services,
                    ..ServiceProviderRole::default()
                };
                let default = role.default_consumer_service().map(|e| e.index);
                let all = &self.assertion_consumer_services;
                all.iter().find(|e| Some(e.index) == default && e.binding == HTTP_POST)
            }
        };
        found.map(|endpoint| endpoint.location.as_str()).ok_or(RequestError::ConsumerService)
    }
}
