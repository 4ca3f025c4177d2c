//! The OASIS schemas, by xmllint, over everything that we write.

use std::path::Path;

use saml::authn_request::{Comparison, NameIdPolicy, RequestedAuthnContext};
use saml::binding::{Departure, HTTP_POST, HTTP_REDIRECT};
use saml::identity_provider::{Issue, Signed};
use saml::logout::LogoutParty;
use saml::metadata::{
    Endpoint, Entity, IdentityProviderRole, IndexedEndpoint, RequestedAttribute,
    ServiceProviderRole,
};
use saml::name_id::NameId;
use saml::peer::IdentityProviderPeer;
use saml::response::Status;
use saml::service_provider::Question;

use crate::support::keys::{IDP, IDP_NEXT, SP};
use crate::support::tools::{Files, program};
use crate::support::world::{World, message, now, random, recipient, run};

const SCHEMAS: &str = "/usr/share/xml/opensaml";

/// The schemas name each other by addresses on the web; they stand in Debian's packages.
const CATALOG: &str = r#"<catalog xmlns="urn:oasis:names:tc:entity:xmlns:xml:catalog">
<rewriteSystem systemIdStartString="http://www.w3.org/TR/2002/REC-xmldsig-core-20020212/" rewritePrefix="file:///usr/share/xml/xmltooling/"/>
<rewriteURI uriStartString="http://www.w3.org/TR/2002/REC-xmldsig-core-20020212/" rewritePrefix="file:///usr/share/xml/xmltooling/"/>
<rewriteSystem systemIdStartString="http://www.w3.org/TR/2002/REC-xmlenc-core-20021210/" rewritePrefix="file:///usr/share/xml/xmltooling/"/>
<rewriteURI uriStartString="http://www.w3.org/TR/2002/REC-xmlenc-core-20021210/" rewritePrefix="file:///usr/share/xml/xmltooling/"/>
<system systemId="http://www.w3.org/2001/xml.xsd" uri="file:///usr/share/xml/xmltooling/xml.xsd"/>
<uri name="http://www.w3.org/2001/xml.xsd" uri="file:///usr/share/xml/xmltooling/xml.xsd"/>
</catalog>"#;

fn validate(schema: &str, xml: &str) -> Option<(bool, String)> {
    let xmllint = program("xmllint")?;
    let schema = format!("{SCHEMAS}/saml-schema-{schema}-2.0.xsd");
    assert!(
        Path::new(&schema).exists() || std::env::var_os("CI").is_none(),
        "{schema} is missing: opensaml-schemas"
    );
    if !Path::new(&schema).exists() {
        return None;
    }
    let files = Files::new(&[("file.xml", xml), ("catalog.xml", CATALOG)]);
    Some(files.run(&xmllint, &["--nonet", "--noout", "--schema", &schema, "file.xml"]))
}

fn assert_valid(schema: &str, xml: &str) {
    if let Some((valid, said)) = validate(schema, xml) {
        assert!(valid, "{said}\n{xml}");
    }
}

#[test]
fn the_validator_sees_faults() {
    let xml = World::default().response(Signed::Both);
    let faulty = xml.replace("<saml:Subject>", "<saml:Subject x=\"\">");
    assert!(validate("protocol", &faulty).is_none_or(|(valid, _)| !valid));
}

#[test]
fn responses_are_valid() {
    let world = World::default();
    let to = recipient();
    let unnamed = Issue { name_id: None, attributes: &[], ..world.issue(Signed::Both) };
    let sealed = Issue {
        encrypted_to: Some(&to),
        name_encrypted_to: Some(&to),
        ..world.issue(Signed::Both)
    };
    let sealed_name = Issue { encrypted_to: None, ..sealed };
    for issue in [world.issue(Signed::Both), world.issue(Signed::Assertion), unnamed, sealed] {
        assert_valid("protocol", &message(&world.form(&issue)));
    }
    assert_valid("protocol", &message(&world.form(&sealed_name)));
    let status =
        Status::failure(Status::RESPONDER, Status::NO_PASSIVE).with_message("not without asking");
    let (target, signer, mut random) = (world.target(), IDP.rsa_signer(), random());
    let refusing = world.idp.refuse(&target, &status, &signer, &mut random, now());
    assert_valid("protocol", &message(&run(refusing).unwrap()));
}

