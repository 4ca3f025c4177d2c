//! What a request may not bring an identity provider to do.

use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use saml::authn_request::ConsumerService;
use saml::binding::{HTTP_POST, post};
use saml::identity_provider::{Accepted, Offer, RequestError, Signed};
use saml::message::MessageError;
use saml::metadata::{IndexedEndpoint, Metadata, MetadataError};
use saml::native::Native;
use saml::response::Status;

use crate::assert_matches;
use crate::support::world::{ACS, SP_ID, SSO, World, body, message, now, run};

/// A request with these attributes and this content.
fn request(attributes: &str, content: &str) -> String {
    format!(
        "<samlp:AuthnRequest xmlns:samlp=\"urn:oasis:names:tc:SAML:2.0:protocol\" \
         xmlns:saml=\"urn:oasis:names:tc:SAML:2.0:assertion\" ID=\"_r\" Version=\"2.0\" \
         IssueInstant=\"2026-11-21T14:00:00Z\" {attributes}><saml:Issuer>{SP_ID}</saml:Issuer>\
         {content}</samlp:AuthnRequest>"
    )
}

fn read(world: &World, xml: &str) -> Result<Accepted, RequestError> {
    let fields = [("SAMLRequest", BASE64_STANDARD.encode(xml))];
    let incoming = post::decode(&body(&fields)).unwrap();
    run(world.idp.read_request(&incoming, &world.sp_peer, &Native, world.now))
}

fn with_consumers() -> World {
    let mut world = World::default();
    for (index, location, binding) in [
        (1, "https://sp.example/second", HTTP_POST),
        (2, "https://sp.example/artifact", "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Artifact"),
    ] {
        world.sp_peer.assertion_consumer_services.push(IndexedEndpoint {
            binding: binding.to_owned(),
            location: location.to_owned(),
            index,
            is_default: None,
        });
    }
    world
}

/// Only a registered endpoint gets an answer, compared byte by byte.
#[test]
fn endpoint_injection() {
    let world = with_consumers();
    for location in [
        "https://evil.test/",
        "https://sp.example/acs/",
        "https://sp.example/acs?x",
        "https://sp.example/ac",
        "https://sp.example/acs#x",
        "https://sp.example@evil.test/acs",
        "https://sp.example\\@evil.test/acs",
        "https://SP.example/acs",
        "https://sp.example:443/acs",
        "http://sp.example/acs",
        "//sp.example/acs",
        "https://sp.example/%61cs",
        "https://sp.example/./acs",
        "https://sp.example/artifact",
        "javascript:alert(1)",
        "",
    ] {
        let xml = request(&format!("AssertionConsumerServiceURL=\"{location}\""), "");
        assert_matches!(read(&world, &xml), Err(RequestError::ConsumerService));
    }
    for index in ["2", "3", "65535"] {
        let xml = request(&format!("AssertionConsumerServiceIndex=\"{index}\""), "");
        assert_matches!(read(&world, &xml), Err(RequestError::ConsumerService));
    }
    for index in ["-1", "65536", "x", "", "1.0", "+1"] {
        let xml = request(&format!("AssertionConsumerServiceIndex=\"{index}\""), "");
        assert_matches!(read(&world, &xml), Err(RequestError::Message(MessageError::Shape(_))));
    }
    let both = format!("AssertionConsumerServiceIndex=\"0\" AssertionConsumerServiceURL=\"{ACS}\"");
    assert_matches!(read(&world, &request(&both, "")), Err(RequestError::Message(_)));
    for (attributes, location) in [
        ("", ACS),
        ("AssertionConsumerServiceIndex=\"1\"", "https://sp.example/second"),
        ("AssertionConsumerServiceURL=\"https://sp.example/second\"", "https://sp.example/second"),
    ] {
        let accepted = read(&world, &request(attributes, "")).unwrap();
        assert_eq!(accepted.target.location(), location);
    }
    // What was kept of a request is checked anew when it is answered.
    let kept = ConsumerService::Location("https://evil.test/".to_owned());
    assert_matches!(world.sp_peer.target(&kept, None, None), Err(RequestError::ConsumerService));
}

/// Nor is a script registered as an endpoint.
#[test]
fn endpoints_that_are_no_addresses() {
    for location in [
        "javascript:alert(1)",
        "data:text/html,x",
        "https:sp.example",
        "/acs",
        "https://a b",
        "https://\u{a0}",
        "https://a@b/",
        "https:///x",
        "https://a\"b",
        "https://a\\b",
        "ftp://a",
        "https://",
        "https://a<b",
        "https://:443",
    ] {
        let mut world = World::default();
        world.sp_peer.assertion_consumer_services[0].location = location.to_owned();
        let target = world.sp_peer.target(&ConsumerService::Default, None, None);
        assert_matches!(target, Err(RequestError::ConsumerService));
        let escaped = location.replace('<', "&lt;").replace('"', "&quot;");
        let xml = format!(
            "<EntityDescriptor xmlns=\"urn:oasis:names:tc:SAML:2.0:metadata\" entityID=\"x\">\
             <SPSSODescriptor protocolSupportEnumeration=\"urn:oasis:names:tc:SAML:2.0:protocol\">\
             <AssertionConsumerService Binding=\"{HTTP_POST}\" index=\"0\" Location=\"{escaped}\"/>\
             </SPSSODescriptor></EntityDescriptor>"
        );
        assert_matches!(Metadata::parse(xml.as_bytes()), Err(MetadataError::Location(_)));
    }
}

