//! The second way in, for what is written rarely: locks, states, schedules, switches, forgetting. It does not hold up the jobs. Errands
//! are done in the order in which they were asked for; those that came during the last commit share a transaction.

use tokio::sync::{mpsc, oneshot};

use super::place::{Fault, Place};
use super::session::{Doing, Session};
use crate::store::StoreError;

/// Something to be done in a transaction.
pub(super) trait Errand: Send {
    /// Does it, in the transaction of the caller. It may be done again when nothing of it was committed.
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
            *answer = Some(work.await?);
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

/// Errands in one transaction.
const BATCH_MAX: usize = 64;
/// Times that they are begun anew because others were in their way.
const TRIES_MAX: usize = 10;

/// Who does them.
pub(super) struct Runner {
    pub(super) place: Place,
    pub(super) session: Option<Session>,
}

impl Runner {
    /// Does what comes until nobody is left who could ask.
    pub(super) async fn run_all(mut self, mut errands: mpsc::UnboundedReceiver<Box<dyn Errand>>) {
        let mut batch = Vec::new();
        while errands.recv_many(&mut batch, BATCH_MAX).await > 0 {
            self.run(std::mem::take(&mut batch)).await;
        }
    }

    async fn run(&mut self, mut batch: Vec<Box<dyn Errand>>) {
        let done = self.try_to_run(&mut batch).await;
        // One of them was at fault: it must not take its neighbours along (rule 10).
        if batch.len() > 1 && matches!(done, Err(Fault::Unfit(_) | Fault::Broken(_) | Fault::Refused(_))) {
            for errand in batch {
                Box::pin(self.run(vec![errand])).await;
            }
            return;
        }
        batch.into_iter().for_each(|errand| errand.tell(done.clone().map_err(Fault::told)));
    }

    async fn try_to_run(&mut self, batch: &mut [Box<dyn Errand>]) -> Result<(), Fault> {
        for _ in 1..TRIES_MAX {
            match run_together(self.session().await?, batch).await {
                Err(Fault::Again(_)) => {}
                done => return done,
            }
        }
        run_together(self.session().await?, batch).await
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

async fn run_together(session: &Session, batch: &mut [Box<dyn Errand>]) -> Result<(), Fault> {
    let all = async {
        for errand in batch {
            errand.run(session).await?;
        }
        Ok(())
    };
    session.transaction(all).await
}
