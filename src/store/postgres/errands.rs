//! The second way in, for what is written rarely and one at a time: locks, states, schedules, switches, forgetting. It does not
//! hold up the jobs. Each errand is a transaction of its own, in the order in which they were asked for.

use tokio::sync::{mpsc, oneshot};

use super::place::{Fault, Place};
use super::session::{Doing, Session};
use crate::store::StoreError;

/// Something to be done in a transaction.
pub(super) trait Errand: Send {
    /// Does it. It may be done again when nothing of it was committed.
    fn run<'a>(&'a mut self, session: &'a Session) -> Doing<'a, ()>;

    /// Tells whoever asked what became of it.
    fn tell(self: Box<Self>, committed: Result<(), StoreError>);
}

/// An errand whose answer somebody waits for.
struct Asked<T, W> {
    work: W,
    answer: Option<T>,
    tell: oneshot::Sender<Result<T, StoreError>>,
}

impl<T, W> Errand for Asked<T, W>
where
    T: Send,
    W: for<'a> Fn(&'a Session) -> Doing<'a, T> + Send,
{
    fn run<'a>(&'a mut self, session: &'a Session) -> Doing<'a, ()> {
        let work = (self.work)(session);
        let answer = &mut self.answer;
        Box::pin(async move {
            *answer = Some(session.transaction(work).await?);
            Ok(())
        })
    }

    fn tell(self: Box<Self>, committed: Result<(), StoreError>) {
        let broken = || StoreError::Broken("an errand was done without an answer".into());
        let Self { answer, tell, .. } = *self;
        // One that has left does not mind.
        drop(tell.send(committed.and_then(|()| answer.ok_or_else(broken))));
    }
}

/// The way in.
pub(super) type Errands = mpsc::UnboundedSender<Box<dyn Errand>>;

/// Asks for work to be done, and gives where its answer comes.
pub(super) fn ask<T, W>(errands: &Errands, work: W) -> oneshot::Receiver<Result<T, StoreError>>
where
    T: Send + 'static,
    W: for<'a> Fn(&'a Session) -> Doing<'a, T> + Send + 'static,
{
    let (tell, told) = oneshot::channel();
    // If nobody takes it, its teller is dropped, and that is an answer.
    drop(errands.send(Box::new(Asked { work, answer: None, tell })));
    told
}

/// Times that an errand is begun anew because others were in its way.
const TRIES_MAX: usize = 10;

/// Who does them.
pub(super) struct Runner {
    pub(super) place: Place,
    pub(super) session: Option<Session>,
}

impl Runner {
    /// Does what comes until nobody is left who could ask.
    pub(super) async fn run_all(mut self, mut errands: mpsc::UnboundedReceiver<Box<dyn Errand>>) {
        while let Some(mut errand) = errands.recv().await {
            let done = self.run(&mut *errand).await;
            errand.tell(done.map_err(Fault::told));
        }
    }

    async fn run(&mut self, errand: &mut dyn Errand) -> Result<(), Fault> {
        for _ in 1..TRIES_MAX {
            match errand.run(self.session().await?).await {
                Err(Fault::Again(_)) => {}
                done => return done,
            }
        }
        errand.run(self.session().await?).await
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
