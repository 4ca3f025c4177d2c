//! A customer's own SAML identity provider as the way in.

use std::time::Duration;

use saml::metadata::Metadata;
use saml::name_id::format;
use saml::response::Status;
use serde_json::{Value, json};

use crate::crypto::at_once;
use crate::keys::{IDP, SP};
use crate::saml_case::says;
use crate::saml_idp::{SamlIdp, request_in};
use crate::world::{Browser, Reading as _, TEAM, WIKI, World};

#[test]
fn ada_signs_in_by_her_companys_provider() {
    let (mut world, mut browser) = (World::with_saml(|_| {}), Browser::default());
    let idp = SamlIdp::corp();
    let (at, page) = world.sign_in_by(&mut browser, &format!("{WIKI}/x?a=b"), &idp);
    assert_eq!((at.as_str(), page.status), (&*format!("{WIKI}/x?a=b"), 200), "{:?}", world.log);
    assert_eq!(page.body, "ada@example.com");
    let identity = world.log.last().unwrap().identity.clone().unwrap();
    assert_eq!((identity.subject.as_str(), identity.idp.id.as_str()), ("ada-7", "corp"));
    assert_eq!(identity.name.as_deref(), Some("Ada Lovelace"));
    let groups: Vec<_> = identity.groups.iter().filter_map(|g| g.name.as_deref()).collect();
    assert_eq!(groups, ["staff", "admins, all"]);
    assert_eq!(identity.claims["department"], "Engines");
    let shown = world.get(&mut browser, &format!("https://{TEAM}/access/get-identity"));
    let shown: Value = serde_json::from_str(&shown.body).unwrap();
    assert_eq!(shown["saml_attributes"]["department"], "Engines");
    assert_eq!(shown["oidc_fields"], Value::Null);
    assert_eq!(
        (identity.amr.as_slice(), identity.authenticated_at),
        (&["pwd".to_owned()][..], world.now)
    );
    let session = identity.saml.unwrap();
    assert_eq!(
        (session.name_id.as_str(), session.session_index.as_deref()),
        ("ada-7", Some("session-1"))
    );
    // On the team domain itself as well, and through the port that visitors reach us at.
    let (at, page) = world.sign_in_by(&mut Browser::default(), &format!("https://{TEAM}/"), &idp);
    assert_eq!((at, page.status), (format!("https://{TEAM}/"), 200));
}

#[test]
fn the_request_is_one_that_the_provider_takes() {
    let (mut world, mut browser) = (World::with_saml(|_| {}), Browser::default());
    let departure = world.depart(&mut browser, WIKI, "corp");
    let location = departure.location().unwrap();
    assert!(location.starts_with("https://idp.corp.test/sso?SAMLRequest="), "{location}");
    assert!(!location.contains("Signature="));
    let request = request_in(&departure);
    assert!(request.relay_state().unwrap().len() <= 80);
    let accepted = SamlIdp::corp().accept(&request, world.now);
    assert_eq!(accepted.target.location(), format!("https://{TEAM}/access/callback/corp"));
    assert!(!accepted.request.force_authn);
    assert_eq!(accepted.request.name_id_policy, None);
}

#[test]
fn requests_are_signed_and_ask_what_is_configured() {
    let persistent = format::PERSISTENT;
    let mut world = World::with_saml(|config| {
        config["sign_request"] = true.into();
        config["force_authn"] = true.into();
        config["name_id_format"] = persistent.into();
        config["single_sign_on_services"] = json!([
            { "binding": "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Artifact", "location": "https://x" },
            { "binding": "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST",
              "location": "https://idp.corp.test/post" },
            { "binding": "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect",
              "location": "https://idp.corp.test/sso?tenant=7" },
        ]);
    });
    let idp = |sso: &str| SamlIdp { sso: sso.to_owned(), want_signed: true, ..SamlIdp::corp() };
    let departure = world.depart(&mut Browser::default(), WIKI, "corp");
    let location = departure.location().unwrap();
    assert!(location.starts_with("https://idp.corp.test/sso?tenant=7&SAMLRequest="));
    let query = location.split_once("tenant=7&").unwrap().1;
    let request = saml::binding::redirect::decode(query).unwrap();
    let accepted = idp("https://idp.corp.test/sso?tenant=7").accept(&request, world.now).request;
    assert!(accepted.force_authn);
    assert_eq!(accepted.name_id_policy.unwrap().format.as_deref(), Some(persistent));

    // What would be too long is posted, where that is to be had, and signed inside.
    for (longest, posted) in [(location.len() + 200, false), (location.len() - 200, true)] {
        world.edit("idp:corp", |r| r["protocol"]["saml"]["max_sso_url_length"] = longest.into());
        let departure = world.depart(&mut Browser::default(), WIKI, "corp");
        assert_eq!(departure.location().is_none(), posted);
        if posted {
            assert!(departure.says("action=\"https://idp.corp.test/post\""));
            idp("https://idp.corp.test/post").accept(&request_in(&departure), world.now);
        }
    }
    world.edit("idp:corp", |record| {
        let services = &mut record["protocol"]["saml"]["single_sign_on_services"];
        services.as_array_mut().unwrap().remove(1);
    });
    assert!(world.depart(&mut Browser::default(), WIKI, "corp").location().is_some());

    // Without a key nothing is sent unsigned.
    world.records.remove("saml_keys:corp");
    let page = world.depart(&mut Browser::default(), WIKI, "corp");
    assert_eq!((page.status, page.location()), (403, None));
    says(world.last_reason(), &["signing key is missing"]);
}

