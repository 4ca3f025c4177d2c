//! Who may pass, and what the origin is told.

use super::*;

#[test]
fn a_token_that_counts_passes_and_the_origin_is_told() {
    let token = forge(&claims());
    let passage = fetch("/data").cookie("CF_Authorization", &token).passes(&shell());
    let told = to_origin(&passage);
    assert_eq!(told["cf-access-jwt-assertion"], token);
    assert_eq!(told["cf-access-authenticated-user-email"], "ada@example.com");
    assert_eq!(told["cookie"], format!("CF_Authorization={token}"));
    assert_eq!((passage.response_headers.len(), passage.events.len()), (0, 0));
}

#[test]
fn a_warm_request_needs_no_call_and_no_signature() {
    let shell = shell();
    fetch("/").cookie("CF_Authorization", &forge(&claims())).passes(&shell);
    let done = shell.done.borrow();
    assert_eq!(done.iter().filter(|need| *need == "verify").count(), 1);
    assert!(done.iter().all(|need| need == "verify" || need.contains(':')), "{done:?}");
}

#[test]
fn the_origin_sees_no_cookie_that_renews_and_no_other_token() {
    let token = forge(&claims());
    let other = claims_with("aud", json!(["aud2"]));
    let cookies = format!(
        "a=b; CF_Authorization={other}; __Host-CF_AppSession=s.secret; CF_Binding=x; CF_Authorization={token}"
    );
    let passage = fetch("/").with("cookie", &cookies).passes(&shell());
    assert_eq!(to_origin(&passage)["cookie"], format!("a=b; CF_Authorization={token}"));
}

#[test]
fn cloudflared_shows_the_token_in_a_header() {
    fetch("/").with("cf-access-token", &forge(&claims())).passes(&shell());
}

#[test]
fn an_address_that_no_header_takes_is_not_told() {
    let mut shell = shell();
    let identity = Identity { email: "ada@example.com\r\nx: y".into(), ..ada() };
    shell.begin_session(SESSION, 600, &identity);
    shell.edit(&format!("app:{APP}"), |app| {
        app["policies"][0]["include"] = json!([{"everyone": {}}]);
    });
    let passage = fetch("/").cookie("CF_Authorization", &forge(&claims())).passes(&shell);
    assert!(!to_origin(&passage).contains_key("cf-access-authenticated-user-email"));
}

#[test]
fn bypass_lets_everybody_through_and_is_logged() {
    let mut shell = shell();
    shell.edit(&format!("app:{APP}"), |app| {
        app["policies"] = json!([{"id": "b", "name": "All", "decision": "bypass",
            "include": [{"everyone": {}}]}]);
    });
    let passage = fetch("/").cookie("__Host-CF_AppSession", "r.x").passes(&shell);
    assert!(!to_origin(&passage).contains_key("cf-access-jwt-assertion"));
    assert_eq!(passage.remove, ["cookie"]);
    assert_eq!((passage.events[0].action.as_str(), passage.events[0].allowed), ("bypass", true));
}

fn with_service_auth(shell: &mut Shell) {
    shell.edit(&format!("app:{APP}"), |app| {
        let machines = json!({"id": "m", "name": "CI", "decision": "non_identity",
            "include": [{"service_token": {"token_id": "st1"}}]});
        app["policies"].as_array_mut().unwrap().push(machines);
    });
}

#[test]
fn a_service_token_passes_in_both_forms() {
    let mut shell = shell();
    with_service_auth(&mut shell);
    shell.edit(&format!("app:{APP}"), |app| app["service_token_header"] = "X-Machine".into());
    let passage = fetch("/").service_token(SECRET).passes(&shell);
    assert_eq!(passage.events[0].non_identity.as_deref(), Some(CLIENT));
    let token = to_origin(&passage)["cf-access-jwt-assertion"].to_owned();
    let pair = json!({"Cf-Access-Client-Id": CLIENT, "cf-access-client-secret": SECRET});
    let passage = fetch("/").with("x-machine", &pair.to_string()).passes(&shell);
    assert_eq!(passage.remove, ["x-machine"], "the origin learns no secret");
    // What it was given as a cookie counts like the secret, as long as the service token does.
    let passage = fetch("/").cookie("CF_Authorization", &token).passes(&shell);
    assert_eq!(to_origin(&passage)["cf-access-jwt-assertion"], token);
    shell.edit(&format!("service_token:{CLIENT}"), |record| record["enabled"] = false.into());
    assert_eq!(fetch("/").cookie("CF_Authorization", &token).answer(&shell).status, 401);
    assert_eq!(fetch("/").service_token(SECRET).answer(&shell).status, 401);
}

