//! Contexts without a runner, for testing a processor by itself: a test hears each report as it is made, may ask
//! the work to stop at any of them, and looks at what was said.

use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use super::sharing::Shared;
use super::{Context, Listener};
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
        let ear = Arc::new(Ear(hear));
        Self::new(Arc::new(job), CancellationToken::new(), Clock::System, Some(ear), Shared::with_nobody())
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

/// A test that listens.
struct Ear<F>(F);

impl<F: Fn(&Context) + Send + Sync> Listener for Ear<F> {
    fn hear(&self, said: &Context) {
        (self.0)(said);
    }
}
