//! What holds for every request, also for those that no client sends by accident.

#![allow(clippy::unwrap_used, reason = "a test that cannot begin has failed")]

mod house;

use edge_state::ZoneRecord;
use edge_state::origin::Scheme;
use house::*;
use http::{HeaderName, Method};
use proptest::prelude::*;
use routing::facts::{Authority, Target, split, split_normalised};
use routing::header::is_reserved;
use routing::{Decision, Facts, decide};

/// Request targets full of what parsers disagree on.
fn target() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        Just("/".to_owned()),
        Just("..".to_owned()),
        Just(".".to_owned()),
        Just("%2e".to_owned()),
        Just("%2F".to_owned()),
        Just("%5c".to_owned()),
        Just("\\".to_owned()),
        Just("%00".to_owned()),
        Just("%".to_owned()),
        Just("?".to_owned()),
        Just(";".to_owned()),
        Just("//".to_owned()),
        Just("@".to_owned()),
        Just(":".to_owned()),
        Just(".well-known/acme-challenge/".to_owned()),
        Just(TOKEN.to_owned()),
        "[!-~&&[^#]]{0,6}",
    ];
    prop::collection::vec(piece, 0..12).prop_map(|pieces| format!("/{}", pieces.concat()))
}

fn method() -> impl Strategy<Value = Method> {
    prop::sample::select(vec![
        Method::GET,
        Method::HEAD,
        Method::POST,
        Method::OPTIONS,
        Method::CONNECT,
        Method::from_bytes(b"PROPFIND").unwrap(),
    ])
}

/// A name in any spelling that servers may take for it.
fn spelled(name: &'static str) -> impl Strategy<Value = String> {
    prop::collection::vec((any::<bool>(), prop::sample::select(vec!['-', '_', '.', '~'])), 40)
        .prop_map(move |dice| {
            let spell = |(c, (upper, hyphen)): (char, (bool, char))| match c {
                '-' => hyphen,
                c if upper => c.to_ascii_uppercase(),
                c => c,
            };
            name.chars().zip(dice).map(spell).collect()
        })
}

proptest! {
    #[test]
    fn what_is_judged_is_what_is_forwarded(target in target(), method in method(), https: bool) {
        let zone = ZoneRecord { always_use_https: true, ..zone() };
        let world = World::default().with(&host(HOST)).with(&zone).with(&challenge(HOST));
        let url = format!("http://{HOST}{target}");
        let (authority, parsed) = split(&url).unwrap();
        prop_assert_eq!(parsed.as_str(), &target);
        prop_assert!(target.starts_with(parsed.path()));
        let scheme = if https { Scheme::Https } else { Scheme::Http };
        let request = Facts { method, scheme, authority, target: parsed, ..get(HOST, "/") };
        match world.decide(&request) {
            Decision::Proxy(upstream) => {
                prop_assert_eq!(&upstream.directions.target, &target);
                prop_assert!(upstream.directions.url().ends_with(&target));
                let header = upstream.directions.to_header();
                prop_assert!(header.bytes().all(|b| (b' '..=b'~').contains(&b)));
                let json: serde_json::Value = serde_json::from_str(&header).unwrap();
                prop_assert_eq!(json["target"].as_str(), Some(target.as_str()));
            }
            Decision::Redirect(redirect) => {
                prop_assert_eq!(redirect.location, format!("https://{HOST}{target}"));
            }
            Decision::Answer(_) => prop_assert!(target.contains(TOKEN)),
            other => prop_assert!(false, "{:?}", other),
        }
    }

    #[test]
    fn no_url_and_no_host_makes_it_panic(
        url in "\\PC{0,60}|https?://\\PC{0,40}|http://[a-z0-9.:\\[\\]@%-]{0,20}[/?#\\\\][ -~]{0,30}",
        host in "\\PC{0,40}|[a-zA-Z0-9.:*-]{0,40}",
    ) {
        let world = World::default().with(&house::host(HOST)).with(&zone());
        for split in [split(&url), split_normalised(&url)] {
            let Ok((authority, target)) = split else { continue };
            prop_assert!(target.as_str().bytes().all(|b| (b'!'..=b'~').contains(&b)));
            world.decide(&Facts { authority, target, ..get(HOST, "/") });
        }
        world.decide(&Facts { authority: Authority::parse(&host), ..get(HOST, "/") });
    }

    #[test]
    fn bytes_beyond_ascii_arrive_percent_encoded_and_nothing_else_changes(text in "/[!-~à-ü€&&[^#]]{0,30}") {
        let target = Target::parse(&text).unwrap();
        let ascii: String = text.chars().filter(char::is_ascii).collect();
        prop_assert!(target.as_str().len() >= ascii.len());
        if text.is_ascii() {
            prop_assert_eq!(target.as_str(), text);
        }
    }

    #[test]
    fn the_normalised_url_is_its_own_normal_form(target in target()) {
        if let Ok((_, once)) = split_normalised(&format!("https://{HOST}{target}")) {
            let (_, twice) = split_normalised(&format!("https://{HOST}{}", once.as_str())).unwrap();
            prop_assert_eq!(twice, once);
        }
    }

    #[test]
    fn no_spelling_of_a_header_that_the_edge_sets_comes_through(
        spelling in prop::sample::select(vec![
            "x-forwarded-for", "x-forwarded-proto", "x-forwarded-host", "x-forwarded-uri", "x-real-ip",
            "cf-connecting-ip", "cf-ray", "cdn-loop", "x-lintel-upstream", "forwarded", "true-client-ip",
        ]).prop_flat_map(spelled),
    ) {
        prop_assert!(is_reserved(&spelling));
        let Ok(name) = HeaderName::try_from(spelling.as_str()) else { return Ok(()) };
        let request = with_header(get(HOST, "/"), name.as_str(), "spoofed");
        let world = World::default().with(&host(HOST)).with(&zone());
        let received = received(&world.decide(&request), &request);
        let from_visitor = received.iter().filter(|(name, _)| *name != "cdn-loop");
        prop_assert!(!from_visitor.into_iter().any(|(_, value)| value == "spoofed"));
    }

    #[test]
    fn arbitrary_headers_do_no_harm(headers in prop::collection::vec(
        (prop::sample::select(vec!["connection", "upgrade", "cdn-loop", "accept", "te", "x-a"]), "[ -~]{0,40}"), 0..6,
    )) {
        let mut request = get(HOST, "/");
        for (name, value) in &headers {
            request = with_header(request, name, value);
        }
        World::default().with(&host(HOST)).with(&zone()).decide(&request);
        let _ = routing::page::prefers_json(&request.headers);
    }
}

#[test]
fn a_request_for_nobody_reads_nothing() {
    let request = get("127.0.0.1", "/.well-known/acme-challenge/token");
    let keys = keys();
    assert!(decide(&request, &access::Known::default(), &here(&keys)).is_ok());
}
