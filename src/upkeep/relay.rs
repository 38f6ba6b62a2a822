//! Sends events to whoever subscribed. Each subscription has a task of its own, so that no endpoint waits for another one; what is
//! tried when is decided by [`event::Relay`](crate::event::Relay), and each step of it is a compare-and-set, so any number
//! of relayers may work on one store: an event is sent twice at worst, and none is left out.
//!
//! A relayer looks when it is told that there are news, and by the clock in any case (rule 25).

mod runner;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::{Notify, broadcast};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use self::runner::Runner;
use crate::clock::Clock;
use crate::event::subscription::SharedSecret;
use crate::event::tell::ENDS;
use crate::event::{Pattern, Subscription, SubscriptionId, Via};
use crate::publish::Publishers;
use crate::schedule::Timetable;
use crate::store::{Store, StoreError};
use crate::watch::{Pass, Passes};

/// Who sends events.
#[derive(Clone)]
pub struct Relayer {
    /// Where subscriptions and events are.
    pub store: Arc<dyn Store>,
    /// Where the time comes from.
    pub clock: Clock,
    /// The ways to send by.
    pub publishers: Publishers,
    /// The subscription of the settings, to everything, if they name one.
    pub outbox: Option<Arc<Subscription>>,
    /// When that one is served; at once and always when there is none.
    pub times: Option<Arc<Timetable>>,
    /// Told when a subscription was made or changed.
    pub subscribed: Arc<Notify>,
    /// Told when an endpoint was switched off.
    pub doubted: Arc<Notify>,
    /// Through which a pass over everything is asked for.
    pub passes: Passes,
    /// Who this process is among those that share the store.
    pub node: Arc<str>,
}

/// Longest time between two looks at the subscriptions: a hint may be lost, or given to another process on the same store.
const LOOK_EVERY: Duration = Duration::from_secs(5);

/// A task and what it was started for.
struct Task {
    terms: Arc<Subscription>,
    ended: CancellationToken,
    poked: Arc<Notify>,
    task: JoinHandle<()>,
}

impl Relayer {
    /// Serves all subscriptions until it is ended.
    pub(super) async fn run(self, mut asked: broadcast::Receiver<Pass>, ended: CancellationToken) {
        let runtime = Handle::current();
        // Each task answers for itself; a pass that comes before there are tasks waits for them here.
        let passes = broadcast::Sender::new(16);
        let mut tasks: HashMap<SubscriptionId, Task> = HashMap::new();
        loop {
            match self.subscriptions().await {
                Ok(wanted) => self.arrange(&mut tasks, wanted, &passes, &ended, &runtime).await,
                Err(error) => tracing::warn!(service = "relay", %error, "upkeep did not get through; it tries again"),
            }
            tokio::select! {
                () = ended.cancelled() => break,
                pass = asked.recv() => {
                    // Nobody to serve is an answer, too: that of nobody.
                    let _ = pass.map(|pass| passes.send(pass));
                    continue;
                }
                () = self.subscribed.notified() => {}
                () = tokio::time::sleep(LOOK_EVERY) => {}
            }
        }
        for (_, task) in tasks {
            // A task that panicked has nothing left to do.
            let _ = task.task.await;
        }
    }

    /// Ends the tasks of what is gone or has changed, and starts those of what is new.
    async fn arrange(
        &self,
        tasks: &mut HashMap<SubscriptionId, Task>,
        wanted: Vec<Arc<Subscription>>,
        passes: &broadcast::Sender<Pass>,
        ended: &CancellationToken,
        runtime: &Handle,
    ) {
        let wanted: HashMap<_, _> = wanted.into_iter().map(|terms| (terms.id, terms)).collect();
        let is_over = |id: &SubscriptionId, task: &Task| task.task.is_finished() || wanted.get(id) != Some(&task.terms);
        let over: Vec<_> = tasks.iter().filter(|(id, task)| is_over(id, task)).map(|(id, _)| *id).collect();
        for id in over {
            if let Some(task) = tasks.remove(&id) {
                task.ended.cancel();
                // Two tasks of one subscription would send much twice.
                let _ = task.task.await;
            }
        }
        // Its sendings may be to be replayed.
        tasks.values().for_each(|task| task.poked.notify_one());
        for (id, terms) in wanted {
            tasks.entry(id).or_insert_with(|| {
                let ended = ended.child_token();
                let (passes, poked) = (passes.subscribe(), Arc::<Notify>::default());
                let task =
                    runtime.spawn(Runner::new(self.clone(), terms.clone(), passes, poked.clone()).run(ended.clone()));
                Task { terms, ended, poked, task }
            });
        }
    }

    /// The subscriptions to serve, those of the program itself among them.
    async fn subscriptions(&self) -> Result<Vec<Arc<Subscription>>, StoreError> {
        let all = self.store.outbox().subscriptions().await?;
        let mut served: Vec<_> =
            all.into_iter().filter(|one| one.enabled && self.publishers.get(one.via).is_some()).collect();
        if self.publishers.get(Via::Webhook).is_some() {
            served.push(Arc::new(callbacks()));
        }
        served.extend(self.outbox.clone().filter(|outbox| self.publishers.get(outbox.via).is_some()));
        Ok(served)
    }
}

/// The subscription of the settings: everything, to one place.
pub fn outbox(via: Via, to: &str, secret: Option<SharedSecret>) -> Subscription {
    Subscription { via, to: to.into(), secrets: secret.into_iter().collect(), ..own(SubscriptionId::OUTBOX) }
}

/// The subscription that tells a job's `callbackUrl` of its end.
fn callbacks() -> Subscription {
    let events = ENDS.iter().filter_map(|kind| kind.as_str().parse::<Pattern>().ok()).collect();
    Subscription { events, ..own(SubscriptionId::CALLBACKS) }
}

fn own(id: SubscriptionId) -> Subscription {
    Subscription {
        id,
        via: Via::Webhook,
        to: "".into(),
        events: vec![Pattern::all()],
        user_id: None,
        secrets: Vec::new(),
        description: None,
        enabled: true,
        created_at: crate::clock::Timestamp::default(),
        revision: 1,
    }
}
