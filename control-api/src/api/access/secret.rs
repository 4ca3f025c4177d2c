//! Secrets that Lintel makes for machines: random, told once, kept as a hash.

use rand::TryRngCore as _;
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

use crate::api::ApiError;
use crate::signing_key::hex;

/// A new secret.
pub(super) struct Secret(Zeroizing<String>);

impl Secret {
    /// Of a service token: `cfast_`, 40 letters and digits, and a checksum of 8, by which scanners
    /// of source code tell it from noise.
    pub(super) fn service_token() -> Result<Self, ApiError> {
        let body = format!("cfast_{}", random(40)?.as_str());
        let checksum = hex(&Sha256::digest(body.as_bytes()));
        Ok(Self(Zeroizing::new(format!("{body}{}", checksum.get(..8).unwrap_or_default()))))
    }

    /// For provisioning.
    pub(super) fn scim() -> Result<Self, ApiError> {
        random(48).map(Self)
    }

    /// To be told.
    pub(super) fn text(&self) -> &str {
        &self.0
    }

    /// To be kept.
    pub(super) fn hash(&self) -> String {
        hex(&Sha256::digest(self.0.as_bytes()))
    }
}

/// Letters and digits, each as likely as any other.
fn random(length: usize) -> Result<Zeroizing<String>, ApiError> {
    let mut text = Zeroizing::new(String::with_capacity(length));
    let mut bytes = Zeroizing::new([0_u8; 64]);
    while text.len() < length {
        rand::rngs::OsRng.try_fill_bytes(bytes.as_mut_slice()).map_err(|error| {
            tracing::error!(%error, "the system gave no randomness");
            ApiError::Internal
        })?;
        // 248 is the largest multiple of 62 that a byte holds.
        let fair = bytes.iter().filter(|byte| **byte < 248);
        for byte in fair.take(length - text.len()) {
            text.extend(ALPHABET.get(usize::from(byte % 62)).copied().map(char::from));
        }
    }
    Ok(text)
}

const ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_has_its_form_and_is_never_the_same() {
        let (one, two) = (Secret::service_token().unwrap(), Secret::service_token().unwrap());
        assert_ne!(one.text(), two.text());
        let rest = one.text().strip_prefix("cfast_").unwrap();
        assert_eq!(rest.len(), 48);
        assert!(rest.bytes().all(|b| b.is_ascii_alphanumeric()));
        let (body, checksum) = one.text().split_at(46);
        assert_eq!(hex(&Sha256::digest(body))[..8], *checksum);
        assert_eq!(one.hash().len(), 64);
    }
}