#[test]
fn whoever_wants_to_be_asked_again_is() {
    for (ago, good) in [(Duration::ZERO, true), (Duration::from_mins(10), false)] {
        let (mut world, mut browser) = (World::with_saml(|_| {}), Browser::default());
        let idp = SamlIdp { authenticated_ago: ago, ..SamlIdp::corp() };
        let url = format!("https://{TEAM}/access/start/corp?again=1");
        let departure = world.get(&mut browser, &url);
        let accepted = idp.accept(&request_in(&departure), world.now);
        assert!(accepted.request.force_authn);
        let form = idp.answer(&accepted.target, world.now);
        world.arrive(&mut browser, &form);
        assert_eq!(world.control.sessions.len(), usize::from(good), "{:?}", world.log);
    }
    // A clock that is behind: the authentication is of now all the same, and not of before.
    let (mut world, mut browser) = (World::with_saml(|_| {}), Browser::default());
    let idp = SamlIdp { authenticated_ago: Duration::from_mins(2), ..SamlIdp::corp() };
    let departure = world.get(&mut browser, &format!("https://{TEAM}/access/start/corp?again=1"));
    let form = idp.answer(&idp.accept(&request_in(&departure), world.now).target, world.now);
    world.arrive(&mut browser, &form);
    let identity = world.log.last().unwrap().identity.as_ref().unwrap();
    assert_eq!(identity.authenticated_at, world.now);
}

/// Core §3.2.2.2: what the provider says in place of an answer.
#[test]
fn a_provider_that_says_no_is_heard() {
    for (code, subcode, title) in [
        (Status::RESPONDER, Status::AUTHN_FAILED, "You were not signed in"),
        (Status::RESPONDER, Status::REQUEST_DENIED, "You were not signed in"),
        (Status::RESPONDER, Status::NO_PASSIVE, "Your provider wants a word with you"),
        (Status::REQUESTER, Status::NO_AUTHN_CONTEXT, "Your provider asks for another way"),
        (Status::RESPONDER, "urn:x", "Your provider has trouble"),
        (Status::REQUESTER, Status::INVALID_NAME_ID_POLICY, "You were not signed in"),
    ] {
        let (mut world, mut browser) = (World::with_saml(|_| {}), Browser::default());
        let status = Status::failure(code, subcode).with_message("cancelled by <b>user</b>");
        let idp = SamlIdp { status: Some(status), ..SamlIdp::corp() };
        let (_, page) = world.sign_in_by(&mut browser, &format!("{WIKI}/x"), &idp);
        assert_eq!(page.status, 403);
        assert!(page.says(title) && !page.says("<b>"), "{}", page.body);
        says(world.last_reason(), &["the provider answered"]);
        assert!(world.control.sessions.is_empty());
        // And the way back is there.
        let again = page.link("Sign in again");
        let (_, page) = world.follow(&mut browser, &format!("https://{TEAM}{again}"));
        assert!(page.says("data-idp=\"corp\""));
    }
}

#[test]
fn an_attempt_that_is_old_or_gone_signs_nobody_in() {
    let (mut world, mut browser) = (World::with_saml(|_| {}), Browser::default());
    let idp = SamlIdp::corp();
    let form = world.asked(&mut browser, &format!("{WIKI}/x"), &idp);
    world.now += 24 * 3_600;
    world.deliver(&mut browser, &form);
    assert!(world.log.iter().any(|event| event.reason == "the attempt is too old"));
    assert!(world.control.sessions.is_empty());
    let form = world.asked(&mut browser, &format!("{WIKI}/x"), &idp);
    browser.cookies.retain(|(_, name), _| !name.starts_with("__Host-CF_Attempt_"));
    assert_eq!(world.deliver(&mut browser, &form).status, 400);
    says(world.last_reason(), &["nobody asked for this response"]);
}

