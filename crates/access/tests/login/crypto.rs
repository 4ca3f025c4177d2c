//! Real signatures, as the shell makes them with WebCrypto.

use std::pin::pin;
use std::sync::OnceLock;
use std::task::{Context, Poll, Waker};

use access::need::{Algorithm, PublicKey, Verify, VerifySaml, Wrap};
use aws_lc_rs::encoding::AsDer as _;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _,
    RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_SHA256, RsaKeyPair, RsaPublicKeyComponents,
    UnparsedPublicKey,
};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use saml::key::{Encrypter as _, Verifier as _};
use saml::native::Native;
use serde_json::{Value, json};

pub fn base64url(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// A key of somebody's.
pub struct Signer(RsaKeyPair);

/// Keys take long to make: all tests share them.
pub fn organization_key() -> &'static Signer {
    static KEY: OnceLock<Signer> = OnceLock::new();
    KEY.get_or_init(Signer::generate)
}

/// A provider's.
pub fn provider_key() -> &'static Signer {
    static KEY: OnceLock<Signer> = OnceLock::new();
    KEY.get_or_init(Signer::generate)
}

/// Another one of a provider's, or an attacker's.
pub fn other_key() -> &'static Signer {
    static KEY: OnceLock<Signer> = OnceLock::new();
    KEY.get_or_init(Signer::generate)
}

/// One on P-256.
pub fn ec_key() -> &'static EcdsaKeyPair {
    static KEY: OnceLock<EcdsaKeyPair> = OnceLock::new();
    KEY.get_or_init(|| EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap())
}

impl Signer {
    fn generate() -> Self {
        Self(RsaKeyPair::generate(KeySize::Rsa2048).unwrap())
    }

    pub fn sign(&self, message: &[u8]) -> Vec<u8> {
        let mut signature = vec![0; self.0.public_modulus_len()];
        self.0.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), message, &mut signature).unwrap();
        signature
    }

    pub fn n(&self) -> String {
        base64url(self.0.public_key().modulus().big_endian_without_leading_zero())
    }

    pub fn e(&self) -> String {
        base64url(self.0.public_key().exponent().big_endian_without_leading_zero())
    }

    pub fn public_der(&self) -> Vec<u8> {
        self.0.public_key().as_der().unwrap().as_ref().to_vec()
    }

    pub fn jwk(&self, kid: Option<&str>) -> Value {
        let mut jwk = json!({ "kty": "RSA", "use": "sig", "n": self.n(), "e": self.e() });
        if let Some(kid) = kid {
            jwk["kid"] = kid.into();
        }
        jwk
    }
}

/// The JWK of [`ec_key`].
pub fn ec_jwk(kid: &str) -> Value {
    let point = ec_key().public_key().as_ref().to_vec();
    let (x, y) = (base64url(&point[1..33]), base64url(&point[33..]));
    json!({ "kty": "EC", "crv": "P-256", "kid": kid, "x": x, "y": y })
}

/// A token in compact form, signed by whatever `sign` does.
pub fn token(header: &Value, claims: &Value, sign: impl FnOnce(&[u8]) -> Vec<u8>) -> String {
    let message = format!("{}.{}", base64url(header.to_string()), base64url(claims.to_string()));
    let signature = sign(message.as_bytes());
    format!("{message}.{}", base64url(signature))
}

pub fn verify(verify: &Verify) -> bool {
    let decode = |text: &str| URL_SAFE_NO_PAD.decode(text).unwrap_or_default();
    match (&verify.key, verify.algorithm) {
        (PublicKey::Rsa { n, e }, Algorithm::Rs256) => {
            RsaPublicKeyComponents { n: decode(n), e: decode(e) }
                .verify(&RSA_PKCS1_2048_8192_SHA256, &verify.message, &verify.signature)
                .is_ok()
        }
        (PublicKey::Ec { x, y, .. }, Algorithm::Es256) => {
            let point = [vec![4], decode(x), decode(y)].concat();
            UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point)
                .verify(&verify.message, &verify.signature)
                .is_ok()
        }
        _ => false,
    }
}

/// Whether a SAML peer's signature is right.
pub fn verify_saml(verify: &VerifySaml) -> bool {
    let VerifySaml { algorithm, key, message, signature } = verify;
    at_once(Native.verify(key, *algorithm, message, signature)).unwrap_or(false)
}

/// A content key for somebody else.
pub fn wrap(wrap: &Wrap) -> Vec<u8> {
    at_once(Native.wrap_key(&wrap.key, wrap.transport, &wrap.content_key.0)).unwrap()
}

/// The outcome of what waits for nothing.
pub fn at_once<T>(future: impl Future<Output = T>) -> T {
    let Poll::Ready(outcome) = pin!(future).poll(&mut Context::from_waker(Waker::noop())) else {
        panic!("native keys answer at once");
    };
    outcome
}
