//! Private keys of certificates, and the requests made with them. Keys are made in this process
//! and leave it sealed only.

use edge_state::{Hostname, KeyType};
use rcgen::{
    CertificateParams, DistinguishedName, KeyPair, PKCS_ECDSA_P256_SHA256, PKCS_RSA_SHA256,
    RsaKeySize,
};
use zeroize::Zeroizing;

/// Why there is no key or no request.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The library made no key.
    #[error("no key could be made: {0}")]
    Generate(rcgen::Error),
    /// The key is not what [`generate`] makes.
    #[error("the private key is not usable: {0}")]
    Unusable(rcgen::Error),
    /// The request could not be built.
    #[error("no certificate request could be made for {hostname}: {error}")]
    Request {
        /// For which name.
        hostname: Hostname,
        /// Why.
        error: rcgen::Error,
    },
    /// The thread that made the key is gone: the process is ending.
    #[error("the process is ending")]
    Ending,
}

/// A new key, PKCS#8 DER. RSA takes a while, so it is made on a thread for blocking work.
///
/// # Errors
/// [`KeyError::Generate`], [`KeyError::Ending`].
pub async fn generate(key_type: KeyType) -> Result<Zeroizing<Vec<u8>>, KeyError> {
    let make = move || {
        let key = match key_type {
            KeyType::P256 => KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256),
            KeyType::Rsa2048 => KeyPair::generate_rsa_for(&PKCS_RSA_SHA256, RsaKeySize::_2048),
        };
        key.map(|key| Zeroizing::new(key.serialize_der())).map_err(KeyError::Generate)
    };
    tokio::task::spawn_blocking(make).await.map_err(|_| KeyError::Ending)?
}

/// A certificate request (PKCS#10 DER) for one name, in the SAN alone: the subject is empty, as a
/// CN says nothing that the SAN does not and holds 64 characters at most. No extension asks for
/// OCSP must-staple.
///
/// # Errors
/// [`KeyError::Unusable`], [`KeyError::Request`].
pub fn csr(pkcs8: &[u8], hostname: &Hostname) -> Result<Vec<u8>, KeyError> {
    let request = |error| KeyError::Request { hostname: hostname.clone(), error };
    let key = KeyPair::try_from(pkcs8).map_err(KeyError::Unusable)?;
    let mut params = CertificateParams::new([hostname.to_string()]).map_err(request)?;
    params.distinguished_name = DistinguishedName::new();
    Ok(params.serialize_request(&key).map_err(request)?.der().to_vec())
}

#[cfg(test)]
mod tests {
    use x509_parser::prelude::*;

    use super::*;

    #[tokio::test]
    async fn a_request_names_the_hostname_in_its_san_and_is_signed_with_the_key() {
        let long = format!("{}.customer.com", ["a".repeat(60), "b".repeat(60)].join("."));
        for key_type in KeyType::ALL {
            for name in ["app.customer.com", "*.customer.com", &long] {
                let hostname = Hostname::parse(name).unwrap();
                let key = generate(key_type).await.unwrap();
                let der = csr(&key, &hostname).unwrap();
                let (rest, request) = X509CertificationRequest::from_der(&der).unwrap();
                assert!(rest.is_empty());
                request.verify_signature().unwrap();
                let info = &request.certification_request_info;
                assert_eq!(info.subject.iter().count(), 0);
                let extensions: Vec<_> = request.requested_extensions().unwrap().collect();
                let [ParsedExtension::SubjectAlternativeName(san)] = extensions.as_slice() else {
                    panic!("{extensions:?}");
                };
                assert_eq!(san.general_names, [GeneralName::DNSName(name)]);
                let ours = KeyPair::try_from(key.as_slice()).unwrap();
                let ours = rcgen::PublicKeyData::subject_public_key_info(&ours);
                assert_eq!(info.subject_pki.raw, ours);
            }
        }
    }

    #[tokio::test]
    async fn keys_are_of_their_type_and_never_the_same() {
        let (one, two) =
            (generate(KeyType::P256).await.unwrap(), generate(KeyType::P256).await.unwrap());
        assert_ne!(one, two);
        let rsa = generate(KeyType::Rsa2048).await.unwrap();
        let rsa = aws_lc_rs::rsa::KeyPair::from_pkcs8(&rsa).unwrap();
        assert_eq!(rsa.public_modulus_len(), 256);
    }

    #[test]
    fn what_is_no_key_makes_no_request() {
        let hostname = Hostname::parse("app.customer.com").unwrap();
        assert!(matches!(csr(b"garbage", &hostname), Err(KeyError::Unusable(_))));
    }
}
