//! Making and removing schedules. What is answered here is on disk; what is refused has changed nothing.

use std::sync::Arc;

use super::Asked;
use super::act::{DECISIONS_MAX, changes_too_fast, check_edition, taken};
use crate::error::Error;
use crate::schedule::{NewSchedule, Schedule, Spec};
use crate::service::Service;
use crate::store::schedules::{Added, Removed};

impl Service {
    /// Accepts a schedule.
    ///
    /// # Errors
    /// [`Error::Invalid`] for terms or a payload that break a rule, [`Error::UnknownProcessor`], [`Error::Taken`] when another
    /// schedule has its name, [`Error::Unavailable`] when the store cannot commit now.
    pub async fn create_schedule(&self, new: NewSchedule) -> Result<Arc<Schedule>, Error> {
        let now = self.now();
        self.learn(&new.spec.sub_type).await?;
        self.check_schedule(&new.spec, new.created_by.as_ref(), now)?;
        let name = new.spec.name.clone();
        match self.parts.schedules.add_schedule(new, now).await? {
            Added::Accepted(schedule) => Ok(schedule),
            Added::Taken(holder) => Err(taken(&name, holder)),
        }
    }

    /// Forgets a schedule; its jobs stay as they are. The answer is the schedule as it was. `edition` is the one that the
    /// caller has seen, if it matters: it is compared in the commit that removes.
    ///
    /// # Errors
    /// [`Error::NotFound`]; [`Error::Unmatched`] when it is of another edition; [`Error::Conflict`] for one that the
    /// program itself would make again.
    pub async fn remove_schedule<'a>(
        &self,
        asked: impl Into<Asked<'a>>,
        edition: Option<u32>,
    ) -> Result<Arc<Schedule>, Error> {
        let Asked { which, by } = asked.into();
        let mut schedule = self.schedule(which).await?;
        for _ in 0..DECISIONS_MAX {
            check_edition(&schedule, edition)?;
            if self.is_own(&schedule) {
                let name = &schedule.spec.name;
                return Err(Error::Conflict(format!(
                    "schedule `{name}` comes with the program and would be there again at its next start; \
                     disable it instead"
                )));
            }
            // A tick raises the revision and leaves the edition: then it is looked at once more.
            let revision = Some(schedule.life.revision);
            match self.parts.schedules.remove_schedule(schedule.id, revision, by.clone()).await? {
                Removed::Applied(schedule) => return Ok(schedule),
                Removed::Stale(latest) => schedule = latest,
                Removed::Missing => return Err(Error::no_schedule(which)),
            }
        }
        Err(changes_too_fast(&schedule))
    }

    /// Whether the program made it, and would make it again.
    fn is_own(&self, schedule: &Schedule) -> bool {
        schedule.created_by.as_deref() == Some("faena") && self.settings().own_schedules.contains(&&*schedule.spec.name)
    }

    /// Why new terms would make something else of a schedule that comes with the program, if they would.
    ///
    /// # Errors
    /// [`Error::Invalid`] with the field at fault.
    pub(super) fn check_own(&self, schedule: &Schedule, spec: &Spec) -> Result<(), Error> {
        if !self.is_own(schedule) {
            return Ok(());
        }
        let stays = |field, before: &str| {
            Error::field(field, format!("stays `{before}`: the schedule comes with the program; make one of your own"))
        };
        if spec.name != schedule.spec.name {
            return Err(stays("name", &schedule.spec.name));
        }
        if spec.sub_type != schedule.spec.sub_type {
            return Err(stays("subType", schedule.spec.sub_type.as_str()));
        }
        Ok(())
    }
}
