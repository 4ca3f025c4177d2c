//! A normalised DNS name.

use std::fmt;
use std::net::IpAddr;

use serde::{Deserialize, Serialize};

/// A DNS name as the edge compares it: lower case, A-labels (RFC 5890), no trailing dot; the first
/// label may be `*`. Two spellings of one name are equal.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(transparent)]
pub struct Hostname(String);

/// Why a text is no hostname.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum InvalidHostname {
    /// Nothing there.
    #[error("the hostname is empty")]
    Empty,
    /// RFC 1035 §2.3.4: 253 characters without the trailing dot.
    #[error("the hostname is longer than 253 characters")]
    TooLong,
    /// RFC 1035 §2.3.4: a label has 1 to 63 characters.
    #[error("a label of the hostname is empty or longer than 63 characters")]
    LabelLength,
    /// Letters, digits and inner hyphens only (RFC 1123 §2.1); underscores are no hostname.
    #[error("the hostname has a character other than letters, digits, hyphens and dots")]
    Character,
    /// An address is not a name.
    #[error("the hostname is an IP address")]
    Address,
}

impl Hostname {
    /// Reads a name in any case, with or without a trailing dot.
    ///
    /// # Errors
    /// Names the first rule that the text breaks.
    pub fn parse(text: &str) -> Result<Self, InvalidHostname> {
        let name = text.strip_suffix('.').unwrap_or(text);
        if name.is_empty() {
            return Err(InvalidHostname::Empty);
        }
        if name.len() > 253 {
            return Err(InvalidHostname::TooLong);
        }
        let literal = name.trim_start_matches('[').trim_end_matches(']');
        if literal.parse::<IpAddr>().is_ok() {
            return Err(InvalidHostname::Address);
        }
        let rest = name.strip_prefix("*.").unwrap_or(name);
        for label in rest.split('.') {
            if !(1..=63).contains(&label.len()) {
                return Err(InvalidHostname::LabelLength);
            }
            let inner = label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
            if !inner || label.starts_with('-') || label.ends_with('-') {
                return Err(InvalidHostname::Character);
            }
        }
        // `1.2.3.4` was caught above; `127.1` and `0x7f.1` are addresses to some resolvers.
        if rest.rsplit('.').next().is_some_and(looks_numeric) {
            return Err(InvalidHostname::Address);
        }
        Ok(Self(name.to_ascii_lowercase()))
    }

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether the first label is `*`.
    #[must_use]
    pub fn is_wildcard(&self) -> bool {
        self.0.starts_with("*.")
    }

    /// The wildcard that covers this name: its first label replaced by `*`. `None` for a wildcard
    /// itself and for a single label. A wildcard stands for one label only (RFC 9525 §6.3).
    #[must_use]
    pub fn wildcard(&self) -> Option<Self> {
        let (first, parent) = self.0.split_once('.')?;
        (first != "*").then(|| Self(format!("*.{parent}")))
    }
}

/// Whether the name stands for this machine itself, without asking any DNS (RFC 6761 §6.3). Takes
/// text, as names that are no hostnames (`_acme-challenge.shop.localhost`) are looked up as well.
#[must_use]
pub fn is_loopback(name: &str) -> bool {
    name == "localhost" || name.ends_with(".localhost")
}

/// WHATWG URL "ends in a number": such a host is an IPv4 address to URL parsers.
fn looks_numeric(label: &str) -> bool {
    let hexadecimal = label.strip_prefix("0x").or_else(|| label.strip_prefix("0X"));
    label.bytes().all(|b| b.is_ascii_digit())
        || hexadecimal.is_some_and(|digits| digits.bytes().all(|b| b.is_ascii_hexdigit()))
}

impl fmt::Display for Hostname {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Hostname {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn spellings_of_one_name_are_equal() {
        let name = Hostname::parse("app.customer.com").unwrap();
        assert_eq!(Hostname::parse("App.Customer.COM."), Ok(name));
    }

    #[test]
    fn what_is_no_name_is_refused() {
        use InvalidHostname::*;
        for (text, error) in [
            ("", Empty),
            (".", Empty),
            ("a..b", LabelLength),
            (".a", LabelLength),
            ("a_b.com", Character),
            ("-a.com", Character),
            ("a-.com", Character),
            ("a b.com", Character),
            ("bücher.de", Character),
            ("a.*.com", Character),
            ("127.0.0.1", Address),
            ("::1", Address),
            ("[::1]", Address),
            ("127.1", Address),
            ("a.0x7f", Address),
            ("a.com\0", Character),
        ] {
            assert_eq!(Hostname::parse(text), Err(error), "{text:?}");
        }
        assert_eq!(Hostname::parse(&"a".repeat(64)), Err(LabelLength));
        assert_eq!(Hostname::parse(&["a"; 128].join(".")), Err(TooLong));
        assert!(Hostname::parse(&["a"; 127].join(".")).is_ok());
    }

    #[test]
    fn names_below_localhost_are_this_machine() {
        for name in ["localhost", "shop.localhost", "_acme-challenge.shop.localhost"] {
            assert!(is_loopback(name), "{name}");
        }
        for name in ["", "notlocalhost", "localhost.com", "my-localhost"] {
            assert!(!is_loopback(name), "{name}");
        }
    }

    #[test]
    fn a_wildcard_covers_one_label() {
        let wildcard = Hostname::parse("*.customer.com").unwrap();
        let name = |text| Hostname::parse(text).unwrap();
        assert_eq!(name("a.customer.com").wildcard(), Some(wildcard.clone()));
        assert_ne!(name("b.a.customer.com").wildcard(), Some(wildcard.clone()));
        assert_eq!(wildcard.wildcard(), None);
        assert_eq!(name("localhost").wildcard(), None);
    }

    proptest! {
        #[test]
        fn parsing_never_panics_and_is_idempotent(text in "\\PC{0,300}|[a-zA-Z0-9.*-]{0,80}") {
            if let Ok(name) = Hostname::parse(&text) {
                prop_assert_eq!(Hostname::parse(name.as_str()), Ok(name.clone()));
                prop_assert!(!name.as_str().bytes().any(|b| b.is_ascii_uppercase()));
            }
        }
    }
}
