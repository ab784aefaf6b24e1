//! Which addresses may be connected to: those of the public Internet, and what the operator allows beside.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::auth::client_address::Network;

/// Networks of IPv4 that are no public ones, by the IANA IPv4 Special-Purpose Address Registry.
const SPECIAL_V4: [(Network, &str); 15] = [
    (v4([0, 0, 0, 0], 8), "an address of this network"),
    (v4([10, 0, 0, 0], 8), PRIVATE),
    (v4([100, 64, 0, 0], 10), "a shared address of a provider"),
    (v4([127, 0, 0, 0], 8), LOOPBACK),
    (v4([169, 254, 0, 0], 16), LINK_LOCAL),
    (v4([172, 16, 0, 0], 12), PRIVATE),
    (v4([192, 0, 0, 0], 24), RESERVED),
    (v4([192, 0, 2, 0], 24), DOCUMENTATION),
    (v4([192, 88, 99, 0], 24), RESERVED),
    (v4([192, 168, 0, 0], 16), PRIVATE),
    (v4([198, 18, 0, 0], 15), "an address for benchmarks"),
    (v4([198, 51, 100, 0], 24), DOCUMENTATION),
    (v4([203, 0, 113, 0], 24), DOCUMENTATION),
    (v4([224, 0, 0, 0], 4), MULTICAST),
    (v4([240, 0, 0, 0], 4), RESERVED),
];

/// What stands out of the public networks of IPv6, by the IANA IPv6 Special-Purpose Address Registry.
///
/// The first that holds an address says what it is. 6to4 and Teredo carry an address of IPv4 in them and are given up
/// (RFC 7526): they are refused whatever it is.
const SPECIAL_V6: [(Network, &str); 13] = [
    (v6([0, 0, 0, 0, 0, 0, 0, 0], 128), "no address"),
    (v6([0, 0, 0, 0, 0, 0, 0, 1], 128), LOOPBACK),
    (v6([0xfc00, 0, 0, 0, 0, 0, 0, 0], 7), PRIVATE),
    (v6([0xfe80, 0, 0, 0, 0, 0, 0, 0], 10), LINK_LOCAL),
    (v6([0xfec0, 0, 0, 0, 0, 0, 0, 0], 10), PRIVATE),
    (v6([0xff00, 0, 0, 0, 0, 0, 0, 0], 8), MULTICAST),
    (v6([0x2001, 0, 0, 0, 0, 0, 0, 0], 32), "an address of Teredo"),
    (v6([0x2001, 2, 0, 0, 0, 0, 0, 0], 48), "an address for benchmarks"),
    (v6([0x2001, 0, 0, 0, 0, 0, 0, 0], 23), RESERVED),
    (v6([0x2001, 0xdb8, 0, 0, 0, 0, 0, 0], 32), DOCUMENTATION),
    (v6([0x2002, 0, 0, 0, 0, 0, 0, 0], 16), "an address of 6to4"),
    (v6([0x3fff, 0, 0, 0, 0, 0, 0, 0], 20), DOCUMENTATION),
    (v6([0x3ffe, 0, 0, 0, 0, 0, 0, 0], 16), RESERVED),
];

/// All public addresses of IPv6 that have been given out.
const GLOBAL_V6: Network = v6([0x2000, 0, 0, 0, 0, 0, 0, 0], 3);
/// The well-known prefix of NAT64 (RFC 6052): a network of IPv6 only reaches every IPv4 address below it.
const NAT64: Network = v6([0x64, 0xff9b, 0, 0, 0, 0, 0, 0], 96);

const PRIVATE: &str = "a private address";
const LOOPBACK: &str = "this machine itself";
const LINK_LOCAL: &str = "an address of the local link";
const DOCUMENTATION: &str = "an address for documentation";
const MULTICAST: &str = "a multicast address";
const RESERVED: &str = "a reserved address";

