//! Certificates that clients upload.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use x509_parser::prelude::{FromDer as _, X509Certificate, parse_x509_pem};

/// One certificate.
pub(super) struct Parsed {
    /// DER.
    pub der: Vec<u8>,
    /// Seconds since 1970.
    pub not_after: i64,
    /// Basic constraints (RFC 5280 §4.2.1.9).
    pub is_authority: bool,
}

/// Every certificate in a text: PEM blocks one after another, or one in bare base64, as metadata has
/// it. The error says what is wrong.
pub(super) fn read(text: &str) -> Result<Vec<Parsed>, String> {
    let mut found = Vec::new();
    if text.contains("-----BEGIN") {
        let mut rest = text.as_bytes();
        while rest.windows(BEGIN.len()).any(|window| window == BEGIN) {
            let (after, pem) =
                parse_x509_pem(rest).map_err(|error| format!("is no PEM: {error}"))?;
            if pem.label != "CERTIFICATE" {
                return Err(format!("holds a {}, where a CERTIFICATE is wanted", pem.label));
            }
            found.push(one(pem.contents)?);
            rest = after;
        }
    } else {
        let bare: String = text.split_whitespace().collect();
        let der = STANDARD.decode(bare).map_err(|_| "is neither PEM nor base64".to_owned())?;
        found.push(one(der)?);
    }
    if found.is_empty() { Err("holds no certificate".to_owned()) } else { Ok(found) }
}

fn one(der: Vec<u8>) -> Result<Parsed, String> {
    let (rest, certificate) = X509Certificate::from_der(&der)
        .map_err(|error| format!("is no X.509 certificate: {error}"))?;
    if !rest.is_empty() {
        return Err("has more behind the certificate".to_owned());
    }
    let not_after = certificate.validity().not_after.timestamp();
    let is_authority = certificate.is_ca();
    Ok(Parsed { der, not_after, is_authority })
}

const BEGIN: &[u8] = b"-----BEGIN";