/// Ten tabs at once do not disturb each other; the eleventh costs the oldest its place.
#[test]
fn ten_attempts_wait_in_one_browser() {
    let (mut world, mut browser) = (World::with_saml(|_| {}), Browser::default());
    let idp = SamlIdp::corp();
    let mut forms = Vec::new();
    for tab in 0..11 {
        world.now += 1;
        forms.push(world.asked(&mut browser, &format!("{WIKI}/{tab}"), &idp));
    }
    let waiting = |browser: &Browser| {
        let names = browser.cookies.keys().map(|(_, name)| name.as_str());
        names.filter(|name| name.starts_with("__Host-CF_Attempt_")).count()
    };
    assert_eq!(waiting(&browser), 10);
    assert_eq!(world.deliver(&mut browser, &forms[0]).status, 400);
    for tab in [10, 1, 5] {
        let mut one = browser.clone();
        let (at, page) = world.arrive(&mut one, &forms[tab]);
        assert_eq!((at, page.status), (format!("{WIKI}/{tab}"), 200));
    }
    // However long the addresses are, all of them together fit into a request.
    let long = "y".repeat(2_000);
    for tab in 0..12 {
        world.now += 1;
        world.asked(&mut browser, &format!("{WIKI}/{tab}?q={long}"), &idp);
        let bytes: usize = browser.cookies.values().map(String::len).sum();
        assert!(bytes < 14_000, "{bytes}");
        assert!(browser.cookies.values().all(|value| value.len() < 4_000));
    }
    // What is too long for any cookie returns to its page at least.
    let form = world.asked(&mut browser, &format!("{WIKI}/page?q={}", "z".repeat(2_900)), &idp);
    let (at, page) = world.arrive(&mut browser, &form);
    assert_eq!((at, page.status), (format!("{WIKI}/page"), 200));
}

#[test]
fn a_browser_without_cookies_is_told_so() {
    let (mut world, mut browser) = (World::with_saml(|_| {}), Browser::default());
    let form = world.asked(&mut browser, WIKI, &SamlIdp::corp());
    let page = world.deliver(&mut Browser::default(), &form);
    assert_eq!(page.status, 400);
    says(world.last_reason(), &["nobody asked for this response"]);
    assert!(world.control.sessions.is_empty());
}

#[test]
fn the_contracts_spelling_of_the_address_works_as_well() {
    let (mut world, mut browser) = (World::with_saml(|_| {}), Browser::default());
    let idp = SamlIdp::corp();
    let departure = world.depart(&mut browser, &format!("{WIKI}/x"), "corp");
    let accepted = idp.accept(&request_in(&departure), world.now);
    let service = format!("https://{TEAM}/cdn-cgi/access/callback/corp");
    let mut peer = saml::peer::ServiceProviderPeer::new(
        &format!("https://{TEAM}/access/callback/corp/saml-metadata"),
        &service,
    );
    peer.signing_keys.clear();
    let consumer = saml::authn_request::ConsumerService::Default;
    let target =
        peer.target(&consumer, Some(&accepted.request.id), request_in(&departure).relay_state());
    let form = idp.answer(&target.unwrap(), world.now);
    let (at, page) = world.arrive(&mut browser, &form);
    assert_eq!((at, page.status), (format!("{WIKI}/x"), 200), "{:?}", world.log);
}

#[test]
fn unsolicited_answers_lead_to_addresses_of_the_organisation_alone() {
    let allow = |config: &mut Value| config["allow_unsolicited"] = true.into();
    for (state, leads) in [
        (None, format!("https://{TEAM}/")),
        (Some(""), format!("https://{TEAM}/")),
        (Some("https://wiki.example.com/x?a=b"), format!("{WIKI}/x?a=b")),
        (Some("https://team.example.com/"), format!("https://{TEAM}/")),
        (Some("/"), format!("https://{TEAM}/")),
        (Some("https://evil.test/"), format!("https://{TEAM}/")),
        (Some("//evil.test/"), format!("https://{TEAM}/")),
        (Some("/\\evil.test/"), format!("https://{TEAM}/")),
        (Some("http://wiki.example.com/"), format!("https://{TEAM}/")),
        (Some("https://wiki.example.com@evil.test/"), format!("https://{TEAM}/")),
        (Some("https://wiki.example.com.evil.test/"), format!("https://{TEAM}/")),
        (Some("javascript:alert(1)"), format!("https://{TEAM}/")),
        (Some("https://team.example.com/access/logout"), format!("https://{TEAM}/")),
        (Some("https://other.example.com/"), format!("https://{TEAM}/")),
        (Some("a text of the provider's own"), format!("https://{TEAM}/")),
    ] {
        let (mut world, mut browser) = (World::with_saml(allow), Browser::default());
        world.put_application("other", "other.example.com", json!([]));
        world.edit("app:other", |app| app["auth_domain"] = "team.other.test".into());
        let idp = SamlIdp::corp();
        let form = idp.answer(&idp.target(None, state), world.now);
        let (at, page) = world.arrive(&mut browser, &form);
        assert_eq!((at, page.status), (leads, 200), "{state:?} {:?}", world.log);
        assert_eq!(world.control.sessions.len(), 1);
    }
}

