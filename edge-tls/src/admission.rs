//! How many visitors may be in at a time, and how much each of them may want at once.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

use crate::config::Limits;

/// How many connections there are, in all and of each client, and how many requests of each.
pub struct Caps {
    max: usize,
    max_per_client: usize,
    max_requests_per_client: usize,
    open: Mutex<Open>,
}

#[derive(Default)]
struct Open {
    all: usize,
    by_network: HashMap<IpAddr, Share>,
}

#[derive(Default)]
struct Share {
    connections: usize,
    requests: usize,
}

/// A place that one connection takes, until it is dropped.
pub struct Admission {
    client: IpAddr,
    caps: Arc<Caps>,
}

impl Caps {
    /// Nobody is in yet.
    #[must_use]
    pub fn new(limits: &Limits) -> Self {
        Self {
            max_requests_per_client: limits.max_requests_per_client,
            ..Self::of(limits.max_connections, limits.max_connections_per_client)
        }
    }

    /// So many in all, and of each client, whatever they ask.
    #[must_use]
    pub fn of(max: usize, max_per_client: usize) -> Self {
        Self { max, max_per_client, max_requests_per_client: usize::MAX, open: Mutex::default() }
    }

    /// `Err` names the cap that is reached.
    pub fn admit(self: &Arc<Self>, client: IpAddr) -> Result<Admission, &'static str> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if open.all >= self.max {
            return Err("all");
        }
        let of_client = open.by_network.entry(network(client)).or_default();
        if of_client.connections >= self.max_per_client {
            return Err("client");
        }
        of_client.connections += 1;
        open.all += 1;
        Ok(Admission { client, caps: self.clone() })
    }
}

impl Admission {
    /// The visitor's address.
    #[must_use]
    pub fn client(&self) -> IpAddr {
        self.client
    }

    /// One more request of this client is under way, until it is [`Self::answered`]. `false`: they
    /// have as many as they may.
    #[must_use]
    pub fn asks(&self) -> bool {
        let mut open = self.caps.open.lock().unwrap_or_else(PoisonError::into_inner);
        let of_client = open.by_network.entry(network(self.client)).or_default();
        let fits = of_client.requests < self.caps.max_requests_per_client;
        of_client.requests += usize::from(fits);
        fits
    }

    /// A request that [`Self::asks`] counted is over.
    pub fn answered(&self) {
        let mut open = self.caps.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(of_client) = open.by_network.get_mut(&network(self.client)) {
            of_client.requests = of_client.requests.saturating_sub(1);
        }
    }
}

impl Drop for Admission {
    fn drop(&mut self) {
        let mut open = self.caps.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.all = open.all.saturating_sub(1);
        let network = network(self.client);
        let left = open.by_network.get_mut(&network).map_or(0, |of_client| {
            of_client.connections = of_client.connections.saturating_sub(1);
            of_client.connections
        });
        if left == 0 {
            open.by_network.remove(&network);
        }
    }
}

/// What one client can have many addresses of: an IPv6 /64.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) => {
            let [a, b, c, d, ..] = v6.segments();
            IpAddr::from([a, b, c, d, 0, 0, 0, 0])
        }
        v4 @ IpAddr::V4(_) => v4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clients_are_counted_by_network() {
        let network = |text: &str| network(text.parse().unwrap()).to_string();
        assert_eq!(network("192.0.2.7"), "192.0.2.7");
        assert_eq!(network("::ffff:192.0.2.7"), "192.0.2.7");
        assert_eq!(network("2001:db8:1:2:3:4:5:6"), "2001:db8:1:2::");
    }

    #[test]
    fn a_place_is_free_again_when_it_is_left() {
        let caps = Arc::new(Caps::of(3, 2));
        let client = |n: u8| IpAddr::from([192, 0, 2, n]);
        let first = caps.admit(client(1)).ok();
        let second = caps.admit(client(1)).ok();
        assert!(first.is_some() && second.is_some());
        assert_eq!(caps.admit(client(1)).err(), Some("client"));
        let third = caps.admit(client(2)).ok();
        assert_eq!(caps.admit(client(3)).err(), Some("all"));
        drop((first, second, third));
        assert!(caps.admit(client(1)).is_ok());
        assert!(caps.open.lock().unwrap().by_network.is_empty(), "no trace of who was here");
    }

    #[test]
    fn a_client_s_requests_are_counted_over_all_its_connections() {
        let caps = Arc::new(Caps { max_requests_per_client: 2, ..Caps::of(9, 9) });
        let client = |n: u8| caps.admit(IpAddr::from([192, 0, 2, n])).ok().unwrap();
        let (first, second, other) = (client(1), client(1), client(2));
        assert!(first.asks() && second.asks());
        assert!(!first.asks() && !second.asks() && other.asks());
        second.answered();
        drop(second);
        assert!(first.asks() && !first.asks());
        drop((first, other));
        assert!(caps.open.lock().unwrap().by_network.is_empty(), "no trace of who was here");
    }
}
