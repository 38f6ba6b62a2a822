//! Who waits for work besides the dispatcher: calls that are held until there is some for a worker of another process. They
//! stand together by what they can do, and a hint calls one of each sort. Whoever is called and finds that there may be
//! more calls the next one; so a hundred that wait cost no more than one.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use parking_lot::Mutex;
use tokio::sync::Notify;

use super::Hub;
use crate::job::Name;

/// Those who wait.
#[derive(Default)]
pub(super) struct Takers {
    waiting: AtomicUsize,
    sorts: Mutex<HashMap<Arc<[Name]>, Sort>>,
}

/// Those who can do the same.
#[derive(Default)]
struct Sort {
    /// A call that meets nobody is kept for the next who listens.
    bell: Arc<Notify>,
    waiting: usize,
}

impl Takers {
    /// Calls one of each sort.
    pub(super) fn call(&self) {
        if self.waiting.load(Ordering::Acquire) > 0 {
            self.sorts.lock().values().for_each(|sort| sort.bell.notify_one());
        }
    }

    /// Calls one of a sort.
    pub(super) fn call_one(&self, sub_types: &[Name]) {
        if self.waiting.load(Ordering::Acquire) > 0
            && let Some(sort) = self.sorts.lock().get(sub_types)
        {
            sort.bell.notify_one();
        }
    }

    fn enter(&self, sub_types: &Arc<[Name]>) -> Arc<Notify> {
        self.waiting.fetch_add(1, Ordering::AcqRel);
        let mut sorts = self.sorts.lock();
        let sort = sorts.entry(sub_types.clone()).or_default();
        sort.waiting += 1;
        sort.bell.clone()
    }

    fn leave(&self, sub_types: &Arc<[Name]>) {
        let mut sorts = self.sorts.lock();
        if let Some(sort) = sorts.get_mut(sub_types) {
            sort.waiting -= 1;
            if sort.waiting == 0 {
                sorts.remove(sub_types);
            }
        }
        drop(sorts);
        self.waiting.fetch_sub(1, Ordering::AcqRel);
    }
}

/// One who waits. It hears of all that becomes ready from its beginning on: take it first, then look for work, and nothing is
/// missed.
pub struct Taker {
    hub: Arc<Hub>,
    sub_types: Arc<[Name]>,
    bell: Arc<Notify>,
}

impl Taker {
    pub(super) fn new(hub: Arc<Hub>, sub_types: Arc<[Name]>) -> Self {
        let bell = hub.takers.enter(&sub_types);
        Self { hub, sub_types, bell }
    }

    /// Waits until there may be work. A call that is not waited for to its end goes to the next who waits.
    pub async fn called(&self) {
        self.bell.notified().await;
    }
}

impl Drop for Taker {
    fn drop(&mut self) {
        self.hub.takers.leave(&self.sub_types);
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    fn taker(hub: &Arc<Hub>, sub_type: &str) -> Taker {
        hub.taker([Name::new(sub_type).unwrap()].into())
    }

    #[tokio::test]
    async fn a_hint_calls_one_of_each_sort_and_that_one_calls_the_next() {
        let hub = Arc::new(Hub::default());
        let takers = [taker(&hub, "a"), taker(&hub, "a"), taker(&hub, "b")];
        let mut calls: Vec<_> = takers.iter().map(|taker| Box::pin(taker.called())).collect();
        let mut called = || calls.iter_mut().map(|call| call.now_or_never().is_some()).collect::<Vec<_>>();
        assert_eq!(called(), [false, false, false]);
        hub.ready().notify_one();
        hub.work().await;
        let first = called();
        assert_eq!((first[0] ^ first[1], first[2]), (true, true), "{first:?}");
    }

    #[tokio::test]
    async fn a_call_between_two_waits_is_kept_and_one_that_is_left_goes_to_the_next() {
        let hub = Arc::new(Hub::default());
        let (first, second) = (taker(&hub, "a"), taker(&hub, "a"));
        hub.call_taker(&first.sub_types);
        assert!(first.called().now_or_never().is_some(), "it came before anybody listened");
        let mut left = Box::pin(first.called());
        assert!(futures_util::poll!(&mut left).is_pending());
        let mut next = Box::pin(second.called());
        assert!(futures_util::poll!(&mut next).is_pending());
        hub.call_taker(&first.sub_types);
        drop(left);
        assert!(next.now_or_never().is_some());
        drop((first, second));
        assert!(hub.takers.sorts.lock().is_empty() && hub.takers.waiting.load(Ordering::Acquire) == 0);
    }
}
