//! What a job tells of the application's own: events in the commit that completes it.

use serde::Serialize;

use super::Context;
use crate::event::{Aggregate, Event, EventId, EventType};
use crate::job::Emitted;
use crate::limits;
use crate::work::Failure;

impl Context {
    /// Tells an event of the application's own, in the commit that completes this job, and only if this job completes: with the
    /// job's ending or not at all. Whoever subscribes to its type hears of it at least once, after the job's own events.
    ///
    /// `kind` is its type, such as `PayoutCalculated` or `order.paid`; `sort` and `of` name what it is about, such as `Payout` and
    /// the id of one. Events of one thing are delivered in order.
    ///
    /// ```
    /// use faena::work::{Completion, Context, Failure};
    ///
    /// fn pay(amount: u64, ctx: &Context) -> Result<Completion, Failure> {
    ///     ctx.emit("PayoutCalculated", "Payout", "2026-48", &serde_json::json!({ "amount": amount }))?;
    ///     Ok(Completion::Done)
    /// }
    /// ```
    ///
    /// # Errors
    /// When the type or the sort is one of this program, when a text or the payload is too large, and beyond
    /// [`limits::EMITTED_MAX`] of them.
    pub fn emit(&self, kind: &str, sort: &str, of: &str, payload: &impl Serialize) -> Result<EventId, Failure> {
        let aggregate = Aggregate { sort: sort.into(), id: of.into() };
        let kind = EventType::new(kind).map_err(Failure::permanent)?;
        let event = Event::own(kind, aggregate, payload, self.run.clock.now()).map_err(Failure::permanent)?;
        let id = event.id.clone();
        let mut slots = self.run.slots.lock();
        if slots.told.len() >= limits::EMITTED_MAX {
            return Err(Failure::permanent(format!("more than {} events", limits::EMITTED_MAX)));
        }
        slots.told.push(event.into());
        Ok(id)
    }

    /// What it has told so far. It stays, since a step may be decided anew.
    pub(crate) fn told(&self) -> Vec<Emitted> {
        self.run.slots.lock().told.clone()
    }
}
