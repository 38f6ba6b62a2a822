//! The event log on this engine.

use std::future::ready;

use tokio::sync::watch;

use super::Embedded;
use crate::clock::Timestamp;
use crate::event::{Event, EventId};
use crate::store::events::{EventFilter, EventPage, Events, Place, Told};
use crate::store::{Answer, PageOf, StoreError};

fn not_there<T: Send + 'static>() -> Answer<'static, T> {
    Box::pin(ready(Err(StoreError::Unavailable("the event log is not there yet on this engine".into()))))
}

impl Events for Embedded {
    fn after(&self, _: Place, _: usize) -> Answer<'_, Vec<Told>> {
        not_there()
    }

    fn end(&self) -> Answer<'_, Place> {
        not_there()
    }

    fn start(&self) -> Answer<'_, Place> {
        not_there()
    }

    fn place_of(&self, _: EventId) -> Answer<'_, Option<Place>> {
        not_there()
    }

    fn list_events(&self, _: EventFilter, _: EventPage) -> Answer<'_, PageOf<Told>> {
        not_there()
    }

    fn emit(&self, _: Vec<Event>) -> Answer<'_, ()> {
        not_there()
    }

    fn forget(&self, _: Timestamp, _: Option<Place>, _: usize) -> Answer<'_, u64> {
        not_there()
    }

    fn news(&self) -> watch::Receiver<()> {
        watch::channel(()).1
    }
}
