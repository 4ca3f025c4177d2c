//! Logging out of everything: an application elsewhere, us, and the provider that the session came
//! from, whoever begins.

use saml::binding::Departure;
use saml::name_id::NameId;
use saml::response::Status;
use serde_json::Value;

use crate::keys::EVE;
use crate::saml_idp::SamlIdp;
use crate::saml_upstream_logout::{
    Side, ada, is_signed_in, request_id, sent, side, signed_in, with_logout,
};
use crate::shop::Shop;
use crate::world::{Browser, Reading as _, TEAM, World};

use access::Response;

const SLO: &str = "https://idp.corp.test/slo";

/// Ada has been in the shop as well.
fn in_the_shop(config: impl FnOnce(&mut Value)) -> (World, Browser, Shop) {
    let (mut world, mut browser) = signed_in(config);
    world.put_shop("shop");
    let mut shop = Shop::new("shop");
    let (request, url) = shop.url(&world, None);
    let (_, page) = world.follow(&mut browser, &url);
    shop.read(&world, &page, Some(&request)).unwrap();
    world.log.clear();
    (world, browser, shop)
}

/// On through our own addresses, until we show something or send the browser elsewhere.
fn onward(world: &mut World, browser: &mut Browser, mut response: Response) -> Response {
    while let Some(next) = response.location().filter(|next| next.starts_with('/')) {
        let url = format!("https://{TEAM}{next}");
        response = world.get(browser, &url);
    }
    response
}

fn signs_out(world: &mut World, browser: &mut Browser) -> Response {
    let response = world.post(browser, "/access/logout", &[]);
    onward(world, browser, response)
}

/// The provider answers what we asked it.
fn provider_answers(
    world: &mut World,
    browser: &mut Browser,
    side: &Side,
    asked: &Response,
    status: &Status,
) -> Response {
    let request = side.read_request(&sent(asked, SLO), world.now);
    let Departure::Redirect(url) = side.answer(&request, status, world.now) else { panic!() };
    let response = world.get(browser, &url);
    onward(world, browser, response)
}

fn partial() -> Status {
    Status { subcode: Some(Status::PARTIAL_LOGOUT.to_owned()), ..Status::success() }
}

#[test]
fn whoever_signs_out_here_is_signed_out_at_the_provider() {
    let (mut world, mut browser) = signed_in(with_logout);
    let asked = signs_out(&mut world, &mut browser);
    let request = side().read_request(&sent(&asked, SLO), world.now);
    assert_eq!(request.name_id, ada());
    assert_eq!(request.session_indexes, ["session-1"]);
    assert!(request.relay_state.as_deref().is_some_and(|state| state.len() <= 80));
    // It is over here before the provider is asked.
    assert!(!is_signed_in(&mut world, &mut browser));
    let page = provider_answers(&mut world, &mut browser, &side(), &asked, &Status::success());
    assert_eq!(page.status, 200);
    assert!(page.says("You are signed out"), "{}", page.body);
}

#[test]
fn what_the_provider_did_not_do_is_said() {
    let failure = Status::failure(Status::RESPONDER, Status::REQUEST_DENIED);
    for (side, status) in
        [(side(), partial()), (side(), failure), (Side { key: &EVE, ..side() }, Status::success())]
    {
        let (mut world, mut browser) = signed_in(with_logout);
        let done = {
            let (mut world, mut browser) = signed_in(with_logout);
            let asked = signs_out(&mut world, &mut browser);
            let side = crate::saml_upstream_logout::side();
            provider_answers(&mut world, &mut browser, &side, &asked, &Status::success())
        };
        let asked = signs_out(&mut world, &mut browser);
        world.log.clear();
        let page = provider_answers(&mut world, &mut browser, &side, &asked, &status);
        assert_eq!(page.status, 200);
        assert_ne!(page.body, done.body, "{status}");
        assert!(world.log.iter().any(|event| !event.allowed && event.action == "logout"));
    }
}

