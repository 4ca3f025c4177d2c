//! Keys on aws-lc-rs, for servers and tests.

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{
    OAEP_SHA1_MGF1SHA1, OAEP_SHA256_MGF1SHA256, OaepAlgorithm, OaepPrivateDecryptingKey,
    OaepPublicEncryptingKey, PrivateDecryptingKey, PublicEncryptingKey,
};
use aws_lc_rs::signature::{
    self, ECDSA_P256_SHA256_FIXED, ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, RsaEncoding,
    RsaKeyPair, UnparsedPublicKey, VerificationAlgorithm,
};
use zeroize::Zeroizing;

use crate::certificate::Certificate;
use crate::key::{
    Decrypter, Encrypter, KeyError, KeyTransport, PublicKey, SignatureAlgorithm, Signer, Verifier,
};

/// A private key for signing, with its certificate.
#[derive(Debug)]
pub struct SigningKey {
    pair: Pair,
    algorithm: SignatureAlgorithm,
    certificate: Option<Certificate>,
}

#[derive(Debug)]
enum Pair {
    Rsa(RsaKeyPair, &'static dyn RsaEncoding),
    Ecdsa(EcdsaKeyPair),
}

impl SigningKey {
    /// Reads PKCS#8 DER.
    pub fn from_pkcs8(
        der: &[u8],
        algorithm: SignatureAlgorithm,
        certificate: Option<Certificate>,
    ) -> Result<Self, KeyError> {
        let rsa = |encoding: &'static dyn RsaEncoding| {
            RsaKeyPair::from_pkcs8(der).map(|pair| Pair::Rsa(pair, encoding))
        };
        let pair = match algorithm {
            SignatureAlgorithm::RsaSha256 => rsa(&signature::RSA_PKCS1_SHA256),
            SignatureAlgorithm::RsaSha384 => rsa(&signature::RSA_PKCS1_SHA384),
            SignatureAlgorithm::RsaSha512 => rsa(&signature::RSA_PKCS1_SHA512),
            SignatureAlgorithm::EcdsaSha256 => {
                EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, der).map(Pair::Ecdsa)
            }
            SignatureAlgorithm::RsaSha1 => {
                return Err(KeyError("SHA-1 signatures are not made".to_owned()));
            }
        };
        let pair = pair.map_err(|error| KeyError(error.to_string()))?;
        Ok(Self { pair, algorithm, certificate })
    }
}

impl Signer for SigningKey {
    fn algorithm(&self) -> SignatureAlgorithm {
        self.algorithm
    }

    fn certificate(&self) -> Option<&Certificate> {
        self.certificate.as_ref()
    }

    async fn sign(&self, message: &[u8]) -> Result<Vec<u8>, KeyError> {
        let random = SystemRandom::new();
        let failed = |_| KeyError("signing failed".to_owned());
        match &self.pair {
            Pair::Rsa(pair, encoding) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(*encoding, &random, message, &mut signature).map_err(failed)?;
                Ok(signature)
            }
            Pair::Ecdsa(pair) => Ok(pair.sign(&random, message).map_err(failed)?.as_ref().to_vec()),
        }
    }
}

/// An RSA private key for decryption.
#[derive(Debug)]
pub struct DecryptionKey(OaepPrivateDecryptingKey);

impl DecryptionKey {
    /// Reads PKCS#8 DER.
    pub fn from_pkcs8(der: &[u8]) -> Result<Self, KeyError> {
        let key =
            PrivateDecryptingKey::from_pkcs8(der).map_err(|error| KeyError(error.to_string()))?;
        let key = OaepPrivateDecryptingKey::new(key).map_err(|e| KeyError(e.to_string()))?;
        Ok(Self(key))
    }
}

impl Decrypter for DecryptionKey {
    async fn unwrap_key(
        &self,
        transport: KeyTransport,
        wrapped: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, KeyError> {
        let mut output = Zeroizing::new(vec![0; self.0.min_output_size()]);
        let length = self
            .0
            .decrypt(oaep(transport), wrapped, &mut output, None)
            .map_err(|_| KeyError("the key could not be unwrapped".to_owned()))?
            .len();
        output.truncate(length);
        Ok(output)
    }
}

fn oaep(transport: KeyTransport) -> &'static OaepAlgorithm {
    match transport {
        KeyTransport::OaepSha1 => &OAEP_SHA1_MGF1SHA1,
        KeyTransport::OaepSha256 => &OAEP_SHA256_MGF1SHA256,
    }
}

/// Public-key arithmetic on aws-lc-rs.
#[derive(Clone, Copy, Debug)]
pub struct Native;

impl Verifier for Native {
    async fn verify(
        &self,
        key: &PublicKey,
        algorithm: SignatureAlgorithm,
        message: &[u8],
        signature: &[u8],
    ) -> Result<bool, KeyError> {
        let algorithm: &'static dyn VerificationAlgorithm = match algorithm {
            SignatureAlgorithm::RsaSha256 => &signature::RSA_PKCS1_2048_8192_SHA256,
            SignatureAlgorithm::RsaSha384 => &signature::RSA_PKCS1_2048_8192_SHA384,
            SignatureAlgorithm::RsaSha512 => &signature::RSA_PKCS1_2048_8192_SHA512,
            SignatureAlgorithm::RsaSha1 => &signature::RSA_PKCS1_2048_8192_SHA1_FOR_LEGACY_USE_ONLY,
            SignatureAlgorithm::EcdsaSha256 => &ECDSA_P256_SHA256_FIXED,
        };
        let key = UnparsedPublicKey::new(algorithm, key.spki());
        Ok(key.verify(message, signature).is_ok())
    }
}

impl Encrypter for Native {
    async fn wrap_key(
        &self,
        key: &PublicKey,
        transport: KeyTransport,
        content_key: &[u8],
    ) -> Result<Vec<u8>, KeyError> {
        let key = PublicEncryptingKey::from_der(key.spki()).map_err(|e| KeyError(e.to_string()))?;
        let key = OaepPublicEncryptingKey::new(key).map_err(|e| KeyError(e.to_string()))?;
        let mut output = vec![0; key.ciphertext_size()];
        key.encrypt(oaep(transport), content_key, &mut output, None)
            .map_err(|e| KeyError(e.to_string()))?;
        Ok(output)
    }
}
