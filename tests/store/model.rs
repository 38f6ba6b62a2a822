//! Random histories, lived through by an engine and by the reference beside it: after every step both must say the same
//! of every job. A failure prints its seed and the shortest history that shows it.

use std::sync::Arc;
use std::time::Duration;

use faena::job::{Event, Job, JobId, Outcome, RetryPolicy, Status, UniqueFor, decide};
use faena::store::{Claim, Committed, Filter, Idempotency, Insert, Inserted};
use proptest::prelude::*;
use proptest::test_runner::FileFailurePersistence;
use proptest_state_machine::{StateMachineTest, prop_state_machine};

use crate::bed::*;
#[cfg(all(unix, feature = "postgres"))]
use crate::history::POSTGRES;
use crate::history::{Answer, Expected, MEMORY, Model, SQLITE, Step};
use crate::reference::{Draft, Ending, How, Insertion, PRIORITIES, Queue, RETRIES, SUB_TYPES, Stand, WINDOW_MS};

/// An engine under the model.
pub struct Lived {
    bed: Option<Bed>,
    ids: Vec<JobId>,
    /// Every run, as it was handed out.
    runs: Vec<Arc<Job>>,
}

impl<const ENGINE: u8> StateMachineTest for Model<ENGINE> {
    type SystemUnderTest = Lived;
    type Reference = Self;

    fn init_test(_: &Expected) -> Lived {
        let engine = match ENGINE {
            MEMORY => Engine::Memory,
            SQLITE => Engine::Sqlite,
            #[cfg(all(unix, feature = "postgres"))]
            _ => Engine::Postgres,
            #[cfg(not(all(unix, feature = "postgres")))]
            _ => unreachable!("there is no third engine in this build"),
        };
        Lived { bed: Bed::of(engine), ids: Vec::new(), runs: Vec::new() }
    }

    fn apply(mut lived: Lived, expected: &Expected, step: Step) -> Lived {
        if lived.bed.is_none() {
            // This machine does not have the engine; that was said.
            return lived;
        }
        if let Step::Restart { orderly } = step {
            let bed = lived.bed.take().unwrap();
            let now = at(expected.queue.now);
            lived.bed = Some(if orderly { bed.reopened(now) } else { bed.after_a_crash(now) });
        } else {
            block_on(lived.live(expected, step));
        }
        lived
    }

    fn check_invariants(lived: &Lived, expected: &Expected) {
        if lived.bed.is_some() {
            block_on(lived.agrees_with(&expected.queue));
        }
    }
}

impl Lived {
    fn bed(&self) -> &Bed {
        self.bed.as_ref().unwrap()
    }

    async fn live(&mut self, expected: &Expected, step: Step) {
        let now = at(expected.queue.now);
        let to = match expected.answer {
            Answer::Happened { to, .. } | Answer::Taken { to, .. } => Some(self.ids[to]),
            _ => None,
        };
        match (step, to) {
            (Step::Insert(draft), _) => self.insert(&draft, &expected.answer, now).await,
            (Step::Claim { sub_types, max }, _) => {
                let sub_types = sub_types.iter().map(|index| name(SUB_TYPES[*index])).collect();
                let asked = Claim { sub_types, ..claim(max) };
                let jobs = self.bed().store().claim(asked, now).await.unwrap().jobs;
                let indexes: Vec<_> = jobs.iter().map(|job| self.index_of(job.id)).collect();
                assert_eq!(Answer::Claimed(indexes), expected.answer);
                self.runs.extend(jobs);
            }
            (Step::Report { percent, .. }, Some(id)) => {
                self.report(id, |epoch| progressed(epoch, percent), expected, now).await;
            }
            (Step::End { how, .. }, Some(id)) => self.report(id, |epoch| ending(how, epoch), expected, now).await,
            (Step::EndLate { pick }, _) => self.report_late(pick, now).await,
            (Step::Cancel { .. }, Some(id)) => self.ask(id, cancel_asked(), &expected.answer, now).await,
            (Step::Retry { .. }, Some(id)) => self.ask(id, retry_asked(), &expected.answer, now).await,
            (Step::Discard { .. }, Some(id)) => self.ask(id, Event::Discarded, &expected.answer, now).await,
            (Step::Expire, _) => {
                for job in self.bed().store().overdue(now, 1_000).await.unwrap() {
                    self.bed().applied(&job, Event::Expired, now).await;
                }
            }
            (Step::Pause { sub_type, paused }, _) => {
                self.bed().store().pause(name(SUB_TYPES[sub_type]), paused).await.unwrap();
            }
            (Step::Prune { age }, _) => {
                let before = now.minus(Duration::from_millis(age as u64));
                let pruned = self.bed().store().prune(prune(before), now).await.unwrap();
                assert_eq!(Answer::Pruned(pruned.jobs), expected.answer);
            }
            _ => {}
        }
    }

