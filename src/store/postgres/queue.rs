//! The way in for everything that is written: it queues up in the order in which it was asked for, and one task takes what is
//! there as the next transaction. A batch is what came while the one before it was committed; there is no timer.
//!
//! Each member has its own outcome: what one of them cannot do, or not now, is tried apart from the others.

use std::sync::Arc;

use futures_util::future;
use tokio::sync::{Notify, mpsc, oneshot};

use super::admit::{Admission, Admitted};
use super::hints::Hints;
use super::kept::Kept;
use super::link::{Failure, Link};
use super::log;
use super::mark::Mark;
use super::place::Fault;
use super::room::Room;
use super::session::{Haste, Session};
use super::steps::{self, Effects};
use crate::clock::Timestamp;
use crate::job::{Job, JobId, NewJob, Transition};
use crate::store::{Committed, Group, Insert, Inserted, LogLine, StoreError};

/// Whom to tell, and what.
pub(super) type Tell<T> = oneshot::Sender<Result<T, StoreError>>;

/// Something to be written.
pub(super) enum Op {
    Insert { jobs: Vec<Insert>, group: Group, now: Timestamp, tell: Tell<Vec<Inserted>> },
    Commit { steps: Vec<Transition>, now: Timestamp, tell: Tell<Vec<Committed>> },
    Log { lines: Vec<(JobId, LogLine)>, tell: Tell<()> },
}

/// What became of it.
enum Done {
    Inserted(Vec<Inserted>),
    Committed(Vec<Committed>),
    Logged,
}

/// What a transaction came to.
struct Written {
    done: Vec<Done>,
    new_work: bool,
}

/// Ops in one transaction. More would keep their locks for long.
const BATCH_MAX: usize = 1_000;
/// Bytes of payload in one transaction, unless one op alone has more: its parameters are in memory on both sides, and a message
/// has less than 1 GiB.
const BATCH_BYTES_MAX: usize = 64 << 20;
/// Who writes.
pub(super) struct Writer {
    link: Link,
    room: Arc<Room>,
    new_work: Arc<Notify>,
    hints: Arc<Hints>,
}

impl Writer {
    pub(super) fn new(link: Link, room: Arc<Room>, new_work: Arc<Notify>, hints: Arc<Hints>) -> Self {
        Self { link, room, new_work, hints }
    }

    /// Writes what comes until nobody is left who could ask.
    pub(super) async fn write_all(mut self, mut ops: mpsc::UnboundedReceiver<Op>) {
        let mut batch = Vec::new();
        while ops.recv_many(&mut batch, BATCH_MAX).await > 0 {
            for batch in bounded(std::mem::take(&mut batch)) {
                let (calls, bytes) = (batch.len(), batch.iter().map(Op::bytes).sum());
                self.write(batch, Haste::No).await;
                self.room.leave(calls, bytes);
            }
        }
    }

    async fn write(&mut self, batch: Vec<Op>, haste: Haste) {
        match self.try_to_write(&batch, haste).await {
            Ok(written) => {
                if written.new_work {
                    self.new_work.notify_one();
                }
                self.hints.tell(written.new_work, written.done.iter().flat_map(Done::jobs));
                batch.into_iter().zip(written.done).for_each(|(op, done)| op.tell(Ok(done)));
            }
            // One of them cannot be written. It must not take its neighbours along (rule 10).
            Err(fault) if batch.len() > 1 && fault.is_of_one() => {
                // They have waited for locks together; apart they do not wait as long again.
                let haste = if matches!(fault, Fault::Held(_)) { Haste::Yes } else { haste };
                let mut first = batch;
                let second = first.split_off(first.len() / 2);
                Box::pin(self.write(first, haste)).await;
                Box::pin(self.write(second, haste)).await;
            }
            Err(fault) => {
                tracing::warn!(?fault, "a transaction was not committed");
                batch.into_iter().for_each(|op| op.tell(Err(fault.clone().told())));
            }
        }
    }

    async fn try_to_write(&mut self, batch: &[Op], haste: Haste) -> Result<Written, Fault> {
        for tries in 1.. {
            let tried = write_batch(self.link.session().await?, batch, haste).await;
            if let Some(written) = self.link.judge(tries, tried).await? {
                return Ok(written);
            }
        }
        Err(Fault::Refused("too many others were in the way".into()))
    }
}

