//! The second way in, for what is written rarely: locks, states, schedules, switches, forgetting. It does not hold up the jobs. Errands
//! are done in the order in which they were asked for; those that came during the last commit share a transaction.

use tokio::sync::{mpsc, oneshot};

use super::link::{Failure, Link};
use super::place::Fault;
use super::session::{Doing, Haste, Session};
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

/// Who does them.
pub(super) struct Runner {
    link: Link,
}

impl Runner {
    pub(super) fn new(link: Link) -> Self {
        Self { link }
    }

    /// Does what comes until nobody is left who could ask.
    pub(super) async fn run_all(mut self, mut errands: mpsc::UnboundedReceiver<Box<dyn Errand>>) {
        let mut batch = Vec::new();
        while errands.recv_many(&mut batch, BATCH_MAX).await > 0 {
            self.run(std::mem::take(&mut batch), Haste::No).await;
        }
    }

    async fn run(&mut self, mut batch: Vec<Box<dyn Errand>>, haste: Haste) {
        let done = self.try_to_run(&mut batch, haste).await;
        // One of them was at fault: it must not take its neighbours along (rule 10).
        if let Err(fault) = &done
            && batch.len() > 1
            && (fault.is_of_one() || matches!(fault, Fault::Refused(_)))
        {
            let haste = if matches!(fault, Fault::Held(_)) { Haste::Yes } else { haste };
            for errand in batch {
                Box::pin(self.run(vec![errand], haste)).await;
            }
            return;
        }
        batch.into_iter().for_each(|errand| errand.tell(done.clone().map_err(Fault::told)));
    }

    async fn try_to_run(&mut self, batch: &mut [Box<dyn Errand>], haste: Haste) -> Result<(), Fault> {
        for tries in 1.. {
            let tried = run_together(self.link.session().await?, batch, haste).await;
            if let Some(done) = self.link.judge(tries, tried).await? {
                return Ok(done);
            }
        }
        Err(Fault::Refused("too many others were in the way".into()))
    }
}

async fn run_together(session: &Session, batch: &mut [Box<dyn Errand>], haste: Haste) -> Result<(), Failure<()>> {
    let all = async {
        for errand in batch {
            errand.run(session).await?;
        }
        Ok(())
    };
    session.sure(haste, all).await
}
