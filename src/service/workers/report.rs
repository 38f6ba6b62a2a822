//! What workers say of their jobs, in batches. Each report stands for itself; those of one lease follow each other. Whatever
//! is accepted is a sign of life, and one step at the end of the batch makes a new term of it: signs of life and progress
//! cost no write on the disk.

use std::collections::HashMap;
use std::sync::Arc;

use bytes::Bytes;

use super::{LeaseToken, is_held};
use crate::clock::Timestamp;
use crate::error::Error;
use crate::job::{Attempt, Event, Job, JobError, JobId, Outcome, ResultRef, Transition, decide};
use crate::limits;
use crate::service::Service;
use crate::store::{Committed, LogLine, Worker, results};

/// What a worker says of one of its jobs.
#[derive(Debug, Clone)]
pub struct Report {
    /// Under which lease; none when what was given is no token, and so names no lease.
    pub lease: Option<LeaseToken>,
    /// What.
    pub said: Said,
}

/// What a worker may say.
#[derive(Debug, Clone)]
pub enum Said {
    /// It lives.
    Heartbeat,
    /// How far it is.
    Progress {
        /// 0 to 100.
        percent: u8,
        /// What it is doing.
        message: Option<Arc<str>>,
    },
    /// Lines for the log of the job.
    Log(Vec<Box<str>>),
    /// JSON text for the next try; none forgets it.
    State(Option<Arc<str>>),
    /// It is done.
    Complete(Given),
    /// It gave up.
    Fail {
        /// What went wrong.
        error: JobError,
        /// Whether another try makes sense.
        retryable: bool,
    },
    /// Somebody else is to do it; no try is burnt.
    Release,
}

/// The result that a worker gives.
#[derive(Debug, Clone)]
pub enum Given {
    /// None but what it may have uploaded.
    Nothing,
    /// What it has uploaded; that must have been.
    Uploaded,
    /// A URL that carries or names it.
    Url(Arc<str>),
    /// JSON text.
    Json(Bytes),
}

/// What a report is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Answered {
    /// What became of it.
    pub verdict: Verdict,
    /// Until when the lease runs now, if the job is still the worker's.
    pub lease_until: Option<Timestamp>,
}

/// What became of a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It took hold, now or when it came before.
    Accepted,
    /// The job was asked to stop, or has stopped for that reason.
    Cancelled,
    /// The lease is lost; nothing was changed.
    Stale,
}

/// Times that a decision is made anew; only a job that changes faster than it can be read gets there.
const DECISIONS_MAX: usize = 100;

impl Service {
    /// Takes a worker's reports; the answers come in order. What ends a try is on disk when this answers.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Invalid`]; then nothing was taken.
    pub async fn report(&self, worker: &str, reports: Vec<Report>) -> Result<Vec<Answered>, Error> {
        let worker = self.worker(worker).await?;
        let mut desk = Desk { service: self, worker, jobs: HashMap::new(), uploads: Vec::new() };
        desk.look_up(&reports).await?;
        let mut spoken = Vec::with_capacity(reports.len());
        for report in reports {
            spoken.push(desk.prepare(report).await?);
        }
        let mut verdicts = vec![Verdict::Stale; spoken.len()];
        for round in rounds(&spoken) {
            desk.hear(&spoken, round, &mut verdicts).await?;
        }
        desk.prolong(&spoken, &verdicts).await?;
        self.parts.results.delete(&desk.uploads).await?;
        let answer = |(spoken, verdict): (&Spoken, Verdict)| {
            let job = spoken.lease.filter(|_| verdict != Verdict::Stale).and_then(|lease| desk.held(lease));
            Answered { verdict, lease_until: job.and_then(|job| job.run()?.lease_until) }
        };
        Ok(spoken.iter().zip(verdicts).map(answer).collect())
    }
}

/// A report, with its result where it belongs.
struct Spoken {
    lease: Option<LeaseToken>,
    what: What,
}

