//! Keeping web pages out. A server on loopback answers everybody on its machine, and a browser there runs pages from
//! everywhere: a page can send a POST without a body to any address, and one whose name is made to resolve to loopback
//! (DNS rebinding) can read the answers as well. What a browser cannot be made to lie about is where a page comes from and
//! what name it asked for, so both are compared.

use actix_web::dev::RequestHead;
use actix_web::http::header::{self, HeaderName};
use actix_web::http::uri::{Authority, Uri};
use std::net::{Ipv4Addr, Ipv6Addr};

use super::problem::Protocol;

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");
const FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");

/// Refuses what a page of somebody else may have sent. `hosts` are the names besides loopback's that the server is asked
/// under, as by a proxy in front. A page whose origin is `listed` is let in, under whatever name that is the server's.
pub(crate) fn check(head: &RequestHead, hosts: &[String], listed: bool) -> Result<(), Protocol> {
    let host = text(head, &header::HOST);
    // Every browser names a host; a client that does not is none.
    if let Some(host) = host
        && !is_known(host, hosts)
    {
        return Err(Protocol::ForeignHost(host.to_owned()));
    }
    if listed || head.method.is_safe() {
        return Ok(());
    }
    let Some(origin) = text(head, &header::ORIGIN) else {
        // Without an origin, an older browser or a form of a page that hides it may still say this much.
        return match text(head, &SEC_FETCH_SITE) {
            Some("cross-site") => Err(Protocol::ForeignOrigin("another site".to_owned())),
            _ => Ok(()),
        };
    };
    // A page cannot set the forwarded name without being asked beforehand; a proxy that changes `Host` does.
    let own = [host, text(head, &FORWARDED_HOST)];
    if own.into_iter().flatten().any(|host| is_of(origin, host)) || is_listed(origin, hosts) {
        return Ok(());
    }
    Err(Protocol::ForeignOrigin(origin.to_owned()))
}

fn text<'a>(head: &'a RequestHead, name: &HeaderName) -> Option<&'a str> {
    head.headers.get(name).map(|value| value.to_str().unwrap_or_default())
}

/// Whether a `Host` names this machine itself, or is one of the names.
fn is_known(host: &str, hosts: &[String]) -> bool {
    let Ok(authority) = host.parse::<Authority>() else { return false };
    is_loopback(authority.host()) || names(hosts, &authority)
}

fn is_loopback(host: &str) -> bool {
    let host = host.trim_end_matches('.').to_ascii_lowercase();
    let v6 = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
    host == "localhost"
        || host.ends_with(".localhost")
        || host.parse::<Ipv4Addr>().is_ok_and(|address| address.is_loopback())
        || v6.is_some_and(|v6| v6.parse::<Ipv6Addr>().is_ok_and(|address| address.is_loopback()))
}

/// Whether an origin is that of the address which was asked.
fn is_of(origin: &str, host: &str) -> bool {
    authority(origin).is_some_and(|authority| authority.as_str().eq_ignore_ascii_case(host))
}

fn is_listed(origin: &str, hosts: &[String]) -> bool {
    authority(origin).is_some_and(|authority| names(hosts, &authority))
}

/// Whether one of the names means this one: with its port, or whatever the port when it has none.
fn names(hosts: &[String], authority: &Authority) -> bool {
    hosts
        .iter()
        .any(|host| host.eq_ignore_ascii_case(authority.as_str()) || host.eq_ignore_ascii_case(authority.host()))
}

fn authority(origin: &str) -> Option<Authority> {
    origin.parse::<Uri>().ok()?.into_parts().authority
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    fn asked(method: &str, headers: &[(&str, &str)], hosts: &[&str]) -> Result<(), Protocol> {
        let mut request = TestRequest::default().method(method.parse().unwrap());
        for (name, value) in headers {
            request = request.insert_header((*name, *value));
        }
        let hosts: Vec<_> = hosts.iter().map(|host| (*host).to_owned()).collect();
        check(request.to_http_request().head(), &hosts, false)
    }

    #[test]
    fn a_name_that_is_not_its_own_is_refused_for_reading_too() {
        for host in ["localhost:7700", "LOCALHOST", "127.0.0.1:7700", "127.8.9.1", "[::1]:7700", "a.localhost"] {
            assert_eq!(asked("GET", &[("host", host)], &[]), Ok(()), "{host}");
        }
        for host in
            ["evil.example", "evil.example:7700", "127.0.0.1.evil.example", "localhost.evil.example", "10.0.0.1", ""]
        {
            assert_eq!(asked("GET", &[("host", host)], &[]), Err(Protocol::ForeignHost(host.to_owned())), "{host}");
        }
        assert_eq!(asked("GET", &[], &[]), Ok(()), "no browser");
        assert_eq!(asked("GET", &[("host", "jobs.example.com:8443")], &["jobs.example.com"]), Ok(()));
        assert!(asked("GET", &[("host", "jobs.example.com:1")], &["jobs.example.com:8443"]).is_err());
    }

    #[test]
    fn a_page_of_another_origin_changes_nothing() {
        let host = ("host", "localhost:7700");
        assert_eq!(asked("POST", &[host], &[]), Ok(()), "a program");
        assert_eq!(asked("POST", &[host, ("origin", "http://localhost:7700")], &[]), Ok(()));
        assert_eq!(asked("POST", &[host, ("sec-fetch-site", "same-origin")], &[]), Ok(()));
        for origin in ["http://evil.example", "http://localhost:3000", "null", "https://localhost", "nonsense"] {
            for method in ["POST", "PUT", "PATCH", "DELETE"] {
                let refused = asked(method, &[host, ("origin", origin)], &[]);
                assert_eq!(refused, Err(Protocol::ForeignOrigin(origin.to_owned())), "{method} {origin}");
            }
            assert_eq!(asked("GET", &[host, ("origin", origin)], &[]), Ok(()), "it cannot read the answer");
        }
        assert!(asked("POST", &[host, ("sec-fetch-site", "cross-site")], &[]).is_err());
    }

    #[test]
    fn a_proxy_in_front_is_not_a_stranger() {
        let origin = ("origin", "https://jobs.example.com");
        let named = [("host", "jobs.example.com"), origin];
        assert!(asked("POST", &named, &[]).is_err());
        assert_eq!(asked("POST", &named, &["jobs.example.com"]), Ok(()));
        let rewritten = [("host", "127.0.0.1:7700"), origin];
        assert!(asked("POST", &rewritten, &[]).is_err());
        assert_eq!(asked("POST", &rewritten, &["jobs.example.com"]), Ok(()));
        let told = [("host", "127.0.0.1:7700"), origin, ("x-forwarded-host", "jobs.example.com")];
        assert_eq!(asked("POST", &told, &[]), Ok(()));
    }
}
