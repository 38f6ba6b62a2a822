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

use super::sequencer::News;
use crate::limits;
use crate::store::StoreError;

/// Time to reach the server and to be let in.
const CONNECT_MAX: Duration = Duration::from_secs(5);
/// Time that bytes may be on their way unacknowledged: a network that swallows everything is noticed then.
const UNACKNOWLEDGED_MAX: Duration = Duration::from_secs(15);
/// How plans are made: they do not depend on statistics that may be old, such as those of a queue that was empty then. All ways
/// that are needed have an index. Where rows are named by a list, `= ANY(ARRAY[…])` stands for the plain equality, by which a plan
/// may bring two tables into one order: through an index from its beginning to its end, if it is thought to be short.
const PLANS: &[(&str, &str)] = &[
    ("plan_cache_mode", "force_generic_plan"),
    ("enable_seqscan", "off"),
    ("enable_bitmapscan", "off"),
    ("enable_hashjoin", "off"),
    ("enable_mergejoin", "off"),
    ("jit", "off"),
    ("timezone", "UTC"),
];
/// What concerns the connection, which is the pooler's where there is one.
const OF_THE_CONNECTION: &[&str] = &["client_connection_check_interval", "tcp_user_timeout"];
/// Shortest term of a node. Below it the pauses between signs of life are those of any busy machine.
const TERM_MIN: Duration = Duration::from_millis(300);

/// Where the database is.
#[derive(Clone)]
pub(super) struct Place {
    pub(super) config: Config,
    pub(super) tls: MakeRustlsConnect,
    /// Whether statements are prepared by name; a pooler that hands out a session for each transaction loses them.
    pub(super) prepares: bool,
    /// How long a node may give no sign of life. Time-outs follow from it.
    pub(super) term: Duration,
    /// How long the answer to a statement may take, the way there and back included.
    pub(super) patience: Option<Duration>,
    /// How a transaction begins.
    pub(super) begin: Arc<str>,
    /// Who is told when a transaction has told something.
    pub(super) news: Arc<News>,
}

impl Place {
    /// Reads a URL. Besides what PostgreSQL's own programs know it may say `prepare=off`, and `lease_ms` for tests that cannot
    /// wait for half a minute.
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
        config.tcp_user_timeout(UNACKNOWLEDGED_MAX);
        config.keepalives_idle(Duration::from_secs(10)).keepalives_interval(Duration::from_secs(5));
        if own.verifies {
            config.ssl_mode(SslMode::Require);
        }
        let term = own.term.max(TERM_MIN);
        let mut begin = "BEGIN".to_owned();
        if own.prepares {
            let ours: Vec<_> = told(term).map(|(name, value)| format!("-c {name}={value}")).collect();
            // What the URL says comes last, and counts.
            let theirs = config.get_options().unwrap_or_default();
            let options = format!("{} {theirs}", ours.join(" "));
            config.options(options.trim_end());
        } else {
            // A pooler gives the session to others afterwards, so it is told for the transaction alone.
            for (name, value) in told(term).filter(|(name, _)| !OF_THE_CONNECTION.contains(name)) {
                begin += &format!("; SET LOCAL {name} = '{value}'");
            }
        }
        let tls = MakeRustlsConnect::new(tls(own.root.as_deref()).map_err(refused)?);
        let (patience, begin) = (Some(term + term / 6), begin.into());
        let news = Arc::default();
        Ok(Self { config, tls, prepares: own.prepares, term, patience, begin, news })
    }
}

/// What a session is told at its begin. No statement, lock or forgotten transaction holds others up for long: a node that stops
/// in the middle of a transaction loses it before those who wait for its locks give up. A server that cannot reach its client
/// any more ends the session by itself.
fn told(term: Duration) -> impl Iterator<Item = (&'static str, String)> {
    let millis = |span: Duration| span.as_millis().to_string();
    let times = [
        ("statement_timeout", millis(term)),
        ("lock_timeout", millis(term / 3)),
        ("idle_in_transaction_session_timeout", millis(term / 6)),
        ("client_connection_check_interval", "5000".to_owned()),
        ("tcp_user_timeout", "20000".to_owned()),
    ];
    times.into_iter().chain(PLANS.iter().map(|(name, value)| (*name, (*value).to_owned())))
}

/// What a URL says to us and not to the driver.
struct Own {
    prepares: bool,
    verifies: bool,
    root: Option<String>,
    term: Duration,
}

impl Own {
    fn taken_from(url: &str) -> (String, Self) {
        let mut own = Self { prepares: true, verifies: false, root: None, term: limits::LEASE };
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
            Some(("lease_ms", millis)) => match millis.parse() {
                Ok(millis) => self.term = Duration::from_millis(millis),
                Err(_) => return false,
            },
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
    /// Somebody has held a lock on what it needs for too long, and nothing happened.
    Held(Arc<str>),
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
            Self::Again(text) | Self::Lost(text) | Self::Held(text) | Self::Refused(text) => {
                StoreError::Unavailable(text)
            }
            Self::Unfit(text) | Self::Broken(text) => StoreError::Broken(text),
        }
    }

    /// Whether one of several may be at fault, so that the others can be done without it (rule 10).
    pub(super) fn is_of_one(&self) -> bool {
        matches!(self, Self::Held(_) | Self::Unfit(_) | Self::Broken(_))
    }

    pub(super) fn broken(what: impl std::fmt::Display) -> Self {
        Self::Broken(what.to_string().into())
    }
}

impl From<StoreError> for Fault {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Unavailable(text) => Self::Refused(text),
            StoreError::Unreadable(text) | StoreError::Broken(text) => Self::Broken(text),
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
            _ if *code == SqlState::LOCK_NOT_AVAILABLE => Self::Held(text),
            _ if *code == SqlState::QUERY_CANCELED => Self::Refused(text),
            // A server that only reads now, after a failover: another connection finds the one that writes. One that was silent
            // in a transaction has lost its session.
            _ if [SqlState::READ_ONLY_SQL_TRANSACTION, SqlState::IDLE_IN_TRANSACTION_SESSION_TIMEOUT]
                .contains(code) =>
            {
                Self::Lost(text)
            }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_outs_hold_whatever_a_url_says_besides() -> Result<(), StoreError> {
        let plain = Place::of("postgres://h/d?options=-c%20search_path%3Dx")?;
        let options = plain.config.get_options().unwrap_or_default();
        assert!(options.starts_with("-c statement_timeout=30000 -c lock_timeout=10000"), "{options}");
        assert!(options.ends_with("-c timezone=UTC -c search_path=x"), "{options}");
        assert_eq!((&*plain.begin, plain.patience), ("BEGIN", Some(Duration::from_secs(35))));
        // A node that stops in a transaction is gone before others have waited for its locks in vain.
        let pooled = Place::of("postgres://h/d?prepare=off&lease_ms=3000")?;
        assert_eq!((pooled.config.get_options(), pooled.term), (None, Duration::from_secs(3)));
        assert!(
            pooled.begin.starts_with("BEGIN; SET LOCAL statement_timeout = '3000'; SET LOCAL lock_timeout = '1000'")
        );
        assert!(pooled.begin.contains("idle_in_transaction_session_timeout = '500'"), "{}", pooled.begin);
        assert!(!pooled.begin.contains("tcp_user_timeout"), "{}", pooled.begin);
        Ok(())
    }
}
