//! Jobs of a schedule out of turn: one now, or one for each tick of a time that has passed.

use std::sync::Arc;

use super::Asked;
use crate::clock::Timestamp;
use crate::error::Error;
use crate::job::Job;
use crate::limits;
use crate::schedule::Event;
use crate::service::Service;

impl Service {
    /// Makes a job of a schedule now, whether it is enabled or not; with a payload of its own if one is given.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Invalid`] for a payload that its processor refuses, [`Error::UnknownProcessor`],
    /// [`Error::QueueFull`], [`Error::Unavailable`].
    pub async fn run_schedule<'a>(
        &self,
        asked: impl Into<Asked<'a>>,
        payload: Option<Arc<str>>,
    ) -> Result<Arc<Job>, Error> {
        let asked = asked.into();
        if payload.as_ref().is_some_and(|payload| payload.len() > limits::PAYLOAD_BYTES_MAX) {
            return Err(Error::field("payload", format!("is larger than {} bytes", limits::PAYLOAD_BYTES_MAX)));
        }
        let event = Event::RunAsked { payload };
        let acted = self.act_on_schedule(&asked, None, |_| Ok(vec![event.clone()])).await?;
        acted.jobs.into_iter().next().ok_or_else(|| Error::internal("the store accepted no job of a schedule"))
    }

    /// Makes a job for each tick of a window that has passed, both ends included, but for ticks that are still to fire by
    /// themselves. There may be `most` of them, or as many as the bounds allow.
    ///
    /// # Errors
    /// [`Error::Invalid`] when the window is not over or has more ticks, and those of
    /// [`run_schedule`](Self::run_schedule).
    pub async fn backfill_schedule<'a>(
        &self,
        asked: impl Into<Asked<'a>>,
        from: Timestamp,
        until: Timestamp,
        most: Option<usize>,
    ) -> Result<Vec<Arc<Job>>, Error> {
        let asked = asked.into();
        let most = most.unwrap_or(limits::BACKFILL_MAX);
        if !(1..=limits::BACKFILL_MAX).contains(&most) {
            return Err(Error::field("most", format!("must be between 1 and {}", limits::BACKFILL_MAX)));
        }
        if from > until {
            return Err(Error::field("from", "lies after until"));
        }
        let acted = self.act_on_schedule(&asked, None, |schedule| {
            if schedule.fault.is_none() {
                let within = |tick: &crate::schedule::Tick| tick.at <= until;
                let just_before = Timestamp::from_millis(from.as_millis().saturating_sub(1));
                let ticks = schedule.spec.timetable.ticks(just_before).take_while(within).take(most + 1).count();
                if ticks > most {
                    return Err(Error::field(
                        "until",
                        format!("leaves more than {most} ticks; ask for a shorter window"),
                    ));
                }
            }
            Ok(vec![Event::Backfilled { from, until }])
        });
        Ok(acted.await?.jobs)
    }
}