/// Lets an address pass that is public or lies in an allowed network; else says what it is.
pub(super) fn admit(address: IpAddr, allowed: &[Network]) -> Result<(), &'static str> {
    let meant = meant(address);
    let is_allowed = |address| allowed.iter().any(|network| network.contains(address));
    match special(meant) {
        Some(kind) if !is_allowed(meant) && !is_allowed(address) => Err(kind),
        _ => Ok(()),
    }
}

/// Returns the address that packets to this one arrive at, where it only carries another.
fn meant(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) if NAT64.contains(IpAddr::V6(v6)) => {
            let [.., a, b, c, d] = v6.octets();
            IpAddr::V4(Ipv4Addr::new(a, b, c, d))
        }
        address => address,
    }
}

/// Says what an address is that is no public one.
fn special(address: IpAddr) -> Option<&'static str> {
    let table: &[(Network, &str)] = if address.is_ipv4() { &SPECIAL_V4 } else { &SPECIAL_V6 };
    let found = table.iter().find(|(network, _)| network.contains(address)).map(|(_, kind)| *kind);
    found.or((address.is_ipv6() && !GLOBAL_V6.contains(address)).then_some(RESERVED))
}

const fn v4(octets: [u8; 4], bits: u32) -> Network {
    Network::new(IpAddr::V4(Ipv4Addr::from_octets(octets)), bits)
}

