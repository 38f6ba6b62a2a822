//! Every setting: its name in the file (and with it that of its variable and flag), and how its value is read.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use faena::app::Settings;
use faena::app::settings::{CommandLine, Durability, LogFormat, Outbox};
use faena::event::Via;
use faena::key::Secret;
use faena::schedule::{Cron, Zone};
use toml::Value;

use super::nearest;
use crate::cli::span;

/// A setting.
pub struct Key {
    /// Its name in the file: `io_slots`, or `retention.failed` within a table.
    pub name: &'static str,
    /// Reads a value into the settings.
    pub set: fn(&mut Settings, Given<'_>) -> Result<(), String>,
}

/// A value as it was given.
#[derive(Clone, Copy)]
pub enum Given<'a> {
    /// By a flag or a variable.
    Text(&'a str),
    /// In the file, under a path that may go on below the key's name.
    Toml(&'a str, &'a Value),
}

/// The words for when a commit counts as safe.
pub const DURABILITIES: &[(&str, Durability)] = &[("full", Durability::Full), ("relaxed", Durability::Relaxed)];
/// The words for the form of the log lines.
pub const LOG_FORMATS: &[(&str, LogFormat)] = &[("pretty", LogFormat::Pretty), ("json", LogFormat::Json)];

/// Every setting there is.
pub const KEYS: &[Key] = &[
    Key { name: "bind", set: |s, v| put(&mut s.bind, address(&v.text()?)) },
    Key { name: "admin_key", set: |s, v| put(&mut s.admin_key, v.text().and_then(Secret::given).map(Some)) },
    Key { name: "hosts", set: |s, v| put(&mut s.hosts, v.list()) },
    Key { name: "tls_cert", set: |s, v| put(&mut s.edge.tls_cert, v.path().map(Some)) },
    Key { name: "tls_key", set: |s, v| put(&mut s.edge.tls_key, v.path().map(Some)) },
    Key { name: "cors_origins", set: |s, v| put(&mut s.edge.cors_origins, v.list()) },
    Key { name: "connections", set: |s, v| put(&mut s.edge.connections, v.number()) },
    Key {
        name: "key_requests_per_minute",
        set: |s, v| put(&mut s.edge.quota.requests_per_minute, v.number().map(Some)),
    },
    Key { name: "key_queued_max", set: |s, v| put(&mut s.edge.quota.queued_max, v.number().map(Some)) },
    Key { name: "data", set: |s, v| put(&mut s.data, v.path()) },
    Key { name: "store", set: |s, v| put(&mut s.store, v.parsed()) },
    Key { name: "durability", set: |s, v| put(&mut s.durability, v.choice(DURABILITIES)) },
    Key { name: "threads", set: |s, v| put(&mut s.threads, v.number()) },
    Key { name: "io_slots", set: |s, v| put(&mut s.io_slots, v.number()) },
    Key { name: "grace", set: |s, v| put(&mut s.grace, v.span()) },
    Key { name: "no_jobs", set: |s, v| put(&mut s.no_jobs, v.flag()) },
    Key { name: "input", set: |s, v| put(&mut s.input, v.path().map(Some)) },
    Key { name: "http_allow", set: |s, v| put(&mut s.http_allow, v.list()) },
    Key { name: "webhook_allow", set: |s, v| put(&mut s.webhook_allow, v.list()) },
    Key { name: "public_url", set: |s, v| put(&mut s.public_url, v.text().map(Some)) },
    Key { name: "alert_emails", set: |s, v| put(&mut s.mail.alerts, v.list()) },
    Key { name: "smtp.url", set: |s, v| put(&mut s.mail.smtp, v.text().map(|url| Some(url.as_str().into()))) },
    Key { name: "smtp.from", set: |s, v| put(&mut s.mail.from, v.text()) },
    Key { name: "unsafe_diagnostics", set: |s, v| put(&mut s.unsafe_diagnostics, v.flag()) },
    Key { name: "lease", set: |s, v| put(&mut s.lease, v.span()) },
    Key { name: "queue_depth", set: |s, v| put(&mut s.queue_depth, v.number()) },
    Key { name: "outbox.publisher", set: |s, v| put(&mut s.outbox.publisher, v.parsed::<Via>().map(Some)) },
    Key { name: "outbox.url", set: |s, v| put(&mut s.outbox.url, v.text().map(|url| Some(url.into()))) },
    Key { name: "outbox.exchange", set: |s, v| put(&mut s.outbox.exchange, v.text().map(Some)) },
    Key { name: "outbox.routed_only", set: |s, v| put(&mut s.outbox.routed_only, v.flag()) },
    Key {
        name: "outbox.secret",
        set: |s, v| put(&mut s.outbox.secret, v.text().and_then(|text| Outbox::read_secret(&text)).map(Some)),
    },
    Key { name: "outbox.cron", set: |s, v| put(&mut s.outbox.cron, v.parsed::<Cron>().map(Some)) },
    Key { name: "results", set: |s, v| put(&mut s.results, v.parsed()) },
    Key { name: "log", set: |s, v| put(&mut s.log, v.choice(LOG_FORMATS)) },
    Key { name: "log_filter", set: |s, v| put(&mut s.log_filter, v.text()) },
    Key { name: "encryption_key", set: |s, v| put(&mut s.encryption.first, v.parsed().map(Some)) },
    Key { name: "encryption_keys", set: |s, v| put(&mut s.encryption.keys, v.each()) },
    Key { name: "retention.completed", set: |s, v| put(&mut s.retention.completed, v.span()) },
    Key { name: "retention.failed", set: |s, v| put(&mut s.retention.failed, v.span()) },
    Key { name: "retention.events", set: |s, v| put(&mut s.retention.events, v.span()) },
    Key { name: "maintenance.schedules", set: |s, v| put(&mut s.maintenance.schedules, v.flag()) },
    Key { name: "maintenance.timezone", set: |s, v| put(&mut s.maintenance.timezone, v.parsed::<Zone>().map(Some)) },
    Key { name: "maintenance.cleanup", set: |s, v| put(&mut s.maintenance.cleanup, v.parsed::<Cron>().map(Some)) },
    Key { name: "maintenance.retry", set: |s, v| put(&mut s.maintenance.retry, v.parsed::<Cron>().map(Some)) },
    Key { name: "maintenance.check", set: |s, v| put(&mut s.maintenance.check, v.parsed::<Cron>().map(Some)) },
    Key { name: "maintenance.backup", set: |s, v| put(&mut s.maintenance.backup, v.parsed::<Cron>().map(Some)) },
    Key { name: "maintenance.backups", set: |s, v| put(&mut s.maintenance.backups, v.path().map(Some)) },
    Key { name: "maintenance.backups_kept", set: |s, v| put(&mut s.maintenance.backups_kept, v.number().map(Some)) },
    Key { name: "commands", set: set_command },
];

/// The setting of a name.
pub fn named(name: &str) -> Option<&'static Key> {
    KEYS.iter().find(|key| key.name == name)
}

