//! One request after another through the whole decision.

mod house;

use edge_state::origin::OriginSni;
use edge_state::origin::OriginTls;
use edge_state::{HostRecord, ZoneRecord};
use house::*;
use http::Method;
use routing::{Decision, Facts, Refusal, Upstream};

fn world() -> World {
    World::default().with(&host(HOST)).with(&zone())
}

fn upstream(world: &World, request: &Facts) -> Upstream {
    match world.decide(request) {
        Decision::Proxy(upstream) => *upstream,
        decision => panic!("{decision:?}"),
    }
}

#[test]
fn a_hostname_without_an_origin_of_its_own_goes_to_the_fallback() {
    let upstream = upstream(&world(), &https(get("App.Customer.com", "/a?b")));
    let directions = r#"{"origin":"origin.saas.com","ssl":"strict","hostname":"app.customer.com","target":"/a?b"}"#;
    assert_eq!(upstream.directions.to_header(), directions);
    assert_eq!(upstream.directions.url(), "https://origin.saas.com/a?b");
    assert_eq!(upstream.url, "http://app.customer.com/a?b");
}

#[test]
fn a_custom_origin_goes_before_the_fallback() {
    let custom = with_origin("http://10.0.0.1:8080", Some(OriginSni::RequestHost));
    let world = world().with(&custom);
    let directions = upstream(&world, &get(HOST, "/")).directions;
    let header = directions.to_header();
    assert!(header.contains(r#""origin":"http://10.0.0.1:8080""#), "{header}");
    assert!(header.contains(r#""sni":"request_host""#), "{header}");
    assert_eq!(directions.url(), "http://10.0.0.1:8080/");

    let sni = OriginSni::Name(name("tls.saas.com"));
    let world = world.with(&with_origin("o.saas.com", Some(sni)));
    let header = upstream(&world, &get(HOST, "/")).directions.to_header();
    assert!(header.contains(r#""sni":{"name":"tls.saas.com"}"#), "{header}");
}

#[test]
fn the_zone_settles_how_an_origin_without_a_scheme_is_reached() {
    for (ssl, url) in [
        (OriginTls::Flexible, "http://origin.saas.com/"),
        (OriginTls::Full, "https://origin.saas.com/"),
        (OriginTls::Strict, "https://origin.saas.com/"),
    ] {
        let world = world().with(&ZoneRecord { ssl, ..zone() });
        assert_eq!(upstream(&world, &get(HOST, "/")).directions.url(), url);
    }
}

#[test]
fn a_wildcard_covers_one_label_and_the_exact_name_goes_before_it() {
    let wildcard = HostRecord { hostname: name("*.customer.com"), ..pending(HOST) };
    let world = world().with(&wildcard);
    assert!(matches!(world.decide(&get(HOST, "/")), Decision::Proxy(_)));
    let covered = world.decide(&get("b.customer.com", "/"));
    assert!(matches!(covered, Decision::Refuse(Refusal::Pending { .. })));
    let deeper = world.decide(&get("a.b.customer.com", "/"));
    assert_eq!(deeper, Decision::Refuse(Refusal::UnknownHostname));
}

#[test]
fn who_is_not_onboarded_is_unknown() {
    for host in ["", "nobody.com", "127.0.0.1", "[::1]", "localhost", "*.customer.com", "a b"] {
        let decision = world().decide(&get(host, "/"));
        assert_eq!(decision, Decision::Refuse(Refusal::UnknownHostname), "{host}");
    }
}

#[test]
fn a_pending_hostname_says_what_is_missing() {
    let decision = world().with(&pending(HOST)).decide(&get(HOST, "/"));
    let missing = vec!["Point it at customers.saas.com.".to_owned()];
    assert_eq!(decision, Decision::Refuse(Refusal::Pending { missing }));
}

#[test]
fn no_origin_and_no_zone_end_on_a_page() {
    let world = world().with(&ZoneRecord { fallback_origin: None, ..zone() });
    assert_eq!(world.decide(&get(HOST, "/")), Decision::Refuse(Refusal::NoOrigin));
    let world = World::default().with(&host(HOST));
    assert_eq!(world.decide(&get(HOST, "/")), Decision::Refuse(Refusal::NoOrigin));
}

#[test]
fn plain_http_is_redirected_where_the_zone_wants_it() {
    let world = world().with(&ZoneRecord { always_use_https: true, ..zone() });
    let target = "//a/../b;c?d=%20&e=?f";
    let redirect = |request: &Facts| match world.decide(request) {
        Decision::Redirect(redirect) => (redirect.status, redirect.location),
        decision => panic!("{decision:?}"),
    };
    let request = get("APP.customer.com:8080", target);
    let location = format!("https://app.customer.com{target}");
    assert_eq!(redirect(&request), (301, location.clone()));
    let head = Facts { method: Method::HEAD, ..request.clone() };
    assert_eq!(redirect(&head), (301, location.clone()));
    let post = Facts { method: Method::POST, ..request.clone() };
    assert_eq!(redirect(&post), (308, location));
    let elsewhere = Facts { https_port: Some(8443), ..request.clone() };
    assert_eq!(redirect(&elsewhere).1, format!("https://app.customer.com:8443{target}"));
    assert!(matches!(world.decide(&https(request)), Decision::Proxy(_)));
}

#[test]
fn hsts_is_said_over_https_alone_and_only_if_wanted() {
    let strict = ZoneRecord { hsts: Some(hsts()), ..zone() };
    let said = |zone, request| upstream(&world().with(zone), &request).strict_transport_security;
    let value = "max-age=31536000; includeSubDomains; preload";
    assert_eq!(said(&strict, https(get(HOST, "/"))).as_deref(), Some(value));
    assert_eq!(said(&strict, get(HOST, "/")), None);
    assert_eq!(said(&zone(), https(get(HOST, "/"))), None);
}

#[test]
fn a_request_that_was_here_before_is_a_loop() {
    let looped = with_header(get(HOST, "/"), "cdn-loop", "other; a=\"b,c\", lintel");
    assert_eq!(world().decide(&looped), Decision::Refuse(Refusal::Loop));
    let other = with_header(get(HOST, "/"), "cdn-loop", "other");
    assert_eq!(received(&world().decide(&other), &other)["cdn-loop"], "other, lintel");
}

#[test]
fn the_origin_hears_of_the_visitor_from_the_edge_alone() {
    let mut request = https(get("app.customer.com:8443", "/"));
    for name in [
        "x-forwarded-for",
        "x_forwarded_for",
        "x-forwarded_proto",
        "x-forwarded-uri",
        "x-real-ip",
        "forwarded",
        "true-client-ip",
        "cf-connecting-ip",
        "cf_connecting_ip",
        "x-lintel-upstream",
        "x_lintel_upstream",
    ] {
        request = with_header(request, name, "6.6.6.6");
    }
    request = with_header(request, "cookie", "a=b");
    let received = received(&world().decide(&request), &request);
    assert!(!received.values().any(|value| value == "6.6.6.6"), "{received:?}");
    assert_eq!(received["x-forwarded-for"], "192.0.2.7");
    assert_eq!(received["x-real-ip"], "192.0.2.7");
    assert_eq!(received["cf-connecting-ip"], "192.0.2.7");
    assert_eq!(received["x-forwarded-proto"], "https");
    assert_eq!(received["x-forwarded-host"], "app.customer.com:8443");
    assert_eq!(received["cf-ray"], request.request_id);
    assert_eq!(received["cookie"], "a=b");
}

#[test]
fn headers_for_one_hop_end_here() {
    let mut request = get(HOST, "/");
    for (name, value) in [
        ("connection", "close, X-Secret, X-Forwarded-For, Host"),
        ("x-secret", "1"),
        ("keep-alive", "1"),
        ("te", "trailers"),
        ("upgrade", "h2c"),
        ("host", HOST),
    ] {
        request = with_header(request, name, value);
    }
    let received = received(&world().decide(&request), &request);
    for name in ["connection", "x-secret", "keep-alive", "te", "upgrade"] {
        assert!(!received.contains_key(name), "{name}");
    }
    assert_eq!(received["host"], HOST);
    assert_eq!(received["x-forwarded-for"], "192.0.2.7");
}

#[test]
fn a_websocket_keeps_its_upgrade() {
    let request = with_header(get(HOST, "/"), "connection", "Upgrade");
    let request = with_header(request, "upgrade", "WebSocket");
    let received = received(&world().decide(&request), &request);
    assert_eq!(received["upgrade"], "WebSocket");
}
