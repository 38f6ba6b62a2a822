//! What a try leaves behind: saved state, fencing tokens, follow-up jobs, log lines.

use std::sync::Arc;

use faena::error::Error;
use faena::job::{Job, Status};
use faena::limits;
use faena::work::{Completion, Failure};
use parking_lot::Mutex;

use crate::house::{Computes, computes, done, job, retries, start};

#[tokio::test]
async fn the_next_try_reads_what_the_last_one_saved() {
    let faena = start(computes(|_, ctx| {
        let reached: u64 = ctx.state()?.unwrap_or(0);
        assert_eq!(reached, u64::from(ctx.attempt() - 1) * 10);
        ctx.save_state(&(reached + 5))?;
        ctx.save_state(&(reached + 10))?;
        assert_eq!(ctx.state()?, Some(reached + 10), "the same try reads it too");
        if ctx.attempt() < 3 { Err(Failure::new("again")) } else { ctx.complete_json(&(reached + 10)) }
    }))
    .await;
    let job = done(&faena, job("task").retry(retries(2))).await;
    assert_eq!(job.status(), Status::Completed, "{job:?}");
    assert_eq!(job.life.saved, None, "a job that is done needs none");
}

#[tokio::test]
async fn a_state_of_another_form_or_size_is_refused() {
    let faena = start(computes(|_, ctx| {
        ctx.save_state(&"text")?;
        let other = ctx.state::<u64>().unwrap_err();
        assert!(other.message().starts_with("the saved state is of another form"), "{other}");
        assert!(!other.is_retryable());
        let large = ctx.save_state(&"x".repeat(limits::STATE_BYTES_MAX)).unwrap_err();
        assert!(large.message().contains("are allowed"), "{large}");
        assert_eq!(ctx.state()?, Some("text".to_owned()), "what was saved before stays");
        Ok(Completion::Done)
    }))
    .await;
    let job = done(&faena, job("task")).await;
    assert_eq!(job.status(), Status::Completed, "{job:?}");
}

#[tokio::test]
async fn rule_02_the_fencing_token_grows_with_every_try() {
    let tokens: Arc<Mutex<Vec<u32>>> = Arc::default();
    let noted = tokens.clone();
    let faena = start(computes(move |_, ctx| {
        noted.lock().push(ctx.fencing_token());
        Err(Failure::new("again"))
    }))
    .await;
    let dead = done(&faena, job("task").retry(retries(2))).await;
    faena.service().retry(dead.id, "ana").await.unwrap();
    crate::house::until(&faena, dead.id, |job| job.life.epoch == 6 && job.is_finished()).await;
    assert_eq!(*tokens.lock(), [1, 2, 3, 4, 5, 6], "also when somebody has it done again");
}

#[tokio::test]
async fn follow_ups_come_with_success_and_with_nothing_else() {
    let asked: Arc<Mutex<Vec<_>>> = Arc::default();
    let noted = asked.clone();
    let registry = computes(move |_, ctx| {
        let id = ctx.enqueue(job("child"))?;
        noted.lock().push(id);
        if ctx.attempt() == 1 { Err(Failure::new("not yet")) } else { Ok(Completion::Done) }
    });
    let faena = start(registry.blocking("child", Computes(|_, _: &_| Ok(Completion::Done)))).await;
    let parent = done(&faena, job("task").retry(retries(1))).await;
    assert_eq!(parent.status(), Status::Completed);
    let asked = asked.lock().clone();
    let (first, second) = (asked[0], asked[1]);
    // It came in the completing commit, so it is there as soon as the parent is seen completed.
    faena.service().job(second).await.unwrap();
    assert_eq!(crate::house::ended(&faena, second).await.status(), Status::Completed);
    let refused = faena.service().job(first).await.unwrap_err();
    assert!(matches!(refused, Error::NotFound { .. }), "the failed try's was not accepted: {refused}");
}

#[tokio::test]
async fn a_follow_up_that_cannot_be_accepted_fails_its_parent() {
    let faena = start(computes(|number, ctx| {
        match number {
            0 => drop(ctx.enqueue(job("nobody"))?),
            _ => (0..=limits::FOLLOW_UPS_MAX).try_for_each(|_| ctx.enqueue(job("task")).map(drop))?,
        }
        Ok(Completion::Done)
    }))
    .await;
    for (number, complaint) in [(0, "a follow-up job is not valid"), (1, "more than 1000 follow-up jobs")] {
        let parent: Arc<Job> = done(&faena, crate::house::numbered(number).retry(retries(3))).await;
        let message = parent.end().unwrap().error.as_ref().unwrap().message.clone();
        assert!(message.starts_with(complaint), "{message}");
        assert_eq!(parent.life.attempt, 1, "no retry mends it");
    }
    assert_eq!(faena.service().overview().await.unwrap().total, 2, "and no follow-up is there");
}

#[tokio::test]
async fn rule_26_the_latest_lines_of_a_log_are_kept() {
    let lines = limits::LOG_LINES_MAX + 200;
    let faena = start(computes(move |_, ctx| {
        (0..lines).for_each(|line| ctx.log(format!("line {line}")));
        ctx.log("l".repeat(limits::LOG_LINE_BYTES_MAX + 1));
        Err(Failure::permanent("a log outlives a failure"))
    }))
    .await;
    let job = done(&faena, job("task")).await;
    let log = faena.service().log(job.id).await.unwrap();
    assert_eq!(log.len(), limits::LOG_LINES_MAX);
    assert_eq!(log.last().unwrap().text.len(), limits::LOG_LINE_BYTES_MAX);
    for (kept, line) in log.iter().rev().skip(1).zip((0..lines).rev()) {
        assert_eq!((&*kept.text, kept.epoch), (&*format!("line {line}"), 1));
    }
}

#[tokio::test]
async fn each_line_belongs_to_its_try() {
    let faena = start(computes(|_, ctx| {
        ctx.log(format!("try {}", ctx.attempt()));
        Err(Failure::new("again"))
    }))
    .await;
    let job = done(&faena, job("task").retry(retries(1))).await;
    let log = faena.service().log(job.id).await.unwrap();
    let log: Vec<_> = log.iter().map(|line| (&*line.text, line.epoch)).collect();
    assert_eq!(log, [("try 1", 1), ("try 2", 2)]);
}
