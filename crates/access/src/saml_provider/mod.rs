//! Customers' own SAML identity providers: we are their service provider (SAML profiles §4.1, §4.4).
//!
//! - [`start`]: off to one; [`resting`]: the attempt waits in the browser meanwhile
//! - [`callback`]: what it posts; [`said`]: who that is; [`header`]: what origins are told of them
//! - [`declined`]: it says no
//! - [`logout`]: it is asked to log somebody out; [`logged_out`]: it asks
//! - [`metadata`]: who we are
//! - here: both parties, as crate `saml` knows them

pub(crate) mod callback;
mod declined;
mod header;
mod logged_out;
pub(crate) mod logout;
pub(crate) mod metadata;
mod resting;
mod said;
pub(crate) mod start;

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use edge_state::access::SamlKeyRecord;
use edge_state::access::saml::{Endpoint, SamlConfig};
use saml::binding::{HTTP_POST, HTTP_REDIRECT};
use saml::metadata::Endpoint as PeerEndpoint;
use saml::peer::IdentityProviderPeer;
use saml::service_provider::ServiceProvider;

use crate::encoding::Form;
use crate::visit::Visit;
use crate::{Here, Need};

/// Whether a form or query holds a SAML message.
pub(crate) fn is_message(given: &Form) -> bool {
    given.pairs().any(|(name, _)| matches!(name, "SAMLResponse" | "SAMLRequest"))
}

/// Our side for one provider: each is answered at an address of its own, and its assertions are for
/// that address and that name alone (RFC 9700 §4.4, in SAML's words).
fn us(visit: &Visit, provider: &str) -> ServiceProvider {
    let service = format!("{}/access/callback/{provider}", visit.origin());
    let entity_id = format!("{service}/saml-metadata");
    ServiceProvider::new(&entity_id, &service)
}

/// As [`us`], where a message came in at the contract's spelling of the same address.
fn us_as_asked(visit: &Visit, provider: &str) -> ServiceProvider {
    let mut us = us(visit, provider);
    if visit.request.path.starts_with("/cdn-cgi/") {
        us.assertion_consumer_service =
            format!("{}/cdn-cgi/access/callback/{provider}", visit.origin());
    }
    us
}

/// The other side. A certificate that cannot be read is none: without any, nothing is believed.
fn peer(config: &SamlConfig) -> IdentityProviderPeer {
    let keys = config.idp_public_certs.iter();
    let keys = keys.filter_map(|text| saml::pasted::read_keys(text.as_bytes()).ok()).flatten();
    let mut services: Vec<_> = config.single_sign_on_services.iter().map(endpoint).collect();
    if !services.iter().any(|service| is_spoken(&service.binding)) {
        services = vec![PeerEndpoint {
            binding: HTTP_REDIRECT.to_owned(),
            location: config.sso_target_url.clone(),
            response_location: None,
        }];
    }
    IdentityProviderPeer {
        entity_id: config.issuer_url.clone(),
        single_sign_on_services: services,
        single_logout_services: config.single_logout_services.iter().map(endpoint).collect(),
        signing_keys: keys.map(|key| key.public_key().clone()).collect(),
        want_requests_signed: config.sign_request,
        require_signed_assertions: !config.allow_unsigned_assertion,
        require_signed_responses: config.require_signed_response,
        require_encryption: config.enable_encryption,
        allow_unsolicited: config.allow_unsolicited,
        allow_sha1: config.allow_sha1,
        allow_cbc: config.allow_cbc,
    }
}

fn is_spoken(binding: &str) -> bool {
    matches!(binding, HTTP_POST | HTTP_REDIRECT)
}

fn endpoint(endpoint: &Endpoint) -> PeerEndpoint {
    PeerEndpoint {
        binding: endpoint.binding.clone(),
        location: endpoint.location.clone(),
        response_location: endpoint.response_location.clone(),
    }
}

/// Our keys for a provider, if there are any.
fn key_record<'a>(visit: &Visit<'a>, provider: &str) -> Result<Option<&'a SamlKeyRecord>, Need> {
    let record = visit.known.records.saml_keys(provider)?;
    Ok(record.filter(|record| record.auth_domain == *visit.home() && record.id == provider))
}

/// This moment.
fn moment(here: &Here) -> SystemTime {
    UNIX_EPOCH + Duration::from_millis(u64::try_from(here.now_millis).unwrap_or(0))
}

/// Seconds since 1970.
fn seconds(moment: SystemTime) -> i64 {
    let since = moment.duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}
