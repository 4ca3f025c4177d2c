//! Certificates and public keys in whatever form people paste them. SAML uses a certificate as
//! wrapping paper for a key: who trusts it has been told so by an operator, and neither its
//! signature nor its dates decide anything (SAML metadata interoperability profile §2.5).

use std::fmt;
use std::time::SystemTime;

use crate::base64;
use crate::key::{PublicKey, PublicKeyError};
use crate::metadata::{Metadata, MetadataError};
use crate::x509;
use crate::xml::{Document, Limits, XmlError, ns};

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

/// Why a pasted text yields no key. `Display` says what it is and what to paste instead.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum CertificateError {
    /// Nothing at all.
    #[error("there is nothing here; paste the certificate, from -----BEGIN to the end")]
    Empty,
    /// Not even base64.
    #[error("this is neither PEM nor base64; paste the certificate, from -----BEGIN to the end")]
    Unreadable,
    /// A PEM block without end.
    #[error("the {0} has no end line; copy all of it, up to and with -----END {0}-----")]
    Truncated(String),
    /// Base64 of something else.
    #[error("this is base64, but of no X.509 certificate and no public key")]
    NotACertificate,
    /// A secret that should not be here.
    #[error("this is a private key, which belongs to its owner alone; paste the certificate")]
    PrivateKey,
    /// A request, for an authority to sign.
    #[error("this is a certificate request; paste the certificate that came of it")]
    Request,
    /// A container.
    #[error("this is a {0} container; take the certificate out of it: openssl pkcs7 -print_certs")]
    Container(String),
    /// An address instead of what is there.
    #[error("this is an address; paste what is found there")]
    Address,
    /// XML that does not parse.
    #[error("this looks like XML, but {0}")]
    Xml(#[from] XmlError),
    /// Metadata with a fault.
    #[error("this looks like metadata, but {0}")]
    Metadata(Box<MetadataError>),
    /// XML without any certificate.
    #[error("this XML holds no certificate")]
    NoCertificate,
    /// A key that is of no use.
    #[error("{0}; ask for a certificate with an RSA key of 2048 bits or more, or on P-256")]
    Key(#[from] PublicKeyError),
}

/// A key as it was found.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum FoundKey {
    /// In a certificate.
    Certificate(Certificate),
    /// By itself.
    PublicKey(PublicKey),
}

impl FoundKey {
    /// The key.
    #[must_use]
    pub fn public_key(&self) -> &PublicKey {
        match self {
            Self::Certificate(certificate) => certificate.public_key(),
            Self::PublicKey(key) => key,
        }
    }
}

/// Reads keys out of PEM (one block or many), base64 or DER of a certificate or of a public key, a
/// piece of XML with certificates, or metadata, whose signing keys it takes. Of a chain only the
/// end is taken: whoever trusts one certificate has not trusted all others of its issuer.
pub fn read_keys(pasted: &[u8]) -> Result<Vec<FoundKey>, CertificateError> {
    let mut found = match std::str::from_utf8(pasted) {
        Ok(text) => read_text(text, 0)?,
        Err(_) => vec![read_der(pasted)?],
    };
    let issuers: Vec<String> = found
        .iter()
        .filter_map(|key| match key {
            FoundKey::Certificate(c) if c.issuer != c.subject => Some(c.issuer.clone()),
            _ => None,
        })
        .collect();
    found.retain(|key| match key {
        FoundKey::Certificate(certificate) => !issuers.contains(&certificate.subject),
        FoundKey::PublicKey(_) => true,
    });
    if found.is_empty() { Err(CertificateError::NoCertificate) } else { Ok(found) }
}

fn read_text(text: &str, layer: u8) -> Result<Vec<FoundKey>, CertificateError> {
    // As configuration files and shells leave it.
    let unescaped = text.replace("\\r", "").replace("\\n", "\n");
    let text = unescaped.trim_start_matches('\u{FEFF}').trim().trim_matches(['"', '\'']).trim();
    if text.is_empty() {
        Err(CertificateError::Empty)
    } else if text.starts_with('<') {
        read_xml(text)
    } else if text.contains("-----BEGIN ") {
        read_pem(text)
    } else if text.starts_with("https://") || text.starts_with("http://") {
        Err(CertificateError::Address)
    } else {
        let bytes = base64::decode(text).ok_or(CertificateError::Unreadable)?;
        match std::str::from_utf8(&bytes) {
            Ok(inner)
                if layer == 0 && (inner.contains("-----BEGIN ") || inner.starts_with('<')) =>
            {
                read_text(inner, 1)
            }
            _ => Ok(vec![read_der(&bytes)?]),
        }
    }
}

