//! Events of an application's own: told with the completion of their job, or not at all.

use faena::store::Store;
use faena::store::events::{START, Told};
use faena::work::{Completion, Failure};
use serde_json::json;

use crate::house::{computes, done, numbered, retries, start};

async fn told(store: &dyn Store) -> Vec<Told> {
    store.events().after(START, 1_000).await.unwrap()
}

#[tokio::test]
async fn what_a_job_tells_is_told_with_its_completion_or_not_at_all() {
    let faena = start(computes(|number, ctx| {
        let id = ctx.emit("PayoutCalculated", "Payout", "2026-48", &json!({ "try": ctx.attempt() }))?;
        assert!(id.as_str().starts_with("evt_"));
        match (number, ctx.attempt()) {
            (1, 1) => Err(Failure::new("not yet")),
            _ => Ok(Completion::Done),
        }
    }))
    .await;
    let mut job = numbered(1).user("ana");
    job.retry = Some(retries(1));
    let job = done(&faena, job).await;
    let told = told(&**faena.service().store()).await;
    let seen: Vec<_> = told.iter().map(|told| told.event.kind.as_str()).collect();
    let started = "job.started";
    assert_eq!(seen, ["job.queued", started, "job.retrying", started, "job.completed", "PayoutCalculated"]);
    let own = &told[5];
    assert_eq!((own.event.payload.as_ref(), own.user.as_deref()), (r#"{"try":2}"#, Some("ana")));
    assert_eq!((&*own.event.aggregate.sort, &*own.event.aggregate.id), ("Payout", "2026-48"));
    assert_eq!(*told[4].event.aggregate.id, *job.id.to_string());
}

#[tokio::test]
async fn a_job_tells_nothing_in_the_programs_name_and_only_so_much() {
    let faena = start(computes(|_, ctx| {
        for (kind, sort) in
            [("job.completed", "Payout"), ("PayoutCalculated", "job"), ("", "Payout"), ("a b", "Payout")]
        {
            assert!(ctx.emit(kind, sort, "1", &json!({})).is_err(), "{kind} of {sort}");
        }
        for _ in 0..faena::limits::EMITTED_MAX {
            ctx.emit("Counted", "Thing", "1", &1)?;
        }
        ctx.emit("Counted", "Thing", "1", &1).expect_err("that is too many");
        Ok(Completion::Done)
    }))
    .await;
    done(&faena, numbered(0)).await;
    let told = faena.service().store().events().after(START, 10_000).await.unwrap();
    assert!(told.len() >= 1_000, "{}", told.len());
}
