//! What the platform, or edge-tls in its place, says of a visitor's connection: `request.cf`.

use crate::request::ClientCertificate;

/// `cf.country`, if it is a country: ISO 3166-1 alpha-2, upper case. `T1` (Tor) and `XX` (unknown)
/// are what the platform says beside countries, and rules may name them.
#[must_use]
pub fn country(text: &str) -> Option<String> {
    let is_code = text.len() == 2 && text.bytes().all(|b| b.is_ascii_alphanumeric());
    is_code.then(|| text.to_ascii_uppercase())
}

/// `cf.tlsClientAuth`, as it comes.
#[derive(Clone, Debug, Default)]
pub struct TlsClientAuth {
    /// `certPresented`: `1` or `0`.
    pub presented: String,
    /// `certVerified`: `SUCCESS`, `NONE`, `FAILED:…`.
    pub verified: String,
    /// `certSubjectDNRFC2253`
    pub subject: String,
    /// `certFingerprintSHA256`: hexadecimal.
    pub sha256: String,
    /// `certRFC9440`: `:base64:`, where origins are to be told.
    pub rfc9440: Option<String>,
}

impl TlsClientAuth {
    /// The certificate, if there was one and it verified; any other counts as none.
    #[must_use]
    pub fn certificate(&self) -> Option<ClientCertificate> {
        let sha256 = self.sha256.to_ascii_lowercase();
        let is_digest = sha256.len() == 64 && sha256.bytes().all(|b| b.is_ascii_hexdigit());
        if self.presented != "1" || self.verified != "SUCCESS" || !is_digest {
            return None;
        }
        let der = self.rfc9440.as_deref();
        let der = der.and_then(|text| text.strip_prefix(':')?.strip_suffix(':'));
        let der = der.map(ToOwned::to_owned);
        Some(ClientCertificate { common_name: common_name(&self.subject), sha256, der })
    }
}

/// The most specific common name of a distinguished name as text (RFC 2253 §2, §3).
#[must_use]
pub fn common_name(subject: &str) -> Option<String> {
    parts(subject, &[',', ';', '+']).into_iter().find_map(|part| {
        let (kind, value) = part.trim_start().split_once('=')?;
        let kind = kind.trim_end();
        let is_common_name = kind.eq_ignore_ascii_case("CN") || kind == "2.5.4.3";
        if is_common_name { unescape(value) } else { None }
    })
}

/// Splits where a separator is neither escaped nor quoted.
fn parts<'t>(text: &'t str, separators: &[char]) -> Vec<&'t str> {
    let (mut quoted, mut escaped) = (false, false);
    let is_end = |c: char| {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => quoted = !quoted,
            c => return !quoted && separators.contains(&c),
        }
        false
    };
    text.split(is_end).collect()
}

/// `None`: BER in hexadecimal, or nothing that RFC 2253 §3 allows.
fn unescape(value: &str) -> Option<String> {
    let value = value.trim_start();
    let value = if value.ends_with("\\ ") { value } else { value.trim_end() };
    if value.starts_with('#') {
        return None;
    }
    let value = value.strip_prefix('"').and_then(|v| v.strip_suffix('"')).unwrap_or(value);
    let mut bytes = Vec::with_capacity(value.len());
    let mut rest = value.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'\\' {
            bytes.push(byte);
            continue;
        }
        let next = rest.next()?;
        match char::from(next).to_digit(16) {
            Some(high) => {
                let low = char::from(rest.next()?).to_digit(16)?;
                bytes.push(u8::try_from(high << 4 | low).ok()?);
            }
            None => bytes.push(next),
        }
    }
    String::from_utf8(bytes).ok().filter(|name| !name.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_country_is_two_letters() {
        assert_eq!(country("de").as_deref(), Some("DE"));
        assert_eq!(country("T1").as_deref(), Some("T1"));
        for text in ["", "D", "DEU", "ü", "D-"] {
            assert_eq!(country(text), None, "{text}");
        }
    }

    #[test]
    fn the_common_name_is_read_as_it_is_written() {
        for (subject, name) in [
            ("CN=alice,OU=people,O=Example", Some("alice")),
            ("OU=people+CN=alice,O=Example", Some("alice")),
            ("UID=1, cn = Alice Example ,O=E", Some("Alice Example")),
            (r"CN=Example\, Inc.,O=CN\=evil", Some("Example, Inc.")),
            (r"O=a\,CN=evil,CN=alice", Some("alice")),
            (r#"O="a,CN=evil",CN=alice"#, Some("alice")),
            (r#"CN="a, b",O=c"#, Some("a, b")),
            (r"CN=Lu\C4\8Di\C4\87", Some("Lučić")),
            (r"2.5.4.3=alice", Some("alice")),
            ("CN=#0403", None),
            (r"CN=\C4", None),
            ("CN=\\", None),
            ("CN=,O=x", None),
            ("O=Example", None),
            ("", None),
        ] {
            assert_eq!(common_name(subject).as_deref(), name, "{subject}");
        }
    }

    #[test]
    fn only_a_certificate_that_verified_counts() {
        let shown = TlsClientAuth {
            presented: "1".into(),
            verified: "SUCCESS".into(),
            subject: "CN=alice".into(),
            sha256: "AB".repeat(32),
            rfc9440: Some(":MIIB:".into()),
        };
        let certificate = shown.certificate().unwrap();
        assert_eq!(certificate.common_name.as_deref(), Some("alice"));
        assert_eq!(certificate.sha256, "ab".repeat(32));
        assert_eq!(certificate.der.as_deref(), Some("MIIB"));
        for wrong in [
            TlsClientAuth { presented: "0".into(), ..shown.clone() },
            TlsClientAuth { verified: "NONE".into(), ..shown.clone() },
            TlsClientAuth { verified: "FAILED:expired".into(), ..shown.clone() },
            TlsClientAuth { verified: "success".into(), ..shown.clone() },
            TlsClientAuth { sha256: String::new(), ..shown.clone() },
            TlsClientAuth::default(),
        ] {
            assert_eq!(wrong.certificate(), None, "{wrong:?}");
        }
    }
}
