//! Watching one job: a watcher sees the latest state, and is never behind.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::watch;

use super::Hub;
use crate::job::{Job, JobId, JobMap};

type Latest = watch::Sender<Option<Arc<Job>>>;

/// The jobs that somebody watches.
#[derive(Default)]
pub(super) struct Single {
    topics: JobMap<Latest>,
    /// Watchers in all, so that a change nobody watches need not look into the map.
    watchers: AtomicUsize,
}

impl Single {
    pub(super) fn publish(&self, job: &Arc<Job>) {
        if self.watchers.load(Ordering::Acquire) == 0 {
            return;
        }
        if let Some(topic) = self.topics.get(&job.id) {
            topic.send_if_modified(|latest| {
                // Two changes of one job may be told in either order: what a watcher has seen never goes back.
                let newer = latest.as_ref().is_none_or(|seen| age(job) >= age(seen));
                if newer {
                    *latest = Some(job.clone());
                }
                newer
            });
        }
    }

    pub(super) fn watched(&self) -> Vec<JobId> {
        if self.watchers.load(Ordering::Acquire) == 0 {
            return Vec::new();
        }
        self.topics.iter().map(|topic| *topic.key()).collect()
    }

    fn subscribe(&self, id: JobId) -> watch::Receiver<Option<Arc<Job>>> {
        self.watchers.fetch_add(1, Ordering::AcqRel);
        self.topics.entry(id).or_insert_with(|| watch::Sender::new(None)).subscribe()
    }

    fn leave(&self, id: JobId) {
        self.topics.remove_if(&id, |_, topic| topic.receiver_count() == 0);
        self.watchers.fetch_sub(1, Ordering::AcqRel);
    }
}

/// Orders the states of one job.
fn age(job: &Job) -> (u32, u8) {
    (job.life.revision, job.life.progress.percent)
}

/// A watch on one job. It sees changes from its beginning on: take it first, then read the job, and nothing is missed.
pub struct JobWatch {
    hub: Arc<Hub>,
    id: JobId,
    /// Taken only while dropping, so that the topic counts one less before it is looked at.
    latest: Option<watch::Receiver<Option<Arc<Job>>>>,
}

impl JobWatch {
    pub(super) fn new(hub: Arc<Hub>, id: JobId) -> Self {
        let latest = Some(hub.single.subscribe(id));
        Self { hub, id, latest }
    }

    /// Waits for a change and gives the job as it is then; several changes may come as one. None when the hub is gone.
    pub async fn changed(&mut self) -> Option<Arc<Job>> {
        let latest = self.latest.as_mut()?;
        latest.changed().await.ok()?;
        latest.borrow_and_update().clone()
    }
}

impl Drop for JobWatch {
    fn drop(&mut self) {
        self.latest = None;
        self.hub.single.leave(self.id);
    }
}
