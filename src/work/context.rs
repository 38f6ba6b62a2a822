//! What a processor sees of its job, and what it may say while it works. Everything here is cheap and never waits:
//! a report is left in a slot of the run, and the reporter takes it from there.

mod detached;
mod sharing;
mod telling;

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio_util::sync::CancellationToken;

pub(crate) use sharing::Shared;

use super::{Completion, Failure};
use crate::clock::Clock;
use crate::job::{Emitted, Job, JobId, NewJob};
use crate::limits;
use crate::store::LogLine;

/// What a processor sees of its job. Clones speak of the same try.
#[derive(Clone)]
pub struct Context {
    run: Arc<Said>,
}

/// What a try has said and was told, between the processor and whoever runs it.
pub(crate) struct Said {
    /// The job as it was when this try began.
    pub(crate) job: Arc<Job>,
    /// Trips when the try must stop: cancel, time-out, drain, a lost claim.
    pub(crate) stop: CancellationToken,
    clock: Clock,
    percent: AtomicU32,
    slots: Mutex<Slots>,
    listener: Option<Arc<dyn Listener>>,
    shared: sharing::Shared,
}

/// Whoever takes the reports of a try.
pub(crate) trait Listener: Send + Sync {
    /// There is something new to take. Called on the processor's thread, so it must not wait.
    fn hear(&self, said: &Context);
}

/// What waits for the reporter, and what stays until the end of the try.
#[derive(Default)]
pub(crate) struct Slots {
    /// Progress was reported since the reporter last looked.
    pub(crate) progressed: bool,
    /// Latest progress message.
    pub(crate) message: Option<Arc<str>>,
    /// State to save, if it changed since the reporter last looked.
    pub(crate) state: Option<Option<Arc<str>>>,
    /// The state as this try knows it.
    known_state: Option<Arc<str>>,
    /// Lines since the reporter last looked.
    pub(crate) lines: Vec<LogLine>,
    /// Jobs to accept in the completing commit.
    pub(crate) follow_ups: Vec<NewJob>,
    /// Events to tell in the completing commit.
    told: Vec<Emitted>,
    errors: PartialErrors,
}

/// Errors of single items: all are counted, the first hundred are named.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct PartialErrors {
    /// How many there were.
    pub count: u64,
    /// The first of them.
    pub first: Vec<PartialError>,
}

/// The error of a single item.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PartialError {
    /// Which item, such as `row 17`.
    pub item: String,
    /// What was wrong with it.
    pub message: String,
}

impl Context {
    pub(crate) fn new(
        job: Arc<Job>,
        stop: CancellationToken,
        clock: Clock,
        listener: Option<Arc<dyn Listener>>,
        shared: sharing::Shared,
    ) -> Self {
        let slots = Slots { known_state: job.life.saved.clone(), ..Slots::default() };
        let run = Said { job, stop, clock, percent: AtomicU32::new(0), slots: Mutex::new(slots), listener, shared };
        Self { run: Arc::new(run) }
    }

    /// A context for testing a processor by itself, with nobody listening.
    pub fn detached(job: Job) -> Self {
        Self::new(Arc::new(job), CancellationToken::new(), Clock::System, None, sharing::Shared::with_nobody())
    }

    /// Who the job is.
    pub fn job_id(&self) -> JobId {
        self.run.job.id
    }

    /// The job as it was when this try began.
    pub fn job(&self) -> &Job {
        &self.run.job
    }

    /// Whose job it is.
    pub fn user_id(&self) -> Option<&str> {
        self.run.job.spec.user_id.as_deref()
    }

    /// Number of this try, from 1.
    pub fn attempt(&self) -> u32 {
        self.run.job.life.attempt
    }

    /// A number that grows with every claim of this job. Hand it to what you write to, and let it refuse a smaller
    /// one than it has seen: then a try that was thought dead cannot overwrite its successor (rule 2).
    pub fn fencing_token(&self) -> u32 {
        self.run.job.life.epoch
    }

    /// Reports how far the work is, in percent, and what it is doing. Less than before is taken as before. An empty
    /// message leaves the last one standing.
    pub fn progress(&self, percent: impl Into<f64>, message: impl AsRef<str>) {
        let percent = percent.into().clamp(0.0, 100.0) as u32;
        let message = message.as_ref();
        let before = self.run.percent.fetch_max(percent, Ordering::Relaxed);
        if before >= percent && message.is_empty() && before > 0 {
            return;
        }
        {
            let mut slots = self.run.slots.lock();
            slots.progressed = true;
            if !message.is_empty() {
                slots.message = Some(cut(message, limits::MESSAGE_BYTES_MAX).into());
            }
        }
        self.tell();
    }

