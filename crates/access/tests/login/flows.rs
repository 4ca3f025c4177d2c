//! What people do: many tabs, the back button, bookmarks, long lunches.

use http::Method;
use serde_json::json;

use crate::control::user_id;
use crate::world::{Ask, Browser, Reading as _, TEAM, WIKI, World};

fn world() -> (World, Browser) {
    (World::new(), Browser::default())
}

#[test]
fn a_person_signs_in_and_is_where_they_wanted_to_go() {
    for provider in ["one", "hub"] {
        let (mut world, mut browser) = world();
        let (at, page) = world.sign_in(&mut browser, &format!("{WIKI}/a/b?c=d&e=%2F"), provider);
        assert_eq!(at, format!("{WIKI}/a/b?c=d&e=%2F"), "{}", page.body);
        let email = if provider == "one" { "ada@example.com" } else { "octo@example.com" };
        assert_eq!(page.body, email);
        let event = world.log.last().unwrap();
        assert!(event.allowed && event.code.is_none());
        assert_eq!(event.user_email.as_deref(), Some(email));
        assert_eq!(event.policy_id.as_deref(), Some("staff"));
        assert_eq!(event.application_id.as_deref(), Some("wiki"));
        assert_eq!(event.identity_provider_id.as_deref(), Some(provider));
    }
}

#[test]
fn ten_tabs_at_once_arrive_each_at_its_own_url() {
    let (mut world, mut browser) = world();
    let urls: Vec<String> = (0..10).map(|tab| format!("{WIKI}/tab/{tab}?n={tab}")).collect();
    let provider = |tab: usize| if tab.is_multiple_of(2) { "one" } else { "two" };
    let callbacks: Vec<String> = urls
        .iter()
        .enumerate()
        .map(|(tab, url)| world.callback(&mut browser, url, provider(tab)))
        .collect();
    for (url, callback) in urls.iter().zip(callbacks).rev() {
        let (at, page) = world.follow(&mut browser, &callback);
        assert_eq!((&at, page.status), (url, 200), "{}", page.body);
    }
}

#[test]
fn the_back_button_over_the_callback_leads_on() {
    let (mut world, mut browser) = world();
    let callback = world.callback(&mut browser, &format!("{WIKI}/x"), "one");
    assert_eq!(world.follow(&mut browser, &callback).0, format!("{WIKI}/x"));
    let sessions = world.control.sessions.len();
    assert_eq!(world.follow(&mut browser, &callback).0, format!("{WIKI}/x"));
    assert_eq!(world.control.sessions.len(), sessions, "a spent code signs nobody in");
    assert!(world.log.iter().any(|event| event.reason == "the callback was used before"));
    // Without a session the way leads through the login page, and on from there.
    browser.cookies.retain(|(_, name), _| name != "CF_Authorization");
    let (at, page) = world.follow(&mut browser, &callback);
    assert!(at.starts_with(&format!("https://{TEAM}/access/login/wiki?")), "{at}");
    assert!(page.says("data-idp=\"one\""));
    let next = format!("https://{TEAM}{}", page.link("data-idp=\"one\""));
    assert_eq!(world.follow(&mut browser, &next).0, format!("{WIKI}/x"));
}

#[test]
fn bookmarked_login_pages_lead_to_the_application() {
    for bookmark in [
        "/access/login/wiki?redirect_url=%2Fx".to_owned(),
        "/access/login/wiki.example.com?kid=aud-wiki&redirect_url=%2Fx".to_owned(),
        "/access/login/wiki.example.com?redirect_url=https%3A%2F%2Fwiki.example.com%2Fx".to_owned(),
        "/cdn-cgi/access/login/wiki.example.com?kid=aud-wiki&redirect_url=%2Fx".to_owned(),
        "/access/login/wiki?redirect_url=%2Fx&meta=from-last-year".to_owned(),
    ] {
        let (mut world, mut browser) = world();
        let start = format!("https://{TEAM}{bookmark}");
        let (at, page) = world.sign_in(&mut browser, &start, "one");
        assert_eq!((at, page.status), (format!("{WIKI}/x"), 200), "{bookmark}");
    }
}

