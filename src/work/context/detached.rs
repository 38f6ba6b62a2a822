//! Contexts without a runner, for testing a processor by itself: a test hears each report as it is made, may ask
//! the work to stop at any of them, and looks at what was said.

use std::sync::atomic::AtomicU32;
use std::sync::{Arc, Weak};

use parking_lot::Mutex;
use tokio_util::sync::CancellationToken;

use super::{Context, Said, Slots};
use crate::clock::Clock;
use crate::job::Job;

impl Context {
    /// A context for testing a processor by itself, whose every report runs `hear`.
    ///
    /// ```
    /// # use faena::{clock::Timestamp, job::{Name, NewJob}, work::Context};
    /// let job = NewJob::new(Name::new("count").unwrap(), "{}").accept(1, Timestamp::from_millis(0));
    /// let ctx = Context::overheard(job, |ctx| if ctx.percent() >= 50 { ctx.stop() });
    /// ctx.progress(60, "more than half");
    /// assert!(ctx.is_cancelled());
    /// assert_eq!(ctx.message().as_deref(), Some("more than half"));
    /// ```
    pub fn overheard(job: Job, hear: impl Fn(&Self) + Send + Sync + 'static) -> Self {
        let slots = Slots { known_state: job.life.saved.clone(), ..Slots::default() };
        let run = Arc::new_cyclic(|own: &Weak<Said>| {
            let own = own.clone();
            let tell = move || own.upgrade().into_iter().for_each(|run| hear(&Self { run }));
            Said {
                job: Arc::new(job),
                stop: CancellationToken::new(),
                tell: Some(Box::new(tell)),
                clock: Clock::System,
                percent: AtomicU32::new(0),
                slots: Mutex::new(slots),
            }
        });
        Self { run }
    }

    /// Asks the work to stop, as a cancel does.
    pub fn stop(&self) {
        self.run.stop.cancel();
    }

    /// The latest progress message.
    pub fn message(&self) -> Option<Arc<str>> {
        self.run.slots.lock().message.clone()
    }

    /// The log lines that no reporter has taken yet, oldest first.
    pub fn lines(&self) -> Vec<Box<str>> {
        self.run.slots.lock().lines.iter().map(|line| line.text.clone()).collect()
    }
}
