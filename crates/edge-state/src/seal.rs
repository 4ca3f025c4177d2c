//! Secrets at rest: AES-256-GCM, in an envelope.
//!
//! A fresh data key seals the secret; a key-encryption key seals the data key. Replacing the
//! key-encryption key re-wraps short data keys and never touches a secret. The associated data
//! binds a secret to its place, so that two records' secrets cannot be swapped unnoticed.

use std::collections::BTreeMap;
use std::fmt;

use aes_gcm::aead::{Aead, KeyInit, Payload};
use aes_gcm::{Aes256Gcm, Nonce};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, Mac as _};
use serde::{Deserialize, Serialize};
use sha2::Sha256;
use zeroize::{Zeroize as _, Zeroizing};

const NONCE: usize = 12;
const KEY: usize = 32;

/// A sealed secret as text: `1.{key id}.{wrapped data key}.{ciphertext}`, the last two base64url of
/// nonce and ciphertext with tag.
#[derive(Clone, Deserialize, Eq, PartialEq, Serialize)]
#[serde(transparent)]
pub struct Sealed(String);

/// A named key-encryption key.
pub struct SealingKey {
    id: String,
    cipher: Aes256Gcm,
}

/// The key that seals, and older ones that still open.
pub struct KeyRing {
    current: SealingKey,
    previous: BTreeMap<String, SealingKey>,
}

/// Fresh random bytes for one [`KeyRing::seal`]. The caller owns the source of randomness; using
/// one value twice would break the seal, so it is neither `Clone` nor `Copy`.
pub struct SealEntropy(pub [u8; KEY + 2 * NONCE]);

/// As [`SealEntropy`], for one [`KeyRing::rewrap`].
pub struct RewrapEntropy(pub [u8; NONCE]);

/// Why a seal did not open. Tells an attacker nothing about what is inside.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum OpenError {
    /// Sealed under a key that is not in the ring.
    #[error("sealed under key {0:?}, which is not configured here")]
    UnknownKey(String),
    /// Not a seal, or of another format version.
    #[error("not a sealed secret")]
    Malformed,
    /// The ciphertext, the key or the place is not the one that was sealed.
    #[error("the seal is broken: wrong key, changed ciphertext, or moved from another record")]
    Broken,
}

/// A key that cannot seal.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum InvalidKey {
    /// The text form is `{id}:{base64}`.
    #[error("a sealing key is written `id:base64`, with 32 random bytes in base64 after the colon")]
    Form,
    /// An id is part of the sealed text.
    #[error("a sealing key's id is 1 to 32 letters, digits, `-` or `_`")]
    Id,
}

impl SealingKey {
    /// A key from 32 random bytes, which are wiped.
    ///
    /// # Errors
    /// [`InvalidKey::Id`].
    pub fn new(id: &str, mut key: [u8; KEY]) -> Result<Self, InvalidKey> {
        let fits = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_';
        if !(1..=32).contains(&id.len()) || !id.bytes().all(fits) {
            return Err(InvalidKey::Id);
        }
        let cipher = Aes256Gcm::new(&key.into());
        key.zeroize();
        Ok(Self { id: id.to_owned(), cipher })
    }

    /// A key from its text form `{id}:{base64 of 32 bytes}` (standard or URL-safe, padded or not).
    ///
    /// # Errors
    /// See [`InvalidKey`].
    pub fn parse(text: &str) -> Result<Self, InvalidKey> {
        let (id, key) = split(text)?;
        Self::new(id, *key)
    }

    /// The id that sealed records name.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    fn encrypt(&self, nonce: [u8; NONCE], plaintext: &[u8], context: &[u8]) -> Vec<u8> {
        encrypt(&self.cipher, nonce, plaintext, context)
    }
}

