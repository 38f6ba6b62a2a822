//! Telling the other nodes: that there is work, that a schedule changed, which jobs did. Hints leave after the commit and outside of
//! it, gathered, and are lost without harm: whoever waits for something looks by itself, too (rule 25).

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;
use tokio::time::Duration;
use tokio_postgres::types::Type;

use super::session::Pool;
use crate::job::{Job, JobId};
use crate::store::WorkerId;

/// One commit for all of them: those that notify wait for each other there.
const TELL: &str = "SELECT pg_notify($1, text) FROM unnest($2::text[]) AS text";
/// What nodes tell each other on.
pub(super) const CHANNEL: &str = "faena";

/// Pause between two notifications: what comes meanwhile is told together.
const GATHERED_FOR: Duration = Duration::from_millis(20);
/// Jobs that one notification names: its text may have 8,000 bytes.
const NAMED_MAX: usize = 150;
/// Jobs that are named at once; beyond them it is only told that there are many.
const GATHERED_MAX: usize = 1_500;

/// One notification.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Hint {
    /// The node that tells.
    pub(super) from: i64,
    /// It has just come.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(super) here: bool,
    /// There may be work.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(super) work: bool,
    /// A schedule may be due at another time than before.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(super) planned: bool,
    /// There are events that nobody tells of by what they are about.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(super) told: bool,
    /// Somebody is to be called back.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(super) calls: bool,
    /// Keys were made or revoked.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(super) keys: bool,
    /// So many jobs changed that they are not named.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(super) many: bool,
    /// Jobs that were asked to stop while they run.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) stops: Vec<JobId>,
    /// Other jobs that changed.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) jobs: Vec<JobId>,
    /// Workers of other processes that have left.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) left: Vec<WorkerId>,
}

/// Where hints are given.
pub(super) struct Hints {
    sender: mpsc::UnboundedSender<Hint>,
    /// Whether there is anybody to tell.
    has_others: AtomicBool,
}

impl Hints {
    /// With it comes where the hints are taken from. The first of them tells whoever is there that this node is, too.
    pub(super) fn new(has_others: bool) -> (Arc<Self>, mpsc::UnboundedReceiver<Hint>) {
        let (sender, receiver) = mpsc::unbounded_channel();
        // It is taken from here.
        drop(sender.send(Hint { here: true, ..Hint::default() }));
        (Arc::new(Self { sender, has_others: AtomicBool::new(has_others) }), receiver)
    }

    /// Notes whether there is anybody to tell.
    pub(super) fn note_others(&self, there_are: bool) {
        self.has_others.store(there_are, Ordering::Release);
    }

    /// Tells of jobs as they are now.
    pub(super) fn tell<'a>(&self, work: bool, jobs: impl Iterator<Item = &'a Arc<Job>>) {
        if !self.has_others.load(Ordering::Acquire) {
            return;
        }
        let mut hint = Hint { work, ..Hint::default() };
        for job in jobs {
            hint.calls |= job.spec.callback_url().is_some();
            let is_stop = job.run().is_some_and(|run| run.cancel.is_some());
            if is_stop { &mut hint.stops } else { &mut hint.jobs }.push(job.id);
        }
        // Nobody takes hints any more when the store is closed.
        drop(self.sender.send(hint));
    }

    /// Tells that keys were made or revoked.
    pub(super) fn tell_keys(&self) {
        if self.has_others.load(Ordering::Acquire) {
            drop(self.sender.send(Hint { keys: true, ..Hint::default() }));
        }
    }

    /// Tells that there are events.
    pub(super) fn tell_told(&self) {
        if self.has_others.load(Ordering::Acquire) {
            drop(self.sender.send(Hint { told: true, ..Hint::default() }));
        }
    }

    /// Tells that schedules changed.
    pub(super) fn tell_planned(&self) {
        if self.has_others.load(Ordering::Acquire) {
            drop(self.sender.send(Hint { planned: true, ..Hint::default() }));
        }
    }

    /// Tells that a worker has left.
    pub(super) fn tell_left(&self, worker: WorkerId) {
        if self.has_others.load(Ordering::Acquire) {
            drop(self.sender.send(Hint { left: vec![worker], ..Hint::default() }));
        }
    }
}

