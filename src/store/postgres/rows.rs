//! A job as a row, and a row as a job.
//!
//! A claim notes only who took the job and when. What the running job looks like follows from that and from the life
//! before it, by the same [`decide`] that every engine asks.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio_postgres::Row;
use uuid::Uuid;

use super::place::Fault;
use crate::clock::Timestamp;
use crate::job::{Event, Holder, Job, JobId, Life, Name, Payload, Priority, Progress, Spec, State, Status, decide};
use crate::limits;

/// A question for jobs that live, with what `Reader::live` wants of them.
macro_rules! live {
    ($rest:literal) => {
        concat!(
            "SELECT seq, id, created_at, spec, life, state, run_at, started_at, leased, lease_until, holder, progress \
             FROM faena.live ",
            $rest
        )
    };
}
/// A question for jobs that have ended, with what `Reader::ended` wants of them.
macro_rules! ended {
    ($rest:literal) => {
        concat!("SELECT seq, id, created_at, spec, life FROM faena.history ", $rest)
    };
}
pub(super) use {ended, live};

/// How a job stands in the column `state`.
pub(super) const WAITS: i16 = 0;
pub(super) const GATED: i16 = 1;
pub(super) const RUNS: i16 = 2;
/// Stands for those that have ended, where both sorts of rows come together.
pub(super) const ENDED: i16 = 3;

/// Reads rows, and lets the names in them share their allocations. Jobs in crowds are much alike: what is written as in the
/// row before is not read again.
#[derive(Default)]
pub(super) struct Reader {
    names: HashSet<Name>,
    spec: Option<(Box<str>, Arc<Spec>)>,
    holder: Option<(Box<str>, Holder)>,
}

impl Reader {
    /// The job in a row of `live!`.
    pub(super) fn live(&mut self, row: &Row) -> Result<Job, Fault> {
        let life = match row.try_get::<_, Option<&str>>("life")? {
            Some(text) => serde_json::from_str(text).map_err(|error| unreadable(row, &error))?,
            None => fresh(row.try_get("run_at")?),
        };
        let mut job = self.with_life(row, life)?;
        if row.try_get::<_, i16>("state")? != RUNS {
            return Ok(job);
        }
        let lease_until = row.try_get::<_, Option<i64>>("lease_until")?.map(Timestamp::from_millis);
        let lease_until = lease_until.filter(|_| row.try_get("leased").unwrap_or(false));
        if !matches!(job.life.state, State::Running(_)) {
            let holder = self.holder(row)?;
            let started_at = Timestamp::from_millis(row.try_get::<_, Option<i64>>("started_at")?.unwrap_or_default());
            let claimed = decide(&job, Event::Claimed { holder, lease_until }, started_at);
            job.life = claimed.map_err(|refusal| unreadable(row, &refusal))?.next;
        }
        if let State::Running(run) = &mut job.life.state
            && run.lease_until != lease_until
        {
            Arc::make_mut(run).lease_until = lease_until;
        }
        if let Some(text) = row.try_get::<_, Option<&str>>("progress")? {
            let reported: Progress = serde_json::from_str(text).map_err(|error| unreadable(row, &error))?;
            if reported.at() >= job.life.progress.at() {
                job.life.progress = reported;
            }
        }
        Ok(job)
    }

    /// The job in a row that may be of either sort: one that has ended says so by its state.
    pub(super) fn any(&mut self, row: &Row) -> Result<Job, Fault> {
        if row.try_get::<_, i16>("state")? == ENDED { self.ended(row) } else { self.live(row) }
    }

    /// The job in a row of `ended!`.
    pub(super) fn ended(&mut self, row: &Row) -> Result<Job, Fault> {
        let life: &str = row.try_get("life")?;
        let life = serde_json::from_str(life).map_err(|error| unreadable(row, &error))?;
        self.with_life(row, life)
    }