const fn v6(segments: [u16; 8], bits: u32) -> Network {
    Network::new(IpAddr::V6(Ipv6Addr::from_segments(segments)), bits)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn says(address: &str) -> &'static str {
        admit(address.parse().unwrap(), &[]).err().unwrap_or("public")
    }

    #[test]
    fn every_kind_of_address_is_told() {
        for (kind, addresses) in [
            (
                "public",
                &["1.1.1.1", "8.8.8.8", "9.255.255.255", "11.0.0.0", "100.63.255.255", "100.128.0.0"][..],
            ),
            (
                "public",
                &["172.15.255.255", "172.32.0.0", "192.167.255.255", "192.169.0.0", "223.255.255.255"],
            ),
            ("public", &["2606:4700:4700::1111", "2a00:1450::1", "2001:200::1", "2003::1", "3fff:1000::"]),
            ("public", &["::ffff:1.1.1.1", "64:ff9b::101:101"]),
            (LOOPBACK, &["127.0.0.1", "127.255.255.255", "::1", "::ffff:127.0.0.1", "64:ff9b::7f00:1"]),
            (PRIVATE, &["10.0.0.0", "10.255.255.255", "172.16.0.0", "172.31.255.255", "192.168.0.0"]),
            (
                PRIVATE,
                &["192.168.255.255", "fc00::", "fdff::1", "fec0::1", "::ffff:10.1.2.3", "64:ff9b::a00:1"],
            ),
            (
                LINK_LOCAL,
                &["169.254.169.254", "fe80::1", "febf::1", "::ffff:a9fe:a9fe", "64:ff9b::a9fe:a9fe"],
            ),
            ("a shared address of a provider", &["100.64.0.0", "100.127.255.255", "::ffff:100.64.0.1"]),
            ("an address of this network", &["0.0.0.0", "0.1.2.3", "::ffff:0.0.0.0"]),
            ("no address", &["::"]),
            (MULTICAST, &["224.0.0.1", "239.255.255.255", "ff02::1"]),
            (DOCUMENTATION, &["192.0.2.1", "198.51.100.1", "203.0.113.1", "2001:db8::1", "3fff::1"]),
            ("an address for benchmarks", &["198.18.0.1", "198.19.255.255", "2001:2::1"]),
            ("an address of Teredo", &["2001::1", "2001:0:4136:e378:8000:63bf:3fff:fdd2"]),
            ("an address of 6to4", &["2002::", "2002:7f00:1::", "2002:101:101::1"]),
            (
                RESERVED,
                &["192.0.0.1", "192.88.99.1", "240.0.0.1", "255.255.255.255", "2001:10::1", "2001:20::1"],
            ),
            // Compatible with IPv4, translated, local NAT64, discarding, segment routing.
            (
                RESERVED,
                &["::7f00:1", "::a00:1", "::ffff:0:7f00:1", "64:ff9b:1::1", "100::1", "5f00::1", "4000::1"],
            ),
        ] {
            for address in addresses {
                assert_eq!(says(address), kind, "{address}");
            }
        }
    }

    #[test]
    fn the_operator_allows_networks_by_either_form() {
        let allows = |network: &str, address: &str| {
            let network = Network::parse(network).unwrap();
            admit(address.parse().unwrap(), &[network]).is_ok()
        };
        assert!(allows("10.0.0.0/8", "10.1.2.3") && !allows("10.0.0.0/8", "192.168.0.1"));
        assert!(allows("10.0.0.0/8", "::ffff:10.1.2.3") && allows("10.0.0.0/8", "64:ff9b::a01:203"));
        assert!(allows("127.0.0.1", "127.0.0.1") && !allows("127.0.0.1", "127.0.0.2"));
        assert!(allows("fd00::/8", "fd00::1") && !allows("fd00::/8", "fe80::1"));
        assert!(allows("2002::/16", "2002:7f00:1::"));
    }

    const NEVER_PUBLIC: [(&str, u32); 8] = [
        ("0.0.0.0", 8),
        ("10.0.0.0", 8),
        ("100.64.0.0", 10),
        ("127.0.0.0", 8),
        ("169.254.0.0", 16),
        ("172.16.0.0", 12),
        ("192.168.0.0", 16),
        ("224.0.0.0", 3),
    ];

    /// Writes an IPv4 address in each of the ways in which IPv6 can carry it.
    fn carriers(v4: Ipv4Addr) -> [IpAddr; 6] {
        let low = u128::from(v4.to_bits());
        let [a, b, c, d] = v4.octets();
        let (high, rest) = (u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d]));
        [
            IpAddr::V4(v4),
            IpAddr::V6(v4.to_ipv6_mapped()),
            IpAddr::V6(Ipv6Addr::from_bits(low)),
            IpAddr::V6(Ipv6Addr::from_bits((0x0064_ff9b_u128 << 96) | low)),
            IpAddr::V6(Ipv6Addr::new(0x2002, high, rest, 0, 0, 0, 0, 1)),
            IpAddr::V6(Ipv6Addr::new(0x2001, 0, 0x4136, 0xe378, 0x8000, 0x63bf, !high, !rest)),
        ]
    }

    proptest! {
        #[test]
        fn what_is_not_public_passes_in_no_disguise(
            (base, bits) in prop::sample::select(&NEVER_PUBLIC[..]),
            host in any::<u32>(),
        ) {
            let base: Ipv4Addr = base.parse().unwrap();
            for address in carriers(Ipv4Addr::from_bits(base.to_bits() | host >> bits)) {
                prop_assert!(admit(address, &[]).is_err(), "{}", address);
            }
        }

        #[test]
        fn the_standard_library_calls_none_of_them_special(bits in any::<u32>()) {
            let address = Ipv4Addr::from_bits(bits);
            if admit(IpAddr::V4(address), &[]).is_ok() {
                prop_assert!(!address.is_private() && !address.is_loopback() && !address.is_link_local());
                prop_assert!(!address.is_multicast() && !address.is_broadcast() && !address.is_documentation());
                prop_assert!(!address.is_unspecified());
            }
        }

        #[test]
        fn of_ipv6_only_the_public_networks_pass(bits in any::<u128>(), low in any::<u64>()) {
            for address in [Ipv6Addr::from_bits(bits), Ipv6Addr::from_bits(u128::from(low))] {
                let carries = address.to_ipv4_mapped().is_some() || NAT64.contains(IpAddr::V6(address));
                if admit(IpAddr::V6(address), &[]).is_ok() && !carries {
                    prop_assert_eq!(address.segments()[0] >> 13, 1);
                    prop_assert!(!address.is_unique_local() && !address.is_unicast_link_local());
                }
            }
        }
    }
}
