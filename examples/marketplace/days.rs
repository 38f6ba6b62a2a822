//! Which moment a job is about, and the days around it as the marketplace's people see them.

use std::ops::Range;
use std::time::Duration;

use faena::clock::Timestamp;
use faena::schedule::{Timetable, Zone};
use faena::work::{Context, Failure};

/// Where the marketplace is.
pub const ZONE: &str = "America/Santo_Domingo";

/// A day and a bit: long enough to have a midnight in it.
const TWO_DAYS: Duration = Duration::from_secs(48 * 3_600);

/// The calendar of the marketplace.
#[derive(Debug, Clone)]
pub struct Days {
    midnights: Timetable,
    fixed: Option<Timestamp>,
}

impl Days {
    /// The calendar; with a moment that all jobs are about, if there is one.
    pub fn new(fixed: Option<Timestamp>) -> Result<Self, Box<dyn std::error::Error>> {
        Ok(Self { midnights: Timetable::new("0 0 * * *".parse()?, Zone::new(ZONE)?), fixed })
    }

    /// What a job is about is fixed when it is due: a try that comes late, after a failure or a restart, is about the
    /// same day as the first one.
    pub fn moment_of(&self, ctx: &Context) -> Timestamp {
        self.fixed.or(ctx.job().spec.scheduled_for()).unwrap_or(ctx.job().created_at)
    }

    /// The day before a moment, from midnight to midnight.
    pub fn yesterday(&self, moment: Timestamp) -> Result<Range<Timestamp>, Failure> {
        let today = self.midnight_before(moment)?;
        Ok(self.midnight_before(Timestamp::from_millis(today.as_millis() - 1))?..today)
    }

    /// The day after a moment, from midnight to midnight.
    pub fn tomorrow(&self, moment: Timestamp) -> Result<Range<Timestamp>, Failure> {
        let from = self.midnight_after(moment)?;
        Ok(from..self.midnight_after(from)?)
    }

    fn midnight_before(&self, moment: Timestamp) -> Result<Timestamp, Failure> {
        let tick = self.midnights.last_in(moment.minus(TWO_DAYS), moment);
        Ok(tick.ok_or_else(|| Failure::permanent("there is no such day"))?.at)
    }

    fn midnight_after(&self, moment: Timestamp) -> Result<Timestamp, Failure> {
        Ok(self.midnights.next_after(moment).ok_or_else(|| Failure::permanent("there is no such day"))?.at)
    }
}

/// A moment some days before another.
pub const fn days_before(moment: Timestamp, days: u64) -> Timestamp {
    moment.minus(Duration::from_secs(days * 24 * 3_600))
}