/// Relay states come back byte for byte, and into no page as markup.
#[test]
fn relay_state() {
    for state in [
        "x".repeat(5000),
        "\"><script>alert(1)</script>".to_owned(),
        "{\"a\":\"b'c\"}".to_owned(),
        "javascript:alert(1)".to_owned(),
        "http:www.evil".to_owned(),
        "http:/\\evil".to_owned(),
        "//evil".to_owned(),
        "é\u{1F600}\u{a0}%20+&amp;".to_owned(),
        String::new(),
        "</form><form action=//evil>".to_owned(),
        "a\r\nb\nc".to_owned(),
    ] {
        let world = World::default();
        let fields = [
            ("SAMLRequest", BASE64_STANDARD.encode(request("", ""))),
            ("RelayState", state.clone()),
        ];
        let incoming = post::decode(&body(&fields)).unwrap();
        let accepted =
            run(world.idp.read_request(&incoming, &world.sp_peer, &Native, now())).unwrap();
        assert_eq!(accepted.target.relay_state(), Some(&*state));
        let form = {
            let mut random = crate::support::world::random();
            let (issue, signer) =
                (world.issue(Signed::Both), crate::support::keys::IDP.rsa_signer());
            run(world.idp.issue(&accepted.target, &issue, &signer, &Native, &mut random, now()))
                .unwrap()
        };
        assert_eq!(form.fields[1].1, state);
        let page = form.page(Some("n\"once"));
        assert_eq!(page.matches("<script").count(), 1);
        assert_eq!(page.matches("<form").count(), 1);
        assert!(page.contains("nonce=\"n&quot;once\""));
        let value = page.split("name=\"RelayState\" value=\"").nth(1).unwrap();
        let value = value.split('"').next().unwrap();
        let back = value
            .replace("&lt;", "<")
            .replace("&gt;", ">")
            .replace("&quot;", "\"")
            .replace("&#39;", "'")
            .replace("&#13;", "\r")
            .replace("&#10;", "\n")
            .replace("&amp;", "&");
        assert_eq!(back, state);
    }
    // What is no text cannot come back as it was.
    let body = format!("SAMLRequest={}&RelayState=%FF", BASE64_STANDARD.encode("<a/>"));
    post::decode(&body).unwrap_err();
}

#[test]
fn issuer_destination_and_time() {
    let world = World::default();
    let other = request("", "").replace(SP_ID, "https://other.example");
    assert_matches!(read(&world, &other), Err(RequestError::Issuer(_)));
    let nobody = request("", "").replace(&format!("<saml:Issuer>{SP_ID}</saml:Issuer>"), "");
    assert_matches!(read(&world, &nobody), Err(RequestError::Message(_)));
    for destination in
        ["https://evil.test/", "https://idp.example/sso/", "", "https://IDP.example/sso"]
    {
        let xml = request(&format!("Destination=\"{destination}\""), "");
        assert_matches!(read(&world, &xml), Err(RequestError::Destination(_)));
    }
    read(&world, &request(&format!("Destination=\"{SSO}\""), "")).unwrap();
    let xml = request("", "");
    for (at, good) in [
        (now() + Duration::from_mins(13), true),
        (now() + Duration::from_mins(13) + Duration::from_secs(1), false),
        (now() - Duration::from_mins(3), true),
        (now() - Duration::from_mins(3) - Duration::from_secs(1), false),
    ] {
        let world = World { now: at, ..World::default() };
        assert_eq!(read(&world, &xml).is_ok(), good);
    }
}

/// One request, one answer, also when it is IdP-initiated sign-in that comes second: one store.
#[test]
fn replayed_requests() {
    let world = World::default();
    let first = read(&world, &request("", "")).unwrap();
    let again = read(&world, &request("ForceAuthn=\"true\"", "")).unwrap();
    assert_eq!(first.once, again.once);
    let other = read(&world, &request("", "").replace("\"_r\"", "\"_s\"")).unwrap();
    assert_ne!(first.once.key, other.once.key);
    assert!(first.once.until > now());
}

