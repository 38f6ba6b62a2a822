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
    pub turns: usize,
    /// Jobs that are drained.
    pub drain: u64,
    /// Jobs that wait while others are drained.
    pub backlog: u64,
    /// How long the program works at half load, if it does.
    pub soak: Duration,
    /// The contestants beside the program.
    pub contestants: Vec<String>,
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
    let soak = Duration::try_from_secs_f64(variable("FAENA_BENCH_SOAK", 0.0)?)?;
    if names.is_empty() {
        names = known.iter().filter(|name| **name != "soak" || !soak.is_zero()).map(ToString::to_string).collect();
    }
    let contestants = variable("FAENA_BENCH_PEERS", "riverqueue underway apalis pg-boss graphile-worker".to_owned())?;
    Ok(Settings {
        rows: names,
        json: !flags.is_empty(),
        run: Duration::try_from_secs_f64(variable("FAENA_BENCH_SECONDS", 3.0)?)?,
        turns: variable("FAENA_BENCH_PAIRS", 3_usize)?.max(1),
        drain: variable("FAENA_BENCH_DRAIN", 60_000_u64)?.max(1_000),
        backlog: variable("FAENA_BENCH_BACKLOG", 1_000_000_u64)?.max(1),
        soak: if soak.is_zero() { Duration::from_secs(300) } else { soak },
        contestants: contestants.split_whitespace().map(str::to_owned).collect(),
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
