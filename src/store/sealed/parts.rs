//! Which parts of a job are encrypted, and what each is bound to: the job. A job's record goes through decided steps that carry
//! it whole, so a part may come by that is encrypted already, because its key was not there to open it; it stays as it is.

use std::sync::Arc;

use super::Keyring;
use super::keyring::{Part, Unopened};
use crate::job::{Job, JobId, Life, NewJob, Payload, ResultRef, SEALED_TEXT, State};
use crate::schedule::{NewSchedule, Schedule, ScheduleId, Spec};
use crate::store::StoreError;

/// Bytes of an encrypted result in its record up to which it is opened for lists, which show no larger one.
pub(super) const LISTED_BYTES_MAX: usize = 2 * crate::limits::LISTED_RESULT_BYTES_MAX;

impl Keyring {
    /// A job as it is written.
    ///
    /// # Errors
    /// When the library does not encrypt.
    pub fn seal_job(&self, job: NewJob) -> Result<NewJob, StoreError> {
        let payload = self.seal(Part::Payload, job.id.as_bytes(), &job.payload)?.into();
        Ok(NewJob { payload, ..job })
    }

    /// The life of a job as it is written.
    pub(super) fn seal_life(&self, id: JobId, mut life: Life) -> Result<Life, StoreError> {
        if let Some(saved) = life.saved.as_ref().filter(|saved| !saved.starts_with(SEALED_TEXT)) {
            life.saved = Some(self.seal_text(Part::Saved, id.as_bytes(), saved)?.into());
        }
        match &mut life.state {
            State::Running(run) => {
                if let Some(sealed) = self.sealed_result(id, run.uploaded.as_ref())? {
                    Arc::make_mut(run).uploaded = Some(sealed);
                }
            }
            State::Finished(end) => {
                if let Some(sealed) = self.sealed_result(id, end.result.as_ref())? {
                    Arc::make_mut(end).result = Some(sealed);
                }
            }
            State::Waiting { .. } => {}
        }
        Ok(life)
    }

    /// A result as it is written, where it stands in the record and is not encrypted yet.
    fn sealed_result(&self, id: JobId, result: Option<&ResultRef>) -> Result<Option<ResultRef>, StoreError> {
        let Some(ResultRef::Url(url)) = result else { return Ok(None) };
        Ok(Some(ResultRef::Sealed(self.seal_text(Part::Result, id.as_bytes(), url)?.into())))
    }

    /// A job as readers see it: its result and what it saved in plain, if their key is here and they are no longer than that. Its
    /// payload nobody reads here.
    pub(super) fn open_job(&self, job: &Arc<Job>, most: usize) -> Arc<Job> {
        let state = match &job.life.state {
            State::Running(run) => self.opened_result(job.id, run.uploaded.as_ref(), most).map(|result| {
                let mut run = run.clone();
                Arc::make_mut(&mut run).uploaded = Some(result);
                State::Running(run)
            }),
            State::Finished(end) => self.opened_result(job.id, end.result.as_ref(), most).map(|result| {
                let mut end = end.clone();
                Arc::make_mut(&mut end).result = Some(result);
                State::Finished(end)
            }),
            State::Waiting { .. } => None,
        };
        let saved = job.life.saved.as_ref().filter(|saved| saved.len() <= most);
        // Whoever is to go on from it is told why it does not open.
        let saved = saved.and_then(|saved| self.open_text(Part::Saved, job.id.as_bytes(), saved).ok().flatten());
        let here = matches!(job.payload, Payload::Inline(_));
        if state.is_none() && saved.is_none() {
            return if here { Arc::new(job.with_payload(Payload::Stored)) } else { job.clone() };
        }
        let mut life = job.life.clone();
        life.state = state.unwrap_or(life.state);
        life.saved = saved.map(Into::into).or(life.saved);
        Arc::new(Job { payload: Payload::Stored, ..job.with_life(life) })
    }

