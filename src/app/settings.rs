//! What a server is started with: plain data, with defaults that work, checked as a whole before anything is opened.
//! Where the values come from (flags, variables, a file) is the command line's business.

use std::collections::BTreeMap;
use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use super::edge::Edge;
use super::encryption::Encryption;
use super::mail::Mail;
use super::maintenance::{BACKUPS_KEPT_DEFAULT, Maintenance};
pub use super::outgoing::Outbox;
use crate::egress::{Entry, Policy};
use crate::error::{Error, FieldError};
use crate::key::Secret;
use crate::limits;
pub use crate::processors::CommandLine;
pub use crate::store::embedded::Durability;

/// The port that a server listens on when none is named.
pub const PORT_DEFAULT: u16 = 7700;

/// What a server is started with.
///
/// ```
/// use faena::app::settings::{Settings, StoreChoice};
///
/// let settings = Settings { store: StoreChoice::Memory, ..Settings::in_folder("/var/lib/faena") };
/// assert!(settings.validate().is_ok());
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// Address to listen on; port 0 takes any free one.
    pub bind: SocketAddr,
    /// A key with the scope `admin` that is there from the start, chosen by whoever runs the server.
    pub admin_key: Option<Secret>,
    /// Names besides loopback's that the server is asked under by a proxy in front, each `host` or `host:port`.
    pub hosts: Vec<String>,
    /// The side that faces the network: TLS, pages of other origins, what a key may use up.
    pub edge: Edge,
    /// Folder of everything that is kept: the store, results, input.
    pub data: PathBuf,
    /// Where jobs are kept.
    pub store: StoreChoice,
    /// When a commit counts as safe.
    pub durability: Durability,
    /// Blocking processors that run at once.
    pub threads: usize,
    /// Async processors that run at once.
    pub io_slots: usize,
    /// How long a drain lets running jobs finish.
    pub grace: Duration,
    /// Serve the API alone and run nothing.
    pub no_jobs: bool,
    /// The only folder that payloads may name files in; `input` below the data folder when left out.
    pub input: Option<PathBuf>,
    /// Hosts that `http_request` jobs may call, each `host` or `host:port`. None may be called when it is empty, and what is not
    /// public must be named with its port or as an address.
    pub http_allow: Vec<String>,
    /// Places, each `host:port`, that webhooks and callbacks may reach although they are not public.
    pub webhook_allow: Vec<String>,
    /// How letters are sent, and to whom.
    pub mail: Mail,
    /// Where people reach the server, such as `https://jobs.example.com`; where it listens, when left out. Links in letters begin
    /// with it.
    pub public_url: Option<String>,
    /// Programs that `command` jobs may run, by the name that a payload gives.
    pub commands: BTreeMap<String, CommandLine>,
    /// Let `sleep` jobs abort the process, for crash tests.
    pub unsafe_diagnostics: bool,
    /// Keys of the encryption at rest: the first encrypts, all decrypt. Nothing is encrypted without any.
    pub encryption: Encryption,
    /// How long ended jobs are remembered.
    pub retention: Retention,
    /// Schedules that keep the server well. The program has them; an application gets nothing that it did not ask for.
    pub maintenance: Maintenance,
    /// Where every event goes.
    pub outbox: Outbox,
    /// Where results too large for a `data:` URL are kept.
    pub results: ResultPlace,
    /// Form of the log lines.
    pub log: LogFormat,
    /// Which log lines, in the words of tracing: `info`, `faena=debug,warn`.
    pub log_filter: String,
    /// How long a job is the worker's of another process without a sign of life.
    pub lease: Duration,
    /// Jobs that may wait, beyond which new ones are refused with 429.
    pub queue_depth: u64,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            bind: SocketAddr::from((Ipv4Addr::LOCALHOST, PORT_DEFAULT)),
            admin_key: None,
            hosts: Vec::new(),
            edge: Edge::default(),
            data: PathBuf::from("faena-data"),
            store: StoreChoice::default(),
            durability: Durability::default(),
            threads: std::thread::available_parallelism().map_or(1, usize::from),
            io_slots: 64,
            grace: Duration::from_secs(30),
            no_jobs: false,
            input: None,
            http_allow: Vec::new(),
            webhook_allow: Vec::new(),
            mail: Mail::default(),
            public_url: None,
            commands: BTreeMap::new(),
            unsafe_diagnostics: false,
            encryption: Encryption::default(),
            retention: Retention::default(),
            maintenance: Maintenance::default(),
            outbox: Outbox::default(),
            results: ResultPlace::default(),
            log: LogFormat::default(),
            log_filter: "info".to_owned(),
            lease: limits::LEASE,
            queue_depth: limits::QUEUE_DEPTH_MAX,
        }
    }
}

