//! Where egress may connect to. Whoever owns an origin's name decides what it resolves to, so the
//! addresses themselves are judged, all of them, and the connection goes to one that was judged.

use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};
use std::time::Duration;

use edge_state::address::reach;
use edge_state::name::is_loopback;
use edge_state::origin::OriginHost;
use hickory_resolver::TokioResolver;
use hickory_resolver::config::{
    ConnectionConfig, LookupIpStrategy, NameServerConfig, ProtocolConfig, ResolverConfig,
};
use hickory_resolver::net::NetError;
use hickory_resolver::net::runtime::TokioRuntimeProvider;

use super::fault::Fault;
use crate::config::Origins;

const QUERY_TIMEOUT: Duration = Duration::from_secs(2);
/// More are not tried.
const MAX_ADDRESSES: usize = 8;

/// Resolves and judges.
pub struct Addresses {
    resolver: TokioResolver,
    loopback_names: bool,
    allow_private: bool,
    own: Vec<SocketAddr>,
}

impl Addresses {
    /// `own`: our listeners, which are never an origin.
    pub fn new(origins: &Origins, own: Vec<SocketAddr>) -> Result<Self, NetError> {
        let mut builder = if origins.dns_servers.is_empty() {
            TokioResolver::builder_tokio()?
        } else {
            let servers = origins.dns_servers.iter().map(|server| name_server(*server)).collect();
            let config = ResolverConfig::from_parts(None, Vec::new(), servers);
            TokioResolver::builder_with_config(config, TokioRuntimeProvider::default())
        };
        let options = builder.options_mut();
        options.timeout = QUERY_TIMEOUT;
        options.ip_strategy = LookupIpStrategy::Ipv4AndIpv6;
        Ok(Self {
            resolver: builder.build()?,
            loopback_names: origins.loopback_names,
            allow_private: origins.allow_private_networks,
            own,
        })
    }

    /// Addresses to connect to, in the order in which to try them; all of them are permitted.
    pub async fn of(&self, host: &OriginHost, port: u16) -> Result<Vec<SocketAddr>, Fault> {
        let addresses = match host {
            OriginHost::Address(address) => vec![*address],
            OriginHost::Name(name) if self.loopback_names && is_loopback(name.as_str()) => {
                vec![Ipv4Addr::LOCALHOST.into()]
            }
            OriginHost::Name(name) => {
                // With the dot it is one question: no search domain is appended.
                let found = self.resolver.lookup_ip(format!("{name}.")).await;
                found.map_err(|error| Fault::Dns(error.to_string()))?.iter().collect()
            }
        };
        for address in &addresses {
            self.judge(SocketAddr::new(*address, port))?;
        }
        let mut addresses: Vec<_> =
            interleaved(&addresses).map(|address| SocketAddr::new(address, port)).collect();
        addresses.truncate(MAX_ADDRESSES);
        Ok(addresses)
    }

    fn judge(&self, address: SocketAddr) -> Result<(), Fault> {
        let ip = address.ip().to_canonical();
        if !reach(ip).is_allowed(self.allow_private) {
            return Err(Fault::PrivateAddress(ip));
        }
        let is_own = |own: &SocketAddr| {
            own.port() == address.port()
                && (own.ip().to_canonical() == ip || (own.ip().is_unspecified() && is_local(ip)))
        };
        if self.own.iter().any(is_own) { Err(Fault::Loop(address)) } else { Ok(()) }
    }
}

fn name_server(address: SocketAddr) -> NameServerConfig {
    let connection = |protocol| {
        let mut connection = ConnectionConfig::new(protocol);
        connection.port = address.port();
        connection
    };
    let connections = vec![connection(ProtocolConfig::Udp), connection(ProtocolConfig::Tcp)];
    NameServerConfig::new(address.ip(), true, connections)
}

/// One of each family in turn (RFC 8305 §4), so that a broken family costs one attempt.
fn interleaved(addresses: &[IpAddr]) -> impl Iterator<Item = IpAddr> {
    let (v6, v4): (Vec<IpAddr>, Vec<IpAddr>) = addresses.iter().partition(|a| a.is_ipv6());
    let longest = v4.len().max(v6.len());
    (0..longest).flat_map(move |i| [v4.get(i).copied(), v6.get(i).copied()]).flatten()
}

/// Whether this machine has the address: only then can a socket be bound to it.
fn is_local(address: IpAddr) -> bool {
    UdpSocket::bind((address, 0)).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn addresses(allow_private: bool, own: &[&str]) -> Addresses {
        Addresses {
            resolver: TokioResolver::builder_with_config(
                ResolverConfig::from_parts(None, Vec::new(), Vec::new()),
                TokioRuntimeProvider::default(),
            )
            .build()
            .unwrap(),
            loopback_names: false,
            allow_private,
            own: own.iter().map(|own| own.parse().unwrap()).collect(),
        }
    }

    #[tokio::test]
    async fn private_addresses_are_the_operators_choice() {
        let judge = |allow, text: &str| addresses(allow, &[]).judge(text.parse().unwrap()).is_ok();
        for text in ["127.0.0.1:80", "[::1]:80", "10.0.0.1:80", "[::ffff:10.0.0.1]:80"] {
            assert!(!judge(false, text) && judge(true, text), "{text}");
        }
        for text in ["169.254.169.254:80", "[::ffff:169.254.169.254]:80", "0.0.0.0:80"] {
            assert!(!judge(false, text) && !judge(true, text), "{text}");
        }
    }

    #[tokio::test]
    async fn our_own_listeners_are_no_origin() {
        let judge = |own: &str, text: &str| addresses(true, &[own]).judge(text.parse().unwrap());
        assert!(matches!(judge("127.0.0.1:443", "127.0.0.1:443"), Err(Fault::Loop(_))));
        assert!(matches!(judge("0.0.0.0:443", "127.0.0.1:443"), Err(Fault::Loop(_))));
        assert!(matches!(judge("[::]:443", "[::ffff:127.0.0.1]:443"), Err(Fault::Loop(_))));
        assert!(judge("0.0.0.0:443", "127.0.0.1:444").is_ok());
        assert!(judge("0.0.0.0:443", "8.8.8.8:443").is_ok(), "somebody else's port");
    }

    #[test]
    fn families_take_turns() {
        let all: Vec<IpAddr> =
            ["1.1.1.1", "2.2.2.2", "::3"].iter().map(|text| text.parse().unwrap()).collect();
        let order: Vec<_> = interleaved(&all).map(|address| address.to_string()).collect();
        assert_eq!(order, ["1.1.1.1", "::3", "2.2.2.2"]);
    }
}
