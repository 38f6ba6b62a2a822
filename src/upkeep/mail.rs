//! Sends letters: a schedule's failures to those whom it names, alerts to those whom the settings name besides. What has been
//! read of the event log and what is to be told to whom is one shared state, written by compare-and-set: a process that dies
//! loses no letter, and of all processes on one store one sends at a time. It may be that one letter is sent twice, with the same id.

mod noting;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use serde::{Deserialize, Serialize};
use tokio::runtime::Handle;
use tokio_util::sync::CancellationToken;

use crate::clock::{Clock, Timestamp};
use crate::event::letter_text::{self, Facts};
use crate::event::letters::{Draft, Letters, Topic};
use crate::event::{Heard, Pattern};
use crate::job::Status;
use crate::limits;
use crate::publish::{Attempt, Smtp, email::Letter};
use crate::schedule::ScheduleId;
use crate::store::events::{EventFilter, EventPage, Place};
use crate::store::query::Start;
use crate::store::{Expected, Filter, Hold, Kept, Page, Put, Schedules, Slug, Sort, Store, StoreError};

/// What the state and the lock of letters are called.
pub const NAME: &str = "faena.letters";

/// Longest time between two looks: a hint may be lost (rule 25).
const LOOK_EVERY: Duration = Duration::from_secs(10);
/// How long a process that died keeps others from sending.
const HELD_FOR: Duration = Duration::from_secs(30);
/// Time between two looks in any case: news come in swarms, and one look answers them all.
const APART: Duration = Duration::from_secs(1);
/// How often it is written down how far the log was read when there was nothing to tell.
const KEPT_EVERY: Duration = Duration::from_secs(60);
/// Events that are read at once.
const PAGE: usize = 500;
/// What letters tell of.
const TYPES: [&str; 3] = ["job.failed", "alert.fired", "alert.cleared"];
/// Letters that are handed over at once. So many may be sent twice after a crash.
const AT_ONCE: usize = 4;

/// Who sends letters.
pub struct Postman {
    parts: Parts,
    known: Option<Known>,
}

/// What is kept, as this process knows it.
struct Known {
    bag: Bag,
    revision: Expected,
    kept_at: Timestamp,
    /// There is more in it than is kept.
    has_news: bool,
}

/// What letters are made of.
pub struct Parts {
    /// Where events, states and jobs are.
    pub store: Arc<dyn Store>,
    /// Where schedules are.
    pub schedules: Arc<dyn Schedules>,
    /// Where the time comes from.
    pub clock: Clock,
    /// By which server letters go.
    pub smtp: Smtp,
    /// Where the API is, without a slash at its end.
    pub base: String,
    /// Who hears of every alert.
    pub alert_emails: Vec<String>,
    /// Who this process is.
    pub node: Arc<str>,
}

/// What is kept from look to look.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Bag {
    /// Everything before it has been read.
    read_to: Place,
    letters: Letters,
}

/// What a look led to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Posted {
    /// Letters that were taken.
    pub sent: u64,
    /// Tries that failed.
    pub failed: u64,
    /// Letters that were given up.
    pub given_up: u64,
    /// When the next one is due; none when none waits.
    pub next: Option<Timestamp>,
}

impl Postman {
    /// Who sends letters made of these parts.
    pub fn new(parts: Parts) -> Self {
        Self { parts, known: None }
    }

    /// Looks until it is ended.
    pub(super) async fn run(mut self, ended: CancellationToken) {
        let mut news = self.parts.store.events().news();
        let mut hold = None;
        loop {
            let pause = tokio::select! {
                () = ended.cancelled() => return,
                pause = self.turn(&mut hold) => pause,
            };
            tokio::select! {
                () = ended.cancelled() => return,
                () = tokio::time::sleep(APART.min(pause)) => {}
            }
            tokio::select! {
                () = ended.cancelled() => return,
                // Without a sender there are no hints, and looking now and then is enough.
                Ok(()) = news.changed() => {}
                () = tokio::time::sleep(pause.saturating_sub(APART)) => {}
            }
        }
    }

