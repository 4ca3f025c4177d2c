//! Signing in to an application elsewhere that speaks SAML: begun there, or here.

use saml::binding::Departure;
use saml::metadata::{Entity, Metadata};
use saml::name_id::format;
use saml::native::Native;
use saml::peer::IdentityProviderPeer;
use saml::service_provider::Question;
use saml::xml::{Document, Limits};
use serde_json::json;

use crate::control::user_id;
use crate::crypto::at_once;
use crate::keys::{IDP, IDP_NEXT};
use crate::shop::{Posted, Shop, posted, sso};
use crate::world::{Browser, Reading as _, TEAM, World};

fn shop() -> (World, Browser, Shop) {
    let mut world = World::new();
    world.put_shop("shop");
    (world, Browser::default(), Shop::new("shop"))
}

#[test]
fn a_request_by_redirect_is_answered_once_somebody_has_signed_in() {
    let (mut world, mut browser, mut shop) = shop();
    let (id, url) = shop.url(&world, Some("/cart"));
    let (at, page) = world.sign_in(&mut browser, &url, "one");
    assert!(at.starts_with(&format!("{}?request=", sso("shop"))), "{at}");
    let login = shop.read(&world, &page, Some(&id)).unwrap();
    let name = login.name_id().unwrap();
    assert_eq!(
        (name.value.as_str(), name.format.as_deref()),
        ("ada@example.com", Some(format::EMAIL))
    );
    assert_eq!(login.attribute("email").collect::<Vec<_>>(), ["ada@example.com"]);
    assert_eq!(login.attribute("id").collect::<Vec<_>>(), [user_id("ada@example.com")]);
    assert_eq!(posted(&page).get("RelayState"), Some("/cart"));
    assert!(login.solicited);
    let event = world.log.last().unwrap();
    assert!(event.allowed && event.action == "login");
    assert_eq!(event.policy_id.as_deref(), Some("staff"));
    assert_eq!(event.application_id.as_deref(), Some("shop"));
    assert_eq!(event.application_type.as_deref(), Some("saas"));
    assert_eq!(event.user_email.as_deref(), Some("ada@example.com"));
}

#[test]
fn a_request_by_post_is_answered_though_the_browser_sent_no_session_with_it() {
    let (mut world, mut browser, shop) = shop();
    let mut shop = shop.by_post().signing();
    world.sign_in(&mut browser, &format!("https://{TEAM}/"), "one");
    let (id, Departure::Post(form)) = shop.ask(&world, &Question::default(), Some("x")) else {
        panic!("a form")
    };
    let (_, page) = world.follow_post(&mut browser, &Posted::from(&form));
    let login = shop.read(&world, &page, Some(&id)).unwrap();
    assert_eq!(login.name_id().unwrap().value, "ada@example.com");
    assert_eq!(posted(&page).get("RelayState"), Some("x"));
}

#[test]
fn without_a_request_the_sign_in_begins_here() {
    let (mut world, mut browser, mut shop) = shop();
    world.edit_shop("shop", |saml| saml["default_relay_state"] = "/welcome?a=\"b\"".into());
    let (_, page) = world.sign_in(&mut browser, &sso("shop"), "one");
    assert_eq!(posted(&page).get("RelayState"), Some("/welcome?a=\"b\""));
    assert!(shop.read(&world, &page, None).is_err(), "nobody asked for it");
    shop.idp.allow_unsolicited = true;
    let login = shop.read(&world, &page, None).unwrap();
    assert!(!login.solicited);
    assert!(world.log.last().unwrap().allowed);
}

#[test]
fn the_page_that_carries_an_assertion_is_kept_by_nobody_and_runs_nothing_else() {
    let (mut world, mut browser, _) = shop();
    let (_, page) = world.sign_in(&mut browser, &sso("shop"), "one");
    assert_eq!(page.header("cache-control"), Some("no-store"));
    assert_eq!(page.header("x-frame-options"), Some("DENY"));
    // The application may check from which origin it is posted to.
    assert_eq!(page.header("referrer-policy"), Some("strict-origin"));
    let policy = page.header("content-security-policy").unwrap();
    assert!(policy.contains("default-src 'none'") && policy.contains("script-src 'sha256-"));
    assert!(policy.contains("form-action https:;"), "{policy}");
    assert!(page.says("<button"), "it works without scripts");
    assert!(page.body.matches("<form").count() == 1);
}