    /// Goes through items, reporting progress from 0 to 100 % where their number is known, and stopping with a
    /// [`Failure`] when the job must stop. Each item comes as a `Result`, for `?`.
    pub fn track<I: IntoIterator>(&self, items: I) -> Track<'_, I::IntoIter> {
        self.track_between(0.0, 100.0, items)
    }

    /// Like [`track`](Self::track), for a part of the work between two percentages.
    pub fn track_between<I: IntoIterator>(&self, from: f64, to: f64, items: I) -> Track<'_, I::IntoIter> {
        let items = items.into_iter();
        let (known, upper) = items.size_hint();
        let total = if upper == Some(known) { known } else { 0 };
        Track { ctx: self, items, done: 0, total, from, to, ended: false }
    }

    /// Whether the work must stop: somebody cancelled it, its time is up, or its claim is lost.
    pub fn is_cancelled(&self) -> bool {
        self.run.stop.is_cancelled()
    }

    /// A failure if the work must stop; for `ctx.check()?` between steps.
    ///
    /// # Errors
    /// [`Failure::stopped`] when it must.
    pub fn check(&self) -> Result<(), Failure> {
        if self.is_cancelled() { Err(Failure::stopped()) } else { Ok(()) }
    }

    /// Waits until the work must stop.
    pub async fn cancelled(&self) {
        self.run.stop.cancelled().await;
    }

    /// Blocks this thread for a while, or until the work must stop. For blocking processors.
    ///
    /// # Errors
    /// [`Failure::stopped`] when it must.
    pub fn sleep(&self, span: Duration) -> Result<(), Failure> {
        /// How soon a sleeping processor notices that it must stop.
        const GLANCE: Duration = Duration::from_millis(10);
        let until = std::time::Instant::now() + span;
        loop {
            self.check()?;
            let left = until.saturating_duration_since(std::time::Instant::now());
            if left.is_zero() {
                return Ok(());
            }
            std::thread::sleep(left.min(GLANCE));
        }
    }

    /// Adds a line to the job's log, which `GET /jobs/{id}/logs` shows.
    pub fn log(&self, line: impl AsRef<str>) {
        let line = LogLine {
            at: self.run.clock.now(),
            epoch: self.fencing_token(),
            // Not every engine can keep a NUL (rule 35), and one line must not cost the others of its run.
            text: cut(&line.as_ref().replace('\0', "\u{fffd}"), limits::LOG_LINE_BYTES_MAX).into(),
        };
        {
            let mut slots = self.run.slots.lock();
            if slots.lines.len() >= limits::LOG_LINES_MAX {
                slots.lines.remove(0);
            }
            slots.lines.push(line);
        }
        self.tell();
    }

    /// What an earlier try of this job, or this one, has saved.
    ///
    /// # Errors
    /// When the saved JSON is not a `T`.
    pub fn state<T: DeserializeOwned>(&self) -> Result<Option<T>, Failure> {
        let known = self.run.slots.lock().known_state.clone();
        known
            .map(|text| serde_json::from_str(&text))
            .transpose()
            .map_err(|error| Failure::permanent(format!("the saved state is of another form: {error}")))
    }

    /// Leaves something for the next try. It is on disk within a tenth of a second, and in any case before this try
    /// is given back.
    ///
    /// # Errors
    /// When `state` cannot be written as JSON, or is larger than [`limits::STATE_BYTES_MAX`].
    pub fn save_state(&self, state: &impl Serialize) -> Result<(), Failure> {
        let text =
            serde_json::to_string(state).map_err(|error| Failure::permanent(format!("state is not JSON: {error}")))?;
        if text.len() > limits::STATE_BYTES_MAX {
            let bound = limits::STATE_BYTES_MAX;
            return Err(Failure::permanent(format!("the state has {} bytes, {bound} are allowed", text.len())));
        }
        let text: Arc<str> = text.into();
        {
            let mut slots = self.run.slots.lock();
            slots.state = Some(Some(text.clone()));
            slots.known_state = Some(text);
        }
        self.tell();
        Ok(())
    }

    /// Asks for another job, accepted in the commit that completes this one, and only if this one completes.
    ///
    /// # Errors
    /// Beyond [`limits::FOLLOW_UPS_MAX`] of them.
    pub fn enqueue(&self, job: NewJob) -> Result<JobId, Failure> {
        let mut slots = self.run.slots.lock();
        if slots.follow_ups.len() >= limits::FOLLOW_UPS_MAX {
            return Err(Failure::permanent(format!("more than {} follow-up jobs", limits::FOLLOW_UPS_MAX)));
        }
        let id = job.id;
        slots.follow_ups.push(job);
        Ok(id)
    }

    /// Notes that one item failed while the job goes on. All are counted, the first hundred are kept.
    pub fn partial_error(&self, item: impl ToString, message: impl ToString) {
        let mut slots = self.run.slots.lock();
        slots.errors.count += 1;
        if slots.errors.first.len() < limits::PARTIAL_ERRORS_KEPT_MAX {
            slots.errors.first.push(PartialError { item: item.to_string(), message: message.to_string() });
        }
    }

    /// The errors of single items so far.
    pub fn partial_errors(&self) -> PartialErrors {
        self.run.slots.lock().errors.clone()
    }

    /// Completes with a JSON object. If single items failed, and the object has no such fields of its own,
    /// `errorCount` and `errors` are added to it.
    ///
    /// # Errors
    /// When `value` cannot be written as JSON.
    pub fn complete_json(&self, value: &impl Serialize) -> Result<Completion, Failure> {
        let mut value =
            serde_json::to_value(value).map_err(|error| Failure::permanent(format!("result is not JSON: {error}")))?;
        let errors = self.partial_errors();
        if let (Some(fields), true) = (value.as_object_mut(), errors.count > 0) {
            fields.entry("errorCount").or_insert_with(|| errors.count.into());
            fields.entry("errors").or_insert_with(|| serde_json::json!(errors.first));
        }
        Completion::json(&value)
    }

    /// Completes with bytes of a media type.
    ///
    /// # Errors
    /// None; it is a `Result` so that it reads like its siblings.
    pub fn complete_bytes(&self, content_type: &str, bytes: impl Into<bytes::Bytes>) -> Result<Completion, Failure> {
        Ok(Completion::bytes(content_type, bytes))
    }

    /// Completes with a result that is elsewhere.
    ///
    /// # Errors
    /// None; it is a `Result` so that it reads like its siblings.
    pub fn complete_url(&self, url: impl Into<String>) -> Result<Completion, Failure> {
        Ok(Completion::Url(url.into()))
    }

    /// The percentage reported so far.
    pub fn percent(&self) -> u8 {
        self.run.percent.load(Ordering::Relaxed) as u8
    }

    /// Takes what waits for the reporter.
    pub(crate) fn take_reports(&self) -> Reports {
        let mut slots = self.run.slots.lock();
        let progressed = std::mem::take(&mut slots.progressed);
        Reports {
            progress: progressed.then(|| (self.percent(), slots.message.clone())),
            state: slots.state.take(),
            lines: std::mem::take(&mut slots.lines),
        }
    }

    /// Takes the jobs to accept in the completing commit.
    pub(crate) fn take_follow_ups(&self) -> Vec<NewJob> {
        std::mem::take(&mut self.run.slots.lock().follow_ups)
    }

    fn tell(&self) {
        if let Some(listener) = &self.run.listener {
            listener.hear(self);
        }
    }
}

