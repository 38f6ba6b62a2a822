//! A queue written down as plainly as possible: a list of jobs that is searched from end to end for every question. It
//! knows nothing of `decide` and shares no code with the engines, so that agreeing with them means something.

use std::collections::BTreeSet;

use faena::limits;

pub const SUB_TYPES: [&str; 2] = ["work", "other"];
pub const PRIORITIES: [faena::job::Priority; 3] =
    [faena::job::Priority::High, faena::job::Priority::Normal, faena::job::Priority::Low];
/// Retries of every job, after one second and after two.
pub const RETRIES: u32 = 2;
/// How long the window of a unique key or of an idempotency key is.
pub const WINDOW_MS: i64 = 5_000;

/// What is asked for.
#[derive(Debug, Clone)]
pub struct Draft {
    pub sub_type: usize,
    pub priority: usize,
    pub delay: Option<i64>,
    pub expires_in: Option<i64>,
    /// A key, and whether it is taken for a window rather than while the job is active.
    pub unique: Option<(usize, bool)>,
    /// A concurrency key `n`, whose limit is `n + 1`.
    pub gate: Option<usize>,
    /// A key and a body.
    pub request: Option<(usize, u8)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    Completed,
    Failed,
    Cancelled,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stand {
    Waiting { run_at: i64 },
    Running { cancelled: bool },
    Ended { how: Ending, dead: bool, at: i64 },
    Forgotten,
}

/// How a run may end by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum How {
    Succeed,
    Fail,
    FailForGood,
    TimeOut,
    Release,
}

#[derive(Debug, Clone)]
pub struct Job {
    pub draft: Draft,
    pub stand: Stand,
    pub created_at: i64,
    pub expires_at: Option<i64>,
    pub epoch: u32,
    pub failures: u32,
    pub crashes: u32,
    /// None once a crash may have taken back the last reports: they are seen at once, and on disk by chance.
    pub percent: Option<u8>,
}

/// What an insert is answered; jobs are named by their place in the order of acceptance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Insertion {
    Accepted,
    Replayed(usize),
    Mismatch,
    Taken(usize),
}

/// The queue.
#[derive(Debug, Clone, Default)]
pub struct Queue {
    pub now: i64,
    pub jobs: Vec<Job>,
    pub paused: BTreeSet<usize>,
    /// Key, body, job, until.
    requests: Vec<(usize, u8, usize, i64)>,
    /// Key, job, until; no end while the job is active.
    unique: Vec<(usize, usize, Option<i64>)>,
}

impl Queue {
    pub fn insert(&mut self, draft: &Draft) -> Insertion {
        if let Some((key, body)) = draft.request {
            let now = self.now;
            self.requests.retain(|(_, _, _, until)| *until > now);
            if let Some((_, known, job, _)) = self.requests.iter().find(|request| request.0 == key) {
                return if *known == body { Insertion::Replayed(*job) } else { Insertion::Mismatch };
            }
        }
        if let Some(holder) = draft.unique.and_then(|(key, _)| self.holder(key)) {
            return Insertion::Taken(holder);
        }
        let index = self.jobs.len();
        self.jobs.push(Job {
            draft: draft.clone(),
            stand: Stand::Waiting { run_at: self.now + draft.delay.unwrap_or(0) },
            created_at: self.now,
            expires_at: draft.expires_in.map(|span| self.now + span),
            epoch: 0,
            failures: 0,
            crashes: 0,
            percent: Some(0),
        });
        self.take_key(index);
        if let Some((key, body)) = draft.request {
            self.requests.push((key, body, index, self.now + WINDOW_MS));
        }
        Insertion::Accepted
    }

    /// Hands out jobs, one after the other the most urgent that may run.
    pub fn claim(&mut self, sub_types: &[usize], max: usize) -> Vec<usize> {
        let mut claimed = Vec::new();
        while claimed.len() < max {
            let may = |index: &usize| {
                let job = &self.jobs[*index];
                matches!(job.stand, Stand::Waiting { run_at } if run_at <= self.now)
                    && !self.has_expired(*index)
                    && sub_types.contains(&job.draft.sub_type)
                    && !self.paused.contains(&job.draft.sub_type)
                    && job.draft.gate.is_none_or(|key| self.running_under(key) <= key)
            };
            let Some(next) = (0..self.jobs.len()).filter(may).min_by_key(|index| self.urgency(*index)) else { break };
            let job = &mut self.jobs[next];
            job.stand = Stand::Running { cancelled: false };
            job.epoch += 1;
            job.percent = Some(0);
            claimed.push(next);
        }
        claimed
    }

    pub fn report(&mut self, index: usize, percent: u8) {
        self.jobs[index].percent = self.jobs[index].percent.max(Some(percent));
    }