#[test]
fn ten_tabs_at_once_all_arrive() {
    let (mut world, mut browser, mut shop) = shop();
    let tabs: Vec<_> = (0..10)
        .map(|tab| {
            let relay_state = format!("tab {tab} {}", "x".repeat(70));
            let (id, url) = shop.url(&world, Some(&relay_state));
            let (at, page) = world.follow(&mut browser, &url);
            assert!(page.says("data-idp=\"one\""), "{at}");
            let next = format!("https://{TEAM}{}", page.link("data-idp=\"one\""));
            (id, relay_state, next)
        })
        .collect();
    for (id, relay_state, next) in tabs.iter().rev() {
        let (_, page) = world.follow(&mut browser, next);
        shop.read(&world, &page, Some(id)).unwrap();
        assert_eq!(posted(&page).get("RelayState"), Some(relay_state.as_str()));
    }
    let kept = browser.cookies.keys().filter(|(_, name)| name.contains("CF_Saml_")).count();
    assert_eq!(kept, 0, "what was answered is not kept");
}

#[test]
fn requests_that_wait_are_bounded_and_the_oldest_goes_first() {
    let (mut world, mut browser, mut shop) = shop();
    let long = "x".repeat(1_500);
    let mut sent = Vec::new();
    for _ in 0..40 {
        world.now += 1;
        let (id, url) = shop.url(&world, Some(&long));
        let waits = world.get(&mut browser, &url).location().unwrap().to_owned();
        sent.push((id, waits));
        let kept = browser.cookies.iter().filter(|((_, name), _)| name.contains("CF_Saml_"));
        let bytes: usize = kept.map(|((_, name), value)| name.len() + value.len() + 3).sum();
        assert!(bytes <= 9 << 10, "{bytes}");
    }
    world.sign_in(&mut browser, &format!("https://{TEAM}/"), "one");
    let (id, waits) = sent.last().unwrap();
    let page = world.get(&mut browser, waits);
    shop.read(&world, &page, Some(id)).unwrap();
    let page = world.get(&mut browser, &sent[0].1);
    assert_eq!(page.status, 400);
    assert_eq!(world.last_reason(), "the browser keeps no such SAML request, or it is too old");
    assert!(page.says("/access/sso/saml/shop\""), "it says how to begin again");
}

#[test]
fn relay_state_comes_back_byte_for_byte() {
    let all = (0x20..0x7F_u8).map(char::from).collect::<String>();
    let states = [
        "x".to_owned(),
        "y".repeat(80),
        "z".repeat(4_096),
        "w".repeat(40_000),
        "<script>alert(1)</script>".to_owned(),
        "\"><img src=x onerror=alert(1)>'".to_owned(),
        "{\"a\":\"b&amp;c\",\"d\":[1,\"\\\"\"]}".to_owned(),
        "a\r\nb\r\n".to_owned(),
        "line\nline".to_owned(),
        "javascript:alert(1)".to_owned(),
        "http:/\\evil.test".to_owned(),
        "//evil.test".to_owned(),
        "ünïcödé \u{1F600} \u{202E}".to_owned(),
        "a+b c%20d%2B".to_owned(),
        " ".to_owned(),
        all,
    ];
    for state in states {
        for post in [false, true] {
            for signed in [false, true] {
                let (mut world, mut browser, mut shop) = shop();
                if post {
                    shop = shop.by_post();
                }
                shop.signs = signed;
                world.sign_in(&mut browser, &format!("https://{TEAM}/"), "one");
                let (id, page) = match shop.ask(&world, &Question::default(), Some(&state)) {
                    (id, Departure::Redirect(url)) => (id, world.follow(&mut browser, &url).1),
                    (id, Departure::Post(form)) => {
                        let (_, page) = world.follow_post(&mut browser, &Posted::from(&form));
                        (id, again(&mut world, &mut browser, page))
                    }
                };
                shop.read(&world, &page, Some(&id)).unwrap();
                assert_eq!(posted(&page).get("RelayState"), Some(state.as_str()));
                assert!(!page.says("<script>alert") && !page.says("<img src=x"));
            }
        }
    }
}

