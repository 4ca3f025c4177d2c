//! What is said of people stays text, policies are asked on every way, and nobody speaks for others:
//! the rows I3, I6 and I8 of the table of known attacks, and the classes behind the advisories of 2025
//! and 2026. I7 is in `saml_logout.rs`, I9 in `saml_sign_in.rs`.

use access::Response;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::Method;
use proptest::prelude::*;
use saml::binding::Departure;
use saml::service_provider::{Login, Question};
use serde_json::json;

use crate::keys::IDP_NEXT;
use crate::saml_requests::{nothing_was_sent, refused, shop, signing};
use crate::shop::{Posted, Shop, base64, posted, sso};
use crate::world::{Ask, Browser, Reading as _, TEAM, World};

fn url_of(departure: Departure) -> String {
    match departure {
        Departure::Redirect(url) => url,
        Departure::Post(form) => panic!("a form for {}", form.action),
    }
}

const HOSTILE: [&str; 9] = [
    "</saml:AttributeValue></saml:Attribute><saml:Attribute Name=\"role\">admin",
    "x\"><evil a='",
    "]]></saml:NameID><saml:NameID>root@example.com",
    "<!-- --><!---->root@example.com",
    "&amp;&lt;&#60;&#x3c;&quot;",
    "<![CDATA[x]]>",
    "<!DOCTYPE x [<!ENTITY y \"z\">]>&y;",
    "tab\there, \u{A0}\u{2028}\u{85}\u{FFFD}\u{1F600} \u{202E}",
    "${jndi:ldap://evil.test/}{{7*7}}",
];

/// What the application reads of somebody whose provider says `value` of them.
fn told(value: &str, as_name: bool) -> (World, Option<Login>) {
    let (mut world, mut browser) = (World::new(), Browser::default());
    world.put_shop("shop");
    world.providers[0].claims["department"] = value.into();
    world.providers[0].claims["groups"] = json!(["staff", value]);
    world.edit_shop("shop", |saml| {
        saml["attributes"] = json!([{ "name": "dept", "source": { "name": "department" } }]);
        if as_name {
            saml["name_id"] = json!({ "source": { "name": "department" } });
        }
    });
    let mut shop = Shop::new("shop");
    let (id, url) = shop.url(&world, Some(&value.replace('\0', "")));
    let (_, page) = world.sign_in(&mut browser, &url, "one");
    if page.status != 200 {
        assert!(!page.says("SAMLResponse"));
        return (world, None);
    }
    assert_eq!(posted(&page).get("RelayState"), Some(value));
    let login = shop.read(&world, &page, Some(&id)).unwrap();
    (world, Some(login))
}

#[test]
fn i3_what_is_said_of_people_stays_text() {
    for value in HOSTILE {
        let (_, login) = told(value, true);
        let login = login.unwrap();
        assert_eq!(login.name_id().unwrap().value, value);
        assert_eq!(login.attribute("dept").collect::<Vec<_>>(), [value]);
        assert_eq!(login.attribute("groups").collect::<Vec<_>>(), ["staff", value]);
        assert_eq!(login.assertion.attributes.len(), 4, "{:?}", login.assertion.attributes);
    }
}

