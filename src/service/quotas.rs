//! What each key uses up: its requests, its jobs that have not begun, its event streams. A key is counted on each node for
//! itself, and anew after a restart: a bound keeps a caller from crowding out the others, and is no bill.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use dashmap::DashMap;
use parking_lot::Mutex;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::Service;
use crate::clock::Timestamp;
use crate::error::Error;
use crate::job::{JobId, State};
use crate::key::rate::Bucket;
use crate::key::{ApiKey, Caller, KeyId, Quota, Scope};
use crate::limits;

/// When it is worth another try, where only others can tell.
const RETRY_AFTER: Duration = Duration::from_secs(5);

/// What each key has used up.
#[derive(Default)]
pub(super) struct Quotas {
    buckets: DashMap<KeyId, Bucket>,
    lines: DashMap<KeyId, Arc<Mutex<Line>>>,
    streams: DashMap<KeyId, Arc<Semaphore>>,
}

/// Jobs of one key that had not begun when somebody last looked.
#[derive(Default)]
struct Line {
    jobs: VecDeque<JobId>,
    /// Room for jobs that are on their way into the store.
    reserved: usize,
}

/// Room for some more jobs of a key. What is not filled is given back.
#[must_use]
pub struct Room {
    line: Option<Arc<Mutex<Line>>>,
    jobs: usize,
}

/// A place among those who read an event stream; it is given back when it is dropped.
pub struct Seat {
    _of_all: OwnedSemaphorePermit,
    _of_key: Option<OwnedSemaphorePermit>,
}

impl Room {
    /// Fills it with the jobs that were accepted.
    pub fn fill(self, accepted: impl IntoIterator<Item = JobId>) {
        if let Some(line) = &self.line {
            line.lock().jobs.extend(accepted);
        }
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        if let Some(line) = &self.line {
            line.lock().reserved -= self.jobs;
        }
    }
}

impl Service {
    /// Counts a request of a key.
    ///
    /// # Errors
    /// [`Error::TooOften`].
    pub(super) fn count_request(&self, key: &ApiKey, now: Timestamp) -> Result<(), Error> {
        let Some(per_minute) = self.quota(key).requests_per_minute else { return Ok(()) };
        let buckets = &self.quotas.buckets;
        if buckets.len() > limits::KEYS_MAX {
            // What is full is as good as new.
            buckets.retain(|_, bucket| !bucket.is_full(now));
        }
        let taken = buckets.entry(key.id).or_insert(Bucket::FULL).take(per_minute, now);
        taken.map_err(|retry_after| Error::TooOften { per_minute, retry_after })
    }

    /// Room for some more jobs of this caller, which is to be filled once they are accepted.
    ///
    /// # Errors
    /// [`Error::OverQuota`] when too many of those that it asked for have not begun yet.
    pub async fn room_for(&self, caller: &Caller, jobs: usize) -> Result<Room, Error> {
        let Caller::Key(key) = caller else { return Ok(Room { line: None, jobs }) };
        let Some(most) = self.quota(key).queued_max else { return Ok(Room { line: None, jobs }) };
        let line = self.quotas.lines.entry(key.id).or_default().clone();
        if let Some(room) = reserve(&line, jobs, most) {
            return Ok(room);
        }
        self.look_again(&line).await?;
        reserve(&line, jobs, most).ok_or(Error::OverQuota {
            what: "jobs that have not begun",
            max: u64::from(most),
            retry_after: RETRY_AFTER,
        })
    }

    /// Looks at those that have been in line longest, and strikes off who has begun.
    async fn look_again(&self, line: &Mutex<Line>) -> Result<(), Error> {
        let looked_at: Vec<JobId> = {
            let mut line = line.lock();
            let many = line.jobs.len().min(limits::KEY_QUEUED_LOOKS_MAX);
            line.jobs.drain(..many).collect()
        };
        let mut looked_at = looked_at.into_iter();
        let mut waiting = Vec::new();
        let mut failed = None;
        for id in looked_at.by_ref() {
            match self.store().get(id).await {
                Ok(job) => {
                    waiting.extend(job.filter(|job| matches!(job.life.state, State::Waiting { .. })).map(|job| job.id));
                }
                Err(error) => {
                    waiting.push(id);
                    failed = Some(error);
                    break;
                }
            }
        }
        line.lock().jobs.extend(waiting.into_iter().chain(looked_at));
        failed.map_or(Ok(()), |error| Err(error.into()))
    }

    /// A place for one more event stream of this caller.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when as many are open as may be; [`Error::OverQuota`] when as many of this key are.
    pub fn stream(&self, caller: &Caller) -> Result<Seat, Error> {
        let of_all = self.streams.clone().try_acquire_owned().map_err(|_| Error::Unavailable {
            reason: format!("{} event streams are open, which is the limit", self.settings().streams_max),
            retry_after: RETRY_AFTER,
        })?;
        let Caller::Key(key) = caller else { return Ok(Seat { _of_all: of_all, _of_key: None }) };
        let most = self.settings().key_streams_max;
        let streams = &self.quotas.streams;
        if streams.len() > limits::KEYS_MAX {
            streams.retain(|_, open| open.available_permits() < most);
        }
        let of_key = streams.entry(key.id).or_insert_with(|| Arc::new(Semaphore::new(most))).clone();
        let of_key = of_key.try_acquire_owned().map_err(|_| Error::OverQuota {
            what: "open event streams",
            max: most as u64,
            retry_after: RETRY_AFTER,
        })?;
        Ok(Seat { _of_all: of_all, _of_key: Some(of_key) })
    }

    /// What a key may use up. Whoever runs the server must get in while others press: the usual bounds are not for `admin`.
    fn quota(&self, key: &ApiKey) -> Quota {
        match key.has(Scope::Admin) {
            true => key.quota,
            false => key.quota.or(self.settings().quota),
        }
    }
}

fn reserve(line: &Arc<Mutex<Line>>, jobs: usize, most: u32) -> Option<Room> {
    let mut held = line.lock();
    let fits = held.jobs.len() + held.reserved + jobs <= most as usize;
    fits.then(|| {
        held.reserved += jobs;
        Room { line: Some(line.clone()), jobs }
    })
}
