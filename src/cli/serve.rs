//! `faena serve`: the server, until somebody asks it to stop.

use std::path::PathBuf;

use clap::Args;
use clap::builder::PossibleValuesParser;

use faena::app::{Maintenance, Settings, Signals};

use super::config::keys::{DURABILITIES, LOG_FORMATS};
use super::config::{self, Flag, Loaded};
use super::ending::{Ending, Trouble};
use super::{logging, output, server};

/// Start the server: the API, and the processors that come with the program
///
/// Everything is kept below the folder that --data names. The address is printed as the first line on stdout once
/// requests are answered. SIGTERM or Ctrl-C lets running jobs finish within the grace time, gives the rest back to
/// the queue and ends with 0; a second one ends at once.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  faena serve
  faena serve --bind 7701 --data /var/lib/faena --log json
  faena serve --store memory --threads 8
  FAENA_GRACE=60 faena serve --config /etc/faena.toml

Each flag may also be a line of faena.toml (io_slots = 64) or a variable (FAENA_IO_SLOTS=64).
Flags win over variables, and variables over the file. The API can be browsed at /docs.")]
pub struct Serve {
    #[command(flatten)]
    settings: SettingsArgs,
}

impl Serve {
    pub fn run(self) -> Result<Ending, Trouble> {
        let Loaded { settings, warnings } = self.settings.load(base())?;
        logging::start(&settings)?;
        warnings.iter().for_each(|warning| tracing::warn!("{warning}"));
        server::runtime()?.block_on(async {
            let server = server::start(settings).await?;
            let signals = Signals::listen()?;
            // A server whose stdout nobody reads is still a server.
            let _ = output::line(format!("listening on {}", server.url()));
            server.run_until(signals).await?;
            Ok(Ending::Done)
        })
    }
}

/// What a server has that nobody said anything about.
pub fn base() -> Settings {
    Settings { maintenance: Maintenance::on(), ..Settings::default() }
}

/// The settings that have flags.
#[derive(Debug, Args)]
pub struct SettingsArgs {
    /// Address to listen on; a port alone is on loopback, port 0 takes a free one [default: 127.0.0.1:7700]
    #[arg(long, value_name = "ADDRESS")]
    pub bind: Option<String>,
    /// Names besides loopback's that a proxy in front uses for it, separated by commas [default: none]
    #[arg(long, value_name = "HOSTS")]
    hosts: Option<String>,
    /// Speak TLS, with the certificate in this PEM file; SIGHUP reads it again [default: plain HTTP]
    #[arg(long, value_name = "FILE")]
    tls_cert: Option<String>,
    /// PEM file of the certificate's key
    #[arg(long, value_name = "FILE")]
    tls_key: Option<String>,
    /// Folder of everything that is kept [default: faena-data]
    #[arg(long, value_name = "FOLDER")]
    data: Option<String>,
    /// Where jobs are kept: sqlite, sqlite:PATH, memory or postgres://USER:PASSWORD@HOST/NAME [default: sqlite, in the
    /// data folder]
    #[arg(long, value_name = "STORE")]
    store: Option<String>,
    /// When a job counts as safe: once on disk, or once the system has it [default: full]
    #[arg(long, value_name = "WHEN", value_parser = words(DURABILITIES))]
    durability: Option<String>,
    /// Computing jobs that run at once [default: the cores]
    #[arg(long, value_name = "N")]
    threads: Option<String>,
    /// Waiting jobs (HTTP calls, commands) that run at once [default: 64]
    #[arg(long, value_name = "N")]
    io_slots: Option<String>,
    /// How long running jobs may go on after SIGTERM, such as 30 or 2m [default: 30]
    #[arg(long, value_name = "SECONDS")]
    grace: Option<String>,
    /// Serve the API alone and run no jobs
    #[arg(long)]
    no_jobs: bool,
    /// Make no schedules that keep the server well: cleanup, check, backup
    #[arg(long)]
    no_maintenance: bool,
    /// The only folder that backups are written to [default: backups, in the data folder]
    #[arg(long, value_name = "FOLDER")]
    backups: Option<String>,
    /// The only folder that payloads may name files in [default: input, in the data folder]
    #[arg(long, value_name = "FOLDER")]
    input: Option<String>,
    /// Hosts that http_request jobs may call, separated by commas; with its port what is not public [default: none]
    #[arg(long, value_name = "HOSTS")]
    http_allow: Option<String>,
    /// Let sleep jobs abort the process, for crash tests
    #[arg(long)]
    unsafe_diagnostics: bool,
    /// Form of the log lines on stderr [default: pretty]
    #[arg(long, value_name = "FORM", value_parser = words(LOG_FORMATS))]
    log: Option<String>,
    /// Which log lines, such as warn or faena=debug,info [default: info]
    #[arg(long, value_name = "FILTER")]
    log_filter: Option<String>,
    /// File of settings [default: faena.toml, if there is one]
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

impl SettingsArgs {
    /// Settings from these flags, the variables and the file, over `base`.
    pub fn load(self, base: Settings) -> Result<Loaded, Trouble> {
        let set = |flag: bool| flag.then(|| "true".to_owned());
        let flags: Vec<Flag> = vec![
            ("bind", self.bind),
            ("hosts", self.hosts),
            ("tls_cert", self.tls_cert),
            ("tls_key", self.tls_key),
            ("data", self.data),
            ("store", self.store),
            ("durability", self.durability),
            ("threads", self.threads),
            ("io_slots", self.io_slots),
            ("grace", self.grace),
            ("no_jobs", set(self.no_jobs)),
            ("maintenance.schedules", self.no_maintenance.then(|| "false".to_owned())),
            ("maintenance.backups", self.backups),
            ("input", self.input),
            ("http_allow", self.http_allow),
            ("unsafe_diagnostics", set(self.unsafe_diagnostics)),
            ("log", self.log),
            ("log_filter", self.log_filter),
        ];
        config::load(base, flags, self.config.as_deref())
    }
}

/// The words of a choice, for help and completion.
fn words<T>(choices: &'static [(&'static str, T)]) -> PossibleValuesParser {
    PossibleValuesParser::new(choices.iter().map(|(word, _)| *word))
}
