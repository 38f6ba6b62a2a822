//! Handing out jobs: decided in memory, noted in the ledger before anybody works on them, on disk with the next commit.

use std::sync::Arc;

use super::journal::Change;
use super::ledger::Noted;
use super::{Embedded, disk, history};
use crate::clock::Timestamp;
use crate::job::{Event, Job, Payload, decide};
use crate::store::{Claim, Claimed, StoreError};

impl Embedded {
    /// Hands out jobs, their payloads where they are. Nothing while the disk refuses to write: what would run then would
    /// have to run again after a crash.
    pub(super) fn claim_now(&self, claim: &Claim, now: Timestamp) -> Result<Claimed, StoreError> {
        if self.journalled.as_ref().is_some_and(|journalled| journalled.journal.broken().is_some()) {
            return Ok(Claimed::default());
        }
        let mut core = self.core(now);
        let claimed = core.claim(claim, now, &self.shown);
        let next_due = core.ready.next_due(&claim.sub_types);
        if let Some(journalled) = &self.journalled {
            let starts = claimed.iter().map(|(job, _)| Change::Put(job.clone())).collect();
            self.record_in_passing(starts);
            drop(core);
            let note = |(job, slot): &(Arc<Job>, u32)| {
                journalled.ledger.note(*slot, Noted { seq: job.seq, epoch: job.life.epoch, at: now })
            };
            if let Err(error) = claimed.iter().try_for_each(note) {
                claimed.iter().for_each(|(job, _)| self.give_back(job, now));
                return Err(disk::broken(error));
            }
        }
        Ok(Claimed { jobs: claimed.into_iter().map(|(job, _)| job).collect(), next_due })
    }

    /// Gives back a job that was claimed and cannot be handed out after all.
    pub(super) fn give_back(&self, job: &Job, now: Timestamp) {
        let released = Event::Released { epoch: job.life.epoch, reason: "it could not be handed out".into() };
        // Somebody may have cancelled it meanwhile: then there is nothing to give back.
        if let Ok(transition) = decide(job, released, now) {
            drop(self.commit_now(vec![transition], now));
        }
    }

    /// Fetches the payloads that waited on disk.
    pub(super) async fn with_payloads(&self, claimed: &mut Claimed) -> Result<(), StoreError> {
        let stored = |job: &&Arc<Job>| job.payload == Payload::Stored;
        let seqs: Vec<_> = claimed.jobs.iter().filter(stored).map(|job| job.seq).collect();
        let Some(journalled) = self.journalled.as_ref().filter(|_| !seqs.is_empty()) else { return Ok(()) };
        let mut payloads = journalled.readers.read(move |conn| history::payloads(conn, &seqs)).await?;
        for job in &mut claimed.jobs {
            if job.payload == Payload::Stored {
                // A payload that is missing is that job's problem (rule 31): no processor accepts an empty text.
                let payload = payloads.remove(&job.seq).unwrap_or_default();
                *job = Arc::new(job.with_payload(Payload::Inline(payload)));
            }
        }
        Ok(())
    }
}
