//! Single logout with applications elsewhere: one of them asks, or the person signs out here.

use access::Response;
use saml::binding::{Departure, HTTP_POST, post};
use saml::name_id::NameId;
use saml::native::Native;
use saml::response::Status;
use saml::service_provider::Login;
use serde_json::json;

use crate::crypto::at_once;
use crate::keys::EVE;
use crate::saml_idp::SamlIdp;
use crate::shop::{Posted, Shop, posted, sso};
use crate::world::{Ask, Browser, Reading as _, TEAM, WIKI, World};

/// Somebody who has been in applications of these ids, in this order; and what these were told.
fn entered(ids: &[&'static str]) -> (World, Browser, Vec<(Shop, Login)>) {
    let (mut world, mut browser) = (World::new(), Browser::default());
    world.sign_in(&mut browser, WIKI, "one");
    let shops = ids.iter().map(|id| {
        world.put_shop(id);
        let mut shop = Shop::new(id);
        let (request, url) = shop.url(&world, None);
        let (_, page) = world.follow(&mut browser, &url);
        let login = shop.read(&world, &page, Some(&request)).unwrap();
        (shop, login)
    });
    let shops = shops.collect();
    world.log.clear();
    (world, browser, shops)
}

fn index(login: &Login) -> Vec<String> {
    vec![login.authn().unwrap().session_index.clone().unwrap()]
}

fn is_signed_in(world: &mut World, browser: &mut Browser) -> bool {
    world.get(browser, &format!("https://{TEAM}/access/get-identity")).status == 200
}

fn url(departure: Departure) -> String {
    match departure {
        Departure::Redirect(url) => url,
        Departure::Post(form) => panic!("a form for {}", form.action),
    }
}

fn location(response: &Response) -> String {
    response.location().unwrap_or_else(|| panic!("{}", response.body)).to_owned()
}

/// Asks, with what the application was told, and what comes of it.
fn asks(
    world: &mut World,
    browser: &mut Browser,
    shop: &mut Shop,
    login: &Login,
) -> (String, Response) {
    let name = login.name_id().unwrap().clone();
    let (id, departure) = shop.ask_logout(world, &name, &index(login), Some("back"));
    (id, world.get(browser, &url(departure)))
}

#[test]
fn an_application_signs_the_person_out_and_is_answered() {
    let (mut world, mut browser, mut shops) = entered(&["shop"]);
    let (shop, login) = &mut shops[0];
    let (id, response) = asks(&mut world, &mut browser, shop, login);
    let answer = location(&response);
    assert!(shop.read_logout(&world, &answer, &id).unwrap().is_success());
    assert!(answer.contains("&RelayState=back&"), "{answer}");
    assert!(!is_signed_in(&mut world, &mut browser));
    let event = world.log.last().unwrap();
    assert_eq!((event.action.as_str(), event.allowed), ("logout", true));
    assert_eq!(event.reason, "signed out, as the application asked (SAML)");
    assert_eq!(event.application_id.as_deref(), Some("shop"));
    // The application asks again, as the person reloads: there is nothing left to do.
    let (id, response) = asks(&mut world, &mut browser, shop, login);
    assert!(shop.read_logout(&world, &location(&response), &id).unwrap().is_success());
}

#[test]
fn an_application_that_posts_is_heard_though_no_session_came_with_it() {
    let (mut world, mut browser, mut shops) = entered(&["shop"]);
    let (shop, login) = &mut shops[0];
    HTTP_POST.clone_into(&mut shop.idp.single_logout_services[0].binding);
    let name = login.name_id().unwrap().clone();
    let asked = shop.ask_logout(&world, &name, &index(login), Some("{\"a\":\"b\"}\r\n"));
    let (id, Departure::Post(form)) = asked else { panic!("a form") };
    let page = world.post_from_elsewhere(&mut browser, &Posted::from(&form));
    assert!(is_signed_in(&mut world, &mut browser), "no cookie came along, so nothing happened");
    let again = posted(&page);
    assert_eq!(again.action, format!("{}/logout", sso("shop")));
    let fields: Vec<_> = again.fields.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
    let response = world.post(&mut browser, "/access/sso/saml/shop/logout", &fields);
    let answer = location(&response);
    assert!(shop.read_logout(&world, &answer, &id).unwrap().is_success());
    assert!(answer.contains("&RelayState=%7B%22a%22%3A%22b%22%7D%0D%0A&"), "{answer}");
    assert!(!is_signed_in(&mut world, &mut browser));
}

#[test]
fn whoever_is_asked_by_post_is_posted_to_by_a_page() {
    let (mut world, mut browser, mut shops) = entered(&["shop"]);
    world.edit_shop("shop", |saml| {
        saml["service_provider"]["single_logout_services"][0]["binding"] = HTTP_POST.into();
    });
    let (shop, login) = &mut shops[0];
    let (id, page) = asks(&mut world, &mut browser, shop, login);
    let form = posted(&page);
    assert_eq!(form.action, "https://shop.test/slo");
    assert_eq!(form.get("RelayState"), Some("back"));
    assert_eq!(page.header("cache-control"), Some("no-store"));
    let incoming = post::decode(&form.body()).unwrap();
    let us = shop.logout_party();
    let read = us.read_response(&incoming, shop.idp.logout(), &id, &Native, world.time());
    assert!(at_once(read).unwrap().get().status.is_success());
}

#[test]
fn signing_out_here_leads_through_every_application_that_was_entered() {
    let (mut world, mut browser, mut shops) = entered(&["shop", "desk", "mall"]);
    let response = world.post(&mut browser, "/access/logout", &[]);
    assert!(!is_signed_in(&mut world, &mut browser), "here it is over at once");
    let mut next = location(&response);
    for (shop, login) in shops.iter_mut().rev() {
        // It is told whom to sign out as it was told who signed in.
        let incoming = saml::binding::redirect::decode(next.split_once('?').unwrap().1).unwrap();
        let us = shop.logout_party();
        let decrypters = [shop.key.decrypter()];
        let peer = shop.idp.logout();
        let read = us.read_request(&incoming, peer, &decrypters, &Native, world.time());
        let request = at_once(read).unwrap().into_inner();
        assert_eq!(&request.name_id, login.name_id().unwrap());
        assert_eq!(request.session_indexes, index(login));
        let back = shop.answer_logout(&world, &next, &Status::success());
        let response = world.get(&mut browser, &back);
        next = response.location().unwrap_or_default().to_owned();
        if next.is_empty() {
            assert_eq!(response.status, 200);
            assert!(response.says("You are signed out") && !response.says("did not say"));
        }
    }
    assert!(next.is_empty(), "and ends here: {next}");
    assert!(browser.cookies.keys().all(|(_, name)| !name.contains("Saml")), "nothing is left");
    assert!(world.log.iter().all(|event| event.allowed), "{:?}", world.log);
}

#[test]
fn signing_out_everywhere_or_with_a_way_back_ends_where_it_would_end() {
    for (form, end) in [
        (("everywhere", "1"), None),
        (("returnTo", "https://wiki.example.com/bye"), Some("https://wiki.example.com/bye")),
    ] {
        let (mut world, mut browser, mut shops) = entered(&["shop"]);
        let response = world.post(&mut browser, "/access/logout", &[form]);
        let back = shops[0].0.answer_logout(&world, &location(&response), &Status::success());
        let response = world.get(&mut browser, &back);
        assert_eq!(response.location(), end);
        assert_eq!(response.says("On all devices"), end.is_none());
    }
}

#[test]
fn an_application_that_asks_hears_of_the_others() {
    let failure = Status::failure(Status::RESPONDER, Status::REQUEST_DENIED);
    for (status, subcode) in [(Status::success(), None), (failure, Some(Status::PARTIAL_LOGOUT))] {
        let (mut world, mut browser, mut shops) = entered(&["shop", "desk"]);
        let (mut desk, _) = shops.pop().unwrap();
        let (shop, login) = &mut shops[0];
        let (id, response) = asks(&mut world, &mut browser, shop, login);
        let back = desk.answer_logout(&world, &location(&response), &status);
        let response = world.get(&mut browser, &back);
        let told = shop.read_logout(&world, &location(&response), &id).unwrap();
        assert!(told.is_success());
        assert_eq!(told.subcode.as_deref(), subcode);
    }
}

#[test]
fn an_application_that_cannot_be_asked_is_passed_over_and_the_person_is_told() {
    type Change = fn(&mut World);
    let changes: [Change; 4] = [
        |w| w.edit("app:desk", |app| app["enabled"] = false.into()),
        |w| drop(w.records.remove("app:desk")),
        |w| drop(w.records.remove("saml_keys:desk")),
        |w| {
            w.edit_shop("desk", |saml| {
                saml["service_provider"]["single_logout_services"] = json!([]);
            });
        },
    ];
    for change in changes {
        let (mut world, mut browser, mut shops) = entered(&["shop", "desk"]);
        change(&mut world);
        let response = world.post(&mut browser, "/access/logout", &[]);
        let back = shops[0].0.answer_logout(&world, &location(&response), &Status::success());
        let page = world.get(&mut browser, &back);
        assert!(page.says("You are signed out") && page.says("did not say"), "{}", page.body);
        assert!(world.log.iter().any(|event| !event.allowed));
    }
}

/// A request that is refused: nobody is signed out, and the log says why.
fn refused(world: &mut World, browser: &mut Browser, url: &str, reason: &str) {
    let page = world.get(browser, url);
    assert_eq!((page.status, page.location()), (400, None), "{reason}");
    assert!(world.last_reason().contains(reason), "{} / {reason}", world.last_reason());
    assert!(page.says("/access/logout"), "it says how to sign out");
    assert!(is_signed_in(world, browser));
}

#[test]
fn i7_a_forged_or_unsigned_logout_signs_nobody_out() {
    let (mut world, mut browser, mut shops) = entered(&["shop", "desk"]);
    let (_, login) = &shops[0];
    let (name, indexes) = (login.name_id().unwrap().clone(), index(login));
    let shop = &mut shops[0].0;
    shop.key = &EVE;
    let forged = url(shop.ask_logout(&world, &name, &indexes, None).1);
    refused(&mut world, &mut browser, &forged, "not by any of the 1 trusted keys");
    shop.key = &crate::keys::SP;
    let good = url(shop.ask_logout(&world, &name, &indexes, None).1);
    let unsigned = good.split("&SigAlg=").next().unwrap();
    refused(&mut world, &mut browser, unsigned, "SAML logout: ");
    let cut = good.split("&Signature=").next().unwrap();
    refused(&mut world, &mut browser, cut, "only one of Signature and SigAlg");
    let added = format!("{good}&RelayState=x");
    refused(&mut world, &mut browser, &added, "not in the order");
    // Another application's message, and this one's at another's address.
    let moved = good.replace("/saml/shop/", "/saml/desk/");
    refused(&mut world, &mut browser, &moved, "it is issued by");
    // Without keys of the application nothing is believed.
    world.edit_shop("shop", |saml| saml["service_provider"]["signing_certificates"] = json!([]));
    refused(&mut world, &mut browser, &good, "SAML logout: ");
    world.edit_shop("shop", |saml| {
        saml["service_provider"]["signing_certificates"] = json!(["AAAA"]);
    });
    refused(&mut world, &mut browser, &good, "SAML logout: ");
}

#[test]
fn i7_another_persons_name_or_session_signs_nobody_out_and_is_answered() {
    let (mut world, mut browser, mut shops) = entered(&["shop"]);
    let mut other = Browser::default();
    let (shop, login) = &mut shops[0];
    let (id, request) = shop.url(&world, None);
    let (_, page) = world.sign_in(&mut other, &request, "two");
    let bob = shop.read(&world, &page, Some(&id)).unwrap();
    let (ada, bobs) = (login.name_id().unwrap().clone(), bob.name_id().unwrap().clone());
    for (name, indexes) in [
        (bobs.clone(), index(&bob)),
        (bobs, index(login)),
        (ada.clone(), index(&bob)),
        (ada.clone(), vec!["_other".to_owned()]),
        (NameId { format: Some("urn:other".to_owned()), ..ada.clone() }, index(login)),
    ] {
        let (id, departure) = shop.ask_logout(&world, &name, &indexes, None);
        let response = world.get(&mut browser, &url(departure));
        let told = shop.read_logout(&world, &location(&response), &id).unwrap();
        assert_eq!(told, Status::failure(Status::REQUESTER, Status::UNKNOWN_PRINCIPAL));
        assert!(is_signed_in(&mut world, &mut browser) && is_signed_in(&mut world, &mut other));
        let reason = "SAML logout: it is about somebody else, or about another session";
        assert_eq!(world.last_reason(), reason);
    }
    // All sessions of the person are meant where none is named.
    let (id, departure) = shop.ask_logout(&world, &ada, &[], None);
    let response = world.get(&mut browser, &url(departure));
    assert!(shop.read_logout(&world, &location(&response), &id).unwrap().is_success());
    assert!(!is_signed_in(&mut world, &mut browser) && is_signed_in(&mut world, &mut other));
}

#[test]
fn i7_a_logout_that_was_used_signs_nobody_out_of_a_later_session() {
    let (mut world, mut browser, mut shops) = entered(&["shop"]);
    let (shop, login) = &mut shops[0];
    let name = login.name_id().unwrap().clone();
    let logout = url(shop.ask_logout(&world, &name, &[], None).1);
    world.get(&mut browser, &logout);
    assert!(!is_signed_in(&mut world, &mut browser));
    let (_, request) = shop.url(&world, None);
    world.sign_in(&mut browser, &request, "one");
    refused(&mut world, &mut browser, &logout, "it was used before (replay)");
    world.now += 14 * 60;
    refused(&mut world, &mut browser, &logout, "it does not hold now");
}

#[test]
fn i7_a_logout_that_was_used_leads_nobody_through_applications_once_more() {
    let (mut world, mut browser, mut shops) = entered(&["shop", "desk"]);
    let (shop, login) = &mut shops[0];
    let name = login.name_id().unwrap().clone();
    // The session is over; what the browser knows of applications is still there.
    let (id, departure) = shop.ask_logout(&world, &name, &[], None);
    let logout = url(departure);
    browser.cookies.retain(|(_, name), _| !name.starts_with("CF_Authorization"));
    let mut copy = browser.clone();
    let response = world.get(&mut browser, &logout);
    assert!(location(&response).starts_with("https://desk.test/slo?"));
    let response = world.get(&mut copy, &logout);
    assert!(shop.read_logout(&world, &location(&response), &id).unwrap().is_success());
}

#[test]
fn i7_an_answer_that_nobody_waits_for_leads_nowhere() {
    let (mut world, mut browser, mut shops) = entered(&["shop", "desk"]);
    let (mut desk, _) = shops.pop().unwrap();
    let (shop, _) = &mut shops[0];
    let mut other = browser.clone();
    let response = world.post(&mut browser, "/access/logout", &[]);
    let back = desk.answer_logout(&world, &location(&response), &Status::success());
    // In another browser, which asked nothing.
    assert_eq!(world.get(&mut other, &back).status, 400);
    let response = world.get(&mut browser, &back);
    // The same once more, while another one is asked.
    assert_eq!(world.get(&mut browser, &back).status, 400);
    assert_eq!(world.last_reason(), "SAML logout: an answer of another than was asked");
    // A forged one is no success, and holds nothing up.
    shop.key = &EVE;
    shop.idp.signing_keys = vec![crate::keys::IDP.public()];
    let back = shop.answer_logout(&world, &location(&response), &Status::success());
    let page = world.get(&mut browser, &back);
    assert!(page.says("You are signed out") && page.says("did not say"));
    assert!(
        world.log.iter().any(|event| event.reason.contains("not by any of the 1 trusted keys"))
    );
}

#[test]
fn a_foreign_page_that_posts_the_logout_form_signs_nobody_out() {
    let (mut world, mut browser, _) = entered(&["shop"]);
    let url = format!("https://{TEAM}/access/logout");
    let headers = vec![
        ("origin", "https://shop.test".to_owned()),
        ("sec-fetch-site", "cross-site".to_owned()),
    ];
    let ask = Ask { method: http::Method::POST, url: &url, form: Some(String::new()), headers };
    assert_eq!(world.send(&mut browser, &ask).status, 403);
    assert!(is_signed_in(&mut world, &mut browser));
    let page = world.get(&mut browser, &format!("{}/logout", sso("shop")));
    assert_eq!(page.location(), Some("/access/logout"), "opened by hand, it asks first");
}

#[test]
fn without_the_control_plane_the_application_hears_that_it_was_not_done() {
    let (mut world, mut browser, mut shops) = entered(&["shop"]);
    world.publish_sessions();
    world.control.down = true;
    let (shop, login) = &mut shops[0];
    let (id, response) = asks(&mut world, &mut browser, shop, login);
    let told = shop.read_logout(&world, &location(&response), &id).unwrap();
    assert!(!told.is_success());
    assert!(world.last_reason().starts_with("SAML logout: nobody answered"));
}

#[test]
fn where_the_session_came_from_is_asked_last() {
    let corp = "https://idp.corp.test/slo";
    for (outcome, by_shop) in [("done", false), ("failed", false), ("done", true), ("failed", true)]
    {
        let mut world = World::with_saml(|config| {
            config["single_logout_services"] =
                json!([{ "binding": saml::binding::HTTP_REDIRECT, "location": corp }]);
        });
        let mut browser = Browser::default();
        for id in ["shop", "desk"] {
            world.put_shop(id);
        }
        let mut shop = Shop::new("shop");
        let (id, url) = shop.url(&world, None);
        let (_, page) = world.sign_in_by(&mut browser, &url, &SamlIdp::corp());
        let login = shop.read(&world, &page, Some(&id)).unwrap();
        let mut desk = Shop::new("desk");
        let (id, url) = desk.url(&world, None);
        let (_, page) = world.follow(&mut browser, &url);
        desk.read(&world, &page, Some(&id)).unwrap();
        let (id, response) = if by_shop {
            asks(&mut world, &mut browser, &mut shop, &login)
        } else {
            (String::new(), world.post(&mut browser, "/access/logout", &[]))
        };
        // While an application is asked, nobody passes it over.
        let resume = format!("https://{TEAM}/access/logout?resume={outcome}");
        assert!(world.get(&mut browser, &resume).says("Sign out"));
        let back = desk.answer_logout(&world, &location(&response), &Status::success());
        let mut response = world.get(&mut browser, &back);
        if !by_shop {
            let back = shop.answer_logout(&world, &location(&response), &Status::success());
            response = world.get(&mut browser, &back);
        }
        assert!(location(&response).starts_with(&format!("{corp}?SAMLRequest=")));
        let end = world.get(&mut browser, &resume);
        if by_shop {
            let told = shop.read_logout(&world, &location(&end), &id).unwrap();
            assert_eq!(told.subcode.is_none(), outcome == "done");
        } else {
            assert!(end.says("You are signed out"));
            assert_eq!(end.says("did not say"), outcome == "failed");
        }
        assert!(browser.cookies.keys().all(|(_, name)| !name.contains("CF_Saml")));
    }
}

/// In a frame of the application's, browsers send no cookies: whether somebody is signed in is not
/// known, and the application is not told that it is over.
#[test]
fn a_frame_is_told_that_it_may_not_be_all() {
    let (mut world, mut browser, mut shops) = entered(&["shop"]);
    let (shop, login) = &mut shops[0];
    let name = login.name_id().unwrap().clone();
    let (id, departure) = shop.ask_logout(&world, &name, &index(login), None);
    let headers = vec![("sec-fetch-dest", "iframe".to_owned())];
    let ask = Ask { method: http::Method::GET, url: &url(departure), form: None, headers };
    let answer = world.send(&mut Browser::default(), &ask);
    let status = shop.read_logout(&world, &location(&answer), &id).unwrap();
    assert_eq!(status.subcode.as_deref(), Some(Status::PARTIAL_LOGOUT));
    assert!(is_signed_in(&mut world, &mut browser));
}
