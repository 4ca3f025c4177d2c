//! Our two halves with each other: what is issued is believed.

use saml::authn_request::{Comparison, NameIdPolicy, RequestedAuthnContext};
use saml::binding::{Departure, redirect};
use saml::identity_provider::{Issue, Offer, Signed};
use saml::key::{NoSigner, SignatureAlgorithm};
use saml::name_id::format;
use saml::native::Native;
use saml::service_provider::Question;

use crate::support::keys::{ECDSA, IDP, IDP_NEXT, SP};
use crate::support::world::{ACS, SP_ID, World, incoming, message, now, random, recipient, run};

#[test]
fn what_is_issued_is_what_is_read() {
    let mut world = World::default();
    for signed in [Signed::Both, Signed::Assertion, Signed::Response] {
        world.idp_peer.require_signed_responses = signed != Signed::Assertion;
        world.idp_peer.require_signed_assertions = signed != Signed::Response;
        let login = world.receive(&world.response(signed)).unwrap();
        assert_eq!(login.name_id(), Some(&world.name_id));
        assert_eq!(login.assertion.attributes, world.attributes);
        assert_eq!(login.authn(), Some(&world.authn));
        assert_eq!(login.assertion.conditions.audiences, [[SP_ID]]);
        assert!(login.solicited);
        assert_eq!(login.attribute("groups").count(), 2);
    }
}

#[test]
fn every_signature_algorithm_is_made_and_checked() {
    for algorithm in [
        SignatureAlgorithm::RsaSha256,
        SignatureAlgorithm::RsaSha384,
        SignatureAlgorithm::RsaSha512,
        SignatureAlgorithm::EcdsaSha256,
    ] {
        let key = if algorithm == SignatureAlgorithm::EcdsaSha256 { &ECDSA } else { &IDP };
        let mut world = World::default();
        world.idp_peer.signing_keys = vec![key.public()];
        let issue = world.issue(Signed::Both);
        let form = world.form_by(&issue, &key.signer(algorithm), &Native);
        assert!(message(&form).contains(algorithm.uri()));
        world.receive(&message(&form)).unwrap();
    }
}

#[test]
fn an_assertion_and_a_name_are_encrypted_and_read() {
    let mut world = World::default();
    world.idp_peer.require_encryption = true;
    let to = recipient();
    for name_encrypted_to in [None, Some(&to)] {
        let issue =
            Issue { encrypted_to: Some(&to), name_encrypted_to, ..world.issue(Signed::Both) };
        let xml = message(&world.form(&issue));
        assert!(!xml.contains("alice"), "{xml}");
        assert_eq!(world.receive(&xml).unwrap().name_id(), Some(&world.name_id));
    }
    world.idp_peer.require_encryption = false;
    let issue = Issue { name_encrypted_to: Some(&to), ..world.issue(Signed::Both) };
    let xml = message(&world.form(&issue));
    assert!(xml.contains("EncryptedID") && !xml.contains("alice"), "{xml}");
    assert_eq!(world.receive(&xml).unwrap().name_id(), Some(&world.name_id));
}

#[test]
fn a_request_is_asked_accepted_and_answered() {
    let mut world = World::default();
    world.sp_peer.require_signed_requests = true;
    let question = Question {
        force_authn: true,
        name_id_policy: Some(NameIdPolicy {
            format: Some(format::EMAIL.to_owned()),
            ..NameIdPolicy::default()
        }),
        requested_authn_context: Some(RequestedAuthnContext {
            comparison: Comparison::Minimum,
            classes: vec!["weak".to_owned()],
        }),
        ..Question::default()
    };
    let signer = SP.rsa_signer();
    let state = "a b&c=\"é\"\u{1F600}+%20";
    let mut random = random();
    let asking =
        world.sp.ask(&world.idp_peer, &question, Some(state), Some(&signer), &mut random, now());
    let asked = run(asking).unwrap();
    let Departure::Redirect(address) = &asked.departure else { panic!("{asked:?}") };
    let (_, query) = address.split_once('?').unwrap();
    let incoming_request = redirect::decode(query).unwrap();
    assert_eq!(incoming_request.claimed_issuer(), Some(SP_ID));
    let reading = world.idp.read_request(&incoming_request, &world.sp_peer, &Native, now());
    let accepted = run(reading).unwrap();
    assert!(accepted.signed && accepted.request.force_authn);
    assert_eq!(accepted.request.id, asked.id);
    assert_eq!(accepted.target.location(), ACS);
    assert_eq!(accepted.target.relay_state(), Some(state));
    let offer = Offer {
        name_id: Some(&world.name_id),
        encrypts: false,
        class: "strong",
        strength: &["weak", "strong"],
    };
    accepted.check(&offer).unwrap();
    assert!(accepted.check(&Offer { class: "other", ..offer }).is_err());

    let issue = world.issue(Signed::Both);
    let signer = IDP.rsa_signer();
    let issuing = world.idp.issue(&accepted.target, &issue, &signer, &Native, &mut random, now());
    let form = run(issuing).unwrap();
    assert_eq!(form.action, ACS);
    assert_eq!(form.fields[1], ("RelayState", state.to_owned()));
    world.expected = Some(asked.id.leak());
    world.receive(&message(&form)).unwrap();
}

#[test]
fn an_unsigned_request_is_taken_where_the_operator_says_so() {
    let (world, question) = (World::default(), Question::default());
    let mut random = random();
    let asking =
        world.sp.ask(&world.idp_peer, &question, None, None::<&NoSigner>, &mut random, now());
    let Departure::Redirect(address) = run(asking).unwrap().departure else { panic!() };
    let request = redirect::decode(address.split_once('?').unwrap().1).unwrap();
    let accepted = run(world.idp.read_request(&request, &world.sp_peer, &Native, now())).unwrap();
    assert!(!accepted.signed);
    assert_eq!(accepted.target.relay_state(), None);
}

#[test]
fn either_key_of_a_roll_over_is_trusted() {
    let mut world = World::default();
    world.idp_peer.signing_keys = vec![IDP_NEXT.public(), IDP.public()];
    let issue = world.issue(Signed::Both);
    for key in [&IDP, &IDP_NEXT] {
        world.receive(&message(&world.form_by(&issue, &key.rsa_signer(), &Native))).unwrap();
    }
}

#[test]
fn a_response_that_nobody_asked_for_is_taken_where_the_operator_says_so() {
    let mut world = World { expected: None, ..World::default() };
    world.idp_peer.allow_unsolicited = true;
    let xml = world.response(Signed::Both);
    assert!(!xml.contains("InResponseTo"));
    let verified = world.receive_incoming(&incoming(&xml)).unwrap();
    assert!(!verified.get().solicited);
}
