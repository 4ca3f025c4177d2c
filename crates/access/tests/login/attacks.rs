//! RFC 9700 as checks, by the numbers of the project's table, as far as they concern a client; and
//! what else is tried at a login page.

use http::Method;
use url::Url;

use crate::shop::posted;
use crate::world::{Ask, Browser, Reading as _, TEAM, WIKI, World};

/// What is wrong with a callback is refused with this reason, and signs nobody in.
fn refused(world: &mut World, browser: &mut Browser, url: &str, reason: &str) {
    let sessions = world.control.sessions.len();
    let page = world.get(browser, url);
    assert_eq!((page.status, world.last_reason()), (400, reason));
    assert_eq!(world.control.sessions.len(), sessions);
    let event = world.log.last().unwrap();
    assert!(!event.allowed && page.says(event.code.as_deref().unwrap()));
    let cookies = page.headers.iter().filter(|(name, _)| *name == "set-cookie");
    assert!(cookies.into_iter().all(|(_, cookie)| !cookie.starts_with("CF_Authorization")));
}

fn with(url: &str, name: &str, value: &str) -> String {
    let mut changed = Url::parse(url).unwrap();
    let pairs: Vec<(String, String)> = changed.query_pairs().into_owned().collect();
    let kept = pairs.into_iter().filter(|(n, _)| n != name);
    let kept: Vec<_> = kept.chain([(name.to_owned(), value.to_owned())]).collect();
    changed.query_pairs_mut().clear().extend_pairs(kept);
    changed.into()
}

fn parameter(url: &str, name: &str) -> String {
    let url = Url::parse(url).unwrap();
    url.query_pairs().find(|(n, _)| n == name).unwrap().1.into_owned()
}

#[test]
fn row_2_pkce_s256_and_nonce_always_and_fresh_for_every_attempt() {
    let (mut world, mut browser) = (World::new(), Browser::default());
    let mut seen = std::collections::BTreeSet::new();
    for provider in ["one", "two", "hub"] {
        for _ in 0..2 {
            let url = world.authorization(&mut browser, WIKI, provider);
            assert_eq!(parameter(&url, "code_challenge_method"), "S256");
            assert!(seen.insert(parameter(&url, "code_challenge")));
            assert!(seen.insert(parameter(&url, "state")));
            if provider != "hub" {
                assert!(seen.insert(parameter(&url, "nonce")));
            }
        }
    }
}

#[test]
fn row_2_a_code_from_another_browser_cannot_be_redeemed() {
    // Code injection: the attacker's own state, the victim's code.
    let mut world = World::new();
    let (mut victim, mut attacker) = (Browser::default(), Browser::default());
    let stolen = world.callback(&mut victim, &format!("{WIKI}/x"), "one");
    let own = world.callback(&mut attacker, &format!("{WIKI}/x"), "one");
    let injected = with(&own, "code", &parameter(&stolen, "code"));
    let page = world.get(&mut attacker, &injected);
    assert_eq!(page.status, 403);
    assert!(world.last_reason().starts_with("the provider refused the code: invalid_grant"));
    assert!(world.control.sessions.is_empty());
}

#[test]
fn row_4_tokens_in_the_front_channel_are_not_looked_at() {
    let (mut world, mut browser) = (World::new(), Browser::default());
    let url = world.authorization(&mut browser, WIKI, "one");
    assert_eq!(parameter(&url, "response_type"), "code");
    let state = parameter(&url, "state");
    let query = access::encoding::query([("state", state.as_str()), ("id_token", "a.b.c")]);
    let url = format!("https://{TEAM}/access/callback/one?{query}");
    refused(&mut world, &mut browser, &url, "the callback has no code, or several");
}

#[test]
fn row_6_a_callback_counts_once() {
    let (mut world, mut browser) = (World::new(), Browser::default());
    let callback = world.callback(&mut browser, &format!("{WIKI}/x"), "one");
    let mut copy = browser.clone(); // Not signed in yet.
    world.follow(&mut browser, &callback);
    let page = world.get(&mut copy, &callback);
    assert!(page.location().unwrap().starts_with("/access/login/wiki?"));
    assert_eq!(world.last_reason(), "the callback was used before");
    assert_eq!(world.control.sessions.len(), 1);
    let redeemed = world.providers[0].asked.iter().filter(|f| f.url.ends_with("/token")).count();
    assert_eq!(redeemed, 1);
}

#[test]
fn row_7_every_provider_has_a_redirect_uri_of_its_own() {
    let (mut world, mut browser) = (World::new(), Browser::default());
    for provider in ["one", "two", "hub"] {
        let url = world.authorization(&mut browser, WIKI, provider);
        let expected = format!("https://{TEAM}/access/callback/{provider}");
        assert_eq!(parameter(&url, "redirect_uri"), expected);
    }
}

