//! Who we are, for a provider: our metadata as its service provider. Of two keys during a roll-over
//! it holds both.

use edge_state::access::IdentityProviderRecord;
use edge_state::access::identity_provider::Protocol;
use edge_state::access::saml::{KeyUse, SamlConfig};
use edge_state::key::is_token;
use http::Method;
use saml::binding::{HTTP_POST, HTTP_REDIRECT};
use saml::encryption::ContentEncryption;
use saml::metadata::{Endpoint, Entity, IndexedEndpoint, RequestedAttribute, ServiceProviderRole};
use sha2::{Digest as _, Sha256};

use super::{key_record, us};
use crate::admission::{Entrance, admit};
use crate::login::target::home;
use crate::page::message;
use crate::saml::keys::{Keys, certificate};
use crate::visit::Visit;
use crate::{Need, Response};

/// What every provider's metadata is called, below its own address.
const DOCUMENT: &str = "saml-metadata";

/// RSA-OAEP as XML Encryption 1.0 has it.
const OAEP: &str = "http://www.w3.org/2001/04/xmlenc#rsa-oaep-mgf1p";

/// `/access/callback/{provider}/saml-metadata`, and the contract's
/// `/cdn-cgi/access/{provider}/saml-metadata`.
pub(crate) fn answer(visit: &Visit, provider: &str, document: &str) -> Result<Response, Need> {
    let asked = matches!(*visit.request.method, Method::GET | Method::HEAD);
    let entrance = Entrance { provider: Some(provider), ..visit.entrance() };
    let record = if asked && document == DOCUMENT && is_token(provider) {
        admit(&entrance, visit.known)?.ok().and_then(|admitted| admitted.provider)
    } else {
        None
    };
    match record.map(|record| (record, &record.protocol)) {
        Some((record, Protocol::Saml(config))) => draw(visit, record, config),
        _ => Ok(nothing_here(visit)),
    }
}

/// The contract's `/cdn-cgi/access/saml-metadata`, where one provider alone can be meant.
pub(crate) fn of_the_only_one(visit: &Visit) -> Result<Response, Need> {
    let mut all = visit.organization.identity_providers.iter().filter(|one| one.kind == "saml");
    match (all.next(), all.next()) {
        (Some(provider), None) => answer(visit, &provider.id, DOCUMENT),
        _ => Ok(nothing_here(visit)),
    }
}

fn draw(
    visit: &Visit,
    record: &IdentityProviderRecord,
    config: &SamlConfig,
) -> Result<Response, Need> {
    let held = key_record(visit, &record.id)?;
    let of = |purpose| {
        let keys = held.into_iter().flat_map(move |held| held.of(purpose));
        keys.filter_map(certificate).collect()
    };
    let entity = entity(visit, record, config, of(KeyUse::Signing), of(KeyUse::Encryption));
    let Ok(plain) = entity.to_xml() else { return Ok(nothing_here(visit)) };
    let keys = Keys::new(visit.known);
    let xml = match held.and_then(|held| keys.signer(held)) {
        Some(signer) => {
            // Of its content, so that it changes no sooner than that.
            let id = Sha256::digest(&plain)[..20]
                .iter()
                .fold("_".to_owned(), |id, byte| id + &format!("{byte:02x}"));
            match keys.drive(entity.to_signed_xml(&id, &signer))? {
                Ok(xml) => xml,
                Err(why) => return Ok(visit.unavailable(&why.to_string(), "/".to_owned())),
            }
        }
        None => plain,
    };
    Ok(Response { status: 200, body: xml, ..Response::default() }
        .with_header("content-type", "application/samlmetadata+xml")
        .with_header("cache-control", "public, max-age=300")
        .with_header("x-content-type-options", "nosniff"))
}

fn entity(
    visit: &Visit,
    record: &IdentityProviderRecord,
    config: &SamlConfig,
    signing: Vec<saml::certificate::Certificate>,
    encryption: Vec<saml::certificate::Certificate>,
) -> Entity {
    let us = us(visit, &record.id);
    let service = us.assertion_consumer_service;
    let logout = |binding: &str| Endpoint {
        binding: binding.to_owned(),
        location: service.clone(),
        response_location: None,
    };
    let mut methods = vec![ContentEncryption::Aes256Gcm.uri(), ContentEncryption::Aes128Gcm.uri()];
    if config.allow_cbc {
        methods.extend([ContentEncryption::Aes256Cbc.uri(), ContentEncryption::Aes128Cbc.uri()]);
    }
    methods.push(OAEP);
    let wanted = |name: &String, required| RequestedAttribute {
        name: name.clone(),
        required,
        ..RequestedAttribute::default()
    };
    let subject = config.subject_attribute_name.iter().map(|name| wanted(name, true));
    let optional = [&config.email_attribute_name, &config.groups_attribute_name];
    let headers = config.header_attributes.iter().map(|header| &header.attribute_name);
    let optional = optional.into_iter().flatten().chain(&config.attributes).chain(headers);
    let mut requested: Vec<RequestedAttribute> = Vec::new();
    for attribute in subject.chain(optional.map(|name| wanted(name, false))) {
        if !requested.iter().any(|found| found.name == attribute.name) {
            requested.push(attribute);
        }
    }
    let role = ServiceProviderRole {
        signing,
        encryption,
        encryption_methods: methods.into_iter().map(str::to_owned).collect(),
        authn_requests_signed: config.sign_request,
        want_assertions_signed: !config.allow_unsigned_assertion,
        assertion_consumer_services: vec![IndexedEndpoint {
            binding: HTTP_POST.to_owned(),
            location: service.clone(),
            index: 0,
            is_default: Some(true),
        }],
        single_logout_services: vec![logout(HTTP_REDIRECT), logout(HTTP_POST)],
        name_id_formats: config.name_id_format.iter().cloned().collect(),
        requested_attributes: requested,
        ..ServiceProviderRole::default()
    };
    Entity {
        entity_id: us.entity_id,
        display_name: Some(visit.organization.name.clone()),
        service_provider: Some(role),
        ..Entity::default()
    }
}

fn nothing_here(visit: &Visit) -> Response {
    message::render(&message::View {
        frame: visit.frame(),
        status: 404,
        title: "There is nothing here",
        text: vec!["No SAML provider has its metadata at this address.".to_owned()],
        code: None,
        links: vec![home()],
    })
}
