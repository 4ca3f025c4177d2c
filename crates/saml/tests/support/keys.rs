//! Keys made for this run.

use std::sync::LazyLock;

use rcgen::{CertificateParams, DnType, KeyPair, PKCS_ECDSA_P256_SHA256, PKCS_RSA_SHA256};
use saml::certificate::Certificate;
use saml::key::{PublicKey, SignatureAlgorithm};
use saml::native::{DecryptionKey, SigningKey};

/// A private key and its certificate.
pub struct TestKey {
    pub pkcs8: Vec<u8>,
    pub certificate: Certificate,
}

/// The identity provider's.
pub static IDP: LazyLock<TestKey> = LazyLock::new(|| TestKey::rsa("idp"));
/// Its next one.
pub static IDP_NEXT: LazyLock<TestKey> = LazyLock::new(|| TestKey::rsa("idp next"));
/// The service provider's.
pub static SP: LazyLock<TestKey> = LazyLock::new(|| TestKey::rsa("sp"));
/// A stranger's.
pub static EVE: LazyLock<TestKey> = LazyLock::new(|| TestKey::rsa("eve"));
/// An identity provider's on P-256.
pub static ECDSA: LazyLock<TestKey> = LazyLock::new(|| TestKey::p256("ecdsa"));

impl TestKey {
    fn rsa(name: &str) -> Self {
        Self::new(name, &KeyPair::generate_for(&PKCS_RSA_SHA256).unwrap())
    }

    fn p256(name: &str) -> Self {
        Self::new(name, &KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).unwrap())
    }

    fn new(name: &str, pair: &KeyPair) -> Self {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        let certificate = params.self_signed(pair).unwrap();
        let certificate = Certificate::from_der(certificate.der()).unwrap();
        Self { pkcs8: pair.serialize_der(), certificate }
    }

    pub fn public(&self) -> PublicKey {
        self.certificate.public_key().clone()
    }

    pub fn signer(&self, algorithm: SignatureAlgorithm) -> SigningKey {
        SigningKey::from_pkcs8(&self.pkcs8, algorithm, Some(self.certificate.clone())).unwrap()
    }

    pub fn rsa_signer(&self) -> SigningKey {
        self.signer(SignatureAlgorithm::RsaSha256)
    }

    pub fn decrypter(&self) -> DecryptionKey {
        DecryptionKey::from_pkcs8(&self.pkcs8).unwrap()
    }

    pub fn pkcs8_pem(&self) -> String {
        use base64::Engine as _;
        let body = base64::prelude::BASE64_STANDARD.encode(&self.pkcs8);
        let lines: Vec<_> =
            body.as_bytes().chunks(64).map(|line| std::str::from_utf8(line).unwrap()).collect();
        format!("-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n", lines.join("\n"))
    }
}