    /// Looks, if no other process does. The answer is how long there is nothing to do.
    async fn turn(&mut self, hold: &mut Option<Hold>) -> Duration {
        let looked = match self.take(hold).await {
            Ok(true) => self.look().await,
            Ok(false) => return LOOK_EVERY,
            Err(error) => Err(error),
        };
        match looked {
            Ok(posted) => {
                let next = posted.next.map(|at| Duration::from_millis(at.millis_since(self.parts.clock.now())));
                next.map_or(LOOK_EVERY, |next| next.min(LOOK_EVERY))
            }
            Err(error) => {
                tracing::warn!(service = "mail", %error, "upkeep did not get through; it tries again");
                LOOK_EVERY
            }
        }
    }

    /// Whether this process is the one that sends.
    async fn take(&self, hold: &mut Option<Hold>) -> Result<bool, StoreError> {
        let Parts { store, clock, node, .. } = &self.parts;
        if hold.as_ref().is_none_or(Hold::is_lost) {
            *hold = Hold::take(store, clock, &Handle::current(), (name()?, node.clone(), HELD_FOR)).await?;
        }
        Ok(hold.is_some())
    }

    /// Reads on in the event log, and sends the letters that are due.
    ///
    /// # Errors
    /// When the store fails, or another process has written meanwhile; what has been sent stays so.
    pub async fn look(&mut self) -> Result<Posted, StoreError> {
        // What is half done is forgotten with an error, and the next look begins with what is kept.
        let known = match self.known.take() {
            Some(known) => known,
            None => self.recall().await?,
        };
        let (known, posted) = self.post(known).await?;
        self.known = Some(known);
        Ok(posted)
    }

    async fn post(&self, mut known: Known) -> Result<(Known, Posted), StoreError> {
        let mut posted = Posted::default();
        self.read_on(&mut known).await?;
        let now = self.parts.clock.now();
        known.bag.letters.tidy(now);
        let is_old = now.millis_since(known.kept_at) >= KEPT_EVERY.as_millis() as u64;
        if known.has_news || is_old {
            self.keep(&mut known).await?;
        }
        for some in known.bag.letters.due(now).chunks(AT_ONCE) {
            let attempts = join_all(some.iter().map(|(to, draft)| self.send(to, draft))).await;
            for ((to, _), attempt) in some.iter().zip(attempts) {
                self.settle(&mut known.bag.letters, to, &attempt?, &mut posted);
            }
            self.keep(&mut known).await?;
        }
        posted.next = known.bag.letters.next_due();
        Ok((known, posted))
    }

    /// Takes in what the log tells since the last look, as far as there is room.
    async fn read_on(&self, known: &mut Known) -> Result<(), StoreError> {
        let events = self.parts.store.events();
        // Whatever shows later stands after it.
        let end = events.end().await?;
        let types: Vec<Pattern> = TYPES.iter().filter_map(|kind| kind.parse().ok()).collect();
        loop {
            let filter = EventFilter { types: types.clone(), ..EventFilter::default() };
            let page = EventPage { newest_first: false, after: Some(known.bag.read_to), limit: PAGE };
            let page = events.list_events(filter, page).await?;
            for told in &page.items {
                let now = self.parts.clock.now();
                if self.note(&mut known.bag.letters, &told.event, now).await?.is_err() {
                    // The log holds the rest until there is room.
                    return Ok(());
                }
                known.bag.read_to = told.place;
                known.has_news = true;
            }
            match page.next() {
                Some(next) => known.bag.read_to = known.bag.read_to.max(next),
                None => {
                    known.bag.read_to = known.bag.read_to.max(end);
                    return Ok(());
                }
            }
        }
    }

