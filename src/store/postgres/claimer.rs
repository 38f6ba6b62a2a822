//! The only one of a node who claims. Should the answer of a claim be lost, its jobs are found again by their ticket: nobody else
//! would work on them. Those that show only when nobody asks any more are given back.

use std::sync::Arc;

use tokio::sync::mpsc;
use tokio::time::{Duration, Instant, timeout};

use super::claim::{self, Lost, Wish};
use super::hints::Hints;
use super::link::Link;
use super::node::Node;
use super::place::Fault;
use super::queue::Tell;
use crate::clock::Timestamp;
use crate::job::Job;
use crate::store::{Claim, Claimed};

/// A claim, and whom to tell.
pub(super) struct Asked {
    pub(super) claim: Claim,
    pub(super) now: Timestamp,
    pub(super) tell: Tell<Claimed>,
}

/// Times that a claim is begun anew because others were in its way.
const TRIES_MAX: usize = 5;
/// Time in which the jobs of a lost answer are looked for.
const LOST_MAX: Duration = Duration::from_secs(10);
/// Pause between two looks at what lost claims took.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// Time after which nothing more can come of a lost claim: the server has ended its statement by then.
const CERTAIN_AFTER: Duration = Duration::from_secs(60);

/// Who claims.
pub(super) struct Claimer {
    link: Link,
    node: Arc<Node>,
    hints: Arc<Hints>,
    ticket: i64,
    /// Claims whose answers were lost, and when it is certain that nothing more comes of them.
    lost: Vec<(Lost, Instant)>,
    look_at: Instant,
}

impl Claimer {
    pub(super) fn new(link: Link, node: Arc<Node>, hints: Arc<Hints>) -> Self {
        let (lost, look_at) = (Vec::new(), Instant::now());
        Self { link, node, hints, ticket: 0, lost, look_at }
    }

    /// Claims for whoever asks, until nobody is left who could.
    pub(super) async fn claim_all(mut self, mut asked: mpsc::UnboundedReceiver<Asked>) {
        loop {
            let next = match self.lost.is_empty() {
                true => Ok(asked.recv().await),
                false => timeout(LOOK_EVERY, asked.recv()).await,
            };
            self.settle().await;
            let Asked { claim, now, tell } = match next {
                Ok(Some(asked)) => asked,
                Ok(None) => return,
                Err(_) => continue,
            };
            self.ticket += 1;
            let wish = Wish { claim, now, keeper: self.node.id(), ticket: self.ticket };
            let claimed = self.claim(&wish).await;
            if let Ok(claimed) = &claimed
                && !claimed.jobs.is_empty()
            {
                self.link.news().stir(false);
                self.hints.tell(false, claimed.jobs.iter());
            }
            // Whoever has left in between is found by nobody: its jobs are given back when this node ends.
            drop(tell.send(claimed.map_err(Fault::told)));
        }
    }

    async fn claim(&mut self, wish: &Wish) -> Result<Claimed, Fault> {
        for _ in 0..TRIES_MAX {
            let fault = match claim::claim(self.link.session().await?, wish).await {
                Err(fault) => fault,
                done => return done,
            };
            // What it took before that is taken.
            let is_lost = matches!(fault, Fault::Lost(_));
            if is_lost {
                self.link.lose();
            }
            let found = self.find_again(wish).await;
            if is_lost || found.is_err() {
                self.note_lost(wish, found.as_deref().unwrap_or_default());
            }
            match (found?, fault) {
                (jobs, _) if !jobs.is_empty() => return Ok(Claimed { jobs, next_due: None }),
                (_, Fault::Again(_)) => {}
                (_, Fault::Lost(_)) => return Ok(Claimed::default()),
                (_, fault) => return Err(fault),
            }
        }
        Err(Fault::Refused("too many others were in the way".into()))
    }

    async fn find_again(&mut self, wish: &Wish) -> Result<Vec<Arc<Job>>, Fault> {
        let over = Instant::now() + LOST_MAX;
        loop {
            let found = match self.link.session().await {
                Ok(session) => claim::find_again(session, wish.keeper, wish.ticket).await,
                Err(fault) => Err(fault),
            };
            match found {
                Err(fault) if Instant::now() > over => return Err(fault),
                Err(_) => tokio::time::sleep(Duration::from_millis(200)).await,
                found => return found,
            }
        }
    }

    /// What a lost claim took may show later than it is looked for: while it waits for another server, for instance.
    fn note_lost(&mut self, wish: &Wish, told: &[Arc<Job>]) {
        let told = told.iter().map(|job| job.seq).collect();
        let lost = Lost { keeper: wish.keeper, ticket: wish.ticket, now: wish.now, told };
        self.lost.push((lost, Instant::now() + CERTAIN_AFTER));
        self.look_at = Instant::now();
    }

    /// Gives back what lost claims took and nobody was told of, and forgets them once that is certain.
    async fn settle(&mut self) {
        if self.lost.is_empty() || Instant::now() < self.look_at {
            return;
        }
        let looked_at = Instant::now();
        for (lost, certain_at) in std::mem::take(&mut self.lost) {
            let given = match self.link.session().await {
                Ok(session) => session.transaction(claim::give_back(session, &lost)).await,
                Err(fault) => Err(fault),
            };
            match given {
                Ok(0) if looked_at > certain_at => {}
                Ok(count) => {
                    if count > 0 {
                        tracing::warn!(count, "jobs were handed out whose answer was lost; they are given back");
                    }
                    self.lost.push((lost, certain_at));
                }
                Err(fault) => {
                    tracing::debug!(?fault, "what a lost claim took cannot be looked for");
                    self.lost.push((lost, certain_at));
                }
            }
        }
        self.look_at = Instant::now() + LOOK_EVERY;
    }
}
