//! Justification and approval.

use access::Response;
use edge_state::access::call::ApprovalState;
use http::Method;
use serde_json::json;

use crate::control::user_id;
use crate::world::{Ask, Browser, Reading as _, TEAM, WIKI, World};

fn world(policy: serde_json::Value) -> (World, Browser) {
    let mut world = World::new();
    world.edit("app:wiki", |app| {
        for (name, value) in policy.as_object().unwrap() {
            app["policies"][0][name] = value.clone();
        }
    });
    (world, Browser::default())
}

fn submit(world: &mut World, browser: &mut Browser, page: &Response, text: &str) -> Response {
    let fields = ["redirect_url", "meta", "form"].map(|name| (name, page.field(name)));
    let mut form: Vec<_> = fields.iter().map(|(n, v)| (*n, v.as_str())).collect();
    form.extend([("justification", text), ("seconds", "1800")]);
    world.post(browser, "/access/login/wiki", &form)
}

#[test]
fn a_justification_is_asked_for_and_logged() {
    let (mut world, mut browser) = world(json!({
        "justification_required": true, "justification_prompt": "Which <ticket>?",
    }));
    let (_, page) = world.sign_in(&mut browser, &format!("{WIKI}/x"), "one");
    assert!(page.says("Which &lt;ticket&gt;?"), "{}", page.body);
    for nothing in ["", "  "] {
        let again = submit(&mut world, &mut browser, &page, nothing);
        assert!(again.says("name=\"justification\""));
    }
    let answer = submit(&mut world, &mut browser, &page, "Ticket 7");
    let next = answer.location().unwrap().to_owned();
    assert_eq!(world.follow(&mut browser, &next).0, format!("{WIKI}/x"));
    assert_eq!(world.log.last().unwrap().justification.as_deref(), Some("Ticket 7"));
}

#[test]
fn a_foreign_form_justifies_nothing() {
    let (mut world, mut browser) = world(json!({ "justification_required": true }));
    let (_, page) = world.sign_in(&mut browser, &format!("{WIKI}/x"), "one");
    let fields = ["redirect_url", "meta", "form"].map(|name| (name, page.field(name)));
    let form = fields.iter().map(|(n, v)| (*n, v.as_str())).chain([("justification", "x")]);
    let ask = Ask {
        method: Method::POST,
        url: &format!("https://{TEAM}/access/login/wiki"),
        form: Some(access::encoding::query(form)),
        headers: vec![("origin", "https://evil.test".to_owned())],
    };
    assert_eq!(world.send(&mut browser, &ask).status, 403);
}

#[test]
fn others_agree_and_the_door_opens_for_a_while() {
    let (mut world, mut browser) = world(json!({ "approval_required": true }));
    world.control.approvers.insert("bob@example.com".into());
    let (_, page) = world.sign_in(&mut browser, &format!("{WIKI}/x"), "one");
    let waiting = submit(&mut world, &mut browser, &page, "Please");
    assert!(
        waiting.says("Waiting for approval") && waiting.says("id=\"again\""),
        "{}",
        waiting.body
    );
    let twice = submit(&mut world, &mut browser, &page, "Please");
    assert!(twice.says("Waiting for approval"));
    let asks =
        world.control.asked.iter().filter(|c| matches!(c, access::need::Call::AskApproval(_)));
    assert_eq!(asks.count(), 1);
    let key = ("wiki".to_owned(), "staff".to_owned(), user_id("ada@example.com"));
    let Some(ApprovalState::Pending { id, .. }) = world.control.approvals.get(&key).cloned() else {
        panic!("nothing was asked");
    };
    // Bob follows the mail, signs in, and sees who asks for what.
    let mut bob = Browser::default();
    let url = format!("https://{TEAM}/access/approvals/{id}");
    let (at, page) = world.sign_in(&mut bob, &url, "two");
    assert_eq!(at, url);
    assert!(page.says("ada@example.com") && page.says("Please") && page.says("wiki"));
    // Looking decides nothing, nor does a foreign form.
    let headers = vec![("origin", "https://evil.test".to_owned())];
    let form = Some("decision=approve".to_owned());
    let ask = Ask { method: Method::POST, url: &url, form, headers };
    assert_eq!(world.send(&mut bob, &ask).status, 403);
    assert!(world.get(&mut browser, &url).status == 403, "Ada has no say in it");
    let path = format!("/access/approvals/{id}");
    assert_eq!(world.post(&mut browser, &path, &[("decision", "approve")]).status, 403);
    assert_eq!(world.post(&mut bob, &path, &[("decision", "approve")]).status, 200);
    assert_eq!(world.log.last().unwrap().action, "approval");
    let (at, _) = world.follow(&mut browser, &format!("{WIKI}/x"));
    assert_eq!(at, format!("{WIKI}/x"));
    // The token ends with the approval, though the application's last an hour.
    let token = &browser.cookies[&("wiki.example.com".to_owned(), "CF_Authorization".to_owned())];
    let claims = access::jwt::parse(token).unwrap().unverified_claims().unwrap();
    assert_eq!(claims.expires_at, Some(world.now + 600));
}

#[test]
fn a_refusal_can_be_asked_about_again() {
    let (mut world, mut browser) = world(json!({ "approval_required": true }));
    let key = ("wiki".to_owned(), "staff".to_owned(), user_id("ada@example.com"));
    world.control.approvals.insert(key.clone(), ApprovalState::Refused);
    let (_, page) = world.sign_in(&mut browser, &format!("{WIKI}/x"), "one");
    assert!(page.says("was refused") && page.says("name=\"justification\""));
    // An approval that is over is none.
    let over = ApprovalState::Approved { until: world.now };
    world.control.approvals.insert(key, over);
    let (_, page) = world.follow(&mut browser, &format!("{WIKI}/y"));
    assert!(page.says("name=\"justification\"") && !page.says("was refused"));
}

#[test]
fn what_cannot_be_decided_is_said_so() {
    let (mut world, mut browser) = world(json!({}));
    world.sign_in(&mut browser, WIKI, "one");
    for id in ["nothing", "..%2f", "a/b"] {
        let page = world.get(&mut browser, &format!("https://{TEAM}/access/approvals/{id}"));
        assert_eq!(page.status, 403, "{id}");
    }
    world.control.down = true;
    world.publish_sessions();
    let page = world.get(&mut browser, &format!("https://{TEAM}/access/approvals/x"));
    assert_eq!(page.status, 503);
}
