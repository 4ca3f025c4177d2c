//! What a service provider will refuse of what is going to be issued to it, as far as can be told.

use std::time::SystemTime;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use edge_state::access::saml::{Encrypted, NameIdFormat, SamlApplication, Signed};
use saml::assertion::Attribute;
use saml::certificate::Certificate;
use saml::metadata::{
    Endpoint, Entity, Fault, Finding, IndexedEndpoint, Plan, ServiceProviderRole,
};
use saml::name_id::format;

/// What is going to be issued, where that is known exactly.
#[derive(Clone, Copy, Debug)]
pub struct Issued<'a> {
    /// The format of the name.
    pub name_id_format: Option<&'a str>,
    /// The attributes.
    pub attributes: &'a [Attribute],
}

/// What is wrong with a service provider, or between it and what it will get: faults first.
/// `described` is its own metadata; `issued` is absent where nobody in particular signs in.
#[must_use]
pub fn findings(
    saml: &SamlApplication,
    described: Option<&Entity>,
    issued: Option<Issued<'_>>,
    now: SystemTime,
) -> Vec<Finding> {
    let entity = effective(saml, described);
    let wanted = entity.service_provider.as_ref().map(|role| role.name_id_formats.as_slice());
    let usual = usual_attributes(saml);
    let plan = Plan {
        name_id_format: match issued {
            Some(issued) => issued.name_id_format,
            None => Some(usual_format(saml, wanted.unwrap_or_default())),
        },
        attributes: issued.map_or(&usual, |issued| issued.attributes),
        signed: match saml.signed {
            Signed::Both => saml::signature::Signed::Both,
            Signed::Assertion => saml::signature::Signed::Assertion,
            Signed::Response => saml::signature::Signed::Response,
        },
        encrypted: saml.encrypted == Encrypted::Assertion,
        require_signed_requests: saml.service_provider.require_signed_requests,
    };
    let peer = &saml.service_provider;
    // What a transform makes is only known where somebody signs in.
    let unknown = issued.is_none() && saml.attribute_transform.is_some();
    let mut found = entity.lint(&plan, now);
    found.retain(|finding| match finding {
        // Bare public keys stand in no metadata, and serve as well.
        Finding::Refused(Fault::NoSigningKey) => peer.signing_certificates.is_empty(),
        Finding::Refused(Fault::NoEncryptionKey) => peer.encryption_certificates.is_empty(),
        Finding::Refused(Fault::AttributeMissing(_)) => !unknown,
        _ => true,
    });
    found
}

/// The metadata with what was typed in the place of what it says.
fn effective(saml: &SamlApplication, described: Option<&Entity>) -> Entity {
    let peer = &saml.service_provider;
    let mut entity = described.cloned().unwrap_or_default();
    entity.entity_id.clone_from(&peer.entity_id);
    let role = entity.service_provider.get_or_insert_with(|| ServiceProviderRole {
        authn_requests_signed: peer.require_signed_requests,
        ..ServiceProviderRole::default()
    });
    role.assertion_consumer_services = peer
        .assertion_consumer_services
        .iter()
        .map(|one| IndexedEndpoint {
            binding: one.binding.clone(),
            location: one.location.clone(),
            index: one.index.unwrap_or_default(),
            is_default: one.is_default,
        })
        .collect();
    role.single_logout_services = peer
        .single_logout_services
        .iter()
        .map(|one| Endpoint {
            binding: one.binding.clone(),
            location: one.location.clone(),
            response_location: one.response_location.clone(),
        })
        .collect();
    role.signing = certificates(&peer.signing_certificates);
    role.encryption = certificates(&peer.encryption_certificates);
    entity
}

fn certificates(keys: &[String]) -> Vec<Certificate> {
    keys.iter().filter_map(|key| Certificate::from_der(&STANDARD.decode(key).ok()?).ok()).collect()
}

/// The format that a request of this service provider will ask for, most likely.
fn usual_format<'a>(saml: &SamlApplication, wanted: &'a [String]) -> &'a str {
    match saml.name_id.format {
        Some(NameIdFormat::Id) => format::PERSISTENT,
        Some(NameIdFormat::Email) => format::EMAIL,
        None => {
            let known = [format::EMAIL, format::PERSISTENT, format::TRANSIENT, format::UNSPECIFIED];
            let first = wanted.iter().find(|wanted| known.contains(&wanted.as_str()));
            first.map_or(format::EMAIL, String::as_str)
        }
    }
}

fn usual_attributes(saml: &SamlApplication) -> Vec<Attribute> {
    let custom = saml.attributes.iter().map(|attribute| Attribute {
        name: attribute.name.clone(),
        name_format: attribute.name_format.clone(),
        ..Attribute::default()
    });
    let custom: Vec<_> = custom.collect();
    let usual = ["id", "name", "email", "groups"]
        .into_iter()
        .filter(|name| custom.iter().all(|attribute| attribute.name != *name))
        .map(|name| Attribute { name: name.to_owned(), ..Attribute::default() });
    let usual: Vec<_> = usual.collect();
    usual.into_iter().chain(custom).collect()
}
