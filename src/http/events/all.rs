//! `GET /events`: all jobs that a filter names, from now on, or from where the reader was. An id names this boot and a
//! place in its feed. Everything up to that place was sent or is superseded by what was; a reader that comes back may
//! hear something twice, and misses nothing.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use actix_web::web::Payload;
use bytes::Bytes;
use futures_util::stream;
use tokio::sync::broadcast;
use tokio::time::Instant;

use super::frame::{self, HEARTBEAT, LAST_EVENT_ID, Piece};
use crate::alert::{Alert, AlertStatus};
use crate::http::call::{Answer, Call};
use crate::http::query::Query;
use crate::http::view::{AlertView, JobView, Length};
use crate::job::{Job, JobId, Status};
use crate::key::Caller;
use crate::limits;
use crate::service::Service;
use crate::service::quotas::Seat;
use crate::store::Filter;
use crate::store::alerts::AlertFilter;
use crate::watch::{Change, Changes, Lagged};

/// `GET /events`
pub(crate) async fn watch(call: Call, _: Payload) -> Answer {
    let mut query = Query::of(&call)?;
    let filter = query.filter();
    query.end()?;
    let service = call.service();
    let seat = service.stream(call.caller())?;
    let after = call.header(&LAST_EVENT_ID).map(|id| place(id, &service.node().node));
    let resumed = match after {
        None => service.hub().changes(None),
        Some(Some(number)) => service.hub().changes(Some(number)),
        // An id of another boot, or none of ours.
        Some(None) => Err(Lagged),
    };
    let reader = Reader {
        alerts: AlertsHeard::of(service, &filter),
        service: service.clone(),
        caller: call.caller().clone(),
        base: call.base().to_owned(),
        filter,
        changes: resumed.ok(),
        first: true,
        waiting: Waiting::default(),
        seen: 0,
        heartbeat_every: call.settings().heartbeat_every,
        _seat: seat,
    };
    frame::answer(stream::unfold(reader, |mut reader| async move {
        let piece: Piece = Ok(reader.piece().await?);
        if !reader.service.still_may(&reader.caller).await {
            // The key was taken back meanwhile.
            return None;
        }
        Some((piece, reader))
    }))
}

struct Reader {
    service: Arc<Service>,
    caller: Caller,
    base: String,
    filter: Filter,
    /// The feed; none when changes were missed and the reader is yet to be told.
    changes: Option<Changes>,
    alerts: AlertsHeard,
    /// Nothing was sent yet.
    first: bool,
    waiting: Waiting,
    /// The latest change that was taken from the feed.
    seen: u64,
    heartbeat_every: Duration,
    _seat: Seat,
}

/// Progress that keeps its distance: the latest of each job, in the order of the feed.
#[derive(Default)]
struct Waiting {
    by_number: BTreeMap<u64, Arc<Job>>,
    by_job: HashMap<JobId, Slot>,
    /// When the oldest of it is due.
    due: Option<Instant>,
}

/// What is known of a job that reports progress.
struct Slot {
    sent_at: Instant,
    number: Option<u64>,
}

impl Reader {
    /// The next piece of the stream, or its end.
    async fn piece(&mut self) -> Option<Bytes> {
        // Something at once, so that the reader and all between know that the stream is open.
        if std::mem::take(&mut self.first) {
            return Some(HEARTBEAT);
        }
        let closing = self.service.closing().clone();
        let heartbeat = Instant::now() + self.heartbeat_every;
        loop {
            if let Some(job) = self.waiting.take_due(Instant::now()) {
                return Some(self.event(&job));
            }
            let Some(changes) = &mut self.changes else { return self.reset() };
            tokio::select! {
                () = closing.cancelled() => return None,
                change = changes.next() => match change {
                    Ok(change) => {
                        if let Some(job) = self.take(change) {
                            return Some(self.event(&job));
                        }
                    }
                    Err(Lagged) => self.changes = None,
                },
                heard = self.alerts.next() => match heard {
                    Ok(alert) => return Some(told(&alert)),
                    Err(Lagged) => self.changes = None,
                },
                () = tokio::time::sleep_until(self.waiting.due.unwrap_or(heartbeat).min(heartbeat)) => {
                    if Instant::now() >= heartbeat {
                        return Some(HEARTBEAT);
                    }
                }
            }
        }
    }

    /// What a change means for this reader: an event now, later, or nothing.
    fn take(&mut self, change: Change) -> Option<Arc<Job>> {
        let Change { number, job } = change;
        self.seen = number;
        if !self.filter.matches(&job) {
            self.waiting.forget(job.id);
            return None;
        }
        if job.status() == Status::Progress {
            return self.waiting.pace(number, job, Instant::now());
        }
        self.waiting.forget(job.id);
        Some(job)
    }

    fn event(&self, job: &Job) -> Bytes {
        let done = self.waiting.by_number.first_key_value().map_or(self.seen, |(number, _)| number - 1);
        let id = format!("{}-{done}", self.service.node().node);
        let view = JobView::of(job, self.service.remaining(job), &self.base, Length::Short);
        frame::event("job", Some(&id), &view)
    }

