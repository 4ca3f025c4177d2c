//! Genuine assertions in the wrong hands, at the wrong place or time.

use std::collections::BTreeSet;
use std::time::Duration;

use saml::assertion::{AuthnStatement, BEARER};
use saml::identity_provider::Signed;
use saml::message::MessageError;
use saml::native::Native;
use saml::peer::IdentityProviderPeer;
use saml::response::Status;
use saml::service_provider::{Expectation, ResponseError, ServiceProvider};
use saml::signature::SignatureError;
use saml::xml::ShapeError;

use super::surgery::{cut, refused, signed_response, unsigned};
use crate::assert_matches;
use crate::support::keys::{EVE, IDP, SP};
use crate::support::world::{ACS, IDP_ID, SP_ID, World, incoming, message, now, random, run};

const SECOND: Duration = Duration::from_secs(1);

/// A response whose assertion says something else, and is signed for it.
fn issued(alter: impl Fn(&str) -> String) -> (World, String) {
    let (world, xml) = signed_response(Signed::Assertion);
    let (before, assertion, after) = super::surgery::cut_assertion(&xml);
    let altered = alter(assertion);
    assert_ne!(altered, assertion, "nothing was altered");
    let signed = super::surgery::sign_element(&unsigned(&altered), &IDP);
    (world, [before, &signed, after].concat())
}

/// One assertion, twice: at once, much later, and at another point of presence. What remembers is
/// the caller's store; this is what the library tells it.
#[test]
fn replay() {
    let (world, xml) = signed_response(Signed::Both);
    let mut spent = BTreeSet::new();
    let first = world.receive(&xml).unwrap();
    assert!(spent.insert(first.once.key.clone()));
    let again = world.receive(&xml).unwrap();
    assert!(!spent.insert(again.once.key), "the second time has another key");
    // The key outlives the assertion, whatever the clocks say.
    let last = world.sp.assertion_lifetime + world.sp.clock_skew;
    assert!(first.once.until >= now() + last);
    let late = World { now: first.once.until, ..World::default() };
    assert_matches!(refused(&late, &xml), ResponseError::IssueInstant(_));
    // Another identity provider may give the same ID, and means another assertion.
    let mut other = World::default();
    other.idp.entity_id = "https://other.example".to_owned();
    other.idp_peer.entity_id = "https://other.example".to_owned();
    let other = other.receive(&other.response(Signed::Both)).unwrap();
    assert_eq!(other.assertion.id, first.assertion.id);
    assert!(spent.insert(other.once.key));
}

/// Missing, wrong, another browser's: a response belongs to the request that this browser was sent
/// off with.
#[test]
fn in_response_to() {
    let (mut world, xml) = signed_response(Signed::Both);
    for expected in [None, Some("_other"), Some("_reques"), Some("_request2"), Some("")] {
        world.expected = expected;
        assert_matches!(refused(&world, &xml), ResponseError::InResponseTo { found: Some(_) });
    }
    // The assertion alone is signed: what is around it may say what it likes.
    let (mut world, xml) = signed_response(Signed::Assertion);
    world.expected = Some("_other");
    let xml = xml.replacen("InResponseTo=\"_request\"", "InResponseTo=\"_other\"", 1);
    assert_matches!(refused(&world, &xml), ResponseError::InResponseTo { found: Some(_) });
    // Nor may it say nothing, as if nobody had asked.
    world.expected = None;
    world.idp_peer.allow_unsolicited = true;
    let xml = xml.replacen("InResponseTo=\"_other\"", "", 1);
    assert_matches!(refused(&world, &xml), ResponseError::InResponseTo { found: Some(_) });
}

#[test]
fn unsolicited() {
    let mut world = World { expected: None, ..World::default() };
    let xml = world.response(Signed::Both);
    assert_matches!(refused(&world, &xml), ResponseError::Unsolicited);
    world.expected = Some("_mine");
    assert_matches!(refused(&world, &xml), ResponseError::Unsolicited);
    // Login CSRF: answering a request with an assertion that answers none.
    let around = world.response(Signed::Assertion);
    let (before, _, after) = super::surgery::cut_assertion(&around);
    let (_, assertion, _) = super::surgery::cut_assertion(&xml);
    let xml = [before, assertion, after].concat();
    assert_matches!(refused(&world, &xml), ResponseError::InResponseTo { found: None });
}

