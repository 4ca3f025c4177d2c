//! Client certificates (mutual TLS): which hostnames ask for one, against whose CAs it is verified,
//! and what the worker is told of it.
//!
//! A visitor without a certificate comes in: a policy decides what that is worth. One whose
//! certificate does not verify gets no connection, and an alert that says why.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use aws_lc_rs::digest;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use edge_state::access::ClientAuthorityRecord;
use edge_state::{Hostname, Key, Record as _};
use moka::policy::EvictionPolicy;
use rustls::RootCertStore;
use rustls::crypto::aws_lc_rs as provider;
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::ClientCertVerifier;
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject as _;
use serde::Serialize;
use x509_parser::der_parser::asn1_rs::ToDer as _;
use x509_parser::objects::{oid_registry, oid2abbrev};
use x509_parser::x509::{AttributeTypeAndValue, X509Name};

use crate::replica::Replica;

/// Some 10 kB each.
const KEPT: u64 = 1024;
const KEPT_IDLE: Duration = Duration::from_hours(1);
/// A longer certificate is not passed on to origins: it would be a header that few take.
const MAX_FORWARDED: usize = 12 << 10;

/// The CAs whose client certificates this point of presence accepts.
pub struct ClientAuthorities {
    replica: Replica,
    cache: moka::sync::Cache<Hostname, Arc<Authorities>>,
}

/// Those of one hostname.
pub struct Authorities {
    /// Whose record it is: the hostname's, or the wildcard's above it.
    name: Hostname,
    revision: u64,
    forward: bool,
    /// `None`: no CA of the record can be used, so nobody is asked.
    verifier: Option<Arc<dyn ClientCertVerifier>>,
}

/// What a handshake that asked for a certificate brought.
#[derive(Clone, Debug)]
pub struct Shown {
    name: Hostname,
    revision: u64,
    certificate: Option<Certificate>,
}

/// A certificate that verified.
#[derive(Clone, Debug)]
struct Certificate {
    subject: String,
    sha256: String,
    rfc9440: Option<String>,
    not_after: i64,
}

/// `request.cf.tlsClientAuth` of the worker.
#[derive(Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TlsClientAuth<'a> {
    cert_presented: &'static str,
    cert_verified: &'static str,
    #[serde(rename = "certSubjectDNRFC2253", skip_serializing_if = "Option::is_none")]
    subject: Option<&'a str>,
    #[serde(rename = "certFingerprintSHA256", skip_serializing_if = "Option::is_none")]
    sha256: Option<&'a str>,
    #[serde(rename = "certRFC9440", skip_serializing_if = "Option::is_none")]
    rfc9440: Option<&'a str>,
}

impl ClientAuthorities {
    /// As the replica has them.
    #[must_use]
    pub fn new(replica: Replica) -> Self {
        let cache = moka::sync::Cache::builder()
            .max_capacity(KEPT)
            .eviction_policy(EvictionPolicy::lru())
            .time_to_idle(KEPT_IDLE)
            .build();
        Self { replica, cache }
    }

    /// The CAs of a hostname that asks for certificates: the replica's newest.
    #[must_use]
    pub fn find(&self, name: &Hostname) -> Option<Arc<Authorities>> {
        let (name, revision) = self.replica.client_authorities(name)?;
        let entry = self.cache.entry_by_ref(&name);
        let found = entry.or_insert_with_if(
            || Arc::new(self.load(&name, revision)),
            |kept| kept.revision != revision,
        );
        Some(found.into_value())
    }

