//! What a transaction tells. It is gathered while the transaction goes on and is the last that it writes: one row a commit, however
//! many events, with a number drawn under all of its locks.

use futures_util::future;
use tokio_postgres::types::Type;

use super::place::Fault;
use super::session::{Asks, Session};
use crate::event::batch::{Batch, Written};
use crate::event::tell::{self, Before};
use crate::event::{Event, Kind};
use crate::job::{Emitted, Job, Transition};

/// Events to be written.
#[derive(Default)]
pub(super) struct Told {
    full: Vec<Written>,
    batch: Batch,
    /// Whether any of them calls somebody back.
    calls: bool,
}

const WRITE: &str = "INSERT INTO faena.event_batch (first_at, last_at, min_seq, max_seq, about, count, calls, events) \
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";

impl Told {
    pub(super) fn is_empty(&self) -> bool {
        self.full.is_empty() && self.batch.is_empty()
    }

    /// Whether any of them calls somebody back.
    pub(super) fn calls(&self) -> bool {
        self.calls
    }

    /// A job was accepted, because `by` asked for it.
    pub(super) fn accepted(&mut self, job: &Job, by: Option<&str>) {
        self.job(&[Kind::JobQueued], Before::Nothing, job, by);
    }

    /// A step of a job applied that left it like this.
    pub(super) fn step(&mut self, before: Before, after: &Job, step: &Transition) {
        if step.next.revision != step.expects {
            self.job(tell::kinds(before, after), before, after, step.by.as_deref());
        }
        let user = after.spec.user_id.as_deref();
        step.told.iter().for_each(|told| self.emitted(told, user));
    }

    /// Something else happened, to what is this user's if it is anybody's.
    pub(super) fn event(&mut self, event: &Event, user: Option<&str>) {
        self.make_room();
        self.batch.add(event, user);
    }

    /// What an application tells. It was looked at when it was handed over.
    fn emitted(&mut self, told: &Emitted, user: Option<&str>) {
        match Event::try_from(told.clone()) {
            Ok(event) => self.event(&event, user),
            Err(reason) => tracing::error!(%reason, "what a processor tells is no event"),
        }
    }

    fn job(&mut self, kinds: &[Kind], before: Before, after: &Job, by: Option<&str>) {
        self.make_room();
        self.calls |= tell::calls_back(kinds, after);
        self.batch.add_job(kinds, after, tell::moment(before, after), by);
    }

    fn make_room(&mut self) {
        if self.batch.is_full() {
            self.full.extend(std::mem::take(&mut self.batch).written());
        }
    }

    /// Makes sure that [`write`](Self::write) leaves at once.
    pub(super) async fn prepare(session: &Session) -> Result<(), Fault> {
        use Type as T;
        session.prepare(WRITE, &[T::INT8, T::INT8, T::INT8, T::INT8, T::INT8_ARRAY, T::INT4, T::BOOL, T::BYTEA]).await
    }

    /// Writes it, within the transaction of the caller. What takes locks comes before.
    pub(super) async fn write(mut self, session: &impl Asks) -> Result<(), Fault> {
        self.full.extend(self.batch.written());
        future::try_join_all(self.full.iter().map(|batch| write(session, batch, self.calls))).await.map(drop)
    }
}

async fn write(session: &impl Asks, batch: &Written, calls: bool) -> Result<(), Fault> {
    let (first, last, count) = (batch.first_at.as_millis(), batch.last_at.as_millis(), batch.told as i32);
    let seqs = batch.seqs.as_ref().map(|seqs| (*seqs.start() as i64, *seqs.end() as i64));
    let (lowest, highest) = seqs.unzip();
    let about: Vec<i64> = batch.others.iter().map(|about| about.cast_signed()).collect();
    let about = Some(about).filter(|about| !about.is_empty());
    let params = [
        (&first as _, Type::INT8),
        (&last as _, Type::INT8),
        (&lowest as _, Type::INT8),
        (&highest as _, Type::INT8),
        (&about as _, Type::INT8_ARRAY),
        (&count as _, Type::INT4),
        (&calls as _, Type::BOOL),
        (&batch.events as _, Type::BYTEA),
    ];
    session.query(WRITE, &params).await.map(drop)
}
