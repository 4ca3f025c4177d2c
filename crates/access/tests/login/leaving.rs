//! Signing out.

use http::Method;
use serde_json::json;

use crate::world::{Ask, Browser, Reading as _, TEAM, WIKI, World};

fn signed_in() -> (World, Browser) {
    let (mut world, mut browser) = (World::new(), Browser::default());
    world.sign_in(&mut browser, WIKI, "one");
    (world, browser)
}

fn is_signed_in(world: &mut World, browser: &mut Browser) -> bool {
    world.get(browser, &format!("https://{TEAM}/access/get-identity")).status == 200
}

#[test]
fn a_link_or_a_foreign_form_signs_nobody_out() {
    let (mut world, mut browser) = signed_in();
    let url = format!("https://{TEAM}/access/logout");
    let page = world.get(&mut browser, &url);
    assert!(page.says("ada@example.com") && page.header("set-cookie").is_none());
    let head = Ask { method: Method::HEAD, url: &url, form: None, headers: vec![] };
    world.send(&mut browser, &head);
    for origin in ["https://evil.test", "null", WIKI] {
        let headers = vec![("origin", origin.to_owned())];
        let ask = Ask { method: Method::POST, url: &url, form: Some(String::new()), headers };
        assert_eq!(world.send(&mut browser, &ask).status, 403);
        assert_eq!(world.last_reason(), "the form was not posted from the team domain");
    }
    assert!(is_signed_in(&mut world, &mut browser));
}

#[test]
fn here_and_everywhere() {
    for everywhere in [false, true] {
        let (mut world, mut browser) = signed_in();
        let mut other = Browser::default();
        world.sign_in(&mut other, WIKI, "one");
        let form: &[(&str, &str)] = if everywhere { &[("everywhere", "1")] } else { &[] };
        let page = world.post(&mut browser, "/access/logout", form);
        assert_eq!(page.status, 200);
        assert_eq!(world.log.last().unwrap().action, "logout");
        assert!(!is_signed_in(&mut world, &mut browser));
        assert_eq!(is_signed_in(&mut world, &mut other), !everywhere);
    }
}

#[test]
fn a_token_that_was_kept_is_worth_nothing_afterwards() {
    let (mut world, mut browser) = signed_in();
    let mut thief = browser.clone();
    world.post(&mut browser, "/access/logout", &[]);
    assert!(!is_signed_in(&mut world, &mut thief));
}

#[test]
fn whoever_signed_out_is_not_led_straight_back_in() {
    let (mut world, mut browser) = signed_in();
    world.edit(&format!("org:{TEAM}"), |org| {
        org["auto_redirect_to_identity"] = true.into();
        org["identity_providers"] = json!([{ "id": "one", "name": "One", "kind": "oidc" }]);
    });
    let page = world.post(&mut browser, "/access/logout", &[]);
    assert_eq!((page.status, page.location()), (200, None));
    let again = page.link("Sign in again");
    let page = world.get(&mut browser, &format!("https://{TEAM}{again}"));
    assert_eq!(page.status, 200, "the page, not the provider");
    assert!(page.says("data-idp=\"one\""));
}

#[test]
fn only_hosts_of_ours_are_returned_to() {
    for (to, location) in [
        ("https://wiki.example.com/bye", Some("https://wiki.example.com/bye")),
        ("https://evil.test/", None),
        ("//evil.test", None),
        ("https://wiki.example.com@evil.test/", None),
        ("javascript:alert(1)", None),
        ("https://blog.example.com/", None),
        ("https://other.example.com/", None),
        ("/", None),
        ("https://team.example.com/", None),
    ] {
        let (mut world, mut browser) = signed_in();
        // A host of another organisation's application.
        world.put_application("other", "other.example.com", json!([]));
        world.edit("app:other", |app| app["auth_domain"] = "team.other.test".into());
        // The App Launcher has a door of its own: whoever left is not led back there.
        world.put_application("launcher", TEAM, json!([]));
        let page = world.post(&mut browser, "/access/logout", &[("returnTo", to)]);
        assert_eq!(page.location(), location, "{to}");
        assert!(!is_signed_in(&mut world, &mut browser));
    }
}

#[test]
fn without_the_control_plane_the_browser_forgets_and_the_person_is_told() {
    let (mut world, mut browser) = signed_in();
    world.publish_sessions();
    world.control.down = true;
    let page = world.post(&mut browser, "/access/logout", &[]);
    assert_eq!(page.status, 503);
    assert!(!browser.cookies.contains_key(&(TEAM.to_owned(), "CF_Authorization".to_owned())));
}

#[test]
fn nobody_can_sign_out_as_well() {
    let (mut world, mut browser) = (World::new(), Browser::default());
    assert_eq!(world.post(&mut browser, "/access/logout", &[]).status, 200);
    assert!(world.control.asked.is_empty());
}
