//! The store that encrypts what another one keeps.

use std::future::ready;
use std::sync::Arc;

use bytes::Bytes;

use super::Keyring;
use super::keyring::Part;
use super::parts::LISTED_BYTES_MAX;
use crate::clock::Timestamp;
use crate::job::{Job, JobId, Name, NewJob, Transition};
use crate::store::{
    Alerts, Answer, Claim, Claimed, Committed, Events, Figures, Filter, Group, Health, Insert, Inserted, Keys, Locks,
    LogLine, Nodes, Outbox, Page, PageOf, Prune, Pruned, Roster, Safekeeping, Standing, States, Store, StoreError,
    Tally,
};

/// A store whose jobs another one keeps, encrypted.
pub struct SealedStore {
    pub(super) inner: Arc<dyn Store>,
    pub(super) keyring: Arc<Keyring>,
}

impl SealedStore {
    /// Encrypts what goes into `inner`, and decrypts what comes out.
    pub fn new(inner: Arc<dyn Store>, keyring: Arc<Keyring>) -> Self {
        Self { inner, keyring }
    }

    /// A job as readers see it.
    fn shown(&self, job: &Arc<Job>) -> Arc<Job> {
        self.keyring.open_job(job, usize::MAX)
    }

    fn seal_step(&self, step: Transition) -> Result<Transition, StoreError> {
        let next = self.keyring.seal_life(step.job, step.next)?;
        let follow_ups = step.follow_ups.into_iter().map(|job| self.keyring.seal_job(job)).collect::<Result<_, _>>()?;
        Ok(Transition { next, follow_ups, ..step })
    }

    fn shown_step(&self, answer: Committed) -> Committed {
        match answer {
            Committed::Applied { job, follow_ups } => Committed::Applied {
                job: self.shown(&job),
                follow_ups: follow_ups.iter().map(|job| self.shown(job)).collect(),
            },
            Committed::Stale(job) => Committed::Stale(self.shown(&job)),
            other => other,
        }
    }
}

pub(super) fn refused<'a, T: Send + 'a>(error: StoreError) -> Answer<'a, T> {
    Box::pin(ready(Err(error)))
}

impl Store for SealedStore {
    fn insert(&self, jobs: Vec<Insert>, group: Group, now: Timestamp) -> Answer<'_, Vec<Inserted>> {
        let seal = |insert: Insert| Ok(Insert { job: self.keyring.seal_job(insert.job)?, ..insert });
        let jobs = match jobs.into_iter().map(seal).collect() {
            Ok(jobs) => jobs,
            Err(error) => return refused(error),
        };
        let inserted = self.inner.insert(jobs, group, now);
        Box::pin(async move {
            let shown = |answer| match answer {
                Inserted::Accepted(job) => Inserted::Accepted(self.shown(&job)),
                other => other,
            };
            Ok(inserted.await?.into_iter().map(shown).collect())
        })
    }

    fn claim(&self, claim: Claim, now: Timestamp) -> Answer<'_, Claimed> {
        let claimed = self.inner.claim(claim, now);
        Box::pin(async move {
            let claimed = claimed.await?;
            Ok(Claimed { jobs: claimed.jobs.iter().map(|job| self.keyring.open_for_work(job)).collect(), ..claimed })
        })
    }

    fn commit(&self, transitions: Vec<Transition>, now: Timestamp) -> Answer<'_, Vec<Committed>> {
        let transitions = match transitions.into_iter().map(|step| self.seal_step(step)).collect() {
            Ok(transitions) => transitions,
            Err(error) => return refused(error),
        };
        let committed = self.inner.commit(transitions, now);
        Box::pin(async move { Ok(committed.await?.into_iter().map(|answer| self.shown_step(answer)).collect()) })
    }

    fn overdue(&self, now: Timestamp, limit: usize) -> Answer<'_, Vec<Arc<Job>>> {
        let jobs = self.inner.overdue(now, limit);
        Box::pin(async move { Ok(jobs.await?.iter().map(|job| self.shown(job)).collect()) })
    }

    fn get(&self, id: JobId) -> Answer<'_, Option<Arc<Job>>> {
        let job = self.inner.get(id);
        Box::pin(async move { Ok(job.await?.map(|job| self.shown(&job))) })
    }

    fn payload(&self, id: JobId) -> Answer<'_, Option<Bytes>> {
        let payload = self.inner.payload(id);
        Box::pin(async move {
            let Some(payload) = payload.await? else { return Ok(None) };
            match self.keyring.open(Part::Payload, id.as_bytes(), &payload) {
                Ok(plain) => Ok(Some(plain.map_or(payload, Bytes::from))),
                Err(why) => Err(StoreError::Unreadable(format!("the payload of job {id} {why}").into())),
            }
        })
    }

    fn list(&self, filter: Filter, page: Page, now: Timestamp) -> Answer<'_, PageOf<Arc<Job>>> {
        let found = self.inner.list(filter, page, now);
        Box::pin(async move {
            let mut found = found.await?;
            for job in &mut found.items {
                *job = self.keyring.open_job(job, LISTED_BYTES_MAX);
            }
            Ok(found)
        })
    }

    fn as_written(&self, job: NewJob) -> Result<NewJob, StoreError> {
        self.keyring.seal_job(job)
    }

    fn tally(&self, now: Timestamp) -> Answer<'_, Tally> {
        self.inner.tally(now)
    }

    fn standing(&self, id: JobId, now: Timestamp) -> Answer<'_, Option<Standing>> {
        self.inner.standing(id, now)
    }

    fn pause(&self, sub_type: Name, paused: bool) -> Answer<'_, ()> {
        self.inner.pause(sub_type, paused)
    }

    fn paused(&self) -> Answer<'_, Vec<Name>> {
        self.inner.paused()
    }

    fn append_log(&self, lines: Vec<(JobId, LogLine)>) -> Answer<'_, ()> {
        self.inner.append_log(lines)
    }

    fn log(&self, id: JobId) -> Answer<'_, Vec<LogLine>> {
        self.inner.log(id)
    }

    fn prune(&self, prune: Prune, now: Timestamp) -> Answer<'_, Pruned> {
        self.inner.prune(prune, now)
    }

    fn figures(&self) -> &dyn Figures {
        self.inner.figures()
    }

    fn locks(&self) -> &dyn Locks {
        self.inner.locks()
    }

    fn states(&self) -> &dyn States {
        self
    }

    fn nodes(&self) -> Option<&dyn Nodes> {
        self.inner.nodes()
    }

    fn safekeeping(&self) -> Option<&dyn Safekeeping> {
        self.inner.safekeeping()
    }

    fn alerts(&self) -> &dyn Alerts {
        self.inner.alerts()
    }

    fn keys(&self) -> &dyn Keys {
        self.inner.keys()
    }

    fn events(&self) -> &dyn Events {
        self.inner.events()
    }

    fn outbox(&self) -> &dyn Outbox {
        self.inner.outbox()
    }

    fn roster(&self) -> &dyn Roster {
        self.inner.roster()
    }

    fn health(&self) -> Health {
        self.inner.health()
    }

    fn close(&self) -> Answer<'_, ()> {
        self.inner.close()
    }
}