#[test]
fn a_service_token_that_does_not_count_does_not_pass() {
    for (secret, change) in [
        ("wrong", Value::Null),
        ("", Value::Null),
        (SECRET, json!({"secrets": []})),
        (SECRET, json!({"secrets": [{"sha256": hash(SECRET), "expires_at": NOW}]})),
        (SECRET, json!({"expires_at": NOW})),
        (SECRET, json!({"enabled": false})),
        (SECRET, json!({"auth_domain": "other.example"})),
    ] {
        let mut shell = shell();
        with_service_auth(&mut shell);
        shell.edit(&format!("service_token:{CLIENT}"), |record| {
            for (name, value) in change.as_object().into_iter().flatten() {
                record[name] = value.clone();
            }
        });
        let answer = fetch("/").service_token(secret).answer(&shell);
        assert_eq!(answer.status, 401, "{change}");
        assert_eq!(answer.events.len(), 1, "{change}");
        assert!(!answer.events[0].allowed);
    }
}

#[test]
fn a_strict_service_token_decides_alone() {
    let mut shell = shell();
    with_service_auth(&mut shell);
    shell.edit(&format!("org:{TEAM}"), |org| org["strict_service_token_auth"] = true.into());
    let token = forge(&claims());
    let bad = fetch("/").service_token("wrong").cookie("CF_Authorization", &token).answer(&shell);
    assert_eq!(bad.status, 401);
    let passage = fetch("/").service_token(SECRET).passes(&shell);
    assert!(passage.response_headers.is_empty(), "no cookie is set");
    shell.edit(&format!("app:{APP}"), |app| app["policies"] = allow_ada());
    let unauthorised = fetch("/").service_token(SECRET).cookie("CF_Authorization", &token);
    assert_eq!(unauthorised.answer(&shell).status, 403);
    shell.edit(&format!("org:{TEAM}"), |org| org["strict_service_token_auth"] = false.into());
    unauthorised.passes(&shell);
}

#[test]
fn service_auth_401_says_so_instead_of_leading_to_a_page() {
    let mut shell = shell();
    with_service_auth(&mut shell);
    assert_eq!(visit("/").answer(&shell).status, 302);
    shell.edit(&format!("app:{APP}"), |app| app["service_auth_401"] = true.into());
    assert_eq!(visit("/").answer(&shell).status, 401);
    visit("/").cookie("CF_Authorization", &forge(&claims())).passes(&shell);
}

#[test]
fn a_missing_client_certificate_is_forbidden() {
    let mut shell = shell();
    shell.edit(&format!("app:{APP}"), |app| {
        app["policies"] = json!([{"id": "c", "name": "mTLS", "decision": "non_identity",
            "include": [{"common_name": {"common_name": "robot"}}]}]);
    });
    assert_eq!(visit("/").answer(&shell).status, 403);
    assert_eq!(fetch("/").answer(&shell).status, 403);
    let certificate = |common_name: &str| {
        let common_name = Some(common_name.to_owned());
        Some(ClientCertificate { common_name, sha256: "0".repeat(64), der: None })
    };
    let other = Sent { certificate: certificate("other"), ..fetch("/") };
    assert_eq!(other.answer(&shell).status, 403);
    let right = Sent { certificate: certificate("robot"), ..fetch("/") };
    assert!(to_origin(&right.passes(&shell)).contains_key("cf-access-jwt-assertion"));
}