impl Settings {
    /// The defaults, with everything kept below `data`.
    pub fn in_folder(data: impl Into<PathBuf>) -> Self {
        Self { data: data.into(), ..Self::default() }
    }

    /// The database file, unless everything is in memory.
    pub fn database(&self) -> Option<PathBuf> {
        match &self.store {
            StoreChoice::Memory | StoreChoice::Postgres(_) => None,
            StoreChoice::Sqlite(Some(path)) => Some(path.clone()),
            StoreChoice::Sqlite(None) => Some(self.data.join("faena.db")),
        }
    }

    /// The only folder that payloads may name files in.
    pub fn input_folder(&self) -> PathBuf {
        self.input.clone().unwrap_or_else(|| self.data.join("input"))
    }

    /// The only folder that backups are written to.
    pub fn backups_folder(&self) -> PathBuf {
        self.maintenance.backups.clone().unwrap_or_else(|| self.data.join("backups"))
    }

    /// How many backups are kept.
    pub fn backups_kept(&self) -> u32 {
        self.maintenance.backups_kept.unwrap_or(BACKUPS_KEPT_DEFAULT)
    }

    /// The local folder of large results, or none when they go elsewhere.
    pub fn results_folder(&self) -> Option<PathBuf> {
        match &self.results {
            ResultPlace::Folder(None) if matches!(self.store, StoreChoice::Postgres(_)) => None,
            ResultPlace::Folder(path) => Some(path.clone().unwrap_or_else(|| self.data.join("results"))),
            ResultPlace::Url(_) => None,
        }
    }

    /// Where people reach the server, without a slash at its end.
    pub fn base_url(&self) -> String {
        let given = self.public_url.as_deref().map(|url| url.trim_end_matches('/').to_owned());
        given.unwrap_or_else(|| format!("http://{}", self.bind))
    }

    /// Whom webhooks and callbacks may reach: everybody who is public, and whom `webhook_allow` names.
    pub fn webhook_policy(&self) -> Policy {
        Policy::public_and("webhook_allow", self.webhook_allow.iter().filter_map(|host| host.parse().ok()))
    }

    /// Checks each value and what they mean together.
    ///
    /// # Errors
    /// [`Error::Invalid`] with every key at fault and what to do about it.
    pub fn validate(&self) -> Result<(), Error> {
        let mut faults = Faults::default();
        faults.within("threads", self.threads, 1, limits::THREADS_MAX);
        faults.within("io_slots", self.io_slots, 1, limits::IO_SLOTS_MAX);
        faults.check(self.grace <= limits::GRACE_MAX, "grace", || {
            format!("is too long; at most {} seconds", limits::GRACE_MAX.as_secs())
        });
        faults.check((limits::LEASE_MIN..=limits::LEASE_MAX).contains(&self.lease), "lease", || {
            let (least, most) = (limits::LEASE_MIN.as_secs(), limits::LEASE_MAX.as_secs());
            format!("must be {least} to {most} seconds")
        });
        faults.check(self.queue_depth > 0, "queue_depth", || "must be at least 1; every job would be refused".into());
        faults.check(not_empty(&self.data), "data", || "must name a folder".into());
        faults.check(self.input.as_deref().is_none_or(not_empty), "input", || "must name a folder".into());
        faults.check(self.maintenance.backups.as_deref().is_none_or(not_empty), "maintenance.backups", || {
            "must name a folder".into()
        });
        faults.within("maintenance.backups_kept", self.backups_kept() as usize, 1, limits::BACKUPS_KEPT_MAX);
        if let StoreChoice::Postgres(_) = &self.store {
            faults.check(cfg!(feature = "postgres"), "store", || {
                "PostgreSQL needs a build with the feature postgres; use sqlite, sqlite:PATH or memory".into()
            });
        }
        if let ResultPlace::Url(url) = &self.results {
            faults.check(cfg!(feature = "object-store"), "results", || {
                format!("`{url}` needs a build with the feature object-store; name a folder, or build with it")
            });
        }
        self.edge.check(&mut faults);
        self.encryption.check(&mut faults);
        for host in &self.hosts {
            faults.check(is_host(host), "hosts", || {
                format!("`{host}` is not a host such as api.example.com or api.example.com:8443")
            });
        }
        for (key, message) in self.mail.faults() {
            faults.check(false, key, || message);
        }
        let is_web = |url: &str| url.parse::<url::Url>().is_ok_and(|url| matches!(url.scheme(), "http" | "https"));
        faults.check(self.public_url.as_deref().is_none_or(is_web), "public_url", || {
            "must be a URL such as https://jobs.example.com".into()
        });
        for host in &self.http_allow {
            if let Err(complaint) = host.parse::<Entry>() {
                faults.check(false, "http_allow", || complaint);
            }
        }
        for host in &self.webhook_allow {
            faults.check(host.parse().is_ok_and(|entry: Entry| entry.has_port()), "webhook_allow", || {
                format!("`{host}` is not a host with its port, such as hooks.internal.example:8443")
            });
        }
        self.outbox.check(&mut faults);
        for (name, command) in &self.commands {
            let key = format!("commands.{name}");
            faults.check(!command.program.is_empty(), &key, || "program must name what to run".into());
            faults.check(command.timeout.is_none_or(|span| !span.is_zero()), &key, || {
                "timeout_seconds must be at least 1".into()
            });
        }
        faults.into_result()
    }
}

