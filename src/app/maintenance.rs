//! The schedules that keep a server well: made at its start where they are missing, and from then on schedules like all
//! others, whose expression, zone, payload and switch are whoever changed them last.

use std::path::PathBuf;

use super::Settings;
use crate::error::Error;
use crate::job::{Name, Priority};
use crate::processors::maintenance::{BACKUP, CHECK, CLEANUP, RETRY_DEAD_LETTERS};
use crate::schedule::{Cron, NewSchedule, OverlapPolicy, Spec, Timetable, Zone};
use crate::service::Service;

/// Who makes them.
pub const MAKER: &str = "faena";
/// The names that they have.
pub const NAMES: [&str; 4] =
    ["maintenance-cleanup", "maintenance-retry-dead-letters", "maintenance-check", "maintenance-backup"];
/// Backups that are kept when nobody says.
pub const BACKUPS_KEPT_DEFAULT: u32 = 3;

/// How the schedules are made. What is left out has a default that works.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Maintenance {
    /// Whether there are any. Without them a timer forgets what [`Retention`](super::settings::Retention) says, and
    /// nothing else is done.
    pub schedules: bool,
    /// The zone of their expressions; UTC when left out.
    pub timezone: Option<Zone>,
    /// When jobs are forgotten; each hour when left out.
    pub cleanup: Option<Cron>,
    /// When dead letters are done again; that schedule is switched off when left out.
    pub retry: Option<Cron>,
    /// When the store is checked; each Sunday night when left out.
    pub check: Option<Cron>,
    /// When the store is copied; each night when left out.
    pub backup: Option<Cron>,
    /// The only folder that backups are written to; `backups` below the data folder when left out.
    pub backups: Option<PathBuf>,
    /// How many backups are kept; [`BACKUPS_KEPT_DEFAULT`] when left out.
    pub backups_kept: Option<u32>,
}

impl Maintenance {
    /// All of it, with its defaults.
    pub fn on() -> Self {
        Self { schedules: true, ..Self::default() }
    }

    /// Whether a process with these settings has the schedules, and the processors of their jobs.
    pub(super) fn is_done_by(settings: &Settings) -> bool {
        // A process that runs no jobs would wait for them for ever.
        settings.maintenance.schedules && !settings.no_jobs
    }

    fn table(&self) -> [Row<'_>; 4] {
        let [cleanup, retry, check, backup] = NAMES;
        [
            Row {
                name: cleanup,
                sub_type: CLEANUP,
                about: "Forgets jobs that ended longer ago than their retention.",
                cron: self.cleanup.as_ref(),
                usual: "17 * * * *",
                jitter_seconds: 300,
                enabled: true,
            },
            Row {
                name: retry,
                sub_type: RETRY_DEAD_LETTERS,
                about: "Has dead letters done again. It is switched off unless the settings say when.",
                cron: self.retry.as_ref(),
                usual: "41 * * * *",
                jitter_seconds: 300,
                enabled: self.retry.is_some(),
            },
            Row {
                name: check,
                sub_type: CHECK,
                about: "Reads the whole store and fails if it is not sound.",
                cron: self.check.as_ref(),
                usual: "30 4 * * SUN",
                jitter_seconds: 1_800,
                enabled: true,
            },
            Row {
                name: backup,
                sub_type: BACKUP,
                about: "Copies the store into a file, checks it, and keeps the latest few.",
                cron: self.backup.as_ref(),
                usual: "30 2 * * *",
                jitter_seconds: 1_800,
                enabled: true,
            },
        ]
    }
}

/// One of the schedules.
struct Row<'a> {
    name: &'static str,
    sub_type: &'static str,
    about: &'static str,
    cron: Option<&'a Cron>,
    usual: &'static str,
    jitter_seconds: u32,
    enabled: bool,
}

impl Row<'_> {
    fn new_schedule(&self, zone: &Zone) -> Result<NewSchedule, Error> {
        let cron = match self.cron {
            Some(cron) => cron.clone(),
            None => Cron::new(self.usual).map_err(Error::internal)?,
        };
        let timetable = Timetable::new(cron, zone.clone());
        let pace = Spec::new(self.name, Name::new(self.sub_type).map_err(Error::invalid)?, timetable);
        let mut spec = Spec {
            description: Some(self.about.into()),
            priority: Priority::Low,
            overlap: OverlapPolicy::Skip,
            // By hand and by the clock at once would be in each other's way.
            singleton: true,
            jitter_seconds: self.jitter_seconds,
            ..pace
        };
        if spec.complaints().iter().any(|complaint| complaint.field == "jitterSeconds") {
            // Somebody wants it more often than chance would let it come.
            spec.jitter_seconds = 0;
        }
        Ok(NewSchedule {
            created_by: Some(MAKER.into()),
            by: Some(MAKER.into()),
            enabled: self.enabled,
            ..NewSchedule::new(spec)
        })
    }
}

/// Makes those that are missing. One whose name is somebody else's is left to them.
///
/// # Errors
/// When the store cannot commit; the next start tries again.
pub(super) async fn make(service: &Service, settings: &Maintenance) -> Result<(), Error> {
    let zone = settings.timezone.clone().unwrap_or_else(Zone::utc);
    for row in settings.table() {
        if service.registry().get(row.sub_type).is_none() {
            continue;
        }
        match service.schedule(row.name).await {
            Ok(found) if found.created_by.as_deref() == Some(MAKER) => continue,
            Ok(_) => {
                tracing::warn!(schedule = row.name, "somebody else's schedule has this name; it is left as it is");
                continue;
            }
            Err(Error::NotFound { .. }) => {}
            Err(error) => return Err(error),
        }
        let made = match service.create_schedule(row.new_schedule(&zone)?).await {
            Ok(made) => made,
            // Another node on the same store has just made it.
            Err(Error::Taken { .. }) => continue,
            Err(error) => return Err(error),
        };
        tracing::info!(schedule = row.name, id = %made.id, enabled = made.life.enabled, "made a schedule of maintenance");
    }
    Ok(())
}
