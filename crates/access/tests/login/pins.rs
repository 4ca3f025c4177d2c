//! Codes by mail.

use access::Response;
use access::need::Call;
use serde_json::json;

use crate::control::CODE;
use crate::world::{Browser, Reading as _, TEAM, WIKI, World};

/// The page that asks for an address.
fn ask(world: &mut World, browser: &mut Browser) -> Response {
    let (_, page) = world.sign_in(browser, &format!("{WIKI}/x"), "pin");
    assert!(page.says("name=\"email\""), "{}", page.body);
    page
}

fn post(
    world: &mut World,
    browser: &mut Browser,
    page: &Response,
    more: &[(&str, &str)],
) -> Response {
    let state = page.field("state");
    let mut form = vec![("state", state.as_str())];
    form.extend(more);
    world.post(browser, "/access/pin", &form)
}

fn entering(world: &mut World, browser: &mut Browser) -> Response {
    let page = ask(world, browser);
    let page = post(world, browser, &page, &[("email", "Eve@Example.com")]);
    assert!(page.says("name=\"code\""), "{}", page.body);
    page
}

#[test]
fn a_code_signs_in_where_it_was_asked_for() {
    let (mut world, mut browser) = (World::new(), Browser::default());
    let page = entering(&mut world, &mut browser);
    let answer = post(&mut world, &mut browser, &page, &[("code", " 123-456 ")]);
    let next = answer.location().unwrap_or_else(|| panic!("{}", answer.body)).to_owned();
    let (at, page) = world.follow(&mut browser, &next);
    assert_eq!((at, page.body), (format!("{WIKI}/x"), "eve@example.com".to_owned()));
    let event = world.log.last().unwrap();
    assert_eq!(event.connection.as_deref(), Some("onetimepin"));
    assert!(event.identity.as_ref().unwrap().amr.is_empty(), "a mailbox is no second factor");
    let sent = world.control.asked.iter().find_map(|call| match call {
        Call::SendPin(sent) => Some(sent.clone()),
        _ => None,
    });
    let sent = sent.unwrap();
    assert_eq!(
        (sent.email.as_str(), sent.application_id.as_deref()),
        ("eve@example.com", Some("wiki"))
    );
    assert_eq!((sent.ip.as_deref(), sent.country.as_deref()), (Some("192.0.2.7"), Some("DE")));
}

#[test]
fn the_answer_is_the_same_for_every_address() {
    let bodies = ["eve@example.com", "who@example.com"].map(|email| {
        let (mut world, mut browser) = (World::new(), Browser::default());
        world.control.mailable.insert("eve@example.com".into());
        let page = ask(&mut world, &mut browser);
        let page = post(&mut world, &mut browser, &page, &[("email", email)]);
        assert_eq!(world.control.pins.len(), usize::from(email.starts_with("eve")));
        (page.status, page.body.replace(&page.field("state"), "").replace(email, ""))
    });
    assert_eq!(bodies[0], bodies[1]);
}

#[test]
fn a_code_counts_in_the_browser_that_asked_for_it_alone() {
    let (mut world, mut browser) = (World::new(), Browser::default());
    let page = entering(&mut world, &mut browser);
    let reason = "the form belongs to another browser";
    let mut thief = Browser::default();
    for _ in 0..2 {
        let answer = post(&mut world, &mut thief, &page, &[("code", CODE)]);
        assert_eq!((answer.status, world.last_reason()), (400, reason));
        world.callback(&mut thief, WIKI, "one"); // Now it has a secret of its own.
    }
    assert!(world.control.sessions.is_empty());
    assert!(!world.control.asked.iter().any(|call| matches!(call, Call::CheckPin(_))));
}

#[test]
fn links_and_scanners_sign_nobody_in() {
    let (mut world, mut browser) = (World::new(), Browser::default());
    let page = entering(&mut world, &mut browser);
    let state = page.field("state");
    let query = access::encoding::query([("state", state.as_str()), ("code", CODE)]);
    for path in ["/access/pin", "/access/callback/pin", "/access/start/pin"] {
        let url = format!("https://{TEAM}{path}?{query}");
        world.get(&mut browser, &url);
        assert!(world.control.sessions.is_empty(), "{path}");
    }
    assert!(!world.control.asked.iter().any(|call| matches!(call, Call::CheckPin(_))));
}

#[test]
fn foreign_forms_send_no_mail_and_check_no_code() {
    let (mut world, mut browser) = (World::new(), Browser::default());
    let page = ask(&mut world, &mut browser);
    let state = page.field("state");
    for headers in [
        vec![],
        vec![("origin", "https://evil.test".to_owned())],
        vec![("origin", "null".to_owned())],
        vec![("origin", format!("https://{TEAM}")), ("sec-fetch-site", "cross-site".to_owned())],
    ] {
        let form = access::encoding::query([("state", state.as_str()), ("email", "a@example.com")]);
        let url = format!("https://{TEAM}/access/pin");
        let method = http::Method::POST;
        let ask = crate::world::Ask { method, url: &url, form: Some(form), headers };
        assert_eq!(world.send(&mut browser, &ask).status, 403);
        assert_eq!(world.last_reason(), "the form was not posted from the team domain");
    }
    assert!(world.control.asked.is_empty());
}

