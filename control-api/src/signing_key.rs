//! The RSA keys that an organisation's tokens are signed with: made in this process, kept sealed,
//! known to the world by their public half.

use aws_lc_rs::rsa::KeyPair as RsaKeyPair;
use aws_lc_rs::signature::KeyPair as _;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use edge_state::KeyType;
use rcgen::{CertificateParams, DnType, KeyPair, PublicKeyData as _};
use sha2::{Digest as _, Sha256};
use time::OffsetDateTime;
use zeroize::Zeroizing;

use crate::keys::{self, KeyError};

/// A new key.
pub struct SigningKey {
    /// 64 hexadecimal digits: SHA-256 of the `SubjectPublicKeyInfo`.
    pub kid: String,
    /// Modulus, base64url (RFC 7518 §6.3.1).
    pub n: String,
    /// Exponent, base64url.
    pub e: String,
    /// Self-signed, PEM.
    pub certificate: String,
    /// PKCS#8 DER.
    pub private_key: Zeroizing<Vec<u8>>,
}

/// Makes a key. `name` is what its certificate is made out to; `now` is Unix milliseconds.
///
/// # Errors
/// The library made no key, or no certificate of it.
pub async fn generate(name: &str, now: i64) -> Result<SigningKey, KeyError> {
    let private_key = keys::generate(KeyType::Rsa2048).await?;
    let rsa = RsaKeyPair::from_pkcs8(&private_key)
        .map_err(|_| KeyError::Unusable(rcgen::Error::CouldNotParseKeyPair))?;
    let public = rsa.public_key();
    let encode = |number: &[u8]| URL_SAFE_NO_PAD.encode(number);
    let n = encode(public.modulus().big_endian_without_leading_zero());
    let e = encode(public.exponent().big_endian_without_leading_zero());
    let key = KeyPair::try_from(private_key.as_slice()).map_err(KeyError::Unusable)?;
    let kid = hex(&Sha256::digest(key.subject_public_key_info()));
    let certificate = certificate(&key, name, now).map_err(KeyError::Generate)?;
    Ok(SigningKey { kid, n, e, certificate, private_key })
}

/// For service providers that want a certificate where a key would do. They compare it as a whole,
/// so its dates mean little; it ends long after the key was replaced.
fn certificate(key: &KeyPair, name: &str, now: i64) -> Result<String, rcgen::Error> {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, name);
    let begin =
        OffsetDateTime::from_unix_timestamp(now / 1000).unwrap_or(OffsetDateTime::UNIX_EPOCH);
    params.not_before = begin - time::Duration::DAY;
    params.not_after = begin + time::Duration::days(10 * 366);
    Ok(params.self_signed(key)?.pem())
}

/// Lower case.
pub(crate) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        // Writing to a String does not fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use x509_parser::prelude::*;

    use super::*;

    #[tokio::test]
    async fn a_key_s_parts_are_of_one_key() {
        let now = 1_790_000_000_000;
        let key = generate("team.saas.com", now).await.unwrap();
        let (_, pem) = parse_x509_pem(key.certificate.as_bytes()).unwrap();
        let certificate = pem.parse_x509().unwrap();
        certificate.verify_signature(None).unwrap();
        assert_eq!(certificate.subject().to_string(), "CN=team.saas.com");
        let spki = certificate.public_key();
        assert_eq!(key.kid, hex(&Sha256::digest(spki.raw)));
        let public_key::PublicKey::RSA(rsa) = spki.parsed().unwrap() else { panic!("an RSA key") };
        let modulus = rsa.modulus.strip_prefix(&[0]).unwrap_or(rsa.modulus);
        assert_eq!(URL_SAFE_NO_PAD.decode(&key.n).unwrap(), modulus);
        assert_eq!((modulus.len(), key.e.as_str()), (256, "AQAB"));
        let begin = certificate.validity().not_before.timestamp();
        assert_eq!(begin, now / 1000 - 86_400);
    }
}
