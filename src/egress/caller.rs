//! The HTTP client that keeps to a policy. It follows no redirect and uses no proxy: both would lead where nobody has
//! looked. It asks for names itself, once for each connection, and connects to what it was told and has looked at.

use std::error::Error;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, OnceLock};

use futures_util::future::BoxFuture;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::{Client, Method, RequestBuilder, Response};

use super::{Permit, Policy, Refused, Target};
use crate::limits;

/// Whoever knows which addresses a name has.
pub trait Lookup: Send + Sync + 'static {
    /// The addresses of a name.
    fn addresses(&self, name: String) -> BoxFuture<'static, io::Result<Vec<IpAddr>>>;
}

/// The operating system.
struct System;

impl Lookup for System {
    fn addresses(&self, name: String) -> BoxFuture<'static, io::Result<Vec<IpAddr>>> {
        Box::pin(async move {
            let found = tokio::net::lookup_host((name, 0)).await?;
            Ok(found.map(|address| address.ip()).collect())
        })
    }
}

/// A client that keeps to a policy. It may be kept for as long as the policy holds; every call is checked anew.
pub struct Caller {
    policy: Arc<Policy>,
    lookup: Arc<dyn Lookup>,
    /// For names that may lead to public addresses alone. Its connections are its own: what goes to a place that was vouched for
    /// is never used again for another.
    public: Made,
    /// For those that the policy vouches for.
    vouched: Made,
}

/// A client, or why there is none. It is made for the first call: it reads every root certificate of the machine, and most
/// servers never call anybody.
type Made = OnceLock<Result<Client, String>>;

impl Caller {
    /// A client that asks the operating system for names.
    pub fn new(policy: Policy) -> Self {
        Self::looking_up(policy, System)
    }

    /// A client that asks somebody else for names.
    pub fn looking_up(policy: Policy, lookup: impl Lookup) -> Self {
        Self { policy: Arc::new(policy), lookup: Arc::new(lookup), public: Made::new(), vouched: Made::new() }
    }

    /// Whom it may call.
    pub fn policy(&self) -> &Policy {
        &self.policy
    }

    /// A request of a target. It may take [`limits::HTTP_CALL_DEFAULT`] unless it says otherwise.
    ///
    /// # Errors
    /// [`Refused`], as far as that is known before a name is looked up; the rest comes with sending it, see [`refusal`].
    pub fn request(&self, method: Method, target: &Target) -> Result<RequestBuilder, Refused> {
        let permit = self.policy.permit(target)?;
        let made = match permit {
            Permit::Public => &self.public,
            Permit::Anywhere => &self.vouched,
        };
        let client = made.get_or_init(|| self.client(permit)).as_ref();
        let client = client.map_err(|reason| Refused::NoClient(reason.clone()))?;
        Ok(client.request(method, target.url().clone()))
    }

    fn client(&self, permit: Permit) -> Result<Client, String> {
        let names = Names { policy: self.policy.clone(), lookup: self.lookup.clone(), permit };
        Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .dns_resolver(Arc::new(names))
            .connect_timeout(limits::HTTP_CONNECT_MAX)
            .timeout(limits::HTTP_CALL_DEFAULT)
            .user_agent(concat!("faena/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(reason)
    }
}

/// The refusal that a call ended with, if it was one.
pub fn refusal<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a Refused> {
    let mut link = Some(error);
    while let Some(error) = link {
        if let Some(refused) = error.downcast_ref() {
            return Some(refused);
        }
        link = error.source();
    }
    None
}

/// The body of an answer up to a bound, and whether there was more; that is left on the wire.
///
/// # Errors
/// When the connection breaks off.
pub async fn body_within(response: &mut Response, bytes_max: usize) -> reqwest::Result<(Vec<u8>, bool)> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await? {
        let room = bytes_max - body.len();
        body.extend_from_slice(&chunk[..chunk.len().min(room)]);
        if chunk.len() > room {
            return Ok((body, true));
        }
    }
    Ok((body, false))
}

/// An error and what it comes from, without the address: that may hold a secret.
pub fn reason(error: reqwest::Error) -> String {
    chain(&error.without_url())
}

/// What the client asks for the addresses of a name. Addresses that stand in a URL are never asked for: those the policy has
/// seen before.
struct Names {
    policy: Arc<Policy>,
    lookup: Arc<dyn Lookup>,
    permit: Permit,
}

impl Resolve for Names {
    fn resolve(&self, name: Name) -> Resolving {
        let name = name.as_str().to_owned();
        let (policy, permit) = (self.policy.clone(), self.permit);
        let asked = self.lookup.addresses(name.clone());
        Box::pin(async move {
            let found = asked.await?;
            if found.is_empty() {
                return Err(format!("nobody knows an address of `{name}`").into());
            }
            policy.check(&name, permit, &found)?;
            // The port is the one of the URL.
            let checked: Addrs = Box::new(found.into_iter().map(|address| SocketAddr::new(address, 0)));
            Ok(checked)
        })
    }
}

fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        text.push_str(&format!(": {error}"));
        source = error.source();
    }
    text
}