    pub fn end(&mut self, index: usize, how: How) {
        let job = &mut self.jobs[index];
        if job.stand == (Stand::Running { cancelled: true }) {
            return self.finish(index, Ending::Cancelled, false);
        }
        match how {
            How::Succeed => {
                job.percent = Some(100);
                self.finish(index, Ending::Completed, false);
            }
            How::Release => job.stand = Stand::Waiting { run_at: self.now },
            How::Fail | How::FailForGood | How::TimeOut => {
                job.failures += 1;
                if how == How::FailForGood || job.failures > RETRIES {
                    self.finish(index, Ending::Failed, true);
                } else {
                    job.stand = Stand::Waiting { run_at: self.now + 1_000 * (1 << (job.failures - 1)) };
                }
            }
        }
    }

    pub fn cancel(&mut self, index: usize) {
        match self.jobs[index].stand {
            Stand::Waiting { .. } => self.finish(index, Ending::Cancelled, false),
            Stand::Running { .. } => self.jobs[index].stand = Stand::Running { cancelled: true },
            _ => {}
        }
    }

    /// Another try, asked for by a person. The answer is who holds the key that it would need.
    pub fn retry(&mut self, index: usize) -> Option<usize> {
        if self.has_expired(index) {
            return None;
        }
        let now = self.now;
        match self.jobs[index].stand {
            Stand::Waiting { run_at } if run_at > now => self.jobs[index].stand = Stand::Waiting { run_at: now },
            Stand::Ended { how: Ending::Failed | Ending::Cancelled, .. } => {
                let key = self.jobs[index].draft.unique.map(|(key, _)| key);
                if let Some(holder) = key.and_then(|key| self.holder(key)).filter(|holder| *holder != index) {
                    return Some(holder);
                }
                let job = &mut self.jobs[index];
                (job.failures, job.crashes, job.percent) = (0, 0, Some(0));
                job.stand = Stand::Waiting { run_at: now };
                self.take_key(index);
            }
            _ => {}
        }
        None
    }

    pub fn discard(&mut self, index: usize) {
        if let Stand::Ended { dead, .. } = &mut self.jobs[index].stand {
            *dead = false;
        }
    }

    /// Ends what waited longer than it may.
    pub fn expire(&mut self) {
        for index in 0..self.jobs.len() {
            if matches!(self.jobs[index].stand, Stand::Waiting { .. }) && self.has_expired(index) {
                self.finish(index, Ending::Failed, false);
            }
        }
    }

    /// Forgets what ended before a moment. The answer is how many.
    pub fn prune(&mut self, before: i64) -> u64 {
        let mut forgotten = 0;
        for job in &mut self.jobs {
            if matches!(job.stand, Stand::Ended { at, .. } if at < before) {
                job.stand = Stand::Forgotten;
                forgotten += 1;
            }
        }
        forgotten
    }

    /// The process dies, and another one takes over.
    pub fn crash(&mut self) {
        for index in self.those(|job| matches!(job.stand, Stand::Running { .. })) {
            self.jobs[index].percent = None;
            match self.jobs[index].stand {
                Stand::Running { cancelled: true } => self.finish(index, Ending::Cancelled, false),
                Stand::Running { cancelled: false } => {
                    self.jobs[index].crashes += 1;
                    if self.jobs[index].crashes == limits::CRASHES_MAX {
                        self.finish(index, Ending::Failed, true);
                    } else {
                        let run_at = self.now + limits::CRASH_DELAY.as_millis() as i64;
                        self.jobs[index].stand = Stand::Waiting { run_at };
                    }
                }
                _ => {}
            }
        }
    }

    /// Jobs for which something holds, oldest first.
    pub fn those(&self, holds: impl Fn(&Job) -> bool) -> Vec<usize> {
        (0..self.jobs.len()).filter(|index| holds(&self.jobs[*index])).collect()
    }

    fn finish(&mut self, index: usize, how: Ending, dead: bool) {
        self.jobs[index].stand = Stand::Ended { how, dead, at: self.now };
        self.unique.retain(|(_, job, until)| *job != index || until.is_some());
    }

    fn has_expired(&self, index: usize) -> bool {
        let job = &self.jobs[index];
        job.epoch == 0 && job.expires_at.is_some_and(|at| at <= self.now)
    }

    fn holder(&self, key: usize) -> Option<usize> {
        let holds = |hold: &&(usize, usize, Option<i64>)| hold.0 == key && hold.2.is_none_or(|until| until > self.now);
        self.unique.iter().find(holds).map(|hold| hold.1)
    }

    fn take_key(&mut self, index: usize) {
        let job = &self.jobs[index];
        if let Some((key, windowed)) = job.draft.unique {
            self.unique.retain(|hold| hold.0 != key);
            self.unique.push((key, index, windowed.then_some(job.created_at + WINDOW_MS)));
        }
    }

    fn running_under(&self, key: usize) -> usize {
        self.those(|job| job.draft.gate == Some(key) && matches!(job.stand, Stand::Running { .. })).len()
    }

    fn urgency(&self, index: usize) -> (i64, usize) {
        let Stand::Waiting { run_at } = self.jobs[index].stand else { return (i64::MAX, index) };
        let ageing = [0, limits::AGEING_NORMAL.as_millis() as i64, limits::AGEING_LOW.as_millis() as i64];
        (run_at + ageing[self.jobs[index].draft.priority], index)
    }
}
