//! The task of one subscription: reads the log, tries, and writes down what came of it.

use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use tokio::sync::{Notify, broadcast, watch};
use tokio_util::sync::CancellationToken;

use super::Relayer;
use crate::clock::Timestamp;
use crate::event::relay::Bounds;
use crate::event::{Event, Next, Relay, Sending, Subscription, SubscriptionId};
use crate::limits;
use crate::publish::{Attempt, Parcel, Publisher};
use crate::store::events::{Place, Told};
use crate::store::locks::{Acquired, Grant, Proof, Take};
use crate::store::outbox::Relayed;
use crate::store::{Slug, StoreError};
use crate::watch::{Pass, Sent};

/// The task of one subscription.
pub(super) struct Runner {
    relayer: Relayer,
    terms: Arc<Subscription>,
    passes: broadcast::Receiver<Pass>,
    /// Told when somebody else may have moved the course.
    poked: Arc<Notify>,
    /// Up to where the log calls somebody back.
    called: watch::Receiver<Place>,
    /// Passes that are under way, and what was sent since they began.
    asked: Vec<(Pass, Sent)>,
    /// When the next pass of the timetable is, where there is one.
    next_pass: Option<Timestamp>,
    /// Whether a pass of the timetable goes on.
    in_pass: Option<Sent>,
}

/// How a round ended.
enum Over {
    /// Somebody else has moved the course: it begins anew from what is kept.
    Anew,
    /// It is to end.
    Ended,
}

/// Events that are read from the log at once.
const READ_MAX: usize = 256;
/// Longest time without a look.
const IDLE: Duration = Duration::from_secs(5);
/// Pause after a store that did not get through, and between two looks for the lock of another node.
const PAUSE: Duration = Duration::from_secs(1);
/// Longest pause after a store that did not get through.
const PAUSE_MAX: Duration = Duration::from_secs(30);
/// How long an end waits for tries that are under way.
const LAST_TRIES: Duration = Duration::from_secs(3);
/// Term of the lock by which nodes agree who serves a subscription.
const TURN: Duration = Duration::from_secs(15);

impl Runner {
    pub(super) fn new(
        relayer: Relayer,
        terms: Arc<Subscription>,
        passes: broadcast::Receiver<Pass>,
        poked: Arc<Notify>,
    ) -> Self {
        let called = relayer.store.events().called();
        Self { relayer, terms, passes, poked, called, asked: Vec::new(), next_pass: None, in_pass: None }
    }

    /// Serves the subscription until it is ended.
    pub(super) async fn run(mut self, ended: CancellationToken) {
        self.next_pass = self.pass_after(self.relayer.clock.now());
        let mut pause = PAUSE;
        while !ended.is_cancelled() {
            match self.round(&ended).await {
                Ok(Over::Anew) => pause = PAUSE,
                Ok(Over::Ended) => break,
                Err(error) => {
                    tracing::warn!(service = "relay", subscription = %self.terms.id, %error, "upkeep did not get through; it tries again");
                    tokio::select! {
                        () = ended.cancelled() => break,
                        () = tokio::time::sleep(pause) => pause = (2 * pause).min(PAUSE_MAX),
                    }
                }
            }
        }
        self.leave_turn().await;
    }

