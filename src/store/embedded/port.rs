//! The engine's side of the port: each call is decided under the lock of the core, or answered from what is shown or on
//! disk, and waits for the transaction that it is in.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use bytes::Bytes;
use parking_lot::Mutex;

use super::change::Change;
use super::ticket::settled;
use super::{Embedded, history};
use crate::clock::Timestamp;
use crate::job::{Job, JobId, Name, Payload, Transition};
use crate::store::{
    Alerts, Answer, Claim, Claimed, Committed, Events, Figures, Filter, Group, Health, Insert, Inserted, Keys, Locks,
    LogLine, Outbox, Page, PageOf, Prune, Pruned, Roster, Safekeeping, Standing, States, Store, Tally,
};

impl Store for Embedded {
    fn insert(&self, jobs: Vec<Insert>, group: Group, now: Timestamp) -> Answer<'_, Vec<Inserted>> {
        let accepted = match self.refuses() {
            Some(refusal) => Err(refusal),
            None => Ok(self.accept(jobs, group, now)),
        };
        Box::pin(async move {
            let (inserted, requests, ticket) = accepted?;
            settled(ticket).await?;
            self.still_true(&inserted, &requests)?;
            Ok(inserted)
        })
    }

    fn claim(&self, claim: Claim, now: Timestamp) -> Answer<'_, Claimed> {
        let claimed = self.over().map_or_else(|| self.claim_now(&claim, now), Err);
        Box::pin(async move {
            let (mut claimed, ticket) = claimed?;
            settled(ticket).await?;
            if let Err(error) = self.with_payloads(&mut claimed).await {
                claimed.jobs.iter().for_each(|job| self.give_back(job, now));
                return Err(error);
            }
            Ok(claimed)
        })
    }

    fn commit(&self, transitions: Vec<Transition>, now: Timestamp) -> Answer<'_, Vec<Committed>> {
        let committed = self.over().map_or_else(|| Ok(self.commit_now(transitions, now)), Err);
        Box::pin(async move {
            let (answers, ticket) = committed?;
            settled(ticket).await?;
            Ok(answers)
        })
    }

    fn overdue(&self, now: Timestamp, limit: usize) -> Answer<'_, Vec<Arc<Job>>> {
        let core = self.core(now);
        let leases = core.leases.iter().take_while(|(at, _)| *at <= now);
        let expiries = core.expiries.iter().take_while(|(at, _)| *at <= now);
        let jobs = leases.chain(expiries).take(limit).filter_map(|(_, seq)| core.jobs.get(seq).cloned()).collect();
        Box::pin(std::future::ready(Ok(jobs)))
    }

    fn get(&self, id: JobId) -> Answer<'_, Option<Arc<Job>>> {
        if let Some(job) = self.shown.get(id) {
            return Box::pin(std::future::ready(Ok(Some(job))));
        }
        Box::pin(async move {
            let Some(journalled) = &self.journalled else { return Ok(None) };
            Ok(journalled.readers.read(move |conn| history::get(conn, id)).await?.map(Arc::new))
        })
    }

    fn payload(&self, id: JobId) -> Answer<'_, Option<Bytes>> {
        Box::pin(async move {
            let Some(job) = self.get(id).await? else { return Ok(None) };
            match (&job.payload, &self.journalled) {
                (Payload::Inline(payload), _) => Ok(Some(payload.clone())),
                (Payload::Stored, Some(journalled)) => {
                    journalled.readers.read(move |conn| history::payload(conn, job.seq)).await
                }
                (Payload::Stored | Payload::Unreadable(_) | Payload::Locked(_), _) => Ok(None),
            }
        })
    }

    fn list(&self, filter: Filter, page: Page, _now: Timestamp) -> Answer<'_, PageOf<Arc<Job>>> {
        Box::pin(self.list_page(filter, page))
    }

    fn tally(&self, now: Timestamp) -> Answer<'_, Tally> {
        Box::pin(std::future::ready(Ok(self.tally_now(now))))
    }

    fn standing(&self, id: JobId, now: Timestamp) -> Answer<'_, Option<Standing>> {
        let standing = self.shown.get(id).map(|job| self.core(now).standing(&job, now));
        Box::pin(async move {
            match standing {
                Some(standing) => Ok(Some(standing)),
                None => Ok(self.get(id).await?.map(|_| Standing::NotWaiting)),
            }
        })
    }

    fn pause(&self, sub_type: Name, paused: bool) -> Answer<'_, ()> {
        let mut core = self.core.lock();
        core.ready.pause(&sub_type, paused);
        let ticket = self.record(&mut core, vec![Change::Pause(sub_type, paused)]);
        Box::pin(settled(ticket))
    }

    fn paused(&self) -> Answer<'_, Vec<Name>> {
        Box::pin(std::future::ready(Ok(self.core.lock().ready.paused())))
    }

    fn append_log(&self, lines: Vec<(JobId, LogLine)>) -> Answer<'_, ()> {
        let ticket = self.append(lines);
        Box::pin(settled(ticket))
    }

    fn log(&self, id: JobId) -> Answer<'_, Vec<LogLine>> {
        Box::pin(async move {
            let Some(journalled) = &self.journalled else {
                let core = self.core.lock();
                let logs = core.archive.as_ref().and_then(|archive| archive.logs.get(&id));
                return Ok(logs.cloned().unwrap_or_default());
            };
            match self.get(id).await? {
                Some(job) => journalled.readers.read(move |conn| history::log(conn, job.seq)).await,
                None => Ok(Vec::new()),
            }
        })
    }

    fn prune(&self, prune: Prune, now: Timestamp) -> Answer<'_, Pruned> {
        let mut core = self.core(now);
        let keys = core.keys.prune(now, prune.limit);
        if self.journalled.is_none() {
            let pruned = core.prune_archive(&prune, &self.shown);
            return Box::pin(std::future::ready(Ok(Pruned { keys, ..pruned })));
        }
        let answer = Arc::new(Mutex::new(Pruned::default()));
        let ticket = self.record(&mut core, vec![Change::Prune(prune, now, answer.clone())]);
        Box::pin(async move {
            settled(ticket).await?;
            Ok(std::mem::take(&mut *answer.lock()))
        })
    }

    fn figures(&self) -> &dyn Figures {
        self
    }

    fn locks(&self) -> &dyn Locks {
        self
    }

    fn states(&self) -> &dyn States {
        self
    }

    fn safekeeping(&self) -> Option<&dyn Safekeeping> {
        self.journalled.as_ref().map(|journalled| &journalled.keeper as &dyn Safekeeping)
    }

    fn alerts(&self) -> &dyn Alerts {
        self
    }

    fn events(&self) -> &dyn Events {
        self
    }

    fn keys(&self) -> &dyn Keys {
        self
    }

    fn outbox(&self) -> &dyn Outbox {
        self
    }

    fn roster(&self) -> &dyn Roster {
        self
    }

    fn health(&self) -> Health {
        let degraded = self.journalled.as_ref().and_then(|journalled| journalled.journal.broken());
        let engine = if self.journalled.is_some() { "sqlite" } else { "memory" };
        Health { engine, degraded, recovered: self.recovered }
    }

    fn close(&self) -> Answer<'_, ()> {
        Box::pin(async move {
            self.closed.store(true, Ordering::Release);
            if let Some(journalled) = &self.journalled {
                journalled.close();
                *journalled.lock.lock() = None;
            }
            Ok(())
        })
    }
}
