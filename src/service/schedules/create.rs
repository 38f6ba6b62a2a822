//! Making and removing schedules. What is answered here is on disk; what is refused has changed nothing.

use std::sync::Arc;

use super::act::taken;
use crate::error::Error;
use crate::schedule::{NewSchedule, Schedule};
use crate::service::Service;
use crate::store::schedules::Added;

impl Service {
    /// Accepts a schedule.
    ///
    /// # Errors
    /// [`Error::Invalid`] for terms or a payload that break a rule, [`Error::UnknownProcessor`], [`Error::Taken`] when another
    /// schedule has its name, [`Error::Unavailable`] when the store cannot commit now.
    pub async fn create_schedule(&self, new: NewSchedule) -> Result<Arc<Schedule>, Error> {
        let now = self.now();
        self.check_schedule(&new.spec, new.created_by.as_ref(), now)?;
        let name = new.spec.name.clone();
        match self.parts.schedules.add_schedule(new, now).await? {
            Added::Accepted(schedule) => Ok(schedule),
            Added::Taken(holder) => Err(taken(&name, holder)),
        }
    }

    /// Forgets a schedule; its jobs stay as they are. The answer is the schedule as it was.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub async fn remove_schedule(&self, which: &str) -> Result<Arc<Schedule>, Error> {
        let schedule = self.schedule(which).await?;
        let removed = self.parts.schedules.remove_schedule(schedule.id).await?;
        removed.ok_or_else(|| Error::no_schedule(which))
    }
}