    /// The job in a row with `seq, id, created_at, spec`, and this life.
    pub(super) fn with_life(&mut self, row: &Row, life: Life) -> Result<Job, Fault> {
        let spec = self.spec(row)?;
        Ok(Job {
            id: job_id(row.try_get("id")?),
            seq: row.try_get::<_, i64>("seq")? as u64,
            created_at: Timestamp::from_millis(row.try_get("created_at")?),
            spec,
            payload: Payload::Stored,
            life,
        })
    }

    fn spec(&mut self, row: &Row) -> Result<Arc<Spec>, Fault> {
        let text: &str = row.try_get("spec")?;
        if let Some((_, spec)) = self.spec.as_ref().filter(|(before, _)| **before == *text) {
            return Ok(spec.clone());
        }
        let mut spec: Spec = serde_json::from_str(text).map_err(|error| unreadable(row, &error))?;
        spec.kind = self.share(spec.kind);
        spec.sub_type = self.share(spec.sub_type);
        let spec = Arc::new(spec);
        self.spec = Some((text.into(), spec.clone()));
        Ok(spec)
    }

    fn holder(&mut self, row: &Row) -> Result<Holder, Fault> {
        let text = row.try_get::<_, Option<&str>>("holder")?.unwrap_or_default();
        if let Some((_, holder)) = self.holder.as_ref().filter(|(before, _)| **before == *text) {
            return Ok(holder.clone());
        }
        let holder: Holder = serde_json::from_str(text).map_err(|error| unreadable(row, &error))?;
        self.holder = Some((text.into(), holder.clone()));
        Ok(holder)
    }

    fn share(&mut self, name: Name) -> Name {
        match self.names.get(&name) {
            Some(known) => known.clone(),
            None => {
                self.names.insert(name.clone());
                name
            }
        }
    }
}

/// The same job with the payload of the row.
pub(super) fn with_payload(job: Job, row: &Row) -> Result<Job, Fault> {
    let payload: &[u8] = row.try_get("payload")?;
    Ok(Job { payload: Payload::Inline(Bytes::copy_from_slice(payload)), ..job })
}

/// The life of a job that nothing has happened to: it is not written.
pub(super) fn fresh(run_at: i64) -> Life {
    Life {
        state: State::Waiting { run_at: Timestamp::from_millis(run_at) },
        revision: 0,
        epoch: 0,
        attempt: 0,
        failures: 0,
        crashes: 0,
        progress: Progress::default(),
        attempts: None,
        saved: None,
    }
}

/// The moment by which a waiting job is ordered among those of all priorities: a job of a lower one counts as if it had come
/// later (rule 30).
pub(super) fn urgency(run_at: Timestamp, priority: Priority) -> i64 {
    run_at.plus(handicap(priority)).as_millis()
}

/// How much later a job counts than it came.
pub(super) fn handicap(priority: Priority) -> Duration {
    match priority {
        Priority::High => Duration::ZERO,
        Priority::Normal => limits::AGEING_NORMAL,
        Priority::Low => limits::AGEING_LOW,
    }
}

pub(super) fn uuid(id: JobId) -> Uuid {
    Uuid::from_bytes(*id.as_bytes())
}

pub(super) fn job_id(id: Uuid) -> JobId {
    JobId::from_bytes(*id.as_bytes())
}

/// The number that stands for a status.
pub(super) fn number_of(status: Status) -> i16 {
    status as i16
}

/// The status that a running or waiting job had by its old columns: `was` is twice the state, and one more when it had
/// reported.
pub(super) fn status_before(was: i16) -> Status {
    match (was / 2, was % 2) {
        (RUNS, 0) => Status::Started,
        (RUNS, _) => Status::Progress,
        _ => Status::Queued,
    }
}

/// JSON text of something that always has one.
pub(super) fn json(value: &impl serde::Serialize) -> Result<String, Fault> {
    serde_json::to_string(value).map_err(|error| Fault::Unfit(format!("cannot be written as JSON: {error}").into()))
}

/// A row that cannot be read is that job's problem (rule 31); whoever asked for it alone is told.
fn unreadable(row: &Row, error: &dyn std::fmt::Display) -> Fault {
    let seq: i64 = row.try_get("seq").unwrap_or_default();
    Fault::broken(format!("job {seq} cannot be read: {error}"))
}
