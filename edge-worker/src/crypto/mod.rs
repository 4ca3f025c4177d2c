//! WebCrypto. RSA in wasm would be slow, and its timing would tell.
//!
//! - [`keys`]: keys as the platform holds them, imported once
//! - [`token`]: signatures of tokens, by keys as in a JWK
//! - [`saml`]: signatures of SAML messages, and content keys on their way in and out
//! - here: randomness, and RSA-SHA256 by our own keys, which both rest on

pub mod keys;
pub mod saml;
pub mod token;

use std::cell::OnceCell;

use wasm_bindgen::{JsCast, JsValue};
use web_sys::{Crypto, SubtleCrypto};
use worker::js_sys::{self, Object, Promise, Reflect, Uint8Array};
use worker::wasm_bindgen_futures::JsFuture;

use self::keys::{Key, Kind, OurKey};
use crate::failure::{Failure, words};

const RSA: &str = "RSASSA-PKCS1-v1_5";

thread_local! {
    static SUBTLE: OnceCell<SubtleCrypto> = const { OnceCell::new() };
}

/// Random bytes.
pub fn random() -> Result<[u8; 32], Failure> {
    let mut bytes = [0; 32];
    let filled = crypto().and_then(|crypto| crypto.get_random_values_with_u8_array(&mut bytes));
    filled.map_err(Failure::platform("crypto.getRandomValues"))?;
    Ok(bytes)
}

/// RSASSA-PKCS1-v1_5 with SHA-256.
pub async fn sign(key: OurKey<'_>, message: &[u8]) -> Result<Vec<u8>, String> {
    let algorithm = object(&[("name", RSA), ("hash", "SHA-256")]).map_err(words)?;
    let import = Kind { algorithm: &algorithm, usage: "sign" };
    let key = keys::ours("sign", key, &import).await?;
    let message = Uint8Array::from(message);
    let signed = subtle().and_then(|s| s.sign_with_str_and_buffer_source(RSA, &key, &message));
    bytes(signed).await.map_err(words)
}

async fn verify(
    key: &Key,
    algorithm: &Object,
    message: &[u8],
    signature: &[u8],
) -> Result<bool, JsValue> {
    let (signature, message) = (Uint8Array::from(signature), Uint8Array::from(message));
    let promise = subtle()?.verify_with_object_and_buffer_source_and_buffer_source(
        algorithm, key, &signature, &message,
    )?;
    Ok(JsFuture::from(promise).await?.is_truthy())
}

/// What an operation makes. The platform's own copy is wiped: it may be a key.
async fn bytes(promise: Result<Promise, JsValue>) -> Result<Vec<u8>, JsValue> {
    let made = Uint8Array::new(&JsFuture::from(promise?).await?);
    let bytes = made.to_vec();
    made.fill(0, 0, made.length());
    Ok(bytes)
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

/// Kept: the platform wraps it anew at every look.
fn subtle() -> Result<SubtleCrypto, JsValue> {
    SUBTLE.with(|known| {
        if let Some(subtle) = known.get() {
            return Ok(subtle.clone());
        }
        let subtle = crypto()?.subtle();
        Ok(known.get_or_init(|| subtle).clone())
    })
}
