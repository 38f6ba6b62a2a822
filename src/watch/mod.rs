//! Fan-out of changes to whoever watches: one job, all jobs, stop requests, and the hint that there is work.
//! Nobody waits for a watcher: one that watches a job sees its latest state, one that watches all jobs and falls
//! behind is told [`Lagged`]. A change that nobody watches costs a glance at two counters.

mod changes;
mod passes;
mod single;
mod takers;

use std::sync::{Arc, OnceLock};

use parking_lot::RwLock;
use tokio::sync::{Notify, broadcast};

pub use changes::{Change, Changes, Lagged};
pub use passes::{Pass, Passes, Sent};
pub use single::JobWatch;
pub use takers::Taker;

use crate::alert::Alert;
use crate::job::{Job, JobId, Name};

/// Requests to stop that may be under way to a keeper; one that falls behind looks at its runs itself.
const STOPS_UNDER_WAY_MAX: usize = 1_024;
/// Alerts that may be under way to a reader of them; one that falls behind looks at the list.
const ALERTS_UNDER_WAY_MAX: usize = 1_024;

/// Where changes are told, and heard.
pub struct Hub {
    single: single::Single,
    changes: changes::Feed,
    stops: broadcast::Sender<(JobId, u32)>,
    ready: Arc<Notify>,
    takers: takers::Takers,
    planned: Arc<Notify>,
    doubted: Arc<Notify>,
    subscribed: Arc<Notify>,
    passes: Passes,
    alerts: broadcast::Sender<Arc<Alert>>,
    letting_go: RwLock<Option<LettingGo>>,
    reading: OnceLock<Reading>,
}

/// How a job that a store told of is read.
type Reading = Box<dyn Fn(&Arc<Job>) -> Arc<Job> + Send + Sync>;

/// What is done when the runs of this process are to be let go.
type LettingGo = Box<dyn Fn() + Send + Sync>;

impl Default for Hub {
    fn default() -> Self {
        Self {
            single: single::Single::default(),
            changes: changes::Feed::default(),
            stops: broadcast::Sender::new(STOPS_UNDER_WAY_MAX),
            ready: Arc::default(),
            takers: takers::Takers::default(),
            planned: Arc::default(),
            doubted: Arc::default(),
            subscribed: Arc::default(),
            passes: Passes::default(),
            alerts: broadcast::Sender::new(ALERTS_UNDER_WAY_MAX),
            letting_go: RwLock::default(),
            reading: OnceLock::new(),
        }
    }
}

impl Hub {
    /// Tells that a job is now like this. The store's decorator calls it once for each change that readers may see.
    pub fn publish(&self, job: &Arc<Job>) {
        let read = self.reading.get().map(|read| read(job));
        let job = read.as_ref().unwrap_or(job);
        if job.run().is_some_and(|run| run.cancel.is_some()) {
            // Nobody listening is fine: then nothing runs here.
            let _ = self.stops.send((job.id, job.life.epoch));
        }
        if job.is_finished() && job.spec.schedule_id().is_some() {
            self.doubted.notify_one();
        }
        self.single.publish(job);
        self.changes.publish(job);
    }

    /// Watches one job.
    pub fn watch(self: &Arc<Self>, id: JobId) -> JobWatch {
        JobWatch::new(self.clone(), id)
    }

    /// Watches all jobs, from now on or from after the change `after` if it is still remembered.
    ///
    /// # Errors
    /// [`Lagged`] when changes since `after` are forgotten.
    pub fn changes(&self, after: Option<u64>) -> Result<Changes, Lagged> {
        self.changes.subscribe(after)
    }

    /// Tells that an alert has fired or cleared.
    pub fn publish_alert(&self, alert: &Arc<Alert>) {
        // Nobody listening is fine.
        let _ = self.alerts.send(alert.clone());
    }

    /// Hears of alerts that fire and clear, from now on.
    pub fn alerts(&self) -> broadcast::Receiver<Arc<Alert>> {
        self.alerts.subscribe()
    }

    /// The jobs that somebody watches one by one.
    pub fn watched(&self) -> Vec<JobId> {
        self.single.watched()
    }

    /// Whether anybody ever watched all jobs, so that their changes are remembered.
    pub fn records_all(&self) -> bool {
        self.changes.is_recording()
    }

    /// Hears of running jobs that were asked to stop, with the epoch of their claim.
    pub fn stops(&self) -> broadcast::Receiver<(JobId, u32)> {
        self.stops.subscribe()
    }

    /// Names how jobs are read before they are told: what an engine heard of other nodes is as it is written, encrypted
    /// perhaps. The first one stands.
    pub fn read_by(&self, read: impl Fn(&Arc<Job>) -> Arc<Job> + Send + Sync + 'static) {
        // A second one would be the same.
        let _ = self.reading.set(Box::new(read));
    }

    /// Names what is done when a store lost touch with whatever says that this process lives.
    pub fn when_let_go(&self, act: impl Fn() + Send + Sync + 'static) {
        *self.letting_go.write() = Some(Box::new(act));
    }

    /// Tells that everything that runs in this process now is to be let go. When this returns all of it was told, so that what
    /// begins afterwards is not meant.
    pub fn let_go(&self) {
        if let Some(act) = &*self.letting_go.read() {
            act();
        }
    }

    /// Where a store tells that there may be new work, and a dispatcher hears of it. A hint: one call may stand for many
    /// jobs, or for none.
    pub fn ready(&self) -> &Arc<Notify> {
        &self.ready
    }

    /// Waits for that hint, and passes it on to those who wait for work besides: one of each sort. For the dispatcher, and
    /// where there is none for each of those who wait.
    pub async fn work(&self) {
        self.ready.notified().await;
        self.takers.call();
    }

    /// Waits for work that a worker of another process can do.
    pub fn taker(self: &Arc<Self>, sub_types: Arc<[Name]>) -> Taker {
        Taker::new(self.clone(), sub_types)
    }

    /// Calls one of those who wait for work of these subtypes: there may be more.
    pub fn call_taker(&self, sub_types: &[Name]) {
        self.takers.call_one(sub_types);
    }

    /// Where it is told that a schedule may be due at another time than before, and a scheduler hears of it. A hint, too.
    pub fn planned(&self) -> &Arc<Notify> {
        &self.planned
    }

    /// Where it is told that an alert rule may be broken, or not any more, and whoever looks after them hears of it. A hint,
    /// too.
    pub fn doubted(&self) -> &Arc<Notify> {
        &self.doubted
    }

    /// Where it is told that a subscription was made or changed, and whoever sends events hears of it. A hint, too.
    pub fn subscribed(&self) -> &Arc<Notify> {
        &self.subscribed
    }

    /// Where it is wished that everything which is to be sent is tried now.
    pub fn passes(&self) -> &Passes {
        &self.passes
    }
}
