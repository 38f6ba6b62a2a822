//! `faena doctor`: looks at what a server needs, before it is needed.

mod checks;

use clap::Args;
use console::Style;
use serde::Serialize;

use faena::app::Settings;

use super::config::{self, Loaded};
use super::ending::{Ending, Trouble};
use super::output;

/// Check whether a server can run well here
///
/// It looks at the data folder, the disk, the store, the clock, the port and the limits of the system, with the
/// settings that `faena serve` would use here, and says what to do about what it finds. Nothing is changed.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  faena doctor
  faena doctor --data /var/lib/faena --bind 7701
  faena doctor --json | jq '.checks[] | select(.verdict != \"ok\")'

It ends with 1 if any check fails; a warning alone ends with 0.")]
pub struct Doctor {
    /// Address that the server would listen on
    #[arg(long, value_name = "ADDRESS")]
    bind: Option<String>,
    /// Folder of everything that is kept
    #[arg(long, value_name = "FOLDER")]
    data: Option<String>,
    /// Where jobs are kept
    #[arg(long, value_name = "STORE")]
    store: Option<String>,
    /// File of settings
    #[arg(long, value_name = "FILE")]
    config: Option<std::path::PathBuf>,
    /// Print JSON instead of text for people
    #[arg(long)]
    pub json: bool,
}

impl Doctor {
    pub fn run(self) -> Result<Ending, Trouble> {
        let flags = vec![("bind", self.bind), ("data", self.data), ("store", self.store)];
        let Loaded { settings, warnings } = config::load(Settings::default(), flags, self.config.as_deref())?;
        let mut checks: Vec<Check> = checks::ALL.iter().map(|check| check(&settings)).collect();
        checks.extend(warnings.into_iter().map(|warning| Check::warn("settings", warning, "correct the name")));
        let failed = checks.iter().any(|check| check.verdict == Verdict::Fail);
        if self.json {
            output::json(&serde_json::json!({ "ok": !failed, "checks": checks }))?;
        } else {
            checks.iter().try_for_each(Check::print)?;
        }
        Ok(if failed { Ending::Failed } else { Ending::Done })
    }
}

/// What a check found.
#[derive(Debug, Serialize)]
pub struct Check {
    /// What was looked at.
    name: &'static str,
    verdict: Verdict,
    /// What was found.
    found: String,
    /// What to do about it; empty when all is well.
    #[serde(skip_serializing_if = "str::is_empty")]
    advice: &'static str,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Verdict {
    Ok,
    Warn,
    Fail,
}

impl Check {
    fn ok(name: &'static str, found: impl Into<String>) -> Self {
        Self { name, verdict: Verdict::Ok, found: found.into(), advice: "" }
    }

    fn warn(name: &'static str, found: impl Into<String>, advice: &'static str) -> Self {
        Self { name, verdict: Verdict::Warn, found: found.into(), advice }
    }

    fn fail(name: &'static str, found: impl Into<String>, advice: &'static str) -> Self {
        Self { name, verdict: Verdict::Fail, found: found.into(), advice }
    }

    fn print(&self) -> Result<(), Trouble> {
        let (word, style) = match self.verdict {
            Verdict::Ok => ("ok  ", Style::new().green()),
            Verdict::Warn => ("warn", Style::new().yellow()),
            Verdict::Fail => ("FAIL", Style::new().red().bold()),
        };
        output::line(format!("{}  {:<12}  {}", output::styled(word, style), self.name, self.found))?;
        if !self.advice.is_empty() {
            output::line(format!("{:20}{}", "", self.advice))?;
        }
        Ok(())
    }
}
