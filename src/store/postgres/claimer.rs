//! The only one of a node who claims. Should the answer of a claim be lost, its jobs are found again by their ticket: nobody else
//! would work on them.

use std::sync::Arc;

use tokio::sync::mpsc;
use tokio::time::{Duration, Instant};

use super::claim::{self, Wish};
use super::hints::Hints;
use super::node::Node;
use super::place::{Fault, Place};
use super::queue::Tell;
use super::session::Session;
use crate::clock::Timestamp;
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

/// Who claims.
pub(super) struct Claimer {
    place: Place,
    session: Option<Session>,
    node: Arc<Node>,
    hints: Arc<Hints>,
    ticket: i64,
}

impl Claimer {
    pub(super) fn new(place: Place, session: Session, node: Arc<Node>, hints: Arc<Hints>) -> Self {
        Self { place, session: Some(session), node, hints, ticket: 0 }
    }

    /// Claims for whoever asks, until nobody is left who could.
    pub(super) async fn claim_all(mut self, mut asked: mpsc::UnboundedReceiver<Asked>) {
        while let Some(Asked { claim, now, tell }) = asked.recv().await {
            self.ticket += 1;
            let wish = Wish { claim, now, keeper: self.node.id(), ticket: self.ticket };
            let claimed = self.claim(&wish).await;
            if let Ok(claimed) = &claimed
                && !claimed.jobs.is_empty()
            {
                self.hints.tell(false, claimed.jobs.iter());
            }
            // Whoever has left in between is found by nobody: its jobs are given back when this node ends.
            drop(tell.send(claimed.map_err(Fault::told)));
        }
    }

    async fn claim(&mut self, wish: &Wish) -> Result<Claimed, Fault> {
        for _ in 0..TRIES_MAX {
            match claim::claim(self.session().await?, wish).await {
                Err(Fault::Again(_)) => {}
                Err(Fault::Lost(_)) => {
                    self.session = None;
                    let jobs = self.find_again(wish).await?;
                    return Ok(Claimed { jobs, next_due: None });
                }
                done => return done,
            }
        }
        Err(Fault::Refused("too many others were in the way".into()))
    }

    async fn find_again(&mut self, wish: &Wish) -> Result<Vec<Arc<crate::job::Job>>, Fault> {
        let over = Instant::now() + LOST_MAX;
        loop {
            let found = match self.session().await {
                Ok(session) => claim::find_again(session, wish).await,
                Err(fault) => Err(fault),
            };
            match found {
                Err(fault) if Instant::now() > over => return Err(fault),
                Err(_) => tokio::time::sleep(Duration::from_millis(200)).await,
                found => return found,
            }
        }
    }

    async fn session(&mut self) -> Result<&Session, Fault> {
        if self.session.as_ref().is_some_and(Session::is_closed) {
            self.session = None;
        }
        match &mut self.session {
            Some(session) => Ok(session),
            none => Ok(none.insert(Session::open(&self.place).await?)),
        }
    }
}
