//! What the worker says of a request that it sends to an origin: the header `X-Lintel-Upstream`.

use edge_state::Hostname;
use edge_state::origin::OriginSni;
use edge_state::origin::{Origin, OriginHost, OriginTls, Scheme};
use http::uri::PathAndQuery;
use rustls_pki_types::ServerName;
use serde::Deserialize;

use super::connect::Protection;
use crate::config::Origins;

/// The header's name.
pub const NAME: &str = "x-lintel-upstream";

/// `X-Lintel-Upstream`, JSON.
#[derive(Clone, Debug, Deserialize)]
pub struct Directions {
    origin: Origin,
    ssl: OriginTls,
    #[serde(default)]
    sni: Option<OriginSni>,
    hostname: Hostname,
    /// Path and query byte for byte: URL parsers on the way here change theirs.
    #[serde(default)]
    target: Option<String>,
    /// A request of the worker's own, with secrets in it, to a provider for example.
    #[serde(default)]
    outside: bool,
}

/// What a connection is good for; requests with equal routes may share one.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct Route {
    /// Where to.
    pub host: OriginHost,
    /// On which port.
    pub port: u16,
    /// How.
    pub protection: Protection,
    /// As whom the origin is addressed, and must present itself if that is verified.
    pub server_name: ServerName<'static>,
}

impl Directions {
    /// Reads the header's value.
    pub fn read(value: &http::HeaderValue) -> Result<Self, serde_json::Error> {
        serde_json::from_slice(value.as_bytes())
    }

    /// The request target for the origin, if the directions give one.
    pub fn target(&self) -> Result<Option<PathAndQuery>, http::uri::InvalidUri> {
        self.target.as_deref().map(str::parse).transpose()
    }

    /// The custom hostname.
    #[must_use]
    pub fn hostname(&self) -> &Hostname {
        &self.hostname
    }

    /// Whether the request may go to where it shall: what has our own secrets in it goes over TLS,
    /// unless counterparts on this machine are allowed.
    #[must_use]
    pub fn is_safe(&self, route: &Route, origins: &Origins) -> bool {
        !self.outside || route.protection == Protection::Verified || origins.allow_private_networks
    }

    /// The connection that this request needs. An origin's own scheme is above the zone's `ssl`;
    /// `https://` in a zone that is `flexible` is encrypted, and no more.
    #[must_use]
    pub fn route(&self, origins: &Origins) -> Option<Route> {
        let protection = match (self.origin.scheme, self.ssl) {
            (Some(Scheme::Http), _) | (None, OriginTls::Flexible) => Protection::Plain,
            (_, OriginTls::Strict) => Protection::Verified,
            (_, OriginTls::Flexible | OriginTls::Full) => Protection::Encrypted,
        };
        let default_port = match protection {
            Protection::Plain => origins.http_port,
            Protection::Encrypted | Protection::Verified => origins.https_port,
        };
        Some(Route {
            host: self.origin.host.clone(),
            port: self.origin.port.unwrap_or(default_port),
            protection,
            server_name: self.server_name()?,
        })
    }

    fn server_name(&self) -> Option<ServerName<'static>> {
        let name = match (&self.sni, &self.origin.host) {
            (Some(OriginSni::RequestHost), _) => &self.hostname,
            (Some(OriginSni::Name(name)), _) | (None, OriginHost::Name(name)) => name,
            (None, OriginHost::Address(address)) => {
                return Some(ServerName::IpAddress((*address).into()));
            }
        };
        ServerName::try_from(name.as_str().to_owned()).ok()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn origins() -> Origins {
        Origins {
            dns_servers: Vec::new(),
            allow_private_networks: false,
            loopback_names: false,
            http_port: 80,
            https_port: 443,
            extra_roots: Vec::new(),
            connect_timeout: Duration::from_secs(1),
            response_timeout: Duration::from_secs(1),
        }
    }

    fn route(origin: &str, ssl: &str, sni: &str) -> (u16, Protection, String) {
        let json = format!(
            r#"{{"origin":"{origin}","ssl":"{ssl}","sni":{sni},"hostname":"shop.customer.com","target":"/"}}"#
        );
        let directions = Directions::read(&json.parse().unwrap()).unwrap();
        let route = directions.route(&origins()).unwrap();
        (route.port, route.protection, route.server_name.to_str().into_owned())
    }

    #[test]
    fn the_origins_own_scheme_is_above_the_zones() {
        use Protection::{Encrypted, Plain, Verified};
        for (origin, ssl, port, protection) in [
            ("o.com", "flexible", 80, Plain),
            ("o.com", "full", 443, Encrypted),
            ("o.com", "strict", 443, Verified),
            ("http://o.com", "strict", 80, Plain),
            ("https://o.com", "flexible", 443, Encrypted),
            ("https://o.com:8443", "strict", 8443, Verified),
            ("o.com:8080", "flexible", 8080, Plain),
        ] {
            let (p, way, _) = route(origin, ssl, "null");
            assert_eq!((p, way), (port, protection), "{origin} {ssl}");
        }
    }

    #[test]
    fn the_server_name_is_the_origins_unless_told_otherwise() {
        assert_eq!(route("o.com", "full", "null").2, "o.com");
        assert_eq!(route("o.com", "full", r#""request_host""#).2, "shop.customer.com");
        assert_eq!(route("o.com", "full", r#"{"name":"n.com"}"#).2, "n.com");
        assert_eq!(route("192.0.2.1", "full", "null").2, "192.0.2.1");
    }

    #[test]
    fn our_own_secrets_travel_over_tls() {
        let directions = |origin: &str, ssl: &str, outside: bool| {
            let json = format!(
                r#"{{"origin":"{origin}","ssl":"{ssl}","hostname":"a.com","outside":{outside}}}"#
            );
            Directions::read(&json.parse().unwrap()).unwrap()
        };
        let lax = Origins { allow_private_networks: true, ..origins() };
        for (origin, ssl, outside, safe) in [
            ("https://idp.com", "strict", true, true),
            ("http://idp.com", "strict", true, false),
            ("idp.com", "full", true, false),
            ("http://o.com", "strict", false, true),
        ] {
            let directions = directions(origin, ssl, outside);
            let route = directions.route(&origins()).unwrap();
            assert_eq!(directions.is_safe(&route, &origins()), safe, "{origin} {ssl}");
            assert!(directions.is_safe(&route, &lax));
        }
    }

    #[test]
    fn the_target_keeps_every_byte() {
        let json = r#"{"origin":"o.com","ssl":"full","hostname":"a.com","target":"/a/../b//%2e?x=%zz&y[]=|"}"#;
        let directions = Directions::read(&json.parse().unwrap()).unwrap();
        let target = directions.target().unwrap().unwrap();
        assert_eq!(target.as_str(), "/a/../b//%2e?x=%zz&y[]=|");
    }
}
