//! `ip`, `ip_list`.

use std::net::IpAddr;

use ipnet::{IpNet, Ipv4Net};

use super::{Held, Unevaluable, Unknown, View};
use crate::Need;

/// `ip`: an address or a network. Host bits of a network do not matter.
pub(super) fn within(view: &View<'_>, ip: &str) -> Held {
    let network = network(ip).ok_or(Unevaluable::NotANetwork)?;
    Ok(network.contains(&address(view)?))
}

/// `ip_list`. The list is sorted as text, so we look for each network that the address is in.
pub(super) fn on_list(view: &View<'_>, id: &str) -> Result<Held, Need> {
    let Some(list) = view.known.records.list(id)? else {
        return Ok(Err(Unevaluable::NoList.into()));
    };
    if list.kind != "IP" {
        return Ok(Err(Unevaluable::OtherList.into()));
    }
    let has = |text: String| list.values.binary_search(&text).is_ok();
    Ok(address(view).map(|address| {
        let longest = IpNet::from(address).prefix_len();
        let mut networks = (0..=longest).filter_map(|bits| IpNet::new(address, bits).ok());
        has(address.to_string()) || networks.any(|network| has(network.trunc().to_string()))
    }))
}

/// An IPv4 address is one however it was written: `::ffff:192.0.2.1` is `192.0.2.1` (RFC 4291
/// §2.5.5.2).
fn address(view: &View<'_>) -> Result<IpAddr, Unknown> {
    let ip = view.circumstances.ip.ok_or(Unevaluable::UnknownAddress)?;
    Ok(ip.to_canonical())
}

fn network(text: &str) -> Option<IpNet> {
    let network = text.parse().or_else(|_| text.parse::<IpAddr>().map(IpNet::from)).ok()?;
    if let IpNet::V6(mapped) = network
        && let Some(address) = mapped.addr().to_ipv4_mapped()
        && let Some(bits) = mapped.prefix_len().checked_sub(96)
    {
        return Ipv4Net::new(address, bits).ok().map(IpNet::V4);
    }
    Some(network)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks_are_read_in_every_spelling() {
        for (text, canonical) in [
            ("192.0.2.0/24", "192.0.2.0/24"),
            ("192.0.2.7", "192.0.2.7/32"),
            ("2001:db8::/32", "2001:db8::/32"),
            ("2001:DB8::1", "2001:db8::1/128"),
            ("::ffff:192.0.2.0/120", "192.0.2.0/24"),
            ("::ffff:192.0.2.1", "192.0.2.1/32"),
            ("::/0", "::/0"),
        ] {
            assert_eq!(network(text).unwrap().to_string(), canonical);
        }
        for text in
            ["", "192.0.2.0/33", "192.0.2", "0x7f.1", "192.0.2.0/-1", "example.com", " 10.0.0.1"]
        {
            assert_eq!(network(text), None, "{text}");
        }
    }
}
