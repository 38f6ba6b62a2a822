//! Panics of processors, caught and told (rule 18): where it happened goes into the job's error instead of to stderr.

use std::backtrace::Backtrace;
use std::cell::{Cell, RefCell};
use std::future::Future;
use std::sync::Once;

thread_local! {
    static WATCHED: Cell<bool> = const { Cell::new(false) };
    static TRACE: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// Runs a processor on this thread; a panic inside leaves its trace.
pub(super) fn watched<T>(work: impl FnOnce() -> T) -> T {
    install();
    let _watch = Watch::begin();
    work()
}

/// The same for a processor that waits: each of its polls is watched.
pub(super) async fn watched_async<T>(work: impl Future<Output = T>) -> T {
    install();
    let mut work = std::pin::pin!(work);
    std::future::poll_fn(move |cx| {
        let _watch = Watch::begin();
        work.as_mut().poll(cx)
    })
    .await
}

/// The trace of the panic that was last caught on this thread.
pub(super) fn take_trace() -> Option<String> {
    TRACE.take()
}

/// Marks this thread as inside a processor until it is dropped, also by a panic.
struct Watch;

impl Watch {
    fn begin() -> Self {
        WATCHED.set(true);
        Self
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        WATCHED.set(false);
    }
}

/// Puts a hook before the program's own: panics of processors are remembered, all others go on to that one.
fn install() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let others = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            if !WATCHED.get() {
                return others(info);
            }
            let place = info.location().map_or_else(String::new, |place| format!("at {place}\n"));
            let trace = format!("{place}{}", Backtrace::force_capture());
            TRACE.set(Some(trace));
        }));
    });
}
