//! `GET /events`: all jobs that a filter names, from now on, or from where the reader was. An id names this boot, a place in
//! its feed, and a place in the event log, which outlives the boot. Everything up to those places was sent or is superseded by
//! what was; a reader that comes back, to a server that was started anew too, may hear something twice, and misses nothing.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use actix_web::web::Payload;
use bytes::Bytes;
use futures_util::stream;
use tokio::sync::broadcast;
use tokio::time::Instant;

use super::frame::{self, HEARTBEAT, LAST_EVENT_ID, Piece};
use super::list;
use crate::alert::{Alert, AlertStatus};
use crate::http::call::{Answer, Call};
use crate::http::query::Query;
use crate::http::view::{AlertView, JobView, Length};
use crate::job::{Job, JobId, Status};
use crate::key::Caller;
use crate::limits;
use crate::service::Service;
use crate::service::events::Missed;
use crate::service::quotas::Seat;
use crate::store::Filter;
use crate::store::alerts::AlertFilter;
use crate::store::events::Place;
use crate::watch::{Change, Changes, Lagged};

/// `GET /events`
pub(crate) async fn watch(call: Call, _: Payload) -> Answer {
    if list::is_wanted(&call) {
        return list::list(&call).await;
    }
    let mut query = Query::of(&call)?;
    let filter = query.filter();
    query.end()?;
    let service = call.service();
    let seat = service.stream(call.caller())?;
    let after = call.header(&LAST_EVENT_ID).map(|id| Stood::of(id, &service.node().node));
    let resumed = match &after {
        None => service.hub().changes(None),
        Some(Stood { number: Some(number), .. }) => service.hub().changes(Some(*number)),
        // An id of another boot, or none of ours.
        Some(_) => Err(Lagged),
    };
    // Looked at now and then from here on, so that ids soon name a place in the log.
    let up_to = service.told_up_to().await;
    let reader = Reader {
        up_to: after.as_ref().map_or(up_to, |stood| stood.place),
        missed: VecDeque::new(),
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
    /// The latest place of the log up to which everything was sent, if that is known.
    up_to: Option<Place>,
    /// What is sent before the feed goes on: the reader was away.
    missed: VecDeque<Missed>,
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
            if let Some(piece) = self.catch_up().await {
                return Some(piece);
            }
            if self.changes.is_none() {
                match self.come_back().await? {
                    Some(reset) => return Some(reset),
                    None => continue,
                }
            }
            let Some(changes) = &mut self.changes else { continue };
            // What this reader has not taken yet may be anything that the log has.
            if changes.is_current() && self.alerts.is_current() {
                self.up_to = self.service.told_up_to().await.or(self.up_to);
            }
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
                    Ok(alert) => return Some(told(&alert, &self.id())),
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
        let id = self.id();
        let view = JobView::of(job, self.service.remaining(job), &self.base, Length::Short);
        frame::event("job", Some(&id), &view)
    }

    /// Where the reader stands, for it to come back to.
    fn id(&self) -> String {
        let done = self.waiting.by_number.first_key_value().map_or(self.seen, |(number, _)| number - 1);
        let node = &self.service.node().node;
        match self.up_to {
            // What waits here is progress, which the log has nothing of.
            Some(place) => format!("{node}-{done}-{place}"),
            None => format!("{node}-{done}"),
        }
    }

    /// The next of what was missed, as it is now.
    async fn catch_up(&mut self) -> Option<Bytes> {
        while let Some(missed) = self.missed.pop_front() {
            self.up_to = Some(missed.place() - 1);
            match missed {
                Missed::Job(_, id) => {
                    let job = self.service.store().get(id).await.ok().flatten();
                    if let Some(job) = job.filter(|job| self.filter.matches(job)) {
                        return Some(self.event(&job));
                    }
                }
                Missed::Alert(told) => {
                    if let Ok(alert) = self.service.alert(told.event.aggregate.id.parse().unwrap_or_default()).await
                        && self.alerts.wants(&alert)
                    {
                        return Some(self::told(&alert, &self.id()));
                    }
                }
            }
        }
        None
    }

    /// Goes on from here, with what the log has of the time between; where that is not known any more, the answer tells so.
    async fn come_back(&mut self) -> Option<Option<Bytes>> {
        // From now on changes are heard; what came before is in the log.
        self.changes = Some(self.service.hub().changes(None).ok()?);
        self.waiting = Waiting::default();
        let missed = match self.up_to {
            Some(place) => self.service.missed_since(place).await.ok().flatten(),
            None => None,
        };
        match missed {
            Some(missed) => {
                self.missed = missed;
                Some(None)
            }
            None => Some(self.reset()),
        }
    }

    /// Tells that changes were missed.
    fn reset(&mut self) -> Option<Bytes> {
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

    /// Whether none is under way.
    fn is_current(&self) -> bool {
        self.receiver.as_ref().is_none_or(broadcast::Receiver::is_empty)
    }

    /// Whether the reader is told of this one.
    fn wants(&self, alert: &Alert) -> bool {
        self.receiver.is_some() && self.filter.matches(alert)
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
fn told(alert: &Alert, id: &str) -> Bytes {
    let name = match alert.status() {
        AlertStatus::Firing => "alert.fired",
        AlertStatus::Cleared => "alert.cleared",
    };
    frame::event(name, Some(&id), &AlertView::of(alert))
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

/// Where a reader stood that comes back.
#[derive(Debug, Default, PartialEq, Eq)]
struct Stood {
    /// In the feed of this boot.
    number: Option<u64>,
    /// In the log.
    place: Option<Place>,
}

impl Stood {
    /// What an id names; of another boot it is the place in the log alone.
    fn of(id: &str, boot: &str) -> Self {
        if let Some(rest) = id.strip_prefix(boot).and_then(|rest| rest.strip_prefix('-')) {
            let (number, place) = rest.split_once('-').map_or((rest, None), |(number, place)| (number, Some(place)));
            let place = place.and_then(|place| place.parse().ok());
            return Self { number: number.parse().ok(), place };
        }
        // A boot has dashes in it, and an id of one that did not know the log yet has no number after them.
        let mut parts = id.rsplitn(3, '-');
        let place = parts.next().and_then(|place| place.parse().ok());
        let is_whole = parts.next().is_some_and(|number| number.parse::<u64>().is_ok()) && parts.next().is_some();
        Self { number: None, place: place.filter(|_| is_whole) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Timestamp;
    use crate::job::{Name, NewJob};

    #[test]
    fn an_id_of_another_boot_is_no_place_in_the_feed() {
        let stood = |number, place| Stood { number, place };
        assert_eq!(Stood::of("abc-17", "abc"), stood(Some(17), None));
        assert_eq!(Stood::of("abc-17-99", "abc"), stood(Some(17), Some(99)));
        assert_eq!(Stood::of("abd-17-99", "abc"), stood(None, Some(99)));
        for foreign in ["abd-17", "abc-", "abc", "17", "", "abc-x", "abd-x-7", "-7"] {
            assert_eq!(Stood::of(foreign, "abc"), Stood::default(), "{foreign}");
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