/// An answer counts in the browser that asked, for what it asked.
#[test]
fn an_answer_to_another_request_changes_nothing() {
    let (mut world, mut browser) = signed_in(with_logout);
    let asked = signs_out(&mut world, &mut browser);
    let request = side().read_request(&sent(&asked, SLO), world.now);
    let answer = side().answer(&request, &Status::success(), world.now);
    let Departure::Redirect(url) = &answer else { panic!() };
    let mut other = Browser::default();
    world.sign_in_by(&mut other, &format!("https://{TEAM}/"), &SamlIdp::corp());
    for url in
        [url.clone(), url.replace("RelayState=", "RelayState=x"), url.replace("&RelayState", "&X")]
    {
        world.log.clear();
        let response = world.get(&mut other, &url);
        assert_eq!(response.location(), Some("/access/logout?resume=failed"), "{url}");
        assert!(!world.log[0].allowed);
        onward(&mut world, &mut other, response);
        assert!(is_signed_in(&mut world, &mut other), "{url}");
    }
}

/// First the applications, then the provider.
#[test]
fn whoever_signs_out_here_leaves_the_applications_and_then_the_provider() {
    for (status, complete) in [(Status::success(), true), (partial(), false)] {
        let (mut world, mut browser, mut shop) = in_the_shop(with_logout);
        let asked = signs_out(&mut world, &mut browser);
        let url = shop.answer_logout(&world, asked.location().unwrap(), &status);
        let response = world.get(&mut browser, &url);
        let asked = onward(&mut world, &mut browser, response);
        let page = provider_answers(&mut world, &mut browser, &side(), &asked, &Status::success());
        assert_eq!(page.status, 200);
        let (mut one, mut one_browser) = signed_in(|_| {});
        let done = signs_out(&mut one, &mut one_browser);
        assert_eq!(page.body == done.body, complete, "{status}");
    }
}

/// The provider begins: it is answered when all applications were, and told what they did.
#[test]
fn whoever_signs_out_at_the_provider_leaves_the_applications_too() {
    for (status, complete) in [(Status::success(), true), (partial(), false)] {
        let (mut world, mut browser, mut shop) = in_the_shop(with_logout);
        let request = side().ask(&ada(), &["session-1"], world.now);
        let asked = world.carried(&mut browser, &request);
        assert!(!is_signed_in(&mut world, &mut browser));
        let url = shop.answer_logout(&world, asked.location().unwrap(), &status);
        let response = world.get(&mut browser, &url);
        let answer = onward(&mut world, &mut browser, response);
        let incoming = sent(&answer, SLO);
        assert_eq!(incoming.relay_state(), Some("state of the provider"));
        let read = side().read_response(&incoming, &request_id(&request), world.now);
        assert!(read.status.is_success());
        assert_eq!(read.status.subcode.is_none(), complete);
    }
}

/// The application begins: the provider hears of it, and the application is answered last.
#[test]
fn whoever_signs_out_in_an_application_leaves_the_provider_too() {
    let (mut world, mut browser, mut shop) = in_the_shop(with_logout);
    let name = NameId::new("ada@example.com", saml::name_id::format::EMAIL);
    let (id, Departure::Redirect(url)) = shop.ask_logout(&world, &name, &[], None) else {
        panic!()
    };
    let response = world.get(&mut browser, &url);
    let asked = onward(&mut world, &mut browser, response);
    let answer = provider_answers(&mut world, &mut browser, &side(), &asked, &Status::success());
    let status = shop.read_logout(&world, answer.location().unwrap(), &id).unwrap();
    assert!(status.is_success() && status.subcode.is_none());
    assert!(!is_signed_in(&mut world, &mut browser));
}

/// What was sealed for one browser's answer is worth nothing elsewhere or later.
#[test]
fn an_answer_that_rests_in_an_address_is_of_one_provider_and_of_a_moment() {
    let (mut world, mut browser) = signed_in(with_logout);
    let request = side().ask(&ada(), &["session-1"], world.now);
    let Departure::Redirect(url) = &request else { panic!() };
    let response = world.get(&mut browser, url);
    let through = format!("https://{TEAM}{}", response.location().unwrap());
    let mut stranger = Browser::default();
    let response = world.get(&mut stranger, &through);
    let page = onward(&mut world, &mut stranger, response);
    assert_eq!((page.status, page.location()), (200, None), "the provider hears nothing of them");
    let back = world.get(&mut browser, &through).location().unwrap().to_owned();
    assert!(back.starts_with("/access/callback/corp?answer="), "{back}");
    world.now += 11 * 60;
    for path in [back.clone(), back.replace("/corp", "/acme"), back.replace("answer=", "answer=x")]
    {
        let response = world.get(&mut browser, &format!("https://{TEAM}{path}"));
        assert!(response.location().is_none_or(|to| to == "/access/logout"), "{path}");
    }
}