#[test]
fn i3_what_xml_cannot_hold_is_not_said_at_all() {
    for value in ["nul\u{0}", "bell\u{7}", "escape\u{1B}[0m", "non-character \u{FFFE}"] {
        let (world, login) = told(value, false);
        assert!(login.is_none(), "{value:?}");
        assert!(world.last_reason().contains("XML cannot express"), "{}", world.last_reason());
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    /// Any text that XML can hold, up to the 256 characters that every peer must take.
    #[test]
    fn i3_any_text_is_read_back_as_it_was(value in "[\u{20}-\u{D7FF}\u{E000}-\u{FFFD}\u{10000}-\u{10FFFF}]{1,200}") {
        prop_assume!(!value.trim().is_empty());
        let (_, login) = told(&value, false);
        let login = login.unwrap();
        prop_assert_eq!(login.attribute("dept").collect::<Vec<_>>(), vec![value.as_str()]);
    }

    /// Whatever is sent, it is answered with a page.
    #[test]
    fn i8_no_message_breaks_anything(bytes in prop::collection::vec(any::<u8>(), 0..300), post in any::<bool>()) {
        let (mut world, mut browser) = (World::new(), Browser::default());
        world.put_shop("shop");
        let text = STANDARD.encode(&bytes);
        for address in [sso("shop"), format!("{}/logout", sso("shop"))] {
            let form = Posted { action: address, fields: vec![("SAMLRequest".into(), text.clone())] };
            let page = if post {
                world.post_from_elsewhere(&mut browser, &form)
            } else {
                world.get(&mut browser, &format!("{}?{}", form.action, form.body()))
            };
            prop_assert!(page.status == 400 || page.says("lintel_again"), "{}", page.status);
        }
    }

    /// Cookies that are no cookies of ours are no cookies.
    #[test]
    fn a_malformed_cookie_is_none(value in "[!-:<-~]{0,200}") {
        let (mut world, browser) = (World::new(), Browser::default());
        world.put_shop("shop");
        let name = "0".repeat(32);
        for cookie in [
            format!("__Secure-CF_Saml_{name}_0={value}"),
            format!("__Secure-CF_Saml_{value}_0=x; __Host-CF_SamlEntered={value}"),
            format!("__Secure-CF_SamlLogout_0={value}"),
        ] {
            let Ok(_) = http::HeaderValue::try_from(&cookie) else { continue };
            for url in [format!("{}?request={name}", sso("shop")), format!("{}/logout?SAMLResponse=x", sso("shop"))] {
                let headers = vec![("cookie", cookie.clone())];
                let ask = Ask { method: Method::GET, url: &url, form: None, headers };
                prop_assert_eq!(world.send(&mut browser.clone(), &ask).status, 400);
            }
        }
    }
}

#[test]
fn i6_policies_are_asked_on_every_way_and_every_time() {
    let (mut world, mut browser, mut shop) = shop();
    shop.idp.allow_unsolicited = true;
    let page = world.get(&mut browser, &sso("shop"));
    shop.read(&world, &page, None).unwrap();
    // Whoever was in before is not in for ever; and whoever is in one is not in another.
    let root = json!([{
        "id": "root", "name": "Root", "decision": "allow",
        "include": [{ "email": { "email": "root@example.com" } }],
    }]);
    world.put_shop("desk");
    world.edit("app:shop", |app| app["policies"] = root);
    let context = saml::authn_request::RequestedAuthnContext {
        comparison: saml::authn_request::Comparison::Exact,
        classes: vec![saml::assertion::authn_context::PASSWORD.to_owned()],
    };
    let plain = Question::default();
    let context = Question { requested_authn_context: Some(context), ..Question::default() };
    for question in [plain, context] {
        let (_, departure) = shop.ask(&world, &question, None);
        let (_, page) = world.follow(&mut browser, &url_of(departure));
        denied(&world, &page);
    }
    let page = world.get(&mut browser, &sso("shop"));
    denied(&world, &page);
    let forced = Question { force_authn: true, ..Question::default() };
    let (_, departure) = shop.ask(&world, &forced, None);
    let (_, page) = world.sign_in(&mut browser, &url_of(departure), "one");
    denied(&world, &page);
    let (_, page) = world.sign_in(&mut Browser::default(), &sso("shop"), "one");
    denied(&world, &page);
    assert_eq!(world.get(&mut browser, &sso("desk")).status, 200);
}

fn denied(world: &World, page: &Response) {
    assert_eq!(page.status, 403);
    assert!(!page.says("SAMLResponse"));
    let event = world.log.last().unwrap();
    assert!(!event.allowed && event.application_id.as_deref() == Some("shop"));
}

#[test]
fn bypass_and_service_policies_let_nobody_in_elsewhere() {
    for decision in ["bypass", "non_identity"] {
        let (mut world, mut browser, _) = shop();
        world.edit("app:shop", |app| {
            app["policies"] = json!([{
                "id": "p", "name": "P", "decision": decision, "include": [{ "everyone": {} }],
            }]);
        });
        let page = world.get(&mut browser, &sso("shop"));
        denied(&world, &page);
    }
}

#[test]
fn applications_of_one_organization_do_not_speak_for_each_other() {
    let (mut world, mut browser, shop) = signing();
    world.put_shop("desk");
    world.edit_shop("desk", |saml| {
        saml["service_provider"]["signing_certificates"] = json!([base64(&IDP_NEXT)]);
    });
    let mut desk = Shop::new("desk").signing();
    desk.key = &IDP_NEXT;
    // Desk's request at shop's address, whatever it says of itself.
    desk.idp.single_sign_on_services[0].location = sso("shop");
    let (_, url) = desk.url(&world, None);
    refused(&mut world, &mut browser, &url, "not by any of the 1 trusted keys");
    desk.sp.entity_id.clone_from(&shop.sp.entity_id);
    let (_, url) = desk.url(&world, None);
    refused(&mut world, &mut browser, &url, "not by any of the 1 trusted keys");
    desk.sp.entity_id = "https://desk.test".to_owned();
    world.edit_shop("shop", |saml| {
        saml["service_provider"]["require_signed_requests"] = false.into();
    });
    desk.signs = false;
    let (_, url) = desk.url(&world, None);
    refused(&mut world, &mut browser, &url, "not by the service provider of this application");
}

#[test]
fn another_organizations_application_and_keys_are_not_there() {
    let (mut world, mut browser, mut shop) = shop();
    let (_, url) = shop.url(&world, None);
    let waits = world.get(&mut browser, &url).location().unwrap().to_owned();
    world.edit("saml_keys:shop", |keys| keys["auth_domain"] = "team.other.test".into());
    assert_eq!(world.get(&mut browser, &waits).status, 500);
    assert_eq!(world.last_reason(), "SAML: the application has no key to sign with");
    world.edit("app:shop", |app| app["auth_domain"] = "team.other.test".into());
    for url in [
        url,
        waits,
        sso("shop"),
        format!("{}/saml-metadata", sso("shop")),
        format!("{}/logout", sso("shop")),
    ] {
        let page = world.get(&mut browser, &url);
        assert_eq!((page.status, page.location()), (403, None), "{url}");
        assert_eq!(world.last_reason(), "the application does not exist in this organization");
        assert_eq!(world.log.last().unwrap().application_id, None, "nor is it named");
    }
}

#[test]
fn what_speaks_no_saml_is_no_saml_application() {
    let (mut world, mut browser, _) = shop();
    for (id, status) in [("wiki", 403), ("nobody", 403), ("..", 404), ("a%2Fb", 404), ("", 404)] {
        let page = world.get(&mut browser, &sso(id));
        assert_eq!((page.status, page.location()), (status, None), "{id}");
    }
    for path in
        ["/access/sso", "/access/sso/oidc/shop", "/access/sso/saml", "/access/sso/saml/shop/x"]
    {
        assert_eq!(world.get(&mut browser, &format!("https://{TEAM}{path}")).status, 404, "{path}");
    }
}

#[test]
fn a_look_is_no_sign_in_and_a_foreign_form_asks_for_nothing() {
    let (mut world, mut browser, mut shop) = shop();
    let (_, url) = shop.url(&world, None);
    for url in [&sso("shop"), &url, &format!("{}/logout", sso("shop"))] {
        let ask = Ask { method: Method::HEAD, url, form: None, headers: vec![] };
        let page = world.send(&mut browser, &ask);
        assert_eq!((page.status, page.body.as_str()), (405, ""));
    }
    world.edit("app:shop", |app| app["policies"][0]["justification_required"] = true.into());
    let form = Posted {
        action: sso("shop"),
        fields: vec![("justification".to_owned(), "because".to_owned())],
    };
    let page = world.post_from_elsewhere(&mut browser, &form);
    nothing_was_sent(&world, &page, "holds no SAML message, and is none of our own");
}