    /// What the worker is told of a connection. The CAs may have changed since its handshake: then
    /// what that verified counts no more.
    #[must_use]
    pub fn say<'a>(&self, name: &Hostname, shown: &'a Shown) -> TlsClientAuth<'a> {
        let now = self.replica.client_authorities(name);
        let is_current =
            now.is_some_and(|(name, revision)| name == shown.name && revision == shown.revision);
        shown.say(is_current, unix(SystemTime::now()))
    }

    fn load(&self, name: &Hostname, revision: u64) -> Authorities {
        let key = Key::ClientAuthorities(name.clone());
        let record =
            self.replica.get(&key).map(|stored| ClientAuthorityRecord::decode(&stored.text));
        let record = match record {
            Some(Ok(record)) => Some(record),
            Some(Err(error)) => {
                tracing::error!(%key, %error, "unreadable record: nobody's certificate is accepted");
                None
            }
            None => None,
        };
        let forward = record.as_ref().is_some_and(|record| record.forward);
        let verifier = record.as_ref().and_then(verifier);
        Authorities { name: name.clone(), revision, forward, verifier }
    }
}

impl Authorities {
    /// Verifies certificates against exactly these CAs. `None`: there is none to verify against.
    #[must_use]
    pub fn verifier(&self) -> Option<Arc<dyn ClientCertVerifier>> {
        self.verifier.clone()
    }

    /// What a handshake brought: its certificates verified, if there are any.
    #[must_use]
    pub fn shown(&self, certificates: Option<&[CertificateDer<'_>]>) -> Shown {
        let leaf = certificates.and_then(<[_]>::first);
        let certificate = leaf.and_then(|leaf| Certificate::read(leaf, self.forward));
        Shown { name: self.name.clone(), revision: self.revision, certificate }
    }
}

fn verifier(record: &ClientAuthorityRecord) -> Option<Arc<dyn ClientCertVerifier>> {
    let mut roots = RootCertStore::empty();
    for authority in &record.authorities {
        for certificate in CertificateDer::pem_slice_iter(authority.certificate.as_bytes()) {
            let added = certificate
                .map_err(|error| error.to_string())
                .and_then(|certificate| roots.add(certificate).map_err(|error| error.to_string()));
            if let Err(error) = added {
                tracing::error!(hostname = %record.hostname, id = authority.id, %error, "a client CA cannot be used");
            }
        }
    }
    let provider = Arc::new(provider::default_provider());
    let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
    match verifier.allow_unauthenticated().build() {
        Ok(verifier) => Some(verifier),
        Err(error) => {
            tracing::error!(hostname = %record.hostname, %error, "nobody is asked for a certificate");
            None
        }
    }
}

impl Shown {
    /// Whether a certificate verified.
    #[must_use]
    pub fn has_certificate(&self) -> bool {
        self.certificate.is_some()
    }

    fn say(&self, is_current: bool, now: i64) -> TlsClientAuth<'_> {
        let Some(certificate) = &self.certificate else {
            return TlsClientAuth {
                cert_presented: "0",
                cert_verified: "NONE",
                subject: None,
                sha256: None,
                rfc9440: None,
            };
        };
        TlsClientAuth {
            cert_presented: "1",
            cert_verified: match (is_current, now <= certificate.not_after) {
                (true, true) => "SUCCESS",
                (true, false) => "FAILED:certificate has expired",
                (false, _) => "FAILED:the accepted authorities changed",
            },
            subject: Some(&certificate.subject),
            sha256: Some(&certificate.sha256),
            rfc9440: certificate.rfc9440.as_deref(),
        }
    }
}

impl Certificate {
    /// `None`: what rustls verified cannot be read here; then it is as if there was none.
    fn read(der: &CertificateDer<'_>, forward: bool) -> Option<Self> {
        let (_, certificate) = x509_parser::parse_x509_certificate(der).ok()?;
        let forwarded = forward && der.len() <= MAX_FORWARDED;
        Some(Self {
            subject: rfc2253(certificate.subject()),
            sha256: hex(digest::digest(&digest::SHA256, der).as_ref()),
            rfc9440: forwarded.then(|| format!(":{}:", STANDARD.encode(der))),
            not_after: certificate.validity().not_after.timestamp(),
        })
    }
}

