//! Logging others out.

use std::time::Duration;

use saml::binding::{Departure, HTTP_POST, Incoming, post, redirect};
use saml::key::NoDecrypter;
use saml::logout::{LogoutError, LogoutParty, LogoutRequest};
use saml::native::Native;
use saml::response::Status;
use saml::signature::{SignatureError, Verified};

use super::surgery::{cut, sign_element, unsigned};
use crate::assert_matches;
use crate::support::keys::{EVE, SP, TestKey};
use crate::support::world::{IDP_ID, SP_ID, World, body, incoming, message, now, random, run};

const SLO: &str = "https://idp.example/slo";

fn idp() -> LogoutParty {
    LogoutParty::new(IDP_ID, SLO)
}

/// A request by the service provider to the identity provider, over either binding.
fn asked(world: &World, key: &TestKey, binding: Option<&str>) -> (String, Departure) {
    let sp = LogoutParty::new(SP_ID, "https://sp.example/slo");
    let mut peer = world.idp_peer.clone();
    if let Some(binding) = binding {
        binding.clone_into(&mut peer.single_logout_services[0].binding);
    }
    let (signer, mut random, sessions) = (key.rsa_signer(), random(), ["session-1".to_owned()]);
    let name = &world.name_id;
    run(sp.ask(peer.logout(), name, &sessions, Some("state"), &signer, &mut random, now())).unwrap()
}

fn arrived(departure: &Departure) -> Incoming {
    match departure {
        Departure::Redirect(address) => {
            redirect::decode(address.split_once('?').unwrap().1).unwrap()
        }
        Departure::Post(form) => post::decode(&body(&form.fields)).unwrap(),
    }
}

fn read(world: &World, incoming: &Incoming) -> Result<Verified<LogoutRequest>, LogoutError> {
    let peer = world.sp_peer.logout();
    run(idp().read_request(incoming, peer, &[NoDecrypter], &Native, world.now))
}

fn read_xml(world: &World, xml: &str) -> LogoutError {
    let form = post::Form::new(SLO, saml::binding::Kind::Request, xml, None);
    read(world, &arrived(&Departure::Post(form))).unwrap_err()
}

#[test]
fn a_logout_goes_round() {
    let world = World::default();
    for binding in [None, Some(saml::binding::HTTP_REDIRECT)] {
        let (id, departure) = asked(&world, &SP, binding);
        let request = read(&world, &arrived(&departure)).unwrap().into_inner();
        assert_eq!(request.id, id);
        assert_eq!(request.name_id, world.name_id);
        assert_eq!(request.session_indexes, ["session-1"]);
        assert_eq!(request.relay_state.as_deref(), Some("state"));

        let (idp, signer, mut random) = (idp(), crate::support::keys::IDP.rsa_signer(), random());
        let status = Status::failure(Status::RESPONDER, Status::PARTIAL_LOGOUT);
        let peer = world.sp_peer.logout();
        let answering =
            idp.answer(peer, &request.id, &status, Some("state"), &signer, &mut random, now());
        let arrived = arrived(&run(answering).unwrap());
        let sp = LogoutParty::new(SP_ID, "https://sp.example/slo");
        let peer = world.idp_peer.logout();
        let answer = run(sp.read_response(&arrived, peer, &id, &Native, now())).unwrap();
        assert_eq!(answer.get().status, status);
        let other = run(sp.read_response(&arrived, peer, "_other", &Native, now()));
        assert_matches!(other, Err(LogoutError::InResponseTo(_)));
        let peer = world.sp_peer.logout();
        let other = run(sp.read_response(&arrived, peer, &id, &Native, now()));
        assert_matches!(other, Err(LogoutError::Signature(_)));
    }
}

#[test]
fn forged_and_unsigned() {
    let mut world = World::default();
    for binding in [None, Some(saml::binding::HTTP_REDIRECT)] {
        let (_, departure) = asked(&world, &EVE, binding);
        let error = read(&world, &arrived(&departure)).unwrap_err();
        assert_matches!(error, LogoutError::Signature(SignatureError::NotTrusted { .. }));
    }
    let (_, departure) = asked(&world, &SP, Some(HTTP_POST));
    let Departure::Post(form) = &departure else { panic!() };
    let signed = message(form);
    let error = read_xml(&world, &unsigned(&signed));
    assert_matches!(error, LogoutError::Signature(SignatureError::Missing { .. }));
    let error = read_xml(&world, &signed.replace("alice@", "bob@"));
    assert_matches!(error, LogoutError::Signature(SignatureError::Digest));
    let error = read_xml(&world, &signed.replace("session-1", "session-2"));
    assert_matches!(error, LogoutError::Signature(SignatureError::Digest));
    // Wrapped: the signed request inside of another.
    let (before, signature, after) = super::surgery::cut_signature(&signed);
    let evil = [before, after].concat().replace("alice@", "bob@").replacen("ID=\"_", "ID=\"_e", 1);
    let inside = super::surgery::before_last(&evil, "</samlp:LogoutRequest>", &signed);
    let error = read_xml(&world, &inside);
    assert_matches!(error, LogoutError::Signature(SignatureError::Missing { .. }));
    let moved = super::surgery::behind(&evil, "</saml:Issuer>", signature);
    let error = read_xml(&world, &moved);
    assert_matches!(error, LogoutError::Signature(SignatureError::Reference { .. }));
    world.sp_peer.signing_keys.clear();
    let error = read(&world, &arrived(&departure)).unwrap_err();
    assert_matches!(error, LogoutError::Signature(SignatureError::NoKeys));
}

/// Signed by the peer, and yet not good here or now.
#[test]
fn genuine_but_not_here_and_now() {
    let world = World::default();
    let (_, departure) = asked(&world, &SP, Some(HTTP_POST));
    let Departure::Post(form) = &departure else { panic!() };
    let signed = message(form);
    let bare = unsigned(&signed);
    let altered = |old: &str, new: &str| {
        assert!(bare.contains(old));
        read_xml(&world, &sign_element(&bare.replacen(old, new, 1), &SP))
    };
    assert_matches!(altered(SLO, "https://other.example/slo"), LogoutError::Destination(_));
    assert_matches!(
        altered(&format!(" Destination=\"{SLO}\""), ""),
        LogoutError::Destination(None)
    );
    assert_matches!(altered(SP_ID, "https://other.example"), LogoutError::Issuer(_));
    assert_matches!(altered("2026-11-21T14:10:00Z", "2026-11-21T13:57:00Z"), LogoutError::Time);
    assert_matches!(
        altered("IssueInstant=\"2026-11-21T14", "IssueInstant=\"2026-11-21T15"),
        LogoutError::Time
    );
    assert_matches!(altered("alice@", "alice<!-- -->@"), LogoutError::Message(_));
    let (_, name, _) = cut(&bare, "<saml:NameID ", "</saml:NameID>");
    assert_matches!(altered(name, ""), LogoutError::Message(_));
    let late = World { now: now() + Duration::from_mins(14), ..World::default() };
    assert_matches!(read(&late, &arrived(&departure)).unwrap_err(), LogoutError::Time);
    let first = read(&world, &arrived(&departure)).unwrap();
    let again = read(&world, &arrived(&departure)).unwrap();
    assert_eq!(first.get().once, again.get().once);
    let response = incoming(&world.response(saml::identity_provider::Signed::Both));
    assert_matches!(
        read(&world, &response).unwrap_err(),
        LogoutError::Signature(_) | LogoutError::Message(_)
    );
}
