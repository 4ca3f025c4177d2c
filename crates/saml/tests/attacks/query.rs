//! Messages by Redirect and POST, and what can be done to them on the way.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use miniz_oxide::deflate::{compress_to_vec, compress_to_vec_zlib};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use saml::binding::{BindingError, Departure, post, redirect};
use saml::identity_provider::RequestError;
use saml::key::SignatureAlgorithm;
use saml::native::Native;
use saml::service_provider::Question;
use saml::signature::SignatureError;

use crate::assert_matches;
use crate::support::keys::{ECDSA, EVE, SP, TestKey};
use crate::support::world::{World, body, now, random, run};

/// The query of a signed request, and a world that wants it signed.
fn signed_query(key: &TestKey, algorithm: SignatureAlgorithm) -> (World, String) {
    let mut world = World::default();
    world.sp_peer.require_signed_requests = true;
    let (question, mut random, signer) = (Question::default(), random(), key.signer(algorithm));
    let asking = world.sp.ask(
        &world.idp_peer,
        &question,
        Some("st te&=+"),
        Some(&signer),
        &mut random,
        now(),
    );
    let Departure::Redirect(address) = run(asking).unwrap().departure else { panic!() };
    let query = address.split_once('?').unwrap().1.to_owned();
    (world, query)
}

fn read(world: &World, query: &str) -> Result<(), RequestError> {
    let incoming = redirect::decode(query).unwrap();
    run(world.idp.read_request(&incoming, &world.sp_peer, &Native, now())).map(drop)
}

fn binding_error(query: &str) -> BindingError {
    match redirect::decode(query) {
        Ok(incoming) => panic!("{query} is {incoming:?}"),
        Err(error) => error,
    }
}

fn escape(text: &str) -> String {
    utf8_percent_encode(text, NON_ALPHANUMERIC).to_string()
}

fn query_of(deflated: &[u8]) -> String {
    format!("SAMLRequest={}", escape(&BASE64_STANDARD.encode(deflated)))
}

#[test]
fn a_signed_query_is_accepted() {
    for (key, algorithm) in [
        (&SP, SignatureAlgorithm::RsaSha256),
        (&SP, SignatureAlgorithm::RsaSha512),
        (&ECDSA, SignatureAlgorithm::EcdsaSha256),
    ] {
        let (mut world, query) = signed_query(key, algorithm);
        world.sp_peer.signing_keys = vec![key.public()];
        read(&world, &query).unwrap();
        // Other parameters are none of it.
        read(&world, &format!("lang=en&{query}&x=%zz")).unwrap();
    }
}

#[test]
fn unsigned_and_by_others() {
    let (world, query) = signed_query(&SP, SignatureAlgorithm::RsaSha256);
    let (bare, _) = query.split_once("&SigAlg=").unwrap();
    assert_matches!(
        read(&world, bare),
        Err(RequestError::Signature(SignatureError::Missing { .. }))
    );
    let (_, by_eve) = signed_query(&EVE, SignatureAlgorithm::RsaSha256);
    assert_matches!(
        read(&world, &by_eve),
        Err(RequestError::Signature(SignatureError::NotTrusted { .. }))
    );
    // Where a key is known, a bad signature is refused also where none is required.
    let mut lenient = World::default();
    assert_matches!(
        read(&lenient, &by_eve),
        Err(RequestError::Signature(SignatureError::NotTrusted { .. }))
    );
    read(&lenient, bare).unwrap();
    // Required, and no key to check with.
    lenient.sp_peer.signing_keys.clear();
    lenient.sp_peer.require_signed_requests = true;
    assert_matches!(read(&lenient, &query), Err(RequestError::Signature(SignatureError::NoKeys)));
}

#[test]
fn downgraded_algorithms() {
    let (world, query) = signed_query(&SP, SignatureAlgorithm::RsaSha256);
    let uri = SignatureAlgorithm::RsaSha256.uri();
    for other in [
        "http://www.w3.org/2000/09/xmldsig#rsa-sha1",
        "http://www.w3.org/2000/09/xmldsig#hmac-sha1",
        "http://www.w3.org/2001/04/xmldsig-more#rsa-md5",
        "",
    ] {
        let query = query.replace(&escape_unreserved(uri), &escape_unreserved(other));
        assert_matches!(
            read(&world, &query),
            Err(RequestError::Signature(SignatureError::Algorithm(_) | SignatureError::Sha1))
        );
    }
    let query = query.replace("sha256&", "sha512&");
    assert_matches!(
        read(&world, &query),
        Err(RequestError::Signature(SignatureError::NotTrusted { .. }))
    );
}

/// As our own queries are escaped.
fn escape_unreserved(text: &str) -> String {
    text.replace(':', "%3A").replace('/', "%2F").replace('#', "%23")
}

