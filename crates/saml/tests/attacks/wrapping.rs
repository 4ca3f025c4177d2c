//! Signature wrapping (Somorovsky and others, USENIX Security 2012), in the shapes of SAML Raider,
//! on responses that are signed in each of the three ways; and the same on every other message that
//! we read.

use saml::identity_provider::Signed;
use saml::message::MessageError;
use saml::metadata::{Metadata, MetadataError};
use saml::native::Native;
use saml::service_provider::ResponseError;
use saml::signature::{SignatureError, Trust};
use saml::xml::{Document, Limits, ShapeError};

use super::surgery::{
    before_last, behind, cut, cut_assertion, cut_signature, evil, refused, signed_response,
    unsigned,
};
use crate::assert_matches;
use crate::interop::schema::entity;
use crate::support::keys::IDP;
use crate::support::world::run;

const ISSUER: &str = "</saml:Issuer>";

fn of_signed_responses(attack: impl Fn(&str) -> String) -> Vec<ResponseError> {
    let of = |signed| {
        let (world, xml) = signed_response(signed);
        refused(&world, &attack(&xml))
    };
    [Signed::Response, Signed::Both].map(of).into()
}

/// The attack on the assertion, in responses that are signed in each of the three ways.
fn of_signed_assertions(attack: impl Fn(&str, &str, &str) -> String) -> Vec<ResponseError> {
    let of = |signed| {
        let (world, xml) = signed_response(signed);
        let (before, assertion, after) = cut_assertion(&xml);
        refused(&world, &attack(before, assertion, after))
    };
    [Signed::Assertion, Signed::Both, Signed::Response].map(of).into()
}

#[track_caller]
fn all_misplaced(errors: &[ResponseError]) {
    for error in errors {
        assert_matches!(error, ResponseError::Misplaced(_));
    }
}

#[test]
fn xsw1_original_response_inside_the_signature() {
    let errors = of_signed_responses(|xml| {
        let (before, signature, after) = cut_signature(xml);
        let original = unsigned(xml);
        let signature = before_last(signature, "</ds:Signature>", &original);
        let (before, after) = (evil(before), after.replace("alice@", "eve@"));
        // A tree has each ID once: the copy that is shown carries another assertion.
        let after = after.replacen(" ID=\"", " ID=\"_evil", 1);
        [before, signature, after].concat()
    });
    all_misplaced(&errors);
}

#[test]
fn xsw2_original_response_before_the_signature() {
    let errors = of_signed_responses(|xml| {
        let (before, signature, after) = cut_signature(xml);
        let after = after.replacen(" ID=\"", " ID=\"_evil", 1);
        [&evil(before), &unsigned(xml), signature, &after].concat()
    });
    for error in errors {
        assert_matches!(error, ResponseError::Message(MessageError::Shape(ShapeError::Unexpected { found, .. })) if found == "Response");
    }
}

#[test]
fn xsw3_evil_assertion_before_the_signed_one() {
    let errors = of_signed_assertions(|before, assertion, after| {
        let evil = evil(&if assertion.contains("<ds:Signature ") {
            unsigned(assertion)
        } else {
            assertion.to_owned()
        });
        [before, &evil, assertion, after].concat()
    });
    assert_matches!(&errors[0], ResponseError::Assertions(2));
    // What is signed around it sees it first.
    for error in &errors[1..] {
        assert_matches!(error, ResponseError::Signature(SignatureError::Digest));
    }
}

fn stripped(assertion: &str) -> String {
    if assertion.contains("<ds:Signature ") { unsigned(assertion) } else { assertion.to_owned() }
}

#[test]
fn xsw4_signed_assertion_inside_the_evil_one() {
    let errors = of_signed_assertions(|before, assertion, after| {
        let around = before_last(&evil(&stripped(assertion)), "</saml:Assertion>", assertion);
        [before, &around, after].concat()
    });
    all_misplaced(&errors);
}

#[test]
fn xsw5_signed_assertion_altered_and_the_original_appended() {
    let errors = of_signed_assertions(|before, assertion, after| {
        [before, &evil(assertion), &stripped(assertion), after].concat()
    });
    assert_matches!(&errors[0], ResponseError::Assertions(2));
    for error in &errors[1..] {
        assert_matches!(error, ResponseError::Signature(SignatureError::Digest));
    }
}

#[test]
fn xsw6_original_assertion_inside_the_signature_of_the_evil_one() {
    let errors = of_signed_assertions(|before, assertion, after| {
        let evil = evil(assertion);
        let mark = if evil.contains("</ds:Signature>") { "</ds:Signature>" } else { ISSUER };
        [before, &before_last(&evil, mark, &stripped(assertion)), after].concat()
    });
    for error in errors {
        // In the third case the issuer takes the place of the missing signature.
        assert_matches!(error, ResponseError::Misplaced(_));
    }
}

#[test]
fn xsw7_evil_assertion_in_extensions() {
    let errors = of_signed_assertions(|before, assertion, after| {
        let extensions =
            format!("<samlp:Extensions>{}</samlp:Extensions>", evil(&stripped(assertion)));
        let mark = if before.contains("</ds:Signature>") { "</ds:Signature>" } else { ISSUER };
        [&behind(before, mark, &extensions), assertion, after].concat()
    });
    all_misplaced(&errors);
}

