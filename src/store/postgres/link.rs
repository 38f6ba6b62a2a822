//! A connection of one's own, made anew when it is lost, and what follows from a transaction on it: should the connection be lost
//! while a transaction is committed, the server is asked what became of it before anybody is told anything.

use tokio::time::{Duration, Instant};

use super::mark::Mark;
use super::place::{Fault, Place};
use super::sequencer::News;
use super::session::Session;

/// A connection that is there whenever the database is.
pub(super) struct Link {
    place: Place,
    session: Option<Session>,
}

/// Why a transaction has no answer yet.
pub(super) enum Failure<T> {
    /// Nothing was committed.
    Fault(Fault),
    /// Nobody knows: its mark, and what the answer would be.
    Unsure { mark: Mark, done: T },
}

/// Times that a transaction is begun anew because others were in its way.
const TRIES_MAX: u32 = 10;
/// Times that it is begun anew on another connection because one was lost before it was committed.
const LOST_MAX: u32 = 3;
/// Time in which the outcome of a lost commit is found out, or its members are told that it is not known.
const UNSURE_MAX: Duration = Duration::from_secs(20);

impl Link {
    /// One that is there, or is made when it is needed first.
    pub(super) fn new(place: Place, session: Option<Session>) -> Self {
        Self { place, session }
    }

    /// The connection.
    pub(super) async fn session(&mut self) -> Result<&Session, Fault> {
        if self.session.as_ref().is_some_and(Session::is_closed) {
            self.session = None;
        }
        match &mut self.session {
            Some(session) => Ok(session),
            none => Ok(none.insert(Session::open(&self.place).await?)),
        }
    }

    /// Where news of the event log are given.
    pub(super) fn news(&self) -> &News {
        &self.place.news
    }

    /// Takes the next one for whatever is asked from now on.
    pub(super) fn lose(&mut self) {
        self.session = None;
    }

    /// What follows from a transaction that was tried so many times: its answer, or nothing when it is to be tried again.
    pub(super) async fn judge<T>(&mut self, tries: u32, tried: Result<T, Failure<T>>) -> Result<Option<T>, Fault> {
        match tried {
            Ok(done) => Ok(Some(done)),
            Err(Failure::Fault(Fault::Again(_))) if tries < TRIES_MAX => Ok(None),
            // Nothing was committed: the server takes back what a lost connection had begun.
            Err(Failure::Fault(Fault::Lost(text))) => {
                self.lose();
                if tries < LOST_MAX { Ok(None) } else { Err(Fault::Lost(text)) }
            }
            Err(Failure::Fault(fault)) => Err(fault),
            Err(Failure::Unsure { mark, done }) => {
                self.lose();
                Ok(self.was_committed(&mark).await?.then_some(done))
            }
        }
    }

    /// Whether a transaction was committed whose answer was lost.
    async fn was_committed(&mut self, mark: &Mark) -> Result<bool, Fault> {
        let over = Instant::now() + UNSURE_MAX;
        loop {
            let found = match self.session().await {
                Ok(session) => mark.was_committed(session).await,
                Err(fault) => Err(fault),
            };
            match found {
                Ok(Some(was_committed)) => return Ok(was_committed),
                _ if Instant::now() > over => {
                    return Err(Fault::Lost("the database was lost during a commit whose outcome is not known".into()));
                }
                _ => tokio::time::sleep(Duration::from_millis(200)).await,
            }
        }
    }
}