/// The signature is over the octets that came, in their order.
#[test]
fn reordered_repeated_and_escaped_anew() {
    let (world, query) = signed_query(&SP, SignatureAlgorithm::RsaSha256);
    let parts: Vec<&str> = query.split('&').collect();
    let [message, state, algorithm, signature] = parts[..] else { panic!("{query}") };
    for order in [
        [state, message, algorithm, signature],
        [algorithm, message, state, signature],
        [message, algorithm, state, signature],
    ] {
        assert_matches!(binding_error(&order.join("&")), BindingError::Order);
    }
    // The signature itself is not signed, and may stand anywhere.
    read(&world, &[signature, message, state, algorithm].join("&")).unwrap();
    for part in &parts {
        assert_matches!(binding_error(&format!("{query}&{part}")), BindingError::Repeated(_));
        let name = part.split('=').next().unwrap();
        assert_matches!(binding_error(&format!("{name}=&{query}")), BindingError::Repeated(_));
        let escaped = format!("%{:02X}{}=", name.as_bytes()[0], &name[1..]);
        assert_matches!(binding_error(&format!("{escaped}&{query}")), BindingError::Repeated(_));
    }
    assert_matches!(binding_error(&format!("SAMLResponse=x&{query}")), BindingError::NoMessage);
    for (old, new) in [("%3D", "%3d"), ("%20", "+"), ("%2F", "/")] {
        let again = query.replace(old, new);
        if again != query {
            assert_matches!(
                read(&world, &again),
                Err(RequestError::Signature(SignatureError::NotTrusted { .. }))
            );
        }
    }
    // Another relay state, or none.
    let other = query.replace(state, "RelayState=other");
    assert_matches!(
        read(&world, &other),
        Err(RequestError::Signature(SignatureError::NotTrusted { .. }))
    );
    let other = [message, algorithm, signature].join("&");
    assert_matches!(
        read(&world, &other),
        Err(RequestError::Signature(SignatureError::NotTrusted { .. }))
    );
    for half in [[message, state, algorithm], [message, state, signature]] {
        assert_matches!(binding_error(&half.join("&")), BindingError::HalfSigned);
    }
}

/// CVE-2025-25293: 1 kB that becomes 1 GB; garbage behind the stream; other formats.
#[test]
fn deflate_bombs() {
    let bomb = compress_to_vec(&vec![b' '; 50_000_000], 9);
    assert!(bomb.len() < 60_000);
    assert_matches!(binding_error(&query_of(&bomb)), BindingError::TooLong(65_536));
    let small = compress_to_vec(b"<a/>", 6);
    assert_matches!(binding_error(&query_of(&[&small[..], b"x"].concat())), BindingError::Deflate);
    assert_matches!(binding_error(&query_of(&small[..small.len() - 1])), BindingError::Deflate);
    assert_matches!(
        binding_error(&query_of(&compress_to_vec_zlib(b"<a/>", 6))),
        BindingError::Deflate
    );
    for bytes in [&b""[..], b"<a/>", &[0xFF; 64]] {
        assert_matches!(binding_error(&query_of(bytes)), BindingError::Deflate);
    }
    let deep = compress_to_vec("<a>".repeat(10_000).as_bytes(), 6);
    assert_matches!(binding_error(&query_of(&deep)), BindingError::Xml(_));
}

#[test]
fn parameters_that_are_none() {
    for query in
        ["", "SAMLRequest", "RelayState=x", "samlrequest=x", "SAMLRequest=x&SAMLResponse=x"]
    {
        assert_matches!(binding_error(query), BindingError::NoMessage | BindingError::Deflate);
    }
    assert_matches!(binding_error("SAMLRequest=%FF"), BindingError::NotUtf8(_));
    assert_matches!(binding_error("SAMLRequest=!!"), BindingError::Base64(_));
    assert_matches!(binding_error("SAMLRequest=x&SAMLEncoding=urn:x"), BindingError::Encoding(_));
}

#[test]
fn a_signature_inside_by_redirect() {
    let xml = "<a xmlns:ds=\"http://www.w3.org/2000/09/xmldsig#\"><ds:Signature/></a>";
    let query = query_of(&compress_to_vec(xml.as_bytes(), 6));
    assert_matches!(binding_error(&query), BindingError::SignedInside);
}

/// 1 MB by POST.
#[test]
fn long_bodies() {
    let long = "A".repeat(1_000_000);
    let error = post::decode(&body(&[("SAMLRequest", long.clone())])).unwrap_err();
    assert_matches!(error, BindingError::TooLong(65_536));
    let error = post::decode(&body(&[("SAMLResponse", long.repeat(3))])).unwrap_err();
    assert_matches!(error, BindingError::TooLong(262_144));
    let error = post::decode(&body(&[("SAMLRequest", BASE64_STANDARD.encode("x".repeat(70_000)))]))
        .unwrap_err();
    assert_matches!(error, BindingError::Xml(_));
}
