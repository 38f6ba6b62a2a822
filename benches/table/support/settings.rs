//! What is asked for: which rows, how long each run takes, how many jobs stand in the way.

use std::time::Duration;

use anyhow::{Context, Result, bail};

use crate::rows;

/// What is asked for.
pub struct Settings {
    /// The rows to measure, by name.
    pub rows: Vec<String>,
    /// One JSON object a row instead of a table.
    pub json: bool,
    /// How long one run of one contestant takes.
    pub run: Duration,
    /// How often the contestants take turns.
    pub pairs: usize,
    /// Jobs that wait while others are done.
    pub backlog: u64,
    /// Ended jobs that a list pages through.
    pub history: u64,
}

/// Reads the arguments and the variables.
pub fn read(arguments: &[String]) -> Result<Settings> {
    let (flags, mut names): (Vec<_>, Vec<_>) =
        arguments.iter().cloned().partition(|argument| argument.starts_with('-'));
    let known: Vec<_> = rows::ALL.iter().map(|(name, _)| *name).collect();
    if let Some(flag) = flags.iter().find(|flag| *flag != "--json") {
        bail!("`{flag}` is not known; use --json, and the names of rows: {}", known.join(", "));
    }
    if let Some(name) = names.iter().find(|name| !known.contains(&name.as_str())) {
        bail!("`{name}` is not a row; there are {}", known.join(", "));
    }
    if names.is_empty() {
        names = known.iter().map(ToString::to_string).collect();
    }
    Ok(Settings {
        rows: names,
        json: !flags.is_empty(),
        run: Duration::try_from_secs_f64(variable("FAENA_BENCH_SECONDS", 3.0)?)?,
        pairs: variable("FAENA_BENCH_PAIRS", 3_usize)?.max(1),
        backlog: variable("FAENA_BENCH_BACKLOG", 1_000_000_u64)?.max(1),
        history: variable("FAENA_BENCH_HISTORY", 200_000_u64)?.max(1_000),
    })
}

fn variable<T>(name: &str, default: T) -> Result<T>
where
    T: std::str::FromStr<Err: std::error::Error + Send + Sync + 'static>,
{
    match std::env::var(name) {
        Ok(text) => text.parse().with_context(|| format!("{name}=`{text}` is not a number")),
        Err(_) => Ok(default),
    }
}
