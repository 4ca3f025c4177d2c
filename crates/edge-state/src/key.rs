//! The keys under which records are stored, spelled in this one place.

use std::fmt;
use std::str::FromStr;

use crate::Hostname;

/// Names one record. `Display` is the key as stored in KV and in the feed.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Key {
    /// [`crate::HostRecord`] of an exact hostname, or of a wildcard (`*.example.com`).
    Host(Hostname),
    /// [`crate::ZoneRecord`], by zone id.
    Zone(String),
    /// [`crate::CertificateRecord`] of a hostname. Only points of presence of one's own get it.
    Certificate(Hostname),
    /// [`crate::ChallengeRecord`], by the challenge's token (RFC 8555 §8.3).
    Challenge(String),
}

/// A key of a kind that this version does not know.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("unknown record key {0:?}")]
pub struct UnknownKey(pub String);

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Host(hostname) => write!(f, "host:{hostname}"),
            Self::Zone(id) => write!(f, "zone:{id}"),
            Self::Certificate(hostname) => write!(f, "cert:{hostname}"),
            Self::Challenge(token) => write!(f, "acme:{token}"),
        }
    }
}

impl FromStr for Key {
    type Err = UnknownKey;

    fn from_str(text: &str) -> Result<Self, UnknownKey> {
        let unknown = || UnknownKey(text.to_owned());
        let (kind, name) = text.split_once(':').ok_or_else(unknown)?;
        let hostname = || Hostname::parse(name).map_err(|_| unknown());
        match kind {
            "host" => Ok(Self::Host(hostname()?)),
            "zone" if !name.is_empty() => Ok(Self::Zone(name.to_owned())),
            "cert" => Ok(Self::Certificate(hostname()?)),
            "acme" if is_token(name) => Ok(Self::Challenge(name.to_owned())),
            _ => Err(unknown()),
        }
    }
}

/// Whether the text can be a challenge token at all: base64url without padding (RFC 8555 §8.3).
/// Anything else in a request path names no record and costs no look-up.
#[must_use]
pub fn is_token(text: &str) -> bool {
    (1..=256).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_reads_back_what_it_writes() {
        let hostname = Hostname::parse("app.customer.com").unwrap();
        for key in [
            Key::Host(hostname.clone()),
            Key::Host(Hostname::parse("*.customer.com").unwrap()),
            Key::Zone("023e105f4ecef8ad9ca31a8372d0c353".into()),
            Key::Certificate(hostname),
            Key::Challenge("evaGxfADs6pSRb2LAv9IZf17Dt3juxGJ-PCt92wr-oA".into()),
        ] {
            assert_eq!(key.to_string().parse(), Ok(key));
        }
    }

    #[test]
    fn what_is_no_key_is_refused() {
        for text in ["", "host:", "host:a b", "zone:", "acme:a/b", "acme:", "cert", "pool:x"] {
            assert_eq!(text.parse::<Key>(), Err(UnknownKey(text.into())), "{text}");
        }
    }
}
