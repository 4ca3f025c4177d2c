//! Keys in whatever form people paste them.

use crate::base64;
use crate::certificate::{Certificate, CertificateError};
use crate::metadata::{Metadata, MetadataError};
use crate::public_key::{PublicKey, PublicKeyError};
use crate::xml::{Document, Limits, XmlError, ns};

/// Why a pasted text yields no key. `Display` says what it is and what to paste instead.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum PastedError {
    /// Nothing at all.
    #[error("there is nothing here; paste the certificate, from -----BEGIN to the end")]
    Empty,
    /// A PEM block without end.
    #[error("the {0} has no end line; copy all of it, up to and with -----END {0}-----")]
    Truncated(String),
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
    /// No certificate, or none that can be used.
    #[error(transparent)]
    Certificate(#[from] CertificateError),
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
pub fn read_keys(pasted: &[u8]) -> Result<Vec<FoundKey>, PastedError> {
    let mut found = match std::str::from_utf8(pasted) {
        Ok(text) => read_text(text, 0)?,
        Err(_) => vec![read_der(pasted)?],
    };
    let issuers: Vec<String> = found
        .iter()
        .filter_map(|key| match key {
            FoundKey::Certificate(c) if c.issuer() != c.subject() => Some(c.issuer().to_owned()),
            _ => None,
        })
        .collect();
    found.retain(|key| match key {
        FoundKey::Certificate(certificate) => {
            !issuers.iter().any(|issuer| issuer == certificate.subject())
        }
        FoundKey::PublicKey(_) => true,
    });
    if found.is_empty() { Err(CertificateError::NoCertificate.into()) } else { Ok(found) }
}

fn read_text(text: &str, layer: u8) -> Result<Vec<FoundKey>, PastedError> {
    // As configuration files and shells leave it.
    let unescaped = text.replace("\\r", "").replace("\\n", "\n");
    let text = unescaped.trim_start_matches('\u{FEFF}').trim().trim_matches(['"', '\'']).trim();
    if text.is_empty() {
        Err(PastedError::Empty)
    } else if text.starts_with('<') {
        read_xml(text)
    } else if text.contains("-----BEGIN ") {
        read_pem(text)
    } else if text.starts_with("https://") || text.starts_with("http://") {
        Err(PastedError::Address)
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

fn read_pem(text: &str) -> Result<Vec<FoundKey>, PastedError> {
    let mut found = Vec::new();
    let mut rest = text;
    while let Some((_, block)) = rest.split_once("-----BEGIN ") {
        let (label, body) = block.split_once("-----").ok_or(CertificateError::Unreadable)?;
        if label.ends_with("PRIVATE KEY") {
            return Err(PastedError::PrivateKey);
        }
        let end = format!("-----END {label}-----");
        let (body, after) =
            body.split_once(&end).ok_or_else(|| PastedError::Truncated(label.to_owned()))?;
        rest = after;
        let der = || base64::decode(body).ok_or(CertificateError::Unreadable);
        found.push(match label {
            "CERTIFICATE" | "X509 CERTIFICATE" => {
                FoundKey::Certificate(Certificate::from_der(&der()?)?)
            }
            "PUBLIC KEY" => FoundKey::PublicKey(public_key(&der()?)?),
            "RSA PUBLIC KEY" => FoundKey::PublicKey(public_key(&rsa_spki(&der()?))?),
            "CERTIFICATE REQUEST" | "NEW CERTIFICATE REQUEST" => {
                return Err(PastedError::Request);
            }
            other => return Err(PastedError::Container(other.to_owned())),
        });
    }
    Ok(found)
}

fn public_key(spki: &[u8]) -> Result<PublicKey, CertificateError> {
    Ok(PublicKey::from_spki(spki)?)
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

fn read_xml(text: &str) -> Result<Vec<FoundKey>, PastedError> {
    let document = Document::parse(text.as_bytes(), &Limits::METADATA)?;
    if document.root().namespace() == ns::MD {
        let metadata =
            Metadata::read(&document).map_err(|error| PastedError::Metadata(Box::new(error)))?;
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