/// What a try has said since the reporter last looked.
#[derive(Debug, Default)]
pub(crate) struct Reports {
    pub(crate) progress: Option<(u8, Option<Arc<str>>)>,
    pub(crate) state: Option<Option<Arc<str>>>,
    pub(crate) lines: Vec<LogLine>,
}

/// Items that report progress as they are taken; see [`Context::track`].
pub struct Track<'a, I> {
    ctx: &'a Context,
    items: I,
    done: usize,
    total: usize,
    from: f64,
    to: f64,
    ended: bool,
}

impl<I: Iterator> Iterator for Track<'_, I> {
    type Item = Result<I::Item, Failure>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        if self.ctx.is_cancelled() {
            self.ended = true;
            return Some(Err(Failure::stopped()));
        }
        if self.total > 0 {
            let share = self.done as f64 / self.total as f64;
            let percent = (self.from + (self.to - self.from) * share) as u32;
            if percent > self.ctx.run.percent.load(Ordering::Relaxed) {
                self.ctx.progress(percent, format!("{} of {}", self.done, self.total));
            }
        }
        self.done += 1;
        self.items.next().map(Ok)
    }
}

/// At most `bytes` bytes of a text, cut between characters.
pub(crate) fn cut(text: &str, bytes: usize) -> &str {
    &text[..text.floor_char_boundary(bytes)]
}
