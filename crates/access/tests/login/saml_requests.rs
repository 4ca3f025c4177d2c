//! SAML requests that are answered with a page, and with nothing sent anywhere: the rows I1, I2, I4
//! and I5 of the table of known attacks.

use access::Response;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use saml::binding::{Departure, HTTP_POST};
use saml::key::SignatureAlgorithm;
use saml::service_provider::Question;
use serde_json::json;

use crate::keys::{EVE, IDP_NEXT, SP};
use crate::shop::{Posted, Shop, base64, posted, sso};
use crate::world::{Browser, Reading as _, TEAM, World};

/// Somebody is signed in, and was in no application yet.
pub fn shop() -> (World, Browser, Shop) {
    let (mut world, mut browser) = (World::new(), Browser::default());
    world.put_shop("shop");
    world.sign_in(&mut browser, &format!("https://{TEAM}/"), "one");
    world.log.clear();
    (world, browser, Shop::new("shop"))
}

/// Nothing is sent anywhere: a page that says what to do, and a line of the log that says why.
pub fn nothing_was_sent(world: &World, page: &Response, reason: &str) {
    assert_eq!((page.status, page.location()), (400, None), "{reason}: {}", page.body);
    assert!(!page.says("SAMLResponse") && !page.says("evil.test"), "{}", page.body);
    assert!(page.says("go back to the application"), "{}", page.body);
    let event = world.log.last().unwrap();
    assert!(event.reason.contains(reason), "{} / {reason}", event.reason);
    assert!(!event.allowed && event.code.is_some());
    assert_eq!(event.application_id.as_deref(), Some("shop"));
}

pub fn refused(world: &mut World, browser: &mut Browser, url: &str, reason: &str) {
    let page = world.get(browser, url);
    nothing_was_sent(world, &page, reason);
}

pub fn signing() -> (World, Browser, Shop) {
    let (mut world, browser, shop) = shop();
    world.edit_shop("shop", |saml| {
        saml["service_provider"]["require_signed_requests"] = true.into();
    });
    (world, browser, shop.signing())
}

/// A request with these attributes and this content.
fn xml(world: &World, attributes: &str, content: &str) -> String {
    let now = chrono(world);
    format!(
        "<samlp:AuthnRequest xmlns:samlp=\"urn:oasis:names:tc:SAML:2.0:protocol\" \
         xmlns:saml=\"urn:oasis:names:tc:SAML:2.0:assertion\" ID=\"_r\" Version=\"2.0\" \
         IssueInstant=\"{now}\" {attributes}><saml:Issuer>https://shop.test</saml:Issuer>\
         {content}</samlp:AuthnRequest>"
    )
}

/// The test's time as messages have it.
fn chrono(world: &World) -> String {
    assert_eq!(world.now, 1_790_000_000);
    "2026-09-21T14:13:20Z".to_owned()
}

fn form(xml: &str) -> Posted {
    let fields = vec![("SAMLRequest".to_owned(), STANDARD.encode(xml))];
    Posted { action: sso("shop"), fields }
}

#[test]
fn i1_an_answer_goes_to_a_registered_endpoint_and_nowhere_else() {
    let (mut world, mut browser, shop) = shop();
    world.edit_shop("shop", |saml| {
        saml["service_provider"]["assertion_consumer_services"] = json!([
            { "binding": HTTP_POST, "location": "https://shop.test/acs", "index": 0 },
            { "binding": HTTP_POST, "location": "https://shop.test/second?a=1&b=xx", "index": 1 },
            {
                "binding": "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Artifact",
                "location": "https://shop.test/artifact", "index": 2,
            },
        ]);
    });
    for location in [
        "https://evil.test/",
        "https://shop.test/acs/",
        "https://shop.test/acs?x",
        "https://shop.test/ac",
        "https://shop.test/acs#x",
        "https://shop.test@evil.test/acs",
        "https://shop.test\\@evil.test/acs",
        "https://SHOP.test/acs",
        "https://shop.test:443/acs",
        "https://shop.test:8443/acs",
        "http://shop.test/acs",
        "//shop.test/acs",
        "https://shop.test/%61cs",
        "https://shop.test/./acs",
        "https://shop.test/artifact",
        "https://shop.test/acs%00",
        "https://shop.test.evil.test/acs",
        "javascript:alert(1)",
        "",
        "https://desk.test/acs",
    ] {
        let request = xml(&world, &format!("AssertionConsumerServiceURL=\"{location}\""), "");
        let page = world.post_from_elsewhere(&mut browser, &form(&request));
        nothing_was_sent(&world, &page, "names no registered AssertionConsumerService");
    }
    for index in ["2", "3", "65535"] {
        let request = xml(&world, &format!("AssertionConsumerServiceIndex=\"{index}\""), "");
        let page = world.post_from_elsewhere(&mut browser, &form(&request));
        nothing_was_sent(&world, &page, "names no registered AssertionConsumerService");
    }
    let request = xml(&world, "AssertionConsumerServiceIndex=\"1\"", "");
    let (_, page) = world.follow_post(&mut browser, &form(&request));
    assert_eq!(posted(&page).action, "https://shop.test/second?a=1&b=xx");
    let request = xml(&world, "", "").replace("_r", "_s");
    let (_, page) = world.follow_post(&mut browser, &form(&request));
    assert_eq!(posted(&page).action, shop.sp.assertion_consumer_service);
}

