//! New terms and switches. Whoever edits may say which edition they have seen: if somebody else was faster, nothing
//! changes. A tick in between is nobody's edit.

use std::sync::Arc;

use super::Asked;
use super::act::Acted;
use crate::clock::Timestamp;
use crate::error::Error;
use crate::job::Name;
use crate::schedule::{Event, Schedule, Spec};
use crate::service::Service;

impl Service {
    /// Gives a schedule other terms, all of them, and switches it if that is asked for; in one step.
    ///
    /// `edition` is the [`Life::edition`](crate::schedule::Life::edition) that the caller has seen, if it matters.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Unmatched`] when it is of another edition, and those of
    /// [`create_schedule`](Self::create_schedule).
    pub async fn replace_schedule<'a>(
        &self,
        asked: impl Into<Asked<'a>>,
        spec: Spec,
        enabled: Option<bool>,
        edition: Option<u32>,
    ) -> Result<Arc<Schedule>, Error> {
        self.amend_schedule(asked, edition, |_| Ok((spec.clone(), enabled))).await
    }

    /// Gives a schedule terms that are made of those it has, and switches it if that is asked for; in one step. They are
    /// made anew when somebody else changed it meanwhile.
    ///
    /// # Errors
    /// Those of [`replace_schedule`](Self::replace_schedule), and of `change`.
    pub async fn amend_schedule<'a>(
        &self,
        asked: impl Into<Asked<'a>>,
        edition: Option<u32>,
        change: impl Fn(&Schedule) -> Result<(Spec, Option<bool>), Error>,
    ) -> Result<Arc<Schedule>, Error> {
        let asked = asked.into();
        let events = |schedule: &Schedule| {
            let (spec, enabled) = change(schedule)?;
            self.check_own(schedule, &spec)?;
            self.check_schedule(&spec, schedule.created_by.as_ref(), self.now())?;
            let edited = Event::Edited { spec: Arc::new(spec) };
            Ok([edited].into_iter().chain(enabled.map(switch)).collect())
        };
        match self.act_on_schedule(&asked, edition, events).await {
            // A worker may have brought that subtype since, to another node.
            Err(Error::UnknownProcessor { sub_type, known }) => {
                if let Ok(sub_type) = Name::new(&sub_type) {
                    self.learn(&sub_type).await?;
                }
                if !self.registry().knows(&sub_type) {
                    return Err(Error::UnknownProcessor { sub_type, known });
                }
                Ok(self.act_on_schedule(&asked, edition, events).await?.schedule)
            }
            acted => Ok(acted?.schedule),
        }
    }

    /// Has a schedule fire, or not. Asking twice is asking once.
    ///
    /// # Errors
    /// [`Error::NotFound`]; [`Error::Conflict`] when its terms cannot be read any more.
    pub async fn switch_schedule<'a>(
        &self,
        asked: impl Into<Asked<'a>>,
        enabled: bool,
    ) -> Result<Arc<Schedule>, Error> {
        Ok(self.switched(asked.into(), switch(enabled)).await?.schedule)
    }

    /// Puts a schedule on hold, until a moment or until it is resumed.
    ///
    /// # Errors
    /// [`Error::NotFound`]; [`Error::Invalid`] when the moment is past.
    pub async fn pause_schedule<'a>(
        &self,
        asked: impl Into<Asked<'a>>,
        until: Option<Timestamp>,
    ) -> Result<Arc<Schedule>, Error> {
        Ok(self.switched(asked.into(), Event::Paused { until }).await?.schedule)
    }

    /// Ends the pause of a schedule. What would have ticked meanwhile is let go.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub async fn resume_schedule<'a>(&self, asked: impl Into<Asked<'a>>) -> Result<Arc<Schedule>, Error> {
        Ok(self.switched(asked.into(), Event::Resumed).await?.schedule)
    }

    async fn switched(&self, asked: Asked<'_>, event: Event) -> Result<Acted, Error> {
        self.act_on_schedule(&asked, None, |_| Ok(vec![event.clone()])).await
    }
}

fn switch(enabled: bool) -> Event {
    if enabled { Event::Enabled } else { Event::Disabled }
}
