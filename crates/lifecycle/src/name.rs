//! Which names may become custom hostnames. Each refusal is an error of the public contract, with
//! its code.

use edge_state::{Hostname, InvalidHostname};

/// What a requested name is judged by.
#[derive(Clone, Copy, Debug)]
pub struct Rules<'a> {
    /// Top-level names that are reserved (RFC 2606, RFC 6761), yet allowed here: `localhost` for
    /// development. Lower case.
    pub allowed_reserved: &'a [String],
}

/// Why a name cannot become a custom hostname.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum NameError {
    /// 1407
    #[error("The custom hostname is invalid: {0}.")]
    Invalid(String),
    /// 1408: names outside ASCII are written as A-labels (RFC 5890).
    #[error("The custom hostname has non-ASCII characters: write it in Punycode, as `xn--…`.")]
    NotAscii,
    /// 1409
    #[error("The custom hostname ends in the reserved top-level domain `{0}`.")]
    Reserved(String),
    /// 1410
    #[error("The custom hostname is a public suffix, under which anyone can register names.")]
    PublicSuffix,
    /// 1411
    #[error("The custom hostname ends in `{0}`, which is reserved for documentation.")]
    Documentation(String),
    /// 1448
    #[error(
        "A wildcard custom hostname cannot have a managed certificate by http validation: create it without `ssl`, or name each hostname."
    )]
    WildcardByHttp,
}

impl NameError {
    /// The code in the error's envelope.
    #[must_use]
    pub fn code(&self) -> u32 {
        match self {
            Self::Invalid(_) => 1407,
            Self::NotAscii => 1408,
            Self::Reserved(_) => 1409,
            Self::PublicSuffix => 1410,
            Self::Documentation(_) => 1411,
            Self::WildcardByHttp => 1448,
        }
    }
}

/// Reads the name that a client asks for. It must be written as it will be stored: lower case,
/// A-labels, no dot at the end; so what the client sent is what every answer says.
///
/// # Errors
/// See [`NameError`].
pub fn parse(text: &str, rules: Rules) -> Result<Hostname, NameError> {
    let invalid = |why: &str| NameError::Invalid(why.to_owned());
    if !text.is_ascii() {
        return Err(NameError::NotAscii);
    }
    if text.ends_with('.') && text.len() > 1 {
        return Err(invalid("it ends with a dot"));
    }
    if text.bytes().any(|b| b.is_ascii_uppercase()) {
        return Err(invalid("it has upper-case letters; hostnames are stored in lower case"));
    }
    let hostname = Hostname::parse(text).map_err(|error| match error {
        InvalidHostname::Empty => invalid("it is empty"),
        InvalidHostname::TooLong => invalid("it is longer than 253 characters"),
        InvalidHostname::LabelLength => {
            invalid("a part between two dots is empty or longer than 63 characters")
        }
        InvalidHostname::Character => {
            invalid("it has a character other than letters, digits, hyphens and dots")
        }
        InvalidHostname::Address => invalid("it is an IP address"),
    })?;
    let name = text.strip_prefix("*.").unwrap_or(text);
    check_labels(name)?;
    check_suffix(name, rules)?;
    Ok(hostname)
}

/// Whether a certificate for this name can be had by the method; `ssl.wildcard` counts as one.
///
/// # Errors
/// [`NameError::WildcardByHttp`]: the Baseline Requirements never allow that.
pub fn check_validation(hostname: &Hostname, wildcard: bool) -> Result<(), NameError> {
    if wildcard || hostname.is_wildcard() { Err(NameError::WildcardByHttp) } else { Ok(()) }
}

/// RFC 5891 §4.2, §5.4: an A-label must be the one Punycode spelling of a valid U-label, and no
/// other label may have hyphens in its third and fourth place.
fn check_labels(name: &str) -> Result<(), NameError> {
    let ascii = idna::domain_to_ascii_strict(name)
        .map_err(|_| NameError::Invalid("its Punycode (`xn--…`) is malformed".into()))?;
    if ascii == name {
        Ok(())
    } else {
        Err(NameError::Invalid(format!("it is not normalised: write `{ascii}`")))
    }
}

fn check_suffix(name: &str, rules: Rules) -> Result<(), NameError> {
    let top = name.rsplit('.').next().unwrap_or(name);
    let allowed = rules.allowed_reserved.iter().any(|allowed| allowed == top);
    if RESERVED.contains(&top) && !allowed {
        return Err(NameError::Reserved(top.to_owned()));
    }
    let is_documentation =
        |domain: &&&str| name == **domain || name.ends_with(&format!(".{domain}"));
    if let Some(domain) = DOCUMENTATION.iter().find(is_documentation) {
        return Err(NameError::Documentation((*domain).to_owned()));
    }
    if psl::domain(name.as_bytes()).is_none() { Err(NameError::PublicSuffix) } else { Ok(()) }
}