    async fn insert(&mut self, draft: &Draft, expected: &Answer, now: faena::clock::Timestamp) {
        let retry = RetryPolicy { max_retries: RETRIES, jitter: 0.0, ..RetryPolicy::default() };
        let mut job = job_of(SUB_TYPES[draft.sub_type]).priority(PRIORITIES[draft.priority]).retry(retry);
        job.run_at = draft.delay.map(|delay| now.plus_millis(delay as u64));
        job.options.expires_at = draft.expires_in.map(|span| now.plus_millis(span as u64));
        if let Some((key, windowed)) = draft.unique {
            let during = if windowed { UniqueFor::WindowMs(WINDOW_MS as u64) } else { UniqueFor::Active };
            job = job.unique(key.to_string(), during);
        }
        if let Some(key) = draft.gate {
            job = job.concurrency(key.to_string(), key as u32 + 1);
        }
        let window = Duration::from_millis(WINDOW_MS as u64);
        let request = |(key, body): (usize, u8)| Idempotency { key: key.to_string().into(), body: [body; 32], window };
        let answer = self.bed().insert(Insert { job, idempotency: draft.request.map(request) }, now).await;
        let answer = match answer {
            Inserted::Accepted(job) => {
                self.ids.push(job.id);
                Insertion::Accepted
            }
            Inserted::Replayed(receipt) => Insertion::Replayed(self.index_of(receipt.id)),
            Inserted::Mismatch => Insertion::Mismatch,
            Inserted::Taken(by) => Insertion::Taken(self.index_of(by)),
            Inserted::Withdrawn => panic!("withdrawn from no group"),
        };
        assert_eq!(&Answer::Inserted(answer), expected);
    }

    /// The holder of a run reports on the job as it was handed out; told that it is stale, it looks again.
    async fn report(&self, id: JobId, event: impl Fn(u32) -> Event, expected: &Expected, now: faena::clock::Timestamp) {
        let run = self.runs.iter().rfind(|run| run.id == id).expect("it was handed out");
        let (was_stale, after) = match self.bed().step(&self.with_progress(run).await, event(run.life.epoch), now).await
        {
            Committed::Applied { job, .. } => (false, job),
            Committed::Stale(job) => (true, self.bed().applied(&job, event(run.life.epoch), now).await),
            other => panic!("neither applied nor stale: {other:?}"),
        };
        assert_eq!(Answer::Happened { to: self.index_of(after.id), stale: was_stale }, expected.answer);
    }

    /// A holder knows what it has reported itself.
    async fn with_progress(&self, run: &Arc<Job>) -> Job {
        let mut job = (**run).clone();
        job.life.progress = self.bed().get(run.id).await.life.progress.clone();
        job
    }

    /// A run that is over reports again: nothing changes.
    async fn report_late(&self, pick: usize, now: faena::clock::Timestamp) {
        let Some(run) = self.runs.get(pick % self.runs.len().max(1)) else { return };
        let current = self.bed().store().get(run.id).await.unwrap();
        if current.as_ref().is_some_and(|job| job.life.epoch == run.life.epoch && job.run().is_some()) {
            return;
        }
        let answer = self.bed().step(run, succeeded(run.life.epoch), now).await;
        assert!(matches!(answer, Committed::Stale(_) | Committed::Missing), "{answer:?}");
    }