/// The same ops, in their order, in batches that are not too heavy.
fn bounded(ops: Vec<Op>) -> Vec<Vec<Op>> {
    let mut batches = vec![Vec::new()];
    let mut bytes = 0;
    for op in ops {
        bytes += op.bytes();
        if bytes > BATCH_BYTES_MAX && batches.last().is_some_and(|batch| !batch.is_empty()) {
            batches.push(Vec::new());
            bytes = op.bytes();
        }
        if let Some(batch) = batches.last_mut() {
            batch.push(op);
        }
    }
    batches
}

async fn write_batch(session: &Session, batch: &[Op], haste: Haste) -> Result<Written, Failure<Written>> {
    Mark::prepare(session).await.map_err(Failure::Fault)?;
    let (begun, marked, written) =
        future::join3(session.begin(haste), Mark::leave(session), write_members(session, batch)).await;
    // They were asked in this order: after a fault the others only say that something was wrong before.
    let done = begun.and(marked).and_then(|mark| Ok((mark, written?)));
    let (mark, (written, kept)) = match done {
        Ok(done) => done,
        Err(fault) => {
            session.roll_back().await;
            return Err(Failure::Fault(fault));
        }
    };
    if let Err(fault) = Kept::prepare(session).await {
        session.roll_back().await;
        return Err(Failure::Fault(fault));
    }
    // Sent together: should the counts not be written, COMMIT takes all of it back.
    let (counted, committed) = future::join(kept.write(session), session.commit()).await;
    match (counted, committed) {
        (Ok(()), Ok(())) => Ok(written),
        (_, Err(Fault::Lost(_))) => Err(Failure::Unsure { mark, done: written }),
        (Err(fault), _) | (_, Err(fault)) => Err(Failure::Fault(fault)),
    }
}

/// Steps first, then new jobs, then lines of logs: each sort in the order in which it was asked for. The counts are left to be
/// written.
async fn write_members(session: &Session, batch: &[Op]) -> Result<(Written, Kept), Fault> {
    let mut effects = Effects::default();
    let asked: Vec<_> = batch.iter().flat_map(Op::steps).collect();
    let mut committed = steps::apply(session, &asked, &mut effects).await?;
    let follow_ups = follow_ups(&asked, &committed);
    let inserts = batch.iter().flat_map(Op::inserts).chain(follow_ups.iter().map(|(_, insert, now)| (insert, *now)));
    let mut admission = Admission::begin(session, inserts).await?;
    // One whose unique key is taken is left out.
    let followed: Vec<_> =
        follow_ups.iter().map(|(place, insert, now)| (*place, admission.admit(insert, *now))).collect();
    let admitted: Vec<Option<Vec<Admitted>>> = batch
        .iter()
        .map(|op| match op {
            Op::Insert { jobs, group, now, .. } => Some(admission.admit_all(jobs, *group, *now)),
            Op::Commit { .. } | Op::Log { .. } => None,
        })
        .collect();
    let logged = log::append(session, batch.iter().flat_map(Op::lines));
    let tell = |job: &Job, by: Option<&str>| session.tell(|told| told.accepted(job, by));
    let (jobs, logged) = future::join(admission.write(session, &mut effects.kept, tell), logged).await;
    let jobs = jobs?;
    logged?;
    for (place, admitted) in followed {
        if let (Committed::Applied { follow_ups, .. }, Admitted::Draft(draft)) = (&mut committed[place], admitted) {
            follow_ups.extend(jobs[draft].clone());
        }
    }
    let new_work = effects.new_work || jobs.iter().any(Option::is_some);

    let mut committed = committed.into_iter();
    let done = batch.iter().zip(admitted).map(|(op, admitted)| match op {
        Op::Insert { .. } => Done::Inserted(admitted.into_iter().flatten().map(|it| it.told(&jobs)).collect()),
        Op::Commit { steps, .. } => Done::Committed(committed.by_ref().take(steps.len()).collect()),
        Op::Log { .. } => Done::Logged,
    });
    Ok((Written { done: done.collect(), new_work }, effects.kept))
}

