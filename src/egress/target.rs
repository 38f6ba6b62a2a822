//! A URL that is to be called. It is taken apart by the parser of the client that calls it, so that what was checked is what
//! is called: that parser reads `0x7f.1`, `2130706433`, `１２７.0.0.1` and `127.0.0.1.` as the one address that they are.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};

use url::Url;

use super::Refused;
use crate::limits;

/// A URL that may be called if its host may: `http` or `https`, a host, nobody's name or password.
#[derive(Clone, PartialEq, Eq)]
pub struct Target {
    url: Url,
    host: Host,
    port: u16,
}

/// Who is called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Host {
    /// A name, in small letters, in ASCII, without a dot at its end.
    Name(String),
    /// An address.
    Address(IpAddr),
}

impl Target {
    /// Reads a URL.
    ///
    /// # Errors
    /// [`Refused::Malformed`] that says what it must be like.
    pub fn parse(text: &str) -> Result<Self, Refused> {
        let refuse = |why| Err(Refused::Malformed(why));
        if text.len() > limits::TARGET_BYTES_MAX {
            return refuse("is too long");
        }
        // The parser would pass over them, or read one sort of slash as the other; no address needs them.
        if text.chars().any(|c| c.is_whitespace() || c.is_control() || c == '\\') {
            return refuse("must not have blanks, control characters or `\\` in it; write them as %20 and the like");
        }
        let has = |scheme: &str| text.get(..scheme.len()).is_some_and(|head| head.eq_ignore_ascii_case(scheme));
        if !has("http://") && !has("https://") {
            return refuse("must begin with http:// or https://");
        }
        let Ok(mut url) = Url::parse(text) else {
            return refuse("is not an address such as https://service.example/path");
        };
        if !url.username().is_empty() || url.password().is_some() {
            return refuse("must not carry a password; send an authorization header");
        }
        let host = match url.host().map(Host::try_from) {
            Some(Ok(host)) => host,
            _ => return refuse("is not an address such as https://service.example/path"),
        };
        let port = match url.port_or_known_default() {
            Some(port @ 1..) => port,
            _ => return refuse("must not name port 0"),
        };
        if let Host::Name(name) = &host {
            // A dot at the end means the same host, under a name that nobody's list and no certificate has.
            url.set_host(Some(name)).map_err(|_| Refused::Malformed("has a name that cannot be called"))?;
        }
        Ok(Self { url, host, port })
    }

    /// What to call.
    pub fn url(&self) -> &Url {
        &self.url
    }

    /// Who is called.
    pub fn host(&self) -> &Host {
        &self.host
    }

    /// On which port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Whether that is the usual port of the scheme.
    pub fn is_on_usual_port(&self) -> bool {
        self.url.port().is_none()
    }

    /// `host:port`, as lists have it.
    pub fn place(&self) -> String {
        format!("{}:{}", self.host, self.port)
    }

    /// `host`, or `host:port` when that is not the usual one.
    pub fn named(&self) -> String {
        if self.is_on_usual_port() { self.host.to_string() } else { self.place() }
    }
}

impl fmt::Debug for Target {
    /// The place alone: the rest may hold a secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.place())
    }
}

impl Host {
    /// Reads a host as a list has it: a name, or an address with or without brackets.
    pub(super) fn parse(text: &str) -> Option<Self> {
        if let Ok(address) = text.parse::<Ipv6Addr>() {
            return Some(Self::Address(address.into()));
        }
        let host = url::Host::parse(text).ok()?;
        let host = match &host {
            url::Host::Domain(name) => url::Host::Domain(name.as_str()),
            url::Host::Ipv4(address) => url::Host::Ipv4(*address),
            url::Host::Ipv6(address) => url::Host::Ipv6(*address),
        };
        Self::try_from(host).ok()
    }

    /// Whether it is this machine by the meaning of its name (RFC 6761, 6.3), whatever a resolver says.
    pub(super) fn is_localhost(&self) -> bool {
        matches!(self, Self::Name(name) if name == "localhost" || name.ends_with(".localhost"))
    }
}

impl TryFrom<url::Host<&str>> for Host {
    type Error = Refused;

    fn try_from(host: url::Host<&str>) -> Result<Self, Refused> {
        match host {
            url::Host::Ipv4(address) => Ok(Self::Address(address.into())),
            url::Host::Ipv6(address) => Ok(Self::Address(address.into())),
            url::Host::Domain(name) => {
                let name = name.strip_suffix('.').unwrap_or(name);
                // Longest name and part of one, after RFC 1035, 2.3.4.
                let is_well_formed = name.len() <= 253 && name.split('.').all(|part| (1..=63).contains(&part.len()));
                let refused = Refused::Malformed("has a name that cannot be looked up");
                if is_well_formed { Ok(Self::Name(name.to_ascii_lowercase())) } else { Err(refused) }
            }
        }
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => f.write_str(name),
            Self::Address(IpAddr::V4(address)) => write!(f, "{address}"),
            Self::Address(IpAddr::V6(address)) => write!(f, "[{address}]"),
        }
    }
}