/// What stands at the metadata's address is what a provider needs, and says nothing of others.
#[test]
fn our_metadata_is_signed_and_complete() {
    let mut world = World::with_saml(|config| {
        config["sign_request"] = true.into();
        config["subject_attribute_name"] = "uid".into();
        config["name_id_format"] = format::PERSISTENT.into();
    });
    let mut browser = Browser::default();
    let own = format!("https://{TEAM}/access/callback/corp/saml-metadata");
    let page = world.get(&mut browser, &own);
    assert_eq!(
        (page.status, page.header("content-type")),
        (200, Some("application/samlmetadata+xml"))
    );
    for other in
        ["/cdn-cgi/access/corp/saml-metadata", "/cdn-cgi/access/callback/corp/saml-metadata"]
    {
        assert_eq!(world.get(&mut browser, &format!("https://{TEAM}{other}")).body, page.body);
    }
    let document =
        saml::xml::Document::parse(page.body.as_bytes(), &saml::xml::Limits::METADATA).unwrap();
    let trust = saml::signature::Trust { keys: &[SP.public()], sha1: false };
    let metadata =
        at_once(Metadata::verify(&document, trust, &saml::native::Native)).unwrap().into_inner();
    let entity = &metadata.entities[0];
    assert_eq!(entity.entity_id, own);
    let role = entity.service_provider.as_ref().unwrap();
    assert!(role.authn_requests_signed && role.want_assertions_signed);
    assert_eq!(role.signing, std::slice::from_ref(&SP.certificate));
    assert_eq!(role.encryption, role.signing);
    assert!(role.encryption_methods.iter().any(|method| method.ends_with("aes256-gcm")));
    let service = format!("https://{TEAM}/access/callback/corp");
    assert_eq!(role.assertion_consumer_services[0].location, service);
    assert!(role.single_logout_services.iter().all(|one| one.location == service));
    assert_eq!(role.single_logout_services.len(), 2);
    assert_eq!(role.name_id_formats, [format::PERSISTENT]);
    // What is configured, and each once: pysaml2 doubles the values of a name with every alias that
    // it is asked for.
    let asked: Vec<_> = role.requested_attributes.iter().map(|a| (&*a.name, a.required)).collect();
    assert_eq!(asked, [("uid", true), ("department", false)]);

    // Both keys during a roll-over, and plain text where there is none.
    world.edit("saml_keys:corp", |record| {
        let next = json!({ "kid": "next", "use": "signing",
            "certificate": base64::Engine::encode(
                &base64::engine::general_purpose::STANDARD, IDP.certificate.der()) });
        record["keys"].as_array_mut().unwrap().push(next);
    });
    let page = world.get(&mut browser, &own);
    let metadata = Metadata::parse(page.body.as_bytes()).unwrap();
    assert_eq!(metadata.entities[0].service_provider.as_ref().unwrap().signing.len(), 2);
    world.records.remove("saml_keys:corp");
    assert_eq!(world.get(&mut browser, &own).status, 200);

    // The port that visitors reach us at is part of every address.
    world.https_port = Some(8443);
    let page = world.get(&mut browser, &own.replace(TEAM, &format!("{TEAM}:8443")));
    assert!(page.says(&format!("Location=\"https://{TEAM}:8443/access/callback/corp\"")));
    world.https_port = None;

    // Nobody else has any; the contract's address without a name knows which one is meant if there
    // is one.
    for path in [
        "/access/callback/one/saml-metadata",
        "/access/callback/none/saml-metadata",
        "/access/callback/corp/other",
        "/cdn-cgi/access/saml-metadata",
    ] {
        assert_eq!(world.get(&mut browser, &format!("https://{TEAM}{path}")).status, 404, "{path}");
    }
    world.edit(&format!("org:{TEAM}"), |organization| {
        organization["identity_providers"].as_array_mut().unwrap().pop();
    });
    let url = format!("https://{TEAM}/cdn-cgi/access/saml-metadata");
    assert_eq!(world.get(&mut browser, &url).status, 200);
    world.edit("idp:corp", |record| record["enabled"] = false.into());
    assert_eq!(world.get(&mut browser, &url).status, 404);
}
