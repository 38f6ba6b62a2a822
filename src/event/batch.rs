//! The events of one commit as bytes, as every engine keeps them: compact, since most work is written and never read, and whole by
//! themselves, since a job may be forgotten before its events are. JSON is made of them when somebody reads.
//!
//! The first byte is the form. Then follow the events, each relative to the one before it: the same texts take a byte, near moments
//! one or two. Words stand as their places in their vocabularies, so new words go to the end there.

use std::borrow::Cow;
use std::ops::RangeInclusive;
use std::sync::Arc;

use super::bytes::{Place, Reader, Writer};
use super::job_told::{By, ErrorTold, JobTold};
use super::{Aggregate, Event, EventType, Kind, tell};
use crate::clock::Timestamp;
use crate::job::{Job, JobId, Outcome, Priority, Status};

pub use super::bytes::Unreadable;

/// The form that is written.
const FORM: u8 = 1;
/// Marks an event whose payload is written as it is; smaller numbers are types of what a job tells.
const AS_IT_IS: u8 = 0x40;
/// Events that one batch may have.
pub const BATCH_EVENTS_MAX: usize = 4_096;

/// Marks of an event of a job.
mod mark {
    pub(super) const SAME_JOB: u8 = 1;
    pub(super) const STARTED: u8 = 1 << 1;
    pub(super) const COMPLETED: u8 = 1 << 2;
    pub(super) const RUN_AT: u8 = 1 << 3;
    pub(super) const HELD: u8 = 1 << 4;
    pub(super) const TAGS: u8 = 1 << 5;
    /// The result stands at the job's own address.
    pub(super) const OWN_RESULT: u8 = 1 << 6;
}

/// Events to write.
#[derive(Debug, Default)]
pub struct Batch {
    writer: Writer,
    told: usize,
    moments: Option<(Timestamp, Timestamp)>,
    seqs: Option<(u64, u64)>,
    others: Vec<u64>,
    last_at: i64,
    last_job: Option<JobId>,
}

/// A batch as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    /// The events.
    pub events: Vec<u8>,
    /// How many.
    pub told: usize,
    /// The earliest of their moments.
    pub first_at: Timestamp,
    /// The latest.
    pub last_at: Timestamp,
    /// The jobs among their aggregates are in this range of sequence numbers; none when there are none.
    pub seqs: Option<RangeInclusive<u64>>,
    /// The [digests](Aggregate::digest) of the aggregates that are no jobs, in order and each once.
    pub others: Vec<u64>,
}

impl Batch {
    /// Whether it has no event yet.
    pub fn is_empty(&self) -> bool {
        self.told == 0
    }

    /// Whether it has as many as it may have: then it is to be written, and another one begun.
    pub fn is_full(&self) -> bool {
        self.told >= BATCH_EVENTS_MAX
    }

    /// Adds what a step told that left a job like this: an event of each of these types, at that moment. `by` asked for the step.
    pub fn add_job(&mut self, kinds: &[Kind], after: &Job, at: Timestamp, by: Option<&str>) {
        for kind in kinds {
            self.begin(at);
            let told = JobTold::of(*kind, after, by);
            self.job(*kind, after.life.revision, &told, at.as_millis(), after.spec.callback_url());
            let (first, last) = self.seqs.unwrap_or((after.seq, after.seq));
            self.seqs = Some((first.min(after.seq), last.max(after.seq)));
        }
    }

    /// Adds an event as it is, and whose it is, if it is anybody's.
    pub fn add(&mut self, event: &Event, user: Option<&str>) {
        self.begin(event.occurred_at);
        let writer = &mut self.writer;
        writer.byte(AS_IT_IS);
        writer.span(self.last_at, event.occurred_at.as_millis());
        self.last_at = event.occurred_at.as_millis();
        for (place, text) in [
            (Place::Id, event.id.as_str()),
            (Place::Type, event.kind.as_str()),
            (Place::Sort, &*event.aggregate.sort),
            (Place::Of, &*event.aggregate.id),
            (Place::Payload, &*event.payload),
        ] {
            writer.text(place, Some(text));
        }
        writer.text(Place::User, user);
        self.others.push(event.aggregate.digest());
    }