#[test]
fn idle_minutes_do_no_harm_and_a_day_begins_anew() {
    for (minutes, signs_in) in [(31, true), (24 * 60 - 1, true), (24 * 60, false)] {
        let (mut world, mut browser) = world();
        let callback = world.callback(&mut browser, &format!("{WIKI}/x"), "one");
        world.now += minutes * 60;
        let (at, page) = world.follow(&mut browser, &callback);
        assert_eq!(!world.control.sessions.is_empty(), signs_in, "{minutes}");
        if signs_in {
            assert_eq!(at, format!("{WIKI}/x"));
            continue;
        }
        assert_eq!(world.last_reason(), "the attempt is too old");
        let next = format!("https://{TEAM}{}", page.link("data-idp=\"one\""));
        assert_eq!(world.follow(&mut browser, &next).0, format!("{WIKI}/x"));
    }
}

#[test]
fn a_callback_posted_without_cookies_is_posted_again_once() {
    let (mut world, mut browser) = world();
    let callback = world.callback(&mut browser, &format!("{WIKI}/x"), "one");
    let (url, query) = callback.split_once('?').unwrap();
    let cross_site = |form: &str| Ask {
        method: Method::POST,
        url,
        form: Some(form.to_owned()),
        headers: vec![
            ("origin", "https://one.idp.test".into()),
            ("sec-fetch-site", "cross-site".into()),
        ],
    };
    let page = world.send(&mut Browser::default(), &cross_site(query));
    assert_eq!(page.status, 200);
    assert!(page.says("<button") && page.header("set-cookie").is_none());
    assert!(page.header("content-security-policy").unwrap().contains("script-src 'sha256-"));
    let fields = ["state", "code", "iss", "lintel_again"].map(|name| (name, page.field(name)));
    let pairs: Vec<_> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let path = url.strip_prefix(&format!("https://{TEAM}")).unwrap();
    // The second time without cookies, they are blocked.
    let blocked = world.post(&mut Browser::default(), path, &pairs);
    assert_eq!((blocked.status, world.last_reason()), (400, "the browser has no session with us"));
    let answer = world.post(&mut browser, path, &pairs);
    let next = answer.location().unwrap().to_owned();
    assert_eq!(world.follow(&mut browser, &next).0, format!("{WIKI}/x"));
}

#[test]
fn what_a_provider_refuses_is_said_kindly_and_can_be_tried_again() {
    for (error, word) in [
        ("access_denied", "cancelled"),
        ("login_required", "answer what it asks"),
        ("server_error", "in a moment"),
        ("temporarily_unavailable", "in a moment"),
        ("invalid_scope", "administrator"),
        ("<script>alert(1)</script>", "administrator"),
    ] {
        let (mut world, mut browser) = world();
        let callback = world.callback(&mut browser, &format!("{WIKI}/x"), "one");
        let state = url::Url::parse(&callback).unwrap();
        let state = state.query_pairs().find(|(n, _)| n == "state").unwrap().1.into_owned();
        let query = access::encoding::query([
            ("state", state.as_str()),
            ("error", error),
            ("error_description", "because\r\nof <b>"),
        ]);
        let (path, _) = callback.split_once('?').unwrap();
        let page = world.get(&mut browser, &format!("{path}?{query}"));
        assert_eq!(page.status, 403);
        assert!(page.says(word) && !page.says("<script>") && !page.says("of <b>"), "{}", page.body);
        assert_eq!(world.last_reason(), format!("the provider answered {error}: because  of <b>"));
        let retry = page.link("Sign in again</a>".split('<').next().unwrap());
        let again = format!("https://{TEAM}{retry}");
        assert_eq!(world.sign_in(&mut browser, &again, "one").0, format!("{WIKI}/x"));
    }
}