fn read_pem(text: &str) -> Result<Vec<FoundKey>, CertificateError> {
    let mut found = Vec::new();
    let mut rest = text;
    while let Some((_, block)) = rest.split_once("-----BEGIN ") {
        let (label, body) = block.split_once("-----").ok_or(CertificateError::Unreadable)?;
        if label.ends_with("PRIVATE KEY") {
            return Err(CertificateError::PrivateKey);
        }
        let end = format!("-----END {label}-----");
        let (body, after) =
            body.split_once(&end).ok_or_else(|| CertificateError::Truncated(label.to_owned()))?;
        rest = after;
        let der = || base64::decode(body).ok_or(CertificateError::Unreadable);
        found.push(match label {
            "CERTIFICATE" | "X509 CERTIFICATE" => {
                FoundKey::Certificate(Certificate::from_der(&der()?)?)
            }
            "PUBLIC KEY" => FoundKey::PublicKey(PublicKey::from_spki(&der()?)?),
            "RSA PUBLIC KEY" => FoundKey::PublicKey(PublicKey::from_spki(&rsa_spki(&der()?))?),
            "CERTIFICATE REQUEST" | "NEW CERTIFICATE REQUEST" => {
                return Err(CertificateError::Request);
            }
            other => return Err(CertificateError::Container(other.to_owned())),
        });
    }
    Ok(found)
}

fn read_der(der: &[u8]) -> Result<FoundKey, CertificateError> {
    match Certificate::from_der(der) {
        Ok(certificate) => Ok(FoundKey::Certificate(certificate)),
        Err(CertificateError::NotACertificate) => match PublicKey::from_spki(der) {
            Ok(key) => Ok(FoundKey::PublicKey(key)),
            Err(PublicKeyError::Unreadable) => Err(CertificateError::NotACertificate),
            Err(error) => Err(error.into()),
        },
        Err(error) => Err(error),
    }
}

fn read_xml(text: &str) -> Result<Vec<FoundKey>, CertificateError> {
    let document = Document::parse(text.as_bytes(), &Limits::METADATA)?;
    if document.root().namespace() == ns::MD {
        let metadata = Metadata::read(&document)
            .map_err(|error| CertificateError::Metadata(Box::new(error)))?;
        let certificates = metadata.entities.into_iter().flat_map(|entity| {
            let provider = entity.identity_provider.map(|role| role.signing);
            let service = entity.service_provider.map(|role| role.signing);
            provider.into_iter().chain(service).flatten()
        });
        return Ok(certificates.map(FoundKey::Certificate).collect());
    }
    let mut found = Vec::new();
    for element in document.root().descendants().filter(|e| e.is(ns::DS, "X509Certificate")) {
        let der = element.text().ok().and_then(base64::decode);
        found.push(read_der(&der.ok_or(CertificateError::Unreadable)?)?);
    }
    Ok(found)
}

/// Wraps an `RSAPublicKey` (RFC 8017 appendix A.1.1) as a `SubjectPublicKeyInfo`.
fn rsa_spki(pkcs1: &[u8]) -> Vec<u8> {
    /// `rsaEncryption`, with the NULL that RFC 3279 §2.3.1 wants.
    const ALGORITHM: &[u8] =
        &[0x30, 0x0D, 0x06, 0x09, 0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x01, 0x01, 0x05, 0x00];
    let bits = [&[0], pkcs1].concat();
    let content = [ALGORITHM, &tagged(0x03, &bits)].concat();
    tagged(0x30, &content)
}

/// DER with a length of up to three octets.
fn tagged(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = content.len().to_be_bytes();
    let significant = length.iter().position(|byte| *byte != 0).unwrap_or(length.len() - 1);
    let length = &length[significant..];
    let mut der = vec![tag];
    if length.len() > 1 || length[0] > 0x7F {
        der.push(0x80 | u8::try_from(length.len()).unwrap_or_default());
    }
    der.extend_from_slice(length);
    der.extend_from_slice(content);
    der
}
