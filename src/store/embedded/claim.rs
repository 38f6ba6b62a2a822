//! Handing out jobs: decided in memory. One for this process is noted in the ledger before anybody works on it, and on
//! disk with the next commit; one for a worker of another process is handed out when it is on disk, since that worker may
//! outlive this process and will come back for it.

use std::sync::Arc;

use super::change::Change;
use super::ledger::{Ledger, Noted};
use super::{Embedded, Ticket, disk, history};
use crate::clock::Timestamp;
use crate::job::{Event, Job, Payload, decide};
use crate::store::{Claim, Claimed, StoreError};

impl Embedded {
    /// Hands out jobs, their payloads where they are; they are the claimer's once the ticket is settled. Nothing while the
    /// disk refuses to write: what would run then would have to run again after a crash.
    pub(super) fn claim_now(&self, claim: &Claim, now: Timestamp) -> Result<(Claimed, Option<Ticket>), StoreError> {
        if self.journalled.as_ref().is_some_and(|journalled| journalled.journal.broken().is_some()) {
            return Ok(Default::default());
        }
        let mut core = self.core(now);
        let claimed = core.claim(claim, now, &self.shown);
        let next_due = core.ready.next_due(&claim.sub_types);
        let mut ticket = None;
        let starts = || claimed.iter().map(|(job, _)| Change::Start(job.clone()));
        if let Some(journalled) = self.journalled.as_ref().filter(|_| !claimed.is_empty()) {
            let starts = starts().collect();
            if claim.lease.is_some() {
                ticket = self.record(&mut core, starts);
            } else {
                self.record_in_passing(starts);
                drop(core);
                self.write_down(&journalled.ledger, &claimed, now)?;
            }
        } else {
            core.tell(starts());
        }
        Ok((Claimed { jobs: claimed.into_iter().map(|(job, _)| job).collect(), next_due }, ticket))
    }

    fn write_down(&self, ledger: &Ledger, claimed: &[(Arc<Job>, u32)], now: Timestamp) -> Result<(), StoreError> {
        let note =
            |(job, slot): &(Arc<Job>, u32)| ledger.note(*slot, Noted { seq: job.seq, epoch: job.life.epoch, at: now });
        claimed.iter().try_for_each(note).map_err(|error| {
            claimed.iter().for_each(|(job, _)| self.give_back(job, now));
            disk::broken(error)
        })
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