    /// Serves it from what is kept, for as long as nobody else does.
    async fn round(&mut self, ended: &CancellationToken) -> Result<Over, StoreError> {
        if !self.has_turn(self.relayer.clock.now()).await? {
            self.answer_passes();
            tokio::select! {
                () = ended.cancelled() => return Ok(Over::Ended),
                () = tokio::time::sleep(PAUSE) => return Ok(Over::Anew),
            }
        }
        let store = self.relayer.store.clone();
        let Some(course) = store.outbox().course(self.terms.id).await? else { return Ok(Over::Ended) };
        let pending = store.outbox().pending(self.terms.id).await?;
        let name = self.terms.id.to_string();
        let mut relay = Relay::new(&name, self.bounds(), course, pending);
        let mut off = relay.endpoint().off;
        // Whoever calls back hears of that alone: on PostgreSQL, news of everything have their price while anybody listens.
        let mut news = (!self.is_callbacks()).then(|| store.events().news());
        let Some(publisher) = self.relayer.publishers.get(self.terms.via).cloned() else { return Ok(Over::Ended) };
        let mut tries = FuturesUnordered::new();
        let mut turn_until = self.relayer.clock.now().plus(TURN / 3);
        loop {
            let now = self.relayer.clock.now();
            if now >= turn_until {
                if !self.has_turn(now).await? {
                    return Ok(Over::Anew);
                }
                turn_until = now.plus(TURN / 3);
            }
            self.begin_pass(now, &mut relay);
            let works =
                self.relayer.times.is_none() || self.in_pass.is_some() || !self.asked.is_empty() || !self.is_outbox();
            let is_read = !works || self.read(&mut relay, now).await?;
            let starting = if works { relay.start(now) } else { Vec::new() };
            let is_done = starting.is_empty() && tries.is_empty() && is_read;
            for place in starting {
                if let Some(sending) = relay.sending(place) {
                    let sending = sending.clone();
                    tries.push(attempt(publisher.clone(), self.terms.clone(), sending, now));
                }
            }
            let must = is_done && (self.in_pass.is_some() || !self.asked.is_empty());
            let mut stale = false;
            if let Some(progress) = relay.progress(now, must) {
                match store.outbox().relay(self.terms.id, progress).await? {
                    Relayed::Applied => {}
                    Relayed::Stale => stale = true,
                    Relayed::Absent => return Ok(Over::Ended),
                }
            }
            if stale {
                return Ok(Over::Anew);
            }
            if relay.is_written() && relay.endpoint().off != off {
                off = relay.endpoint().off;
                self.relayer.doubted.notify_one();
            }
            if is_done {
                self.end_pass();
            }
            let wait = self.wait(&relay, now, works);
            tokio::select! {
                biased;
                () = ended.cancelled() => {
                    while let Ok(Some((place, attempt))) = tokio::time::timeout(LAST_TRIES, tries.next()).await {
                        self.hear(&mut relay, place, &attempt);
                    }
                    if let Some(progress) = relay.progress(self.relayer.clock.now(), true) {
                        store.outbox().relay(self.terms.id, progress).await?;
                    }
                    self.answer_passes();
                    return Ok(Over::Ended);
                }
                Some((place, attempt)) = tries.next(), if !tries.is_empty() => self.hear(&mut relay, place, &attempt),
                pass = self.passes.recv() => {
                    if let Ok(pass) = pass {
                        self.asked.push((pass, Sent::default()));
                        relay.hurry(self.relayer.clock.now());
                    }
                }
                () = self.poked.notified() => {
                    let there = store.outbox().course(self.terms.id).await?;
                    if there.is_none_or(|there| there.revision != relay.revision()) {
                        return Ok(Over::Anew);
                    }
                }
                () = heard(news.as_mut()), if works && is_read => {}
                () = heard(Some(&mut self.called)), if works && is_read && self.is_callbacks() => {}
                () = tokio::time::sleep(wait) => {}
            }
        }
    }

    /// Reads the log as far as there is room. The answer says whether there is nothing more to read for now, or no room for it.
    async fn read(&mut self, relay: &mut Relay, now: Timestamp) -> Result<bool, StoreError> {
        let room = relay.room();
        if room == 0 {
            return Ok(true);
        }
        if self.is_callbacks() {
            let end = self.relayer.store.events().end().await?;
            if *self.called.borrow_and_update() <= relay.read_to() {
                relay.offer(Vec::new(), end.max(relay.read_to()), now);
                return Ok(true);
            }
        }
        let read = self.relayer.store.events().after(relay.read_to(), READ_MAX).await?;
        let is_last = read.len() < READ_MAX;
        let Some(mut read_to) = read.last().map(|told| told.place) else { return Ok(true) };
        let mut wanted = Vec::new();
        let mut is_cut = false;
        for told in read {
            let place = told.place;
            let Some((event, to)) = self.wanted(told) else { continue };
            if wanted.len() == room {
                // The rest is read again when there is room.
                (read_to, is_cut) = (place - 1, true);
                break;
            }
            wanted.push((place, event, to));
        }
        relay.offer(wanted, read_to, now);
        Ok(is_last || is_cut)
    }

    /// The event, if it is wanted, and its own address if it has one.
    fn wanted(&self, told: Told) -> Option<(Event, Box<str>)> {
        if !self.terms.wants(&told.event, told.user.as_deref()) {
            return None;
        }
        match self.terms.id {
            SubscriptionId::CALLBACKS => told.callback.map(|to| (told.event, (&*to).into())),
            _ => Some((told.event, "".into())),
        }
    }

