//! What a CA sent, looked at before anyone serves it: a chain is ours only if its leaf holds our
//! key, names our hostname and nothing else, is valid now, and is signed by what follows.

use edge_state::Hostname;
use rcgen::{KeyPair, PublicKeyData as _};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject as _;
use sha2::{Digest as _, Sha256};
use x509_parser::prelude::*;

/// What is known of a certificate.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Facts {
    /// Lower-case hexadecimal, as `openssl x509 -serial` but for the case.
    pub serial: String,
    /// The issuer's organization or, without one, its common name; letters and digits only, as in
    /// Cloudflare's answers (`GoogleTrustServices`).
    pub issuer: String,
    /// As in Cloudflare's answers: `ECDSAWithSHA256`, `SHA256WithRSA`.
    pub signature: String,
    /// Of the leaf's DER, lower-case hexadecimal.
    pub fingerprint_sha256: String,
    /// Unix milliseconds.
    pub not_before: i64,
    /// Unix milliseconds.
    pub not_after: i64,
    /// The chain as it is to be served: leaf first, without root and without anything between.
    pub chain: String,
}

/// Why a chain is not served.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum ChainError {
    /// Not PEM, or a certificate is not DER.
    #[error("the CA sent no readable certificate chain")]
    Malformed,
    /// No certificate in it.
    #[error("the CA sent an empty chain")]
    Empty,
    /// More certificates than any chain has.
    #[error("the CA sent a chain of more than {MAX_CERTIFICATES} certificates")]
    TooLong,
    /// The private key that should be ours is none.
    #[error("the stored private key is not readable")]
    PrivateKey,
    /// A certificate for another key.
    #[error("the certificate is for another private key than the one it was ordered with")]
    ForeignKey,
    /// Other names, more names or no name.
    #[error("the certificate names {names:?}, not {hostname} alone")]
    WrongNames {
        /// What it names.
        names: Vec<String>,
        /// What was ordered.
        hostname: Hostname,
    },
    /// The leaf may sign certificates.
    #[error("the certificate is a CA's, not a server's")]
    Authority,
    /// Or the clock here is slow.
    #[error("the certificate is not valid yet; check the clock of this machine")]
    NotYetValid,
    /// Or the clock here is fast.
    #[error("the certificate has expired; check the clock of this machine")]
    Expired,
    /// A link of the chain does not hold, or it is out of order.
    #[error("certificate {0} of the chain is not signed by the one that follows")]
    Order(usize),
}

/// Looks at a PEM chain that was ordered for `hostname` with the private key `pkcs8` (DER). `now`
/// is Unix milliseconds.
///
/// # Errors
/// The first rule that is broken.
pub fn inspect(
    pem: &str,
    pkcs8: &[u8],
    hostname: &Hostname,
    now: i64,
) -> Result<Facts, ChainError> {
    let chain = read(pem)?;
    let parsed = parse(&chain)?;
    // Read once more by the reader that edge and clients use, which is stricter.
    if chain.iter().any(|der| rustls::server::ParsedCertificate::try_from(der).is_err()) {
        return Err(ChainError::Malformed);
    }
    let leaf = parsed.first().ok_or(ChainError::Empty)?;
    let key = KeyPair::try_from(pkcs8).map_err(|_| ChainError::PrivateKey)?;
    if leaf.public_key().raw != key.subject_public_key_info() {
        return Err(ChainError::ForeignKey);
    }
    check_names(leaf, hostname)?;
    if leaf.is_ca() {
        return Err(ChainError::Authority);
    }
    let (not_before, not_after) = validity(leaf);
    if now + CLOCK_SKEW_MILLIS < not_before {
        return Err(ChainError::NotYetValid);
    }
    if now > not_after {
        return Err(ChainError::Expired);
    }
    for (index, pair) in parsed.windows(2).enumerate() {
        let [certificate, issuer] = pair else { continue };
        if !is_signed_by(certificate, issuer) {
            return Err(ChainError::Order(index + 1));
        }
    }
    let served = parsed.iter().zip(&chain).enumerate();
    let served = served.filter(|(index, (certificate, _))| *index == 0 || !is_root(certificate));
    Ok(Facts {
        serial: serial(leaf),
        issuer: issuer(leaf),
        signature: signature(leaf),
        fingerprint_sha256: hexadecimal(&Sha256::digest(&chain[0])),
        not_before,
        not_after,
        chain: served.map(|(_, (_, der))| to_pem(der)).collect(),
    })
}

/// A certificate's serial as [`Facts::serial`] has it.
///
/// # Errors
/// [`ChainError::Malformed`].
pub fn serial_of(der: &[u8]) -> Result<String, ChainError> {
    let (_, certificate) = X509Certificate::from_der(der).map_err(|_| ChainError::Malformed)?;
    Ok(serial(&certificate))
}