#[test]
fn i1_an_endpoint_that_was_taken_away_meanwhile_gets_nothing() {
    let (mut world, mut browser, mut shop) = shop();
    let (_, url) = shop.url(&world, None);
    let waits = world.get(&mut browser, &url).location().unwrap().to_owned();
    world.edit_shop("shop", |saml| {
        saml["service_provider"]["assertion_consumer_services"][0]["location"] =
            "https://shop.test/new".into();
    });
    refused(&mut world, &mut browser, &waits, "names no registered AssertionConsumerService");
}

#[test]
fn i2_nobody_is_returned_to_another_site_after_signing_in() {
    let (mut world, mut browser, _) = shop();
    for to in [
        "javascript:alert(1)",
        "http:www.evil.test",
        "http:/\\evil.test",
        "//evil.test",
        "https://evil.test/access/sso/saml/shop",
        "/access/sso/saml/desk",
        "/access/logout",
        "/access/sso/saml/shop/logout",
        "/access/sso/saml/shop/../desk",
        "https://shop.test/acs",
        "/access/sso/saml/shop%2F..%2Fdesk",
        "/\\evil.test",
        "https://team.example.com@evil.test/",
    ] {
        let query = access::encoding::query([("redirect_url", to)]);
        let page = world.get(&mut browser, &format!("https://{TEAM}/access/login/shop?{query}"));
        assert_eq!((page.status, page.location()), (400, None), "{to}");
    }
    let page = world.get(&mut browser, &format!("https://{TEAM}/access/login/shop"));
    assert_eq!(page.location(), Some(&*sso("shop")));
}

#[test]
fn i4_a_signature_is_over_the_octets_that_came() {
    let (mut world, mut browser, mut shop) = signing();
    let (id, good) = shop.url(&world, Some("st te&=+/~"));
    let (at, query) = good.split_once('?').unwrap();
    let pair = |name: &str| query.split('&').find(|p| p.starts_with(name)).unwrap().to_owned();
    let (message, state) = (pair("SAMLRequest="), pair("RelayState="));
    let (algorithm, signature) = (pair("SigAlg="), pair("Signature="));
    let unsigned = format!("{message}&{state}");
    let other_key = {
        shop.key = &EVE;
        let url = shop.url(&world, Some("st te&=+/~")).1;
        shop.key = &SP;
        url.split_once('?').unwrap().1.to_owned()
    };
    let (again, _) = shop.url(&world, Some("another"));
    assert_ne!(id, again);
    let lower = state.replace("%2F", "%2f");
    assert_ne!(lower, state);
    for (changed, reason) in [
        (unsigned.clone(), "is not signed"),
        (other_key, "not by any of the 1 trusted keys"),
        (format!("{unsigned}&{algorithm}"), "only one of Signature and SigAlg"),
        (format!("{unsigned}&{signature}"), "only one of Signature and SigAlg"),
        (format!("{state}&{message}&{algorithm}&{signature}"), "not in the order"),
        (format!("{message}&{algorithm}&{state}&{signature}"), "not in the order"),
        (format!("{query}&{message}"), "occurs twice"),
        (format!("{message}&{query}"), "occurs twice"),
        (format!("{query}&RelayState=x"), "occurs twice"),
        (format!("{query}&%53AMLRequest=x"), "occurs twice"),
        (format!("{message}&{algorithm}&{signature}"), "not by any of the 1 trusted keys"),
        (format!("{message}&{lower}&{algorithm}&{signature}"), "not by any of the 1 trusted keys"),
        (
            format!("{message}&RelayState=x&{algorithm}&{signature}"),
            "not by any of the 1 trusted keys",
        ),
        (format!("{query}&SAMLResponse=x"), "exactly one of SAMLRequest and SAMLResponse"),
        (query.replace("rsa-sha256", "hmac-sha1"), "hmac-sha1"),
        (query.replace("rsa-sha256", "rsa-sha512"), "not by any of the 1 trusted keys"),
    ] {
        refused(&mut world, &mut browser, &format!("{at}?{changed}"), reason);
    }
    let (_, page) = world.follow(&mut browser, &good);
    shop.read(&world, &page, Some(&id)).unwrap();
}

