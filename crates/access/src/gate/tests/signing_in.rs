//! The way to a token, and to the next one.

use super::refusing::{code, handover, sign_in};
use super::*;

#[test]
fn a_person_is_led_to_sign_in_and_back() {
    let shell = shell();
    let answer = visit("/a%20b?c=d&e=%26").answer(&shell);
    assert_eq!(answer.status, 302);
    let location = header(&answer, "location").unwrap();
    let (start, query) = location.split_once('?').unwrap();
    assert_eq!(start, "https://team.example/access/login/app.example.com");
    let form = encoding::Form::parse(Some(query));
    assert_eq!(form.get("kid"), Some("aud1"));
    assert_eq!(form.get("redirect_url"), Some("/a%20b?c=d&e=%26"));
    let meta = form.get("meta").unwrap();
    let meta = handover::Meta::open(meta, &name(TEAM), &shell.here()).unwrap();
    let browser = cookies_of(&answer.headers)["__Host-CF_AppSession"].clone();
    assert_eq!(meta.binding, Some(handover::binding(&browser)));
    assert!(answer.events.is_empty(), "nobody was refused");
    // Ten tabs at once are one browser.
    let again = visit("/").cookie("__Host-CF_AppSession", &browser).answer(&shell);
    assert!(cookies_of(&again.headers).is_empty());
}

#[test]
fn a_program_is_told_where_to_sign_in() {
    let mut shell = shell();
    shell.edit(&format!("app:{APP}"), |app| {
        app["cors"] = json!({"allowed_origins": ["https://spa.example.com"],
            "allow_credentials": true});
    });
    for sent in [
        fetch("/api"),
        fetch("/api").method(Method::POST).with("content-type", "multipart/form-data; boundary=x"),
        visit("/api").with("upgrade", "websocket"),
        visit("/api").with("x-requested-with", "XMLHttpRequest"),
        visit("/sw.js").with("service-worker", "script"),
    ] {
        let sent = sent
            .with("referer", "https://app.example.com/page?a=b")
            .with("origin", "https://spa.example.com");
        let answer = sent.answer(&shell);
        assert_eq!((answer.status, header(&answer, "location")), (401, None));
        let body: Value = serde_json::from_str(&answer.body).unwrap();
        assert_eq!(body["error"], "unauthenticated");
        assert_eq!(body["renew_url"], "https://app.example.com/.access/renew");
        let url = body["login_url"].as_str().unwrap();
        assert_eq!(header(&answer, "access-login-url"), Some(url));
        assert!(url.contains("redirect_url=%2Fpage%3Fa%3Db&"), "{url}");
        assert!(header(&answer, "www-authenticate").is_some());
        assert_eq!(header(&answer, "access-control-allow-origin"), Some("https://spa.example.com"));
        assert_eq!(header(&answer, "access-control-allow-credentials"), Some("true"));
        assert!(header(&answer, "access-control-expose-headers").is_some());
    }
    let answer = fetch("/").with("origin", "https://evil.example").answer(&shell);
    assert_eq!(header(&answer, "access-control-allow-origin"), None);
}

#[test]
fn a_form_is_not_lost_when_the_session_is_over() {
    let form = visit("/save").method(Method::POST).with("content-type", "multipart/form-data");
    let answer = form.answer(&shell());
    assert_eq!(answer.status, 401);
    assert!(answer.body.contains("redirect_url=%2F.access%2Frenew"), "{}", answer.body);
    assert!(answer.body.contains("target=\"_blank\""));
}

#[test]
fn a_handover_sets_the_cookies_once_and_leads_on() {
    let shell = shell();
    let path = format!("/.access/authorized?code={}", code(&shell, "r.1"));
    for path in [path.clone(), path.replace("/.access/", "/cdn-cgi/access/")].iter().take(1) {
        let answer = visit(path).cookie("__Host-CF_AppSession", "r.1").answer(&shell);
        assert_eq!(header(&answer, "location"), Some("https://app.example.com/page?a=b"));
        let cookies = cookies_of(&answer.headers);
        assert_eq!(cookies["CF_Authorization"], forge(&claims()));
        assert!(cookies["__Host-CF_AppSession"].starts_with("s."));
        let all: Vec<_> = answer.headers.iter().filter(|(n, _)| *n == "set-cookie").collect();
        assert!(all.iter().all(|(_, c)| c.contains("; HttpOnly") && c.contains("; Secure")));
    }
    let replayed = visit(&path).cookie("__Host-CF_AppSession", "r.1").answer(&shell);
    assert!(!cookies_of(&replayed.headers).contains_key("CF_Authorization"));
    assert!(reasons(&replayed.events).contains("used before"));
}

