//! Reading the events of a commit: a glance at each for whoever wants few of them, and the event as a whole.

use std::borrow::Cow;
use std::sync::Arc;

use super::batch::{AS_IT_IS, FORM, mark};
use super::bytes::{Place, Reader, Unreadable};
use super::job_told::{By, ErrorTold, JobTold, own_result};
use super::{Aggregate, Event, EventType, Kind, tell};
use crate::clock::Timestamp;
use crate::job::{JobId, Outcome, Priority, Status};

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
#[expect(clippy::large_enum_variant, reason = "one is made at a time, and most are of the large sort")]
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
        true => Some(Cow::Owned(own_result(job_id))),
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