/// By POST, where the signature is part of the message.
fn posting(world: &World) -> IdentityProviderPeer {
    let mut peer = world.idp_peer.clone();
    for endpoint in peer.single_sign_on_services.iter_mut().chain(&mut peer.single_logout_services)
    {
        HTTP_POST.clone_into(&mut endpoint.binding);
    }
    peer
}

fn posted(departure: &Departure) -> String {
    let Departure::Post(form) = departure else { panic!("{departure:?}") };
    message(form)
}

#[test]
fn requests_are_valid() {
    let world = World::default();
    let (peer, signer) = (posting(&world), SP.rsa_signer());
    let full = Question {
        force_authn: true,
        is_passive: true,
        subject: Some(NameId::new("alice", "urn:x")),
        name_id_policy: Some(NameIdPolicy { allow_create: true, ..NameIdPolicy::default() }),
        requested_authn_context: Some(RequestedAuthnContext {
            comparison: Comparison::Minimum,
            classes: vec!["urn:a".to_owned(), "urn:b".to_owned()],
        }),
    };
    for question in [Question::default(), full] {
        let mut random = random();
        let asking = world.sp.ask(&peer, &question, None, Some(&signer), &mut random, now());
        assert_valid("protocol", &posted(&run(asking).unwrap().departure));
    }
}

#[test]
fn logout_messages_are_valid() {
    let world = World::default();
    let (peer, signer, mut random) = (posting(&world), SP.rsa_signer(), random());
    let party = LogoutParty::new("https://sp.example", "https://sp.example/slo");
    let sessions = ["1".to_owned(), "2".to_owned()];
    let name = &world.name_id;
    let asking = party.ask(peer.logout(), name, &sessions, None, &signer, &mut random, now());
    assert_valid("protocol", &posted(&run(asking).unwrap().1));
    let status = Status::success();
    let answering = party.answer(peer.logout(), "_1", &status, None, &signer, &mut random, now());
    assert_valid("protocol", &posted(&run(answering).unwrap()));
}

pub fn entity() -> Entity {
    let endpoint = |binding: &str, response: bool| Endpoint {
        binding: binding.to_owned(),
        location: "https://us.example/a?b=c&d".to_owned(),
        response_location: response.then(|| "https://us.example/r".to_owned()),
    };
    Entity {
        entity_id: "https://us.example/".to_owned(),
        valid_until: Some(now()),
        display_name: Some("Us & <them>".to_owned()),
        identity_provider: Some(IdentityProviderRole {
            signing: vec![IDP.certificate.clone(), IDP_NEXT.certificate.clone()],
            encryption: vec![SP.certificate.clone()],
            want_authn_requests_signed: true,
            single_sign_on_services: vec![
                endpoint(HTTP_REDIRECT, false),
                endpoint(HTTP_POST, false),
            ],
            single_logout_services: vec![endpoint(HTTP_REDIRECT, true)],
            name_id_formats: vec!["urn:a".to_owned(), "urn:b".to_owned()],
            ..IdentityProviderRole::default()
        }),
        service_provider: Some(ServiceProviderRole {
            signing: vec![SP.certificate.clone()],
            encryption: vec![SP.certificate.clone()],
            encryption_methods: vec!["http://www.w3.org/2009/xmlenc11#aes256-gcm".to_owned()],
            authn_requests_signed: true,
            want_assertions_signed: true,
            assertion_consumer_services: vec![
                IndexedEndpoint {
                    binding: HTTP_POST.to_owned(),
                    location: "https://us.example/acs".to_owned(),
                    index: 0,
                    is_default: Some(true),
                },
                IndexedEndpoint {
                    binding: HTTP_POST.to_owned(),
                    location: "https://us.example/acs2".to_owned(),
                    index: 7,
                    is_default: None,
                },
            ],
            single_logout_services: vec![endpoint(HTTP_POST, false)],
            name_id_formats: vec!["urn:a".to_owned()],
            requested_attributes: vec![RequestedAttribute {
                name: "mail".to_owned(),
                required: true,
                ..RequestedAttribute::default()
            }],
            ..ServiceProviderRole::default()
        }),
    }
}

#[test]
fn metadata_is_valid() {
    let entity = entity();
    assert_valid("metadata", &entity.to_xml().unwrap());
    let signer = IDP.rsa_signer();
    assert_valid("metadata", &run(entity.to_signed_xml("_m", &signer)).unwrap());
    for role in [
        Entity { identity_provider: None, ..entity.clone() },
        Entity { service_provider: None, valid_until: None, display_name: None, ..entity },
    ] {
        assert_valid("metadata", &role.to_xml().unwrap());
    }
}