    /// The batch as it is to be kept; none when it is empty.
    pub fn written(mut self) -> Option<Written> {
        let (first_at, last_at) = self.moments?;
        self.others.sort_unstable();
        self.others.dedup();
        let seqs = self.seqs.map(|(first, last)| first..=last);
        Some(Written { events: self.writer.bytes, told: self.told, first_at, last_at, seqs, others: self.others })
    }

    fn begin(&mut self, at: Timestamp) {
        if self.told == 0 {
            self.writer.byte(FORM);
        }
        self.told += 1;
        let (first, last) = self.moments.unwrap_or((at, at));
        self.moments = Some((first.min(at), last.max(at)));
    }

    fn job(&mut self, kind: Kind, revision: u32, told: &JobTold<'_>, at: i64, callback: Option<&str>) {
        let has_own_result = matches!(told.result_url, Some(Cow::Owned(_)));
        let marks = [
            (mark::SAME_JOB, self.last_job == Some(told.job_id)),
            (mark::STARTED, told.started_at.is_some()),
            (mark::COMPLETED, told.completed_at.is_some()),
            (mark::RUN_AT, told.run_at.is_some()),
            (mark::HELD, told.machine_name.is_some()),
            (mark::TAGS, !told.tags.is_empty()),
            (mark::OWN_RESULT, has_own_result),
        ];
        let writer = &mut self.writer;
        writer.byte(kind as u8);
        writer.byte(marks.iter().filter(|(_, is_set)| *is_set).fold(0, |marks, (mark, _)| marks | mark));
        if self.last_job != Some(told.job_id) {
            writer.bytes.extend_from_slice(told.job_id.as_bytes());
        }
        writer.number(u64::from(revision));
        writer.span(self.last_at, at);
        writer.span(at, told.created_at.as_millis());
        for moment in [told.started_at, told.completed_at, told.run_at].into_iter().flatten() {
            writer.span(at, moment.as_millis());
        }
        writer.byte(told.status as u8 | (told.priority as u8) << 4);
        writer.byte(told.outcome.map_or(0, |outcome| outcome as u8 + 1));
        writer.byte(told.progress);
        writer.number(u64::from(told.attempt));
        writer.number(u64::from(told.max_attempts));
        writer.text(Place::Type, Some(told.r#type));
        writer.text(Place::SubType, Some(told.sub_type));
        writer.text(Place::User, told.user_id);
        writer.text(Place::Schedule, told.schedule_id);
        writer.text(Place::Callback, callback);
        writer.text(Place::Result, told.result_url.as_deref().filter(|_| !has_own_result));
        writer.text(Place::ErrorKind, told.error.map(|error| error.kind));
        if let Some(error) = told.error {
            writer.text(Place::ErrorMessage, Some(error.message));
        }
        if let Some(machine) = told.machine_name {
            writer.text(Place::Machine, Some(machine));
            writer.number(u64::from(told.process_id.unwrap_or_default()));
        }
        if !told.tags.is_empty() {
            writer.number(told.tags.len() as u64);
            told.tags.iter().for_each(|tag| writer.text(Place::Tag, Some(tag)));
        }
        match told.by {
            None => writer.byte(0),
            Some(By::Named(who)) => {
                writer.byte(1);
                writer.text(Place::By, Some(who));
            }
            Some(By::Schedule(_)) => writer.byte(2),
            Some(By::Worker(id)) => {
                writer.byte(3);
                writer.text(Place::Worker, Some(id));
            }
            Some(By::Node { .. }) => writer.byte(4),
        }
        self.last_at = at;
        self.last_job = Some(told.job_id);
    }
}

/// An event, and what is known of it besides what it tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// It.
    pub event: Event,
    /// Whose it is, if it is anybody's: a key of another user finds nothing of it.
    pub user: Option<Arc<str>>,
    /// Who is told of the end of its job besides, if somebody is.
    pub callback: Option<Arc<str>>,
}

/// An event as it stands in the bytes, for whoever may not want it.
#[derive(Debug)]
pub struct Glance<'a>(Inner<'a>);