/// DER as PEM.
#[must_use]
pub fn to_pem(der: &[u8]) -> String {
    use base64::Engine as _;
    let text = base64::engine::general_purpose::STANDARD.encode(der);
    let mut pem = String::from("-----BEGIN CERTIFICATE-----\n");
    for line in text.as_bytes().chunks(64) {
        pem.extend(line.iter().map(|&byte| char::from(byte)));
        pem.push('\n');
    }
    pem.push_str("-----END CERTIFICATE-----\n");
    pem
}

fn read(pem: &str) -> Result<Vec<CertificateDer<'static>>, ChainError> {
    let mut chain = Vec::new();
    for certificate in CertificateDer::pem_slice_iter(pem.as_bytes()) {
        if chain.len() == MAX_CERTIFICATES {
            return Err(ChainError::TooLong);
        }
        chain.push(certificate.map_err(|_| ChainError::Malformed)?);
    }
    // The reader passes over what is between certificates, so also over one that was cut off.
    if pem.matches("-----BEGIN CERTIFICATE-----").count() != chain.len() {
        return Err(ChainError::Malformed);
    }
    Ok(chain)
}

fn parse<'a>(chain: &'a [CertificateDer<'_>]) -> Result<Vec<X509Certificate<'a>>, ChainError> {
    let parse = |der: &'a CertificateDer<'_>| match X509Certificate::from_der(der) {
        Ok(([], certificate)) => Ok(certificate),
        _ => Err(ChainError::Malformed),
    };
    chain.iter().map(parse).collect()
}

fn check_names(leaf: &X509Certificate<'_>, hostname: &Hostname) -> Result<(), ChainError> {
    let san = leaf.subject_alternative_name().map_err(|_| ChainError::Malformed)?;
    let names: Vec<String> = san.map_or_else(Vec::new, |san| {
        let text = |name: &GeneralName<'_>| match name {
            GeneralName::DNSName(name) => (*name).to_owned(),
            other => other.to_string(),
        };
        san.value.general_names.iter().map(text).collect()
    });
    match names.as_slice() {
        [name] if name.eq_ignore_ascii_case(hostname.as_str()) => Ok(()),
        _ => Err(ChainError::WrongNames { names, hostname: hostname.clone() }),
    }
}

fn is_signed_by(certificate: &X509Certificate<'_>, issuer: &X509Certificate<'_>) -> bool {
    certificate.issuer() == issuer.subject()
        // RFC 5280 §4.1.1.2: the algorithm that is signed is the one that is said.
        && certificate.signature_algorithm == certificate.tbs_certificate.signature
        && certificate.signature_value.unused_bits == 0
        && certificate.verify_signature(Some(issuer.public_key())).is_ok()
}

fn validity(leaf: &X509Certificate<'_>) -> (i64, i64) {
    let millis = |time: ASN1Time| time.timestamp().saturating_mul(1000);
    (millis(leaf.validity().not_before), millis(leaf.validity().not_after))
}

fn is_root(certificate: &X509Certificate<'_>) -> bool {
    certificate.issuer() == certificate.subject()
}

/// Without the byte that only says that the number is positive.
fn serial(certificate: &X509Certificate<'_>) -> String {
    let bytes = certificate.raw_serial();
    hexadecimal(
        if let [0, rest @ ..] = bytes
            && !rest.is_empty()
        {
            rest
        } else {
            bytes
        },
    )
}

fn issuer(certificate: &X509Certificate<'_>) -> String {
    let name = certificate.issuer();
    let mut names = name.iter_organization().chain(name.iter_common_name());
    let text = names.find_map(|name| name.as_str().ok()).unwrap_or_default();
    text.chars().filter(|c| c.is_alphanumeric()).collect()
}

fn signature(certificate: &X509Certificate<'_>) -> String {
    let oid = certificate.signature_algorithm.algorithm.to_id_string();
    let known = SIGNATURES.iter().find(|(id, _)| *id == oid);
    known.map_or(oid.as_str(), |(_, name)| name).to_owned()
}

fn hexadecimal(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}"); // Writing to a string cannot fail.
        text
    })
}

/// More than any public chain, and few enough to look at all of them.
const MAX_CERTIFICATES: usize = 8;
const CLOCK_SKEW_MILLIS: i64 = 5 * 60 * 1000;
/// RFC 5758 §3.2, RFC 8017 §A.2.4, RFC 8410 §3; spelled as Cloudflare (Go's `x509`) spells them.
const SIGNATURES: [(&str, &str); 7] = [
    ("1.2.840.10045.4.3.2", "ECDSAWithSHA256"),
    ("1.2.840.10045.4.3.3", "ECDSAWithSHA384"),
    ("1.2.840.10045.4.3.4", "ECDSAWithSHA512"),
    ("1.2.840.113549.1.1.11", "SHA256WithRSA"),
    ("1.2.840.113549.1.1.12", "SHA384WithRSA"),
    ("1.2.840.113549.1.1.13", "SHA512WithRSA"),
    ("1.3.101.112", "Ed25519"),
];

#[cfg(test)]
mod tests;