#[test]
fn row_7_mix_up_between_two_providers() {
    let (mut world, mut browser) = (World::new(), Browser::default());
    let callback = world.callback(&mut browser, &format!("{WIKI}/x"), "one");
    // The state of one at the callback of the other.
    let elsewhere = callback.replace("/callback/one", "/callback/two");
    let reason = "mix-up: the state belongs to another provider";
    refused(&mut world, &mut browser, &elsewhere, reason);
    for id in ["hub", "pin", "nobody"] {
        let elsewhere = callback.replace("/callback/one", &format!("/callback/{id}"));
        refused(&mut world, &mut browser, &elsewhere, reason);
    }
    // The other's issuer in the answer (RFC 9207), or none where one was promised.
    let asked = |world: &World| world.providers.iter().map(|one| one.asked.len()).sum::<usize>();
    let before = asked(&world);
    let page = world.get(&mut browser, &with(&callback, "iss", "https://two.idp.test"));
    assert_eq!(page.status, 403);
    let reason = "the answer names another issuer than the provider that was asked (RFC 9207)";
    assert_eq!(world.last_reason(), reason);
    assert_eq!(asked(&world), before, "nobody was shown the code");
    let callback = world.callback(&mut browser, &format!("{WIKI}/x"), "one");
    let pairs = [("state", parameter(&callback, "state")), ("code", parameter(&callback, "code"))];
    let query = access::encoding::query(pairs.iter().map(|(n, v)| (*n, v.as_str())));
    world.get(&mut browser, &format!("https://{TEAM}/access/callback/one?{query}"));
    let reason = "the answer names no issuer, though the provider promised to (RFC 9207)";
    assert_eq!(world.last_reason(), reason);
    assert!(world.control.sessions.is_empty());
}

#[test]
fn row_7_mix_up_where_the_issuer_is_known_by_its_origin() {
    let (mut world, mut browser) = (World::new(), Browser::default());
    world.edit("idp:one", |record| {
        let config = &mut record["protocol"]["oidc"];
        config["discovery"] = false.into();
        config.as_object_mut().unwrap().remove("issuer");
        for (name, path) in
            [("auth_url", "authorize"), ("token_url", "token"), ("certs_url", "keys")]
        {
            config[name] = format!("https://one.idp.test/{path}").into();
        }
    });
    let reason = "the answer names another issuer than the provider that was asked (RFC 9207)";
    let callback = world.callback(&mut browser, &format!("{WIKI}/x"), "one");
    world.get(&mut browser, &with(&callback, "iss", "https://two.idp.test"));
    assert_eq!(world.last_reason(), reason);
    // Another one of the same origin: the id token says who it was.
    let callback = world.callback(&mut browser, &format!("{WIKI}/x"), "one");
    world.get(&mut browser, &with(&callback, "iss", "https://one.idp.test/other"));
    assert_eq!(world.last_reason(), reason);
    assert!(world.control.sessions.is_empty());
}

#[test]
fn row_8_state_is_bound_to_the_browser() {
    let mut world = World::new();
    let (mut attacker, mut victim) = (Browser::default(), Browser::default());
    let callback = world.callback(&mut attacker, &format!("{WIKI}/x"), "one");
    // Login CSRF: a victim with no session here, and one with a session of its own.
    refused(&mut world, &mut victim, &callback, "the browser has no session with us");
    world.callback(&mut victim, WIKI, "two");
    refused(&mut world, &mut victim, &callback, "the state belongs to another browser");
    let form = callback.split_once('?').unwrap().1;
    let post = Ask {
        method: Method::POST,
        url: callback.split_once('?').unwrap().0,
        form: Some(form.to_owned()),
        headers: vec![
            ("origin", "https://evil.test".into()),
            ("sec-fetch-site", "cross-site".into()),
        ],
    };
    // It comes without cookies, so our own page posts it once more.
    let page = world.send(&mut victim, &post);
    let fields = posted(&page).fields;
    let fields: Vec<_> = fields.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
    assert_eq!(world.post(&mut victim, "/access/callback/one", &fields).status, 400);
    assert_eq!(world.last_reason(), "the state belongs to another browser");
    assert!(world.control.sessions.is_empty());
}

