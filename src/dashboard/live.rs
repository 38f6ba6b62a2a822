//! Streams that tell a page that something changed (server-sent events). A list is told once a second at most, and asks for itself
//! anew; the page of a job is sent what moves, as it moves.

use std::sync::Arc;
use std::time::Duration;

use actix_web::HttpResponse;
use actix_web::http::header::{self, ContentEncoding};
use actix_web::web::Payload;
use bytes::Bytes;
use futures_util::stream;
use maud::Markup;
use tokio::time::{Instant, MissedTickBehavior};

use super::job::moving;
use super::visit::{Answer, Visit};
use crate::clock::Timestamp;
use crate::job::Job;
use crate::limits;
use crate::service::quotas::Seat;
use crate::watch::{Changes, JobWatch};

/// Pause between two hints to a list.
const HINT_EVERY: Duration = Duration::from_secs(1);
/// A list is told to look again after so long in any case: not everything on it is a job.
const HINT_ANYWAY: Duration = Duration::from_secs(10);
/// Pause between two looks at the log of a job that runs.
const LOG_EVERY: Duration = Duration::from_millis(500);

/// Pause between two looks at the place of a job that waits.
const QUEUE_EVERY: Duration = Duration::from_secs(2);

type Piece = Result<Bytes, std::convert::Infallible>;

/// `GET /dashboard/live`
pub(super) async fn all(visit: Visit, _: Payload) -> Answer {
    let seat = visit.service().stream(&visit.caller)?;
    let changes = visit.service().hub().changes(None).ok();
    let list = List { visit, changes, told_at: None, _seat: seat };
    Ok(answer(stream::unfold(list, |mut list| async move {
        let piece: Piece = Ok(list.piece().await?);
        list.visit.service().still_may(&list.visit.caller).await.then_some((piece, list))
    })))
}

struct List {
    visit: Visit,
    changes: Option<Changes>,
    told_at: Option<Instant>,
    _seat: Seat,
}

impl List {
    /// The next hint, once something changed that whoever reads may see. The first one comes at once: what changed between the page
    /// and this stream is not missed.
    async fn piece(&mut self) -> Option<Bytes> {
        let closing = self.visit.service().closing().clone();
        if let Some(told_at) = self.told_at {
            tokio::select! {
                () = closing.cancelled() => return None,
                () = self.change() => {}
                () = tokio::time::sleep_until(told_at + HINT_ANYWAY) => {}
            }
            tokio::select! {
                () = closing.cancelled() => return None,
                () = tokio::time::sleep_until(told_at + HINT_EVERY) => {}
            }
        }
        self.told_at = Some(Instant::now());
        Some(event("page", "{}"))
    }

    async fn change(&mut self) {
        let caller = &self.visit.caller;
        while let Some(changes) = &mut self.changes {
            match changes.next().await {
                Ok(change) if caller.sees(change.job.spec.user_id.as_deref()) => return,
                Ok(_) => {}
                Err(_) => {
                    // Too many at once: that is a change, too.
                    self.changes = self.visit.service().hub().changes(None).ok();
                    return;
                }
            }
        }
        std::future::pending::<()>().await;
    }
}

/// `GET /dashboard/jobs/{id}/live`
pub(super) async fn one(visit: Visit, _: Payload) -> Answer {
    let id = visit.job().await?.id;
    let seat = visit.service().stream(&visit.caller)?;
    let watch = visit.service().hub().watch(id);
    let job = visit.job().await?;
    let single =
        Single { visit, watch, job, sent: None, lines: None, moved_at: Instant::now(), ended: false, _seat: seat };
    Ok(answer(stream::unfold(single, |mut single| async move {
        let piece: Piece = Ok(single.piece().await?);
        single.visit.service().still_may(&single.visit.caller).await.then_some((piece, single))
    })))
}

struct Single {
    visit: Visit,
    watch: JobWatch,
    job: Arc<Job>,
    /// The revision that the page was last told to show.
    sent: Option<u32>,
    /// How many lines of the log were sent, and when the last of them was written.
    lines: Option<(usize, Timestamp)>,
    /// When the page was last sent what moves.
    moved_at: Instant,
    ended: bool,
    _seat: Seat,
}

impl Single {
    async fn piece(&mut self) -> Option<Bytes> {
        if self.ended {
            return None;
        }
        let closing = self.visit.service().closing().clone();
        if self.sent != Some(self.job.life.revision) {
            self.sent = Some(self.job.life.revision);
            self.ended = self.job.is_finished();
            return Some(event(if self.ended { "end" } else { "page" }, "{}"));
        }
        let mut queue = tokio::time::interval_at(Instant::now() + QUEUE_EVERY, QUEUE_EVERY);
        let mut look = tokio::time::interval_at(Instant::now() + LOG_EVERY, LOG_EVERY);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let heartbeat = Instant::now() + self.visit.desk.settings.heartbeat_every;
        loop {
            tokio::select! {
                () = closing.cancelled() => return None,
                changed = self.watch.changed() => {
                    self.job = changed?;
                    if self.sent != Some(self.job.life.revision) {
                        return Box::pin(self.piece()).await;
                    }
                    // What comes meanwhile is told next, so that the last one is always told.
                    tokio::time::sleep_until(self.moved_at + limits::PROGRESS_EVERY).await;
                    return Some(self.now().await);
                }
                // It moves up in the queue, and nobody tells of that.
                _ = queue.tick(), if self.job.run_at().is_some() => return Some(self.now().await),
                _ = look.tick(), if self.job.run().is_some() => {
                    let log = self.visit.service().log(self.job.id).await.unwrap_or_default();
                    let lines = log.last().map(|line| (log.len(), line.at));
                    if lines.is_some() && self.lines != lines {
                        self.lines = lines;
                        return Some(part("log", &moving::log(&self.visit, &log)));
                    }
                }
                () = tokio::time::sleep_until(heartbeat) => return Some(Bytes::from_static(b": still here\n\n")),
            }
        }
    }
}

impl Single {
    /// What moves, as it is now.
    async fn now(&mut self) -> Bytes {
        self.moved_at = Instant::now();
        part("now", &moving::now(&self.visit, &self.job).await)
    }
}

/// An element of the page, as it is now.
fn part(id: &str, markup: &Markup) -> Bytes {
    let data = serde_json::json!({ "id": id, "markup": markup.0 });
    event("part", &data.to_string())
}

/// JSON without line breaks is one line of data, whatever is in it.
fn event(name: &str, data: &str) -> Bytes {
    format!("event: {name}\ndata: {data}\n\n").into()
}

/// An answer that goes on. It must not be compressed: a compressor waits for more before it sends anything.
fn answer(stream: impl futures_util::Stream<Item = Piece> + 'static) -> HttpResponse {
    HttpResponse::Ok()
        .insert_header((header::CONTENT_TYPE, "text/event-stream; charset=utf-8"))
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .insert_header(("x-accel-buffering", "no"))
        .insert_header(ContentEncoding::Identity)
        .streaming(stream)
}