/// The same ring for another purpose: each line's key is replaced by HMAC-SHA256 of `purpose` under
/// it. Who holds only the derived ring opens nothing else.
///
/// # Errors
/// [`InvalidKey::Form`] for a line that is no key; empty lines and lines with `#` are left out.
pub fn derive_ring(lines: &str, purpose: &str) -> Result<Zeroizing<String>, InvalidKey> {
    let mut derived = Zeroizing::new(String::new());
    for line in lines.lines().map(str::trim) {
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let (id, key) = split(line)?;
        let mac = Hmac::<Sha256>::new_from_slice(key.as_slice()).map_err(|_| InvalidKey::Form)?;
        let key: [u8; KEY] = mac.chain_update(purpose).finalize().into_bytes().into();
        let key = Zeroizing::new(key);
        let encoded = Zeroizing::new(URL_SAFE_NO_PAD.encode(key.as_slice()));
        derived.push_str(id);
        derived.push(':');
        derived.push_str(&encoded);
        derived.push('\n');
    }
    Ok(derived)
}

/// The purpose of the ring that the worker holds: it opens what Access needs and no hostname's key.
pub const ACCESS: &str = "lintel access";

fn split(text: &str) -> Result<(&str, Zeroizing<[u8; KEY]>), InvalidKey> {
    let (id, encoded) = text.trim().split_once(':').ok_or(InvalidKey::Form)?;
    let encoded = Zeroizing::new(encoded.trim_end_matches('=').replace('+', "-").replace('/', "_"));
    let bytes = URL_SAFE_NO_PAD.decode(encoded.as_bytes()).map_err(|_| InvalidKey::Form)?;
    let bytes = Zeroizing::new(bytes);
    let key: [u8; KEY] = bytes.as_slice().try_into().map_err(|_| InvalidKey::Form)?;
    Ok((id, Zeroizing::new(key)))
}

impl KeyRing {
    /// Reads lines `id:base64`: the first one seals, the others still open. Empty lines and lines
    /// that begin with `#` are passed over.
    ///
    /// # Errors
    /// See [`InvalidKey`].
    pub fn parse(lines: &str) -> Result<Self, InvalidKey> {
        let lines = lines.lines().map(str::trim);
        let lines = lines.filter(|line| !line.is_empty() && !line.starts_with('#'));
        let mut keys = lines.map(SealingKey::parse).collect::<Result<Vec<_>, _>>()?.into_iter();
        let current = keys.next().ok_or(InvalidKey::Form)?;
        Ok(Self::new(current, keys))
    }

    /// `current` seals; `previous` only open.
    #[must_use]
    pub fn new(current: SealingKey, previous: impl IntoIterator<Item = SealingKey>) -> Self {
        let previous = previous.into_iter().map(|key| (key.id.clone(), key)).collect();
        Self { current, previous }
    }

    /// The id under which [`Self::seal`] seals.
    #[must_use]
    pub fn current_id(&self) -> &str {
        &self.current.id
    }

    /// Whether something may still be under an older key.
    #[must_use]
    pub fn has_previous(&self) -> bool {
        !self.previous.is_empty()
    }

    /// Seals `plaintext` for the place that `context` names.
    #[must_use]
    #[expect(clippy::needless_pass_by_value, reason = "one value seals one secret")]
    pub fn seal(&self, plaintext: &[u8], context: &str, entropy: SealEntropy) -> Sealed {
        let entropy = Zeroizing::new(entropy.0);
        let (data_key, nonces) = entropy.split_at(KEY);
        let (wrap_nonce, nonce) = nonces.split_at(NONCE);
        let array = |bytes: &[u8]| <[u8; NONCE]>::try_from(bytes).unwrap_or_default();
        let wrapped = self.current.encrypt(array(wrap_nonce), data_key, context.as_bytes());
        let cipher = data_cipher(data_key).unwrap_or_else(|| unreachable!("KEY bytes"));
        let sealed = encrypt(&cipher, array(nonce), plaintext, context.as_bytes());
        let (wrapped, sealed) = (URL_SAFE_NO_PAD.encode(wrapped), URL_SAFE_NO_PAD.encode(sealed));
        Sealed(format!("1.{}.{wrapped}.{sealed}", self.current.id))
    }