#[test]
fn audience() {
    for other in [
        "https://other.example/",
        "https://sp.example/metadata/",
        "https://sp.example/metadat",
        "https://SP.example/metadata",
        "https://sp.example/metadata?x",
        "http://sp.example/metadata",
        "https://sp.example/metadata.evil.test",
        "x https://sp.example/metadata",
    ] {
        let (world, xml) = issued(|xml| xml.replace(&format!(">{SP_ID}<"), &format!(">{other}<")));
        assert_matches!(refused(&world, &xml), ResponseError::Audience(_));
    }
    let restriction = "<saml:AudienceRestriction>";
    let (world, xml) = issued(|xml| {
        let (before, _, after) = cut(xml, restriction, "</saml:AudienceRestriction>");
        [before, after].concat()
    });
    assert_matches!(refused(&world, &xml), ResponseError::Audience(all) if all.is_empty());
    // Two restrictions: both must hold. Two audiences in one: either will do.
    let other = "<saml:Audience>https://other.example</saml:Audience>";
    let (world, xml) = issued(|xml| {
        xml.replace(
            restriction,
            &format!("{restriction}{other}</saml:AudienceRestriction>{restriction}"),
        )
    });
    assert_matches!(refused(&world, &xml), ResponseError::Audience(_));
    let (world, xml) = issued(|xml| xml.replace(restriction, &format!("{restriction}{other}")));
    world.receive(&xml).unwrap();
    let (world, xml) = issued(|xml| {
        let (before, _, after) = cut(xml, "<saml:Conditions ", "</saml:Conditions>");
        [before, after].concat()
    });
    assert_matches!(refused(&world, &xml), ResponseError::Audience(_));
}

#[test]
fn destination() {
    for other in [
        "https://other.example/acs",
        "https://sp.example/acs/",
        "https://sp.example/ac",
        "https://sp.example/acs?x=1",
        "https://sp.example:443/acs",
        "HTTPS://sp.example/acs",
        "",
    ] {
        let (mut world, xml) = signed_response(Signed::Both);
        world.sp.assertion_consumer_service = other.to_owned();
        assert_matches!(refused(&world, &xml), ResponseError::Destination(found) if found == ACS);
    }
    // A signed response says where it goes. One that is not signed need not: its assertion does.
    let attribute = format!(" Destination=\"{ACS}\"");
    let (world, xml) = signed_response(Signed::Both);
    let bare = xml.replacen(&attribute, "", 1);
    assert_matches!(refused(&world, &bare), ResponseError::NoDestination);
    let (world, xml) = signed_response(Signed::Assertion);
    world.receive(&xml.replacen(&attribute, "", 1)).unwrap();
}

#[test]
fn recipient() {
    let attribute = format!("Recipient=\"{ACS}\"");
    for other in [
        "Recipient=\"https://other.example/\"",
        "",
        "Recipient=\"\"",
        "recipient=\"https://sp.example/acs\"",
    ] {
        let (world, xml) = issued(|xml| xml.replace(&attribute, other));
        assert_matches!(refused(&world, &xml), ResponseError::Recipient(_));
    }
}

#[test]
fn issuer() {
    let wrong = |found: &str| matches!(found, "https://other.example/");
    let (mut world, xml) = signed_response(Signed::Both);
    world.idp_peer.entity_id = "https://mine.example".to_owned();
    assert_matches!(refused(&world, &xml), ResponseError::Issuer(found) if found == IDP_ID);
    let (world, xml) = issued(|xml| xml.replace(IDP_ID, "https://other.example/"));
    assert_matches!(refused(&world, &xml), ResponseError::Issuer(found) if wrong(&found));
    let (world, xml) = issued(|xml| {
        xml.replacen(
            "<saml:Issuer>",
            "<saml:Issuer Format=\"urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress\">",
            1,
        )
    });
    assert_matches!(
        refused(&world, &xml),
        ResponseError::Message(MessageError::Shape(ShapeError::Value { .. }))
    );
    let (world, xml) = issued(|xml| {
        let (before, _, after) = cut(xml, "<saml:Issuer>", "</saml:Issuer>");
        [before, after].concat()
    });
    refused(&world, &xml);
}

