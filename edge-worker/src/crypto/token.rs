//! Signatures of tokens (RFC 7515), by keys as in a JWK (RFC 7517).

use access::need::{Algorithm, PublicKey, Verify};
use wasm_bindgen::JsValue;
use worker::js_sys::{Object, Reflect};

use super::keys::{self, Key, Kind, Name};
use super::{RSA, object};
use crate::failure::words;

/// Whether a signature is right. `Err`: it could not be checked, for logs.
pub async fn verify(verify: &Verify) -> Result<bool, String> {
    by_platform(verify).await.map_err(words)
}

async fn by_platform(verify: &Verify) -> Result<bool, JsValue> {
    let key = public_key(verify).await?;
    let algorithm = parameters(verify.algorithm, Use::Verify)?;
    super::verify(&key, &algorithm, &verify.message, &verify.signature).await
}

async fn public_key(verify: &Verify) -> Result<Key, JsValue> {
    let named = (format!("{:?}", verify.algorithm), format!("{:?}", verify.key));
    let name = Name::new("verify token", &[named.0.as_bytes(), named.1.as_bytes()]);
    let jwk = || match &verify.key {
        PublicKey::Rsa { n, e } => object(&[("kty", "RSA"), ("n", n), ("e", e)]),
        PublicKey::Ec { curve, x, y } => {
            object(&[("kty", "EC"), ("crv", curve), ("x", x), ("y", y)])
        }
        PublicKey::Okp { x } => object(&[("kty", "OKP"), ("crv", "Ed25519"), ("x", x)]),
    };
    let algorithm = parameters(verify.algorithm, Use::Import)?;
    keys::theirs(name, "jwk", jwk, &Kind { algorithm: &algorithm, usage: "verify" }).await
}

#[derive(Clone, Copy, Eq, PartialEq)]
enum Use {
    Import,
    Verify,
}

/// RFC 7518 §3.1 in WebCrypto's words.
fn parameters(algorithm: Algorithm, r#use: Use) -> Result<Object, JsValue> {
    let (name, hash, curve) = match algorithm {
        Algorithm::Rs256 => (RSA, "SHA-256", None),
        Algorithm::Rs384 => (RSA, "SHA-384", None),
        Algorithm::Rs512 => (RSA, "SHA-512", None),
        Algorithm::Ps256 => ("RSA-PSS", "SHA-256", None),
        Algorithm::Ps384 => ("RSA-PSS", "SHA-384", None),
        Algorithm::Ps512 => ("RSA-PSS", "SHA-512", None),
        Algorithm::Es256 => ("ECDSA", "SHA-256", Some("P-256")),
        Algorithm::Es384 => ("ECDSA", "SHA-384", Some("P-384")),
        Algorithm::Es512 => ("ECDSA", "SHA-512", Some("P-521")),
        Algorithm::EdDsa => return object(&[("name", "Ed25519")]),
    };
    let parameters = object(&[("name", name), ("hash", hash)])?;
    if let Some(curve) = curve.filter(|_| r#use == Use::Import) {
        Reflect::set(&parameters, &"namedCurve".into(), &curve.into())?;
    }
    if name == "RSA-PSS" && r#use == Use::Verify {
        let salt = match algorithm {
            Algorithm::Ps384 => 48,
            Algorithm::Ps512 => 64,
            _ => 32,
        };
        Reflect::set(&parameters, &"saltLength".into(), &salt.into())?;
    }
    Ok(parameters)
}