/// RFC 2606 §2, RFC 6761, RFC 6762, RFC 7686, RFC 8375 §3, RFC 9476: never in public DNS.
const RESERVED: [&str; 8] =
    ["alt", "arpa", "example", "invalid", "local", "localhost", "onion", "test"];

/// RFC 2606 §3.
const DOCUMENTATION: [&str; 3] = ["example.com", "example.net", "example.org"];

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const PUBLIC: Rules = Rules { allowed_reserved: &[] };

    fn code(text: &str) -> Option<u32> {
        parse(text, PUBLIC).err().map(|error| error.code())
    }

    #[test]
    fn ordinary_names_are_taken_as_they_are() {
        for text in [
            "app.customer.com",
            "customer.com",
            "a.b.c.customer.co.uk",
            "xn--bcher-kva.de",
            "*.customer.com",
            "0--1.customer.com",
            &format!("{}.com", ["a"; 124].join(".")),
        ] {
            assert_eq!(parse(text, PUBLIC).map(|name| name.to_string()), Ok(text.to_owned()));
        }
    }

    #[test]
    fn each_bad_name_has_its_code() {
        let long = format!("{}.com", ["a"; 126].join("."));
        for (text, expected) in [
            ("", 1407),
            (".", 1407),
            (long.as_str(), 1407),
            (&"a".repeat(100_000), 1407),
            (&format!("{}.com", "a".repeat(64)), 1407),
            ("192.0.2.1", 1407),
            ("2001:db8::1", 1407),
            ("[::1]", 1407),
            ("127.1", 1407),
            ("0x7f.1", 1407),
            ("app.customer.com.", 1407),
            ("App.customer.com", 1407),
            ("app_1.customer.com", 1407),
            ("-app.customer.com", 1407),
            ("app..customer.com", 1407),
            ("a*.customer.com", 1407),
            ("*.*.customer.com", 1407),
            ("*", 1407),
            ("app.customer.com/path", 1407),
            ("app.customer.com:443", 1407),
            ("http://app.customer.com", 1407),
            (" app.customer.com", 1407),
            ("app.customer.com\0", 1407),
            ("xn--.customer.com", 1407),
            ("xn--99999999.com", 1407),
            ("xn--a.customer.com", 1407),
            ("xn--abc-.customer.com", 1407),
            ("b\u{fc}cher.de", 1408),
            ("\u{1f600}.customer.com", 1408),
            ("app\u{ff0e}customer.com", 1408),
            ("shop.localhost", 1409),
            ("localhost", 1409),
            ("a.test", 1409),
            ("a.example", 1409),
            ("a.invalid", 1409),
            ("com", 1410),
            ("co.uk", 1410),
            ("*.co.uk", 1410),
            ("github.io", 1410),
            ("example.com", 1411),
            ("a.example.net", 1411),
            ("a.b.example.org", 1411),
        ] {
            assert_eq!(code(text), Some(expected), "{text:.60}");
        }
    }

    #[test]
    fn a_reserved_name_can_be_allowed() {
        let allowed = ["localhost".to_owned()];
        let rules = Rules { allowed_reserved: &allowed };
        assert!(parse("shop.localhost", rules).is_ok());
        assert_eq!(parse("a.test", rules), Err(NameError::Reserved("test".into())));
        assert_eq!(parse("localhost", rules), Err(NameError::PublicSuffix));
    }

    #[test]
    fn no_wildcard_is_validated_by_http() {
        let wildcard = parse("*.customer.com", PUBLIC).unwrap();
        assert_eq!(check_validation(&wildcard, false), Err(NameError::WildcardByHttp));
        let name = parse("app.customer.com", PUBLIC).unwrap();
        assert_eq!(check_validation(&name, true), Err(NameError::WildcardByHttp));
        assert_eq!(check_validation(&name, false), Ok(()));
    }

    proptest! {
        #[test]
        fn what_is_taken_is_what_was_written(text in "\\PC{0,80}|[a-z0-9.*-]{0,80}|xn--[a-z0-9-]{0,20}\\.com") {
            if let Ok(name) = parse(&text, PUBLIC) {
                prop_assert_eq!(name.as_str(), text);
            }
        }
    }
}