/// The edges of every instant, give or take the skew.
#[test]
fn time() {
    let (mut world, xml) = signed_response(Signed::Both);
    let skew = world.sp.clock_skew;
    let begin = now() - world.idp.clock_skew;
    let end = now() + world.idp.assertion_lifetime;
    for (at, good) in [
        (now() - skew, true),
        (now() - skew - SECOND, false),
        (begin - skew - SECOND, false),
        (end + skew - SECOND, true),
        (end + skew, false),
    ] {
        world.now = at;
        assert_eq!(world.receive(&xml).is_ok(), good, "{:?}", at.duration_since(now()));
    }
    world.now = end + skew;
    assert_matches!(refused(&world, &xml), ResponseError::Expired(_));
    // An assertion that would live for ever does not.
    let (mut world, xml) =
        issued(|xml| xml.replace("2026-11-21T14:05:00Z", "9999-12-31T23:59:59Z"));
    world.receive(&xml).unwrap();
    world.now = now() + world.sp.assertion_lifetime + skew + SECOND;
    assert_matches!(refused(&world, &xml), ResponseError::IssueInstant(_));
    let before = "NotBefore=\"2026-11-21T13:57:00Z\"";
    let (world, xml) = issued(|xml| xml.replace(before, "NotBefore=\"2026-11-21T14:03:01Z\""));
    assert_matches!(refused(&world, &xml), ResponseError::NotYet(_));
}

#[test]
fn instants_that_are_none() {
    for bad in [
        "2026-11-21T14:05:00",
        "2026-11-21T24:00:00Z",
        "2026-11-21",
        "",
        "never",
        "2026-11-21 14:05:00Z",
        "2026-13-01T00:00:00Z",
        "10000-01-01T00:00:00Z",
        "2026-11-21T14:05:00z",
    ] {
        for attribute in
            ["NotOnOrAfter", "NotBefore", "IssueInstant", "AuthnInstant", "SessionNotOnOrAfter"]
        {
            let (world, xml) = issued(|xml| {
                let (head, rest) = xml.split_once(&format!("{attribute}=\"")).unwrap();
                let (_, tail) = rest.split_once('"').unwrap();
                format!("{head}{attribute}=\"{bad}\"{tail}")
            });
            let error = refused(&world, &xml);
            assert_matches!(
                error,
                ResponseError::Message(MessageError::Shape(ShapeError::Value { .. }))
            );
        }
    }
    let (world, xml) =
        issued(|xml| xml.replace("2026-11-21T14:05:00Z", "2026-11-21T14:05:00.123456789012Z"));
    world.receive(&xml).unwrap();
}

#[test]
fn authentication_that_is_not_of_now() {
    let (world, xml) = issued(|xml| xml.replace("2026-11-21T22:00:00Z", "2026-11-21T13:57:00Z"));
    assert_matches!(refused(&world, &xml), ResponseError::Authentication);
    let authn =
        AuthnStatement { authn_instant: now() + Duration::from_mins(4), ..World::default().authn };
    let world = World { authn, ..World::default() };
    assert_matches!(refused(&world, &world.response(Signed::Both)), ResponseError::Authentication);
    // Forced, and yet done long before it was asked for.
    let (world, xml) = signed_response(Signed::Both);
    for (since, good) in [(now(), true), (now() + Duration::from_mins(4), false)] {
        let expectation =
            Expectation { in_response_to: world.expected, authenticated_since: Some(since) };
        let (incoming, keys) = (incoming(&xml), [SP.decrypter()]);
        let reading =
            world.sp.read_response(&incoming, &world.idp_peer, &expectation, &keys, &Native, now());
        assert_eq!(run(reading).is_ok(), good);
    }
}

/// A failure with an assertion in it is a failure.
#[test]
fn status() {
    let (world, xml) = signed_response(Signed::Assertion);
    for code in [
        Status::REQUESTER,
        Status::RESPONDER,
        Status::AUTHN_FAILED,
        "",
        "success",
        "urn:oasis:names:tc:SAML:2.0:status:success",
    ] {
        let xml = xml.replacen(Status::SUCCESS, code, 1);
        assert_matches!(refused(&world, &xml), ResponseError::Status(_));
    }
    let (before, _, after) = cut(&xml, "<samlp:Status>", "</samlp:Status>");
    assert_matches!(refused(&world, &[before, after].concat()), ResponseError::Message(_));
    let (target, signer, mut random) = (world.target(), IDP.rsa_signer(), random());
    let status = Status::failure(Status::RESPONDER, Status::NO_PASSIVE);
    let form = run(world.idp.refuse(&target, &status, &signer, &mut random, now())).unwrap();
    assert_matches!(refused(&world, &message(&form)), ResponseError::Status(found) if found == status);
}

