//! The events of one commit as bytes, as every engine keeps them: compact, since most work is written and never read, and whole by
//! themselves, since a job may be forgotten before its events are. JSON is made of them when somebody reads.
//!
//! The first byte is the form. Then follow the events, each relative to the one before it: the same texts take a byte, near moments
//! one or two. Words stand as their places in their vocabularies, so new words go to the end there.

use std::borrow::Cow;
use std::ops::RangeInclusive;

use super::bytes::{Place, Writer};
use super::job_told::{By, JobTold};
use super::{Event, Kind};
use crate::clock::Timestamp;
use crate::job::{Job, JobId};

pub use super::bytes::Unreadable;
pub use super::glance::{Entry, Glance, glances, read};

/// The form that is written.
pub(super) const FORM: u8 = 1;
/// Marks an event whose payload is written as it is; smaller numbers are types of what a job tells.
pub(super) const AS_IT_IS: u8 = 0x40;
/// Events that one batch may have.
pub const BATCH_EVENTS_MAX: usize = 4_096;

/// Marks of an event of a job.
pub(super) mod mark {
    pub(in crate::event) const SAME_JOB: u8 = 1;
    pub(in crate::event) const STARTED: u8 = 1 << 1;
    pub(in crate::event) const COMPLETED: u8 = 1 << 2;
    pub(in crate::event) const RUN_AT: u8 = 1 << 3;
    pub(in crate::event) const HELD: u8 = 1 << 4;
    pub(in crate::event) const TAGS: u8 = 1 << 5;
    /// The result stands at the job's own address.
    pub(in crate::event) const OWN_RESULT: u8 = 1 << 6;
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
    /// The [digests](super::Aggregate::digest) of the aggregates that are no jobs, in order and each once.
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