    /// One try of a letter.
    async fn send(&self, to: &str, draft: &Draft) -> Result<Attempt, StoreError> {
        let last_good = self.last_good(draft).await?;
        let facts = Facts { base: &self.parts.base, last_good: &last_good };
        let written = letter_text::write(to, draft, facts);
        let letter = Letter { to, subject: &written.subject, text: &written.text, id: &written.id };
        Ok(self.parts.smtp.send(letter).await)
    }

    fn settle(&self, letters: &mut Letters, to: &str, attempt: &Attempt, posted: &mut Posted) {
        let now = self.parts.clock.now();
        if attempt.heard == Heard::Taken {
            posted.sent += 1;
            letters.sent(to, now);
            return;
        }
        posted.failed += 1;
        let said = &attempt.said;
        let never = matches!(attempt.heard, Heard::Answer { status: 500.., .. });
        match letters.failed(to, never, now) {
            None => tracing::warn!(said, "a letter was not taken; it is tried again"),
            Some(draft) => {
                posted.given_up += 1;
                let items = draft.items().len();
                tracing::error!(said, items, "a letter is given up; look at the address and at GET /alerts");
            }
        }
    }

    /// When the last good execution of each schedule in a letter ended.
    async fn last_good(&self, draft: &Draft) -> Result<BTreeMap<ScheduleId, Timestamp>, StoreError> {
        let mut ended = BTreeMap::new();
        for item in draft.items() {
            let Topic::Failures { schedule, .. } = &item.topic else { continue };
            let schedule_id = Some(schedule.to_string().into());
            let filter = Filter { schedule_id, status: vec![Status::Completed], ..Filter::default() };
            let page = Page { sort: Sort::CreatedDescending, limit: 1, start: Start::Offset(0) };
            let found = self.parts.store.list(filter, page, self.parts.clock.now()).await?;
            let end = found.items.first().and_then(|job| Some(job.end()?.at));
            ended.extend(end.map(|at| (*schedule, at)));
        }
        Ok(ended)
    }

    /// What is kept. Where nothing is, letters tell of what happens from now on.
    async fn recall(&self) -> Result<Known, StoreError> {
        let Parts { store, clock, .. } = &self.parts;
        let now = clock.now();
        let state = store.states().state(&name()?, now).await?;
        let revision = state.as_ref().map_or(Expected::Nothing, |state| Expected::Revision(state.revision));
        let kept = state.and_then(|state| match serde_json::from_str::<Bag>(&state.value) {
            Ok(bag) => Some(bag),
            Err(error) => {
                tracing::error!(%error, "the letters that waited cannot be read, and begin anew");
                None
            }
        });
        if let Some(bag) = kept {
            return Ok(Known { bag, revision, kept_at: now, has_news: false });
        }
        let bag = Bag { read_to: store.events().end().await?, letters: Letters::default() };
        let mut known = Known { bag, revision, kept_at: now, has_news: true };
        self.keep(&mut known).await?;
        Ok(known)
    }

    async fn keep(&self, known: &mut Known) -> Result<(), StoreError> {
        let Parts { store, clock, .. } = &self.parts;
        let value = serde_json::to_string(&known.bag).map_err(|error| StoreError::Broken(error.to_string().into()))?;
        let put = Put { name: name()?, value: value.into(), ttl: limits::STATE_TTL_MAX, expected: known.revision };
        let now = clock.now();
        match store.states().put_state(put, now).await? {
            Kept::Made(state) | Kept::Replaced(state) => known.revision = Expected::Revision(state.revision),
            Kept::Unexpected(_) => {
                return Err(StoreError::Unavailable("another process has written letters".into()));
            }
            Kept::Full => return Err(StoreError::Unavailable("there are as many states as there may be".into())),
        }
        (known.kept_at, known.has_news) = (now, false);
        Ok(())
    }
}

fn name() -> Result<Slug, StoreError> {
    Slug::new(NAME).map_err(|why| StoreError::Unavailable(why.into()))
}