    /// Somebody from outside asks for something; what the domain refuses is refused on both sides.
    async fn ask(&self, id: JobId, event: Event, expected: &Answer, now: faena::clock::Timestamp) {
        let Some(job) = self.bed().store().get(id).await.unwrap() else { return };
        let Ok(transition) = decide(&job, event, now) else { return };
        let answer = self.bed().store().commit(vec![transition], now).await.unwrap().remove(0);
        match (answer, expected) {
            (Committed::Applied { .. }, Answer::Happened { .. }) => {}
            (Committed::Taken(by), Answer::Taken { by: holder, .. }) => assert_eq!(self.index_of(by), *holder),
            (answer, expected) => panic!("{answer:?}, not {expected:?}"),
        }
    }

    fn index_of(&self, id: JobId) -> usize {
        self.ids.iter().position(|known| *known == id).expect("a job that was accepted")
    }

    /// Whether the store says of every job what the reference says.
    async fn agrees_with(&self, queue: &Queue) {
        let now = at(queue.now);
        let listed = self.bed().all(Filter::default(), now).await;
        let expected = queue.those(|job| job.stand != Stand::Forgotten);
        assert_eq!(listed.iter().map(|job| self.index_of(job.id)).collect::<Vec<_>>(), expected);
        for (job, index) in listed.iter().zip(&expected) {
            let model = &queue.jobs[*index];
            assert_eq!(stand(job), model.stand, "job {index}");
            let life = &job.life;
            let percent = model.percent.map(|_| life.progress.percent);
            let numbers = (life.epoch, life.failures, life.crashes, percent);
            assert_eq!(numbers, (model.epoch, model.failures, model.crashes, model.percent), "job {index}");
        }
        let tally = self.bed().store().tally(now).await.unwrap();
        let count = |holds: &dyn Fn(&Stand) -> bool| queue.those(|job| holds(&job.stand)).len() as u64;
        assert_eq!(tally.of(Status::Queued), count(&|stand| matches!(stand, Stand::Waiting { .. })));
        assert_eq!(tally.dead, count(&|stand| matches!(stand, Stand::Ended { dead: true, .. })));
        assert_eq!(tally.delayed, count(&|stand| matches!(stand, Stand::Waiting { run_at } if *run_at > queue.now)),);
    }
}

fn ending(how: How, epoch: u32) -> Event {
    match how {
        How::Succeed => succeeded(epoch),
        How::Fail => failed(epoch),
        How::FailForGood => failed_for_good(epoch),
        How::TimeOut => Event::TimedOut { epoch },
        How::Release => released(epoch),
    }
}

fn stand(job: &Job) -> Stand {
    if let Some(run_at) = job.run_at() {
        return Stand::Waiting { run_at: run_at.as_millis() };
    }
    match (job.run(), job.end()) {
        (Some(run), _) => Stand::Running { cancelled: run.cancel.is_some() },
        (_, Some(end)) => {
            let how = match end.outcome {
                Outcome::Success => Ending::Completed,
                Outcome::Cancelled => Ending::Cancelled,
                _ => Ending::Failed,
            };
            Stand::Ended { how, dead: end.dead, at: end.at.as_millis() }
        }
        _ => unreachable!("a job waits, runs or has ended"),
    }
}

/// So many histories, or as many times that as `PROPTEST_CASES` is more than its default of 256.
fn histories(cases: u32) -> ProptestConfig {
    let cases = cases * (ProptestConfig::default().cases / 256).max(1);
    let kept = FileFailurePersistence::WithSource("regressions");
    ProptestConfig { cases, failure_persistence: Some(Box::new(kept)), ..ProptestConfig::default() }
}

prop_state_machine! {
    #![proptest_config(histories(300))]
    #[test]
    fn memory_lives_as_the_reference_does(sequential 1..120 => Model<MEMORY>);
}

prop_state_machine! {
    #![proptest_config(histories(60))]
    #[test]
    fn sqlite_lives_as_the_reference_does(sequential 1..120 => Model<SQLITE>);
}

#[cfg(all(unix, feature = "postgres"))]
prop_state_machine! {
    #![proptest_config(histories(12))]
    #[test]
    fn postgres_lives_as_the_reference_does(sequential 1..120 => Model<POSTGRES>);
}
