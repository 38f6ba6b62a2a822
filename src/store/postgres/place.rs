//! Where the database is and how it is spoken to: the URL with what it may say, time-outs, TLS, and what an error of the
//! server means for whoever asked.

use std::path::Path;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use tokio_postgres::config::SslMode;
use tokio_postgres::error::SqlState;
use tokio_postgres::{Config, Error};
use tokio_postgres_rustls::MakeRustlsConnect;

use crate::store::StoreError;

/// Time to reach the server and to be let in.
const CONNECT_MAX: Duration = Duration::from_secs(5);
/// Time that bytes may be on their way unacknowledged: a network that swallows everything is noticed then.
const UNACKNOWLEDGED_MAX: Duration = Duration::from_secs(15);
/// What every session is told at its begin: no statement, lock or forgotten transaction holds others up for long, and plans
/// do not depend on statistics that may be old. All ways that are needed have an index.
const SESSION: &str = "-c statement_timeout=30000 -c lock_timeout=10000 -c idle_in_transaction_session_timeout=15000 \
     -c plan_cache_mode=force_generic_plan -c enable_seqscan=off -c enable_hashjoin=off -c enable_mergejoin=off -c jit=off \
     -c timezone=UTC";

/// Where the database is.
#[derive(Clone)]
pub(super) struct Place {
    pub(super) config: Config,
    pub(super) tls: MakeRustlsConnect,
    /// Whether statements are prepared by name; a pooler that hands out a session for each transaction loses them.
    pub(super) prepares: bool,
}

impl Place {
    /// Reads a URL. Besides what PostgreSQL's own programs know it may say `prepare=off`.
    pub(super) fn of(url: &str) -> Result<Self, StoreError> {
        let refused = |message: String| StoreError::Broken(message.into());
        let (plain, own) = Own::taken_from(url);
        let mut config = Config::from_str(&plain)
            .map_err(|error| refused(format!("the URL of the database is not valid: {error}")))?;
        if config.get_hosts().is_empty() {
            return Err(refused("the URL of the database names no host".to_owned()));
        }
        if config.get_application_name().is_none() {
            config.application_name("faena");
        }
        if config.get_connect_timeout().is_none() {
            config.connect_timeout(CONNECT_MAX);
        }
        config.tcp_user_timeout(UNACKNOWLEDGED_MAX).keepalives_idle(Duration::from_secs(10));
        if own.verifies {
            config.ssl_mode(SslMode::Require);
        }
        if own.prepares && config.get_options().is_none() {
            config.options(SESSION);
        }
        let tls = MakeRustlsConnect::new(tls(own.root.as_deref()).map_err(refused)?);
        Ok(Self { config, tls, prepares: own.prepares })
    }
}

/// What a URL says to us and not to the driver.
struct Own {
    prepares: bool,
    verifies: bool,
    root: Option<String>,
}

impl Own {
    fn taken_from(url: &str) -> (String, Self) {
        let mut own = Self { prepares: true, verifies: false, root: None };
        let Some((base, query)) = url.split_once('?') else { return (url.to_owned(), own) };
        let rest: Vec<_> = query.split('&').filter(|pair| !own.takes(pair)).collect();
        if rest.is_empty() { (base.to_owned(), own) } else { (format!("{base}?{}", rest.join("&")), own) }
    }

    fn takes(&mut self, pair: &str) -> bool {
        match pair.split_once('=') {
            Some(("prepare", value)) => self.prepares = !matches!(value, "off" | "false" | "0" | "no"),
            // Whoever asks for TLS gets one whose certificate is looked at, whatever the word is.
            Some(("sslmode", "verify-full" | "verify-ca")) => self.verifies = true,
            Some(("sslrootcert", path)) => self.root = Some(path.to_owned()),
            _ => return false,
        }
        true
    }
}

fn tls(root: Option<&str>) -> Result<ClientConfig, String> {
    let mut roots = RootCertStore::empty();
    match root {
        Some(path) => {
            let unreadable = |error: &dyn std::fmt::Display| format!("cannot read the certificates in {path}: {error}");
            let found = CertificateDer::pem_file_iter(Path::new(path)).map_err(|error| unreadable(&error))?;
            for certificate in found {
                roots.add(certificate.map_err(|error| unreadable(&error))?).map_err(|error| unreadable(&error))?;
            }
        }
        None => {
            roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        }
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    Ok(config.map_err(|error| error.to_string())?.with_root_certificates(roots).with_no_client_auth())
}

/// Why a statement did not do its part.
#[derive(Debug, Clone)]
pub(super) enum Fault {
    /// Somebody else was in the way, and nothing happened: it is tried again.
    Again(Arc<str>),
    /// The connection is gone.
    Lost(Arc<str>),
    /// The server does not do it now, and nothing happened.
    Refused(Arc<str>),
    /// What was to be written cannot be: it is at fault itself.
    Unfit(Arc<str>),
    /// It will not work the next time either.
    Broken(Arc<str>),
}

impl Fault {
    /// The same for whoever asked the store.
    pub(super) fn told(self) -> StoreError {
        match self {
            Self::Again(text) | Self::Lost(text) | Self::Refused(text) => StoreError::Unavailable(text),
            Self::Unfit(text) | Self::Broken(text) => StoreError::Broken(text),
        }
    }

    pub(super) fn broken(what: impl std::fmt::Display) -> Self {
        Self::Broken(what.to_string().into())
    }
}

impl From<StoreError> for Fault {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Unavailable(text) => Self::Refused(text),
            StoreError::Broken(text) => Self::Broken(text),
        }
    }
}

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        let Some(server) = error.as_db_error() else {
            return match error.is_closed() || is_of_the_network(&error) {
                true => Self::Lost(format!("the database cannot be reached: {}", all(&error)).into()),
                false => Self::Broken(format!("the database is not understood: {}", all(&error)).into()),
            };
        };
        let text: Arc<str> = format!("the database says: {} ({})", server.message(), server.code().code()).into();
        let code = server.code();
        match code.code().get(..2) {
            _ if [SqlState::T_R_SERIALIZATION_FAILURE, SqlState::T_R_DEADLOCK_DETECTED, SqlState::UNIQUE_VIOLATION]
                .contains(code) =>
            {
                // A constraint was hit that was looked at before: somebody was faster in between.
                Self::Again(text)
            }
            _ if *code == SqlState::QUERY_CANCELED || *code == SqlState::LOCK_NOT_AVAILABLE => Self::Refused(text),
            Some("08" | "57") => Self::Lost(text),
            Some("53" | "25") => Self::Refused(text),
            Some("22" | "23") => Self::Unfit(text),
            Some("26") => Self::Broken(format!("{text}; a pooler in between needs `prepare=off` in the URL").into()),
            _ => Self::Broken(text),
        }
    }
}

fn is_of_the_network(error: &Error) -> bool {
    let mut cause = std::error::Error::source(error);
    while let Some(found) = cause {
        if found.is::<std::io::Error>() {
            return true;
        }
        cause = found.source();
    }
    error.to_string().contains("timeout") || error.to_string().contains("timed out")
}

/// An error with its causes: the outermost one only says that there was one.
fn all(error: &Error) -> String {
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(found) = cause {
        text = format!("{text}: {found}");
        cause = found.source();
    }
    text
}
