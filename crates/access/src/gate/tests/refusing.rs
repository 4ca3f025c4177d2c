//! Who may not pass, and what they are told.

use super::*;

/// Tokens that do not count, each with the reason that is logged.
fn bad_tokens() -> Vec<(&'static str, String)> {
    let good = forge(&claims());
    let (rest, signature) = good.rsplit_once('.').unwrap();
    let flipped = if signature.starts_with('A') { "B" } else { "A" };
    vec![
        ("for somebody else", claims_with("aud", json!(["aud2"]))),
        ("for somebody else", claims_with("aud", json!("aud"))),
        ("issuer is another", claims_with("iss", json!("https://team.example/"))),
        ("issuer is another", claims_with("iss", json!("https://Team.example"))),
        ("another kind", claims_with("type", json!("org"))),
        ("another kind", claims_with("type", json!(["app"]))),
        ("not valid yet", claims_with("nbf", json!(NOW + 100))),
        ("impossible time", claims_with("iat", json!(NOW + 100))),
        ("no signed token", claims_with("exp", json!("1800000000"))),
        ("no signed token", claims_with("exp", Value::Null)),
        ("session is over", claims_with("identity_nonce", json!("AAAAAAAAAAAAAAAAAAAAAA"))),
        ("session is over", claims_with("identity_nonce", json!("../org"))),
        ("session is over", claims_with("sub", json!("u2"))),
        ("another kind", claims_with("sub", json!(""))),
        ("signature is wrong", format!("{rest}.{flipped}{}", &signature[1..])),
        ("no signed token", "x".to_owned()),
        ("no signed token", "a.b.c".to_owned()),
    ]
}

#[test]
fn a_token_that_does_not_count_is_refused_and_logged() {
    let shell = shell();
    for (reason, token) in bad_tokens() {
        let answer = fetch("/").cookie("CF_Authorization", &token).answer(&shell);
        assert_eq!(answer.status, 401, "{reason}");
        assert!(reasons(&answer.events).contains(reason), "{reason}: {}", reasons(&answer.events));
        let answer = visit("/").cookie("CF_Authorization", &token).answer(&shell);
        assert_eq!(answer.status, 302, "{reason}");
        assert_eq!(answer.events.len(), 1, "{reason}");
    }
    let mut claims = claims();
    claims.as_object_mut().unwrap().remove("exp");
    let answer = fetch("/").cookie("CF_Authorization", &forge(&claims)).answer(&shell);
    assert!(reasons(&answer.events).contains("exp is missing"));
}

#[test]
fn an_expired_token_alone_does_not_pass() {
    let token = claims_with("exp", json!(NOW - 60));
    let answer = fetch("/").cookie("CF_Authorization", &token).answer(&shell());
    assert_eq!(
        (answer.status, reasons(&answer.events).as_str()),
        (401, "login:the token has expired;")
    );
}

#[test]
fn unreadable_cookies_are_anonymous() {
    let shell = shell();
    for cookie in
        ["CF_Authorization", "CF_Authorization=", ";;=;", "__Host-CF_AppSession=s.", "\u{1}"]
    {
        let mut sent = visit("/");
        if let Ok(value) = cookie.parse() {
            sent.headers.insert("cookie", value);
        }
        assert_eq!(sent.answer(&shell).status, 302, "{cookie}");
    }
    let mut bytes = visit("/");
    bytes
        .headers
        .insert("cookie", http::HeaderValue::from_bytes(b"CF_Authorization=\xff").unwrap());
    assert_eq!(bytes.answer(&shell).status, 302);
}

/// Every way in to an application, by name.
fn ways_in(shell: &mut Shell) -> Vec<(&'static str, Sent)> {
    shell.edit(&format!("app:{APP}"), |app| {
        app["policies"]
            .as_array_mut()
            .unwrap()
            .extend([json!({"id": "m", "name": "CI", "decision": "non_identity",
                "include": [{"service_token": {"token_id": "st1"}}, {"certificate": {}}]})]);
    });
    let credential = sign_in(shell)["__Host-CF_AppSession"].clone();
    let machine = fetch("/").service_token(SECRET).passes(shell);
    let machine = to_origin(&machine)["cf-access-jwt-assertion"].to_owned();
    let certificate =
        ClientCertificate { common_name: Some("r".into()), sha256: "0".repeat(64), der: None };
    vec![
        ("token", fetch("/").cookie("CF_Authorization", &forge(&claims()))),
        ("token, navigating", visit("/").cookie("CF_Authorization", &forge(&claims()))),
        ("token in a header", fetch("/").with("cf-access-token", &forge(&claims()))),
        ("renewal", fetch("/").cookie("__Host-CF_AppSession", &credential)),
        ("service token", fetch("/").service_token(SECRET)),
        ("service token's cookie", fetch("/").cookie("CF_Authorization", &machine)),
        ("certificate", Sent { certificate: Some(certificate), ..fetch("/") }),
        (
            "handover",
            visit(&format!("/.access/authorized?code={}", code(shell, "r.1")))
                .cookie("__Host-CF_AppSession", "r.1"),
        ),
    ]
}

