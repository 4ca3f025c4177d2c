//! Signatures of SAML peers (RFC 9231 §2.3), and RSA-OAEP (RFC 8017 §7.1) for content keys. None of
//! what is made here is remembered beyond its request.

use access::need::{
    ContentKey, KeyTransport, PeerKey, SignatureAlgorithm, Unwrap, VerifySaml, Wrap,
};
use wasm_bindgen::JsValue;
use web_sys::SubtleCrypto;
use worker::js_sys::{Object, Uint8Array};
use zeroize::Zeroizing;

use super::keys::{self, Key, Kind, Name, OurKey};
use super::{RSA, bytes, object, subtle};
use crate::failure::words;

const OAEP: &str = "RSA-OAEP";

/// Whether a signature is right. `Err`: it could not be checked, for logs.
pub async fn verify(verify: &VerifySaml) -> Result<bool, String> {
    if !verify.key.fits(verify.algorithm) {
        return Ok(false);
    }
    by_platform(verify).await.map_err(words)
}

async fn by_platform(verify: &VerifySaml) -> Result<bool, JsValue> {
    let (scheme, hash) = match verify.algorithm {
        SignatureAlgorithm::RsaSha1 => (RSA, "SHA-1"),
        SignatureAlgorithm::RsaSha256 => (RSA, "SHA-256"),
        SignatureAlgorithm::RsaSha384 => (RSA, "SHA-384"),
        SignatureAlgorithm::RsaSha512 => (RSA, "SHA-512"),
        SignatureAlgorithm::EcdsaSha256 => ("ECDSA", "SHA-256"),
    };
    // Import reads the curve of it, an operation the hash: what the other needs is passed over.
    let algorithm = object(&[("name", scheme), ("hash", hash), ("namedCurve", "P-256")])?;
    let uri = verify.algorithm.uri().as_bytes();
    let key = peer_key("verify SAML", uri, &verify.key, &algorithm, "verify").await?;
    super::verify(&key, &algorithm, &verify.message, &verify.signature).await
}

/// Unwraps a content key. One error for all that a sender can bring about: telling a wrong padding
/// from a wrong length is what decrypts keys for attackers.
pub async fn unwrap(unwrap: &Unwrap, key: OurKey<'_>) -> Result<ContentKey, String> {
    let purpose = match unwrap.transport {
        KeyTransport::OaepSha1 => "unwrap, SHA-1",
        KeyTransport::OaepSha256 => "unwrap, SHA-256",
    };
    let algorithm = oaep(unwrap.transport).map_err(words)?;
    let key = keys::ours(purpose, key, &Kind { algorithm: &algorithm, usage: "decrypt" }).await?;
    let wrapped = Uint8Array::from(unwrap.wrapped.as_slice());
    let decrypt =
        |s: SubtleCrypto| s.decrypt_with_object_and_buffer_source(&algorithm, &key, &wrapped);
    let content_key = bytes(subtle().and_then(decrypt)).await.map(Zeroizing::new);
    content_key.map(ContentKey).map_err(|_| "a content key cannot be unwrapped".to_owned())
}

/// Wraps a content key for a peer.
pub async fn wrap(wrap: &Wrap) -> Result<Vec<u8>, String> {
    wrap_by_platform(wrap).await.map_err(words)
}

async fn wrap_by_platform(wrap: &Wrap) -> Result<Vec<u8>, JsValue> {
    let algorithm = oaep(wrap.transport)?;
    let hash = hash(wrap.transport).as_bytes();
    let key = peer_key("wrap", hash, &wrap.key, &algorithm, "encrypt").await?;
    let content_key = Uint8Array::from(wrap.content_key.0.as_slice());
    let wrapped = subtle()?.encrypt_with_object_and_buffer_source(&algorithm, &key, &content_key);
    let wrapped = bytes(wrapped).await;
    content_key.fill(0, 0, content_key.length());
    wrapped
}

async fn peer_key(
    purpose: &'static str,
    variant: &[u8],
    key: &PeerKey,
    algorithm: &Object,
    usage: &str,
) -> Result<Key, JsValue> {
    let name = Name::new(purpose, &[variant, key.spki()]);
    let spki = || Ok(Uint8Array::from(key.spki()).into());
    keys::theirs(name, "spki", spki, &Kind { algorithm, usage }).await
}

/// MGF1 takes the same hash.
fn oaep(transport: KeyTransport) -> Result<Object, JsValue> {
    object(&[("name", OAEP), ("hash", hash(transport))])
}

fn hash(transport: KeyTransport) -> &'static str {
    match transport {
        KeyTransport::OaepSha1 => "SHA-1",
        KeyTransport::OaepSha256 => "SHA-256",
    }
}
