//! The store that watches another one.

use std::future::Future;
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;

use super::metrics::Counted;
use super::surely::Surely;
use super::{Histories, Metrics};
use crate::clock::Timestamp;
use crate::job::{Job, JobId, Name, NewJob, Transition};
use crate::store::{
    Alerts, Answer, Claim, Claimed, Committed, Events, Figures, Filter, Group, Health, Insert, Inserted, Keys, Locks,
    LogLine, Nodes, Outbox, Page, PageOf, Prune, Pruned, Roster, Safekeeping, Standing, States, Store, StoreError,
    Tally,
};
use crate::watch::Hub;

/// A store that tells of what another one does. Changes are told after the inner call has answered, so nobody hears
/// of what readers may not see yet (rule 8); they are told even if the caller has left meanwhile.
#[derive(Clone)]
pub struct Observed {
    pub(super) shared: Arc<Shared>,
}

pub(super) struct Shared {
    pub(super) inner: Arc<dyn Store>,
    pub(super) hub: Arc<Hub>,
    metrics: Arc<Metrics>,
    pub(super) histories: Arc<Histories>,
}

impl Observed {
    /// Watches `inner`: changes go to `hub`, figures to `metrics`, durations to `histories`.
    pub fn new(inner: Arc<dyn Store>, hub: Arc<Hub>, metrics: Arc<Metrics>, histories: Arc<Histories>) -> Self {
        Self { shared: Arc::new(Shared { inner, hub, metrics, histories }) }
    }

    /// Runs a call that changes nothing anybody watches, and times it.
    pub(super) fn timed<'a, T: 'a>(
        &'a self,
        operation: &'static str,
        call: impl Future<Output = Result<T, StoreError>> + Send + 'a,
    ) -> Answer<'a, T> {
        Box::pin(async move { self.shared.timed(operation, call).await })
    }
}

impl Shared {
    pub(super) async fn timed<T>(
        &self,
        operation: &'static str,
        call: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        let began = Instant::now();
        let answer = call.await;
        self.metrics.operation(operation, began);
        if let Err(error) = &answer {
            self.metrics.operation_failed(operation);
            tracing::debug!(operation, %error, "the store refused a call");
        }
        answer
    }

    /// Counts jobs and tells of them.
    pub(super) fn tell<'a>(&self, jobs: impl Iterator<Item = &'a Arc<Job>>, count: impl Fn(&Counted, &Job)) {
        let mut counted = None;
        for job in jobs {
            let counters = self.metrics.of(job, counted.take());
            count(&counters, job);
            counted = Some(counters);
            self.hub.publish(job);
        }
    }
}

