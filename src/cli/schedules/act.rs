//! `faena schedules show|run|pause|resume|enable|disable|remove`.

use std::time::Duration;

use clap::Args;
use serde_json::json;

use faena::client::schedules::Switch;
use faena::client::wire::Moment;
use faena::clock::Clock;

use crate::cli::args::{self, Connection};
use crate::cli::ending::{Ending, Trouble};
use crate::cli::payload::PayloadArgs;
use crate::cli::{cancel, follow, output, span, stats};

/// Show a schedule with its history in figures
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  faena schedules show nightly
  faena schedules show nightly --json | jq .nextExecutionAt")]
pub struct Show {
    /// The schedule, by its name or its id
    #[arg(value_name = "NAME")]
    which: String,
    #[command(flatten)]
    pub connection: Connection,
}

impl Show {
    pub fn run(self) -> Result<Ending, Trouble> {
        self.connection.run(async |client| {
            let schedule = client.schedule(&self.which).await?;
            match self.connection.json {
                true => output::json(&schedule)?,
                false => stats::print(&serde_json::to_value(&schedule).map_err(anyhow::Error::from)?, 0)?,
            }
            Ok(Ending::Done)
        })
    }
}

/// Make a job of a schedule now
///
/// Whether it is enabled or not. The job's id is printed; with --watch the command ends when the job does, and the exit
/// code tells how: 0 completed, 3 failed, 4 cancelled.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  faena schedules run nightly
  faena schedules run nightly --watch
  faena schedules run nightly --payload '{\"path\": \"orders.csv\"}'")]
pub struct Run {
    /// The schedule, by its name or its id
    #[arg(value_name = "NAME")]
    which: String,
    #[command(flatten)]
    payload: PayloadArgs,
    /// Follow the job with a progress bar until it has ended
    #[arg(long)]
    watch: bool,
    #[command(flatten)]
    pub connection: Connection,
}

impl Run {
    pub fn run(self) -> Result<Ending, Trouble> {
        let payload = self.payload.given()?;
        self.connection.run(async |client| {
            let accepted = client.execute_schedule(&self.which, payload.as_deref()).await?;
            if self.watch {
                return follow::with_bar(&client, &accepted.job_id, self.connection.json).await;
            }
            match self.connection.json {
                true => output::json(&accepted.body)?,
                false => output::line(&accepted.job_id)?,
            }
            Ok(Ending::Done)
        })
    }
}

/// Put a schedule on hold
///
/// Until a moment, for a while, or until it is resumed. What runs goes on.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  faena schedules pause nightly
  faena schedules pause nightly --for 2h
  faena schedules pause nightly --until 2027-01-01T00:00:00Z")]
pub struct Pause {
    /// The schedule, by its name or its id
    #[arg(value_name = "NAME")]
    which: String,
    /// When it ends by itself, such as 2026-11-24T07:00:00Z
    #[arg(long, value_name = "TIME", value_parser = args::moment, conflicts_with = "span")]
    until: Option<Moment>,
    /// For how long, such as 30m or 2h
    #[arg(long = "for", value_name = "TIME", value_parser = span::parse)]
    span: Option<Duration>,
    #[command(flatten)]
    pub connection: Connection,
}

impl Pause {
    pub fn run(self) -> Result<Ending, Trouble> {
        let until = self.until.or(self.span.map(|span| Moment(Clock::System.now().plus(span))));
        self.connection
            .run(async |client| cancel::tell(&client.pause_schedule(&self.which, until).await?, self.connection.json))
    }
}

/// Declares a command that switches a schedule.
macro_rules! switch {
    ($(#[$about:meta])* $name:ident, $switch:expr, $examples:literal) => {
        $(#[$about])*
        #[derive(Debug, Args)]
        #[command(after_help = $examples)]
        pub struct $name {
            /// The schedule, by its name or its id
            #[arg(value_name = "NAME")]
            which: String,
            #[command(flatten)]
            pub connection: Connection,
        }

        impl $name {
            pub fn run(self) -> Result<Ending, Trouble> {
                self.connection.run(async |client| {
                    cancel::tell(&client.switch_schedule(&self.which, $switch).await?, self.connection.json)
                })
            }
        }
    };
}

switch! {
    /// End the pause of a schedule; what would have fired meanwhile is let go
    Resume, Switch::Resume, "Examples:\n  faena schedules resume nightly"
}
switch! {
    /// Have a schedule fire
    Enable, Switch::Enable, "Examples:\n  faena schedules enable nightly"
}
switch! {
    /// Have a schedule not fire until it is enabled
    Disable, Switch::Disable, "Examples:\n  faena schedules disable nightly"
}

/// Remove schedules; their jobs stay as they are
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  faena schedules remove nightly")]
pub struct Remove {
    /// The schedules, by their names or ids
    #[arg(value_name = "NAME", required = true)]
    which: Vec<String>,
    #[command(flatten)]
    pub connection: Connection,
}

impl Remove {
    pub fn run(self) -> Result<Ending, Trouble> {
        self.connection.run(async |client| {
            let one = async |client: faena::client::Client, which: String| {
                client.remove_schedule(&which).await.map(|()| json!({ "schedule": which }))
            };
            cancel::each(&client, &self.which, self.connection.json, "removed", one).await
        })
    }
}