    /// A job as readers see it, whatever the length of its result.
    pub fn read(&self, job: &Arc<Job>) -> Arc<Job> {
        self.open_job(job, usize::MAX)
    }

    fn opened_result(&self, id: JobId, result: Option<&ResultRef>, most: usize) -> Option<ResultRef> {
        let Some(ResultRef::Sealed(sealed)) = result else { return None };
        if sealed.len() > most {
            return None;
        }
        match self.open_text(Part::Result, id.as_bytes(), sealed) {
            Ok(plain) => plain.map(|plain| ResultRef::Url(plain.into())),
            Err(why) => {
                tracing::warn!(job_id = %id, "the result of a job {why}");
                None
            }
        }
    }

    /// A job for whoever is to run it: with its payload and what an earlier try saved, or with the reason why it cannot be run.
    pub(super) fn open_for_work(&self, job: &Arc<Job>) -> Arc<Job> {
        let payload = match &job.payload {
            Payload::Inline(text) => match self.open(Part::Payload, job.id.as_bytes(), text) {
                Ok(plain) => plain.map(|plain| Payload::Inline(plain.into())),
                Err(why) => Some(unreadable("payload", &why)),
            },
            _ => None,
        };
        let saved = job.life.saved.as_ref().map(|saved| self.open_text(Part::Saved, job.id.as_bytes(), saved));
        let (payload, saved) = match saved {
            None | Some(Ok(None)) => (payload, None),
            Some(Ok(Some(plain))) => (payload, Some(plain.into())),
            // What is wrong with the payload is told first.
            Some(Err(_)) if matches!(payload, Some(Payload::Unreadable(_) | Payload::Locked(_))) => (payload, None),
            Some(Err(why)) => (Some(unreadable("saved state", &why)), None),
        };
        if payload.is_none() && saved.is_none() {
            return job.clone();
        }
        let life = match saved {
            None => job.life.clone(),
            Some(saved) => Life { saved: Some(saved), ..job.life.clone() },
        };
        let payload = payload.unwrap_or_else(|| job.payload.clone());
        Arc::new(Job { payload, ..job.with_life(life) })
    }

    /// A schedule as it is written.
    pub(super) fn seal_schedule(&self, schedule: NewSchedule) -> Result<NewSchedule, StoreError> {
        let spec = self.seal_spec(schedule.id, &schedule.spec)?.unwrap_or_else(|| schedule.spec.clone());
        Ok(NewSchedule { spec, ..schedule })
    }

    /// The terms of a schedule as they are written, where that is another form.
    pub(super) fn seal_spec(&self, id: ScheduleId, spec: &Spec) -> Result<Option<Spec>, StoreError> {
        if spec.payload.starts_with(SEALED_TEXT) {
            return Ok(None);
        }
        let payload = self.seal_text(Part::Schedule, id.as_bytes(), &spec.payload)?.into();
        Ok(Some(Spec { payload, ..spec.clone() }))
    }

    /// A schedule as readers see it. Where its key is not here its payload stays as it is: its jobs fail, and say why.
    pub(super) fn open_schedule(&self, schedule: &Arc<Schedule>) -> Arc<Schedule> {
        match self.open_text(Part::Schedule, schedule.id.as_bytes(), &schedule.spec.payload) {
            Ok(None) => schedule.clone(),
            Ok(Some(plain)) => {
                let spec = Arc::new(Spec { payload: plain.into(), ..(*schedule.spec).clone() });
                Arc::new(Schedule { spec, ..(**schedule).clone() })
            }
            Err(why) => {
                tracing::warn!(schedule = %schedule.id, "the payload of a schedule {why}");
                schedule.clone()
            }
        }
    }
}

fn unreadable(what: &str, why: &Unopened) -> Payload {
    let told = format!("its {what} {why}").into();
    match why {
        Unopened::NoKey(_) => Payload::Locked(told),
        Unopened::Altered => Payload::Unreadable(told),
    }
}
