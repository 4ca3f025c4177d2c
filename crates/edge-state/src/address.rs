//! How far an IP address reaches: what is asked before every connection that is made on a
//! customer's word, in the control plane as at the edge, of every address that a name has.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Who is behind an address.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Reach {
    /// Anyone on the internet reaches it.
    Public,
    /// The operator's own networks and this machine.
    Private,
    /// Nobody's server: link-local (cloud metadata is there), multicast, reserved.
    Never,
}

impl Reach {
    /// Whether to connect, where private networks are allowed or not.
    #[must_use]
    pub fn is_allowed(self, allow_private: bool) -> bool {
        match self {
            Self::Public => true,
            Self::Private => allow_private,
            Self::Never => false,
        }
    }
}

/// How far the address reaches, by IANA's registries of special-purpose addresses (RFC 6890). An
/// IPv6 address that stands for an IPv4 address reaches no further than that one.
#[must_use]
pub fn reach(address: IpAddr) -> Reach {
    match address.to_canonical() {
        IpAddr::V4(address) => reach_v4(address),
        IpAddr::V6(address) => reach_v6(address),
    }
}

fn reach_v4(address: Ipv4Addr) -> Reach {
    match address.octets() {
        [10 | 127, ..] | [192, 168, ..] => Reach::Private,
        [172, second, ..] if second >> 4 == 1 => Reach::Private,
        [100, second, ..] if second >> 6 == 1 => Reach::Private, // RFC 6598
        [0 | 224..=255, ..]
        | [169, 254, ..]
        | [192, 0, 0 | 2, _]
        | [192, 88, 99, _]
        | [198, 18 | 19, ..]
        | [198, 51, 100, _]
        | [203, 0, 113, _] => Reach::Never,
        _ => Reach::Public,
    }
}

fn reach_v6(address: Ipv6Addr) -> Reach {
    let embedded = |high: u16, low: u16| {
        let bits = u32::from(high) << 16 | u32::from(low);
        // Through a translator, private is somebody else's private.
        if reach_v4(Ipv4Addr::from_bits(bits)) == Reach::Public {
            Reach::Public
        } else {
            Reach::Never
        }
    };
    match address.segments() {
        [0, 0, 0, 0, 0, 0, 0, 1] => Reach::Private,
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] | [0x2002, high, low, ..] => embedded(high, low),
        [first, ..] if first >> 9 == 0xfc >> 1 => Reach::Private, // fc00::/7, RFC 4193
        [0x2001, second, ..] if second < 0x200 || second == 0xdb8 => Reach::Never,
        [0x3fff, second, ..] if second < 0x1000 => Reach::Never, // RFC 9637
        [first, ..] if first >> 13 == 1 => Reach::Public,        // 2000::/3
        _ => Reach::Never,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn is_public(address: IpAddr) -> bool {
        reach(address) == Reach::Public
    }

    #[test]
    fn every_range_has_its_reach() {
        use Reach::{Never, Private, Public};
        for (text, expected) in [
            ("8.8.8.8", Public),
            ("9.255.255.255", Public),
            ("10.0.0.0", Private),
            ("10.255.255.255", Private),
            ("11.0.0.0", Public),
            ("100.63.255.255", Public),
            ("100.64.0.0", Private),
            ("100.127.255.255", Private),
            ("100.128.0.0", Public),
            ("127.0.0.1", Private),
            ("172.15.255.255", Public),
            ("172.16.0.0", Private),
            ("172.31.255.255", Private),
            ("172.32.0.0", Public),
            ("192.168.0.1", Private),
            ("0.0.0.0", Never),
            ("169.254.169.254", Never),
            ("192.0.0.8", Never),
            ("192.0.2.1", Never),
            ("198.19.0.1", Never),
            ("198.51.100.1", Never),
            ("203.0.113.1", Never),
            ("224.0.0.1", Never),
            ("255.255.255.255", Never),
            ("2606:4700::1111", Public),
            ("::1", Private),
            ("fc00::1", Private),
            ("fdff::1", Private),
            ("::", Never),
            ("::127.0.0.1", Never),
            ("fe80::1", Never),
            ("fec0::1", Never),
            ("ff02::1", Never),
            ("2001:db8::1", Never),
            ("2001::1", Never),
            ("64:ff9b::127.0.0.1", Never),
            ("64:ff9b::8.8.8.8", Public),
            ("2002:7f00:1::", Never),
            ("2002:a00:1::", Never),
            ("2002:808:808::", Public),
        ] {
            assert_eq!(reach(text.parse().unwrap()), expected, "{text}");
        }
    }

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