#[test]
fn i4_a_signature_within_the_message_is_the_applications_own() {
    let (mut world, mut browser, shop) = signing();
    let mut shop = shop.by_post();
    let mut ask = |world: &World, key, signs| {
        shop.key = key;
        shop.signs = signs;
        match shop.ask(world, &Question::default(), None) {
            (_, Departure::Post(form)) => Posted::from(&form),
            (_, Departure::Redirect(url)) => panic!("{url}"),
        }
    };
    let page = world.post_from_elsewhere(&mut browser, &ask(&world, &SP, false));
    nothing_was_sent(&world, &page, "is not signed");
    // It brings its own certificate along, which convinces nobody.
    let page = world.post_from_elsewhere(&mut browser, &ask(&world, &EVE, true));
    nothing_was_sent(&world, &page, "not by any of the 1 trusted keys");
    let good = ask(&world, &SP, true);
    let xml =
        String::from_utf8(STANDARD.decode(good.get("SAMLRequest").unwrap()).unwrap()).unwrap();
    let changed = xml.replace("https://shop.test/acs", "https://shop.test/ACS");
    assert_ne!(xml, changed);
    let page = world.post_from_elsewhere(&mut browser, &form(&changed));
    nothing_was_sent(&world, &page, "SAML request: ");
    let page = world.post_from_elsewhere(&mut browser, &good);
    assert!(page.location().is_some());
}

#[test]
fn i4_a_signature_that_is_wrong_does_not_count_as_none() {
    let (mut world, mut browser, shop) = shop();
    let mut shop = shop.signing();
    shop.key = &EVE;
    let (_, url) = shop.url(&world, None);
    refused(&mut world, &mut browser, &url, "not by any of the 1 trusted keys");
}

#[test]
fn i4_what_is_required_is_required_though_there_is_no_key_to_check_it_by() {
    for certificates in [json!([]), json!(["AAAA"]), json!([""])] {
        let (mut world, mut browser, mut shop) = signing();
        world.edit_shop("shop", |saml| {
            saml["service_provider"]["signing_certificates"] = certificates;
        });
        let (_, signed) = shop.url(&world, None);
        refused(&mut world, &mut browser, &signed, "SAML request: ");
        shop.signs = false;
        let (_, unsigned) = shop.url(&world, None);
        refused(&mut world, &mut browser, &unsigned, "SAML request: ");
    }
}

#[test]
fn i4_a_request_that_waits_unsigned_is_not_answered_once_signatures_are_required() {
    let (mut world, mut browser, mut shop) = shop();
    let (_, url) = shop.url(&world, None);
    let waits = world.get(&mut browser, &url).location().unwrap().to_owned();
    world.edit_shop("shop", |saml| {
        saml["service_provider"]["require_signed_requests"] = true.into();
    });
    refused(&mut world, &mut browser, &waits, "is not signed");
}

#[test]
fn i4_a_key_that_was_replaced_is_trusted_no_longer() {
    let (mut world, mut browser, mut shop) = signing();
    let (_, url) = shop.url(&world, None);
    assert!(world.get(&mut browser, &url).location().is_some());
    world.edit_shop("shop", |saml| {
        saml["service_provider"]["signing_certificates"] = json!([base64(&IDP_NEXT)]);
    });
    let (_, url) = shop.url(&world, None);
    refused(&mut world, &mut browser, &url, "not by any of the 1 trusted keys");
    shop.key = &IDP_NEXT;
    let (_, url) = shop.url(&world, None);
    assert!(world.get(&mut browser, &url).location().is_some());
}

#[test]
fn i4_sha_1_is_weighed_where_an_operator_allows_it_and_nowhere_else() {
    for (allowed, reason) in [
        (false, "rests on SHA-1, which is not allowed"),
        (true, "not by any of the 1 trusted keys"),
    ] {
        let (mut world, mut browser, mut shop) = signing();
        world.edit_shop("shop", |saml| saml["service_provider"]["allow_sha1"] = allowed.into());
        let (_, url) = shop.url(&world, None);
        let sha1 = access::encoding::component(SignatureAlgorithm::RsaSha1.uri());
        let sha256 = access::encoding::component(SignatureAlgorithm::RsaSha256.uri());
        assert!(url.contains(&sha256));
        refused(&mut world, &mut browser, &url.replace(&sha256, &sha1), reason);
    }
}