    fn hear(&mut self, relay: &mut Relay, place: u64, attempt: &Attempt) {
        let now = self.relayer.clock.now();
        let was_on = relay.endpoint().off.is_none();
        let next = relay.heard(place, attempt.heard, attempt.took.as_millis() as u64, &attempt.said, now);
        let sent = match next {
            Some(Next::Delivered) => Sent { processed: 1, failed: 0 },
            Some(_) => Sent { processed: 0, failed: 1 },
            None => Sent::default(),
        };
        self.asked.iter_mut().map(|(_, so_far)| so_far).chain(&mut self.in_pass).for_each(|so_far| *so_far += sent);
        if let Some(off) = relay.endpoint().off.filter(|_| was_on) {
            tracing::warn!(event = "subscription.off", subscription = %self.terms.id, why = %off, "an endpoint takes no events and is switched off; what happens is kept for it as long as the log reaches back");
        }
    }

    /// Begins the pass of the timetable, if its time has come.
    fn begin_pass(&mut self, now: Timestamp, relay: &mut Relay) {
        if self.next_pass.is_some_and(|at| at <= now) {
            self.next_pass = self.pass_after(now);
            self.in_pass.get_or_insert_default();
            relay.hurry(now);
        }
    }

    /// Everything that was due has been tried: whoever asked for it is told.
    fn end_pass(&mut self) {
        self.answer_passes();
        if let Some(Sent { processed, failed }) = self.in_pass.take() {
            tracing::info!(processed, failed, "[Job:Outbox] processed: {processed}, failed: {failed}");
        }
    }

    fn answer_passes(&mut self) {
        while let Ok(pass) = self.passes.try_recv() {
            self.asked.push((pass, Sent::default()));
        }
        self.asked.drain(..).for_each(|(pass, sent)| pass.answer(sent));
    }

    /// How long there is nothing to do unless something happens.
    fn wait(&self, relay: &Relay, now: Timestamp, works: bool) -> Duration {
        let due = relay.next_due(now).filter(|_| works);
        let written = (!relay.is_written()).then(|| now.plus(limits::RELAY_STEP_EVERY));
        let next = [due, written, self.next_pass].into_iter().flatten().min();
        next.map_or(IDLE, |at| Duration::from_millis(at.millis_since(now)).clamp(Duration::from_millis(1), IDLE))
    }

    fn pass_after(&self, now: Timestamp) -> Option<Timestamp> {
        let times = self.relayer.times.as_ref().filter(|_| self.is_outbox())?;
        times.next_after(now).map(|tick| tick.at)
    }

    fn is_callbacks(&self) -> bool {
        self.terms.id == SubscriptionId::CALLBACKS
    }

    fn is_outbox(&self) -> bool {
        self.terms.id == SubscriptionId::OUTBOX
    }

    fn bounds(&self) -> Bounds {
        match self.terms.id {
            SubscriptionId::CALLBACKS => Bounds::MANY,
            // An operator's own publisher is not switched off: nobody would switch it on again.
            SubscriptionId::OUTBOX => Bounds { may_be_off: false, ..Bounds::ONE },
            _ => Bounds::ONE,
        }
    }

    /// Whether this node serves the subscription. Only an optimisation: each step is a compare-and-set.
    async fn has_turn(&self, now: Timestamp) -> Result<bool, StoreError> {
        let (Some(_), Some(name)) = (self.relayer.store.nodes(), self.turn()) else { return Ok(true) };
        let take = Take { name, owner: self.relayer.node.clone(), ttl: TURN, grant: Grant::Any, in_process: false };
        let acquired = self.relayer.store.locks().acquire(take, now).await?;
        // Without a lock that it could wait for, a node goes on: what is sent twice is no harm.
        Ok(!matches!(acquired, Acquired::Held(_)))
    }

    async fn leave_turn(&self) {
        let (Some(_), Some(name)) = (self.relayer.store.nodes(), self.turn()) else { return };
        let by = Proof::Owner(self.relayer.node.clone());
        // Its term ends by itself, too.
        let _ = self.relayer.store.locks().release(name, by, self.relayer.clock.now()).await;
    }

    fn turn(&self) -> Option<Slug> {
        Slug::new(format!("faena.relay.{}", self.terms.id)).ok()
    }
}

/// One try.
async fn attempt(
    publisher: Arc<dyn Publisher>,
    terms: Arc<Subscription>,
    sending: Sending,
    now: Timestamp,
) -> (u64, Attempt) {
    let secrets = terms.valid_secrets(now);
    let to = if sending.to.is_empty() { &*terms.to } else { &*sending.to };
    (sending.place, publisher.publish(Parcel { event: &sending.event, to, secrets: &secrets }, now).await)
}

/// Waits for news of the log; for ever when there will be none.
async fn heard<T>(news: Option<&mut watch::Receiver<T>>) {
    let Some(news) = news else { return std::future::pending().await };
    if news.changed().await.is_err() {
        std::future::pending().await
    }
}
