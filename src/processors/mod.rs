//! The processors that come with the program. Each is an ordinary [`Processor`](crate::work::Processor) or
//! [`AsyncProcessor`](crate::work::AsyncProcessor), as an application would write one.
//!
//! | file | subtype | does |
//! | --- | --- | --- |
//! | [`noop`] | `noop` | completes at once |
//! | [`sleep`] | `sleep` | waits in steps, misbehaves on request |
//! | [`process_data`] | `process_data` | profiles every column of a dataset |
//! | [`generate_report`] | `generate_report` | groups a dataset into a page or a table |
//! | [`train_model`] | `train_model` | fits a linear or logistic model, and goes on where it stopped |
//! | `http_request` | `http_request` | calls a service; needs the feature `http-client` |
//! | `command` | `command` | runs a subprocess; on Unix |
//! | [`maintenance`] | `faena.cleanup`, … | what keeps a server well; they need its store, and are registered by themselves |
//! | [`sample`] | – | writes a file of invented orders to try them on |

#[cfg(feature = "http-client")]
mod answer;
mod cell;
#[cfg(unix)]
pub mod command;
mod dataset;
mod descent;
pub mod generate_report;
mod group;
#[cfg(feature = "http-client")]
pub mod http_request;
mod input;
#[cfg(unix)]
mod lines;
pub mod maintenance;
pub mod noop;
mod page;
pub mod process_data;
#[cfg(unix)]
mod process_group;
mod profile;
mod row;
pub mod sample;
mod samples;
pub mod sleep;
mod table;
pub mod train_model;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use crate::work::Registry;

/// What the processors are allowed.
#[derive(Debug, Clone, Default)]
pub struct Settings {
    /// The folder of the files that a payload may name; without it none may be named.
    pub input: Option<PathBuf>,
    /// Hosts that a job may call: `host` on the usual port of its scheme, or `host:port`. What is not public must be named with
    /// its port or as an address.
    pub http_hosts: Vec<String>,
    /// Programs that a job may run, by name.
    pub commands: BTreeMap<String, CommandLine>,
    /// Whether a payload may take the process down, to see what becomes of its job.
    pub unsafe_diagnostics: bool,
}

/// A program that a job may run. Its payload never becomes part of the arguments.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CommandLine {
    /// What to run.
    pub program: String,
    /// Its arguments.
    pub args: Vec<String>,
    /// Variables of its environment.
    pub env: BTreeMap<String, String>,
    /// Time that one run may take; without it only the job's own time-out counts.
    pub timeout: Option<Duration>,
}

/// All of them, under their names.
pub fn bundled(settings: &Settings) -> Registry {
    let input = &settings.input;
    let registry = Registry::new()
        .asynchronous("noop", noop::Noop)
        .blocking("sleep", sleep::Sleep { unsafe_diagnostics: settings.unsafe_diagnostics })
        .blocking("process_data", process_data::ProcessData { input: input.clone() })
        .blocking("generate_report", generate_report::GenerateReport { input: input.clone() })
        .blocking("train_model", train_model::TrainModel { input: input.clone() });
    #[cfg(feature = "http-client")]
    let registry = registry.asynchronous("http_request", http_request::HttpRequest::new(&settings.http_hosts));
    #[cfg(unix)]
    let registry = registry.asynchronous("command", command::Command::new(settings.commands.clone()));
    registry
}