#[test]
fn a_handover_of_another_browser_sets_no_token() {
    let shell = shell();
    let path = format!("/cdn-cgi/access/authorized?code={}", code(&shell, "r.1"));
    for cookie in [None, Some("r.2")] {
        let sent =
            cookie.into_iter().fold(visit(&path), |s, c| s.cookie("__Host-CF_AppSession", c));
        let answer = sent.answer(&shell);
        assert!(!cookies_of(&answer.headers).contains_key("CF_Authorization"));
        assert!(
            header(&answer, "location").unwrap().starts_with("https://team.example/access/login/")
        );
        assert!(shell.spent.borrow().is_empty(), "it may still arrive at its own browser");
    }
    // Another tab was faster: whoever is signed in goes on.
    let answer = visit(&path).cookie("CF_Authorization", &forge(&claims())).answer(&shell);
    assert_eq!(header(&answer, "location"), Some("https://app.example.com/page?a=b"));
}

#[test]
fn a_browser_without_cookies_does_not_go_in_circles() {
    let shell = shell();
    let mut hops = 0;
    loop {
        let handover = Handover { hops, ..handover(&shell, "r.1") };
        let code = handover::seal(&handover, &name(HOST), &shell.here());
        let answer = visit(&format!("/.access/authorized?code={code}")).answer(&shell);
        let Some(location) = header(&answer, "location") else {
            assert!(answer.body.contains("Cookies are blocked"), "{}", answer.body);
            break;
        };
        let meta = encoding::Form::parse(location.split_once('?').map(|(_, q)| q));
        let meta = handover::Meta::open(meta.get("meta").unwrap(), &name(TEAM), &shell.here());
        hops = meta.unwrap().hops;
        assert!(hops <= handover::MAX_HOPS);
    }
    assert_eq!(hops, handover::MAX_HOPS);
}

#[test]
fn a_handover_leads_nowhere_else() {
    let shell = shell();
    for target in [
        "//evil.example/",
        "https://evil.example/",
        "/\\evil.example",
        "\\\\evil",
        "/a\r\nb",
        "/.access/authorized?code=x",
        "",
    ] {
        let handover = Handover {
            id: format!("to {target}"),
            target: target.into(),
            ..handover(&shell, "r.1")
        };
        let code = handover::seal(&handover, &name(HOST), &shell.here());
        let sent = visit(&format!("/.access/authorized?code={code}"));
        let answer = sent.cookie("__Host-CF_AppSession", "r.1").answer(&shell);
        let location = header(&answer, "location").unwrap();
        assert!(location.starts_with("https://app.example.com/"), "{location}");
        assert!(!location.contains(['\r', '\n']) && !location.contains("code="), "{location}");
    }
    for query in ["", "code=", "code=x", "code=a&code=b"] {
        let answer = visit(&format!("/.access/authorized?{query}")).answer(&shell);
        assert_eq!(header(&answer, "location"), Some("https://app.example.com/"), "{query}");
    }
}

#[test]
fn a_handover_for_an_application_that_does_not_stand_here_is_refused() {
    let shell = shell();
    let handover = Handover { application_id: OTHER.into(), ..handover(&shell, "r.1") };
    let code = handover::seal(&handover, &name(HOST), &shell.here());
    let sent =
        visit(&format!("/.access/authorized?code={code}")).cookie("__Host-CF_AppSession", "r.1");
    let answer = sent.answer(&shell);
    assert_eq!((answer.status, cookies_of(&answer.headers).len()), (403, 0));
}

#[test]
fn strict_cookies_survive_the_way_back() {
    let mut shell = shell();
    shell.edit(&format!("app:{APP}"), |app| {
        app["cookie"] = json!({"http_only": true, "same_site": "strict"});
    });
    let browser = visit("/").answer(&shell);
    let (_, set) = browser.headers.iter().find(|(name, _)| *name == "set-cookie").unwrap();
    assert!(set.contains("SameSite=Lax"), "{set}");
    let path = format!("/.access/authorized?code={}", code(&shell, "r.1"));
    let answer = visit(&path).cookie("__Host-CF_AppSession", "r.1").answer(&shell);
    assert_eq!((answer.status, header(&answer, "location")), (200, None));
    assert_eq!(header(&answer, "refresh"), Some("0;url=https://app.example.com/page?a=b"));
    let sets = answer.headers.iter().filter(|(name, _)| *name == "set-cookie");
    assert!(sets.into_iter().all(|(_, set)| set.contains("SameSite=Strict")));
}

#[test]
fn a_token_is_renewed_in_passing_for_every_kind_of_request() {
    let mut shell = shell();
    let credential = sign_in(&shell)["__Host-CF_AppSession"].clone();
    let expired = forge(&claims());
    shell.now = NOW + 3_600;
    for sent in [
        visit("/"),
        fetch("/data"),
        fetch("/data").method(Method::POST),
        visit("/save").method(Method::POST),
        visit("/live").with("upgrade", "websocket"),
    ] {
        let sent =
            sent.cookie("CF_Authorization", &expired).cookie("__Host-CF_AppSession", &credential);
        let passage = sent.passes(&shell);
        let fresh = cookies_of(&passage.response_headers)["CF_Authorization"].clone();
        assert!(reasons(&passage.events).starts_with("login:renewed: "), "{:?}", passage.events);
        let told = to_origin(&passage);
        assert_eq!(told["cf-access-jwt-assertion"], fresh);
        assert_eq!(
            told["cookie"],
            format!("CF_Authorization={fresh}"),
            "the origin sees the new one"
        );
        // And the new one counts by itself.
        fetch("/").cookie("CF_Authorization", &fresh).passes(&shell);
    }
}

