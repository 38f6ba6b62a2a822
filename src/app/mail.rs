//! What a server is told about mail: by which server, from whom, and who hears of every alert. Without a server nothing is
//! mailed.

use std::fmt;
use std::sync::Arc;

use tokio::runtime::Handle;

use super::Settings;
use crate::clock::Clock;
use crate::error::Error;
use crate::job::Holder;
use crate::limits;
use crate::schedule::spec::looks_like_an_address;
use crate::store::{Schedules, Store};
use crate::upkeep::Upkeep;

/// Who letters are from when nobody says.
pub const FROM_DEFAULT: &str = "faena@localhost";

/// How letters are sent, and to whom.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mail {
    /// The SMTP server; without one nothing is mailed.
    pub smtp: Option<SmtpUrl>,
    /// Who letters are from: an address, or a name and `<an address>`.
    pub from: String,
    /// Addresses that hear of every alert. Those of a schedule hear of its own.
    pub alerts: Vec<String>,
}

/// The URL of an SMTP server. It may hold a password, so it is not printed.
#[derive(Clone, PartialEq, Eq)]
pub struct SmtpUrl(Box<str>);

impl SmtpUrl {
    /// The URL, with whatever password there is.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl From<&str> for SmtpUrl {
    fn from(url: &str) -> Self {
        Self(url.into())
    }
}

impl fmt::Debug for SmtpUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SmtpUrl")
    }
}

impl Default for Mail {
    fn default() -> Self {
        Self { smtp: None, from: FROM_DEFAULT.to_owned(), alerts: Vec::new() }
    }
}

impl Mail {
    /// What is wrong with it, by key.
    pub(super) fn faults(&self) -> Vec<(&'static str, String)> {
        let mut faults = Vec::new();
        match &self.smtp {
            Some(url) => faults.extend(refused(url, &self.from).map(|message| ("smtp.url", message))),
            None if !self.alerts.is_empty() => {
                faults.push(("alert_emails", "nothing is mailed without a server; name one as smtp.url".to_owned()));
            }
            None => {}
        }
        if self.alerts.len() > limits::EMAILS_MAX {
            faults.push(("alert_emails", format!("are more than {}", limits::EMAILS_MAX)));
        }
        for address in self.alerts.iter().filter(|address| !looks_like_an_address(address)) {
            faults.push(("alert_emails", format!("`{}` is not an e-mail address", address.escape_debug())));
        }
        faults
    }
}

/// Has letters sent, where a server is named, by processes that run jobs.
#[cfg(feature = "email")]
pub(super) fn start(
    upkeep: &mut Upkeep,
    settings: &Settings,
    (store, schedules): (&Arc<dyn Store>, &Arc<dyn Schedules>),
    clock: &Clock,
    node: &Holder,
    runtime: &Handle,
) -> Result<(), Error> {
    use crate::publish::Smtp;
    use crate::upkeep::mail::{Parts, Postman};

    let Some(url) = settings.mail.smtp.as_ref().filter(|_| !settings.no_jobs) else { return Ok(()) };
    let smtp = Smtp::by(url.reveal(), &settings.mail.from).map_err(|message| Error::field("smtp.url", message))?;
    let postman = Postman::new(Parts {
        store: store.clone(),
        schedules: schedules.clone(),
        clock: clock.clone(),
        smtp,
        base: settings.base_url(),
        alert_emails: settings.mail.alerts.clone(),
        node: node.node.clone(),
    });
    upkeep.with_postman(postman, runtime);
    Ok(())
}

#[cfg(not(feature = "email"))]
pub(super) fn start(
    _: &mut Upkeep,
    _: &Settings,
    _: (&Arc<dyn Store>, &Arc<dyn Schedules>),
    _: &Clock,
    _: &Holder,
    _: &Handle,
) -> Result<(), Error> {
    Ok(())
}

#[cfg(feature = "email")]
fn refused(url: &SmtpUrl, from: &str) -> Option<String> {
    crate::publish::Smtp::by(url.reveal(), from).err()
}

#[cfg(not(feature = "email"))]
fn refused(_: &SmtpUrl, _: &str) -> Option<String> {
    Some("mail needs a build with the feature email".to_owned())
}
