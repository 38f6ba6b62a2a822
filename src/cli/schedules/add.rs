//! `faena schedules add`.

use std::time::Duration;

use clap::Args;
use serde_json::json;

use faena::client::wire::Moment;
use faena::job::{Name, Priority};
use faena::schedule::{MisfirePolicy, OverlapPolicy};

use crate::cli::args::{self, Connection};
use crate::cli::ending::{Ending, Trouble};
use crate::cli::payload::PayloadArgs;
use crate::cli::{cancel, span};

/// Make a schedule
///
/// It is on disk when this command ends. What can never be is refused: an expression of a date that never comes, an unknown
/// zone, a payload that the processor would refuse.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  faena schedules add heartbeat '*/5 * * * *' noop
  faena schedules add nightly '0 2 * * *' generate_report --file report.json --timezone Europe/Berlin --retries 3
  faena schedules add cleanup @weekly command '{\"name\": \"cleanup\"}' --overlap skip --disabled")]
pub struct Add {
    /// What it is called; no other schedule has the same name
    #[arg(value_name = "NAME")]
    name: String,
    /// When it fires: a cron expression, in quotes
    #[arg(value_name = "EXPRESSION")]
    cron_expression: String,
    /// Which processor its jobs are for
    #[arg(value_name = "SUBTYPE")]
    sub_type: Name,
    #[command(flatten)]
    payload: PayloadArgs,
    /// An IANA time zone [default: UTC]
    #[arg(long, visible_alias = "tz", value_name = "ZONE")]
    timezone: Option<String>,
    /// What it is for
    #[arg(long, value_name = "TEXT")]
    description: Option<String>,
    /// How urgent its jobs are: high, normal, low
    #[arg(long, value_name = "PRIORITY")]
    priority: Option<Priority>,
    /// Time that one attempt may take, such as 30s or 2h
    #[arg(long, value_name = "TIME", value_parser = span::parse)]
    timeout: Option<Duration>,
    /// Tries after the first one
    #[arg(long, value_name = "N")]
    retries: Option<u32>,
    /// What becomes of missed times: fire_once, skip, fire_all
    #[arg(long, value_name = "POLICY")]
    misfire: Option<MisfirePolicy>,
    /// What becomes of a time while an earlier job has not ended: skip, queue, cancel_running, allow
    #[arg(long, value_name = "POLICY")]
    overlap: Option<OverlapPolicy>,
    /// Not before this time, such as 2026-11-24T07:00:00Z
    #[arg(long, value_name = "TIME", value_parser = args::moment)]
    start: Option<Moment>,
    /// Not after this time
    #[arg(long, value_name = "TIME", value_parser = args::moment)]
    end: Option<Moment>,
    /// Fire up to so much late, by chance, such as 30s
    #[arg(long, value_name = "TIME", value_parser = span::parse)]
    jitter: Option<Duration>,
    /// Never run two of its jobs at once
    #[arg(long)]
    singleton: bool,
    /// Do not fire until it is enabled
    #[arg(long)]
    disabled: bool,
    #[command(flatten)]
    pub connection: Connection,
}

impl Add {
    pub fn run(self) -> Result<Ending, Trouble> {
        let terms = json!({
            "name": self.name,
            "description": self.description,
            "cronExpression": self.cron_expression,
            "timezone": self.timezone,
            "subType": self.sub_type.as_str(),
            "payload": self.payload.read()?,
            "priority": self.priority,
            "timeoutSeconds": self.timeout.map(|span| span.as_secs_f64()),
            "retryPolicy": self.retries.map(|retries| json!({ "maxRetries": retries })),
            "misfirePolicy": self.misfire,
            "overlapPolicy": self.overlap,
            "startAt": self.start,
            "endAt": self.end,
            "jitterSeconds": self.jitter.map(|span| span.as_secs()),
            "singleton": self.singleton,
            "enabled": !self.disabled,
        });
        self.connection.run(async |client| cancel::tell(&client.create_schedule(&terms).await?, self.connection.json))
    }
}