    /// Seals the data key of `sealed` anew, under the current key; the secret stays as it is.
    ///
    /// # Errors
    /// See [`OpenError`].
    #[expect(clippy::needless_pass_by_value, reason = "entropy is spent: no one may use it again")]
    pub fn rewrap(
        &self,
        sealed: &Sealed,
        context: &str,
        entropy: RewrapEntropy,
    ) -> Result<Sealed, OpenError> {
        let (data_key, text) = self.data_key(sealed, context)?;
        let wrapped = self.current.encrypt(entropy.0, &data_key, context.as_bytes());
        Ok(Sealed(format!("1.{}.{}.{text}", self.current.id, URL_SAFE_NO_PAD.encode(wrapped))))
    }

    /// Opens what was sealed for the same `context`.
    ///
    /// # Errors
    /// See [`OpenError`].
    pub fn open(&self, sealed: &Sealed, context: &str) -> Result<Zeroizing<Vec<u8>>, OpenError> {
        let (data_key, text) = self.data_key(sealed, context)?;
        let cipher = data_cipher(&data_key).ok_or(OpenError::Broken)?;
        decrypt(&cipher, text, context)
    }

    /// The data key, and the text that it opens.
    fn data_key<'a>(
        &self,
        sealed: &'a Sealed,
        context: &str,
    ) -> Result<(Zeroizing<Vec<u8>>, &'a str), OpenError> {
        let mut parts = sealed.0.split('.');
        let (Some("1"), Some(id), Some(wrapped), Some(text), None) =
            (parts.next(), parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(OpenError::Malformed);
        };
        let key = if id == self.current.id { Some(&self.current) } else { self.previous.get(id) };
        let key = key.ok_or_else(|| OpenError::UnknownKey(id.to_owned()))?;
        Ok((decrypt(&key.cipher, wrapped, context)?, text))
    }
}

impl Sealed {
    /// The text form, safe to store.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Takes stored text back; whether it is a seal shows when it is opened.
    #[must_use]
    pub fn from_text(text: String) -> Self {
        Self(text)
    }

    /// The id of the key-encryption key, to find what is still under an old one.
    #[must_use]
    pub fn key_id(&self) -> Option<&str> {
        self.0.split('.').nth(1)
    }
}

impl fmt::Debug for Sealed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Sealed({})", self.key_id().unwrap_or("?"))
    }
}

fn data_cipher(key: &[u8]) -> Option<Aes256Gcm> {
    Aes256Gcm::new_from_slice(key).ok()
}

/// Nonce, then ciphertext with tag.
fn encrypt(cipher: &Aes256Gcm, nonce: [u8; NONCE], plaintext: &[u8], context: &[u8]) -> Vec<u8> {
    let payload = Payload { msg: plaintext, aad: context };
    let ciphertext = cipher.encrypt(&Nonce::from(nonce), payload);
    let ciphertext = ciphertext.unwrap_or_else(|_| unreachable!("secrets are far below 64 GiB"));
    [nonce.as_slice(), &ciphertext].concat()
}