/// What it asks for.
enum What {
    Life,
    Lines(Vec<Box<str>>),
    Step(Event),
}

/// Reports of different jobs, by their places; a further one of the same job comes a round later.
fn rounds(spoken: &[Spoken]) -> Vec<Vec<usize>> {
    let mut seen: HashMap<JobId, usize> = HashMap::with_capacity(spoken.len());
    let mut rounds: Vec<Vec<usize>> = Vec::new();
    for (place, one) in spoken.iter().enumerate() {
        let Some(lease) = one.lease else { continue };
        let round = seen.entry(lease.job).and_modify(|round| *round += 1).or_default();
        if rounds.len() <= *round {
            rounds.push(Vec::new());
        }
        rounds[*round].push(place);
    }
    rounds
}

/// One batch under way.
struct Desk<'a> {
    service: &'a Service,
    worker: Arc<Worker>,
    /// The jobs of the batch, as last seen.
    jobs: HashMap<JobId, Arc<Job>>,
    /// Results that nobody refers to any more.
    uploads: Vec<Arc<str>>,
}

impl Desk<'_> {
    /// Finds the jobs, and refuses the batch whole if one of its reports names an upload that never was.
    async fn look_up(&mut self, reports: &[Report]) -> Result<(), Error> {
        for (index, report) in reports.iter().enumerate() {
            let Some(lease) = report.lease else { continue };
            if !self.jobs.contains_key(&lease.job)
                && let Some(job) = self.service.store().get(lease.job).await?
            {
                self.jobs.insert(lease.job, job);
            }
            let uploaded = self.held(lease).and_then(|job| job.run()).map(|run| run.uploaded.is_some());
            if matches!(report.said, Said::Complete(Given::Uploaded)) && uploaded == Some(false) {
                let field = format!("reports[{index}].resultUrl");
                return Err(Error::field(field, "names a result of this job, and none was uploaded under this lease"));
            }
        }
        Ok(())
    }

    /// The job of a lease, while the worker holds it.
    fn held(&self, lease: LeaseToken) -> Option<&Arc<Job>> {
        let job = self.jobs.get(&lease.job)?;
        let is_theirs = job.life.epoch == lease.epoch && job.run().is_some_and(|run| self.worker.id.is(&run.holder));
        is_theirs.then_some(job)
    }

    /// Turns a report into what it asks for. A large result is kept first, if the lease is not lost already.
    async fn prepare(&self, Report { lease, said }: Report) -> Result<Spoken, Error> {
        let epoch = lease.map_or(0, |lease| lease.epoch);
        let what = match said {
            Said::Heartbeat => What::Life,
            Said::Log(lines) => What::Lines(lines),
            Said::Progress { percent, message } => What::Step(Event::Progressed { epoch, percent, message }),
            Said::State(state) => What::Step(Event::StateSaved { epoch, state }),
            Said::Fail { error, retryable } => What::Step(Event::Failed { epoch, error, retryable, retry_after: None }),
            Said::Release => What::Step(Event::Released { epoch, reason: "its worker gave it back".into() }),
            Said::Complete(given) => {
                let result = match given {
                    Given::Nothing | Given::Uploaded => None,
                    Given::Url(url) => Some(ResultRef::Url(url)),
                    Given::Json(text) => Some(self.keep(lease, text).await?),
                };
                What::Step(Event::Succeeded { epoch, result, follow_ups: Vec::new() })
            }
        };
        Ok(Spoken { lease, what })
    }

    async fn keep(&self, lease: Option<LeaseToken>, text: Bytes) -> Result<ResultRef, Error> {
        const JSON: &str = "application/json";
        let held =
            lease.filter(|lease| self.held(*lease).is_some_and(|job| is_held(job, lease.epoch, self.service.now())));
        let Some(lease) = held.or(lease.filter(|_| text.len() <= limits::INLINE_RESULT_BYTES_MAX)) else {
            // Nobody will refer to it; what it was serves to tell the same report from another one.
            return Ok(ResultRef::Stored { content_type: JSON.into(), size: text.len() as u64, key: "".into() });
        };
        let key = format!("{}-{}", results::key(lease.job, lease.epoch), uuid::Uuid::now_v7().simple());
        Ok(results::keep(&*self.service.parts.results, key.into(), JSON, text).await?)
    }

    /// Takes reports of different jobs: decides, commits, and decides anew where somebody else was faster.
    async fn hear(&mut self, spoken: &[Spoken], mut open: Vec<usize>, verdicts: &mut [Verdict]) -> Result<(), Error> {
        for _ in 0..DECISIONS_MAX {
            let now = self.service.now();
            let (mut steps, mut lines) = (Vec::new(), Vec::new());
            for place in open {
                match self.decide(&spoken[place], now) {
                    Ok(Some(step)) => steps.push((place, step)),
                    Ok(None) => {
                        verdicts[place] = self.verdict(spoken[place].lease);
                        lines.extend(lines_of(&spoken[place], now));
                    }
                    Err(verdict) => {
                        verdicts[place] = verdict;
                        self.uploads.extend(refused(&spoken[place]));
                    }
                }
            }
            if !lines.is_empty() {
                self.service.store().append_log(lines).await?;
            }
            open = self.commit(steps, verdicts, spoken, now).await?;
            if open.is_empty() {
                return Ok(());
            }
        }
        Err(Error::Conflict("a job changes too fast to be reported on; try again".to_owned()))
    }

    /// Commits steps; the answer names the places of those that are to be decided anew.
    async fn commit(
        &mut self,
        mut steps: Vec<(usize, Transition)>,
        verdicts: &mut [Verdict],
        spoken: &[Spoken],
        now: Timestamp,
    ) -> Result<Vec<usize>, Error> {
        if steps.is_empty() {
            return Ok(Vec::new());
        }
        // Batches touch rows in id order everywhere (rule 34).
        steps.sort_by_key(|(_, step)| step.job);
        let (places, steps): (Vec<_>, Vec<_>) = steps.into_iter().unzip();
        let answers = self.service.store().commit(steps, now).await?;
        let mut again = Vec::new();
        for (place, answer) in places.into_iter().zip(answers) {
            match answer {
                Committed::Applied { job, .. } => {
                    let before = self.jobs.insert(job.id, job.clone());
                    self.uploads.extend(before.and_then(|before| before.left_behind(&job).cloned()));
                    verdicts[place] = self.verdict(spoken[place].lease);
                }
                Committed::Stale(latest) => {
                    self.jobs.insert(latest.id, latest);
                    again.push(place);
                }
                Committed::Taken(_) | Committed::Missing => verdicts[place] = Verdict::Stale,
            }
        }
        Ok(again)
    }

    /// The step that a report asks for, if it asks for one; or what it is answered when the lease is not the worker's.
    fn decide(&self, spoken: &Spoken, now: Timestamp) -> Result<Option<Transition>, Verdict> {
        let lease = spoken.lease.ok_or(Verdict::Stale)?;
        let Some(job) = self.held(lease) else { return Err(self.said_before(lease, &spoken.what)) };
        match &spoken.what {
            What::Life | What::Lines(_) if is_held(job, lease.epoch, now) => Ok(None),
            What::Life | What::Lines(_) => Err(Verdict::Stale),
            What::Step(event) => decide(job, event.clone(), now).map(Some).map_err(|_| Verdict::Stale),
        }
    }

    /// What a report under a lease comes to that took hold.
    fn verdict(&self, lease: Option<LeaseToken>) -> Verdict {
        let job = lease.and_then(|lease| self.jobs.get(&lease.job));
        let stops = job.is_some_and(|job| {
            job.run().is_some_and(|run| run.cancel.is_some())
                || job.end().is_some_and(|end| end.outcome == Outcome::Cancelled)
        });
        if stops { Verdict::Cancelled } else { Verdict::Accepted }
    }

    /// What a report is answered under a lease that is over: the same as before if it is the one that ended it (rule 11), and
    /// that the job was cancelled if that is how it ended.
    fn said_before(&self, lease: LeaseToken, what: &What) -> Verdict {
        let Some(job) = self.jobs.get(&lease.job) else { return Verdict::Stale };
        let last = job.last_attempt().filter(|_| job.is_finished());
        let tries = job.attempts().iter().chain(last.as_ref());
        let theirs = |attempt: &&Attempt| attempt.epoch == lease.epoch && self.worker.id.is(&attempt.holder);
        let Some(ended) = { tries }.find(theirs) else { return Verdict::Stale };
        let result = job.end().and_then(|end| end.result.as_ref()).filter(|_| job.life.epoch == lease.epoch);
        match (what, ended.outcome) {
            (_, Outcome::Cancelled) => Verdict::Cancelled,
            (What::Step(Event::Succeeded { result: given, .. }), Outcome::Success) if is_same(given, result) => {
                Verdict::Accepted
            }
            (What::Step(Event::Failed { error, .. }), Outcome::Failed) if ended.error.as_deref() == Some(error) => {
                Verdict::Accepted
            }
            (What::Step(Event::Released { .. }), Outcome::Released) => Verdict::Accepted,
            _ => Verdict::Stale,
        }
    }

    /// Whatever was accepted was a sign of life: the leases that are still the worker's get a new term.
    async fn prolong(&mut self, spoken: &[Spoken], verdicts: &[Verdict]) -> Result<(), Error> {
        let accepted = spoken.iter().zip(verdicts).filter(|(_, verdict)| **verdict == Verdict::Accepted);
        let mut leases: Vec<_> = accepted.filter_map(|(spoken, _)| spoken.lease).collect();
        leases.sort_by_key(|lease| lease.job);
        leases.dedup();
        for _ in 0..DECISIONS_MAX {
            let now = self.service.now();
            let lease_until = now.plus(self.worker.lease);
            let renewed = |job: &Arc<Job>| decide(job, Event::Renewed { epoch: job.life.epoch, lease_until }, now);
            let steps: Vec<_> =
                leases.iter().filter_map(|lease| self.held(*lease)).filter_map(|job| renewed(job).ok()).collect();
            if steps.is_empty() {
                return Ok(());
            }
            let mut stale = Vec::new();
            for answer in self.service.store().commit(steps, now).await? {
                match answer {
                    Committed::Applied { job, .. } => drop(self.jobs.insert(job.id, job)),
                    Committed::Stale(latest) => {
                        stale.push(latest.id);
                        self.jobs.insert(latest.id, latest);
                    }
                    Committed::Taken(_) | Committed::Missing => {}
                }
            }
            leases.retain(|lease| stale.contains(&lease.job));
        }
        Ok(())
    }
}

fn lines_of(spoken: &Spoken, at: Timestamp) -> Vec<(JobId, LogLine)> {
    let (Some(lease), What::Lines(lines)) = (spoken.lease, &spoken.what) else { return Vec::new() };
    lines.iter().map(|text| (lease.job, LogLine { at, epoch: lease.epoch, text: text.clone() })).collect()
}

/// The result that was kept for a report that was refused.
fn refused(spoken: &Spoken) -> Option<Arc<str>> {
    match &spoken.what {
        What::Step(Event::Succeeded { result: Some(ResultRef::Stored { key, .. }), .. }) if !key.is_empty() => {
            Some(key.clone())
        }
        _ => None,
    }
}

/// Whether the result that a report gives is the one that its job has. Of a large one nothing is read again: the same type
/// and the same size will do.
fn is_same(given: &Option<ResultRef>, has: Option<&ResultRef>) -> bool {
    match (given, has) {
        (None, _) => true,
        (
            Some(ResultRef::Stored { content_type, size, .. }),
            Some(ResultRef::Stored { content_type: kept_type, size: kept, .. }),
        ) => (content_type, size) == (kept_type, kept),
        (given, has) => given.as_ref() == has,
    }
}
