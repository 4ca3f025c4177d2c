//! Certificates. SAML uses a certificate as wrapping paper for a key: who trusts it has been told so
//! by an operator, and neither its signature nor its dates decide anything (SAML metadata
//! interoperability profile §2.5).

use std::fmt;
use std::time::SystemTime;

use crate::base64;
use crate::public_key::{PublicKey, PublicKeyError};
use crate::x509;

/// An X.509 certificate whose key can be used.
#[derive(Clone, Eq, PartialEq)]
pub struct Certificate {
    der: Vec<u8>,
    public_key: PublicKey,
    subject: String,
    issuer: String,
    not_before: SystemTime,
    not_after: SystemTime,
}

impl fmt::Debug for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Certificate({})", self.subject)
    }
}

impl Certificate {
    /// Reads DER.
    pub fn from_der(der: &[u8]) -> Result<Self, CertificateError> {
        let parsed = x509::certificate(der).ok_or(CertificateError::NotACertificate)?;
        Ok(Self {
            der: der.to_vec(),
            public_key: PublicKey::from_spki(parsed.spki)?,
            subject: parsed.subject,
            issuer: parsed.issuer,
            not_before: parsed.not_before,
            not_after: parsed.not_after,
        })
    }

    /// The DER that it was read from.
    #[must_use]
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// The key in it.
    #[must_use]
    pub fn public_key(&self) -> &PublicKey {
        &self.public_key
    }

    /// Whom it names, as text for people.
    #[must_use]
    pub fn subject(&self) -> &str {
        &self.subject
    }

    /// Who signed it, as text.
    pub(crate) fn issuer(&self) -> &str {
        &self.issuer
    }

    /// From when until when it is valid: for people to be warned, not for messages to be refused.
    #[must_use]
    pub fn validity(&self) -> (SystemTime, SystemTime) {
        (self.not_before, self.not_after)
    }

    /// As people pass it on.
    #[must_use]
    pub fn pem(&self) -> String {
        let mut pem = String::from("-----BEGIN CERTIFICATE-----\n");
        let body = base64::encode(&self.der);
        for (at, c) in body.chars().enumerate() {
            pem.push(c);
            if at % 64 == 63 {
                pem.push('\n');
            }
        }
        pem.truncate(pem.trim_end().len());
        pem + "\n-----END CERTIFICATE-----\n"
    }
}

/// Why there is no certificate. `Display` says what it is and what to paste instead.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum CertificateError {
    /// Not even base64.
    #[error("this is neither PEM nor base64; paste the certificate, from -----BEGIN to the end")]
    Unreadable,
    /// Base64 of something else.
    #[error("this is base64, but of no X.509 certificate and no public key")]
    NotACertificate,
    /// XML without any certificate.
    #[error("this XML holds no certificate")]
    NoCertificate,
    /// A key that is of no use.
    #[error("{0}; ask for a certificate with an RSA key of 2048 bits or more, or on P-256")]
    Key(#[from] PublicKeyError),
}