    /// Tells that changes were missed, and goes on from here.
    fn reset(&mut self) -> Option<Bytes> {
        self.changes = Some(self.service.hub().changes(None).ok()?);
        self.waiting = Waiting::default();
        let reason = serde_json::json!({ "reason": "changes were missed; look at the list again" });
        Some(frame::event("reset", None, &reason))
    }
}

/// Alerts that a reader hears of: a reader who asks for jobs by anything that alerts have not hears of none.
struct AlertsHeard {
    receiver: Option<broadcast::Receiver<Arc<Alert>>>,
    filter: AlertFilter,
}

impl AlertsHeard {
    fn of(service: &Service, filter: &Filter) -> Self {
        let rest = Filter { sub_type: None, schedule_id: None, ..filter.clone() };
        Self {
            receiver: (rest == Filter::default()).then(|| service.hub().alerts()),
            filter: AlertFilter {
                sub_type: filter.sub_type.clone(),
                schedule: filter.schedule_id.clone(),
                ..AlertFilter::default()
            },
        }
    }

    /// The next one; it never comes when none is to be heard of.
    async fn next(&mut self) -> Result<Arc<Alert>, Lagged> {
        let Some(receiver) = &mut self.receiver else { return std::future::pending().await };
        loop {
            let alert = receiver.recv().await.map_err(|_| Lagged)?;
            if self.filter.matches(&alert) {
                return Ok(alert);
            }
        }
    }
}

/// An alert as an event.
fn told(alert: &Alert) -> Bytes {
    let name = match alert.status() {
        AlertStatus::Firing => "alert.fired",
        AlertStatus::Cleared => "alert.cleared",
    };
    frame::event(name, None, &AlertView::of(alert))
}

impl Waiting {
    /// Lets progress through if the last of this job is long enough ago, or keeps it until then.
    fn pace(&mut self, number: u64, job: Arc<Job>, now: Instant) -> Option<Arc<Job>> {
        let id = job.id;
        let Some(slot) = self.by_job.get_mut(&id) else {
            self.by_job.insert(id, Slot { sent_at: now, number: None });
            return Some(job);
        };
        if let Some(superseded) = slot.number.replace(number) {
            self.by_number.remove(&superseded);
        }
        let due = slot.sent_at + limits::PROGRESS_EVERY;
        self.by_number.insert(number, job);
        self.due = Some(self.due.map_or(due, |earlier| earlier.min(due)));
        None
    }

    /// The first of what is due. Once something is, all that waits goes out in order: each has waited for its turn by
    /// at most the distance that was asked for.
    fn take_due(&mut self, now: Instant) -> Option<Arc<Job>> {
        if self.due? > now {
            return None;
        }
        let Some((_, job)) = self.by_number.pop_first() else {
            self.due = None;
            return None;
        };
        if let Some(slot) = self.by_job.get_mut(&job.id) {
            *slot = Slot { sent_at: now, number: None };
        }
        Some(job)
    }

    /// A job that no longer reports progress to this reader.
    fn forget(&mut self, id: JobId) {
        if let Some(number) = self.by_job.remove(&id).and_then(|slot| slot.number) {
            self.by_number.remove(&number);
        }
    }
}

/// The place that an id of this boot names.
fn place(id: &str, boot: &str) -> Option<u64> {
    id.strip_prefix(boot)?.strip_prefix('-')?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Timestamp;
    use crate::job::{Name, NewJob};

    #[test]
    fn an_id_of_another_boot_is_no_place() {
        assert_eq!(place("abc-17", "abc"), Some(17));
        for foreign in ["abd-17", "abc-", "abc", "17", "", "abc-x"] {
            assert_eq!(place(foreign, "abc"), None, "{foreign}");
        }
    }

    #[test]
    fn progress_keeps_its_distance_and_the_last_of_it_arrives() {
        let job = |seq| Arc::new(NewJob::new(Name::new("t").unwrap(), "{}").accept(seq, Timestamp::from_millis(0)));
        let (first, now) = (job(1), Instant::now());
        let mut waiting = Waiting::default();
        assert!(waiting.pace(1, first.clone(), now).is_some(), "the first goes through");
        assert!(waiting.pace(2, first.clone(), now).is_none());
        assert!(waiting.pace(3, first.clone(), now).is_none());
        assert!(waiting.take_due(now).is_none());
        assert_eq!(waiting.by_number.keys().copied().collect::<Vec<_>>(), [3], "only the last is kept");
        assert!(waiting.take_due(now + limits::PROGRESS_EVERY).is_some());
        assert!(waiting.take_due(now + limits::PROGRESS_EVERY * 2).is_none());
        waiting.pace(4, first.clone(), now);
        waiting.forget(first.id);
        assert!(waiting.by_number.is_empty() && waiting.by_job.is_empty());
    }
}