/// Sends hints on, until nobody gives any.
pub(super) async fn send_all(mut hints: mpsc::UnboundedReceiver<Hint>, pool: Arc<Pool>, from: impl Fn() -> i64) {
    let mut gathered = Vec::new();
    while hints.recv_many(&mut gathered, usize::MAX).await > 0 {
        let texts: Arc<[String]> = notifications(gathered.drain(..), from()).into();
        let sent = pool.with(move |session| {
            let texts = texts.clone();
            Box::pin(async move {
                let params = [(&CHANNEL as _, Type::TEXT), (&&*texts as _, Type::TEXT_ARRAY)];
                session.query(TELL, &params).await.map(drop)
            })
        });
        if let Err(fault) = sent.await {
            tracing::debug!(?fault, "a hint was lost");
        }
        tokio::time::sleep(GATHERED_FOR).await;
    }
}

/// Hints as few texts.
pub(super) fn notifications(hints: impl Iterator<Item = Hint>, from: i64) -> Vec<String> {
    let mut all = Hint { from, ..Hint::default() };
    for hint in hints {
        all.here |= hint.here;
        all.work |= hint.work;
        all.planned |= hint.planned;
        all.keys |= hint.keys;
        all.told |= hint.told;
        all.calls |= hint.calls;
        all.stops.extend(hint.stops);
        all.jobs.extend(hint.jobs);
        all.left.extend(hint.left);
    }
    all.jobs.sort_unstable();
    all.jobs.dedup();
    if all.jobs.len() > GATHERED_MAX {
        (all.jobs, all.many) = (Vec::new(), true);
    }
    let (stops, jobs) = (std::mem::take(&mut all.stops), std::mem::take(&mut all.jobs));
    let left = std::mem::take(&mut all.left);
    let mut texts = Vec::new();
    let mut push = |hint: Hint| texts.extend(serde_json::to_string(&hint).ok());
    for stops in stops.chunks(NAMED_MAX) {
        push(Hint { from, stops: stops.to_vec(), ..Hint::default() });
    }
    for jobs in jobs.chunks(NAMED_MAX) {
        push(Hint { from, jobs: jobs.to_vec(), ..Hint::default() });
    }
    for left in left.chunks(NAMED_MAX) {
        push(Hint { from, left: left.to_vec(), ..Hint::default() });
    }
    if all.here || all.work || all.planned || all.keys || all.told || all.calls || all.many {
        push(all);
    }
    texts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_hint_tells_of_the_node_even_when_nobody_else_is_known() {
        let (hints, mut told) = Hints::new(false);
        hints.tell_planned();
        let first = told.try_recv().unwrap();
        assert!(told.try_recv().is_err(), "nobody is there to hear more");
        assert!(notifications([first].into_iter(), 7)[0].contains(r#""here":true"#));
        hints.note_others(true);
        hints.tell_planned();
        assert!(told.try_recv().is_ok_and(|hint| hint.planned));
    }

    #[test]
    fn hints_are_gathered_into_texts_that_fit() {
        let ids: Vec<JobId> = (0..400).map(|_| JobId::new()).collect();
        let hints = ids.iter().map(|id| Hint { work: true, jobs: vec![*id, *id], ..Hint::default() });
        let texts = notifications(hints, 7);
        assert!(texts.iter().all(|text| text.len() < 8_000), "{texts:?}");
        let read: Vec<Hint> = texts.iter().map(|text| serde_json::from_str(text).unwrap()).collect();
        let mut named: Vec<JobId> = read.iter().flat_map(|hint| hint.jobs.clone()).collect();
        named.sort();
        assert_eq!(named.len(), 400, "each once");
        assert!(read.iter().any(|hint| hint.work) && read.iter().all(|hint| hint.from == 7));
        let many = (0..2_000).map(|_| Hint { jobs: vec![JobId::new()], ..Hint::default() });
        assert_eq!(notifications(many, 7).len(), 1, "too many to name");
    }
}