impl Store for Observed {
    fn insert(&self, jobs: Vec<Insert>, group: Group, now: Timestamp) -> Answer<'_, Vec<Inserted>> {
        let shared = self.shared.clone();
        Surely::boxed(async move {
            let answers = shared.timed("insert", shared.inner.insert(jobs, group, now)).await?;
            let accepted = answers.iter().filter_map(|answer| match answer {
                Inserted::Accepted(job) => Some(job),
                _ => None,
            });
            shared.tell(accepted, |counted, _| counted.accepted());
            Ok(answers)
        })
    }

    fn claim(&self, claim: Claim, now: Timestamp) -> Answer<'_, Claimed> {
        let shared = self.shared.clone();
        Surely::boxed(async move {
            let claimed = shared.timed("claim", shared.inner.claim(claim, now)).await?;
            shared.tell(claimed.jobs.iter(), Counted::claimed);
            Ok(claimed)
        })
    }

    fn commit(&self, transitions: Vec<Transition>, now: Timestamp) -> Answer<'_, Vec<Committed>> {
        let shared = self.shared.clone();
        Surely::boxed(async move {
            let silent: Vec<bool> = transitions.iter().map(|step| step.silent).collect();
            let answers = shared.timed("commit", shared.inner.commit(transitions, now)).await?;
            let applied = answers.iter().zip(silent).filter_map(|(answer, silent)| match answer {
                Committed::Applied { job, follow_ups } if !silent => Some((job, follow_ups)),
                _ => None,
            });
            shared.tell(applied.clone().map(|(job, _)| job), |counted, job| {
                counted.stepped(job);
                shared.histories.learn(job);
            });
            shared.tell(applied.flat_map(|(_, follow_ups)| follow_ups), |counted, _| counted.accepted());
            Ok(answers)
        })
    }

    fn overdue(&self, now: Timestamp, limit: usize) -> Answer<'_, Vec<Arc<Job>>> {
        self.timed("overdue", self.shared.inner.overdue(now, limit))
    }

    /// Not timed: reading a job in memory takes less than looking at the clock twice.
    fn get(&self, id: JobId) -> Answer<'_, Option<Arc<Job>>> {
        self.shared.inner.get(id)
    }

    fn payload(&self, id: JobId) -> Answer<'_, Option<Bytes>> {
        self.timed("payload", self.shared.inner.payload(id))
    }

    fn list(&self, filter: Filter, page: Page, now: Timestamp) -> Answer<'_, PageOf<Arc<Job>>> {
        self.timed("list", self.shared.inner.list(filter, page, now))
    }

    fn tally(&self, now: Timestamp) -> Answer<'_, Tally> {
        self.timed("tally", self.shared.inner.tally(now))
    }

    fn standing(&self, id: JobId, now: Timestamp) -> Answer<'_, Option<Standing>> {
        self.timed("standing", self.shared.inner.standing(id, now))
    }

    fn pause(&self, sub_type: Name, paused: bool) -> Answer<'_, ()> {
        let call = self.timed("pause", self.shared.inner.pause(sub_type, paused));
        Box::pin(async move {
            call.await?;
            // What waited behind the pause may run now, and no job changed to say so.
            self.shared.hub.ready().notify_one();
            Ok(())
        })
    }

    fn paused(&self) -> Answer<'_, Vec<Name>> {
        self.timed("paused", self.shared.inner.paused())
    }

    fn append_log(&self, lines: Vec<(JobId, LogLine)>) -> Answer<'_, ()> {
        self.timed("append_log", self.shared.inner.append_log(lines))
    }

    fn log(&self, id: JobId) -> Answer<'_, Vec<LogLine>> {
        self.timed("log", self.shared.inner.log(id))
    }

    fn prune(&self, prune: Prune, now: Timestamp) -> Answer<'_, Pruned> {
        self.timed("prune", self.shared.inner.prune(prune, now))
    }

    fn as_written(&self, job: NewJob) -> Result<NewJob, StoreError> {
        self.shared.inner.as_written(job)
    }

    /// Nobody watches figures, locks, states, workers and safekeeping: they are the inner store's own.
    fn figures(&self) -> &dyn Figures {
        self.shared.inner.figures()
    }

    fn locks(&self) -> &dyn Locks {
        self.shared.inner.locks()
    }

    fn states(&self) -> &dyn States {
        self.shared.inner.states()
    }

    fn nodes(&self) -> Option<&dyn Nodes> {
        self.shared.inner.nodes()
    }

    fn safekeeping(&self) -> Option<&dyn Safekeeping> {
        self.shared.inner.safekeeping()
    }

    fn alerts(&self) -> &dyn Alerts {
        self
    }

    fn events(&self) -> &dyn Events {
        self.shared.inner.events()
    }

    fn keys(&self) -> &dyn Keys {
        self
    }

    fn outbox(&self) -> &dyn Outbox {
        self.shared.inner.outbox()
    }

    fn roster(&self) -> &dyn Roster {
        self.shared.inner.roster()
    }

    fn health(&self) -> Health {
        self.shared.inner.health()
    }

    fn close(&self) -> Answer<'_, ()> {
        self.timed("close", self.shared.inner.close())
    }
}