#[test]
fn a_certificate_with_the_name_of_a_service_token_is_no_service_token() {
    let mut shell = shell();
    with_service_auth(&mut shell);
    shell.edit(&format!("app:{APP}"), |app| {
        let named = json!({"id": "c", "name": "mTLS", "decision": "non_identity",
            "include": [{"common_name": {"common_name": CLIENT}}]});
        app["policies"].as_array_mut().unwrap().push(named);
    });
    let certificate = ClientCertificate {
        common_name: Some(CLIENT.to_owned()),
        sha256: "0".repeat(64),
        der: None,
    };
    let sent = Sent { certificate: Some(certificate), ..fetch("/") };
    let passage = sent.passes(&shell);
    assert_eq!(passage.events[0].non_identity, None);
    let token = to_origin(&passage)["cf-access-jwt-assertion"].to_owned();
    // Whoever has the token has neither the certificate nor the service token's secret.
    let alone = fetch("/").cookie("CF_Authorization", &token).answer(&shell);
    assert_eq!(alone.status, 401);
    assert_eq!(alone.events.iter().filter(|event| event.allowed).count(), 0);
}

#[test]
fn a_token_of_a_linked_application_counts_where_a_policy_says_so() {
    let mut shell = shell();
    shell.edit(&format!("app:{APP}"), |app| {
        app["policies"] = json!([{"id": "l", "name": "Linked", "decision": "non_identity",
            "include": [{"linked_app_token": {"app_uid": OTHER}}]}]);
    });
    let linked = claims_with("aud", json!(["aud2"]));
    let bearer = fetch("/").with("authorization", &format!("Bearer {linked}"));
    bearer.passes(&shell);
    assert_eq!(fetch("/").answer(&shell).status, 403);
    let own = fetch("/").with("authorization", &format!("Bearer {}", forge(&claims())));
    assert_eq!(own.answer(&shell).status, 403);
    for (key, change) in [
        (format!("app:{OTHER}"), ("enabled", json!(false))),
        (format!("idp:{IDP}"), ("enabled", json!(false))),
        (format!("session:{SESSION}"), ("expires_at", json!(NOW))),
    ] {
        let mut shell = self::shell();
        shell.edit(&format!("app:{APP}"), |app| {
            app["policies"] = json!([{"id": "l", "name": "Linked", "decision": "non_identity",
                "include": [{"linked_app_token": {"app_uid": OTHER}}]}]);
        });
        shell.edit(&key, |record| record[change.0] = change.1);
        assert_eq!(bearer.answer(&shell).status, 403, "{key}");
    }
}

#[test]
fn preflights_are_answered_or_passed_as_the_application_says() {
    let preflight = fetch("/")
        .method(Method::OPTIONS)
        .with("origin", "https://spa.example.com")
        .with("access-control-request-method", "PUT")
        .with("access-control-request-headers", "x-a, content-type");
    let mut shell = shell();
    assert_eq!(preflight.answer(&shell).status, 401);
    shell.edit(&format!("app:{APP}"), |app| app["options_preflight_bypass"] = true.into());
    assert!(preflight.passes(&shell).set.is_empty());
    shell.edit(&format!("app:{APP}"), |app| {
        app["options_preflight_bypass"] = false.into();
        app["cors"] = json!({"allowed_origins": ["https://spa.example.com"],
            "allow_all_methods": true, "allow_all_headers": true, "allow_credentials": true,
            "max_age": 600});
    });
    let answer = preflight.answer(&shell);
    assert_eq!(answer.status, 204);
    for (name, value) in [
        ("access-control-allow-origin", "https://spa.example.com"),
        ("access-control-allow-credentials", "true"),
        ("access-control-allow-methods", "PUT"),
        ("access-control-allow-headers", "x-a, content-type"),
        ("access-control-max-age", "600"),
        ("vary", "Origin"),
    ] {
        assert_eq!(header(&answer, name), Some(value), "{name}");
    }
    // Only a preflight is one: an OPTIONS request by itself is judged.
    let options = fetch("/").method(Method::OPTIONS).with("origin", "https://spa.example.com");
    assert_eq!(options.answer(&shell).status, 401);
    let mut elsewhere = preflight;
    elsewhere.headers.insert("origin", "https://evil.example".parse().unwrap());
    assert_eq!(header(&elsewhere.answer(&shell), "access-control-allow-origin"), None);
}
