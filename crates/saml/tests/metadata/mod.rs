//! Metadata, ours and others'.

use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use saml::binding::HTTP_POST;
use saml::certificate::CertificateError;
use saml::metadata::{Metadata, MetadataError};
use saml::native::Native;
use saml::peer::{IdentityProviderPeer, ServiceProviderPeer};
use saml::signature::{SignatureError, Trust};
use saml::xml::{Document, Limits};

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
     <RequestedAttribute Name="urn:oid:0.9.2342.19200300.100.1.3" FriendlyName="mail" isRequired="1"/></AttributeConsumingService>
    <NameIDFormat> urn:a </NameIDFormat>
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