/// The way of a handover ends before the application itself, with a token.
fn gets_in(sent: &Sent, shell: &Shell) -> bool {
    match sent.at(shell) {
        Gate::Unguarded { .. } | Gate::Open(_) => true,
        Gate::Answer(answer) => cookies_of(&answer.headers).contains_key("CF_Authorization"),
    }
}

type Change = (&'static str, fn(&mut Shell));

/// Every object that may be switched off, be missing or belong to somebody else, with the ways in
/// that do not depend on it.
fn shut() -> Vec<(Change, &'static [&'static str])> {
    fn app(shell: &mut Shell, change: impl FnOnce(&mut Value)) {
        shell.edit(&format!("app:{APP}"), change);
    }
    const MACHINES: &[&str] = &["service token", "service token's cookie", "certificate"];
    const PEOPLE: &[&str] =
        &["token", "token, navigating", "token in a header", "renewal", "certificate", "handover"];
    const NEW: &[&str] = &["service token", "certificate"];
    vec![
        (
            ("organisation off", |s| {
                s.edit(&format!("org:{TEAM}"), |o| o["enabled"] = false.into());
            }),
            &[],
        ),
        (("organisation gone", |s| s.remove(&format!("org:{TEAM}"))), &[]),
        (("application off", |s| app(s, |a| a["enabled"] = false.into())), &[]),
        (("application gone", |s| s.remove(&format!("app:{APP}"))), &[]),
        (("application of others", |s| app(s, |a| a["auth_domain"] = "other.example".into())), &[]),
        (("no policies", |s| app(s, |a| a["policies"] = json!([]))), &["handover"]),
        (
            ("another audience", |s| app(s, |a| a["aud"] = "aud9".into())),
            &["renewal", "service token", "certificate"],
        ),
        (
            ("provider off", |s| s.edit(&format!("idp:{IDP}"), |i| i["enabled"] = false.into())),
            MACHINES,
        ),
        (("provider gone", |s| s.remove(&format!("idp:{IDP}"))), MACHINES),
        (
            ("provider not listed", |s| {
                s.edit(&format!("org:{TEAM}"), |o| o["identity_providers"] = json!([]));
            }),
            MACHINES,
        ),
        (("provider not allowed", |s| app(s, |a| a["allowed_idps"] = json!(["other"]))), MACHINES),
        (
            ("user off", |s| {
                s.put(&format!("revoked:{TEAM}"), json!({"auth_domain": TEAM, "users": {"u1": {"not_after": 0, "disabled": true}}}));
            }),
            MACHINES,
        ),
        (
            ("user revoked", |s| {
                s.put(
                    &format!("revoked:{TEAM}"),
                    json!({"auth_domain": TEAM, "users": {"u1": {"not_after": NOW}}}),
                );
            }),
            MACHINES,
        ),
        (
            ("application revoked", |s| {
                s.put(
                    &format!("revoked:{TEAM}"),
                    json!({"auth_domain": TEAM, "applications": {"aud1": {"not_after": NOW}}}),
                );
            }),
            NEW,
        ),
        (
            ("session over", |s| {
                s.edit(&format!("session:{SESSION}"), |r| r["expires_at"] = NOW.into());
            }),
            MACHINES,
        ),
        (("session gone", |s| s.remove(&format!("session:{SESSION}"))), MACHINES),
        (
            ("session of others", |s| {
                s.edit(&format!("session:{SESSION}"), |r| {
                    r["auth_domain"] = "other.example".into();
                });
            }),
            MACHINES,
        ),
        (
            ("service token off", |s| {
                s.edit(&format!("service_token:{CLIENT}"), |t| t["enabled"] = false.into());
            }),
            PEOPLE,
        ),
        (("service token gone", |s| s.remove(&format!("service_token:{CLIENT}"))), PEOPLE),
        (("signing keys gone", |s| s.remove(&format!("keys:{TEAM}"))), &[]),
        (
            ("signing key over", |s| {
                s.edit(&format!("keys:{TEAM}"), |k| k["keys"][0]["expires_at"] = NOW.into());
            }),
            &[],
        ),
    ]
}

