//! Metadata, ours and others'.

use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use saml::assertion::{Attribute, name_format};
use saml::binding::HTTP_POST;
use saml::certificate::CertificateError;
use saml::identity_provider::Signed;
use saml::key::SignatureAlgorithm;
use saml::metadata::{Doubt, Entity, Fault, Finding, Metadata, MetadataError, Plan};
use saml::name_id::format;
use saml::native::Native;
use saml::peer::{IdentityProviderPeer, ServiceProviderPeer};
use saml::signature::{SignatureError, Trust};
use saml::xml::{Document, Limits, ns};

use crate::assert_matches;
use crate::interop::schema::entity;
use crate::support::keys::{EVE, IDP, IDP_NEXT, SP};
use crate::support::world::{now, run};

#[test]
fn what_we_write_is_what_we_read() {
    let mut ours = entity();
    let read = Metadata::parse(ours.to_xml().unwrap().as_bytes()).unwrap();
    assert_eq!(read.entities, [ours.clone()]);

    let signer = IDP.rsa_signer();
    let signed = run(ours.to_signed_xml("_m", &signer)).unwrap();
    let document = Document::parse(signed.as_bytes(), &Limits::METADATA).unwrap();
    let trust = Trust { keys: &[EVE.public(), IDP.public()], sha1: false };
    let verified = run(Metadata::verify(&document, trust, &Native)).unwrap();
    assert_eq!(verified.get().entities, [ours.clone()]);
    let nobody = Trust { keys: &[], sha1: false };
    let error = run(Metadata::verify(&document, nobody, &Native)).unwrap_err();
    assert_matches!(error, MetadataError::Signature(SignatureError::NoKeys));

    // One that serves both purposes stands there once, without use.
    ours.identity_provider = None;
    let xml = ours.to_xml().unwrap();
    assert_eq!(xml.matches("<md:KeyDescriptor>").count(), 1);
}

/// Shibboleth's service provider signs by SHA-1 what it posts to an identity provider whose
/// metadata names no algorithm, and then is refused.
#[test]
fn our_metadata_names_every_algorithm_that_needs_no_leave() {
    let xml = entity().to_xml().unwrap();
    let document = Document::parse(xml.as_bytes(), &Limits::METADATA).unwrap();
    let extensions = document.root().elements().next().unwrap();
    assert!(extensions.is(ns::MD, "Extensions"));
    let named = |what| -> Vec<_> {
        let of_this_kind = extensions.elements().filter(|element| element.is(ns::ALG, what));
        of_this_kind.map(|element| element.attribute("Algorithm").unwrap().to_owned()).collect()
    };
    let digests = named("DigestMethod");
    assert_eq!(digests.len(), 3);
    assert_eq!(digests[0], "http://www.w3.org/2001/04/xmlenc#sha256");
    let signing = named("SigningMethod");
    let known = signing.iter().map(|uri| SignatureAlgorithm::from_uri(uri).unwrap());
    assert_eq!(
        known.collect::<Vec<_>>(),
        [
            SignatureAlgorithm::RsaSha256,
            SignatureAlgorithm::RsaSha384,
            SignatureAlgorithm::RsaSha512,
            SignatureAlgorithm::EcdsaSha256,
        ]
    );
}

#[test]
fn both_keys_of_a_roll_over_are_published_and_trusted() {
    let read = Metadata::parse(entity().to_xml().unwrap().as_bytes()).unwrap();
    let peer = IdentityProviderPeer::from_metadata(&read.entities[0]).unwrap();
    assert_eq!(peer.signing_keys, [IDP.public(), IDP_NEXT.public()]);
    assert!(peer.require_signed_assertions && !peer.allow_unsolicited);
    let peer = ServiceProviderPeer::from_metadata(&read.entities[0]).unwrap();
    assert!(peer.require_signed_requests);
    assert_eq!(peer.signing_keys, [SP.public()]);
}