/// Where jobs are kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StoreChoice {
    /// In memory: gone with the process.
    Memory,
    /// In a SQLite file; `faena.db` below the data folder when no path is given.
    Sqlite(Option<PathBuf>),
    /// In a PostgreSQL database, which many nodes may share.
    Postgres(DatabaseUrl),
}

/// The URL of a database. It may hold a password, so it is not printed.
#[derive(Clone, PartialEq, Eq)]
pub struct DatabaseUrl(Box<str>);

impl DatabaseUrl {
    /// The URL, with whatever password there is.
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// What may be shown of it: where the database is and what it is called.
    pub fn shown(&self) -> String {
        let (scheme, rest) = self.0.split_once("://").unwrap_or(("postgres", &self.0));
        let rest = rest.split(['?', '#']).next().unwrap_or_default();
        format!("{scheme}://{}", rest.rsplit_once('@').map_or(rest, |(_, place)| place))
    }
}

impl From<&str> for DatabaseUrl {
    fn from(url: &str) -> Self {
        Self(url.into())
    }
}

impl fmt::Debug for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown())
    }
}

impl Default for StoreChoice {
    fn default() -> Self {
        Self::Sqlite(None)
    }
}

impl FromStr for StoreChoice {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.split_once(':') {
            None if text == "memory" => Ok(Self::Memory),
            None if text == "sqlite" => Ok(Self::Sqlite(None)),
            Some(("sqlite", path)) if !path.is_empty() => Ok(Self::Sqlite(Some(path.into()))),
            Some(("postgres" | "postgresql", rest)) if rest.starts_with("//") => Ok(Self::Postgres(text.into())),
            _ => Err(format!(
                "`{text}` is not a store; use sqlite, sqlite:PATH, memory or postgres://USER:PASSWORD@HOST/NAME"
            )),
        }
    }
}

/// Where results too large for a `data:` URL are kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ResultPlace {
    /// In a local folder. When no path is given: `results` below the data folder, or the database itself on PostgreSQL.
    Folder(Option<PathBuf>),
    /// In an object store, such as `s3://bucket/prefix`.
    Url(String),
}

impl Default for ResultPlace {
    fn default() -> Self {
        Self::Folder(None)
    }
}

impl FromStr for ResultPlace {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "" => Err("must name a folder or the URL of an object store".to_owned()),
            url if url.contains("://") => Ok(Self::Url(url.to_owned())),
            path => Ok(Self::Folder(Some(path.into()))),
        }
    }
}

/// Form of the log lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LogFormat {
    /// For people.
    #[default]
    Pretty,
    /// One JSON object a line.
    Json,
}

/// How long ended jobs and events are remembered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retention {
    /// Completed and cancelled ones.
    pub completed: Duration,
    /// Failed ones: dead letters wait longer for somebody to look at them.
    pub failed: Duration,
    /// Events: what was told of all of them, which is the audit trail.
    pub events: Duration,
}

impl Default for Retention {
    fn default() -> Self {
        const DAY: Duration = Duration::from_secs(24 * 3600);
        Self { completed: 7 * DAY, failed: 30 * DAY, events: limits::EVENTS_KEPT_FOR }
    }
}

/// Complaints, gathered so that a person sees all of them at once.
#[derive(Default)]
pub(super) struct Faults(Vec<FieldError>);

impl Faults {
    pub(super) fn check(&mut self, holds: bool, key: &str, complaint: impl FnOnce() -> String) {
        if !holds {
            self.0.push(FieldError { field: key.to_owned(), message: complaint() });
        }
    }

    pub(super) fn within(&mut self, key: &str, value: usize, least: usize, most: usize) {
        self.check((least..=most).contains(&value), key, || format!("{value} is not between {least} and {most}"));
    }

    fn into_result(self) -> Result<(), Error> {
        if self.0.is_empty() { Ok(()) } else { Err(Error::fields(self.0)) }
    }
}

fn not_empty(path: &Path) -> bool {
    !path.as_os_str().is_empty()
}

/// A host name or address with or without a port; no scheme, path or user.
fn is_host(text: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || ".-_:[]".contains(c);
    !text.is_empty() && text.chars().all(plain)
}