/// The jobs that come with steps that applied, with the places of those.
fn follow_ups(asked: &[steps::Asked<'_>], committed: &[Committed]) -> Vec<(usize, Insert, Timestamp)> {
    let applied =
        asked.iter().zip(committed).enumerate().filter(|(_, (_, answer))| matches!(answer, Committed::Applied { .. }));
    applied
        .flat_map(|(place, ((step, now), _))| {
            step.follow_ups.iter().map(move |job| (place, Insert::from(job.clone()), *now))
        })
        .collect()
}

impl Admitted {
    pub(super) fn told(self, jobs: &[Option<Arc<Job>>]) -> Inserted {
        match self {
            Self::Draft(place) => jobs[place].clone().map_or(Inserted::Withdrawn, Inserted::Accepted),
            Self::Refused(refused) => refused,
        }
    }
}

impl Done {
    /// The jobs that it made or changed.
    fn jobs(&self) -> Box<dyn Iterator<Item = &Arc<Job>> + '_> {
        match self {
            Self::Inserted(answers) => Box::new(answers.iter().filter_map(|answer| match answer {
                Inserted::Accepted(job) => Some(job),
                _ => None,
            })),
            Self::Committed(answers) => Box::new(answers.iter().flat_map(|answer| match answer {
                Committed::Applied { job, follow_ups } => std::slice::from_ref(job).iter().chain(follow_ups),
                _ => [].iter().chain(&[]),
            })),
            Self::Logged => Box::new(std::iter::empty()),
        }
    }
}

impl Op {
    fn steps(&self) -> impl Iterator<Item = steps::Asked<'_>> {
        let (steps, now) = match self {
            Self::Commit { steps, now, .. } => (&steps[..], *now),
            Self::Insert { .. } | Self::Log { .. } => (&[][..], Timestamp::default()),
        };
        steps.iter().map(move |step| (step, now))
    }

    fn inserts(&self) -> impl Iterator<Item = (&Insert, Timestamp)> + Clone {
        let (jobs, now) = match self {
            Self::Insert { jobs, now, .. } => (&jobs[..], *now),
            Self::Commit { .. } | Self::Log { .. } => (&[][..], Timestamp::default()),
        };
        jobs.iter().map(move |job| (job, now))
    }

    /// Whether it brings new jobs.
    pub(super) fn is_new(&self) -> bool {
        matches!(self, Self::Insert { .. })
    }

    /// Bytes that it brings.
    pub(super) fn bytes(&self) -> usize {
        let of_job = |job: &NewJob| job.payload.len();
        let jobs: usize = self.inserts().map(|(insert, _)| of_job(&insert.job)).sum();
        let follow_ups: usize = self.steps().flat_map(|(step, _)| &step.follow_ups).map(of_job).sum();
        jobs + follow_ups + self.lines().map(|(_, line)| line.text.len()).sum::<usize>()
    }

    fn lines(&self) -> impl Iterator<Item = &(JobId, LogLine)> + Clone {
        match self {
            Self::Log { lines, .. } => lines.iter(),
            Self::Insert { .. } | Self::Commit { .. } => [].iter(),
        }
    }

    /// Tells whoever asked. One that has left does not mind.
    fn tell(self, done: Result<Done, StoreError>) {
        match (self, done) {
            (Self::Insert { tell, .. }, Ok(Done::Inserted(answers))) => drop(tell.send(Ok(answers))),
            (Self::Commit { tell, .. }, Ok(Done::Committed(answers))) => drop(tell.send(Ok(answers))),
            (Self::Log { tell, .. }, Ok(Done::Logged)) => drop(tell.send(Ok(()))),
            (Self::Insert { tell, .. }, Err(error)) => drop(tell.send(Err(error))),
            (Self::Commit { tell, .. }, Err(error)) => drop(tell.send(Err(error))),
            (Self::Log { tell, .. }, Err(error)) => drop(tell.send(Err(error))),
            // Answers come in the order of what was asked.
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::job::Name;

    #[test]
    fn a_batch_is_not_heavier_than_may_be_unless_one_op_is() -> Result<(), Box<dyn std::error::Error>> {
        let sub_type = Name::new("work")?;
        let op = |megabytes: usize| {
            let job = NewJob::new(sub_type.clone(), vec![b'1'; megabytes << 20]);
            let (tell, _) = oneshot::channel();
            Op::Insert { jobs: vec![job.into()], group: Group::Each, now: Timestamp::default(), tell }
        };
        let sizes = |ops: Vec<Op>| bounded(ops).iter().map(Vec::len).collect::<Vec<_>>();
        assert_eq!(sizes(vec![op(30), op(30), op(30), op(80), op(1), op(1)]), [2, 1, 1, 2]);
        assert_eq!(sizes(vec![op(80)]), [1]);
        Ok(())
    }
}
