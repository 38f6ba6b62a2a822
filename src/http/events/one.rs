//! `GET /jobs/{id}/events`: one job until it has ended. The id of an event is the job's version, so a reader that
//! comes back with the latest one is not told again what it knows.

use std::sync::Arc;
use std::time::Duration;

use actix_web::HttpResponse;
use actix_web::web::Payload;
use bytes::Bytes;
use futures_util::stream;
use tokio::time::Instant;

use super::frame::{self, HEARTBEAT, LAST_EVENT_ID, Piece};
use crate::http::call::{Answer, Call};
use crate::http::query::Query;
use crate::http::view::{JobView, Length, etag};
use crate::job::Job;
use crate::key::Caller;
use crate::limits;
use crate::service::Service;
use crate::service::quotas::Seat;
use crate::watch::JobWatch;

/// `GET /jobs/{id}/events`
pub(crate) async fn watch(call: Call, _: Payload) -> Answer {
    let id = call.job_id()?;
    let mut query = Query::of(&call)?;
    // It was looked at where the request came in.
    query.one("token");
    query.end()?;
    let service = call.service();
    let seat = service.stream(call.caller())?;
    let watch = service.hub().watch(id);
    let job = service.job(id).await?;
    let seen = call.header(&LAST_EVENT_ID).map(str::to_owned);
    let knows = seen.as_deref() == Some(version(&job).as_str());
    if knows && job.is_finished() {
        // The one answer that tells a browser not to come back.
        return Ok(HttpResponse::NoContent().finish());
    }
    let reader = Reader {
        service: service.clone(),
        caller: call.caller().clone(),
        base: call.base().to_owned(),
        watch,
        sent: knows.then(|| job.clone()),
        next: (!knows).then_some(job),
        sent_at: None,
        heartbeat_every: call.settings().heartbeat_every,
        ended: false,
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
    watch: JobWatch,
    /// The job as it was last sent.
    sent: Option<Arc<Job>>,
    /// The job as it is to be sent.
    next: Option<Arc<Job>>,
    sent_at: Option<Instant>,
    heartbeat_every: Duration,
    ended: bool,
    _seat: Seat,
}

impl Reader {
    /// The next piece of the stream, or its end.
    async fn piece(&mut self) -> Option<Bytes> {
        if self.ended {
            return None;
        }
        let closing = self.service.closing().clone();
        let heartbeat = Instant::now() + self.heartbeat_every;
        loop {
            let due = self.due();
            if due.is_some_and(|due| due <= Instant::now())
                && let Some(job) = self.next.take()
            {
                return Some(self.send(job));
            }
            tokio::select! {
                () = closing.cancelled() => return None,
                changed = self.watch.changed() => self.next = Some(changed?),
                () = tokio::time::sleep_until(due.unwrap_or(heartbeat).min(heartbeat)) => {
                    if Instant::now() >= heartbeat {
                        return Some(HEARTBEAT);
                    }
                }
            }
        }
    }

    /// When what waits is to be sent. Progress keeps a distance to the event before it; everything else does not wait.
    fn due(&self) -> Option<Instant> {
        let next = self.next.as_ref()?;
        let only_progress = self.sent.as_ref().is_some_and(|sent| {
            sent.life.progress.at().is_some() && sent.life.revision == next.life.revision && !next.is_finished()
        });
        let now = Instant::now();
        match self.sent_at {
            Some(sent_at) if only_progress => Some(sent_at + limits::PROGRESS_EVERY),
            _ => Some(now),
        }
    }

    fn send(&mut self, job: Arc<Job>) -> Bytes {
        let remaining = self.service.remaining(&job);
        let view = JobView::of(&job, remaining, &self.base, Length::Short);
        let piece = frame::event("job", Some(&version(&job)), &view);
        self.ended = job.is_finished();
        self.sent = Some(job);
        self.sent_at = Some(Instant::now());
        piece
    }
}

/// The version of a job as the id of an event: its tag without the quotes.
fn version(job: &Job) -> String {
    etag(job).trim_start_matches("W/").trim_matches('"').to_owned()
}
