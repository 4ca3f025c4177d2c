//! Keys as the platform holds them: importing one takes longer than verifying with it.

use std::cell::RefCell;
use std::collections::BTreeMap;

use access::need::KeyHolder;
use wasm_bindgen::{JsCast, JsValue};
pub use web_sys::CryptoKey as Key;
use worker::js_sys::{Array, Object, Uint8Array};
use worker::wasm_bindgen_futures::JsFuture;
use zeroize::Zeroizing;

use super::subtle;
use crate::failure::words;

/// How many are kept, some 1 kB each.
const KEYS: usize = 256;

thread_local! {
    static KEY_CACHE: RefCell<BTreeMap<Name, Key>> = const { RefCell::new(BTreeMap::new()) };
}

/// What a key is for, and which one it is. Two keys of one name would sign for each other: so each
/// part stands alone, and none can run into the next.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct Name {
    purpose: &'static str,
    parts: Vec<Vec<u8>>,
}

/// One of our private keys.
#[derive(Clone, Copy)]
pub struct OurKey<'a> {
    /// Whose it is.
    pub holder: &'a KeyHolder,
    /// Which of them.
    pub kid: &'a str,
    /// Asked for its PKCS#8 where the platform does not have it yet.
    pub open: &'a dyn Fn() -> Result<Zeroizing<Vec<u8>>, String>,
}

/// As what a key is imported.
#[derive(Clone, Copy)]
pub struct Kind<'a> {
    /// The platform's parameters.
    pub algorithm: &'a Object,
    /// The one thing that it may do.
    pub usage: &'a str,
}

impl Name {
    pub fn new(purpose: &'static str, parts: &[&[u8]]) -> Self {
        Self { purpose, parts: parts.iter().map(|part| part.to_vec()).collect() }
    }
}

/// One of our private keys, for one purpose.
pub async fn ours(purpose: &'static str, key: OurKey<'_>, kind: &Kind<'_>) -> Result<Key, String> {
    let (holder, id) = match key.holder {
        KeyHolder::Organization(auth_domain) => ("organization", auth_domain.as_str()),
        KeyHolder::Saml(id) => ("saml", id.as_str()),
    };
    let name = Name::new(purpose, &[holder.as_bytes(), id.as_bytes(), key.kid.as_bytes()]);
    if let Some(key) = remembered(&name) {
        return Ok(key);
    }
    let pkcs8 = (key.open)()?;
    let bytes = Uint8Array::from(pkcs8.as_slice());
    let key = import("pkcs8", &bytes, kind).await;
    bytes.fill(0, 0, bytes.length());
    Ok(remember(name, key.map_err(words)?))
}

/// Somebody else's public key, in the form that `format` names.
pub async fn theirs(
    name: Name,
    format: &str,
    key: impl FnOnce() -> Result<Object, JsValue>,
    kind: &Kind<'_>,
) -> Result<Key, JsValue> {
    if let Some(key) = remembered(&name) {
        return Ok(key);
    }
    Ok(remember(name, import(format, &key()?, kind).await?))
}

/// Never to be exported again.
async fn import(format: &str, key: &Object, kind: &Kind<'_>) -> Result<Key, JsValue> {
    let usages = Array::of1(&kind.usage.into());
    let promise = subtle()?.import_key_with_object(format, key, kind.algorithm, false, &usages)?;
    JsFuture::from(promise).await?.dyn_into()
}

fn remembered(name: &Name) -> Option<Key> {
    KEY_CACHE.with_borrow(|keys| keys.get(name).cloned())
}

/// When it is full it begins anew: who signs in at more providers than that in one isolate imports
/// their keys again.
fn remember(name: Name, key: Key) -> Key {
    KEY_CACHE.with_borrow_mut(|keys| {
        if keys.len() >= KEYS {
            keys.clear();
        }
        keys.insert(name, key.clone());
    });
    key
}