impl Key {
    /// The variable that sets it.
    pub fn variable(&self) -> String {
        format!("FAENA_{}", self.name.replace('.', "_").to_uppercase())
    }
}

/// Reads yes or no.
pub fn truth(text: &str) -> Option<bool> {
    match text.to_ascii_lowercase().as_str() {
        "true" | "1" | "yes" | "on" => Some(true),
        "false" | "0" | "no" | "off" => Some(false),
        _ => None,
    }
}

impl Given<'_> {
    fn text(self) -> Result<String, String> {
        match self {
            Self::Text(text) => Ok(text.to_owned()),
            Self::Toml(_, Value::String(text)) => Ok(text.clone()),
            Self::Toml(_, value) => Err(format!("must be a text in quotes, not {}", sort_of(value))),
        }
    }

    fn parsed<T: FromStr<Err: std::fmt::Display>>(self) -> Result<T, String> {
        self.text()?.parse().map_err(|error: T::Err| error.to_string())
    }

    fn choice<T: Copy>(self, words: &[(&str, T)]) -> Result<T, String> {
        let text = self.text()?;
        words.iter().find(|(word, _)| *word == text).map(|(_, choice)| *choice).ok_or_else(|| {
            let known: Vec<_> = words.iter().map(|(word, _)| *word).collect();
            format!("`{text}` is not one of {}", known.join(", "))
        })
    }

    fn path(self) -> Result<PathBuf, String> {
        self.text().map(PathBuf::from)
    }

    fn number<T: TryFrom<u64>>(self) -> Result<T, String> {
        let number = match self {
            Self::Text(text) => text.replace('_', "").parse().map_err(|_| format!("`{text}` is not a whole number"))?,
            Self::Toml(_, Value::Integer(number)) => {
                u64::try_from(*number).map_err(|_| format!("{number} must not be negative"))?
            }
            Self::Toml(_, value) => return Err(format!("must be a whole number, not {}", sort_of(value))),
        };
        T::try_from(number).map_err(|_| format!("{number} is too large"))
    }

    fn span(self) -> Result<Duration, String> {
        match self {
            Self::Text(text) => span::parse(text),
            Self::Toml(_, Value::String(text)) => span::parse(text),
            Self::Toml(_, Value::Integer(seconds)) => {
                u64::try_from(*seconds).map(Duration::from_secs).map_err(|_| "must not be negative".to_owned())
            }
            Self::Toml(_, value) => Err(format!("must be seconds, or a text such as \"5m\", not {}", sort_of(value))),
        }
    }

    fn flag(self) -> Result<bool, String> {
        match self {
            Self::Text(text) => truth(text).ok_or_else(|| format!("`{text}` is not true or false")),
            Self::Toml(_, Value::Boolean(flag)) => Ok(*flag),
            Self::Toml(_, value) => Err(format!("must be true or false without quotes, not {}", sort_of(value))),
        }
    }

    fn each<T: FromStr<Err: std::fmt::Display>>(self) -> Result<Vec<T>, String> {
        self.list()?.iter().map(|item| item.parse().map_err(|error: T::Err| error.to_string())).collect()
    }

    fn list(self) -> Result<Vec<String>, String> {
        match self {
            Self::Text(text) => Ok(text.split(',').map(|item| item.trim().to_owned()).collect()),
            Self::Toml(_, value) => strings(value),
        }
    }
}