#[test]
fn xsw7_evil_assertion_with_the_same_id() {
    let (_, xml) = signed_response(Signed::Assertion);
    let (before, assertion, after) = cut_assertion(&xml);
    let evil = unsigned(assertion).replace("alice@", "eve@");
    let extensions = format!("<samlp:Extensions>{evil}</samlp:Extensions>");
    let xml = [&behind(before, ISSUER, &extensions), assertion, after].concat();
    let error = Document::parse(xml.as_bytes(), &Limits::MESSAGE).unwrap_err();
    assert_eq!(error.kind, saml::xml::XmlErrorKind::DuplicateId);
}

#[test]
fn xsw8_original_assertion_in_an_object_of_the_signature() {
    let errors = of_signed_assertions(|before, assertion, after| {
        let object = format!(
            "<ds:Object xmlns:ds=\"http://www.w3.org/2000/09/xmldsig#\">{}</ds:Object>",
            stripped(assertion)
        );
        let evil = evil(assertion);
        let mark = if evil.contains("</ds:Signature>") { "</ds:Signature>" } else { ISSUER };
        [before, &before_last(&evil, mark, &object), after].concat()
    });
    all_misplaced(&errors);
}

/// CVE-2022-41912 (crewjam/saml), CVE-2026-25922 (authentik).
#[test]
fn a_second_unsigned_assertion_before_or_behind() {
    let (world, xml) = signed_response(Signed::Assertion);
    let (before, assertion, after) = cut_assertion(&xml);
    let evil = evil(&unsigned(assertion));
    for xml in
        [[before, &evil, assertion, after].concat(), [before, assertion, &evil, after].concat()]
    {
        assert_matches!(refused(&world, &xml), ResponseError::Assertions(2));
    }
}

/// One that is empty, by an encrypted one that is not there.
#[test]
fn no_assertion_at_all() {
    let (world, xml) = signed_response(Signed::Assertion);
    let (before, _, after) = cut_assertion(&xml);
    assert_matches!(refused(&world, &[before, after].concat()), ResponseError::Assertions(0));
}

/// The verified node is the node that is read: what stands beside it in the same document, under
/// the same names, is not.
#[test]
fn an_assertion_in_advice() {
    let errors = of_signed_assertions(|before, assertion, after| {
        let advice = format!("<saml:Advice>{}</saml:Advice>", evil(&stripped(assertion)));
        [before, &behind(assertion, "</saml:Conditions>", &advice), after].concat()
    });
    all_misplaced(&errors);
}

#[test]
fn a_response_around_the_response() {
    let errors = of_signed_responses(|xml| {
        let (before, status, after) = cut(xml, "<samlp:Status>", "</samlp:Status>");
        let shell = evil(&stripped(before));
        [&shell, status, xml, &evil(after).replace("_evil", "_other")].concat()
    });
    for error in errors {
        assert_matches!(
            error,
            ResponseError::Message(MessageError::Shape(ShapeError::Unexpected { .. }))
        );
    }
}

fn verify_metadata(xml: &str) -> MetadataError {
    let document = Document::parse(xml.as_bytes(), &Limits::METADATA).unwrap();
    let trust = Trust { keys: &[IDP.public()], sha1: false };
    match run(Metadata::verify(&document, trust, &Native)) {
        Ok(_) => panic!("{xml} is believed"),
        Err(error) => error,
    }
}

/// The same in metadata, where whoever wraps it plants keys.
#[test]
fn wrapped_metadata() {
    let signed = run(entity().to_signed_xml("_m", &IDP.rsa_signer())).unwrap();
    let evil = |xml: &str| xml.replace("us.example", "evil.test").replace("\"_m\"", "\"_evil\"");
    let original = unsigned(&signed);
    let (before, signature, after) = cut_signature(&signed);

    let inside = before_last(signature, "</ds:Signature>", &original);
    let xml = [evil(before), inside, evil(after)].concat();
    assert_matches!(verify_metadata(&xml), MetadataError::Signature(SignatureError::Shape(_)));

    let xml = [&evil(before), signature, &evil(after).replace("_evil", "_other")].concat();
    let xml = before_last(&xml, "</md:EntityDescriptor>", &original);
    assert_matches!(
        verify_metadata(&xml),
        MetadataError::Signature(SignatureError::Reference { .. })
    );

    let shell =
        "<md:EntitiesDescriptor xmlns:md=\"urn:oasis:names:tc:SAML:2.0:metadata\" ID=\"_s\">";
    let xml = format!("{shell}{}{signed}</md:EntitiesDescriptor>", evil(&original));
    assert_matches!(
        verify_metadata(&xml),
        MetadataError::Signature(SignatureError::Missing { .. })
    );

    assert_matches!(
        verify_metadata(&original),
        MetadataError::Signature(SignatureError::Missing { .. })
    );
    let xml = signed.replace("/acs\"", "/evil\"");
    assert_matches!(verify_metadata(&xml), MetadataError::Signature(SignatureError::Digest));
}