/// What is asked for and cannot be had is answered with the status that says so.
#[test]
fn policies() {
    let world = World::default();
    let offer = Offer {
        name_id: Some(&world.name_id),
        encrypts: false,
        class: "middle",
        strength: &["weak", "middle", "strong"],
    };
    let status = |attributes: &str, content: &str, offer: &Offer<'_>| {
        let checked = read(&world, &request(attributes, content)).unwrap().check(offer);
        checked.err().map(|status| status.subcode.unwrap())
    };
    let policy =
        |attributes: &str| status("", &format!("<samlp:NameIDPolicy {attributes}/>"), &offer);
    let email = "Format=\"urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress\"";
    let unspecified = "Format=\"urn:oasis:names:tc:SAML:1.1:nameid-format:unspecified\"";
    let persistent = "Format=\"urn:oasis:names:tc:SAML:2.0:nameid-format:persistent\"";
    let encrypted = "Format=\"urn:oasis:names:tc:SAML:2.0:nameid-format:encrypted\"";
    for good in
        ["", email, unspecified, "AllowCreate=\"1\"", &format!("SPNameQualifier=\"{SP_ID}\"")]
    {
        assert_eq!(policy(good), None, "{good}");
    }
    for bad in [persistent, encrypted, "SPNameQualifier=\"https://other.example\""] {
        assert_eq!(policy(bad).as_deref(), Some(Status::INVALID_NAME_ID_POLICY), "{bad}");
    }
    let context = |comparison: &str, classes: &[&str]| {
        let classes: String = classes
            .iter()
            .map(|class| format!("<saml:AuthnContextClassRef>{class}</saml:AuthnContextClassRef>"))
            .collect();
        let content = format!(
            "<samlp:RequestedAuthnContext {comparison}>{classes}</samlp:RequestedAuthnContext>"
        );
        status("", &content, &offer).is_none()
    };
    for (comparison, classes, good) in [
        ("", &["middle"][..], true),
        ("", &["weak", "middle"], true),
        ("", &["weak"], false),
        ("", &["other"], false),
        ("Comparison=\"exact\"", &["strong"], false),
        ("Comparison=\"minimum\"", &["weak"], true),
        ("Comparison=\"minimum\"", &["strong"], false),
        ("Comparison=\"minimum\"", &["other"], false),
        ("Comparison=\"maximum\"", &["strong"], true),
        ("Comparison=\"maximum\"", &["weak"], false),
        ("Comparison=\"better\"", &["weak"], true),
        ("Comparison=\"better\"", &["middle"], false),
        ("Comparison=\"better\"", &["weak", "strong"], false),
        ("Comparison=\"better\"", &["other"], false),
    ] {
        assert_eq!(context(comparison, classes), good, "{comparison} {classes:?}");
    }
    let artifact = "ProtocolBinding=\"urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Artifact\"";
    assert_eq!(status(artifact, "", &offer).as_deref(), Some(Status::UNSUPPORTED_BINDING));
    assert_eq!(status(&format!("ProtocolBinding=\"{HTTP_POST}\""), "", &offer), None);
    // An answer about another person than the one that was asked about.
    let subject = |name: &str| {
        status(
            "",
            &format!("<saml:Subject><saml:NameID>{name}</saml:NameID></saml:Subject>"),
            &offer,
        )
    };
    assert_eq!(subject("alice@example.com"), None);
    assert_eq!(subject("bob@example.com").as_deref(), Some(Status::UNKNOWN_PRINCIPAL));
}

#[test]
fn shapes() {
    let world = World::default();
    for (attributes, content) in [
        ("ForceAuthn=\"yes\"", ""),
        ("IsPassive=\"\"", ""),
        ("", "<samlp:Unknown/>"),
        ("", "text"),
        ("", "<samlp:RequestedAuthnContext/>"),
        ("", "<samlp:RequestedAuthnContext Comparison=\"most\"/>"),
        ("", "<samlp:NameIDPolicy/><samlp:NameIDPolicy/>"),
        ("", "<samlp:Scoping/><samlp:NameIDPolicy/>"),
        ("", "<saml:Subject><saml:NameID>a<!-- -->b</saml:NameID></saml:Subject>"),
    ] {
        let error = read(&world, &request(attributes, content)).unwrap_err();
        assert_matches!(error, RequestError::Message(_));
    }
    let long = request("", "").replace("\"_r\"", &format!("\"_{}\"", "r".repeat(300)));
    for xml in [
        long,
        request("", "").replace("\"_r\"", "\"1\""),
        request("", "").replace("\"_r\"", "\"\""),
        request("", "").replace("\"_r\"", "\"a b\""),
        request("", "").replace("\"2.0\"", "\"2.1\""),
        request("", "").replace("AuthnRequest", "Response"),
        request("", "").replace("SAML:2.0:protocol", "SAML:1.0:protocol"),
    ] {
        assert_matches!(read(&world, &xml).unwrap_err(), RequestError::Message(_));
    }
    let response = World::default().response(Signed::Both);
    let incoming = crate::support::world::incoming(&response);
    let reading = world.idp.read_request(&incoming, &world.sp_peer, &Native, now());
    assert_matches!(run(reading).unwrap_err(), RequestError::NotARequest);
    assert!(message(&world.form(&world.issue(Signed::Both))).starts_with("<samlp:Response "));
}
