//! Which addresses are public: the edges of every block, and what lies beside it.

use std::net::IpAddr;

use faena::egress::address::{is_metadata, not_public};

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap_or_else(|error| panic!("{text}: {error}"))
}

/// A block's first and last address, a word of what it is, and the public neighbours of it.
const BLOCKS: &[(&str, &str, &str, &[&str])] = &[
    ("0.0.0.1", "0.255.255.255", "network itself", &["1.0.0.0"]),
    ("10.0.0.0", "10.255.255.255", "private", &["9.255.255.255", "11.0.0.0"]),
    ("100.64.0.0", "100.127.255.255", "carrier", &["100.63.255.255", "100.128.0.0"]),
    ("127.0.0.0", "127.255.255.255", "loopback", &["126.255.255.255", "128.0.0.0"]),
    ("169.254.0.0", "169.254.255.255", "link-local", &["169.253.255.255", "169.255.0.0"]),
    ("172.16.0.0", "172.31.255.255", "private", &["172.15.255.255", "172.32.0.0"]),
    ("192.0.0.0", "192.0.0.255", "protocols", &["191.255.255.255", "192.0.1.0"]),
    ("192.0.2.0", "192.0.2.255", "documentation", &["192.0.1.255", "192.0.3.0"]),
    ("192.88.99.0", "192.88.99.255", "6to4", &["192.88.98.255", "192.88.100.0"]),
    ("192.168.0.0", "192.168.255.255", "private", &["192.167.255.255", "192.169.0.0"]),
    ("198.18.0.0", "198.19.255.255", "benchmarks", &["198.17.255.255", "198.20.0.0"]),
    ("198.51.100.0", "198.51.100.255", "documentation", &["198.51.99.255", "198.51.101.0"]),
    ("203.0.113.0", "203.0.113.255", "documentation", &["203.0.112.255", "203.0.114.0"]),
    ("224.0.0.0", "239.255.255.255", "multicast", &["223.255.255.255"]),
    ("240.0.0.0", "255.255.255.254", "reserved", &[]),
    ("::2", "::ffff:ffff", "IPv4 in disguise", &[]),
    ("::ffff:0.0.0.0", "::ffff:255.255.255.255", "IPv4 in disguise", &[]),
    ("::ffff:0:0:0", "::ffff:0:ffff:ffff", "IPv4 in disguise", &[]),
    ("64:ff9b::", "64:ff9b::ffff:ffff", "NAT64", &[]),
    ("64:ff9b:1::", "64:ff9b:1:ffff:ffff:ffff:ffff:ffff", "NAT64", &[]),
    ("100::", "100::ffff:ffff:ffff:ffff", "discards", &[]),
    ("200::", "1fff:ffff::", "reserved", &["2000::"]),
    ("2001::", "2001:0:ffff:ffff:ffff:ffff:ffff:ffff", "Teredo", &["2000:ffff::"]),
    ("2001:1::", "2001:1ff:ffff::", "protocols", &["2001:200::"]),
    ("2001:2::", "2001:2:0:ffff::", "benchmarks", &[]),
    ("2001:db8::", "2001:db8:ffff::", "documentation", &["2001:db7:ffff::", "2001:db9::"]),
    ("2002::", "2002:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "6to4", &["2001:ffff::", "2003::"]),
    ("3fff::", "3fff:fff:ffff::", "documentation", &["3ffe:ffff::", "3fff:1000::"]),
    ("4000::", "fbff:ffff::", "reserved", &[]),
    ("fc00::", "fdff:ffff::", "unique-local", &[]),
    ("fe00::", "fe7f:ffff::", "reserved", &[]),
    ("fe80::", "febf:ffff::", "link-local", &[]),
    ("fec0::", "feff:ffff::", "site-local", &[]),
    ("ff00::", "ffff:ffff::", "multicast", &[]),
];

#[test]
fn every_block_ends_where_it_ends() {
    for (first, last, what, neighbours) in BLOCKS {
        for edge in [first, last] {
            let said = not_public(ip(edge));
            assert!(said.is_some_and(|said| said.contains(what)), "{edge}: {said:?}, not {what}");
        }
        for neighbour in *neighbours {
            assert_eq!(not_public(ip(neighbour)), None, "{neighbour}");
        }
    }
}

#[test]
fn what_the_world_uses_is_public() {
    for address in
        ["1.1.1.1", "8.8.8.8", "93.184.216.34", "168.63.129.17", "2606:4700::1111", "2a00:1450:4001:82a::200e"]
    {
        assert_eq!(not_public(ip(address)), None, "{address}");
    }
}

#[test]
fn single_addresses_have_their_own_words() {
    for (address, what) in [
        ("0.0.0.0", "this machine itself"),
        ("::", "this machine itself"),
        ("::1", "loopback"),
        ("255.255.255.255", "the broadcast address"),
        ("169.254.169.254", "the metadata service of a cloud"),
        ("fd00:ec2::254", "the metadata service of a cloud"),
        ("2a00:1450::200:5efe:7f00:1", "an address of IPv4 in a tunnel of ISATAP"),
        ("2a00:1450::5efe:7f00:1", "an address of IPv4 in a tunnel of ISATAP"),
    ] {
        assert_eq!(not_public(ip(address)), Some(what), "{address}");
    }
}

#[test]
fn the_metadata_service_is_known_in_every_disguise() {
    for address in [
        "169.254.169.254",
        "169.254.170.2",
        "100.100.100.200",
        "168.63.129.16",
        "192.0.0.192",
        "fd00:ec2::254",
        "fd20:ce::254",
        "::ffff:169.254.169.254",
        "::169.254.169.254",
        "64:ff9b::169.254.169.254",
        "64:ff9b:1::169.254.169.254",
        "2002:a9fe:a9fe::1",
        "2a00:1450:a:a9fe:a9:fe00::",
    ] {
        assert!(is_metadata(ip(address)), "{address}");
    }
    for address in ["169.254.1.1", "10.0.0.1", "127.0.0.1", "::1", "fd12::1", "93.184.216.34"] {
        assert!(!is_metadata(ip(address)), "{address}");
    }
}
