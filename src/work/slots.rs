//! How many jobs a pool has room for. The dispatcher claims no more than that, so a job of high priority never waits
//! behind claimed ones of low.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use tokio::sync::Notify;

/// The room of one pool.
#[derive(Clone)]
pub(super) struct Slots {
    shared: Arc<Shared>,
}

struct Shared {
    total: usize,
    busy: AtomicUsize,
    abandoned: AtomicUsize,
    freed: Arc<Freed>,
}

/// Where the dispatcher hears that there is room again. A slot that becomes free while others are says nothing: the
/// dispatcher would find no more to do than it knew of.
#[derive(Default)]
pub(super) struct Freed {
    is_wanted: AtomicBool,
    notify: Notify,
}

/// A taken slot; dropping it frees it.
pub(super) struct Slot {
    shared: Arc<Shared>,
    abandoned: bool,
}

impl Slots {
    /// A pool of `total` slots; `freed` is told when one becomes free.
    pub(super) fn new(total: usize, freed: Arc<Freed>) -> Self {
        let shared = Shared { total, busy: AtomicUsize::new(0), abandoned: AtomicUsize::new(0), freed };
        Self { shared: Arc::new(shared) }
    }

    /// Slots that are free now.
    pub(super) fn free(&self) -> usize {
        self.shared.free()
    }

    /// Takes a slot. Only the dispatcher does, and never more than are free.
    pub(super) fn take(&self) -> Slot {
        self.shared.busy.fetch_add(1, Ordering::AcqRel);
        Slot { shared: self.shared.clone(), abandoned: false }
    }

    /// Slots in all, busy ones, and those whose thread was given up.
    pub(super) fn figures(&self) -> (usize, usize, usize) {
        let load = |number: &AtomicUsize| number.load(Ordering::Acquire);
        (self.shared.total, load(&self.shared.busy), load(&self.shared.abandoned))
    }
}

impl Freed {
    /// Asks to be told. Room is to be looked for once more after this: it may have come in between.
    pub(super) fn want(&self) {
        self.is_wanted.store(true, Ordering::SeqCst);
    }

    /// There is room, if anybody wants to know.
    pub(super) fn tell(&self) {
        if self.is_wanted.load(Ordering::SeqCst) && self.is_wanted.swap(false, Ordering::SeqCst) {
            self.notify.notify_one();
        }
    }

    /// Waits until there is room.
    pub(super) async fn told(&self) {
        self.notify.notified().await;
    }
}

impl Shared {
    /// A lost thread may be replaced, but not without end: with as many lost as there are slots the pool shrinks.
    fn free(&self) -> usize {
        let lost = self.abandoned.load(Ordering::SeqCst).saturating_sub(self.total);
        self.total.saturating_sub(self.busy.load(Ordering::SeqCst) + lost)
    }
}

impl Slot {
    /// Gives the job's thread up: the slot is free for another thread, this one is counted until it comes back.
    pub(super) fn abandon(&mut self) {
        if !self.abandoned {
            self.abandoned = true;
            self.shared.abandoned.fetch_add(1, Ordering::SeqCst);
            self.shared.busy.fetch_sub(1, Ordering::SeqCst);
            self.shared.freed.tell();
        }
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        let count = if self.abandoned { &self.shared.abandoned } else { &self.shared.busy };
        count.fetch_sub(1, Ordering::SeqCst);
        self.shared.freed.tell();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rule_17_an_abandoned_thread_is_counted_until_it_comes_back() {
        let slots = Slots::new(1, Arc::default());
        let mut first = slots.take();
        assert_eq!((slots.free(), slots.figures()), (0, (1, 1, 0)));
        first.abandon();
        assert_eq!((slots.free(), slots.figures()), (1, (1, 0, 1)));
        let mut second = slots.take();
        second.abandon();
        assert_eq!(slots.free(), 0, "two lost threads for one slot: the pool has shrunk");
        drop(first);
        assert_eq!((slots.free(), slots.figures()), (1, (1, 0, 1)));
        drop(second);
        assert_eq!(slots.figures(), (1, 0, 0));
    }
}
