//! Which targets may be called, and how far their names may lead. A policy is made from a list in the configuration; the
//! operator who names a host with its port vouches for whatever is there.

use std::net::IpAddr;
use std::str::FromStr;

use super::address::{is_metadata, not_public};
use super::{Host, Target};

/// Which targets may be called.
#[derive(Debug, Clone)]
pub struct Policy {
    /// What the list is called in the configuration, for whoever is refused.
    setting: &'static str,
    /// Whether public hosts need no entry.
    open: bool,
    entries: Vec<Entry>,
}

/// One entry of a list: `host` on the usual port of its scheme, or `host:port`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    host: Host,
    port: Option<u16>,
}

/// How far a name may lead.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Permit {
    /// To public addresses alone.
    Public,
    /// To others, too: the operator has named this very place.
    Anywhere,
}

/// Why something is not called.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// It is no address that can be called; what it must be like.
    #[error("the address {0}")]
    Malformed(&'static str),
    /// Only hosts of the list may be called.
    #[error("the host `{host}` is not allowed; add it to {setting}, the hosts that may be called")]
    NotNamed {
        /// Who was to be called.
        host: String,
        /// Where to name it.
        setting: &'static str,
    },
    /// It is not public, and is not permitted to be otherwise.
    #[error("`{host}` leads to {to}; to permit that, name it with its port as `{pair}` in {setting}")]
    NotPublic {
        /// Who was to be called.
        host: String,
        /// Where that leads, and what that is.
        to: String,
        /// How to name it.
        pair: String,
        /// Where to name it.
        setting: &'static str,
    },
    /// A name leads to where no name may.
    #[error("`{host}` leads to {address}, the metadata service of a cloud, and no name may lead there")]
    Metadata {
        /// Who was to be called.
        host: String,
        /// Where that leads.
        address: IpAddr,
    },
    /// There is no client to call with.
    #[error("cannot call anybody from here: {0}")]
    NoClient(String),
}

impl Policy {
    /// Only hosts of the list, which `setting` holds. What is not public must be named as an address or with its port.
    pub fn named_only(setting: &'static str, entries: impl IntoIterator<Item = Entry>) -> Self {
        Self { setting, open: false, entries: entries.into_iter().collect() }
    }

    /// Every public host, and beyond that the pairs of the list, which `setting` holds.
    pub fn public_and(setting: &'static str, entries: impl IntoIterator<Item = Entry>) -> Self {
        Self { setting, open: true, entries: entries.into_iter().collect() }
    }

    /// Whether a target may be called, as far as that can be told before its name is looked up.
    ///
    /// # Errors
    /// [`Refused`] that says what to change.
    pub fn permit(&self, target: &Target) -> Result<Permit, Refused> {
        let matching = || self.entries.iter().filter(|entry| entry.names(target));
        if !self.open && matching().next().is_none() {
            return Err(Refused::NotNamed { host: target.named(), setting: self.setting });
        }
        if matching().any(Entry::vouches) {
            return Ok(Permit::Anywhere);
        }
        let leads_to = match target.host() {
            Host::Address(address) => not_public(*address).map(|what| format!("{address}, which is {what}")),
            name if name.is_localhost() => Some("this machine".to_owned()),
            Host::Name(_) => None,
        };
        match leads_to {
            Some(to) => Err(self.not_public(target.host().to_string(), target.port().to_string(), to)),
            None => Ok(Permit::Public),
        }
    }

    /// Whether a name may be called that leads to these addresses: when one may not be reached, none is.
    ///
    /// # Errors
    /// [`Refused`] that says what to change.
    pub fn check(&self, name: &str, permit: Permit, addresses: &[IpAddr]) -> Result<(), Refused> {
        for &address in addresses {
            match (permit, not_public(address)) {
                (Permit::Anywhere, _) if is_metadata(address) => {
                    return Err(Refused::Metadata { host: name.to_owned(), address });
                }
                (Permit::Public, Some(what)) => {
                    let to = format!("{address}, which is {what}");
                    return Err(self.not_public(name.to_owned(), "PORT".to_owned(), to));
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn not_public(&self, host: String, port: String, to: String) -> Refused {
        let pair = format!("{host}:{port}");
        Refused::NotPublic { host, to, pair, setting: self.setting }
    }
}

impl Entry {
    /// Whether it says on which port.
    pub fn has_port(&self) -> bool {
        self.port.is_some()
    }

    fn names(&self, target: &Target) -> bool {
        let on_port = self.port.map_or(target.is_on_usual_port(), |port| port == target.port());
        on_port && self.host == *target.host()
    }

    /// Whether it permits what is not public. A bare name does not: who names `api.example.com` means a service of the
    /// world, and whoever owns that name could let it lead here.
    fn vouches(&self) -> bool {
        self.port.is_some() || matches!(self.host, Host::Address(_))
    }
}

impl FromStr for Entry {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let text = text.trim();
        let bad = || format!("`{}` is not a host such as api.example.com or api.example.com:8443", text.escape_debug());
        // An address of IPv6 without brackets has no port after its last colon.
        let is_bare_v6 = text.matches(':').count() > 1 && !text.starts_with('[');
        let (host, port) = match text.rsplit_once(':') {
            Some((host, port)) if !is_bare_v6 && !port.ends_with(']') => (host, Some(port)),
            _ => (text, None),
        };
        let port = port.map(|port| port.parse().ok().filter(|port| *port > 0).ok_or_else(bad)).transpose()?;
        let host = Host::parse(host).ok_or_else(bad)?;
        Ok(Self { host, port })
    }
}
