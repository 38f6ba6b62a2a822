//! Where the backend listens and keeps things, from its arguments or from variables; and the variables that it has of old.

use std::path::PathBuf;

use faena::schedule::Cron;

/// Where it listens, where it keeps things, what it plays.
#[derive(Debug)]
pub struct Place {
    /// Receive webhooks in place of serving.
    pub is_receiver: bool,
    /// Port on loopback; 0 takes any free one.
    pub port: u16,
    /// Folder of the database and of the jobs.
    pub data: PathBuf,
}

/// What its operators have set for years.
#[derive(Debug)]
pub struct Variables {
    /// `ENABLE_JOBS`
    pub enable_jobs: bool,
    /// `OUTBOX_CRON`
    pub outbox: Cron,
    /// `PAYOUT_CRON`
    pub payout: Cron,
    /// `CLEANUP_CRON`
    pub cleanup: Cron,
    /// `RETRY_CRON`
    pub retry: Cron,
    /// `OUTBOX_PUBLISHER_TYPE`: `console` or `webhook`.
    pub publisher: String,
    /// `OUTBOX_WEBHOOK_URL`
    pub url: Option<String>,
    /// `OUTBOX_WEBHOOK_SECRET`
    pub secret: Option<String>,
}

const OPTIONS: [&str; 3] = ["play", "port", "data"];

impl Place {
    /// `--port` or `PAYOUTS_PORT`, and so on.
    pub fn from(
        mut args: impl Iterator<Item = String>,
        variable: impl Fn(&str) -> Option<String>,
    ) -> Result<Self, String> {
        let mut values = OPTIONS.map(|option| variable(&format!("PAYOUTS_{}", option.to_uppercase())));
        while let Some(name) = args.next() {
            let known = name.strip_prefix("--").and_then(|name| OPTIONS.iter().position(|option| *option == name));
            let Some(known) = known else {
                return Err(format!("`{name}` is unknown; there are --{}", OPTIONS.join(", --")));
            };
            values[known] = Some(args.next().ok_or_else(|| format!("{name} needs a value"))?);
        }
        let [play, port, data] = values;
        let port = port.unwrap_or_else(|| "3001".to_owned());
        Ok(Self {
            is_receiver: match play.as_deref() {
                None | Some("backend") => false,
                Some("receiver") => true,
                Some(other) => return Err(format!("`{other}` cannot be played; backend and receiver can")),
            },
            port: port.parse().map_err(|_| format!("`{port}` is not a port"))?,
            data: data.unwrap_or_else(|| "payouts-data".to_owned()).into(),
        })
    }
}

impl Variables {
    /// Reads them; an empty one counts as not set.
    pub fn from(variable: impl Fn(&str) -> Option<String>) -> Result<Self, String> {
        let given = |name: &str| variable(name).filter(|value| !value.is_empty());
        let cron = |name: &str, usual: &str| {
            let text = given(name).unwrap_or_else(|| usual.to_owned());
            Cron::new(&text).map_err(|error| format!("{name}: {error}"))
        };
        Ok(Self {
            enable_jobs: given("ENABLE_JOBS").is_none_or(|text| text != "false"),
            outbox: cron("OUTBOX_CRON", "* * * * *")?,
            payout: cron("PAYOUT_CRON", "0 2 * * 0")?,
            cleanup: cron("CLEANUP_CRON", "0 3 * * *")?,
            retry: cron("RETRY_CRON", "0 * * * *")?,
            publisher: given("OUTBOX_PUBLISHER_TYPE").unwrap_or_else(|| "console".to_owned()),
            url: given("OUTBOX_WEBHOOK_URL"),
            secret: given("OUTBOX_WEBHOOK_SECRET"),
        })
    }
}