/// Sends on what was too long for a cookie, as a browser does.
fn again(world: &mut World, browser: &mut Browser, page: access::Response) -> access::Response {
    let form = posted(&page);
    if !form.action.starts_with(&format!("https://{TEAM}/")) {
        return page;
    }
    assert!(form.get("lintel_again").is_some());
    let fields: Vec<_> = form.fields.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
    world.post(browser, "/access/sso/saml/shop", &fields)
}

#[test]
fn what_no_cookie_holds_waits_in_the_page_while_somebody_signs_in_beside_it() {
    let (mut world, mut browser, shop) = shop();
    let mut shop = shop.by_post();
    let long = "r".repeat(60_000);
    let (id, Departure::Post(form)) = shop.ask(&world, &Question::default(), Some(&long)) else {
        panic!("a form")
    };
    let (_, page) = world.follow_post(&mut browser, &Posted::from(&form));
    let page = again(&mut world, &mut browser, page);
    assert_eq!(page.status, 200);
    assert!(page.says("Leave this page open") && page.says("href=\"/access/login\""));
    world.sign_in(&mut browser, &format!("https://{TEAM}/"), "one");
    let page = again(&mut world, &mut browser, page);
    shop.read(&world, &page, Some(&id)).unwrap();
    assert_eq!(posted(&page).get("RelayState"), Some(long.as_str()));
}

#[test]
fn two_applications_at_once_do_not_disturb_each_other() {
    let (mut world, mut browser, mut shop) = shop();
    world.put_shop("desk");
    world.put_saml_keys("desk", &[("first", "signing", &IDP_NEXT)]);
    let mut desk = Shop::new("desk");
    desk.idp.signing_keys = vec![IDP_NEXT.public()];
    let (shops, url) = shop.url(&world, None);
    world.follow(&mut browser, &url);
    let shops_wait = world.get(&mut browser, &url).location().unwrap().to_owned();
    let (desks, url) = desk.url(&world, None);
    let (_, page) = world.sign_in(&mut browser, &url, "one");
    desk.read(&world, &page, Some(&desks)).unwrap();
    let page = world.get(&mut browser, &shops_wait);
    shop.read(&world, &page, Some(&shops)).unwrap();
    // One waits for one application alone.
    let elsewhere = shops_wait.replace("/shop?", "/desk?");
    assert_eq!(world.get(&mut browser, &elsewhere).status, 400);
}

fn metadata(world: &mut World) -> (access::Response, Entity) {
    let page = world.get(&mut Browser::default(), &format!("{}/saml-metadata", sso("shop")));
    let entity = Metadata::parse(page.body.as_bytes()).unwrap().entities.remove(0);
    (page, entity)
}

#[test]
fn metadata_is_signed_names_every_endpoint_and_lasts() {
    let (mut world, _, _) = shop();
    world.edit_shop("shop", |saml| saml["entity_id"] = "urn:old:idp".into());
    let (page, entity) = metadata(&mut world);
    assert_eq!(page.header("content-type"), Some("application/samlmetadata+xml"));
    assert_eq!((entity.entity_id.as_str(), entity.valid_until), ("urn:old:idp", None));
    let role = entity.identity_provider.unwrap();
    assert!(!role.want_authn_requests_signed);
    assert_eq!(role.signing, std::slice::from_ref(&IDP.certificate));
    let at = |endpoints: &[saml::metadata::Endpoint]| {
        let list = endpoints
            .iter()
            .map(|e| (e.binding.rsplit(':').next().unwrap().to_owned(), e.location.clone()));
        list.collect::<Vec<_>>()
    };
    let both =
        |to: String| vec![("HTTP-Redirect".to_owned(), to.clone()), ("HTTP-POST".to_owned(), to)];
    assert_eq!(at(&role.single_sign_on_services), both(sso("shop")));
    assert_eq!(at(&role.single_logout_services), both(format!("{}/logout", sso("shop"))));
    assert_eq!(role.name_id_formats, [format::EMAIL, format::PERSISTENT, format::TRANSIENT]);
    let document = Document::parse(page.body.as_bytes(), &Limits::METADATA).unwrap();
    let trust = saml::signature::Trust { keys: &[IDP.public()], sha1: false };
    at_once(Metadata::verify(&document, trust, &Native)).unwrap();
    // What has not changed reads as before: whoever pins it is not alarmed.
    assert_eq!(metadata(&mut world).0.body, page.body);
}

