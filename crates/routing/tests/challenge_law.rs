//! The law: a known challenge token is answered whatever else is switched on, and an unknown one is
//! still the customer's own to answer. Every combination of what could come between is generated.

mod house;

use edge_state::origin::Scheme;
use edge_state::{HostRecord, ZoneRecord};
use house::*;
use http::Method;
use routing::{Decision, Facts, Refusal};

/// All settings of a zone and a hostname that decide requests.
struct Settings {
    host: Option<HostRecord>,
    zone: Option<ZoneRecord>,
}

fn settings() -> impl Iterator<Item = Settings> {
    let wildcard = || HostRecord { hostname: name("*.customer.com"), ..host(HOST) };
    let hosts = [
        None,
        Some(pending(HOST)),
        Some(host(HOST)),
        Some(wildcard()),
        Some(with_origin("10.0.0.1:8080", None)),
    ];
    hosts
        .into_iter()
        .flat_map(|host| zones().map(move |zone| Settings { host: host.clone(), zone }))
}

fn zones() -> impl Iterator<Item = Option<ZoneRecord>> {
    let existing = (0..8).map(|bits| {
        Some(ZoneRecord {
            always_use_https: bits & 1 != 0,
            hsts: (bits & 2 != 0).then(hsts),
            fallback_origin: zone().fallback_origin.filter(|_| bits & 4 != 0),
            ..zone()
        })
    });
    existing.chain([None])
}

fn world(settings: &Settings) -> World {
    let mut world = World::default();
    if let Some(host) = &settings.host {
        world = world.with(host);
    }
    if let Some(zone) = &settings.zone {
        world = world.with(zone);
    }
    world
}

/// Requests for the token: schemes, ports, spellings of the host, queries, and headers that make
/// the edge do something else.
fn requests(method: &Method) -> Vec<Facts> {
    let mut requests = Vec::new();
    for scheme in [Scheme::Http, Scheme::Https] {
        for authority in [HOST, "APP.customer.COM.", "app.customer.com:8080"] {
            for query in ["", "?", "?a=b"] {
                let target = format!("/.well-known/acme-challenge/{TOKEN}{query}");
                let plain = Facts { method: method.clone(), scheme, ..get(authority, &target) };
                let looped = with_header(plain.clone(), "cdn-loop", "lintel");
                let json = with_header(plain.clone(), "accept", "application/json");
                let upgrade = with_header(plain.clone(), "upgrade", "websocket");
                requests.extend([plain, looped, json, upgrade]);
            }
        }
    }
    requests
}

#[test]
fn a_known_token_is_answered_whatever_else_is_switched_on() {
    let mut asked = 0;
    let worlds = settings().flat_map(|s| [world(&s), world(&s).with_access(HOST)]);
    for world in worlds {
        let world = world.with(&challenge(HOST));
        for request in [Method::GET, Method::HEAD].iter().flat_map(requests) {
            let decision = world.decide(&request);
            assert_eq!(decision, Decision::Answer(KEY_AUTHORIZATION.into()), "{request:?}");
            asked += 1;
        }
    }
    assert_eq!(asked, 2 * 5 * 9 * 2 * 72);
}

#[test]
fn an_unknown_token_reaches_the_origin_over_plain_http_too() {
    let others = [None, Some(challenge(OTHER))]; // Another hostname's token is unknown here.
    for (settings, other) in settings().flat_map(|s| others.clone().map(|o| (world(&s), o))) {
        let world = match &other {
            Some(challenge) => settings.with(challenge),
            None => settings,
        };
        for request in requests(&Method::GET) {
            match world.decide(&request) {
                Decision::Proxy(upstream) => {
                    assert_eq!(upstream.directions.target, request.target.as_str());
                }
                Decision::Refuse(refusal) => assert_ne!(refusal, Refusal::Malformed),
                decision => panic!("{decision:?} for {request:?}"),
            }
        }
    }
}

#[test]
fn an_active_hostname_with_an_origin_forwards_an_unknown_token() {
    let zone = ZoneRecord { always_use_https: true, hsts: Some(hsts()), ..zone() };
    let world = World::default().with(&host(HOST)).with(&zone);
    let request = get(HOST, &format!("/.well-known/acme-challenge/{TOKEN}"));
    assert!(matches!(world.decide(&request), Decision::Proxy(_)));
    let world = World::default().with(&pending(HOST)).with(&zone);
    assert!(matches!(world.decide(&request), Decision::Refuse(Refusal::Pending { .. })));
}

#[test]
fn only_reading_the_exact_path_is_asking_for_a_token() {
    let zone = ZoneRecord { always_use_https: true, ..zone() };
    let world = World::default().with(&host(HOST)).with(&zone).with(&challenge(HOST));
    for target in [
        format!("/.well-known/acme-challenge/{TOKEN}/"),
        format!("/.well-known/acme-challenge//{TOKEN}"),
        format!("//.well-known/acme-challenge/{TOKEN}"),
        format!("/.well-known/acme-challenge/../acme-challenge/{TOKEN}"),
        format!("/.well-known/acme-challenge/%65{}", &TOKEN[1..]),
        format!("/.WELL-KNOWN/acme-challenge/{TOKEN}"),
        format!("/.well-known/acme-challenge/{TOKEN}x"),
        format!("/a?/.well-known/acme-challenge/{TOKEN}"),
        "/.well-known/acme-challenge/".to_owned(),
        "/.well-known/acme-challenge/..".to_owned(),
    ] {
        let decision = world.decide(&https(get(HOST, &target)));
        assert!(matches!(decision, Decision::Proxy(_)), "{target}: {decision:?}");
    }
    for method in [Method::POST, Method::PUT, Method::DELETE, Method::OPTIONS] {
        for request in requests(&method) {
            assert!(!matches!(world.decide(&request), Decision::Answer(_)), "{request:?}");
        }
    }
}

#[test]
fn a_token_is_answered_on_its_own_hostname_alone() {
    let world = World::default().with(&host(OTHER)).with(&zone()).with(&challenge(HOST));
    let request = get(OTHER, &format!("/.well-known/acme-challenge/{TOKEN}"));
    assert!(matches!(world.decide(&request), Decision::Proxy(_)));
}

#[test]
fn ownership_is_answered_at_every_stage_and_never_redirected() {
    for settings in settings() {
        let Some(host) = &settings.host else { continue };
        let path = format!("/.well-known/cf-custom-hostname-challenge/{}", host.custom_hostname_id);
        for scheme in [Scheme::Http, Scheme::Https] {
            let request = Facts { scheme, ..get(HOST, &path) };
            let decision = world(&settings).decide(&request);
            assert_eq!(decision, Decision::Answer(OWNERSHIP.into()));
        }
        let request = get(HOST, &format!("{path}0"));
        let decision = world(&settings).decide(&request);
        assert!(!matches!(decision, Decision::Answer(_) | Decision::Redirect(_)), "{decision:?}");
    }
}