#[test]
fn i5_bombs_and_monsters_are_pages() {
    let (mut world, mut browser, _) = shop();
    let deep = format!("{}{}", "<a>".repeat(10_000), "</a>".repeat(10_000));
    let bomb = "<!DOCTYPE x [<!ENTITY a \"aaaaaaaaaa\"><!ENTITY b \"&a;&a;&a;\">]><x>&b;</x>";
    for (message, reason) in [
        (
            xml(&world, "", "").replace("<samlp:AuthnRequest ", "<!DOCTYPE x><samlp:AuthnRequest "),
            "document type",
        ),
        (bomb.to_owned(), "document type"),
        (xml(&world, "", &deep), "SAML request: "),
        (xml(&world, "", &" ".repeat(100_000)), "SAML request: "),
        (xml(&world, "", "&y;"), "SAML request: "),
        ("<x/>".to_owned(), "this is x"),
        (String::new(), "SAML request: "),
    ] {
        let page = world.post_from_elsewhere(&mut browser, &form(&message));
        nothing_was_sent(&world, &page, reason);
    }
    // A kilobyte that grows to a megabyte, and one with something behind it.
    let grown = vec![b' '; 1 << 20];
    let small = miniz_oxide::deflate::compress_to_vec(&grown, 9);
    let mut tail = miniz_oxide::deflate::compress_to_vec(xml(&world, "", "").as_bytes(), 9);
    tail.extend(b"more");
    for (deflated, reason) in [(small, "longer than"), (tail, "raw DEFLATE")] {
        let query = access::encoding::query([("SAMLRequest", &*STANDARD.encode(deflated))]);
        refused(&mut world, &mut browser, &format!("{}?{query}", sso("shop")), reason);
    }
}

#[test]
fn i5_a_request_is_answered_once_whichever_binding_brings_it() {
    let (mut world, mut browser, shop) = shop();
    let request = xml(&world, "", "");
    let (_, page) = world.follow_post(&mut browser, &form(&request));
    shop.read(&world, &page, Some("_r")).unwrap();
    let deflated = miniz_oxide::deflate::compress_to_vec(request.as_bytes(), 9);
    let query = access::encoding::query([("SAMLRequest", &*STANDARD.encode(deflated))]);
    let (_, page) = world.follow(&mut browser, &format!("{}?{query}", sso("shop")));
    assert_eq!(page.status, 400);
    assert_eq!(world.last_reason(), "SAML request: it was answered before (replay)");
}

#[test]
fn i5_requests_that_are_old_or_of_tomorrow_or_meant_for_others_are_not_answered() {
    let (mut world, mut browser, mut shop) = shop();
    let (_, url) = shop.url(&world, None);
    world.now += 14 * 60;
    refused(&mut world, &mut browser, &url, "too long ago or yet to come");
    world.now -= 28 * 60;
    refused(&mut world, &mut browser, &url, "too long ago or yet to come");
    world.now += 14 * 60;
    for destination in [
        "https://evil.test/",
        "https://team.example.com/access/sso/saml/desk",
        "https://team.example.com/access/sso/saml/shop/",
        "http://team.example.com/access/sso/saml/shop",
        "https://team.example.com:8443/access/sso/saml/shop",
        "https://team.example.com/access/sso/saml/shop/logout",
    ] {
        let request = xml(&world, &format!("Destination=\"{destination}\""), "");
        let page = world.post_from_elsewhere(&mut browser, &form(&request));
        nothing_was_sent_at_all(&world, &page);
    }
    // Both spellings of our own address are ours.
    for prefix in ["", "/cdn-cgi"] {
        let ours = format!("https://{TEAM}{prefix}/access/sso/saml/shop");
        let request = xml(&world, &format!("Destination=\"{ours}\""), "");
        let page =
            world.post_from_elsewhere(&mut browser, &Posted { action: ours, ..form(&request) });
        assert!(page.location().unwrap().starts_with(&sso("shop")));
    }
}

fn nothing_was_sent_at_all(world: &World, page: &Response) {
    assert_eq!((page.status, page.location()), (400, None), "{}", page.body);
    assert!(world.last_reason().contains("is meant for"), "{}", world.last_reason());
}

#[test]
fn i2_a_relay_state_that_no_form_carries_is_refused_and_not_changed() {
    let (mut world, mut browser, mut shop) = shop();
    let (_, url) = shop.url(&world, Some("a\0b"));
    refused(&mut world, &mut browser, &url, "U+0000");
}