#[test]
fn row_8_a_session_that_was_planted_is_not_taken() {
    let mut world = World::new();
    let (mut attacker, mut victim) = (Browser::default(), Browser::default());
    world.sign_in(&mut attacker, WIKI, "two");
    let name = (TEAM.to_owned(), "CF_Authorization".to_owned());
    let planted = attacker.cookies[&name].clone();
    victim.cookies.insert(name.clone(), planted.clone());
    let (_, page) = world.follow(&mut victim, &format!("{WIKI}/x"));
    assert!(page.says("data-idp=\"one\""), "{}", page.body);
    let (_, page) = world.follow(&mut victim, &format!("https://{TEAM}/"));
    assert!(page.says("data-idp=\"one\""));
    // Beside one's own it does not count either.
    let (_, page) = world.sign_in(&mut victim, &format!("{WIKI}/x"), "one");
    assert_eq!(page.body, "ada@example.com");
    let own = victim.cookies[&name].clone();
    victim.cookies.insert(name, format!("{planted}; CF_Authorization={own}"));
    let page = world.get(&mut victim, &format!("https://{TEAM}/"));
    assert!(page.says("ada@example.com") && !page.says("bob@example.com"));
    // Another browser's mark is for another session.
    let mark = (TEAM.to_owned(), "__Host-CF_Login".to_owned());
    victim.cookies.insert(mark.clone(), attacker.cookies[&mark].clone());
    victim.cookies.insert((TEAM.to_owned(), "CF_Authorization".to_owned()), own);
    assert_eq!(world.get(&mut victim, &format!("https://{TEAM}/")).status, 303);
}

#[test]
fn row_8_wrong_states() {
    let (mut world, mut browser) = (World::new(), Browser::default());
    let callback = world.callback(&mut browser, &format!("{WIKI}/x"), "one");
    let state = parameter(&callback, "state");
    let base = format!("https://{TEAM}/access/callback/one");
    let none = "the callback has no state, or several";
    refused(&mut world, &mut browser, &format!("{base}?code=x"), none);
    refused(&mut world, &mut browser, &base, none);
    refused(&mut world, &mut browser, &format!("{callback}&state=x"), none);
    let mut flipped = state.clone().into_bytes();
    let last = flipped.len() - 5;
    flipped[last] = if flipped[last] == b'A' { b'B' } else { b'A' };
    let flipped = String::from_utf8(flipped).unwrap();
    let cut = state[..state.len() - 4].to_owned();
    for state in [flipped.as_str(), cut.as_str(), "x", "1.k.x.x", "", &"a".repeat(100_000)] {
        let url = with(&callback, "state", state);
        refused(&mut world, &mut browser, &url, "the state was not made here");
    }
    refused(
        &mut world,
        &mut browser,
        &format!("{callback}&code=other"),
        "the callback has no code, or several",
    );
    let nobodys = callback.replace("/callback/one", "/callback");
    refused(&mut world, &mut browser, &nobodys, "a callback that names no provider");
    // All of that cost the honest attempt nothing.
    assert_eq!(world.follow(&mut browser, &callback).0, format!("{WIKI}/x"));
}

#[test]
fn row_8_sealed_texts_of_other_kinds_are_no_state() {
    let (mut world, mut browser) = (World::new(), Browser::default());
    let callback = world.callback(&mut browser, &format!("{WIKI}/x"), "one");
    let login = world.get(&mut browser, &format!("{WIKI}/y"));
    let meta = parameter(login.location().unwrap(), "meta");
    let url = with(&callback, "state", &meta);
    refused(&mut world, &mut browser, &url, "the state was not made here");
    // Nor is the state of another organisation, though the same key seals it.
    let organization = world.records[&format!("org:{TEAM}")].to_string();
    let other = organization.replace(TEAM, "team.other.test");
    world.put("org:team.other.test", serde_json::from_str(&other).unwrap());
    let elsewhere = callback.replace(TEAM, "team.other.test");
    refused(&mut world, &mut browser, &elsewhere, "the state was not made here");
}

#[test]
fn row_9_no_open_redirect() {
    for url in [
        "//evil.test",
        "/\\evil.test",
        "\\\\evil.test",
        "https://evil.test/",
        "https://wiki.example.com@evil.test/",
        "https://wiki.example.com:8443/",
        "http://wiki.example.com/",
        "javascript:alert(1)",
        "https://wiki.example.com.evil.test/",
        "https://admin.example.com/",
        "/\t/evil.test",
        "https://team.example.com/access/logout",
    ] {
        let (mut world, mut browser) = (World::new(), Browser::default());
        world.sign_in(&mut browser, WIKI, "one");
        let query = access::encoding::query([("redirect_url", url), ("app", "wiki")]);
        for path in [
            format!("/access/login/wiki?{query}"),
            format!("/access/login/wiki.example.com?kid=aud-wiki&{query}"),
            format!("/access/start/one?{query}"),
        ] {
            let page = world.get(&mut browser, &format!("https://{TEAM}{path}"));
            assert_eq!((page.status, page.location()), (400, None), "{path}");
            assert!(world.last_reason().starts_with("redirect_url "), "{}", world.last_reason());
            assert!(!page.says("evil.test"));
        }
        let query = access::encoding::query([("redirect_url", url)]);
        let page = world.get(&mut browser, &format!("https://{TEAM}/access/login?{query}"));
        assert_eq!((page.status, page.location()), (400, None), "{url}");
    }
}