/// As federations publish it: comments, extensions, other roles, several entities, keys without
/// use and without certificate, and an order that no schema has.
#[test]
fn metadata_as_it_is_found() {
    let certificate = BASE64_STANDARD.encode(SP.certificate.der());
    let xml = format!(
        r#"<?xml version="1.0" encoding="UTF-8"?>
<!-- a federation -->
<?xml-stylesheet href="x.xsl"?>
<EntitiesDescriptor xmlns="urn:oasis:names:tc:SAML:2.0:metadata" xmlns:ds="http://www.w3.org/2000/09/xmldsig#"
    validUntil="2026-12-01T00:00:00Z" cacheDuration="PT6H" Name="urn:x">
 <Extensions><x xmlns="urn:x"/></Extensions>
 <EntitiesDescriptor>
  <EntityDescriptor entityID=" https://sp.example/ " validUntil="2027-01-01T00:00:00Z">
   <SPSSODescriptor protocolSupportEnumeration="urn:oasis:names:tc:SAML:1.1:protocol">
    <AssertionConsumerService Binding="{HTTP_POST}" Location="https://sp.example/old" index="0"/>
   </SPSSODescriptor>
   <SPSSODescriptor protocolSupportEnumeration="urn:oasis:names:tc:SAML:1.1:protocol urn:oasis:names:tc:SAML:2.0:protocol">
    <Extensions><mdui:UIInfo xmlns:mdui="urn:oasis:names:tc:SAML:metadata:ui">
     <mdui:DisplayName xml:lang="de">Laden</mdui:DisplayName><mdui:DisplayName xml:lang="en"> Shop </mdui:DisplayName>
    </mdui:UIInfo></Extensions>
    <KeyDescriptor><ds:KeyInfo><ds:KeyName>k</ds:KeyName><ds:X509Data>
      <ds:X509Certificate>
        {certificate}
      </ds:X509Certificate></ds:X509Data></ds:KeyInfo></KeyDescriptor>
    <KeyDescriptor use="signing"><ds:KeyInfo><ds:KeyName>k2</ds:KeyName></ds:KeyInfo></KeyDescriptor>
    <KeyDescriptor use="signing"><ds:KeyInfo><ds:X509Data><ds:X509Certificate>AAAA</ds:X509Certificate></ds:X509Data></ds:KeyInfo></KeyDescriptor>
    <AssertionConsumerService Binding="{HTTP_POST}" Location="https://sp.example/1" index="1" isDefault="false"/>
    <AssertionConsumerService Binding="urn:oasis:names:tc:SAML:2.0:bindings:PAOS" Location="https://sp.example/2" index="2" isDefault="true"/>
    <AssertionConsumerService Binding="{HTTP_POST}" Location="https://sp.example/3" index="3"/>
    <AttributeConsumingService index="0"><ServiceName xml:lang="en">x</ServiceName>
     <RequestedAttribute FriendlyName="surname" NameFormat="urn:oasis:names:tc:SAML:2.0:attrname-format:basic"/>
     <RequestedAttribute Name="urn:oid:0.9.2342.19200300.100.1.3" FriendlyName="mail" isRequired="1"/></AttributeConsumingService>
    <NameIDFormat></NameIDFormat><NameIDFormat> urn:a </NameIDFormat>
   </SPSSODescriptor>
   <Organization><OrganizationName xml:lang="en">O</OrganizationName></Organization>
  </EntityDescriptor>
 </EntitiesDescriptor>
 <EntityDescriptor entityID="https://aa.example/"><AttributeAuthorityDescriptor protocolSupportEnumeration="urn:oasis:names:tc:SAML:2.0:protocol"/></EntityDescriptor>
</EntitiesDescriptor>"#
    );
    let metadata = Metadata::parse(xml.as_bytes()).unwrap();
    assert_eq!(metadata.cache_duration, Some(Duration::from_hours(6)));
    assert_eq!(metadata.entities.len(), 2);
    let entity = metadata.entity("https://sp.example/").unwrap();
    assert_eq!(entity.display_name.as_deref(), Some("Shop"));
    // The nearer end of the two around it.
    entity.check_validity(now()).unwrap();
    let error = entity.check_validity(now() + Duration::from_hours(24 * 10)).unwrap_err();
    assert_matches!(error, MetadataError::Expired { until, .. } if until == "2026-12-01T00:00:00Z");
    let role = entity.service_provider.as_ref().unwrap();
    assert_eq!(role.signing, std::slice::from_ref(&SP.certificate));
    assert_eq!(role.signing, role.encryption);
    assert_eq!(
        role.unusable_keys,
        [CertificateError::NoCertificate, CertificateError::NotACertificate]
    );
    assert_eq!(role.default_consumer_service().unwrap().location, "https://sp.example/3");
    assert_eq!(role.name_id_formats, ["urn:a"]);
    // Keycloak asks for one without `Name`, where its own mapper has none; that spoils nothing else.
    let requested: Vec<_> = role.requested_attributes.iter().map(|one| &*one.name).collect();
    assert_eq!(requested, ["urn:oid:0.9.2342.19200300.100.1.3"]);
    assert!(role.requested_attributes[0].required);
    let other = metadata.entity("https://aa.example/").unwrap();
    assert!(other.service_provider.is_none() && other.identity_provider.is_none());
    assert!(ServiceProviderPeer::from_metadata(other).is_none());
}

#[test]
fn metadata_that_says_two_things() {
    let entity = |id: &str, content: &str| {
        format!("<EntityDescriptor entityID=\"{id}\">{content}</EntityDescriptor>")
    };
    let all = |content: &str| {
        let xml = format!(
            "<EntitiesDescriptor xmlns=\"urn:oasis:names:tc:SAML:2.0:metadata\">{content}\
             </EntitiesDescriptor>"
        );
        Metadata::parse(xml.as_bytes()).unwrap_err()
    };
    let twice = [entity("a", ""), entity("a", "")].concat();
    assert_matches!(all(&twice), MetadataError::Duplicate(id) if id == "a");
    assert_matches!(all(""), MetadataError::Empty);
    assert_matches!(all(&entity("", "")), MetadataError::Shape(_));
    assert_matches!(all(&entity(&"x".repeat(1025), "")), MetadataError::Shape(_));
    let endpoint = format!(
        "<AssertionConsumerService Binding=\"{HTTP_POST}\" Location=\"https://a.example\" index=\"1\"/>"
    );
    let role = format!(
        "<SPSSODescriptor protocolSupportEnumeration=\"urn:oasis:names:tc:SAML:2.0:protocol\">\
         {endpoint}{endpoint}</SPSSODescriptor>"
    );
    assert_matches!(all(&entity("a", &role)), MetadataError::Index(1));
    let other = Metadata::parse(b"<html/>").unwrap_err();
    assert_matches!(other, MetadataError::NotMetadata(name) if name == "html");
}

