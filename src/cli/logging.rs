//! Logs of a server, on stderr: lines for people, or one JSON object a line.

use std::io;

use faena::app::Settings;
use faena::app::settings::LogFormat;
use tracing_subscriber::EnvFilter;

use super::ending::Trouble;
use super::output;

/// Starts logging as the settings say.
pub fn start(settings: &Settings) -> Result<(), Trouble> {
    let filter = EnvFilter::try_new(&settings.log_filter).map_err(|error| {
        Trouble::usage(format!("log_filter: `{}` is not a filter such as info: {error}", settings.log_filter))
    })?;
    let lines = tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr);
    let started = match settings.log {
        LogFormat::Json => lines.json().flatten_event(true).with_current_span(false).with_span_list(true).try_init(),
        LogFormat::Pretty => lines.with_ansi(output::colours(&io::stderr())).with_target(false).try_init(),
    };
    started.map_err(|error| Trouble::Failed(anyhow::anyhow!("cannot start logging: {error}")))
}