#[test]
fn a_session_opens_other_applications_without_asking() {
    let (mut world, mut browser) = world();
    let policies = world.records["app:wiki"]["policies"].clone();
    world.put_application("blog", "blog.example.com", policies);
    world.sign_in(&mut browser, WIKI, "one");
    let asked = world.providers[0].asked.len();
    let (at, page) = world.follow(&mut browser, "https://blog.example.com/y");
    assert_eq!(
        (at.as_str(), page.body.as_str()),
        ("https://blog.example.com/y", "ada@example.com")
    );
    assert_eq!(world.providers[0].asked.len(), asked);
    assert_eq!(world.control.sessions.len(), 1);
}

#[test]
fn a_forced_provider_skips_the_page() {
    let (mut world, mut browser) = world();
    world.edit("app:wiki", |app| {
        app["allowed_idps"] = json!(["one"]);
        app["auto_redirect_to_identity"] = true.into();
    });
    let (at, page) = world.follow(&mut browser, &format!("{WIKI}/x"));
    assert_eq!((at, page.body), (format!("{WIKI}/x"), "ada@example.com".to_owned()));
    // Two that may be chosen are chosen from.
    world.edit("app:wiki", |app| app["allowed_idps"] = json!(["one", "two"]));
    let (_, page) = world.follow(&mut Browser::default(), &format!("{WIKI}/x"));
    assert!(page.says("data-idp=\"one\"") && page.says("data-idp=\"two\""));
    assert!(!page.says("data-idp=\"hub\""));
}

#[test]
fn while_the_control_plane_is_away_nobody_signs_in_and_sessions_go_on() {
    let (mut world, mut browser) = world();
    world.sign_in(&mut browser, WIKI, "one");
    world.publish_sessions();
    world.control.down = true;
    for seconds in [1, 3_600, 3_600] {
        // The application's token runs out and is replaced in passing.
        world.now += seconds;
        assert_eq!(world.get(&mut browser, &format!("{WIKI}/x")).status, 200);
    }
    world.control.asked.clear();
    let (at, page) = world.sign_in(&mut Browser::default(), &format!("{WIKI}/x"), "two");
    assert_eq!(page.status, 503, "{at}");
    assert!(page.says("not possible right now") && page.header("retry-after").is_some());
    assert!(world.last_reason().starts_with("nobody answered"));
}

#[test]
fn a_provider_that_is_away_is_said_so_and_others_are_offered() {
    let (mut world, mut browser) = world();
    world.providers[0].down = true;
    let (_, page) = world.sign_in(&mut browser, &format!("{WIKI}/x"), "one");
    assert_eq!(page.status, 502);
    let other = page.link("Sign in another way");
    let again = format!("https://{TEAM}{other}");
    assert_eq!(world.sign_in(&mut browser, &again, "two").0, format!("{WIKI}/x"));
}

#[test]
fn whoever_is_denied_reads_a_code_that_stands_in_the_log_with_the_rule() {
    let (mut world, mut browser) = world();
    let (at, page) = world.sign_in(&mut browser, "https://admin.example.com/x", "one");
    assert!(at.starts_with(&format!("https://{TEAM}/access/callback/one")));
    assert_eq!(page.status, 403);
    let event = world.log.last().unwrap().clone();
    let code = event.code.clone().unwrap();
    assert!(code.len() == 8 && page.says(&code));
    assert!(!event.allowed && event.reason.contains("Root"), "{}", event.reason);
    assert!(!page.says("root@example.com"), "the rule is not for visitors");
    assert_eq!(event.identity.unwrap().email, "ada@example.com");
    // Signed in all the same: where they may go, they go.
    assert_eq!(world.follow(&mut browser, &format!("{WIKI}/x")).0, format!("{WIKI}/x"));
    world.edit("app:admin", |app| app["denial"] = json!({ "message": "Ask <Eve>." }));
    let (_, page) = world.follow(&mut browser, "https://admin.example.com/x");
    assert!(page.says("Ask &lt;Eve&gt;."));
    let url = "https://help.example.org/";
    world.edit("app:admin", |app| app["denial"] = json!({ "url": url }));
    let to = world.get(&mut browser, "https://admin.example.com/x");
    assert_eq!(world.get(&mut browser, to.location().unwrap()).location(), Some(url));
}

