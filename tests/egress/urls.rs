//! A hundred URLs against what becomes of them, before any name is looked up.

use std::net::Ipv4Addr;

use faena::egress::address::not_public;
use faena::egress::{Host, Permit, Policy, Refused, Target};
use proptest::prelude::*;

use crate::{ask, entries};

/// What is to become of a URL.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Fate {
    /// It may be called, at this place, if its name leads to public addresses.
    Public(&'static str),
    /// It may be called, at this place, wherever its name leads.
    Anywhere(&'static str),
    /// It is no URL that is called.
    Malformed,
    /// It leads to what is not public.
    NotPublic,
}
use Fate::{Anywhere, Malformed, NotPublic, Public};

/// Under a policy that vouches for `10.1.2.3:8080`, `[fd12::7]:443`, `hooks.internal:9000` and `localhost:7001`.
const TABLE: &[(&str, Fate)] = &[
    // What the world uses.
    ("https://example.com/", Public("example.com:443")),
    ("http://example.com/hook?a=1#part", Public("example.com:80")),
    ("HTTPS://EXAMPLE.COM/", Public("example.com:443")),
    ("https://example.com:8443/x", Public("example.com:8443")),
    ("https://example.com./", Public("example.com:443")),
    ("https://a_b.example/", Public("a_b.example:443")),
    ("https://münchen.example/", Public("xn--mnchen-3ya.example:443")),
    ("https://xn--mnchen-3ya.example/", Public("xn--mnchen-3ya.example:443")),
    ("https://ｅｘａｍｐｌｅ.com/", Public("example.com:443")),
    ("http://93.184.216.34/", Public("93.184.216.34:80")),
    ("http://1572395042/", Public("93.184.216.34:80")),
    ("http://[2606:4700::1111]/", Public("[2606:4700::1111]:80")),
    ("http://redis/", Public("redis:80")),
    ("http://127.0.0.1.example.com/", Public("127.0.0.1.example.com:80")),
    ("http://localhost.example.com/", Public("localhost.example.com:80")),
    // No URL that is called.
    ("", Malformed),
    ("example.com", Malformed),
    ("//example.com/", Malformed),
    ("http:", Malformed),
    ("http://", Malformed),
    ("http:/127.0.0.1/", Malformed),
    ("http:127.0.0.1", Malformed),
    ("ftp://example.com/", Malformed),
    ("file:///etc/passwd", Malformed),
    ("gopher://127.0.0.1:6379/_INFO", Malformed),
    ("dict://127.0.0.1:11211/stat", Malformed),
    ("data:text/plain,hello", Malformed),
    ("javascript:alert(1)", Malformed),
    ("unix:///var/run/docker.sock", Malformed),
    ("ws://example.com/", Malformed),
    ("http://user@example.com/", Malformed),
    ("http://user:secret@example.com/", Malformed),
    ("http://:secret@example.com/", Malformed),
    ("http://example.com@127.0.0.1/", Malformed),
    ("http://127.0.0.1@example.com/", Malformed),
    ("http://example.com:80@127.0.0.1/", Malformed),
    ("http://example.com\\@127.0.0.1/", Malformed),
    ("http:\\\\127.0.0.1\\", Malformed),
    (" http://example.com/", Malformed),
    ("http://example.com/ ", Malformed),
    ("http://exa mple.com/", Malformed),
    ("http://exa\tmple.com/", Malformed),
    ("ht\ntp://127.0.0.1/", Malformed),
    ("http://example.com/\r\nHost: internal", Malformed),
    ("http://example.com\u{0}/", Malformed),
    ("http://example.com\u{3000}/", Malformed),
    ("http://example.com:0/", Malformed),
    ("http://example.com:65536/", Malformed),
    ("http://example.com:http/", Malformed),
    ("http://example..com/", Malformed),
    ("http://.example.com/", Malformed),
    ("http://./", Malformed),
    ("http://[::1/", Malformed),
    ("http://[127.0.0.1]/", Malformed),
    ("http://[fe80::1%25eth0]/", Malformed),
    ("http://[fe80::1%eth0]/", Malformed),
    ("http://256.256.256.256/", Malformed),
    ("http://1.2.3.4.5/", Malformed),
    ("http://0x100000000/", Malformed),
    ("http://127.0.0.1%00.example.com/", Malformed),
    ("http://a%2fb.example/", Malformed),
    ("http://xn--a.example/", Malformed),
    // This machine, in all its spellings.
    ("http://127.0.0.1/", NotPublic),
    ("https://127.0.0.1:8443/", NotPublic),
    ("http://127.255.255.254/", NotPublic),
    ("http://127.1/", NotPublic),
    ("http://127.0.1/", NotPublic),
    ("http://2130706433/", NotPublic),
    ("http://017700000001/", NotPublic),
    ("http://0177.0.0.1/", NotPublic),
    ("http://0x7f.1/", NotPublic),
    ("http://0x7F000001/", NotPublic),
    ("http://0x7f.0x0.0x0.0x1/", NotPublic),
    ("http://127.0.0.1./", NotPublic),
    ("http://%31%32%37.0.0.1/", NotPublic),
    ("http://１２７.0.0.1/", NotPublic),
    ("http://①②⑦.⓪.⓪.①/", NotPublic),
    ("http://127。0。0。1/", NotPublic),
    ("http:////127.0.0.1/", NotPublic),
    ("http://localhost/", NotPublic),
    ("http://LOCALHOST:8080/", NotPublic),
    ("http://localhost./", NotPublic),
    ("http://ⓛocalhost/", NotPublic),
    ("http://app.localhost/", NotPublic),
    ("http://0/", NotPublic),
    ("http://0.0.0.0/", NotPublic),
    ("http://00.0x0.0/", NotPublic),
    ("http://[::]/", NotPublic),
    ("http://[::1]/", NotPublic),
    ("http://[0:0:0:0:0:0:0:1]:80/", NotPublic),
    // Its neighbours.
    ("http://10.1.2.3/", NotPublic),
    ("http://10.1.2.3:8081/", NotPublic),
    ("http://172.20.0.2/", NotPublic),
    ("http://192.168.0.1/", NotPublic),
    ("http://3232235521/", NotPublic),
    ("http://100.64.0.1/", NotPublic),
    ("http://198.18.0.1/", NotPublic),
    ("http://192.0.2.1/", NotPublic),
    ("http://224.0.0.1/", NotPublic),
    ("http://255.255.255.255/", NotPublic),
    ("http://[fc00::1]/", NotPublic),
    ("http://[fd12::7]/", NotPublic),
    ("http://[fe80::1]/", NotPublic),
    ("http://[ff02::1]/", NotPublic),
    // Clouds.
    ("http://169.254.169.254/latest/meta-data/", NotPublic),
    ("http://2852039166/", NotPublic),
    ("http://0xa9fea9fe/", NotPublic),
    ("http://[fd00:ec2::254]/", NotPublic),
    ("http://168.63.129.16/", NotPublic),
    // Addresses of IPv4 inside of others, public ones too.
    ("http://[::ffff:127.0.0.1]/", NotPublic),
    ("http://[::ffff:7f00:1]/", NotPublic),
    ("http://[::ffff:93.184.216.34]/", NotPublic),
    ("http://[::127.0.0.1]/", NotPublic),
    ("http://[64:ff9b::127.0.0.1]/", NotPublic),
    ("http://[64:ff9b:1::a00:1]/", NotPublic),
    ("http://[2002:7f00:1::]/", NotPublic),
    ("http://[2001:0:53aa:64c:0:0:80ff:fffe]/", NotPublic),
    // What the list vouches for, and what only looks like it.
    ("http://10.1.2.3:8080/", Anywhere("10.1.2.3:8080")),
    ("http://0xa.1.515:8080/", Anywhere("10.1.2.3:8080")),
    ("http://[::ffff:10.1.2.3]:8080/", NotPublic),
    ("https://[fd12::7]/", Anywhere("[fd12::7]:443")),
    ("http://[fd12::7]:443/", Anywhere("[fd12::7]:443")),
    ("http://hooks.internal:9000/", Anywhere("hooks.internal:9000")),
    ("http://HOOKS.internal.:9000/", Anywhere("hooks.internal:9000")),
    ("http://hooks.internal:9001/", Public("hooks.internal:9001")),
    ("http://localhost:7001/", Anywhere("localhost:7001")),
    ("http://app.localhost:7001/", NotPublic),
    ("http://127.0.0.1:7001/", NotPublic),
];

#[test]
fn every_url_has_its_fate() {
    let list = entries(&["10.1.2.3:8080", "[fd12::7]:443", "hooks.internal:9000", "localhost:7001"]);
    let policy = Policy::public_and("webhook_allow", list);
    let mut complaints = Vec::new();
    for (url, fate) in TABLE {
        let found = ask(&policy, url);
        let place = || Target::parse(url).unwrap().place();
        let as_it_should = match (fate, &found) {
            (Public(at), Ok(Permit::Public)) | (Anywhere(at), Ok(Permit::Anywhere)) => place() == *at,
            (Malformed, Err(Refused::Malformed(_))) | (NotPublic, Err(Refused::NotPublic { .. })) => true,
            _ => false,
        };
        if !as_it_should {
            complaints.push(format!("{url:?}: {found:?} instead of {fate:?}"));
        }
    }
    assert!(complaints.is_empty(), "{}", complaints.join("\n"));
    assert!(TABLE.len() >= 80);
}

#[test]
fn what_is_called_is_what_was_checked() {
    for (given, called) in [
        ("http://0x7f.1:80/a", "http://127.0.0.1/a"),
        ("https://Example.COM.:443/", "https://example.com/"),
        ("http://１２７.0.0.1/", "http://127.0.0.1/"),
    ] {
        assert_eq!(Target::parse(given).unwrap().url().as_str(), called);
    }
}

#[test]
fn a_list_of_names_admits_them_alone_and_vouches_by_port_or_address() {
    let list = entries(&["api.example.com", "db.example.com:5000", "10.0.0.5", "::1", "localhost", "127.0.0.1:80"]);
    let policy = Policy::named_only("http_allow", list);
    for (url, permit) in [
        ("https://api.example.com/", Permit::Public),
        ("http://api.example.com/", Permit::Public),
        ("http://db.example.com:5000/", Permit::Anywhere),
        ("http://10.0.0.5/", Permit::Anywhere),
        ("https://10.0.0.5/", Permit::Anywhere),
        ("http://[::1]/", Permit::Anywhere),
        ("http://127.0.0.1/", Permit::Anywhere),
    ] {
        assert_eq!(ask(&policy, url), Ok(permit), "{url}");
    }
    for url in [
        "https://api.example.com:8443/",
        "https://example.com/",
        "https://api.example.com.evil.example/",
        "http://db.example.com/",
        "http://10.0.0.5:81/",
        "https://127.0.0.1/",
    ] {
        assert!(matches!(ask(&policy, url), Err(Refused::NotNamed { .. })), "{url}");
    }
    let refused = ask(&policy, "http://localhost/").unwrap_err().to_string();
    assert_eq!(
        refused,
        "`localhost` leads to this machine; to permit that, name it with its port as `localhost:80` in http_allow"
    );
}

#[test]
fn a_list_is_read_in_all_its_forms() {
    for good in ["a.example", "a.example:1", " A.Example:65535 ", "1.2.3.4", "0x7f.1:80", "::1", "[::1]", "[::1]:80"] {
        assert!(good.parse::<faena::egress::Entry>().is_ok(), "{good}");
    }
    for bad in
        ["", ":80", "a.example:", "a.example:0", "a.example:65536", "http://a.example", "a/b", "a b", "*.example:1:2"]
    {
        assert!(bad.parse::<faena::egress::Entry>().is_err(), "{bad}");
    }
}

#[test]
fn a_secret_in_a_url_is_not_printed() {
    let target = Target::parse("https://example.com/hook?token=secret").unwrap();
    assert_eq!(format!("{target:?}"), "example.com:443");
}

/// The ways in which browsers and `inet_aton` let an address be written.
fn spellings(address: Ipv4Addr) -> Vec<String> {
    let [a, b, c, d] = address.octets();
    let bits = address.to_bits();
    vec![
        address.to_string(),
        format!("{address}."),
        format!("{bits}"),
        format!("0x{bits:x}"),
        format!("0{bits:o}"),
        format!("0x{a:X}.0{b:o}.{c}.0x{d:x}"),
        format!("{a}.{}", bits & 0x00ff_ffff),
        format!("{a}.{b}.0x{:x}", bits & 0xffff),
        address.to_string().replace('.', "%2e"),
        address.to_string().replace('.', "。"),
    ]
}

proptest! {
    /// However an address is written, it is the one that is judged; inside of one of IPv6 none is public.
    #[test]
    fn an_address_is_judged_as_what_it_is(bits: u32) {
        let address = Ipv4Addr::from(bits);
        let policy = Policy::public_and("webhook_allow", []);
        let is_public = not_public(address.into()).is_none();
        for spelling in spellings(address) {
            let url = format!("http://{spelling}:8080/");
            let target = Target::parse(&url).unwrap();
            prop_assert_eq!(target.host(), &Host::Address(address.into()), "{}", url);
            prop_assert_eq!(policy.permit(&target).is_ok(), is_public, "{}", url);
        }
        let [a, b, c, d] = address.octets();
        let (high, low) = (bits >> 16, bits & 0xffff);
        for inside in [
            format!("::ffff:{address}"),
            format!("::ffff:0:{address}"),
            format!("::{address}"),
            format!("64:ff9b::{address}"),
            format!("64:ff9b:1:{high:x}:{low:x}::"),
            format!("2002:{high:x}:{low:x}::1"),
            format!("2001:0:{high:x}:{low:x}::1"),
            format!("2a00:1450::5efe:{a:x}{b:02x}:{c:x}{d:02x}"),
        ] {
            prop_assert!(ask(&policy, &format!("http://[{inside}]/")).is_err(), "{}", inside);
        }
    }
}
