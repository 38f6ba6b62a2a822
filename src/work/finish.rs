//! The end of a try: what the processor answered becomes an event, `decide` makes a step of it, the store commits it.

use std::sync::Arc;

use super::context::cut;
use super::endings::{Ending, end};
use super::run::{Ended, Run, Why};
use super::slots::Slot;
use super::workers::Shop;
use super::{Completion, Failure};
use crate::clock::Timestamp;
use crate::job::{Event, Job, JobError, NewJob, Outcome, Refusal, ResultRef, State, Transition, decide};
use crate::limits;
use crate::store::{Committed, StoreError, results};

/// Commits the ending of a try, unless the claim is lost, and gives its slot back.
pub(super) async fn finish(shop: &Shop, run: Arc<Run>, ended: Ended, slot: Option<Slot>) {
    {
        // A report that is on its way arrives before the ending.
        let _order = run.committing.lock().await;
        if run.reported.load(std::sync::atomic::Ordering::Acquire) {
            super::reporter::flush(shop, &run).await;
        }
    }
    match event(shop, &run, ended).await {
        Some(event) => end(shop, Ending { run, event, slot }).await,
        None => shop.leave(&run),
    }
}

/// The step of an event at that moment; with what the job tells of the application's own, if it completes.
pub(super) fn decided(run: &Run, job: &Job, event: &Event, now: Timestamp) -> Result<Transition, Refusal> {
    let step = decide(job, event.clone(), now)?;
    let completes = matches!(&step.next.state, State::Finished(end) if end.outcome == Outcome::Success);
    match run.context().filter(|_| completes) {
        Some(context) => Ok(Transition { told: context.told(), ..step }),
        None => Ok(step),
    }
}

/// Decides on an event and commits the step, until nobody was faster. None when the claim is lost.
pub(super) async fn commit(shop: &Shop, run: &Run, event: Event) -> Result<Option<Arc<Job>>, StoreError> {
    loop {
        let (now, latest) = (shop.clock.now(), run.latest());
        let Ok(transition) = decided(run, &latest, &event, now) else {
            // A run that was asked to stop has heard so, but may not have seen the job since.
            match shop.store.get(latest.id).await? {
                Some(job) if job.life.revision != latest.life.revision => run.learn(job),
                _ => return Ok(None),
            }
            continue;
        };
        match shop.store.commit(vec![transition], now).await?.pop() {
            Some(Committed::Applied { job, .. }) => {
                run.learn(job.clone());
                return Ok(Some(job));
            }
            Some(Committed::Stale(job)) => run.learn(job),
            _ => return Ok(None),
        }
    }
}

/// What an ending means. None when the claim is lost, and with it the right to say anything.
async fn event(shop: &Shop, run: &Run, ended: Ended) -> Option<Event> {
    let job = run.latest();
    let epoch = job.life.epoch;
    let failure = match ended {
        Ended::Answered(Ok(completion)) => match keep(shop, &job, completion).await {
            Ok(result) => {
                let follow_ups = run.context().map(|ctx| ctx.take_follow_ups()).unwrap_or_default();
                learn(shop, &follow_ups).await;
                match follow_ups.into_iter().map(|job| shop.registry.complete(job)).collect() {
                    Ok(follow_ups) => return Some(Event::Succeeded { epoch, result, follow_ups }),
                    Err(error) => Failure::permanent(format!("a follow-up job is not valid: {error}")),
                }
            }
            Err(failure) => failure,
        },
        Ended::Answered(Err(failure)) if failure.is_stopped() => return stopped(run.why(), epoch, failure),
        Ended::Answered(Err(failure)) => failure,
        Ended::Unread(event) => {
            tracing::warn!(job_id = %job.id, "a job cannot be read here: {}", job.unreadable().unwrap_or_default());
            return Some(event);
        }
        Ended::Given(why) => return stopped(why, epoch, Failure::stopped()),
    };
    Some(failed(epoch, failure))
}

/// Looks for follow-ups that a worker elsewhere does, if the registry has not heard of them.
async fn learn(shop: &Shop, follow_ups: &[NewJob]) {
    for job in follow_ups.iter().filter(|job| !shop.registry.knows(job.sub_type.as_str())) {
        // A store that does not answer now has nothing to commit to either.
        if shop.store.roster().knows(&job.sub_type).await.unwrap_or(false) {
            shop.registry.learn([job.sub_type.clone()]);
        }
    }
}

fn stopped(why: Why, epoch: u32, failure: Failure) -> Option<Event> {
    match why {
        Why::Cancel => Some(Event::Stopped { epoch }),
        Why::Timeout => Some(Event::TimedOut { epoch }),
        Why::Drain => Some(Event::Released { epoch, reason: "the program was stopped".into() }),
        Why::Lost => None,
        Why::Unasked => Some(failed(epoch, failure)),
    }
}

fn failed(epoch: u32, failure: Failure) -> Event {
    let Failure { error, retryable, retry_after, .. } = failure;
    let error = JobError {
        kind: cut(&error.kind, limits::NAME_BYTES_MAX).into(),
        message: cut(&error.message, limits::ERROR_BYTES_MAX).into(),
        stack_trace: error.stack_trace.map(|trace| cut(&trace, limits::STACK_BYTES_MAX).into()),
    };
    tracing::debug!(epoch, kind = %error.kind, message = %error.message, "a try failed");
    Event::Failed { epoch, error, retryable, retry_after }
}

/// Keeps a result: a small one in its URL, a large one in the result store.
async fn keep(shop: &Shop, job: &Job, completion: Completion) -> Result<Option<ResultRef>, Failure> {
    match completion {
        Completion::Done => Ok(None),
        Completion::Url(url) if url.len() > limits::URI_BYTES_MAX && !url.starts_with("data:") => {
            Err(Failure::permanent(format!("the result's URL has more than {} bytes", limits::URI_BYTES_MAX)))
        }
        Completion::Url(url) => Ok(Some(ResultRef::Url(url.into()))),
        Completion::Bytes { bytes, .. } if bytes.len() > limits::RESULT_BYTES_MAX => {
            let bound = limits::RESULT_BYTES_MAX;
            Err(Failure::permanent(format!("the result has {} bytes, {bound} are allowed", bytes.len())))
        }
        Completion::Bytes { content_type, bytes } => {
            let key = results::key(job.id, job.life.epoch);
            Ok(Some(results::keep(&*shop.results, key, &content_type, bytes).await?))
        }
    }
}