#[test]
fn row_10_nothing_posted_is_posted_on() {
    let (mut world, mut browser) = (World::new(), Browser::default());
    let callback = world.callback(&mut browser, &format!("{WIKI}/x"), "one");
    let (url, query) = callback.split_once('?').unwrap();
    let ask = Ask { method: Method::POST, url, form: Some(query.to_owned()), headers: vec![] };
    assert_eq!(world.send(&mut browser, &ask).status, 303);
}

#[test]
fn row_13_and_14_pages_are_not_framed_kept_or_told_of() {
    let (mut world, mut browser) = (World::new(), Browser::default());
    for path in ["/access/login/wiki", "/access/callback/one", "/access/logout", "/nowhere"] {
        let page = world.get(&mut browser, &format!("https://{TEAM}{path}"));
        let policy = page.header("content-security-policy").unwrap();
        assert!(policy.contains("frame-ancestors 'none'") && policy.contains("default-src 'none'"));
        assert_eq!(page.header("x-frame-options"), Some("DENY"));
        assert_eq!(page.header("cache-control"), Some("no-store"), "{path}");
        assert_eq!(page.header("referrer-policy"), Some("same-origin"));
        assert_eq!(page.header("access-control-allow-origin"), None);
    }
    let callback = world.callback(&mut browser, WIKI, "one");
    let answer = world.get(&mut browser, &callback);
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    assert_eq!(answer.header("referrer-policy"), Some("no-referrer"));
    assert!(!answer.location().unwrap().contains("eyJ"), "no token in a URL");
    let log = serde_json::to_string(&world.log).unwrap();
    assert!(!log.contains("eyJ") && !log.contains("code-0"), "no token and no code in the log");
}

#[test]
fn row_20_cookies() {
    let (mut world, mut browser) = (World::new(), Browser::default());
    let start = world.get(&mut browser, &format!("https://{TEAM}/access/login/wiki"));
    let cookie = start.header("set-cookie").unwrap();
    assert!(cookie.starts_with("__Host-CF_Session="), "{cookie}");
    for attribute in ["HttpOnly", "Secure", "SameSite=Lax", "Path=/"] {
        assert!(cookie.contains(attribute), "{cookie}");
    }
    assert!(!cookie.contains("Domain"));
    let callback = world.callback(&mut browser, WIKI, "one");
    let answer = world.get(&mut browser, &callback);
    let cookie = answer.header("set-cookie").unwrap();
    assert!(cookie.starts_with("CF_Authorization=ey"));
    for attribute in ["HttpOnly", "Secure", "SameSite=Lax", "Path=/", "Max-Age=86400"] {
        assert!(cookie.contains(attribute), "{cookie}");
    }
}

#[test]
fn a_certificate_of_one_host_says_nothing_at_another() {
    let (mut world, mut browser) = (World::new(), Browser::default());
    let to_login = world.get(&mut browser, "https://admin.example.com/");
    let meta = parameter(to_login.location().unwrap(), "meta");
    world.sign_in(&mut browser, WIKI, "one");
    let query = access::encoding::query([("redirect_url", "/x"), ("meta", &meta)]);
    let page = world.get(&mut browser, &format!("https://{TEAM}/access/login/wiki?{query}"));
    // Without what the wiki's own host says of the browser there is no handover, only the way there.
    assert_eq!(page.location(), Some(&*format!("{WIKI}/x")));
}

#[test]
fn methods_and_paths_that_are_none() {
    let (mut world, mut browser) = (World::new(), Browser::default());
    for (path, status) in [
        ("/nowhere", 404),
        ("/access", 404),
        ("/access/", 404),
        ("/accesslogin", 404),
        ("/access/certs/x", 404),
        ("/access/%6cogin", 404),
        ("//access/login", 404),
        ("/access/login/nobody", 403),
        ("/access/login/../logout", 200),
    ] {
        let page = world.get(&mut browser, &format!("https://{TEAM}{path}"));
        assert_eq!(page.status, status, "{path}");
    }
    for (method, path) in [
        (Method::PUT, "/access/login"),
        (Method::POST, "/access/start/one"),
        (Method::HEAD, "/access/start/one"),
        (Method::DELETE, "/access/logout"),
        (Method::POST, "/access/certs"),
        (Method::POST, "/"),
    ] {
        let url = format!("https://{TEAM}{path}");
        let ask = Ask { method, url: &url, form: Some(String::new()), headers: vec![] };
        assert_eq!(world.send(&mut browser, &ask).status, 405, "{path}");
    }
}