#[derive(Debug)]
enum Inner<'a> {
    Job {
        kind: Kind,
        revision: u32,
        at: Timestamp,
        told: JobTold<'a>,
        callback: Option<&'a str>,
    },
    AsItIs {
        id: &'a str,
        kind: &'a str,
        at: Timestamp,
        sort: &'a str,
        of: &'a str,
        payload: &'a str,
        user: Option<&'a str>,
    },
}

impl Glance<'_> {
    /// Its type.
    pub fn kind(&self) -> &str {
        match &self.0 {
            Inner::Job { kind, .. } => kind.as_str(),
            Inner::AsItIs { kind, .. } => kind,
        }
    }

    /// When.
    pub fn at(&self) -> Timestamp {
        match &self.0 {
            Inner::Job { at, .. } | Inner::AsItIs { at, .. } => *at,
        }
    }

    /// Whose it is, if it is anybody's.
    pub fn user(&self) -> Option<&str> {
        match &self.0 {
            Inner::Job { told, .. } => told.user_id,
            Inner::AsItIs { user, .. } => *user,
        }
    }

    /// The sort of its aggregate.
    pub fn sort(&self) -> &str {
        match &self.0 {
            Inner::Job { .. } => "job",
            Inner::AsItIs { sort, .. } => sort,
        }
    }

    /// Whether its aggregate has this id; one of a job is written as `JobId` is.
    pub fn is_of(&self, id: &str) -> bool {
        match &self.0 {
            Inner::Job { told, .. } => id.parse() == Ok(told.job_id),
            Inner::AsItIs { of, .. } => *of == id,
        }
    }

    /// The event as a whole.
    ///
    /// # Errors
    /// [`Unreadable`] when its texts are none of an event.
    pub fn entry(&self) -> Result<Entry, Unreadable> {
        match &self.0 {
            Inner::Job { kind, revision, at, told, callback } => Ok(Entry {
                event: tell::of_told(*kind, *revision, told, *at),
                user: told.user_id.map(Into::into),
                callback: callback.map(Into::into),
            }),
            Inner::AsItIs { id, kind, at, sort, of, payload, user } => {
                let event = Event {
                    id: id.parse().map_err(|_| Unreadable)?,
                    kind: EventType::new(kind).map_err(|_| Unreadable)?,
                    aggregate: Aggregate { sort: (*sort).into(), id: (*of).into() },
                    payload: (*payload).into(),
                    occurred_at: *at,
                };
                Ok(Entry { event, user: user.map(Into::into), callback: None })
            }
        }
    }
}

/// Goes through the events of a batch, in order. After one that is unreadable there is no further one.
pub fn glances(bytes: &[u8]) -> impl Iterator<Item = Result<Glance<'_>, Unreadable>> {
    let mut reader = Reader::of(bytes);
    let mut is_over = false;
    let mut is_known = None;
    let (mut last_at, mut last_job) = (0, None);
    std::iter::from_fn(move || {
        if is_over {
            return None;
        }
        let is_readable = *is_known.get_or_insert_with(|| reader.byte() == Ok(FORM));
        if is_readable && reader.is_at_end() {
            return None;
        }
        let glance = if is_readable { glance(&mut reader, &mut last_at, &mut last_job) } else { Err(Unreadable) };
        is_over = glance.is_err();
        Some(glance)
    })
}

/// All events of a batch.
///
/// # Errors
/// [`Unreadable`] when one of them is.
pub fn read(bytes: &[u8]) -> Result<Vec<Entry>, Unreadable> {
    glances(bytes).map(|glance| glance?.entry()).collect()
}