#[test]
fn metadata_names_another_port_where_visitors_reach_us_there() {
    let (mut world, mut browser, _) = shop();
    world.https_port = Some(8443);
    let url = format!("https://{TEAM}:8443/access/sso/saml/shop/saml-metadata");
    let page = world.get(&mut browser, &url);
    let entity = Metadata::parse(page.body.as_bytes()).unwrap().entities.remove(0);
    let role = entity.identity_provider.unwrap();
    let sso = format!("https://{TEAM}:8443/access/sso/saml/shop");
    assert_eq!(role.single_sign_on_services[0].location, sso);
    let mut shop = Shop::new("shop");
    shop.idp.single_sign_on_services[0].location = sso;
    let (id, url) = shop.url(&world, None);
    let (_, page) = world.sign_in(&mut browser, &url, "one");
    shop.read(&world, &page, Some(&id)).unwrap();
}

#[test]
fn whoever_knows_the_old_key_or_the_new_one_believes_us_during_a_roll_over() {
    let (mut world, mut browser, mut shop) = shop();
    let peer = |world: &mut World| {
        let (_, entity) = metadata(world);
        IdentityProviderPeer {
            allow_unsolicited: true,
            ..IdentityProviderPeer::from_metadata(&entity).unwrap()
        }
    };
    let before = peer(&mut world);
    // The next key stands in metadata before it signs.
    world.put_saml_keys("shop", &[("first", "signing", &IDP), ("next", "signing", &IDP_NEXT)]);
    let during = peer(&mut world);
    assert_eq!(during.signing_keys, [IDP.public(), IDP_NEXT.public()]);
    world.sign_in(&mut browser, &format!("https://{TEAM}/"), "one");
    for peer in [&before, &during] {
        shop.idp = peer.clone();
        let page = world.get(&mut browser, &sso("shop"));
        shop.read(&world, &page, None).unwrap();
    }
    // It signs; the old one still stands in metadata.
    world.put_saml_keys("shop", &[("next", "signing", &IDP_NEXT), ("first", "signing", &IDP)]);
    let page = world.get(&mut browser, &sso("shop"));
    shop.idp = during;
    shop.read(&world, &page, None).unwrap();
    shop.idp = peer(&mut world);
    shop.read(&world, &page, None).unwrap();
    shop.idp = before;
    assert!(shop.read(&world, &page, None).is_err());
}

#[test]
fn without_a_key_nothing_is_said_and_the_log_says_why() {
    let (mut world, mut browser, _) = shop();
    world.sign_in(&mut browser, &format!("https://{TEAM}/"), "one");
    world.records.remove("saml_keys:shop");
    let page = world.get(&mut browser, &sso("shop"));
    assert_eq!(page.status, 500);
    assert_eq!(world.last_reason(), "SAML: the application has no key to sign with");
    let page = world.get(&mut browser, &format!("{}/saml-metadata", sso("shop")));
    assert_eq!(page.status, 503);
}

