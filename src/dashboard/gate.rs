//! Who may come in, and what every answer tells a browser: run nothing but what comes with the program, speak to nobody else, and
//! show it in nobody's frame.

use actix_web::HttpResponse;
use actix_web::http::header::{self, HeaderName, HeaderValue};

use super::session;
use super::visit::Visit;
use crate::error::Error;
use crate::http::{headers, origin};
use crate::key::{Caller, Need};
use crate::limits;

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");
const OPENER: HeaderName = HeaderName::from_static("cross-origin-opener-policy");

/// What a page may load: scripts, styles and pictures of this server, and no others; what it frames may do nothing at all.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; \
     frame-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// Lets a request in, and notes whose it is; or says why not.
pub(super) async fn enter(visit: &mut Visit, need: Need) -> Result<(), Error> {
    let target = visit.req.uri().path_and_query().map_or(0, |target| target.as_str().len());
    if target > limits::URI_BYTES_MAX {
        return Err(Error::invalid("the address is too long"));
    }
    let is_change = !visit.req.method().is_safe();
    if is_change {
        check_site(visit)?;
    }
    let caller = visit.service().bearer_of_session(session::presented(&visit.req)).await;
    visit.caller = match (caller, need) {
        (Ok(caller), _) => caller,
        // Whoever is about to sign in need not have.
        (Err(_), Need::Nothing) => return Ok(()),
        (Err(error), _) => return Err(error),
    };
    if matches!(visit.caller, Caller::Anybody)
        && let Some(hosts) = &visit.desk.settings.hosts
    {
        // Without keys the name is all that tells a page of somebody else from ours (DNS rebinding).
        origin::check(visit.req.head(), hosts, false)
            .map_err(|_| Error::Forbidden(visit.words().foreign.to_owned()))?;
    }
    Ok(visit.caller.may(need)?)
}

/// A change comes from a page of ours. Every browser of today says where a request comes from by a header that no page can set, on
/// loopback and over TLS; elsewhere it names the page's origin.
fn check_site(visit: &Visit) -> Result<(), Error> {
    let foreign = || Error::Forbidden(visit.words().foreign.to_owned());
    match visit.header(&SEC_FETCH_SITE) {
        Some("same-origin") => Ok(()),
        Some(_) => Err(foreign()),
        None if visit.header(&header::ORIGIN).is_none() => Err(foreign()),
        None => {
            let hosts = visit.desk.settings.hosts.as_deref().unwrap_or_default();
            let named = visit.header(&header::HOST).map(str::to_owned).into_iter();
            let known: Vec<_> = hosts.iter().cloned().chain(named).collect();
            origin::check(visit.req.head(), &known, false).map_err(|_| foreign())
        }
    }
}

/// The headers of every answer. What has a policy of its own keeps it.
pub(super) fn secure(answer: &mut HttpResponse) {
    let headers = answer.headers_mut();
    headers::secure(headers);
    let framed = headers.contains_key(header::CONTENT_SECURITY_POLICY);
    if !framed {
        headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
        headers.insert(header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
    }
    // A form that hides its origin would be taken for a stranger's.
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("same-origin"));
    headers.insert(OPENER, HeaderValue::from_static("same-origin"));
}
