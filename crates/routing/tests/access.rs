//! Where Access stands between a hostname and its origin.

mod house;

use access::ClientCertificate;
use edge_state::ZoneRecord;
use house::*;
use http::Method;
use routing::{Decision, Facts, Refusal};

fn world() -> World {
    World::default().with(&host(HOST)).with(&host(OTHER)).with(&host(TEAM)).with(&zone())
}

fn navigating(request: Facts) -> Facts {
    with_header(with_header(request, "sec-fetch-mode", "navigate"), "accept", "text/html")
}

#[test]
fn before_an_application_somebody_has_to_sign_in() {
    let world = world().with_access(HOST);
    let Decision::Access(answer) = world.decide(&navigating(https(get(HOST, "/a?b")))) else {
        panic!("not Access's answer")
    };
    assert_eq!(answer.status, 302);
    let location = &answer.headers.iter().find(|(name, _)| *name == "location").unwrap().1;
    assert!(location.starts_with(&format!("https://{TEAM}/access/login/{HOST}?")), "{location}");
    assert!(matches!(world.decide(&https(get(OTHER, "/"))), Decision::Proxy(_)));
}

#[test]
fn no_method_and_no_path_gets_past_the_gate() {
    let world = world().with_access(HOST);
    for method in ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE", "PROPFIND"]
    {
        for target in [
            "/",
            "//",
            "/?/.access/authorized",
            "/.access",
            "/.access/nothing",
            "/%2eaccess/authorized",
            "/.well-known/acme-challenge/unknown",
            "/.well-known/cf-custom-hostname-challenge/unknown",
            "/cdn-cgi/access/../x",
        ] {
            let method = Method::from_bytes(method.as_bytes()).unwrap();
            let request = Facts { method, ..https(get(HOST, target)) };
            let decision = world.decide(&request);
            assert!(matches!(decision, Decision::Access(_)), "{target}: {decision:?}");
        }
    }
}

#[test]
fn what_access_guards_is_for_https_alone() {
    let world = world().with_access(HOST);
    for (host, target) in [(HOST, "/a?b"), (TEAM, "/access/login"), (HOST, "/.access/logout")] {
        match world.decide(&get(host, target)) {
            Decision::Redirect(redirect) => {
                assert_eq!(redirect.location, format!("https://{host}{target}"));
            }
            decision => panic!("{decision:?}"),
        }
    }
    assert!(matches!(world.decide(&get(OTHER, "/")), Decision::Proxy(_)));
}

#[test]
fn the_team_domain_answers_by_itself_and_has_no_origin() {
    let world = world().with_access(HOST);
    for target in ["/", "/access/certs", "/cdn-cgi/access/certs", "/access/login", "/x"] {
        let decision = world.decide(&https(get(TEAM, target)));
        assert!(matches!(decision, Decision::Access(_)), "{target}: {decision:?}");
    }
}

#[test]
fn what_no_application_stands_before_is_closed_where_that_is_wanted() {
    let closed = ZoneRecord { deny_unmatched: true, ..zone() };
    let world = world().with(&closed).with_access(HOST);
    assert_eq!(world.decide(&https(get(OTHER, "/"))), Decision::Refuse(Refusal::Unmatched));
    assert!(matches!(world.decide(&https(get(HOST, "/"))), Decision::Access(_)));
    assert!(matches!(world.decide(&https(get(TEAM, "/"))), Decision::Access(_)));
    let challenge = challenge(OTHER);
    let token = get(OTHER, &format!("/.well-known/acme-challenge/{TOKEN}"));
    assert!(matches!(world.with(&challenge).decide(&token), Decision::Answer(_)));
}

#[test]
fn nobody_says_to_an_origin_what_access_says() {
    let mut request = https(get(OTHER, "/"));
    for name in [
        "cf-access-jwt-assertion",
        "cf_access_jwt_assertion",
        "CF-Access_Jwt-Assertion",
        "cf-access-authenticated-user-email",
        "cf_access_authenticated_user_email",
        "cf-access-client-secret",
        "cf-access-token",
        "cf-client-cert-der-base64",
        "cf_client_cert_sha256",
    ] {
        request = with_header(request, &name.to_lowercase(), "mallory@example.com");
    }
    let received = received(&world().decide(&request), &request);
    assert!(!received.values().any(|value| value.contains("mallory")), "{received:?}");
}

#[test]
fn an_origin_hears_of_a_client_certificate_where_that_is_wanted() {
    let certificate = |der: Option<&str>| {
        let sha256 = "ab".repeat(32);
        Some(ClientCertificate { common_name: None, sha256, der: der.map(str::to_owned) })
    };
    let told = Facts { certificate: certificate(Some("MIIB")), ..https(get(OTHER, "/")) };
    let headers = received(&world().decide(&told), &told);
    assert_eq!(headers["cf-client-cert-der-base64"], "MIIB");
    assert_eq!(headers["cf-client-cert-sha256"], "ab".repeat(32));
    let quiet = Facts { certificate: certificate(None), ..https(get(OTHER, "/")) };
    assert!(!received(&world().decide(&quiet), &quiet).contains_key("cf-client-cert-sha256"));
}

#[test]
fn a_name_that_changed_hands_has_its_new_owners_doors_alone() {
    let sold = ZoneRecord { account_id: Some("b".to_owned()), ..zone() };
    let world = world().with_access(HOST).with(&sold);
    // Neither what the other account guards nor what it opens, nor its team domain.
    for (host, target) in [(HOST, "/"), (HOST, "/.access/logout"), (TEAM, "/access/login")] {
        let decision = world.decide(&https(get(host, target)));
        assert!(matches!(decision, Decision::Proxy(_)), "{host}{target}: {decision:?}");
    }
    let closed = ZoneRecord { deny_unmatched: true, ..sold };
    let decision = world.with(&closed).decide(&https(get(HOST, "/")));
    assert_eq!(decision, Decision::Refuse(Refusal::Unmatched));
}