#[test]
fn shapes() {
    let cut_out = |begin: &'static str, end: &'static str| {
        move |xml: &str| {
            let (before, _, after) = cut(xml, begin, end);
            [before, after].concat()
        }
    };
    let (world, xml) = issued(cut_out("<saml:AuthnStatement ", "</saml:AuthnStatement>"));
    assert_matches!(refused(&world, &xml), ResponseError::NoAuthnStatement);
    let (world, xml) = issued(cut_out("<saml:SubjectConfirmation ", "</saml:SubjectConfirmation>"));
    assert_matches!(refused(&world, &xml), ResponseError::NoBearer);
    let (world, xml) =
        issued(cut_out("<saml:SubjectConfirmationData ", "</saml:SubjectConfirmationData>"));
    assert_matches!(refused(&world, &xml), ResponseError::Recipient(None));
    let (world, xml) = issued(cut_out("<saml:Subject>", "</saml:Subject>"));
    assert_matches!(refused(&world, &xml), ResponseError::Message(_));
    for method in ["holder-of-key", "sender-vouches", "Bearer"] {
        let other = BEARER.replace("bearer", method);
        let (world, xml) = issued(|xml| xml.replace(BEARER, &other));
        assert_matches!(refused(&world, &xml), ResponseError::NoBearer);
    }
    let data = "<saml:SubjectConfirmationData ";
    let (world, xml) =
        issued(|xml| xml.replace(data, &format!("{data}NotBefore=\"2026-11-21T13:00:00Z\" ")));
    assert_matches!(refused(&world, &xml), ResponseError::Confirmation);
    let (world, xml) = issued(|xml| {
        let (head, rest) = xml.split_once(data).unwrap();
        format!("{head}{data}{}", rest.replacen(" NotOnOrAfter=\"2026-11-21T14:05:00Z\"", "", 1))
    });
    assert_matches!(refused(&world, &xml), ResponseError::Confirmation);
    // A condition that nobody here understands.
    let unknown =
        "<saml:Condition xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\" xsi:type=\"x\"/>";
    let (world, xml) =
        issued(|xml| xml.replace("</saml:Conditions>", &format!("{unknown}</saml:Conditions>")));
    assert_matches!(
        refused(&world, &xml),
        ResponseError::Message(MessageError::Shape(ShapeError::Unexpected { .. }))
    );
    for (old, new) in [
        ("Version=\"2.0\"", "Version=\"1.1\""),
        ("Version=\"2.0\"", ""),
        ("</saml:Subject>", "</saml:Subject>text"),
        ("<saml:Subject>", "<saml:Subject>text"),
        ("alice@example.com", "  "),
        ("</saml:AttributeStatement>", "<saml:EncryptedAttribute/></saml:AttributeStatement>"),
        ("</saml:AuthnStatement>", "</saml:AuthnStatement><saml:Statement/>"),
    ] {
        let (world, xml) = issued(|xml| xml.replacen(old, new, 1));
        assert_matches!(refused(&world, &xml), ResponseError::Message(_));
    }
}

/// Tenant A's identity provider at tenant B, and B's own name in A's mouth.
#[test]
fn another_tenants_identity_provider() {
    let a = World::default();
    let xml = a.response(Signed::Both);
    let b = IdentityProviderPeer {
        entity_id: IDP_ID.to_owned(),
        signing_keys: vec![EVE.public()],
        ..IdentityProviderPeer::default()
    };
    let world = World { idp_peer: b, ..World::default() };
    assert_matches!(
        refused(&world, &xml),
        ResponseError::Signature(SignatureError::NotTrusted { .. })
    );
    let sp = ServiceProvider::new("https://b.example", ACS);
    let world = World { sp, ..World::default() };
    assert_matches!(refused(&world, &xml), ResponseError::Audience(_));
}

#[test]
fn a_request_in_place_of_a_response() {
    let world = World::default();
    let xml = world.response(Signed::Both).replace("samlp:Response", "samlp:LogoutResponse");
    assert_matches!(refused(&world, &xml), ResponseError::Message(MessageError::Other { .. }));
}
