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
    before_last, cut_assertion, cut_signature, refused, signed_response, unsigned,
};
use crate::assert_matches;
use crate::interop::schema::entity;
use crate::support::keys::IDP;
use crate::support::world::run;
use crate::support::wrapping::{
    appended, around, in_advice, xsw1, xsw2, xsw3, xsw4, xsw5, xsw6, xsw7, xsw7_same_id, xsw8,
};

fn of_signed_responses(attack: impl Fn(&str) -> String) -> Vec<ResponseError> {
    let of = |signed| {
        let (world, xml) = signed_response(signed);
        refused(&world, &attack(&xml))
    };
    [Signed::Response, Signed::Both].map(of).into()
}

/// The attack on the assertion, in responses that are signed in each of the three ways.
fn of_signed_assertions(attack: impl Fn(&str) -> String) -> Vec<ResponseError> {
    let of = |signed| {
        let (world, xml) = signed_response(signed);
        refused(&world, &attack(&xml))
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
    let errors = of_signed_responses(xsw1);
    all_misplaced(&errors);
}

#[test]
fn xsw2_original_response_before_the_signature() {
    let errors = of_signed_responses(xsw2);
    for error in errors {
        assert_matches!(error, ResponseError::Message(MessageError::Shape(ShapeError::Unexpected { found, .. })) if found == "Response");
    }
}

#[test]
fn xsw3_evil_assertion_before_the_signed_one() {
    let errors = of_signed_assertions(xsw3);
    assert_matches!(&errors[0], ResponseError::Assertions(2));
    // What is signed around it sees it first.
    for error in &errors[1..] {
        assert_matches!(error, ResponseError::Signature(SignatureError::Digest));
    }
}

#[test]
fn xsw4_signed_assertion_inside_the_evil_one() {
    let errors = of_signed_assertions(xsw4);
    all_misplaced(&errors);
}

#[test]
fn xsw5_signed_assertion_altered_and_the_original_appended() {
    let errors = of_signed_assertions(xsw5);
    assert_matches!(&errors[0], ResponseError::Assertions(2));
    for error in &errors[1..] {
        assert_matches!(error, ResponseError::Signature(SignatureError::Digest));
    }
}

#[test]
fn xsw6_original_assertion_inside_the_signature_of_the_evil_one() {
    let errors = of_signed_assertions(xsw6);
    for error in errors {
        // In the third case the issuer takes the place of the missing signature.
        assert_matches!(error, ResponseError::Misplaced(_));
    }
}

#[test]
fn xsw7_evil_assertion_in_extensions() {
    let errors = of_signed_assertions(xsw7);
    all_misplaced(&errors);
}

#[test]
fn xsw7_evil_assertion_with_the_same_id() {
    let (_, xml) = signed_response(Signed::Assertion);
    let xml = xsw7_same_id(&xml);
    let error = Document::parse(xml.as_bytes(), &Limits::MESSAGE).unwrap_err();
    assert_eq!(error.kind, saml::xml::XmlErrorKind::DuplicateId);
}

#[test]
fn xsw8_original_assertion_in_an_object_of_the_signature() {
    let errors = of_signed_assertions(xsw8);
    all_misplaced(&errors);
}

/// CVE-2022-41912 (crewjam/saml), CVE-2026-25922 (authentik).
#[test]
fn a_second_unsigned_assertion_before_or_behind() {
    let (world, xml) = signed_response(Signed::Assertion);
    for xml in [xsw3(&xml), appended(&xml)] {
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
    let errors = of_signed_assertions(in_advice);
    all_misplaced(&errors);
}

#[test]
fn a_response_around_the_response() {
    let errors = of_signed_responses(around);
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
