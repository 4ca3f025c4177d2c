use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::testing::{base64url, public, rsa};

fn key(change: &[(&str, Value)]) -> Value {
    let (n, e) = public(rsa());
    let mut key = json!({"kty": "RSA", "n": n, "e": e, "kid": "a", "use": "sig", "alg": "RS256"});
    for (name, value) in change {
        key[name] = value.clone();
    }
    key
}

fn taken(key: &Value) -> bool {
    !parse(&json!({ "keys": [key] }).to_string()).unwrap().is_empty()
}

#[test]
fn only_public_keys_that_may_verify_and_are_strong_are_taken() {
    assert!(taken(&key(&[])));
    assert!(taken(&key(&[("use", Value::Null), ("alg", Value::Null), ("kid", Value::Null)])));
    assert!(taken(&key(&[("key_ops", json!(["verify"]))])));
    let number = |bits: usize, first: u8| {
        let mut bytes = vec![0xA5; bits / 8];
        bytes[0] = first;
        json!(base64url(&bytes))
    };
    for change in [
        vec![("use", json!("enc"))],
        vec![("key_ops", json!(["encrypt"]))],
        vec![("alg", json!("HS256"))],
        vec![("alg", json!("RSA-OAEP"))],
        vec![("kty", json!("oct")), ("k", json!("c2VjcmV0"))],
        vec![("kty", json!("rsa"))],
        vec![("n", number(1024, 0xFF))],
        vec![("n", number(2048, 0x7F))],
        vec![("n", number(16_384, 0xFF))],
        vec![("n", json!("AQ=="))],
        vec![("n", json!(12))],
        vec![("e", json!(base64url(&[1])))],
        vec![("e", json!(base64url(&[2])))],
        vec![("e", json!(base64url(&[1, 0, 0, 0, 1])))],
        vec![("e", json!(""))],
        vec![("kty", json!("EC")), ("crv", json!("P-256")), ("x", json!("AQ")), ("y", json!("AQ"))],
        vec![("kty", json!("EC")), ("crv", json!("secp256k1"))],
        vec![("kty", json!("OKP")), ("crv", json!("X25519")), ("x", number(256, 1))],
        vec![("kty", json!("OKP")), ("crv", json!("Ed25519")), ("x", number(248, 1))],
    ] {
        assert!(!taken(&key(&change)), "{change:?}");
    }
}

#[test]
fn a_document_that_is_no_key_set_is_not_an_empty_one() {
    assert_eq!(parse(r#"{"keys":[]}"#), Ok(Vec::new()));
    let long = format!(r#"{{"keys":[],"x":"{}"}}"#, "a".repeat(MAX_BYTES));
    for text in ["", "{}", "[]", "null", r#"{"keys":{}}"#, "<html>", long.as_str()] {
        assert_eq!(parse(text), Err(InvalidKeySet));
    }
}

#[test]
fn one_strange_key_spoils_no_set() {
    let set = json!({"keys": [1, {"kty": "AKP"}, key(&[])]});
    assert_eq!(parse(&set.to_string()).unwrap().len(), 1);
}

#[test]
fn a_key_is_chosen_by_name_and_kind() {
    let (n, _) = public(rsa());
    let other = n.replacen(&n[10..14], "AAAA", 1);
    let set = json!({"keys": [
        key(&[("kid", json!("a"))]),
        key(&[("kid", json!("b")), ("n", json!(other)), ("alg", json!("PS256"))]),
        key(&[("kid", json!("c")), ("n", json!(other)), ("alg", Value::Null)]),
        key(&[("kid", json!("c")), ("n", json!(n)), ("alg", Value::Null)]),
    ]});
    let keys = parse(&set.to_string()).unwrap();
    let choose =
        |algorithm, kid| choose(&keys, algorithm, kid).map(|key| key.id.as_deref().unwrap());
    assert_eq!(choose(Algorithm::Rs256, Some("a")), Ok("a"));
    assert_eq!(choose(Algorithm::Ps256, Some("b")), Ok("b"));
    assert_eq!(choose(Algorithm::Rs256, Some("b")), Err(InvalidToken::UnknownKey));
    assert_eq!(choose(Algorithm::Rs256, Some("d")), Err(InvalidToken::UnknownKey));
    assert_eq!(choose(Algorithm::Es256, Some("a")), Err(InvalidToken::UnknownKey));
    assert_eq!(choose(Algorithm::Rs256, Some("c")), Err(InvalidToken::AmbiguousKey));
    assert_eq!(choose(Algorithm::Rs256, None), Err(InvalidToken::AmbiguousKey));
    assert_eq!(
        super::choose(&keys[..1], Algorithm::Rs256, None).map(|key| &key.id),
        Ok(&keys[0].id)
    );
    assert_eq!(super::choose(&[], Algorithm::Rs256, None), Err(InvalidToken::UnknownKey));
}

proptest! {
    #[test]
    fn whatever_a_provider_publishes_nothing_breaks(text in "\\PC{0,300}") {
        let _ = parse(&text);
        let _ = parse(&format!(r#"{{"keys":[{text}]}}"#));
    }
}
