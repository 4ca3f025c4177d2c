//! Peers: what one side knows of the other, out of metadata or an operator's form. The switches for
//! what is old and weak are here, per peer, and all off.

use crate::binding::{HTTP_POST, HTTP_REDIRECT};
use crate::certificate::Certificate;
use crate::key::PublicKey;
use crate::metadata::{Endpoint, Entity, IndexedEndpoint};
use crate::signature::Trust;

/// A service provider, as an identity provider knows it.
#[derive(Clone, Debug, Default)]
pub struct ServiceProviderPeer {
    /// Its entity ID, which is the audience of what is issued to it.
    pub entity_id: String,
    /// Where responses may go: here, and nowhere else.
    pub assertion_consumer_services: Vec<IndexedEndpoint>,
    /// Where logout messages go.
    pub single_logout_services: Vec<Endpoint>,
    /// Its keys for signing.
    pub signing_keys: Vec<PublicKey>,
    /// Whether requests must be signed.
    pub require_signed_requests: bool,
    /// Whether its signatures may rest on SHA-1.
    pub allow_sha1: bool,
    /// Whether it may encrypt in CBC mode.
    pub allow_cbc: bool,
}

/// An identity provider, as a service provider knows it.
#[derive(Clone, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is an operator's switch of its own")]
pub struct IdentityProviderPeer {
    /// Its entity ID, which issuers must carry.
    pub entity_id: String,
    /// Where requests go.
    pub single_sign_on_services: Vec<Endpoint>,
    /// Where logout messages go.
    pub single_logout_services: Vec<Endpoint>,
    /// Its keys for signing.
    pub signing_keys: Vec<PublicKey>,
    /// Whether it takes signed requests only.
    pub want_requests_signed: bool,
    /// Whether the assertion itself must be signed, whatever is signed around it.
    pub require_signed_assertions: bool,
    /// Whether the whole response must be signed.
    pub require_signed_responses: bool,
    /// Whether plain assertions are refused.
    pub require_encryption: bool,
    /// Whether responses that nobody asked for are taken.
    pub allow_unsolicited: bool,
    /// Whether its signatures may rest on SHA-1.
    pub allow_sha1: bool,
    /// Whether it may encrypt in CBC mode.
    pub allow_cbc: bool,
}

impl Default for IdentityProviderPeer {
    /// Nobody, and nothing is allowed.
    fn default() -> Self {
        Self {
            entity_id: String::new(),
            single_sign_on_services: Vec::new(),
            single_logout_services: Vec::new(),
            signing_keys: Vec::new(),
            want_requests_signed: false,
            require_signed_assertions: true,
            require_signed_responses: false,
            require_encryption: false,
            allow_unsolicited: false,
            allow_sha1: false,
            allow_cbc: false,
        }
    }
}

fn keys(certificates: &[Certificate]) -> Vec<PublicKey> {
    certificates.iter().map(|certificate| certificate.public_key().clone()).collect()
}

impl ServiceProviderPeer {
    /// A service provider by its metadata; nothing where the entity is none.
    #[must_use]
    pub fn from_metadata(entity: &Entity) -> Option<Self> {
        let role = entity.service_provider.as_ref()?;
        Some(Self {
            entity_id: entity.entity_id.clone(),
            assertion_consumer_services: role.assertion_consumer_services.clone(),
            single_logout_services: role.single_logout_services.clone(),
            signing_keys: keys(&role.signing),
            require_signed_requests: role.authn_requests_signed,
            ..Self::default()
        })
    }

    /// A service provider with one endpoint, by its two names.
    #[must_use]
    pub fn new(entity_id: &str, assertion_consumer_service: &str) -> Self {
        Self {
            entity_id: entity_id.to_owned(),
            assertion_consumer_services: vec![IndexedEndpoint {
                binding: HTTP_POST.to_owned(),
                location: assertion_consumer_service.to_owned(),
                index: 0,
                is_default: Some(true),
            }],
            ..Self::default()
        }
    }

    pub(crate) fn trust(&self) -> Trust<'_> {
        Trust { keys: &self.signing_keys, sha1: self.allow_sha1 }
    }
}

impl IdentityProviderPeer {
    /// An identity provider by its metadata; nothing where the entity is none.
    #[must_use]
    pub fn from_metadata(entity: &Entity) -> Option<Self> {
        let role = entity.identity_provider.as_ref()?;
        Some(Self {
            entity_id: entity.entity_id.clone(),
            single_sign_on_services: role.single_sign_on_services.clone(),
            single_logout_services: role.single_logout_services.clone(),
            signing_keys: keys(&role.signing),
            want_requests_signed: role.want_authn_requests_signed,
            ..Self::default()
        })
    }

    pub(crate) fn trust(&self) -> Trust<'_> {
        Trust { keys: &self.signing_keys, sha1: self.allow_sha1 }
    }
}

/// Where a message goes: by Redirect if that is to be had, for its answer may come by POST all the
/// same, else by POST.
pub(crate) fn choose(endpoints: &[Endpoint]) -> Option<&Endpoint> {
    let of = |binding: &str| endpoints.iter().find(|endpoint| endpoint.binding == binding);
    of(HTTP_REDIRECT).or_else(|| of(HTTP_POST))
}
