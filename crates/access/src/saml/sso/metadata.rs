//! Our metadata for one application, signed by the key that signs what it gets.

use edge_state::access::saml::KeyUse;
use saml::binding::{HTTP_POST, HTTP_REDIRECT};
use saml::metadata::{Endpoint, Entity, IdentityProviderRole};
use saml::name_id::format;

use crate::login::target::home;
use crate::saml::keys::{Keys, certificate};
use crate::saml::party::{Party, hex};
use crate::visit::Words;
use crate::{Need, Response};

/// `{endpoint}/saml-metadata`. It names no end of its own: whoever keeps it loses nothing but new
/// keys. Its ID follows from its content, so that what is unchanged reads unchanged and costs one
/// signature.
pub(crate) fn answer(party: &Party) -> Result<Response, Need> {
    let keys = Keys::new(party.visit.known);
    let signer = party.keys.and_then(|record| keys.signer(record).map(|signer| (record, signer)));
    let Some((record, signer)) = signer else { return Ok(not_yet(party)) };
    let entity = Entity {
        entity_id: party.saml.entity_id.clone(),
        display_name: Some(party.visit.organization.name.clone()),
        identity_provider: Some(IdentityProviderRole {
            // The current key, and the next one before it signs.
            signing: record.of(KeyUse::Signing).filter_map(certificate).collect(),
            want_authn_requests_signed: party.peer.require_signed_requests,
            single_sign_on_services: endpoints(&party.endpoint()),
            single_logout_services: endpoints(&format!("{}/logout", party.endpoint())),
            name_id_formats: [format::EMAIL, format::PERSISTENT, format::TRANSIENT]
                .map(str::to_owned)
                .into(),
            ..IdentityProviderRole::default()
        }),
        ..Entity::default()
    };
    let plain = entity.to_xml().unwrap_or_default();
    let id = format!("_{}", &hex(&[&plain])[..40]);
    match keys.drive(entity.to_signed_xml(&id, &signer))? {
        Ok(xml) => Ok(Response { status: 200, body: xml, ..Response::default() }
            .with_header("content-type", "application/samlmetadata+xml")
            .with_header("content-disposition", "inline; filename=\"metadata.xml\"")
            .with_header("cache-control", "no-cache")
            .with_header("x-content-type-options", "nosniff")),
        Err(error) => Ok(party.visit.unavailable(&error.to_string(), party.endpoint())),
    }
}

fn endpoints(location: &str) -> Vec<Endpoint> {
    let endpoint = |binding: &str| Endpoint {
        binding: binding.to_owned(),
        location: location.to_owned(),
        response_location: None,
    };
    vec![endpoint(HTTP_REDIRECT), endpoint(HTTP_POST)]
}

fn not_yet(party: &Party) -> Response {
    let words = Words {
        status: 503,
        title: "There is no key yet",
        text: "The application's keys are on their way. Please try again in a minute.",
        links: vec![home()],
    };
    party.refuse(words, "SAML metadata: the application has no key to sign with")
}