/// A distinguished name as RFC 2253 writes it, the most specific part first, in ASCII.
fn rfc2253(name: &X509Name<'_>) -> String {
    let mut parts: Vec<String> = name
        .iter_rdn()
        .map(|rdn| rdn.iter().map(attribute).collect::<Vec<_>>().join("+"))
        .collect();
    parts.reverse();
    parts.join(",")
}

fn attribute(attribute: &AttributeTypeAndValue<'_>) -> String {
    let kind = attribute.attr_type();
    let name = oid2abbrev(kind, oid_registry()).map_or_else(|_| kind.to_id_string(), str::to_owned);
    let value = match attribute.as_str() {
        Ok(value) => escaped(value),
        Err(_) => match attribute.attr_value().to_der_vec() {
            Ok(der) => format!("#{}", hex(&der)),
            Err(_) => String::new(),
        },
    };
    format!("{name}={value}")
}

fn escaped(value: &str) -> String {
    let last = value.len().saturating_sub(1);
    let mut text = String::with_capacity(value.len());
    for (at, byte) in value.bytes().enumerate() {
        match byte {
            b',' | b'+' | b'"' | b'\\' | b'<' | b'>' | b';' => {
                text.push('\\');
                text.push(char::from(byte));
            }
            b'#' if at == 0 => text.push_str("\\#"),
            b' ' if at == 0 || at == last => text.push_str("\\ "),
            b' '..=b'~' => text.push(char::from(byte)),
            _ => {
                text.push('\\');
                text.push_str(&hex(&[byte]).to_ascii_uppercase());
            }
        }
    }
    text
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn unix(time: SystemTime) -> i64 {
    let since = time.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    i64::try_from(since).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, DnType, KeyPair, string::PrintableString};

    use super::*;

    fn certificate(change: impl FnOnce(&mut CertificateParams)) -> CertificateDer<'static> {
        let mut params = CertificateParams::default();
        params.distinguished_name = rcgen::DistinguishedName::new();
        change(&mut params);
        params.self_signed(&KeyPair::generate().unwrap()).unwrap().der().clone()
    }

    #[test]
    fn a_name_is_written_backwards_and_escaped() {
        let der = certificate(|params| {
            let name = &mut params.distinguished_name;
            let plain = PrintableString::try_from("Example").unwrap();
            name.push(DnType::OrganizationName, rcgen::DnValue::PrintableString(plain));
            name.push(DnType::OrganizationalUnitName, "#a+b ");
            name.push(DnType::CommonName, "Lučić, \"A\"\\=\0");
        });
        let read = Certificate::read(&der, true).unwrap();
        assert_eq!(
            read.subject,
            "CN=Lu\\C4\\8Di\\C4\\87\\, \\\"A\\\"\\\\=\\00,OU=\\#a\\+b\\ ,O=Example"
        );
        assert_eq!(read.sha256.len(), 64);
        let rfc9440 = read.rfc9440.unwrap();
        let decoded = STANDARD.decode(rfc9440.trim_matches(':')).unwrap();
        assert_eq!(decoded, der.as_ref());
        assert_eq!(Certificate::read(&der, false).unwrap().rfc9440, None);
    }

    #[test]
    fn what_changed_since_the_handshake_counts() {
        let der = certificate(|params| {
            params.distinguished_name.push(DnType::CommonName, "alice");
        });
        let certificate = Certificate { not_after: 100, ..Certificate::read(&der, false).unwrap() };
        let name = Hostname::parse("a.example.com").unwrap();
        let shown = Shown { name, revision: 1, certificate: Some(certificate) };
        let said = shown.say(true, 100);
        assert_eq!((said.cert_presented, said.cert_verified), ("1", "SUCCESS"));
        assert_eq!(said.subject, Some("CN=alice"));
        assert!(shown.say(true, 101).cert_verified.starts_with("FAILED:"));
        assert!(shown.say(false, 100).cert_verified.starts_with("FAILED:"));
        let none = Shown { certificate: None, ..shown };
        assert_eq!(
            (none.say(true, 0).cert_presented, none.say(true, 0).cert_verified),
            ("0", "NONE")
        );
    }
}