#[test]
fn every_way_in_is_open_while_all_is_on() {
    let mut shell = shell();
    for (way, sent) in ways_in(&mut shell) {
        assert!(gets_in(&sent, &shell), "{way}: {:?}", sent.at(&shell));
    }
}

#[test]
fn disabled_is_off_and_missing_is_no_on_every_way_in() {
    for ((what, change), unconcerned) in shut() {
        let mut shell = shell();
        let ways = ways_in(&mut shell);
        change(&mut shell);
        for (way, sent) in ways {
            let open = gets_in(&sent, &shell);
            assert_eq!(open, unconcerned.contains(&way), "{what}: {way}: {:?}", sent.at(&shell));
        }
    }
}

#[test]
fn policies_are_weighed_with_every_request() {
    let mut shell = shell();
    let sent = visit("/").cookie("CF_Authorization", &forge(&claims()));
    sent.passes(&shell);
    shell.edit(&format!("app:{APP}"), |app| {
        app["policies"][0]["exclude"] = json!([{"ip": {"ip": "192.0.2.0/24"}}]);
    });
    let answer = sent.answer(&shell);
    assert_eq!(answer.status, 403);
    let event = &answer.events[0];
    assert_eq!(event.code.as_ref().map(String::len), Some(8));
    assert!(answer.body.contains(event.code.as_ref().unwrap()), "the page shows the code");
    assert!(!answer.body.contains("192.0.2"), "and no rule");
    assert_eq!(event.user_email.as_deref(), Some("ada@example.com"));
}

#[test]
fn who_is_denied_goes_where_the_application_says() {
    let mut shell = shell();
    shell.edit(&format!("app:{APP}"), |app| {
        app["policies"][0]["decision"] = "deny".into();
        app["denial"] = json!({"url": "https://help.example/", "message": "Ask <Bob>."});
    });
    let token = forge(&claims());
    let answer = visit("/").cookie("CF_Authorization", &token).answer(&shell);
    assert_eq!(header(&answer, "location"), Some("https://help.example/"));
    let answer = fetch("/").cookie("CF_Authorization", &token).answer(&shell);
    assert_eq!((answer.status, header(&answer, "location")), (403, None));
    shell.edit(&format!("app:{APP}"), |app| app["denial"]["url"] = Value::Null);
    let answer = visit("/").cookie("CF_Authorization", &token).answer(&shell);
    assert!(answer.body.contains("Ask &lt;Bob&gt;."), "{}", answer.body);
}

#[test]
fn a_policy_that_asks_first_takes_only_tokens_of_its_own() {
    let mut shell = shell();
    shell.edit(&format!("app:{APP}"), |app| {
        app["policies"][0]["justification_required"] = true.into();
    });
    fetch("/").cookie("CF_Authorization", &forge(&claims())).passes(&shell);
    let other = claims_with("policy_id", json!("p0"));
    assert_eq!(fetch("/").cookie("CF_Authorization", &other).answer(&shell).status, 401);
    let credential = sign_in(&shell)["__Host-CF_AppSession"].clone();
    assert_eq!(visit("/").cookie("__Host-CF_AppSession", &credential).answer(&shell).status, 302);
}

#[test]
fn the_binding_cookie_is_wanted_where_it_is_switched_on() {
    let mut shell = shell();
    shell.edit(&format!("app:{APP}"), |app| {
        app["cookie"] = json!({"http_only": true, "binding": true});
    });
    let cookies = sign_in(&shell);
    let token = forge(&claims());
    assert_eq!(fetch("/").cookie("CF_Authorization", &token).answer(&shell).status, 401);
    let bound = fetch("/").cookie("CF_Authorization", &token);
    bound.clone().cookie("CF_Binding", &cookies["CF_Binding"]).passes(&shell);
    assert_eq!(bound.cookie("CF_Binding", "x").answer(&shell).status, 401);
}

