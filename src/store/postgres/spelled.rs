//! What a claim told, spelled when somebody reads it: its statement wrote down the jobs that it took, and what that told follows by the
//! same [`decide`] that every engine asks.

use std::borrow::Cow;
use std::sync::Arc;

use serde::Deserialize;
use serde_json::value::RawValue;
use tokio_postgres::Row;
use uuid::Uuid;

use super::place::Fault;
use super::rows::{fresh, job_id};
use crate::clock::Timestamp;
use crate::event::batch::Batch;
use crate::event::tell::{self, Before};
use crate::job::{Event, Holder, Job, Life, Payload, Spec, decide};

/// What a claim wrote down.
#[derive(Deserialize)]
struct Claimed {
    at: i64,
    holder: Holder,
    jobs: Vec<Box<RawValue>>,
}

/// One of them: its id, number, moments of its making and of its due, its life without what it saved and its former tries unless it
/// is fresh, and its terms as the text that they are kept as.
type Taken = (Uuid, u64, i64, i64, Option<Life>, String);

/// The events of a row: as they were written, or as the claim in it told them. One that cannot be read is that row's problem
/// (rule 31).
pub(super) fn events(row: &Row) -> Result<Cow<'_, [u8]>, Fault> {
    if let Some(events) = row.try_get::<_, Option<&[u8]>>("events")? {
        return Ok(events.into());
    }
    let spelled = spell(row.try_get::<_, Option<&str>>("claimed")?.unwrap_or_default());
    Ok(spelled
        .unwrap_or_else(|reason| {
            tracing::error!(%reason, "what a claim told cannot be read");
            Vec::new()
        })
        .into())
}

fn spell(claimed: &str) -> Result<Vec<u8>, String> {
    let Claimed { at, holder, jobs } = serde_json::from_str(claimed).map_err(|error| error.to_string())?;
    let at = Timestamp::from_millis(at);
    let mut batch = Batch::default();
    for taken in &jobs {
        // Those after it would get the places of others.
        let Ok(job) = started(taken, &holder, at).inspect_err(|reason| {
            tracing::error!(%reason, "what a claim told cannot be read; the jobs after this one are left out");
        }) else {
            break;
        };
        batch.add_job(tell::kinds(Before::Waiting, &job), &job, tell::moment(Before::Waiting, &job), None);
    }
    Ok(batch.written().map(|written| written.events).unwrap_or_default())
}

/// A job as the claim left it.
fn started(taken: &RawValue, holder: &Holder, at: Timestamp) -> Result<Job, String> {
    let (id, seq, created_at, run_at, life, spec): Taken =
        serde_json::from_str(taken.get()).map_err(|error| error.to_string())?;
    let spec: Spec = serde_json::from_str(&spec).map_err(|error| error.to_string())?;
    let before = Job {
        id: job_id(id),
        seq,
        created_at: Timestamp::from_millis(created_at),
        spec: Arc::new(spec),
        payload: Payload::Stored,
        life: life.unwrap_or_else(|| fresh(run_at)),
    };
    let claim = Event::Claimed { holder: holder.clone(), lease_until: None };
    let life = decide(&before, claim, at).map_err(|refusal| refusal.to_string())?.next;
    Ok(Job { life, ..before })
}