#[test]
fn wrong_codes_are_counted_and_said() {
    let (mut world, mut browser) = (World::new(), Browser::default());
    let mut page = entering(&mut world, &mut browser);
    for left in [2, 1, 0] {
        page = post(
            &mut world,
            &mut browser,
            &page,
            &[("email", "e@example.com"), ("code", "000000")],
        );
        assert_eq!((page.status, world.last_reason()), (422, "a wrong code"));
        assert!(page.says(&left.to_string()));
    }
    let page = post(&mut world, &mut browser, &page, &[("email", "e@example.com"), ("code", CODE)]);
    assert!(page.says("name=\"email\"") && page.says("e@example.com"));
    assert_eq!(world.last_reason(), "a code that is used, too old, or was never sent");
    assert!(world.control.sessions.is_empty());
}

#[test]
fn a_form_sent_twice_leads_on() {
    let (mut world, mut browser) = (World::new(), Browser::default());
    let page = entering(&mut world, &mut browser);
    post(&mut world, &mut browser, &page, &[("code", CODE)]);
    let answer = post(&mut world, &mut browser, &page, &[("code", CODE)]);
    let next = answer.location().unwrap().to_owned();
    assert_eq!(world.follow(&mut browser, &next).0, format!("{WIKI}/x"));
    assert_eq!(world.control.sessions.len(), 1);
}

#[test]
fn a_form_that_lay_open_overnight_asks_anew_and_loses_nothing() {
    let (mut world, mut browser) = (World::new(), Browser::default());
    let page = entering(&mut world, &mut browser);
    world.now += 24 * 3_600;
    let form = [("email", "eve@example.com"), ("code", CODE)];
    let page = post(&mut world, &mut browser, &page, &form);
    assert!(page.status == 422 && page.says("value=\"eve@example.com\""), "{}", page.body);
    let page = post(&mut world, &mut browser, &page, &[("email", "eve@example.com")]);
    let answer = post(&mut world, &mut browser, &page, &[("code", CODE)]);
    let next = answer.location().unwrap().to_owned();
    assert_eq!(world.follow(&mut browser, &next).0, format!("{WIKI}/x"));
}

#[test]
fn too_many_no_mail_and_no_answer_are_told_apart() {
    let (mut world, mut browser) = (World::new(), Browser::default());
    for _ in 0..5 {
        entering(&mut world, &mut browser);
    }
    let page = ask(&mut world, &mut browser);
    let again = post(&mut world, &mut browser, &page, &[("email", "eve@example.com")]);
    assert_eq!((again.status, again.header("retry-after")), (429, Some("90")));
    assert!(again.says("2 minutes"));
    world.control.no_mail = true;
    let again = post(&mut world, &mut browser, &page, &[("email", "eve@example.com")]);
    assert_eq!(again.status, 503);
    assert!(world.last_reason().contains("SMTP is not configured"));
    world.control.down = true;
    let again = post(&mut world, &mut browser, &page, &[("email", "eve@example.com")]);
    assert_eq!(again.status, 503);
}

#[test]
fn what_is_typed_is_checked_before_it_travels() {
    let (mut world, mut browser) = (World::new(), Browser::default());
    let page = ask(&mut world, &mut browser);
    for email in ["", "eve", "a@b, c@d", "eve@example.com\nBcc: x@y", "<x@y>"] {
        let again = post(&mut world, &mut browser, &page, &[("email", email)]);
        assert_eq!(again.status, 422, "{email}");
    }
    assert!(world.control.asked.is_empty());
    let page = entering(&mut world, &mut browser);
    for code in ["", " - ", &"1".repeat(50)] {
        assert_eq!(post(&mut world, &mut browser, &page, &[("code", code)]).status, 422);
    }
    let again = world.post(&mut browser, "/access/pin", &[("email", "eve@example.com")]);
    assert_eq!((again.status, world.last_reason()), (400, "the form has no state"));
}

#[test]
fn mailed_codes_speak_for_stated_domains_alone() {
    let (mut world, mut browser) = (World::new(), Browser::default());
    world.edit("idp:pin", |record| record["email_domains"] = json!(["other.test"]));
    let page = entering(&mut world, &mut browser);
    let answer = post(&mut world, &mut browser, &page, &[("code", CODE)]);
    assert_eq!(answer.status, 403);
    assert_eq!(world.last_reason(), "the provider may not speak for eve@example.com");
    assert!(world.control.sessions.is_empty());
}
