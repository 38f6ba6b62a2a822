//! Where the marketplace listens and keeps things, and how it is tried out: from its arguments, or from variables.

use std::path::PathBuf;

use faena::clock::Timestamp;
use faena::schedule::Cron;

/// Where it listens, where it keeps things, and how it is tried out.
#[derive(Debug)]
pub struct Place {
    /// Port on loopback; 0 takes any free one.
    pub port: u16,
    /// Folder of the databases, their backups and the jobs.
    pub data: PathBuf,
    /// Run each job so many times, then exit, instead of serving.
    pub rounds: Option<u64>,
    /// Fire all schedules by this expression instead of their own.
    pub cron: Option<Cron>,
    /// The moment that all jobs are about, instead of the one that they are due at.
    pub at: Option<Timestamp>,
}

const OPTIONS: [&str; 5] = ["port", "data", "rounds", "cron", "at"];

impl Place {
    /// `--port` or `MARKETPLACE_PORT`, and so on.
    pub fn from(
        mut args: impl Iterator<Item = String>,
        variable: impl Fn(&str) -> Option<String>,
    ) -> Result<Self, String> {
        let mut values = OPTIONS.map(|option| variable(&format!("MARKETPLACE_{}", option.to_uppercase())));
        while let Some(name) = args.next() {
            let known = name.strip_prefix("--").and_then(|name| OPTIONS.iter().position(|option| *option == name));
            let Some(known) = known else {
                return Err(format!("`{name}` is unknown; there are --{}", OPTIONS.join(", --")));
            };
            values[known] = Some(args.next().ok_or_else(|| format!("{name} needs a value"))?);
        }
        let [port, data, rounds, cron, at] = values;
        let port = port.unwrap_or_else(|| "8080".to_owned());
        Ok(Self {
            port: port.parse().map_err(|_| format!("`{port}` is not a port"))?,
            data: data.unwrap_or_else(|| "marketplace-data".to_owned()).into(),
            rounds: rounds
                .map(|rounds| rounds.parse().map_err(|_| format!("`{rounds}` is not a number")))
                .transpose()?,
            cron: cron.map(|cron| Cron::new(&cron).map_err(|error| error.to_string())).transpose()?,
            at: at.map(|at| at.parse()).transpose()?,
        })
    }
}
