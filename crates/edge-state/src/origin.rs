//! Where requests go, and how it is reached.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::Hostname;

/// An origin server: `[http://|https://]host[:port]`. Cloudflare's contract knows the bare hostname
/// only; scheme, port and IP address serve origins that stand beside an edge of one's own.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct Origin {
    /// Given only where it overrides the zone's `ssl` setting.
    pub scheme: Option<Scheme>,
    /// Name or address.
    pub host: OriginHost,
    /// The scheme's own port if absent.
    pub port: Option<u16>,
}

/// The scheme of an origin.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Scheme {
    /// Plain.
    Http,
    /// TLS.
    Https,
}

/// The host part of an origin.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub enum OriginHost {
    /// To be resolved at each connection.
    Name(Hostname),
    /// Reached without DNS.
    Address(IpAddr),
}

/// A text that is no origin.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("an origin is a hostname, with an optional scheme and port and nothing else")]
pub struct InvalidOrigin;

impl FromStr for Origin {
    type Err = InvalidOrigin;

    fn from_str(text: &str) -> Result<Self, InvalidOrigin> {
        let (scheme, authority) = match text.split_once("://") {
            Some(("http", rest)) => (Some(Scheme::Http), rest),
            Some(("https", rest)) => (Some(Scheme::Https), rest),
            Some(_) => return Err(InvalidOrigin),
            None => (None, text),
        };
        let (host, port) = split_port(authority)?;
        let host = match host.trim_start_matches('[').trim_end_matches(']').parse() {
            Ok(address) => OriginHost::Address(address),
            Err(_) => OriginHost::Name(Hostname::parse(host).map_err(|_| InvalidOrigin)?),
        };
        if matches!(&host, OriginHost::Name(name) if name.is_wildcard()) {
            return Err(InvalidOrigin);
        }
        Ok(Self { scheme, host, port })
    }
}

/// Splits `host:port`, minding that an IPv6 address has colons of its own and needs brackets.
fn split_port(authority: &str) -> Result<(&str, Option<u16>), InvalidOrigin> {
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) if !host.contains(':') || host.ends_with(']') => (host, port),
        _ => return Ok((authority, None)),
    };
    match port.parse() {
        Ok(0) | Err(_) => Err(InvalidOrigin),
        Ok(port) => Ok((host, Some(port))),
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.scheme {
            Some(Scheme::Http) => f.write_str("http://")?,
            Some(Scheme::Https) => f.write_str("https://")?,
            None => {}
        }
        match &self.host {
            OriginHost::Name(name) => write!(f, "{name}")?,
            OriginHost::Address(IpAddr::V4(address)) => write!(f, "{address}")?,
            OriginHost::Address(IpAddr::V6(address)) => write!(f, "[{address}]")?,
        }
        self.port.map_or(Ok(()), |port| write!(f, ":{port}"))
    }
}

impl Serialize for Origin {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Origin {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// The server name that egress sends to a custom origin.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum OriginSni {
    /// `:request_host_header:`: the name that the visitor asked for.
    RequestHost,
    /// This name.
    Name(Hostname),
}

/// Zone setting `ssl`: the connection from the edge to an origin that does not name its scheme.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum OriginTls {
    /// Plain HTTP. For origins beside the edge.
    Flexible,
    /// TLS, any certificate.
    Full,
    /// TLS, and the certificate must be valid for the name.
    Strict,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_reads_back_what_it_writes() {
        for text in [
            "origin.saas.com",
            "origin.saas.com:8443",
            "http://localhost:3000",
            "https://127.0.0.1",
            "[::1]:80",
        ] {
            assert_eq!(text.parse::<Origin>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn what_is_more_than_an_origin_is_refused() {
        for text in [
            "",
            "http://",
            "ftp://a.com",
            "a.com/path",
            "user@a.com",
            "a.com:0",
            "a.com:65536",
            "a.com:",
            "*.a.com",
            "a.com?x",
            "a.com#x",
            "http://http://a.com",
        ] {
            assert_eq!(text.parse::<Origin>(), Err(InvalidOrigin), "{text}");
        }
    }
}
