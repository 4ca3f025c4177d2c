//! Where control-api may connect to on a customer's word: only to addresses that anyone on the
//! public internet can reach, or names in DNS would lead it into the operator's own network.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// An address behind which is no public host.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{0} is not a public address")]
pub struct NotPublic(pub IpAddr);

/// Refuses a name if any of its addresses is not public: with only the others, whoever owns the
/// name could choose by the order of answers. The caller connects to these very addresses.
///
/// # Errors
/// The first address that is not public.
pub fn check_all(addresses: &[IpAddr]) -> Result<(), NotPublic> {
    match addresses.iter().find(|address| !is_public(**address)) {
        Some(address) => Err(NotPublic(*address)),
        None => Ok(()),
    }
}

/// Whether the address is globally reachable (IANA's special-purpose registries, RFC 6890). An
/// IPv6 address that stands for an IPv4 address is as public as that one.
#[must_use]
pub fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let bits = address.to_bits();
    !RESERVED_V4
        .iter()
        .any(|(network, length)| bits >> (32 - length) == network.to_bits() >> (32 - length))
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    let segments = address.segments();
    let embedded = |high: u16, low: u16| {
        is_public_v4(Ipv4Addr::from_bits(u32::from(high) << 16 | u32::from(low)))
    };
    match segments {
        [0, 0, 0, 0, 0, 0xffff, high, low] // v4-mapped, RFC 4291 §2.5.5.2
        | [0x64, 0xff9b, 0, 0, 0, 0, high, low] // NAT64, RFC 6052 §2.1
        | [0x2002, high, low, ..] => embedded(high, low), // 6to4, RFC 3056 §2
        [0x2001, second, ..] if second < 0x200 => false, // RFC 2928: Teredo, ORCHID, benchmarking
        [0x2001, 0xdb8, ..] => false, // documentation, RFC 3849
        [0x3fff, second, ..] if second < 0x1000 => false, // documentation, RFC 9637
        [first, ..] => first >> 13 == 1, // 2000::/3 is all that was ever given out
    }
}

const RESERVED_V4: [(Ipv4Addr, u32); 15] = [
    (Ipv4Addr::UNSPECIFIED, 8),
    (Ipv4Addr::new(10, 0, 0, 0), 8),
    (Ipv4Addr::new(100, 64, 0, 0), 10),
    (Ipv4Addr::new(127, 0, 0, 0), 8),
    (Ipv4Addr::new(169, 254, 0, 0), 16),
    (Ipv4Addr::new(172, 16, 0, 0), 12),
    (Ipv4Addr::new(192, 0, 0, 0), 24),
    (Ipv4Addr::new(192, 0, 2, 0), 24),
    (Ipv4Addr::new(192, 88, 99, 0), 24),
    (Ipv4Addr::new(192, 168, 0, 0), 16),
    (Ipv4Addr::new(198, 18, 0, 0), 15),
    (Ipv4Addr::new(198, 51, 100, 0), 24),
    (Ipv4Addr::new(203, 0, 113, 0), 24),
    (Ipv4Addr::new(224, 0, 0, 0), 4),
    (Ipv4Addr::new(240, 0, 0, 0), 4),
];

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn every_range_is_refused_from_end_to_end() {
        for (first, last) in [
            ("0.0.0.0", "0.255.255.255"),
            ("10.0.0.0", "10.255.255.255"),
            ("100.64.0.0", "100.127.255.255"),
            ("127.0.0.0", "127.255.255.255"),
            ("169.254.0.0", "169.254.255.255"),
            ("172.16.0.0", "172.31.255.255"),
            ("192.0.0.0", "192.0.0.255"),
            ("192.0.2.0", "192.0.2.255"),
            ("192.168.0.0", "192.168.255.255"),
            ("198.18.0.0", "198.19.255.255"),
            ("224.0.0.0", "239.255.255.255"),
            ("240.0.0.0", "255.255.255.255"),
            ("::", "::ffff"),
            ("::7f00:1", "::ffff:ffff"),
            ("::ffff:10.0.0.0", "::ffff:10.255.255.255"),
            ("::ffff:127.0.0.1", "::ffff:169.254.169.254"),
            ("64:ff9b::a00:0", "64:ff9b::aff:ffff"),
            ("64:ff9b:1::", "64:ff9b:1:ffff:ffff:ffff:ffff:ffff"),
            ("100::", "100::ffff:ffff:ffff:ffff"),
            ("2001::", "2001:1ff:ffff:ffff:ffff:ffff:ffff:ffff"),
            ("2001:db8::", "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff"),
            ("2002:a00::", "2002:aff:ffff::"),
            ("2002:7f00:1::", "2002:7f00:1:ffff::"),
            ("2002:c0a8::", "2002:c0a8:ffff::"),
            ("3fff::", "3fff:fff:ffff:ffff:ffff:ffff:ffff:ffff"),
            ("fc00::", "fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
            ("fe80::", "febf:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
            ("fec0::", "feff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
            ("ff00::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
        ] {
            for text in [first, last] {
                assert!(!is_public(text.parse().unwrap()), "{text}");
            }
        }
    }

    #[test]
    fn the_neighbours_of_every_range_are_public() {
        for text in [
            "1.0.0.0",
            "9.255.255.255",
            "11.0.0.0",
            "100.63.255.255",
            "100.128.0.0",
            "126.255.255.255",
            "128.0.0.0",
            "169.253.255.255",
            "169.255.0.0",
            "172.15.255.255",
            "172.32.0.0",
            "191.255.255.255",
            "192.0.1.0",
            "192.167.255.255",
            "192.169.0.0",
            "198.17.255.255",
            "198.20.0.0",
            "223.255.255.255",
            "::ffff:8.8.8.8",
            "64:ff9b::808:808",
            "2002:808:808::1",
            "2001:200::",
            "2001:4860:4860::8888",
            "2606:4700::1111",
        ] {
            assert!(is_public(text.parse().unwrap()), "{text}");
        }
    }

    #[test]
    fn one_private_address_spoils_a_name() {
        let addresses = ["8.8.8.8", "10.0.0.1"].map(|text| text.parse().unwrap());
        assert_eq!(check_all(&addresses), Err(NotPublic(addresses[1])));
        assert_eq!(check_all(&addresses[..1]), Ok(()));
    }

    proptest! {
        #[test]
        fn every_form_of_an_ipv4_address_is_as_public_as_it(bits in any::<u32>()) {
            let plain = Ipv4Addr::from_bits(bits);
            let [a, b, c, d] = plain.octets();
            let (high, low) = (u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d]));
            for form in [
                plain.to_ipv6_mapped(),
                Ipv6Addr::new(0x64, 0xff9b, 0, 0, 0, 0, high, low),
                Ipv6Addr::new(0x2002, high, low, 0, 0, 0, 0, 1),
            ] {
                prop_assert_eq!(is_public(plain.into()), is_public(form.into()), "{}", form);
            }
            prop_assert!(!is_public(plain.to_ipv6_compatible().into()));
        }
    }
}