fn glance<'a>(
    reader: &mut Reader<'a>,
    last_at: &mut i64,
    last_job: &mut Option<JobId>,
) -> Result<Glance<'a>, Unreadable> {
    match reader.byte()? {
        AS_IT_IS => {
            *last_at = reader.span(*last_at)?;
            Ok(Glance(Inner::AsItIs {
                at: Timestamp::from_millis(*last_at),
                id: reader.some_text(Place::Id)?,
                kind: reader.some_text(Place::Type)?,
                sort: reader.some_text(Place::Sort)?,
                of: reader.some_text(Place::Of)?,
                payload: reader.some_text(Place::Payload)?,
                user: reader.text(Place::User)?,
            }))
        }
        kind => {
            let kind = *Kind::ALL.get(usize::from(kind)).ok_or(Unreadable)?;
            let marks = reader.byte()?;
            let job_id = match (marks & mark::SAME_JOB != 0, &*last_job) {
                (true, Some(job)) => *job,
                (true, None) => return Err(Unreadable),
                (false, _) => JobId::from_bytes(reader.take(16)?.try_into().map_err(|_| Unreadable)?),
            };
            *last_job = Some(job_id);
            let revision = reader.number_u32()?;
            *last_at = reader.span(*last_at)?;
            let (told, callback) = job_told(reader, job_id, marks, *last_at)?;
            let at = Timestamp::from_millis(*last_at);
            Ok(Glance(Inner::Job { kind, revision, at, told: told.with_reason(kind), callback }))
        }
    }
}

fn job_told<'a>(
    reader: &mut Reader<'a>,
    job_id: JobId,
    marks: u8,
    at: i64,
) -> Result<(JobTold<'a>, Option<&'a str>), Unreadable> {
    let moment = |reader: &mut Reader<'a>| reader.span(at).map(Timestamp::from_millis);
    let moment_if = |reader: &mut Reader<'a>, mark| (marks & mark != 0).then(|| moment(reader)).transpose();
    let created_at = moment(reader)?;
    let started_at = moment_if(reader, mark::STARTED)?;
    let completed_at = moment_if(reader, mark::COMPLETED)?;
    let run_at = moment_if(reader, mark::RUN_AT)?;
    let words = reader.byte()?;
    let status = *Status::ALL.get(usize::from(words & 0xF)).ok_or(Unreadable)?;
    let priority = *Priority::ALL.get(usize::from(words >> 4)).ok_or(Unreadable)?;
    let outcome = match reader.byte()? {
        0 => None,
        outcome => Some(*Outcome::ALL.get(usize::from(outcome) - 1).ok_or(Unreadable)?),
    };
    let progress = reader.byte()?;
    let (attempt, max_attempts) = (reader.number_u32()?, reader.number_u32()?);
    let (kind, sub_type) = (reader.some_text(Place::Type)?, reader.some_text(Place::SubType)?);
    let (user_id, schedule_id) = (reader.text(Place::User)?, reader.text(Place::Schedule)?);
    let callback = reader.text(Place::Callback)?;
    let result = reader.text(Place::Result)?;
    let result_url = match marks & mark::OWN_RESULT != 0 {
        true => Some(Cow::Owned(super::job_told::own_result(job_id))),
        false => result.map(Cow::Borrowed),
    };
    let error_kind = reader.text(Place::ErrorKind)?;
    let error = match error_kind {
        Some(kind) => Some(ErrorTold { kind, message: reader.some_text(Place::ErrorMessage)? }),
        None => None,
    };
    let mut holder = None;
    if marks & mark::HELD != 0 {
        holder = Some((reader.some_text(Place::Machine)?, reader.number_u32()?));
    }
    let tags = if marks & mark::TAGS != 0 { reader.number()? } else { 0 };
    let tags = (0..tags).map(|_| reader.some_text(Place::Tag)).collect::<Result<_, _>>()?;
    let by = match reader.byte()? {
        0 => None,
        1 => Some(By::Named(reader.some_text(Place::By)?)),
        2 => Some(By::Schedule(schedule_id.ok_or(Unreadable)?)),
        3 => Some(By::Worker(reader.some_text(Place::Worker)?)),
        4 => holder.map(|(machine, process)| By::Node { machine, process }),
        _ => return Err(Unreadable),
    };
    let told = JobTold {
        job_id,
        status,
        r#type: kind,
        sub_type,
        priority,
        progress,
        created_at,
        started_at,
        completed_at,
        run_at,
        result_url,
        error,
        outcome,
        attempt,
        max_attempts,
        user_id,
        tags,
        schedule_id,
        duration_ms: completed_at.and_then(|end| Some(end.millis_since(started_at?))),
        machine_name: holder.map(|(machine, _)| machine),
        process_id: holder.map(|(_, process)| process),
        by,
        reason: None,
    };
    Ok((told, callback))
}