#[test]
fn what_a_service_provider_will_refuse() {
    let mut entity = entity();
    entity.valid_until = None;
    let mail = Attribute { name: "mail".to_owned(), ..Attribute::default() };
    let plan = Plan {
        name_id_format: Some("urn:a"),
        attributes: &[mail],
        signed: Signed::Both,
        encrypted: true,
        require_signed_requests: true,
    };
    assert_eq!(entity.lint(&plan, now()), []);

    let faults = |entity: &Entity, plan: &Plan<'_>| -> Vec<Fault> {
        let found = entity.lint(plan, now()).into_iter();
        found
            .filter_map(|finding| match finding {
                Finding::Refused(fault) => Some(fault),
                Finding::Doubtful(_) => None,
            })
            .collect()
    };
    let other = Plan {
        name_id_format: Some(format::EMAIL),
        attributes: &[],
        signed: Signed::Response,
        ..plan
    };
    assert_eq!(
        faults(&entity, &other),
        [
            Fault::AssertionsNotSigned,
            Fault::NameIdFormat {
                wanted: vec!["urn:a".to_owned()],
                given: Some(format::EMAIL.to_owned())
            },
            Fault::AttributeMissing("mail".to_owned()),
        ]
    );
    let told = faults(&entity, &other)[1].to_string();
    assert_eq!(told, format!("it takes names of the format urn:a, and gets {}", format::EMAIL));
    let nameless = Plan { name_id_format: None, ..plan };
    assert_matches!(&faults(&entity, &nameless)[..], [Fault::NameIdFormat { given: None, .. }]);
    let mut bare = entity.clone();
    let role = bare.service_provider.as_mut().unwrap();
    role.signing.clear();
    role.encryption.clear();
    role.authn_requests_signed = false;
    role.encryption_methods = vec!["http://www.w3.org/2001/04/xmlenc#tripledes-cbc".to_owned()];
    role.assertion_consumer_services.clear();
    assert_matches!(
        &faults(&bare, &plan)[..],
        [
            Fault::NoConsumerService,
            Fault::NoSigningKey,
            Fault::NoEncryptionKey,
            Fault::NoEncryptionMethod(_),
        ]
    );
    let idp = Entity { service_provider: None, valid_until: Some(now()), ..entity.clone() };
    let later = now() + Duration::from_secs(1);
    let found = idp.lint(&plan, later);
    assert_eq!(
        found,
        [Finding::Refused(Fault::Expired), Finding::Refused(Fault::NotAServiceProvider)]
    );
}

#[test]
fn what_is_doubtful() {
    let mut entity = entity();
    entity.valid_until = Some(now() + Duration::from_hours(30));
    let role = entity.service_provider.as_mut().unwrap();
    role.single_logout_services.clear();
    role.authn_requests_signed = false;
    role.unusable_keys = vec![CertificateError::NoCertificate];
    role.assertion_consumer_services[0].location = "http://us.example/acs".to_owned();
    role.requested_attributes[0].name_format = Some(name_format::URI.to_owned());
    let mail = Attribute {
        name: "mail".to_owned(),
        name_format: Some(name_format::BASIC.to_owned()),
        ..Attribute::default()
    };
    let plan = Plan {
        name_id_format: Some("urn:a"),
        attributes: &[mail],
        signed: Signed::Both,
        encrypted: false,
        require_signed_requests: true,
    };
    let doubts = entity.lint(&plan, now());
    assert_matches!(
        &doubts[..],
        [
            Finding::Doubtful(Doubt::ExpiresSoon(2)),
            Finding::Doubtful(Doubt::UnusableKey(_)),
            Finding::Doubtful(Doubt::RequestsNotSigned),
            Finding::Doubtful(Doubt::PlainHttp(_)),
            Finding::Doubtful(Doubt::NameFormat { .. }),
            Finding::Doubtful(Doubt::NoLogout),
        ]
    );
    assert_eq!(doubts[0].to_string(), "the metadata runs out within 2 days");
    let year_5000 = now() + Duration::from_hours(24 * 365 * 3000);
    let found = entity.lint(&plan, year_5000);
    assert!(
        found.iter().any(
            |f| matches!(f, Finding::Doubtful(Doubt::CertificateExpired(name)) if name == "CN=sp")
        ),
        "{found:?}"
    );
}
