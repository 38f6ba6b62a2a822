//! Which addresses are public: reachable from anywhere, and meant to be. Of IPv4 everything is that the registries have not set
//! apart; of IPv6 only what they have handed out (2000::/3), less what they have set apart in it. An address of IPv6 that has
//! one of IPv4 in it is never public: some machine on the way turns it into that one, and it is not ours to know which.
//!
//! After the IANA registries of special-purpose addresses (RFC 6890 and those that amend it), read in November 2026.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// What a machine of a cloud asks for its own credentials.
const METADATA: &str = "the metadata service of a cloud";

/// Blocks of IPv4 that are not public, the narrower ones first.
const BLOCKS_V4: &[([u8; 4], u32, &str)] = &[
    ([169, 254, 169, 254], 32, METADATA),
    ([169, 254, 170, 0], 24, METADATA),
    ([100, 100, 100, 200], 32, METADATA),
    ([168, 63, 129, 16], 32, METADATA),
    ([192, 0, 0, 192], 32, METADATA),
    ([255, 255, 255, 255], 32, "the broadcast address"),
    ([0, 0, 0, 0], 32, "this machine itself"),
    ([0, 0, 0, 0], 8, "this network itself"),
    ([10, 0, 0, 0], 8, "private"),
    ([100, 64, 0, 0], 10, "of a carrier's own network"),
    ([127, 0, 0, 0], 8, "loopback"),
    ([169, 254, 0, 0], 16, "link-local"),
    ([172, 16, 0, 0], 12, "private"),
    ([192, 0, 0, 0], 24, "set apart for protocols"),
    ([192, 0, 2, 0], 24, "for documentation"),
    ([192, 88, 99, 0], 24, "a relay of 6to4"),
    ([192, 168, 0, 0], 16, "private"),
    ([198, 18, 0, 0], 15, "for benchmarks"),
    ([198, 51, 100, 0], 24, "for documentation"),
    ([203, 0, 113, 0], 24, "for documentation"),
    ([224, 0, 0, 0], 4, "multicast"),
    ([240, 0, 0, 0], 4, "reserved"),
];

/// Blocks of IPv6 that are not public, the narrower ones first.
const BLOCKS_V6: &[([u16; 8], u32, &str)] = &[
    ([0xfd00, 0xec2, 0, 0, 0, 0, 0, 0], 32, METADATA),
    ([0xfd20, 0xce, 0, 0, 0, 0, 0, 0x254], 128, METADATA),
    ([0, 0, 0, 0, 0, 0, 0, 0], 128, "this machine itself"),
    ([0, 0, 0, 0, 0, 0, 0, 1], 128, "loopback"),
    ([0, 0, 0, 0, 0, 0xffff, 0, 0], 96, "an address of IPv4 in disguise"),
    ([0, 0, 0, 0, 0xffff, 0, 0, 0], 96, "an address of IPv4 in disguise"),
    ([0, 0, 0, 0, 0, 0, 0, 0], 96, "an address of IPv4 in disguise"),
    ([0x64, 0xff9b, 0, 0, 0, 0, 0, 0], 96, "an address of IPv4 behind NAT64"),
    ([0x64, 0xff9b, 1, 0, 0, 0, 0, 0], 48, "an address of IPv4 behind NAT64"),
    ([0x100, 0, 0, 0, 0, 0, 0, 0], 64, "one that discards everything"),
    ([0x2001, 0, 0, 0, 0, 0, 0, 0], 32, "a tunnel of Teredo"),
    ([0x2001, 2, 0, 0, 0, 0, 0, 0], 48, "for benchmarks"),
    ([0x2001, 0, 0, 0, 0, 0, 0, 0], 23, "set apart for protocols"),
    ([0x2001, 0xdb8, 0, 0, 0, 0, 0, 0], 32, "for documentation"),
    ([0x2002, 0, 0, 0, 0, 0, 0, 0], 16, "a tunnel of 6to4"),
    ([0x3fff, 0, 0, 0, 0, 0, 0, 0], 20, "for documentation"),
    ([0xfc00, 0, 0, 0, 0, 0, 0, 0], 7, "unique-local"),
    ([0xfe80, 0, 0, 0, 0, 0, 0, 0], 10, "link-local"),
    ([0xfec0, 0, 0, 0, 0, 0, 0, 0], 10, "site-local"),
    ([0xff00, 0, 0, 0, 0, 0, 0, 0], 8, "multicast"),
];

/// Why an address is not public, in words that follow "which is"; none for one that is.
pub fn not_public(address: IpAddr) -> Option<&'static str> {
    match address {
        IpAddr::V4(address) => block_v4(address),
        IpAddr::V6(address) => block_v6(address)
            .or_else(|| is_isatap(address).then_some("an address of IPv4 in a tunnel of ISATAP"))
            .or_else(|| (!is_handed_out(address)).then_some("reserved")),
    }
}

/// Whether a cloud answers there with credentials of this machine, also by way of an address of IPv6 that has the one of IPv4 in
/// it. No name is ever meant to lead there.
pub fn is_metadata(address: IpAddr) -> bool {
    let itself = not_public(address) == Some(METADATA);
    let IpAddr::V6(address) = address else { return itself };
    itself || embedded(address).into_iter().any(|inner| block_v4(inner) == Some(METADATA))
}

fn block_v4(address: Ipv4Addr) -> Option<&'static str> {
    let bits = address.to_bits();
    let within = |base: [u8; 4], length: u32| (bits ^ u32::from_be_bytes(base)) >> (32 - length) == 0;
    BLOCKS_V4.iter().find(|(base, length, _)| within(*base, *length)).map(|(_, _, what)| *what)
}

fn block_v6(address: Ipv6Addr) -> Option<&'static str> {
    let bits = address.to_bits();
    let within = |base: [u16; 8], length: u32| (bits ^ Ipv6Addr::from(base).to_bits()) >> (128 - length) == 0;
    BLOCKS_V6.iter().find(|(base, length, _)| within(*base, *length)).map(|(_, _, what)| *what)
}

/// Global unicast: nothing beyond 2000::/3 has been handed out.
fn is_handed_out(address: Ipv6Addr) -> bool {
    address.to_bits() >> 125 == 0b001
}

/// RFC 5214, 6.1: the lower half says `0:5efe` or `200:5efe`, then the address of IPv4.
fn is_isatap(address: Ipv6Addr) -> bool {
    let [.., flags, mark, _, _] = address.segments();
    mark == 0x5efe && flags & !0x0200 == 0
}

/// The addresses of IPv4 that may be meant by one of IPv6: in its last four bytes, or in those after the prefix of 6to4 or
/// of a NAT64 with a network's own prefix (RFC 6052 leaves out the ninth byte).
fn embedded(address: Ipv6Addr) -> [Ipv4Addr; 3] {
    let b = address.octets();
    [
        Ipv4Addr::new(b[12], b[13], b[14], b[15]),
        Ipv4Addr::new(b[2], b[3], b[4], b[5]),
        Ipv4Addr::new(b[6], b[7], b[9], b[10]),
    ]
}