#[test]
fn a_renewed_token_does_not_outlast_its_session() {
    let mut shell = shell();
    let credential = sign_in(&shell)["__Host-CF_AppSession"].clone();
    shell.now = NOW + 86_400 - 100;
    let passage = fetch("/").cookie("__Host-CF_AppSession", &credential).passes(&shell);
    let fresh = cookies_of(&passage.response_headers)["CF_Authorization"].clone();
    let claims = crate::jwt::parse(&fresh).unwrap().unverified_claims().unwrap();
    assert_eq!(claims.expires_at, Some(NOW + 86_400));
    shell.now = NOW + 86_400;
    assert_eq!(fetch("/").cookie("__Host-CF_AppSession", &credential).answer(&shell).status, 401);
}

#[test]
fn a_credential_is_for_its_host_alone() {
    let mut shell = shell();
    let credential = sign_in(&shell)["__Host-CF_AppSession"].clone();
    let gate = json!({"hostname": "b.example.com", "doors": [
        {"application_id": APP, "host_pattern": "b.example.com", "path_pattern": ""}]});
    shell.put("gate:b.example.com", gate);
    let sent = fetch("/").cookie("__Host-CF_AppSession", &credential);
    let elsewhere = shell.ask(|known, here| {
        let request = Request {
            method: &sent.method,
            host: &name("b.example.com"),
            owner: None,
            port: None,
            path: "/",
            query: None,
            headers: &sent.headers,
            form: None,
            ip: None,
            country: None,
            certificate: None,
            ray_id: "ray",
        };
        check(&request, known, here)
    });
    assert!(matches!(elsewhere, Gate::Answer(Response { status: 401, .. })), "{elsewhere:?}");
}

#[test]
fn links_from_elsewhere_sign_nobody_out() {
    let shell = shell();
    let logout = |method: Method, headers: &[(&'static str, &str)]| {
        let sent = visit("/.access/logout").method(method);
        let sent = sent.cookie("CF_Authorization", &forge(&claims()));
        let answer = headers.iter().fold(sent, |s, (n, v)| s.with(n, v)).answer(&shell);
        let ended = !shell.signed_out.take().is_empty();
        assert_eq!(cookies_of(&answer.headers).contains_key("CF_Authorization"), ended);
        ended
    };
    let ours = "https://app.example.com";
    assert!(logout(Method::GET, &[("sec-fetch-site", "same-origin")]));
    assert!(logout(Method::POST, &[("origin", ours)]));
    assert!(!logout(Method::GET, &[]));
    assert!(!logout(Method::GET, &[("sec-fetch-site", "cross-site")]));
    assert!(!logout(Method::GET, &[("sec-fetch-site", "same-site")]));
    assert!(!logout(Method::HEAD, &[("sec-fetch-site", "same-origin")]));
    assert!(!logout(Method::POST, &[("origin", "https://evil.example")]));
    assert!(!logout(Method::POST, &[]));
}

#[test]
fn who_is_signed_in_can_be_asked() {
    let shell = shell();
    let sent = fetch("/cdn-cgi/access/get-identity");
    assert_eq!(sent.answer(&shell).status, 401);
    let answer = sent.cookie("CF_Authorization", &forge(&claims())).answer(&shell);
    let body: Value = serde_json::from_str(&answer.body).unwrap();
    assert_eq!((answer.status, &body["email"]), (200, &json!("ada@example.com")));
    assert_eq!(visit("/.access/nothing").answer(&shell).status, 404);
    assert_eq!(visit("/.access/logout").method(Method::PUT).answer(&shell).status, 405);
}

#[test]
fn a_window_for_signing_in_again_says_when_it_is_done() {
    let shell = shell();
    let sent = visit("/.access/renew");
    assert_eq!(sent.answer(&shell).status, 302);
    let answer = sent.cookie("CF_Authorization", &forge(&claims())).answer(&shell);
    assert!(answer.body.contains("access-renewed"), "{}", answer.body);
}

#[test]
fn an_outage_of_the_control_plane_keeps_people_in() {
    let mut shell = shell();
    let credential = sign_in(&shell)["__Host-CF_AppSession"].clone();
    shell.answers = false;
    fetch("/").cookie("CF_Authorization", &forge(&claims())).passes(&shell);
    fetch("/").cookie("__Host-CF_AppSession", &credential).passes(&shell);
    let path = format!("/.access/authorized?code={}", code(&shell, "r.1"));
    assert_eq!(visit(&path).cookie("__Host-CF_AppSession", "r.1").answer(&shell).status, 503);
}