/// An address to listen on. `7700`, `:7700` and `localhost:7700` are on loopback.
fn address(text: &str) -> Result<SocketAddr, String> {
    let bad = || format!("`{text}` is not an address such as 127.0.0.1:7700, [::1]:7700 or just 7700");
    if let Ok(address) = text.parse() {
        return Ok(address);
    }
    let port = text.strip_prefix("localhost").unwrap_or(text);
    let port = port.strip_prefix(':').unwrap_or(port);
    let port = port.parse().map_err(|_| bad())?;
    Ok(SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port))
}

/// One command of the table `commands`: the path's part after the first dot is its name.
fn set_command(settings: &mut Settings, given: Given<'_>) -> Result<(), String> {
    const FIELDS: [&str; 4] = ["program", "args", "env", "timeout_seconds"];
    let Given::Toml(path, value) = given else {
        return Err("commands are written in faena.toml, each as a table [commands.NAME]".to_owned());
    };
    let name = path.split_once('.').map(|(_, name)| name);
    let (Some(name), Some(fields)) = (name, value.as_table()) else {
        return Err("must be a table [commands.NAME] with the program to run".to_owned());
    };
    let mut command = CommandLine::default();
    for (field, value) in fields {
        let given = Given::Toml(path, value);
        match field.as_str() {
            "program" => put(&mut command.program, given.text()),
            "args" => put(&mut command.args, strings(value)),
            "env" => put(&mut command.env, pairs(value)),
            "timeout_seconds" => put(&mut command.timeout, given.number().map(Duration::from_secs).map(Some)),
            other => Err(nearest::unknown(other, FIELDS.into_iter())),
        }
        .map_err(|complaint| format!("{field}: {complaint}"))?;
    }
    settings.commands.insert(name.to_owned(), command);
    Ok(())
}

fn put<T>(place: &mut T, value: Result<T, String>) -> Result<(), String> {
    *place = value?;
    Ok(())
}

fn strings(value: &Value) -> Result<Vec<String>, String> {
    let bad = || format!("must be a list of texts such as [\"one\", \"two\"], not {}", sort_of(value));
    let items = value.as_array().ok_or_else(bad)?;
    items.iter().map(|item| item.as_str().map(str::to_owned).ok_or_else(bad)).collect()
}

fn pairs(value: &Value) -> Result<BTreeMap<String, String>, String> {
    let bad = || format!("must be a table of texts such as {{ LANG = \"C\" }}, not {}", sort_of(value));
    let fields = value.as_table().ok_or_else(bad)?;
    fields.iter().map(|(name, item)| Ok((name.clone(), item.as_str().ok_or_else(bad)?.to_owned()))).collect()
}

fn sort_of(value: &Value) -> &'static str {
    match value {
        Value::String(_) => "a text",
        Value::Integer(_) | Value::Float(_) => "a number",
        Value::Boolean(_) => "true or false",
        Value::Datetime(_) => "a date",
        Value::Array(_) => "a list of other things",
        Value::Table(_) => "a table",
    }
}