#[test]
fn a_word_of_justification_is_asked_for_and_logged() {
    for begun_here in [false, true] {
        let (mut world, mut browser, mut shop) = shop();
        shop.idp.allow_unsolicited = true;
        world.edit("app:shop", |app| app["policies"][0]["justification_required"] = true.into());
        let (id, url) = shop.url(&world, None);
        let url = if begun_here { sso("shop") } else { url };
        let (at, page) = world.sign_in(&mut browser, &url, "one");
        let form = posted(&page);
        assert!(at.ends_with(&form.action), "{at} {}", form.action);
        let mut fields: Vec<_> =
            form.fields.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
        fields.push(("justification", "the fair is tomorrow"));
        let page = world.post(&mut browser, &form.action, &fields);
        let expected = (!begun_here).then_some(id.as_str());
        shop.read(&world, &page, expected).unwrap();
        let event = world.log.last().unwrap();
        assert_eq!(event.justification.as_deref(), Some("the fair is tomorrow"));
    }
}

#[test]
fn the_tile_in_the_app_launcher_leads_to_a_sign_in_that_begins_here() {
    for port in [None, Some(8443)] {
        let (mut world, mut browser, mut shop) = shop();
        shop.idp.allow_unsolicited = true;
        world.https_port = port;
        let origin = match port {
            Some(port) => format!("https://{TEAM}:{port}"),
            None => format!("https://{TEAM}"),
        };
        let (_, page) = world.sign_in(&mut browser, &format!("{origin}/"), "one");
        let href = page.link("data-app=\"shop\"");
        assert_eq!(href, format!("{origin}/access/sso/saml/shop"));
        let page = world.get(&mut browser, &href);
        shop.read(&world, &page, None).unwrap();
        world.edit("app:shop", |app| app["launch_url"] = json!("https://shop.test/start"));
        let page = world.get(&mut browser, &format!("{origin}/"));
        assert_eq!(page.link("data-app=\"shop\""), "https://shop.test/start");
    }
}

#[test]
fn a_request_is_answered_once_in_whatever_browser_on_whatever_path_and_at_whatever_node() {
    for post in [false, true] {
        let (mut world, mut browser, mut shop) = shop();
        if post {
            shop = shop.by_post();
        }
        world.sign_in(&mut browser, &format!("https://{TEAM}/"), "one");
        world.publish_sessions();
        let (id, departure) = shop.ask(&world, &Question::default(), None);
        let send = |world: &mut World, browser: &mut Browser| match &departure {
            Departure::Redirect(url) => world.get(browser, url).location().unwrap().to_owned(),
            Departure::Post(form) => {
                let response = world.post_from_elsewhere(browser, &Posted::from(form));
                response.location().unwrap().to_owned()
            }
        };
        let waits = send(&mut world, &mut browser);
        let mut copy = browser.clone();
        let page = world.get(&mut browser, &waits);
        shop.read(&world, &page, Some(&id)).unwrap();
        // The back button, a copy of the cookies, and the same message sent once more.
        assert_eq!(world.get(&mut browser, &waits).status, 400);
        let again = send(&mut world, &mut browser);
        // Another point of presence: same records, same control plane, nothing remembered.
        let mut other = world.elsewhere();
        for (browser, waits) in [(&mut copy, &waits), (&mut browser, &again)] {
            let page = other.get(browser, waits);
            assert_eq!(page.status, 400);
            assert!(!page.says("SAMLResponse"));
            assert_eq!(other.last_reason(), "SAML request: it was answered before (replay)");
        }
        let spent = other.control.spent.iter().filter(|token| token.starts_with("saml:")).count();
        assert_eq!(spent, 1);
    }
}

#[test]
fn while_nobody_can_say_whether_it_was_answered_before_it_is_not() {
    let (mut world, mut browser, mut shop) = shop();
    world.sign_in(&mut browser, &format!("https://{TEAM}/"), "one");
    world.publish_sessions();
    let (id, url) = shop.url(&world, None);
    world.control.down = true;
    let (waits, page) = world.follow(&mut browser, &url);
    assert_eq!(page.status, 503);
    assert!(!page.says("SAMLResponse"));
    world.control.down = false;
    let page = world.get(&mut browser, &waits);
    shop.read(&world, &page, Some(&id)).unwrap();
}