#[test]
fn a_bypass_that_only_this_side_sees_sends_nobody_in_circles() {
    let bypass = json!({
        "id": "net", "name": "Net", "decision": "bypass", "include": [{ "ip": { "ip": "2001:db8::/32" } }],
    });
    for (application, status) in [("wiki", 200), ("admin", 403)] {
        let (mut world, mut browser) = world();
        let bypass = bypass.clone();
        world.address_at_team = "2001:db8::7";
        world.edit(&format!("app:{application}"), |app| {
            app["policies"].as_array_mut().unwrap().insert(0, bypass);
        });
        let url = format!("https://{application}.example.com/x");
        assert_eq!(world.sign_in(&mut browser, &url, "one").1.status, status);
    }
}

#[test]
fn where_somebody_is_their_application_knows_best() {
    let (mut world, mut browser) = world();
    let network = json!([{ "ip": { "ip": "192.0.2.0/24" } }]);
    world.edit("app:wiki", |app| app["policies"][0]["require"] = network);
    world.address_at_team = "2001:db8::7";
    let (at, page) = world.sign_in(&mut browser, &format!("{WIKI}/x"), "one");
    assert_eq!((at, page.status), (format!("{WIKI}/x"), 200));
    // A login page that lay open may have travelled since.
    let mut browser = Browser::default();
    let callback = world.callback(&mut browser, &format!("{WIKI}/x"), "one");
    world.now += 300;
    let (_, page) = world.follow(&mut browser, &callback);
    assert!(page.status == 403 && page.says("from where you are"), "{}", page.body);
    world.address_at_team = "192.0.2.9";
    assert_eq!(world.follow(&mut browser, &format!("{WIKI}/x")).1.status, 200);
}

#[test]
fn sessions_of_an_application_can_be_ended() {
    let (mut world, mut browser) = world();
    world.sign_in(&mut browser, WIKI, "one");
    let now = world.now;
    world.edit(&format!("revoked:{TEAM}"), |r| {
        r["applications"] = json!({ "aud-wiki": { "not_after": now } });
    });
    browser.cookies.retain(|(host, _), _| host == TEAM);
    world.now += 1;
    let (_, page) = world.follow(&mut browser, &format!("{WIKI}/x"));
    assert!(page.status == 200 && page.says("Please sign in again"), "{}", page.body);
    assert_eq!(world.last_reason(), "the application's tokens were revoked");
    let (at, page) = world.sign_in(&mut browser, &format!("{WIKI}/x"), "one");
    assert_eq!((at, page.status), (format!("{WIKI}/x"), 200));
}

#[test]
fn who_wants_to_be_asked_is_asked_by_the_provider_too() {
    let (mut world, mut browser) = world();
    world.edit("idp:one", |r| {
        r["protocol"]["oidc"]["parameters"] =
            json!([["prompt", "none"], ["nonce", "x"], ["hd", "y"]]);
    });
    for (login, provider, prompt) in [
        ("/access/login/wiki", "one", "none"),
        ("/access/login/wiki?again=1", "one", "login"),
        ("/access/login/wiki?again=1", "hub", "select_account"),
    ] {
        let login = format!("https://{TEAM}{login}");
        let url = world.authorization(&mut browser, &login, provider);
        let url = url::Url::parse(&url).unwrap();
        let values = |name| {
            let pairs = url.query_pairs().filter(move |(n, _)| n == name);
            pairs.map(|(_, value)| value.into_owned()).collect::<Vec<_>>()
        };
        assert_eq!(values("prompt"), [prompt]);
        if provider == "one" {
            assert_eq!((values("nonce").len(), values("hd")), (1, vec!["y".to_owned()]));
        }
    }
}

