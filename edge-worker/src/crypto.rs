//! WebCrypto: randomness, signatures. RSA in wasm would be slow, and its timing would tell.

use std::cell::RefCell;
use std::collections::BTreeMap;

use access::need::{Algorithm, PublicKey, Verify};
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{Crypto, CryptoKey, SubtleCrypto};
use worker::js_sys::{self, Array, Object, Reflect, Uint8Array};
use worker::wasm_bindgen_futures::JsFuture;

use crate::failure::{Failure, words};

/// Importing a key takes longer than verifying with it. Some 1 kB each.
const KEYS: usize = 256;

thread_local! {
    static KEY_CACHE: RefCell<BTreeMap<String, CryptoKey>> = const { RefCell::new(BTreeMap::new()) };
}

/// Random bytes.
pub fn random() -> Result<[u8; 32], Failure> {
    let mut bytes = [0; 32];
    let filled = crypto().and_then(|crypto| crypto.get_random_values_with_u8_array(&mut bytes));
    filled.map_err(Failure::platform("crypto.getRandomValues"))?;
    Ok(bytes)
}

/// Whether a signature is right. `Err`: it could not be checked, for logs.
pub async fn verify(verify: &Verify) -> Result<bool, String> {
    verify_by_platform(verify).await.map_err(words)
}

/// RS256 with a private key; `pkcs8` is asked for it where the platform does not have it yet.
pub async fn sign(
    kid: &str,
    message: &[u8],
    pkcs8: impl FnOnce() -> Result<zeroize::Zeroizing<Vec<u8>>, String>,
) -> Result<Vec<u8>, String> {
    let name = format!("private {kid}");
    let key = if let Some(key) = remembered(&name) {
        key
    } else {
        let key = import_private(&pkcs8()?).await.map_err(words)?;
        remember(name, key)
    };
    sign_by_platform(&key, message).await.map_err(words)
}

async fn sign_by_platform(key: &CryptoKey, message: &[u8]) -> Result<Vec<u8>, JsValue> {
    let message = Uint8Array::from(message);
    let promise = subtle()?.sign_with_str_and_buffer_source("RSASSA-PKCS1-v1_5", key, &message)?;
    Ok(Uint8Array::new(&JsFuture::from(promise).await?).to_vec())
}

async fn import_private(pkcs8: &[u8]) -> Result<CryptoKey, JsValue> {
    let bytes = Uint8Array::from(pkcs8);
    let algorithm = parameters(Algorithm::Rs256, Use::Import)?;
    let usages = Array::of1(&"sign".into());
    let promise = subtle()?.import_key_with_object("pkcs8", &bytes, &algorithm, false, &usages)?;
    let key = JsFuture::from(promise).await;
    bytes.fill(0, 0, bytes.length());
    key?.dyn_into()
}

async fn verify_by_platform(verify: &Verify) -> Result<bool, JsValue> {
    let key = public_key(verify).await?;
    let algorithm = parameters(verify.algorithm, Use::Verify)?;
    let signature = Uint8Array::from(verify.signature.as_slice());
    let message = Uint8Array::from(verify.message.as_slice());
    let promise = subtle()?.verify_with_object_and_buffer_source_and_buffer_source(
        &algorithm, &key, &signature, &message,
    )?;
    Ok(JsFuture::from(promise).await?.is_truthy())
}

async fn public_key(verify: &Verify) -> Result<CryptoKey, JsValue> {
    let name = format!("{:?} {:?}", verify.algorithm, verify.key);
    if let Some(key) = remembered(&name) {
        return Ok(key);
    }
    let jwk = match &verify.key {
        PublicKey::Rsa { n, e } => object(&[("kty", "RSA"), ("n", n), ("e", e)])?,
        PublicKey::Ec { curve, x, y } => {
            object(&[("kty", "EC"), ("crv", curve), ("x", x), ("y", y)])?
        }
        PublicKey::Okp { x } => object(&[("kty", "OKP"), ("crv", "Ed25519"), ("x", x)])?,
    };
    let algorithm = parameters(verify.algorithm, Use::Import)?;
    let usages = Array::of1(&"verify".into());
    let promise = subtle()?.import_key_with_object("jwk", &jwk, &algorithm, false, &usages)?;
    Ok(remember(name, JsFuture::from(promise).await?.dyn_into()?))
}

#[derive(Clone, Copy, Eq, PartialEq)]
enum Use {
    Import,
    Verify,
}

/// RFC 7518 §3.1 in WebCrypto's words.
fn parameters(algorithm: Algorithm, r#use: Use) -> Result<Object, JsValue> {
    let (name, hash, curve) = match algorithm {
        Algorithm::Rs256 => ("RSASSA-PKCS1-v1_5", "SHA-256", None),
        Algorithm::Rs384 => ("RSASSA-PKCS1-v1_5", "SHA-384", None),
        Algorithm::Rs512 => ("RSASSA-PKCS1-v1_5", "SHA-512", None),
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

fn object(members: &[(&str, &str)]) -> Result<Object, JsValue> {
    let object = Object::new();
    for (name, value) in members {
        Reflect::set(&object, &(*name).into(), &(*value).into())?;
    }
    Ok(object)
}

fn crypto() -> Result<Crypto, JsValue> {
    Reflect::get(&js_sys::global(), &"crypto".into())?.dyn_into()
}

fn subtle() -> Result<SubtleCrypto, JsValue> {
    Ok(crypto()?.subtle())
}

fn remembered(name: &str) -> Option<CryptoKey> {
    KEY_CACHE.with_borrow(|keys| keys.get(name).cloned())
}

/// When it is full it begins anew: who signs in at more providers than that in one isolate imports
/// their keys again.
fn remember(name: String, key: CryptoKey) -> CryptoKey {
    KEY_CACHE.with_borrow_mut(|keys| {
        if keys.len() >= KEYS {
            keys.clear();
        }
        keys.insert(name, key.clone());
    });
    key
}
