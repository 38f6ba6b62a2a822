//! Where the example listens and keeps things, and how it is tried out: from its arguments, or from variables.

use std::path::PathBuf;

use faena::schedule::Cron;

/// Where it listens, where it keeps things, and how it is tried out.
#[derive(Debug)]
pub struct Place {
    /// Play the chain, and do nothing else.
    pub is_chain: bool,
    /// Port on loopback; 0 takes any free one.
    pub port: u16,
    /// Folder of the database and of the jobs.
    pub data: PathBuf,
    /// Address of the chain; one is played along when there is none.
    pub chain: Option<String>,
    /// Blocks of a chain that is played.
    pub height: u64,
    /// Run each job so many times, then exit, instead of serving.
    pub rounds: Option<u64>,
    /// Fire all schedules by this expression instead of their own.
    pub cron: Option<Cron>,
}

const OPTIONS: [&str; 7] = ["play", "port", "data", "chain", "height", "rounds", "cron"];

impl Place {
    /// `--port` or `RESYNC_PORT`, and so on.
    pub fn from(
        mut args: impl Iterator<Item = String>,
        variable: impl Fn(&str) -> Option<String>,
    ) -> Result<Self, String> {
        let mut values = OPTIONS.map(|option| variable(&format!("RESYNC_{}", option.to_uppercase())));
        while let Some(name) = args.next() {
            let known = name.strip_prefix("--").and_then(|name| OPTIONS.iter().position(|option| *option == name));
            let Some(known) = known else {
                return Err(format!("`{name}` is unknown; there are --{}", OPTIONS.join(", --")));
            };
            values[known] = Some(args.next().ok_or_else(|| format!("{name} needs a value"))?);
        }
        let [play, port, data, chain, height, rounds, cron] = values;
        Ok(Self {
            is_chain: match play.as_deref() {
                None | Some("exchange") => false,
                Some("chain") => true,
                Some(other) => return Err(format!("`{other}` cannot be played; exchange and chain can")),
            },
            port: number(port.as_deref().unwrap_or("8080"))?,
            data: data.unwrap_or_else(|| "resync-data".to_owned()).into(),
            chain,
            height: number(height.as_deref().unwrap_or("1000"))?,
            rounds: rounds.as_deref().map(number).transpose()?,
            cron: cron.map(|cron| Cron::new(&cron).map_err(|error| error.to_string())).transpose()?,
        })
    }
}

fn number<T: std::str::FromStr>(text: &str) -> Result<T, String> {
    text.parse().map_err(|_| format!("`{text}` is not a number that fits"))
}
