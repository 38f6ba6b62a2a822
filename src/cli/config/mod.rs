//! Where a server's settings come from: flags, then `FAENA_*` variables, then `faena.toml`. Each source is a list of
//! (key, value, origin); the lower ones are applied first, and a complaint names the origin of what it complains of.

mod file;
pub mod keys;
mod nearest;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use faena::app::Settings;
use faena::error::Error;

use keys::{Given, KEYS, Key};

use super::ending::Trouble;

/// The file that is read from the working folder when no other is named.
const FILE_DEFAULT: &str = "faena.toml";
/// Variables of ours that are no settings of a server.
const OTHER_VARIABLES: &[&str] = &["FAENA_SERVER", "FAENA_KEY", "FAENA_CA", "FAENA_CONFIG"];

/// Names without ours in front that settings are known by elsewhere, and the settings.
const OLDER_VARIABLES: &[(&str, &str)] = &[
    ("OUTBOX_PUBLISHER_TYPE", "outbox.publisher"),
    ("OUTBOX_WEBHOOK_URL", "outbox.url"),
    ("OUTBOX_WEBHOOK_SECRET", "outbox.secret"),
    ("OUTBOX_CRON", "outbox.cron"),
    ("CLEANUP_CRON", "maintenance.cleanup"),
    ("RETRY_CRON", "maintenance.retry"),
];

/// Settings, and what a person should be told about where they came from.
#[derive(Debug)]
pub struct Loaded {
    /// Checked settings.
    pub settings: Settings,
    /// Things that are probably a mistake.
    pub warnings: Vec<String>,
}

/// A value that a flag gives to a key.
pub type Flag = (&'static str, Option<String>);

/// Puts settings together from all sources, over `base`, and checks them.
pub fn load(base: Settings, flags: Vec<Flag>, config: Option<&Path>) -> Result<Loaded, Trouble> {
    gather(base, flags, config, Variables::of_process()).map_err(Trouble::Usage)
}

fn gather(
    base: Settings,
    flags: Vec<Flag>,
    config: Option<&Path>,
    variables: Variables,
) -> Result<Loaded, Vec<String>> {
    let mut building = Building { settings: base, origins: BTreeMap::new(), complaints: Vec::new() };
    let named = config.map(Path::to_owned).or_else(|| variables.get("FAENA_CONFIG").map(PathBuf::from));
    if let Some(path) = named.clone().or_else(|| Some(FILE_DEFAULT.into()).filter(|path: &PathBuf| path.exists())) {
        building.read_file(&path);
    }
    building.read_variables(&variables);
    for (name, value) in flags {
        if let Some(value) = value {
            building.set(keys::named(name), Given::Text(&value), format!("--{}", name.replace('_', "-")));
        }
    }
    let warnings = variables.warnings();
    building.checked().map(|settings| Loaded { settings, warnings })
}

/// Settings on their way.
struct Building {
    settings: Settings,
    /// Where the value of each key came from.
    origins: BTreeMap<&'static str, String>,
    complaints: Vec<String>,
}

impl Building {
    fn set(&mut self, key: Option<&'static Key>, value: Given<'_>, origin: String) {
        // A flag without a key is a mistake of this program, which a test of every flag finds.
        let Some(key) = key else { return };
        match (key.set)(&mut self.settings, value) {
            Ok(()) => _ = self.origins.insert(key.name, origin),
            Err(complaint) => self.complaints.push(format!("{origin}: {complaint}")),
        }
    }

    fn read_file(&mut self, path: &Path) {
        match file::read(path) {
            Err(complaints) => self.complaints.extend(complaints),
            Ok(entries) => {
                for entry in entries {
                    self.set(Some(entry.key), Given::Toml(&entry.path, &entry.value), entry.origin);
                }
            }
        }
    }

    fn read_variables(&mut self, variables: &Variables) {
        // The older name first, so that ours has the last word.
        if let Some(value) = variables.get("ENABLE_JOBS") {
            match keys::truth(value) {
                Some(enabled) => {
                    self.settings.no_jobs = !enabled;
                    self.origins.insert("no_jobs", "ENABLE_JOBS".to_owned());
                }
                None => self.complaints.push(format!("ENABLE_JOBS: `{value}` is not true or false")),
            }
        }
        for (name, key) in OLDER_VARIABLES {
            if let Some(value) = variables.get(name) {
                self.set(keys::named(key), Given::Text(value), (*name).to_owned());
            }
        }
        for key in KEYS {
            let name = key.variable();
            if let Some(value) = variables.get(&name) {
                self.set(Some(key), Given::Text(value), name);
            }
        }
    }

    /// The settings, if each value could be read and they make sense together.
    fn checked(mut self) -> Result<Settings, Vec<String>> {
        if !self.complaints.is_empty() {
            return Err(self.complaints);
        }
        match self.settings.validate() {
            Ok(()) => Ok(self.settings),
            Err(Error::Invalid { details, .. }) => Err(details
                .into_iter()
                .map(|fault| {
                    let key = fault.field.split('.').next().unwrap_or_default();
                    let origin = self.origins.remove(fault.field.as_str()).or_else(|| self.origins.remove(key));
                    format!("{}: {}", origin.unwrap_or(fault.field), fault.message)
                })
                .collect()),
            Err(other) => Err(vec![other.to_string()]),
        }
    }
}

/// The variables of the process that may concern us. An empty one counts as not set, as in most programs.
struct Variables(BTreeMap<String, String>);

impl Variables {
    fn of_process() -> Self {
        Self::from_pairs(std::env::vars_os())
    }

    fn from_pairs(pairs: impl Iterator<Item = (OsString, OsString)>) -> Self {
        let is_older = |name: &str| OLDER_VARIABLES.iter().any(|(older, _)| *older == name);
        let ours = |name: &str| name.starts_with("FAENA_") || name == "ENABLE_JOBS" || is_older(name);
        Self(
            pairs
                .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
                .filter(|(name, value)| ours(name) && !value.is_empty())
                .collect(),
        )
    }

    fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// Variables that look like a misspelt one of ours. Others are let be: an orchestrator that runs a service named
    /// `faena` sets variables such as `FAENA_SERVICE_HOST` by itself.
    fn warnings(&self) -> Vec<String> {
        let known: Vec<String> =
            KEYS.iter().map(Key::variable).chain(OTHER_VARIABLES.iter().map(|name| (*name).to_owned())).collect();
        let is_known = |name: &str| known.iter().any(|known| known == name);
        self.0
            .keys()
            .filter(|name| name.starts_with("FAENA_") && !is_known(name))
            .filter_map(|name| {
                let meant = nearest::nearest(name, known.iter().map(String::as_str))?;
                Some(format!("the variable {name} means nothing here; did you mean {meant}?"))
            })
            .collect()
    }
}

// They are long and need what is private here, so they stand with the other tests and are compiled into this module.
#[cfg(test)]
#[path = "../../../tests/cli/settings.rs"]
mod tests;
