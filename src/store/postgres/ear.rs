//! Hearing of what other nodes did: their hints at once, and a look every second at what somebody here waits for, since a hint may
//! be lost. What is told here goes the same way as what this node did itself: into the hub.

use std::collections::HashMap;
use std::sync::Arc;

use futures_util::{StreamExt, stream};
use parking_lot::Mutex;
use tokio::sync::mpsc;
use tokio::time::{Duration, timeout};
use tokio_postgres::{AsyncMessage, Client};

use super::hints::{CHANNEL, Hint, Hints};
use super::look;
use super::node::Node;
use super::place::{Fault, Place};
use super::remembered::Remembered;
use super::roster::Speakers;
use super::session::{ENTER_MAX, Pool};
use crate::job::{Job, JobId};
use crate::watch::Hub;

/// Pause between two looks at what is waited for.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// Probes of the connection that hears in the term of a node; a network that swallows everything is noticed then.
const PROBES_A_TERM: u32 = 6;
/// Pause before it is connected anew.
const AGAIN_AFTER: Duration = Duration::from_millis(500);
/// Jobs that are looked at in one look.
const LOOKED_AT_MAX: usize = 2_000;

/// Who hears.
pub(super) struct Ear {
    place: Place,
    pool: Arc<Pool>,
    node: Arc<Node>,
    hints: Arc<Hints>,
    hub: Arc<Hub>,
    speakers: Arc<Speakers>,
    keys: Arc<Remembered>,
    /// What was told of jobs that are watched, so that nobody is told the same again.
    told: Mutex<HashMap<JobId, (u32, u8, i64)>>,
}

impl Ear {
    pub(super) fn new(
        place: Place,
        (pool, node, hints): (Arc<Pool>, Arc<Node>, Arc<Hints>),
        (hub, speakers, keys): (Arc<Hub>, Arc<Speakers>, Arc<Remembered>),
    ) -> Arc<Self> {
        Arc::new(Self { place, pool, node, hints, hub, speakers, keys, told: Mutex::default() })
    }

    /// Hears hints, for as long as the store is open.
    pub(super) async fn hear_all(self: Arc<Self>) {
        loop {
            match self.hear().await {
                Ok(()) => tracing::debug!("the connection that hears of other nodes has ended"),
                Err(fault) => tracing::debug!(?fault, "other nodes cannot be heard"),
            }
            tokio::time::sleep(AGAIN_AFTER).await;
        }
    }

    /// Looks at what is waited for, every second.
    pub(super) async fn look_all(self: Arc<Self>) {
        loop {
            // Nodes that look together would also ask together.
            let jitter = Duration::from_millis(u64::from(uuid::Uuid::now_v7().as_bytes()[15]));
            tokio::time::sleep(LOOK_EVERY + jitter).await;
            self.look_at_watched().await;
            self.look_for_stops().await;
        }
    }

    /// Hears hints on one connection, until it ends.
    async fn hear(&self) -> Result<(), Fault> {
        let entered = timeout(ENTER_MAX, self.place.config.connect(self.place.tls.clone())).await;
        let (client, mut connection) = entered.map_err(|_| Fault::Lost("it does not answer".into()))??;
        let (tell, mut told) = mpsc::unbounded_channel();
        let driver = tokio::spawn(async move {
            let mut messages = stream::poll_fn(move |context| connection.poll_message(context));
            while let Some(Ok(message)) = messages.next().await {
                if let AsyncMessage::Notification(note) = message
                    && tell.send(note.payload().to_owned()).is_err()
                {
                    break;
                }
            }
        });
        let heard = self.hear_on(&client, &mut told).await;
        driver.abort();
        heard
    }

    async fn hear_on(&self, client: &Client, told: &mut mpsc::UnboundedReceiver<String>) -> Result<(), Fault> {
        let listens = timeout(ENTER_MAX, client.batch_execute(&format!("LISTEN {CHANNEL}"))).await;
        listens.map_err(|_| Fault::Lost("it does not answer".into()))??;
        // Whoever came before it could be heard is known by the next sign of life; until then there may be somebody.
        self.hints.note_others(true);
        let pause = self.place.term / PROBES_A_TERM;
        loop {
            match timeout(pause, told.recv()).await {
                Ok(Some(text)) => self.heard(&text).await,
                Ok(None) => return Ok(()),
                Err(_) => {
                    let probed = timeout(pause, client.batch_execute("")).await;
                    probed.map_err(|_| Fault::Lost("it does not answer".into()))??;
                }
            }
        }
    }

    async fn heard(&self, text: &str) {
        let Ok(hint) = serde_json::from_str::<Hint>(text) else {
            tracing::debug!(text, "a hint of another program");
            return;
        };
        if hint.from == self.node.id() {
            return;
        }
        self.hints.note_others(true);
        self.place.news.stir(hint.calls);
        if hint.work {
            self.hub.ready().notify_one();
        }
        if hint.planned {
            self.hub.planned().notify_one();
        }
        hint.left.into_iter().for_each(|worker| self.speakers.forget(worker));
        if hint.keys {
            self.keys.forget();
        }
        if hint.many {
            self.look_at_watched().await;
        }
        let mut wanted = hint.jobs;
        if !self.hub.records_all() {
            let watched = self.hub.watched();
            wanted.retain(|id| watched.contains(id));
        }
        // Those that were asked to stop may run here.
        wanted.extend(hint.stops);
        self.tell(wanted).await;
    }

    async fn look_at_watched(&self) {
        let watched = self.hub.watched();
        self.told.lock().retain(|id, _| watched.contains(id));
        self.tell(watched.into_iter().take(LOOKED_AT_MAX).collect()).await;
    }

    /// Tells the runs of this node which were asked to stop.
    async fn look_for_stops(&self) {
        let keeper = self.node.id();
        let found = self.pool.with(move |session| Box::pin(look::stopping(session, keeper))).await;
        self.publish(found);
    }

    /// Tells of these jobs as they are.
    async fn tell(&self, ids: Vec<JobId>) {
        if ids.is_empty() {
            return;
        }
        let ids: Arc<[JobId]> = ids.into();
        let found = self.pool.with(move |session| {
            let ids = ids.clone();
            Box::pin(async move { look::several(session, &ids).await })
        });
        let found = found.await;
        self.publish(found);
    }

    fn publish(&self, found: Result<Vec<Arc<Job>>, Fault>) {
        match found {
            Ok(jobs) => jobs.iter().filter(|job| self.is_news(job)).for_each(|job| self.hub.publish(job)),
            Err(fault) => tracing::debug!(?fault, "what other nodes did cannot be read"),
        }
    }

    /// Whether a job is otherwise than it was told last. Requests to stop are told until they are heard.
    fn is_news(&self, job: &Job) -> bool {
        let at = job.life.progress.at().map_or(0, |at| at.as_millis());
        let now = (job.life.revision, job.life.progress.percent, at);
        let mut told = self.told.lock();
        if told.len() > LOOKED_AT_MAX {
            told.clear();
        }
        let before = told.insert(job.id, now);
        before != Some(now) || job.run().is_some_and(|run| run.cancel.is_some())
    }
}
