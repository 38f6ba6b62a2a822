//! Accepting jobs and what belongs to them: the step from a request to a kept job, its keys taken.

use std::sync::Arc;

use super::change::{By, Change};
use super::core::Core;
use super::keys::Remembered;
use super::{Embedded, Ticket};
use crate::clock::Timestamp;
use crate::job::{Job, JobId, NewJob};
use crate::limits;
use crate::store::{Group, Idempotency, Insert, Inserted, LogLine, Receipt, StoreError};

/// A job as it will be if it is accepted, all but its number, and the key that its request brought.
struct Draft {
    job: Arc<Job>,
    key: Option<Idempotency>,
    by: By,
}

impl Draft {
    fn of(mut job: NewJob, key: Option<Idempotency>, now: Timestamp) -> Self {
        let by = job.by.take();
        Self { job: Arc::new(job.accept(0, now)), key, by }
    }
}

/// A job on its way in, with the request that it answers and who asks for it.
type Admitted = (Arc<Job>, Option<Remembered>, By);

/// The payload of a job that its caller may write itself; more would keep a thread that has others to serve.
const LED_BYTES_MAX: usize = 64 * 1024;

impl Embedded {
    /// Accepts jobs in memory. The answers hold once the ticket is settled; with them come the idempotency keys of the
    /// requests, in their order.
    pub(super) fn accept(
        &self,
        inserts: Vec<Insert>,
        group: Group,
        now: Timestamp,
    ) -> (Vec<Inserted>, Vec<Option<Box<str>>>, Option<Ticket>) {
        let requests = inserts.iter().map(|insert| insert.idempotency.as_ref().map(|key| key.key.clone())).collect();
        // What can be done before the lock is: while it is held nobody else decides.
        let drafts: Vec<Draft> =
            inserts.into_iter().map(|insert| Draft::of(insert.job, insert.idempotency, now)).collect();
        let mut core = self.core(now);
        let mut answers: Vec<Result<Admitted, Inserted>> =
            drafts.into_iter().map(|draft| core.admit(draft, now)).collect();
        let stands_in_the_way =
            |answer: &Result<Admitted, Inserted>| matches!(answer, Err(Inserted::Taken(_) | Inserted::Mismatch));
        if group == Group::Whole && answers.iter().any(stands_in_the_way) {
            core.withdraw_all(&mut answers);
        }
        let mut changes = Vec::with_capacity(answers.len());
        let inserted = answers
            .into_iter()
            .map(|answer| match answer {
                Ok((job, request, by)) => {
                    changes.push(Change::Insert { job: job.clone(), request, by });
                    Inserted::Accepted(job)
                }
                Err(refused) => refused,
            })
            .collect();
        let ticket = match &changes[..] {
            [Change::Insert { job, .. }] if job.payload.text().is_some_and(|text| text.len() <= LED_BYTES_MAX) => {
                self.record_or_lead(&mut core, changes)
            }
            _ => self.record(&mut core, changes),
        };
        (inserted, requests, ticket)
    }

    /// Whether replayed answers stand for jobs that did become durable.
    pub(super) fn still_true(&self, inserted: &[Inserted], requests: &[Option<Box<str>>]) -> Result<(), StoreError> {
        for (answer, request) in inserted.iter().zip(requests) {
            if let (Inserted::Replayed(receipt), Some(key)) = (answer, request)
                && !self.core.lock().keys.remembers(key, receipt)
            {
                return Err(StoreError::Unavailable("the first request with this key could not be committed".into()));
            }
        }
        Ok(())
    }

    /// Accepts the follow-ups of a step into its commit. One whose unique key is taken is left out.
    pub(super) fn follow(
        &self,
        core: &mut Core,
        jobs: Vec<NewJob>,
        now: Timestamp,
        changes: &mut Vec<Change>,
    ) -> Vec<Arc<Job>> {
        let admitted = jobs.into_iter().filter_map(|job| core.admit(Draft::of(job, None, now), now).ok());
        let admitted: Vec<_> = admitted.collect();
        let insert = |(job, _, by): &Admitted| Change::Insert { job: job.clone(), request: None, by: by.clone() };
        changes.extend(admitted.iter().map(insert));
        admitted.into_iter().map(|(job, ..)| job).collect()
    }

    /// Appends lines to the logs of jobs.
    pub(super) fn append(&self, lines: Vec<(JobId, LogLine)>) -> Option<Ticket> {
        let mut core = self.core.lock();
        let mut changes: Vec<Change> = Vec::new();
        for (id, line) in lines {
            let Some(job) = self.shown.get(id) else { continue };
            if let Some(archive) = &mut core.archive {
                let log = archive.logs.entry(id).or_default();
                if log.len() >= limits::LOG_LINES_MAX {
                    log.remove(0);
                }
                log.push(line);
                continue;
            }
            match changes.last_mut() {
                Some(Change::Log(seq, lines)) if *seq == job.seq => lines.push(line),
                _ => changes.push(Change::Log(job.seq, vec![line])),
            }
        }
        self.record(&mut core, changes)
    }
}

impl Core {
    /// Takes back what was accepted of a group, and what was replayed of that.
    fn withdraw_all(&mut self, answers: &mut [Result<Admitted, Inserted>]) {
        let mut withdrawn = Vec::new();
        for answer in answers {
            match answer {
                Ok((job, request, _)) => {
                    self.withdraw(job, request.as_ref().map(|request| &*request.key));
                    withdrawn.push(job.id);
                }
                Err(Inserted::Replayed(receipt)) if withdrawn.contains(&receipt.id) => {}
                Err(_) => continue,
            }
            *answer = Err(Inserted::Withdrawn);
        }
    }

    /// Accepts one job and takes its keys, or says why not.
    fn admit(&mut self, draft: Draft, now: Timestamp) -> Result<Admitted, Inserted> {
        let Draft { mut job, key, by } = draft;
        if let Some(refused) = self.keys.refuses(job.spec.unique(), key.as_ref(), now) {
            return Err(refused);
        }
        // Nobody else has it yet, so nothing is copied.
        Arc::make_mut(&mut job).seq = self.next_seq;
        self.next_seq += 1;
        if let Some(unique) = job.spec.unique() {
            self.keys.take(unique, job.id, now);
        }
        let request = key.map(|key| remembered(key, &job, now));
        if let Some(request) = &request {
            self.keys.remember(request.clone());
        }
        self.plans.begin(&job);
        self.keep(job.clone());
        Ok((job, request, by))
    }
}

fn remembered(key: Idempotency, job: &Job, now: Timestamp) -> Remembered {
    let receipt = Receipt {
        id: job.id,
        kind: job.spec.kind.clone(),
        sub_type: job.spec.sub_type.clone(),
        priority: job.spec.priority,
        created_at: job.created_at,
        estimated_duration: job.spec.options().and_then(|options| options.estimated_duration.clone()),
    };
    Remembered { key: key.key.into(), body: key.body, until: now.plus(key.window), receipt: Arc::new(receipt) }
}