#[test]
fn a_path_that_may_be_read_as_another_needs_both_applications() {
    let mut shell = shell();
    doors(&mut shell, &[(APP, "public"), (OTHER, "admin")]);
    shell.edit(&format!("app:{APP}"), |app| {
        app["policies"] = json!([{"id": "b", "name": "All", "decision": "bypass",
            "include": [{"everyone": {}}]}]);
    });
    visit("/public/x").passes(&shell);
    for path in
        ["/public/../admin", "/public/%2e%2e/admin", "/public/..;/admin", "/public/..%2fadmin"]
    {
        assert_eq!(visit(path).answer(&shell).status, 302, "{path}");
    }
    let token = claims_with("aud", json!(["aud2"]));
    visit("/public/../admin").cookie("CF_Authorization", &token).passes(&shell);
    shell.edit(&format!("app:{OTHER}"), |app| app["enabled"] = false.into());
    let denied = visit("/public/../admin").cookie("CF_Authorization", &token).answer(&shell);
    assert_eq!(denied.status, 403);
}

#[test]
fn a_planted_token_makes_nobody_somebody_else() {
    let mut shell = shell();
    let credential = sign_in(&shell)["__Host-CF_AppSession"].clone();
    let mallory = Identity { user_id: "u2".into(), subject: "s2".into(), ..ada() };
    shell.begin_session("MMMMMMMMMMMMMMMMMMMMMM", 600, &mallory);
    let mut planted = claims();
    planted["sub"] = "u2".into();
    planted["identity_nonce"] = "MMMMMMMMMMMMMMMMMMMMMM".into();
    let planted = forge(&planted);
    // Without a credential it is just a token, as of any program.
    fetch("/").cookie("CF_Authorization", &planted).passes(&shell);
    let cookies = format!("CF_Authorization={planted}; __Host-CF_AppSession={credential}");
    let passage = fetch("/").with("cookie", &cookies).passes(&shell);
    let token = to_origin(&passage)["cf-access-jwt-assertion"].to_owned();
    let claims = crate::jwt::parse(&token).unwrap().unverified_claims().unwrap();
    assert_eq!(claims.subject.as_deref(), Some("u1"));
}

/// Such a service is asked when a token is made. Where the token's own policy is gone it is asked at
/// once, as a program cannot be sent to the team domain for it; no answer is no.
#[test]
fn a_service_that_evaluates_is_asked_in_passing() {
    let mut shell = shell();
    shell.edit(&format!("app:{APP}"), |app| {
        app["policies"] = json!([{"id": "p2", "name": "Asked", "decision": "allow", "include": [
            {"external_evaluation": {"evaluate_url": "https://e.example/", "keys_url": "https://e.example/k"}}]}]);
    });
    let token = forge(&claims());
    assert_eq!(fetch("/").cookie("CF_Authorization", &token).answer(&shell).status, 403);
    let admitted = claims_with("policy_id", json!("p2"));
    fetch("/").cookie("CF_Authorization", &admitted).passes(&shell);
}

#[test]
fn what_stands_beside_a_door_is_unguarded() {
    let mut shell = shell();
    doors(&mut shell, &[(APP, "admin")]);
    assert_eq!(visit("/other").at(&shell), Gate::Unguarded { remove: vec![] });
    assert_eq!(visit("/admin").answer(&shell).status, 302);
    shell.remove(&format!("gate:{HOST}"));
    assert_eq!(visit("/.access/logout").at(&shell), Gate::Unguarded { remove: vec![] });
}

/// The cookies of a browser that has just signed in.
pub(super) fn sign_in(shell: &Shell) -> BTreeMap<String, String> {
    let path = format!("/.access/authorized?code={}", code(shell, "r.0"));
    let answer = visit(&path).cookie("__Host-CF_AppSession", "r.0").answer(shell);
    assert_eq!(answer.status, 303, "{answer:?}");
    cookies_of(&answer.headers)
}

/// What the team domain hands over for a browser with this cookie.
pub(super) fn code(shell: &Shell, browser: &str) -> String {
    handover::seal(&handover(shell, browser), &name(HOST), &shell.here())
}

pub(super) fn handover(shell: &Shell, browser: &str) -> Handover {
    Handover {
        id: format!("h-{browser}-{}", shell.spent.borrow().len()),
        auth_domain: name(TEAM),
        application_id: APP.into(),
        nonce: SESSION.into(),
        session_expires_at: shell.now + 86_400,
        token: forge(&claims()),
        token_expires_at: shell.now + 600,
        binding: Some(handover::binding(browser)),
        target: "/page?a=b".into(),
        hops: 0,
        until: shell.now + 60,
    }
}