fn decrypt(cipher: &Aes256Gcm, text: &str, context: &str) -> Result<Zeroizing<Vec<u8>>, OpenError> {
    let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| OpenError::Malformed)?;
    let (nonce, ciphertext) = bytes.split_at_checked(NONCE).ok_or(OpenError::Malformed)?;
    let nonce = <[u8; NONCE]>::try_from(nonce).map_err(|_| OpenError::Malformed)?;
    let payload = Payload { msg: ciphertext, aad: context.as_bytes() };
    let plaintext = cipher.decrypt(&Nonce::from(nonce), payload);
    plaintext.map(Zeroizing::new).map_err(|_| OpenError::Broken)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn ring(id: &str, byte: u8) -> KeyRing {
        KeyRing::new(SealingKey::new(id, [byte; KEY]).unwrap(), [])
    }

    fn sealed(secret: &[u8]) -> Sealed {
        ring("a", 1).seal(secret, "place", SealEntropy([7; KEY + 2 * NONCE]))
    }

    #[test]
    fn a_key_is_read_in_every_usual_base64() {
        let text = "k1:+/+/+/+/+/+/+/+/+/+/+/+/+/+/+/+/+/+/+/+/+/8=";
        assert_eq!(SealingKey::parse(text).unwrap().id(), "k1");
        assert!(SealingKey::parse(&text.replace('+', "-").replace('/', "_")).is_ok());
        assert_eq!(SealingKey::parse("k1:AAAA").err(), Some(InvalidKey::Form));
        assert_eq!(SealingKey::parse("AAAA").err(), Some(InvalidKey::Form));
        assert_eq!(SealingKey::new("a.b", [0; KEY]).err(), Some(InvalidKey::Id));
    }

    #[test]
    fn a_derived_ring_opens_only_its_own() {
        let lines = "# ours\nk1:AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=\n\n";
        let derived = derive_ring(lines, ACCESS).unwrap();
        assert_eq!(derived, derive_ring(lines, ACCESS).unwrap());
        assert_ne!(derived, derive_ring(lines, "another").unwrap());
        let (ring, derived) = (KeyRing::parse(lines).unwrap(), KeyRing::parse(&derived).unwrap());
        let seal = derived.seal(b"secret", "place", SealEntropy([7; KEY + 2 * NONCE]));
        assert_eq!(derived.open(&seal, "place").unwrap().as_slice(), b"secret");
        assert_eq!(ring.open(&seal, "place"), Err(OpenError::Broken));
        assert!(KeyRing::parse("").is_err() && derive_ring("k1", ACCESS).is_err());
    }

    #[test]
    fn another_place_key_or_id_does_not_open() {
        let seal = sealed(b"secret");
        assert_eq!(ring("a", 1).open(&seal, "elsewhere"), Err(OpenError::Broken));
        assert_eq!(ring("a", 2).open(&seal, "place"), Err(OpenError::Broken));
        assert_eq!(ring("b", 1).open(&seal, "place"), Err(OpenError::UnknownKey("a".into())));
        let both = KeyRing::new(
            SealingKey::new("b", [2; KEY]).unwrap(),
            [SealingKey::new("a", [1; KEY]).unwrap()],
        );
        assert_eq!(both.open(&seal, "place").unwrap().as_slice(), b"secret");
    }

    #[test]
    fn a_rewrapped_secret_opens_under_the_current_key_alone() {
        let both = KeyRing::new(
            SealingKey::new("b", [2; KEY]).unwrap(),
            [SealingKey::new("a", [1; KEY]).unwrap()],
        );
        let rewrap = |ring: &KeyRing, place| {
            ring.rewrap(&sealed(b"secret"), place, RewrapEntropy([9; NONCE]))
        };
        let moved = rewrap(&both, "place").unwrap();
        assert_eq!(ring("b", 2).open(&moved, "place").unwrap().as_slice(), b"secret");
        assert_eq!(ring("a", 1).open(&moved, "place"), Err(OpenError::UnknownKey("b".into())));
        assert_eq!(rewrap(&both, "elsewhere"), Err(OpenError::Broken));
        assert_eq!(rewrap(&ring("c", 3), "place"), Err(OpenError::UnknownKey("a".into())));
    }

    #[test]
    fn debug_shows_the_key_id_alone() {
        assert_eq!(format!("{:?}", sealed(b"secret")), "Sealed(a)");
    }

    proptest! {
        #[test]
        fn what_was_sealed_opens(secret in proptest::collection::vec(any::<u8>(), 0..200)) {
            let opened = ring("a", 1).open(&sealed(&secret), "place").unwrap();
            prop_assert_eq!(opened.as_slice(), secret.as_slice());
        }

        #[test]
        fn any_changed_character_breaks_it(at in 0_usize..120, to in "[A-Za-z0-9_.-]") {
            let seal = sealed(b"a secret of some length");
            let mut text = seal.as_str().to_owned();
            prop_assume!(at < text.len() && text[at..=at] != to);
            text.replace_range(at..=at, &to);
            prop_assert!(ring("a", 1).open(&Sealed::from_text(text), "place").is_err());
        }

        #[test]
        fn arbitrary_text_is_refused(text in "\\PC{0,100}|1\\.a\\.[A-Za-z0-9_-]{0,80}\\.[A-Za-z0-9_-]{0,80}") {
            prop_assert!(ring("a", 1).open(&Sealed::from_text(text), "place").is_err());
        }
    }
}