#[test]
fn behind_another_port_everything_names_it() {
    for provider in ["one", "hub"] {
        let (mut world, mut browser) = world();
        world.https_port = Some(8443);
        let url = "https://wiki.example.com:8443/x?y";
        let (at, page) = world.sign_in(&mut browser, url, provider);
        assert_eq!((at.as_str(), page.status), (url, 200));
        let page = world.get(&mut browser, &format!("https://{TEAM}:8443/"));
        assert_eq!(page.link("data-app=\"wiki\""), "https://wiki.example.com:8443/");
        assert_eq!(world.post(&mut browser, "/access/logout", &[]).status, 200);
    }
}

#[test]
fn every_sign_in_is_a_new_session() {
    let (mut world, mut browser) = world();
    world.sign_in(&mut browser, WIKI, "one");
    let first = browser.cookies[&(TEAM.to_owned(), "CF_Authorization".to_owned())].clone();
    let again = format!("https://{TEAM}/access/login/wiki?again=1");
    world.sign_in(&mut browser, &again, "two");
    let second = &browser.cookies[&(TEAM.to_owned(), "CF_Authorization".to_owned())];
    assert!(first != *second && world.control.sessions.len() == 2);
    assert!(user_id("bob@example.com") != user_id("ada@example.com"));
}

#[test]
fn head_signs_nobody_in() {
    let (mut world, mut browser) = world();
    let callback = world.callback(&mut browser, &format!("{WIKI}/x"), "one");
    let ask = Ask { method: Method::HEAD, url: &callback, form: None, headers: vec![] };
    assert_eq!(world.send(&mut browser, &ask).status, 405);
    assert!(world.control.spent.is_empty());
    assert_eq!(world.follow(&mut browser, &callback).0, format!("{WIKI}/x"));
}

#[test]
fn a_session_whose_record_has_not_arrived_is_asked_for_and_one_that_ended_is_over() {
    let (mut world, mut browser) = world();
    world.sign_in(&mut browser, WIKI, "one");
    let identity = format!("https://{TEAM}/access/get-identity");
    let known = world.get(&mut browser, &identity);
    assert_eq!(known.status, 200);
    let body: serde_json::Value = serde_json::from_str(&known.body).unwrap();
    assert_eq!(body["email"], "ada@example.com");
    assert_eq!(body["idp"], json!({ "id": "one", "type": "oidc" }));
    assert!(body["oidc_fields"].is_object() && body.get("saml_attributes").is_none());
    assert_eq!(body["user_uuid"], user_id("ada@example.com"));
    world.control.sessions.clear();
    assert_eq!(world.get(&mut browser, &identity).status, 401);
    for value in ["garbage", "a.b.c", "\"", ""] {
        browser.cookies.insert((TEAM.into(), "CF_Authorization".into()), value.into());
        assert_eq!(world.get(&mut browser, &identity).status, 401, "{value}");
    }
}

#[test]
fn keys_are_shown_to_whoever_verifies_tokens() {
    let mut world = World::new();
    let mut old = world.records[&format!("keys:{TEAM}")]["keys"][0].clone();
    old["kid"] = "old".into();
    old["expires_at"] = world.now.into();
    world.edit(&format!("keys:{TEAM}"), |r| r["keys"].as_array_mut().unwrap().push(old));
    for path in ["/access/certs", "/cdn-cgi/access/certs"] {
        let certs = world.get(&mut Browser::default(), &format!("https://{TEAM}{path}"));
        assert_eq!((certs.status, certs.header("access-control-allow-origin")), (200, Some("*")));
        let body: serde_json::Value = serde_json::from_str(&certs.body).unwrap();
        assert_eq!(body["keys"].as_array().unwrap().len(), 1);
        assert_eq!(body["keys"][0]["kid"], "org-key");
        assert_eq!(body["public_certs"][0]["cert"], "PEM");
        assert_eq!(body["public_cert"]["kid"], "org-key");
    }
}
